//! Three workers in two processes, four partitions, a real log fed while everything breaks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use oracle::Act;
use testbroker::Broker;

use crate::cluster::{Dice, Events, Expected, Feeder, Member, Options, Scene, Witness, verify, wait_until};

/// A member that is silent for so long is taken for dead.
const SESSION_MS: u64 = 3_000;
const CLIENT: &[(&str, &str)] = &[("session.timeout.ms", "3000"), ("heartbeat.interval.ms", "500")];
/// After whatever was done, every shard goes on within this time.
const RECOVERY: Duration = Duration::from_secs(90);
/// A process that is asked to end does so within this time while the brokers answer.
const ENDING: Duration = Duration::from_secs(10);
/// The same while they do not.
const ENDING_ALONE: Duration = Duration::from_secs(60);
/// Processes that come and go by their names, each with its workers.
const PROCESSES: [(&str, usize); 3] = [("a", 2), ("b", 1), ("c", 1)];

/// What is done, and undone after a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A process is killed, and started again.
    Kill(usize),
    /// A process stands still until the group has taken it for dead, and goes on.
    Freeze(usize),
    /// A process is asked to end, and started again.
    Terminate(usize),
    /// A third process joins, and leaves.
    Grow,
    /// The broker is killed, and started again.
    BrokerKill,
    /// The broker stands still for so many seconds, and goes on.
    BrokerPause(u64),
}

const ALONE: [Fault; 9] = [
    Fault::Kill(0),
    Fault::Kill(1),
    Fault::Freeze(0),
    Fault::Freeze(1),
    Fault::Grow,
    Fault::Terminate(0),
    Fault::Terminate(1),
    Fault::BrokerKill,
    Fault::BrokerPause(5),
];

impl Fault {
    fn any(dice: &mut Dice, pause_secs_max: u64) -> Fault {
        match dice.roll(11) {
            0..=3 => Fault::Kill(dice.roll(2) as usize),
            4..=5 => Fault::Freeze(dice.roll(2) as usize),
            6 => Fault::Terminate(dice.roll(2) as usize),
            7 => Fault::Grow,
            8 => Fault::BrokerPause(1 + dice.roll(pause_secs_max)),
            _ => Fault::BrokerKill,
        }
    }

    /// Whether the one can happen while the other lasts.
    fn goes_with(self, other: Fault) -> bool {
        let process = |fault| match fault {
            Fault::Kill(process) | Fault::Freeze(process) | Fault::Terminate(process) => Some(process),
            Fault::Grow => Some(2),
            Fault::BrokerKill | Fault::BrokerPause(_) => None,
        };
        process(self) != process(other)
    }
}

/// Everything that can be broken.
struct Stage<'a> {
    scene: &'a Scene,
    broker: &'a mut Broker,
    witness: &'a Witness,
    members: BTreeMap<usize, Member>,
    dice: Dice,
    is_broker_up: bool,
}

impl Stage<'_> {
    fn start(&mut self, process: usize) {
        let (name, workers) = PROCESSES[process];
        self.members.insert(process, self.scene.start(name, workers));
    }

    fn take(&mut self, process: usize) -> Member {
        self.members.remove(&process).expect("it was started")
    }

    fn terminate(&mut self, process: usize) {
        let member = self.take(process);
        if self.is_broker_up {
            let took = member.terminate(ENDING);
            return eprintln!("  {} ends within {} ms", PROCESSES[process].0, took.as_millis());
        }
        // Without brokers it may have to give up what it was about to commit, and says so.
        let ran = member.end(ENDING_ALONE);
        assert!(matches!(ran.code, Some(0 | 75)), "{:?}: {}", ran.code, ran.stderr);
        eprintln!("  {} ends without the broker, with {:?}", PROCESSES[process].0, ran.code);
    }

    fn begin(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(process) => self.take(process).kill(),
            Fault::Freeze(process) => self.members[&process].freeze(),
            Fault::Terminate(process) => self.terminate(process),
            Fault::Grow => self.start(2),
            Fault::BrokerKill => {
                self.broker.kill();
                self.is_broker_up = false;
            }
            Fault::BrokerPause(_) => {
                self.broker.pause();
                self.is_broker_up = false;
            }
        }
    }

    /// For how long it lasts.
    fn last(&mut self, fault: Fault) {
        thread::sleep(match fault {
            Fault::Freeze(_) => Duration::from_millis(SESSION_MS) + self.dice.millis(500..2_000),
            Fault::BrokerPause(secs) => Duration::from_secs(secs),
            Fault::Grow => self.dice.millis(1_000..5_000),
            _ => self.dice.millis(0..2_000),
        });
    }

    fn end(&mut self, fault: Fault) {
        match fault {
            Fault::Kill(process) | Fault::Terminate(process) => self.start(process),
            Fault::Freeze(process) => self.members[&process].thaw(),
            Fault::Grow => self.terminate(2),
            Fault::BrokerKill => {
                self.broker.start_again();
                self.is_broker_up = true;
            }
            Fault::BrokerPause(_) => {
                self.broker.go_on();
                self.is_broker_up = true;
            }
        }
    }

    /// One fault; another one may happen while it lasts.
    fn strike(&mut self, fault: Fault, within: Option<Fault>) {
        eprintln!("{fault:?}{}", within.map(|fault| format!(", and meanwhile {fault:?}")).unwrap_or_default());
        self.begin(fault);
        match within {
            Some(inner) => {
                self.begin(inner);
                self.last(inner);
                self.last(fault);
                self.end(inner);
            }
            None => self.last(fault),
        }
        self.end(fault);
    }

    /// Waits until every shard has gone on.
    fn recover(&mut self) {
        let before = self.witness.seen().sequences();
        let began = Instant::now();
        wait_until("every shard goes on", RECOVERY, || {
            self.members.values_mut().for_each(Member::check);
            let seen = self.witness.seen();
            assert!(seen.wrong.is_empty(), "a subscriber saw what must not be: {:#?}", seen.wrong);
            let now = seen.sequences();
            now.len() == usize::from(self.scene.partitions)
                && now.iter().all(|(shard, sequence)| *sequence > before.get(shard).copied().unwrap_or(0) + 2)
        });
        eprintln!("  goes on after {} ms", began.elapsed().as_millis());
    }

    /// Any faults, for so long.
    fn mix(&mut self, time: Duration, pause_secs_max: u64) {
        let until = Instant::now() + time;
        while Instant::now() < until {
            let fault = Fault::any(&mut self.dice, pause_secs_max);
            let other = Fault::any(&mut self.dice, pause_secs_max);
            let within = (self.dice.roll(3) == 0 && fault.goes_with(other)).then_some(other);
            self.strike(fault, within);
            if self.dice.roll(3) == 0 {
                self.recover();
            } else {
                thread::sleep(self.dice.millis(100..3_000));
            }
        }
        self.recover();
    }
}

/// How one run goes.
struct Plan {
    events: usize,
    per_second: usize,
    mixed: Duration,
    pause_secs_max: u64,
    seed: u64,
}

fn run(plan: &Plan) {
    let Some(events) = Events::higgs(plan.events) else { return };
    let Some(mut broker) = Broker::own(&[]) else { return };
    let acts = events.acts();
    let scene = Scene::new(broker.brokers(), &Options { client: CLIENT, ..Options::default() });
    let (witness, feeder) = (scene.witness(), scene.feeder());
    let mut stage = Stage {
        scene: &scene,
        broker: &mut broker,
        witness: &witness,
        members: BTreeMap::new(),
        dice: Dice::new(plan.seed),
        is_broker_up: true,
    };
    stage.start(0);
    stage.start(1);
    let (is_over, fed) = (AtomicBool::new(false), AtomicUsize::new(0));
    thread::scope(|scope| {
        scope.spawn(|| feed(&feeder, &acts, plan.per_second, &is_over, &fed));
        // Even if something goes wrong.
        let _over = Over(&is_over);
        stage.recover();
        for fault in ALONE {
            stage.strike(fault, None);
            stage.recover();
        }
        stage.mix(plan.mixed, plan.pause_secs_max);
        eprintln!("{} of {} events were fed meanwhile", fed.load(Relaxed), acts.len());
    });
    let mut members: Vec<Member> = std::mem::take(&mut stage.members).into_values().collect();
    scene.drain(&witness, &mut members.iter_mut().collect::<Vec<_>>());
    Member::terminate_all(members, ENDING);
    verify(&scene, &witness, &Expected { acts: &acts, refused: 0 });
}

/// Says that it is over, in any case.
pub(super) struct Over<'a>(pub(super) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// Feeds at a steady pace, and the rest at once when all is over.
pub(super) fn feed(feeder: &Feeder, acts: &[Act<'_>], per_second: usize, is_over: &AtomicBool, fed: &AtomicUsize) {
    let mut rest = acts;
    while !rest.is_empty() && !is_over.load(Relaxed) {
        let (piece, others) = rest.split_at(rest.len().min(per_second / 4 + 1));
        feeder.feed_and_count(piece, per_second, fed);
        rest = others;
    }
    feeder.feed_and_count(rest, usize::MAX, fed);
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

#[test]
fn each_fault_alone_and_then_mixed() {
    let _room = crate::works();
    let plan = Plan { events: 100_000, per_second: 800, mixed: Duration::from_secs(30), pause_secs_max: 5, seed: 1 };
    match number("CLOUT_CHAOS_SECONDS") {
        None => run(&plan),
        Some(secs) => run(&Plan {
            events: usize::MAX,
            per_second: (600_000 / secs.max(1)) as usize,
            mixed: Duration::from_secs(secs),
            pause_secs_max: 30,
            seed: number("CLOUT_CHAOS_SEED").unwrap_or(1),
        }),
    }
}
