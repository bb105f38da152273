//! Keeps daily closes on disk.

use std::collections::BTreeMap;

use influence::DAY_MS;
use kafka::{Connection, Reading, ScoreReader};
use pipeline::Fault;
use serve::View;
use views::{Source, ViewsError, Writer};

use super::keeper::Kept;

impl Kept for Writer {
    const WHAT: &'static str = "closes";
    const SETTING: Option<&'static str> = Some("history.closes");

    fn reader(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault> {
        ScoreReader::of_closes(connection, topic)
    }

    fn begin(&mut self, source: &Source) -> Result<BTreeMap<i32, i64>, ViewsError> {
        Writer::begin(self, source)
    }

    fn take(&mut self, (partition, next): (i32, i64), reading: Reading, view: &View) -> Result<bool, ViewsError> {
        match reading {
            Reading::Closed(close) if !view.has_opted_out(&close.user) => self.close(partition, next, &close)?,
            Reading::Removed { user, .. } => self.remove(partition, next, &user)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn skip(&mut self, partition: i32, next: i64) {
        Writer::skip(self, partition, next);
    }

    fn commit(&mut self) -> Result<(), ViewsError> {
        Writer::commit(self)
    }

    fn forget(&mut self, user: &str) -> Result<(), ViewsError> {
        Writer::forget(self, user)
    }

    fn sweep(&mut self, view: &View) -> Result<(), ViewsError> {
        self.forget_those(|user| view.has_opted_out(user))
    }

    fn tidy(&mut self, view: &View, is_caught_up: bool) -> Result<(), ViewsError> {
        let today = view.as_of().map_or(0, |as_of| as_of.div_euclid(DAY_MS) as i32);
        Writer::tidy(self, today, is_caught_up).map(drop)
    }

    fn tell_behind(view: &View, behind: Option<u64>) {
        view.set_closes_behind(behind);
    }
}
