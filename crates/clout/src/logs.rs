//! What commands that run on tell meanwhile: lines for people on a terminal, JSON for programs.

use std::io::{IsTerminal, stderr};

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Who tells of object stores.
const STORES: &str = "object_store";

/// How a command tells what it does.
#[derive(Args, Clone, Debug)]
pub(crate) struct LogArgs {
    /// What is told: error, warn, info, debug or trace, also by part as in `info,kafka=debug`. RUST_LOG says it as well
    #[arg(long, value_name = "LEVEL", help_heading = "Logs", value_parser = filter)]
    log: Option<String>,
    /// How it is told, on the standard error
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "text", help_heading = "Logs")]
    log_format: LogFormat,
}

/// How lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

fn filter(text: &str) -> Result<String, String> {
    let advice = |_| format!("{text:?} is no level: error, warn, info, debug or trace, or info,kafka=debug");
    EnvFilter::try_new(text).map(|_| text.to_owned()).map_err(advice)
}

impl LogArgs {
    /// Tells from now on. The first command of a process decides.
    pub(crate) fn begin(&self) {
        let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into());
        let filter = match &self.log {
            Some(text) => filter.parse_lossy(text),
            None => filter.from_env_lossy(),
        };
        // Each attempt would be a line; what fails in the end is told by who asked.
        let is_said = self.log.as_ref().is_some_and(|text| text.contains(STORES));
        let filter = match format!("{STORES}=warn").parse() {
            Ok(quiet) if !is_said => filter.add_directive(quiet),
            _ => filter,
        };
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr);
        // A second command in one process keeps the first one's: only tests do that.
        let _ = match self.log_format {
            LogFormat::Text => subscriber.with_ansi(has_colours()).with_target(false).try_init(),
            LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
        };
    }
}

fn has_colours() -> bool {
    stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
