//! What acts gave, as records of the topic of credits: in columns, of which none must be shorter than another.

use influence::{Credit, Rated};
use prost::Message;
use vocabulary::Timestamp;

use crate::kind::kind_of_number;
use crate::{AT_MAX, Malformed, proto, protobuf};

/// The format that is written and read.
const VERSION: u32 = 1;
/// Bytes of an act in a record, at most.
pub const CREDIT_BYTES: usize = 43;
/// Bytes of a rate that changed, at most.
pub const RATED_BYTES: usize = 22;

/// What a record says.
#[derive(Clone, Debug, PartialEq)]
pub struct Credits {
    /// Milliseconds after which votes and weights count half.
    pub half_life_ms: i64,
    /// Milliseconds without an act after which a pair is forgotten, with all that it gave.
    pub window_ms: i64,
    /// What each act gave.
    pub credits: Vec<Credit>,
    /// Rates that changed, of actors who live in the partition.
    pub rated: Vec<Rated>,
}

/// Appends the protobuf message of one record, without a length before it: a few dozen bytes, and for each act [`CREDIT_BYTES`] and for
/// each rate [`RATED_BYTES`] at most. Of the model it tells half-life and window.
pub fn encode_credits(credits: &[Credit], rated: &[Rated], (half_life_ms, window_ms): (i64, i64), out: &mut Vec<u8>) {
    let has_subjects = credits.iter().any(|credit| credit.subject != 0);
    proto::Credits {
        version: VERSION,
        count: credits.len() as u32,
        half_life_ms,
        window_ms,
        actors: credits.iter().map(|credit| credit.actor).collect(),
        targets: credits.iter().map(|credit| credit.target).collect(),
        subjects: credits.iter().filter(|_| has_subjects).map(|credit| credit.subject).collect(),
        kinds: credits.iter().map(|credit| credit.kind.number() as u8).collect(),
        at_steps: steps(credits.iter().map(|credit| credit.at)),
        votes: credits.iter().map(|credit| credit.votes).collect(),
        rates: credits.iter().map(|credit| credit.rate).collect(),
        rated_actors: rated.iter().map(|rated| rated.actor).collect(),
        rated_rates: rated.iter().map(|rated| rated.rate).collect(),
        rated_at_steps: steps(rated.iter().map(|rated| rated.at)),
    }
    .encode_raw(out);
}

/// The first time, and from each to the next.
fn steps(times: impl Iterator<Item = Timestamp>) -> Vec<i64> {
    let mut before = 0;
    times.map(|at| at.wrapping_sub(std::mem::replace(&mut before, at))).collect()
}

/// What a record says: what was encoded, bit for bit.
///
/// # Errors
/// If it is of another version, or its columns do not fit each other, or a number is none that can be.
pub fn decode_credits(bytes: &[u8]) -> Result<Credits, Malformed> {
    let message = proto::Credits::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?;
    if message.version != VERSION {
        return field(format!("credits are of version {}, and version {VERSION} is read", message.version));
    }
    for (what, millis) in [("half_life_ms", message.half_life_ms), ("window_ms", message.window_ms)] {
        if millis <= 0 {
            return field(format!("{what} is {millis}, not above 0"));
        }
    }
    let count = message.count as usize;
    let columns = [
        ("actors", message.actors.len()),
        ("targets", message.targets.len()),
        ("kinds", message.kinds.len()),
        ("at_steps", message.at_steps.len()),
        ("votes", message.votes.len()),
        ("rates", message.rates.len()),
        // Of no post, or of all.
        ("subjects", if message.subjects.is_empty() { count } else { message.subjects.len() }),
    ];
    if let Some((column, entries)) = columns.into_iter().find(|&(_, entries)| entries != count) {
        return field(format!("{column} has {entries} entries, and count is {count}"));
    }
    let mut at: Timestamp = 0;
    let credits = (0..count).map(|act| {
        at = at.wrapping_add(message.at_steps[act]);
        let credit = Credit {
            actor: message.actors[act],
            target: message.targets[act],
            kind: kind_of_number(message.kinds[act].into())?,
            at,
            subject: message.subjects.get(act).copied().unwrap_or(0),
            votes: message.votes[act],
            rate: message.rates[act],
        };
        check(credit.at, [("votes", credit.votes), ("rate", credit.rate)])
            .map_err(|reason| Malformed::Field(format!("act {act}: {reason}")))?;
        Ok(credit)
    });
    let credits = credits.collect::<Result<_, Malformed>>()?;
    let proto::Credits { half_life_ms, window_ms, .. } = message;
    Ok(Credits { half_life_ms, window_ms, credits, rated: rated(&message)? })
}

fn rated(message: &proto::Credits) -> Result<Vec<Rated>, Malformed> {
    let count = message.rated_actors.len();
    for (column, entries) in
        [("rated_rates", message.rated_rates.len()), ("rated_at_steps", message.rated_at_steps.len())]
    {
        if entries != count {
            return field(format!("{column} has {entries} entries, and rated_actors has {count}"));
        }
    }
    let mut at: Timestamp = 0;
    let rated = (0..count).map(|place| {
        at = at.wrapping_add(message.rated_at_steps[place]);
        let rate = message.rated_rates[place];
        check(at, [("rate", rate)]).map_err(|reason| Malformed::Field(format!("rated {place}: {reason}")))?;
        Ok(Rated { actor: message.rated_actors[place], rate, at })
    });
    rated.collect()
}

fn check<const N: usize>(at: Timestamp, numbers: [(&str, f32); N]) -> Result<(), String> {
    if !(-AT_MAX..=AT_MAX).contains(&at) {
        return Err(format!("at {at} is not within {AT_MAX} of 1970"));
    }
    for (what, number) in numbers {
        if !number.is_finite() || number < 0.0 {
            return Err(format!("{what} is {number}, which cannot be"));
        }
    }
    Ok(())
}

fn field<T>(reason: String) -> Result<T, Malformed> {
    Err(Malformed::Field(reason))
}
