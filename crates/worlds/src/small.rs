//! Worlds of a few hundred users in which everything happens that the model has a rule for, in close succession.

use vocabulary::{Event, Kind, Profile, Timestamp};

use crate::Act;
use crate::chance::{Chance, Purpose};
use crate::popularity::Popularity;

/// The parameters of a small world, for property tests: a failing seed is told by these numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SmallWorld {
    /// The same seed and parameters give the same arrivals for ever.
    pub seed: u64,
    /// How many users there are, at least 10.
    pub users: u32,
    /// How many events arrive; profiles come on top, about one for 30 events.
    pub events: usize,
    /// The time of the first arrival, about.
    pub start: Timestamp,
    /// How long it goes on, in milliseconds: from twice the window on with a gap longer than the window, from four
    /// times on with two.
    pub span_ms: i64,
    /// The model's window in milliseconds. Some late events are older than it, by up to as much again, and may so lie
    /// before the start.
    pub window_ms: i64,
    /// Whether people block each other, and act on each other all the same.
    pub has_blocks: bool,
}

/// What arrives at a small world.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arrival {
    /// An event.
    Act(Act),
    /// A profile.
    Profile(ProfileChange),
}

/// A profile whose user is a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ProfileChange {
    /// Whose profile this is.
    pub user: u32,
    /// See [`Profile::opted_out`].
    pub opted_out: Option<bool>,
    /// See [`Profile::trust`].
    pub trust: Option<f64>,
}

impl ProfileChange {
    /// The profile itself, with the name at the user's number.
    ///
    /// # Panics
    /// If the number has no name.
    pub fn named<'a>(&self, names: &'a [String]) -> Profile<'a> {
        Profile { user: &names[self.user as usize], opted_out: self.opted_out, trust: self.trust, ..Profile::default() }
    }
}

impl SmallWorld {
    /// The users' names by number.
    pub fn names(&self) -> Vec<String> {
        (0..self.users).map(|user| format!("u{user}")).collect()
    }

    /// All that arrives, in the order of its delivery.
    ///
    /// # Panics
    /// If there are fewer than 10 users, or no span or window.
    pub fn arrivals(&self) -> Vec<Arrival> {
        assert!(self.users >= USERS_MIN, "a small world has at least {USERS_MIN} users");
        assert!(self.span_ms > 0 && self.window_ms > 0, "a small world has a span and a window");
        let mut scenes = Scenes::new(self);
        while scenes.acts.len() < self.events {
            scenes.play();
        }
        scenes.arrivals
    }

    /// The acts alone, in the order of their delivery.
    ///
    /// # Panics
    /// As [`SmallWorld::arrivals`].
    pub fn acts(&self) -> Vec<Act> {
        let act = |arrival| match arrival {
            Arrival::Act(act) => Some(act),
            Arrival::Profile(_) => None,
        };
        self.arrivals().into_iter().filter_map(act).collect()
    }

    /// How long nothing happens, twice at most: longer than the window.
    fn gap_ms(&self) -> i64 {
        self.window_ms + self.window_ms / 4 + 1
    }

    fn gaps(&self) -> i64 {
        match self.span_ms / self.window_ms {
            0..2 => 0,
            2..4 => 1,
            _ => 2,
        }
    }
}

const USERS_MIN: u32 = 10;

/// How many scenes are blocks, where there are any.
const BLOCKS: f64 = 0.2;

/// The kinds of what happens by itself: blocks have a scene of their own.
const PLAIN: [Kind; 7] =
    [Kind::Mention, Kind::Retweet, Kind::Reply, Kind::Follow, Kind::Unfollow, Kind::Like, Kind::Quote];

/// How often the clock stands still from one act to the next.
const SAME_TIME: f64 = 0.1;

/// Trusts to give: suspended, distrusted, ordinary, trusted.
const TRUSTS: [f64; 4] = [0.0, 0.25, 1.0, 4.0];

/// A small world while it is being made, one scene of one or several acts after the other.
struct Scenes<'a> {
    world: &'a SmallWorld,
    chance: Chance,
    actors: Popularity,
    targets: Popularity,
    arrivals: Vec<Arrival>,
    acts: Vec<Act>,
    opted_out: Vec<u32>,
    now: Timestamp,
}

impl<'a> Scenes<'a> {
    fn new(world: &'a SmallWorld) -> Scenes<'a> {
        let chance = |purpose| Chance::new(world.seed, purpose);
        Scenes {
            actors: Popularity::zipf(world.users, 0.5, chance(Purpose::ActorPopularity)),
            targets: Popularity::zipf(world.users, 1.0, chance(Purpose::TargetPopularity)),
            chance: chance(Purpose::SmallWorld),
            arrivals: Vec::new(),
            acts: Vec::new(),
            opted_out: Vec::new(),
            now: world.start,
            world,
        }
    }

    fn play(&mut self) {
        if self.world.has_blocks && self.chance.happens(BLOCKS) {
            return self.block();
        }
        match self.chance.below(100) {
            0..40 => self.endorsement(),
            40..55 => self.follow(),
            55..65 => self.encore(),
            65..75 => self.conversation(),
            75..83 => self.late(),
            83..90 => self.profile(),
            90..94 => self.self_act(),
            94..97 => self.duplicate(),
            _ => self.clique(),
        }
    }

    /// Delivers an act now, unless the world has all its events.
    fn act(&mut self, actor: u32, target: u32, kind: Kind) {
        self.tick();
        self.deliver(Act { actor, target, kind, at: self.now });
    }

    fn deliver(&mut self, act: Act) {
        if self.acts.len() < self.world.events {
            self.acts.push(act);
            self.arrivals.push(Arrival::Act(act));
        }
    }

    /// The time of the next act: somewhere in its even part of the span, what gaps there are left out.
    fn tick(&mut self) {
        if self.chance.happens(SAME_TIME) {
            return;
        }
        let world = self.world;
        let done = (self.acts.len() as f64 + self.chance.fraction()) / world.events as f64;
        let busy_ms = world.span_ms - world.gaps() * world.gap_ms();
        let gaps_past = (done * (world.gaps() + 1) as f64) as i64;
        let offset_ms = (done * busy_ms as f64) as i64 + gaps_past.min(world.gaps()) * world.gap_ms();
        self.now = (world.start + offset_ms.min(world.span_ms - 1)).max(self.now);
    }

    fn kind(&mut self) -> Kind {
        Kind::COUNTED[self.chance.pick(Kind::COUNTED.len())]
    }

    fn pair(&mut self) -> (u32, u32) {
        let actor = self.actors.draw();
        let target = self.targets.draw();
        if actor == target { (actor, (actor + 1) % self.world.users) } else { (actor, target) }
    }

    fn endorsement(&mut self) {
        let (actor, target) = self.pair();
        let kind = self.kind();
        self.act(actor, target, kind);
    }

    /// A follow; or one that is repeated, returned or ended, maybe within the same millisecond.
    fn follow(&mut self) {
        let (actor, target) = self.pair();
        self.act(actor, target, Kind::Follow);
        match self.chance.below(8) {
            0 => self.act(actor, target, Kind::Follow),
            1 => self.act(target, actor, Kind::Follow),
            2 => self.act(actor, target, Kind::Unfollow),
            3 => {
                let at = self.now;
                self.deliver(Act { actor, target, kind: Kind::Unfollow, at });
            }
            _ => {}
        }
    }

    fn earlier(&mut self) -> Option<Act> {
        let place = self.chance.pick(self.acts.len());
        self.acts.get(place).copied()
    }

    /// An earlier actor acts on the same target again; a follower may follow or unfollow again.
    fn encore(&mut self) {
        if let Some(Act { actor, target, kind, .. }) = self.earlier() {
            let kind = match kind {
                Kind::Follow | Kind::Unfollow => [Kind::Follow, Kind::Unfollow][self.chance.pick(2)],
                _ => self.kind(),
            };
            self.act(actor, target, kind);
        }
    }

    fn conversation(&mut self) {
        let (mut speaker, mut listener) = self.pair();
        for _ in 0..2 + self.chance.below(6) {
            let kind = self.kind();
            self.act(speaker, listener, kind);
            (speaker, listener) = (listener, speaker);
        }
    }

    /// A closed circle of three to six users.
    fn clique(&mut self) {
        let first = self.chance.user(self.world.users);
        let size = 3 + self.chance.user(4);
        let stride = 1 + self.chance.user(self.world.users / 6);
        let member = |place| (first + place * stride) % self.world.users;
        for (actor, target) in (0..size).flat_map(|actor| (0..size).map(move |target| (actor, target))) {
            if actor != target {
                self.act(member(actor), member(target), Kind::Retweet);
            }
        }
    }

    /// An act or follow of earlier: one in three beyond the window, the others by up to half of it.
    fn late(&mut self) {
        let (actor, target) = match self.earlier() {
            Some(act) if self.chance.happens(0.5) => (act.actor, act.target),
            _ => self.pair(),
        };
        let kind = PLAIN[self.chance.pick(PLAIN.len())];
        let window_ms = self.world.window_ms as u64;
        let delay_ms = match self.chance.below(3) {
            0 => 1 + window_ms + self.chance.below(window_ms),
            _ => 1 + self.chance.below(window_ms / 2),
        };
        let at = self.now - delay_ms as i64;
        self.deliver(Act { actor, target, kind, at });
    }

    /// Somebody who was acted upon blocks the actor, or ends that, or does both within a moment; the actor goes on, or does not
    /// care whether it was another who is blocked.
    fn block(&mut self) {
        let (other, blocker) = match self.earlier() {
            Some(act) if self.chance.happens(0.8) => (act.actor, act.target),
            _ => self.pair(),
        };
        let kinds: &[Kind] = match self.chance.below(6) {
            0..3 => &[Kind::Block],
            3 => &[Kind::Unblock],
            4 => &[Kind::Block, Kind::Block, Kind::Unblock],
            _ => &[Kind::Unblock, Kind::Block],
        };
        kinds.iter().for_each(|&kind| self.act(blocker, other, kind));
        for _ in 0..self.chance.below(3) {
            let kind = PLAIN[self.chance.pick(PLAIN.len())];
            self.act(other, blocker, kind);
        }
        if self.chance.happens(0.3) {
            let kind = self.kind();
            self.act(blocker, other, kind);
        }
    }

    fn self_act(&mut self) {
        let user = self.actors.draw();
        let kind = PLAIN[self.chance.pick(PLAIN.len())];
        self.act(user, user, kind);
    }

    /// The very same event once more.
    fn duplicate(&mut self) {
        if let Some(act) = self.earlier() {
            self.deliver(act);
        }
    }

    /// Somebody opts out, opts in again, or is trusted otherwise.
    fn profile(&mut self) {
        let mut user = self.chance.user(self.world.users);
        let mut opted_out = None;
        if self.chance.happens(0.25) {
            self.opted_out.push(user);
            opted_out = Some(true);
        } else if !self.opted_out.is_empty() && self.chance.happens(0.3) {
            let place = self.chance.pick(self.opted_out.len());
            user = self.opted_out.swap_remove(place);
            opted_out = Some(false);
        }
        let trust = TRUSTS.get(self.chance.pick(TRUSTS.len() + 1)).copied();
        // A profile says something.
        let opted_out = opted_out.or(trust.is_none().then_some(false));
        self.arrivals.push(Arrival::Profile(ProfileChange { user, opted_out, trust }));
    }
}

impl Arrival {
    /// The event, if it is one, with the names at the users' numbers.
    ///
    /// # Panics
    /// If a number has no name.
    pub fn event<'a>(&self, names: &'a [String]) -> Option<Event<'a>> {
        match self {
            Arrival::Act(act) => Some(act.named(names)),
            Arrival::Profile(_) => None,
        }
    }
}
