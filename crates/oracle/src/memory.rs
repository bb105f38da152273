//! What is remembered of the input: acts of live pairs, follows, accounts. The only part that depends on the order of arrival.
//!
//! It computes no weight. Its invariant: what it holds is what an observer with the event clock would hold, so an edge that
//! the window has passed is forgotten at the latest when an event finds it, or at the end.

use std::collections::{BTreeMap, BTreeSet};

use crate::input::{Act, Counts, Input, Kind, Profile};
use crate::model::Model;
use crate::outcome::Tally;

/// An actor and a target, by index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ends {
    pub(crate) actor: usize,
    pub(crate) target: usize,
}

/// One remembered act of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Touch {
    pub(crate) at_ms: i64,
    pub(crate) kind: Kind,
}

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) trust: f64,
    pub(crate) opted_out: bool,
    /// The newest own act, follows aside.
    pub(crate) acted_ms: Option<i64>,
    /// `F`: the first act, or the creation, since the last pause of a whole window.
    pub(crate) first_ms: Option<i64>,
    /// The newest own act, counted as the first one is.
    pub(crate) newest_ms: Option<i64>,
    /// A profile has told the account's age; pauses do not matter then.
    pub(crate) has_age: bool,
    pub(crate) is_verified: bool,
    /// The newest act on this person that was not late, whoever did it and whatever became of them.
    pub(crate) received_ms: Option<i64>,
    pub(crate) received: Counts,
    /// Since when nobody has acted on them and they have had neither a fan nor a follower.
    silent_since_ms: Option<i64>,
}

/// What the newest of a pair's follows and unfollows says.
#[derive(Clone, Copy, Debug)]
enum Following {
    Since(i64),
    Ended(i64),
}

/// All that is remembered while inputs arrive.
pub(crate) struct Memory<'m> {
    model: &'m Model,
    now_ms: Option<i64>,
    /// The first act of all that endorses.
    genesis_ms: Option<i64>,
    index: BTreeMap<String, usize>,
    accounts: Vec<Account>,
    /// Each with its acts from the oldest to the newest.
    edges: BTreeMap<Ends, Vec<Touch>>,
    follows: BTreeMap<Ends, Following>,
    /// Who blocks whom.
    blocks: BTreeSet<Ends>,
    /// The other accounts of whose account this is.
    linked: BTreeMap<String, BTreeSet<String>>,
    tally: Tally,
}

/// What is left at the end, in the order of names.
pub(crate) struct Remains {
    pub(crate) now_ms: i64,
    pub(crate) genesis_ms: i64,
    pub(crate) accounts: Vec<Account>,
    /// Live edges, each with its acts from the oldest to the newest.
    pub(crate) edges: Vec<(Ends, Vec<Touch>)>,
    /// Live follows, with the time of the newest follow.
    pub(crate) follows: Vec<(Ends, i64)>,
    /// Those of them that are between accounts of one person now.
    pub(crate) own_follows: BTreeSet<Ends>,
    pub(crate) tally: Tally,
}

impl<'m> Memory<'m> {
    pub(crate) fn new(model: &'m Model) -> Self {
        Self {
            model,
            now_ms: None,
            genesis_ms: None,
            index: BTreeMap::new(),
            accounts: Vec::new(),
            edges: BTreeMap::new(),
            follows: BTreeMap::new(),
            blocks: BTreeSet::new(),
            linked: BTreeMap::new(),
            tally: Tally::default(),
        }
    }

    pub(crate) fn take(&mut self, input: Input<'_>) {
        match input {
            Input::Act(act) => self.act(&act),
            Input::Profile(profile) => self.profile(&profile),
            Input::Clock(at_ms) => self.advance(at_ms),
        }
        if let (Some(after_ms), Some(now_ms)) = (self.model.forget_after_ms, self.now_ms) {
            self.forget_silent(after_ms, now_ms);
        }
    }

    /// What somebody received is forgotten a while after the last fan and the last follower were.
    fn forget_silent(&mut self, after_ms: i64, now_ms: i64) {
        let fans =
            self.edges.iter().filter(|(_, touches)| !self.is_forgotten(newest_ms(touches))).map(|(ends, _)| ends);
        let follows = self.follows.iter().filter(|(_, follow)| follow.since_ms().is_some()).map(|(ends, _)| ends);
        let heard: BTreeSet<usize> = fans.chain(follows).map(|ends| ends.target).collect();
        for (user, account) in self.accounts.iter_mut().enumerate() {
            if heard.contains(&user) {
                account.silent_since_ms = None;
            } else if now_ms - *account.silent_since_ms.get_or_insert(now_ms) >= after_ms {
                account.received = Counts::default();
            }
        }
    }

    fn act(&mut self, act: &Act<'_>) {
        if act.actor == act.target {
            self.tally.self_acts += 1;
        } else if self.is_opted_out(act.actor) {
            self.tally.dropped += 1;
        } else if act.kind.is_on_target() && self.are_one_persons(act) {
            self.tally.own_accounts += 1;
            self.advance(act.at_ms);
        } else if act.kind.is_on_target() && self.is_blocked(act) {
            self.tally.blocked += 1;
            self.advance(act.at_ms);
        } else {
            self.accept(act);
        }
    }

    fn are_one_persons(&self, act: &Act<'_>) -> bool {
        self.linked.get(act.actor).is_some_and(|others| others.contains(act.target))
    }

    fn accept(&mut self, act: &Act<'_>) {
        self.tally.accepted += 1;
        self.advance(act.at_ms);
        let ends = Ends { actor: self.account(act.actor), target: self.account(act.target) };
        let target = &mut self.accounts[ends.target];
        // An unfollow is no act on anybody, nor is a block.
        if act.kind.is_on_target() {
            target.silent_since_ms = None;
        }
        if !target.opted_out {
            target.received.add(act.kind);
        }
        match act.kind {
            Kind::Follow => self.follow(ends, act.at_ms),
            Kind::Unfollow => self.unfollow(ends, act.at_ms),
            // Of both the one that arrives last holds. Nobody who is erased can be blocked.
            Kind::Block if self.accounts[ends.target].opted_out => {}
            Kind::Block => _ = self.blocks.insert(ends),
            Kind::Unblock => _ = self.blocks.remove(&ends),
            kind => self.endorse(ends, Touch { at_ms: act.at_ms, kind }),
        }
    }

    fn endorse(&mut self, ends: Ends, touch: Touch) {
        if self.is_forgotten(touch.at_ms) {
            self.tally.late += 1;
            return;
        }
        self.act_once_more(ends.actor, touch.at_ms);
        let received_ms = &mut self.accounts[ends.target].received_ms;
        *received_ms = (*received_ms).max(Some(touch.at_ms));
        let begun_anew = self.edges.get(&ends).is_some_and(|touches| self.is_forgotten(newest_ms(touches)));
        let touches = self.edges.entry(ends).or_default();
        if begun_anew {
            touches.clear();
        }
        let place = touches.partition_point(|older| *older <= touch);
        touches.insert(place, touch);
    }

    /// An own act. Whoever has not acted for a whole window begins anew, unless a profile has told how old the account is.
    fn act_once_more(&mut self, user: usize, at_ms: i64) {
        let arrived_ms = self.now_ms.unwrap_or(at_ms);
        let counted_ms = self.model.room.lateness_ms.map_or(at_ms, |late_ms| at_ms.max(arrived_ms - late_ms));
        self.genesis_ms = Some(self.genesis_ms.map_or(counted_ms, |genesis_ms| genesis_ms.min(counted_ms)));
        self.begin_anew_after_a_pause(user);
        let account = &mut self.accounts[user];
        account.first_ms = Some(account.first_ms.map_or(counted_ms, |first_ms| first_ms.min(counted_ms)));
        account.newest_ms = account.newest_ms.max(Some(counted_ms));
        account.acted_ms = account.acted_ms.max(Some(at_ms));
    }

    fn begin_anew_after_a_pause(&mut self, user: usize) {
        let paused = self.accounts[user].acted_ms.is_some_and(|acted_ms| self.is_forgotten(acted_ms));
        let account = &mut self.accounts[user];
        if paused && !account.has_age {
            (account.first_ms, account.newest_ms) = (None, None);
        }
    }

    /// A follow is accepted at any age, unless an unfollow that is still remembered is as new.
    fn follow(&mut self, ends: Ends, at_ms: i64) {
        let since_ms = match self.follows.get(&ends) {
            Some(&Following::Since(since_ms)) => since_ms.max(at_ms),
            Some(&Following::Ended(ended_ms)) if ended_ms >= at_ms && !self.is_forgotten(ended_ms) => {
                return;
            }
            Some(Following::Ended(_)) | None => at_ms,
        };
        self.follows.insert(ends, Following::Since(since_ms));
    }

    /// An unfollow ends what is not newer than itself, at any age; beyond the window it leaves no trace of its own.
    fn unfollow(&mut self, ends: Ends, at_ms: i64) {
        let ended_ms = match self.follows.get(&ends) {
            Some(&Following::Since(since_ms)) if since_ms > at_ms => return,
            Some(&Following::Ended(ended_ms)) => ended_ms.max(at_ms),
            Some(Following::Since(_)) | None => at_ms,
        };
        if self.is_forgotten(ended_ms) {
            self.follows.remove(&ends);
        } else {
            self.follows.insert(ends, Following::Ended(ended_ms));
        }
    }

    fn profile(&mut self, profile: &Profile<'_>) {
        if let Some(trust) = profile.trust {
            assert!(trust.is_finite() && trust >= 0.0, "{} has a trust of {trust}", profile.user);
        }
        if let Some(linked) = profile.linked {
            let is_out = self.is_opted_out(profile.user) && profile.opted_out != Some(false);
            if !is_out && profile.opted_out != Some(true) {
                self.linked.insert(profile.user.to_owned(), linked.lines().map(str::to_owned).collect());
            }
        }
        if profile.opted_out == Some(true) {
            self.linked.remove(profile.user);
        }
        let user = self.account(profile.user);
        match (self.accounts[user].opted_out, profile.opted_out) {
            (_, Some(true)) => return self.erase(user),
            (true, None) => return,
            (true, Some(false)) => self.forget_given_to(user),
            (false, None | Some(false)) => {}
        }
        self.begin_anew_after_a_pause(user);
        let account = &mut self.accounts[user];
        account.opted_out = false;
        account.trust = profile.trust.unwrap_or(account.trust);
        account.is_verified |= profile.is_verified;
        account.has_age |= profile.is_verified || profile.created_ms.is_some();
        account.first_ms = [account.first_ms, profile.created_ms].into_iter().flatten().min();
    }

    /// Erases what is the person's own; edges and follows from others to them remain, since others will take them back.
    fn erase(&mut self, user: usize) {
        let account = &mut self.accounts[user];
        let (name, received_ms) = (std::mem::take(&mut account.name), account.received_ms);
        *account = Account { opted_out: true, received_ms, ..Account::new(name) };
        self.edges.retain(|ends, _| ends.actor != user);
        self.follows.retain(|ends, _| ends.actor != user);
        self.blocks.retain(|ends| ends.actor != user && ends.target != user);
    }

    /// Who opts in again starts from nothing: what others gave before and meanwhile does not count.
    fn forget_given_to(&mut self, user: usize) {
        self.edges.retain(|ends, _| ends.target != user);
        self.follows.retain(|ends, _| ends.target != user);
        self.accounts[user].received_ms = None;
    }

    /// Forgets what the window has passed, and puts everything into the order of names.
    pub(crate) fn close(mut self, as_of_ms: Option<i64>) -> Remains {
        if let Some(as_of_ms) = as_of_ms {
            self.advance(as_of_ms);
        }
        let model = self.model;
        let now_ms = self.now_ms.unwrap_or(0);
        let rank = rank_of(&self.index);
        let by_name = |ends: Ends| Ends { actor: rank[ends.actor], target: rank[ends.target] };
        let is_live = |touches: &[Touch]| !model.is_forgotten(newest_ms(touches), now_ms);
        let live = self.edges.into_iter().filter(|(_, touches)| is_live(touches));
        let mut edges: Vec<_> = live.map(|(ends, touches)| (by_name(ends), touches)).collect();
        edges.sort_by_key(|&(ends, _)| ends);
        let mut follows: Vec<_> =
            self.follows.into_iter().filter_map(|(e, f)| Some((by_name(e), f.since_ms()?))).collect();
        follows.sort();
        self.accounts.sort_by(|one, other| one.name.cmp(&other.name));
        let genesis_ms = self.genesis_ms.unwrap_or(now_ms);
        let name = |user: usize| &self.accounts[user].name;
        let is_own =
            |ends: &Ends| self.linked.get(name(ends.actor)).is_some_and(|others| others.contains(name(ends.target)));
        let own_follows = follows.iter().map(|(ends, _)| *ends).filter(is_own).collect();
        Remains { now_ms, genesis_ms, own_follows, accounts: self.accounts, edges, follows, tally: self.tally }
    }

    fn advance(&mut self, at_ms: i64) {
        self.now_ms = self.now_ms.max(Some(at_ms));
    }

    fn is_forgotten(&self, at_ms: i64) -> bool {
        self.now_ms.is_some_and(|now_ms| self.model.is_forgotten(at_ms, now_ms))
    }

    /// Whether the target blocks the actor.
    fn is_blocked(&self, act: &Act<'_>) -> bool {
        let user = |name| self.index.get(name).copied();
        user(act.target)
            .zip(user(act.actor))
            .is_some_and(|(actor, target)| self.blocks.contains(&Ends { actor, target }))
    }

    fn is_opted_out(&self, name: &str) -> bool {
        self.index.get(name).is_some_and(|&user| self.accounts[user].opted_out)
    }

    fn account(&mut self, name: &str) -> usize {
        if let Some(&user) = self.index.get(name) {
            return user;
        }
        self.index.insert(name.to_owned(), self.accounts.len());
        self.accounts.push(Account::new(name.to_owned()));
        self.accounts.len() - 1
    }
}

impl Account {
    fn new(name: String) -> Self {
        Self {
            name,
            trust: 1.0,
            opted_out: false,
            acted_ms: None,
            first_ms: None,
            newest_ms: None,
            has_age: false,
            is_verified: false,
            received_ms: None,
            received: Counts::default(),
            silent_since_ms: None,
        }
    }
}

impl Following {
    fn since_ms(self) -> Option<i64> {
        match self {
            Self::Since(since_ms) => Some(since_ms),
            Self::Ended(_) => None,
        }
    }
}

/// The time of a pair's newest act. An edge without acts is never stored.
pub(crate) fn newest_ms(touches: &[Touch]) -> i64 {
    touches.last().map_or(i64::MIN, |touch| touch.at_ms)
}

/// For each index in order of first appearance, its place in the order of names.
fn rank_of(index: &BTreeMap<String, usize>) -> Vec<usize> {
    let mut rank = vec![0; index.len()];
    for (place, &user) in index.values().enumerate() {
        rank[user] = place;
    }
    rank
}
