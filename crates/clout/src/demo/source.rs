//! Where the demo's events come from: a town that never ends, or a file.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use vocabulary::{AHEAD_MS_MAX, Event, Kind, Timestamp};
use wire::EventReader;
use worlds::{Town, TownEvents};

use crate::interrupt::Interrupt;
use crate::recorded::input::{BytesRead, Head, Input};
use crate::recorded::notes::Notes;
use crate::recorded::{InputError, ReadingArgs};

/// Events one after the other, the next of them to be looked at before it is taken.
pub(crate) struct Source {
    stream: Stream,
    next: Option<Waiting>,
}

enum Stream {
    Town(Box<TownEvents>),
    File(Box<File>),
}

struct File {
    reader: Option<EventReader<Head>>,
    latest: Timestamp,
    notes: Notes,
    bad: Bad,
}

/// What could not be used of a file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Bad {
    pub(crate) records: u64,
    /// Those that are whole and no acts.
    pub(crate) no_acts: u64,
    /// Notes about the file, for the user.
    pub(crate) notes: Vec<String>,
    /// Why the file could not be read to its end.
    pub(crate) breaks_off: Option<String>,
}

/// An event, kept until its time has come.
#[derive(Clone, Debug)]
struct Waiting {
    actor: String,
    target: String,
    kind: Kind,
    at: Timestamp,
}

impl Source {
    pub(crate) fn town(seed: u64, people: u32) -> Source {
        // As much happens to each of them, however many they are.
        let usual = Town::default();
        let events_an_hour = (u64::from(usual.events_an_hour) * u64::from(people) / u64::from(usual.people)).max(1);
        let town = Town { seed, people, events_an_hour: events_an_hour as u32, ..usual };
        Source::of(Stream::Town(Box::new(town.events())))
    }

    /// Events beyond this machine's clock count as bad: history must not wait for them.
    pub(crate) fn open(path: &Path, reading: &ReadingArgs, interrupt: &Interrupt) -> Result<Source, InputError> {
        let mut input = Input::open(path, reading.text_encoding, &BytesRead::default(), interrupt)?;
        let layout = input.layout(reading.format, &reading.reading())?;
        let mut notes = Notes::default();
        for note in layout.iter().flat_map(|layout| layout.notes()) {
            notes.guessed(&input.name, note);
        }
        let reader = layout.map(|layout| EventReader::with_layout(input.read, &layout));
        let latest = now().saturating_add(AHEAD_MS_MAX);
        Ok(Source::of(Stream::File(Box::new(File { reader, latest, notes, bad: Bad::default() }))))
    }

    fn of(mut stream: Stream) -> Source {
        let next = stream.next();
        Source { stream, next }
    }

    /// When the next event happens; `None` at the end.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        Some(self.next.as_ref()?.at)
    }

    /// Shows the next event, and moves on.
    pub(crate) fn take(&mut self, show: impl FnOnce(&Event<'_>)) {
        if let Some(Waiting { actor, target, kind, at }) = &self.next {
            show(&Event { actor, target, kind: *kind, at: *at });
        }
        self.next = self.stream.next();
    }

    pub(crate) fn bad(&self) -> Bad {
        match &self.stream {
            Stream::Town(_) => Bad::default(),
            Stream::File(file) => Bad { notes: file.notes.lines(), ..file.bad.clone() },
        }
    }
}

impl Stream {
    fn next(&mut self) -> Option<Waiting> {
        match self {
            Stream::Town(town) => Some(Waiting::of(&town.next_event())),
            Stream::File(file) => file.next(),
        }
    }
}

impl File {
    fn next(&mut self) -> Option<Waiting> {
        loop {
            match self.reader.as_mut()?.next() {
                Ok(Some(record)) => match record.event {
                    Ok(event) if event.at <= self.latest => {
                        self.notes.look(event.actor, event.target);
                        return Some(Waiting::of(&event));
                    }
                    Err(malformed) if malformed.no_act().is_some() => {
                        self.bad.no_acts += 1;
                        self.notes.skipped(&malformed);
                    }
                    Err(malformed) => {
                        self.bad.records += 1;
                        self.notes.bad(&malformed);
                    }
                    Ok(_) => self.bad.records += 1,
                },
                Ok(None) => self.reader = None,
                Err(error) => {
                    self.bad.breaks_off = Some(error.to_string());
                    self.reader = None;
                }
            }
        }
    }
}

impl Waiting {
    fn of(event: &Event<'_>) -> Waiting {
        Waiting { actor: event.actor.to_owned(), target: event.target.to_owned(), kind: event.kind, at: event.at }
    }
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}
