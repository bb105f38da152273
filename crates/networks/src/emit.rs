//! Hands over what was found, after the rules that hold on every network.

use std::borrow::Cow;

use vocabulary::Kind;

use crate::memory::About;
use crate::reader::{Options, Source};
use crate::{Account, Act, Claim, Deletion, Found, Memory, Naming, Network, Post, Profile, Reason, Tally};

/// The longest name, as it is scored, in bytes.
const NAME_BYTES_MAX: usize = 512;

/// The way out of a reader: counts, remembers, drops what must be dropped, and hands over the rest.
pub(crate) struct Emit<'r> {
    pub(crate) options: &'r Options,
    pub(crate) memory: &'r mut Memory,
    pub(crate) tally: &'r mut Tally,
    pub(crate) source: &'r mut Source,
    pub(crate) sink: &'r mut dyn FnMut(Found<'_>),
    pub(crate) network: Network,
    /// Whether somebody else than the author tells it, so that what the author says of themselves is not to be believed.
    pub(crate) is_hearsay: bool,
}

impl Emit<'_> {
    pub(crate) fn hand_over(&mut self, found: Found<'_>) {
        self.tally.add(Some(self.network), &found);
        (self.sink)(found);
    }

    pub(crate) fn skip(&mut self, reason: Reason) {
        self.hand_over(Found::Skipped(Some(self.network), reason));
    }

    pub(crate) fn act(&mut self, act: Act<'_>) {
        if act.actor == act.target {
            return self.skip(Reason::ToOneself);
        }
        if !is_name(act.actor) || !is_name(act.target) || !is_plain(act.id.message) {
            return self.skip(Reason::BadName);
        }
        if self.is_unwanted_copy(act.actor) || self.is_unwanted_copy(act.target) {
            return self.skip(Reason::Bridged);
        }
        self.source.last_at = Some(act.at);
        if self.options.drops_repeats && !self.memory.is_first(act.id) {
            return self.skip(Reason::Repeated);
        }
        self.hand_over(Found::Act(act));
    }

    pub(crate) fn profile(&mut self, profile: Profile<'_>) {
        if is_name(profile.account) {
            self.hand_over(Found::Profile(profile));
        } else {
            self.skip(Reason::BadName);
        }
    }

    pub(crate) fn post(&mut self, mut post: Post<'_>) {
        if !is_name(post.author) {
            return;
        }
        // What an archive repeats, and what others pass on, is not written once more.
        let is_own = post.language.is_some() && post.at.is_some();
        if is_own && self.options.drops_repeats && !self.memory.is_first_post(self.network, post.id) {
            post.language = None;
        }
        self.hand_over(Found::Post(post));
    }

    /// Hands over what an account says of whose it is, by this post; a post that is told again says nothing.
    pub(crate) fn claim(&mut self, claim: Claim<'_>, post: &str) {
        let is_first = !self.options.drops_repeats || self.memory.is_first_claim(self.network, post);
        if is_first && is_name(claim.account) {
            self.hand_over(Found::Claim(claim));
        }
    }

    pub(crate) fn deletion(&mut self, id: &str, of: Option<Kind>) {
        self.hand_over(Found::Deletion(Deletion { network: self.network, id, of }));
    }

    pub(crate) fn learn(&mut self, about: About, key: &str, value: &str) {
        self.memory.learn(about, self.network, key, value);
    }

    pub(crate) fn recall(&self, about: About, key: &str) -> Option<&str> {
        self.memory.recall(about, self.network, key)
    }

    /// The time of a message, or that of the message before it where it has none.
    pub(crate) fn time(&mut self, at: Option<i64>) -> Option<i64> {
        let at = at.and_then(crate::time::in_range);
        if at.is_some() {
            self.source.last_at = at;
            return at;
        }
        if self.source.last_at.is_some() {
            self.tally.of_mut(Some(self.network)).borrowed_times += 1;
        }
        self.source.last_at
    }

    /// The account that a handle means: by its id where that was learnt, else by the handle. Handles know no case.
    pub(crate) fn by_handle(&self, handle: &str) -> (Cow<'static, str>, Naming) {
        let lower = handle.to_lowercase();
        match self.recall(About::Alias, &lower) {
            Some(id) => (Cow::Owned(id.to_owned()), Naming::Id),
            None => (Cow::Owned(lower), Naming::Handle),
        }
    }

    pub(crate) fn learn_handle(&mut self, handle: &str, id: &str) {
        self.learn(About::Alias, &handle.to_lowercase(), id);
    }

    /// True for an account's copy on another network than its own, where its own is read as well.
    fn is_unwanted_copy(&self, account: Account<'_>) -> bool {
        let connected = |network| self.options.connected.contains(&network);
        match account.network {
            Network::Mastodon | Network::ActivityPub => {
                connected(Network::Bluesky) && host(account.id).is_some_and(|host| host == "bsky.brid.gy")
            }
            Network::Bluesky => {
                (connected(Network::ActivityPub) || connected(Network::Mastodon))
                    && self.recall(About::Copy, account.id).is_some()
            }
            _ => false,
        }
    }
}

/// The host of an address, without its port.
pub(crate) fn host(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split(['/', '?', '#']).next()?;
    Some(host.rsplit('@').next()?.split(':').next()?).filter(|host| !host.is_empty())
}

fn is_name(account: Account<'_>) -> bool {
    let whole = account.network.prefix().len() + 3 + account.id.len();
    !account.id.is_empty() && whole <= NAME_BYTES_MAX && is_plain(account.id)
}

fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
