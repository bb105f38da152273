//! People with several accounts, as a table of links says: what one account does to another gives nothing, and what all of a
//! person's accounts have is added up.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use embedded::World;
use influence::summed::{PeopleScale, sum};
use vocabulary::{Profile, Score};
use wire::{Called, Names, Place, ScoreFormat};

use crate::failure::OutputError;
use crate::link::{LinkError, read_rows};
use crate::output::{Output, Whole};
use crate::replay::ranking::{Ranked, percent};
use crate::table::{TableFormat, TableWriter, write_failed};

/// Which accounts are one person's.
#[derive(Clone, Debug, Default)]
pub(crate) struct Linked {
    /// By person, in the order of their names.
    people: BTreeMap<String, BTreeSet<String>>,
}

impl Linked {
    /// Those of a CSV table. An account that is there twice is the last one's.
    pub(crate) fn read(path: &Path, names: &Names) -> Result<Linked, LinkError> {
        let mut of_account = BTreeMap::new();
        for row in read_rows(path)? {
            let account = names.spell(&row.account, &mut String::new()).to_owned();
            of_account.insert(account, row.person);
        }
        let mut people: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (account, person) in of_account {
            people.entry(person).or_default().insert(account);
        }
        Ok(Linked { people })
    }

    /// Tells a world of them.
    pub(crate) fn tell(&self, world: &mut World<'static>) {
        for accounts in self.people.values().filter(|accounts| accounts.len() > 1) {
            for account in accounts {
                let others: Vec<&str> = accounts.iter().filter(|other| *other != account).map(String::as_str).collect();
                world.profile(&Profile { user: account, linked: Some(&others.join("\n")), ..Profile::default() });
            }
        }
    }
}

/// Everybody, the most influential first: whoever has several accounts is there once.
pub(crate) struct Persons {
    people: Vec<(String, Score)>,
}

impl Persons {
    /// Those of a world at rest.
    pub(crate) fn of(linked: &Linked, world: &World<'static>) -> Persons {
        let mut of_account: BTreeMap<&str, &str> = BTreeMap::new();
        for (person, accounts) in &linked.people {
            of_account.extend(accounts.iter().map(|account| (account.as_str(), person.as_str())));
        }
        let mut accounts: BTreeMap<&str, Vec<(&str, Score)>> = BTreeMap::new();
        for (account, score) in world.scores() {
            accounts.entry(of_account.get(account).copied().unwrap_or(account)).or_default().push((account, score));
        }
        // They are added up in the order of their names.
        accounts.values_mut().for_each(|scores| scores.sort_by_key(|&(name, _)| name));
        let of_accounts = accounts.values().flatten().map(|(_, score)| score.scale).next().unwrap_or(1.0);
        let influence = |scores: &Vec<(&str, Score)>| scores.iter().map(|(_, score)| score.influence).sum::<f64>();
        let largest = accounts.values().filter(|scores| scores.len() > 1).map(influence).fold(0.0, f64::max);
        let mut scale = PeopleScale::default();
        scale.begin(of_accounts, largest, 0);
        let votes = scale.look(of_accounts, largest, 0);
        let summed = accounts.into_iter().filter_map(|(person, scores)| {
            Some((person.to_owned(), sum(scores.iter().map(|(_, score)| score), votes)?))
        });
        let mut people: Vec<(String, Score)> = summed.collect();
        people.sort_by(|(one, a), (other, b)| {
            let by_value = b.score.total_cmp(&a.score).then_with(|| b.influence.total_cmp(&a.influence));
            by_value.then_with(|| one.cmp(other))
        });
        Persons { people }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.people.len()
    }

    /// What 100 stands for among them.
    pub(crate) fn scale(&self) -> Option<f64> {
        Some(self.people.first()?.1.scale)
    }

    /// The first so many.
    pub(crate) fn top(&self, len: usize) -> impl Iterator<Item = Ranked<'_>> {
        self.people.iter().take(len).map(|(person, score)| self.ranked(person, score))
    }

    fn ranked<'a>(&'a self, person: &'a str, score: &Score) -> Ranked<'a> {
        let higher = self.people.partition_point(|(_, other)| {
            other.score > score.score || (other.score == score.score && other.influence > score.influence)
        });
        let lower = self.people.len() - self.people.partition_point(|(_, other)| other.score >= score.score);
        Ranked { rank: higher + 1, percentile: percent(lower, self.people.len()), user: person, score: *score }
    }

    /// Writes everybody's line.
    pub(crate) fn write(&self, path: &Path, output: Output) -> Result<Whole, OutputError> {
        let format = TableFormat::of(path).unwrap_or(TableFormat::Lines(ScoreFormat::Json));
        let mut writer = TableWriter::new(output, format, false).map_err(write_failed(path))?;
        for line in self.top(usize::MAX) {
            let place = Place { rank: line.rank as u64, percentile: line.percentile };
            writer.write(line.user, place, &line.score, Called::default()).map_err(write_failed(path))?;
        }
        writer.finish().map_err(write_failed(path))?.finish().map_err(OutputError::to(path))
    }
}
