//! The layer of the file: TOML, whose keys are all known.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use crate::config::error::ConfigError;
use crate::config::input::{INPUT_KEYS, Input};
use crate::config::keys::{self, INPUTS, KAFKA, KEYS, KINDS, Key, OPTIONS};
use crate::config::values::{Values, Whence, value_error};

/// Takes what the file says.
pub(crate) fn read(path: &Path, values: &mut Values) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
        whence: Whence::Flag("config"),
        path: path.to_owned(),
        source,
    })?;
    let file = File { path, text: &text };
    let table = DeTable::parse(&text).map_err(|error| ConfigError::Syntax {
        whence: file.whence(error.span().unwrap_or_default()),
        reason: error.message().to_owned(),
    })?;
    file.table("", table.get_ref(), values)
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    fn whence(&self, at: Range<usize>) -> Whence {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        Whence::File(self.path.to_owned(), before.matches('\n').count() + 1)
    }

    /// A section, or a dotted key's part, which looks the same.
    fn table(&self, section: &str, table: &DeTable<'_>, values: &mut Values) -> Result<(), ConfigError> {
        for (key, value) in table {
            let whence = self.whence(key.span());
            let name =
                if section.is_empty() { key.get_ref().to_string() } else { format!("{section}.{}", key.get_ref()) };
            match value.get_ref() {
                DeValue::Array(array) if name == INPUTS => {
                    let inputs: Result<_, _> = array.iter().map(|input| self.input(input.get_ref(), &whence)).collect();
                    values.give_inputs(inputs?);
                }
                DeValue::Table(table) if name != INPUTS && is_section(&name) => self.table(&name, table, values)?,
                DeValue::Array(array) if keys::find(&name).is_some_and(Key::is_list) => {
                    let parts: Option<Vec<String>> = array.iter().map(|part| text(part.get_ref())).collect();
                    let parts = parts.ok_or_else(|| value_error(whence.clone(), &name, wanted(&name)))?;
                    values.give(&name, &parts.iter().map(|part| format!("{part}\n")).collect::<String>(), whence);
                }
                _ if !is_key(&name) => return Err(unknown(whence, name)),
                value => match text(value).filter(|_| !is_table(&name)) {
                    Some(text) => values.give(&name, &text, whence),
                    None => return Err(value_error(whence, &name, wanted(&name))),
                },
            }
        }
        Ok(())
    }

    fn input(&self, value: &DeValue<'_>, whence: &Whence) -> Result<Input, ConfigError> {
        let DeValue::Table(table) = value else { return Err(value_error(whence.clone(), INPUTS, wanted(INPUTS))) };
        let mut input = Input::default();
        for (key, value) in table {
            let (key, whence) = (key.get_ref().as_ref(), self.whence(key.span()));
            let name = format!("{INPUTS}.{key}");
            if !INPUT_KEYS.contains(&key) {
                let nearest = keys::nearest(key, INPUT_KEYS.into_iter()).map(|key| format!("{INPUTS}.{key}"));
                return Err(ConfigError::UnknownKey { whence, key: name, nearest });
            }
            let text = text(value.get_ref()).ok_or_else(|| value_error(whence.clone(), &name, wanted(&name)))?;
            input.set(key, &text).map_err(|reason| value_error(whence, &name, reason))?;
        }
        match input.topic.is_empty() {
            true => Err(value_error(whence.clone(), INPUTS, "has an entry without a topic".to_owned())),
            false => Ok(input),
        }
    }
}

/// A single value as text.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) => Some(number.to_string()),
        DeValue::Float(number) => Some(number.to_string()),
        DeValue::Boolean(is_so) => Some(is_so.to_string()),
        DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

fn wanted(name: &str) -> String {
    match name {
        INPUTS => "wants a table for each topic, under [[inputs]]".to_owned(),
        KAFKA | OPTIONS | KINDS => format!("wants a table, under [{name}]"),
        _ => "wants a single value: text, a number, true or false".to_owned(),
    }
}

/// Whether keys may lie below it: those of an open table always do.
fn is_section(name: &str) -> bool {
    let prefix = format!("{name}.");
    is_open(&prefix) || KEYS.iter().any(|key| key.name.starts_with(&prefix)) || name == "model.hash_key"
}

fn is_key(name: &str) -> bool {
    is_open(name) || keys::find(name).is_some() || name == "model.hash_key.file"
}

fn is_table(name: &str) -> bool {
    keys::find(name).is_some_and(Key::is_many)
}

/// Below a table whose keys are somebody else's.
fn is_open(name: &str) -> bool {
    [OPTIONS, KINDS, KAFKA].iter().any(|table| name.strip_prefix(table).is_some_and(|rest| rest.starts_with('.')))
}

fn unknown(whence: Whence, key: String) -> ConfigError {
    let sections = KEYS.iter().filter_map(|key| Some(key.name.split_once('.')?.0));
    let nearest = keys::nearest(&key, KEYS.iter().map(|key| key.name).chain(sections)).map(str::to_owned);
    ConfigError::UnknownKey { whence, key, nearest }
}
