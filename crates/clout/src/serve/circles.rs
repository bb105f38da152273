//! Keeps who gave whom how much on disk. Credits name nobody: who is behind their hashes the live view says, which knows the names of those
//! who have a score.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka::{Connection, Reading, ScoreReader};
use pipeline::{Fault, Supervisor};
use serve::View;
use tracing::warn;
use views::{CirclesWriter, Source, ViewsError, Writer};

use super::keeper::{Keeper, Kept};
use crate::config::Config;

/// Tells the view the key under which credits hash names; whoever gets a score from now on is known by it.
pub(super) fn learn(config: &Config, view: &View) -> bool {
    let own_key = || kafka::hash_key(&config.connection(), &config.topics());
    match config.hash_key.map_or_else(own_key, Ok) {
        Ok(key) => {
            view.learn_keys(Arc::new(move |user: &str| key.user_key(user)));
            true
        }
        Err(error) => {
            warn!(%error, "nobody is named in circles: the key of the hash of names is not known");
            false
        }
    }
}

/// Opens the store, before scores are read.
pub(super) fn open(
    writer: &Writer,
    config: &Config,
    view: &Arc<View>,
    supervisor: &Supervisor,
) -> Option<Keeper<CirclesWriter>> {
    if !learn(config, view) {
        return None;
    }
    match writer.circles(view.known()) {
        Ok(kept) => Some(Keeper {
            kept,
            connection: config.connection(),
            topic: kafka::credits_of(&config.application_id),
            view: Arc::clone(view),
            supervisor: supervisor.clone(),
        }),
        Err(error) => {
            warn!(%error, "circles are not kept");
            None
        }
    }
}

impl Kept for CirclesWriter {
    const WHAT: &'static str = "circles";
    const SETTING: Option<&'static str> = None;

    fn reader(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of_credits(connection, topic)
    }

    fn begin(&mut self, source: &Source) -> Result<BTreeMap<i32, i64>, ViewsError> {
        CirclesWriter::begin(self, source)
    }

    fn take(&mut self, (partition, next): (i32, i64), reading: Reading, _: &View) -> Result<bool, ViewsError> {
        let Reading::Credits(credits) = reading else { return Ok(false) };
        CirclesWriter::take(self, partition, next, &credits)?;
        Ok(true)
    }

    fn skip(&mut self, partition: i32, next: i64) {
        CirclesWriter::skip(self, partition, next);
    }

    fn commit(&mut self) -> Result<(), ViewsError> {
        CirclesWriter::commit(self)
    }

    fn forget(&mut self, user: &str) -> Result<(), ViewsError> {
        CirclesWriter::forget(self, user)
    }

    fn sweep(&mut self, _: &View) -> Result<(), ViewsError> {
        self.forget_erased()
    }

    fn tidy(&mut self, _: &View, _: bool) -> Result<(), ViewsError> {
        CirclesWriter::tidy(self)
    }

    fn tell_behind(view: &View, behind: Option<u64>) {
        view.set_circles_behind(behind);
    }
}
