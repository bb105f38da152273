//! The second part: a load that comes by itself. How late results are, and how long none come after `kill -9`.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use benches::{LOST, Load, Probes, Recorded, at_share};

use crate::programs::{self, Programs, Task};
use crate::running::Running;
use crate::stage::{self, PARTITIONS, Stage};
use crate::system::System;
use crate::table::{Spread, Table};
use crate::{Failure, Options, interrupt};

/// Between two probes.
const PROBE_EVERY: Duration = Duration::from_millis(100);
/// Until the first result of an application that is new.
const BEGINS: Duration = Duration::from_secs(180);
/// Programs have compiled what they need by then.
const WARM: Duration = Duration::from_secs(20);
/// Probes that were sent last are waited for.
const LATE: Duration = Duration::from_secs(10);
/// Whoever is not back by then does not come back.
const RECOVERY: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(20);
/// Events in memory, which come again and again.
const EVENTS_MAX: u64 = 1_000_000;

/// The events of the load, and their rate.
pub(crate) struct Events {
    recorded: Recorded,
    span_ms: i64,
    rate: f64,
    time: Duration,
}

/// What one run has shown, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lateness {
    /// Event to visible result, for half of the probes,
    half: f64,
    /// and for 99 of 100.
    most: f64,
    /// From the kill until a result of an event could be seen that came after it.
    recovery: f64,
}

impl Events {
    pub(crate) fn new(options: &Options, rate: f64) -> Events {
        let world = stage::world(options);
        let world = worlds::World { events: world.events.min(EVENTS_MAX), ..world };
        let time = Duration::from_secs(options.live_secs);
        Events { recorded: Recorded::of(&world), span_ms: world.span_ms, rate, time }
    }
}

/// Runs an application under the load, then kills it and starts it again.
pub(crate) fn run(
    stage: &Stage,
    programs: &Programs,
    system: System,
    round: u32,
    events: &Events,
) -> Result<Lateness, Failure> {
    let application = format!("{}{system}-live-{round}", stage::own_prefix());
    let folder = stage.folder(&application)?;
    let input = format!("{application}-events");
    stage.make_input(&input)?;
    let task = Task { brokers: stage.brokers(), input: &input, application: &application, folder: &folder };
    stage.make_topics(programs, system, &task)?;
    let mut feeder = stage.feeder(&input)?;
    let Events { recorded, span_ms, rate, time } = events;
    let (probe_after, probe_every) = (Duration::ZERO, PROBE_EVERY);
    let load = Load { recorded, span_ms: *span_ms, rate: *rate, probe_after, probe_every };
    let (probes, over) = (Probes::default(), AtomicBool::new(false));
    let output = programs::output(&application);
    let lateness = thread::scope(|scope| {
        let feeding = scope.spawn(|| feeder.hold(&load, &probes, |_| !over.load(Relaxed)));
        let watching = scope.spawn(|| probes.watch(stage.brokers(), &output, PARTITIONS, &over));
        let ends = interrupt::Ends(&over);
        let lateness = measure(programs, system, &task, &probes, *time);
        drop(ends);
        feeding.join().map_err(|_| "the feeder panicked")??;
        watching.join().map_err(|_| "the watcher panicked")??;
        lateness
    })?;
    stage.remove(&application)?;
    Ok(lateness)
}

fn measure(
    programs: &Programs,
    system: System,
    task: &Task<'_>,
    probes: &Probes,
    time: Duration,
) -> Result<Lateness, Failure> {
    let start = || Running::start(task.application, programs.run(system, task), &stage::log(task.folder));
    let mut running = start()?;
    wait_for_probe(&mut running, probes, Instant::now(), BEGINS)?;
    interrupt::pause(WARM)?;
    let began = Instant::now();
    interrupt::pause(time)?;
    let ended = Instant::now();
    interrupt::pause(LATE)?;
    running.check()?;
    let latencies = probes.latencies(began, ended);
    let at = |share| at_share(&latencies, share).unwrap_or(LOST).as_secs_f64();

    let killed = Instant::now();
    running.kill()?;
    let mut running = start()?;
    let back = wait_for_probe(&mut running, probes, killed, RECOVERY)?;
    running.stop()?;
    Ok(Lateness { half: at(0.5), most: at(0.99), recovery: (back - killed).as_secs_f64() })
}

/// Until the result of a probe can be seen that was sent at this time or later.
fn wait_for_probe(
    running: &mut Running,
    probes: &Probes,
    sent_from: Instant,
    within: Duration,
) -> Result<Instant, Failure> {
    let until = Instant::now() + within;
    while Instant::now() < until {
        running.check()?;
        if let Some(seen) = probes.first_seen(sent_from) {
            return Ok(seen);
        }
        interrupt::pause(LOOK)?;
    }
    Err(format!("no result could be seen within {within:?}").into())
}

pub(crate) fn table(options: &Options, rate: f64, found: &[(System, Vec<Lateness>)]) -> Table {
    let row = |(system, found): &(System, Vec<Lateness>)| {
        let spread = |value: fn(&Lateness) -> f64| Spread::of(found.iter().map(value));
        vec![
            system.to_string(),
            spread(|lateness| lateness.half * 1e3).text(0),
            spread(|lateness| lateness.most * 1e3).text(0),
            spread(|lateness| lateness.recovery).text(1),
        ]
    };
    Table {
        title: format!(
            "{rate:.0} events/s, half of what the slowest one takes, for {} s, {}",
            options.live_secs,
            options.rounds_told()
        ),
        columns: vec!["system", "event to visible result, p50, ms", "p99, ms", "back after kill -9, s"],
        rows: found.iter().map(row).collect(),
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lateness { half, most, recovery } = self;
        write!(f, "p50 {:.0} ms, p99 {:.0} ms, back after {recovery:.1} s", half * 1e3, most * 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use expect_test::expect;

    #[test]
    fn rows_are_medians_with_ranges() {
        let found = [0.1, 0.3, 0.2].map(|half| Lateness { half, most: 2.0 * half, recovery: 4.04 });
        let options = Options::parse_from(["peers", "--live", "--live-secs", "9"]);
        expect![[r#"
            75000 events/s, half of what the slowest one takes, for 9 s, 3 rounds: medians, and the range of the rounds

            | system | event to visible result, p50, ms | p99, ms | back after kill -9, s |
            |---|---:|---:|---:|
            | flink | 200 (100 to 300) | 400 (200 to 600) | 4.0 |
        "#]]
        .assert_eq(&table(&options, 75_000.4, &[(System::Flink, found.to_vec())]).markdown());
    }
}
