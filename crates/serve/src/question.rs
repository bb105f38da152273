//! The part of an address behind the question mark.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use vocabulary::Network;

use crate::problem::Problem;

/// What was asked for, by name.
#[derive(Debug)]
pub(crate) struct Question(BTreeMap<String, Vec<String>>);

impl Question {
    /// Reads a query; names other than these are refused, since they are mistyped.
    pub(crate) fn read(query: Option<&str>, names: &[&str]) -> Result<Question, Problem> {
        let mut question: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if name.contains('\u{fffd}') || value.contains('\u{fffd}') {
                return Err(Problem::bad_request("the query is no percent-encoded UTF-8"));
            }
            if !names.contains(&&*name) {
                return Err(Problem::bad_request(no_parameter(&name, names)));
            }
            question.entry(name.into_owned()).or_default().push(value.into_owned());
        }
        Ok(Question(question))
    }

    /// For addresses that take no parameters.
    pub(crate) fn none(query: Option<&str>) -> Result<(), Problem> {
        Question::read(query, &[]).map(drop)
    }

    /// All values of a name.
    pub(crate) fn all(&mut self, name: &str) -> Vec<String> {
        self.0.remove(name).unwrap_or_default()
    }

    /// The text of a name that may be there once.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        let mut values = self.all(name);
        let value = values.pop();
        if values.is_empty() { Ok(value) } else { Err(Problem::bad_request(format!("{name} is there twice"))) }
    }

    /// The number of a name, within bounds.
    pub(crate) fn number<T>(&mut self, name: &str, bounds: RangeInclusive<T>) -> Result<Option<T>, Problem>
    where
        T: FromStr + PartialOrd + Display,
    {
        let Some(text) = self.text(name)? else { return Ok(None) };
        match text.parse() {
            Ok(number) if bounds.contains(&number) => Ok(Some(number)),
            _ => Err(Problem::bad_request(format!("{name} must be from {} to {}", bounds.start(), bounds.end()))),
        }
    }
}

/// Letters of a name that is told back.
const TOLD_LETTERS_MAX: usize = 40;
/// What other interfaces call the same.
const ELSEWHERE: [(&str, &str); 9] = [
    ("q", "prefix"),
    ("query", "prefix"),
    ("search", "prefix"),
    ("name", "prefix"),
    ("n", "limit"),
    ("count", "limit"),
    ("size", "limit"),
    ("top", "limit"),
    ("after", "cursor"),
];

/// Which network is not known, and which are.
pub(crate) fn no_network(word: &str) -> String {
    let told: String = word.chars().take(TOLD_LETTERS_MAX).collect();
    let words: Vec<&str> = Network::of_names().map(Network::prefix).collect();
    let lower = told.to_lowercase();
    let nearest = words.iter().find(|other| strsim::damerau_levenshtein(&lower, other) <= other.len() / 4);
    let advice = match nearest {
        Some(meant) => format!("did you mean {meant}?"),
        None => format!("there are {}", words.join(", ")),
    };
    format!("no network is called {told:?}: {advice}")
}

/// The code of a language that somebody asks for by a tag.
pub(crate) fn language(tag: &str) -> Result<String, Problem> {
    wire::language_code(tag)
        .ok_or_else(|| Problem::bad_request("language is a code of two or three letters, as nl or yue"))
}

/// The code of a country that somebody asks for.
pub(crate) fn country(code: &str) -> Result<String, Problem> {
    let country = wire::country_code(code).map(str::to_owned);
    country.ok_or_else(|| Problem::bad_request("country is a code of ISO 3166-1 with two letters, as NL"))
}

/// Which parameter is not there, and which is.
fn no_parameter(name: &str, names: &[&str]) -> String {
    let told: String = name.chars().take(TOLD_LETTERS_MAX).collect();
    let elsewhere = ELSEWHERE.iter().find(|(other, ours)| *other == name && names.contains(ours));
    let close = |other: &&&str| strsim::damerau_levenshtein(&told, other) <= 1 + other.len() / 4;
    let nearest = names.iter().filter(close).min_by_key(|other| strsim::damerau_levenshtein(&told, other));
    let advice = match elsewhere.map(|(_, ours)| ours).or(nearest) {
        Some(meant) => format!("did you mean {meant}?"),
        None if names.is_empty() => "there is none here".to_owned(),
        None => format!("there are {}", names.join(", ")),
    };
    format!("no parameter is called {told:?}: {advice}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_mistyped_is_named() {
        let check = |name: &str, names: &[&str], told: &str| assert_eq!(no_parameter(name, names), told);
        let names = ["prefix", "limit"];
        check("q", &names, r#"no parameter is called "q": did you mean prefix?"#);
        check("limt", &names, r#"no parameter is called "limt": did you mean limit?"#);
        check("prefix2", &names, r#"no parameter is called "prefix2": did you mean prefix?"#);
        check("colour", &names, r#"no parameter is called "colour": there are prefix, limit"#);
        check("q", &[], r#"no parameter is called "q": there is none here"#);
        check("\u{1b}\n\"", &[], r#"no parameter is called "\u{1b}\n\"": there is none here"#);
        assert!(no_parameter(&"x".repeat(100_000), &names).len() < 100);
    }

    #[test]
    fn a_network_that_is_not_known_is_named() {
        let all = "there are bluesky, activitypub, x, github, stackexchange, reddit, youtube";
        for (word, advice) in
            [("blusky", "did you mean bluesky?"), ("GitHub", "did you mean github?"), ("friendster", all), ("", all)]
        {
            assert_eq!(no_network(word), format!("no network is called {word:?}: {advice}"));
        }
    }
}
