//! Credits of an application that is killed whenever it tells some: each act has one, none has two, and hashes tell people apart.

use std::collections::BTreeMap;
use std::thread;

use oracle::{Act, Kind};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use testbroker::Broker;
use wire::{Credit, decode_credits};

use super::{BEGUN, CLIENT, ENDING};
use crate::cluster::{Dice, Options, Scene, wait_until};

/// 2020-01-01.
const BEGIN: i64 = 1_577_836_800_000;
const ACTS: usize = 6_000;
const KILLS: usize = 5;
const PARTITIONS: u16 = 2;
const CREDITS: &[&str] = &["--output-credits", "true"];

#[test]
fn killed_while_it_tells_credits_it_loses_none_and_doubles_none() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let partitions = PARTITIONS;
    let options = Options { partitions, client: CLIENT, checkpoint_every: "300ms", epoch: "5ms", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let credits = format!("{}-credits", scene.id);
    let ran = scene.start_with("a", 1, CREDITS).wait(BEGUN);
    assert!(ran.code == Some(2) && ran.stderr.contains(&credits), "without the topic: {}", ran.stderr);
    scene.create(&credits);
    let witness = scene.witness();

    let users: Vec<String> = (0..60).map(|number| format!("u{number}")).collect();
    let acts: Vec<Act<'_>> = (0..ACTS)
        .map(|place| Act {
            actor: &users[place * 7 % 60],
            target: &users[(place * place + place / 60) % 60],
            kind: Kind::Retweet,
            // Each at a time of its own.
            at_ms: BEGIN + place as i64 * 1_000,
        })
        .filter(|act| act.actor != act.target)
        .collect();
    let mut dice = Dice::new(7);
    // The topic is known everywhere once somebody has committed.
    let told = || match witness.seen().sequences().is_empty() {
        true => 0,
        false => scene.admin().ends(&credits, PARTITIONS, false).iter().sum::<i64>(),
    };
    for acts in acts.chunks(acts.len() / KILLS + 1) {
        let before = told();
        let mut member = scene.start_with("a", 1, CREDITS);
        thread::scope(|scope| {
            scope.spawn(|| scene.feeder().feed(acts, 3_000));
            wait_until("credits are told", BEGUN, || {
                member.check();
                told() > before
            });
            thread::sleep(dice.millis(0..150));
            member.kill();
        });
    }
    let mut member = scene.start_with("a", 1, CREDITS);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(ENDING);

    let mut given: Vec<Credit> = Vec::new();
    scene.admin().read(&credits, &[Offset::Beginning; PARTITIONS as usize], |record| {
        let record = decode_credits(record.payload().expect("no tombstone")).expect("credits");
        given.extend(record.credits);
    });
    given.sort_by_key(|credit| credit.at);
    let (at, expected): (Vec<i64>, Vec<i64>) =
        (given.iter().map(|credit| credit.at).collect(), acts.iter().map(|act| act.at_ms).collect());
    assert!(at == expected, "{} credits of {} acts", at.len(), expected.len());
    let mut hashes: BTreeMap<&str, u64> = BTreeMap::new();
    for (credit, act) in given.iter().zip(&acts) {
        for (name, hash) in [(act.actor, credit.actor), (act.target, credit.target)] {
            assert_eq!(*hashes.entry(name).or_insert(hash), hash, "{name}");
        }
        assert!(credit.votes > 0.0 && credit.rate > 0.0 && credit.kind == vocabulary::Kind::Retweet, "{credit:?}");
    }
    let others: std::collections::BTreeSet<u64> = hashes.values().copied().collect();
    assert_eq!(others.len(), hashes.len(), "two people have one hash");
}
