//! The command `serve`: the table of scores as a live view, over HTTP.

mod circles;
mod closes;
mod keeper;
mod recorded;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::RangedU64ValueParser;
use kafka::{AdminError, Connection, Onlooker, Reading, ScoreReader};
use pipeline::{Fatal, Fault, Heartbeat, Holds, Supervisor};
use serve::{Keys, KeysError, Limits, Server, ServerOptions, Update, View, ViewOptions};
use tracing::{info, warn};
use vocabulary::Removal;
use wire::{Framing, ProfileDecoder};

use crate::config::{Config, ServeFlags};
use crate::failure::Failure;
use crate::http::{HttpArgs, not_listening};
use crate::interrupt::Interrupt;
use crate::logs::LogArgs;
use crate::{ending, exit};
use keeper::Keeper;

const AFTER_HELP: &str = "\
Examples:
  clout serve --config clout.toml
  clout serve --config clout.toml --listen 0.0.0.0:8080 --tokens-file tokens
  clout serve --config clout.toml --views /var/lib/clout/views
  clout serve --history days.parquet --scores scores.parquet --credits credits.parquet
  clout serve --config clout.toml --klout-keys keys
  curl 'localhost:8080/v1/ranking?limit=10'

Start as many as you like: each reads the whole table, and none needs another. With --history it shows what `clout replay \
--history-out` wrote, and asks no broker. /health/ready says when one has caught up, \
/openapi.json what can be asked.";

/// How long a look at the topic may take before it is looked whether somebody says stop.
const WAIT: Duration = Duration::from_millis(100);
/// Between two looks at how far the application is.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Brokers do not hear of a new topic all at once.
const MISSING_WAIT: Duration = Duration::from_secs(3);

/// Show the scores live: an HTTP API, a page and metrics.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
pub struct ServeArgs {
    #[command(flatten)]
    flags: ServeFlags,
    /// Where to listen; everybody who can reach the address can ask, unless there are tokens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    listen: SocketAddr,
    /// A page's origin whose scripts may ask, such as `https://example.org`; may be repeated, * lets all in
    #[arg(long, value_name = "ORIGIN")]
    cors_origin: Vec<String>,
    /// Show how people stood day by day in a recorded log, as `clout replay --history-out` wrote it, without Kafka
    #[arg(long, value_name = "FILE", help_heading = "Recorded")]
    history: Option<PathBuf>,
    /// The scores of its end, as `clout replay --scores-out` wrote them [default: everybody's last day]
    #[arg(long, value_name = "FILE", help_heading = "Recorded", requires = "history")]
    scores: Option<PathBuf>,
    /// What acts gave, as `clout replay --credits-out` wrote it: shows who influences whom, and people among the reasons of a movement
    #[arg(long, value_name = "FILE", help_heading = "Recorded", requires = "history")]
    credits: Option<PathBuf>,
    /// Keys of Klout's API, one a line: answers programs that were written for it, under /v2 and /1
    #[arg(long, value_name = "FILE", help_heading = "Klout's API")]
    klout_keys: Option<PathBuf>,
    /// Calls that a key may make in a second; Klout's was 10 [default: any number]
    #[arg(long, value_name = "NUMBER", help_heading = "Klout's API", requires = "klout_keys", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    klout_calls_per_second: Option<u32>,
    /// Calls that a key may make in a day, from 00:00 UTC; Klout's was 10000 [default: any number]
    #[arg(long, value_name = "NUMBER", help_heading = "Klout's API", requires = "klout_keys", value_parser = RangedU64ValueParser::<u32>::new().range(1..))]
    klout_calls_per_day: Option<u32>,
    /// Show nobody who has a lower score and has not said that they are somebody: in no list, search, stream or page
    #[arg(long, value_name = "SCORE", default_value_t = 0.0, value_parser = score)]
    unclaimed_below: f32,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    logs: LogArgs,
}

fn score(text: &str) -> Result<f32, String> {
    let score = text.parse().ok().filter(|score| (0.0..=100.0).contains(score));
    score.ok_or_else(|| "it is no score: a number from 0 to 100".to_owned())
}

impl ServeArgs {
    /// The keys of Klout's API, if it is to be answered.
    fn klout(&self) -> Result<Option<Arc<Keys>>, KeysError> {
        let limits = Limits { calls_per_second: self.klout_calls_per_second, calls_per_day: self.klout_calls_per_day };
        self.klout_keys.as_deref().map(|path| Keys::read(path, limits).map(Arc::new)).transpose()
    }
}

/// Serves until it is told to stop.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &ServeArgs) -> Result<(), Failure> {
    let config = Config::load(&args.flags)?;
    args.logs.begin();
    let interrupt = Interrupt::install();
    let supervisor = ending::supervise(&interrupt)?;
    let cors_origins = args.cors_origin.clone();
    let options = ServerOptions { cors_origins, klout: args.klout()?, ..args.http.options(args.listen)? };
    let klout_ids_of = options.klout.is_some().then(|| config.application_id.clone());
    if let Some(history) = &args.history {
        return serve_recorded(history, args, &config, options, &interrupt, &supervisor);
    }
    let (writer, closes) = config.views.as_deref().map(views::open).transpose()?.unzip();
    let view = Arc::new(View::new(ViewOptions {
        names: config.names.clone(),
        closes,
        unclaimed_below: args.unclaimed_below,
        klout_ids_of,
        ..ViewOptions::default()
    }));
    let reader = ScoreReader::new(&config.connection(), &config.topics().scores)?;
    let server = Server::new(Arc::clone(&view), options).watched_by(&supervisor).start().map_err(not_listening)?;
    // The only loop: it ends with a stop, or with what no retry heals.
    let mut missing = None;
    supervisor.watch("scores", || {
        missing = find(&config, &view, &supervisor);
        if missing.is_some() {
            supervisor.stop();
            return Ok(());
        }
        look_on(&config, &view);
        let are_read = read_beside(&config, &view, &supervisor);
        let circles = writer.as_ref().and_then(|writer| circles::open(writer, &config, &view, &supervisor));
        let keeper = writer.map(|kept| Keeper {
            kept,
            connection: config.connection(),
            topic: kafka::closes_of(&config.application_id),
            view: Arc::clone(&view),
            supervisor: supervisor.clone(),
        });
        let erase: Vec<Sender<String>> =
            keeper.map(Keeper::start).into_iter().chain(circles.map(Keeper::start)).collect();
        let learn = || _ = circles::learn(&config, &view);
        feed(reader, &view, &are_read, &erase, learn, &supervisor)
    });
    server.stop();
    missing.map_or(Ok(()), Err)?;
    ending::outcome(&supervisor)?;
    info!("stopped");
    Ok(())
}

/// Serves what a replay wrote until it is told to stop.
fn serve_recorded(
    history: &Path,
    args: &ServeArgs,
    config: &Config,
    options: ServerOptions,
    interrupt: &Interrupt,
    supervisor: &Supervisor,
) -> Result<(), Failure> {
    // Kept where somebody says so, and else for as long as the process is there.
    let folder = tempfile::Builder::new().prefix("clout-views-").tempdir().map_err(Failure::Folder)?;
    let (mut writer, closes) = views::open(config.views.as_deref().unwrap_or(folder.path()))?;
    let klout_ids_of = options.klout.is_some().then(|| config.application_id.clone());
    let view =
        ViewOptions { names: config.names.clone(), closes: Some(closes), klout_ids_of, ..ViewOptions::default() };
    let view = Arc::new(View::new(view));
    let server = Server::new(Arc::clone(&view), options).watched_by(supervisor).start().map_err(not_listening)?;
    let circles = args.credits.as_deref().map(|path| recorded::Circles::open(path, &writer, &view)).transpose()?;
    recorded::keep(history, &mut writer, interrupt)?;
    recorded::show(args.scores.as_deref().unwrap_or(history), &view, interrupt)?;
    recorded::tidy(&mut writer, &view, interrupt)?;
    circles.map_or(Ok(()), |circles| circles.keep(interrupt))?;
    view.caught_up();
    info!(users = view.people(), "all is read");
    while !supervisor.is_stopping() {
        thread::sleep(WAIT);
    }
    server.stop();
    info!("stopped");
    Ok(())
}

/// Why there is nothing to show: a topic that is not there would be waited for without end. Brokers that are away are waited
/// for, and so is a topic that was made a moment ago.
fn find(config: &Config, view: &View, supervisor: &Supervisor) -> Option<AdminError> {
    let topic = config.topics().scores;
    let (mut missing_since, mut told) = (None, false);
    while !supervisor.is_stopping() {
        match kafka::check_exists(&config.connection(), &topic) {
            Ok(()) => return None,
            Err(AdminError::Unreachable { reason, .. }) if !told => {
                view.set_waits(true);
                warn!(reason, "the brokers at {} do not answer yet", config.connection().brokers());
                told = true;
            }
            Err(AdminError::Unreachable { .. }) => {}
            Err(AdminError::Missing(_)) if missing_since.get_or_insert_with(Instant::now).elapsed() < MISSING_WAIT => {}
            Err(error) => return Some(error),
        }
        thread::sleep(WAIT);
    }
    None
}

/// Looks how far those are who score, for as long as the view is there: a table may be read to its end, and say little of what has
/// been stored. Where brokers do not tell, nothing is said; nobody waits for their answers.
fn look_on(config: &Config, view: &Arc<View>) {
    let Some(onlooker) = Onlooker::new(&config.connection(), &config.application_id) else { return };
    let inputs: Vec<String> = config.inputs.iter().map(|input| input.topic.clone()).collect();
    let view = Arc::downgrade(view);
    let look = move || {
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        while view.strong_count() > 0 {
            let progress = onlooker.progress(&inputs);
            let Some(view) = view.upgrade() else { return };
            view.set_unread(progress.map(|progress| progress.stored.saturating_sub(progress.read)));
            drop(view);
            thread::sleep(LOOK_EVERY);
        }
    };
    if !config.inputs.is_empty() {
        let started = thread::Builder::new().name("onlooker".to_owned()).spawn(look);
        started.map_or_else(|error| warn!(%error, "how far the application is will not be known"), drop);
    }
}

/// Reads what accounts are called, which are one person's, and what countries profiles declare, for as long as the view is there. Says of
/// the first two when all that was there at the start has been read, or cannot be: until then somebody who does not agree to be
/// named could be.
fn read_beside(config: &Config, view: &Arc<View>, supervisor: &Supervisor) -> [Arc<AtomicBool>; 2] {
    for input in config.inputs.iter().filter(|input| input.holds == Holds::Profiles) {
        let framing = if input.is_confluent { Framing::Confluent } else { Framing::Bare };
        let (names, encoding) = (config.names.clone(), input.encoding);
        let open = move |connection: &Connection, topic: &str| {
            let decoder = ProfileDecoder::new(encoding).framed(framing);
            ScoreReader::of_profiles(connection, topic, decoder, names)
        };
        let said =
            Said { topic: input.topic.clone(), what: "which countries profiles declare", is_read: Arc::default() };
        said.read(config, view, supervisor, open);
    }
    let is_read: [Arc<AtomicBool>; 2] = Default::default();
    let said = |topic, what, is_read: &Arc<AtomicBool>| Said { topic, what, is_read: Arc::clone(is_read) };
    let names = said(kafka::names_of(&config.application_id), "what accounts are called", &is_read[0]);
    names.read(config, view, supervisor, ScoreReader::of_names);
    let links = said(kafka::links_of(&config.application_id), "which accounts are one person's", &is_read[1]);
    links.read(config, view, supervisor, ScoreReader::of_links);
    is_read
}

/// A topic that says something of accounts.
struct Said {
    topic: String,
    /// What it says, for people.
    what: &'static str,
    /// Whether all has been read that was there at the start, or cannot be.
    is_read: Arc<AtomicBool>,
}

impl Said {
    /// Reads it in a thread of its own. What cannot be read is told, and not shown.
    fn read<O>(self, config: &Config, view: &Arc<View>, supervisor: &Supervisor, open: O)
    where
        O: FnOnce(&Connection, &str) -> Result<ScoreReader, Fault> + Send + 'static,
    {
        let (connection, view, supervisor) = (config.connection(), Arc::downgrade(view), supervisor.clone());
        let (what, is_read) = (self.what, Arc::clone(&self.is_read));
        let read = move || {
            if let Err(reason) = self.follow(&connection, &view, &supervisor, open) {
                warn!(reason, "{} is not shown", self.what);
            }
            self.is_read.store(true, Relaxed);
        };
        if let Err(error) = thread::Builder::new().name("names".to_owned()).spawn(read) {
            warn!(%error, "{what} is not shown");
            is_read.store(true, Relaxed);
        }
    }

    fn follow<O>(
        &self,
        connection: &Connection,
        view: &Weak<View>,
        supervisor: &Supervisor,
        open: O,
    ) -> Result<(), String>
    where
        O: FnOnce(&Connection, &str) -> Result<ScoreReader, Fault>,
    {
        while !supervisor.is_stopping() {
            match kafka::check_exists(connection, &self.topic) {
                Ok(()) => break,
                Err(AdminError::Unreachable { .. }) => thread::sleep(WAIT),
                Err(AdminError::Missing(_)) => {
                    self.is_read.store(true, Relaxed);
                    pause(LOOK_EVERY, supervisor);
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        let mut reader = open(connection, &self.topic).map_err(|fault| fault.to_string())?;
        let heartbeat = Heartbeat::default();
        while !supervisor.is_stopping() {
            let reading = reader.read(WAIT, &heartbeat).map_err(|fault| fault.to_string())?;
            let Some(view) = view.upgrade() else { break };
            match &reading {
                Some(Reading::Called { user, field, value }) => {
                    view.apply(Update::Called { user, field: *field, value: value.as_deref() });
                }
                Some(Reading::Linked { account, link }) => {
                    view.apply(Update::Linked { account, link: link.as_deref() });
                }
                Some(Reading::CaughtUp) => self.is_read.store(true, Relaxed),
                // What was said stays until something else is said.
                _ => {}
            }
        }
        Ok(())
    }
}

/// Waits so long, or until somebody says stop.
fn pause(time: Duration, supervisor: &Supervisor) {
    let until = Instant::now() + time;
    while Instant::now() < until && !supervisor.is_stopping() {
        thread::sleep(WAIT);
    }
}

/// Applies what is committed, until somebody says stop.
fn feed(
    mut reader: ScoreReader,
    view: &View,
    are_read: &[Arc<AtomicBool>],
    erase: &[Sender<String>],
    learn: impl Fn(),
    supervisor: &Supervisor,
) -> Result<(), Box<Fatal>> {
    let heartbeat = supervisor.heartbeat("scores");
    heartbeat.set_at_work(true);
    while !supervisor.is_stopping() {
        let reading = reader.read(WAIT, &heartbeat).map_err(|fault| match fault {
            Fault::Fatal(why) => why,
            Fault::Broken(why) => Fatal::Log(why).into(),
        })?;
        view.set_behind(reader.behind());
        view.set_waits(!reader.is_answered());
        match reading {
            None => {}
            Some(Reading::Scored { user, score, model_version }) => {
                view.apply(Update::Scored { user: &user, score: &score, model_version });
            }
            Some(Reading::Removed { user, why }) => {
                view.apply(Update::Removed { user: &user, why });
                // Those of before are looked for once all has been read: many have come back since.
                if why == Removal::OptedOut && view.is_ready() {
                    // Nobody hears of it where nothing is kept any more.
                    erase.iter().for_each(|erase| drop(erase.send(user.clone())));
                }
            }
            Some(Reading::Called { .. } | Reading::Linked { .. } | Reading::Closed(_) | Reading::Credits(_)) => {}
            Some(Reading::CaughtUp) => {
                while !are_read.iter().all(|is_read| is_read.load(Relaxed)) && !supervisor.is_stopping() {
                    heartbeat.beat();
                    thread::sleep(WAIT);
                }
                view.caught_up();
                info!(users = view.people(), "caught up");
            }
            Some(Reading::Anew) => {
                view.begin_anew();
                if !erase.is_empty() {
                    learn();
                }
            }
        }
    }
    Ok(())
}
