//! A broker starts, is killed, starts again where it was, and leaves nothing behind.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use testbroker::Broker;

fn listens(brokers: &str) -> bool {
    let address: SocketAddr = brokers.parse().expect("an address of this machine");
    TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_ok()
}

#[test]
fn a_broker_is_killed_and_starts_again_where_it_was() {
    let Some(mut broker) = Broker::own(&[]) else { return };
    let brokers = broker.brokers().to_owned();
    assert!(listens(&brokers));
    broker.kill();
    assert!(!listens(&brokers));
    broker.start_again();
    assert!(listens(&brokers));
    broker.pause();
    broker.go_on();
    drop(broker);
    assert!(!listens(&brokers));
}
