//! Three processes that are killed and started again in any order.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use testbroker::Broker;

use super::{BEGUN, CLIENT, ENDING, SESSION, while_fed};
use crate::cluster::{Dice, Events, Member, Options, Scene, Witness, wait_until};

/// Every shard is live so soon after the last start, beyond the session timeout.
const REST: Duration = Duration::from_secs(5);
/// For the processes to be back, of which the bound is looked at afterwards.
const BACK: Duration = Duration::from_secs(90);
const FOLDERS: [&str; 3] = ["one", "two", "three"];
const ROUNDS: u64 = 4;

/// Three processes of one command line, and somebody who feeds them all the time.
struct Trio<'a> {
    scene: &'a Scene,
    witness: &'a Witness,
    members: Vec<Option<Member>>,
    /// What a start takes on this machine while nobody is dead.
    start: Duration,
}

impl<'a> Trio<'a> {
    fn start(scene: &'a Scene, witness: &'a Witness) -> Trio<'a> {
        let members = FOLDERS.iter().map(|folder| Some(scene.start_in(folder, &[]))).collect();
        let mut trio = Trio { scene, witness, members, start: Duration::ZERO };
        trio.start = trio.are_live();
        trio
    }

    fn kill(&mut self, process: usize) {
        self.members[process].take().expect("it runs").kill();
    }

    fn restart(&mut self, process: usize) -> &Member {
        self.members[process].insert(self.scene.start_in(FOLDERS[process], &[]))
    }

    /// Waits until each process has a part of the shards, and each shard goes on; how long that took.
    fn are_live(&mut self) -> Duration {
        let began = Instant::now();
        let mut before = None;
        wait_until("every process works, and every shard goes on", BACK, || {
            self.members.iter_mut().flatten().for_each(Member::check);
            let partitions = usize::from(self.scene.partitions);
            let has: Vec<_> = self.members.iter().flatten().map(|member| shards(&member.told_itself())).collect();
            let now = self.witness.seen().sequences();
            if has.iter().any(Vec::is_empty) || has.concat().len() != partitions || now.len() != partitions {
                return false;
            }
            let before = before.get_or_insert_with(|| now.clone());
            now.iter().all(|(shard, sequence)| sequence > &before[shard])
        });
        began.elapsed()
    }

    /// The same, within a time beyond so many session timeouts that holds on any machine that starts processes in time.
    fn are_live_after(&mut self, timeouts: u32, what: &str) {
        let took = self.are_live();
        eprintln!("{what}: all live after {} ms, the first start took {} ms", took.as_millis(), self.start.as_millis());
        let bound = SESSION * timeouts + REST.max(2 * self.start);
        assert!(took <= bound, "{what}: {took:?}, and not {bound:?}");
    }
}

/// The shards that a process has, as it has told last.
fn shards(told: &str) -> Vec<u16> {
    let list = |line: &str| {
        let (_, list) = line.split_once(" has shards ").or_else(|| line.split_once(" is live: shards "))?;
        let list = list.split(" slices=").next()?;
        // "2-3, and no longer 0-1".
        list.split(", and no longer ").next().map(str::to_owned)
    };
    let last = told
        .lines()
        .rfind(|line| line.contains(" has shards ") || line.contains(" has no shards") || line.contains(" is live: "));
    let list = last.and_then(list).unwrap_or_default();
    let number = |text: &str| text.parse::<u16>().expect("a shard");
    let range = |range: &str| match range.split_once('-') {
        Some((first, last)) => number(first)..=number(last),
        None => number(range)..=number(range),
    };
    list.split(", ").filter(|part| !part.is_empty()).flat_map(range).collect()
}

/// The same numbers in an order of the dice.
fn shuffled(dice: &mut Dice, mut numbers: Vec<usize>) -> Vec<usize> {
    (1..numbers.len()).rev().for_each(|last| numbers.swap(last, dice.roll(last as u64 + 1) as usize));
    numbers
}

/// Does this to three processes that are fed.
fn with_three(act: impl FnOnce(&mut Trio<'_>)) {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let events = Events::generated(60_000, 300);
    let acts = events.acts();
    let options = Options { client: CLIENT, checkpoint_every: "1s", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let witness = scene.witness();
    while_fed(&scene, &acts, 200, || {
        let mut trio = Trio::start(&scene, &witness);
        act(&mut trio);
        Member::terminate_all(trio.members.into_iter().flatten().collect(), ENDING);
    });
    assert!(witness.seen().wrong.is_empty(), "a subscriber saw what must not be: {:#?}", witness.seen().wrong);
}

#[test]
fn three_processes_killed_and_restarted_in_any_order_are_live_soon() {
    with_three(|trio| {
        let mut dice = Dice::new(7);
        for round in 0..ROUNDS {
            let mut chosen = shuffled(&mut dice, (0..FOLDERS.len()).collect());
            chosen.truncate(1 + dice.roll(3) as usize);
            for &process in &chosen {
                trio.kill(process);
                thread::sleep(dice.millis(0..300));
            }
            for process in shuffled(&mut dice, chosen.clone()) {
                thread::sleep(dice.millis(0..300));
                trio.restart(process);
            }
            trio.are_live_after(1, &format!("round {round}, {chosen:?} killed"));
        }
    });
}

/// Nobody waits for a member that is there again under its name, not even for one that had not come in yet.
#[test]
fn a_process_killed_while_it_joins_takes_its_place_when_it_is_started_again() {
    with_three(|trio| {
        for round in 0..ROUNDS {
            trio.kill(0);
            let joining = trio.restart(0);
            wait_until("it joins", BEGUN, || joining.told_itself().contains("joined the group"));
            trio.kill(0);
            trio.restart(0);
            trio.are_live_after(1, &format!("round {round}, killed while it joined"));
        }
    });
}

/// One that stays in the group after its end is waited for, by all who come, for a session timeout.
#[test]
fn a_process_that_is_stopped_while_it_joins_leaves_the_group() {
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let client = &[("session.timeout.ms", "60000"), ("heartbeat.interval.ms", "1000")];
    let scene = Scene::new(broker.brokers(), &Options { client, ..Options::default() });
    for _ in 0..4 {
        let joining = scene.start_in("one", &[]);
        wait_until("it joins", BEGUN, || joining.told_itself().contains("joined the group"));
        joining.terminate(ENDING);
    }
    let last = scene.start_in("one", &[]);
    let began = Instant::now();
    wait_until("it is live", BEGUN, || last.told_itself().contains(" is live: shards "));
    let took = began.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}: it waited for somebody who is gone");
    last.terminate(ENDING);
}

/// It takes the place of the one that was: nobody has to be missed before, and what that one left open is ended.
#[test]
fn a_process_that_is_killed_and_started_again_goes_on_before_it_could_be_missed() {
    const MISSED_AFTER: Duration = Duration::from_secs(60);
    let _room = crate::works();
    let Some(broker) = Broker::shared() else { return };
    let client = &[("session.timeout.ms", "60000"), ("heartbeat.interval.ms", "1000")];
    let scene = Scene::new(broker.brokers(), &Options { client, ..Options::default() });
    let (events, witness) = (Events::generated(60_000, 300), scene.witness());
    while_fed(&scene, &events.acts(), 500, || {
        let start = || scene.start_in("one", &["--workers", "2"]);
        let mut member = start();
        let go_on = |before: &BTreeMap<u16, u64>| {
            let now = witness.seen().sequences();
            now.len() == usize::from(scene.partitions)
                && now.iter().all(|(shard, sequence)| before.get(shard).is_none_or(|before| sequence > before))
        };
        wait_until("every shard has begun", BEGUN, || go_on(&BTreeMap::new()));
        for round in 0..3 {
            let before = witness.seen().sequences();
            member.kill();
            let began = Instant::now();
            member = start();
            wait_until("every shard goes on", BEGUN, || go_on(&before));
            let took = began.elapsed();
            eprintln!("round {round}: every shard goes on after {} ms", took.as_millis());
            assert!(took < MISSED_AFTER / 2, "{took:?}: it waited for itself");
        }
        member.terminate(ENDING);
    });
    assert!(witness.seen().wrong.is_empty(), "a subscriber saw what must not be: {:#?}", witness.seen().wrong);
}
