//! The first part: a topic that is full already, from the first event to the last committed output.

use std::fmt;
use std::time::{Duration, Instant};

use crate::output::{Output, total};
use crate::programs::{self, Programs, Task};
use crate::running::Running;
use crate::stage::{self, Input, Stage};
use crate::system::System;
use crate::table::{Spread, Table};
use crate::{Failure, Options, interrupt};

/// Between two looks at the output.
const LOOK: Duration = Duration::from_millis(500);
/// An output that has not grown for so long may be complete. All systems tell what they know within five seconds.
const QUIET: Duration = Duration::from_secs(8);
/// A run is given up after so long,
const LIMIT: Duration = Duration::from_secs(240);
/// and the time that this many events a second would take.
const LIMIT_RATE: f64 = 20_000.0;
/// Events whose results are visible early, in the column that leaves out the tail.
const MOST: f64 = 0.99;

/// The measurements of one run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    /// Events a second to the last output.
    rate: f64,
    /// The same until most events could be seen.
    rate_most: f64,
    /// Processor time of the application, in seconds a million events.
    cpu_secs: f64,
    /// That of the broker, where it is ours.
    broker_cpu_secs: Option<f64>,
    peak_bytes: u64,
    /// Messages of the output an event.
    outputs: f64,
}

/// Runs an application on the whole input and verifies what it publishes.
pub(crate) fn run(
    stage: &Stage,
    programs: &Programs,
    system: System,
    round: u32,
    input: &Input,
) -> Result<Run, Failure> {
    let application = format!("{}{system}-{round}", stage::own_prefix());
    let folder = stage.folder(&application)?;
    let task = Task { brokers: stage.brokers(), input: &input.topic, application: &application, folder: &folder };
    stage.make_topics(programs, system, &task)?;
    let broker_before = stage.broker_cpu_secs()?;
    let mut running = Running::start(&application, programs.run(system, &task), &stage::log(&folder))?;
    let run = watch(stage, input, system, &application, &mut running, broker_before);
    // What went wrong before is what is to be told.
    let stopped = running.stop();
    let run = run?;
    stopped?;
    stage.remove(&application)?;
    Ok(run)
}

fn watch(
    stage: &Stage,
    input: &Input,
    system: System,
    application: &str,
    running: &mut Running,
    broker_before: Option<f64>,
) -> Result<Run, Failure> {
    let topic = programs::output(application);
    let until = Instant::now() + LIMIT + Duration::from_secs_f64(input.events as f64 / LIMIT_RATE);
    let million = input.events as f64 / 1e6;
    loop {
        wait_until_quiet(stage, &topic, running, until)?;
        let cpu_secs = benches::cpu_secs(running.id())? / million;
        let broker = stage.broker_cpu_secs()?.zip(broker_before).map(|(now, before)| (now - before) / million);
        let peak_bytes = benches::peak_bytes(running.id())?;
        let output = Output::read(stage.brokers(), &topic, system)?;
        if output.received() == input.received {
            let rate = |share| output.rate(share, system.pace());
            return Ok(Run {
                rate: rate(1.0),
                rate_most: rate(MOST),
                cpu_secs,
                broker_cpu_secs: broker,
                peak_bytes,
                outputs: output.messages as f64 / input.events as f64,
            });
        }
        let (found, events) = (output.received(), input.events);
        if total(&found) > events || Instant::now() > until {
            return Err(format!("{system}: the output has {found:?} and not {:?}", input.received).into());
        }
    }
}

fn wait_until_quiet(stage: &Stage, topic: &str, running: &mut Running, until: Instant) -> Result<(), Failure> {
    let (mut len, mut since) = (0, Instant::now());
    while len == 0 || since.elapsed() < QUIET {
        running.check()?;
        interrupt::pause(LOOK)?;
        let now = stage.len(topic)?;
        if now != len {
            (len, since) = (now, Instant::now());
        }
        if Instant::now() > until {
            return Err(format!("{topic} is not complete in time: {len} messages").into());
        }
    }
    Ok(())
}

/// The median rate of the slowest system, in events a second.
pub(crate) fn slowest_rate(runs: &[(System, Vec<Run>)]) -> f64 {
    let medians = runs.iter().map(|(_, runs)| Spread::of(runs.iter().map(|run| run.rate)).median);
    medians.fold(f64::INFINITY, f64::min)
}

pub(crate) fn table(options: &Options, runs: &[(System, Vec<Run>)]) -> Table {
    let row = |(system, runs): &(System, Vec<Run>)| {
        let spread = |value: fn(&Run) -> f64| Spread::of(runs.iter().map(value));
        let broker = Spread::of(runs.iter().filter_map(|run| run.broker_cpu_secs));
        vec![
            system.to_string(),
            spread(|run| run.rate / 1e3).text(0),
            spread(|run| run.rate_most / 1e3).text(0),
            spread(|run| run.cpu_secs).text(2),
            broker.text(2),
            spread(|run| run.peak_bytes as f64 / 1e6).text(0),
            spread(|run| run.outputs).text(2),
        ]
    };
    Table {
        title: format!("{} events of {} users, {}", options.events, options.users, options.rounds_told()),
        columns: vec![
            "system",
            "thousand events/s",
            "until 99 % are seen",
            "CPU s a million events",
            "of the broker",
            "peak memory, MB",
            "messages an event",
        ],
        rows: runs.iter().map(row).collect(),
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Run { rate, rate_most, cpu_secs, peak_bytes, outputs, .. } = self;
        write!(f, "{rate:.0} events/s, {rate_most:.0} until 99 % are seen, {cpu_secs:.2} CPU s a million, ")?;
        let broker = self.broker_cpu_secs.map_or("-".to_owned(), |secs| format!("{secs:.2}"));
        write!(f, "{broker} of the broker, {} MB, {outputs:.2} messages an event", peak_bytes / 1_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;
    use expect_test::expect;

    fn run(rate: f64, broker_cpu_secs: Option<f64>) -> Run {
        let (cpu_secs, peak_bytes, outputs) = (rate / 1e5, (rate * 1e3) as u64, 0.25);
        Run { rate, rate_most: rate * 2.0, cpu_secs, broker_cpu_secs, peak_bytes, outputs }
    }

    #[test]
    fn rows_are_medians_with_ranges() {
        let options = Options::parse_from(["peers", "--events", "9", "--users", "4", "--busy"]);
        let clout = [300e3, 100e3, 200e3].map(|rate| run(rate, Some(rate / 1e6)));
        let runs = [(System::Clout, clout.to_vec()), (System::Flink, vec![run(150e3, None)])];
        expect![[r#"
            9 events of 4 users, 3 rounds, one core burnt beside: medians, and the range of the rounds

            | system | thousand events/s | until 99 % are seen | CPU s a million events | of the broker | peak memory, MB | messages an event |
            |---|---:|---:|---:|---:|---:|---:|
            | clout | 200 (100 to 300) | 400 (200 to 600) | 2.00 (1.00 to 3.00) | 0.20 (0.10 to 0.30) | 200 (100 to 300) | 0.25 |
            | flink | 150 | 300 | 1.50 | - | 150 | 0.25 |
        "#]].assert_eq(&table(&options, &runs).markdown());
        assert_eq!(slowest_rate(&runs), 150e3);
    }
}
