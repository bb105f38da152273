//! Which kind a word or a number of a record is.

use vocabulary::Kind;

use crate::Malformed;
use crate::malformed::quote;

/// A kind from its word or its code, in upper or lower case.
pub fn parse_kind(text: &str) -> Result<Kind, Malformed> {
    match Kind::of_word(text) {
        Some(kind) => Ok(kind),
        None if text.is_empty() => Err(Malformed::Missing("kind")),
        None => Err(Malformed::Kind(quote(text))),
    }
}

/// Which words are which kinds in one file, beside those of [`parse_kind`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KindWords {
    default: Option<Kind>,
    words: Vec<(String, Option<Kind>)>,
}

impl KindWords {
    /// Without words of its own; `default` is the kind of events that name none.
    pub fn new(default: Option<Kind>) -> KindWords {
        KindWords { default, words: Vec::new() }
    }

    /// Takes another word, in upper or lower case, for this kind; for `None`, as one of acts that are to be skipped.
    pub fn with(mut self, word: &str, kind: Option<Kind>) -> KindWords {
        self.words.push((word.to_owned(), kind));
        self
    }

    /// The kind that a text names, or the default where it names none.
    #[inline]
    pub(crate) fn kind(&self, text: Option<&str>) -> Result<Kind, Malformed> {
        let text = text.unwrap_or_default();
        match self.words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text)) {
            Some((_, Some(kind))) => Ok(*kind),
            Some((word, None)) => Err(Malformed::KindSkipped(quote(word))),
            None if text.is_empty() => self.default.ok_or(Malformed::Missing("kind")),
            None => parse_kind(text),
        }
    }

    /// True for a word that is a kind, or is known to be none.
    pub(crate) fn knows(&self, text: &str) -> bool {
        !text.is_empty() && matches!(self.kind(Some(text)), Ok(_) | Err(Malformed::KindSkipped(_)))
    }
}

/// The kind with this number on the wire.
pub(crate) fn kind_of_number(number: i32) -> Result<Kind, Malformed> {
    match Kind::of_number(number) {
        Some(kind) => Ok(kind),
        None if number == 0 => Err(Malformed::Missing("kind")),
        None => Err(Malformed::KindNumber(number)),
    }
}
