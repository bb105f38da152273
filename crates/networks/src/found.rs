//! What is found in messages. Everything is borrowed, and valid while it is handed over.

use std::fmt::{self, Display, Formatter};

use vocabulary::Kind;

use crate::Network;

/// One thing that a message says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Found<'a> {
    /// Somebody acted on somebody else.
    Act(Act<'a>),
    /// Something about an account.
    Profile(Profile<'a>),
    /// Somebody wrote a post.
    Post(Post<'a>),
    /// Something is gone from the network.
    Deletion(Deletion<'a>),
    /// An account says whose it is.
    Claim(Claim<'a>),
    /// Two accounts each say that they are one person's.
    Kin(Kin<'a>),
    /// A message, or a part of one, that gives no act; the network is `None` where it was not recognised.
    Skipped(Option<Network>, Reason),
}

/// An act: somebody did something to somebody else.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Act<'a> {
    /// The id of the act: the same whenever and however often the network tells it.
    pub id: ActId<'a>,
    /// The account that acted.
    pub actor: Account<'a>,
    /// The account that was acted upon.
    pub target: Account<'a>,
    /// What was done.
    pub kind: Kind,
    /// When it was done, by the network's own clock, in milliseconds since 1970.
    pub at: i64,
    /// The language of the post, as the network tells it: mostly `en`, `pt-BR`.
    pub language: Option<&'a str>,
    /// The id of the post that the act is about: the one that was liked, shared, quoted or answered, or that mentions.
    pub post: Option<&'a str>,
    /// The account through whose share the actor found the post, where the network tells it.
    pub via: Option<Account<'a>>,
}

/// The id of an act. As text: the network, the id of the message, and which of its acts this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActId<'a> {
    /// The network, by whose prefix the text begins.
    pub network: Network,
    /// The id of the message.
    pub message: &'a str,
    /// The act's kind and place, where one message gives several acts.
    pub part: Option<(Kind, u32)>,
}

impl Display for ActId<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.network.prefix(), self.message)?;
        match self.part {
            None => Ok(()),
            Some((kind, 0)) => write!(f, "#{}", kind.word()),
            Some((kind, place)) => write!(f, "#{}.{place}", kind.word()),
        }
    }
}

/// How an account is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Naming {
    /// By the network's permanent id.
    Id,
    /// By a handle, where the message has no id and none was learnt. A handle may change hands.
    Handle,
}

/// An account on a network. As text: the name under which it is scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Account<'a> {
    /// The network.
    pub network: Network,
    /// The id or the handle, without the network's prefix.
    pub id: &'a str,
    /// Which of the two it is.
    pub naming: Naming,
}

impl<'a> Account<'a> {
    /// An account by its permanent id.
    pub fn by_id(network: Network, id: &'a str) -> Account<'a> {
        Account { network, id, naming: Naming::Id }
    }

    /// An account by its handle.
    pub fn by_handle(network: Network, handle: &'a str) -> Account<'a> {
        Account { network, id: handle, naming: Naming::Handle }
    }
}

impl Display for Account<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mark = match (self.naming, self.network) {
            (Naming::Id, _) => "",
            (Naming::Handle, Network::Reddit) => "u/",
            (Naming::Handle, _) => "@",
        };
        write!(f, "{}:{mark}{}", self.network.prefix(), self.id)
    }
}

/// What is known about an account. `None` is what the message does not say.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile<'a> {
    /// The account.
    pub account: Account<'a>,
    /// What it is called in posts, without `@`.
    pub handle: Option<&'a str>,
    /// The name that it shows.
    pub display_name: Option<&'a str>,
    /// The page of the account.
    pub url: Option<&'a str>,
    /// Whether the network says that it is a program.
    pub is_bot: Option<bool>,
    /// Whether it agrees to be found and shown by others.
    pub is_listed: Option<bool>,
    /// Whether it is there.
    pub standing: Option<Standing>,
    /// The account that it names as its successor. The claim holds only if that one names this one as well.
    pub moved_to: Option<&'a str>,
}

impl<'a> Profile<'a> {
    /// A profile that says nothing yet.
    pub fn of(account: Account<'a>) -> Profile<'a> {
        Profile {
            account,
            handle: None,
            display_name: None,
            url: None,
            is_bot: None,
            is_listed: None,
            standing: None,
            moved_to: None,
        }
    }
}

/// Whether an account is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Active,
    /// Its owner has hidden it for now.
    Deactivated,
    /// The network has taken it down.
    Suspended,
    /// It is gone for good.
    Deleted,
    /// It is there, and its owner objects to being scored: a post of it says nothing but that.
    Objected,
}

impl Standing {
    /// That of an account of which a message says whether it is suspended.
    pub(crate) fn suspended(is_suspended: bool) -> Standing {
        if is_suspended { Standing::Suspended } else { Standing::Active }
    }
}

/// A post, and who wrote it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Post<'a> {
    /// The post's id, as acts name it.
    pub id: &'a str,
    /// The account that wrote it.
    pub author: Account<'a>,
    /// When it was written, in milliseconds since 1970.
    pub at: Option<i64>,
    /// Its language, as the network tells it. Where repeats are dropped, a post that was read before tells none.
    pub language: Option<&'a str>,
}

/// What an account says by a post of its own of whose it is. A code proves nothing before it is held against the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The account that wrote the post.
    pub account: Account<'a>,
    /// The code that it posted; `None` where it says that it is nobody else's any more.
    pub code: Option<&'a str>,
    /// Where people see the post.
    pub url: Option<&'a str>,
}

/// Two accounts of one person, as each of them says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kin<'a> {
    /// The one after which the person can be called: of an account that has moved the new one.
    pub account: Account<'a>,
    /// The other one.
    pub other: Account<'a>,
    /// How they say it.
    pub how: Kinship,
}

/// How two accounts say that they are one person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kinship {
    /// The profile of each links to the other as to its own, by `rel="me"`.
    RelMe,
    /// One has moved to the other, which says that it was the first before.
    Move,
}

/// Something that is gone from the network. Follows that are gone are acts, if it is known whom they were of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Deletion<'a> {
    /// The network.
    pub network: Network,
    /// The id of the post or the record, as acts name it.
    pub id: &'a str,
    /// The kind of act that was taken back; `None` for a post.
    pub of: Option<Kind>,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $word:literal,)*) => {
        /// Why a message, or a part of one, gives no act.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Reason { $($(#[$doc])* $reason,)* }

        impl Reason {
            /// All of them, in the order in which they are told.
            pub const ALL: [Reason; [$($word),*].len()] = [$(Reason::$reason),*];

            /// The words for it.
            pub fn word(self) -> &'static str {
                match self { $(Reason::$reason => $word,)* }
            }
        }
    };
}

impl Display for Reason {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

reasons! {
    /// A post that names, answers and quotes nobody, or an event that is about nobody.
    NoAct = "acts on nobody",
    /// An act on oneself.
    ToOneself = "to oneself",
    /// Only public posts are read.
    NotPublic = "not public",
    /// The message does not say who acted, or the account is gone.
    NoActor = "no actor",
    /// The message does not say who was acted upon.
    NoTarget = "no target",
    /// The message names a post, and whose it is was never seen.
    UnknownAuthor = "author unknown",
    /// The message has no time, and none came before it.
    NoTime = "no time",
    /// The message has no id.
    NoId = "no id",
    /// A name is empty, too long, or has control characters.
    BadName = "unusable name",
    /// Likes and shares of feeds, lists and other things that are not posts.
    NotAPost = "not of a post",
    /// A like, a share or a star that was taken back: that it was given stays true.
    Undone = "taken back",
    /// The act of a message that was read before: archives repeat messages.
    Repeated = "repeated",
    /// An edited post: its acts were counted when it was written.
    Edited = "edited",
    /// An account's copy on another network, and the original is read as well.
    Bridged = "bridged copy",
    /// A post or a page with more mentions than are read.
    TooMany = "too many mentions",
    /// The actor of an activity is not the author of what it carries.
    Forged = "actor is not the author",
    /// Activities, records and events of other kinds.
    OtherKind = "other kind",
    /// A change of an account that says nothing that is used.
    NoNews = "says nothing new",
    /// What the network tells its client: limits, warnings, changed settings, errors.
    Notice = "notice",
    /// The owner of the notifications is not given.
    OwnerUnknown = "owner of the notifications unknown",
    /// The channel of the video is not given.
    ChannelUnknown = "channel unknown",
    /// The site of the dump is not given.
    SiteUnknown = "site unknown",
    /// Bytes that are neither JSON nor a row of a dump.
    Malformed = "malformed",
    /// Messages inside messages, deeper than any network sends.
    TooDeep = "too deep",
    /// A message of another network than is read.
    OtherNetwork = "of another network",
    /// JSON of no network that is known here.
    Unrecognised = "not recognised",
}
