//! Circles of a real log, held against a look at every edge: who gives most to each of the thousand highest, and how much all give.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use embedded::World;
use influence::{HashKey, Model};
use tempfile::TempDir;
use views::{Names, Source, Span};
use vocabulary::{Event, Kind};
use wire::{Credit, Credits, Rated};

const KEY: HashKey = HashKey::new([1, 2]);
const DAY_MS: i64 = 86_400_000;
const PEOPLE: usize = 1_000;
const PLACES: usize = 10;

/// Everybody has a name, so that all are compared.
#[derive(Debug)]
struct Everybody(HashMap<u64, String>);

impl Names for Everybody {
    fn key(&self, user: &str) -> Option<u64> {
        Some(KEY.user_key(user))
    }

    fn name(&self, key: u64) -> Option<String> {
        self.0.get(&key).cloned()
    }

    fn is_erased(&self, _key: u64) -> bool {
        false
    }
}

/// The log, or `None`, said aloud, where it is not there and need not be.
fn log() -> Option<String> {
    let root = std::env::var_os("CLOUT_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let Ok(file) = std::fs::File::open(root.join("higgs/higgs-activity_time.txt.gz")) else {
        assert!(std::env::var_os("CLOUT_DATA_REQUIRED").is_none(), "the log is not in {}", root.display());
        eprintln!("skipped: the Higgs log is not in {} (set CLOUT_DATA)", root.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a compressed text");
    Some(text)
}

#[test]
fn the_first_fans_are_those_of_a_full_look() {
    let Some(text) = log() else { return };
    let mut acts = oracle::snap::read(&text, oracle::Kind::Mention).expect("a log");
    acts.sort_by_key(|act| act.at_ms);
    let model = Model::with_half_life(10 * DAY_MS);
    let told: Arc<Mutex<(Vec<Credit>, Vec<Rated>)>> = Arc::default();
    let into = Arc::clone(&told);
    let mut world = World::with_credits(&model, KEY, 4, 1);
    world.observe(move |_, effects| {
        let mut told = into.lock().expect("nobody panics here");
        told.0.extend(effects.credits.iter().flatten());
        told.1.extend(&effects.rated);
    });
    for act in &acts {
        let kind = Kind::of_word(act.kind.word()).expect("a kind");
        world.event(&Event { actor: act.actor, target: act.target, kind, at: act.at_ms });
    }
    world.settle();
    let names = acts.iter().flat_map(|act| [act.actor, act.target]);
    let names = names.map(|name| (KEY.user_key(name), name.to_owned())).collect();

    let folder = TempDir::new().expect("a folder");
    let (closes, reader) = views::open(folder.path()).expect("the store works");
    let mut writer = closes.circles(Arc::new(Everybody(names))).expect("the store works");
    writer.begin(&Source { topic: "app-credits".into(), id: "one".into() }).expect("the store works");
    let (credits, rated) = std::mem::take(&mut *told.lock().expect("nobody panics here"));
    let (half_life_ms, window_ms, mut next) = (model.half_life_ms, model.window_ms, 0);
    for credits in credits.chunks(5_000) {
        next += 1;
        let record = Credits { half_life_ms, window_ms, credits: credits.to_vec(), rated: Vec::new() };
        writer.take(0, next, &record).expect("the store works");
        // Whatever comes between two transactions is one.
        if next % 3 == 0 {
            writer.commit().expect("the store works");
        }
    }
    writer
        .take(0, next + 1, &Credits { half_life_ms, window_ms, credits: Vec::new(), rated })
        .expect("the store works");
    writer.commit().expect("the store works");

    let mut ranking: Vec<(f64, &str)> = world.scores().map(|(name, score)| (score.influence, name)).collect();
    ranking.sort_by(|one, other| other.0.total_cmp(&one.0).then(one.1.cmp(other.1)));
    ranking.truncate(PEOPLE);
    let mut fans: HashMap<u64, Vec<(f64, u64)>> =
        ranking.iter().map(|(_, name)| (KEY.user_key(name), Vec::new())).collect();
    for shard in world.shards() {
        let rates: HashMap<u64, f64> = shard.names().map(|name| (shard.key(name), shard.rate(name))).collect();
        for pair in shard.pairs() {
            if let Some(fans) = fans.get_mut(&pair.target) {
                fans.push((pair.weight * rates[&pair.actor], pair.actor));
            }
        }
    }
    let (mut places, mut same, mut errors) = (0, 0, Vec::new());
    for (_, name) in &ranking {
        let circle = reader.circle(name, Span::Month).expect("the store works");
        let there = fans.get_mut(&KEY.user_key(name)).expect("it is there");
        there.sort_by(|one, other| other.0.total_cmp(&one.0));
        let sum: f64 = there.iter().map(|(votes, _)| votes).sum();
        let least = there.iter().take(PLACES).next_back().map_or(0.0, |(votes, _)| votes * 0.999);
        let votes: HashMap<u64, f64> = there.iter().map(|&(votes, fan)| (fan, votes)).collect();
        // Of those who give as much as the tenth any are right.
        let is_first = |part: &&views::Part| votes.get(&KEY.user_key(&part.user)).is_some_and(|votes| *votes >= least);
        places += there.len().min(PLACES);
        same += circle.fans.iter().take(PLACES).filter(is_first).count();
        errors.push((circle.fans_total / sum - 1.0).abs());
    }
    errors.sort_by(f64::total_cmp);
    eprintln!(
        "{same} of {places} places; sums off by {:.5} in the median, {:.5} at 99 %, {:.5} at most",
        errors[errors.len() / 2],
        errors[errors.len() * 99 / 100],
        errors[errors.len() - 1]
    );
    assert!(10 * same >= 9 * places, "{same} of {places}");
    assert!(errors[errors.len() - 1] <= 0.05, "{}", errors[errors.len() - 1]);
}
