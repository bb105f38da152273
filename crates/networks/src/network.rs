//! The networks that are read, as one table.

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

impl Network {
    /// All of them, in the order in which they are told.
    pub const ALL: [Network; 8] = [
        Network::Bluesky,
        Network::Mastodon,
        Network::ActivityPub,
        Network::X,
        Network::GitHub,
        Network::StackExchange,
        Network::Reddit,
        Network::YouTube,
    ];

    /// What the names of its accounts begin with, before a colon. Mastodon's accounts are ActivityPub's.
    pub fn prefix(self) -> &'static str {
        match self {
            Network::Bluesky => "bluesky",
            Network::Mastodon | Network::ActivityPub => "activitypub",
            Network::X => "x",
            Network::GitHub => "github",
            Network::StackExchange => "stackexchange",
            Network::Reddit => "reddit",
            Network::YouTube => "youtube",
        }
    }

    /// The word for it on a command line.
    pub fn word(self) -> &'static str {
        match self {
            Network::Mastodon => "mastodon",
            network => network.prefix(),
        }
    }

    /// The network that a word stands for. ActivityPub is also known by its vocabulary, `activitystreams`.
    pub fn named(word: &str) -> Option<Network> {
        let word = if word == "activitystreams" { Network::ActivityPub.word() } else { word };
        Network::ALL.into_iter().find(|network| network.word() == word)
    }

    /// The network's name, in a report.
    pub fn title(self) -> &'static str {
        match self {
            Network::Bluesky => "Bluesky",
            Network::Mastodon => "Mastodon",
            Network::ActivityPub => "ActivityPub",
            Network::X => "X",
            Network::GitHub => "GitHub",
            Network::StackExchange => "Stack Exchange",
            Network::Reddit => "Reddit",
            Network::YouTube => "YouTube",
        }
    }
}

impl Display for Network {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.title())
    }
}
