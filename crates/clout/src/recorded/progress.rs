//! How far the reading is: a bar on a terminal, nothing anywhere else. Lines for people pass it without tearing it.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::interrupt::Interrupt;
use crate::recorded::Stop;
use crate::recorded::input::BytesRead;
use crate::words::thousands;

const WITH_SIZE: &str = "{bar:24} {percent:>3} %  {msg}  {eta} left";
const WITHOUT_SIZE: &str = "{spinner} {bytes} read  {msg}";

/// The standard error as this run uses it.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    bar: ProgressBar,
    is_quiet: bool,
    bytes_read: BytesRead,
    started: Instant,
}

impl Progress {
    /// Of so many bytes to read, where that is known.
    pub(crate) fn new(size_bytes: Option<u64>, bytes_read: BytesRead, is_quiet: bool) -> Progress {
        let is_shown = !is_quiet && io::stderr().is_terminal();
        let target = if is_shown { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(size_bytes, target);
        let template = if size_bytes.is_some() { WITH_SIZE } else { WITHOUT_SIZE };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("█▉▊▋▌▍▎▏ "));
        }
        Progress { bar, is_quiet, bytes_read, started: Instant::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn show(&self, events: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let rate = events as f64 / self.elapsed().as_secs_f64().max(1e-3);
        self.bar.set_message(format!("{} events, {}/s", thousands(events), thousands(rate as u64)));
        self.bar.set_position(self.bytes_read.get());
    }

    /// Says what is done when all is read.
    pub(crate) fn settling(&self) {
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            self.bar.set_style(style);
        }
        self.bar.set_message("all is read; the scores come to rest ...");
        self.bar.tick();
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Tells people something, unless they asked for quiet.
    pub(crate) fn say(&self, line: &str) {
        if !self.is_quiet {
            // Nobody is left to be told that nobody can be told.
            self.bar.suspend(|| drop(writeln!(io::stderr(), "{line}")));
        }
    }
}

/// Looks up from the reading now and then: at Ctrl-C, and at the bar.
#[derive(Clone, Debug)]
pub(crate) struct Watch {
    pub(crate) progress: Progress,
    pub(crate) interrupt: Interrupt,
}

impl Watch {
    /// Records between two looks.
    const EVERY: u64 = 1024;

    /// To be called with the number of records so far.
    #[inline]
    pub(crate) fn look(&self, records: u64) -> Result<(), Stop> {
        if records.is_multiple_of(Watch::EVERY) { self.look_up(records) } else { Ok(()) }
    }

    fn look_up(&self, records: u64) -> Result<(), Stop> {
        self.progress.show(records);
        if self.interrupt.is_asked() { Err(Stop::Interrupted) } else { Ok(()) }
    }
}
