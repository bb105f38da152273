//! Keeps what a topic tells on disk, beside the live view: reads the topic from where the store is, and erases whom the table of
//! scores says to erase as well. What is read and stored says [`Kept`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use kafka::{Connection, Reading, ScoreReader};
use pipeline::{Fault, Heartbeat, Supervisor};
use serve::View;
use tracing::{info, warn};
use views::{Source, ViewsError};

use super::{LOOK_EVERY, WAIT, pause};

/// Between two transactions, unless more has come than one holds.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// A store of what one topic tells.
pub(super) trait Kept: Send + 'static {
    /// The word for what is stored, which is the name of the thread as well.
    const WHAT: &'static str;
    /// The setting of `clout run` that makes the topic, if it is worth a line that the topic is not there.
    const SETTING: Option<&'static str>;

    fn reader(connection: &Connection, topic: &str) -> Result<ScoreReader, Fault>;

    /// Says from which offsets the topic is to be read.
    fn begin(&mut self, source: &Source) -> Result<BTreeMap<i32, i64>, ViewsError>;

    /// Takes what a record says, with its partition and the offset behind it. Returns whether there was something to take.
    fn take(&mut self, place: (i32, i64), reading: Reading, view: &View) -> Result<bool, ViewsError>;

    /// Notes that a partition has been read up to an offset.
    fn skip(&mut self, partition: i32, next: i64);

    fn commit(&mut self) -> Result<(), ViewsError>;

    fn forget(&mut self, user: &str) -> Result<(), ViewsError>;

    /// Erases those who have opted out: what the topic still holds of them brings nobody back.
    fn sweep(&mut self, view: &View) -> Result<(), ViewsError>;

    /// Removes what is too old, or stands in the wrong order.
    fn tidy(&mut self, view: &View, is_caught_up: bool) -> Result<(), ViewsError>;

    /// Tells the view how many records are still to be stored, if that is known.
    fn tell_behind(view: &View, behind: Option<u64>);
}

/// The thread that keeps a store up to date.
pub(super) struct Keeper<K> {
    pub(super) kept: K,
    pub(super) connection: Connection,
    pub(super) topic: String,
    pub(super) view: Arc<View>,
    pub(super) supervisor: Supervisor,
}

/// Why it begins again: nothing of this ends the process, since scores are shown all the same.
type Again = Box<dyn std::error::Error + Send + Sync>;

/// How far one reading of the topic is.
struct Course {
    reader: ScoreReader,
    /// All that was there at the start has been read.
    is_caught_up: bool,
    /// Whoever has opted out has been looked for since the view is complete.
    is_swept: bool,
    is_new: bool,
    committed_at: Instant,
}

impl<K: Kept> Keeper<K> {
    /// Keeps the store until somebody says stop. Whoever is sent is erased.
    pub(super) fn start(self) -> Sender<String> {
        let (erase, erased) = channel();
        if let Err(error) = thread::Builder::new().name(K::WHAT.to_owned()).spawn(move || self.keep(&erased)) {
            warn!(%error, "{} are not kept", K::WHAT);
        }
        erase
    }

    fn keep(mut self, erased: &Receiver<String>) {
        while !self.supervisor.is_stopping() {
            let result = self.read(erased);
            K::tell_behind(&self.view, None);
            if let Err(reason) = result {
                warn!(%reason, "{} are not kept for now: it is tried again", K::WHAT);
                pause(LOOK_EVERY, &self.supervisor);
            }
        }
    }

    /// Reads from where the store is, until somebody says stop or the topic is another one.
    fn read(&mut self, erased: &Receiver<String>) -> Result<(), Again> {
        let mut reader = K::reader(&self.connection, &self.topic).map_err(|fault| fault.to_string())?;
        let Some(id) = self.find(&reader)? else { return Ok(()) };
        reader.go_on_from(self.kept.begin(&Source { topic: self.topic.clone(), id })?);
        let committed_at = Instant::now();
        let mut course = Course { reader, is_caught_up: false, is_swept: false, is_new: false, committed_at };
        self.follow(&mut course, erased)
    }

    /// The topic's id, once it is there.
    fn find(&self, reader: &ScoreReader) -> Result<Option<String>, Again> {
        let mut untold = K::SETTING;
        while !self.supervisor.is_stopping() {
            if let Some(id) = reader.id().map_err(|fault| fault.to_string())? {
                return Ok(Some(id));
            }
            if let Some(setting) = untold.take() {
                info!(topic = self.topic, "no {} are there yet: `{setting}` of `clout run` tells them", K::WHAT);
            }
            pause(LOOK_EVERY, &self.supervisor);
        }
        Ok(None)
    }

    fn follow(&mut self, course: &mut Course, erased: &Receiver<String>) -> Result<(), Again> {
        let heartbeat = Heartbeat::default();
        while !self.supervisor.is_stopping() {
            let reading = course.reader.read(WAIT, &heartbeat).map_err(|fault| fault.to_string())?;
            match reading {
                Some(Reading::CaughtUp) => {
                    (course.is_caught_up, course.is_new) = (true, true);
                    info!(topic = self.topic, people = self.view.people(), "{} are caught up", K::WHAT);
                }
                Some(Reading::Anew) => return Ok(()),
                Some(reading) => course.is_new |= self.kept.take(course.reader.place(), reading, &self.view)?,
                None => {}
            }
            if course.committed_at.elapsed() >= COMMIT_EVERY {
                self.settle(course, erased)?;
            }
        }
        self.commit(course)?;
        Ok(())
    }

    /// What is done about once a second.
    fn settle(&mut self, course: &mut Course, erased: &Receiver<String>) -> Result<(), ViewsError> {
        course.committed_at = Instant::now();
        erased.try_iter().try_for_each(|user| self.kept.forget(&user))?;
        self.commit(course)?;
        K::tell_behind(&self.view, Some(course.reader.behind()));
        self.kept.tidy(&self.view, course.is_caught_up)?;
        if !self.view.is_ready() {
            course.is_swept = false;
        } else if course.is_caught_up && !course.is_swept {
            self.kept.sweep(&self.view)?;
            course.is_swept = true;
        }
        Ok(())
    }

    fn commit(&mut self, course: &mut Course) -> Result<(), ViewsError> {
        if std::mem::take(&mut course.is_new) {
            course.reader.reached().for_each(|(partition, next)| self.kept.skip(partition, next));
            self.kept.commit()?;
        }
        Ok(())
    }
}
