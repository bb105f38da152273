//! The command `demo`: from events to the page on this machine, with one command and without Kafka.
//!
//! Nothing is a shortcut: workers take slices of a log, commit, and what is committed reaches the view. Only the log is
//! in memory, and history passes faster than time. The order of the modules is the path of an event.

mod cast;
mod hearing;
mod live;
mod source;

mod feeder;
mod workers;

mod opening;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clap::Args;
use influence::{DAY_MS, Model};
use pipeline::Supervisor;
use serve::{Demo, Running, ServeError, Server, ServerOptions, View};

use crate::connect::{LiveArgs, LiveNetwork};
use crate::duration::parse_duration;
use crate::failure::{Failure, OutputError};
use crate::http::{host_name, not_listening, not_started};
use crate::interrupt::Interrupt;
use crate::recorded::{NetworkArgs, ReadingArgs};
use crate::replay::UsageError;
use crate::words;
use crate::{ending, exit};
use cast::PEOPLE_MIN;
use feeder::{Fed, Feeder, Partitions, WAITING_MAX};
use live::Live;
use opening::Opening;
use source::{Bad, Source};
use workers::Workers;

const AFTER_HELP: &str = "\
Examples:
  clout demo
  clout demo --people 20000 --speed 1h
  clout demo higgs-activity_time.txt.gz --half-life 12h
  clout demo jetstream.ndjson.zst
  clout demo --connect bluesky

Ctrl-C ends it. Nothing is kept.";

/// Where the page is unless somebody says otherwise, and how many ports behind it are tried if that one is taken.
const PORT: u16 = 8600;
const PORTS_TRIED: u16 = 20;
/// The time that a log has passed through when the page opens,
const HEAD_START_MS: i64 = 3 * DAY_MS;
/// and the time that a network is read from before now.
const LIVE_HEAD_START_MS: i64 = 600_000;
/// How often the log is fed.
const TICK: Duration = Duration::from_millis(50);
/// The page waits no longer than that for the head start.
const PATIENCE: Duration = Duration::from_secs(10);
/// Workers that have committed nothing for so long have put the scale where it belongs, and everybody's score.
const REST: Duration = Duration::from_millis(400);

/// See it live: a made-up world, a network, or a log of yours, is scored while you watch.
///
/// Runs the whole pipeline in this process and serves the page and the API, on this machine only unless --listen says otherwise.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::SHOWS))]
pub struct DemoArgs {
    /// An event log or messages of networks, or - for the standard input, in any format that replay reads; without one a town
    /// is made up
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// The options that say how the file is written.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The options that say what messages of networks do not.
    #[command(flatten)]
    pub networks: NetworkArgs,
    /// How much history passes in a second
    #[arg(long = "speed", value_name = "DURATION", default_value = "10m", value_parser = parse_duration)]
    pub speed_ms: i64,
    /// The time that has passed already when the page opens [default: 3d of a log, the last 10m of Bluesky]
    #[arg(long = "head-start", value_name = "DURATION", value_parser = parse_duration)]
    pub head_start_ms: Option<i64>,
    /// Read a network as it is now: bluesky, mastodon or github
    #[arg(long, value_name = "NETWORK", value_enum, conflicts_with_all = ["file", "people", "seed", "speed_ms"])]
    connect: Option<LiveNetwork>,
    /// The options that name the server of the network.
    #[command(flatten)]
    live: LiveArgs,
    /// Time after which an act counts half [default: 1d, with a FILE 30d]
    #[arg(long = "half-life", value_name = "DURATION", value_parser = parse_duration)]
    pub half_life_ms: Option<i64>,
    /// How many people the town has
    #[arg(long, value_name = "NUMBER", default_value_t = 5_000, conflicts_with = "file",
        value_parser = clap::value_parser!(u32).range(2..=1_000_000))]
    pub people: u32,
    /// Another seed gives another town
    #[arg(long, value_name = "NUMBER", default_value_t = 1, conflicts_with = "file")]
    pub seed: u64,
    /// Port of the page; 0 takes any that is free [default: 8600, or the next free one]
    #[arg(long, value_name = "NUMBER")]
    pub port: Option<u16>,
    /// The address of the page; everybody who can reach it can look [default: 127.0.0.1:8600, or the next free port]
    #[arg(long, value_name = "ADDRESS", conflicts_with = "port")]
    pub listen: Option<SocketAddr>,
    /// Another name of this machine under which the page is opened, as where a port is forwarded; may be repeated
    #[arg(long, value_name = "NAME", value_parser = host_name)]
    pub host: Vec<String>,
}

/// Runs until somebody presses Ctrl-C.
///
/// # Errors
/// If the file is not to be read, no port is free, or a worker gives up.
pub fn run(args: &DemoArgs) -> Result<(), Failure> {
    let interrupt = Interrupt::install();
    let supervisor = ending::supervise(&interrupt)?;
    let model = args.model()?;
    let play = args.play(&interrupt)?;
    let view = Arc::new(View::default());
    let opening = Opening::new(&view);
    let workers = Workers::start(&model, &opening, &supervisor)?;
    let has_ended = Arc::default();
    let server = args.server(&view, &workers, &supervisor, &has_ended).map_err(|error| match args.listen {
        Some(_) => not_listening(error),
        None => not_started(error, "--port 0"),
    })?;
    let partitions = Partitions::new(workers.memory(), model.partitioner);
    let stage = (&opening, &*args.welcome(&server));
    let fed = match play {
        Play::History(source) => {
            let feeder = Feeder::new(source, partitions, &opening);
            feed(args, feeder, &workers, stage, &has_ended, &supervisor)
        }
        Play::Live(live) => live.feed(partitions, &workers, stage, &supervisor),
    };
    // Whatever ended it: all end.
    supervisor.stop();
    server.stop();
    workers.join();
    fed.and(ending::outcome(&supervisor))
}

/// The source of the events that the demo shows.
enum Play {
    /// A log or a made-up world, played faster than it happened.
    History(Source),
    /// A network, as its messages come.
    Live(Box<Live>),
}

impl DemoArgs {
    fn play(&self, interrupt: &Interrupt) -> Result<Play, Failure> {
        if let Some(network) = self.connect {
            if !self.reading.is_empty() {
                return Err(UsageError::NoFile.into());
            }
            let head_start_ms = self.head_start_ms.unwrap_or(LIVE_HEAD_START_MS);
            return Ok(Play::Live(Live::open(network, &self.live, head_start_ms)?.into()));
        }
        self.live.check_unused()?;
        let source = self.source(interrupt)?;
        if let Some(path) = self.file.as_deref().filter(|_| source.next_at().is_none()) {
            return Err(UsageError::NoEvent(path.to_owned()).into());
        }
        eprintln!("{} of history are scored first, and then the page opens ...", words::duration(self.head_start_ms()));
        Ok(Play::History(source))
    }

    fn head_start_ms(&self) -> i64 {
        self.head_start_ms.unwrap_or(HEAD_START_MS)
    }

    fn model(&self) -> Result<Model, UsageError> {
        let usual_ms = if self.file.is_some() { Model::default().half_life_ms } else { DAY_MS };
        let model = Model::with_half_life(self.half_life_ms.unwrap_or(usual_ms));
        model.validate().map_err(|reason| UsageError::Model { option: "--half-life", reason })?;
        Ok(model)
    }

    fn source(&self, interrupt: &Interrupt) -> Result<Source, Failure> {
        match &self.file {
            Some(path) => Ok(Source::open(path, &self.reading, &self.networks, interrupt)?),
            None if !self.reading.is_empty() => Err(UsageError::NoFile.into()),
            None => Ok(Source::town(self.seed, self.people)),
        }
    }

    /// Listens where it was asked to, or on the first free port.
    fn server(
        &self,
        view: &Arc<View>,
        workers: &Workers,
        supervisor: &Supervisor,
        has_ended: &Arc<AtomicBool>,
    ) -> Result<Running, ServeError> {
        let listen = self.listen.unwrap_or(SocketAddr::from((Ipv4Addr::LOCALHOST, PORT)));
        let ports = match self.listen.map(|listen| listen.port()).or(self.port) {
            Some(port) => port..=port,
            None => PORT..=PORT + PORTS_TRIED,
        };
        let start = |port| {
            let listen = SocketAddr::new(listen.ip(), port);
            let speed = if self.connect.is_some() { 1.0 } else { self.speed_ms as f64 / 1e3 };
            let has_ended = Arc::clone(has_ended);
            let demo = Some(Demo { what: self.what(), speed, has_ended });
            let options = ServerOptions { listen, demo, hosts: self.host.clone(), ..ServerOptions::default() };
            Server::new(Arc::clone(view), options).with_pipeline(workers.status()).watched_by(supervisor).start()
        };
        let mut last = None;
        for port in ports {
            match start(port) {
                Err(error) if is_taken(&error) => last = Some(error),
                started => return started,
            }
        }
        Err(last.expect("at least one port is tried"))
    }

    /// The subject of the sentence that says what is shown.
    fn what(&self) -> String {
        if let Some(network) = self.connect {
            return network.network().title().to_owned();
        }
        match &self.file {
            Some(path) => format!("The log {}", path.file_name().unwrap_or(path.as_os_str()).to_string_lossy()),
            None => format!("A made-up town of {}", words::count(self.people.into(), "person", "people")),
        }
    }

    fn welcome(&self, server: &Running) -> String {
        if let Some(network) = self.connect {
            let title = network.network().title();
            let address = server.address();
            return format!("Clout is live on http://{address}\n\n{title}, as it happens. Ctrl-C ends it.\n");
        }
        let what = match &self.file {
            Some(path) => path.display().to_string(),
            None => {
                let people = words::count(self.people.into(), "person", "people");
                let cast = ", some of them with several accounts: soon one is renamed, and one erased";
                let cast = if self.people >= PEOPLE_MIN { cast } else { "" };
                format!("a made-up town of {people}{cast}")
            }
        };
        let pace = words::duration(self.speed_ms);
        format!("Clout is live on http://{}\n\n{what}, at {pace} a second. Ctrl-C ends it.\n", server.address())
    }
}

fn is_taken(error: &ServeError) -> bool {
    matches!(error, ServeError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
}

/// Feeds the log at the pace of history, until somebody asks to stop. Says where the page is once there is something on it.
fn feed(
    args: &DemoArgs,
    mut feeder: Feeder,
    workers: &Workers,
    (opening, welcome): (&Opening, &str),
    has_ended: &AtomicBool,
    supervisor: &Supervisor,
) -> Result<(), Failure> {
    let told = |text: &str| say(text).map_err(OutputError::to("-".as_ref()));
    let begun = Instant::now();
    let mut head_start = None;
    let mut history = feeder.begin(args.head_start_ms(), args.speed_ms);
    while !supervisor.is_stopping() {
        let waiting = workers.waiting(feeder.appended());
        // History stands still from the end of the head start until the page opens: days have passed in a second, and the
        // scale goes its way in hours, unless the log seems to be at its end.
        let is_ready = opening.is_open() || head_start.is_none();
        let fed = match waiting < WAITING_MAX && is_ready {
            true => feeder.feed(&mut history),
            false => feeder.pause(&mut history),
        };
        if fed != Fed::More {
            head_start.get_or_insert_with(|| Rest::new(workers.epochs()));
        }
        let rests = waiting == 0 && head_start.as_mut().is_some_and(|rest| rest.is_over(workers.epochs()));
        if !opening.is_open() && (rests || begun.elapsed() > PATIENCE) {
            opening.open();
            told(welcome)?;
        }
        if fed == Fed::End && opening.is_open() && !has_ended.swap(true, Relaxed) {
            told(&end(feeder.bad()))?;
        }
        if fed != Fed::More || waiting >= WAITING_MAX || !is_ready {
            std::thread::sleep(TICK);
        }
    }
    Ok(())
}

/// Waits until workers commit nothing any more.
struct Rest {
    epochs: u64,
    since: Instant,
}

impl Rest {
    fn new(epochs: u64) -> Rest {
        Rest { epochs, since: Instant::now() }
    }

    fn is_over(&mut self, epochs: u64) -> bool {
        if epochs != self.epochs {
            *self = Rest::new(epochs);
        }
        self.since.elapsed() >= REST
    }
}

fn end(bad: Bad) -> String {
    let left_out = match bad.records {
        0 => String::new(),
        records => format!(" {} could not be used.", words::count(records, "record", "records")),
    };
    let skipped = match bad.no_acts {
        0 => String::new(),
        records => format!(" {} no acts.", words::count(records, "record was", "records were")),
    };
    let notes = bad.notes.iter().map(|note| format!("\n{note}")).collect::<String>();
    let broken = bad.breaks_off.map_or(String::new(), |reason| format!(" It breaks off: {reason}."));
    format!("The log is at its end.{left_out}{skipped}{broken} The page stays until Ctrl-C.{notes}\n")
}

/// To people; a reader that went away has what it wanted.
fn say(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        said => said,
    }
}
