//! Tables of scores and of credits as files: lines of JSON or CSV, or columns of Parquet.

mod columns;
mod credits;
mod groups;
mod rows;

use std::io::{self, Write};
use std::path::Path;

use vocabulary::Score;
use wire::{Called, Place, ScoreFormat, ScoreWriter, WriteError};

use crate::failure::OutputError;
use columns::ParquetWriter;

pub(crate) use columns::{ScoreLine, is_parquet, read_scores};
pub(crate) use credits::{CreditAct, CreditRow, CreditsWriter, read_credits};
pub(crate) use rows::{RowsError, read_rows};

/// The format of a table of scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableFormat {
    Lines(ScoreFormat),
    Parquet,
}

impl TableFormat {
    /// The format that a file's name asks for; the standard output gets JSON lines. Parquet compresses its columns itself, so a
    /// name as `a.parquet.gz` is refused.
    pub(crate) fn of(path: &Path) -> Option<TableFormat> {
        if path.as_os_str() == "-" {
            return Some(TableFormat::Lines(ScoreFormat::Json));
        }
        match path.extension()?.to_str()? {
            "ndjson" | "jsonl" | "json" => Some(TableFormat::Lines(ScoreFormat::Json)),
            "csv" => Some(TableFormat::Lines(ScoreFormat::Csv)),
            "parquet" => Some(TableFormat::Parquet),
            "gz" | "zst" => {
                TableFormat::of(Path::new(path.file_stem()?)).filter(|&format| format != TableFormat::Parquet)
            }
            _ => None,
        }
    }
}

/// Writes a table, with the same columns in every format; `finish` says whether everything arrived.
pub(crate) enum TableWriter<W: Write + Send> {
    Lines(ScoreWriter<W>),
    Parquet(Box<ParquetWriter<W>>),
}

impl<W: Write + Send> TableWriter<W> {
    /// With columns for what networks call the accounts, or without.
    pub(crate) fn new(write: W, format: TableFormat, has_called: bool) -> Result<TableWriter<W>, WriteError> {
        Ok(match format {
            TableFormat::Lines(format) => {
                let writer = ScoreWriter::new(write, format);
                TableWriter::Lines(if has_called { writer.with_called() } else { writer })
            }
            TableFormat::Parquet => TableWriter::Parquet(Box::new(ParquetWriter::new(write, has_called)?)),
        })
    }

    pub(crate) fn write(
        &mut self,
        user: &str,
        place: Place,
        score: &Score,
        called: Called<'_>,
    ) -> Result<(), WriteError> {
        match self {
            TableWriter::Lines(writer) => writer.write_called(user, place, score, called),
            TableWriter::Parquet(writer) => writer.write(user, place, score, called),
        }
    }

    pub(crate) fn finish(self) -> Result<W, WriteError> {
        match self {
            TableWriter::Lines(writer) => writer.finish(),
            TableWriter::Parquet(writer) => writer.finish(),
        }
    }
}

/// Turns an error of the writer into one that names the path.
pub(crate) fn write_failed(path: &Path) -> impl Fn(WriteError) -> OutputError {
    let failed = OutputError::to(path);
    move |error| match error {
        WriteError::Io(source) => failed(source),
        error => failed(io::Error::other(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_says_how_it_is_written() {
        let formats = ["-", "a.ndjson", "a.csv.gz", "a.parquet", "a.parquet.zst", "a.txt", "parquet", "a.csv.gz.zst"]
            .map(|name| TableFormat::of(Path::new(name)));
        let (json, csv) = (TableFormat::Lines(ScoreFormat::Json), TableFormat::Lines(ScoreFormat::Csv));
        assert_eq!(
            formats,
            [Some(json), Some(json), Some(csv), Some(TableFormat::Parquet), None, None, None, Some(csv)]
        );
    }
}
