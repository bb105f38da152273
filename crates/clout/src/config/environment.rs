//! The layer of the environment. What is not known here is left alone: Kubernetes, for one, sets variables of its own for a
//! service that is called `clout`.

use std::collections::BTreeMap;

use kafka::Connection;

use crate::config::error::ConfigError;
use crate::config::input::Input;
use crate::config::keys::{INPUTS, KEYS};
use crate::config::values::{Values, Whence, value_error};

const KAFKA_PREFIX: &str = "CLOUT_KAFKA_";
const HASH_KEY_FILE: &str = "CLOUT_MODEL_HASH_KEY_FILE";

/// Takes what the variables say.
pub(crate) fn read(environment: &BTreeMap<String, String>, values: &mut Values) -> Result<(), ConfigError> {
    for key in KEYS {
        let variable = key.variable();
        let whence = || Whence::Variable(variable.clone());
        let Some(text) = environment.get(&variable) else { continue };
        let parts = || text.split(',').map(str::trim).filter(|part| !part.is_empty());
        match key.name {
            INPUTS => {
                let inputs: Result<_, _> = parts().map(Input::parse).collect();
                values.give_inputs(inputs.map_err(|reason| value_error(whence(), INPUTS, reason))?);
            }
            _ if key.is_many() => parts().try_for_each(|pair| values.give_pair(key, pair, whence()))?,
            name => values.give(name, text, whence()),
        }
    }
    if let Some(path) = environment.get(HASH_KEY_FILE) {
        values.give("model.hash_key.file", path, Whence::Variable(HASH_KEY_FILE.to_owned()));
    }
    for (variable, text) in environment {
        let Some(property) = variable.strip_prefix(KAFKA_PREFIX) else { continue };
        let property = property.to_lowercase().replace('_', ".");
        if Connection::knows(property.strip_suffix(".file").unwrap_or(&property)) {
            values.give(&format!("kafka.{property}"), text, Whence::Variable(variable.clone()));
        }
    }
    Ok(())
}
