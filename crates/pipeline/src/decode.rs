//! Bytes of a log's records to batches.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use influence::Partitioner;
use tracing::warn;
use vocabulary::{AHEAD_MS_MAX, Event, Timestamp};
use wire::{EventDecoder, Names, ProfileDecoder, Respelled, Spelling, placeholder};

use crate::batch::{Batch, Kept, Reason, Refused, Stamp};
use crate::seen::IdHash;
use crate::settings::{Holds, Input, Settings};

/// Decodes the records of one input and keeps its memory between them.
#[derive(Debug)]
pub struct Decoder {
    input: usize,
    decode: Decode,
    /// Where ids are looked at.
    ids: Option<IdHash>,
    names: Names,
    respelled: Respelled,
    partitioner: Partitioner,
    shards: u16,
}

/// Names like `NA` that somebody has been warned of, by their place among all: once a process is enough.
static WARNED: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
enum Decode {
    Events(EventDecoder),
    Profiles(ProfileDecoder),
}

/// A record as a log stores it.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    /// Its offset.
    pub offset: i64,
    /// The time that it carries.
    pub stamp: Stamp,
    /// Its key.
    pub key: Option<&'a [u8]>,
    /// Its value.
    pub value: Option<&'a [u8]>,
}

impl Decoder {
    /// The decoder of an input, by its place in the configuration.
    pub fn new(settings: &Settings, input: usize) -> Decoder {
        let Settings { ref model, ref hash_key, ref names, shards, dedup_window_ms, .. } = *settings;
        let Input { holds, encoding, framing, kind, .. } = settings.inputs[input];
        let decode = match holds {
            Holds::Events => Decode::Events(EventDecoder::new(encoding, Some(kind)).framed(framing)),
            Holds::Profiles => Decode::Profiles(ProfileDecoder::new(encoding).framed(framing)),
        };
        let ids = dedup_window_ms.map(|_| IdHash::new(hash_key));
        let respelled = Respelled::default();
        Decoder { input, decode, ids, names: names.clone(), respelled, partitioner: model.partitioner, shards }
    }

    /// Adds a record of a shard to its batch: as what it is, or as one that cannot be used. `now` is the log's clock:
    /// the record of an event beyond it is kept as well, since it may have to be refused when its slice is cut.
    pub fn decode(&mut self, shard: u16, record: &RawRecord<'_>, now: Timestamp, batch: &mut Batch) {
        let RawRecord { offset, stamp, key, value } = *record;
        let bytes = value.unwrap_or_default();
        let is_folded = self.names.spelling() == Spelling::Folded;
        let home = |user: &str| match (self.shards, self.partitioner) {
            (1, _) => Ok(()),
            (shards, partitioner) => match partitioner.partition(user, shards) {
                belongs if belongs == shard => Ok(()),
                belongs => Err(Reason::Misrouted { user: user.to_owned(), is_folded, belongs }),
            },
        };
        let decoded = match &mut self.decode {
            Decode::Events(decoder) => {
                let event = match self.ids {
                    None => decoder.decode(bytes).map(|event| (event, "")),
                    Some(_) => decoder.decode_with_id(bytes),
                };
                event.map_err(Reason::from).and_then(|(event, id)| {
                    let Some(event) = self.names.event(event, &mut self.respelled)? else {
                        batch.ignore(offset);
                        return Ok(false);
                    };
                    home(event.actor)?;
                    warn_of_placeholders(&event);
                    batch.push_event(offset, &event, stamp);
                    if let Some(hash) = self.ids.filter(|_| !id.is_empty()) {
                        batch.identify(hash.of(event.actor, id));
                    }
                    Ok(event.at > now.min(stamp.at()).saturating_add(AHEAD_MS_MAX))
                })
            }
            Decode::Profiles(decoder) => {
                let profile = match value {
                    Some(bytes) => decoder.decode(bytes),
                    None => decoder.decode_tombstone(key),
                };
                profile.map_err(Reason::from).and_then(|profile| {
                    match self.names.profile(profile, &mut self.respelled)? {
                        Some(profile) => home(profile.user).map(|()| batch.push_profile(offset, &profile))?,
                        None => batch.ignore(offset),
                    }
                    Ok(false)
                })
            }
        };
        match decoded {
            Ok(false) => {}
            Ok(true) => batch.suspect(offset, key, value),
            Err(reason) => {
                // Nobody wants to see what is passed over.
                let (key, value) = match reason.no_act() {
                    Some(_) => (None, None),
                    None => (key.map(Kept::of), value.map(Kept::of)),
                };
                batch.push_refused(Refused { input: self.input, offset, key, value, reason });
            }
        }
    }
}

/// Tells once that what other programs write for nobody is about to be a person.
#[inline]
fn warn_of_placeholders(event: &Event<'_>) {
    for name in [event.actor, event.target] {
        if let Some(place) = placeholder(name)
            && WARNED.fetch_or(1 << place, Relaxed) & 1 << place == 0
        {
            warn!(name, "is scored as a person; if it stands for nobody, name it in model.ignore_users");
        }
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::{Kind, Profile};
    use wire::Names;

    use super::*;
    use crate::sample;

    fn settings(holds: Holds, names: Names) -> Settings {
        Settings { names, shards: 2, ..sample::settings([holds]) }
    }

    /// What becomes of a record of an input of profiles or events, under such names.
    fn decoded(spelling: Spelling, holds: Holds, records: &[(Option<&str>, Option<&str>)]) -> Batch {
        let settings = Settings { shards: 1, ..settings(holds, Names::new(spelling, ["[deleted]"])) };
        let mut decoder = Decoder::new(&settings, 0);
        let mut batch = Batch::new(5);
        for (offset, (key, value)) in (5..).zip(records) {
            let (key, value) = (key.map(str::as_bytes), value.map(str::as_bytes));
            decoder.decode(0, &RawRecord { offset, stamp: Stamp::Created(0), key, value }, 0, &mut batch);
        }
        assert_eq!((batch.next(), batch.len()), (5 + records.len() as i64, records.len()));
        batch
    }

    fn profiles(batch: &Batch) -> Vec<Profile<'_>> {
        batch.profiles(&(0..100)).map(|(_, profile)| profile).collect()
    }

    #[test]
    fn a_tombstone_erases_whom_its_key_names() {
        let records = [
            (Some("Eve"), None),
            (Some("bo"), Some(r#"{"user":"bo","trust":2}"#)),
            (Some("[deleted]"), None),
            (None, None),
            (Some(r#"{"id":7}"#), None),
            (Some("\"eve\""), None),
            (Some(""), None),
        ];
        for (spelling, eve) in [(Spelling::Exact, "Eve"), (Spelling::Folded, "eve")] {
            let batch = decoded(spelling, Holds::Profiles, &records);
            let gone = Profile { user: eve, opted_out: Some(true), trust: None, ..Profile::default() };
            assert_eq!(
                profiles(&batch),
                [gone, Profile { user: "bo", opted_out: None, trust: Some(2.0), ..Profile::default() }]
            );
            assert_eq!(batch.ignored(&(0..100)), 1);
            let refused: Vec<String> =
                batch.refused(&(0..100)).iter().map(|refused| refused.reason.to_string()).collect();
            assert_eq!(refused[0], "has no user");
            assert_eq!(refused[1], r#"has no value, and its key "{\"id\":7}" is not the plain name of a user"#);
            assert_eq!(refused.len(), 4);
        }
        let batch = decoded(Spelling::Exact, Holds::Events, &[(Some("eve"), None)]);
        assert_eq!(batch.refused(&(0..100)).len(), 1, "an event says something");
    }

    #[test]
    fn an_event_that_names_no_kind_is_of_the_inputs_kind() {
        let text = r#"{"actor":"ana","target":"bo","at":0}"#;
        for kind in Kind::ALL {
            let mut settings = Settings { shards: 1, ..settings(Holds::Events, Names::default()) };
            settings.inputs[0].kind = kind;
            let mut batch = Batch::new(0);
            let raw = RawRecord { offset: 0, stamp: Stamp::Created(0), key: None, value: Some(text.as_bytes()) };
            Decoder::new(&settings, 0).decode(0, &raw, 0, &mut batch);
            let (events, _) = batch.events(&(0..1));
            assert_eq!(events.map(|stored| stored.event.kind).collect::<Vec<_>>(), [kind]);
        }
    }

    #[test]
    fn names_are_spelled_and_those_of_nobody_passed_over() {
        let event = |actor, target| format!(r#"{{"actor":"{actor}","target":"{target}","at":0,"kind":"mention"}}"#);
        let texts = [event("@Ana", " BO"), event("ana", "[Deleted]"), event("[deleted]", "bo"), event("ana", "@")];
        let records: Vec<_> = texts.iter().map(|text| (None, Some(text.as_str()))).collect();
        let names = |batch: &Batch| -> Vec<(String, String)> {
            let (events, _) = batch.events(&(0..100));
            events.map(|stored| (stored.event.actor.to_owned(), stored.event.target.to_owned())).collect()
        };
        let folded = decoded(Spelling::Folded, Holds::Events, &records);
        assert_eq!(names(&folded), [("ana".to_owned(), "bo".to_owned())]);
        assert_eq!((folded.ignored(&(5..8)), folded.ignored(&(7..8)), folded.refused(&(0..100)).len()), (2, 1, 1));
        let exact = decoded(Spelling::Exact, Holds::Events, &records);
        assert_eq!((names(&exact).len(), names(&exact)[0].0.as_str(), exact.ignored(&(0..100))), (3, "@Ana", 1));
    }

    #[test]
    fn a_record_under_a_key_that_is_not_folded_is_told_how_to_be_keyed() {
        let settings = settings(Holds::Profiles, Names::new(Spelling::Folded, [""; 0]));
        let mut decoder = Decoder::new(&settings, 0);
        let place = |name: &str| settings.model.partitioner.partition(name, settings.shards);
        let name = (0..100).map(|number| format!("N{number}")).find(|name| place(name) != place(&name.to_lowercase()));
        let name = name.expect("two partitions");
        let value = format!(r#"{{"user":"{name}","trust":1}}"#);
        let mut batch = Batch::new(0);
        let raw = RawRecord {
            offset: 0,
            stamp: Stamp::Created(0),
            key: Some(name.as_bytes()),
            value: Some(value.as_bytes()),
        };
        decoder.decode(place(&name), &raw, 0, &mut batch);
        let reason = batch.refused(&(0..1))[0].reason.to_string();
        assert!(reason.contains("keyed by user as names are folded (`clout route` keys it so)"), "{reason}");
    }
}
