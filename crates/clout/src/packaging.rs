//! `clout packaging FOLDER`, for whoever packs the program: man pages and completions, made of the command line's own definition, so
//! that a package has those of just the program in it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;

use crate::failure::{Failure, OutputError};

/// Shells that people ask for.
const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

/// The folder in which `man` and `completions` are to be made, if that is what this process was started for.
pub fn asked() -> Option<PathBuf> {
    let mut arguments = std::env::args_os().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(word), Some(folder), None) if word == "packaging" => Some(folder.into()),
        _ => None,
    }
}

/// Writes a page for each command, and a file for each shell.
///
/// # Errors
/// If the folder cannot be written.
pub fn run(folder: &Path, command: &Command) -> Result<(), Failure> {
    Ok(write(folder, command).map_err(OutputError::to(folder))?)
}

fn write(folder: &Path, command: &Command) -> io::Result<()> {
    let (man, completions) = (folder.join("man"), folder.join("completions"));
    fs::create_dir_all(&man)?;
    fs::create_dir_all(&completions)?;
    clap_mangen::generate_to(command.clone(), &man)?;
    SHELLS.into_iter().try_for_each(|shell| {
        let name = command.get_name().to_owned();
        clap_complete::generate_to(shell, &mut command.clone(), name, &completions).map(drop)
    })
}
