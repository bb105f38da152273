//! All that can be configured: one table for the file, the environment, the flags and the page that lists them.

/// A key, or a table whose keys are somebody else's.
#[derive(Debug)]
pub(crate) struct Key {
    /// As in the file, with its section.
    pub(crate) name: &'static str,
    /// Without the dashes; empty where there is none.
    pub(crate) flag: &'static str,
    /// What the help calls the value.
    pub(crate) value: &'static str,
    /// As text; in brackets where it is not a value but told.
    pub(crate) default: &'static str,
    pub(crate) what: &'static str,
    pub(crate) scope: Scope,
}

/// Which commands take its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All that know Kafka.
    All,
    /// Those of them that touch checkpoints.
    Store,
    /// `run` alone.
    Run,
    /// `serve` alone.
    Serve,
}

use Scope::{All, Run, Serve, Store};

impl Scope {
    /// Tells whether a command of this reach takes flags of a key's scope: one that scores takes all but those of showing.
    pub(crate) const fn includes(reach: u8, scope: Scope) -> bool {
        match scope {
            All => true,
            Store | Run => scope as u8 <= reach && reach <= Run as u8,
            Serve => reach == Serve as u8,
        }
    }
}

const fn key(
    scope: Scope,
    name: &'static str,
    flag: &'static str,
    value: &'static str,
    default: &'static str,
    what: &'static str,
) -> Key {
    Key { name, flag, value, default, what, scope }
}

/// The table of topics.
pub(crate) const INPUTS: &str = "inputs";
/// The table of what the checkpoints' store wants to know.
pub(crate) const OPTIONS: &str = "checkpoints.options";
/// The table of what kinds of acts weigh.
pub(crate) const KINDS: &str = "model.kinds";
/// The table of librdkafka's properties.
pub(crate) const KAFKA: &str = "kafka";

#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    key(All, "application_id", "application-id", "NAME", "clout", "consumer group, and the beginning of the names of its topics"),
    key(Run, "instance", "instance", "NAME", "[the host's name, and a number for each further process]", "names this process among all of the application; the same when it is started again"),
    key(Run, "workers", "workers", "NUMBER", "1", "threads that score"),
    key(Run, "clock", "clock", "wall|event", "wall", "what moves the clock: this machine's, or for history the newest event"),
    key(Run, "start", "start", "earliest|latest", "earliest", "where an application that is new begins to read its inputs"),
    key(Run, "dedup_window", "dedup-window", "DURATION", "[none]", "events with one id count once within this time; without it ids are not looked at"),
    key(All, INPUTS, "input", "TOPIC[:WORD...]", "events", "topics that are read; a word may be events or profiles, protobuf or json, confluent, or the kind of events that name none"),
    key(Run, "model.half_life", "half-life", "DURATION", "30d", "time after which an act counts half"),
    key(Run, "model.window", "window", "DURATION", "[6 half-lives]", "time without an act after which a pair is forgotten"),
    key(Run, "model.forget_after", "forget-after", "DURATION", "[never]", "time without a fan and without a follower after which a person's score is removed and the person forgotten"),
    key(Run, "model.scale_floor", "scale-floor", "VOTES", "100", "votes below which the scale never is: where it starts in a world without history"),
    key(Run, KINDS, "kind-weight", "KIND=WEIGHT", "[retweet, mention and quote 1, reply 0.5, like 0.25]", "votes that an act of a kind adds, 0.001 to 10, as in like=0.5"),
    key(Run, "model.rho", "rho", "SHARE", "0.9", "the share of its votes that a wholly closed circle loses, 0 to 1"),
    key(Run, "model.room.n0", "room-n0", "VOTES", "50", "votes that all fans together have who are not known: whose acts span less than a half-life"),
    key(Run, "model.room.m", "room-m", "VOTES", "1.8", "votes that each of them has at most, divided over all on whom it acts"),
    key(Run, "model.room.c", "room-c", "VOTES", "50", "votes for which each known fan makes room, divided likewise; 20 where most people have been there for long"),
    key(Run, "model.room.lateness", "room-lateness", "DURATION", "1h", "for the age of its account an act is at most so much older than its arrival; not with `clock = \"event\"`"),
    key(Run, "model.eps", "eps", "SHARE", "0.05", "somebody's rate is passed on when it is off by more than this share"),
    key(Run, "model.contact_threshold", "contact-threshold", "SHARE", "0.002", "the two sides of a mutual pair are told of growth beyond this share"),
    key(All, "model.partitioner", "partitioner", "murmur2|consistent", "murmur2", "how producers find the partition of a key: the Java client's way, or that of C, Python and Go"),
    key(Run, "model.hash_key", "", "32 HEX DIGITS", "[the application's own]", "secret key of the hash of names; `model.hash_key.file` reads it from a file"),
    key(All, "model.names", "names", "exact|folded", "exact", "which names are one person: those of the same bytes, or also those that differ by case, `@`, blanks, or as a profile's address"),
    key(Run, "model.ignore_users", "ignore-user", "NAMES", "[none]", "names that stand for nobody, such as NA,NULL,[deleted]: acts by and on them do not count"),
    key(All, "history.closes", "history-closes", "true|false", "false", "whether how people stood at the end of each day, 00:00 UTC, is told in a topic of its own"),
    key(Run, "outputs.encoding", "output-encoding", "protobuf|json", "protobuf", "how scores, closes and dead letters are written: protobuf, with dead letters as the records themselves, or each as one object of JSON"),
    key(All, "outputs.credits", "output-credits", "true|false", "false", "whether the votes that each act gave are told in a topic of their own"),
    key(Serve, "views.folder", "views", "FOLDER", "[none]", "where `clout serve` keeps the history of everybody, made of the closes; without it history begins when it starts"),
    key(Run, "pace.epoch", "epoch", "DURATION", "100ms", "an epoch, which is a transaction, ends after this time"),
    key(Run, "pace.records", "epoch-records", "NUMBER", "16384", "or when so many records wait; while more wait than it takes, an epoch grows up to half of pace.backlog"),
    key(Run, "pace.backlog", "backlog", "NUMBER", "262144", "no more records are kept in memory before they are scored"),
    key(Run, "pace.bytes", "epoch-bytes", "BYTES", "16777216", "or when so many bytes wait, as they are in memory"),
    key(Run, "pace.backlog_bytes", "backlog-bytes", "BYTES", "33554432", "no more bytes are kept in memory before they are scored"),
    key(Run, "pace.lag", "lag", "DURATION", "60s", "nothing of a shard is published while it lags by more than this"),
    key(Store, "checkpoints.place", "checkpoints", "FOLDER|URL", "checkpoints", "where checkpoints are kept: a folder, or a URL such as s3://bucket/clout"),
    key(Run, "checkpoints.every", "checkpoint-every", "DURATION", "30s", "time between two checkpoints of a shard"),
    key(Store, OPTIONS, "checkpoint-option", "NAME=VALUE", "[none]", "what the store wants to know, such as aws_region; `NAME.file` reads the value from a file"),
    key(All, "kafka.bootstrap.servers", "brokers", "ADDRESSES", "localhost:9092", "where the brokers are, with commas between"),
    key(All, KAFKA, "kafka", "NAME=VALUE", "[none]", "any property of librdkafka, such as security.protocol; `NAME.file` reads the value from a file"),
];

impl Key {
    /// Its variable.
    pub(crate) fn variable(&self) -> String {
        format!("CLOUT_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Whether it is a list or a table.
    pub(crate) fn is_many(&self) -> bool {
        matches!(self.name, INPUTS | OPTIONS | KINDS | KAFKA)
    }

    /// True if the value is a list: commas separate its parts, a flag may be repeated, and the file has an array.
    pub(crate) fn is_list(&self) -> bool {
        self.name == "model.ignore_users"
    }

    /// The value where nobody says anything, if it is one.
    pub(crate) fn default(&self) -> Option<&'static str> {
        (!self.default.starts_with('[')).then_some(self.default)
    }
}

/// The key of this name.
pub(crate) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The word that is most like another one, if any is.
pub(crate) fn nearest<'a>(word: &str, words: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) = words.map(|other| (strsim::levenshtein(word, other), other)).min()?;
    (distance <= 2 + word.len() / 4).then_some(nearest)
}
