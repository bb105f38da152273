//! What people should know about the files that were read, beside what is an error: what was guessed, what was skipped,
//! what looks ruined. Each thing is told once, with the option that says it otherwise.

use std::collections::BTreeMap;

use vocabulary::Timestamp;
use wire::{Malformed, Note, Reason, Unrecognised};

use crate::words::{self, count, thousands};

/// Foreign words for kinds that are told apart.
const WORDS_MAX: usize = 50;
/// Those that are shown.
const WORDS_SHOWN_MAX: usize = 8;
/// 1971: numbers that count something else than seconds since 1970 nearly always lie before it.
const EARLY_MS: Timestamp = 365 * 86_400_000;

/// Gathers them.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    told: Vec<String>,
    other_kinds: BTreeMap<String, u64>,
    more_kinds: u64,
    /// Names as `7.91557E+17`.
    rounded: Strange,
    /// Names as `1.0`.
    floats: Strange,
    advice: [u64; ADVICE.len()],
}

/// Names of one strange kind.
#[derive(Debug, Default)]
struct Strange {
    names: u64,
    example: String,
}

/// What helps against bad lines of one kind.
struct Advice {
    is_for: fn(&Malformed) -> bool,
    one: &'static str,
    many: &'static str,
    what: &'static str,
}

const ADVICE: [Advice; 4] = [
    Advice {
        is_for: |malformed| matches!(malformed, Malformed::TimeWithoutOffset(_)),
        one: "time has no offset from UTC",
        many: "times have no offset from UTC",
        what: "--time-zone says where the clock stood, as in utc, +02:00 or Europe/Berlin",
    },
    Advice {
        is_for: |malformed| matches!(malformed, Malformed::Time(_) | Malformed::TimeAmbiguous(_)),
        one: "time is not understood",
        many: "times are not understood",
        what: "--time-format says how they are written, as in '%d.%m.%Y %H:%M' or '%m/%d/%Y %H:%M'",
    },
    Advice {
        is_for: |malformed| matches!(malformed, Malformed::NotUtf8 { .. }),
        one: "line is not UTF-8",
        many: "lines are not UTF-8",
        what: "--text-encoding says what they are, as in latin1 or windows-1251",
    },
    Advice {
        is_for: |malformed| matches!(malformed, Malformed::KindLate { .. }),
        one: "line holds a kind in a column that was not taken for it",
        many: "lines hold a kind in a column that was not taken for it",
        what: "--columns kind=NAME takes it",
    },
];

/// The option that helps against a bad line, if there is one.
pub(crate) fn advice(malformed: &Malformed) -> Option<&'static str> {
    ADVICE.iter().find(|advice| (advice.is_for)(malformed)).map(|advice| advice.what)
}

impl Notes {
    /// Takes what was guessed about a file.
    pub(crate) fn guessed(&mut self, file: &str, note: &Note) {
        self.told.push(format!("note: {file}: {}", guess(note)));
    }

    /// Takes what is known of a file when all of it is read.
    pub(crate) fn read(&mut self, file: &str, midnights: u64, packing: &str, (trailing_bytes, is_other): (u64, bool)) {
        if midnights > 0 {
            let times = count(midnights, "time is a date", "times are dates");
            self.told.push(format!(
                "note: {file}: {times} without a time of day: midnight is meant, in UTC or in --time-zone"
            ));
        }
        if trailing_bytes > 0 {
            let what = if is_other { "bytes" } else { "zero bytes" };
            let bytes = thousands(trailing_bytes);
            self.told.push(format!("note: {file}: {bytes} {what} behind the {packing} data are no data, and ignored"));
        }
    }

    /// Looks at the names of an event.
    #[inline]
    pub(crate) fn look(&mut self, actor: &str, target: &str) {
        if looks_numeric(actor) || looks_numeric(target) {
            self.look_closely(actor);
            self.look_closely(target);
        }
    }

    #[cold]
    fn look_closely(&mut self, name: &str) {
        let strange = match ruin(name) {
            Some(Ruin::Rounded) => &mut self.rounded,
            Some(Ruin::Float) => &mut self.floats,
            None => return,
        };
        strange.names += 1;
        if strange.example.is_empty() {
            name.clone_into(&mut strange.example);
        }
    }

    /// Takes a record that is no act.
    pub(crate) fn skipped(&mut self, malformed: &Malformed) {
        let word = match malformed {
            Malformed::Kind(word) => word.to_lowercase(),
            Malformed::KindNumber(number) => number.to_string(),
            _ => return,
        };
        if self.other_kinds.len() < WORDS_MAX || self.other_kinds.contains_key(&word) {
            *self.other_kinds.entry(word).or_default() += 1;
        } else {
            self.more_kinds += 1;
        }
    }

    /// Takes a bad line.
    pub(crate) fn bad(&mut self, malformed: &Malformed) {
        for (lines, advice) in self.advice.iter_mut().zip(&ADVICE) {
            *lines += u64::from((advice.is_for)(malformed));
        }
    }

    /// All of them, as lines.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = self.told.clone();
        lines.extend(self.other_kinds());
        for (number, advice) in self.advice.iter().zip(&ADVICE).filter(|(number, _)| **number > 0) {
            lines.push(format!("note: {}; {}", count(*number, advice.one, advice.many), advice.what));
        }
        if self.rounded.names > 0 {
            let names = count(self.rounded.names, "name as", "names as");
            let example = &self.rounded.example;
            lines.push(format!(
                "note: {names} {example:?} have been rounded by a spreadsheet: several people may be one by now"
            ));
        }
        if self.floats.names > 0 {
            let names = count(self.floats.names, "name as", "names as");
            let (example, whole) = (&self.floats.example, whole_part(&self.floats.example));
            lines.push(format!(
                "note: {names} {example:?} are whole numbers that were made fractions: {example} and {whole} are two people"
            ));
        }
        lines
    }

    fn other_kinds(&self) -> Option<String> {
        let mut words: Vec<(&String, u64)> = self.other_kinds.iter().map(|(word, records)| (word, *records)).collect();
        words.sort_by_key(|(_, records)| std::cmp::Reverse(*records));
        let all = self.more_kinds + words.iter().map(|(_, records)| records).sum::<u64>();
        let shown: Vec<String> =
            words.iter().take(WORDS_SHOWN_MAX).map(|(word, records)| shown_word(word, *records)).collect();
        let first = words.first()?.0;
        let more = if words.len() > WORDS_SHOWN_MAX || self.more_kinds > 0 { " and others" } else { "" };
        Some(format!(
            "note: {} passed over, as their kinds are not scored: {}{more}; --kinds {first}=mention takes such a one for a \
             mention, {first}=skip says that it is none",
            count(all, "act was", "acts were"),
            shown.join(", ")
        ))
    }
}

fn shown_word(word: &str, records: u64) -> String {
    format!("{word:?} {}", thousands(records))
}

/// What should be said of times that begin and end so: those of 1970 are nearly always something else.
pub(crate) fn early(first: Timestamp, last: Timestamp) -> Option<String> {
    (last < EARLY_MS).then(|| {
        format!(
            "note: all times lie in 1970, from {} to {}: whole numbers are seconds since then; if these count something else, \
             say it with --time-format (s, ms, us, ns, %Y or %Y%m%d), as acts fade with time",
            words::time(first),
            words::time(last)
        )
    })
}

/// What is wrong with the first record, and what helps.
pub(crate) fn what_is_wrong(unrecognised: &Unrecognised) -> String {
    let Unrecognised { line, reason, .. } = unrecognised;
    match reason {
        Reason::Nothing => String::new(),
        Reason::Header(what) => format!(
            "the header in line {line} {what}; say which column is what with --columns actor=NAME,target=NAME,time=NAME"
        ),
        Reason::Record(malformed) => {
            let advice = ADVICE.iter().find(|advice| (advice.is_for)(malformed));
            let advice = advice.map_or(String::new(), |advice| format!("; {}", advice.what));
            format!("line {line}: {malformed}{advice}")
        }
    }
}

fn guess(note: &Note) -> String {
    match note {
        Note::TypeIsOther { column, values } => format!(
            "{column:?} is not taken for the kind, as none of its values is one ({}); --columns kind={column} takes it, \
             and --kinds says what its words mean",
            values.join(", ")
        ),
        Note::NoHeader { columns: [actor, target, time], kind: None } => format!(
            "there is no header: columns {actor}, {target} and {time} are taken for actor, target and time; --columns says it \
             otherwise"
        ),
        Note::NoHeader { columns: [actor, target, time], kind: Some(kind) } => format!(
            "there is no header: columns {actor}, {target}, {time} and {kind} are taken for actor, target, time and kind; \
             --columns says it otherwise"
        ),
        Note::Weights => {
            "column 3 is taken for a weight, which is not used whether it is negative or not, and column 4 for \
                          the time; --columns says it otherwise"
                .to_owned()
        }
        Note::HeaderSkipped => "the first line is no event, and taken for a header".to_owned(),
        Note::NumbersAreDates { example, format } => {
            format!(
                "times as {example} are taken for dates ({format}); --time-format s takes them for seconds since 1970"
            )
        }
    }
}

/// What has become of a number that was an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ruin {
    Rounded,
    Float,
}

/// True for what begins with a digit and is longer than a whole number: nearly no name.
#[inline]
fn looks_numeric(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.first().is_some_and(u8::is_ascii_digit) && bytes.iter().any(|byte| matches!(byte, b'.' | b',' | b'E' | b'e'))
}

fn ruin(name: &str) -> Option<Ruin> {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((mantissa, exponent)) = name.split_once(['E', 'e']) {
        let (whole, fraction) = mantissa.split_once(['.', ',']).unwrap_or((mantissa, "0"));
        let exponent = exponent.strip_prefix('+')?;
        return (whole.len() == 1 && is_digits(whole) && is_digits(fraction) && is_digits(exponent))
            .then_some(Ruin::Rounded);
    }
    let (whole, fraction) = name.split_once('.')?;
    (is_digits(whole) && !fraction.is_empty() && fraction.bytes().all(|byte| byte == b'0')).then_some(Ruin::Float)
}

fn whole_part(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
}
