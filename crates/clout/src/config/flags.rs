//! The layer of the command line: a flag for each key that has one.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, value_parser};

use crate::config::error::ConfigError;
use crate::config::input::Input;
use crate::config::keys::{INPUTS, KEYS, Key, Scope};
use crate::config::values::{Values, Whence, value_error};

const CONFIG: &str = "config";

/// The values of the command line for the keys whose flags a command takes.
#[derive(Clone, Debug, Default)]
pub struct Flags<const REACH: u8 = { Scope::All as u8 }> {
    file: Option<PathBuf>,
    said: Vec<(&'static Key, Vec<String>)>,
}

/// The flags of a command that touches checkpoints.
pub type StoreFlags = Flags<{ Scope::Store as u8 }>;
/// The flags of a command that scores.
pub type RunFlags = Flags<{ Scope::Run as u8 }>;
/// The flags of the command that shows.
pub type ServeFlags = Flags<{ Scope::Serve as u8 }>;

impl<const REACH: u8> Flags<REACH> {
    /// The configuration file.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Gives all that was said.
    pub(crate) fn give(&self, values: &mut Values) -> Result<(), ConfigError> {
        for &(key, ref texts) in &self.said {
            let whence = || Whence::Flag(key.flag);
            match key.name {
                INPUTS => {
                    let inputs: Result<_, _> = texts.iter().map(|text| Input::parse(text)).collect();
                    values.give_inputs(inputs.map_err(|reason| value_error(whence(), INPUTS, reason))?);
                }
                _ if key.is_many() => texts.iter().try_for_each(|pair| values.give_pair(key, pair, whence()))?,
                name if key.is_list() => values.give(name, &texts.join(","), whence()),
                name => texts.iter().for_each(|text| values.give(name, text, whence())),
            }
        }
        Ok(())
    }

    fn keys() -> impl Iterator<Item = &'static Key> {
        KEYS.iter().filter(|key| !key.flag.is_empty() && Scope::includes(REACH, key.scope))
    }
}

fn arg(key: &'static Key) -> Arg {
    let action = if key.is_many() || key.is_list() { ArgAction::Append } else { ArgAction::Set };
    let default = match key.default() {
        Some(default) => format!(" [default: {default}]"),
        None => format!(" {}", key.default.replace('[', "[default: ")),
    };
    let help = format!("{}{default}", capitalised(key.what));
    Arg::new(key.name).long(key.flag).value_name(key.value).action(action).help(help).help_heading("Configuration")
}

pub(crate) fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

impl<const REACH: u8> Args for Flags<REACH> {
    fn augment_args(command: Command) -> Command {
        let config = Arg::new(CONFIG)
            .long(CONFIG)
            .value_name("FILE")
            .value_parser(value_parser!(PathBuf))
            .help("Configuration in TOML: `clout docs configuration` lists its keys. CLOUT_… variables win over it, flags over both")
            .help_heading("Configuration");
        command.arg(config).args(Flags::<REACH>::keys().map(arg))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Flags::<REACH>::augment_args(command)
    }
}

impl<const REACH: u8> FromArgMatches for Flags<REACH> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let said = |key: &'static Key| Some((key, matches.get_many(key.name)?.cloned().collect()));
        Ok(Flags { file: matches.get_one(CONFIG).cloned(), said: Flags::<REACH>::keys().filter_map(said).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Flags::from_arg_matches(matches)?;
        Ok(())
    }
}
