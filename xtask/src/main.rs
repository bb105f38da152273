//! What a release is made of: `cargo run -p xtask -- dist`.

mod archive;
mod bill;
mod crates;
mod dist;
mod licences;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// An error of any kind, for a person to read.
type Failure = Box<dyn std::error::Error>;

/// Makes what a release is made of.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make the archive of the program for this machine's kind, its bill of materials, and checksums
    Dist {
        /// The program, built before; without it `cargo build --locked --release -p clout` builds it
        #[arg(long, value_name = "FILE")]
        program: Option<PathBuf>,
        /// Where they are put
        #[arg(long, value_name = "FOLDER", default_value = "target/dist")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    let Command::Dist { program, out } = CommandLine::parse().command;
    match dist::run(program, &out) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
