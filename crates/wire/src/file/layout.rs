//! How one file is written, found out by looking at its first records.
//!
//! A format is believed only when most of the first records are events in it, so that a picture, a page or a novel is
//! none. What is guessed beyond the format, as which column is the time, is told as a [`Note`].

use vocabulary::Kind;

use super::columns::{Column, Columns};
use super::csv::{BLANKS, DELIMITERS, Header, Rows, said_delimiter};
use super::frames::{Length, length};
use super::lines::{is_record, without_byte_order_mark};
use super::objects::Objects;
use super::{Format, snap};
use crate::event::text;
use crate::json::{self, Keys, Terms};
use crate::kind::KindWords;
use crate::time::{TimeFormat, TimeReader, Times, format_of_digits};
use crate::{Encoding, EventDecoder, Malformed};

/// What is looked at, unless the first line is longer.
const HEAD_BYTES_MAX: usize = 64 << 10;
/// Records that are tried: enough to outvote a few that are malformed.
const SAMPLE_RECORDS: usize = 100;
/// Values that a note shows.
const SHOWN_MAX: usize = 3;
/// 1971: what is meant to be a time lies behind it, where a number could be anything.
const PLAUSIBLE_MS_MIN: i64 = 365 * 86_400_000;

/// What people say about files of events, beside their format.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Words for kinds, and the kind of events that name none.
    pub kinds: KindWords,
    /// Where actors, targets, times and kinds are.
    pub columns: Columns,
    /// How times are written.
    pub times: Times,
}

impl Default for Reading {
    /// What is usual: events that name no kind are mentions, and dates alone are midnight in UTC.
    fn default() -> Reading {
        let times = Times::of_files(None, None);
        Reading { kinds: KindWords::new(Some(Kind::Mention)), columns: Columns::default(), times }
    }
}

/// How the records of one file are to be read.
#[derive(Clone, Debug)]
pub struct Layout {
    pub(super) shape: Shape,
    pub(super) kinds: KindWords,
    pub(super) times: Times,
    pub(super) has_percent_comments: bool,
    has_events: bool,
    notes: Vec<Note>,
}

#[derive(Clone, Debug)]
pub(super) enum Shape {
    Snap,
    Table {
        header: Header,
        /// Lines before the first row that are records to `Lines`: the header, `sep=;`.
        lines_before_rows: u8,
    },
    /// A table whose header lies beyond what was looked at.
    TableBelow(Columns),
    Json {
        /// Objects do not stand on a line each.
        is_scattered: bool,
        type_is_other: bool,
        keys: Option<Keys>,
    },
    Protobuf,
}

/// What was guessed about a file, for people to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// A column or key is called as if it held the kind, and none of its first values is one.
    TypeIsOther {
        /// Its name.
        column: String,
        /// Some of its values.
        values: Vec<String>,
    },
    /// There is no header.
    NoHeader {
        /// The columns of actor, target and time, from 1.
        columns: [usize; 3],
        /// That of the kind, if it is read.
        kind: Option<usize>,
    },
    /// The third column holds weights, which are not used, and the fourth the time.
    Weights,
    /// Columns were said by number, and the first line is a header all the same.
    HeaderSkipped,
    /// Numbers are read as dates.
    NumbersAreDates {
        /// The first of them.
        example: String,
        /// The pattern.
        format: &'static str,
    },
}

/// Why a file is in no known format: the one that is nearest, and what is wrong with its first record there.
#[derive(Clone, Debug, PartialEq)]
pub struct Unrecognised {
    /// The nearest format.
    pub nearest: Format,
    /// The line, or in a binary file the record, from 1.
    pub line: u64,
    /// What is wrong there.
    pub reason: Reason,
}

/// What is wrong with a first record.
#[derive(Clone, Debug, PartialEq)]
pub enum Reason {
    /// It is no event.
    Record(Malformed),
    /// A table's header lacks a column; which one, and which there are.
    Header(String),
    /// There is no record at all.
    Nothing,
}

impl Layout {
    /// The layout of a file by its first bytes, in the format that is given or in the one that fits. Of `head` at most
    /// 64 KiB are looked at, or its first line if that is longer.
    ///
    /// # Errors
    /// If the file looks like no format, or lacks what the given one needs. A file without a record, empty or of
    /// comments and blank lines only, could be in any text format: [`Reason::Nothing`] unless one is given.
    pub fn of(head: &[u8], given: Option<Format>, reading: &Reading) -> Result<Layout, Unrecognised> {
        Looking::at(head, reading).layout(given)
    }

    /// The format.
    pub fn format(&self) -> Format {
        match &self.shape {
            Shape::Snap => Format::Snap,
            Shape::Table { header, .. } if header.delimiter() == BLANKS => Format::Snap,
            Shape::Table { .. } | Shape::TableBelow(_) => Format::Csv,
            Shape::Json { .. } => Format::Json,
            Shape::Protobuf => Format::Protobuf,
        }
    }

    /// False where the first records are whole and no acts, so that the file may be of something else.
    pub fn has_events(&self) -> bool {
        self.has_events
    }

    /// What was guessed.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    /// What keys and words mean in its JSON.
    pub(super) fn terms(&self) -> Terms {
        let (type_is_other, keys) = match &self.shape {
            Shape::Json { type_is_other, keys, .. } => (*type_is_other, keys.clone()),
            _ => (false, None),
        };
        Terms { kinds: self.kinds.clone(), times: TimeReader::new(self.times.clone()), type_is_other, keys }
    }
}

/// The first records of a file, and what is known about it.
struct Looking<'h> {
    head: &'h [u8],
    lines: Vec<(u64, &'h [u8])>,
    has_percent_comments: bool,
    reading: &'h Reading,
}

/// How a sample fits.
#[derive(Default)]
struct Fit {
    events: usize,
    /// Whole, and no act.
    no_acts: usize,
    /// Events with a time that a mere number is not likely to be.
    plausible: usize,
    records: usize,
    first_is_event: bool,
    first_error: Option<(u64, Malformed)>,
}

impl Fit {
    fn add(&mut self, line: u64, event: Result<vocabulary::Event<'_>, Malformed>) {
        match event {
            Ok(event) => {
                self.events += 1;
                self.plausible += usize::from(event.at >= PLAUSIBLE_MS_MIN);
                self.first_is_event |= self.records == 0;
            }
            Err(malformed) if malformed.no_act().is_some() => {
                self.no_acts += 1;
                self.first_is_event |= self.records == 0;
                self.first_error.get_or_insert((line, malformed));
            }
            Err(malformed) => drop(self.first_error.get_or_insert((line, malformed))),
        }
        self.records += 1;
    }

    /// At least half of the records, and at least one, are events or no acts, and one of them is an event.
    fn holds(&self) -> bool {
        self.events > 0 && self.is_whole()
    }

    fn whole(&self) -> usize {
        self.events + self.no_acts
    }

    fn is_whole(&self) -> bool {
        self.whole() > 0 && 2 * self.whole() >= self.records
    }

    /// Without a header, times must be such that numbers of another meaning are not taken for them.
    fn holds_without_header(&self) -> bool {
        self.holds() && self.first_is_event && 2 * self.plausible >= self.events
    }
}

impl<'h> Looking<'h> {
    fn at(head: &'h [u8], reading: &'h Reading) -> Looking<'h> {
        let has_long_line = !head.iter().take(HEAD_BYTES_MAX).any(|byte| *byte == b'\n');
        let head = if has_long_line { head } else { &head[..head.len().min(HEAD_BYTES_MAX)] };
        let text = without_byte_order_mark(head);
        let first = text.split(|byte| *byte == b'\n').find(|line| is_record(line, false));
        let has_percent_comments = first.is_some_and(|line| line.trim_ascii_start().starts_with(b"%"));
        Looking { head, lines: sample(text, has_percent_comments), has_percent_comments, reading }
    }

    fn layout(&self, given: Option<Format>) -> Result<Layout, Unrecognised> {
        match given {
            Some(Format::Protobuf) => Ok(self.with(Shape::Protobuf, Vec::new())),
            Some(Format::Json) => Ok(self.json().0),
            Some(Format::Csv) => self.given_table(),
            Some(Format::Snap) => match self.list(&[BLANKS]) {
                Some(list) if !self.snap_fit().holds() => Ok(list),
                _ if !self.reading.columns.is_empty() => self.given_blanks(),
                _ => Ok(self.dated(self.with(Shape::Snap, Vec::new()))),
            },
            None => self.recognise(),
        }
    }

    fn recognise(&self) -> Result<Layout, Unrecognised> {
        let looks_json = self.lines.first().is_some_and(|(_, line)| begins_as_json(line));
        if looks_json {
            let (json, fit) = self.json();
            if fit.is_whole() {
                return Ok(Layout { has_events: fit.events > 0, ..json });
            }
        }
        if let Some(layout) = self.text(looks_json) {
            return Ok(layout);
        }
        let protobuf = self.protobuf_fit();
        match protobuf {
            Some(fit) if fit.holds() => Ok(self.with(Shape::Protobuf, Vec::new())),
            _ => Err(self.unrecognised(looks_json)),
        }
    }

    /// A table or list, as one of them fits.
    fn text(&self, looks_json: bool) -> Option<Layout> {
        if let Ok(table) = self.table(&DELIMITERS) {
            return Some(table);
        }
        if self.reading.columns.is_empty() {
            let snap = self.snap_fit();
            // A weight passes for a time, and the time behind it for a kind.
            if snap.holds() && snap.no_acts == 0 {
                return Some(self.dated(self.with(Shape::Snap, Vec::new())));
            }
            if let Some(list) = self.list(&[BLANKS]).or_else(|| self.list(&DELIMITERS)) {
                return Some(list);
            }
            // Blanks inside an object part no columns: what looks like one has to hold events.
            if !looks_json && snap.is_whole() {
                return Some(self.dated(self.with(Shape::Snap, Vec::new())));
            }
        } else if let Ok(blanks) = self.given_blanks() {
            return Some(blanks);
        }
        None
    }

    fn unrecognised(&self, looks_json: bool) -> Unrecognised {
        let Some((line, first)) = self.lines.first().copied() else {
            return Unrecognised { nearest: Format::Snap, line: 0, reason: Reason::Nothing };
        };
        if looks_json {
            let (line, malformed) = self.json().1.first_error.unwrap_or((line, Malformed::NoObject));
            return Unrecognised { nearest: Format::Json, line, reason: Reason::Record(malformed) };
        }
        let is_delimited =
            DELIMITERS.iter().any(|delimiter| first.iter().filter(|byte| *byte == delimiter).count() >= 2);
        match self.table(&DELIMITERS) {
            Err(refused) if is_delimited || !self.reading.columns.is_empty() => refused,
            _ => {
                let (line, malformed) = self.snap_fit().first_error.unwrap_or((line, Malformed::Missing("time")));
                Unrecognised { nearest: Format::Snap, line, reason: Reason::Record(malformed) }
            }
        }
    }

    fn with(&self, shape: Shape, notes: Vec<Note>) -> Layout {
        let Reading { kinds, times, .. } = self.reading;
        let has_percent_comments = self.has_percent_comments;
        Layout { shape, kinds: kinds.clone(), times: times.clone(), has_percent_comments, has_events: true, notes }
    }

    // ---- lists

    fn snap_fit(&self) -> Fit {
        let times = TimeReader::new(self.reading.times.clone());
        let mut fit = Fit::default();
        for (number, line) in &self.lines {
            fit.add(*number, text(line).and_then(|line| snap::event(line, &self.reading.kinds, &times)));
        }
        fit
    }

    /// Lines of columns under no header: with a weight before the time, or without one.
    fn list(&self, delimiters: &[u8]) -> Option<Layout> {
        delimiters.iter().find_map(|delimiter| {
            let weighted = Header::of_places(*delimiter, [0, 1, 3], None);
            if self.table_fit(&weighted, 0).holds_without_header() && self.has_weights(&weighted) {
                return Some(self.list_of(weighted, vec![Note::Weights]));
            }
            let plain = Header::of_places(*delimiter, [0, 1, 2], None);
            let with_kind = Header::of_places(*delimiter, [0, 1, 2], Some(3));
            // A kind that comes only later, or after words that are none, is told and not passed over.
            let mut with_other = with_kind.clone();
            with_other.kind_mut().into_iter().for_each(|kind| kind.is_other = true);
            let with_kinds = self.has_kind(&with_kind).then_some(with_kind);
            let fits = |header: &Header| *delimiter != BLANKS && self.table_fit(header, 0).holds_without_header();
            let header = with_kinds.into_iter().chain([with_other, plain]).find(fits)?;
            let kind = header.kind().filter(|kind| !kind.is_other).map(|_| 4);
            Some(self.list_of(header, vec![Note::NoHeader { columns: [1, 2, 3], kind }]))
        })
    }

    fn list_of(&self, header: Header, notes: Vec<Note>) -> Layout {
        self.dated(self.with(Shape::Table { header, lines_before_rows: 0 }, notes))
    }

    /// Whether some of the lines have a kind where this header says.
    fn has_kind(&self, header: &Header) -> bool {
        let mut rows = Rows::new(header.clone());
        self.lines.iter().any(|(_, line)| {
            rows.look_at(line);
            rows.parts(line).is_ok_and(|[.., kind]| self.reading.kinds.knows(kind.trim()))
        })
    }

    /// Whether the third column is a number wherever the fourth is a time.
    fn has_weights(&self, weighted: &Header) -> bool {
        let weight = Header::of_places(weighted.delimiter(), [0, 1, 2], None);
        let mut rows = Rows::new(weight);
        self.lines.iter().all(|(_, line)| {
            rows.look_at(line);
            rows.parts(line).map_or(true, |[_, _, weight, _]| weight.trim().parse::<f64>().is_ok())
        })
    }

    // ---- tables

    fn table_fit(&self, header: &Header, lines_before_rows: usize) -> Fit {
        let times = TimeReader::new(self.reading.times.clone());
        let mut rows = Rows::new(header.clone());
        let mut fit = Fit::default();
        for (number, line) in self.lines.iter().skip(lines_before_rows) {
            rows.look_at(line);
            fit.add(*number, rows.event(line, &self.reading.kinds, &times));
        }
        fit
    }

    fn given_table(&self) -> Result<Layout, Unrecognised> {
        match self.table(&DELIMITERS) {
            Ok(table) => Ok(table),
            Err(Unrecognised { reason: Reason::Nothing, .. }) => {
                Ok(self.with(Shape::TableBelow(self.reading.columns.clone()), Vec::new()))
            }
            Err(refused) if self.reading.columns.is_empty() => self.list(&DELIMITERS).ok_or(refused),
            Err(refused) => Err(refused),
        }
    }

    fn given_blanks(&self) -> Result<Layout, Unrecognised> {
        self.table(&[BLANKS])
    }

    /// A table whose header names its columns, or whose columns were said by their numbers.
    fn table(&self, delimiters: &[u8]) -> Result<Layout, Unrecognised> {
        let columns = &self.reading.columns;
        let nearest = if delimiters == [BLANKS] { Format::Snap } else { Format::Csv };
        let Some((_, first)) = self.lines.first() else {
            return Err(Unrecognised { nearest, line: 0, reason: Reason::Nothing });
        };
        let said = said_delimiter(first);
        let lines_before = usize::from(said.is_some());
        let said = said.map(|said| [said]);
        let delimiters = said.as_ref().map_or(delimiters, |said| &said[..]);
        let Some((line, header_line)) = self.lines.get(lines_before) else {
            return Err(Unrecognised { nearest, line: 1, reason: Reason::Nothing });
        };
        if columns.need_header() {
            let header = match delimiters {
                [BLANKS] => Header::from_separated(&blanks_as_tabs(header_line), columns, b'\t')
                    .map(|header| header.between(BLANKS)),
                [one] => Header::from_separated(header_line, columns, *one),
                _ => Header::from_line(header_line, columns),
            };
            let refused = |reason| Unrecognised { nearest, line: *line, reason: Reason::Header(reason) };
            let header = header.map_err(refused)?;
            return Ok(self.table_of(header, lines_before + 1, Vec::new()));
        }
        let fits = delimiters.iter().filter_map(|delimiter| {
            let header = Header::of_numbers(columns, *delimiter)?;
            let fit = self.table_fit(&header, lines_before);
            Some((header, fit))
        });
        let fits: Vec<(Header, Fit)> = fits.collect();
        let best = fits.into_iter().rev().max_by_key(|(_, fit)| fit.whole());
        match best {
            Some((header, fit)) if fit.is_whole() => {
                let is_header = !fit.first_is_event && self.lines.len() > lines_before + 1;
                let notes = if is_header { vec![Note::HeaderSkipped] } else { Vec::new() };
                Ok(self.table_of(header, lines_before + usize::from(is_header), notes))
            }
            Some((_, fit)) => {
                let (line, malformed) = fit.first_error.unwrap_or((*line, Malformed::Missing("time")));
                Err(Unrecognised { nearest, line, reason: Reason::Record(malformed) })
            }
            None => Err(Unrecognised { nearest, line: *line, reason: Reason::Nothing }),
        }
    }

    fn table_of(&self, mut header: Header, lines_before_rows: usize, mut notes: Vec<Note>) -> Layout {
        let mut rows = Rows::new(header.clone());
        let mut kinds = Vec::new();
        for (_, line) in self.lines.iter().skip(lines_before_rows) {
            rows.look_at(line);
            kinds.extend(rows.parts(line).ok().map(|[.., kind]| kind.trim().to_owned()));
        }
        if let Some(kind) = header.kind_mut().filter(|kind| kind.is_guess) {
            kind.is_other = self.is_other(&kinds);
            if kind.is_other {
                notes.push(Note::TypeIsOther { column: kind.name.clone(), values: shown(&kinds) });
            }
        }
        let lines_before_rows = lines_before_rows as u8;
        self.dated(self.with(Shape::Table { header, lines_before_rows }, notes))
    }

    /// Whether words that may be kinds are something else: there are some, and none of them is a kind.
    fn is_other(&self, words: &[String]) -> bool {
        words.iter().any(|word| !word.is_empty()) && !words.iter().any(|word| self.reading.kinds.knows(word))
    }

    // ---- JSON

    /// The layout of JSON, and how it fits. Objects that stand on a line each are read faster.
    fn json(&self) -> (Layout, Fit) {
        let keys = keys(&self.reading.columns);
        let lines: Vec<(u64, Vec<u8>)> = self.lines.iter().map(|(line, bytes)| (*line, bytes.to_vec())).collect();
        let fit = self.json_fit(&lines, &keys);
        let scattered = self.objects();
        let scattered_fit = self.json_fit(&scattered, &keys);
        // One object over several lines is several lines that are none; several on a line are one that is none.
        let begins_array = self.lines.first().is_some_and(|(_, line)| line.trim_ascii_start().starts_with(b"["));
        let is_scattered = scattered_fit.is_whole() && (begins_array || scattered_fit.whole() > fit.whole());
        let (records, fit) = if is_scattered { (scattered, scattered_fit) } else { (lines, fit) };
        let words = records.iter().filter_map(|(_, record)| json::type_word(text(record).ok()?));
        let words: Vec<String> = words.collect();
        let type_is_other = keys.is_none() && self.is_other(&words);
        let notes = match type_is_other {
            true => vec![Note::TypeIsOther { column: "type".to_owned(), values: shown(&words) }],
            false => Vec::new(),
        };
        let layout = self.with(Shape::Json { is_scattered, type_is_other, keys }, notes);
        let times: Vec<String> = {
            let terms = layout.terms();
            records.iter().filter_map(|(_, record)| json::time_text(text(record).ok()?, &terms)).collect()
        };
        (self.dated_by(layout, &times), fit)
    }

    fn json_fit(&self, records: &[(u64, Vec<u8>)], keys: &Option<Keys>) -> Fit {
        let terms = Terms {
            kinds: self.reading.kinds.clone(),
            times: TimeReader::new(self.reading.times.clone()),
            type_is_other: false,
            keys: keys.clone(),
        };
        let mut decoder = EventDecoder::with_terms(Encoding::Json, terms);
        let mut fit = Fit::default();
        records.iter().for_each(|(line, record)| fit.add(*line, decoder.decode(record)));
        fit
    }

    /// The first objects, wherever they stand; without the last one of several, which may be cut.
    fn objects(&self) -> Vec<(u64, Vec<u8>)> {
        let mut objects = Objects::new(self.head);
        let mut sample = Vec::new();
        while sample.len() <= SAMPLE_RECORDS && matches!(objects.next(), Ok(Some(_))) {
            sample.push((objects.position().number, objects.record().to_vec()));
        }
        if sample.len() > 1 {
            sample.pop_if(|(_, last)| last.len() >= 2 && !last.ends_with(b"}"));
        }
        sample.truncate(SAMPLE_RECORDS);
        sample
    }

    // ---- protobuf

    fn protobuf_fit(&self) -> Option<Fit> {
        let mut decoder = EventDecoder::new(Encoding::Protobuf, None);
        let mut fit = Fit::default();
        for (number, message) in (1..).zip(messages(self.head)?) {
            fit.add(number, decoder.decode(message));
        }
        Some(fit)
    }

    // ---- times

    /// The same, with numbers read as the dates that they are.
    fn dated(&self, layout: Layout) -> Layout {
        let times: Vec<String> = match &layout.shape {
            Shape::Snap => {
                let column =
                    |(_, line): &(u64, &[u8])| Some(text(line).ok()?.split_ascii_whitespace().nth(2)?.to_owned());
                self.lines.iter().filter_map(column).collect()
            }
            Shape::Table { header, lines_before_rows } => {
                let mut rows = Rows::new(header.clone());
                let lines = self.lines.iter().skip(usize::from(*lines_before_rows));
                let time = |(_, line): &(u64, &[u8])| {
                    rows.look_at(line);
                    rows.parts(line).ok().map(|[_, _, time, _]| time.trim().to_owned())
                };
                lines.filter_map(time).collect()
            }
            _ => Vec::new(),
        };
        self.dated_by(layout, &times)
    }

    fn dated_by(&self, mut layout: Layout, times: &[String]) -> Layout {
        let mut texts = times.iter().map(String::as_str).filter(|time| !time.is_empty());
        if layout.times.has_format() {
            return layout;
        }
        if let (Some(format), Some(example)) = (format_of_digits(texts.clone()), texts.next()) {
            layout.times = layout.times.written_as(TimeFormat::pattern(format));
            layout.notes.push(Note::NumbersAreDates { example: example.to_owned(), format });
        }
        layout
    }
}

/// The keys of JSON objects, if somebody says them.
fn keys(columns: &Columns) -> Option<Keys> {
    let name = |column: &Option<Column>| match column {
        Some(Column::Name(name)) => Some(name.clone()),
        Some(Column::Number(number)) => Some(number.to_string()),
        None => None,
    };
    (!columns.is_empty()).then(|| Keys {
        actor: name(&columns.actor),
        target: name(&columns.target),
        time: name(&columns.time),
        kind: name(&columns.kind),
    })
}

fn begins_as_json(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'[' | 0x1e))
}

/// Some of the values, each once.
fn shown(values: &[String]) -> Vec<String> {
    let mut shown: Vec<String> = Vec::new();
    for value in values.iter().filter(|value| !value.is_empty()) {
        let value = crate::malformed::quote(value);
        if shown.len() < SHOWN_MAX && !shown.contains(&value) {
            shown.push(value);
        }
    }
    shown
}

fn blanks_as_tabs(line: &[u8]) -> Vec<u8> {
    let columns = line.split(|byte| b" \t".contains(byte)).filter(|column| !column.is_empty());
    columns.collect::<Vec<_>>().join(&b'\t')
}

/// The first lines that are records, each with its number. A last one without an end is left out if others came
/// before: it may be cut.
fn sample(head: &[u8], has_percent_comments: bool) -> Vec<(u64, &[u8])> {
    let lines = (1..).zip(head.split(|byte| *byte == b'\n'));
    let mut lines: Vec<(u64, &[u8])> = lines.filter(|(_, line)| is_record(line, has_percent_comments)).collect();
    if !head.ends_with(b"\n") && lines.len() > 1 {
        lines.pop();
    }
    lines.truncate(SAMPLE_RECORDS);
    lines.iter().map(|(number, line)| (*number, line.strip_suffix(b"\r").unwrap_or(line))).collect()
}

/// The first messages that are whole; `None` if a length is broken.
fn messages(head: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = &head[..head.len().min(HEAD_BYTES_MAX)];
    while messages.len() < SAMPLE_RECORDS {
        match length(rest) {
            Length::Broken => return None,
            Length::Cut => break,
            Length::Known { prefix_bytes, message_bytes } => {
                let Some(message) = rest[prefix_bytes..].get(..message_bytes) else { break };
                messages.push(message);
                rest = &rest[prefix_bytes + message_bytes..];
            }
        }
    }
    Some(messages)
}
