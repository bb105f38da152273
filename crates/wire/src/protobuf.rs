//! Events, profiles and scores as protobuf messages, and what several messages have in common.

use prost::Message;
use vocabulary::{Event, Kind, Profile, Received, Score, Timestamp};

use crate::kind::kind_of_number;
use crate::{AT_MAX, Malformed, accept, country_code, proto};

/// Decodes into `message`, whose strings keep their memory from one event to the next.
pub(crate) fn event<'a>(bytes: &[u8], message: &'a mut proto::Event) -> Result<Event<'a>, Malformed> {
    event_with_id(bytes, message).map(|(event, _)| event)
}

/// Likewise, with its id.
pub(crate) fn event_with_id<'a>(
    bytes: &[u8],
    message: &'a mut proto::Event,
) -> Result<(Event<'a>, &'a str), Malformed> {
    message.clear();
    message.merge(bytes).map_err(|error| malformed(bytes, &error))?;
    let proto::Event { actor, target, at, kind, id } = message;
    Ok((accept::event(actor, target, Ok(*at), kind_of_number(*kind))?, id))
}

/// Decodes into `message`, as for events.
pub(crate) fn profile<'a>(
    bytes: &[u8],
    message: &'a mut proto::Profile,
    memory: &'a mut String,
) -> Result<Profile<'a>, Malformed> {
    message.clear();
    message.merge(bytes).map_err(|error| malformed(bytes, &error))?;
    let proto::Profile { user, opted_out, trust, display_name, country, language, created_at, verified, linked } =
        message;
    accept::name("user", user)?;
    let says_else = [display_name, country, language].iter().any(|text| !text.is_empty());
    if opted_out.is_none() && trust.is_none() && created_at.is_none() && !*verified && linked.is_none() && !says_else {
        return Err(Malformed::NothingSaid);
    }
    let (created, is_verified) = (*created_at, *verified);
    let linked = match linked {
        Some(linked) => Some(accept::lines(&linked.accounts, memory)?),
        None => None,
    };
    let country = country_code(country);
    accept::profile(Profile { user, opted_out: *opted_out, trust: *trust, created, is_verified, linked, country })
}

/// What the parser says of it, or what it is instead: no message begins as a JSON object does.
pub(crate) fn malformed(bytes: &[u8], error: &prost::DecodeError) -> Malformed {
    match bytes.trim_ascii_start().first() {
        Some(b'{') => Malformed::Protobuf("it looks like JSON, which is read with encoding = \"json\"".to_owned()),
        _ => Malformed::Protobuf(error.to_string()),
    }
}

/// The clock of a message; [`Timestamp::MIN`] where there is none yet. The reason is for people.
pub(crate) fn clock(clock: Option<i64>) -> Result<Timestamp, String> {
    match clock {
        None => Ok(Timestamp::MIN),
        Some(clock @ 0..=AT_MAX) => Ok(clock),
        Some(clock) => Err(format!("clock {clock} is not from 0 to {AT_MAX}")),
    }
}

/// The clock for a message; absent where there is none yet.
pub(crate) fn clock_message(clock: Timestamp) -> Option<i64> {
    (clock != Timestamp::MIN).then_some(clock)
}

/// The message of an event.
pub(crate) fn event_message(event: &Event<'_>) -> proto::Event {
    proto::Event {
        actor: event.actor.to_owned(),
        target: event.target.to_owned(),
        at: event.at,
        kind: event.kind.number(),
        id: String::new(),
    }
}

/// The field of a message that holds the count of a kind; `None` for a kind that is not counted.
fn count_of(received: &mut proto::Received, kind: Kind) -> Option<&mut u64> {
    match kind {
        Kind::Mention => Some(&mut received.mentions),
        Kind::Retweet => Some(&mut received.retweets),
        Kind::Reply => Some(&mut received.replies),
        Kind::Like => Some(&mut received.likes),
        Kind::Quote => Some(&mut received.quotes),
        Kind::Follow | Kind::Unfollow | Kind::Block | Kind::Unblock => None,
    }
}

/// The first model with room: in the records of those before it there is none, and nothing was bounded.
const MODEL_WITH_ROOM: u32 = 2;

/// The score of a message, and whose it is.
pub(crate) fn score(message: proto::Score) -> (String, Score) {
    let mut counts = message.received.unwrap_or_default();
    let count = |kind| count_of(&mut counts, kind).copied().unwrap_or_default();
    let received = Received::new(Kind::COUNTED.map(count));
    macro_rules! score {
        ($($(#[doc = $what:literal])+ $factor:ident)+) => {
            Score {
                score: message.score,
                influence: message.influence,
                $($factor: message.$factor,)+
                received,
                followers: message.followers,
                following: message.following,
                as_of: message.as_of,
                scale: message.scale,
                scale_version: message.scale_version,
                previous: message.previous,
            }
        };
    }
    let score = vocabulary::each_factor!(score);
    let room = if message.model_version < MODEL_WITH_ROOM { 1.0 } else { score.room };
    (message.user, Score { room, ..score })
}

/// The message of a score.
pub(crate) fn score_message(user: &str, score: &Score, model_version: u32) -> proto::Score {
    let mut received = proto::Received::default();
    for (kind, count) in score.received.iter() {
        count_of(&mut received, kind).into_iter().for_each(|field| *field = count);
    }
    macro_rules! message {
        ($($(#[doc = $what:literal])+ $factor:ident)+) => {
            proto::Score {
                user: user.to_owned(),
                score: score.score,
                influence: score.influence,
                $($factor: score.$factor,)+
                received: Some(received),
                followers: score.followers,
                following: score.following,
                as_of: score.as_of,
                scale: score.scale,
                scale_version: score.scale_version,
                previous: score.previous,
                model_version,
            }
        };
    }
    vocabulary::each_factor!(message)
}
