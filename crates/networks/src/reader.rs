//! Takes messages one by one and gives each to the module of its network.

use crate::emit::Emit;
use crate::json::Json;
use crate::look::{Form, look};
use crate::{Found, Learnt, Memory, Network, Reason, Tally};
use crate::{activitystreams, bluesky, github, mastodon, reddit, stackexchange, x, youtube};

/// Messages inside messages: more levels than any network sends.
const LEVELS_MAX: u8 = 8;

/// The byte order mark, which some tools write before the first line.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// What messages do not say, and their reader must be told.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The networks that are read: accounts' copies from one of them on another one are dropped.
    pub connected: Vec<Network>,
    /// The channel of the video whose YouTube comments are read, where they do not name it.
    pub channel: Option<String>,
    /// The actor whose Mastodon notifications are read: the target of follows among them.
    pub owner: Option<String>,
    /// Whether an act that is told again is dropped. Acts are remembered then.
    pub drops_repeats: bool,
    /// Whether it is remembered which accounts say of each other that they are one person's.
    pub hears_kin: bool,
    /// The only networks whose messages are read; all of them if there are none.
    pub only: Vec<Network>,
}

/// A file or a stream whose messages are read, and what is known of it.
#[derive(Clone, Debug, Default)]
pub struct Source {
    pub(crate) site: Option<String>,
    /// The time of the last message that had one.
    pub(crate) last_at: Option<i64>,
    /// The name of the server-sent event whose data come next.
    event: mastodon::Event,
}

impl Source {
    /// A source of which nothing is known, but perhaps of which site of Stack Exchange it is, such as `mathoverflow`.
    pub fn of_site(site: Option<String>) -> Source {
        Source { site, ..Source::default() }
    }

    /// The time of the last message that had one, in milliseconds since 1970.
    pub fn last_at(&self) -> Option<i64> {
        self.last_at
    }
}

/// Reads messages of all networks, mixed as they come.
#[derive(Debug)]
pub struct Reader {
    options: Options,
    memory: Memory,
    tally: Tally,
}

impl Reader {
    /// A reader with what it must be told and with room for what it learns.
    pub fn new(options: Options, memory: Memory) -> Reader {
        Reader { options, memory, tally: Tally::default() }
    }

    /// What was read so far.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// What was read since this was asked before.
    pub fn take_tally(&mut self) -> Tally {
        std::mem::take(&mut self.tally)
    }

    /// Takes what was learnt since the last call; nothing, unless the memory is [noting](Memory::noting) it.
    pub fn take_learnt(&mut self) -> Learnt {
        self.memory.take_learnt()
    }

    /// Learns again what an earlier reader had learnt.
    pub fn relearn(&mut self, learnt: &Learnt) {
        self.memory.relearn(learnt);
    }

    /// Whether a message that cannot be read comes for the first time; repeats are known as those of acts are.
    pub fn is_first_unread(&mut self, message: &[u8]) -> bool {
        self.memory.is_first_unread(message)
    }

    /// Reads the next message of a source: a line, a row, or a whole answer, without regard to white space around it. Blank lines and
    /// those that only frame others are no messages.
    pub fn read(&mut self, source: &mut Source, message: &[u8], sink: &mut dyn FnMut(Found<'_>)) {
        let message = message.strip_prefix(MARK).unwrap_or(message).trim_ascii();
        match message.first() {
            None | Some(b':') => {}
            // Files of X's archive begin so; the list that comes then is read element by element.
            Some(b'w') if message.starts_with(b"window.YTD.") => {}
            Some(b'<') => self.with(source, Network::StackExchange, sink, |emit| stackexchange::read(message, emit)),
            Some(b'{' | b'[') => self.document(source, message, sink),
            _ => self.line(source, message, sink),
        }
    }

    /// A line of a stream of server-sent events, or nothing that is known.
    fn line(&mut self, source: &mut Source, line: &[u8], sink: &mut dyn FnMut(Found<'_>)) {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], line[colon + 1..].trim_ascii()),
            None => (line, &b""[..]),
        };
        match name {
            b"event" => source.event = mastodon::Event::named(value),
            b"data" => match std::mem::take(&mut source.event) {
                mastodon::Event::None => self.read_data(source, value, sink),
                event => {
                    self.with(source, Network::Mastodon, sink, |emit| match Json::parse(value) {
                        Ok(json) => mastodon::event(event, json, emit),
                        Err(_) => mastodon::event_of_text(event, value, emit),
                    });
                }
            },
            b"id" | b"retry" => {}
            _ => self.unrecognised(Reason::Malformed, sink),
        }
    }

    fn read_data(&mut self, source: &mut Source, data: &[u8], sink: &mut dyn FnMut(Found<'_>)) {
        match data.first() {
            Some(b'{' | b'[') => self.document(source, data, sink),
            _ => self.unrecognised(Reason::Malformed, sink),
        }
    }

    fn document(&mut self, source: &mut Source, message: &[u8], sink: &mut dyn FnMut(Found<'_>)) {
        match Json::parse(message) {
            Ok(json) => self.json(source, json, 0, sink),
            Err(reason) => self.unrecognised(reason, sink),
        }
    }

    fn json(&mut self, source: &mut Source, json: Json<'_>, level: u8, sink: &mut dyn FnMut(Found<'_>)) {
        if level > LEVELS_MAX {
            return self.unrecognised(Reason::TooDeep, sink);
        }
        match look(json) {
            Form::Each(list) => list.each(|element| {
                self.json(source, element, level + 1, sink);
                true
            }),
            Form::Inside(inner) => self.json(source, inner, level + 1, sink),
            // Text is unpacked once: each time costs its size.
            Form::InsideText(_) if level > LEVELS_MAX - 2 => self.unrecognised(Reason::TooDeep, sink),
            Form::InsideText(inner) => {
                let text = inner.long_text();
                match text.as_deref().map(|text| Json::parse(text.trim().as_bytes())) {
                    Some(Ok(inner)) => self.json(source, inner, LEVELS_MAX - 1, sink),
                    Some(Err(reason)) => self.unrecognised(reason, sink),
                    None => self.unrecognised(Reason::Malformed, sink),
                }
            }
            Form::Bluesky => self.with(source, Network::Bluesky, sink, |emit| bluesky::jetstream(json, emit)),
            Form::BlueskyView => self.with(source, Network::Bluesky, sink, |emit| bluesky::view(json, emit)),
            Form::Mastodon(form) => self.with(source, Network::Mastodon, sink, |emit| mastodon::read(form, json, emit)),
            Form::MastodonEvent(event, payload) => {
                self.with(source, Network::Mastodon, sink, |emit| match payload.long_text() {
                    Some(text) => match Json::parse(text.trim().as_bytes()) {
                        Ok(inner) => mastodon::event(event, inner, emit),
                        Err(_) => mastodon::event_of_text(event, text.as_bytes(), emit),
                    },
                    None => mastodon::event(event, payload, emit),
                });
            }
            Form::ActivityStreams => {
                self.with(source, Network::ActivityPub, sink, |emit| activitystreams::read(json, 0, emit));
            }
            Form::X1(form) => self.with(source, Network::X, sink, |emit| x::v1::read(form, json, emit)),
            Form::X2 => self.answer_of_x(source, json, sink),
            Form::X2Tweet => self.with(source, Network::X, sink, |emit| x::v2::bare(json, emit)),
            Form::X2Compliance => self.with(source, Network::X, sink, |emit| x::v2::compliance(json, emit)),
            Form::GitHubEvent => self.with(source, Network::GitHub, sink, |emit| github::event(json, emit)),
            Form::GitHubHook(name, payload) => {
                self.with(source, Network::GitHub, sink, |emit| github::hook(name, payload, emit));
            }
            Form::Reddit => self.with(source, Network::Reddit, sink, |emit| reddit::read(json, emit)),
            Form::YouTube => self.with(source, Network::YouTube, sink, |emit| youtube::read(json, emit)),
            Form::Unknown => self.unrecognised(Reason::Unrecognised, sink),
        }
    }

    /// One answer of X holds many messages, and what they share.
    fn answer_of_x(&mut self, source: &mut Source, json: Json<'_>, sink: &mut dyn FnMut(Found<'_>)) {
        if !self.is_read(Network::X) {
            return self.with(source, Network::X, sink, |_| {});
        }
        let [data, includes] = json.get(["data", "includes"]);
        let includes = x::includes::Includes::of(includes);
        let mut emit = self.emit(source, Network::X, sink);
        includes.profiles(&mut emit);
        data.each_or_self(|tweet| {
            emit.tally.of_mut(Some(Network::X)).messages += 1;
            x::v2::tweet(tweet, &includes, &mut emit);
            true
        });
    }

    fn emit<'r>(
        &'r mut self,
        source: &'r mut Source,
        network: Network,
        sink: &'r mut dyn FnMut(Found<'_>),
    ) -> Emit<'r> {
        Emit {
            options: &self.options,
            memory: &mut self.memory,
            tally: &mut self.tally,
            source,
            sink,
            network,
            is_hearsay: false,
        }
    }

    fn with(
        &mut self,
        source: &mut Source,
        network: Network,
        sink: &mut dyn FnMut(Found<'_>),
        read: impl FnOnce(&mut Emit<'_>),
    ) {
        self.tally.of_mut(Some(network)).messages += 1;
        let is_read = self.is_read(network);
        let mut emit = self.emit(source, network, sink);
        match is_read {
            true => read(&mut emit),
            false => emit.skip(Reason::OtherNetwork),
        }
    }

    fn is_read(&self, network: Network) -> bool {
        self.options.only.is_empty() || self.options.only.contains(&network)
    }

    fn unrecognised(&mut self, reason: Reason, sink: &mut dyn FnMut(Found<'_>)) {
        let found = Found::Skipped(None, reason);
        self.tally.of_mut(None).messages += 1;
        self.tally.add(None, &found);
        sink(found);
    }
}
