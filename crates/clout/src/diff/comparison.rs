//! Two tables of scores held against each other. It reads nothing and prints nothing.

use std::collections::HashMap;

use serde::Serialize;

/// What differs, as `--json` prints it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Comparison {
    /// People with a score in both.
    pub(crate) in_both: usize,
    pub(crate) only_in_a: Alone,
    pub(crate) only_in_b: Alone,
    /// Of the ranks of those in both, 1 for the same order; none for fewer than two people, or if all are alike.
    pub(crate) spearman: Option<f64>,
    /// Points from A to B, at some shares of all people, the largest fall first.
    pub(crate) changes: Vec<Quantile>,
    /// How many people moved by at least so many points, either way.
    pub(crate) moved: Vec<Moved>,
    pub(crate) largest: Vec<Change>,
}

/// People whom one table lacks, the most influential first.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Alone {
    pub(crate) people: usize,
    pub(crate) first: Vec<Scored>,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Scored {
    pub(crate) user: String,
    pub(crate) score: f64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Quantile {
    pub(crate) percent: f64,
    pub(crate) points: f64,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Moved {
    pub(crate) points: f64,
    pub(crate) people: usize,
}

#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) a: f64,
    pub(crate) b: f64,
}

impl Change {
    pub(crate) fn points(&self) -> f64 {
        self.b - self.a
    }
}

const PERCENTS: [f64; 9] = [0.0, 1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0, 100.0];
const STEPS: [f64; 5] = [0.1, 1.0, 2.0, 5.0, 10.0];

impl Comparison {
    /// Of these tables, with so many names at most in each list.
    pub(crate) fn of(a: &HashMap<String, f64>, b: &HashMap<String, f64>, top: usize) -> Comparison {
        let pair = |(user, &a): (&String, &f64)| Some(Change { user: user.clone(), a, b: *b.get(user)? });
        let mut changes: Vec<Change> = a.iter().filter_map(pair).collect();
        // Equal ones by name, since tables have no order.
        changes.sort_unstable_by(|one, other| {
            one.points().total_cmp(&other.points()).then_with(|| one.user.cmp(&other.user))
        });
        let quantile = |percent: f64| {
            let last = changes.len().checked_sub(1)?;
            Some(Quantile { percent, points: changes[(last as f64 * percent / 100.0).round() as usize].points() })
        };
        let moved = |points: f64| Moved {
            points,
            // A score that moved by a tenth is off by some bits of it.
            people: changes.iter().filter(|change| change.points().abs() >= points - 1e-9).count(),
        };
        Comparison {
            in_both: changes.len(),
            only_in_a: Alone::of(a, b, top),
            only_in_b: Alone::of(b, a, top),
            spearman: spearman(&changes),
            changes: PERCENTS.into_iter().filter_map(quantile).collect(),
            moved: STEPS.map(moved).into(),
            largest: largest(changes, top),
        }
    }
}

impl Alone {
    fn of(these: &HashMap<String, f64>, those: &HashMap<String, f64>, top: usize) -> Alone {
        let alone = these.iter().filter(|(user, _)| !those.contains_key(*user));
        let mut alone: Vec<(&String, f64)> = alone.map(|(user, score)| (user, *score)).collect();
        alone.sort_unstable_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        let first = alone.iter().take(top).map(|&(user, score)| Scored { user: user.clone(), score }).collect();
        Alone { people: alone.len(), first }
    }
}

fn largest(mut changes: Vec<Change>, top: usize) -> Vec<Change> {
    changes.sort_by(|one, other| other.points().abs().total_cmp(&one.points().abs()));
    changes.truncate(top);
    changes.retain(|change| change.points() != 0.0);
    changes
}

/// Spearman's rho: the correlation of ranks, equal scores sharing the mean of theirs.
fn spearman(changes: &[Change]) -> Option<f64> {
    let a = ranks(&changes.iter().map(|change| change.a).collect::<Vec<_>>());
    let b = ranks(&changes.iter().map(|change| change.b).collect::<Vec<_>>());
    let mean = (changes.len() as f64 + 1.0) / 2.0;
    let sum = |of: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| of(a - mean, b - mean)).sum::<f64>();
    let (both, a_alone, b_alone) = (sum(&|a, b| a * b), sum(&|a, _| a * a), sum(&|_, b| b * b));
    (a_alone > 0.0 && b_alone > 0.0).then(|| both / (a_alone * b_alone).sqrt())
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&one, &other| values[one].total_cmp(&values[other]));
    let mut ranks = vec![0.0; values.len()];
    let mut before = 0.0;
    for equal in order.chunk_by(|&one, &other| values[one] == values[other]) {
        let count = equal.len() as f64;
        equal.iter().for_each(|&place| ranks[place] = before + (count + 1.0) / 2.0);
        before += count;
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(scores: &[(&str, f64)]) -> HashMap<String, f64> {
        scores.iter().map(|&(user, score)| (user.to_owned(), score)).collect()
    }

    #[test]
    fn equal_tables_do_not_differ() {
        let scores = table(&[("ana", 3.0), ("bo", 2.0), ("cy", 2.0)]);
        let same = Comparison::of(&scores, &scores, 5);
        assert_eq!((same.in_both, same.spearman, same.largest.len()), (3, Some(1.0), 0));
        assert!(same.moved.iter().all(|moved| moved.people == 0));
    }

    #[test]
    fn a_turned_order_correlates_by_minus_one() {
        let (a, b) =
            (table(&[("ana", 1.0), ("bo", 2.0), ("cy", 3.0)]), table(&[("ana", 9.0), ("bo", 8.0), ("cy", 7.0)]));
        assert_eq!(Comparison::of(&a, &b, 5).spearman, Some(-1.0));
        assert_eq!(Comparison::of(&table(&[("ana", 1.0)]), &b, 5).spearman, None);
    }

    #[test]
    fn movers_and_those_in_one_table_are_named() {
        let (a, b) =
            (table(&[("ana", 10.0), ("bo", 20.0), ("cy", 5.0)]), table(&[("ana", 8.0), ("bo", 25.0), ("di", 7.0)]));
        let told = Comparison::of(&a, &b, 5);
        assert_eq!(
            told.largest.iter().map(|change| (&*change.user, change.points())).collect::<Vec<_>>(),
            [("bo", 5.0), ("ana", -2.0)]
        );
        assert_eq!((&*told.only_in_a.first[0].user, told.only_in_b.people), ("cy", 1));
        assert_eq!(told.moved.iter().map(|moved| moved.people).collect::<Vec<_>>(), [2, 2, 2, 1, 0]);
    }
}
