//! Serves what a replay wrote, without Kafka: the scores of its end, how people stood day by day, and who gave whom how much.

use std::path::Path;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use influence::{DAY_MS, HashKey};
use serve::{Update, View};
use sha2::{Digest, Sha256};
use tracing::info;
use views::{CirclesWriter, Source, Writer};
use vocabulary::Score;
use wire::{Close, Credit, Credits, Rated};

use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::table::{CreditRow, RowsError, read_credits, read_rows};

/// Rows between two looks whether days are over for so long that they are laid together.
const TIDY_EVERY: i64 = 500_000;
/// Rows of credits that are taken at once.
const CREDITS: usize = 4_096;
/// Files name no model: all rows are of one.
const MODEL_VERSION: u32 = 0;

/// Takes the days of a replay into the store. What was taken from this very file before is not taken again.
pub(super) fn keep(path: &Path, writer: &mut Writer, interrupt: &Interrupt) -> Result<(), Failure> {
    let known = writer.begin(&source(path, "scores")?)?.remove(&0).unwrap_or(0);
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

/// The store of who gave whom how much, and what is to be read into it.
pub(super) struct Circles<'a> {
    path: &'a Path,
    source: Source,
    hash_key: HashKey,
    writer: CirclesWriter,
}

impl<'a> Circles<'a> {
    /// Opens the store, before scores are shown.
    pub(super) fn open(path: &'a Path, closes: &Writer, view: &View) -> Result<Circles<'a>, Failure> {
        let source = source(path, "credits")?;
        // The store has hashes of names. Its key stays the same for as long as the store is of this file, and nobody who is in the file
        // could know it: when the file is made is a part of it, in nanoseconds.
        let digest = Sha256::digest(format!("{} {}", source.topic, source.id));
        let word = |place| digest[place..].first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let hash_key = HashKey::new([word(0), word(8)]);
        view.learn_keys(Arc::new(move |user: &str| hash_key.user_key(user)));
        Ok(Circles { path, source, hash_key, writer: closes.circles(view.known())? })
    }

    /// Takes the credits of a replay into the store, likewise.
    pub(super) fn keep(mut self, interrupt: &Interrupt) -> Result<(), Failure> {
        let known = self.writer.begin(&self.source)?.remove(&0).unwrap_or(0);
        let (mut row, mut taken) = (0, None);
        let (writer, hash_key) = (&mut self.writer, self.hash_key);
        read_credits(self.path, interrupt, |credit| {
            row += 1;
            if row > known {
                let record = taken.get_or_insert_with(|| nothing(&credit));
                if !add(record, &credit, &hash_key) {
                    writer.take(0, row - 1, record)?;
                    *record = nothing(&credit);
                    add(record, &credit, &hash_key);
                }
                if row % TIDY_EVERY == 0 {
                    writer.tidy()?;
                }
            }
            Ok(())
        })?;
        taken.iter().try_for_each(|record| writer.take(0, row, record))?;
        writer.commit()?;
        writer.tidy()?;
        info!(rows = row, "the credits are taken");
        Ok(())
    }
}

/// A record to which rows such as this one can be added.
fn nothing(row: &CreditRow<'_>) -> Credits {
    let CreditRow { half_life_ms, window_ms, .. } = *row;
    Credits { half_life_ms, window_ms, credits: Vec::new(), rated: Vec::new() }
}

/// Adds a row to a record, unless the record is full or of another model.
fn add(record: &mut Credits, row: &CreditRow<'_>, hash_key: &HashKey) -> bool {
    let is_of_it = (record.half_life_ms, record.window_ms) == (row.half_life_ms, row.window_ms);
    if !is_of_it || record.credits.len() + record.rated.len() >= CREDITS {
        return false;
    }
    let CreditRow { at, rate, .. } = *row;
    let actor = hash_key.user_key(&row.actor);
    match &row.act {
        Some(act) => {
            let target = hash_key.user_key(&act.target);
            record.credits.push(Credit { actor, target, kind: act.kind, at, subject: 0, votes: act.votes, rate });
        }
        None => record.rated.push(Rated { actor, rate, at }),
    }
    true
}

/// A file, as a store knows where it is from.
fn source(path: &Path, what: &'static str) -> Result<Source, Failure> {
    let refused = |error: std::io::Error| RowsError { what, path: path.to_owned(), reason: error.to_string() };
    Ok(Source { topic: path.display().to_string(), id: identity(path).map_err(refused)? })
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
