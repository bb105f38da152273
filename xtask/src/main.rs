//! What a release is made of: `cargo run -p xtask -- dist`. All tests, side by side: `cargo run -p xtask -- test`.

mod archive;
mod bill;
mod crates;
mod dist;
mod licences;
mod test;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::{Parser, Subcommand};

/// An error of any kind, for a person to read.
type Failure = Box<dyn std::error::Error>;

/// Runs all tests, and makes what a release is made of.
#[derive(Parser)]
struct CommandLine {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build all tests and run them, those that wait beside those that compute
    Test {
        /// What each program of tests is told, such as a part of the names of those to run
        #[arg(last = true, value_name = "ARGUMENT")]
        arguments: Vec<String>,
    },
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

/// Takes from a command what cargo told this program of `xtask`: crates whose build looks at it would be built anew.
fn as_from_a_shell(command: &mut Command) -> &mut Command {
    const OF_A_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let of_xtask = names.filter(|name| OF_A_PACKAGE.iter().any(|start| name.starts_with(start)));
    of_xtask.for_each(|name| _ = command.env_remove(name));
    command
}

fn main() -> ExitCode {
    let done = match CommandLine::parse().task {
        Task::Test { arguments } => test::run(&arguments),
        Task::Dist { program, out } => dist::run(program, &out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
