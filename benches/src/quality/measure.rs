//! The two measures of a ranking, and the mean of many with its standard error.

/// The number of people at the head of a ranking that are judged.
const TOP: usize = 100;

/// One ranking, judged.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Measured {
    /// Normalised discounted cumulative gain of the first hundred: 1 for the order of the gains themselves.
    pub(crate) ndcg: f64,
    /// The share of the first hundred who are among the hundred of the largest gains.
    pub(crate) precision: f64,
}

impl Measured {
    /// Judges scores by gains, both by person. Of equal scores whoever was there first comes first.
    pub(crate) fn of(scores: &[f64], gains: &[f64]) -> Measured {
        let (found, wanted) = (top(scores), top(gains));
        let sum = |people: &[usize]| {
            people.iter().zip(0..).map(|(&person, place)| gains[person] * discount(place)).sum::<f64>()
        };
        let best = sum(&wanted);
        let wanted: std::collections::BTreeSet<usize> =
            wanted.into_iter().filter(|&person| gains[person] > 0.0).collect();
        let hits = found.iter().filter(|person| wanted.contains(person)).count();
        Measured { ndcg: if best > 0.0 { sum(&found) / best } else { 0.0 }, precision: hits as f64 / TOP as f64 }
    }
}

fn discount(place: u32) -> f64 {
    1.0 / f64::from(place + 2).log2()
}

fn top(values: &[f64]) -> Vec<usize> {
    let mut people: Vec<usize> = (0..values.len()).collect();
    people.sort_by(|&one, &other| values[other].total_cmp(&values[one]));
    people.truncate(TOP);
    people
}

/// A mean and its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Mean {
    pub(crate) mean: f64,
    pub(crate) error: f64,
}

impl Mean {
    /// Of at least two values.
    pub(crate) fn of(values: &[f64]) -> Mean {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Mean { mean, error: (squares / (count - 1.0) / count).sqrt() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_of_the_gains_is_worth_one_and_others_less() {
        let gains: Vec<f64> = (0..300).map(|person| f64::from(person % 150)).collect();
        let perfect = Measured::of(&gains, &gains);
        assert_eq!((perfect.ndcg, perfect.precision), (1.0, 1.0));
        let reversed: Vec<f64> = gains.iter().map(|gain| -gain).collect();
        let worst = Measured::of(&reversed, &gains);
        assert!(worst.ndcg < 0.3 && worst.precision == 0.0, "{worst:?}");
    }

    #[test]
    fn places_count_by_their_discount() {
        // The best one stands third: 8 / log2(4) against 8, and the second stands first: 4 against 4 / log2(3).
        let measured = Measured::of(&[3.0, 2.0, 1.0], &[4.0, 0.0, 8.0]);
        let expected = (4.0 + 8.0 / 2.0) / (8.0 + 4.0 / 3f64.log2());
        assert!((measured.ndcg - expected).abs() < 1e-12);
        assert_eq!(measured.precision, 0.02, "two of the hundred are acted upon, and both are found");
    }

    #[test]
    fn a_mean_has_a_standard_error() {
        assert_eq!(Mean::of(&[1.0, 3.0]), Mean { mean: 2.0, error: 1.0 });
        assert_eq!(Mean::of(&[5.0; 9]), Mean { mean: 5.0, error: 0.0 });
    }
}
