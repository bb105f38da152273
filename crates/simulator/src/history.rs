//! What people read about a run: one line, and how to see a failure again.

use std::collections::BTreeMap;

use pipeline::{Bug, Bugs};

use crate::run::{Verdict, run};
use crate::scenario::Scenario;
use crate::shrink::shrink;

/// A run on one line.
pub fn line(scenario: &Scenario, verdict: &Verdict) -> String {
    let Scenario { seed, workers, shards, records, .. } = scenario;
    let Verdict { rebuilds, epochs, checkpoints, .. } = verdict;
    let (faults, errors): (u64, u64) = (verdict.faults.values().sum(), verdict.errors.values().sum());
    let word = verdict.failure.as_ref().map_or("ok".to_owned(), |failure| format!("FAILED: {failure}"));
    format!(
        "seed {seed}: {workers} workers, {shards} partitions, {} records, {faults} faults, {rebuilds} rebuilds, \
         {errors} errors healed, {epochs} epochs, {checkpoints} checkpoints: {word}",
        records.len(),
    )
}

/// The command that runs a seed again.
pub fn again(seed: u64, bug: Option<Bug>) -> String {
    let bug = bug.map_or(String::new(), |bug| format!(" --bug {}", bug_name(bug)));
    format!("again: cargo run -p simulator -- --seed {seed}{bug}")
}

/// A mistake's name on the command line.
pub fn bug_name(bug: Bug) -> String {
    let mut name = String::new();
    for letter in format!("{bug:?}").chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// The shortest history that still fails, as far as it is found.
pub fn shortest(scenario: &Scenario, bugs: Bugs) -> String {
    let shortest = shrink(scenario, bugs);
    let failure = run(&shortest, bugs).failure.unwrap_or_default();
    let mut events: BTreeMap<i64, Vec<String>> = BTreeMap::new();
    for timed in &shortest.faults {
        events.entry(timed.at).or_default().push(format!("{:?}", timed.fault));
    }
    for record in &shortest.records {
        let value: String = record.value.escape_ascii().to_string().chars().take(120).collect();
        events.entry(record.at).or_default().push(format!("input {}[{}] {value}", record.input, record.shard));
    }
    let Scenario { shards, workers, clock, dedup_window_ms, epoch_ms, .. } = shortest;
    let mut text = format!(
        "the shortest history that fails: {failure}\n{workers} workers, {shards} partitions, clock {clock:?}, epochs of \
         {epoch_ms} ms, window for ids {dedup_window_ms:?}\n"
    );
    for (at, what) in events.iter().flat_map(|(at, what)| what.iter().map(move |what| (at, what))) {
        text += &format!("{at:6} ms  {what}\n");
    }
    text
}
