//! Real logs, where they are.

use std::io::Read;
use std::path::PathBuf;

use oracle::snap::read;
use oracle::{Act, Input, Kind};

/// The texts of a log's files, each with the kind of the lines that name none.
pub(crate) struct Log(Vec<(String, Kind)>);

impl Log {
    /// All acts, merged by time.
    pub(crate) fn acts(&self) -> Vec<Act<'_>> {
        let files = self.0.iter();
        let mut acts: Vec<Act<'_>> = files.flat_map(|(text, kind)| read(text, *kind).expect("a log")).collect();
        acts.sort_by_key(|act| act.at_ms);
        acts
    }

    pub(crate) fn inputs(&self) -> Vec<Input<'_>> {
        self.acts().into_iter().map(Input::Act).collect()
    }
}

/// Retweets, mentions and replies around the discovery of the Higgs boson, a week.
pub(crate) fn higgs() -> Option<Log> {
    Some(Log(vec![(text("higgs/higgs-activity_time.txt.gz")?, Kind::Mention)]))
}

/// Answers and comments of more than six years.
pub(crate) fn mathoverflow() -> Option<Log> {
    let files = [("a2q", Kind::Reply), ("c2a", Kind::Mention), ("c2q", Kind::Mention)];
    let load = |(file, kind)| Some((text(&format!("mathoverflow/sx-mathoverflow-{file}.txt.gz"))?, kind));
    Some(Log(files.into_iter().map(load).collect::<Option<_>>()?))
}

/// The text of a file, or `None`, said aloud, where it is not there and need not be.
fn text(path: &str) -> Option<String> {
    let root = std::env::var_os("CLOUT_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data"));
    let Ok(file) = std::fs::File::open(root.join(path)) else {
        let is_required = std::env::var_os("CLOUT_DATA_REQUIRED").is_some();
        assert!(!is_required, "{} does not have {path}, and CLOUT_DATA_REQUIRED is set", root.display());
        eprintln!("skipped: {} is not there (set CLOUT_DATA to the folder that has {path})", root.display());
        return None;
    };
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("a compressed text");
    Some(text)
}
