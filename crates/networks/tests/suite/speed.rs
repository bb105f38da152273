//! How many lines of Jetstream one core reads. A measurement: `cargo test --release -p networks --test suite speed -- --ignored
//! --nocapture`.

use std::time::Instant;

use networks::{Memory, Options, Reader, Source};

use crate::common::sample;

#[test]
#[ignore = "a measurement, for a machine that does nothing else"]
fn lines_of_jetstream_a_second() {
    let Some(bytes) = sample("bluesky-jetstream.jsonl") else { return };
    let lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut reader = Reader::new(Options::default(), Memory::new(1_000_000));
    let (mut source, mut found) = (Source::default(), 0_u64);
    let mut best = 0.0_f64;
    for _ in 0..20 {
        #[expect(clippy::disallowed_methods, reason = "this measures")]
        let began = Instant::now();
        for _ in 0..200 {
            for line in &lines {
                reader.read(&mut source, line, &mut |_| found += 1);
            }
        }
        best = best.max((200 * lines.len()) as f64 / began.elapsed().as_secs_f64());
    }
    println!("{:.0} lines/s a core, {found} things found", best);
    assert!(found > 0);
}
