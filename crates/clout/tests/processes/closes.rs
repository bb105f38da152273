//! Daily closes of an application that is killed whenever it tells some: none is lost, none comes twice, and each is as of the
//! end of its day.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use oracle::{Act, Kind};
use rdkafka::message::Message;
use rdkafka::topic_partition_list::Offset;
use testbroker::Broker;
use wire::{Close, decode_close};

use super::{BEGUN, CLIENT, ENDING};
use crate::cluster::{Dice, Options, Scene, wait_until};

const DAY_MS: i64 = 86_400_000;
/// Midnight of 2020-01-01.
const BEGIN: i64 = 1_577_836_800_000;
const DAYS: usize = 30;
const ACTS_A_DAY: usize = 300;
const KILLS: usize = 5;
const CLOSES: &[&str] = &["--history-closes", "true"];

#[test]
fn killed_while_it_tells_closes_it_loses_none_and_doubles_none() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let options =
        Options { partitions: 1, client: CLIENT, checkpoint_every: "300ms", epoch: "5ms", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let history = format!("{}-history", scene.id);
    let ran = scene.start_with("a", 1, CLOSES).wait(BEGUN);
    assert!(ran.code == Some(2) && ran.stderr.contains(&history), "without the topic: {}", ran.stderr);
    scene.create(&history);
    let witness = scene.witness();

    let users: Vec<String> = (0..60).map(|number| format!("u{number}")).collect();
    let acts: Vec<Act<'_>> = (0..DAYS * ACTS_A_DAY)
        .map(|place| Act {
            actor: &users[place * 7 % 60],
            // Fewer and fewer are acted upon, so that some scores only age.
            target: &users[(place * place + place / 60) % (60 - place / 200)],
            kind: Kind::Retweet,
            at_ms: BEGIN + (place as i64 * DAY_MS) / ACTS_A_DAY as i64 + 1,
        })
        .filter(|act| act.actor != act.target)
        .collect();
    let mut dice = Dice::new(7);
    // The topic is known everywhere once somebody has committed.
    let told = || match witness.seen().sequences().is_empty() {
        true => 0,
        false => scene.admin().ends(&history, 1, false)[0],
    };
    for acts in acts.chunks(acts.len() / KILLS + 1) {
        let before = told();
        let mut member = scene.start_with("a", 1, CLOSES);
        thread::scope(|scope| {
            scope.spawn(|| scene.feeder().feed(acts, 3_000));
            wait_until("days are closed", BEGUN, || {
                member.check();
                told() > before
            });
            thread::sleep(dice.millis(0..150));
            member.kill();
        });
    }
    let mut member = scene.start_with("a", 1, CLOSES);
    scene.drain(&witness, &mut [&mut member]);
    member.terminate(ENDING);

    let mut closes: Vec<Close> = Vec::new();
    scene.admin().read(&history, &[Offset::Beginning], |record| {
        let close = decode_close(record.payload().expect("nobody is erased")).expect("a close");
        assert_eq!(record.key(), Some(close.user.as_bytes()));
        closes.push(close);
    });
    check(&closes, &acts);
}

fn check(closes: &[Close], acts: &[Act<'_>]) {
    let days: BTreeSet<i64> = closes.iter().map(|close| close.day - BEGIN / DAY_MS).collect();
    assert_eq!(days, (0..DAYS as i64 - 1).collect(), "each day that has ended, and not the last one");
    assert!(closes.windows(2).all(|pair| pair[0].day <= pair[1].day), "day after day");
    let mut last: BTreeMap<&str, &Close> = BTreeMap::new();
    for close in closes {
        let Close { user, day, score, .. } = close;
        let ends = (day + 1) * DAY_MS;
        assert_eq!(score.as_of, ends);
        let received = acts.iter().filter(|act| act.target == user && act.at_ms < ends).count();
        assert_eq!(score.received.of(vocabulary::Kind::Retweet), received as u64, "{user} on day {day}");
        let before = last.insert(user, close);
        assert!(before.is_none_or(|before| before.day < *day), "{user} is closed twice on day {day}");
        let kept = before.map(|before| (f64::from(before.score.score as f32) * 1e4).round() / 1e4);
        assert_eq!(score.previous, kept, "{user} on day {day}: the close before is missing");
    }
    // Whoever was acted upon on the first day has a close of it.
    let first: BTreeSet<&str> =
        closes.iter().filter(|close| close.day == BEGIN / DAY_MS).map(|close| close.user.as_str()).collect();
    let acted_on = acts.iter().filter(|act| act.at_ms < BEGIN + DAY_MS).map(|act| act.target);
    assert_eq!(first, acted_on.collect());
    assert!(closes.len() < (DAYS - 1) * 60, "who has not moved has no close: {}", closes.len());
}
