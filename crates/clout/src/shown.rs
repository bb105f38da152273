//! Names as people see them. They are chosen by strangers: what cannot be seen, turns the writing round, or makes a name look
//! like another one is shown as `\u{200b}`. The names themselves stay as they are, in files and in the API; the page does the
//! same (`serve/page/dom.js`).

use std::borrow::Cow;
use std::fmt::Write;

/// Letters that are shown by their number wherever they stand, first and last of each range: format characters and whatever
/// else Unicode lets be ignored, marks that change the letter before them, and blanks that look like another blank.
const HIDDEN: &[(char, char)] = &[
    ('\0', '\u{1f}'),
    ('\u{7f}', '\u{a0}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{300}', '\u{36f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{1680}', '\u{1680}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{1ab0}', '\u{1aff}'),
    ('\u{1dc0}', '\u{1dff}'),
    ('\u{2000}', '\u{200f}'),
    ('\u{2028}', '\u{202f}'),
    ('\u{205f}', '\u{206f}'),
    ('\u{20d0}', '\u{20ff}'),
    ('\u{2800}', '\u{2800}'),
    ('\u{3000}', '\u{3000}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{fe20}', '\u{fe2f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{16fe4}', '\u{16fe4}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e007f}'),
    ('\u{e0080}', '\u{e00ff}'),
    ('\u{e0100}', '\u{e01ef}'),
    ('\u{e01f0}', '\u{e0fff}'),
];

/// A name for a terminal. Two names are never shown alike, but for letters of other alphabets that look like ours.
pub(crate) fn shown(name: &str) -> Cow<'_, str> {
    if !name.char_indices().any(|(place, letter)| is_hidden(name, place, letter)) {
        return Cow::Borrowed(name);
    }
    let mut text = String::with_capacity(name.len() + 16);
    for (place, letter) in name.char_indices() {
        if is_hidden(name, place, letter) {
            let _ = write!(text, "\\u{{{:x}}}", u32::from(letter));
        } else {
            text.push(letter);
        }
    }
    Cow::Owned(text)
}

fn is_hidden(name: &str, place: usize, letter: char) -> bool {
    match letter {
        // At an end nobody sees it, and several look like one.
        ' ' => place == 0 || place + 1 == name.len() || name[..place].ends_with(' '),
        // A name may hold the very letters that stand for a hidden one.
        '\\' => name[place + 1..].starts_with("u{"),
        letter => HIDDEN.iter().any(|&(first, last)| (first..=last).contains(&letter)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_told_apart() {
        for (name, text) in [
            ("ana", "ana"),
            ("bluesky:did:plc:bö/1", "bluesky:did:plc:bö/1"),
            ("Ана Мария", "Ана Мария"),
            ("אנה", "אנה"),
            ("अनीता", "अनीता"),
            ("ana🙂", "ana🙂"),
            ("bo\u{200b}", "bo\\u{200b}"),
            ("\u{202e}evil", "\\u{202e}evil"),
            ("\u{feff}ana", "\\u{feff}ana"),
            ("a\u{2028}b\u{2029}c", "a\\u{2028}b\\u{2029}c"),
            ("a\u{a0}b", "a\\u{a0}b"),
            (" ana", "\\u{20}ana"),
            ("ana ", "ana\\u{20}"),
            ("a  b", "a \\u{20}b"),
            ("e\u{301}ric", "e\\u{301}ric"),
            ("éric", "éric"),
            ("\\u{200b}", "\\u{5c}u{200b}"),
            ("a\\b", "a\\b"),
            ("\u{3164}", "\\u{3164}"),
            ("a\u{fe0f}", "a\\u{fe0f}"),
            ("a\tb\u{1b}[31m", "a\\u{9}b\\u{1b}[31m"),
            ("", ""),
        ] {
            assert_eq!(shown(name), text, "{name:?}");
        }
        assert!(HIDDEN.windows(2).all(|pair| pair[0].1 < pair[1].0), "in order");
    }
}
