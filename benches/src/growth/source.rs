//! The events of one size of one series.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use benches::DAY_MS;
use vocabulary::{Event, Kind, Timestamp};
use wire::{EventWriter, Format};
use worlds::World;

use crate::Failure;

const START: Timestamp = 1_700_000_000_000;
/// The number of people who act on the account that acts on everybody.
const PATRONS: u64 = 1_000;

/// A source is a rule by which the events of one size are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    /// Everybody acts and is acted upon, by Zipf's law.
    World { events: u64, users: u64 },
    /// So many act on one person in turn, who acts on one of them now and then.
    Star { events: u64, fans: u64 },
    /// One account acts on so many in turn. Every second event is an act of somebody else on that account: what it hands out to all of
    /// them is worth more with each.
    Row { events: u64, targets: u64 },
}

impl Source {
    pub(crate) fn events(self) -> u64 {
        let (Source::World { events, .. } | Source::Star { events, .. } | Source::Row { events, .. }) = self;
        events
    }

    pub(crate) fn write(self, path: &Path) -> Result<(), Failure> {
        let mut writer = EventWriter::new(BufWriter::with_capacity(1 << 20, File::create(path)?), Format::Protobuf);
        let events = self.events();
        if let Source::World { users, .. } = self {
            let world = World { events, users: u32::try_from(users)?, ..World::reference() };
            let mut events = world.events()?;
            while let Some(event) = events.next_event() {
                writer.write(&event)?;
            }
        } else {
            for number in 0..events {
                let (actor, target) = self.pair(number);
                // Thirty days, as in the world.
                let at = START + (u128::from(number) * 30 * DAY_MS as u128 / u128::from(events)) as Timestamp;
                writer.write(&Event { actor: &actor, target: &target, kind: Kind::Retweet, at })?;
            }
        }
        writer.finish()?.into_inner()?.sync_all()?;
        Ok(())
    }

    fn pair(self, number: u64) -> (String, String) {
        const STAR: &str = "star";
        match self {
            Source::Row { .. } if number % 2 == 1 => (format!("patron{}", number / 2 % PATRONS), STAR.into()),
            Source::Row { targets, .. } => (STAR.into(), format!("target{}", number / 2 % targets)),
            Source::Star { fans, .. } if number % 1_000 == 999 => (STAR.into(), format!("fan{}", number % fans)),
            Source::Star { fans, .. } | Source::World { users: fans, .. } => {
                (format!("fan{}", number % fans), STAR.into())
            }
        }
    }
}
