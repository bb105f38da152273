//! The command `serve`: the table of scores as a live view, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kafka::{Reading, ScoreReader};
use pipeline::Fault;
use serve::{ServeError, Server, ServerOptions, TokensError, Update, View};
use tracing::info;

use crate::config::{Config, ConfigError, Flags};
use crate::http::HttpArgs;
use crate::interrupt::Interrupt;
use crate::logs::LogArgs;

const AFTER_HELP: &str = "\
Examples:
  clout serve --config clout.toml
  clout serve --config clout.toml --listen 0.0.0.0:8080 --tokens-file tokens
  curl localhost:8080/v1/ranking?limit=10

Start as many as you like: each reads the whole table, and none needs another. /health/ready says when one has caught up,
/openapi.json what can be asked.

Exit codes:
  0    stopped in good order
  1    gave up: something has to be done first, the error says what
  2    nothing done: wrong options or configuration";

/// How long a look at the topic may take before it is looked whether somebody says stop.
const WAIT: Duration = Duration::from_millis(100);

/// Show the scores live: an HTTP API, a page and metrics.
#[derive(Args, Clone, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct ServeArgs {
    #[command(flatten)]
    flags: Flags,
    /// Where to listen; everybody who can reach the address can ask, unless there are tokens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A page's origin whose scripts may ask, such as `https://example.org`; may be repeated, * lets all in
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    logs: LogArgs,
}

/// Why it ended otherwise than well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeFailure {
    /// It is not known what to do.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The tokens cannot be used.
    #[error("tokens cannot be used")]
    Tokens(#[from] TokensError),
    /// The server cannot start.
    #[error(transparent)]
    Server(#[from] ServeError),
    /// The scores cannot be read.
    #[error("scores cannot be read")]
    Scores(#[from] Fault),
}

impl ServeFailure {
    /// What the program exits with.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            ServeFailure::Config(_) | ServeFailure::Tokens(_) => 2,
            ServeFailure::Server(ServeError::Origin(_) | ServeError::Host(_)) => 2,
            ServeFailure::Server(_) | ServeFailure::Scores(_) => 1,
        }
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &ServeArgs) -> Result<(), ServeFailure> {
    let config = Config::load(&args.flags)?;
    args.logs.begin();
    let interrupt = Interrupt::install();
    let options = ServerOptions { cors_origins: args.cors_origin.clone(), ..args.http.options(args.listen)? };
    let view = Arc::new(View::default());
    let reader = ScoreReader::new(&config.connection(), &config.topics().scores)?;
    let server = Server::new(Arc::clone(&view), options).start()?;
    let ended = feed(reader, &view, &interrupt);
    server.stop();
    info!("stopped");
    Ok(ended?)
}

/// Applies what is committed, until somebody says stop.
fn feed(mut reader: ScoreReader, view: &View, interrupt: &Interrupt) -> Result<(), Fault> {
    while !interrupt.is_asked() {
        let reading = reader.read(WAIT)?;
        view.set_behind(reader.behind());
        match reading {
            None => {}
            Some(Reading::Scored { user, score, model_version }) => {
                view.apply(Update::Scored { user: &user, score: &score, model_version });
            }
            Some(Reading::Removed { user }) => view.apply(Update::Removed { user: &user }),
            Some(Reading::CaughtUp) => {
                view.caught_up();
                info!(users = view.people(), "caught up");
            }
            Some(Reading::Anew) => view.begin_anew(),
        }
    }
    Ok(())
}
