//! Keeps daily closes on disk, beside the live view: reads their topic from where the store is, and erases whom the table of
//! scores says to erase as well.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use kafka::{Connection, Reading, ScoreReader};
use pipeline::{Heartbeat, Supervisor};
use serve::View;
use tracing::{info, warn};
use views::{Source, ViewsError, Writer};

use super::{LOOK_EVERY, WAIT, pause};

/// Between two transactions, unless more has come than one holds.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

const DAY_MS: i64 = 86_400_000;

/// One who keeps closes.
pub(super) struct Keeper {
    pub(super) writer: Writer,
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
    erased: Receiver<String>,
    /// All that was there at the start has been read.
    is_caught_up: bool,
    /// Whoever has opted out has been looked for since the view is complete.
    is_swept: bool,
    is_new: bool,
    committed_at: Instant,
}

impl Keeper {
    /// Keeps closes until somebody says stop. Whoever is sent is erased.
    pub(super) fn start(self) -> Sender<String> {
        let (erase, erased) = channel();
        let keep = move || self.keep(erased);
        if let Err(error) = thread::Builder::new().name("closes".to_owned()).spawn(keep) {
            warn!(%error, "closes are not kept");
        }
        erase
    }

    fn keep(mut self, erased: Receiver<String>) {
        let mut erased = Some(erased);
        while !self.supervisor.is_stopping() {
            let result = self.read(&mut erased);
            self.view.set_closes_behind(None);
            if let Err(reason) = result {
                warn!(%reason, "closes are not kept for now: it is tried again");
                pause(LOOK_EVERY, &self.supervisor);
            }
        }
    }

    /// Reads from where the store is, until somebody says stop or the topic is another one.
    fn read(&mut self, erased: &mut Option<Receiver<String>>) -> Result<(), Again> {
        let mut reader = ScoreReader::of_closes(&self.connection, &self.topic).map_err(|fault| fault.to_string())?;
        let Some(id) = self.find(&reader)? else { return Ok(()) };
        reader.go_on_from(self.writer.begin(&Source { topic: self.topic.clone(), id })?);
        let receiver = erased.take().ok_or("nobody says who is erased")?;
        let mut course = Course {
            reader,
            erased: receiver,
            is_caught_up: false,
            is_swept: false,
            is_new: false,
            committed_at: Instant::now(),
        };
        let result = self.follow(&mut course);
        *erased = Some(course.erased);
        result
    }

    /// The topic's id, once it is there.
    fn find(&self, reader: &ScoreReader) -> Result<Option<String>, Again> {
        let mut is_told = false;
        while !self.supervisor.is_stopping() {
            if let Some(id) = reader.id().map_err(|fault| fault.to_string())? {
                return Ok(Some(id));
            }
            if !is_told {
                info!(topic = self.topic, "no closes are there yet: `history.closes` of `clout run` tells them");
                is_told = true;
            }
            pause(LOOK_EVERY, &self.supervisor);
        }
        Ok(None)
    }

    fn follow(&mut self, course: &mut Course) -> Result<(), Again> {
        let heartbeat = Heartbeat::default();
        while !self.supervisor.is_stopping() {
            let reading = course.reader.read(WAIT, &heartbeat).map_err(|fault| fault.to_string())?;
            let (partition, next) = course.reader.place();
            match reading {
                Some(Reading::Closed(close)) if !self.view.has_opted_out(&close.user) => {
                    self.writer.close(partition, next, &close)?;
                    course.is_new = true;
                }
                Some(Reading::Removed { user, .. }) => {
                    self.writer.remove(partition, next, &user)?;
                    course.is_new = true;
                }
                Some(Reading::CaughtUp) => {
                    course.is_caught_up = true;
                    course.is_new = true;
                    info!(topic = self.topic, people = self.view.people(), "closes are caught up");
                }
                Some(Reading::Anew) => return Ok(()),
                _ => {}
            }
            if course.committed_at.elapsed() >= COMMIT_EVERY {
                self.settle(course)?;
            }
        }
        self.commit(course)?;
        Ok(())
    }

    /// What is done about once a second.
    fn settle(&mut self, course: &mut Course) -> Result<(), ViewsError> {
        course.committed_at = Instant::now();
        course.erased.try_iter().try_for_each(|user| self.writer.forget(&user))?;
        self.commit(course)?;
        self.view.set_closes_behind(Some(course.reader.behind()));
        let today = self.view.as_of().map_or(0, |as_of| as_of.div_euclid(DAY_MS) as i32);
        self.writer.tidy(today, course.is_caught_up)?;
        if !self.view.is_ready() {
            course.is_swept = false;
        } else if course.is_caught_up && !course.is_swept {
            self.sweep()?;
            course.is_swept = true;
        }
        Ok(())
    }

    fn commit(&mut self, course: &mut Course) -> Result<(), ViewsError> {
        if std::mem::take(&mut course.is_new) {
            course.reader.reached().for_each(|(partition, next)| self.writer.skip(partition, next));
            self.writer.commit()?;
        }
        Ok(())
    }

    /// Erases those who have opted out: what the topic of closes still holds of them brings nobody back.
    fn sweep(&mut self) -> Result<(), ViewsError> {
        let view = &self.view;
        self.writer.forget_those(|user| view.has_opted_out(user))
    }
}
