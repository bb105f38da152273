//! What people are told apart by in the list: their network, the language that they mostly write in, the country that they declare.
//! The same as the filters of `clout serve`.

use std::collections::HashMap;

use serde::Serialize;
use vocabulary::Network;
use wire::{country_code, language_code};

use crate::config::keys::nearest;

/// What is known of people by the end of a log.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facets {
    pub(crate) languages: HashMap<Box<str>, String>,
    pub(crate) countries: HashMap<Box<str>, &'static str>,
}

impl Facets {
    pub(crate) fn is_empty(&self) -> bool {
        self.languages.is_empty() && self.countries.is_empty()
    }

    pub(crate) fn language(&self, user: &str) -> Option<&str> {
        self.languages.get(user).map(String::as_str)
    }

    pub(crate) fn country(&self, user: &str) -> Option<&'static str> {
        self.countries.get(user).copied()
    }
}

/// One condition of `--where`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// On this network.
    Network(Network),
    /// Mostly writes in this language.
    Language(String),
    /// Declares this country.
    Country(&'static str),
}

const KEYS: [&str; 3] = ["network", "language", "country"];

/// Reads a condition, as in `language=nl`.
pub(crate) fn parse_condition(text: &str) -> Result<Condition, String> {
    let there_are = || format!("there are {}", KEYS.join(", "));
    let Some((key, value)) = text.split_once('=') else {
        return Err(format!("not a key and a value, as in language=nl: {}", there_are()));
    };
    match key.trim() {
        "network" => Network::of_prefix(value.trim()).map(Condition::Network).ok_or_else(|| {
            let words: Vec<&str> = Network::of_names().map(Network::prefix).collect();
            format!("no network is called {value:?}: there are {}", words.join(", "))
        }),
        "language" => language_code(value).map(Condition::Language).ok_or_else(|| {
            format!("{value:?} is not the code of a language, which has two or three letters, as nl or yue")
        }),
        "country" => country_code(value).map(Condition::Country).ok_or_else(|| {
            format!("{value:?} is not the code of a country of ISO 3166-1, which has two letters, as NL")
        }),
        key => Err(match nearest(key, KEYS.into_iter()) {
            Some(meant) => format!("no key is called {key:?}: did you mean {meant}? {}", there_are()),
            None => format!("no key is called {key:?}: {}", there_are()),
        }),
    }
}

/// All conditions: everybody, where there is none.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Filter {
    network: Option<&'static str>,
    language: Option<String>,
    country: Option<&'static str>,
}

impl Filter {
    /// All of them; `None` if a key is there twice.
    pub(crate) fn of(conditions: &[Condition]) -> Option<Filter> {
        let mut filter = Filter::default();
        for condition in conditions {
            let before = match condition {
                Condition::Network(network) => filter.network.replace(network.prefix()).is_some(),
                Condition::Language(language) => filter.language.replace(language.clone()).is_some(),
                Condition::Country(country) => filter.country.replace(country).is_some(),
            };
            if before {
                return None;
            }
        }
        Some(filter)
    }

    pub(crate) fn is_everybody(&self) -> bool {
        self.network.is_none() && self.language.is_none() && self.country.is_none()
    }

    /// Whether somebody is among those who are asked for.
    pub(crate) fn has(&self, user: &str, facets: &Facets) -> bool {
        let network = || Network::of_name(user).map(|(network, _)| network.prefix());
        self.network.is_none_or(|wanted| network() == Some(wanted))
            && self.language.as_deref().is_none_or(|wanted| facets.language(user) == Some(wanted))
            && self.country.is_none_or(|wanted| facets.country(user) == Some(wanted))
    }

    /// Who they are, in words behind a number of people who are rated; empty for everybody. What was observed and what was
    /// declared are not called the same.
    pub(crate) fn words(&self) -> String {
        let network = self.network.map(|network| format!(" on {network}")).unwrap_or_default();
        let language = self.language.as_ref().map(|language| format!("writing in {language}"));
        let country = self.country.map(|country| format!("saying {country}"));
        let words: Vec<String> = [language, country].into_iter().flatten().collect();
        if words.is_empty() { network } else { format!("{network}, {}", words.join(" and ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_is_read_or_said_what_there_is() {
        for (text, condition) in [
            ("network=x", Condition::Network(Network::X)),
            ("network=mastodon", Condition::Network(Network::ActivityPub)),
            ("language=NL-be", Condition::Language("nl".to_owned())),
            ("country=nl", Condition::Country("NL")),
        ] {
            assert_eq!(parse_condition(text), Ok(condition), "{text}");
        }
        for (text, told) in [
            ("languag=nl", "did you mean language? there are network, language, country"),
            ("colour=red", "there are network, language, country"),
            ("nl", "there are network, language, country"),
            ("network=friendster", "there are bluesky, "),
            ("language=dutch", "two or three letters"),
            ("country=Netherlands", "ISO 3166-1"),
        ] {
            let error = parse_condition(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn several_conditions_hold_at_once() {
        let mut facets = Facets::default();
        facets.languages.insert("x:1".into(), "nl".to_owned());
        facets.countries.insert("x:1".into(), "BE");
        let filter = |texts: &[&str]| {
            let conditions: Vec<Condition> = texts.iter().map(|text| parse_condition(text).unwrap()).collect();
            Filter::of(&conditions)
        };
        let has = |texts: &[&str]| filter(texts).unwrap().has("x:1", &facets);
        assert!(has(&[]) && has(&["network=x", "language=nl", "country=BE"]));
        assert!(!has(&["network=x", "language=en"]) && !has(&["country=NL"]) && !has(&["network=bluesky"]));
        assert!(filter(&["language=nl", "language=en"]).is_none());
        let words = filter(&["country=NL", "network=x", "language=nl"]).unwrap().words();
        assert_eq!(
            (words.as_str(), filter(&[]).unwrap().words()),
            (" on x, writing in nl and saying NL", String::new())
        );
    }
}
