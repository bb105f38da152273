//! Shards that are nobody's while the group is at rest.
//!
//! A member that hands shards over gives them back first, and then has the group share them out. One that dies between the two
//! and is started again takes its own place, as members with a name of their own do (`group.instance.id`), and nobody has the group
//! share out anything: the group is at rest, and nobody works on these shards. So whoever joins looks a little later.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::groups::GroupInfo;
use tracing::debug;

use crate::application::Application;
use crate::ownership::{TIME, asker, split_name};
use crate::troubles::Troubles;

/// The time between two looks. A member that gives shards back has the group share them out long before the second one.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What the brokers call a group at rest.
const AT_REST: &str = "Stable";

/// The shards that a watcher has found to be nobody's after a worker has joined.
#[derive(Debug)]
pub(crate) struct Orphans(Arc<Mutex<Vec<u16>>>);

impl Orphans {
    /// Starts a thread that looks at the group until every shard is somebody's, or one was nobody's at two looks in a row.
    pub(crate) fn watch(application: &Arc<Application>) -> Orphans {
        let found = Arc::default();
        let (seen, application) = (Arc::downgrade(&found), Arc::clone(application));
        // Without a thread nobody looks, and all else works.
        let _ = thread::Builder::new().name("orphans".into()).spawn(move || watch(&application, &seen));
        Orphans(found)
    }

    /// Returns the shards that were found, the first time that it is called after they were.
    pub(crate) fn take(&self) -> Option<Vec<u16>> {
        let found = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        (!found.is_empty()).then_some(found)
    }
}

fn watch(application: &Application, found: &Weak<Mutex<Vec<u16>>>) {
    let mut before = Vec::new();
    loop {
        thread::sleep(LOOK_EVERY);
        // Whoever joined has left.
        let Some(found) = found.upgrade() else { return };
        // While the group is not at rest, or is not told, it is looked at later.
        let Some(now) = look(application) else {
            before.clear();
            continue;
        };
        let both: Vec<u16> = now.iter().copied().filter(|shard| before.contains(shard)).collect();
        if now.is_empty() || !both.is_empty() {
            *found.lock().unwrap_or_else(PoisonError::into_inner) = both;
            return;
        }
        before = now;
    }
}

/// Returns the shards that no member has; `None` if the group is not at rest, or the brokers do not say.
fn look(application: &Application) -> Option<Vec<u16>> {
    let group = &application.id;
    let told = asker(&application.connection, group).and_then(|asker: BaseConsumer<Troubles>| {
        let groups = asker.client().fetch_group_list(Some(group), TIME)?;
        let found = groups.groups().iter().find(|found| found.name() == group && found.state() == AT_REST);
        Ok(found.map(|found| nobodys(found, &application.topics.exchange, application.settings.shards)))
    });
    told.unwrap_or_else(|error| {
        debug!(%error, group, "the members of the group are not looked at");
        None
    })
}

fn nobodys(group: &GroupInfo, exchange: &str, shards: u16) -> Vec<u16> {
    let assigned = group.members().iter().filter_map(|member| assigned(member.assignment()?, exchange));
    let owned: Vec<i32> = assigned.flatten().collect();
    (0..shards).filter(|&shard| !owned.contains(&shard.into())).collect()
}

/// Reads the partitions of a topic from a member's assignment: a version, and a list of topics, each with its partitions.
fn assigned(assignment: &[u8], topic: &str) -> Option<Vec<i32>> {
    let (_, rest) = assignment.split_first_chunk::<2>()?;
    let (topics, mut rest) = rest.split_first_chunk::<4>()?;
    let mut found = Vec::new();
    for _ in 0..u32::from_be_bytes(*topics) {
        let (name, behind) = split_name(rest)?;
        let (count, behind) = behind.split_first_chunk::<4>()?;
        let bytes = usize::try_from(u32::from_be_bytes(*count)).ok()?.checked_mul(4)?;
        let (partitions, behind) = behind.split_at_checked(bytes)?;
        if name == topic.as_bytes() {
            found.extend(partitions.as_chunks().0.iter().map(|&number| i32::from_be_bytes(number)));
        }
        rest = behind;
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::assigned;

    #[test]
    fn an_assignment_names_topics_and_their_partitions() {
        let assignment =
            b"\0\x01\0\0\0\x02\0\x01a\0\0\0\x01\0\0\0\x07\0\x03abc\0\0\0\x02\0\0\0\0\0\0\x01\x02\xff\xff\xff\xff";
        assert_eq!(assigned(assignment, "abc"), Some(vec![0, 258]));
        assert_eq!(assigned(assignment, "a"), Some(vec![7]));
        assert_eq!(assigned(assignment, "b"), Some(Vec::new()));
        for broken in [&assignment[..1], &assignment[..5], &assignment[..10], &assignment[..29], b""] {
            assert_eq!(assigned(broken, "abc"), None);
        }
    }
}
