//! The settings that never change, by the names of the configuration: what an owner of a shard writes beside its offsets, so
//! that another one can say which of them it has otherwise. Whether any differs is for the fingerprint to say.

use std::collections::BTreeMap;

use influence::{HashKey, Partitioner};
use twox_hash::XxHash3_64;
use vocabulary::{Kind, PerKind};
use wire::Spelling;

use crate::settings::{Clock, Holds, Input, Settings};

/// Longer values are told apart by a hash.
const VALUE_BYTES_MAX: usize = 300;
/// The name of the key of the hash of names.
pub const HASH_KEY: &str = "model.hash_key";

impl Settings {
    /// One line for each: `name=value`.
    pub fn known(&self) -> String {
        self.list().into_iter().map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// What is otherwise than in these lines, for people; empty if nothing is known to be.
    pub fn changes(&self, known: &str) -> String {
        self.changes_of(known, |_| true)
    }

    /// The same, of settings with these names.
    pub fn changes_of(&self, known: &str, is_looked_at: impl Fn(&str) -> bool) -> String {
        let before: BTreeMap<&str, &str> = known.lines().filter_map(|line| line.split_once('=')).collect();
        let looked_at = self.list().into_iter().filter(|(name, _)| is_looked_at(name));
        let changed = looked_at.filter_map(|(name, is)| {
            let was = *before.get(name)?;
            (was != is).then(|| match name {
                HASH_KEY => format!("{name} is another one than the application was made with"),
                _ => format!("{name} is {}, the application was made with {}", or_none(&is), or_none(was)),
            })
        });
        changed.collect::<Vec<_>>().join("; ")
    }

    fn list(&self) -> Vec<(&'static str, String)> {
        let Settings { model, hash_key, names, shards, inputs, clock, dedup_window_ms, .. } = self;
        let ignored: Vec<&str> = names.ignored().collect();
        vec![
            ("partitions", shards.to_string()),
            ("clock", clock_word(*clock).to_owned()),
            ("dedup_window", dedup_window_ms.map_or(String::new(), duration)),
            ("inputs", short(inputs.iter().map(input).collect::<Vec<_>>().join(","))),
            // An offset belongs to a topic, and a slice names topics by their places.
            ("topics", short(inputs.iter().map(|input| &*input.topic).collect::<Vec<_>>().join(","))),
            ("model.half_life", duration(model.half_life_ms)),
            ("model.window", duration(model.window_ms)),
            ("model.forget_after", model.forget_after_ms.map_or(String::new(), duration)),
            ("model.scale_floor", model.scale_floor.to_string()),
            ("model.kinds", weights(&model.weights)),
            ("model.rho", model.rho.to_string()),
            ("model.room.n0", model.room.n0.to_string()),
            ("model.room.m", model.room.m.to_string()),
            ("model.room.c", model.room.c.to_string()),
            ("model.room.lateness", model.room.lateness_ms.map_or(String::new(), duration)),
            ("model.eps", model.eps.to_string()),
            ("model.contact_threshold", model.contact_growth.to_string()),
            ("model.partitioner", partitioner_word(model.partitioner).to_owned()),
            (HASH_KEY, mark(hash_key)),
            ("model.names", spelling_word(names.spelling()).to_owned()),
            ("model.ignore_users", short(ignored.join(","))),
        ]
    }
}

/// The weights that are not the usual ones.
fn weights(weights: &PerKind<f64>) -> String {
    let unusual = weights.iter().filter(|(kind, weight)| **weight != kind.weight());
    unusual.map(|(kind, weight)| format!("{}:{weight}", kind.word())).collect::<Vec<_>>().join(",")
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

/// A value that fits beside offsets.
fn short(value: String) -> String {
    let is_plain = value.len() <= VALUE_BYTES_MAX && !value.contains('\n');
    if is_plain { value } else { format!("#{:08x}", XxHash3_64::oneshot(value.as_bytes()) as u32) }
}

fn input(input: &Input) -> String {
    match (input.holds, input.kind) {
        (Holds::Profiles, _) => "profiles".to_owned(),
        (Holds::Events, Kind::Mention) => "events".to_owned(),
        (Holds::Events, kind) => format!("events:{}", kind.word()),
    }
}

/// Tells two keys apart, and says nothing about either.
fn mark(key: &HashKey) -> String {
    let [first, second] = key.words();
    let bytes: Vec<u8> = [first, second].iter().flat_map(|word| word.to_le_bytes()).collect();
    format!("{:08x}", XxHash3_64::oneshot(&bytes) as u32)
}

fn clock_word(clock: Clock) -> &'static str {
    match clock {
        Clock::Wall => "wall",
        Clock::Event => "event",
        Clock::Stored => "stored",
    }
}

fn partitioner_word(partitioner: Partitioner) -> &'static str {
    match partitioner {
        Partitioner::Murmur2 => "murmur2",
        Partitioner::Crc32 => "consistent",
    }
}

fn spelling_word(spelling: Spelling) -> &'static str {
    match spelling {
        Spelling::Exact => "exact",
        Spelling::Folded => "folded",
    }
}

/// A duration in the largest unit of which it is whole.
fn duration(duration_ms: i64) -> String {
    const UNITS: [(i64, &str); 5] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let whole = UNITS.iter().find(|(unit_ms, _)| duration_ms % unit_ms == 0);
    whole.map_or(String::new(), |(unit_ms, unit)| format!("{}{unit}", duration_ms / unit_ms))
}

#[cfg(test)]
mod tests {
    use wire::Names;

    use super::*;
    use crate::sample;

    fn settings() -> Settings {
        sample::settings([Holds::Profiles, Holds::Events])
    }

    fn told(change: fn(&mut Settings)) -> String {
        let mut changed = settings();
        change(&mut changed);
        changed.changes(&settings().known())
    }

    #[test]
    fn what_changed_is_named_with_what_it_was() {
        let check = |change, expected: &str| assert_eq!(told(change), expected);
        check(|_| {}, "");
        check(
            |settings| settings.model.half_life_ms = 7 * 86_400_000,
            "model.half_life is 7d, the application was made with 30d",
        );
        check(|settings| settings.clock = Clock::Event, "clock is event, the application was made with wall");
        check(
            |settings| settings.model.weights[Kind::Like] = 0.5,
            "model.kinds is like:0.5, the application was made with none",
        );
        check(
            |settings| settings.model.scale_floor = 1_000.0,
            "model.scale_floor is 1000, the application was made with 100",
        );
        check(|settings| settings.model.eps = 0.01, "model.eps is 0.01, the application was made with 0.05");
        check(
            |settings| settings.dedup_window_ms = Some(90_000),
            "dedup_window is 90s, the application was made with none",
        );
        check(
            |settings| settings.inputs[1].kind = Kind::Reply,
            "inputs is profiles,events:reply, the application was made with profiles,events",
        );
        check(
            |settings| settings.inputs.truncate(1),
            "inputs is profiles, the application was made with profiles,events; topics is events, the application was made with \
             events,events",
        );
        check(
            |settings| settings.inputs[1].topic = "orders".to_owned(),
            "topics is events,orders, the application was made with events,events",
        );
        check(
            |settings| settings.names = Names::new(Spelling::Folded, ["NA"]),
            "model.names is folded, the application was made with exact; model.ignore_users is na, the application was \
             made with none",
        );
        check(
            |settings| settings.hash_key = HashKey::new([1, 3]),
            "model.hash_key is another one than the application was made with",
        );
        let mut keyed = settings();
        keyed.hash_key = HashKey::new([1, 3]);
        assert_eq!(keyed.changes_of(&settings().known(), |name| name != HASH_KEY), "");
        assert_eq!(settings().changes(""), "");
        assert_eq!(settings().changes("of another version\nmodel.tau=3\n"), "");
    }

    #[test]
    fn what_is_long_or_secret_is_told_apart_and_not_told() {
        let mut long = settings();
        long.names = Names::new(Spelling::Exact, (0..1_000).map(|number| format!("nobody-{number}")));
        assert!(long.known().len() < 600, "{}", long.known());
        assert_ne!(long.changes(&settings().known()), "");
        let mut secret = settings();
        secret.hash_key = HashKey::new([0x1234_5678_9abc_def0, 7]);
        assert!(!secret.known().contains("9abcdef0") && !secret.known().contains("12345678"), "{}", secret.known());
    }
}
