//! Credits: what each act gave, for those who ask who made somebody's influence.
//!
//! They are told where a slice asks for them, and change nothing: the state, the scores and the digest are the same with them and
//! without. What pushes change later is told by the
//! rates of actors.

use crate::exchange::Change;
use crate::id::PersonId;
use crate::name::UserKey;
use crate::people::{Known, Target};
use crate::shard::Shard;
use vocabulary::{Kind, Timestamp};

/// The votes that one act gave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Credit {
    /// Who acted.
    pub actor: UserKey,
    /// Who was acted upon.
    pub target: UserKey,
    /// What the act was.
    pub kind: Kind,
    /// When it happened; where it is further ahead of the clock than is counted, as far as it is counted.
    pub at: Timestamp,
    /// The hash of the post that the act was about; 0 where events name none.
    pub subject: u64,
    /// Votes as of `at`: they halve with each half-life from then on.
    pub votes: f32,
    /// What one unit of the actor's weight was worth then, as all its targets were told. Votes over rate are what the act added to the
    /// weight of the pair, which ages alike; what all acts of a pair added is its weight.
    pub rate: f32,
}

/// What one unit of an actor's weight is worth from now on: what it has given before counts so much more, or less.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rated {
    /// Who has acted.
    pub actor: UserKey,
    /// The rate of which all its targets are told.
    pub rate: f32,
    /// The clock when they were.
    pub at: Timestamp,
}

/// What [`Shard::endorse`] knows of an act.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Given {
    pub(crate) actor: PersonId,
    pub(crate) target: Target,
    pub(crate) kind: Kind,
    pub(crate) at: Timestamp,
    pub(crate) g: f64,
}

impl Shard {
    #[cold]
    #[inline(never)]
    pub(crate) fn note_credit(&mut self, given: Given, change: &Change) {
        let Given { actor, target, kind, at, g } = given;
        let (target, shard) = match target {
            Target::Away(remote) => (self.people.key_of(Known::Away(remote)), self.people.remotes[remote].shard),
            Target::Here(standing) => {
                let Some(person) = self.targets.standings[standing].person() else { return };
                (self.people.key_of(Known::Here(person)), self.people.home.shard)
            }
        };
        let rate = self.people.persons[actor].rate;
        let actor = self.people.key_of(Known::Here(actor));
        let votes = (change.given / g).clamp(0.0, f64::from(f32::MAX)) as f32;
        let credits = &mut self.step.credits;
        credits.resize_with(self.people.home.shards.into(), Vec::new);
        if let Some(credits) = credits.get_mut(usize::from(shard)) {
            credits.push(Credit { actor, target, kind, at, subject: 0, votes, rate });
        }
    }

    /// The person's targets are told another rate. With the first act of a row nobody is, but by the act itself.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_rated(&mut self, person: PersonId) {
        let kept = &self.people.persons[person];
        if kept.row.len() > 0 {
            self.step.rated.push(Rated { actor: kept.key, rate: kept.rate, at: self.now });
        }
    }
}
