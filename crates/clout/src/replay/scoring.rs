//! The world that is scored, and what is watched about it on the way.

use std::path::PathBuf;

use embedded::{Resumed, World};
use influence::Model;
use pipeline::draw_hash_key;
use vocabulary::{Event, Profile, Timestamp};

use crate::failure::Failure;
use crate::output::Whole;
use crate::recorded::progress::{Progress, Watch};
use crate::recorded::{Sink, Stop};
use crate::replay::credits::{CreditsOut, CreditsWritten};
use crate::replay::days::Days;
use crate::replay::notes::Strangers;
use crate::replay::options::ReplayArgs;
use crate::replay::outliers::Clusters;
use crate::replay::timeline::{Steps, Written};
use crate::words;

/// Takes events, and brings the scores to rest.
pub(crate) struct Scoring {
    pub(crate) world: World<'static>,
    pub(crate) clusters: Clusters,
    pub(crate) strangers: Strangers,
    /// What is said once the input has turned out to be the one that the state was made of.
    pub(crate) resumed: Option<String>,
    progress: Progress,
    /// The timeline once it is whole.
    pub(crate) timeline: Option<Whole>,
    /// How much is in it.
    pub(crate) timeline_written: Option<Written>,
    steps: Option<Steps>,
    /// Closes of days once they are whole.
    pub(crate) history: Option<Whole>,
    /// How many there are.
    pub(crate) history_written: Option<Written>,
    days: Option<Days>,
    /// The file of credits, once it is whole.
    pub(crate) credits: Option<Whole>,
    /// The number of its rows.
    pub(crate) credits_written: Option<CreditsWritten>,
    credits_out: Option<CreditsOut>,
}

impl Scoring {
    pub(crate) fn new(model: &Model, args: &ReplayArgs, watch: Watch) -> Result<Scoring, Failure> {
        let (partitions, workers) = (args.partitions, usize::from(args.workers));
        let mut credits_out = None;
        let (world, resumed) = match (&args.state, &args.credits_out) {
            (Some(folder), _) => World::open(model, partitions, workers, folder, args.checkpoint_every_ms)
                .map_err(|error| Failure::State(Box::new(error)))?,
            (None, credits) => {
                let hash_key = draw_hash_key().map_err(Failure::Randomness)?;
                let new = if credits.is_some() { World::with_credits } else { World::new };
                let mut world = new(model, hash_key, partitions, workers);
                let listen = |path: &PathBuf| CreditsOut::create(path, &mut world, hash_key, model);
                credits_out = credits.as_ref().map(listen).transpose()?;
                (world, Resumed::default())
            }
        };
        let clusters = Clusters::new(model.window_ms);
        let strangers = Strangers::default();
        let resumed = args.state.as_ref().filter(|_| resumed.records > 0).map(|folder| words::resumed(folder, resumed));
        let progress = watch.progress.clone();
        let days = args.history_out.as_deref().map(|path| Days::create(path, watch.clone())).transpose()?;
        let steps = match (args.timeline_step_ms, &args.timeline_out) {
            (Some(step_ms), Some(path)) => Some(Steps::create(step_ms, path, args.timeline_of(), watch)?),
            _ => None,
        };
        Ok(Scoring {
            world,
            clusters,
            strangers,
            resumed,
            progress,
            timeline: None,
            timeline_written: None,
            steps,
            history: None,
            history_written: None,
            days,
            credits: None,
            credits_written: None,
            credits_out,
        })
    }

    /// Says that the run goes on from where another one was, once that is certain.
    #[cold]
    fn say_resumed(&mut self) {
        if !self.world.is_resuming() && !self.world.has_failed() {
            self.resumed.take().iter().for_each(|resumed| self.progress.say(resumed));
        }
    }

    /// Why the world takes nothing more, if it does not.
    #[cold]
    fn check(&mut self) -> Result<(), Stop> {
        Ok(self.world.check().map_err(Box::new)?)
    }

    /// Moves the clock to the time that is asked for, and everything to where it belongs then.
    pub(crate) fn finish(&mut self, until: Option<Timestamp>) -> Result<(), Stop> {
        let end = until.or(self.world.now());
        let stepped = match (&mut self.steps, end) {
            (Some(steps), Some(end)) => steps.write_until(end, &mut self.world),
            _ => Ok(()),
        };
        let closed = match (&mut self.days, end) {
            (Some(days), Some(end)) => days.close_until(end, &mut self.world),
            _ => Ok(()),
        };
        let stepped = stepped.and(closed);
        // What was written until somebody interrupted it is whole.
        if matches!(stepped, Err(Stop::Output(_) | Stop::Steps { .. })) {
            return stepped;
        }
        if let Some(until) = until {
            self.world.advance(until);
        }
        self.world.settle();
        self.check()?;
        self.say_resumed();
        if let Some(mut steps) = self.steps.take() {
            steps.write_end(&self.world)?;
            self.timeline_written = Some(steps.written());
            self.timeline = Some(steps.finish()?);
        }
        if let Some(days) = self.days.take() {
            self.history_written = Some(days.written());
            self.history = Some(days.finish()?);
        }
        if let Some(mut credits) = self.credits_out.take() {
            credits.write()?;
            self.credits_written = Some(credits.written());
            self.credits = Some(credits.finish()?);
        }
        stepped
    }
}

impl Sink for Scoring {
    #[inline]
    fn event(&mut self, event: &Event<'_>, _id: &str) -> Result<(), Stop> {
        self.strangers.meet(event);
        // What people do to themselves does not move the clock.
        if event.actor != event.target {
            self.clusters.note(event.at);
            if let Some(steps) = &mut self.steps {
                steps.write_before(event.at, &mut self.world)?;
            }
            if let Some(days) = &mut self.days {
                days.close_before(event.at, &mut self.world)?;
            }
        }
        if let Some(credits) = &mut self.credits_out {
            credits.meet(event);
            credits.write()?;
        }
        self.world.event(event);
        if self.resumed.is_some() {
            self.say_resumed();
        }
        if self.world.has_failed() { self.check() } else { Ok(()) }
    }

    fn profile(&mut self, profile: &Profile<'_>) -> Result<(), Stop> {
        self.strangers.expect(profile.user);
        self.world.profile(profile);
        Ok(())
    }
    fn found(&mut self, profile: &Profile<'_>) -> Result<(), Stop> {
        self.world.profile(profile);
        Ok(())
    }
}
