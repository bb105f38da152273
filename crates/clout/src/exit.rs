//! What the program exits with: one table for all commands. A cause has the same code whichever command it ends.

use embedded::WorldError;
use kafka::AdminError;
use pipeline::{Fatal, Fault};
use serve::ServeError;

/// Makes the codes and the texts that say what they mean: help and README show the same ones.
macro_rules! exit_codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        /// What the program exits with.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum ExitCode {
            $(#[doc = $meaning] $name = $code,)*
        }

        impl ExitCode {
            /// All of them.
            pub const ALL: &[ExitCode] = &[$(ExitCode::$name),*];

            /// What it means, for people.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(ExitCode::$name => $meaning,)*
                }
            }
        }
    };
}

exit_codes! {
    Done = 0, "all done, or stopped in good order";
    Stopped = 1, "stopped early: the error says why, and what to do; what was done until then is written";
    Nothing = 2, "nothing done: wrong options or configuration, or something that is missing or in no known format";
    Output = 3, "an output cannot be written";
    Unreachable = 69, "no broker answers, or no server of a network";
    Internal = 70, "a fault of the program itself: please report it, with what it told";
    System = 71, "the system refuses something: an address to listen on, a thread, random numbers";
    Unfinished = 75, "asked to stop, and ended before all was finished: what was not committed is taken again";
    Interrupted = 130, "interrupted: what was done until then is written";
}

impl ExitCode {
    /// The number.
    pub fn code(self) -> u8 {
        self as u8
    }
}

/// Help after the options: examples, and the codes that a command can exit with.
pub fn after_help(text: &str, codes: &[ExitCode]) -> String {
    let lines = codes.iter().map(|code| format!("\n  {:<3}  {}", code.code(), code.meaning()));
    lines.fold(format!("{text}\n\nExit codes:"), |help, line| help + &line)
}

/// Codes of every command that only asks brokers.
pub(crate) const ASKS: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Stopped,
    ExitCode::Nothing,
    ExitCode::Output,
    ExitCode::Unreachable,
    ExitCode::Internal,
];

/// Codes of a command that prints what it has.
pub(crate) const PRINTS: &[ExitCode] = &[ExitCode::Done, ExitCode::Nothing, ExitCode::Output];

/// Codes of a command that asks another process.
pub(crate) const PROBES: &[ExitCode] = &[ExitCode::Done, ExitCode::Stopped, ExitCode::Nothing, ExitCode::Internal];

/// Codes of every command that reads or writes logs.
pub(crate) const READS: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Stopped,
    ExitCode::Nothing,
    ExitCode::Output,
    ExitCode::Internal,
    ExitCode::Interrupted,
];

/// Codes of a command that reads logs and writes to brokers.
pub(crate) const FEEDS: &[ExitCode] = ExitCode::ALL;

/// Codes of a command that shows something without brokers.
pub(crate) const SHOWS: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Stopped,
    ExitCode::Nothing,
    ExitCode::Output,
    ExitCode::Unreachable,
    ExitCode::Internal,
    ExitCode::System,
];

/// Codes of every command that works until somebody says stop.
pub(crate) const RUNS_ON: &[ExitCode] = &[
    ExitCode::Done,
    ExitCode::Stopped,
    ExitCode::Nothing,
    ExitCode::Unreachable,
    ExitCode::Internal,
    ExitCode::System,
    ExitCode::Unfinished,
];

impl From<&Fatal> for ExitCode {
    fn from(fatal: &Fatal) -> ExitCode {
        match fatal {
            Fatal::Panicked { .. } | Fatal::Ended { .. } => ExitCode::Internal,
            Fatal::Property { .. } => ExitCode::Nothing,
            Fatal::Thread { .. } => ExitCode::System,
            _ => ExitCode::Stopped,
        }
    }
}

impl From<&Fault> for ExitCode {
    fn from(fault: &Fault) -> ExitCode {
        match fault {
            Fault::Fatal(fatal) => ExitCode::from(&**fatal),
            Fault::Broken(_) => ExitCode::Stopped,
        }
    }
}

impl From<&AdminError> for ExitCode {
    fn from(error: &AdminError) -> ExitCode {
        match error {
            AdminError::Unreachable { .. } => ExitCode::Unreachable,
            AdminError::Unfinished { .. } => ExitCode::Unfinished,
            AdminError::Property { .. } | AdminError::Missing(_) => ExitCode::Nothing,
            _ => ExitCode::Stopped,
        }
    }
}

impl From<&ServeError> for ExitCode {
    fn from(error: &ServeError) -> ExitCode {
        match error {
            ServeError::Listen { .. } | ServeError::Threads(_) => ExitCode::System,
            _ => ExitCode::Nothing,
        }
    }
}

impl ExitCode {
    /// Of a folder that cannot be gone on with; `is_begun` says whether anything was done by then.
    pub(crate) fn of_world(error: &WorldError, is_begun: bool) -> ExitCode {
        match error {
            WorldError::Fault(fault @ Fault::Fatal(_)) if ExitCode::from(fault) == ExitCode::Internal => {
                ExitCode::Internal
            }
            // The folder and the input are not of one run: nothing is done to either.
            WorldError::OtherInput { .. } | WorldError::ShorterInput { .. } => ExitCode::Nothing,
            _ if is_begun => ExitCode::Output,
            _ => ExitCode::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of a page, as rows of code and meaning.
    fn rows(page: &str) -> Vec<(String, String)> {
        let table = page.split_once("| exit code | meaning |\n").expect("the page has the table").1;
        let rows = table.lines().skip(1).take_while(|line| line.starts_with('|'));
        let cells = |row: &str| {
            let mut cells = row.split('|').map(|cell| cell.trim().to_owned()).skip(1);
            (cells.next().unwrap(), cells.next().unwrap())
        };
        rows.map(cells).collect()
    }

    #[test]
    fn the_readme_has_this_table() {
        let table = |code: &ExitCode| (code.code().to_string(), code.meaning().to_owned());
        let readme = include_str!("../../../README.md");
        assert_eq!(rows(readme), ExitCode::ALL.iter().map(table).collect::<Vec<_>>());
    }

    #[test]
    fn one_cause_has_one_code_whichever_command_it_ends() {
        use std::io;

        use crate::failure::Failure;

        let listen = ([127, 0, 0, 1], 80).into();
        let refused = ServeError::Listen { listen, source: io::ErrorKind::PermissionDenied.into() };
        let away = AdminError::Unreachable { brokers: "here".into(), reason: "away".into() };
        let panicked = || Fatal::Panicked { thread: "worker-0".into(), message: "why".into() };
        let property = || Fatal::Property { what: "no".into(), name: "acks".into(), reason: "why".into() };
        let wrong = AdminError::Property { name: "acks".into(), reason: "why".into() };
        for (failures, code) in [
            (vec![Failure::Server(refused), Failure::Threads(io::ErrorKind::OutOfMemory.into())], ExitCode::System),
            (vec![Failure::Admin(away)], ExitCode::Unreachable),
            (vec![Failure::Worker(panicked().into()), Failure::Internal(panicked().into())], ExitCode::Internal),
            (vec![Failure::Worker(property().into()), Failure::Admin(wrong)], ExitCode::Nothing),
        ] {
            failures.iter().for_each(|failure| assert_eq!(failure.exit_code(), code, "{failure:?}"));
        }
    }
}
