//! What a run has read, scored and left out, and how fast: for people as text, for programs as JSON.

use std::time::Duration;

use influence::{Collision, Model, Sizes};
use serde::{Serialize, Serializer};
use vocabulary::{Kind, PerKind};

use crate::recorded::Stop;
use crate::recorded::gate::Counts;
use crate::recorded::log::FileRead;
use crate::recorded::messages::NetworkRead;
use crate::recorded::notes as file_notes;
use crate::replay::credits::CreditsWritten;
use crate::replay::notes;
use crate::replay::options::ReplayArgs;
use crate::replay::outliers::Outliers;
use crate::replay::ranking::Ranking;
use crate::replay::scoring::Scoring;
use crate::replay::timeline::Written;
use crate::screen::Screen;
use crate::words::{self, count, thousands, time};

/// All that is told beside the scores. Its fields are the keys of the JSON document.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Summary {
    /// The time the scores are for; none without an event.
    pub(crate) as_of: Option<String>,
    pub(crate) half_life_ms: i64,
    pub(crate) window_ms: i64,
    /// Votes that an act of each kind adds.
    #[serde(skip)]
    pub(crate) weights: PerKind<f64>,
    /// Votes that stand for 100.
    pub(crate) scale: Option<f64>,
    files: Vec<FileRead>,
    /// What came of the messages of each network.
    networks: Vec<NetworkRead>,
    /// True if all events lie within one half-life.
    #[serde(skip)]
    pub(crate) is_young: bool,
    first_event_at: Option<String>,
    last_event_at: Option<String>,
    /// Records of events, good and bad.
    records: u64,
    profiles: u64,
    scored: Scored,
    left_out: LeftOut,
    /// People with a score.
    pub(crate) rated: u64,
    /// People who acted or were acted upon.
    people: u64,
    /// Pairs of an actor and a target, inside the window.
    edges: u64,
    follows: u64,
    scores_published: u64,
    /// What `--timeline` wrote.
    timeline: Option<Written>,
    /// What `--history-out` wrote.
    history: Option<Written>,
    /// The number of rows that `--credits-out` wrote.
    credits: Option<CreditsWritten>,
    first_collisions: Vec<NameLeftOut>,
    outliers: Option<Far>,
    /// What people should know about the files and about names.
    notes: Vec<String>,
    partitions: u16,
    workers: u16,
    seconds: f64,
    events_per_second: f64,
    peak_memory_bytes: Option<u64>,
    stopped: Option<String>,
}

/// Events that count.
#[derive(Clone, Copy, Debug, Default)]
struct Scored {
    by_kind: PerKind<u64>,
    /// Among them: older than the window, so that they are counted and move nothing.
    late: u64,
}

impl Serialize for Scored {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let by_kind = self.by_kind.iter().map(|(kind, &count)| (kind.plural(), count));
        serializer
            .collect_map([("events", self.by_kind.total())].into_iter().chain(by_kind).chain([("late", self.late)]))
    }
}

/// Records that count nowhere.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct LeftOut {
    self_acts: u64,
    opted_out: u64,
    /// Acts on people who block the actor.
    blocked: u64,
    /// Acts of one account of a person on another.
    own_accounts: u64,
    shard_full: u64,
    collided: u64,
    after_until: u64,
    ignored: u64,
    /// Posts: whole records that act on nobody.
    no_target: u64,
    /// Acts of kinds that are not scored.
    other_kinds: u64,
    malformed: u64,
    future: u64,
    malformed_profiles: u64,
}

/// Two names with one hash.
#[derive(Clone, Debug, Serialize)]
struct NameLeftOut {
    user: String,
    /// The name that came before, where it is known.
    first: Option<String>,
}

/// A few events far beyond all others, and the option that leaves them out.
#[derive(Clone, Debug, Serialize)]
struct Far {
    events: u64,
    from: String,
    to: String,
    gap_ms: i64,
    until: String,
}

/// A run when all is read and at rest.
pub(crate) struct Run<'s> {
    pub(crate) args: &'s ReplayArgs,
    pub(crate) model: &'s Model,
    pub(crate) files: Vec<FileRead>,
    pub(crate) counts: Counts,
    pub(crate) networks: Vec<NetworkRead>,
    pub(crate) notes: Vec<String>,
    pub(crate) scoring: &'s Scoring,
    pub(crate) stop: Option<&'s Stop>,
    pub(crate) elapsed: Duration,
}

impl Summary {
    pub(crate) fn of(run: Run<'_>, ranking: &Ranking<'_>) -> Summary {
        let Run { args, model, files, counts, networks, notes: mut told, scoring, stop, elapsed } = run;
        let world = &scoring.world;
        let progress = world.progress();
        let Sizes { people, edges, follows, .. } = world.sizes();
        let span = scoring.clusters.span();
        told.extend(span.and_then(|(first, last)| file_notes::early(first, last)));
        if stop.is_none() {
            told.extend(notes::of(ranking, &args.names(), &scoring.strangers));
        }
        let taken =
            |collision: &Collision| NameLeftOut { user: collision.second.clone(), first: collision.first.clone() };
        Summary {
            as_of: world.now().map(time),
            half_life_ms: model.half_life_ms,
            weights: model.weights,
            window_ms: model.window_ms,
            scale: ranking.top(1).next().map(|first| wire::seven_digits(first.score.scale)),
            files,
            networks,
            is_young: span.is_some_and(|(from, to)| to.saturating_sub(from) <= model.half_life_ms),
            first_event_at: span.map(|(from, _)| time(from)),
            last_event_at: span.map(|(_, to)| time(to)),
            records: counts.records,
            profiles: counts.profiles,
            scored: Scored::of(progress.taken),
            left_out: LeftOut::of(progress.taken, counts),
            rated: ranking.len() as u64,
            people,
            edges,
            follows,
            scores_published: progress.published,
            timeline: scoring.timeline_written,
            history: scoring.history_written,
            credits: scoring.credits_written,
            first_collisions: progress.first_collisions.iter().map(taken).collect(),
            notes: told,
            outliers: scoring.clusters.outliers().map(Far::of),
            partitions: args.partitions,
            workers: args.workers,
            seconds: elapsed.as_secs_f64(),
            events_per_second: counts.records as f64 / elapsed.as_secs_f64().max(1e-9),
            peak_memory_bytes: peak_memory_bytes(),
            stopped: stop.map(Stop::to_string),
        }
    }

    /// What people should know before they trust the scores.
    pub(crate) fn warnings(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.scored.by_kind.total() == 0 && self.records == self.left_out.after_until && self.stopped.is_none() {
            lines.push(match self.records {
                0 => "note: there are no events, so nobody is rated".to_owned(),
                _ => "note: all events are later than --until, so nobody is rated".to_owned(),
            });
        }
        lines.extend(self.notes.iter().cloned());
        lines.extend(self.outliers.as_ref().map(Far::warning));
        if self.left_out.shard_full > 0 {
            let records = count(self.left_out.shard_full, "record was", "records were");
            lines.push(format!(
                "warning: {records} left out, since a shard holds no more people, names or pairs: use more --partitions"
            ));
        }
        if !self.first_collisions.is_empty() {
            let some = "note: names were left out, since their hash is another name's; a new run has another hash:";
            lines.push(some.to_owned());
            lines.extend(self.first_collisions.iter().map(NameLeftOut::line));
        }
        lines
    }

    /// The end of the run, for people.
    pub(crate) fn text(&self, screen: &Screen) -> String {
        let mut lines = vec![("read", self.read_line())];
        lines.extend(self.networks.iter().map(|network| ("network", network.line())));
        if self.profiles > 0 {
            lines.push(("profiles", thousands(self.profiles)));
        }
        lines.push(("scored", self.scored_line()));
        let left_out = self.left_out.line();
        if !left_out.is_empty() {
            lines.push(("left out", left_out));
        }
        if self.scored.late > 0 {
            let events = count(self.scored.late, "event", "events");
            let window = words::duration(self.window_ms);
            lines.push(("late", format!("{events} older than the window of {window}: counted as received, no more")));
        }
        for (word, written) in [("timeline", self.timeline), ("history", self.history)] {
            if let Some(Written { rows, times }) = written {
                let times = count(times, "time", "times");
                lines.push((word, format!("{}, as of {times}", count(rows, "row", "rows"))));
            }
        }
        if let Some(CreditsWritten { acts, rates }) = self.credits {
            let rates = count(rates, "change of a rate", "changes of rates");
            lines.push(("credits", format!("of {}, and {rates}", count(acts, "act", "acts"))));
        }
        lines.push(("took", self.took_line()));
        let text = lines.iter().map(|(word, line)| screen.labelled(&format!("{word:<9} "), line, Screen::as_is));
        text.collect::<Vec<_>>().join("\n")
    }

    fn read_line(&self) -> String {
        let records = count(self.records, "record", "records");
        let files = match &self.files[..] {
            [] => String::new(),
            [file] => format!(" from {}", file.words()),
            files => format!(" from {} files, merged by time", files.len()),
        };
        match (&self.first_event_at, &self.last_event_at) {
            (Some(from), Some(to)) => format!("{records}{files}, {from} to {to}"),
            _ => format!("{records}{files}"),
        }
    }

    fn scored_line(&self) -> String {
        let Scored { by_kind, .. } = self.scored;
        let kinds = listed(&Kind::LISTED.map(|kind| (by_kind[kind], kind.word(), kind.plural())));
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({kinds})") };
        let people = count(self.people, "person", "people");
        let who = match (self.people, self.rated) {
            (0, _) => "nobody".to_owned(),
            (_, 0) => format!("{people}, none of them rated"),
            (_, rated) => format!("{people}, {} of them rated", thousands(rated)),
        };
        format!("{}{kinds}; {who}", count(by_kind.total(), "event", "events"))
    }

    fn took_line(&self) -> String {
        let memory = self.peak_memory_bytes.map(|bytes| format!(", peak memory {}", words::bytes(bytes)));
        let rate = thousands(self.events_per_second.round() as u64);
        format!("{:.2} s, {rate} events/s{}", self.seconds, memory.unwrap_or_default())
    }
}

impl Scored {
    fn of(taken: influence::Taken) -> Scored {
        Scored { by_kind: taken.accepted, late: taken.late }
    }
}

impl LeftOut {
    fn of(taken: influence::Taken, counts: Counts) -> LeftOut {
        LeftOut {
            self_acts: taken.self_acts,
            opted_out: taken.opted_out,
            blocked: taken.blocked,
            own_accounts: taken.own_accounts,
            shard_full: taken.refused,
            collided: taken.collided,
            after_until: counts.after_until,
            ignored: counts.ignored,
            no_target: counts.no_target,
            other_kinds: counts.other_kinds,
            malformed: counts.malformed,
            future: counts.future,
            malformed_profiles: counts.malformed_profiles,
        }
    }

    fn line(&self) -> String {
        listed(&[
            (self.self_acts, "self-act", "self-acts"),
            (self.opted_out, "act of somebody who opted out", "acts of people who opted out"),
            (self.blocked, "act on somebody who blocks the actor", "acts on people who block the actor"),
            (self.own_accounts, "act on another account of one's own", "acts on other accounts of one's own"),
            (self.shard_full, "record that found its shard full", "records that found their shards full"),
            (self.collided, "record of a name whose hash is another's", "records of names whose hash is another's"),
            (self.after_until, "event after --until", "events after --until"),
            (self.ignored, "event of ignored users", "events of ignored users"),
            (self.no_target, "post without a target", "posts without a target"),
            (self.other_kinds, "act of another kind", "acts of other kinds"),
            (self.malformed, "malformed line", "malformed lines"),
            (self.future, "event from the future", "events from the future"),
            (self.malformed_profiles, "malformed profile", "malformed profiles"),
        ])
    }
}

impl FileRead {
    fn words(&self) -> String {
        match &self.packing {
            Some(packing) => format!("{} ({}, {packing})", self.file, self.format),
            None => format!("{} ({})", self.file, self.format),
        }
    }
}

impl NameLeftOut {
    fn line(&self) -> String {
        match &self.first {
            Some(first) => format!("  {:?}, as {first:?} came before", self.user),
            None => format!("  {:?}, as another came before", self.user),
        }
    }
}

impl Far {
    fn of(few: Outliers) -> Far {
        Far {
            events: few.events,
            from: time(few.from),
            to: time(few.to),
            gap_ms: few.from - few.others_to,
            until: time(few.others_to),
        }
    }

    fn warning(&self) -> String {
        let Far { from, to, until, .. } = self;
        let (events, lie) = match self.events {
            1 => ("the newest event".to_owned(), "lies"),
            events => (format!("the {} newest events", thousands(events)), "lie"),
        };
        let times = if from == to { from.clone() } else { format!("{from} to {to}") };
        let gap = words::duration(self.gap_ms);
        format!(
            "note: {events} ({times}) {lie} {gap} beyond all others, which have faded by then; --until {until} leaves them out"
        )
    }
}

/// Those of which there are any, with their numbers.
fn listed(parts: &[(u64, &str, &str)]) -> String {
    let parts = parts.iter().filter(|(number, ..)| *number > 0);
    parts.map(|&(number, one, many)| count(number, one, many)).collect::<Vec<_>>().join(", ")
}

/// The most memory this process has had, where the system tells.
fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use clap::Parser;
    use embedded::World;
    use influence::HashKey;
    use vocabulary::Event;

    use super::*;
    use crate::interrupt::Interrupt;
    use crate::recorded::Sink;
    use crate::recorded::input::BytesRead;
    use crate::recorded::progress::{Progress, Watch};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ReplayArgs,
    }

    /// The warnings after mentions of these targets, under a hash of so many bits.
    fn warnings(hash_bits: u32, targets: &[&str]) -> Vec<String> {
        let args = Line::parse_from(["replay", "log"]).args;
        let model = Model::default();
        let progress = Progress::new(None, BytesRead::default(), true);
        let watch = Watch { progress, interrupt: Interrupt::default() };
        let mut scoring = Scoring::new(&model, &args, watch).unwrap();
        scoring.world = World::new(&model, HashKey::new([1, 2]).with_bits(hash_bits), 1, 1);
        for target in targets {
            scoring.event(&Event { actor: "ana", target, kind: Kind::Mention, at: 1_577_836_800_000 }, "").unwrap();
        }
        scoring.finish(None).unwrap();
        let counts = Counts { records: targets.len() as u64, ..Counts::default() };
        let elapsed = Duration::from_secs(1);
        let run = Run {
            args: &args,
            model: &model,
            files: Vec::new(),
            counts,
            networks: Vec::new(),
            notes: Vec::new(),
            scoring: &scoring,
            stop: None,
            elapsed,
        };
        Summary::of(run, &Ranking::of(&scoring.world)).warnings()
    }

    #[test]
    fn names_that_are_left_out_are_told() {
        assert_eq!(warnings(64, &["bo", "cy", "dee"]), [""; 0]);
        let told = warnings(1, &["bo", "cy", "dee"]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            told[0],
            "note: names were left out, since their hash is another name's; a new run has another hash:"
        );
        assert!(told[1].contains(", as \"") && told[1].ends_with("\" came before"), "{}", told[1]);
    }
}
