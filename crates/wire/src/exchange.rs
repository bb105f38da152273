//! What shards tell each other, as records of the exchange.
//!
//! A section travels in columns: they pack well, compress well and are read in long runs. The columns of endorse are
//! sparse, since most changes are of a few parts only. What is read back is the same bit for bit.

use std::fmt;
use std::iter;

use influence::exchange::{
    AudienceChange, BlockNotice, Change, Contact, Endorse, FollowNotice, SUM_MAX, Section, in_five_bytes,
};
use influence::scale::{Report, SCALE_FLOOR_MIN, Scale};
use influence::{LEVELS, Landmark};
use prost::Message;
use vocabulary::{Counts, Kind, NAME_BYTES_MAX, Timestamp};

use crate::{AT_MAX, Malformed, proto, protobuf};

/// Bits of `endorse_parts`: which columns have a number for the entry.
mod part {
    pub(super) const GIVEN: u8 = 1 << 0;
    pub(super) const RETURNED: u8 = 1 << 1;
    pub(super) const REACH: u8 = 1 << 2;
    pub(super) const WEIGHT: u8 = 1 << 3;
    pub(super) const FANS: u8 = 1 << 4;
    pub(super) const MENTIONS: u8 = 1 << 5;
    pub(super) const RETWEETS: u8 = 1 << 6;
    pub(super) const REPLIES: u8 = 1 << 7;
}

/// Bits of `endorse_room`: which columns of it have a number for the entry, and which numbers others tell.
mod room {
    pub(super) const WHOLE: u8 = 1 << 0;
    pub(super) const KNOWN: u8 = 1 << 1;
    /// `known` is `whole`: so it is where all fans are known.
    pub(super) const ALL_KNOWN: u8 = 1 << 2;
    pub(super) const NEWEST: u8 = 1 << 3;
    /// `newest` is `reach`: so it is with a new fan.
    pub(super) const NEWEST_IS_REACH: u8 = 1 << 4;
}

/// Appends the protobuf message of one record, without a length before it.
///
/// # Panics
///
/// If a sum is no finite number: told to others it would poison what they know, for ever.
pub fn encode_exchange<'a>(sections: impl IntoIterator<Item = &'a Section>, bytes: &mut Vec<u8>) {
    let sections = sections.into_iter().map(message).collect();
    proto::Exchange { sections }.encode_raw(bytes);
}

/// The same in as many records as it takes for each to have so many bytes at most: sections that are too long are told in
/// parts, each as if its shard had told it in a step of its own. A single entry is never torn.
///
/// # Panics
///
/// As [`encode_exchange`].
pub fn encode_exchange_records(sections: Vec<Section>, bytes_max: usize) -> Vec<Vec<u8>> {
    let mut records: Vec<Vec<u8>> = Vec::new();
    let mut rest: Vec<Section> = sections.into_iter().rev().collect();
    let mut bytes = Vec::new();
    while let Some(section) = rest.pop() {
        bytes.clear();
        encode_exchange([&section], &mut bytes);
        if bytes.len() > bytes_max && entries(&section) > 1 {
            let (first, second) = halves(section);
            rest.extend([second, first]);
            continue;
        }
        // Repeated fields of two messages, one behind the other, are those of one.
        match records.last_mut().filter(|record| record.len() + bytes.len() <= bytes_max) {
            Some(record) => record.extend_from_slice(&bytes),
            None => records.push(bytes.clone()),
        }
    }
    records
}

/// Entries that a section can be split between.
fn entries(section: &Section) -> usize {
    section.len()
        - usize::from(section.genesis.is_some())
        - usize::from(section.report.is_some())
        - usize::from(section.scale.is_some())
}

/// The first half of a section's entries, in the order in which they are taken, and the second.
fn halves(mut section: Section) -> (Section, Section) {
    let mut left = entries(&section) / 2;
    let first = Section {
        source: section.source,
        landmark: section.landmark,
        clock: section.clock,
        renewed: split(&mut section.renewed, &mut left),
        names: split(&mut section.names, &mut left),
        heard: split(&mut section.heard, &mut left),
        endorse: split(&mut section.endorse, &mut left),
        contacts: split(&mut section.contacts, &mut left),
        follows: split(&mut section.follows, &mut left),
        audiences: split(&mut section.audiences, &mut left),
        blocks: split(&mut section.blocks, &mut left),
        genesis: section.genesis.take(),
        report: None,
        scale: None,
    };
    (first, section)
}

/// Takes so many entries from the beginning of a list.
fn split<T>(list: &mut Vec<T>, left: &mut usize) -> Vec<T> {
    let count = list.len().min(*left);
    *left -= count;
    let behind = list.split_off(count);
    std::mem::replace(list, behind)
}

/// The sections of one record, in their order.
pub fn decode_exchange(bytes: &[u8]) -> Result<Vec<Section>, Malformed> {
    let message = proto::Exchange::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?;
    let placed =
        |(place, message)| section(message).map_err(|reason| Malformed::Field(format!("sections[{place}]: {reason}")));
    message.sections.into_iter().enumerate().map(placed).collect()
}

fn message(section: &Section) -> proto::Section {
    let mut message = proto::Section {
        source: u32::from(section.source),
        landmark: section.landmark,
        clock: protobuf::clock_message(section.clock),
        names: section.names.iter().map(|name| name.to_string()).collect(),
        renewed: section.renewed.clone(),
        heard: section.heard.clone(),
        genesis: section.genesis,
        report: section.report.as_ref().map(report_message),
        scale: section.scale.as_ref().map(scale_message),
        ..proto::Section::default()
    };
    message.put_endorse(&section.endorse);
    message.put_contacts(&section.contacts);
    message.put_follows(&section.follows);
    message.put_audiences(&section.audiences);
    message.put_blocks(&section.blocks);
    message
}

/// Columns from entries.
impl proto::Section {
    fn put_endorse(&mut self, entries: &[Endorse]) {
        self.endorse_target = entries.iter().map(|entry| entry.target).collect();
        self.endorse_parts = (0..).zip(entries).map(|(place, entry)| self.put_change(place, &entry.change)).collect();
        let room: Vec<u8> = entries.iter().map(|entry| self.put_room(&entry.change)).collect();
        if room.iter().any(|parts| *parts != 0) {
            self.endorse_room = room;
        }
    }

    /// Puts what is not 0 into its columns, and says what that was. A negative zero is something: its bits would be
    /// lost.
    #[inline]
    fn put_change(&mut self, place: u32, change: &Change) -> u8 {
        let mut parts = 0;
        let mut put_sum = |part, sum: f64, column: &mut Vec<f64>| {
            assert!(sum.is_finite(), "a change of a sum is {sum}");
            if sum.to_bits() != 0 {
                column.push(sum);
                parts |= part;
            }
        };
        put_sum(part::GIVEN, change.given, &mut self.endorse_given);
        put_sum(part::RETURNED, change.returned, &mut self.endorse_returned);
        put_sum(part::REACH, change.reach, &mut self.endorse_reach);
        put_sum(part::WEIGHT, change.weight, &mut self.endorse_weight);
        if change.fans != 0 {
            self.endorse_fans.push(change.fans);
            parts |= part::FANS;
        }
        for (kind, count) in change.received.iter().filter(|(_, count)| *count != 0) {
            parts |= self.put_count(place, kind, count);
        }
        parts
    }

    /// The same for what room is made of.
    #[inline]
    fn put_room(&mut self, change: &Change) -> u8 {
        let Change { whole, known, newest, reach, .. } = *change;
        assert!(newest >= 0.0 && newest.is_finite(), "a newest act is {newest}");
        let mut parts = 0;
        if whole != 0.0 {
            put_five_bytes(whole, &mut self.endorse_whole, &mut self.endorse_whole_rest);
            parts |= room::WHOLE;
        }
        if known == whole && known != 0.0 {
            parts |= room::ALL_KNOWN;
        } else if known != 0.0 {
            put_five_bytes(known, &mut self.endorse_known, &mut self.endorse_known_rest);
            parts |= room::KNOWN;
        }
        if newest > 0.0 && f64::from(newest) == reach {
            parts |= room::NEWEST_IS_REACH;
        } else if newest > 0.0 {
            self.endorse_newest.push(newest);
            parts |= room::NEWEST;
        }
        parts
    }

    /// Puts a count into the column of its kind, and says which that was; kinds without a column share three.
    #[inline]
    fn put_count(&mut self, place: u32, kind: Kind, count: u32) -> u8 {
        let (part, column) = match kind {
            Kind::Mention => (part::MENTIONS, &mut self.endorse_mentions),
            Kind::Retweet => (part::RETWEETS, &mut self.endorse_retweets),
            Kind::Reply => (part::REPLIES, &mut self.endorse_replies),
            kind => {
                self.endorse_count_place.push(place);
                self.endorse_count_kind.push(kind.number());
                (0, &mut self.endorse_count)
            }
        };
        column.push(count);
        part
    }

    fn put_contacts(&mut self, contacts: &[Contact]) {
        self.contact_actor = contacts.iter().map(|contact| contact.actor).collect();
        self.contact_target = contacts.iter().map(|contact| contact.target).collect();
        self.contact_endorsement = contacts.iter().map(|contact| contact.endorsement).collect();
        self.contact_wants_answer = contacts.iter().map(|contact| contact.wants_answer).collect();
        let infinite = self.contact_endorsement.iter().find(|endorsement| !endorsement.is_finite());
        assert_eq!(infinite, None, "an endorsement is no finite number");
    }

    fn put_follows(&mut self, notices: &[FollowNotice]) {
        self.follow_actor = notices.iter().map(|notice| notice.actor).collect();
        self.follow_target = notices.iter().map(|notice| notice.target).collect();
        self.follow_follows = notices.iter().map(|notice| notice.follows).collect();
        self.follow_wants_answer = notices.iter().map(|notice| notice.wants_answer).collect();
    }

    fn put_audiences(&mut self, changes: &[AudienceChange]) {
        self.audience_target = changes.iter().map(|change| change.target).collect();
        self.audience_level = changes.iter().map(|change| u32::from(change.level)).collect();
        self.audience_mutual = changes.iter().map(|change| change.mutual).collect();
        self.audience_followers = changes.iter().map(|change| change.followers).collect();
    }

    fn put_blocks(&mut self, notices: &[BlockNotice]) {
        self.block_actor = notices.iter().map(|notice| notice.actor).collect();
        self.block_target = notices.iter().map(|notice| notice.target).collect();
        self.block_blocks = notices.iter().map(|notice| notice.blocks).collect();
    }
}

/// The newest act, where reach changed by as much: an `f32`, whatever reach is.
#[inline]
fn newest_of(reach: f64) -> f32 {
    reach.clamp(0.0, f32::MAX.into()) as f32
}

/// An `f64` has 29 binary digits more than an `f32`: the first eight of them are the rest, the others 0.
const REST_AT: u32 = 21;

/// The digits of an `f32`, and the rest.
#[inline]
fn put_five_bytes(sum: f64, column: &mut Vec<f32>, rests: &mut Vec<u8>) {
    assert!(sum.to_bits() == in_five_bytes(sum).to_bits(), "a change of a sum is {sum}: five bytes do not tell it");
    let rest = (sum.to_bits() >> REST_AT) as u8;
    column.push(f64::from_bits(sum.to_bits() & !(0xff << REST_AT)) as f32);
    rests.push(rest);
}

#[inline]
fn of_five_bytes(digits: f32, rest: u8) -> f64 {
    f64::from_bits(f64::from(digits).to_bits() | u64::from(rest) << REST_AT)
}

fn report_message(report: &Report) -> proto::Report {
    let Report { largest, taken, is_opening, is_young } = *report;
    assert!(largest.is_finite() && taken.is_finite(), "the largest influence is {largest}, {taken} were taken");
    proto::Report { largest: Some(largest), taken, is_opening, is_young }
}

fn scale_message(scale: &Scale) -> proto::Scale {
    assert!(scale.votes.is_finite(), "the scale is {}", scale.votes);
    proto::Scale { votes: scale.votes, version: scale.version }
}

fn section(message: proto::Section) -> Result<Section, String> {
    Ok(Section {
        source: u16::try_from(message.source).map_err(|_| format!("source {} is above 65535", message.source))?,
        landmark: landmark(message.landmark)?,
        clock: protobuf::clock(message.clock)?,
        genesis: genesis(message.genesis)?,
        endorse: message.endorse()?,
        contacts: message.contacts()?,
        follows: message.follows()?,
        audiences: message.audiences()?,
        blocks: message.blocks()?,
        renewed: message.renewed,
        heard: message.heard,
        report: message.report.map(report).transpose()?,
        scale: message.scale.map(scale).transpose()?,
        names: message.names.into_iter().map(name).collect::<Result<_, _>>()?,
    })
}

/// Entries from columns.
impl proto::Section {
    fn endorse(&self) -> Result<Vec<Endorse>, String> {
        self.check_endorse()?;
        let mut given = sparse(&self.endorse_given, part::GIVEN);
        let mut returned = sparse(&self.endorse_returned, part::RETURNED);
        let mut reach = sparse(&self.endorse_reach, part::REACH);
        let mut weight = sparse(&self.endorse_weight, part::WEIGHT);
        let mut fans = sparse(&self.endorse_fans, part::FANS);
        let mut mentions = sparse(&self.endorse_mentions, part::MENTIONS);
        let mut retweets = sparse(&self.endorse_retweets, part::RETWEETS);
        let mut replies = sparse(&self.endorse_replies, part::REPLIES);
        let mut whole = sparse_sums(&self.endorse_whole, &self.endorse_whole_rest, room::WHOLE);
        let mut known = sparse_sums(&self.endorse_known, &self.endorse_known_rest, room::KNOWN);
        let mut newest = sparse(&self.endorse_newest, room::NEWEST);
        let mut rooms = self.endorse_room.iter().copied().chain(iter::repeat(0));
        let entry = |(&target, &parts): (&u64, &u8)| {
            let room = rooms.next().unwrap_or_default();
            let (reach, whole) = (reach(parts), whole(room));
            let change = Change {
                given: given(parts),
                returned: returned(parts),
                reach,
                weight: weight(parts),
                whole,
                known: if room & room::ALL_KNOWN != 0 { whole } else { known(room) },
                newest: if room & room::NEWEST_IS_REACH != 0 { newest_of(reach) } else { newest(room) },
                fans: fans(parts),
                received: Counts::from([
                    (Kind::Mention, mentions(parts)),
                    (Kind::Retweet, retweets(parts)),
                    (Kind::Reply, replies(parts)),
                ]),
            };
            Endorse { target, change }
        };
        let mut entries: Vec<Endorse> = self.endorse_target.iter().zip(&self.endorse_parts).map(entry).collect();
        self.read_counts(&mut entries)?;
        Ok(entries)
    }

    /// Counts of the kinds that have no column of their own.
    fn read_counts(&self, entries: &mut [Endorse]) -> Result<(), String> {
        let len = self.endorse_count.len();
        have("endorse_count_place", self.endorse_count_place.len(), len)?;
        have("endorse_count_kind", self.endorse_count_kind.len(), len)?;
        for (number, &count) in self.endorse_count.iter().enumerate() {
            let (place, kind) = (self.endorse_count_place[number], self.endorse_count_kind[number]);
            let received = entries.get_mut(place as usize).map(|entry| &mut entry.change.received);
            let received =
                received.ok_or_else(|| format!("endorse_count_place[{number}] is {place}: there is no such entry"))?;
            let kept = Kind::of_number(kind).and_then(|kind| received.get_mut(kind));
            let kept = kept.ok_or_else(|| format!("endorse_count_kind[{number}] is {kind}: it is not counted"))?;
            *kept = kept.saturating_add(count);
        }
        Ok(())
    }

    /// Every column is as long as the parts say.
    fn check_endorse(&self) -> Result<(), String> {
        have("endorse_parts", self.endorse_parts.len(), self.endorse_target.len())?;
        let having = |part| self.endorse_parts.iter().filter(|&parts| parts & part != 0).count();
        if !self.endorse_room.is_empty() {
            have("endorse_room", self.endorse_room.len(), self.endorse_target.len())?;
        }
        let with_room = |part| self.endorse_room.iter().filter(|&parts| parts & part != 0).count();
        have("endorse_whole", self.endorse_whole.len(), with_room(room::WHOLE))?;
        have("endorse_whole_rest", self.endorse_whole_rest.len(), with_room(room::WHOLE))?;
        have("endorse_known", self.endorse_known.len(), with_room(room::KNOWN))?;
        have("endorse_known_rest", self.endorse_known_rest.len(), with_room(room::KNOWN))?;
        have("endorse_newest", self.endorse_newest.len(), with_room(room::NEWEST))?;
        normal("endorse_whole", &self.endorse_whole)?;
        normal("endorse_known", &self.endorse_known)?;
        within("endorse_newest", &self.endorse_newest, 0.0, f32::MAX)?;
        have("endorse_given", self.endorse_given.len(), having(part::GIVEN))?;
        have("endorse_returned", self.endorse_returned.len(), having(part::RETURNED))?;
        have("endorse_reach", self.endorse_reach.len(), having(part::REACH))?;
        have("endorse_weight", self.endorse_weight.len(), having(part::WEIGHT))?;
        have("endorse_fans", self.endorse_fans.len(), having(part::FANS))?;
        have("endorse_mentions", self.endorse_mentions.len(), having(part::MENTIONS))?;
        have("endorse_retweets", self.endorse_retweets.len(), having(part::RETWEETS))?;
        have("endorse_replies", self.endorse_replies.len(), having(part::REPLIES))?;
        within("endorse_given", &self.endorse_given, -SUM_MAX, SUM_MAX)?;
        within("endorse_returned", &self.endorse_returned, -SUM_MAX, SUM_MAX)?;
        within("endorse_reach", &self.endorse_reach, -SUM_MAX, SUM_MAX)?;
        within("endorse_weight", &self.endorse_weight, -SUM_MAX, SUM_MAX)
    }

    fn contacts(&self) -> Result<Vec<Contact>, String> {
        let len = self.contact_actor.len();
        have("contact_target", self.contact_target.len(), len)?;
        have("contact_endorsement", self.contact_endorsement.len(), len)?;
        have("contact_wants_answer", self.contact_wants_answer.len(), len)?;
        within("contact_endorsement", &self.contact_endorsement, 0.0, f32::MAX)?;
        let entry = |place| Contact {
            actor: self.contact_actor[place],
            target: self.contact_target[place],
            endorsement: self.contact_endorsement[place],
            wants_answer: self.contact_wants_answer[place],
        };
        Ok((0..len).map(entry).collect())
    }

    fn follows(&self) -> Result<Vec<FollowNotice>, String> {
        let len = self.follow_actor.len();
        have("follow_target", self.follow_target.len(), len)?;
        have("follow_follows", self.follow_follows.len(), len)?;
        have("follow_wants_answer", self.follow_wants_answer.len(), len)?;
        let entry = |place| FollowNotice {
            actor: self.follow_actor[place],
            target: self.follow_target[place],
            follows: self.follow_follows[place],
            wants_answer: self.follow_wants_answer[place],
        };
        Ok((0..len).map(entry).collect())
    }

    fn audiences(&self) -> Result<Vec<AudienceChange>, String> {
        let len = self.audience_target.len();
        have("audience_level", self.audience_level.len(), len)?;
        have("audience_mutual", self.audience_mutual.len(), len)?;
        have("audience_followers", self.audience_followers.len(), len)?;
        let entry = |place| {
            Ok(AudienceChange {
                target: self.audience_target[place],
                level: level(place, self.audience_level[place])?,
                mutual: self.audience_mutual[place],
                followers: self.audience_followers[place],
            })
        };
        (0..len).map(entry).collect()
    }

    fn blocks(&self) -> Result<Vec<BlockNotice>, String> {
        let len = self.block_actor.len();
        have("block_target", self.block_target.len(), len)?;
        have("block_blocks", self.block_blocks.len(), len)?;
        let entry = |place| BlockNotice {
            actor: self.block_actor[place],
            target: self.block_target[place],
            blocks: self.block_blocks[place],
        };
        Ok((0..len).map(entry).collect())
    }
}

/// Goes through a sparse column: its next number for an entry with this part, else 0.
fn sparse<T: Copy + Default>(column: &[T], part: u8) -> impl FnMut(u8) -> T {
    let mut numbers = column.iter().copied();
    move |parts| if parts & part == 0 { T::default() } else { numbers.next().unwrap_or_default() }
}

/// The same for numbers of five bytes.
fn sparse_sums(digits: &[f32], rests: &[u8], part: u8) -> impl FnMut(u8) -> f64 {
    let (mut digits, mut rests) = (sparse(digits, part), sparse(rests, part));
    move |parts| of_five_bytes(digits(parts), rests(parts))
}

fn have(column: &str, found: usize, expected: usize) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{column} has {found} entries, expected {expected}")) }
}

fn within<T: PartialOrd + fmt::Display + fmt::LowerExp>(
    column: &str,
    numbers: &[T],
    least: T,
    most: T,
) -> Result<(), String> {
    match numbers.iter().position(|number| !(&least..=&most).contains(&number)) {
        Some(place) => Err(format!("{column}[{place}] is {}, not from {least:e} to {most:e}", numbers[place])),
        None => Ok(()),
    }
}

fn normal(column: &str, numbers: &[f32]) -> Result<(), String> {
    match numbers.iter().position(|number| !number.is_normal()) {
        Some(place) => Err(format!("{column}[{place}] is {:e}, not a normal number", numbers[place])),
        None => Ok(()),
    }
}

fn genesis(genesis: Option<i64>) -> Result<Option<Timestamp>, String> {
    match genesis {
        Some(at) if !(0..=AT_MAX).contains(&at) => Err(format!("genesis {at} is not from 0 to {AT_MAX}")),
        genesis => Ok(genesis),
    }
}

fn landmark(landmark: Landmark) -> Result<Landmark, String> {
    // No half-life is shorter than a millisecond.
    match landmark {
        0..=AT_MAX => Ok(landmark),
        _ => Err(format!("landmark {landmark} is not from 0 to {AT_MAX}")),
    }
}

fn level(place: usize, level: u32) -> Result<u8, String> {
    match u8::try_from(level) {
        Ok(known) if usize::from(known) < LEVELS => Ok(known),
        _ => Err(format!("audience_level[{place}] is {level}, above {}", LEVELS - 1)),
    }
}

fn name(name: String) -> Result<Box<str>, String> {
    match name.len() {
        0 => Err(String::from("a name is empty")),
        1..=NAME_BYTES_MAX => Ok(name.into_boxed_str()),
        bytes => Err(Malformed::NameTooLong(bytes).to_string()),
    }
}

fn report(message: proto::Report) -> Result<Report, String> {
    let largest = message.largest.ok_or("report.largest is absent")?;
    if !(largest.is_finite() && largest >= 0.0) {
        return Err(format!("report.largest is {largest}, not a finite number of at least 0"));
    }
    let proto::Report { taken, is_opening, is_young, .. } = message;
    if !(taken.is_finite() && taken >= 0.0) {
        return Err(format!("report.taken is {taken}, not a finite number of at least 0"));
    }
    Ok(Report { largest, taken, is_opening, is_young })
}

fn scale(message: proto::Scale) -> Result<Scale, String> {
    let proto::Scale { votes, version } = message;
    if !(votes.is_finite() && votes >= SCALE_FLOOR_MIN) {
        return Err(format!("scale.votes is {votes}, not a finite number of at least {SCALE_FLOOR_MIN}"));
    }
    Ok(Scale { votes, version })
}
