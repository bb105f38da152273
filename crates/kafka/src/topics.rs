//! The names of an application's own topics.

/// Topics that belong to one application: each has as many partitions as the inputs, and shard n lives in the n-th of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// What shards tell each other.
    pub exchange: String,
    /// Which slice made which epoch.
    pub journal: String,
    /// The table of scores: compacted, keyed by user.
    pub scores: String,
    /// Records that could not be used.
    pub dead_letters: String,
    /// How people stood at the ends of days, keyed by user; `None` if the application does not close days.
    pub history: Option<String>,
    /// What each act gave, in the partition of who was acted upon; `None` if the application does not tell.
    pub credits: Option<String>,
}

/// The topic in which connectors of an application keep how far they are.
pub fn kept_of(application: &str) -> String {
    format!("{application}-connect")
}

/// The topic of what accounts are called, of an application that reads networks: compacted, keyed by what is said of whom.
pub fn names_of(application: &str) -> String {
    format!("{application}-names")
}

/// The topic of which accounts are one person's: compacted, keyed by account.
pub fn links_of(application: &str) -> String {
    format!("{application}-links")
}

/// The topic in which an application tells how people stood at the ends of days.
pub fn closes_of(application: &str) -> String {
    format!("{application}-history")
}

/// The topic in which an application tells what each act gave.
pub fn credits_of(application: &str) -> String {
    format!("{application}-credits")
}

impl Topics {
    /// Those of this application.
    pub fn of(application: &str) -> Topics {
        let name = |what: &str| format!("{application}-{what}");
        Topics {
            exchange: name("exchange"),
            journal: name("journal"),
            scores: name("scores"),
            dead_letters: name("dead-letters"),
            history: None,
            credits: None,
        }
    }

    /// The application that a topic of this name may be of.
    pub fn maybe_of(topic: &str) -> Option<&str> {
        ["-exchange", "-journal", "-scores", "-dead-letters", "-history", "-credits", "-connect", "-names", "-links"]
            .into_iter()
            .find_map(|end| topic.strip_suffix(end))
    }

    /// The same with the topic of closes, if the application closes days.
    pub fn with_history(self, application: &str, closes: bool) -> Topics {
        Topics { history: closes.then(|| closes_of(application)), ..self }
    }

    /// The same with the topic of credits, if the application tells them.
    pub fn with_credits(self, application: &str, credits: bool) -> Topics {
        Topics { credits: credits.then(|| credits_of(application)), ..self }
    }
}
