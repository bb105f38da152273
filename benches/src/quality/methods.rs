//! The methods that rank people: Clout, and those that it has to be better than.

use std::collections::HashMap;
use std::error::Error;

use embedded::World;
use influence::{HashKey, Model};
use vocabulary::{Event, Kind, Timestamp};

use crate::acts::Acts;
use crate::cuts::Setting;

/// The window, in half-lives.
const WINDOW: i64 = 6;
/// PageRank: the share of a surfer's steps that follow an edge, and when its sums are at rest.
const DAMPING: f64 = 0.85;
const REST: f64 = 1e-10;

/// Other parameters of the model, by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Changes(Vec<(String, f64)>);

/// A way to rank people.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Method {
    /// The engine.
    Clout(Changes),
    /// The decayed sum of what somebody received, by the weights of kinds.
    Count,
    /// Counts the distinct people who acted on somebody inside the window.
    Fans,
    /// PageRank over decayed sums.
    PageRank,
}

/// Parses parameters, as in `rho=0.5,like=1`.
pub(crate) fn parse_changes(text: &str) -> Result<Changes, String> {
    let change = |part: &str| {
        let (name, value) = part.split_once('=').ok_or(format!("{part:?} is not a name and a value, as in rho=0.5"))?;
        let value = value.parse().map_err(|_| format!("{value:?} is not a number"))?;
        Ok::<_, String>((name.to_owned(), value))
    };
    let changes = Changes(text.split(',').map(change).collect::<Result<_, _>>()?);
    changes.model(30 * 86_400_000)?;
    Ok(changes)
}

impl Changes {
    fn model(&self, half_life_ms: Timestamp) -> Result<Model, String> {
        let mut model = Model::with_half_life(half_life_ms);
        for (name, value) in &self.0 {
            set(&mut model, name, *value)?;
        }
        model.validate().map_err(|error| error.to_string())?;
        Ok(model)
    }
}

fn set(model: &mut Model, name: &str, value: f64) -> Result<(), String> {
    match name {
        "rho" => model.rho = value,
        "mu" => model.mu = value,
        "eps" => model.eps = value,
        "contact-threshold" => model.contact_growth = value,
        "window" => model.window_ms = (model.half_life_ms as f64 * value) as Timestamp,
        kind => match Kind::of_word(kind).filter(|kind| kind.is_counted()) {
            Some(kind) => model.weights[kind] = value,
            None => {
                let kinds: Vec<&str> = Kind::listed_counted().map(Kind::word).collect();
                let kinds = kinds.join(", ");
                return Err(format!("{name:?} is none of rho, mu, eps, contact-threshold, window, {kinds}"));
            }
        },
    }
    Ok(())
}

impl Method {
    /// Clout first: the others are compared with it.
    pub(crate) fn all(with: &[Changes]) -> Vec<Method> {
        let clout = std::iter::once(Changes::default()).chain(with.iter().cloned()).map(Method::Clout);
        clout.chain([Method::Count, Method::Fans, Method::PageRank]).collect()
    }

    pub(crate) fn name(&self) -> String {
        match self {
            Method::Clout(Changes(changes)) => {
                let changes = changes.iter().map(|(name, value)| format!(" {name}={value}"));
                std::iter::once("clout".to_owned()).chain(changes).collect()
            }
            Method::Count => "decayed count".to_owned(),
            Method::Fans => "distinct fans".to_owned(),
            Method::PageRank => "pagerank".to_owned(),
        }
    }

    /// At each cut the score of everybody, by number.
    pub(crate) fn scores(&self, setting: &Setting) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
        let Setting { acts, half_life_ms, cuts, .. } = setting;
        let known = |cut: &Timestamp| Known::at(acts, *cut, *half_life_ms);
        Ok(match self {
            Method::Clout(changes) => clout(acts, &changes.model(*half_life_ms)?, cuts)?,
            Method::Count => cuts.iter().map(|cut| known(cut).count()).collect(),
            Method::Fans => cuts.iter().map(|cut| known(cut).fans()).collect(),
            Method::PageRank => cuts.iter().map(|cut| known(cut).pagerank()).collect(),
        })
    }
}

/// Gives the influence that `clout replay --until` computes at each cut.
fn clout(acts: &Acts, model: &Model, cuts: &[Timestamp]) -> Result<Vec<Vec<f64>>, Box<dyn Error>> {
    // No result depends on the key.
    let mut world = World::new(model, HashKey::new([1, 2]), 1, 1);
    let mut taken = Timestamp::MIN;
    let mut scores = Vec::new();
    for &cut in cuts {
        for act in acts.between(taken, cut) {
            let (actor, target) = (&acts.names[act.actor as usize], &acts.names[act.target as usize]);
            world.event(&Event { actor, target, kind: act.kind, at: act.at });
        }
        taken = cut;
        let mut then = world.fork();
        then.advance(cut);
        then.settle();
        then.check()?;
        let mut influence = vec![0.0; acts.people()];
        for (name, score) in then.scores() {
            let person = acts.find(name).ok_or_else(|| format!("{name} is nobody of the log"))?;
            influence[person as usize] = score.influence;
        }
        scores.push(influence);
    }
    Ok(scores)
}

/// The pairs inside the window of a cut: actor, target, decayed sum.
struct Known {
    people: usize,
    pairs: Vec<(u32, u32, f64)>,
}

impl Known {
    fn at(acts: &Acts, cut: Timestamp, half_life_ms: Timestamp) -> Known {
        let mut sums: HashMap<(u32, u32), f64> = HashMap::new();
        for act in acts.between(cut - WINDOW * half_life_ms, cut).iter().filter(|act| act.kind.is_counted()) {
            let age = (cut - act.at) as f64 / half_life_ms as f64;
            *sums.entry((act.actor, act.target)).or_default() += act.kind.weight() * (-age).exp2();
        }
        let mut pairs: Vec<_> = sums.into_iter().map(|((actor, target), sum)| (actor, target, sum)).collect();
        pairs.sort_unstable_by_key(|&(actor, target, _)| (actor, target));
        Known { people: acts.people(), pairs }
    }

    fn count(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.people];
        self.pairs.iter().for_each(|&(_, target, sum)| sums[target as usize] += sum);
        sums
    }

    fn fans(&self) -> Vec<f64> {
        let mut fans = vec![0.0; self.people];
        self.pairs.iter().for_each(|&(_, target, _)| fans[target as usize] += 1.0);
        fans
    }

    /// Of those who act or are acted upon; who acts on nobody leaps anywhere.
    fn pagerank(&self) -> Vec<f64> {
        let mut handed_out = vec![0.0; self.people];
        self.pairs.iter().for_each(|&(actor, _, sum)| handed_out[actor as usize] += sum);
        let mut is_there = vec![false; self.people];
        for &(actor, target, _) in &self.pairs {
            (is_there[actor as usize], is_there[target as usize]) = (true, true);
        }
        let count = is_there.iter().filter(|is_there| **is_there).count() as f64;
        let mut ranks: Vec<f64> = is_there.iter().map(|&is_there| if is_there { 1.0 / count } else { 0.0 }).collect();
        loop {
            let mut next = vec![0.0; self.people];
            for &(actor, target, sum) in &self.pairs {
                let (actor, target) = (actor as usize, target as usize);
                next[target] += DAMPING * ranks[actor] * sum / handed_out[actor];
            }
            let leaps = (1.0 - next.iter().sum::<f64>()) / count;
            next.iter_mut().zip(&is_there).for_each(|(rank, &is_there)| *rank += if is_there { leaps } else { 0.0 });
            let moved: f64 = next.iter().zip(&ranks).map(|(one, other)| (one - other).abs()).sum();
            ranks = next;
            if moved < REST {
                return ranks;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(people: usize, pairs: &[(u32, u32, f64)]) -> Known {
        Known { people, pairs: pairs.to_vec() }
    }

    #[test]
    fn pagerank_adds_up_to_one_and_follows_the_edges() {
        // Two act on the third, who acts on nobody; a fourth has nothing to do with anybody.
        let ranks = known(4, &[(0, 2, 1.0), (1, 2, 3.0)]).pagerank();
        assert!((ranks.iter().sum::<f64>() - 1.0).abs() < 1e-9 && ranks[3] == 0.0, "{ranks:?}");
        let leap = ranks[0];
        assert!((ranks[1] - leap).abs() < 1e-9 && (ranks[2] - leap - 2.0 * DAMPING * leap).abs() < 1e-8, "{ranks:?}");
    }

    #[test]
    fn counts_are_sums_and_fans_are_people() {
        let known = known(3, &[(0, 2, 0.5), (1, 2, 3.0), (2, 0, 0.25)]);
        assert_eq!(known.count(), [0.25, 0.0, 3.5]);
        assert_eq!(known.fans(), [1.0, 0.0, 2.0]);
    }

    #[test]
    fn parameters_have_names() {
        let model = parse_changes("rho=0.5,like=1,window=3").expect("names").model(1000).expect("a model");
        assert_eq!((model.rho, model.weights[Kind::Like], model.window_ms), (0.5, 1.0, 3000));
        assert_eq!(Method::Clout(parse_changes("rho=0.5,like=1").expect("names")).name(), "clout rho=0.5 like=1");
        for wrong in ["rho", "rho=much", "roh=1", "follow=1", "eps=0"] {
            assert!(parse_changes(wrong).is_err(), "{wrong}");
        }
    }
}
