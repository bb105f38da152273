//! The topics that hold something of people under other keys than their accounts, or until a broker cleans them: what, and for how long.
//! How long is read from each topic's own properties.

use kafka::{Admin, AdminError, Found, closes_of, credits_of, kept_of, links_of, names_of};
use pipeline::Holds;
use serde::Serialize;

use crate::config::Config;
use crate::words::duration;

/// A topic, with what it holds of a person who is erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Stay {
    pub(crate) topic: String,
    pub(crate) holds: &'static str,
    pub(crate) until: String,
}

/// When a record leaves a topic.
#[derive(Clone, Copy)]
enum Leaves {
    /// As the topic's own properties say.
    AsSet,
    /// The engine removes what no checkpoint needs any more.
    Trimmed,
    /// Other records come to have its key.
    WrittenOver,
}

/// The topics of an application that are there, and that this user may see.
///
/// # Errors
/// If the brokers do not answer.
pub(crate) fn stays(config: &Config) -> Result<Vec<Stay>, AdminError> {
    let (application, own) = (&config.application_id, config.topics());
    let inputs = config.inputs.iter().map(|input| {
        let holds = match input.holds {
            Holds::Events => "acts, under the names of accounts",
            Holds::Profiles => "what profiles said, and that the account has opted out",
        };
        (input.topic.clone(), holds, Leaves::AsSet)
    });
    let topics: Vec<_> = inputs
        .chain([
            (own.exchange, "keyed hashes of names, and names that one shard tells another once", Leaves::Trimmed),
            (own.scores, "scores of before, and the tombstone", Leaves::AsSet),
            (closes_of(application), "closes of days of before, and the tombstone", Leaves::AsSet),
            (credits_of(application), "what acts gave, under keyed hashes of names", Leaves::AsSet),
            (links_of(application), "links of before, and the tombstone", Leaves::AsSet),
            (names_of(application), "what the account was called, and the tombstones", Leaves::AsSet),
            (own.dead_letters, "records that could not be used", Leaves::AsSet),
            (kept_of(application), "ids in what connectors have learnt", Leaves::WrittenOver),
        ])
        .collect();
    let found = Admin::connect(&config.connection())?.find(topics.iter().map(|(topic, ..)| topic.as_str()))?;
    let stay = |(topic, holds, leaves): (String, &'static str, Leaves)| {
        let until = until(found.get(&topic)?, leaves);
        Some(Stay { topic, holds, until })
    };
    Ok(topics.into_iter().filter_map(stay).collect())
}

fn until(found: &Found, leaves: Leaves) -> String {
    match leaves {
        Leaves::Trimmed => "until two newer checkpoints of each shard are there".to_owned(),
        Leaves::WrittenOver => "until it is written over, as messages come".to_owned(),
        Leaves::AsSet => as_set(found),
    }
}

/// What the topic's properties come to. A broker removes whole segments: until one is full, or old enough, its records stay.
fn as_set(found: &Found) -> String {
    let text = |name: &str| found.properties.get(name).map(String::as_str);
    let ms = |name: &str| text(name).and_then(|text| text.parse::<i64>().ok()).filter(|ms| (0..i64::MAX).contains(ms));
    let Some(policy) = text("cleanup.policy") else {
        return "as the topic is set, which needs DescribeConfigs to be seen".to_owned();
    };
    let and_segment = |ms_of_it: i64| match ms("segment.ms") {
        Some(segment) => format!("{}, and at most {} more", duration(ms_of_it), duration(segment)),
        None => duration(ms_of_it),
    };
    let kept = ms("retention.ms").map(|kept| format!("for {} (retention.ms)", and_segment(kept)));
    match (policy.contains("compact"), policy.contains("delete"), kept) {
        (false, _, Some(kept)) => kept,
        (false, _, None) => "for ever, unless retention.ms is set".to_owned(),
        (true, true, Some(kept)) => format!("until the broker cleans the log, and at most {kept}"),
        (true, ..) => match ms("max.compaction.lag.ms") {
            Some(lag) => format!("until the broker cleans the log: {} (max.compaction.lag.ms)", and_segment(lag)),
            None => "until the broker cleans the log: max.compaction.lag.ms bounds that".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(properties: &[(&str, &str)]) -> String {
        let properties = properties.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        as_set(&Found { properties, ..Found::default() })
    }

    #[test]
    fn how_long_a_topic_keeps_a_record_is_said_by_its_properties() {
        assert_eq!(set(&[]), "as the topic is set, which needs DescribeConfigs to be seen");
        let (delete, compact) = (("cleanup.policy", "delete"), ("cleanup.policy", "compact"));
        let (week, day) = (("retention.ms", "604800000"), ("segment.ms", "86400000"));
        assert_eq!(set(&[delete, week]), "for 7 days (retention.ms)");
        assert_eq!(set(&[delete, week, day]), "for 7 days, and at most 1 day more (retention.ms)");
        assert_eq!(set(&[delete, ("retention.ms", "-1")]), "for ever, unless retention.ms is set");
        let both = set(&[("cleanup.policy", "compact,delete"), week]);
        assert_eq!(both, "until the broker cleans the log, and at most for 7 days (retention.ms)");
        let unbounded = ("max.compaction.lag.ms", "9223372036854775807");
        assert_eq!(set(&[compact, week, unbounded]), set(&[compact]));
        let bounded = set(&[compact, ("max.compaction.lag.ms", "3600000")]);
        assert_eq!(bounded, "until the broker cleans the log: 1 hour (max.compaction.lag.ms)");
    }
}
