//! A server with so many users, while scores stream in: for a load generator, and to see what a user costs.
//!
//! `cargo run --release -p benches --bin serve -- [USERS] [UPDATES A SECOND] [SECONDS]`, and meanwhile
//! `wrk -t1 -c32 -d10 --latency -s benches/users.lua http://127.0.0.1:8080`
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use influence::{Received, Score};
use serve::{Server, ServerOptions, Update, View, ViewOptions};

/// What the system's allocator takes for a name of seven letters.
const NAME_BYTES: u64 = 32;
const TICK: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u32>());
    let mut number = |default| args.next().unwrap_or(Ok(default));
    let (users, updates_a_second, seconds) = (number(1_000_000)?, number(20_000)?, number(60)?);
    let before = resident_bytes();
    let view = Arc::new(View::new(ViewOptions::default()));
    let names: Vec<String> = (0..users).map(|user| format!("u{user:06}")).collect();
    let with_names = resident_bytes();
    let began = Instant::now();
    (0..users).for_each(|user| apply(&view, &names, user, 0));
    let took = began.elapsed();
    let bytes_a_user = (resident_bytes() - with_names) / u64::from(users);
    println!("{users} users in {took:.1?}: {:.0} thousand records/s", f64::from(users) / took.as_secs_f64() / 1e3);
    println!("{bytes_a_user} B a user, {} B without the name", bytes_a_user.saturating_sub(NAME_BYTES));
    view.caught_up();
    let server = Server::new(Arc::clone(&view), ServerOptions::default()).start()?;
    println!("{updates_a_second} updates/s for {seconds} s, at http://{}", server.address());
    let slowest = stream(&view, &names, updates_a_second, Duration::from_secs(seconds.into()));
    println!(
        "slowest 10 ms of updates took {slowest:.1?}; memory grew by {} MiB in all",
        (resident_bytes() - before) >> 20
    );
    server.stop();
    Ok(())
}

/// Applies so many updates a second.
fn stream(view: &View, names: &[String], updates_a_second: u32, time: Duration) -> Duration {
    let (began, mut done, mut slowest) = (Instant::now(), 0_u32, Duration::ZERO);
    while began.elapsed() < time {
        let tick = Instant::now();
        let due = (began.elapsed().as_secs_f64() * f64::from(updates_a_second)) as u32;
        (done..due).for_each(|update| apply(view, names, shuffled(update) % names.len() as u32, update + 1));
        done = due;
        slowest = slowest.max(tick.elapsed());
        thread::sleep(TICK.saturating_sub(tick.elapsed()));
    }
    println!("{:.0} updates/s were applied", f64::from(done) / began.elapsed().as_secs_f64());
    slowest
}

/// Most scores are low, as people's are.
fn apply(view: &View, names: &[String], user: u32, update: u32) {
    let part = f64::from(shuffled(user ^ update.wrapping_mul(0x9E37_79B9))) / f64::from(u32::MAX);
    let influence = 1000.0 * part.powi(8);
    let score = Score {
        score: 100.0 * influence.ln_1p() / 1000_f64.ln_1p(),
        influence,
        reach: influence,
        amplification: 1.0,
        network: 1.0,
        openness: 1.0,
        audience: 0.0,
        received: Received { mentions: 1, retweets: 2, replies: 3 },
        followers: 4,
        following: 5,
        percentile: 0.0,
        as_of: 1_700_000_000_000 + i64::from(update),
        scale: 1000.0,
        scale_version: 0,
        previous: Some(1.0),
    };
    view.apply(Update::Scored { user: &names[user as usize], score: &score, model_version: 1 });
}

fn shuffled(number: u32) -> u32 {
    let number = (number ^ (number >> 16)).wrapping_mul(0x7FEB_352D);
    let number = (number ^ (number >> 15)).wrapping_mul(0x846C_A68B);
    number ^ (number >> 16)
}

fn resident_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()).unwrap_or(0) * 1024
}
