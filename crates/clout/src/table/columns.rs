//! Scores in Parquet, the format in which DuckDB, pandas and Spark read columns.

use std::fs::File;
use std::io::{self, Read, Write};
use std::mem;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::file::writer::SerializedFileWriter;
use parquet::record::Field;
use parquet::schema::types::{Type, TypePtr};
use vocabulary::{Part, Score, Timestamp};
use wire::{Called, Place, WriteError, seven_digits};

/// Rows that are held in memory, and can be read on their own.
const GROUP_ROWS: usize = 131_072;

/// Writes a table of scores by columns, a group of rows at a time.
pub(crate) struct ParquetWriter<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
    has_called: bool,
}

/// The values of one column in the rows that are not written yet.
enum Column {
    Text(Vec<ByteArray>),
    Number(Vec<f64>),
    /// Counts and times.
    Whole(Vec<i64>),
    /// Those that are known, and for each row whether it is.
    TextOrNone(Vec<ByteArray>, Vec<i16>),
    FlagOrNone(Vec<bool>, Vec<i16>),
}

impl<W: Write + Send> ParquetWriter<W> {
    pub(crate) fn new(write: W, has_called: bool) -> Result<ParquetWriter<W>, WriteError> {
        let (fields, columns) = shape(has_called)?;
        let schema = Type::group_type_builder("scores").with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("clout ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(write, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(ParquetWriter { file, columns, rows: 0, has_called })
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
        let mut columns = self.columns.iter_mut();
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
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left, and the file's end.
    pub(crate) fn finish(mut self) -> Result<W, WriteError> {
        if self.rows > 0 {
            self.write_group()?;
        }
        self.file.into_inner().map_err(failed)
    }

    fn write_group(&mut self) -> Result<(), WriteError> {
        let mut group = self.file.next_row_group().map_err(failed)?;
        for column in &mut self.columns {
            let Some(mut writer) = group.next_column().map_err(failed)? else { break };
            column.write_to(writer.untyped()).and_then(|()| writer.close()).map_err(failed)?;
        }
        group.close().map_err(failed)?;
        self.rows = 0;
        Ok(())
    }
}

impl Column {
    fn push_text(&mut self, text: &str) {
        if let Column::Text(values) = self {
            values.push(text.into());
        }
    }

    fn push_part(&mut self, part: Part) {
        match (self, part) {
            (Column::Number(values), Part::Number(number)) => values.push(seven_digits(number)),
            (Column::Whole(values), Part::Count(count)) => values.push(i64::try_from(count).unwrap_or(i64::MAX)),
            (Column::Whole(values), Part::Time(at)) => values.push(at),
            _ => {}
        }
    }

    fn push_text_or_none(&mut self, text: Option<&str>) {
        if let Column::TextOrNone(values, known) = self {
            known.push(text.is_some().into());
            values.extend(text.map(ByteArray::from));
        }
    }

    fn push_flag_or_none(&mut self, flag: Option<bool>) {
        if let Column::FlagOrNone(values, known) = self {
            known.push(flag.is_some().into());
            values.extend(flag);
        }
    }

    /// Leaves nothing behind.
    fn write_to(&mut self, writer: &mut ColumnWriter<'_>) -> Result<(), ParquetError> {
        match (self, writer) {
            (Column::Text(values), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), None, None)?
            }
            (Column::Number(values), ColumnWriter::DoubleColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), None, None)?
            }
            (Column::Whole(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), None, None)?
            }
            (Column::TextOrNone(values, known), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), Some(&mem::take(known)), None)?
            }
            (Column::FlagOrNone(values, known), ColumnWriter::BoolColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), Some(&mem::take(known)), None)?
            }
            _ => return Err(ParquetError::General("a column is not of the type that the schema says".to_owned())),
        };
        Ok(())
    }
}

/// The schema, and a place for the values of each column.
fn shape(has_called: bool) -> Result<(Vec<TypePtr>, Vec<Column>), WriteError> {
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
    Ok(shape.into_iter().unzip())
}

fn field(name: &str, physical: Physical, logical: Option<LogicalType>, is_known: bool) -> Result<TypePtr, WriteError> {
    let repetition = if is_known { Repetition::REQUIRED } else { Repetition::OPTIONAL };
    let builder = Type::primitive_type_builder(name, physical).with_repetition(repetition).with_logical_type(logical);
    builder.build().map(Arc::new).map_err(failed)
}

/// An error of the file under it stays what it is.
fn failed(error: ParquetError) -> WriteError {
    match error {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(error) => WriteError::Io(*error),
            Err(cause) => WriteError::Io(io::Error::other(cause)),
        },
        error => WriteError::Io(io::Error::other(error)),
    }
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
