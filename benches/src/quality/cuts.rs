//! The settings: each is a log, a half-life, and the moments at which rankings are judged.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use clout::recorded::ReadingArgs;
use vocabulary::{Kind, Timestamp};

use crate::Args;
use crate::acts::Acts;

const HOUR: Timestamp = 3_600_000;
const DAY: Timestamp = 24 * HOUR;
/// 2012-07-01, when the log of the Higgs boson begins.
const HIGGS_AT: Timestamp = 1_341_100_800_000;
/// A cut after which less happens judges nobody.
const ACTS_AFTER_MIN: usize = 100;

/// A log, and how it is measured.
pub(crate) struct Setting {
    pub(crate) name: String,
    pub(crate) acts: Rc<Acts>,
    pub(crate) half_life_ms: Timestamp,
    pub(crate) next_ms: Timestamp,
    pub(crate) cuts: Vec<Timestamp>,
}

impl Setting {
    fn new(
        name: &str,
        acts: &Rc<Acts>,
        (half_life_ms, next_ms): (Timestamp, Timestamp),
        cuts: Vec<Timestamp>,
    ) -> Setting {
        let judges = |cut: &Timestamp| acts.between(*cut, cut + next_ms).len() >= ACTS_AFTER_MIN;
        let cuts = cuts.into_iter().filter(judges).collect();
        Setting { name: name.to_owned(), acts: Rc::clone(acts), half_life_ms, next_ms, cuts }
    }
}

/// Makes the settings that the command line asks for.
///
/// # Errors
/// If a log cannot be read, or is too short to be cut.
pub(crate) fn settings(args: &Args) -> Result<Vec<Setting>, Box<dyn Error>> {
    let settings = if args.files.is_empty() { known(args)? } else { vec![given(args)?] };
    match settings.iter().find(|setting| setting.cuts.len() < 2) {
        Some(Setting { name, .. }) => Err(format!(
            "{name}: there are fewer than two cuts after which {ACTS_AFTER_MIN} acts follow: take a shorter --half-life or --next"
        )
        .into()),
        None => Ok(settings),
    }
}

fn given(args: &Args) -> Result<Setting, Box<dyn Error>> {
    let files: Vec<_> = args.files.iter().map(|path| (path.clone(), args.reading.clone())).collect();
    let acts = Rc::new(Acts::read(&files, &args.networks)?);
    let (half_life_ms, next_ms) = (args.half_life_ms, args.next_ms.unwrap_or(args.half_life_ms));
    let times = (acts.list.first().map_or(0, |act| act.at), acts.list.last().map_or(0, |act| act.at));
    let (first, last) = (times.0 + 2 * half_life_ms, times.1 - next_ms);
    let steps = i64::from(args.cuts - 1);
    let cuts =
        if first < last { (0..=steps).map(|step| first + (last - first) * step / steps).collect() } else { vec![] };
    let name = args.files.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect::<Vec<_>>();
    Ok(Setting::new(&name.join(" + "), &acts, (half_life_ms, next_ms), cuts))
}

/// The logs that Clout was built with.
fn known(args: &Args) -> Result<Vec<Setting>, Box<dyn Error>> {
    let root = std::env::var_os("CLOUT_DATA").map(PathBuf::from);
    let root = root.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data"));
    let read = |files: &[(&str, Kind)]| {
        let file = |(path, kind): &(&str, Kind)| {
            (root.join(path), ReadingArgs { kind: Some(*kind), ..ReadingArgs::default() })
        };
        let files: Vec<_> = files.iter().map(file).collect();
        Acts::read(&files, &args.networks).map(Rc::new).map_err(|error| -> Box<dyn Error> {
            format!("{error}; set CLOUT_DATA to the folder that has higgs and mathoverflow, or give a FILE").into()
        })
    };
    let higgs = read(&[("higgs/higgs-activity_time.txt.gz", Kind::Mention)])?;
    let mathoverflow = read(&[
        ("mathoverflow/sx-mathoverflow-a2q.txt.gz", Kind::Reply),
        ("mathoverflow/sx-mathoverflow-c2a.txt.gz", Kind::Mention),
        ("mathoverflow/sx-mathoverflow-c2q.txt.gz", Kind::Mention),
    ])?;
    let hours: Vec<_> = (60..=138).step_by(6).map(|hours| HIGGS_AT + hours * HOUR).collect();
    let began = mathoverflow.list.first().map_or(0, |act| act.at);
    let days = (0..13).map(|number| began + (360 + 150 * number) * DAY).collect();
    Ok(vec![
        Setting::new("higgs 12h", &higgs, (12 * HOUR, 24 * HOUR), hours.clone()),
        Setting::new("higgs 24h", &higgs, (24 * HOUR, 24 * HOUR), hours),
        Setting::new("mathoverflow 60d", &mathoverflow, (60 * DAY, 30 * DAY), days),
    ])
}
