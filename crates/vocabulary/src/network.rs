//! The networks whose accounts are scored, as one table. The name of an account begins with its network's prefix and a colon.

use std::fmt::{self, Display, Formatter};

/// A network, or the family of networks that speak one protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Network {
    /// Bluesky and other applications of the AT Protocol.
    Bluesky,
    /// Mastodon's own API; its accounts are ActivityPub's.
    Mastodon,
    /// ActivityStreams 2.0, as ActivityPub servers send it to each other.
    ActivityPub,
    /// X, once Twitter.
    X,
    /// GitHub.
    GitHub,
    /// The sites of Stack Exchange.
    StackExchange,
    /// Reddit.
    Reddit,
    /// YouTube.
    YouTube,
}

/// What the ids of a network's accounts look like, and the address of an account's page with `{}` for the id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Id {
    /// They begin so.
    Begins(&'static str, &'static str),
    /// They are numbers.
    Number(&'static str),
    /// They are numbers, and no page is known by them.
    NumberWithoutPage,
    /// They are the address of the account itself.
    Address,
    /// They are a site's host, a colon and a number: `mathoverflow.net:12`. The address is that of the site, behind its host.
    OfSite(&'static str),
    /// No page is known by them.
    WithoutPage,
}

struct Row {
    network: Network,
    word: &'static str,
    prefix: &'static str,
    title: &'static str,
    mark: &'static str,
    id: Id,
    page_by_handle: Option<&'static str>,
}

const fn row(
    (network, word, prefix): (Network, &'static str, &'static str),
    (title, mark): (&'static str, &'static str),
    id: Id,
    page_by_handle: Option<&'static str>,
) -> Row {
    Row { network, word, prefix, title, mark, id, page_by_handle }
}

/// In the order of the variants, which is that in which they are told.
const TABLE: [Row; 8] = {
    use Network::{ActivityPub, Bluesky, GitHub, Mastodon, Reddit, StackExchange, X, YouTube};
    [
        row(
            (Bluesky, "bluesky", "bluesky"),
            ("Bluesky", "Bs"),
            Id::Begins("did:", "https://bsky.app/profile/{}"),
            None,
        ),
        row((Mastodon, "mastodon", "activitypub"), ("Mastodon", "Ma"), Id::Address, None),
        row((ActivityPub, "activitypub", "activitypub"), ("ActivityPub", "AP"), Id::Address, None),
        row((X, "x", "x"), ("X", "X"), Id::Number("https://x.com/i/user/{}"), Some("https://x.com/{}")),
        row((GitHub, "github", "github"), ("GitHub", "GH"), Id::NumberWithoutPage, Some("https://github.com/{}")),
        row((StackExchange, "stackexchange", "stackexchange"), ("Stack Exchange", "SE"), Id::OfSite("/users/{}"), None),
        row((Reddit, "reddit", "reddit"), ("Reddit", "Re"), Id::WithoutPage, Some("https://www.reddit.com/user/{}")),
        row(
            (YouTube, "youtube", "youtube"),
            ("YouTube", "YT"),
            Id::Begins("UC", "https://www.youtube.com/channel/{}"),
            None,
        ),
    ]
};

/// Words that others begin names with.
const SYNONYMS: [(&str, Network); 3] =
    [("mastodon", Network::ActivityPub), ("twitter", Network::X), ("activitystreams", Network::ActivityPub)];

impl Network {
    /// All of them, in the order in which they are told.
    pub const ALL: [Network; TABLE.len()] = {
        let mut all = [Network::Bluesky; TABLE.len()];
        let mut place = 0;
        while place < TABLE.len() {
            all[place] = TABLE[place].network;
            place += 1;
        }
        all
    };

    fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// What the names of its accounts begin with, before a colon. Mastodon's accounts are ActivityPub's.
    pub fn prefix(self) -> &'static str {
        self.row().prefix
    }

    /// The word for it on a command line.
    pub fn word(self) -> &'static str {
        self.row().word
    }

    /// The network that a word stands for. ActivityPub is also known by its vocabulary, `activitystreams`.
    pub fn named(word: &str) -> Option<Network> {
        let word = if word == "activitystreams" { Network::ActivityPub.word() } else { word };
        Network::ALL.into_iter().find(|network| network.word() == word)
    }

    /// The network's name, in a report.
    pub fn title(self) -> &'static str {
        self.row().title
    }

    /// One or two letters for it, where there is no room for its name.
    pub fn mark(self) -> &'static str {
        self.row().mark
    }

    /// What the ids of its accounts look like.
    pub fn id(self) -> Id {
        self.row().id
    }

    /// The address of an account's page with `{}` for its handle, where it has one.
    pub fn page_by_handle(self) -> Option<&'static str> {
        self.row().page_by_handle
    }

    /// The networks that names tell apart, one for each prefix.
    pub fn of_names() -> impl Iterator<Item = Network> {
        Network::ALL.into_iter().filter(|network| network.word() == network.prefix())
    }

    /// The one of [`Network::of_names`] that a prefix stands for, or a synonym of it.
    pub fn of_prefix(prefix: &str) -> Option<Network> {
        let synonym = SYNONYMS.iter().find(|(synonym, _)| *synonym == prefix).map(|(_, network)| *network);
        synonym.or_else(|| Network::of_names().find(|network| network.prefix() == prefix))
    }

    /// The network of a name, and what stands behind its prefix; `None` for a name without one.
    pub fn of_name(name: &str) -> Option<(Network, &str)> {
        let (prefix, id) = name.split_once(':')?;
        Some((Network::of_prefix(prefix)?, id))
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_variants() {
        for (place, network) in Network::ALL.into_iter().enumerate() {
            assert_eq!(network as usize, place);
            assert_eq!(Network::named(network.word()), Some(network));
        }
    }

    #[test]
    fn a_name_tells_its_network_by_what_stands_before_the_colon() {
        for (name, expected) in [
            ("bluesky:did:plc:a", Some((Network::Bluesky, "did:plc:a"))),
            ("activitypub:https://a.example/u", Some((Network::ActivityPub, "https://a.example/u"))),
            ("mastodon:ana", Some((Network::ActivityPub, "ana"))),
            ("twitter:12", Some((Network::X, "12"))),
            ("github:@ana", Some((Network::GitHub, "@ana"))),
            ("x:", Some((Network::X, ""))),
            ("ana", None),
            ("did:plc:a", None),
            ("X:12", None),
            (":a", None),
        ] {
            assert_eq!(Network::of_name(name), expected, "{name}");
        }
    }
}
