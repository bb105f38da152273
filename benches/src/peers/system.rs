//! The three systems: what they are called, how often they publish, and what is in their outputs.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use vocabulary::{Kind, Received};

use crate::Failure;

/// What runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum System {
    Clout,
    Flink,
    Streams,
}

/// What a peer publishes of a target: a decayed sum, its time, and these counts, as eight bytes each, the highest first.
const PEER_BYTES: usize = 40;
const PEER_COUNTS: [(Kind, usize); 3] = [(Kind::Mention, 16), (Kind::Retweet, 24), (Kind::Reply, 32)];

impl System {
    pub(crate) const ALL: [System; 3] = [System::Clout, System::Flink, System::Streams];

    /// The time between two commits, by the system's settings: output that was appended is visible so much later at most.
    pub(crate) fn pace(self) -> Duration {
        match self {
            System::Clout | System::Streams => Duration::from_millis(100),
            System::Flink => Duration::from_secs(1),
        }
    }

    /// What somebody received, by a message of the output.
    pub(crate) fn received(self, message: &[u8]) -> Result<Received, Failure> {
        match self {
            System::Clout => Ok(wire::decode_score(message)?.1.received),
            System::Flink | System::Streams => peer_received(message),
        }
    }
}

fn peer_received(message: &[u8]) -> Result<Received, Failure> {
    if message.len() != PEER_BYTES {
        return Err(format!("a tally of {} bytes, and not {PEER_BYTES}", message.len()).into());
    }
    let count = |at: usize| message[at..at + 8].iter().fold(0, |count, &byte| count << 8 | u64::from(byte));
    Ok(Received::from(PEER_COUNTS.map(|(kind, at)| (kind, count(at)))))
}

/// In tables; in options it is a word in lower case.
impl fmt::Display for System {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            System::Clout => "clout",
            System::Flink => "flink",
            System::Streams => "streams",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vocabulary::Score;

    #[test]
    fn words_of_options_are_those_that_are_shown() {
        for system in System::ALL {
            assert_eq!(System::from_str(&system.to_string(), false), Ok(system));
        }
    }

    #[test]
    fn counts_of_peers_lie_behind_sum_and_time() {
        let numbers = [1.5_f64.to_bits(), 1_700_000_000_000, 1, 258, 3];
        let message: Vec<u8> = numbers.into_iter().flat_map(u64::to_be_bytes).collect();
        let expected = Received::from([(Kind::Mention, 1), (Kind::Retweet, 258), (Kind::Reply, 3)]);
        for system in [System::Flink, System::Streams] {
            assert_eq!(system.received(&message).unwrap(), expected);
            assert!(system.received(&message[..39]).is_err());
        }
    }

    #[test]
    fn counts_of_clout_are_those_of_its_score() {
        let received = Received::from([(Kind::Mention, 1), (Kind::Retweet, 258), (Kind::Reply, 3)]);
        let mut message = Vec::new();
        wire::encode_score("ana", &Score { received, ..Score::default() }, 1, &mut message);
        assert_eq!(System::Clout.received(&message).unwrap(), received);
    }
}
