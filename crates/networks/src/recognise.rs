//! Whether a file holds messages of networks, by its first bytes.

use crate::json::Json;
use crate::{Found, Memory, Network, Options, Reader, Reason, Source, Tally};

/// Messages that are tried: enough to outvote a few that are broken.
const SAMPLE_MESSAGES: usize = 100;

/// Where messages begin and end in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Each on a line of its own.
    Lines,
    /// JSON objects wherever they begin and end, also in a list.
    Objects,
}

/// A file of messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recognised {
    /// Where its messages begin and end.
    pub framing: Framing,
    /// The networks of its first messages, in the order of [`Network::ALL`].
    pub networks: Vec<Network>,
    /// The time of the first of them that has one, in milliseconds since 1970.
    pub first_at: Option<i64>,
}

/// Why a file is not taken for one of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// More than half of its first messages are of no network, or none of them says anything.
    NoMessages,
    /// Its first message does not end in what was looked at.
    CutOff,
}

/// Looks at the first bytes of a file.
///
/// # Errors
/// If it does not look like one of messages, or if more of it must be looked at.
pub fn recognise(head: &[u8], is_whole_file: bool) -> Result<Recognised, Refused> {
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).collect();
    if !is_whole_file && lines.len() > 1 {
        lines.pop();
    }
    lines.retain(|line| !line.is_empty());
    let Some(first) = lines.first().copied() else { return Err(Refused::NoMessages) };
    let framing = match first {
        [b'{' | b'[', ..] if Json::parse(first).is_err() => Framing::Objects,
        _ if first.starts_with(b"window.YTD.") => Framing::Objects,
        _ => Framing::Lines,
    };
    let mut sample = Sample::default();
    match framing {
        Framing::Lines => lines.iter().for_each(|line| sample.take(line)),
        Framing::Objects => objects(text, &mut sample),
    }
    match sample.holds() {
        true => Ok(Recognised { framing, networks: sample.networks(), first_at: sample.first_at }),
        false if framing == Framing::Objects && sample.messages == 0 && !is_whole_file => Err(Refused::CutOff),
        false => Err(Refused::NoMessages),
    }
}

/// Gives every object that is whole.
fn objects(text: &[u8], sample: &mut Sample) {
    let mut rest = text;
    if rest.starts_with(b"window.YTD.") {
        let line_end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        rest = &rest[line_end..];
    }
    loop {
        let between = |byte: &u8| byte.is_ascii_whitespace() || b",[]".contains(byte);
        let Some(start) = rest.iter().position(|byte| !between(byte)) else { return };
        rest = &rest[start..];
        let Some(end) = object_end(rest) else { return };
        sample.take(&rest[..end]);
        rest = &rest[end..];
    }
}

/// The length of the object at the beginning, if it ends.
fn object_end(text: &[u8]) -> Option<usize> {
    if !text.starts_with(b"{") {
        return None;
    }
    let (mut depth, mut is_text, mut is_escaped) = (0_usize, false, false);
    for (place, byte) in text.iter().enumerate() {
        match (is_text, byte) {
            (true, _) if is_escaped => is_escaped = false,
            (true, b'\\') => is_escaped = true,
            (_, b'"') => is_text = !is_text,
            (false, b'{' | b'[') => depth += 1,
            (false, b'}' | b']') => {
                depth -= 1;
                if depth == 0 {
                    return Some(place + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The first messages of a file.
struct Sample {
    reader: Reader,
    source: Source,
    messages: usize,
    /// Those that are of a network.
    known: usize,
    /// Whether one of them says something.
    is_telling: bool,
    first_at: Option<i64>,
}

impl Default for Sample {
    fn default() -> Sample {
        let reader = Reader::new(Options::default(), Memory::new(0));
        let source = Source::of_site(Some("site".to_owned()));
        Sample { reader, source, messages: 0, known: 0, is_telling: false, first_at: None }
    }
}

impl Sample {
    fn take(&mut self, message: &[u8]) {
        if self.messages == SAMPLE_MESSAGES {
            return;
        }
        let before = self.reader.tally().messages();
        let (mut is_known, mut is_telling) = (true, false);
        self.reader.read(&mut self.source, message, &mut |found| match found {
            Found::Skipped(None, _) | Found::Skipped(_, Reason::Malformed) => is_known = false,
            // Rows of XML are of anything; the lines of Jetstream are unmistakable, whatever they are about.
            Found::Skipped(Some(Network::StackExchange), Reason::OtherKind) => is_known = false,
            Found::Skipped(Some(Network::Bluesky), Reason::OtherKind) => is_telling = true,
            Found::Skipped(_, Reason::OtherKind | Reason::NoActor | Reason::NoId | Reason::Notice) => {}
            _ => is_telling = true,
        });
        if self.reader.tally().messages() == before {
            return;
        }
        self.messages += 1;
        self.first_at = self.first_at.or_else(|| crate::time_of(message));
        self.known += usize::from(is_known);
        self.is_telling |= is_known && is_telling;
    }

    fn holds(&self) -> bool {
        self.is_telling && 2 * self.known >= self.messages
    }

    fn networks(&self) -> Vec<Network> {
        let tally: &Tally = self.reader.tally();
        Network::ALL.into_iter().filter(|network| tally.of(Some(*network)).messages > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_recognised_by_their_first_messages() {
        let like = r#"{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{"operation":"create","collection":"app.bsky.feed.like","rkey":"1","record":{"subject":{"uri":"at://did:plc:b/app.bsky.feed.post/x"}}}}"#;
        let rows = "<?xml version=\"1.0\"?>\n<posts>\n  <row Id=\"1\" PostTypeId=\"1\" CreationDate=\"2009-06-28T08:14:29.363\" OwnerUserId=\"11\" />\n</posts>\n";
        let tweets = "window.YTD.tweets.part0 = [\n  {\n    \"tweet\" : {\"id_str\":\"9\",\"created_at\":\"Thu Mar 10 23:12:12 +0000 2016\",\"text\":\"x\",\"full_text\":\"x\",\"user\":{\"id_str\":\"1\"}}\n  }\n]";
        let indented = like.replace(',', ",\n");
        let found = |head: &str, is_whole| {
            recognise(head.as_bytes(), is_whole).map(|known| (known.framing, known.networks)).ok()
        };
        for (head, expected) in [
            (like.to_owned(), Some((Framing::Lines, vec![Network::Bluesky]))),
            (format!("\u{feff}\n{like}\nbroken\n{like}\n"), Some((Framing::Lines, vec![Network::Bluesky]))),
            (indented.clone(), Some((Framing::Objects, vec![Network::Bluesky]))),
            (format!("[{indented},\n{like}]"), Some((Framing::Objects, vec![Network::Bluesky]))),
            (
                format!("event: update\ndata: {{}}\n\n:)\n{like}"),
                Some((Framing::Lines, vec![Network::Bluesky, Network::Mastodon])),
            ),
            (rows.to_owned(), Some((Framing::Lines, vec![Network::StackExchange]))),
            (tweets.to_owned(), Some((Framing::Objects, vec![Network::X]))),
            ("<row a=\"1\" />\n".repeat(3), None),
            ("<html>\n<body>\n</html>\n".to_owned(), None),
            (format!("{like}\na b 3\nc d 4\n"), None),
            ("{\"actor\":\"ana\",\"target\":\"bo\",\"kind\":\"like\",\"at\":1}\n".to_owned(), None),
            ("{\"@context\":\"https://schema.org\",\"@type\":\"Recipe\",\"name\":\"x\"}\n".to_owned(), None),
            ("1 2 1254192988 RT\n".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(found(&head, true), expected, "{head}");
        }
        // What was cut off is not broken.
        assert!(found(&format!("{like}\n{}", &like[..50]), false).is_some());
        assert_eq!(recognise(&like.as_bytes()[..50], false), Err(Refused::CutOff));
        assert_eq!(recognise(b"{\"a\":1}\n{\"a", false), Err(Refused::NoMessages));
        assert_eq!(recognise(like.as_bytes(), true).unwrap().first_at, Some(1_783_175_888_085));
        assert!(found(&format!("[{like},{}", &like[..50]), false).is_some());
    }
}
