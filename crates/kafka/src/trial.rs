//! Whether this user may begin a transaction: one that is empty, and is aborted.

use std::time::Duration;

use rdkafka::producer::{BaseProducer, Producer};

use crate::admin::{AdminError, refused};
use crate::connection::Connection;

/// For one question.
const TIME: Duration = Duration::from_secs(15);

/// Begins a transaction under this id, and aborts it. Nothing is written; whoever has a transaction of this id open is fenced.
///
/// # Errors
/// What the brokers refuse.
pub fn try_transaction(connection: &Connection, transactional_id: &str) -> Result<(), AdminError> {
    let fixed = [("transactional.id", transactional_id.to_owned()), ("transaction.timeout.ms", "10000".to_owned())];
    let what = "a transaction cannot be begun";
    let producer: BaseProducer =
        connection.client_with([], fixed).create().map_err(|error| refused("cannot connect", error))?;
    let tried = producer.init_transactions(TIME).and_then(|()| producer.begin_transaction());
    tried.and_then(|()| producer.abort_transaction(TIME)).map_err(|error| refused(what, error))
}
