//! Real event logs with facts that are counted here without the program. They are skipped where they are not at hand.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use crate::replay::program::Directory;

/// Where the logs lie: `CLOUT_DATA` or, beside the workspace, `shared/data`.
pub(crate) fn data(names: &[&str]) -> Option<Vec<PathBuf>> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = std::env::var_os("CLOUT_DATA").map_or(beside, PathBuf::from);
    let paths: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).collect();
    let absent = paths.iter().find(|path| !path.exists());
    if let Some(absent) = absent {
        #[allow(clippy::print_stdout, reason = "the test's own output says that it did not run")]
        {
            println!("skipped: {} is not there; name its folder by CLOUT_DATA", absent.display());
        }
        return None;
    }
    Some(paths.iter().map(|path| path.canonicalize().unwrap()).collect())
}

/// What a plain program counts in lists: for each target and kind the acts by others, and the acts on oneself.
fn count(paths: &[PathBuf]) -> (BTreeMap<(String, String), u64>, u64, u64) {
    let (mut received, mut lines, mut self_acts) = (BTreeMap::new(), 0, 0);
    for path in paths {
        let text = std::io::read_to_string(MultiGzDecoder::new(File::open(path).unwrap())).unwrap();
        for line in text.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let kind = fields.get(3).copied().unwrap_or("MT");
            lines += 1;
            match fields[0] == fields[1] {
                true => self_acts += 1,
                false => *received.entry((fields[1].to_owned(), kind.to_owned())).or_default() += 1,
            }
        }
    }
    (received, lines, self_acts)
}

/// What the program publishes, in the same shape.
fn received(scores: &[Value]) -> BTreeMap<(String, String), u64> {
    let mut counts = BTreeMap::new();
    for line in scores {
        for (key, kind) in [("retweets", "RT"), ("mentions", "MT"), ("replies", "RE")] {
            let number = line[key].as_u64().unwrap();
            if number > 0 {
                counts.insert((line["user"].as_str().unwrap().to_owned(), kind.to_owned()), number);
            }
        }
    }
    counts
}

/// Replays these logs, and expects every single count to be that of the files.
fn check(paths: &[PathBuf], options: &str, lines_expected: u64, self_acts_expected: u64) {
    let directory = Directory::new();
    let names = paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
    let ran = directory.replay(&format!("{names} {options} --json --scores-out scores.ndjson"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let summary = ran.document()["summary"].clone();
    let (counted, lines, self_acts) = count(paths);
    assert_eq!((lines, self_acts), (lines_expected, self_acts_expected), "the files are not those that are known");
    assert_eq!(summary["records"], lines);
    assert_eq!(summary["left_out"]["self_acts"], self_acts);
    assert_eq!(summary["scored"]["events"], lines - self_acts);
    let found = received(&crate::replay::program::lines(&directory.read("scores.ndjson")));
    assert_eq!(found.values().sum::<u64>(), lines - self_acts);
    assert!(found == counted, "some count differs");
}

#[test]
fn higgs_is_counted_exactly() {
    let Some(paths) = data(&["higgs/higgs-activity_time.txt.gz"]) else { return };
    check(&paths, "--half-life 24h", 563_069, 7_588);
    check(&paths, "--half-life 12h --partitions 4 --workers 2", 563_069, 7_588);
}

#[test]
fn mathoverflow_is_counted_exactly_over_three_files() {
    let names = ["a2q", "c2a", "c2q"].map(|part| format!("mathoverflow/sx-mathoverflow-{part}.txt.gz"));
    let Some(paths) = data(&names.each_ref().map(String::as_str)) else { return };
    check(&paths, "--half-life 60d", 506_550, 116_109);
}
