//! What a reader has learnt from messages, as bytes, so that a later reader knows it again.

/// Facts and acts by their hashes, in the order in which they were learnt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learnt {
    pub(crate) facts: Vec<(u64, Box<str>)>,
    pub(crate) acts: Vec<u64>,
}

/// The first byte says how the rest is written.
const FACTS: u8 = 1;
const ACTS: u8 = 2;

impl Learnt {
    /// The number of facts, as whom a follow was of.
    pub fn facts(&self) -> usize {
        self.facts.len()
    }

    /// The number of acts.
    pub fn acts(&self) -> usize {
        self.acts.len()
    }

    /// Adds what was learnt later.
    pub fn append(&mut self, mut later: Learnt) {
        self.facts.append(&mut later.facts);
        self.acts.append(&mut later.acts);
    }

    /// Forgets the facts that lead to an account, by the name that is scored. Returns whether there were any.
    pub fn forget(&mut self, user: &str) -> bool {
        let id = user.split_once(':').map_or(user, |(_, id)| id);
        let before = self.facts.len();
        self.retain(|known| !known.eq_ignore_ascii_case(id));
        self.facts.len() < before
    }

    /// Keeps the facts that lead to these ids of accounts.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        // What accounts say of each other has several of them.
        self.facts.retain(|(_, value)| value.lines().all(&is_kept));
    }

    /// The facts as bytes: for each its hash, the length of its value, and the value.
    pub fn facts_to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![FACTS];
        for (hash, value) in &self.facts {
            bytes.extend_from_slice(&hash.to_le_bytes());
            let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(value.as_bytes());
        }
        bytes
    }

    /// The acts as bytes: their hashes.
    pub fn acts_to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![ACTS];
        self.acts.iter().for_each(|hash| bytes.extend_from_slice(&hash.to_le_bytes()));
        bytes
    }

    /// Facts or acts from their bytes; `None` if they are anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Learnt> {
        let (first, mut rest) = bytes.split_first()?;
        let mut learnt = Learnt::default();
        match *first {
            FACTS => {
                while !rest.is_empty() {
                    let hash = u64::from_le_bytes(*take(&mut rest)?);
                    let length = usize::try_from(u32::from_le_bytes(*take(&mut rest)?)).ok()?;
                    let value = rest.get(..length)?;
                    rest = &rest[length..];
                    learnt.facts.push((hash, std::str::from_utf8(value).ok()?.into()));
                }
            }
            ACTS => {
                while !rest.is_empty() {
                    learnt.acts.push(u64::from_le_bytes(*take(&mut rest)?));
                }
            }
            _ => return None,
        }
        Some(learnt)
    }
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, left) = rest.split_first_chunk()?;
    *rest = left;
    Some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Memory, Network, Options, Reader, Source};

    fn line(operation: &str, record: &str) -> String {
        line_of("follow", operation, record)
    }

    fn line_of(what: &str, operation: &str, record: &str) -> String {
        format!(
            r#"{{"did":"did:plc:a","time_us":1783175888085434,"kind":"commit","commit":{{"operation":"{operation}","collection":"app.bsky.graph.{what}","rkey":"1"{record}}}}}"#
        )
    }

    fn acts(reader: &mut Reader, line: &str) -> u64 {
        reader.read(&mut Source::default(), line.as_bytes(), &mut |_| {});
        reader.take_tally().of(Some(Network::Bluesky)).all_acts()
    }

    #[test]
    fn a_later_reader_knows_what_an_earlier_one_has_learnt() {
        let reader = || {
            let options = Options { drops_repeats: true, ..Options::default() };
            Reader::new(options, Memory::bounded(100, 100).noting())
        };
        let (mut first, mut second) = (reader(), reader());
        let follow = line("create", r#","record":{"subject":"did:plc:b"}"#);
        assert_eq!(acts(&mut first, &follow), 1);
        let learnt = first.take_learnt();
        assert_eq!((learnt.facts(), learnt.acts()), (1, 1));
        assert_eq!(first.take_learnt(), Learnt::default());
        for bytes in [learnt.facts_to_bytes(), learnt.acts_to_bytes()] {
            second.relearn(&Learnt::from_bytes(&bytes).expect("what was written is read"));
        }
        assert_eq!(second.take_learnt(), Learnt::default(), "it is known elsewhere already");
        assert_eq!(acts(&mut second, &follow), 0, "the act is known");
        assert_eq!(acts(&mut second, &line("delete", "")), 1, "whom the follow was of is known");
    }

    #[test]
    fn a_later_reader_knows_whom_a_block_was_of() {
        let line = |operation: &str, record: &str| line_of("block", operation, record);
        let reader = || Reader::new(Options::default(), Memory::new(100).noting());
        let (mut first, mut second) = (reader(), reader());
        assert_eq!(acts(&mut first, &line("create", r#","record":{"subject":"did:plc:b"}"#)), 1);
        assert_eq!(acts(&mut second, &line("delete", "")), 0);
        second.relearn(&first.take_learnt());
        assert_eq!(acts(&mut second, &line("delete", "")), 1);
    }

    #[test]
    fn what_accounts_say_of_each_other_is_forgotten_with_either_of_them() {
        let actor = r#"{"@context":"https://www.w3.org/ns/activitystreams","id":"https://a.example/users/ana","type":"Person","attachment":[{"type":"PropertyValue","value":"<a href=\"https://b.example.com/@bo\" rel=\"me\">x</a>"}]}"#;
        let options = Options { hears_kin: true, ..Options::default() };
        let mut reader = Reader::new(options, Memory::new(100).noting());
        reader.read(&mut Source::default(), actor.as_bytes(), &mut |_| {});
        let learnt = reader.take_learnt();
        assert_eq!(learnt.facts(), 1);
        for (user, left) in [
            ("https://a.example/users/ana", 0),
            ("https://b.example.com/users/bo", 0),
            ("https://a.example/users/an", 1),
        ] {
            let mut learnt = learnt.clone();
            assert_eq!(learnt.forget(&format!("activitypub:{user}")), left == 0, "{user}");
            assert_eq!(learnt.facts(), left, "{user}");
        }
        // Nothing is remembered of it where nobody asks.
        let mut reader = Reader::new(Options::default(), Memory::new(100).noting());
        reader.read(&mut Source::default(), actor.as_bytes(), &mut |_| {});
        assert_eq!(reader.take_learnt().facts(), 0);
    }

    #[test]
    fn other_bytes_are_nothing_that_was_learnt() {
        for bytes in [&b""[..], b"\0", b"\x03", b"\x02\0\0\0", b"\x01\0\0\0\0\0\0\0\0\xff\xff\xff\xffa"] {
            assert_eq!(Learnt::from_bytes(bytes), None, "{bytes:?}");
        }
        let invalid = [&b"\x01\0\0\0\0\0\0\0\0\x01\0\0\0"[..], b"\xff"].concat();
        assert_eq!(Learnt::from_bytes(&invalid), None);
    }
}
