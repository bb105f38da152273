//! The same state after a restart: from the newest checkpoints, from older ones, from damaged ones, from none. A restore
//! compares its digests with the journal's, slice by slice; that it is the same is also seen from outside: an application
//! at rest has nothing to say after it.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use oracle::Act;
use testbroker::Broker;

use crate::cluster::{Events, Expected, Member, Options, Scene, Witness, verify};

const ENDING: Duration = Duration::from_secs(15);
/// The witness reads what is there within this time.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// An application and what it has been fed so far.
struct Story<'a> {
    scene: &'a Scene,
    witness: Witness,
    acts: &'a [Act<'a>],
    fed: usize,
}

impl<'a> Story<'a> {
    fn new(scene: &'a Scene, acts: &'a [Act<'a>]) -> Story<'a> {
        Story { witness: scene.witness(), scene, acts, fed: 0 }
    }

    /// Feeds some more, or nothing.
    fn feed(&mut self, events: usize) {
        let piece = &self.acts[self.fed..self.fed + events];
        self.scene.feeder().feed(piece, usize::MAX);
        self.fed += events;
    }

    /// A process that works until it has nothing to do any more.
    fn work(&self) -> Member {
        let mut member = self.scene.start("a", 2);
        self.scene.drain(&self.witness, &mut [&mut member]);
        member
    }

    /// A process that has all to do again that is needed, and then nothing to say; what it told.
    fn work_without_news(&self) -> String {
        let scores = self.scores_in_the_end();
        let from = self.told_bytes();
        let quiet = self.witness.seen().sequences();
        let mut member = self.scene.start("a", 2);
        self.scene.advance(&self.witness, &quiet, &mut [&mut member]);
        let told = member.told()[from..].to_owned();
        member.terminate(ENDING);
        assert_eq!(self.witness.seen().scores, scores, "something else came out of the restored state: {told}");
        told
    }

    /// Scores that there are when nobody works: what the last process said at its end reaches the witness a moment later.
    fn scores_in_the_end(&self) -> usize {
        let mut seen = (self.witness.seen().scores, Instant::now());
        while seen.1.elapsed() < READ_WITHIN {
            thread::sleep(Duration::from_millis(100));
            let now = self.witness.seen().scores;
            if now != seen.0 {
                seen = (now, Instant::now());
            }
        }
        seen.0
    }

    fn told_bytes(&self) -> usize {
        fs::read_to_string(self.scene.told("a")).map_or(0, |text| text.len())
    }

    fn verify(&self) {
        verify(self.scene, &self.witness, &Expected { acts: &self.acts[..self.fed], refused: 0 });
    }
}

/// The checkpoints of each shard, the newest first.
fn checkpoints(scene: &Scene) -> Vec<Vec<PathBuf>> {
    let listed = |shard: u16| {
        let folder = scene.checkpoints().join(&scene.id).join(format!("shard-{shard:05}"));
        let entries = fs::read_dir(folder).into_iter().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        paths.reverse();
        paths
    };
    (0..scene.partitions).map(listed).collect()
}

/// Slices that were done again, as the restores tell.
fn repeated(told: &str) -> u64 {
    let slices = |line: &str| line.split_once("slices=")?.1.split_whitespace().next()?.parse::<u64>().ok();
    told.lines().filter_map(slices).sum()
}

#[test]
fn from_the_newest_checkpoints_from_older_ones_and_from_damaged_ones() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let events = Events::generated(12_000, 300);
    let acts = events.acts();
    let options = Options { checkpoint_every: "300ms", epoch: "5ms", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let mut story = Story::new(&scene, &acts);
    story.feed(4_000);
    story.work().terminate(ENDING);
    let told = story.work_without_news();
    assert_eq!(repeated(&told), 0, "an end in good order leaves nothing to do again: {told}");
    for newest in checkpoints(&scene) {
        assert_eq!(newest.len(), 2, "two are kept: {newest:?}");
        fs::remove_file(&newest[0]).expect("it was there");
    }
    let told = story.work_without_news();
    assert!(repeated(&told) > 0, "what is after the older checkpoints is done again: {told}");
    for newest in checkpoints(&scene) {
        let mut bytes = fs::read(&newest[0]).expect("it is there");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x10;
        fs::write(&newest[0], bytes).expect("it can be written");
    }
    let told = story.work_without_news();
    assert!(told.contains("checkpoint not used") && repeated(&told) > 0, "the ones before are taken: {told}");
    story.feed(4_000);
    story.work().terminate(ENDING);
    story.verify();
    for path in checkpoints(&scene).concat() {
        fs::write(path, b"nothing").expect("it can be written");
    }
    let ran = scene.start("a", 2).wait(Duration::from_secs(60));
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    for part in ["no checkpoint reaches it", "torn or corrupt", "put one back for sequence", "new application id"] {
        assert!(ran.stderr.contains(part), "{part}: {}", ran.stderr);
    }
}

#[test]
fn from_no_checkpoints_at_all() {
    let _room = crate::waits();
    let Some(broker) = Broker::shared() else { return };
    let events = Events::generated(12_000, 300);
    let acts = events.acts();
    let options = Options { checkpoint_every: "1h", epoch: "5ms", ..Options::default() };
    let scene = Scene::new(broker.brokers(), &options);
    let mut story = Story::new(&scene, &acts);
    story.feed(4_000);
    story.work().kill();
    // Of shards that went to the second worker there may be one.
    fs::remove_dir_all(scene.checkpoints()).expect("they are there");
    let epochs: u64 = story.witness.seen().sequences().values().sum();
    let told = story.work_without_news();
    assert!(repeated(&told) >= epochs, "all {epochs} are done again: {told}");
    fs::remove_dir_all(scene.checkpoints()).expect("they are there");
    story.feed(4_000);
    story.work().terminate(ENDING);
    story.verify();
}
