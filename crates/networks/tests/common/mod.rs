//! What the tests of this crate share.

// Each test is a program of its own, and uses a part of this.
#![allow(dead_code)]

use std::fmt::Write;
use std::path::PathBuf;

use networks::{Memory, Network, Options, Reader, Tally};

/// A sample of a network, or `None`, said aloud, where it is not there and need not be.
pub(crate) fn sample(name: &str) -> Option<Vec<u8>> {
    let beside = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CLOUT_DATA").map_or(beside, PathBuf::from).join("networks");
    let Ok(bytes) = std::fs::read(folder.join(name)) else {
        let is_required = std::env::var_os("CLOUT_DATA_REQUIRED").is_some();
        assert!(!is_required, "{} does not have {name}, and CLOUT_DATA_REQUIRED is set", folder.display());
        eprintln!("skipped: {} is not there (set CLOUT_DATA to the folder that has networks/{name})", folder.display());
        return None;
    };
    Some(bytes)
}

pub(crate) fn reader(options: Options) -> Reader {
    Reader::new(options, Memory::new(10_000))
}

/// What a reader counted, in the form of the tables of these tests.
pub(crate) fn told(tally: &Tally) -> String {
    let mut told = String::new();
    for network in Network::ALL.map(Some).into_iter().chain([None]) {
        let counts = tally.of(network);
        if counts.messages == 0 {
            continue;
        }
        let name = network.map_or("nothing known", Network::title);
        writeln!(told, "{name}: {} messages, {} posts, {} deletions", counts.messages, counts.posts, counts.deletions)
            .expect("memory takes all");
        for (kind, count) in counts.kinds() {
            writeln!(told, "  act: {} {count}", kind.word()).expect("memory takes all");
        }
        for (reason, count) in counts.reasons() {
            writeln!(told, "  skipped: {reason} {count}").expect("memory takes all");
        }
        if counts.by_handle > 0 {
            writeln!(told, "  by handle {}", counts.by_handle).expect("memory takes all");
        }
        if counts.borrowed_times > 0 {
            writeln!(told, "  borrowed times {}", counts.borrowed_times).expect("memory takes all");
        }
    }
    told
}
