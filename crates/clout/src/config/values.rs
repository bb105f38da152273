//! What all layers say, as text with its place; the later replaces the earlier.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use kafka::Connection;

use crate::config::error::ConfigError;
use crate::config::input::Input;
use crate::config::keys::{self, INPUTS, KAFKA, KINDS, Key, OPTIONS};

/// Where something is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whence {
    /// In a line of a file.
    File(PathBuf, usize),
    /// By a variable of the environment.
    Variable(String),
    /// By a flag.
    Flag(&'static str),
    /// Nowhere.
    Default,
}

impl fmt::Display for Whence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Whence::File(path, line) => write!(f, "{}:{line}", path.display()),
            Whence::Variable(name) => f.write_str(name),
            Whence::Flag(name) => write!(f, "--{name}"),
            Whence::Default => f.write_str("configuration"),
        }
    }
}

/// What stands before a secret's file.
const FILE: &str = ".file";

/// What Clout sets itself, since it counts on it.
const OURS: [&str; 9] = [
    "group.id",
    "group.protocol",
    "partition.assignment.strategy",
    "transactional.id",
    "enable.idempotence",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "isolation.level",
    "auto.offset.reset",
];

#[derive(Clone, Debug)]
struct Value {
    text: String,
    whence: Whence,
}

/// All that was said.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// By name with section: keys, and the entries of open tables.
    texts: BTreeMap<String, Value>,
    inputs: Vec<Input>,
}

impl Values {
    /// Takes a value. A secret and its file are one.
    pub(crate) fn give(&mut self, name: &str, text: &str, whence: Whence) {
        let other = name.strip_suffix(FILE).map_or_else(|| format!("{name}{FILE}"), str::to_owned);
        self.texts.remove(&other);
        self.texts.insert(name.to_owned(), Value { text: text.to_owned(), whence });
    }

    /// Takes what a flag or a variable says of a key: for a table `name=value`.
    pub(crate) fn give_pair(&mut self, key: &'static Key, text: &str, whence: Whence) -> Result<(), ConfigError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() => self.give(&format!("{}.{name}", key.name), value, whence),
            _ => return Err(value_error(whence, key.name, "wants NAME=VALUE".to_owned())),
        }
        Ok(())
    }

    /// Takes all inputs: those of one layer replace those of the layer before.
    pub(crate) fn give_inputs(&mut self, inputs: Vec<Input>) {
        self.inputs = inputs;
    }

    /// True if the file, a variable or a flag has a value for this key.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.texts.contains_key(name)
    }

    /// The value of a key that has a default.
    pub(crate) fn get<T, E: fmt::Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<T, ConfigError> {
        self.get_or(name, parse, || keys::find(name).and_then(Key::default).map(str::to_owned))
    }

    /// The value of a key whose default has to be found out.
    pub(crate) fn get_or<T, E: fmt::Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
        default: impl FnOnce() -> Option<String>,
    ) -> Result<T, ConfigError> {
        let text = match self.texts.get(name) {
            Some(value) => value.text.clone(),
            None => default().ok_or_else(|| self.refuse(name, &"is not known: say it"))?,
        };
        parse(&text).map_err(|reason| self.refuse(name, &reason))
    }

    /// The value of a key, if anybody says one.
    pub(crate) fn get_if<T, E: fmt::Display>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Result<Option<T>, ConfigError> {
        let parse = |value: &Value| parse(&value.text).map_err(|reason| self.refuse(name, &reason));
        self.texts.get(name).map(parse).transpose()
    }

    /// A secret, said or in a file that is named.
    pub(crate) fn secret<T>(
        &self,
        name: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let [said, file] = [name.to_owned(), format!("{name}{FILE}")];
        for name in [said, file] {
            if let Some(value) = self.texts.get(&name) {
                let (_, text) = open(&name, value)?;
                return parse(&text).map(Some).map_err(|reason| value_error(value.whence.clone(), &name, reason));
            }
        }
        Ok(None)
    }

    /// The topics that are read.
    pub(crate) fn inputs(&self) -> Result<Vec<Input>, ConfigError> {
        let mut inputs = self.inputs.clone();
        if inputs.is_empty() {
            let default = keys::find(INPUTS).and_then(Key::default).unwrap_or_default();
            inputs.push(Input { topic: default.to_owned(), ..Input::default() });
        }
        for (place, input) in inputs.iter().enumerate() {
            if inputs[..place].iter().any(|other| other.topic == input.topic) {
                let reason = format!("names {} twice: a topic is read once", input.topic);
                return Err(value_error(Whence::Default, INPUTS, reason));
            }
        }
        Ok(inputs)
    }

    /// What the checkpoints' store wants to know.
    pub(crate) fn options(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        self.table(OPTIONS)
    }

    /// Calls the function with each kind whose weight is configured, and that weight.
    pub(crate) fn kinds<E: fmt::Display>(
        &self,
        mut take: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), ConfigError> {
        for (word, weight) in self.table(KINDS)? {
            take(&word, &weight).map_err(|reason| self.refuse(&format!("{KINDS}.{word}"), &reason))?;
        }
        Ok(())
    }

    /// librdkafka's properties.
    pub(crate) fn kafka(&self) -> Result<BTreeMap<String, String>, ConfigError> {
        let mut properties = self.table(KAFKA)?;
        if let Some((name, value)) =
            OURS.iter().find_map(|name| Some((name, self.texts.get(&format!("{KAFKA}.{name}"))?)))
        {
            let reason = "is Clout's own to set: leave it out".to_owned();
            return Err(value_error(value.whence.clone(), &format!("{KAFKA}.{name}"), reason));
        }
        self.check_kafka(&properties)?;
        let servers = self.get("kafka.bootstrap.servers", super::not_empty)?;
        properties.entry("bootstrap.servers".to_owned()).or_insert(servers);
        Ok(properties)
    }

    /// Checks the properties of librdkafka, so that an error names the place of the property. Values that are read from
    /// files may be secrets: librdkafka's message is left out for them.
    fn check_kafka(&self, properties: &BTreeMap<String, String>) -> Result<(), ConfigError> {
        for (property, value) in properties {
            let name = format!("{KAFKA}.{property}");
            let file = format!("{name}{FILE}");
            let (name, is_secret) = if self.texts.contains_key(&name) { (name, false) } else { (file, true) };
            let whence = || self.texts.get(&name).map_or(Whence::Default, |value| value.whence.clone());
            if !Connection::knows(property) {
                let nearest = keys::nearest(property, Connection::usual()).map(|nearest| format!("{KAFKA}.{nearest}"));
                return Err(ConfigError::UnknownProperty { whence: whence(), key: name, nearest });
            }
            if let Err(reason) = Connection::check(property, value) {
                let reason = if is_secret { "librdkafka does not take what is in the file".to_owned() } else { reason };
                return Err(value_error(whence(), &name, reason));
            }
        }
        Ok(())
    }

    /// An open table, with what lies in files.
    fn table(&self, name: &str) -> Result<BTreeMap<String, String>, ConfigError> {
        let prefix = format!("{name}.");
        let within = self.texts.iter().filter_map(|(name, value)| Some((name.strip_prefix(&prefix)?, value)));
        within.map(|(name, value)| open(name, value)).collect()
    }

    /// What is wrong with a key's value.
    pub(crate) fn refuse(&self, name: &str, reason: &dyn fmt::Display) -> ConfigError {
        let whence = self.texts.get(name).map_or(Whence::Default, |value| value.whence.clone());
        value_error(whence, name, format!("{reason}"))
    }
}

/// A name and its value, out of the file that is named, without the line's end.
fn open(name: &str, value: &Value) -> Result<(String, String), ConfigError> {
    let Some(secret) = name.strip_suffix(FILE) else { return Ok((name.to_owned(), value.text.clone())) };
    let path = Path::new(&value.text);
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        whence: value.whence.clone(),
        path: path.to_owned(),
        source,
    })?;
    Ok((secret.to_owned(), text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What is wrong with a value.
pub(crate) fn value_error(whence: Whence, key: &str, reason: String) -> ConfigError {
    ConfigError::Value { whence, key: key.to_owned(), reason }
}
