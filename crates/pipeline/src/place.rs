//! Where a process keeps checkpoints, as it is written down with the offsets of each shard: the next owner of a shard looks
//! there, wherever its own are.

use std::fmt;

const LOCATION: &str = "checkpoints=";
const HOST: &str = "checkpoints.host=";
const ID: &str = "checkpoints.id=";

/// A folder of a host, or an object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckpointPlace {
    /// An absolute path, or a URL without its secrets.
    pub location: String,
    /// The host of a folder; empty for an object store.
    pub host: String,
    /// What was drawn for a folder when it was made: it is the same wherever the folder is mounted, and another one in a
    /// folder of the same name on another host. Empty for an object store.
    pub id: String,
}

impl CheckpointPlace {
    /// The lines that are written down.
    pub fn lines(&self) -> String {
        let CheckpointPlace { location, host, id } = self;
        let location = location.replace('\n', " ");
        match host.is_empty() {
            true => format!("{LOCATION}{location}\n"),
            false => format!("{LOCATION}{location}\n{HOST}{host}\n{ID}{id}\n"),
        }
    }

    /// The place that these lines name.
    pub fn of(known: &str) -> Option<CheckpointPlace> {
        let value = |name: &str| known.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
        let (host, id) = (value(HOST).unwrap_or_default(), value(ID).unwrap_or_default());
        Some(CheckpointPlace { location: value(LOCATION)?, host, id })
    }
}

impl fmt::Display for CheckpointPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.is_empty() {
            true => f.write_str(&self.location),
            false => write!(f, "{} of host {}", self.location, self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_down_is_read() {
        let folder =
            CheckpointPlace { location: "/var/lib/clout".into(), host: "vm".into(), id: "00ff00ff00ff00ff".into() };
        let store = CheckpointPlace { location: "s3://bucket/clout".into(), host: String::new(), id: String::new() };
        for (place, text) in [(folder, "/var/lib/clout of host vm"), (store, "s3://bucket/clout")] {
            let known = format!("id\nclock=wall\n{}", place.lines());
            assert_eq!((CheckpointPlace::of(&known), place.to_string()), (Some(place), text.to_owned()));
        }
        assert_eq!(CheckpointPlace::of("id\nclock=wall\n"), None);
    }
}
