//! The part of an address behind the question mark.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

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
                let advice =
                    if names.is_empty() { "none at all".to_owned() } else { format!("only {}", names.join(", ")) };
                return Err(Problem::bad_request(format!("there is no parameter of this name, {advice}")));
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
