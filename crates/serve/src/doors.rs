//! Who is let in: connections and streams have a bound of all, and one for each address. A connection beyond them is a
//! guest: it gets one answer, and only about health or metrics. So whatever fills a server, probes see that it lives.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use crate::descriptors;
use crate::server::ServerOptions;

/// How long a guest may take to say what it wants,
pub(crate) const GUEST_HEAD_TIMEOUT: Duration = Duration::from_secs(2);
/// and how long it may stay.
pub(crate) const GUEST_STAY: Duration = Duration::from_secs(5);
/// Whoever has something to ask has asked it by then: nobody is cut before.
const GUEST_TURN: Duration = Duration::from_millis(50);
/// How soon a place is seen that became free.
const LOOK: Duration = Duration::from_millis(2);
/// Guests at once; for one more another one is cut.
const GUESTS: usize = 64;
/// One address gets this part of all, unless somebody says otherwise,
const SHARE_OF_PEER: usize = 8;
/// and at least as many as a browser takes.
const LEAST_OF_PEER: usize = 8;

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    Connection,
    Stream,
}

/// How many there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Bound {
    all: usize,
    peer: usize,
}

/// The bounds of a server; they fit the open files that the system grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    connections: Bound,
    streams: Bound,
    pub(crate) guests: usize,
}

impl Bounds {
    /// As near to what is wanted as the system allows.
    pub(crate) fn granted(options: &ServerOptions) -> Bounds {
        Bounds::within(descriptors::connections(options.connections_max.saturating_add(GUESTS)), options)
    }

    fn within(granted: usize, options: &ServerOptions) -> Bounds {
        // Where there is room for few, guests get a quarter of it.
        let guests = GUESTS.min(granted / 4).max(1);
        let connections = options.connections_max.min(granted.saturating_sub(guests)).max(1);
        let streams = options.streams_max.min(connections / 2).max(1);
        let bound = |all: usize, peer: Option<usize>| {
            let share = (all / SHARE_OF_PEER).max(LEAST_OF_PEER);
            Bound { all, peer: peer.unwrap_or(share).min(all) }
        };
        Bounds {
            connections: bound(connections, options.peer_connections_max),
            streams: bound(streams, options.peer_streams_max),
            guests,
        }
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.all
    }

    fn of(&self, thing: Thing) -> Bound {
        match thing {
            Thing::Connection => self.connections,
            Thing::Stream => self.streams,
        }
    }
}

/// Who asks: an address or, as whoever has one address of IPv6 has a whole network of them, its /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    pub(crate) fn of(address: IpAddr) -> Peer {
        Peer(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address => address,
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => address.fmt(f),
            IpAddr::V6(network) => write!(f, "{network}/64"),
        }
    }
}

/// Why one more is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There are as many as there may be.
    All,
    /// The address has as many as one may have.
    Peer,
}

/// Counts who is in.
#[derive(Debug)]
pub(crate) struct Doors {
    bounds: Bounds,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    all: [usize; 2],
    peers: HashMap<Peer, [usize; 2]>,
}

/// Something that was let in; it is out when this is dropped.
#[derive(Debug)]
pub(crate) struct Pass {
    doors: Arc<Doors>,
    thing: Thing,
    peer: Peer,
}

impl Doors {
    pub(crate) fn new(bounds: Bounds) -> Arc<Doors> {
        Arc::new(Doors { bounds, counts: Mutex::default() })
    }

    pub(crate) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Lets one in, if there is room.
    pub(crate) fn enter(self: &Arc<Self>, thing: Thing, peer: Peer) -> Result<Pass, Full> {
        let bound = self.bounds.of(thing);
        let mut counts = self.counts.lock();
        let of_peer = counts.peers.get(&peer).map_or(0, |counts| counts[thing as usize]);
        if counts.all[thing as usize] >= bound.all {
            return Err(Full::All);
        }
        if of_peer >= bound.peer {
            return Err(Full::Peer);
        }
        counts.all[thing as usize] += 1;
        counts.peers.entry(peer).or_default()[thing as usize] += 1;
        Ok(Pass { doors: Arc::clone(self), thing, peer })
    }

    /// How many are in.
    pub(crate) fn count(&self, thing: Thing) -> usize {
        self.counts.lock().all[thing as usize]
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut counts = self.doors.counts.lock();
        counts.all[self.thing as usize] -= 1;
        if let Some(of_peer) = counts.peers.get_mut(&self.peer) {
            of_peer[self.thing as usize] -= 1;
            if *of_peer == [0; 2] {
                counts.peers.remove(&self.peer);
            }
        }
    }
}

/// Whose connection a request came by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    pub(crate) peer: Peer,
    /// Why it is only a guest.
    pub(crate) guest: Option<Full>,
}

/// The connections of guests, the first one first.
#[derive(Debug)]
pub(crate) struct Guests {
    max: usize,
    guests: VecDeque<Guest>,
}

#[derive(Debug)]
struct Guest {
    peer: Peer,
    since: Instant,
    connection: AbortHandle,
}

impl Guests {
    pub(crate) fn new(max: usize) -> Guests {
        Guests { max, guests: VecDeque::new() }
    }

    /// Waits for a place for one more. If nobody leaves, one is cut who had time to ask: the first of the address that has
    /// the most guests, so that a flood cuts its own.
    pub(crate) async fn make_room(&mut self) {
        loop {
            self.guests.retain(|guest| !guest.connection.is_finished());
            if self.guests.len() < self.max {
                return;
            }
            let place = self.first_of_most();
            if self.guests[place].since.elapsed() >= GUEST_TURN
                && let Some(guest) = self.guests.remove(place)
            {
                guest.connection.abort();
                return;
            }
            sleep(LOOK).await;
        }
    }

    pub(crate) fn take(&mut self, peer: Peer, connection: AbortHandle) {
        self.guests.push_back(Guest { peer, since: Instant::now(), connection });
    }

    fn first_of_most(&self) -> usize {
        let mut counts = HashMap::<Peer, usize>::new();
        for guest in &self.guests {
            *counts.entry(guest.peer).or_default() += 1;
        }
        let most = counts.values().copied().max().unwrap_or(0);
        self.guests.iter().position(|guest| counts[&guest.peer] == most).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_one_peer() {
        let peer = |text: &str| Peer::of(text.parse().unwrap());
        assert_eq!(peer("2001:db8:1:2::1"), peer("2001:db8:1:2:ffff:ffff:ffff:ffff"));
        assert_ne!(peer("2001:db8:1:2::1"), peer("2001:db8:1:3::1"));
        assert_ne!(peer("192.0.2.1"), peer("192.0.2.2"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }

    #[test]
    fn the_bounds_fit_each_other_and_what_is_granted() {
        let usual = Bounds::within(8_256, &ServerOptions::default());
        assert_eq!(usual.connections, Bound { all: 8_192, peer: 1_024 });
        assert_eq!(usual.streams, Bound { all: 2_048, peer: 256 });
        for granted in 1..3_000 {
            for options in [
                ServerOptions::default(),
                ServerOptions { peer_connections_max: Some(9_999), peer_streams_max: Some(1), ..Default::default() },
            ] {
                let Bounds { connections, streams, guests } = Bounds::within(granted, &options);
                assert!(connections.all + guests <= granted.max(2), "{granted}");
                assert!(streams.all <= connections.all.div_ceil(2), "{granted}");
                for bound in [connections, streams] {
                    assert!((1..=bound.all).contains(&bound.peer), "{granted}: {bound:?}");
                }
            }
        }
    }

    #[test]
    fn one_address_leaves_room_for_others() {
        let options = ServerOptions { connections_max: 32, ..ServerOptions::default() };
        let doors = Doors::new(Bounds::within(96, &options));
        let [greedy, other] = ["192.0.2.1", "192.0.2.2"].map(|address| Peer::of(address.parse().unwrap()));
        let enter = |peer| doors.enter(Thing::Connection, peer);
        let mut passes: Vec<Pass> = std::iter::repeat_with(|| enter(greedy)).map_while(Result::ok).collect();
        assert_eq!((passes.len(), enter(greedy).err()), (8, Some(Full::Peer)));
        assert!(enter(other).is_ok());
        passes.pop();
        assert!(enter(greedy).is_ok());
        passes.clear();
        assert_eq!(doors.count(Thing::Connection), 0);
        assert!(doors.counts.lock().peers.is_empty(), "who has gone is forgotten");
    }

    #[tokio::test]
    async fn a_flood_cuts_its_own() {
        let [flood, probe] = ["192.0.2.1", "192.0.2.2"].map(|address| Peer::of(address.parse().unwrap()));
        let silent = || tokio::spawn(std::future::pending::<()>());
        let mut guests = Guests::new(4);
        let asking = silent();
        guests.take(probe, asking.abort_handle());
        let mut knocking = Vec::new();
        for _ in 0..10 {
            guests.make_room().await;
            knocking.push(silent());
            guests.take(flood, knocking[knocking.len() - 1].abort_handle());
        }
        sleep(LOOK).await;
        assert!(!asking.is_finished());
        let left: Vec<bool> = knocking.iter().map(|knock| !knock.is_finished()).collect();
        assert_eq!(left, [false, false, false, false, false, false, false, true, true, true]);
        // Nobody is cut before they had time to ask.
        let began = Instant::now();
        guests.make_room().await;
        assert!(guests.guests.iter().all(|guest| guest.since <= began));
        assert!(knocking[6].is_finished() && guests.guests.len() == 3);
    }
}
