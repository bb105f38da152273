//! The topic of what accounts are called: an application's own, compacted, and made by whoever writes to it first.

use kafka::{Admin, AdminError, Connection, names_of};

/// The topic, and its partitions.
#[derive(Clone, Debug)]
pub(crate) struct NamesTopic {
    pub(crate) topic: String,
    pub(crate) partitions: u16,
}

impl NamesTopic {
    /// Finds that of an application, and makes it if it is missing.
    ///
    /// # Errors
    /// If brokers do not answer, or refuse.
    pub(crate) fn find(admin: &Admin, application: &str) -> Result<NamesTopic, AdminError> {
        let topic = names_of(application);
        let found = admin.find_seen([topic.as_str()])?;
        let partitions = match found.get(&topic) {
            Some(found) => u16::try_from(found.partitions).unwrap_or(u16::MAX),
            None => {
                admin.create(&topic, 1, None, &[("cleanup.policy", "compact")])?;
                1
            }
        };
        Ok(NamesTopic { topic, partitions })
    }

    /// The same for somebody who can do without: why there is none is told.
    pub(crate) fn find_if_allowed(connection: &Connection, application: &str) -> Option<NamesTopic> {
        let found = Admin::connect(connection).and_then(|admin| NamesTopic::find(&admin, application));
        found.inspect_err(|error| eprintln!("note: what accounts are called is not written: {error}")).ok()
    }
}
