//! What movements are measured from: everybody's newest close that is at least a day, a week or a month old.

use crate::block::Entry;
use crate::calendar::Day;
use crate::reader::Scale;

/// How far back a movement begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// One day.
    Day,
    /// Seven days.
    Week,
    /// Thirty days.
    Month,
}

impl Span {
    /// All of them, the shortest first.
    pub const ALL: [Span; 3] = [Span::Day, Span::Week, Span::Month];

    /// Its word in addresses and answers.
    pub fn word(self) -> &'static str {
        match self {
            Span::Day => "day",
            Span::Week => "week",
            Span::Month => "month",
        }
    }

    fn days(self) -> Day {
        match self {
            Span::Day => 1,
            Span::Week => 7,
            Span::Month => 30,
        }
    }

    /// The newest day whose close is old enough on this day: it ended so long ago.
    pub(crate) fn limit(self, today: Day) -> Day {
        today.saturating_sub(self.days() + 1)
    }
}

/// The close from which a movement is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Base {
    /// The day that it closed, since 1970.
    pub day: i32,
    /// The score at its end.
    pub score: f32,
    /// Votes at its end.
    pub influence: f32,
    /// Votes: the influence that stood for 100.
    pub scale: f64,
    /// Scores of different models are not comparable.
    pub model_version: u32,
}

/// As much of a close as is kept for everybody.
#[derive(Clone, Copy, Debug)]
struct Held {
    day: Day,
    score: f32,
    influence: f32,
    /// The place of its scale in the table of scales.
    scale: u32,
}

/// The bases of everybody, by the number of the person.
#[derive(Debug)]
pub(crate) struct Bases {
    pub(crate) today: Day,
    windows: [Vec<Held>; Span::ALL.len()],
}

const NONE: Held = Held { day: Day::MIN, score: f32::NAN, influence: f32::NAN, scale: 0 };

impl Bases {
    pub(crate) fn new(today: Day) -> Bases {
        Bases { today, windows: Default::default() }
    }

    pub(crate) fn limit(&self, span: Span) -> Day {
        span.limit(self.today)
    }

    /// Takes a close for every span for which it is old enough.
    pub(crate) fn take(&mut self, entry: &Entry) {
        for span in Span::ALL {
            if entry.day <= self.limit(span) {
                self.take_for(span, entry);
            }
        }
    }

    pub(crate) fn take_for(&mut self, span: Span, entry: &Entry) {
        let (window, person) = (&mut self.windows[span as usize], entry.person as usize);
        if window.len() <= person {
            window.resize(person + 1, NONE);
        }
        if window[person].day <= entry.day {
            let Entry { day, score, influence, scale, .. } = *entry;
            window[person] = Held { day, score, influence, scale };
        }
    }

    pub(crate) fn forget(&mut self, person: u32) {
        for window in &mut self.windows {
            if let Some(base) = window.get_mut(person as usize) {
                *base = NONE;
            }
        }
    }

    pub(crate) fn get(&self, span: Span, person: u32, scales: &[Scale]) -> Option<Base> {
        let held = self.windows[span as usize].get(person as usize).filter(|base| base.day > Day::MIN)?;
        let Scale { votes, model_version, .. } = *scales.get(held.scale as usize)?;
        let Held { day, score, influence, .. } = *held;
        Some(Base { day, score, influence, scale: votes, model_version })
    }
}
