//! What an act of a kind weighs, as it is configured.

use vocabulary::Kind;

/// A weight as in `like=0.5`.
pub(crate) fn parse_kind_weight(text: &str) -> Result<(Kind, f64), String> {
    let (word, weight) = text.split_once('=').ok_or("not a kind and its weight, as in like=0.5")?;
    kind_weight(word, weight)
}

/// The kind of a word, and its weight.
pub(crate) fn kind_weight(word: &str, weight: &str) -> Result<(Kind, f64), String> {
    let endorsing = || Kind::LISTED.into_iter().filter(|kind| kind.is_counted());
    let kind = endorsing().find(|kind| Kind::of_word(word) == Some(*kind)).ok_or_else(|| {
        let words: Vec<&str> = endorsing().map(Kind::word).collect();
        format!("{word:?} is none of {}", words.join(", "))
    })?;
    let weight = weight.parse().map_err(|_| format!("{weight:?} is not a number, as in 0.5"))?;
    Ok((kind, weight))
}
