//! Tables of scores read back: everything that is in a line, whoever wrote it.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use parquet::basic::{LogicalType, TimeUnit};
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::DataType;
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::Value;
use vocabulary::{Kind, Score};
use wire::parse_time;

use super::is_parquet;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::recorded::Stop;
use crate::recorded::input::{BytesRead, Input};

/// Rows of Parquet that are in memory at once.
const ROWS: usize = 65_536;
/// Lines between two looks whether somebody says stop.
pub(super) const LINES: usize = 65_536;

/// A table cannot be read back.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be read as a table of {what}: {reason}", path.display())]
pub struct RowsError {
    /// What the rows tell.
    pub(crate) what: &'static str,
    pub(crate) path: PathBuf,
    pub(crate) reason: String,
}

/// Calls with every row of a table, in its order.
///
/// # Errors
/// If the file cannot be read, or a row has no name, no score or no time.
pub(crate) fn read_rows(
    path: &Path,
    interrupt: &Interrupt,
    mut take: impl FnMut(String, Score),
) -> Result<(), Failure> {
    let mut count = 0;
    let take = |row: Row| -> Result<(), Failure> {
        count += 1;
        if count % LINES == 0 && interrupt.is_asked() {
            return Err(Stop::Interrupted.into());
        }
        let (user, score) = row.finish().map_err(|what| refused(path, format!("row {count}: {what}")))?;
        take(user, score);
        Ok(())
    };
    if is_parquet(path) { columns(path, take) } else { lines(path, interrupt, take) }
}

fn refused(path: &Path, reason: String) -> Failure {
    refused_as("scores", path, reason)
}

/// A file is no table of that.
pub(super) fn refused_as(what: &'static str, path: &Path, reason: String) -> Failure {
    RowsError { what, path: path.to_owned(), reason }.into()
}

/// What is known of one row.
#[derive(Default)]
struct Row {
    user: Option<String>,
    score: Score,
    has_score: bool,
    has_time: bool,
}

impl Row {
    fn finish(self) -> Result<(String, Score), &'static str> {
        let user = self.user.ok_or("it has no user")?;
        match (self.has_score, self.has_time) {
            (false, _) => Err("it has no score"),
            (_, false) => Err("it has no as_of"),
            _ => Ok((user, self.score)),
        }
    }

    fn number(&mut self, name: &str, number: f64) {
        let score = &mut self.score;
        match name {
            "score" => {
                score.score = number;
                self.has_score = true;
            }
            "influence" => score.influence = number,
            "reach" => score.reach = number,
            "amplification" => score.amplification = number,
            "network" => score.network = number,
            "openness" => score.openness = number,
            "room" => score.room = number,
            "audience" => score.audience = number,
            "scale" => score.scale = number,
            _ => self.count(name, number.max(0.0) as u64),
        }
    }

    fn count(&mut self, name: &str, count: u64) {
        match name {
            "followers" => self.score.followers = count,
            "following" => self.score.following = count,
            _ => {
                let kind = Kind::COUNTED.into_iter().find(|kind| kind.plural() == name);
                if let Some(known) = kind.and_then(|kind| self.score.received.get_mut(kind)) {
                    *known = count;
                }
            }
        }
    }

    fn time(&mut self, at: i64) {
        self.score.as_of = at;
        self.has_time = true;
    }

    fn text(&mut self, name: &str, text: &str) {
        match name {
            "user" => self.user = Some(text.to_owned()),
            "as_of" => parse_time(text).into_iter().for_each(|at| self.time(at)),
            _ => text.parse().into_iter().for_each(|number| self.number(name, number)),
        }
    }
}

/// Lines of JSON or CSV, packed or not.
fn lines(path: &Path, interrupt: &Interrupt, mut take: impl FnMut(Row) -> Result<(), Failure>) -> Result<(), Failure> {
    let input = Input::open(path, None, &BytesRead::default(), interrupt)?;
    if input.read.begins_with(b'{') {
        for line in BufReader::new(input.read).lines() {
            let line = line.map_err(|error| refused(path, error.to_string()))?;
            let object: serde_json::Map<String, Value> =
                serde_json::from_str(&line).map_err(|error| refused(path, error.to_string()))?;
            let mut row = Row::default();
            for (name, value) in &object {
                match value {
                    Value::String(text) => row.text(name, text),
                    Value::Number(number) if number.is_u64() && name != "score" => {
                        row.number(name, number.as_f64().unwrap_or_default());
                        row.count(name, number.as_u64().unwrap_or_default());
                    }
                    Value::Number(number) => row.number(name, number.as_f64().unwrap_or_default()),
                    _ => {}
                }
            }
            take(row)?;
        }
        return Ok(());
    }
    let mut reader = csv::Reader::from_reader(input.read);
    let header = reader.headers().map_err(|error| refused(path, error.to_string()))?.clone();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(|error| refused(path, error.to_string()))? {
        let mut row = Row::default();
        header.iter().zip(&record).for_each(|(name, text)| row.text(name, text));
        take(row)?;
    }
    Ok(())
}

/// The values of a column in some rows.
enum Values {
    Texts(Vec<String>),
    Numbers(Vec<f64>),
    Counts(Vec<i64>),
    Times(Vec<i64>),
}

fn columns(path: &Path, mut take: impl FnMut(Row) -> Result<(), Failure>) -> Result<(), Failure> {
    let failed = |error: ParquetError| refused(path, error.to_string());
    let file = File::open(path).map_err(|error| refused(path, error.to_string()))?;
    let reader = SerializedFileReader::new(file).map_err(failed)?;
    for group in 0..reader.num_row_groups() {
        let group = reader.get_row_group(group).map_err(failed)?;
        let mut left = group.metadata().num_rows() as usize;
        let mut columns = Vec::new();
        for place in 0..group.num_columns() {
            let column = group.metadata().column(place).column_descr_ptr();
            let time = match column.logical_type_ref() {
                Some(LogicalType::Timestamp(time)) => Some(match time.unit {
                    TimeUnit::MILLIS => 1,
                    TimeUnit::MICROS => 1_000,
                    TimeUnit::NANOS => 1_000_000,
                }),
                _ => None,
            };
            columns.push((column.name().to_owned(), time, group.get_column_reader(place).map_err(failed)?));
        }
        while left > 0 {
            let count = left.min(ROWS);
            left -= count;
            let mut rows: Vec<Row> = (0..count).map(|_| Row::default()).collect();
            for (name, time, reader) in &mut columns {
                if let Some(values) = values(reader, *time, count).map_err(failed)? {
                    give(&mut rows, name, values);
                }
            }
            rows.into_iter().try_for_each(&mut take)?;
        }
    }
    Ok(())
}

fn give(rows: &mut [Row], name: &str, values: Values) {
    match values {
        Values::Texts(texts) => rows.iter_mut().zip(texts).for_each(|(row, text)| row.text(name, &text)),
        Values::Numbers(numbers) => rows.iter_mut().zip(numbers).for_each(|(row, number)| row.number(name, number)),
        Values::Counts(counts) => {
            rows.iter_mut().zip(counts).for_each(|(row, count)| row.count(name, count.max(0) as u64));
        }
        Values::Times(times) => rows.iter_mut().zip(times).for_each(|(row, at)| row.time(at)),
    }
}

/// The next values of a column; `None` for one of which nothing is needed: its type is another one, or values are missing.
fn values(reader: &mut ColumnReader, units_a_ms: Option<i64>, count: usize) -> Result<Option<Values>, ParquetError> {
    let values = match reader {
        ColumnReader::ByteArrayColumnReader(reader) => {
            let texts = read(reader, count)?;
            let text = |text: &parquet::data_type::ByteArray| String::from_utf8_lossy(text.data()).into_owned();
            Values::Texts(texts.iter().map(text).collect())
        }
        ColumnReader::DoubleColumnReader(reader) => Values::Numbers(read(reader, count)?),
        ColumnReader::FloatColumnReader(reader) => {
            Values::Numbers(read(reader, count)?.into_iter().map(f64::from).collect())
        }
        ColumnReader::Int64ColumnReader(reader) => {
            let numbers = read(reader, count)?;
            match units_a_ms {
                Some(units_a_ms) => Values::Times(numbers.into_iter().map(|at| at.div_euclid(units_a_ms)).collect()),
                None => Values::Counts(numbers),
            }
        }
        _ => return Ok(None),
    };
    let is_whole = match &values {
        Values::Texts(values) => values.len() == count,
        Values::Numbers(values) => values.len() == count,
        Values::Counts(values) | Values::Times(values) => values.len() == count,
    };
    Ok(is_whole.then_some(values))
}

/// Those of the next rows that have one.
fn read<T: DataType>(reader: &mut ColumnReaderImpl<T>, count: usize) -> Result<Vec<T::T>, ParquetError> {
    let (mut values, mut levels) = (Vec::with_capacity(count), Vec::new());
    let mut rows = 0;
    while rows < count {
        let (read, _, _) = reader.read_records(count - rows, Some(&mut levels), None, &mut values)?;
        if read == 0 {
            break;
        }
        rows += read;
    }
    Ok(values)
}
