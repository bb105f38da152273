//! Where the demo's events come from: a town that never ends, or a file of events or of messages of networks.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use networks::{Framing, Memory, Options, Reader, Recognised};
use vocabulary::{AHEAD_MS_MAX, Event, Kind, Timestamp};
use wire::{EventReader, Names, Pieces};
use worlds::{Town, TownEvents};

use crate::interrupt::Interrupt;
use crate::recorded::input::{BytesRead, Contents, Head, Input};
use crate::recorded::messages::{FACTS_MAX, Findings, MESSAGE_BYTES_MAX, site_of, summaries};
use crate::recorded::notes::Notes;
use crate::recorded::people::Change;
use crate::recorded::{InputError, ReadingArgs};
use crate::route::messages::{ACTS_MAX, Gone};

/// Events one after the other, the next of them to be looked at before it is taken.
pub(crate) struct Source {
    stream: Stream,
    next: Option<Waiting>,
}

enum Stream {
    Town(Box<TownEvents>),
    File(Box<File>),
    Messages(Box<Messages>),
}

struct File {
    reader: Option<EventReader<Head>>,
    latest: Timestamp,
    notes: Notes,
    bad: Bad,
}

/// A file of messages of networks.
struct Messages {
    pieces: Option<Pieces<Head>>,
    source: networks::Source,
    reader: Reader,
    gone: Gone,
    findings: Findings,
    /// What the message that was read last says.
    waiting: VecDeque<Waiting>,
    latest: Timestamp,
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

/// What happens, kept until its time has come.
struct Waiting {
    at: Timestamp,
    what: What,
}

enum What {
    Act { actor: String, target: String, kind: Kind },
    Account(Change),
}

/// What happens.
pub(crate) enum Happening<'a> {
    /// Somebody acts.
    Act(Event<'a>),
    /// An account is suspended, deleted or back.
    Account(&'a Change),
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
        let latest = now().saturating_add(AHEAD_MS_MAX);
        let layout = match input.contents(reading.format, &reading.reading())? {
            Contents::Nothing => None,
            Contents::Events(layout) => Some(*layout),
            Contents::Messages(recognised) => {
                let messages = Messages::new(input, &recognised, site_of(path), latest);
                return Ok(Source::of(Stream::Messages(Box::new(messages))));
            }
        };
        let mut notes = Notes::default();
        for note in layout.iter().flat_map(|layout| layout.notes()) {
            notes.guessed(&input.name, note);
        }
        let reader = layout.map(|layout| EventReader::with_layout(input.read, &layout));
        Ok(Source::of(Stream::File(Box::new(File { reader, latest, notes, bad: Bad::default() }))))
    }

    fn of(mut stream: Stream) -> Source {
        let next = stream.next();
        Source { stream, next }
    }

    /// When something happens next; `None` at the end.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        Some(self.next.as_ref()?.at)
    }

    /// Shows what happens next, and moves on.
    pub(crate) fn take(&mut self, show: impl FnOnce(Happening<'_>)) {
        match &self.next {
            Some(Waiting { at, what: What::Act { actor, target, kind } }) => {
                show(Happening::Act(Event { actor, target, kind: *kind, at: *at }));
            }
            Some(Waiting { what: What::Account(change), .. }) => show(Happening::Account(change)),
            None => {}
        }
        self.next = self.stream.next();
    }

    pub(crate) fn bad(&self) -> Bad {
        match &self.stream {
            Stream::Town(_) => Bad::default(),
            Stream::File(file) => Bad { notes: file.notes.lines(), ..file.bad.clone() },
            Stream::Messages(messages) => Bad {
                notes: summaries(Some(messages.reader.tally())).iter().map(|network| network.line()).collect(),
                ..messages.bad.clone()
            },
        }
    }
}

impl Stream {
    fn next(&mut self) -> Option<Waiting> {
        match self {
            Stream::Town(town) => Some(Waiting::of(&town.next_event())),
            Stream::File(file) => file.next(),
            Stream::Messages(messages) => messages.next(),
        }
    }
}

impl Messages {
    fn new(input: Input, recognised: &Recognised, site: Option<String>, latest: Timestamp) -> Messages {
        let pieces = match recognised.framing {
            Framing::Lines => Pieces::lines(input.read, MESSAGE_BYTES_MAX),
            Framing::Objects => Pieces::objects(input.read, MESSAGE_BYTES_MAX),
        };
        let options = Options { drops_repeats: true, ..Options::default() };
        Messages {
            pieces: Some(pieces),
            source: networks::Source::of_site(site),
            reader: Reader::new(options, Memory::bounded(FACTS_MAX, ACTS_MAX)),
            gone: Gone::default(),
            findings: Findings::default(),
            waiting: VecDeque::new(),
            latest,
            bad: Bad::default(),
        }
    }

    fn next(&mut self) -> Option<Waiting> {
        loop {
            if let Some(waiting) = self.waiting.pop_front() {
                return Some(waiting);
            }
            match self.pieces.as_mut()?.go_on() {
                Ok(true) => self.read(),
                Ok(false) => self.pieces = None,
                Err(error) => {
                    self.bad.breaks_off = Some(error.to_string());
                    self.pieces = None;
                }
            }
        }
    }

    fn read(&mut self) {
        let Some(Ok(message)) = self.pieces.as_ref().map(Pieces::piece) else { return self.bad.records += 1 };
        let Messages { source, reader, gone, findings, .. } = self;
        let names = Names::default();
        findings.clear();
        reader.read(source, message, &mut |found| findings.take(&found, |profile| gone.learn(profile, &names)));
        self.bad.records += findings.unread.len() as u64;
        let at = self.source.last_at().unwrap_or(Timestamp::MIN);
        self.waiting.extend(findings.changes.drain(..).map(|change| Waiting { at, what: What::Account(change) }));
        for (event, _) in self.findings.acts() {
            match event.at <= self.latest {
                true => self.waiting.push_back(Waiting::of(&event)),
                false => self.bad.records += 1,
            }
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
        let (actor, target) = (event.actor.to_owned(), event.target.to_owned());
        Waiting { at: event.at, what: What::Act { actor, target, kind: event.kind } }
    }
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}
