//! The command `doctor`: tries all that `run` needs, and says what is wrong and what to do, before anybody depends on it.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use kafka::{
    Admin, AdminError, Checked, Found, Journaled, Noted, Requirement, Role, Spoiled, check_group, check_topics,
    try_transaction,
};
use pipeline::{CheckpointPlace, Clock, Store, StoreError};
use serde::Serialize;
use wire::JournalRecord;

use crate::config::{Config, RunFlags};
use crate::duration::parse_duration;
use crate::failure::Failure;
use crate::missing::LostTopics;
use crate::topics::{json, say};
use crate::words::count;
use crate::{exit, missing};

const AFTER_HELP: &str = "\
It reads, opens a transaction that it aborts, and writes an object `probe-…` to the place of checkpoints, which it deletes; a \
folder that is not there is made. Nothing else is changed; it may be run beside a live application. --offline asks nobody: it looks at the configuration alone.

Examples:
  clout doctor --config clout.toml
  clout doctor --config clout.toml --outage 3d --json
  clout doctor --config clout.toml --offline";

/// Fewer files than this are soon used up by connections.
const OPEN_FILES_MIN: u64 = 4_096;
/// Clocks that are further apart than this are wrong: an act from so far ahead waits as a dead letter.
const CLOCKS_APART_MAX_MS: i64 = MINUTE_MS;
/// Fewer copies of a topic lose it with one broker.
const COPIES_MIN: usize = 2;
const HOUR_MS: i64 = 3_600_000;
const MINUTE_MS: i64 = 60_000;

/// Look whether everything is there that `clout run` needs, and say what is wrong
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct DoctorArgs {
    /// Look at the configuration alone: ask no broker and no store
    #[arg(long)]
    offline: bool,
    /// The longest time without a scorer that is to be survived: the inputs must keep their records for longer
    #[arg(long, value_name = "DURATION", default_value = "1d", value_parser = parse_duration)]
    outage: i64,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: RunFlags,
}

/// Something is wrong.
#[derive(Debug, thiserror::Error)]
#[error("{} found: see above", count(*.faults as u64, "fault", "faults"))]
pub struct DoctorError {
    faults: usize,
}

/// What a look has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    /// All is well.
    Fine,
    /// It works, and may not always.
    Warning,
    /// `clout run` would not work.
    Fault,
    /// It was not looked at, as something before it is wrong or it was not asked for.
    Skipped,
}

#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    verdict: Verdict,
    said: String,
}

/// The document that `--json` prints.
#[derive(Serialize)]
struct Report<'a> {
    application: &'a str,
    faults: usize,
    warnings: usize,
    findings: &'a [Finding],
}

/// Looks, and tells on the standard output.
///
/// # Errors
/// If there is a fault.
pub fn run(args: &DoctorArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let mut findings = Findings::default();
    findings.fine("configuration", format!("application {} is understood", config.application_id));
    look_at_settings(&config, &mut findings);
    look_at_files(&mut findings);
    match args.offline {
        true => {
            ["brokers", "topics", "copies", "retention", "group", "transaction", "checkpoints", "clocks", "restores"]
                .into_iter()
                .for_each(|check| findings.skip(check, "--offline"))
        }
        false => {
            let partitions = look_at_brokers(&config, args.outage, &mut findings);
            let ahead_ms = look_at_store(&config, &mut findings);
            look_at_clocks(&config, partitions, ahead_ms, &mut findings);
            match partitions {
                Some(partitions) => look_at_restores(&config, partitions, &mut findings),
                None => findings.skip("restores", "the topics first"),
            }
        }
    }
    let Findings(findings) = findings;
    let of = |verdict| findings.iter().filter(|finding| finding.verdict == verdict).count();
    let (faults, warnings) = (of(Verdict::Fault), of(Verdict::Warning));
    if args.json {
        let report = Report { application: &config.application_id, faults, warnings, findings: &findings };
        say(&json(&report))?;
    } else {
        for Finding { check, verdict, said } in &findings {
            let mark = match verdict {
                Verdict::Fine => "ok",
                Verdict::Warning => "warning",
                Verdict::Fault => "FAULT",
                Verdict::Skipped => "skipped",
            };
            say(&format!("{mark:<8} {check:<14} {said}"))?;
        }
    }
    if faults > 0 { Err(DoctorError { faults }.into()) } else { Ok(()) }
}

#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, check: &'static str, verdict: Verdict, said: impl Display) {
        self.0.push(Finding { check, verdict, said: said.to_string() });
    }

    fn fine(&mut self, check: &'static str, said: impl Display) {
        self.add(check, Verdict::Fine, said);
    }

    fn warn(&mut self, check: &'static str, said: impl Display) {
        self.add(check, Verdict::Warning, said);
    }

    fn fault(&mut self, check: &'static str, said: impl Display) {
        self.add(check, Verdict::Fault, said);
    }

    fn skip(&mut self, check: &'static str, why: impl Display) {
        self.add(check, Verdict::Skipped, why);
    }

    /// One finding for each of these, or one that all is well.
    fn all(&mut self, check: &'static str, verdict: Verdict, wrong: Vec<String>, fine: impl Display) {
        match wrong.is_empty() {
            true => self.fine(check, fine),
            false => wrong.into_iter().for_each(|said| self.add(check, verdict, said)),
        }
    }

    /// One finding for each of the faults and of the warnings, or one that all is well.
    fn both(&mut self, check: &'static str, faults: Vec<String>, warnings: Vec<String>, fine: impl Display) {
        if faults.is_empty() && warnings.is_empty() {
            return self.fine(check, fine);
        }
        faults.iter().for_each(|said| self.fault(check, said));
        warnings.iter().for_each(|said| self.warn(check, said));
    }
}

/// What the configuration says by itself.
fn look_at_settings(config: &Config, findings: &mut Findings) {
    let mut odd = Vec::new();
    let place = &config.checkpoints.place;
    if !place.contains("://") && !place.starts_with('/') {
        odd.push(format!(
            "checkpoints.place is the folder {place:?} below wherever a process is started: name it in full, or an object \
             store if there are several hosts"
        ));
    }
    let brokers = config.connection();
    let names: Vec<&str> = brokers.brokers().split(',').collect();
    if names.len() == 1 {
        odd.push(format!(
            "kafka.bootstrap.servers names {} alone: while that one is away nobody can start; name several",
            names[0]
        ));
    }
    if config.clock == Clock::Event {
        odd.push("clock is event, which is for history: live input is scored by the wall clock".to_owned());
    }
    findings.all("settings", Verdict::Warning, odd, "nothing odd");
}

/// How many files may be open at once, where the system says so.
fn look_at_files(findings: &mut Findings) {
    let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    let hard = limit.and_then(|line| line.split_whitespace().nth(1)).map(|hard| hard.parse().unwrap_or(u64::MAX));
    match hard {
        None => findings.skip("open files", "this system does not say"),
        Some(hard) if hard < OPEN_FILES_MIN => findings.warn(
            "open files",
            format!("{hard} may be open at once: raise it to {OPEN_FILES_MIN} or more (ulimit -n, LimitNOFILE=)"),
        ),
        Some(_) => findings.fine("open files", "enough may be open"),
    }
}

/// Returns how many partitions the application has, if all topics are there and the ones that it knows.
fn look_at_brokers(config: &Config, outage_ms: i64, findings: &mut Findings) -> Option<u16> {
    let (connection, topics) = (config.connection(), config.topics());
    let inputs = || config.inputs.iter().map(|input| input.topic.as_str());
    let skip = |findings: &mut Findings, checks: &[&'static str], why: &str| {
        checks.iter().for_each(|check| findings.skip(check, why));
    };
    let checked = match check_topics(&connection, &topics, inputs()) {
        Ok(checked) => checked,
        Err(error @ (AdminError::Unreachable { .. } | AdminError::Property { .. })) => {
            findings.fault("brokers", error);
            skip(findings, &["topics", "copies", "retention", "group", "transaction"], "no broker to ask");
            return None;
        }
        Err(error) => {
            findings.fine("brokers", format!("{} answer", connection.brokers()));
            match error {
                AdminError::Differ(differences) => {
                    differences.iter().for_each(|difference| findings.fault("topics", difference));
                }
                error => findings.fault("topics", missing::suggested(error, config)),
            }
            skip(findings, &["copies", "retention", "group", "transaction"], "the topics first");
            return None;
        }
    };
    findings.fine("brokers", format!("{} answer", connection.brokers()));
    let lost = LostTopics::of(config);
    match &lost {
        None => findings.fine("topics", format!("all are there, with {} partitions", checked.partitions)),
        Some(lost) => findings.fault("topics", lost),
    }
    look_at_properties(config, &checked, outage_ms, findings);
    match check_group(&connection, &config.application_id, &topics, inputs(), checked.partitions) {
        Ok(()) => findings.fine("group", format!("{} is this application's own, or new", config.application_id)),
        Err(error) => findings.fault("group", error),
    }
    let drawn = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let transactional_id = format!("{}-doctor-{drawn:x}", config.application_id);
    match try_transaction(&connection, &transactional_id) {
        Ok(()) => findings.fine("transaction", "one was begun and aborted"),
        Err(error) => findings.fault("transaction", error),
    }
    lost.is_none().then_some(checked.partitions)
}

/// What brokers say about each topic: how safe it is, and for how long it keeps what a restore needs.
fn look_at_properties(config: &Config, checked: &Checked, outage_ms: i64, findings: &mut Findings) {
    let requirements = Requirement::of(&config.topics(), config.inputs.iter().map(|input| input.topic.as_str()));
    let names = requirements.iter().map(|required| required.topic.as_str());
    let found = match Admin::connect(&config.connection()).and_then(|admin| admin.find(names)) {
        Ok(found) => found,
        Err(error) => {
            findings.skip("copies", &error);
            return findings.skip("retention", error);
        }
    };
    let (faults, warnings): (Vec<_>, Vec<_>) = found
        .iter()
        .filter_map(|(topic, found)| copies(topic, found))
        .partition(|(verdict, _)| *verdict == Verdict::Fault);
    let said = |findings: Vec<(Verdict, String)>| findings.into_iter().map(|(_, said)| said).collect::<Vec<_>>();
    findings.both("copies", said(faults), said(warnings), "each topic outlives a broker");
    let inputs: Vec<&Requirement> = requirements.iter().filter(|required| required.role == Role::Input).collect();
    let short = inputs.iter().filter_map(|required| retention(&required.topic, checked, &found, outage_ms));
    let hours = outage_ms / HOUR_MS;
    findings.all(
        "retention",
        Verdict::Warning,
        short.collect(),
        format!("inputs keep records for more than {hours} h"),
    );
}

fn copies(topic: &str, found: &Found) -> Option<(Verdict, String)> {
    let copies = found.replication;
    let in_sync: Option<usize> = found.properties.get("min.insync.replicas").and_then(|least| least.parse().ok());
    match in_sync {
        Some(least) if least > copies => Some((
            Verdict::Fault,
            format!(
                "topic {topic} has {} and wants {least} in sync (min.insync.replicas): nothing can be written to it",
                count(copies as u64, "copy", "copies")
            ),
        )),
        _ if copies < COPIES_MIN => Some((
            Verdict::Warning,
            format!("topic {topic} has one copy: it is gone with its broker; three copies outlive one"),
        )),
        Some(least) if least == copies => Some((
            Verdict::Warning,
            format!(
                "topic {topic} wants all of its {copies} copies in sync: nothing can be written while a broker is away"
            ),
        )),
        Some(1) => Some((
            Verdict::Warning,
            format!(
                "topic {topic} takes what one copy has alone (min.insync.replicas=1): it may be lost with that broker"
            ),
        )),
        _ if found.properties.get("unclean.leader.election.enable").is_some_and(|value| value == "true") => Some((
            Verdict::Warning,
            format!(
                "topic {topic} lets a copy lead that lacks records (unclean.leader.election.enable): some may be lost"
            ),
        )),
        _ => None,
    }
}

fn retention(topic: &str, checked: &Checked, found: &BTreeMap<String, Found>, outage_ms: i64) -> Option<String> {
    if let Some(&kept_ms) = checked.retention_ms.get(topic).filter(|&&kept_ms| kept_ms <= outage_ms) {
        let (kept, outage) = (kept_ms / HOUR_MS, outage_ms / HOUR_MS);
        return Some(format!(
            "topic {topic} keeps records for {kept} h (retention.ms): after {outage} h without a scorer some are gone unread"
        ));
    }
    let bytes = found.get(topic)?.properties.get("retention.bytes")?.parse::<i64>().ok().filter(|&bytes| bytes >= 0)?;
    Some(format!(
        "topic {topic} keeps {bytes} bytes of each partition (retention.bytes): however young records are, they go when there \
         are more"
    ))
}

/// Finds the first record in each shard's journal that is none of ours: no shard can be restored behind it.
fn journal_faults(config: &Config) -> Vec<String> {
    let journal = config.topics().journal;
    let mut faults: BTreeMap<u16, String> = BTreeMap::new();
    let read = kafka::read_journal(&config.connection(), &journal, |Journaled { shard, offset, record, .. }| {
        if let Err(why) = record {
            let fault = || {
                format!(
                    "shard {shard} cannot be restored: {journal}[{shard}]@{offset} is not a record of a journal ({why}), something \
                     else than this program wrote it; `clout journal` lists all of them"
                )
            };
            faults.entry(shard).or_insert_with(fault);
        }
    });
    // That it is not there the topics have told.
    read.map(|_| faults.into_values().collect()).unwrap_or_default()
}

/// Finds what is in the exchange and none of ours: the shard that it is for stops before it.
fn exchange_faults(config: &Config) -> Vec<String> {
    let exchange = config.topics().exchange;
    // That it is not there the topics have told.
    let spoiled = kafka::spoiled_exchange(&config.connection(), &exchange).unwrap_or_default();
    let fault = |Spoiled { shard, offset, reason }| {
        format!(
            "shard {shard} stops: {exchange}[{shard}]@{offset} is not what shards tell each other ({reason}), something else than \
             this program wrote it: take it away (`kafka-delete-records.sh`) if nothing of ours is before it that a restore needs, or \
             build the application anew under another application id"
        )
    };
    spoiled.into_iter().map(fault).collect()
}

/// The checkpoints of a shard, here and where its last owner kept them.
struct Kept {
    shard: u16,
    /// The newest first.
    heads: Vec<JournalRecord>,
    /// True if the shard cannot be restored without one, as its journal was cut off.
    is_needed: bool,
    /// The other place that could not be looked at, in words; empty if there is none.
    elsewhere: String,
}

impl Kept {
    fn find(store: &Store, shard: u16, noted: Option<&Noted>) -> Result<Kept, StoreError> {
        let mut heads = store.heads(shard)?;
        let mut elsewhere = String::new();
        if let Some(place) = noted.and_then(|noted| CheckpointPlace::of(&noted.lines)) {
            match store.heads_at(shard, &place)? {
                Ok(theirs) if theirs.is_empty() => {}
                Ok(theirs) => heads.extend(theirs),
                Err(reason) => elsewhere = format!("; its last owner kept them in {place}: {reason}"),
            }
        }
        let mut heads: Vec<JournalRecord> = heads.into_iter().flatten().collect();
        heads.sort_by_key(|head| Reverse(head.sequence));
        Ok(Kept { shard, heads, is_needed: noted.is_some_and(|noted| noted.is_trimmed), elsewhere })
    }
}

/// Checks that each shard that was owned can be restored: that it has a checkpoint if its journal was cut off, and that the inputs have
/// the records behind it.
fn look_at_restores(config: &Config, partitions: u16, findings: &mut Findings) {
    let place = &config.checkpoints.place;
    let mut faults = journal_faults(config);
    faults.extend(exchange_faults(config));
    let noted = kafka::noted(&config.connection(), &config.application_id, &config.topics(), partitions);
    let of = |shard: u16| noted.iter().find(|noted| noted.shard == shard);
    let kept = config.identified_store().and_then(|store| {
        (0..partitions).map(|shard| Kept::find(&store, shard, of(shard))).collect::<Result<Vec<_>, StoreError>>()
    });
    let kept = match kept {
        Ok(kept) if noted.is_empty() && faults.is_empty() && kept.iter().all(|kept| kept.heads.is_empty()) => {
            return findings
                .fine("restores", format!("there are no checkpoints in {place}, and nothing that needs one"));
        }
        Ok(kept) => kept,
        Err(error) => return findings.skip("restores", error),
    };
    let exchange = config.topics().exchange;
    let first = Admin::connect(&config.connection()).and_then(|admin| {
        let topics = config.inputs.iter().map(|input| &input.topic).chain([&exchange]);
        topics.map(|topic| admin.first_offsets(topic, partitions.into())).collect::<Result<Vec<_>, _>>()
    });
    let first = match first {
        Ok(first) => first,
        Err(error) => return findings.skip("restores", error),
    };
    let mut warnings = Vec::new();
    for Kept { shard, heads, is_needed, elsewhere } in kept {
        if heads.is_empty() && is_needed {
            faults.push(format!(
                "shard {shard} cannot be restored: its journal no longer begins at the beginning, and there is no checkpoint of it in \
                 {place}{elsewhere}; put one back, name their place by --checkpoints, or build the application anew under another \
                 application id"
            ));
        }
        let lacks: Vec<Option<String>> = heads.iter().map(|head| lacks(head, config, &first)).collect();
        match lacks.iter().position(Option::is_none) {
            Some(0) => warnings.extend(lacks.into_iter().flatten()),
            _ => faults
                .extend(lacks.into_iter().flatten().map(|said| format!("shard {shard} cannot be restored: {said}"))),
        }
    }
    findings.both("restores", faults, warnings, "the inputs and the exchange have what checkpoints need");
}

/// Names the first input that no longer has what a restore from a checkpoint reads, or the exchange, whose first offsets are the last
/// ones; `None` if all is there.
fn lacks(head: &JournalRecord, config: &Config, first: &[Vec<i64>]) -> Option<String> {
    let (shard, sequence) = (head.shard, head.sequence);
    let begins = |first: &Vec<i64>| first.get(usize::from(shard)).copied();
    let input = config.inputs.iter().zip(&head.inputs).zip(first).find_map(|((input, range), first)| {
        let begins = begins(first)?;
        (range.next < begins).then(|| {
            format!(
                "the checkpoint of sequence {sequence} needs {}[{shard}] from offset {} on, and it begins at {begins}: raise \
                 retention.ms, and have newer checkpoints written before anything restarts",
                input.topic, range.next
            )
        })
    });
    input.or_else(|| {
        let begins = begins(first.last()?)?;
        (head.exchange.next < begins).then(|| {
            format!(
                "the checkpoint of sequence {sequence} needs {}[{shard}] from offset {} on, and it begins at {begins}: something else \
                 than this program has deleted records there; have newer checkpoints written before anything restarts",
                config.topics().exchange,
                head.exchange.next
            )
        })
    })
}

/// Returns by how much the store's clock is ahead of this host's, if the store works.
fn look_at_store(config: &Config, findings: &mut Findings) -> Option<i64> {
    let checked = config.identified_store().and_then(|store| {
        let began_ms = jiff::Timestamp::now().as_millisecond();
        let written_ms = store.check()?;
        Ok(written_ms - written_ms.clamp(began_ms, jiff::Timestamp::now().as_millisecond()))
    });
    match &checked {
        Ok(_) => findings
            .fine("checkpoints", format!("{} can be listed, written, read and deleted", config.checkpoints.place)),
        Err(error @ StoreError::Away { doing: pipeline::Doing::Writing | pipeline::Doing::Deleting, .. }) => {
            findings.warn("checkpoints", error);
        }
        Err(error) => findings.fault("checkpoints", error),
    }
    checked.ok()
}

/// Compares this host's clock with the store's, and with those that stamp the inputs' records: the producers', or the brokers' where
/// a topic says `message.timestamp.type=LogAppendTime`.
fn look_at_clocks(config: &Config, partitions: Option<u16>, store_ahead_ms: Option<i64>, findings: &mut Findings) {
    let mut apart: Vec<String> = store_ahead_ms.and_then(store_apart).into_iter().collect();
    let at_ms = jiff::Timestamp::now().as_millisecond() + CLOCKS_APART_MAX_MS;
    let inputs = partitions.map(|partitions| config.inputs.iter().map(move |input| (&input.topic, partitions)));
    for (topic, partitions) in inputs.into_iter().flatten() {
        match kafka::stamped_from(&config.connection(), topic, partitions, at_ms) {
            Ok(None) => {}
            Ok(Some((partition, offset))) => apart.push(format!(
                "{topic}[{partition}]@{offset} is stamped more than a minute ahead of this host's clock: this one is behind, or \
                 that of whoever stamped it is ahead; acts from more than five minutes ahead become dead letters"
            )),
            Err(error) => return findings.skip("clocks", error),
        }
    }
    let known: Vec<&str> = [(store_ahead_ms.is_some(), "the checkpoints'"), (partitions.is_some(), "the records'")]
        .into_iter()
        .filter_map(|(is_known, whose)| is_known.then_some(whose))
        .collect();
    if known.is_empty() {
        return findings.skip("clocks", "brokers and checkpoints first");
    }
    findings.all("clocks", Verdict::Warning, apart, format!("this host's agrees with {}", known.join(" and ")));
}

/// Says by how much the store's clock is wrong, if it is.
fn store_apart(ahead_ms: i64) -> Option<String> {
    let (apart, way) = (ahead_ms.abs(), if ahead_ms < 0 { "behind" } else { "ahead of" });
    (apart > CLOCKS_APART_MAX_MS).then(|| {
        format!(
            "the clock of the store of checkpoints is {} {way} this host's: object stores refuse requests from 15 minutes on; \
             have both kept right (NTP)",
            count((apart / MINUTE_MS) as u64, "minute", "minutes")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_whose_clock_is_another_one_is_told() {
        assert!([0, 900, -59_000, 60_000].into_iter().all(|ahead_ms| store_apart(ahead_ms).is_none()));
        let told = |minutes: i64| store_apart(minutes * MINUTE_MS).unwrap_or_default();
        assert!(told(12).contains("12 minutes ahead of this host's") && told(-2).contains("2 minutes behind this"));
    }
}
