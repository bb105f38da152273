//! The events that are fed: a part of a real log, or of a generated world.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use oracle::{Act, Kind};
use wire::{EventWriter, Format};

const HIGGS: &str = "higgs/higgs-activity_time.txt.gz";

/// Lines of a list, in the order of their times.
pub(crate) struct Events(String);

impl Events {
    /// The first so many retweets, mentions and replies around the discovery of the Higgs boson; `None`, which is told,
    /// where the log is not at hand and need not be.
    pub(crate) fn higgs(events: usize) -> Option<Events> {
        let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
        let folder = std::env::var_os("CLOUT_DATA").map_or(beside, PathBuf::from);
        let Ok(file) = File::open(folder.join(HIGGS)) else {
            let is_required = std::env::var_os("CLOUT_DATA_REQUIRED").is_some();
            assert!(!is_required, "{} does not have {HIGGS}, and CLOUT_DATA_REQUIRED is set", folder.display());
            eprintln!("skipped: {} is not there (set CLOUT_DATA to the folder that has {HIGGS})", folder.display());
            return None;
        };
        let mut text = String::new();
        GzDecoder::new(file).read_to_string(&mut text).expect("a compressed text");
        let end = text.match_indices('\n').nth(events.saturating_sub(1)).map_or(text.len(), |(place, _)| place + 1);
        text.truncate(end);
        Some(Events(text))
    }

    /// So many events of so many people over five days.
    pub(crate) fn generated(events: u64, users: u32) -> Events {
        let world = worlds::World { users, events, span_ms: 5 * 86_400_000, ..worlds::World::default() };
        let mut events = world.events().expect("a world");
        let mut writer = EventWriter::new(Vec::new(), Format::Snap);
        while let Some(event) = events.next_event() {
            writer.write(&event).expect("memory takes it");
        }
        Events(String::from_utf8(writer.finish().expect("memory takes it")).expect("text"))
    }

    /// As a file's bytes.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// All of them.
    pub(crate) fn acts(&self) -> Vec<Act<'_>> {
        self.0.lines().map(act).collect()
    }
}

fn act(line: &str) -> Act<'_> {
    let mut words = line.split_ascii_whitespace();
    let mut word = || words.next().expect("a word");
    let (actor, target) = (word(), word());
    let at_secs: f64 = word().parse().expect("seconds");
    let kind = match word() {
        "RT" => Kind::Retweet,
        "MT" => Kind::Mention,
        "RE" => Kind::Reply,
        "FO" => Kind::Follow,
        "UN" => Kind::Unfollow,
        other => panic!("{other} is no kind"),
    };
    Act { actor, target, kind, at_ms: (at_secs * 1e3).round() as i64 }
}
