//! The command `serve`: the table of scores as a live view, over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use kafka::{Reading, ScoreReader};
use pipeline::{Fatal, Fault, Supervisor};
use serve::{Server, ServerOptions, Update, View};
use tracing::info;

use crate::config::{Config, Flags};
use crate::failure::Failure;
use crate::http::HttpArgs;
use crate::interrupt::Interrupt;
use crate::logs::LogArgs;
use crate::{ending, exit};

const AFTER_HELP: &str = "\
Examples:
  clout serve --config clout.toml
  clout serve --config clout.toml --listen 0.0.0.0:8080 --tokens-file tokens
  curl localhost:8080/v1/ranking?limit=10

Start as many as you like: each reads the whole table, and none needs another. /health/ready says when one has caught up,
/openapi.json what can be asked.";

/// How long a look at the topic may take before it is looked whether somebody says stop.
const WAIT: Duration = Duration::from_millis(100);

/// Show the scores live: an HTTP API, a page and metrics.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
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

/// Serves until it is told to stop.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = Config::load(&args.flags)?;
    args.logs.begin();
    let supervisor = ending::supervise(&Interrupt::install())?;
    let options = ServerOptions { cors_origins: args.cors_origin.clone(), ..args.http.options(args.listen)? };
    let view = Arc::new(View::default());
    let reader = ScoreReader::new(&config.connection(), &config.topics().scores)?;
    let server = Server::new(Arc::clone(&view), options).watched_by(&supervisor).start()?;
    // The only loop: it ends with a stop, or with what no retry heals.
    supervisor.watch("scores", || feed(reader, &view, &supervisor));
    server.stop();
    ending::outcome(&supervisor)?;
    info!("stopped");
    Ok(())
}

/// Applies what is committed, until somebody says stop.
fn feed(mut reader: ScoreReader, view: &View, supervisor: &Supervisor) -> Result<(), Box<Fatal>> {
    let heartbeat = supervisor.heartbeat("scores");
    heartbeat.set_at_work(true);
    while !supervisor.is_stopping() {
        let reading = reader.read(WAIT, &heartbeat).map_err(|fault| match fault {
            Fault::Fatal(why) => why,
            Fault::Broken(why) => Fatal::Log(why).into(),
        })?;
        view.set_behind(reader.behind());
        match reading {
            None => {}
            Some(Reading::Scored { user, score, model_version }) => {
                view.apply(Update::Scored { user: &user, score: &score, model_version });
            }
            Some(Reading::Removed { user, why }) => view.apply(Update::Removed { user: &user, why }),
            Some(Reading::CaughtUp) => {
                view.caught_up();
                info!(users = view.people(), "caught up");
            }
            Some(Reading::Anew) => view.begin_anew(),
        }
    }
    Ok(())
}
