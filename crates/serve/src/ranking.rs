//! Everybody by score, the highest first; those with 100 by influence; equals by name.

use std::cmp::Ordering;
use std::sync::Arc;

use vocabulary::Network;

use crate::ordered::Ordered;
use crate::person::{Named, Person, Record};

/// The ranking, and that of each network by itself.
#[derive(Debug)]
pub(crate) struct Ranking {
    all: Line,
    of_network: [Line; Network::ALL.len()],
    points: [u64; 101],
}

impl Default for Ranking {
    fn default() -> Ranking {
        Ranking { all: Line::default(), of_network: Default::default(), points: [0; 101] }
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
    /// The network, and the people on it who stand higher.
    pub(crate) on: Option<(Network, usize)>,
}

impl Place {
    fn of(ranked: &Ranked) -> Place {
        Place { person: Arc::clone(&ranked.person.0), height: ranked.height, higher: 0, lower: 0, on: None }
    }
}

#[derive(Debug)]
struct Ranked {
    height: f32,
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
    pub(crate) fn insert(&mut self, height: f32, person: &Arc<Person>) {
        self.order.insert(Ranked { height, person: Named(Arc::clone(person)) });
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
        if old != new {
            let of_network = Network::of_name(&person.name).map(|(network, _)| &mut self.of_network[network as usize]);
            for line in [&mut self.all].into_iter().chain(of_network) {
                if let Some(height) = old {
                    line.remove(height, &person.name);
                }
                if let Some(height) = new {
                    line.insert(height, person);
                }
            }
            old.into_iter().for_each(|height| self.points[point(height)] -= 1);
            new.into_iter().for_each(|height| self.points[point(height)] += 1);
        }
        before
    }

    /// Everybody, or everybody on a network.
    pub(crate) fn line(&self, network: Option<Network>) -> &Line {
        network.map_or(&self.all, |network| &self.of_network[network as usize])
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
        let mut place = Place { person: Arc::clone(person), height, higher: self.all.higher(height), lower, on: None };
        self.count_on_network(&mut place);
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
        places.iter_mut().for_each(|place| self.count_on_network(place));
        places
    }

    /// So many places of a network from one on, counted from 0.
    pub(crate) fn places_on(&self, network: Network, first: usize, count: usize) -> Vec<Place> {
        let places = self.line(Some(network)).order.iter_from(first).take(count);
        places.map(|ranked| self.place(&ranked.person.0, ranked.height)).collect()
    }

    fn count_on_network(&self, place: &mut Place) {
        place.on = Network::of_name(&place.person.name)
            .map(|(network, _)| (network, self.line(Some(network)).higher(place.height)));
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
