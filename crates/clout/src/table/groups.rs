//! Columns of Parquet, and the groups of rows in which they are written.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{Type, TypePtr};
use vocabulary::Part;
use wire::{WriteError, seven_digits};

/// Rows that are held in memory, and can be read on their own.
const GROUP_ROWS: usize = 131_072;

/// Writes columns, a group of rows at a time.
pub(crate) struct Groups<W: Write + Send> {
    file: SerializedFileWriter<W>,
    columns: Vec<Column>,
    rows: usize,
}

/// The values of one column in the rows that are not written yet.
pub(super) enum Column {
    Text(Vec<ByteArray>),
    Number(Vec<f64>),
    /// Numbers of 32 bits, all of which are kept.
    Single(Vec<f32>),
    /// Counts and times.
    Whole(Vec<i64>),
    /// Those that are known, and for each row whether it is.
    TextOrNone(Vec<ByteArray>, Vec<i16>),
    SingleOrNone(Vec<f32>, Vec<i16>),
    FlagOrNone(Vec<bool>, Vec<i16>),
}

impl<W: Write + Send> Groups<W> {
    pub(super) fn new(write: W, name: &str, shape: Vec<(TypePtr, Column)>) -> Result<Groups<W>, WriteError> {
        let (fields, columns) = shape.into_iter().unzip();
        let schema = Type::group_type_builder(name).with_fields(fields).build().map_err(failed)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_created_by(concat!("clout ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        let file = SerializedFileWriter::new(write, Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        Ok(Groups { file, columns, rows: 0 })
    }

    /// The columns, each of which takes one value of a row.
    pub(super) fn columns(&mut self) -> std::slice::IterMut<'_, Column> {
        self.columns.iter_mut()
    }

    /// Every column has its value of the row.
    pub(super) fn end_row(&mut self) -> Result<(), WriteError> {
        self.rows += 1;
        if self.rows == GROUP_ROWS { self.write_group() } else { Ok(()) }
    }

    /// Writes what is left, and the file's end.
    pub(super) fn finish(mut self) -> Result<W, WriteError> {
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
    pub(super) fn push_text(&mut self, text: &str) {
        if let Column::Text(values) = self {
            values.push(text.into());
        }
    }

    pub(super) fn push_part(&mut self, part: Part) {
        match (self, part) {
            (Column::Number(values), Part::Number(number)) => values.push(seven_digits(number)),
            (Column::Whole(values), Part::Count(count)) => values.push(i64::try_from(count).unwrap_or(i64::MAX)),
            (Column::Whole(values), Part::Time(at)) => values.push(at),
            _ => {}
        }
    }

    pub(super) fn push_single(&mut self, number: f32) {
        if let Column::Single(values) = self {
            values.push(number);
        }
    }

    pub(super) fn push_single_or_none(&mut self, number: Option<f32>) {
        if let Column::SingleOrNone(values, known) = self {
            known.push(number.is_some().into());
            values.extend(number);
        }
    }

    pub(super) fn push_text_or_none(&mut self, text: Option<&str>) {
        if let Column::TextOrNone(values, known) = self {
            known.push(text.is_some().into());
            values.extend(text.map(ByteArray::from));
        }
    }

    pub(super) fn push_flag_or_none(&mut self, flag: Option<bool>) {
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
            (Column::Single(values), ColumnWriter::FloatColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), None, None)?
            }
            (Column::Whole(values), ColumnWriter::Int64ColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), None, None)?
            }
            (Column::TextOrNone(values, known), ColumnWriter::ByteArrayColumnWriter(writer)) => {
                writer.write_batch(&mem::take(values), Some(&mem::take(known)), None)?
            }
            (Column::SingleOrNone(values, known), ColumnWriter::FloatColumnWriter(writer)) => {
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

/// A column of a schema.
pub(super) fn field(
    name: &str,
    physical: Physical,
    logical: Option<LogicalType>,
    is_known: bool,
) -> Result<TypePtr, WriteError> {
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
