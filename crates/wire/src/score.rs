//! Scores as they are published: lines of JSON or CSV for people, protobuf for programs.

use std::io::{self, BufWriter, Write};

use prost::Message;
use serde::ser::{Serialize, SerializeMap, Serializer};
use vocabulary::{Part, Score, Timestamp};

use crate::write::csv_field;
use crate::{Malformed, WriteError, accept, proto, protobuf, score_json, time};

/// What is given to the system at once.
const BUFFER_BYTES: usize = 256 << 10;

/// Digits of a number that are written: scores are exact to about four.
const DIGITS: usize = 7;
/// Powers of ten that an `f64` holds exactly.
const POWERS: [f64; 17] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16];

/// How a table of scores is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScoreFormat {
    /// One JSON object a line.
    Json,
    /// One line a user under a header.
    Csv,
}

/// Where a person stands among everybody who is rated, at the moment of the table.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Place {
    /// 1 is the highest.
    pub rank: u64,
    /// 0 to 100: the share of rated people whose score is lower.
    pub percentile: f64,
}

/// What an account's network calls it. `None` is what is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Called<'a> {
    /// The name in posts, without `@`. It may change, and change hands.
    pub handle: Option<&'a str>,
    /// The name that the account shows.
    pub display_name: Option<&'a str>,
    /// Whether the network says that it is a program.
    pub is_bot: Option<bool>,
    /// The language that it mostly writes in.
    pub language: Option<&'a str>,
    /// The country that its profile declares.
    pub country: Option<&'a str>,
}

/// Writes a table of scores, one line a user, with the same columns in every format. It buffers; `finish` says whether everything arrived.
pub struct ScoreWriter<W: Write> {
    write: BufWriter<W>,
    format: ScoreFormat,
    line: Vec<u8>,
    has_header: bool,
    /// Whether there are columns for what networks call the accounts.
    has_called: bool,
    /// The last time that was written and its date: in one table it is nearly always the same.
    as_of: Option<(Timestamp, String)>,
}

impl<W: Write> ScoreWriter<W> {
    /// A writer from the beginning of a file.
    pub fn new(write: W, format: ScoreFormat) -> Self {
        let write = BufWriter::with_capacity(BUFFER_BYTES, write);
        Self { write, format, line: Vec::new(), has_header: false, has_called: false, as_of: None }
    }

    /// The same, with columns for what networks call the accounts.
    pub fn with_called(self) -> Self {
        Self { has_called: true, ..self }
    }

    /// Writes the line of one user. Numbers that are not counts have at most 7 significant digits.
    pub fn write(&mut self, user: &str, place: Place, score: &Score) -> Result<(), WriteError> {
        self.write_called(user, place, score, Called::default())
    }

    /// The same, with what the account is called, where there are columns for it.
    pub fn write_called(
        &mut self,
        user: &str,
        place: Place,
        score: &Score,
        called: Called<'_>,
    ) -> Result<(), WriteError> {
        let called = self.has_called.then_some(called);
        refuse_not_finite(user, score)?;
        let date = self.date(user, score.as_of)?;
        self.line.clear();
        match self.format {
            ScoreFormat::Json => json(&Line { user, place, score, as_of: &date, called }, &mut self.line)?,
            ScoreFormat::Csv => csv(&Line { user, place, score, as_of: &date, called }, &mut self.line)?,
        }
        self.as_of = Some((score.as_of, date));
        self.write_header()?;
        self.write.write_all(&self.line)?;
        Ok(())
    }

    /// Writes what is left, the header of an empty CSV file included, and gives the file back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        self.write_header()?;
        self.write.flush()?;
        self.write.into_inner().map_err(|error| WriteError::Io(error.into_error()))
    }

    fn date(&mut self, user: &str, as_of: Timestamp) -> Result<String, WriteError> {
        match self.as_of.take() {
            Some((last, date)) if last == as_of => Ok(date),
            _ => time::rfc3339(as_of).ok_or_else(|| WriteError::AsOf { user: user.to_owned(), as_of }),
        }
    }

    fn write_header(&mut self) -> io::Result<()> {
        if self.format == ScoreFormat::Csv && !self.has_header {
            let (place, score) = (Place::default(), Score::default());
            let names: Vec<&str> = parts(place, &score).map(|(name, _)| name).collect();
            let called = if self.has_called { ",handle,display_name,is_bot,language,country" } else { "" };
            writeln!(self.write, "user,rank,{}{called}", names.join(","))?;
        }
        self.has_header = true;
        Ok(())
    }
}

/// Appends the protobuf message of a score, without a length before it.
pub fn encode_score(user: &str, score: &Score, model_version: u32, out: &mut Vec<u8>) {
    protobuf::score_message(user, score, model_version).encode_raw(out);
}

/// The score that a message holds, protobuf or JSON, and whose it is: what was encoded, bit for bit, except that a negative zero
/// comes back as zero.
pub fn decode_score(bytes: &[u8]) -> Result<(String, Score), Malformed> {
    decode_versioned_score(bytes).map(|(user, score, _)| (user, score))
}

/// Likewise, with the version of the model that it comes from.
pub fn decode_versioned_score(bytes: &[u8]) -> Result<(String, Score, u32), Malformed> {
    if score_json::is_json(bytes) {
        return score_json::decode_score(bytes);
    }
    of_message(proto::Score::decode(bytes).map_err(|error| protobuf::malformed(bytes, &error))?)
}

/// The score of a message, whose it is, and the version of the model.
pub(crate) fn of_message(message: proto::Score) -> Result<(String, Score, u32), Malformed> {
    accept::name("user", &message.user)?;
    let model_version = message.model_version;
    let (user, score) = protobuf::score(message);
    let previous = score.previous.filter(|previous| !previous.is_finite()).map(|previous| ("previous", previous));
    match first_not_finite(&score).or(previous) {
        Some((part, number)) => Err(Malformed::Field(format!("{part} is {number}, not a finite number"))),
        None => Ok((user, score, model_version)),
    }
}

fn refuse_not_finite(user: &str, score: &Score) -> Result<(), WriteError> {
    match first_not_finite(score) {
        Some((part, number)) => Err(WriteError::NotFinite { user: user.to_owned(), part, number }),
        None => Ok(()),
    }
}

/// The first part that is no finite number, by its name.
fn first_not_finite(score: &Score) -> Option<(&'static str, f64)> {
    score.parts().find_map(|(name, part)| match part {
        Part::Number(number) if !number.is_finite() => Some((name, number)),
        _ => None,
    })
}

/// All columns of a table but those of the name and the rank, in its order. Numbers are not rounded yet.
///
/// # Errors
/// If a number is not finite: no format can hold it.
pub fn columns<'s>(
    user: &str,
    place: Place,
    score: &'s Score,
) -> Result<impl Iterator<Item = (&'static str, Part)> + use<'s>, WriteError> {
    refuse_not_finite(user, score)?;
    Ok(parts(place, score))
}

/// The percentile stands before the time that it is of.
fn parts(place: Place, score: &Score) -> impl Iterator<Item = (&'static str, Part)> {
    score.parts().flat_map(move |(name, part)| {
        let percentile = ("percentile", Part::Number(place.percentile));
        matches!(part, Part::Time(_)).then_some(percentile).into_iter().chain([(name, part)])
    })
}

/// One line of a table.
struct Line<'a> {
    user: &'a str,
    place: Place,
    score: &'a Score,
    /// The time of the score, written.
    as_of: &'a str,
    called: Option<Called<'a>>,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry("user", self.user)?;
        line.serialize_entry("rank", &self.place.rank)?;
        for (name, part) in parts(self.place, self.score) {
            match part {
                Part::Number(number) => line.serialize_entry(name, &seven_digits(number))?,
                Part::Count(count) => line.serialize_entry(name, &count)?,
                Part::Time(_) => line.serialize_entry(name, self.as_of)?,
            }
        }
        if let Some(called) = self.called {
            line.serialize_entry("handle", &called.handle)?;
            line.serialize_entry("display_name", &called.display_name)?;
            line.serialize_entry("is_bot", &called.is_bot)?;
            line.serialize_entry("language", &called.language)?;
            line.serialize_entry("country", &called.country)?;
        }
        line.end()
    }
}

/// A number with at most 7 significant digits: the nearest that has no more. What is not finite stays as it is.
pub fn seven_digits(number: f64) -> f64 {
    let size = number.abs();
    if !(1e-9..1e15).contains(&size) {
        return match number.is_finite() && number != 0.0 {
            true => format!("{number:.*e}", DIGITS - 1).parse().unwrap_or(number),
            false => number,
        };
    }
    let digits_before_point = POWERS.partition_point(|&power| power <= size);
    let zeros_behind_point = POWERS[1..].iter().take_while(|&power| size * power < 1.0).count();
    // Whole numbers of 7 digits and these powers are exact: one division or product rounds once.
    match (DIGITS + zeros_behind_point).checked_sub(digits_before_point) {
        Some(places) => (number * POWERS[places]).round() / POWERS[places],
        None => {
            let power = POWERS[digits_before_point - DIGITS];
            (number / power).round() * power
        }
    }
}

fn json(line: &Line<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    serde_json::to_writer(&mut *out, line)?;
    out.push(b'\n');
    Ok(())
}

fn csv(line: &Line<'_>, out: &mut Vec<u8>) -> io::Result<()> {
    let mut digits = zmij::Buffer::new();
    csv_field(line.user, out);
    write!(out, ",{}", line.place.rank)?;
    for (_, part) in parts(line.place, line.score) {
        out.push(b',');
        match part {
            Part::Number(number) => out.extend_from_slice(digits.format_finite(seven_digits(number)).as_bytes()),
            Part::Count(count) => write!(out, "{count}")?,
            Part::Time(_) => out.extend_from_slice(line.as_of.as_bytes()),
        }
    }
    if let Some(called) = line.called {
        for name in [called.handle, called.display_name] {
            out.push(b',');
            name.into_iter().for_each(|name| csv_field(name, out));
        }
        out.push(b',');
        called.is_bot.into_iter().for_each(|is_bot| out.extend_from_slice(is_bot.to_string().as_bytes()));
        for code in [called.language, called.country] {
            out.push(b',');
            code.into_iter().for_each(|code| csv_field(code, out));
        }
    }
    out.push(b'\n');
    Ok(())
}
