//! Parses the weights of kinds of acts.

use vocabulary::Kind;

/// Parses a kind and its weight, as in `like=0.5`.
pub(crate) fn parse_kind_weight(text: &str) -> Result<(Kind, f64), String> {
    let (word, weight) = text.split_once('=').ok_or("not a kind and its weight, as in like=0.5")?;
    kind_weight(word, weight)
}

/// Parses the word of a kind and its weight.
pub(crate) fn kind_weight(word: &str, weight: &str) -> Result<(Kind, f64), String> {
    let kind = Kind::of_word(word).filter(|kind| kind.is_counted()).ok_or_else(|| {
        let words: Vec<&str> = Kind::listed_counted().map(Kind::word).collect();
        format!("{word:?} is none of {}", words.join(", "))
    })?;
    let weight = weight.parse().map_err(|_| format!("{weight:?} is not a number, as in 0.5"))?;
    Ok((kind, weight))
}
