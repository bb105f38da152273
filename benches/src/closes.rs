//! The store of closes: how fast it is built from the messages of a topic, how large it is, and how soon somebody's chart is there.
//!
//! `cargo run --release -p benches --bin closes -- [PEOPLE] [DAYS] [SHARE THAT MOVES A DAY] [FOLDER]`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use views::{Reader, Source, Span, Writer};
use vocabulary::{Received, Score};

const DAY_MS: i64 = 86_400_000;
const BEGIN: i64 = 19_723;
const CHARTS: u64 = 2_000;

/// Numbers that look random.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// The parts of somebody's score; each wanders by itself.
#[derive(Clone, Copy)]
struct Person {
    factors: [f64; 5],
    audience: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, default: f64| args.get(place).map_or(Ok(default), |arg| arg.parse::<f64>());
    let (people, days, share) = (number(0, 1e6)? as usize, number(1, 365.0)? as i64, number(2, 0.25)?);
    let folder = args.get(3).map_or_else(|| std::env::temp_dir().join("clout-closes"), PathBuf::from);
    let _ = fs::remove_dir_all(&folder);
    let (mut writer, reader) = views::open(&folder)?;
    writer.begin(&Source { topic: "bench".to_owned(), id: "one".to_owned() })?;
    let mut numbers = Numbers(1);
    let mut world: Vec<Person> = (0..people).map(|_| born(&mut numbers)).collect();
    let (mut closes, mut took, mut merging, mut slowest) = (0, Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for day in 0..days {
        messages.clear();
        messages.extend(told(&mut world, &mut numbers, day, share));
        let began = Instant::now();
        for message in &messages {
            closes += 1;
            writer.close(0, closes, &wire::decode_close(message)?)?;
        }
        writer.commit()?;
        let tidied = Instant::now();
        while writer.tidy((BEGIN + day + 1) as i32, true)? {}
        (took, merging) = (took + began.elapsed(), merging + tidied.elapsed());
        slowest = slowest.max(began.elapsed());
    }
    let bytes = size(&folder)?;
    println!("{people} people, {days} days, {closes} closes");
    println!(
        "built in {took:.1?}, {merging:.1?} of it laying days together: {:.0} thousand closes/s; the slowest day {slowest:.1?}",
        closes as f64 / took.as_secs_f64() / 1e3
    );
    println!("{:.2} GB, {:.1} bytes a close", bytes as f64 / 1e9, bytes as f64 / closes as f64);
    println!("memory: {} MiB", resident_bytes()? >> 20);
    charts("charts", &reader, people, &mut numbers)?;
    drop_caches();
    charts("charts of a disk that was not read", &reader, people, &mut numbers)?;
    movers(&reader, people);
    drop((writer, reader));
    again(&folder)?;
    if args.get(3).is_none() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn born(numbers: &mut Numbers) -> Person {
    let mut factor = |low: f64, high: f64| low + (high - low) * numbers.next();
    let reach = factor(0.0, 6.0).exp();
    Person {
        factors: [reach, factor(0.3, 3.0), factor(0.5, 2.0), factor(0.2, 1.0), factor(0.2, 1.0)],
        audience: factor(0.0, 50.0),
    }
}

/// The messages of a day.
fn told(world: &mut [Person], numbers: &mut Numbers, day: i64, share: f64) -> Vec<Vec<u8>> {
    let scale = 1_000.0 + day as f64;
    let mut messages = Vec::new();
    for (place, person) in world.iter_mut().enumerate() {
        if day > 0 && numbers.next() >= share {
            continue;
        }
        for factor in person.factors.iter_mut().chain([&mut person.audience]) {
            *factor *= 0.98 + 0.04 * numbers.next();
        }
        let influence = person.factors.iter().product::<f64>() + person.audience;
        let [reach, amplification, network, openness, room] = person.factors;
        let score = Score {
            score: (100.0 * influence.ln_1p() / scale.ln_1p()).min(100.0),
            influence,
            reach,
            amplification,
            network,
            openness,
            room,
            audience: person.audience,
            received: Received::default(),
            followers: 10,
            following: 20,
            as_of: (BEGIN + day + 1) * DAY_MS,
            scale,
            scale_version: day as u64,
            previous: Some(50.0),
        };
        let mut message = Vec::new();
        wire::encode_close(&name(place), BEGIN + day, &score, 1, &mut message);
        messages.push(message);
    }
    messages
}

fn name(place: usize) -> String {
    format!("bluesky:did:plc:{place:024x}")
}

/// Measures how long the charts of people who are drawn at random take, and prints it.
fn charts(what: &str, reader: &Reader, people: usize, numbers: &mut Numbers) -> Result<(), Box<dyn Error>> {
    let (mut times, mut closes) = (Vec::new(), 0);
    for _ in 0..CHARTS {
        let person = name((numbers.next() * people as f64) as usize);
        let began = Instant::now();
        closes += reader.closes(&person)?.len() as u64;
        times.push(began.elapsed());
    }
    times.sort();
    let part = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    println!(
        "{what}: {} closes each, median {:.2?}, 99 % within {:.2?}, all within {:.2?}",
        closes / CHARTS,
        part(50),
        part(99),
        part(100)
    );
    Ok(())
}

fn movers(reader: &Reader, people: usize) {
    let names: Vec<String> = (0..people).map(name).collect();
    let began = Instant::now();
    let found = reader.bases(Span::Month, |base| names.iter().filter_map(|name| base(name)).count());
    println!("bases of {found} people in {:.0?}", began.elapsed());
}

fn again(folder: &Path) -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let (_writer, reader): (Writer, Reader) = views::open(folder)?;
    println!("opened again in {:.1?}, {} people", began.elapsed(), reader.progress().people);
    Ok(())
}

fn size(folder: &Path) -> Result<u64, Box<dyn Error>> {
    let sizes = fs::read_dir(folder)?.map(|file| Ok(file?.metadata()?.len()));
    sizes.sum::<Result<u64, std::io::Error>>().map_err(Into::into)
}

/// The system forgets what it has read of the disk, if this user may say so.
fn drop_caches() {
    if fs::write("/proc/sys/vm/drop_caches", "1").is_err() {
        println!("the system's memory of the disk cannot be emptied: what follows is as the line before");
    }
}

fn resident_bytes() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/statm")?;
    let pages: u64 = status.split(' ').nth(1).ok_or("no number of pages")?.parse()?;
    Ok(pages * 4_096)
}
