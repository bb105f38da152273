//! A server with so many users, while scores stream in and readers watch: for a load generator, and to see what users and
//! readers cost.
//!
//! `cargo run --release -p benches --bin serve -- [USERS] [UPDATES A SECOND] [SECONDS] [READERS]`, and meanwhile
//! `wrk -t1 -c8 -d12 -R10000 --latency -s benches/users.lua http://127.0.0.1:8080` (wrk2, which holds a rate) or
//! with `KLOUT_KEYS=FILE` before the first and `benches/klout.lua` in the second, Klout's API; or
//! `vegeta attack -rate 1000 -duration 12s` of `GET http://127.0.0.1:8080/v1/ranking?limit=100`.
#![allow(clippy::print_stdout, reason = "a program that prints a table")]

mod readers;

use std::error::Error;
use std::fs;
use std::net::SocketAddr;
use std::process::{Child, Command};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use serve::{Keys, Limits, Server, ServerOptions, Update, View, ViewOptions};
use vocabulary::{Received, Score};

/// What the system's allocator takes for a name of seven letters.
const NAME_BYTES: u64 = 32;
/// The argument that makes the program the readers.
const READERS: &str = "readers";
/// The variable that names a file with keys of Klout's API, which is answered then.
const KLOUT_KEYS: &str = "KLOUT_KEYS";
const TICK: Duration = Duration::from_millis(10);

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [mode, address, readers] = &args[..]
        && mode == READERS
    {
        return readers::run(address.parse()?, readers.parse()?);
    }
    let mut args = args.iter().map(|arg| arg.parse::<u32>());
    let mut number = |default| args.next().unwrap_or(Ok(default));
    let (users, updates_a_second, seconds, readers) = (number(1_000_000)?, number(20_000)?, number(60)?, number(0)?);
    let before = resident_bytes();
    let klout = std::env::var_os(KLOUT_KEYS).map(|path| Keys::read(path.as_ref(), Limits::default())).transpose()?;
    let klout_ids_of = klout.is_some().then(|| "clout".to_owned());
    let view = Arc::new(View::new(ViewOptions { klout_ids_of, ..ViewOptions::default() }));
    let names: Vec<String> = (0..users).map(|user| format!("u{user:06}")).collect();
    let with_names = resident_bytes();
    let began = Instant::now();
    (0..users).for_each(|user| apply(&view, &names, user, 0));
    let took = began.elapsed();
    let bytes_a_user = (resident_bytes() - with_names) / u64::from(users);
    println!("{users} users in {took:.1?}: {:.0} thousand records/s", f64::from(users) / took.as_secs_f64() / 1e3);
    println!("{bytes_a_user} B a user, {} B without the name", bytes_a_user.saturating_sub(NAME_BYTES));
    let idle = resident_bytes();
    view.caught_up();
    // All who ask are on this machine.
    let all = ServerOptions::default();
    let (connections, streams) = (Some(all.connections_max), Some(all.streams_max));
    let klout = klout.map(Arc::new);
    let options = ServerOptions { peer_connections_max: connections, peer_streams_max: streams, klout, ..all };
    let server = Server::new(Arc::clone(&view), options).start()?;
    println!("{updates_a_second} updates/s for {seconds} s, at http://{}", server.address());
    let readers = (readers > 0).then(|| watch(server.address(), readers)).transpose()?;
    let (slowest, most) = stream(&view, &names, updates_a_second, Duration::from_secs(seconds.into()));
    println!("slowest 10 ms of updates took {slowest:.1?}");
    println!(
        "memory: {} MiB for the users, {} MiB more at most",
        (idle - before) >> 20,
        most.saturating_sub(idle) >> 20
    );
    server.stop();
    readers.map(|mut readers| readers.wait()).transpose()?;
    Ok(())
}

/// So many readers of the stream, in a process of their own.
fn watch(address: SocketAddr, readers: u32) -> std::io::Result<Child> {
    Command::new(std::env::current_exe()?).args([READERS, &address.to_string(), &readers.to_string()]).spawn()
}

/// Applies so many updates a second. Gives the longest time for those of a tick, and the most memory in between.
fn stream(view: &View, names: &[String], updates_a_second: u32, time: Duration) -> (Duration, u64) {
    let (began, mut done, mut slowest, mut most) = (Instant::now(), 0_u32, Duration::ZERO, 0);
    while began.elapsed() < time {
        let tick = Instant::now();
        let due = (began.elapsed().as_secs_f64() * f64::from(updates_a_second)) as u32;
        (done..due).for_each(|update| apply(view, names, shuffled(update) % names.len() as u32, update + 1));
        done = due;
        slowest = slowest.max(tick.elapsed());
        most = most.max(resident_bytes());
        thread::sleep(TICK.saturating_sub(tick.elapsed()));
    }
    println!("{:.0} updates/s were applied", f64::from(done) / began.elapsed().as_secs_f64());
    (slowest, most)
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
        room: 1.0,
        audience: 0.0,
        received: Received::from([
            (vocabulary::Kind::Mention, 1),
            (vocabulary::Kind::Retweet, 2),
            (vocabulary::Kind::Reply, 3),
        ]),
        followers: 4,
        following: 5,
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
