//! The same seed gives the same events, on every machine and for ever. A digest that changes here breaks the
//! comparison of benchmarks across versions and every failing seed on record: change the code, not the digest.

#![allow(clippy::unwrap_used)]

use expect_test::{Expect, expect};
use vocabulary::{Event, Kind};
use worlds::{Arrival, Farm, Mix, SmallWorld, World};

/// FNV-1a over all fields; strings with their length.
struct Digest(u64);

impl Digest {
    fn new() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn event(&mut self, event: Event<'_>) {
        for name in [event.actor, event.target] {
            self.bytes(&name.len().to_le_bytes());
            self.bytes(name.as_bytes());
        }
        self.bytes(&[event.kind as u8]);
        self.bytes(&event.at.to_le_bytes());
    }
}

fn everything() -> World {
    World {
        seed: 4711,
        users: 1000,
        events: 10_000,
        mix: Mix::none().with(Kind::Retweet, 1.0).with(Kind::Mention, 2.0).with(Kind::Reply, 3.0),
        conversations: 0.3,
        follows: 0.2,
        self_acts: 0.05,
        bursts: 3,
        out_of_order: 0.1,
        name_prefix: "twitter:".to_owned(),
        ..World::default()
    }
}

fn check(world: &World, farms: &[Farm], expected: Expect) {
    let during = world.start..world.start + world.span_ms;
    let attacks = farms.iter().zip(0..).map(|(farm, number)| farm.attack(number, during.clone(), world.seed).unwrap());
    let mut events = world.events_with(attacks.collect()).unwrap();
    let mut digest = Digest::new();
    for _ in 0..10_000 {
        digest.event(events.next_event().unwrap());
    }
    expected.assert_eq(&format!("{:016x}", digest.0));
}

#[test]
fn the_first_ten_thousand_events_are_for_ever() {
    check(&World::default(), &[], expect!["a0d3496c901b84b1"]);
    check(&World { seed: 2, ..World::default() }, &[], expect!["58ae6ad4bc683872"]);
    check(&World::reference(), &[], expect!["d07799250f96bb8a"]);
    check(&everything(), &[], expect!["b94b556bf8b45971"]);
    check(&everything(), &Farm::ALL[..6], expect!["008762f805523b83"]);
    check(&everything(), &Farm::ALL[6..], expect!["0fd8a6c1733273b3"]);
}

#[test]
fn small_worlds_are_for_ever() {
    let small = SmallWorld {
        seed: 4711,
        users: 50,
        events: 5000,
        start: 0,
        span_ms: 50_000,
        window_ms: 10_000,
        has_blocks: false,
    };
    let names = small.names();
    let mut digest = Digest::new();
    for arrival in small.arrivals() {
        match arrival {
            Arrival::Act(act) => digest.event(act.named(&names)),
            Arrival::Profile(change) => {
                let profile = change.named(&names);
                digest.bytes(profile.user.as_bytes());
                digest.bytes(&[profile.opted_out.map_or(2, u8::from)]);
                digest.bytes(&profile.trust.unwrap_or(-1.0).to_bits().to_le_bytes());
            }
        }
    }
    expect!["0a61204e25d6f3b5"].assert_eq(&format!("{:016x}", digest.0));
}

/// Written down in full, for when a digest is in doubt.
#[test]
fn the_first_events_of_a_world() {
    let mut events = everything().events().unwrap();
    let mut text = String::new();
    for _ in 0..8 {
        let Event { actor, target, kind, at } = events.next_event().unwrap();
        text.push_str(&format!("{at} {actor} {kind:?} {target}\n"));
    }
    expect![[r#"
        1735689842464 twitter:292 Follow twitter:846
        1735690062799 twitter:258 Reply twitter:258
        1735690171310 twitter:292 Unfollow twitter:846
        1735690578881 twitter:137 Mention twitter:570
        1735690673187 twitter:542 Retweet twitter:60
        1735690721014 twitter:60 Reply twitter:542
        1735691243820 twitter:850 Retweet twitter:850
        1735691508881 twitter:428 Reply twitter:819
    "#]]
    .assert_eq(&text);
}
