//! The table of what acts gave, with names in the clear: writes it as lines of JSON or CSV or as columns of Parquet, and reads it back.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::TypePtr;
use serde::{Deserialize, Serialize};
use vocabulary::{Kind, Part, Timestamp};
use wire::{AT_MAX, ScoreFormat, WriteError, parse_time, rfc3339};

use super::groups::{Column, Groups, field};
use super::rows::{LINES, refused_as};
use super::{TableFormat, is_parquet};
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::recorded::Stop;
use crate::recorded::input::{BytesRead, Input};

/// What the table is called where one cannot be read.
const WHAT: &str = "credits";
/// Bytes that are written at once.
const BUFFER_BYTES: usize = 1 << 18;

/// A row: what an act gave, or that all an actor has given before counts more from now on, or less.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CreditRow<'a> {
    pub(crate) actor: Cow<'a, str>,
    /// The act; `None` where only the rate has changed.
    pub(crate) act: Option<CreditAct<'a>>,
    pub(crate) at: Timestamp,
    /// What one unit of the actor's weight is worth.
    pub(crate) rate: f32,
    /// Milliseconds after which votes and weights count half.
    pub(crate) half_life_ms: i64,
    /// Milliseconds without an act after which a pair is forgotten.
    pub(crate) window_ms: i64,
}

/// What an act was, and gave.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CreditAct<'a> {
    pub(crate) target: Cow<'a, str>,
    pub(crate) kind: Kind,
    /// As of the act.
    pub(crate) votes: f32,
}

/// A row as a line has it.
#[derive(Deserialize, Serialize)]
struct Line<'a> {
    actor: Cow<'a, str>,
    target: Option<Cow<'a, str>>,
    kind: Option<Cow<'a, str>>,
    at: Cow<'a, str>,
    votes: Option<f32>,
    rate: f32,
    half_life_ms: i64,
    window_ms: i64,
}

/// Writes credits.
pub(crate) enum CreditsWriter<W: Write + Send> {
    Json(BufWriter<W>),
    Csv(Box<csv::Writer<W>>),
    Parquet(Box<Groups<W>>),
}

impl<W: Write + Send> CreditsWriter<W> {
    pub(crate) fn new(write: W, format: TableFormat) -> Result<CreditsWriter<W>, WriteError> {
        Ok(match format {
            TableFormat::Lines(ScoreFormat::Json) => CreditsWriter::Json(BufWriter::with_capacity(BUFFER_BYTES, write)),
            TableFormat::Lines(ScoreFormat::Csv) => {
                let mut builder = csv::WriterBuilder::new();
                let mut writer = builder.has_headers(false).buffer_capacity(BUFFER_BYTES).from_writer(write);
                // Also where there is no row.
                writer.write_record(COLUMNS).map_err(csv_failed)?;
                CreditsWriter::Csv(Box::new(writer))
            }
            TableFormat::Parquet => CreditsWriter::Parquet(Box::new(Groups::new(write, WHAT, shape()?)?)),
        })
    }

    pub(crate) fn write(&mut self, row: &CreditRow<'_>) -> Result<(), WriteError> {
        match self {
            CreditsWriter::Json(write) => {
                serde_json::to_writer(&mut *write, &row.line()?).map_err(io::Error::from)?;
                Ok(write.write_all(b"\n")?)
            }
            CreditsWriter::Csv(writer) => writer.serialize(row.line()?).map_err(csv_failed),
            CreditsWriter::Parquet(groups) => push(groups, row),
        }
    }

    pub(crate) fn finish(self) -> Result<W, WriteError> {
        match self {
            CreditsWriter::Json(write) => Ok(write.into_inner().map_err(io::IntoInnerError::into_error)?),
            CreditsWriter::Csv(writer) => {
                Ok(writer.into_inner().map_err(|error| io::Error::other(error.error().to_string()))?)
            }
            CreditsWriter::Parquet(groups) => groups.finish(),
        }
    }
}

/// An error of the file under it stays what it is.
fn csv_failed(error: csv::Error) -> WriteError {
    WriteError::Io(error.into())
}

const COLUMNS: [&str; 8] = ["actor", "target", "kind", "at", "votes", "rate", "half_life_ms", "window_ms"];

fn shape() -> Result<Vec<(TypePtr, Column)>, WriteError> {
    let text = || Some(LogicalType::String);
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let none = || Column::TextOrNone(Vec::new(), Vec::new());
    let whole = || Column::Whole(Vec::new());
    let [actor, target, kind, at, votes, rate, half_life_ms, window_ms] = COLUMNS;
    Ok(vec![
        (field(actor, Physical::BYTE_ARRAY, text(), true)?, Column::Text(Vec::new())),
        (field(target, Physical::BYTE_ARRAY, text(), false)?, none()),
        (field(kind, Physical::BYTE_ARRAY, text(), false)?, none()),
        (field(at, Physical::INT64, Some(time), true)?, whole()),
        (field(votes, Physical::FLOAT, None, false)?, Column::SingleOrNone(Vec::new(), Vec::new())),
        (field(rate, Physical::FLOAT, None, true)?, Column::Single(Vec::new())),
        (field(half_life_ms, Physical::INT64, None, true)?, whole()),
        (field(window_ms, Physical::INT64, None, true)?, whole()),
    ])
}

fn push<W: Write + Send>(groups: &mut Groups<W>, row: &CreditRow<'_>) -> Result<(), WriteError> {
    let act = row.act.as_ref();
    let mut columns = groups.columns();
    let mut next = || columns.next().ok_or_else(|| WriteError::Io(io::Error::other("a column too many")));
    next()?.push_text(&row.actor);
    next()?.push_text_or_none(act.map(|act| &*act.target));
    next()?.push_text_or_none(act.map(|act| act.kind.word()));
    next()?.push_part(Part::Time(row.at));
    next()?.push_single_or_none(act.map(|act| act.votes));
    next()?.push_single(row.rate);
    next()?.push_part(Part::Time(row.half_life_ms));
    next()?.push_part(Part::Time(row.window_ms));
    groups.end_row()
}

impl CreditRow<'_> {
    fn line(&self) -> Result<Line<'_>, WriteError> {
        let at = rfc3339(self.at).ok_or_else(|| io::Error::other(format!("no date can be given to {} ms", self.at)))?;
        let act = self.act.as_ref();
        Ok(Line {
            actor: Cow::Borrowed(&self.actor),
            target: act.map(|act| Cow::Borrowed(&*act.target)),
            kind: act.map(|act| act.kind.word().into()),
            at: at.into(),
            votes: act.map(|act| act.votes),
            rate: self.rate,
            half_life_ms: self.half_life_ms,
            window_ms: self.window_ms,
        })
    }

    /// Refuses numbers and times that no replay writes.
    fn check(&self) -> Result<(), String> {
        let votes = self.act.as_ref().map_or(0.0, |act| act.votes);
        for (what, number) in [("votes", votes), ("rate", self.rate)] {
            if !number.is_finite() || number < 0.0 {
                return Err(format!("{what} is {number}, which cannot be"));
            }
        }
        for (what, millis) in [("half_life_ms", self.half_life_ms), ("window_ms", self.window_ms)] {
            if millis <= 0 {
                return Err(format!("{what} is {millis}, not above 0"));
            }
        }
        let is_time = (-AT_MAX..=AT_MAX).contains(&self.at);
        if is_time { Ok(()) } else { Err(format!("at {} is not within {AT_MAX} of 1970", self.at)) }
    }
}

impl<'a> Line<'a> {
    fn row(self) -> Result<CreditRow<'a>, String> {
        let at = parse_time(&self.at).map_err(|_| format!("at is no time: {:?}", self.at))?;
        let act = act(self.target, self.kind.as_deref(), self.votes)?;
        let Line { actor, rate, half_life_ms, window_ms, .. } = self;
        Ok(CreditRow { actor, act, at, rate, half_life_ms, window_ms })
    }
}

fn act<'a>(
    target: Option<Cow<'a, str>>,
    kind: Option<&str>,
    votes: Option<f32>,
) -> Result<Option<CreditAct<'a>>, String> {
    match (target, kind, votes) {
        (None, None, None) => Ok(None),
        (Some(target), Some(word), Some(votes)) => {
            let kind = Kind::of_word(word).ok_or_else(|| format!("no kind is called {word:?}"))?;
            Ok(Some(CreditAct { target, kind, votes }))
        }
        _ => Err("of target, kind and votes it has some and not all".to_owned()),
    }
}

/// Calls with every row of a table of credits, in its order.
///
/// # Errors
/// If the file cannot be read, or a row says what cannot be.
pub(crate) fn read_credits(
    path: &Path,
    interrupt: &Interrupt,
    mut take: impl FnMut(CreditRow<'static>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let refused = |reason| refused_as(WHAT, path, reason);
    let mut count = 0;
    let mut take = |row: Result<CreditRow<'static>, String>| -> Result<(), Failure> {
        count += 1;
        if count % LINES == 0 && interrupt.is_asked() {
            return Err(Stop::Interrupted.into());
        }
        let row = row.and_then(|row| row.check().map(|()| row));
        take(row.map_err(|what| refused(format!("row {count}: {what}")))?)
    };
    if is_parquet(path) {
        return columns(path, &mut take);
    }
    let input = Input::open(path, None, &BytesRead::default(), interrupt)?;
    if input.read.begins_with(b'{') {
        for line in BufReader::new(input.read).lines() {
            let line = line.map_err(|error| refused(error.to_string()))?;
            take(serde_json::from_str::<Line<'static>>(&line).map_err(|error| error.to_string()).and_then(Line::row))?;
        }
        return Ok(());
    }
    let mut reader = csv::Reader::from_reader(input.read);
    let rows = reader.deserialize::<Line<'static>>();
    rows.map(|line| line.map_err(|error| error.to_string()).and_then(Line::row)).try_for_each(take)
}

fn columns(
    path: &Path,
    mut take: impl FnMut(Result<CreditRow<'static>, String>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let refused = |reason: String| refused_as(WHAT, path, reason);
    let file = File::open(path).map_err(|error| refused(error.to_string()))?;
    let reader = SerializedFileReader::new(file).map_err(|error| refused(error.to_string()))?;
    for row in reader.get_row_iter(None).map_err(|error| refused(error.to_string()))? {
        let row = row.map_err(|error| refused(error.to_string()))?;
        take(row_of(row.get_column_iter()))?;
    }
    Ok(())
}

fn row_of<'r>(columns: impl Iterator<Item = (&'r String, &'r Field)>) -> Result<CreditRow<'static>, String> {
    let (mut actor, mut target, mut kind) = (None, None, None);
    let (mut at, mut votes, mut rate, mut half_life_ms, mut window_ms) = (None, None, None, None, None);
    for (name, value) in columns {
        match (name.as_str(), value) {
            ("actor", Field::Str(text)) => actor = Some(text.clone().into()),
            ("target", Field::Str(text)) => target = Some(text.clone().into()),
            ("kind", Field::Str(text)) => kind = Some(text.as_str()),
            ("at", Field::TimestampMillis(time)) => at = Some(*time),
            ("at", Field::TimestampMicros(time)) => at = Some(time.div_euclid(1_000)),
            ("votes", value) => votes = number(value),
            ("rate", value) => rate = number(value),
            ("half_life_ms", Field::Long(millis)) => half_life_ms = Some(*millis),
            ("window_ms", Field::Long(millis)) => window_ms = Some(*millis),
            _ => {}
        }
    }
    let missing = |name: &'static str| move || format!("it has no {name}");
    Ok(CreditRow {
        actor: actor.ok_or_else(missing("actor"))?,
        act: act(target, kind, votes)?,
        at: at.ok_or_else(missing("at"))?,
        rate: rate.ok_or_else(missing("rate"))?,
        half_life_ms: half_life_ms.ok_or_else(missing("half_life_ms"))?,
        window_ms: window_ms.ok_or_else(missing("window_ms"))?,
    })
}

fn number(value: &Field) -> Option<f32> {
    match value {
        Field::Float(number) => Some(*number),
        Field::Double(number) => Some(*number as f32),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<CreditRow<'static>> {
        let row = |actor: &'static str, act, rate| CreditRow {
            actor: actor.into(),
            act,
            at: 1_600_000_000_123,
            rate,
            half_life_ms: 86_400_000,
            window_ms: 6 * 86_400_000,
        };
        let act = |target: &'static str, kind, votes| Some(CreditAct { target: target.into(), kind, votes });
        vec![
            row("ana", act("bo", Kind::Mention, 0.1), 1.0 / 3.0),
            row("é, \"quoted\"\n", act("{\"", Kind::Like, f32::MIN_POSITIVE), 0.0),
            row("null", None, 1e-20),
            row("-1", act("1e5", Kind::Retweet, 16_777_217.0), f32::MAX),
        ]
    }

    #[test]
    fn what_is_written_is_read_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.ndjson", "a.csv", "a.parquet"] {
            for rows in [rows(), Vec::new()] {
                let path = folder.path().join(name);
                let format = TableFormat::of(&path).unwrap();
                let mut writer = CreditsWriter::new(File::create(&path).unwrap(), format).unwrap();
                rows.iter().for_each(|row| writer.write(row).unwrap());
                drop(writer.finish().unwrap());
                let mut read = Vec::new();
                let interrupt = Interrupt::install();
                read_credits(&path, &interrupt, |row| {
                    read.push(row);
                    Ok(())
                })
                .unwrap();
                assert_eq!(read, rows, "{name}");
            }
        }
    }

    #[test]
    fn what_cannot_be_is_refused_by_its_row() {
        let folder = tempfile::tempdir().unwrap();
        let good = "ana,bo,mention,2025-01-01T00:00:00Z,1,1,5,5";
        for (line, reason) in [
            ("ana,,mention,2025-01-01T00:00:00Z,1,1,5,5", "of target, kind and votes it has some and not all"),
            ("ana,bo,poke,2025-01-01T00:00:00Z,1,1,5,5", "no kind is called \"poke\""),
            ("ana,bo,mention,soon,1,1,5,5", "at is no time: \"soon\""),
            ("ana,bo,mention,2025-01-01T00:00:00Z,-1,1,5,5", "votes is -1, which cannot be"),
            ("ana,bo,mention,2025-01-01T00:00:00Z,1,NaN,5,5", "rate is NaN, which cannot be"),
            ("ana,bo,mention,2025-01-01T00:00:00Z,1,1,0,5", "half_life_ms is 0, not above 0"),
            ("ana,bo,mention,2025-01-01T00:00:00Z,1,1,5", "found record with 7 fields"),
        ] {
            let path = folder.path().join("a.csv");
            std::fs::write(&path, format!("{}\n{good}\n{line}\n", COLUMNS.join(","))).unwrap();
            let error = read_credits(&path, &Interrupt::install(), |_| Ok(())).unwrap_err().to_string();
            assert!(error.contains("a table of credits: row 2: ") && error.contains(reason), "{line}: {error}");
        }
    }
}
