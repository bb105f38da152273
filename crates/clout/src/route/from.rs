//! What a route reads: records of events or profiles, or messages of networks.

use networks::Network;

use crate::config::Input;

/// The topic that is read, and what it holds.
#[derive(Clone, Debug)]
pub(crate) struct From {
    pub(crate) topic: String,
    pub(crate) holding: Holding,
}

/// What the records of a topic are.
#[derive(Clone, Debug)]
pub(crate) enum Holding {
    /// Events or profiles.
    Records(Input),
    /// Messages of these networks.
    Messages(Vec<Network>),
}

impl From {
    /// A topic and words about it, as in `retweets:json` or `jetstream:bluesky`.
    pub(crate) fn parse(text: &str) -> Result<From, String> {
        let mut words = text.split(':');
        let topic = words.next().unwrap_or_default().to_owned();
        let (known, others): (Vec<&str>, Vec<&str>) = words.partition(|word| Network::named(word).is_some());
        match others.first() {
            _ if known.is_empty() => {
                let words = Network::ALL.map(Network::word).join(", ");
                let input = Input::parse(text).map_err(|error| format!("{error}, nor a network ({words})"))?;
                Ok(From { topic, holding: Holding::Records(input) })
            }
            Some(word) => Err(format!("{word:?} says nothing about messages of networks, which are read as they are")),
            None if topic.is_empty() => Err("there is no topic before the colon".to_owned()),
            None => {
                let networks = known.into_iter().filter_map(Network::named).collect();
                Ok(From { topic, holding: Holding::Messages(networks) })
            }
        }
    }
}

/// The names of networks, for people.
pub(crate) fn titles(networks: &[Network]) -> String {
    networks.iter().map(|network| network.title()).collect::<Vec<_>>().join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_what_a_topic_holds() {
        let told = |text: &str| match From::parse(text) {
            Ok(From { topic, holding: Holding::Records(input) }) => format!("{topic}: {:?}", input.encoding),
            Ok(From { topic, holding: Holding::Messages(networks) }) => format!("{topic}: {}", titles(&networks)),
            Err(error) => error,
        };
        for (text, expected) in [
            ("raw", "raw: Protobuf"),
            ("raw:json", "raw: Json"),
            ("raw:bluesky", "raw: Bluesky"),
            ("raw:mastodon:activitystreams", "raw: Mastodon or ActivityPub"),
            ("raw:x", "raw: X"),
            ("raw:bluesky:json", "\"json\" says nothing about messages of networks, which are read as they are"),
            (":bluesky", "there is no topic before the colon"),
        ] {
            assert_eq!(told(text), expected);
        }
        assert!(
            told("raw:blusky")
                .ends_with("nor a network (bluesky, mastodon, activitypub, x, github, stackexchange, reddit, youtube)")
        );
        for network in Network::ALL {
            assert_eq!(Network::named(network.word()), Some(network));
        }
    }
}
