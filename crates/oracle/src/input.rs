//! What the oracle is told, in order of arrival. It owns nothing: names are borrowed from whoever holds the events.

/// What an actor did to a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The actor named the target.
    Mention,
    /// The actor passed the target's words on.
    Retweet,
    /// The actor answered the target.
    Reply,
    /// The actor follows the target from now on.
    Follow,
    /// The actor follows the target no longer.
    Unfollow,
    /// The actor clicked that they like the target's words.
    Like,
    /// The actor passed the target's words on and added some.
    Quote,
    /// The actor wants nothing of the target from now on.
    Block,
    /// The actor ends that.
    Unblock,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Mention,
        Self::Retweet,
        Self::Reply,
        Self::Follow,
        Self::Unfollow,
        Self::Like,
        Self::Quote,
        Self::Block,
        Self::Unblock,
    ];

    /// What it is called.
    pub fn word(self) -> &'static str {
        match self {
            Self::Mention => "mention",
            Self::Retweet => "retweet",
            Self::Reply => "reply",
            Self::Follow => "follow",
            Self::Unfollow => "unfollow",
            Self::Like => "like",
            Self::Quote => "quote",
            Self::Block => "block",
            Self::Unblock => "unblock",
        }
    }

    /// The kind that is called so.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Whether it is an act on the target, and not the end of something or a block.
    pub fn is_on_target(self) -> bool {
        !matches!(self, Self::Unfollow | Self::Block | Self::Unblock)
    }

    /// `k` where the model says nothing else: what one act adds to the endorsement of its pair, in votes. Follows and blocks
    /// endorse nobody.
    pub fn endorsement(self) -> f64 {
        match self {
            Self::Mention | Self::Retweet | Self::Quote => 1.0,
            Self::Reply => 0.5,
            Self::Like => 0.25,
            Self::Follow | Self::Unfollow | Self::Block | Self::Unblock => 0.0,
        }
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act<'a> {
    /// Who acts.
    pub actor: &'a str,
    /// Who is acted upon.
    pub target: &'a str,
    /// What was done.
    pub kind: Kind,
    /// Event time.
    pub at_ms: i64,
}

/// What is known about an account.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Profile<'a> {
    /// Whose account it is.
    pub user: &'a str,
    /// Whether the person wants to be erased; `false` after `true` opts in again, and `None` leaves it as it was.
    pub opted_out: Option<bool>,
    /// The account's prior, finite and at least 0; `None` leaves it as it was, and is 1 at an opt-in.
    pub trust: Option<f64>,
    /// When the account was created, if that is known.
    pub created_ms: Option<i64>,
    /// Whether its network vouches for it.
    pub is_verified: bool,
    /// The person's other accounts, a line each, if that is said; none ends it.
    pub linked: Option<&'a str>,
}

/// One thing that arrives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Input<'a> {
    /// An event.
    Act(Act<'a>),
    /// A profile; it has no time of its own.
    Profile(Profile<'a>),
    /// The clock moves to this time, or stays where it is beyond it: an epoch begins, or a live clock ticks.
    Clock(i64),
}

impl<'a> From<Act<'a>> for Input<'a> {
    fn from(act: Act<'a>) -> Self {
        Self::Act(act)
    }
}

impl<'a> From<Profile<'a>> for Input<'a> {
    fn from(profile: Profile<'a>) -> Self {
        Self::Profile(profile)
    }
}

/// Events by kind; repeated follows and unfollows included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Kind::ALL.len()]);

impl Counts {
    /// Counts one event.
    pub fn add(&mut self, kind: Kind) {
        self.0[kind as usize] += 1;
    }

    /// Events of a kind.
    pub fn of(&self, kind: Kind) -> u64 {
        self.0[kind as usize]
    }

    /// Events that are acts on the target.
    pub fn on_target(&self) -> u64 {
        Kind::ALL.into_iter().filter(|kind| kind.is_on_target()).map(|kind| self.of(kind)).sum()
    }

    /// Events of all kinds.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }
}
