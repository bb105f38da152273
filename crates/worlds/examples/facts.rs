//! Measures the reference world: `cargo run --release -p worlds --example facts [users events]`.

use std::env;
use std::error::Error;
use std::time::Instant;

use worlds::World;

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::reference();
    if let [users, events] = env::args().skip(1).collect::<Vec<_>>().as_slice() {
        (world.users, world.events) = (users.parse()?, events.parse()?);
    }
    rate(&world)?;
    facts(&world)?;
    Ok(())
}

fn rate(world: &World) -> Result<(), Box<dyn Error>> {
    let begun = Instant::now();
    let events = world.events()?;
    let built_secs = begun.elapsed().as_secs_f64();
    let mut name_bytes = 0;
    events.for_each(|event| name_bytes += event.actor.len() + event.target.len());
    let secs = begun.elapsed().as_secs_f64();
    let rate = world.events as f64 / secs / 1e6;
    eprintln!(
        "{rate:.2} million events/s, {built_secs:.2} of {secs:.2} s before the first, {name_bytes} bytes of names"
    );
    Ok(())
}

fn facts(world: &World) -> Result<(), Box<dyn Error>> {
    let mut acted = vec![0u64; world.users as usize];
    let mut received = acted.clone();
    let mut pairs = Vec::with_capacity(world.events as usize);
    for act in world.acts()? {
        acted[act.actor as usize] += 1;
        received[act.target as usize] += 1;
        pairs.push(u64::from(act.actor) << 32 | u64::from(act.target));
    }
    pairs.sort_unstable();
    pairs.dedup();
    let seen = |counts: &[u64]| counts.iter().filter(|&&count| count > 0).count();
    eprintln!("{} actors, {} targets, {} pairs", seen(&acted), seen(&received), pairs.len());
    received.sort_unstable_by(|a, b| b.cmp(a));
    let percent = |top: usize| 100.0 * received[..top].iter().sum::<u64>() as f64 / world.events as f64;
    eprintln!("top target {:.1} %, top ten {:.1} %", percent(1), percent(10));
    Ok(())
}
