//! What is not understood in a configuration.

use std::io;
use std::path::PathBuf;

use crate::config::values::Whence;

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file, or one with a secret, cannot be read.
    #[error("{whence}: cannot read {path}", path = .path.display())]
    Read {
        /// Who names it.
        whence: Whence,
        /// The path of that file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It is not TOML.
    #[error("{whence}: {reason}")]
    Syntax {
        /// Where.
        whence: Whence,
        /// What the reader says.
        reason: String,
    },
    /// There is no such key.
    #[error("{whence}: no key is called {key}{}", hint(.nearest.as_deref()))]
    UnknownKey {
        /// The place of the key: file and line, flag or variable.
        whence: Whence,
        /// With its section.
        key: String,
        /// The one that is most like it.
        nearest: Option<String>,
    },
    /// librdkafka has no such property.
    #[error("{whence}: librdkafka has no property for {key}{}", property_hint(.nearest.as_deref()))]
    UnknownProperty {
        /// The place of the key: file and line, flag or variable.
        whence: Whence,
        /// With its section.
        key: String,
        /// The usual one that is most like it.
        nearest: Option<String>,
    },
    /// A value is not what its key wants.
    #[error("{whence}: {key}: {reason}")]
    Value {
        /// The place of the key: file and line, flag or variable.
        whence: Whence,
        /// With its section.
        key: String,
        /// What it must be.
        reason: String,
    },
}

fn hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest}?"),
        None => "; `clout docs configuration` lists all".to_owned(),
    }
}

fn property_hint(nearest: Option<&str>) -> String {
    match nearest {
        Some(nearest) => format!(": did you mean {nearest}?"),
        None => "; its CONFIGURATION.md lists all".to_owned(),
    }
}
