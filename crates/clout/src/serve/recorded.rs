//! Serves what a replay wrote, without Kafka: the scores of its end, and how people stood day by day.

use std::path::Path;
use std::time::UNIX_EPOCH;

use serve::{Update, View};
use tracing::info;
use views::{Source, Writer};
use vocabulary::Score;
use wire::Close;

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::table::{RowsError, read_rows};

const DAY_MS: i64 = 86_400_000;
/// Rows between two looks whether days are over for so long that they are laid together.
const TIDY_EVERY: i64 = 500_000;
/// Files name no model: all rows are of one.
const MODEL_VERSION: u32 = 0;

/// Takes the days of a replay into the store. What was taken from this very file before is not taken again.
pub(super) fn keep(path: &Path, writer: &mut Writer, interrupt: &Interrupt) -> Result<(), Failure> {
    let refused = |reason: String| Failure::from(RowsError { path: path.to_owned(), reason });
    let source =
        Source { topic: path.display().to_string(), id: identity(path).map_err(|error| refused(error.to_string()))? };
    let known = writer.begin(&source)?.remove(&0).unwrap_or(0);
    let mut row = 0;
    let mut failed = None;
    read_rows(path, interrupt, |user, score| {
        row += 1;
        if row > known && failed.is_none() {
            let close = Close { day: score.as_of.div_euclid(DAY_MS) - 1, user, score, model_version: MODEL_VERSION };
            failed = writer.close(0, row, &close).err();
            if row % TIDY_EVERY == 0 && failed.is_none() {
                failed = writer.tidy(0, false).err();
            }
        }
    })?;
    failed.map_or_else(|| writer.commit(), Err)?;
    info!(rows = row, "the days are taken");
    Ok(())
}

/// What tells a file from another one of its name.
fn identity(path: &Path) -> std::io::Result<String> {
    let found = path.metadata()?;
    let changed = found.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{}-{}", found.len(), changed.as_nanos()))
}

/// Shows the scores of a replay. Rows of days are in their order, so that of everybody the last one stays.
pub(super) fn show(path: &Path, view: &View, interrupt: &Interrupt) -> Result<(), Failure> {
    read_rows(path, interrupt, |user, score| scored(view, &user, &score))
}

/// Lays days together that are over for long, as far as that is worth while.
pub(super) fn tidy(writer: &mut Writer, view: &View, interrupt: &Interrupt) -> Result<(), Failure> {
    let today = view.as_of().map_or(0, |as_of| as_of.div_euclid(DAY_MS) as i32);
    while !interrupt.is_asked() && writer.tidy(today, true)? {}
    Ok(())
}

fn scored(view: &View, user: &str, score: &Score) {
    view.apply(Update::Scored { user, score, model_version: MODEL_VERSION });
}
