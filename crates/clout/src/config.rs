//! What an application is told: by a file, by the environment and by flags. Of what is said twice, the later of these wins.
//!
//! All of it is said in `keys`: the file's keys, the variables, the flags, the defaults and the page that lists them.
//! Values stay text until every layer has spoken, so that each is parsed once, and told with the place it comes from.

mod error;
mod input;
pub(crate) mod keys;

mod environment;
mod file;
mod flags;

mod values;

#[cfg(test)]
mod page;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use influence::{HashKey, Model, Partitioner};
use kafka::{Connection, Start, Topics, host_name};
use pipeline::{Clock, Pace, Settings, Store, StoreError};
use wire::{Encoding, Names};

pub use error::ConfigError;
pub(crate) use flags::capitalised;
pub use flags::{Flags, RunFlags, ServeFlags, StoreFlags};
pub use input::Input;
use values::Values;

use crate::duration::parse_duration;
use crate::kind_weight::kind_weight;

/// One application, and how it runs here.
#[derive(Clone, Debug)]
pub struct Config {
    /// Consumer group, and the beginning of the names of its topics.
    pub application_id: String,
    /// This process among all of the application; the same when it is started again.
    pub instance: String,
    /// True if the instance was configured; false if it is the default, made of the host's name.
    pub is_instance_said: bool,
    /// Threads that own shards.
    pub workers: usize,
    /// What scores are made by.
    pub model: Model,
    /// The key of the hash of names; without one it is the application's own.
    pub hash_key: Option<HashKey>,
    /// The rule that folds spellings of a name, and the names that are ignored.
    pub names: Names,
    /// What moves the clock.
    pub clock: Clock,
    /// Where an application that is new begins to read.
    pub start: Start,
    /// Milliseconds within which two events with one id are one; `None`: ids are not looked at.
    pub dedup_window_ms: Option<i64>,
    /// The topics that are read, in the order of slices.
    pub inputs: Vec<Input>,
    /// True if days are closed and told in a topic of their own.
    pub closes: bool,
    /// True if what each act gave is told in a topic of its own.
    pub credits: bool,
    /// How scores, closes and dead letters are written.
    pub outputs: Encoding,
    /// The folder in which `clout serve` keeps everybody's history, if it keeps it.
    pub views: Option<PathBuf>,
    /// How input is cut into epochs.
    pub pace: Pace,
    /// Where checkpoints are kept.
    pub checkpoints: Checkpoints,
    connection: Connection,
}

/// Where checkpoints are kept, and how often they are taken.
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoints {
    /// A folder, or a URL of an object store.
    pub place: String,
    /// Milliseconds between two of one shard.
    pub every_ms: i64,
    /// What the store wants to know: names as in its documentation. May hold secrets.
    pub options: BTreeMap<String, String>,
}

impl std::fmt::Debug for Checkpoints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Checkpoints { place, every_ms, options } = self;
        let names: Vec<_> = options.keys().collect();
        f.debug_struct("Checkpoints")
            .field("place", place)
            .field("every_ms", every_ms)
            .field("options", &names)
            .finish()
    }
}

impl Config {
    /// What the file that the flags name, this process' environment and the flags say together.
    ///
    /// # Errors
    /// If something is not understood: the error says where it stands, and what could stand there.
    pub fn load<const REACH: u8>(flags: &Flags<REACH>) -> Result<Config, ConfigError> {
        Config::of(
            flags,
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        )
    }

    /// The same, with another environment.
    pub fn of<const REACH: u8>(
        flags: &Flags<REACH>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Config, ConfigError> {
        let environment: BTreeMap<_, _> = environment.into_iter().collect();
        let mut values = Values::default();
        if let Some(path) = flags.file().or(environment.get("CLOUT_CONFIG").map(String::as_ref)) {
            file::read(path, &mut values)?;
        }
        environment::read(&environment, &mut values)?;
        flags.give(&mut values)?;
        Config::new(&values)
    }

    fn new(values: &Values) -> Result<Config, ConfigError> {
        let clock = values.get("clock", |text| one_of(text, &[("wall", Clock::Wall), ("event", Clock::Event)]))?;
        Ok(Config {
            application_id: values.get("application_id", name_in_topics)?,
            instance: values.get_or("instance", name_in_topics, host_name)?,
            is_instance_said: values.has("instance"),
            workers: values.get("workers", |text| number(text, 1))?,
            model: model(values, clock)?,
            hash_key: values.secret("model.hash_key", hash_key)?.map(HashKey::new),
            names: Names::new(
                values.get("model.names", str::parse)?,
                values.get_if("model.ignore_users", names)?.unwrap_or_default(),
            ),
            clock,
            start: values
                .get("start", |text| one_of(text, &[("earliest", Start::Earliest), ("latest", Start::Latest)]))?,
            dedup_window_ms: values.get_if("dedup_window", parse_duration)?,
            inputs: values.inputs()?,
            outputs: values.get("outputs.encoding", |text| {
                one_of(text, &[("protobuf", Encoding::Protobuf), ("json", Encoding::Json)])
            })?,
            views: values.get_if("views.folder", |text| match text {
                "" => Err("it is empty: name a folder"),
                folder => Ok(PathBuf::from(folder)),
            })?,
            closes: values.get("history.closes", |text| one_of(text, &[("true", true), ("false", false)]))?,
            credits: values.get("outputs.credits", |text| one_of(text, &[("true", true), ("false", false)]))?,
            pace: Pace {
                epoch_ms: values.get("pace.epoch", parse_duration)?,
                epoch_records_max: values.get("pace.records", |text| number(text, 1))?,
                epoch_bytes_max: values.get("pace.bytes", |text| number(text, 1))?,
                backlog_records_max: values.get("pace.backlog", |text| number(text, 1))?,
                backlog_bytes_max: values.get("pace.backlog_bytes", |text| number(text, 1))?,
                lag_ms_max: values.get("pace.lag", parse_duration)?,
            },
            checkpoints: Checkpoints {
                place: values.get("checkpoints.place", not_empty)?,
                every_ms: values.get("checkpoints.every", parse_duration)?,
                options: values.options()?,
            },
            connection: Connection::new(values.kafka()?),
        })
    }

    /// The workers' settings for inputs of this number of partitions and for this key of the hash of names.
    pub fn settings(&self, partitions: u16, hash_key: HashKey) -> Settings {
        Settings {
            model: self.model.clone(),
            hash_key,
            names: self.names.clone(),
            shards: partitions,
            inputs: self.inputs.iter().map(Input::setting).collect(),
            exchange: self.topics().exchange,
            clock: self.clock,
            dedup_window_ms: self.dedup_window_ms,
            closes_ms: self.closes.then_some(influence::DAY_MS),
            credits: self.credits,
            pace: self.pace,
            checkpoint_every_ms: self.checkpoints.every_ms,
            accepted_gaps: Vec::new(),
        }
    }

    /// Where checkpoints of this application are.
    ///
    /// # Errors
    /// If the place cannot be used.
    pub fn store(&self) -> Result<Store, StoreError> {
        let Checkpoints { place, options, .. } = &self.checkpoints;
        Ok(Store::open(place, options.clone())?.below(&self.application_id))
    }

    /// The same, for a process that tells others where it is.
    ///
    /// # Errors
    /// If the place cannot be used.
    pub fn identified_store(&self) -> Result<Store, StoreError> {
        // Two systems that do not tell their names cannot be told apart.
        let host = host_name().unwrap_or_else(|| "localhost".to_owned());
        self.store()?.identified(&self.checkpoints.place, &host)
    }

    /// How to reach the brokers.
    pub fn connection(&self) -> Connection {
        self.connection.clone()
    }

    /// The application's own topics.
    pub fn topics(&self) -> Topics {
        let id = &self.application_id;
        Topics::of(id).with_history(id, self.closes).with_credits(id, self.credits)
    }
}

/// Parameters are tried one by one, so that an error can name the key.
fn model(values: &Values, clock: Clock) -> Result<Model, ConfigError> {
    let check = |model: &Model, key| model.validate().map_err(|reason| values.refuse(key, &reason));
    let mut model = Model::with_half_life(values.get("model.half_life", parse_duration)?);
    check(&model, "model.half_life")?;
    model.window_ms = values.get_if("model.window", parse_duration)?.unwrap_or(model.window_ms);
    check(&model, "model.window")?;
    model.forget_after_ms = values.get_if("model.forget_after", parse_duration)?;
    check(&model, "model.forget_after")?;
    model.scale_floor = values.get("model.scale_floor", fraction)?;
    check(&model, "model.scale_floor")?;
    values.kinds(|word, weight| {
        let (kind, weight) = kind_weight(word, weight)?;
        model.weights[kind] = weight;
        model.validate().map_err(|reason| reason.to_string())
    })?;
    model.rho = values.get("model.rho", fraction)?;
    check(&model, "model.rho")?;
    model.room.n0 = values.get("model.room.n0", fraction)?;
    check(&model, "model.room.n0")?;
    model.room.m = values.get("model.room.m", fraction)?;
    check(&model, "model.room.m")?;
    model.room.c = values.get("model.room.c", fraction)?;
    check(&model, "model.room.c")?;
    let lateness_ms = values.get("model.room.lateness", parse_duration)?;
    // History is as old as it says.
    model.room.lateness_ms = (clock != Clock::Event).then_some(lateness_ms);
    check(&model, "model.room.lateness")?;
    model.eps = values.get("model.eps", fraction)?;
    check(&model, "model.eps")?;
    model.contact_growth = values.get("model.contact_threshold", fraction)?;
    check(&model, "model.contact_threshold")?;
    let partitioners = [("murmur2", Partitioner::Murmur2), ("consistent", Partitioner::Crc32)];
    model.partitioner = values.get("model.partitioner", |text| one_of(text, &partitioners))?;
    Ok(model)
}

/// One of these words.
fn one_of<T: Copy>(text: &str, words: &[(&str, T)]) -> Result<T, String> {
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.ok_or_else(|| {
        let all: Vec<_> = words.iter().map(|(word, _)| *word).collect();
        format!("{text:?} is none of {}", all.join(", "))
    })
}

fn number<T: FromStr + PartialOrd + Display>(text: &str, least: T) -> Result<T, String> {
    match text.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(format!("{text:?} is not a whole number from {least} on")),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a number, as in 0.05"))
}

/// Names with commas between; an array in the file has one a line.
fn names(text: &str) -> Result<Vec<String>, String> {
    let is_array = text.ends_with('\n');
    let names = text.split(if is_array { '\n' } else { ',' }).map(|name| if is_array { name } else { name.trim() });
    Ok(names.filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("must not be empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Longest that all names made of it are still names of topics.
const NAME_LETTERS_MAX: usize = 200;

/// What a topic may be called, with something behind it.
fn name_in_topics(text: &str) -> Result<String, String> {
    let is_fine = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    match text.len() {
        1..=NAME_LETTERS_MAX if text.chars().all(is_fine) => Ok(text.to_owned()),
        _ => Err(format!("{text:?} is no name for topics: 1 to {NAME_LETTERS_MAX} of a-z, A-Z, 0-9, '.', '_' and '-'")),
    }
}

/// Two words of 64 bits. The text is secret and not repeated.
fn hash_key(text: &str) -> Result<[u64; 2], String> {
    let is_hex = text.len() == 32 && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let word = |digits: &str| u64::from_str_radix(digits, 16).ok();
    let words = is_hex.then(|| text.split_at(16)).and_then(|(first, second)| Some([word(first)?, word(second)?]));
    words.ok_or_else(|| "is not a key of 32 hexadecimal digits".to_owned())
}
