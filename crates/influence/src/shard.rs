//! One shard's state machine: a slice in, effects out. It neither fails, waits nor looks at a clock, and what it
//! does depends on nothing but its state and the slice.
//!
//! ```text
//! slice ──> exchange sections ──> profiles ──> events ──> pushes ──> sweep ──> effects
//!           contact, follow,      erase,       endorse,   push       sweep     publish,
//!           account               account      follow                          section
//! ```

use std::collections::VecDeque;

use crate::account::Accounts;
use crate::blocks::{BlockAway, Blocks};
use crate::credit::{Credit, Rated};
use crate::digest::Digest;
use crate::edge::Edge;
use crate::exchange::Section;
use crate::growth::{Growth, Landmark, power_of_two};
use crate::history::History;
use crate::id::{PersonId, RemoteId, StandingId};
use crate::model::{AHEAD_HALF_LIVES_MAX, LANDMARK_LAG_MAX, Model, TIME_MAX};
use crate::name::{HashKey, Hashed, UserKey};
use crate::people::{Collision, KNOWN, Known, LeftOut, People, Target};
use crate::renewal::Renewals;
use crate::row::Rows;
use crate::scale::{Scale, ScaleKeeper};
use crate::siblings::Siblings;
use crate::standing::Targets;
use crate::tables::{InvalidImage, Reader, check};
use vocabulary::{Event, Kind, PerKind, Profile, Removal, Score, Timestamp};

/// The input of one shard in one epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slice<'a> {
    /// The clock at its end.
    pub clock: Timestamp,
    /// What other shards have told, in the order of the exchange.
    pub exchange: &'a [&'a Section],
    /// Profiles, in the order of their offsets.
    pub profiles: &'a [Profile<'a>],
    /// Events, topic by topic in the order of the configuration, each in the order of offsets.
    pub events: &'a [Arrival<'a>],
    /// People whom the sweep visits.
    pub sweep: u32,
    /// Whether scores that moved are published; not while catching up.
    pub publishes: bool,
    /// The end of a recorded log: levels and the scale go where they belong without their pauses.
    pub settles: bool,
    /// The machine's clock, where events move the shard's: it tells history from what happens now.
    pub machine_clock: Option<Timestamp>,
    /// Whether this is an application that goes on, and no recorded log.
    pub is_live: bool,
    /// Milliseconds of a day, if days are closed; another day than [`DAY_MS`](crate::DAY_MS) only in tests.
    pub closes_ms: Option<Timestamp>,
    /// Whether what each act gave is told. It changes nothing else.
    pub credits: bool,
}

/// An event and when it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// The clock when it was taken; one that lies behind the shard's does not move it.
    pub clock: Timestamp,
    /// The event.
    pub event: Event<'a>,
}

/// What a step wants published.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Scores that moved.
    pub scores: Vec<Published>,
    /// Names whose records go, in the order in which that was decided.
    pub removed: Vec<Removed>,
    /// How people stood at the end of a day.
    pub closes: Vec<Close>,
    /// Names of which closes may have been told that are not to be shown any more.
    pub closes_removed: Vec<Removed>,
    /// What acts gave to the people of each shard, in the order of the acts; nothing where the slice does not ask.
    pub credits: Vec<Vec<Credit>>,
    /// Rates of this shard's actors that changed, in that order; none where the slice does not ask.
    pub rated: Vec<Rated>,
    /// For each shard, what it is told.
    pub exchange: Vec<Section>,
    /// What became of the events.
    pub taken: Taken,
    /// Names that were left out, as their keys are other names': each once, and the first 64.
    pub collisions: Vec<Collision>,
    /// People whose level as followers changed.
    pub levels_changed: u64,
    /// People whom the sweep has visited.
    pub swept: u32,
    /// Whether what is unsaid of those whom the sweep has visited was published.
    pub publishes: bool,
    /// People who were forgotten, since nothing was left of them.
    pub forgotten: u64,
    /// Over all that the step changed and all that is here: the same slice done again gives the same.
    pub digest: u64,
}

/// A name whose record goes, if there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Whose record it is.
    pub name: Box<str>,
    /// Why it goes.
    pub why: Removal,
}

/// A score that moved. [`Shard::record`] tells whose it is and what it has become.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// A number that means this person until the next step.
    pub person: PersonId,
    /// The score published before, as if it were not bounded by 100; NaN if there is none.
    pub previous: f32,
}

/// How somebody stood at the end of a day. [`Shard::name`] tells whose it is, as the step that told it left it; `None` if that
/// step erased them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Close {
    /// A number that means this person until the next step.
    pub person: PersonId,
    /// The day that has ended, in days since 1970.
    pub day: i64,
    /// All of it as of the end of the day; `previous` is the score of the close before.
    pub score: Score,
}

/// What became of the events of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Accepted, by kind.
    pub accepted: PerKind<u64>,
    /// Accepted ones among them that were older than the window: counted, and nothing else.
    pub late: u64,
    /// By people on themselves: ignored.
    pub self_acts: u64,
    /// By people who have opted out: ignored.
    pub opted_out: u64,
    /// On people who block the actor: they give nothing.
    pub blocked: u64,
    /// On another account of the person whose account acts: ignored.
    pub own_accounts: u64,
    /// By people of another shard: ignored.
    pub misrouted: u64,
    /// Events, profiles, names and entries of the exchange that found the shard full, and were not taken: see
    /// [`Limits`](crate::Limits).
    pub refused: u64,
    /// By or on a name whose key is another name's, and profiles of such: ignored.
    pub collided: u64,
    /// Edges to which a push told a new rate.
    pub pushed_edges: u64,
}

impl Taken {
    /// An event that was counted as accepted has found no room.
    pub(crate) fn refuse(&mut self, kind: Kind) {
        self.accepted[kind] -= 1;
        self.refused += 1;
    }

    /// Adds another step's.
    pub fn add(&mut self, other: &Taken) {
        Kind::ALL.into_iter().for_each(|kind| self.accepted[kind] += other.accepted[kind]);
        self.late += other.late;
        self.self_acts += other.self_acts;
        self.opted_out += other.opted_out;
        self.blocked += other.blocked;
        self.own_accounts += other.own_accounts;
        self.misrouted += other.misrouted;
        self.refused += other.refused;
        self.collided += other.collided;
        self.pushed_edges += other.pushed_edges;
    }

    /// A record by or on a name that is nobody here.
    pub(crate) fn leave_out(&mut self, why: LeftOut) {
        match why {
            LeftOut::Full => self.refused += 1,
            LeftOut::Collided => self.collided += 1,
        }
    }
}

/// The state of one shard.
#[derive(Clone, Debug)]
pub struct Shard {
    pub(crate) model: Model,
    pub(crate) hash_key: HashKey,
    pub(crate) growth: Growth,
    pub(crate) now: Timestamp,
    /// The first time that the clock has shown.
    pub(crate) began_at: Timestamp,
    /// The world's first act, as far as is known here; the latest time before there is one.
    pub(crate) genesis: Timestamp,
    /// Whoever came until then is known.
    pub(crate) founders_until: Timestamp,
    pub(crate) landmark: Landmark,
    /// From this time on the landmark lags too far.
    pub(crate) landmark_until: Timestamp,
    /// From this time on the landmark lags too far, or a day has ended that is to be closed.
    pub(crate) alarm: Timestamp,
    /// What is kept for closes, if days are closed.
    pub(crate) history: Option<Box<History>>,
    /// Milliseconds ahead of the clock beyond which an event counts for less than its time says.
    pub(crate) ahead_max_ms: Timestamp,
    horizon: Horizon,
    pub(crate) people: People,
    pub(crate) accounts: Accounts,
    pub(crate) edges: Rows<Edge>,
    pub(crate) follows: Rows<crate::account::Follow>,
    /// Who blocks whom.
    pub(crate) blocks: Blocks,
    /// Which accounts are one person's.
    pub(crate) siblings: Siblings,
    pub(crate) targets: Targets,
    /// People whose rate is off, first in first out.
    pub(crate) queue: VecDeque<PersonId>,
    /// The next person whom the sweep visits.
    pub(crate) cursor: PersonId,
    /// Rounds of the sweep that have ended.
    pub(crate) rounds: u64,
    pub(crate) renewals: Renewals,
    pub(crate) scale: Scale,
    /// Shard 0's next scale, which holds from the next step on, there as elsewhere.
    pub(crate) coming_scale: Option<Scale>,
    pub(crate) keeper: ScaleKeeper,
    /// Who has the largest influence, and who has in the present round of the sweep.
    pub(crate) leader: Option<StandingId>,
    pub(crate) reported_at: Option<Timestamp>,
    /// The largest influence of the last report.
    pub(crate) reported_largest: f64,
    pub(crate) outlook: Outlook,
    pub(crate) step: StepState,
}

/// What the shard's reports are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Outlook {
    /// Until when it catches up on history, unless more of it comes.
    pub(crate) opening_until: Timestamp,
    /// Whether it has done so once.
    pub(crate) has_opened: bool,
    /// Time of the oldest act; the latest time if there is none.
    pub(crate) oldest_act: Timestamp,
    /// Votes that suspensions and erasures, and acts that fell out of the leader's window, have taken away so far.
    pub(crate) taken: f64,
    /// The last report's.
    pub(crate) told_taken: f64,
    pub(crate) told_opening: bool,
    pub(crate) told_young: bool,
    /// Visits until everybody was visited since the round began.
    pub(crate) round_left: u32,
    /// The most that anybody led with in this round.
    pub(crate) round_led: Seen,
    /// Whoever led has fallen, and it is not known yet who leads now.
    pub(crate) is_unsure: bool,
    /// The most that anybody may lead with, as far as is known.
    pub(crate) led: Seen,
}

/// An influence, from which ageing takes since.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    pub(crate) votes: f64,
    pub(crate) at: Timestamp,
}

impl Seen {
    pub(crate) fn aged(self, now: Timestamp, half_life_ms: Timestamp) -> f64 {
        self.votes * libm::exp2(-(now.saturating_sub(self.at) as f64) / half_life_ms as f64)
    }
}

impl Outlook {
    const NEW: Outlook = Outlook {
        opening_until: Timestamp::MIN,
        has_opened: false,
        oldest_act: Timestamp::MAX,
        taken: 0.0,
        told_taken: 0.0,
        told_opening: false,
        told_young: false,
        round_left: 0,
        round_led: Seen { votes: 0.0, at: Timestamp::MIN },
        is_unsure: false,
        led: Seen { votes: 0.0, at: Timestamp::MIN },
    };

    pub(crate) fn words(&self) -> [u64; 13] {
        let Outlook { opening_until, has_opened, oldest_act, taken, told_taken, told_opening, told_young, .. } = *self;
        let Outlook { round_left, round_led, is_unsure, led, .. } = *self;
        let [taken, told_taken, votes, round_votes] = [taken, told_taken, led.votes, round_led.votes].map(f64::to_bits);
        let [has_opened, told_opening, told_young, is_unsure] =
            [has_opened, told_opening, told_young, is_unsure].map(u64::from);
        [
            opening_until as u64,
            has_opened,
            oldest_act as u64,
            taken,
            told_taken,
            told_opening,
            told_young,
            round_left.into(),
            round_votes,
            round_led.at as u64,
            is_unsure,
            votes,
            led.at as u64,
        ]
    }

    pub(crate) fn read_image(from: &mut Reader<'_>) -> Result<Outlook, InvalidImage> {
        let opening_until = from.word()? as Timestamp;
        let has_opened = from.flag("the outlook: whether it has opened")?;
        let oldest_act = from.word()? as Timestamp;
        let [taken, told_taken] = [f64::from_bits(from.word()?), f64::from_bits(from.word()?)];
        let told_opening = from.flag("the outlook: whether it told that it opens")?;
        let told_young = from.flag("the outlook: whether it told that it is young")?;
        let round_left =
            u32::try_from(from.word()?).map_err(|_| InvalidImage("the outlook: a round is endless".into()))?;
        let round_led = Seen { votes: f64::from_bits(from.word()?), at: from.word()? as Timestamp };
        let is_unsure = from.flag("the outlook: whether the leader is sure")?;
        let led = Seen { votes: f64::from_bits(from.word()?), at: from.word()? as Timestamp };
        let votes = [taken, told_taken, round_led.votes, led.votes];
        check(votes.iter().all(|votes| votes.is_finite() && *votes >= 0.0), "the outlook: no votes")?;
        Ok(Outlook {
            opening_until,
            has_opened,
            oldest_act,
            taken,
            told_taken,
            told_opening,
            told_young,
            round_left,
            round_led,
            is_unsure,
            led,
        })
    }
}

/// What lives for one step only; kept for its memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct StepState {
    /// Edges that pushes and announcements may still touch.
    pub(crate) edges_left: i64,
    pub(crate) settles: bool,
    pub(crate) taken: Taken,
    pub(crate) levels_changed: u64,
    pub(crate) visits: u32,
    pub(crate) forgotten: u64,
    pub(crate) removed: Vec<Removed>,
    pub(crate) closes_removed: Vec<Removed>,
    /// Whether the slice asks for credits,
    pub(crate) wants_credits: bool,
    /// and those of the step.
    pub(crate) credits: Vec<Vec<Credit>>,
    /// Rates that changed.
    pub(crate) rated: Vec<Rated>,
    /// Contacts between people of this shard, dealt with at once.
    pub(crate) contacts_here: VecDeque<ContactHere>,
    /// What people of other shards are to hear.
    pub(crate) contacts_away: Vec<ContactAway>,
    pub(crate) follows_away: Vec<FollowAway>,
    pub(crate) audiences_away: Vec<AudienceAway>,
    pub(crate) blocks_away: Vec<BlockAway>,
    /// People of other shards who have opted in again, of whom this one has heard, with their shards.
    pub(crate) heard_away: Vec<(u16, UserKey)>,
    /// People of this shard who have opted in again.
    pub(crate) renewed: Vec<UserKey>,
    /// Until when founders came, before the world turned out to be older.
    pub(crate) founders_until: Option<Timestamp>,
    pub(crate) report: Option<crate::scale::Report>,
    /// Whether another shard has told how its people stand.
    pub(crate) was_told: bool,
    /// Whether this is an application that goes on, and no recorded log.
    pub(crate) is_live: bool,
    /// Whether nobody has got used to a scale yet.
    pub(crate) is_opening: bool,
    /// Whether a level may change at each visit, and is that of the score.
    pub(crate) frees_levels: bool,
    /// Whether rates that are off by less than `eps` are told as well.
    pub(crate) refines: bool,
    pub(crate) swept: Vec<StandingId>,
    pub(crate) weights: Vec<f64>,
    /// Changes of people of other shards, by whom they are of: the person, and below it the change's place.
    pub(crate) order: Vec<u64>,
    pub(crate) digest: Digest,
    hashed: Vec<(Hashed, Hashed)>,
    found: Vec<(Option<Known>, Option<Known>)>,
    resolved: Vec<Act>,
}

/// Events that go through the stages of a step together: what they touch fits a core's second cache.
const CHUNK_EVENTS: usize = 64;

/// A contact between two people of this shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContactHere {
    /// Who endorses, as the target's row would know them.
    pub(crate) actor: Target,
    pub(crate) target: PersonId,
    pub(crate) endorsement: f32,
    pub(crate) wants_answer: bool,
}

/// A contact with a person of another shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContactAway {
    pub(crate) target: RemoteId,
    pub(crate) actor: PersonId,
    pub(crate) endorsement: f32,
    pub(crate) wants_answer: bool,
}

/// A follow of a person of another shard that began or ended.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FollowAway {
    pub(crate) target: RemoteId,
    pub(crate) actor: PersonId,
    pub(crate) follows: bool,
    pub(crate) wants_answer: bool,
}

/// A change of the followers of a person of another shard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AudienceAway {
    pub(crate) target: RemoteId,
    pub(crate) level: u8,
    pub(crate) mutual: bool,
    pub(crate) followers: i32,
}

/// Who an event is about.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Act {
    Between(PersonId, Known),
    OnSelf,
    OnSibling,
    OptedOut,
    Misrouted,
    LeftOut(LeftOut),
}

/// A bound that is quickly compared with: what is above it is inside the window until then.
#[derive(Clone, Copy, Debug)]
struct Horizon {
    until: Timestamp,
    above: f32,
}

impl Horizon {
    const UNKNOWN: Horizon = Horizon { until: Timestamp::MIN, above: f32::INFINITY };
}

impl Shard {
    /// An empty shard of so many. The model must be valid; all shards have one key.
    pub fn new(model: Model, hash_key: HashKey, shard: u16, shards: u16) -> Shard {
        assert!(shard < shards, "shard {shard} of {shards}");
        assert_eq!(model.validate(), Ok(()));
        Shard {
            growth: Growth::new(model.half_life_ms),
            now: Timestamp::MIN,
            began_at: Timestamp::MIN,
            genesis: Timestamp::MAX,
            founders_until: KNOWN,
            landmark: 0,
            landmark_until: Timestamp::MIN,
            alarm: Timestamp::MIN,
            history: None,
            ahead_max_ms: AHEAD_HALF_LIVES_MAX * model.half_life_ms,
            horizon: Horizon::UNKNOWN,
            people: People::new(&model, &hash_key, shard, shards),
            accounts: Accounts::new(),
            edges: Rows::new(&model.limits),
            follows: Rows::new(&model.limits),
            blocks: Blocks::new(&model.limits),
            siblings: Siblings::default(),
            targets: Targets::new(),
            queue: VecDeque::new(),
            cursor: PersonId(0),
            rounds: 0,
            renewals: Renewals::default(),
            scale: Scale { votes: model.scale_floor, ..Scale::default() },
            coming_scale: None,
            keeper: ScaleKeeper::new(shards),
            leader: None,
            reported_at: None,
            reported_largest: 0.0,
            outlook: Outlook::NEW,
            step: StepState::default(),
            hash_key,
            model,
        }
    }

    /// Takes a slice, in one canonical order whatever order its records arrived in.
    pub fn step(&mut self, slice: &Slice<'_>, effects: &mut Effects) {
        self.step.edges_left = i64::from(self.model.edges_a_step_max);
        (self.step.settles, self.step.is_live) = (slice.settles, slice.is_live);
        (self.step.refines, self.step.wants_credits) = (false, slice.credits);
        self.step.digest = Digest::default();
        if let Some(scale) = self.coming_scale.take() {
            self.scale = scale;
        }
        self.note_closing(slice);
        // Whatever is told in this step is about people as they are after they have opted in again.
        slice.exchange.iter().for_each(|section| self.take_renewed(section));
        for section in slice.exchange {
            self.take_section(section);
        }
        for profile in slice.profiles {
            self.take_profile(profile);
        }
        self.take_events(slice.events);
        self.advance(slice.clock);
        self.review_founders();
        self.note_catching_up(slice);
        self.push_pending();
        self.sweep(slice.sweep);
        self.reuse_left();
        self.note_opening(slice);
        self.publish(slice.publishes, effects);
        self.tell_closes(effects);
        self.report(slice.events.is_empty());
        self.send(effects);
        self.seal(effects);
    }

    /// Whether a step without input would change nothing but what ageing does.
    pub fn is_at_rest(&self) -> bool {
        let are_told = self.history.as_ref().is_none_or(|history| history.is_told());
        let is_still = self.queue.is_empty() && self.targets.unchecked.is_empty() && self.coming_scale.is_none();
        is_still && are_told && !self.waits_for_scale()
    }

    /// Whether nobody has a score yet, since there is no scale: shard 0 hears first how the people of all shards stand.
    pub fn waits_for_scale(&self) -> bool {
        self.now != Timestamp::MIN && !self.scale.is_set()
    }

    /// Whether whoever led has fallen, and only a round of the sweep finds out who leads now.
    pub fn looks_for_leader(&self) -> bool {
        self.outlook.is_unsure
    }

    /// The shard's clock: the newest time it knows of. `None` before the first event.
    pub fn now(&self) -> Option<Timestamp> {
        (self.now != Timestamp::MIN).then_some(self.now)
    }

    /// Takes events a chunk at a time, in stages: what one stage looks up for one event does not depend on the other
    /// events, so the look-ups overlap in memory.
    fn take_events(&mut self, events: &[Arrival<'_>]) {
        let mut hashed = std::mem::take(&mut self.step.hashed);
        let mut found = std::mem::take(&mut self.step.found);
        let mut resolved = std::mem::take(&mut self.step.resolved);
        for chunk in events.chunks(CHUNK_EVENTS) {
            hashed.clear();
            hashed.extend(
                chunk
                    .iter()
                    .map(|Arrival { event, .. }| (self.people.hash(event.actor), self.people.hash(event.target))),
            );
            self.people.find_all(&hashed, &mut found);
            resolved.clear();
            for ((arrival, &hashed), &found) in chunk.iter().zip(&hashed).zip(&found) {
                let act = self.resolve(&arrival.event, hashed, found);
                resolved.push(act);
            }
            self.warm(&resolved);
            for (arrival, &act) in chunk.iter().zip(&resolved) {
                self.take_event(arrival, act);
            }
        }
        self.step.hashed = hashed;
        self.step.found = found;
        self.step.resolved = resolved;
    }

    #[inline]
    fn resolve(&mut self, event: &Event<'_>, hashed: (Hashed, Hashed), found: (Option<Known>, Option<Known>)) -> Act {
        let (actor, target) = hashed;
        if actor == target && event.actor == event.target {
            return Act::OnSelf;
        }
        match self.people.resolve_found(found.0, &actor, event.actor) {
            Err(why) => Act::LeftOut(why),
            Ok(Known::Away(_)) => Act::Misrouted,
            Ok(Known::Here(actor)) if self.has_opted_out(actor) => Act::OptedOut,
            Ok(Known::Here(_)) if !self.siblings.is_empty() && self.is_on_sibling(&hashed.0, &hashed.1, event.kind) => {
                Act::OnSibling
            }
            Ok(Known::Here(actor)) => match self.people.resolve_found(found.1, &target, event.target) {
                Err(why) => Act::LeftOut(why),
                // Two names that are alike in all 88 bits.
                Ok(Known::Here(target)) if target == actor => Act::OnSelf,
                Ok(target) => Act::Between(actor, target),
            },
        }
    }

    #[inline]
    fn take_event(&mut self, arrival: &Arrival<'_>, act: Act) {
        let taken = &mut self.step.taken;
        let (actor, target) = match act {
            Act::Between(actor, target) => (actor, target),
            Act::OnSelf => return taken.self_acts += 1,
            Act::OnSibling => return self.pass_over_sibling(arrival),
            Act::OptedOut => return taken.opted_out += 1,
            Act::Misrouted => return taken.misrouted += 1,
            Act::LeftOut(why) => return taken.leave_out(why),
        };
        let Event { kind, at, .. } = arrival.event;
        let at = at.clamp(-TIME_MAX, TIME_MAX);
        taken.accepted[kind] += 1;
        self.advance(arrival.clock);
        if self.now == Timestamp::MIN {
            // Nobody has a clock yet.
            self.advance(at);
        }
        if !self.blocks.is_empty() && self.swallows(actor, target, kind) {
            return;
        }
        if at < self.outlook.oldest_act {
            self.note_older_act(at);
        }
        if kind.is_counted() {
            self.endorse(actor, target, kind, self.model.weights[kind], at);
        } else {
            self.take_state(actor, target, kind, at);
        }
        self.settle_contacts();
    }

    /// What is done to an own account tells the time, and nothing else.
    #[cold]
    fn pass_over_sibling(&mut self, arrival: &Arrival<'_>) {
        self.step.taken.own_accounts += 1;
        self.advance(arrival.clock);
        if self.now == Timestamp::MIN {
            self.advance(arrival.event.at.clamp(-TIME_MAX, TIME_MAX));
        }
    }

    /// Takes what does not endorse.
    #[inline(never)]
    fn take_state(&mut self, actor: PersonId, target: Known, kind: Kind, at: Timestamp) {
        match kind.begins_block() {
            Some(blocks) => self.block(actor, target, kind, blocks),
            None => self.follow(actor, target, kind, at),
        }
    }

    /// Moves the clock, which never goes back.
    #[inline]
    pub(crate) fn advance(&mut self, clock: Timestamp) {
        if clock > self.now {
            let clock = clock.clamp(-TIME_MAX, TIME_MAX);
            if self.now == Timestamp::MIN {
                self.began_at = clock;
            }
            if clock >= self.alarm {
                return self.advance_far(clock);
            }
            self.now = clock;
            self.growth.focus(clock);
        }
    }

    #[cold]
    fn advance_far(&mut self, clock: Timestamp) {
        self.pass_days(clock);
        self.set_clock(clock);
        self.set_alarm();
    }

    pub(crate) fn set_clock(&mut self, clock: Timestamp) {
        self.now = clock;
        self.growth.focus(clock);
        if clock >= self.landmark_until {
            self.move_landmark(self.growth.landmark(clock));
        }
    }

    /// Multiplies all sums by a power of two: exact, so no influence changes. What is older than the window is
    /// forgotten first, so that no age outgrows an `f32`.
    fn move_landmark(&mut self, landmark: Landmark) {
        self.horizon = Horizon::UNKNOWN;
        for person in self.people.persons.keys() {
            self.forget_stale(person);
        }
        // The first clock may lie before 1970, and a product of nothing and infinity is no number.
        let factor = power_of_two((self.landmark - landmark).min(256));
        self.landmark = landmark;
        self.landmark_until = self.growth.time_of(landmark + LANDMARK_LAG_MAX);
        self.horizon = Horizon::UNKNOWN;
        for person in &mut self.people.persons {
            person.handed_out = (f64::from(person.handed_out) * factor) as f32;
            person.liveness = (f64::from(person.liveness) * factor) as f32;
            self.edges.slots_mut(person.row).iter_mut().for_each(|edge| edge.rescale(factor));
        }
        self.targets.rescale(factor);
        for contact in &mut self.step.contacts_away {
            contact.endorsement = (f64::from(contact.endorsement) * factor) as f32;
        }
    }

    /// Whether what happened last at this `g` is older than the window.
    #[inline]
    pub(crate) fn is_stale(&mut self, last: f32) -> bool {
        if self.now >= self.horizon.until {
            let until = self.now.saturating_add(self.model.half_life_ms / 64 + 1);
            self.horizon = Horizon { until, above: self.window_edge(until) };
        }
        last < self.horizon.above && last < self.window_edge(self.now)
    }

    /// `g` of the oldest time inside the window.
    pub(crate) fn window_edge(&self, now: Timestamp) -> f32 {
        self.growth.at(now.saturating_sub(self.model.window_ms), self.landmark) as f32
    }

    /// Whether an event of this time is older than the window.
    #[inline]
    pub(crate) fn is_late(&self, at: Timestamp) -> bool {
        at < self.now.saturating_sub(self.model.window_ms)
    }
}
