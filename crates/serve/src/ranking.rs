//! Everybody by score, the highest first; those with 100 by influence; equals by name. Networks, languages and countries have
//! their own lines.

use std::cmp::Ordering;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use vocabulary::Network;

use crate::crowd::{Crowd, Values};
use crate::ordered::Ordered;
use crate::person::{Named, Person, Record};

/// The ranking, and that of each network, language and country by itself.
#[derive(Debug)]
pub(crate) struct Ranking {
    all: Line,
    of_network: [Crowd; Network::ALL.len()],
    /// Languages, then countries.
    of_value: [Values; 2],
    numbered: Numbered,
    points: [u64; 101],
}

impl Default for Ranking {
    fn default() -> Ranking {
        Ranking {
            all: Line::default(),
            of_network: Default::default(),
            of_value: Default::default(),
            numbered: Numbered::default(),
            points: [0; 101],
        }
    }
}

/// People by their numbers: sets of people are sets of these.
#[derive(Debug, Default)]
pub(crate) struct Numbered {
    /// What each is ranked by; what is left of those who are gone means nothing.
    pub(crate) heights: Vec<f32>,
    pub(crate) people: Vec<Option<Arc<Person>>>,
    free: Vec<u32>,
}

impl Numbered {
    fn take_in(&mut self, person: &Arc<Person>, height: f32) -> u32 {
        let number = self.free.pop().unwrap_or(self.people.len() as u32);
        if number as usize == self.people.len() {
            self.people.push(None);
            self.heights.push(height);
        }
        self.people[number as usize] = Some(Arc::clone(person));
        self.heights[number as usize] = height;
        person.number.store(number, Relaxed);
        number
    }

    fn let_go(&mut self, person: &Person, number: u32) {
        self.people[number as usize] = None;
        self.free.push(number);
        person.number.store(u32::MAX, Relaxed);
    }

    /// The people of a set who are before somebody in the order, and those of them who stand higher.
    pub(crate) fn before(&self, set: impl Iterator<Item = u32>, height: f32, name: &str) -> (usize, usize) {
        set.fold((0, 0), |(before, higher), number| match self.heights[number as usize].total_cmp(&height) {
            Ordering::Greater => (before + 1, higher + 1),
            Ordering::Equal => (before + usize::from(self.name(number) < name), higher),
            Ordering::Less => (before, higher),
        })
    }

    pub(crate) fn name(&self, number: u32) -> &str {
        self.people[number as usize].as_ref().map_or("", |person| &person.name)
    }
}

/// People in their order.
#[derive(Debug, Default)]
pub(crate) struct Line {
    order: Ordered<Ranked>,
    len: usize,
}

/// Where somebody stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) person: Arc<Person>,
    /// What they are ranked by.
    pub(crate) height: f32,
    /// People who stand higher.
    pub(crate) higher: usize,
    /// People who stand lower.
    pub(crate) lower: usize,
    /// The network, and the place on it.
    pub(crate) on: Option<(Network, Within)>,
    /// The places among those who write in the same language, and who declare the same country.
    pub(crate) among: [Option<Within>; 2],
}

/// Where somebody stands among some people.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Within {
    /// People of them who stand higher.
    pub(crate) higher: usize,
    /// How many they are.
    pub(crate) people: usize,
}

impl Place {
    fn of(ranked: &Ranked) -> Place {
        Place::new(&ranked.person.0, ranked.height)
    }

    fn new(person: &Arc<Person>, height: f32) -> Place {
        Place { person: Arc::clone(person), height, higher: 0, lower: 0, on: None, among: [None; 2] }
    }
}

#[derive(Debug)]
struct Ranked {
    height: f32,
    /// That of the person, where the processor has it at hand.
    number: u32,
    person: Named,
}

impl Ranked {
    fn compare(&self, height: f32, name: &str) -> Ordering {
        height.total_cmp(&self.height).then_with(|| (*self.person.0.name).cmp(name))
    }
}

impl PartialEq for Ranked {
    fn eq(&self, other: &Ranked) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Ranked {}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.compare(other.height, &other.person.0.name)
    }
}

impl Line {
    pub(crate) fn insert(&mut self, person: &Arc<Person>, number: u32, height: f32) {
        self.order.insert(Ranked { height, number, person: Named(Arc::clone(person)) });
        self.len += 1;
    }

    pub(crate) fn remove(&mut self, height: f32, name: &str) {
        let removed = self.order.remove(|ranked| ranked.compare(height, name));
        self.len -= usize::from(removed.is_some());
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// People who stand higher.
    pub(crate) fn higher(&self, height: f32) -> usize {
        self.order.rank(|ranked| ranked.height > height)
    }

    /// People who do not stand lower.
    pub(crate) fn not_lower(&self, height: f32) -> usize {
        self.order.rank(|ranked| ranked.height >= height)
    }

    /// People before this one in the order; the person need not be in it.
    pub(crate) fn before(&self, height: f32, name: &str) -> usize {
        self.order.rank(|ranked| ranked.compare(height, name) == Ordering::Less)
    }

    /// Whether this person is at a place, counted from 0.
    pub(crate) fn is_at(&self, rank: usize, name: &str) -> bool {
        self.people_from(rank).next().is_some_and(|person| *person.name == *name)
    }

    /// What the person at a place is ranked by, counted from 0.
    pub(crate) fn height_at(&self, rank: usize) -> Option<f32> {
        self.order.iter_from(rank).next().map(|ranked| ranked.height)
    }

    /// The numbers of everybody from the first on.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> {
        self.order.iter_from(0).map(|ranked| ranked.number)
    }

    /// Where somebody of this height stands among them.
    pub(crate) fn within(&self, height: f32) -> Within {
        Within { higher: self.higher(height), people: self.len }
    }

    /// Everybody from a place on, counted from 0, with what they are ranked by.
    pub(crate) fn from(&self, rank: usize) -> impl Iterator<Item = (&Arc<Person>, f32)> {
        self.order.iter_from(rank).map(|ranked| (&ranked.person.0, ranked.height))
    }

    /// Everybody from a place on, counted from 0.
    pub(crate) fn people_from(&self, rank: usize) -> impl Iterator<Item = &Arc<Person>> {
        self.order.iter_from(rank).map(|ranked| &ranked.person.0)
    }
}

impl Ranking {
    /// Publishes a record of a person, or erases them, and puts them where they belong. The record before is given back.
    pub(crate) fn publish(&mut self, person: &Arc<Person>, record: Option<Record>) -> Option<Record> {
        let before = person.publish(record);
        let (old, new) = (before.map(|record| record.height()), record.map(|record| record.height()));
        if old == new {
            return before;
        }
        let number = match (old, new) {
            (None, Some(height)) => self.numbered.take_in(person, height),
            _ => person.number.load(Relaxed),
        };
        if let Some(height) = new {
            self.numbered.heights[number as usize] = height;
        }
        old.into_iter().for_each(|height| self.all.remove(height, &person.name));
        new.into_iter().for_each(|height| self.all.insert(person, number, height));
        for crowd in self.crowds_of(person) {
            crowd.moved(person, number, old, new);
        }
        old.into_iter().for_each(|height| self.points[point(height)] -= 1);
        new.into_iter().for_each(|height| self.points[point(height)] += 1);
        if new.is_none() {
            person.facets.iter().for_each(|facet| facet.store(0, Relaxed));
            self.numbered.let_go(person, number);
        }
        before
    }

    /// The network, the language and the country that somebody is of.
    fn crowds_of(&mut self, person: &Person) -> impl Iterator<Item = &mut Crowd> {
        let of_network = Network::of_name(&person.name).map(|(network, _)| &mut self.of_network[network as usize]);
        let of_value = self.of_value.iter_mut().zip(&person.facets);
        of_network.into_iter().chain(of_value.filter_map(|(values, facet)| values.at(facet.load(Relaxed))))
    }

    /// Puts somebody who has a record among those of a language and of a country.
    pub(crate) fn set_facets(&mut self, person: &Arc<Person>, values: [Option<&str>; 2]) {
        let number = person.number.load(Relaxed);
        let Some(&height) = self.numbered.heights.get(number as usize) else { return };
        for ((known, facet), value) in self.of_value.iter_mut().zip(&person.facets).zip(values) {
            let (old, new) = (facet.load(Relaxed), value.map_or(0, |value| known.place(value)));
            if old != new {
                known.at(old).into_iter().for_each(|crowd| crowd.moved(person, number, Some(height), None));
                known.at(new).into_iter().for_each(|crowd| crowd.moved(person, number, None, Some(height)));
                facet.store(new, Relaxed);
            }
        }
    }

    /// The people on a network.
    pub(crate) fn on(&self, network: Network) -> &Crowd {
        &self.of_network[network as usize]
    }

    /// The languages, then the countries, that somebody is of.
    pub(crate) fn values(&self) -> &[Values; 2] {
        &self.of_value
    }

    pub(crate) fn numbered(&self) -> &Numbered {
        &self.numbered
    }

    /// Everybody, or everybody on a network.
    pub(crate) fn line(&self, network: Option<Network>) -> &Line {
        network.map_or(&self.all, |network| &self.of_network[network as usize].line)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len
    }

    /// People in each whole point; the last is 100 alone.
    pub(crate) fn points(&self) -> &[u64; 101] {
        &self.points
    }

    /// Where a person stands.
    pub(crate) fn place(&self, person: &Arc<Person>, height: f32) -> Place {
        let lower = self.len() - self.all.not_lower(height);
        let mut place = Place { higher: self.all.higher(height), lower, ..Place::new(person, height) };
        self.count_within(&mut place);
        place
    }

    /// The score at a place, counted from 0.
    pub(crate) fn score_at(&self, rank: usize) -> Option<f32> {
        self.all.height_at(rank).map(|height| height.min(100.0))
    }

    /// So many places of everybody from one on, counted from 0.
    pub(crate) fn places(&self, first: usize, count: usize) -> Vec<Place> {
        let total = self.len();
        let places = self.all.order.iter_from(first).take(count);
        let mut places: Vec<Place> = places.map(Place::of).collect();
        self.count_higher(first, &mut places);
        self.count_lower(first, total, &mut places);
        places.iter_mut().for_each(|place| self.count_within(place));
        places
    }

    fn count_within(&self, place: &mut Place) {
        let (person, height) = (&place.person, place.height);
        let network = Network::of_name(&person.name).map(|(network, _)| network);
        place.on = network.map(|network| (network, self.on(network).line.within(height)));
        let mut values = self.of_value.iter().zip(&person.facets);
        place.among = [(); 2].map(|()| {
            let (values, facet) = values.next()?;
            Some(values.get(facet.load(Relaxed))?.line.within(height))
        });
    }

    fn count_higher(&self, first: usize, places: &mut [Place]) {
        let mut last = None;
        for (rank, place) in (first..).zip(places) {
            place.higher = match last {
                Some((height, higher)) if height == place.height => higher,
                Some(_) => rank,
                None => self.all.higher(place.height),
            };
            last = Some((place.height, place.higher));
        }
    }

    fn count_lower(&self, first: usize, total: usize, places: &mut [Place]) {
        let mut next = None;
        for (rank, place) in (first..first + places.len()).zip(places).rev() {
            place.lower = match next {
                Some((height, lower)) if height == place.height => lower,
                Some(_) => total - rank - 1,
                None => total - self.all.not_lower(place.height),
            };
            next = Some((place.height, place.lower));
        }
    }
}

/// The whole point in which the score lies.
fn point(height: f32) -> usize {
    (height as usize).min(100)
}
