//! Keeps who gave whom how much on disk, beside the closes: reads the topic of credits from where the store is. Credits name nobody: who is
//! behind their hashes the live view says, which knows the names of those who have a score.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use kafka::{Connection, Reading, ScoreReader};
use pipeline::{Heartbeat, Supervisor};
use serve::View;
use tracing::{info, warn};
use views::{CirclesWriter, Source, ViewsError, Writer};

use super::{LOOK_EVERY, WAIT, pause};
use crate::config::Config;

/// Between two transactions, unless more has come than one holds.
const COMMIT_EVERY: Duration = Duration::from_secs(1);

/// One who keeps circles.
pub(super) struct Keeper {
    writer: CirclesWriter,
    connection: Connection,
    topic: String,
    view: Arc<View>,
    supervisor: Supervisor,
}

/// Why it begins again: nothing of this ends the process, since scores are shown all the same.
type Again = Box<dyn std::error::Error + Send + Sync>;

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
pub(super) fn open(writer: &Writer, config: &Config, view: &Arc<View>, supervisor: &Supervisor) -> Option<Keeper> {
    if !learn(config, view) {
        return None;
    }
    match writer.circles(view.known()) {
        Ok(writer) => Some(Keeper {
            writer,
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

/// How far one reading of the topic is.
struct Course {
    reader: ScoreReader,
    is_caught_up: bool,
    /// Whoever has opted out has been looked for since the view is complete.
    is_swept: bool,
    is_new: bool,
    committed_at: Instant,
}

impl Keeper {
    /// Keeps circles until somebody says stop. Whoever is sent is erased.
    pub(super) fn start(self) -> Sender<String> {
        let (erase, erased) = channel();
        if let Err(error) = thread::Builder::new().name("circles".to_owned()).spawn(move || self.keep(&erased)) {
            warn!(%error, "circles are not kept");
        }
        erase
    }

    fn keep(mut self, erased: &Receiver<String>) {
        while !self.supervisor.is_stopping() {
            let result = self.read(erased);
            self.view.set_circles_behind(None);
            if let Err(reason) = result {
                warn!(%reason, "circles are not kept for now: it is tried again");
                pause(LOOK_EVERY, &self.supervisor);
            }
        }
    }

    /// Reads from where the store is, until somebody says stop or the topic is another one.
    fn read(&mut self, erased: &Receiver<String>) -> Result<(), Again> {
        let mut reader = ScoreReader::of_credits(&self.connection, &self.topic).map_err(|fault| fault.to_string())?;
        let Some(id) = self.find(&reader)? else { return Ok(()) };
        reader.go_on_from(self.writer.begin(&Source { topic: self.topic.clone(), id })?);
        let committed_at = Instant::now();
        let mut course = Course { reader, is_caught_up: false, is_swept: false, is_new: false, committed_at };
        self.follow(&mut course, erased)
    }

    /// The topic's id, once it is there.
    fn find(&self, reader: &ScoreReader) -> Result<Option<String>, Again> {
        while !self.supervisor.is_stopping() {
            if let Some(id) = reader.id().map_err(|fault| fault.to_string())? {
                return Ok(Some(id));
            }
            pause(LOOK_EVERY, &self.supervisor);
        }
        Ok(None)
    }

    fn follow(&mut self, course: &mut Course, erased: &Receiver<String>) -> Result<(), Again> {
        let heartbeat = Heartbeat::default();
        while !self.supervisor.is_stopping() {
            let reading = course.reader.read(WAIT, &heartbeat).map_err(|fault| fault.to_string())?;
            let (partition, next) = course.reader.place();
            match reading {
                Some(Reading::Credits(credits)) => {
                    self.writer.take(partition, next, &credits)?;
                    course.is_new = true;
                }
                Some(Reading::CaughtUp) => {
                    (course.is_caught_up, course.is_new) = (true, true);
                    info!(topic = self.topic, "circles are caught up");
                }
                Some(Reading::Anew) => return Ok(()),
                _ => {}
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
        erased.try_iter().try_for_each(|user| self.writer.forget(&user))?;
        self.commit(course)?;
        self.view.set_circles_behind(Some(course.reader.behind()));
        if !self.view.is_ready() {
            course.is_swept = false;
        } else if course.is_caught_up && !course.is_swept {
            // What the topic still holds of those who have opted out brings nobody back.
            self.writer.forget_erased()?;
            course.is_swept = true;
        }
        self.writer.tidy()
    }

    fn commit(&mut self, course: &mut Course) -> Result<(), ViewsError> {
        if std::mem::take(&mut course.is_new) {
            course.reader.reached().for_each(|(partition, next)| self.writer.skip(partition, next));
            self.writer.commit()?;
        }
        Ok(())
    }
}
