//! Scores in Parquet, the format in which DuckDB, pandas and Spark read columns.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use parquet::basic::{LogicalType, TimeUnit, Type as Physical};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};
use vocabulary::{Part, Score, Timestamp};
use wire::{Called, Place, WriteError};

use super::groups::{Column, Groups, field};

/// Writes a table of scores by columns, a group of rows at a time.
pub(crate) struct ParquetWriter<W: Write + Send> {
    groups: Groups<W>,
    has_called: bool,
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(write: W, has_called: bool) -> Result<ParquetWriter<W>, WriteError> {
        Ok(ParquetWriter { groups: Groups::new(write, "scores", shape(has_called)?)?, has_called })
    }

    pub(crate) fn write(
        &mut self,
        user: &str,
        place: Place,
        score: &Score,
        called: Called<'_>,
    ) -> Result<(), WriteError> {
        let rank = Part::Count(place.rank);
        let parts = [("rank", rank)].into_iter().chain(wire::columns(user, place, score)?);
        let mut columns = self.groups.columns();
        let mut next = || columns.next().ok_or_else(|| WriteError::Io(io::Error::other("a column too many")));
        next()?.push_text(user);
        for (_, part) in parts {
            next()?.push_part(part);
        }
        if self.has_called {
            next()?.push_text_or_none(called.handle);
            next()?.push_text_or_none(called.display_name);
            next()?.push_flag_or_none(called.is_bot);
            next()?.push_text_or_none(called.language);
            next()?.push_text_or_none(called.country);
        }
        self.groups.end_row()
    }

    /// Writes what is left, and the file's end.
    pub(crate) fn finish(self) -> Result<W, WriteError> {
        self.groups.finish()
    }
}

/// The schema, and a place for the values of each column.
fn shape(has_called: bool) -> Result<Vec<(TypePtr, Column)>, WriteError> {
    let count = || LogicalType::integer(64, false);
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let (place, score) = (Place::default(), Score::default());
    let mut shape = vec![
        (field("user", Physical::BYTE_ARRAY, Some(LogicalType::String), true)?, Column::Text(Vec::new())),
        (field("rank", Physical::INT64, Some(count()), true)?, Column::Whole(Vec::new())),
    ];
    for (name, part) in wire::columns("", place, &score)? {
        shape.push(match part {
            Part::Number(_) => (field(name, Physical::DOUBLE, None, true)?, Column::Number(Vec::new())),
            Part::Count(_) => (field(name, Physical::INT64, Some(count()), true)?, Column::Whole(Vec::new())),
            Part::Time(_) => (field(name, Physical::INT64, Some(time.clone()), true)?, Column::Whole(Vec::new())),
        });
    }
    if has_called {
        let text = |name| -> Result<_, WriteError> {
            let text = field(name, Physical::BYTE_ARRAY, Some(LogicalType::String), false)?;
            Ok((text, Column::TextOrNone(Vec::new(), Vec::new())))
        };
        shape.extend([text("handle")?, text("display_name")?]);
        shape.push((field("is_bot", Physical::BOOLEAN, None, false)?, Column::FlagOrNone(Vec::new(), Vec::new())));
        shape.extend([text("language")?, text("country")?]);
    }
    Ok(shape)
}

/// Returns true if the file begins with the magic number of Parquet.
pub(crate) fn is_parquet(path: &Path) -> bool {
    let mut begin = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut begin)).is_ok() && &begin == b"PAR1"
}

/// A line of a table that is read back.
#[derive(Debug, PartialEq)]
pub(crate) struct ScoreLine {
    pub(crate) user: String,
    pub(crate) score: f64,
    pub(crate) as_of: Option<Timestamp>,
}

/// The users, scores and times of a table, whoever wrote it.
pub(crate) fn read_scores(path: &Path) -> Result<Vec<ScoreLine>, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(|error| error.to_string())?;
    let schema = reader.metadata().file_metadata().schema();
    let wanted = |field: &&TypePtr| ["user", "score", "as_of"].contains(&field.name());
    let fields = schema.get_fields().iter().filter(wanted).cloned().collect();
    let projection = Type::group_type_builder(schema.name()).with_fields(fields).build();
    let projection = projection.map_err(|error| error.to_string())?;
    let rows = reader.get_row_iter(Some(projection)).map_err(|error| error.to_string())?;
    rows.map(|row| {
        let row = row.map_err(|error| error.to_string())?;
        let (mut user, mut score, mut as_of) = (None, None, None);
        for (name, field) in row.get_column_iter() {
            match (name.as_str(), field) {
                ("user", Field::Str(text)) => user = Some(text.clone()),
                ("score", Field::Double(number)) => score = Some(*number),
                ("score", Field::Float(number)) => score = Some(f64::from(*number)),
                ("as_of", Field::TimestampMillis(at)) => as_of = Some(*at),
                ("as_of", Field::TimestampMicros(at)) => as_of = Some(at.div_euclid(1000)),
                _ => {}
            }
        }
        let user = user.ok_or("it has no column `user` of texts")?;
        let score = score.ok_or("it has no column `score` of numbers")?;
        Ok(ScoreLine { user, score, as_of })
    })
    .collect()
}
