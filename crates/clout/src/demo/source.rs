//! Where the demo's events come from: a town that never ends, or a file of events or of messages of networks.

use std::collections::VecDeque;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use networks::{Framing, Memory, Reader, Recognised};
use vocabulary::{AHEAD_MS_MAX, Event, Kind, Timestamp};
use wire::{EventReader, Link, Names, Pieces, Respelled};
use worlds::{Town, TownEvents};

use crate::demo::cast::{Cast, PEOPLE_MIN};
use crate::demo::hearing::Hearing;
use crate::interrupt::Interrupt;
use crate::recorded::input::{BytesRead, Contents, Head, Input};
use crate::recorded::messages::{FACTS_MAX, MESSAGE_BYTES_MAX, site_of, summaries};
use crate::recorded::naming::Said;
use crate::recorded::notes::Notes;
use crate::recorded::people::Change;
use crate::recorded::{InputError, NetworkArgs, ReadingArgs};

/// What happens, one after the other, the next of it to be looked at before it is taken.
pub(crate) struct Source {
    stream: Stream,
    next: Option<Waiting>,
}

enum Stream {
    Town(Box<Played>),
    File(Box<File>),
    Messages(Box<Messages>),
}

/// A town, and what its people do on their networks.
struct Played {
    town: TownEvents,
    cast: Option<Cast>,
    waiting: VecDeque<Waiting>,
}

struct File {
    reader: Option<EventReader<Head>>,
    latest: Timestamp,
    notes: Notes,
    bad: Bad,
}

/// A file of messages, and what those that were read say.
struct Messages {
    pieces: Option<Pieces<Head>>,
    hearing: Hearing,
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

/// Something that happens, kept until its time has come.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) at: Timestamp,
    pub(crate) what: What,
}

/// Something that happens.
#[derive(Debug)]
pub(crate) enum What {
    /// An event.
    Event { actor: String, target: String, kind: Kind },
    /// An account is suspended, deleted, or there again.
    Change(Change),
    /// An account is called something.
    Said(Said),
    /// An account is a person's.
    Linked(Link),
    /// An account is nobody else's any more.
    Unlinked(String),
}

impl Source {
    pub(crate) fn town(seed: u64, people: u32) -> Source {
        // As much happens to each of them, however many they are.
        let usual = Town::default();
        let events_an_hour = (u64::from(usual.events_an_hour) * u64::from(people) / u64::from(usual.people)).max(1);
        let town = Town { seed, people, events_an_hour: events_an_hour as u32, ..usual };
        let (town, waiting) = (town.events(), VecDeque::new());
        let cast = (people >= PEOPLE_MIN).then(Cast::default);
        Source::of(Stream::Town(Box::new(Played { town, cast, waiting })))
    }

    /// Events beyond this machine's clock count as bad: history must not wait for them.
    pub(crate) fn open(
        path: &Path,
        reading: &ReadingArgs,
        networks: &NetworkArgs,
        interrupt: &Interrupt,
    ) -> Result<Source, InputError> {
        let mut input = Input::open(path, reading.text_encoding, &BytesRead::default(), interrupt)?;
        let latest = now().saturating_add(AHEAD_MS_MAX);
        let mut notes = Notes::default();
        let layout = match input.contents(reading.format, &reading.reading())? {
            Contents::Messages(recognised) => {
                let site = networks.site.clone().or_else(|| site_of(path));
                let options = networks.options();
                return Ok(Source::of(Stream::Messages(Messages::of(input, recognised, options, site, latest).into())));
            }
            Contents::Events(layout) => Some(layout),
            Contents::Nothing => None,
        };
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

    /// When the next event happens; `None` at the end.
    pub(crate) fn next_at(&self) -> Option<Timestamp> {
        Some(self.next.as_ref()?.at)
    }

    /// Shows what happens next, and moves on.
    pub(crate) fn take(&mut self, show: impl FnOnce(Timestamp, &What)) {
        if let Some(Waiting { at, what }) = &self.next {
            show(*at, what);
        }
        self.next = self.stream.next();
    }

    pub(crate) fn bad(&self) -> Bad {
        match &self.stream {
            Stream::Town(_) => Bad::default(),
            Stream::File(file) => Bad { notes: file.notes.lines(), ..file.bad.clone() },
            Stream::Messages(messages) => messages.bad(),
        }
    }
}

impl Stream {
    fn next(&mut self) -> Option<Waiting> {
        match self {
            Stream::Town(played) => {
                let Played { town, cast, waiting } = &mut **played;
                let Some(cast) = cast else { return Some(Waiting::of(&town.next_event())) };
                while waiting.is_empty() {
                    cast.play(&town.next_event(), waiting);
                }
                waiting.pop_front()
            }
            Stream::File(file) => file.next(),
            Stream::Messages(messages) => messages.next(),
        }
    }
}

impl Messages {
    fn of(
        input: Input,
        recognised: Recognised,
        options: networks::Options,
        site: Option<String>,
        latest: Timestamp,
    ) -> Messages {
        let pieces = match recognised.framing {
            Framing::Lines => Pieces::lines(input.read, MESSAGE_BYTES_MAX),
            Framing::Objects => Pieces::objects(input.read, MESSAGE_BYTES_MAX),
        };
        let options = networks::Options { connected: recognised.networks, ..options };
        Messages {
            pieces: Some(pieces),
            hearing: Hearing::new(Reader::new(options, Memory::new(FACTS_MAX)), networks::Source::of_site(site)),
            waiting: VecDeque::new(),
            latest,
            bad: Bad::default(),
        }
    }

    fn next(&mut self) -> Option<Waiting> {
        while self.waiting.is_empty() {
            match self.pieces.as_mut()?.go_on() {
                Ok(true) => self.read(),
                Ok(false) => self.pieces = None,
                Err(error) => {
                    self.bad.breaks_off = Some(error.to_string());
                    self.pieces = None;
                }
            }
        }
        self.waiting.pop_front()
    }

    fn read(&mut self) {
        let Messages { pieces, hearing, waiting, latest, bad } = self;
        let names = Names::default();
        let Some(message) = pieces.as_ref().and_then(|pieces| pieces.piece().ok()) else {
            bad.records += 1;
            return;
        };
        hearing.findings.clear();
        hearing.hear(message);
        let Hearing { source, findings, said, .. } = hearing;
        bad.records += findings.unread.len() as u64;
        // What is said of accounts has the time of the message, or happens at once.
        let at = source.last_at().unwrap_or(Timestamp::MIN);
        waiting.extend(said.drain(..).map(|said| Waiting { at, what: What::Said(said) }));
        waiting.extend(findings.changes.drain(..).map(|change| Waiting { at, what: What::Change(change) }));
        let mut respelled = Respelled::default();
        for (event, _) in findings.acts() {
            match names.event(event, &mut respelled) {
                Ok(Some(event)) if event.at <= *latest => waiting.push_back(Waiting::of(&event)),
                _ => bad.records += 1,
            }
        }
    }

    /// What could not be used, and what was read of each network.
    fn bad(&self) -> Bad {
        let notes = summaries(Some(self.hearing.reader.tally())).iter().map(|network| network.line()).collect();
        Bad { notes, ..self.bad.clone() }
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
        Waiting { at: event.at, what: What::Event { actor, target, kind: event.kind } }
    }
}

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::try_from(since.as_millis()).unwrap_or(Timestamp::MAX)
}
