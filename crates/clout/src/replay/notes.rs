//! What people should know about the names that were read: spellings that may be one person, names that stand for nobody,
//! and profiles that name nobody.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use embedded::World;
use vocabulary::Event;
use wire::{Names, Spelling, fold, placeholders};

use crate::replay::ranking::Ranking;
use crate::words::{count, thousands};

/// People whose spellings are compared, the most influential first: 16 bytes each.
const COMPARED_MAX: usize = 100_000;
/// Names in one note.
const NAMED_MAX: usize = 5;
/// Profiles that are watched for.
const PROFILES_MAX: u32 = 1 << 20;

/// Users of profiles whom no event has named yet.
#[derive(Debug, Default)]
pub(crate) struct Strangers {
    /// With their places among the profiles.
    unmet: HashMap<Box<str>, u32>,
    profiles: u32,
}

impl Strangers {
    /// Takes the user of a profile.
    pub(crate) fn expect(&mut self, user: &str) {
        if self.profiles < PROFILES_MAX && !self.unmet.contains_key(user) {
            self.unmet.insert(user.into(), self.profiles);
            self.profiles += 1;
        }
    }

    /// Takes an event: its people are no strangers.
    #[inline]
    pub(crate) fn meet(&mut self, event: &Event<'_>) {
        if !self.unmet.is_empty() {
            self.unmet.remove(event.actor);
            self.unmet.remove(event.target);
        }
    }

    fn names(&self) -> Vec<&str> {
        self.unmet.iter().map(|(name, place)| (*place, &**name)).collect::<BTreeMap<_, _>>().into_values().collect()
    }

    /// The note, if there are any. People who are spelled nearly so are named, since an opt-out may miss them.
    pub(crate) fn note(&self, spellings: &Spellings<'_>) -> Option<String> {
        let names = self.names();
        let one_of = |name: &&str| {
            let others: Vec<String> = spellings.of(name).map(|other| format!("{other:?}")).collect();
            match &others[..] {
                [] => format!("{name:?}"),
                others => format!("{name:?} (there is {})", others.join(", ")),
            }
        };
        // Those that are probably meant otherwise come first.
        let (near, far): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| spellings.of(name).next().is_some());
        let first: Vec<String> = near.iter().chain(&far).take(NAMED_MAX).map(one_of).collect();
        let verb = if names.len() == 1 { "names" } else { "name" };
        (!names.is_empty()).then(|| {
            let profiles = count(names.len() as u64, "profile", "profiles");
            let advice = if near.is_empty() { "" } else { "; --names folded takes such spellings for one person" };
            format!("note: {profiles} {verb} nobody who acts or is acted upon: {}{advice}", listed(&first, names.len()))
        })
    }
}

/// The first people of the ranking by what their names fold to.
pub(crate) struct Spellings<'a> {
    /// Hashes of folded names, sorted, with whose they are.
    people: Vec<(u64, &'a str)>,
}

impl<'a> Spellings<'a> {
    pub(crate) fn of_ranking(ranking: &Ranking<'a>) -> Spellings<'a> {
        let mut memory = String::new();
        let people = ranking.names().take(COMPARED_MAX).map(|name| (hash(fold(name, &mut memory)), name));
        let mut people: Vec<(u64, &str)> = people.collect();
        // Those of one hash stay in the order of the ranking.
        people.sort_by_key(|(hash, _)| *hash);
        Spellings { people }
    }

    /// People whose names fold to the same as this one.
    fn of(&self, name: &str) -> impl Iterator<Item = &'a str> {
        let mut memory = String::new();
        let folded = fold(name, &mut memory).to_owned();
        let hash = hash(&folded);
        let first = self.people.partition_point(|(other, _)| *other < hash);
        let alike = self.people[first..].iter().take_while(move |(other, _)| *other == hash);
        alike.map(|(_, name)| *name).filter(move |name| fold(name, &mut String::new()) == folded)
    }

    /// The note, if any two are alike.
    fn note(&self) -> Option<String> {
        let mut groups = self.people.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1);
        let first: Vec<String> = self.of(groups.next()?[0].1).map(|name| format!("{name:?}")).collect();
        if first.len() < 2 {
            return None;
        }
        let people = thousands(first.len() as u64);
        let others = match groups.count() {
            0 => String::new(),
            others => format!(", and so are {}", count(others as u64, "other group", "other groups")),
        };
        let names = listed(&first, first.len());
        Some(format!("note: {names} are {people} people{others}; --names folded makes them one"))
    }
}

fn hash(folded: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    folded.hash(&mut hasher);
    hasher.finish()
}

/// The first names, and how many there are besides.
fn listed(names: &[String], all: usize) -> String {
    let shown = &names[..names.len().min(NAMED_MAX)];
    match all - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {} more", shown.join(", "), thousands(more as u64)),
    }
}

/// All notes about names of a run that was read to its end.
pub(crate) fn of(ranking: &Ranking<'_>, names: &Names, strangers: &Strangers) -> Vec<String> {
    let spellings = Spellings::of_ranking(ranking);
    let alike = if names.spelling() == Spelling::Exact { spellings.note() } else { None };
    [alike, nobodies(ranking.world), strangers.note(&spellings)].into_iter().flatten().collect()
}

/// Placeholders that are scored as if they were people.
fn nobodies(world: &World<'_>) -> Option<String> {
    let found: Vec<&str> = placeholders().filter(|name| world.opted_out(name) == Some(false)).collect();
    let (last, others) = found.split_last()?;
    let (names, are) = match others {
        [] => ((*last).to_owned(), "is"),
        others => (format!("{} and {last}", others.join(", ")), "are"),
    };
    Some(format!("note: {names} {are} among the people; --ignore-user '{}' leaves them out", found.join(",")))
}
