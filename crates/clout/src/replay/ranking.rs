//! Everybody who is rated, the most influential first.

use std::path::Path;

use embedded::World;
use influence::Score;
use wire::{ScoreFormat, ScoreWriter, WriteError};

use crate::failure::OutputError;
use crate::output::{Output, Whole};

/// The final table. It keeps what it sorts by; whole records are made when they are asked for.
pub(crate) struct Ranking<'w> {
    pub(crate) world: &'w World<'static>,
    places: Vec<Place<'w>>,
}

struct Place<'w> {
    user: &'w str,
    score: f64,
    influence: f64,
}

impl<'w> Ranking<'w> {
    /// The ranking of a world at rest. Equal scores are told apart by influence, then by name.
    pub(crate) fn of(world: &'w World<'static>) -> Ranking<'w> {
        let place = |(user, score): (&'w str, Score)| Place { user, score: score.score, influence: score.influence };
        let mut places: Vec<Place<'w>> = world.scores().map(place).collect();
        places.sort_unstable_by(|a, b| {
            let by_value = b.score.total_cmp(&a.score).then_with(|| b.influence.total_cmp(&a.influence));
            by_value.then_with(|| a.user.cmp(b.user))
        });
        Ranking { world, places }
    }

    /// People who are rated.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Everybody's name, the most influential first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'w str> {
        self.places.iter().map(|place| place.user)
    }

    /// The first so many.
    pub(crate) fn top(&self, len: usize) -> impl Iterator<Item = (&'w str, Score)> {
        self.places.iter().take(len).filter_map(|place| Some((place.user, self.record(place.user)?)))
    }

    /// One person's rank, counted from 1, and record.
    pub(crate) fn find(&self, user: &str) -> Option<(usize, Score)> {
        let place = self.places.iter().position(|place| place.user == user)?;
        Some((place + 1, self.record(user)?))
    }

    /// The record with the exact percentile: of all rated people, the share whose score is lower.
    fn record(&self, user: &str) -> Option<Score> {
        let score = self.world.score(user)?;
        let not_lower = self.places.partition_point(|place| place.score >= score.score);
        let lower = self.places.len() - not_lower;
        Some(Score { percentile: 100.0 * lower as f64 / self.places.len() as f64, ..score })
    }

    /// Writes everybody's line.
    pub(crate) fn write(&self, path: &Path, output: Output) -> Result<Whole, OutputError> {
        let mut writer = ScoreWriter::new(output, table_format(path).unwrap_or(ScoreFormat::Json));
        self.write_to(&mut writer).map_err(write_failed(path))?;
        writer.finish().map_err(write_failed(path))?.finish().map_err(OutputError::to(path))
    }

    /// Adds everybody's line to a table.
    pub(crate) fn write_to(&self, writer: &mut ScoreWriter<Output>) -> Result<(), WriteError> {
        self.top(self.len()).try_for_each(|(user, score)| writer.write(user, &score))
    }
}

/// How a table is written, by its file's name; the standard output gets JSON lines.
pub(crate) fn table_format(path: &Path) -> Option<ScoreFormat> {
    if path.as_os_str() == "-" {
        return Some(ScoreFormat::Json);
    }
    match path.extension()?.to_str()? {
        "ndjson" | "jsonl" | "json" => Some(ScoreFormat::Json),
        "csv" => Some(ScoreFormat::Csv),
        "gz" | "zst" => table_format(Path::new(path.file_stem()?)),
        _ => None,
    }
}

/// What a score that cannot be written to this path is.
pub(crate) fn write_failed(path: &Path) -> impl Fn(WriteError) -> OutputError {
    let failed = OutputError::to(path);
    move |error| match error {
        WriteError::Io(source) => failed(source),
        error => failed(std::io::Error::other(error)),
    }
}
