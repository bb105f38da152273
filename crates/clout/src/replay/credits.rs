//! The table that `--credits-out` writes: what each act gave and which rates have changed since, with names in the clear.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use embedded::World;
use influence::{Credit, Effects, HashKey, Model, Rated, Shard, UserKey};
use serde::Serialize;
use vocabulary::{Event, Timestamp};
use wire::{ScoreFormat, WriteError};

use crate::failure::OutputError;
use crate::output::{Output, Whole};
use crate::table::{CreditAct, CreditRow, CreditsWriter, TableFormat, write_failed};

/// The error for a credit of an account that no event has named, which would be a bug: whoever gives has acted.
const UNKNOWN: &str = "somebody gave something who was never met";

/// Takes down what a world tells.
pub(crate) struct CreditsOut {
    hash_key: HashKey,
    /// Names of all who acted or were acted upon: credits have their hashes.
    names: HashMap<UserKey, Box<str>>,
    told: Rc<RefCell<Told>>,
    half_life_ms: i64,
    window_ms: i64,
    path: PathBuf,
    writer: CreditsWriter<Output>,
    written: CreditsWritten,
}

/// Credits and rates that the world has told and that are not written yet.
#[derive(Default)]
struct Told {
    credits: Vec<Credit>,
    rated: Vec<Rated>,
}

/// The number of rows that were written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct CreditsWritten {
    /// Rows of acts.
    pub(crate) acts: u64,
    /// Rows of rates that changed without one.
    pub(crate) rates: u64,
}

impl CreditsOut {
    /// Listens to a world that tells credits and hashes names under this key.
    pub(crate) fn create(
        path: &Path,
        world: &mut World<'static>,
        hash_key: HashKey,
        model: &Model,
    ) -> Result<CreditsOut, OutputError> {
        let output = Output::create(path).map_err(OutputError::to(path))?;
        let format = TableFormat::of(path).unwrap_or(TableFormat::Lines(ScoreFormat::Json));
        let told = Rc::<RefCell<Told>>::default();
        let into = Rc::clone(&told);
        world.observe(move |_: &Shard, effects: &Effects| {
            let mut told = into.borrow_mut();
            told.credits.extend(effects.credits.iter().flatten());
            told.rated.extend(&effects.rated);
        });
        Ok(CreditsOut {
            hash_key,
            names: HashMap::new(),
            told,
            half_life_ms: model.half_life_ms,
            window_ms: model.window_ms,
            path: path.to_owned(),
            writer: CreditsWriter::new(output, format).map_err(write_failed(path))?,
            written: CreditsWritten::default(),
        })
    }

    /// Notes who is behind the hashes of an event, before the world takes it.
    pub(crate) fn meet(&mut self, event: &Event<'_>) {
        for name in [event.actor, event.target] {
            self.names.entry(self.hash_key.user_key(name)).or_insert_with(|| name.into());
        }
    }

    /// Writes what the world has told since the last time. Of one time, acts come before rates.
    pub(crate) fn write(&mut self) -> Result<(), OutputError> {
        let CreditsOut { names, half_life_ms, window_ms, writer, written, .. } = self;
        let (half_life_ms, window_ms) = (*half_life_ms, *window_ms);
        let failed = write_failed(&self.path);
        let name = |key| -> Result<Cow<'_, str>, OutputError> {
            let name: Option<&Box<str>> = names.get(&key);
            name.map(|name| Cow::Borrowed(&**name)).ok_or_else(|| failed(WriteError::Io(io::Error::other(UNKNOWN))))
        };
        let Told { credits, rated } = std::mem::take(&mut *self.told.borrow_mut());
        for Credit { actor, target, kind, at, votes, rate, .. } in credits {
            let act = Some(CreditAct { target: name(target)?, kind, votes });
            let row = CreditRow { actor: name(actor)?, act, at, rate, half_life_ms, window_ms };
            writer.write(&row).map_err(&failed)?;
            written.acts += 1;
        }
        // A world that comes to rest tells several of one time: the last of them is what holds.
        let last: HashMap<(UserKey, Timestamp), usize> =
            rated.iter().enumerate().map(|(place, rated)| ((rated.actor, rated.at), place)).collect();
        let is_last = |(place, rated): &(usize, Rated)| last[&(rated.actor, rated.at)] == *place;
        for (_, Rated { actor, rate, at }) in rated.into_iter().enumerate().filter(is_last) {
            let row = CreditRow { actor: name(actor)?, act: None, at, rate, half_life_ms, window_ms };
            writer.write(&row).map_err(&failed)?;
            written.rates += 1;
        }
        Ok(())
    }

    pub(crate) fn written(&self) -> CreditsWritten {
        self.written
    }

    pub(crate) fn finish(self) -> Result<Whole, OutputError> {
        let output = self.writer.finish().map_err(write_failed(&self.path))?;
        output.finish().map_err(OutputError::to(&self.path))
    }
}
