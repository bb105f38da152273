//! The command `run`: workers of an application on Kafka, until somebody says stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use kafka::{Admin, AdminError, Application, Noted, Workers, check_group, check_topics};
use pipeline::{
    AcceptedGap, CheckpointPlace, Clock, Doing, Fatal, HASH_KEY, Keeper, Place, Settings, Status, Store, StoreError,
    Totals,
};
use serve::{Running, Server};
use tracing::{info, warn};
use vocabulary::Kind;

use crate::config::{Config, RunFlags};
use crate::failure::Failure;
use crate::http::{HttpArgs, not_listening};
use crate::instance::Instance;
use crate::interrupt::Interrupt;
use crate::logs::LogArgs;
use crate::{ending, exit, missing, words};

const AFTER_HELP: &str = "\
Examples:
  clout topics create --config clout.toml --partitions 12
  clout run --config clout.toml
  clout run --config clout.toml --workers 4 --listen 127.0.0.1:9464

The first SIGTERM or Ctrl-C ends it in good order: the epoch is finished, checkpoints are written, the group is left. A
second one ends it at once, and nothing is lost either.";

/// How long brokers may take to answer at the start.
const BROKERS_WAIT: Duration = Duration::from_secs(60);
/// How long the place of checkpoints may take.
const STORE_WAIT: Duration = Duration::from_secs(60);
/// Between two lines that say how it goes.
const REPORT_EVERY: Duration = Duration::from_secs(30);
/// How soon those end when somebody says stop.
const LOOK: Duration = Duration::from_millis(100);

/// Score live: read events from Kafka and write every score that moves, exactly once.
///
/// Start as many processes as you like: they share the work, and take over from each other. Those of one host may run in
/// different folders; those of several hosts need one checkpoints.place that all of them see.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::RUNS_ON))]
pub struct RunArgs {
    /// Serve metrics, the pipeline's status and health at this address, such as 127.0.0.1:9464
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Give up records of an input that are gone before they were read: if just those from offset FROM to before offset TO
    /// are missing, go on behind them; may be repeated
    #[arg(long, value_name = "TOPIC:PARTITION:FROM-TO", value_parser = parse_gap)]
    accept_gap: Vec<AcceptedGap>,
    #[command(flatten)]
    flags: RunFlags,
    #[command(flatten)]
    http: HttpArgs,
    #[command(flatten)]
    logs: LogArgs,
}

fn parse_gap(text: &str) -> Result<AcceptedGap, String> {
    let parts = || {
        let (rest, offsets) = text.rsplit_once(':')?;
        let (topic, partition) = rest.rsplit_once(':')?;
        let (first, next) = offsets.split_once('-')?;
        let (first, next) = (first.parse().ok()?, next.parse().ok()?);
        let gap = AcceptedGap { topic: topic.to_owned(), partition: partition.parse().ok()?, first, next };
        (0 <= first && first < next && !topic.is_empty()).then_some(gap)
    };
    parts().ok_or_else(|| {
        format!("{text:?} is not a gap, as in events:0:100-250: the error that names it says it in full")
    })
}

/// Works until it is told to stop.
///
/// # Errors
/// If it cannot begin, or cannot go on.
pub fn run(args: &RunArgs) -> Result<(), Failure> {
    let config = Config::load(&args.flags)?;
    args.logs.begin();
    let supervisor = ending::supervise(&Interrupt::install())?;
    let served = args.listen.map(|listen| args.http.options(listen)).transpose()?;
    let instance = Instance::claim(&config.application_id, &config.instance, config.is_instance_said)?;
    let application = Arc::new(application(&config, instance.name(), &args.accept_gap, supervisor.stop_flag())?);
    let settings = &application.settings;
    let keeper = || Keeper::beside(config.identified_store()?, settings);
    let status = Arc::new(Status::new(settings.shards));
    let server = |options| Server::for_pipeline(Arc::clone(&status), options).watched_by(&supervisor).start();
    let server = served.map(server).transpose().map_err(not_listening)?;
    let workers = Workers {
        application: &application,
        count: config.workers,
        keeper: &keeper,
        status: &status,
        supervisor: &supervisor,
    };
    info!(application = application.id, instance = application.instance, workers = config.workers, "starting");
    thread::scope(|scope| {
        supervisor.spawn_scoped(scope, "report", || report(&status, settings, supervisor.stop_flag()));
        workers.run();
        supervisor.stop();
    });
    server.into_iter().for_each(Running::stop);
    ending::outcome(&supervisor)?;
    info!("stopped in good order");
    Ok(())
}

/// Looks at the topics, which say how many shards there are.
fn application(
    config: &Config,
    instance: &str,
    gaps: &[AcceptedGap],
    stop: &AtomicBool,
) -> Result<Application, Failure> {
    let (connection, topics) = (config.connection(), config.topics());
    let inputs = || config.inputs.iter().map(|input| input.topic.as_str());
    let until = Instant::now() + BROKERS_WAIT;
    if let Some(gap) = gaps.iter().find(|gap| inputs().all(|input| input != gap.topic)) {
        return Err(Failure::Gap(gap.clone()));
    }
    let (checked, hash_key) = loop {
        let own_key = || kafka::hash_key(&connection, &topics);
        let checked = check_topics(&connection, &topics, inputs());
        match checked.and_then(|checked| Ok((checked, config.hash_key.map_or_else(own_key, Ok)?))) {
            Err(AdminError::Unreachable { reason, .. }) if !stop.load(Relaxed) && Instant::now() < until => {
                warn!(reason, "the brokers at {} do not answer yet", connection.brokers());
                thread::sleep(LOOK);
            }
            checked => break checked.map_err(|error| missing::suggested(error, config))?,
        }
    };
    check_group(&connection, &config.application_id, &topics, inputs(), checked.partitions)?;
    let store = config.identified_store()?;
    check_store(&store, stop)?;
    let application = Application {
        id: config.application_id.clone(),
        instance: instance.to_owned(),
        checkpoints: store.place().map_or(String::new(), CheckpointPlace::lines),
        topics,
        start: config.start,
        record_bytes_max: checked.record_bytes_max.min(connection.number("message.max.bytes").unwrap_or(usize::MAX)),
        retention_ms: checked.retention_ms,
        outputs: config.outputs,
        settings: Arc::new(Settings { accepted_gaps: gaps.to_vec(), ..config.settings(checked.partitions, hash_key) }),
        costs: Arc::default(),
        connection,
    };
    let noted = kafka::noted(&application.connection, &application.id, &application.topics, checked.partitions);
    check_settings(&application, &noted, config.hash_key.is_some())?;
    check_place(&application, &store, noted)?;
    Ok(application)
}

/// Refuses settings that the application was not made with, before it takes shards away from processes that have the right
/// ones. A worker looks again, at the journal. A key that nobody has set is made of the journal's id: another one says that the
/// journal is another one, which the worker tells.
fn check_settings(application: &Application, noted: &[Noted], is_key_said: bool) -> Result<(), Failure> {
    let is_said = |name: &str| is_key_said || name != HASH_KEY;
    let changed = |noted: &Noted| application.settings.changes_of(&noted.lines, is_said);
    match noted.iter().map(changed).find(|changed| !changed.is_empty()) {
        Some(changed) => Err(Failure::Changed { application: application.id.clone(), changed }),
        None => Ok(()),
    }
}

/// What is wrong with the place is told at once, and not by the first checkpoint. A place that can be read and does not take
/// anything now is no reason to score nothing.
fn check_store(store: &Store, stop: &AtomicBool) -> Result<(), Failure> {
    let until = Instant::now() + STORE_WAIT;
    loop {
        match store.check() {
            Err(StoreError::Away { place, doing: Doing::Writing | Doing::Deleting, said, .. }) => {
                warn!(reason = said, "no checkpoints can be written to {place} now: a restore will take longer");
                return Ok(());
            }
            Err(error @ StoreError::Away { .. }) if !stop.load(Relaxed) && Instant::now() < until => {
                warn!("{error}");
                thread::sleep(LOOK);
            }
            checked => return Ok(checked.map(drop)?),
        }
    }
}

/// Refuses a place that only this process would see, before it takes shards away from processes that keep their checkpoints
/// in another one.
fn check_place(application: &Application, store: &Store, noted: Vec<Noted>) -> Result<(), Failure> {
    let unseen = noted.into_iter().find_map(|noted| {
        let kept = CheckpointPlace::of(&noted.lines)?;
        let reason = store.check_sees(noted.shard, &kept).err()?;
        Some((noted, kept, reason))
    });
    let Some((Noted { shard, is_trimmed, .. }, kept, reason)) = unseen else { return Ok(()) };
    // Nobody else is there and the whole journal is: all of it is done again.
    let is_alone = || {
        let members = Admin::connect(&application.connection).and_then(|admin| admin.members(&application.id));
        members.is_ok_and(|members| members.is_empty())
    };
    match is_trimmed || !is_alone() {
        true => Err(Failure::Unseen { application: application.id.clone(), shard, kept: Box::new(kept), reason }),
        false => Ok(()),
    }
}

/// Whether all that came so far is older than the window; said once.
#[derive(Debug, Default)]
struct Old {
    is_decided: bool,
}

impl Old {
    fn is_all_old(&mut self, totals: &Totals) -> bool {
        let endorsements: u64 = Kind::COUNTED.into_iter().map(|kind| totals.accepted[kind]).sum();
        if self.is_decided || endorsements == 0 {
            return false;
        }
        self.is_decided = true;
        totals.late == endorsements
    }
}

/// Says now and then how it goes.
fn report(status: &Status, settings: &Settings, stop: &AtomicBool) -> Result<(), Box<Fatal>> {
    let (mut before, mut reported) = (status.totals(), Instant::now());
    let mut old = Old::default();
    while !stop.load(Relaxed) {
        thread::sleep(LOOK);
        if settings.clock == Clock::Wall && old.is_all_old(&status.totals()) {
            warn!("{}", words::all_old(settings.model.window_ms));
        }
        let passed = reported.elapsed();
        if passed < REPORT_EVERY {
            continue;
        }
        let totals = status.totals();
        let a_second = |count: u64, before: u64| ((count - before) as f64 / passed.as_secs_f64()).round();
        let places = |place| status.shards().filter(|shard| shard.place == place).count();
        info!(
            events_per_second = a_second(totals.records, before.records),
            scores_per_second = a_second(totals.published, before.published),
            lag_ms = status.shards().map(|shard| shard.lag_ms).max().unwrap_or(0),
            live = places(Place::Live),
            restoring = places(Place::Loading) + places(Place::Restoring),
            dead_letters = totals.refused,
            "working"
        );
        (before, reported) = (totals, Instant::now());
    }
    Ok(())
}
