//! How clients do, as their own statistics say: connections, round trips, what waits, what failed.

use std::collections::BTreeMap;
use std::sync::Arc;

use pipeline::{ClientHealth, Status};
use serde::Deserialize;
use tracing::debug;

/// Between two documents of a client; averages in it are of this time.
pub(crate) const STATISTICS_MS: &str = "10000";
/// A connection that works.
const UP: &str = "UP";
/// One that nobody has wanted yet, or that was closed as nobody used it.
const UNUSED: [&str; 2] = ["INIT", "NEVER_CONNECTED"];

/// The place where the clients of a worker tell how they do.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    status: Arc<Status>,
    /// The beginning of the clients' ids, which labels leave out.
    prefix: String,
}

impl Told {
    pub(crate) fn to(status: &Arc<Status>, prefix: String) -> Told {
        Told { status: Arc::clone(status), prefix }
    }

    /// Takes a document of a client.
    pub(crate) fn take(&self, document: &[u8]) {
        match read(document) {
            Ok((id, health)) => self.status.client(id.strip_prefix(&self.prefix).unwrap_or(&id), health),
            Err(error) => debug!(%error, "a client's statistics are not understood"),
        }
    }
}

/// The part of the document that is looked at.
#[derive(Deserialize)]
struct Statistics {
    client_id: String,
    #[serde(default)]
    msg_cnt: u64,
    brokers: BTreeMap<String, Broker>,
}

#[derive(Deserialize)]
struct Broker {
    state: String,
    txerrs: u64,
    rxerrs: u64,
    req_timeouts: u64,
    rtt: Window,
    int_latency: Window,
    throttle: Window,
}

/// The measurements since the document before.
#[derive(Deserialize)]
struct Window {
    p99: i64,
    max: i64,
}

fn read(document: &[u8]) -> Result<(String, ClientHealth), serde_json::Error> {
    let Statistics { client_id, msg_cnt, brokers } = serde_json::from_slice(document)?;
    let brokers = || brokers.values();
    let states = |is: fn(&str) -> bool| brokers().filter(|broker| is(&broker.state)).count() as u64;
    let worst =
        |of: fn(&Broker) -> i64| brokers().map(of).max().and_then(|worst| u64::try_from(worst).ok()).unwrap_or(0);
    let health = ClientHealth {
        up: states(|state| state == UP),
        down: states(|state| state != UP && !UNUSED.contains(&state)),
        round_trip_us: worst(|broker| broker.rtt.p99),
        wait_us: worst(|broker| broker.int_latency.p99),
        throttle_ms: worst(|broker| broker.throttle.max),
        queued: msg_cnt,
        errors: brokers().map(|broker| broker.txerrs + broker.rxerrs + broker.req_timeouts).sum(),
    };
    Ok((client_id, health))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// As librdkafka writes it, without what is not looked at.
    fn document(state: &str, errors: u64) -> String {
        let window =
            |p99: i64| format!(r#"{{"min":1,"max":{},"avg":2,"sum":3,"cnt":4,"p99":{p99},"outofrange":0}}"#, p99 + 7);
        let broker = |state: &str, rtt: i64| {
            format!(
                r#"{{"name":"b","nodeid":1,"state":"{state}","txerrs":{errors},"rxerrs":1,"req_timeouts":2,"rtt":{},"int_latency":{},"throttle":{}}}"#,
                window(rtt),
                window(500),
                window(20)
            )
        };
        format!(
            r#"{{"name":"rdkafka#producer-1","client_id":"clout-vm-0-output","type":"producer","msg_cnt":12,"brokers":{{"a":{},"b":{},"c":{}}},"topics":{{}}}}"#,
            broker("UP", 900),
            broker(state, 4_000),
            broker("INIT", 0)
        )
    }

    #[test]
    fn the_slowest_broker_counts_and_one_that_nobody_wants_does_not() {
        let (id, health) = read(document("CONNECT", 0).as_bytes()).unwrap();
        let expected =
            ClientHealth { up: 1, down: 1, round_trip_us: 4_000, wait_us: 500, throttle_ms: 27, queued: 12, errors: 9 };
        assert_eq!((id.as_str(), health), ("clout-vm-0-output", expected));
        assert!(read(b"{}").is_err() && read(b"").is_err());
    }

    #[test]
    fn a_client_that_is_made_anew_counts_on() {
        let status = Arc::new(Status::new(1));
        let told = Told::to(&status, "clout-vm-".to_owned());
        // 3 brokers, each with 3 beside: 9, 15, and from the beginning again 9.
        for errors in [0, 2, 0] {
            told.take(document("UP", errors).as_bytes());
        }
        told.take(b"no document");
        let clients = status.clients();
        assert_eq!(
            clients.iter().map(|(name, health)| (name.as_str(), health.up, health.errors)).collect::<Vec<_>>(),
            [("0-output", 2, 24)]
        );
    }
}
