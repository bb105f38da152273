//! Why a score moved: its movement as a sum of what each factor did to it.
//!
//! `score = K ln(1 + x)`, `K = 100 / ln(1 + M)`, `x = reach * amplification * network * openness * room + audience`. Between two
//! records, with means of both, the scale did `dK ln(1 + x)` and the influence `K d ln(1 + x)`. Of the latter, each factor
//! `f` did `L(p) / L(1 + x) * d ln f` and the audience `d audience / L(1 + x)`, where `p` is the product and `L` the
//! logarithmic mean: the additive split of index theory (Ang's LMDI, 2004). Nothing is left over.

/// What a record says, as far as its score comes from it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) score: f64,
    pub(crate) influence: f64,
    /// Reach, amplification, network, openness, room.
    pub(crate) factors: [f64; 5],
    pub(crate) audience: f64,
    pub(crate) scale: f64,
}

/// Places behind the factors.
const AUDIENCE: usize = 5;
const SCALE: usize = 6;

/// Points that each factor added, in the order of [`Moment::factors`], then the audience, then the scale. They add up to
/// the movement.
pub(crate) fn parts(before: &Moment, after: &Moment) -> [f64; 7] {
    let points = (before.points_per_e() + after.points_per_e()) / 2.0;
    let audience = log_mean(1.0 + before.influence, 1.0 + after.influence);
    let mut parts = [0.0; 7];
    let product = |moment: &Moment| moment.factors.iter().product::<f64>();
    let (old, new) = (product(before), product(after));
    if old > 0.0 && new > 0.0 {
        for (part, (old_factor, new_factor)) in parts.iter_mut().zip(before.factors.iter().zip(after.factors)) {
            *part = points * log_mean(old, new) / audience * (new_factor / old_factor).ln();
        }
    } else {
        // The first fans, or no fan any more: that is reach.
        parts[0] = points * (new - old) / audience;
    }
    parts[AUDIENCE] = points * (after.audience - before.audience) / audience;
    parts[SCALE] =
        (after.points_per_e() - before.points_per_e()) * (before.influence.ln_1p() + after.influence.ln_1p()) / 2.0;
    settle(&mut parts, after.score - before.score);
    parts
}

/// Points that a vote adds on the way from reach, amplification and network together, which are what the fans give: that they add to
/// the movement, shared evenly among the votes by which it moved.
pub(crate) fn points_a_vote(before: &Moment, after: &Moment) -> f64 {
    let points = (before.points_per_e() + after.points_per_e()) / 2.0;
    let audience = log_mean(1.0 + before.influence, 1.0 + after.influence);
    let product = |moment: &Moment| moment.factors.iter().product::<f64>();
    let (old, new, given, gives) = (product(before), product(after), before.given(), after.given());
    match old > 0.0 && new > 0.0 {
        true => points * log_mean(old, new) / (audience * log_mean(given, gives)),
        // The first fans, or no fan any more.
        false if given != gives => points * (new - old) / (audience * (gives - given)),
        false => 0.0,
    }
}

/// The numbers have 7 digits, so a hundred-thousandth of a point may be missing: the largest part takes it.
fn settle(parts: &mut [f64; 7], movement: f64) {
    let missing = movement - parts.iter().sum::<f64>();
    if let Some(largest) = parts.iter_mut().max_by(|one, other| one.abs().total_cmp(&other.abs())) {
        *largest += missing;
    }
}

impl Moment {
    /// Votes that all fans give: reach, amplification and network together.
    pub(crate) fn given(&self) -> f64 {
        self.factors[..3].iter().product()
    }

    /// Points for each `e` of influence. A score at its cap of 100 has what makes it 100.
    fn points_per_e(&self) -> f64 {
        if self.score >= 100.0 && self.influence > 0.0 {
            100.0 / self.influence.ln_1p()
        } else {
            100.0 / self.scale.ln_1p()
        }
    }
}

/// `(b - a) / ln(b / a)`, both above 0; between them, and `a` where they are equal.
fn log_mean(a: f64, b: f64) -> f64 {
    let ratio = (b - a) / a;
    if ratio.abs() < 1e-9 { a } else { (b - a) / ratio.ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(factors: [f64; 5], audience: f64, scale: f64) -> Moment {
        let influence = factors.iter().product::<f64>() + audience;
        let score = (100.0 * influence.ln_1p() / scale.ln_1p()).min(100.0);
        Moment { score, influence, factors, audience, scale }
    }

    #[test]
    fn parts_add_up_to_the_movement_and_say_who_moved_it() {
        let start = moment([10.0, 1.2, 0.8, 0.9, 0.95], 2.0, 1000.0);
        let none = moment([0.0, 0.0, 0.0, 1.0, 1.0], 0.0, 1000.0);
        let top = moment([1000.0, 2.0, 2.0, 1.0, 1.0], 3.0, 1000.0);
        let others = [
            (moment([12.0, 1.2, 0.8, 0.9, 0.95], 2.0, 1000.0), vec![0]),
            (moment([10.0, 1.5, 0.8, 0.9, 0.95], 2.0, 1000.0), vec![1]),
            (moment([10.0, 1.2, 0.8, 0.3, 0.95], 2.0, 1000.0), vec![3]),
            (moment([10.0, 1.2, 0.8, 0.9, 0.4], 2.0, 1000.0), vec![4]),
            (moment([10.0, 1.2, 0.8, 0.9, 0.95], 2.5, 1000.0), vec![5]),
            (moment([10.0, 1.2, 0.8, 0.9, 0.95], 2.0, 1200.0), vec![6]),
            (moment([9.0, 1.1, 0.9, 0.95, 0.9], 2.5, 900.0), vec![0, 1, 2, 3, 4, 5, 6]),
            (none, vec![0, 5]),
            (top, vec![0, 1, 2, 3, 4, 5, 6]),
        ];
        for (other, moved) in others {
            for (before, after) in [(start, other), (other, start)] {
                let parts = parts(&before, &after);
                let movement = after.score - before.score;
                assert!((parts.iter().sum::<f64>() - movement).abs() < 1e-12, "{parts:?} for {movement}");
                let found: Vec<usize> = (0..7).filter(|&part| parts[part].abs() > 1e-9).collect();
                assert_eq!(found, moved, "{parts:?}");
            }
        }
    }

    #[test]
    fn a_vote_counts_what_its_factors_do() {
        let before = moment([10.0, 1.2, 0.8, 0.9, 0.95], 2.0, 1000.0);
        let none = moment([0.0, 0.0, 0.0, 1.0, 1.0], 0.0, 1000.0);
        for after in
            [moment([12.0, 1.3, 0.7, 0.8, 0.9], 2.5, 1100.0), moment([5.0, 1.2, 0.8, 0.9, 0.95], 2.0, 1000.0), none]
        {
            for (before, after) in [(before, after), (after, before)] {
                let by_votes = points_a_vote(&before, &after) * (after.given() - before.given());
                let parts = parts(&before, &after);
                // Where there is no product, all of it is in the first part.
                let by_factors: f64 = parts[..3].iter().sum();
                assert!((by_votes - by_factors).abs() < 1e-9, "{by_votes} and {by_factors}");
                assert!(points_a_vote(&before, &after) > 0.0);
            }
        }
        assert_eq!(points_a_vote(&none, &none), 0.0);
    }

    #[test]
    fn without_the_largest_part_nothing_is_missing() {
        let before = moment([10.0, 1.2, 0.8, 0.9, 0.9], 2.0, 1000.0);
        let after = moment([17.0, 1.1, 0.9, 0.7, 0.8], 1.0, 1300.0);
        let mut parts = parts(&before, &after);
        let given = parts;
        settle(&mut parts, after.score - before.score);
        assert!(parts.iter().zip(given).all(|(one, other)| (one - other).abs() < 1e-12));
    }
}
