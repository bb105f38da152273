//! Everybody who is rated, the most influential first.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;

use embedded::World;
use vocabulary::Score;
use wire::{Called, ScoreFormat, WriteError};

use crate::failure::OutputError;
use crate::output::{Output, Whole};
use crate::recorded::people::People;
use crate::replay::facets::{Facets, Filter};
use crate::shown::shown;
use crate::table::{TableFormat, TableWriter, write_failed};

/// The final table. It keeps what it sorts by; whole records are made when they are asked for.
pub(crate) struct Ranking<'w> {
    pub(crate) world: &'w World<'static>,
    /// What networks call people, where messages of networks were read.
    people: Option<&'w People>,
    /// Languages and countries, where any are known.
    facets: Option<&'w Facets>,
    /// Whom the list has.
    filter: Filter,
    places: Vec<Place<'w>>,
}

struct Place<'w> {
    user: &'w str,
    score: f64,
    influence: f64,
}

/// One person's line of the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked<'w> {
    /// 1 is the highest. People of equal score and influence share a rank.
    pub(crate) rank: usize,
    /// 0 to 100: of all rated people, the share whose score is lower.
    pub(crate) percentile: f64,
    pub(crate) user: &'w str,
    pub(crate) score: Score,
}

impl Ranked<'_> {
    /// Where the person stands, as files have it.
    pub(crate) fn place(&self) -> wire::Place {
        wire::Place { rank: self.rank as u64, percentile: self.percentile }
    }
}

/// Whose lines of a table are written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Whom {
    /// The first so many.
    pub(crate) top: usize,
    /// These people, wherever they are.
    pub(crate) users: BTreeSet<String>,
}

impl Whom {
    /// Everybody, where nobody is named.
    pub(crate) fn is_everybody(&self) -> bool {
        self.top == 0 && self.users.is_empty()
    }
}

impl<'w> Ranking<'w> {
    /// The ranking of a world at rest. Equal scores are told apart by influence, then by name.
    pub(crate) fn of(world: &'w World<'static>) -> Ranking<'w> {
        let place = |(user, score): (&'w str, Score)| Place { user, score: score.score, influence: score.influence };
        let mut places: Vec<Place<'w>> = world.scores().map(place).collect();
        places.sort_unstable_by(|a, b| {
            let by_value = b.score.total_cmp(&a.score).then_with(|| b.influence.total_cmp(&a.influence));
            by_value.then_with(|| a.user.cmp(b.user))
        });
        Ranking { world, people: None, facets: None, filter: Filter::default(), places }
    }

    /// The same, of people whom their networks call something.
    pub(crate) fn with_people(self, people: Option<&'w People>) -> Ranking<'w> {
        Ranking { people, ..self }
    }

    /// The same, with what is known of languages and countries, and a list of these people alone.
    pub(crate) fn with_facets(self, facets: &'w Facets, filter: Filter) -> Ranking<'w> {
        Ranking { facets: Some(facets).filter(|facets| !facets.is_empty()), filter, ..self }
    }

    /// Whom the list has.
    pub(crate) fn filter(&self) -> &Filter {
        &self.filter
    }

    /// A person as tables show them.
    pub(crate) fn label<'u>(&self, user: &'u str) -> Cow<'u, str> {
        self.people.map_or_else(|| shown(user), |people| Cow::Owned(people.label(user)))
    }

    /// What a person's network calls them.
    pub(crate) fn called(&self, user: &str) -> Called<'w> {
        let called = self.people.map_or_else(Called::default, |people| people.called(user));
        match self.facets.filter(|_| self.people.is_none_or(|people| people.is_shown(user))) {
            Some(facets) => Called { language: facets.language(user), country: facets.country(user), ..called },
            None => called,
        }
    }

    /// The name that is scored of the person who is asked for: it, or the handle of somebody.
    pub(crate) fn resolve<'u>(&self, user: &'u str) -> &'u str
    where
        'w: 'u,
    {
        let is_known = self.world.score(user).is_some() || self.world.opted_out(user).is_some();
        let of_handle = || self.people.and_then(|people| people.of_handle(user));
        if is_known { user } else { of_handle().unwrap_or(user) }
    }

    /// A writer of tables, with columns for what networks call people where there may be anything in them.
    pub(crate) fn writer<W: Write + Send>(&self, output: W, format: TableFormat) -> Result<TableWriter<W>, WriteError> {
        TableWriter::new(output, format, self.people.is_some() || self.facets.is_some())
    }

    /// People who are rated.
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }

    /// Everybody's name, the most influential first.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'w str> {
        self.places.iter().map(|place| place.user)
    }

    /// The first so many.
    pub(crate) fn top(&self, len: usize) -> impl Iterator<Item = Ranked<'w>> {
        self.places.iter().take(len).filter_map(|place| self.ranked(place))
    }

    /// The first so many of those whom the list has, and how many these are.
    pub(crate) fn listed(&self, len: usize) -> (Vec<Ranked<'w>>, usize) {
        if self.filter.is_everybody() {
            return (self.top(len).collect(), self.len());
        }
        let nothing = Facets::default();
        let facets = self.facets.unwrap_or(&nothing);
        let is_listed = |place: &&Place<'w>| self.filter.has(place.user, facets);
        let first = self.places.iter().filter(is_listed).take(len).filter_map(|place| self.ranked(place)).collect();
        (first, self.places.iter().filter(is_listed).count())
    }

    /// One person's line.
    pub(crate) fn find(&self, user: &str) -> Option<Ranked<'w>> {
        self.places.iter().find(|place| place.user == user).and_then(|place| self.ranked(place))
    }

    /// The line of a person, as this ranking has it.
    fn ranked(&self, place: &Place<'w>) -> Option<Ranked<'w>> {
        let score = self.world.score(place.user)?;
        let higher = self.places.partition_point(|other| {
            other.score > place.score || (other.score == place.score && other.influence > place.influence)
        });
        let lower = self.places.len() - self.places.partition_point(|other| other.score >= place.score);
        let percentile = percent(lower, self.places.len());
        Some(Ranked { rank: higher + 1, percentile, user: place.user, score })
    }

    /// Writes everybody's line.
    pub(crate) fn write(&self, path: &Path, output: Output) -> Result<Whole, OutputError> {
        let format = TableFormat::of(path).unwrap_or(TableFormat::Lines(ScoreFormat::Json));
        let mut writer = self.writer(output, format).map_err(write_failed(path))?;
        self.write_to(&mut writer, &Whom::default()).map_err(write_failed(path))?;
        writer.finish().map_err(write_failed(path))?.finish().map_err(OutputError::to(path))
    }

    /// Adds the lines of these people to a table, the most influential first. Returns how many there were.
    pub(crate) fn write_to(&self, writer: &mut TableWriter<Output>, whom: &Whom) -> Result<u64, WriteError> {
        let is_written = |(place, found): &(usize, &Place<'_>)| {
            whom.is_everybody() || *place < whom.top || whom.users.contains(found.user)
        };
        let lines = self.places.iter().enumerate().filter(is_written).filter_map(|(_, place)| self.ranked(place));
        self.write_lines(writer, lines)
    }

    /// Adds the lines of those people to a table of whom this is true, likewise.
    pub(crate) fn write_those(
        &self,
        writer: &mut TableWriter<Output>,
        mut is_one: impl FnMut(&str, &Score) -> bool,
    ) -> Result<u64, WriteError> {
        let lines = self.places.iter().filter_map(|place| self.ranked(place));
        self.write_lines(writer, lines.filter(|line| is_one(line.user, &line.score)))
    }

    fn write_lines(
        &self,
        writer: &mut TableWriter<Output>,
        lines: impl Iterator<Item = Ranked<'w>>,
    ) -> Result<u64, WriteError> {
        let mut written = 0;
        for line in lines {
            writer.write(line.user, line.place(), &line.score, self.called(line.user))?;
            written += 1;
        }
        Ok(written)
    }
}

/// To a ten-thousandth, as over HTTP: more digits would change with every newcomer and say nothing.
pub(crate) fn percent(part: usize, total: usize) -> f64 {
    (part as f64 / total as f64 * 1_000_000.0).round() / 10_000.0
}
