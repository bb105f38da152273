//! Messages of networks: each gives acts and what is known of accounts, or is counted with the reason why not.

use std::fmt::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use networks::{Found, Framing, Memory, Network, Reader, Recognised, Source, Tally};
use serde::{Serialize, Serializer};
use vocabulary::{Event, Kind, Profile, Timestamp};
use wire::Pieces;

use crate::claims::Claimed;
use crate::recorded::Sink;
use crate::recorded::Stop;
use crate::recorded::gate::{Admitted, Gate};
use crate::recorded::input::{Head, Input};
use crate::recorded::log::{FileRead, Opener, Whence};
use crate::recorded::naming::{Naming, Said};
use crate::recorded::packing::Packing;
use crate::recorded::people::{Change, People};
use crate::words::{count, thousands};

/// The longest message that is read: whole answers of an API, and collections of everything that somebody wrote.
pub(crate) const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Facts that are remembered between messages, as who wrote which post: about 80 bytes each.
pub(crate) const FACTS_MAX: usize = 8 << 20;

/// What all messages of a run share.
pub(crate) struct Networks {
    reader: Reader,
    pub(crate) people: People,
    naming: Naming,
    said: Vec<Said>,
    findings: Findings,
}

impl Networks {
    pub(crate) fn new(options: networks::Options) -> Networks {
        let reader = Reader::new(options, Memory::new(FACTS_MAX));
        Networks {
            reader,
            people: People::default(),
            naming: Naming::of_everybody(),
            said: Vec::new(),
            findings: Findings::default(),
        }
    }

    /// The languages that people mostly write in.
    pub(crate) fn languages(&self) -> impl Iterator<Item = (&str, String)> {
        self.naming.spoken.languages()
    }

    /// What was read so far.
    pub(crate) fn tally(&self) -> &Tally {
        self.reader.tally()
    }
}

/// What one message says, until it is given away.
#[derive(Default)]
pub(crate) struct Findings {
    /// Actor, target and id of each act, one behind the other.
    names: String,
    acts: Vec<FoundAct>,
    pub(crate) changes: Vec<Change>,
    /// What accounts say of whose they are.
    pub(crate) claims: Vec<Claimed>,
    /// Why the message, or messages in it, could not be read.
    pub(crate) unread: Vec<networks::Reason>,
}

struct FoundAct {
    actor: Range<usize>,
    target: Range<usize>,
    id: Range<usize>,
    kind: Kind,
    at: Timestamp,
}

impl Findings {
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.acts.clear();
        self.changes.clear();
        self.claims.clear();
        self.unread.clear();
    }

    /// Takes what was found; `learn` is told of profiles, and says what they mean for scores.
    pub(crate) fn take(&mut self, found: &Found<'_>, learn: impl FnOnce(&networks::Profile<'_>) -> Option<Change>) {
        match found {
            Found::Act(act) => {
                let mut text = |text: &dyn std::fmt::Display| {
                    let start = self.names.len();
                    // Memory takes everything.
                    let _ = write!(self.names, "{text}");
                    start..self.names.len()
                };
                let (actor, target, id) = (text(&act.actor), text(&act.target), text(&act.id));
                self.acts.push(FoundAct { actor, target, id, kind: act.kind, at: act.at });
            }
            Found::Profile(profile) => self.changes.extend(learn(profile)),
            Found::Skipped(_, reason @ (networks::Reason::Malformed | networks::Reason::TooDeep)) => {
                self.unread.push(*reason);
            }
            Found::Claim(claim) => self.claims.push(Claimed::of(claim)),
            Found::Kin(kin) => self.claims.push(Claimed::of_kin(kin)),
            Found::Skipped(..) | Found::Post(_) | Found::Deletion(_) => {}
        }
    }

    /// The acts with their ids, in the order of their times: answers of an API begin with what is newest.
    pub(crate) fn acts(&mut self) -> impl Iterator<Item = (Event<'_>, &str)> {
        self.acts.sort_by_key(|act| act.at);
        let text = |range: &Range<usize>| &self.names[range.clone()];
        self.acts.iter().map(move |FoundAct { actor, target, id, kind, at }| {
            (Event { actor: text(actor), target: text(target), kind: *kind, at: *at }, text(id))
        })
    }
}

/// The sentence about a message that cannot be read.
pub(crate) fn unread(reason: networks::Reason) -> &'static str {
    match reason {
        networks::Reason::TooDeep => "has lists and objects in each other, deeper than any message",
        _ => "is neither JSON nor a row of a dump",
    }
}

/// One file of messages.
pub(crate) struct MessageLog {
    path: PathBuf,
    pub(crate) whence: Whence,
    networks: Vec<Network>,
    framing: Framing,
    source: Source,
    reading: MessageReading,
    records: u64,
    understood: u64,
    bytes: u64,
}

/// How far the reading is.
enum MessageReading {
    /// A file is opened when its first message has its turn, so that thousands of them can be named.
    Closed {
        first_at: Timestamp,
    },
    Open(Box<Pieces<Head>>),
    Done,
}

impl MessageLog {
    /// A log of an input that was looked at; `site` is its site of Stack Exchange.
    pub(crate) fn of(input: Input, path: &Path, recognised: Recognised, site: Option<String>) -> MessageLog {
        let Recognised { framing, networks, first_at } = recognised;
        let first_at = first_at.unwrap_or(Timestamp::MIN);
        let is_file = input.size_bytes.is_some();
        let mut log = MessageLog {
            path: path.to_owned(),
            whence: Whence::of(&input),
            networks,
            framing,
            source: Source::of_site(site),
            reading: MessageReading::Closed { first_at },
            records: 0,
            understood: 0,
            bytes: 0,
        };
        if !is_file {
            log.open(input);
        }
        log
    }

    /// The networks whose messages it has.
    pub(crate) fn networks(&self) -> &[Network] {
        &self.networks
    }

    /// Whether its file is not open, as its turn has not come yet.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.reading, MessageReading::Closed { .. })
    }

    fn open(&mut self, input: Input) {
        self.whence = Whence::of(&input);
        let pieces = match self.framing {
            Framing::Lines => Pieces::lines(input.read, MESSAGE_BYTES_MAX),
            Framing::Objects => Pieces::objects(input.read, MESSAGE_BYTES_MAX),
        };
        self.reading = MessageReading::Open(Box::new(pieces));
    }

    /// Takes all of it.
    pub(crate) fn read(&mut self, opener: &Opener<'_>, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        self.ensure_open(opener)?;
        while self.go_on(gate)? {
            self.give(gate, sink)?;
        }
        Ok(())
    }

    /// Goes to the next message, and says when it seems to be from; `None` at the end.
    pub(crate) fn fill(&mut self, gate: &Gate) -> Result<Option<Timestamp>, Stop> {
        if let MessageReading::Closed { first_at } = self.reading {
            return Ok(Some(first_at));
        }
        if !self.go_on(gate)? {
            return Ok(None);
        }
        let MessageReading::Open(pieces) = &self.reading else { return Ok(None) };
        let at = pieces.piece().ok().and_then(networks::time_of);
        Ok(Some(at.or(self.source.last_at()).unwrap_or(Timestamp::MIN)))
    }

    /// Gives what the message says that it went to.
    pub(crate) fn give_next(&mut self, opener: &Opener<'_>, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        if self.is_closed() {
            // Its first message is given in its next turn, by its own time.
            return self.ensure_open(opener);
        }
        self.give(gate, sink)
    }

    fn ensure_open(&mut self, opener: &Opener<'_>) -> Result<(), Stop> {
        if self.is_closed() {
            self.open(opener.open(&self.path)?);
        }
        Ok(())
    }

    fn go_on(&mut self, gate: &Gate) -> Result<bool, Stop> {
        gate.look()?;
        let MessageReading::Open(pieces) = &mut self.reading else { return Ok(false) };
        match pieces.go_on() {
            Ok(true) => Ok(true),
            Ok(false) => {
                self.bytes = pieces.bytes();
                self.reading = MessageReading::Done;
                Ok(false)
            }
            Err(error) => Err(self.whence.stop(error, gate)),
        }
    }

    fn give(&mut self, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        let Some(mut networks) = gate.networks.take() else { return Ok(()) };
        let given = self.give_with(&mut networks, gate, sink);
        gate.networks = Some(networks);
        given
    }

    fn give_with(&mut self, networks: &mut Networks, gate: &mut Gate, sink: &mut impl Sink) -> Result<(), Stop> {
        let MessageReading::Open(pieces) = &self.reading else { return Ok(()) };
        let Networks { reader, people, naming, said, findings } = networks;
        let takes_names = sink.takes_names();
        let (file, line) = (&self.whence.name, pieces.position().number);
        self.whence.line = line;
        let raw = match pieces.piece() {
            Ok(raw) => raw,
            Err(beginning) => {
                self.records += 1;
                gate.counts.records += 1;
                return gate.bad(file, line, &TOO_LONG, beginning);
            }
        };
        findings.clear();
        let before = reader.tally().messages();
        reader.read(&mut self.source, raw, &mut |found| {
            naming.hear(&found, &gate.names, takes_names.then_some(&mut *said));
            findings.take(&found, |profile| people.learn(profile, &gate.names));
        });
        let messages = reader.tally().messages() - before;
        self.records += messages;
        gate.counts.records += messages;
        self.understood += messages.saturating_sub(findings.unread.len() as u64);
        for reason in &findings.unread {
            gate.bad(file, line, &unread(*reason), raw)?;
        }
        for said in said.drain(..).filter(|said| !gate.names.ignores(&said.user)) {
            sink.called(&said)?;
        }
        for change in &findings.changes {
            let Change { user, opted_out, trust } = change;
            if !gate.names.ignores(user) {
                sink.found(&Profile { user, opted_out: *opted_out, trust: *trust, ..Profile::default() })?;
            }
        }
        for claim in findings.claims.drain(..) {
            sink.claimed(claim)?;
        }
        for (event, id) in findings.acts() {
            if let Admitted::In(event) = gate.judge(file, line, Ok(event), raw)? {
                sink.event(&event, id)?;
            }
        }
        Ok(())
    }

    pub(crate) fn file_read(&self) -> FileRead {
        let bytes = match &self.reading {
            MessageReading::Open(pieces) => pieces.bytes(),
            _ => self.bytes,
        };
        let format = match self.networks[..] {
            [network] => network.title(),
            _ => "messages of several networks",
        };
        let packing = (self.whence.packing != Packing::Not).then(|| self.whence.packing.to_string());
        FileRead {
            file: self.whence.name.clone(),
            format,
            packing,
            records: self.records,
            understood: self.understood,
            bytes,
        }
    }
}

/// Why a message is not read that is longer than any.
const TOO_LONG: &str = "is longer than 64 MiB";

/// The site of Stack Exchange that a file is of, where nobody says it: what its folder is called.
pub(crate) fn site_of(path: &Path) -> Option<String> {
    let path: PathBuf = path.canonicalize().ok()?;
    Some(path.parent()?.file_name()?.to_str()?.to_owned())
}

/// What came of the messages of one network. Its fields are keys of JSON documents.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct NetworkRead {
    network: &'static str,
    messages: u64,
    #[serde(serialize_with = "by_kind")]
    acts: Vec<(Kind, u64)>,
    /// Messages, and parts of messages, that gave no act, by the reason.
    #[serde(serialize_with = "by_reason")]
    skipped: Vec<(&'static str, u64)>,
    posts: u64,
    profiles: u64,
    deletions: u64,
    /// Acts on accounts whose permanent id is not known.
    by_handle: u64,
    /// Acts whose time is that of the message before.
    borrowed_times: u64,
}

/// What was read of each network, and last what is of none.
pub(crate) fn summaries(tally: Option<&Tally>) -> Vec<NetworkRead> {
    let Some(tally) = tally else { return Vec::new() };
    let all = Network::ALL.into_iter().map(Some).chain([None]);
    all.filter_map(|network| NetworkRead::of(network, tally.of(network))).collect()
}

impl NetworkRead {
    fn of(network: Option<Network>, counts: &networks::Counts) -> Option<NetworkRead> {
        let acts = Kind::LISTED.into_iter().map(|kind| (kind, counts.acts(kind))).filter(|(_, count)| *count > 0);
        let skipped = counts.reasons().map(|(reason, count)| (reason.word(), count));
        (counts.messages > 0).then(|| NetworkRead {
            network: network.map_or("no network", Network::title),
            messages: counts.messages,
            acts: acts.collect(),
            skipped: skipped.collect(),
            posts: counts.posts,
            profiles: counts.profiles,
            deletions: counts.deletions,
            by_handle: counts.by_handle,
            borrowed_times: counts.borrowed_times,
        })
    }

    /// All of it for people.
    pub(crate) fn line(&self) -> String {
        let NetworkRead { network, messages, acts, skipped, by_handle, borrowed_times, .. } = self;
        let acts: Vec<String> = acts.iter().map(|(kind, number)| count(*number, kind.word(), kind.plural())).collect();
        let acts = if acts.is_empty() { "no acts".to_owned() } else { acts.join(", ") };
        let mut line = format!("{network}: {}: {acts}", count(*messages, "message", "messages"));
        if !skipped.is_empty() {
            let skipped: Vec<String> =
                skipped.iter().map(|(reason, number)| format!("{reason} {}", thousands(*number))).collect();
            line += &format!("; skipped: {}", skipped.join(", "));
        }
        if *by_handle > 0 {
            line +=
                &format!("; {}", count(*by_handle, "act on a handle without an id", "acts on handles without an id"));
        }
        if *borrowed_times > 0 {
            line += &format!("; {} the time of the message before", count(*borrowed_times, "act has", "acts have"));
        }
        line
    }
}

fn by_kind<S: Serializer>(counts: &[(Kind, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(kind, count)| (kind.plural(), count)))
}

fn by_reason<S: Serializer>(counts: &[(&'static str, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(reason, count)| (reason.replace(' ', "_"), count)))
}
