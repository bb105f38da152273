//! What shards tell each other, as records of the exchange.

use influence::exchange::{AudienceChange, Change, Contact, Endorse, FollowNotice, Section};
use influence::scale::{RANKS, Report, Scale};
use influence::{LEVELS, NAME_BYTES_MAX};
use prost::Message;

use crate::{Malformed, proto, protobuf};

const FOLLOWS: u32 = 1;
const WANTS_ANSWER: u32 = 2;

/// Appends the protobuf message of one record, without a length before it.
pub fn encode_exchange<'a>(sections: impl IntoIterator<Item = &'a Section>, out: &mut Vec<u8>) {
    proto::Exchange { sections: sections.into_iter().map(message).collect() }.encode_raw(out);
}

/// The sections of one record.
pub fn decode_exchange(bytes: &[u8]) -> Result<Vec<Section>, Malformed> {
    let message = proto::Exchange::decode(bytes).map_err(protobuf::malformed)?;
    message.sections.into_iter().map(section).collect()
}

fn message(section: &Section) -> proto::Section {
    let mut message = proto::Section {
        source: u32::from(section.source),
        landmark: section.landmark,
        clock: section.clock,
        names: section.names.iter().map(|name| name.to_string()).collect(),
        report: section
            .report
            .as_ref()
            .map(|report| proto::Report { largest: report.largest, ranks: report.ranks.clone() }),
        scale: section.scale.as_ref().map(|scale| proto::Scale {
            votes: scale.votes,
            version: scale.version,
            ranks: scale.ranks.clone(),
        }),
        ..proto::Section::default()
    };
    section.endorse.iter().for_each(|entry| message.push_endorse(entry));
    section.contacts.iter().for_each(|contact| message.push_contact(contact));
    section.follows.iter().for_each(|notice| message.push_follow(notice));
    section.audiences.iter().for_each(|change| message.push_audience(change));
    message
}

impl proto::Section {
    fn push_endorse(&mut self, Endorse { target, change }: &Endorse) {
        let [mentions, retweets, replies] = change.received;
        self.endorse_target.push(*target);
        self.endorse_given.push(change.given);
        self.endorse_returned.push(change.returned);
        self.endorse_reach.push(change.reach);
        self.endorse_weight.push(change.weight);
        self.endorse_fans.push(change.fans);
        self.endorse_mentions.push(mentions);
        self.endorse_retweets.push(retweets);
        self.endorse_replies.push(replies);
    }

    fn push_contact(&mut self, contact: &Contact) {
        self.contact_actor.push(contact.actor);
        self.contact_target.push(contact.target);
        self.contact_endorsement.push(contact.endorsement);
        self.contact_wants_answer.push(contact.wants_answer);
    }

    fn push_follow(&mut self, notice: &FollowNotice) {
        let follows = if notice.follows { FOLLOWS } else { 0 };
        self.follow_actor.push(notice.actor);
        self.follow_target.push(notice.target);
        self.follow_marks.push(follows | if notice.wants_answer { WANTS_ANSWER } else { 0 });
    }

    fn push_audience(&mut self, change: &AudienceChange) {
        self.audience_target.push(change.target);
        self.audience_group.push(2 * u32::from(change.level) + u32::from(change.mutual));
        self.audience_followers.push(change.followers);
    }

    fn endorse(&self) -> Result<Vec<Endorse>, Malformed> {
        let len = self.endorse_target.len();
        let sums = [&self.endorse_given, &self.endorse_returned, &self.endorse_reach, &self.endorse_weight];
        let counts = [&self.endorse_mentions, &self.endorse_retweets, &self.endorse_replies];
        same_len("endorse", len, sums.map(Vec::len))?;
        same_len("endorse", len, counts.map(Vec::len))?;
        same_len("endorse", len, [self.endorse_fans.len()])?;
        if !sums.into_iter().flatten().all(|sum| sum.is_finite()) {
            return Err(Malformed::message("a change of a sum is no finite number"));
        }
        let entry = |place: usize| Endorse {
            target: self.endorse_target[place],
            change: Change {
                given: self.endorse_given[place],
                returned: self.endorse_returned[place],
                reach: self.endorse_reach[place],
                weight: self.endorse_weight[place],
                fans: self.endorse_fans[place],
                received: counts.map(|column| column[place]),
            },
        };
        Ok((0..len).map(entry).collect())
    }

    fn contacts(&self) -> Result<Vec<Contact>, Malformed> {
        let len = self.contact_target.len();
        same_len("contact", len, [self.contact_actor.len(), self.contact_endorsement.len()])?;
        same_len("contact", len, [self.contact_wants_answer.len()])?;
        if !self.contact_endorsement.iter().all(|sum| sum.is_finite()) {
            return Err(Malformed::message("an endorsement is no finite number"));
        }
        let entry = |place: usize| Contact {
            actor: self.contact_actor[place],
            target: self.contact_target[place],
            endorsement: self.contact_endorsement[place],
            wants_answer: self.contact_wants_answer[place],
        };
        Ok((0..len).map(entry).collect())
    }

    fn follows(&self) -> Result<Vec<FollowNotice>, Malformed> {
        let len = self.follow_target.len();
        same_len("follow", len, [self.follow_actor.len(), self.follow_marks.len()])?;
        let entry = |place: usize| FollowNotice {
            actor: self.follow_actor[place],
            target: self.follow_target[place],
            follows: self.follow_marks[place] & FOLLOWS != 0,
            wants_answer: self.follow_marks[place] & WANTS_ANSWER != 0,
        };
        Ok((0..len).map(entry).collect())
    }

    fn audiences(&self) -> Result<Vec<AudienceChange>, Malformed> {
        let len = self.audience_target.len();
        same_len("audience", len, [self.audience_group.len(), self.audience_followers.len()])?;
        if let Some(group) = self.audience_group.iter().find(|&&group| group >= 2 * LEVELS as u32) {
            return Err(Malformed::message(format!("audience_group {group} is none")));
        }
        let entry = |place: usize| AudienceChange {
            target: self.audience_target[place],
            level: (self.audience_group[place] / 2) as u8,
            mutual: self.audience_group[place] % 2 == 1,
            followers: self.audience_followers[place],
        };
        Ok((0..len).map(entry).collect())
    }
}

fn same_len<const N: usize>(what: &str, len: usize, columns: [usize; N]) -> Result<(), Malformed> {
    match columns.into_iter().find(|&column| column != len) {
        Some(column) => Err(Malformed::message(format!("a column of {what} has {column} entries, another {len}"))),
        None => Ok(()),
    }
}

fn section(message: proto::Section) -> Result<Section, Malformed> {
    let source = u16::try_from(message.source)
        .map_err(|_| Malformed::message(format!("source {} is too large", message.source)))?;
    if let Some(name) = message.names.iter().find(|name| name.is_empty() || name.len() > NAME_BYTES_MAX) {
        return Err(Malformed::NameTooLong(name.len()));
    }
    Ok(Section {
        source,
        landmark: message.landmark,
        clock: message.clock,
        endorse: message.endorse()?,
        contacts: message.contacts()?,
        follows: message.follows()?,
        audiences: message.audiences()?,
        report: message.report.map(report).transpose()?,
        scale: message.scale.map(scale).transpose()?,
        names: message.names.into_iter().map(String::into_boxed_str).collect(),
    })
}

fn report(message: proto::Report) -> Result<Report, Malformed> {
    if message.ranks.len() != RANKS || !message.largest.is_finite() {
        return Err(Malformed::message(format!("a report has {} ranks, expected {RANKS}", message.ranks.len())));
    }
    Ok(Report { largest: message.largest, ranks: message.ranks })
}

fn scale(message: proto::Scale) -> Result<Scale, Malformed> {
    if !matches!(message.ranks.len(), 0 | RANKS) || !message.votes.is_finite() {
        return Err(Malformed::message(format!("a scale has {} ranks, expected {RANKS}", message.ranks.len())));
    }
    Ok(Scale { votes: message.votes, version: message.version, ranks: message.ranks })
}
