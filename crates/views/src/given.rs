//! What acts gave somebody, and whom they gave something, on one day: as bytes of a database.

use std::io;

use vocabulary::Kind;

/// Pairs of one person and side that a day keeps at least, where there are more: the largest. What the others gave is kept as a sum.
pub(crate) const KEPT_A_DAY: usize = 16_384;
/// They are cut back to that number once there are so many.
const KEPT_MAX: usize = 2 * KEPT_A_DAY;
/// Bytes of the numbers before the pairs.
const HEAD_BYTES: usize = 4 * (2 * 2 + Kind::COUNTED_COUNT) + 4;
const PAIR_BYTES: usize = 12;

/// What the acts of a pair gave on a day, as of its end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pair {
    /// The number of the other one.
    pub(crate) other: u32,
    /// By how much the pair's weight rose.
    pub(crate) weight: f32,
    /// Votes that were given.
    pub(crate) votes: f32,
}

/// One side of a person's day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Side {
    pub(crate) pairs: Vec<Pair>,
    /// Weight and votes of the pairs that are not kept.
    pub(crate) rest: (f32, f32),
}

/// A person's day.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Given {
    /// Those who acted on the person.
    pub(crate) fans: Side,
    /// Those on whom the person acted.
    pub(crate) idols: Side,
    /// Votes that the person got, by kind.
    pub(crate) kinds: [f32; Kind::COUNTED_COUNT],
}

impl Side {
    /// Adds what one act gave; it is summed by [`Side::merge`].
    pub(crate) fn add(&mut self, new: Pair) {
        self.pairs.push(new);
    }

    /// One entry a pair.
    fn settle(&mut self) {
        self.pairs.sort_by_key(|pair| pair.other);
        self.pairs.dedup_by(|new, kept| {
            let is_same = new.other == kept.other;
            if is_same {
                (kept.weight, kept.votes) = (kept.weight + new.weight, kept.votes + new.votes);
            }
            is_same
        });
    }

    /// Adds all of another side.
    pub(crate) fn merge(&mut self, mut new: Side) {
        new.settle();
        if self.pairs.is_empty() {
            self.pairs = new.pairs;
        } else {
            self.pairs.sort_unstable_by_key(|pair| pair.other);
            let known = self.pairs.len();
            for pair in new.pairs {
                match self.pairs[..known].binary_search_by_key(&pair.other, |pair| pair.other) {
                    Ok(place) => {
                        let kept = &mut self.pairs[place];
                        (kept.weight, kept.votes) = (kept.weight + pair.weight, kept.votes + pair.votes);
                    }
                    Err(_) => self.pairs.push(pair),
                }
            }
        }
        self.rest = (self.rest.0 + new.rest.0, self.rest.1 + new.rest.1);
        if self.pairs.len() >= KEPT_MAX {
            self.cut();
        }
    }

    fn cut(&mut self) {
        let order = |one: &Pair, other: &Pair| other.votes.total_cmp(&one.votes).then(one.other.cmp(&other.other));
        self.pairs.sort_unstable_by(order);
        for pair in self.pairs.split_off(KEPT_A_DAY) {
            self.rest = (self.rest.0 + pair.weight, self.rest.1 + pair.votes);
        }
    }
}

impl Given {
    pub(crate) fn merge(&mut self, new: Given) {
        self.fans.merge(new.fans);
        self.idols.merge(new.idols);
        self.kinds.iter_mut().zip(new.kinds).for_each(|(kept, new)| *kept += new);
    }

    pub(crate) fn pack(&self) -> Vec<u8> {
        let pairs = self.fans.pairs.len() + self.idols.pairs.len();
        let mut bytes = Vec::with_capacity(HEAD_BYTES + pairs * PAIR_BYTES);
        let sums = [self.fans.rest.0, self.fans.rest.1, self.idols.rest.0, self.idols.rest.1];
        sums.into_iter().chain(self.kinds).for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend((self.fans.pairs.len() as u32).to_le_bytes());
        for pair in self.fans.pairs.iter().chain(&self.idols.pairs) {
            bytes.extend(pair.other.to_le_bytes());
            bytes.extend(pair.weight.to_le_bytes());
            bytes.extend(pair.votes.to_le_bytes());
        }
        bytes
    }

    pub(crate) fn unpack(bytes: &[u8]) -> io::Result<Given> {
        let cut = || io::Error::new(io::ErrorKind::InvalidData, "a day of credits is cut");
        let (head, pairs) = bytes.split_at_checked(HEAD_BYTES).ok_or_else(cut)?;
        let word = |bytes: &[u8], place: usize| {
            let word = bytes[4 * place..].first_chunk().copied().unwrap_or_default();
            u32::from_le_bytes(word)
        };
        let number = |place| f32::from_bits(word(head, place));
        let mut given = Given {
            fans: Side { pairs: Vec::new(), rest: (number(0), number(1)) },
            idols: Side { pairs: Vec::new(), rest: (number(2), number(3)) },
            kinds: std::array::from_fn(|kind| number(4 + kind)),
        };
        let fans = word(head, 4 + Kind::COUNTED_COUNT) as usize;
        if pairs.len() % PAIR_BYTES != 0 || fans > pairs.len() / PAIR_BYTES {
            return Err(cut());
        }
        let pair = |bytes: &[u8]| Pair {
            other: word(bytes, 0),
            weight: f32::from_bits(word(bytes, 1)),
            votes: f32::from_bits(word(bytes, 2)),
        };
        let (of_fans, of_idols) = pairs.split_at(fans * PAIR_BYTES);
        given.fans.pairs.extend(of_fans.chunks_exact(PAIR_BYTES).map(pair));
        given.idols.pairs.extend(of_idols.chunks_exact(PAIR_BYTES).map(pair));
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(pairs: std::ops::Range<u32>) -> Side {
        let pair = |other| Pair { other, weight: 1.0 / (other + 1) as f32, votes: other as f32 };
        Side { pairs: pairs.map(pair).collect(), rest: (0.5, 0.25) }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        for (fans, idols) in [(0, 0), (3, 0), (0, 5), (500, 2)] {
            let given = Given { fans: side(0..fans), idols: side(0..idols), kinds: [1.5; Kind::COUNTED_COUNT] };
            let bytes = given.pack();
            assert_eq!(Given::unpack(&bytes).unwrap(), given);
            assert!(
                (0..bytes.len())
                    .all(|length| Given::unpack(&bytes[..length]).is_err() || length % 12 == HEAD_BYTES % 12)
            );
        }
        assert!(Given::unpack(b"nothing").is_err());
    }

    #[test]
    fn the_largest_stay_and_no_vote_is_lost() {
        let half = KEPT_A_DAY as u32;
        let (first, second) = (0..half + 100, half..2 * half + 200);
        let mut kept = side(first.clone());
        let all =
            |side: &Side| side.pairs.iter().map(|pair| f64::from(pair.votes)).sum::<f64>() + f64::from(side.rest.1);
        let before = all(&kept) + all(&side(second.clone()));
        kept.merge(side(second.clone()));
        assert_eq!(kept.pairs.len(), KEPT_A_DAY);
        assert!((all(&kept) - before).abs() < 1e-3 * before);
        let mut largest: Vec<u32> = kept.pairs.iter().map(|pair| pair.other).collect();
        largest.sort_unstable();
        let comes_twice = |other: &u32| first.contains(other) && second.contains(other);
        let mut votes: Vec<(u32, u32)> =
            (0..second.end).map(|other| (if comes_twice(&other) { 2 * other } else { other }, other)).collect();
        votes.sort_unstable_by(|one, other| other.cmp(one));
        let mut expected: Vec<u32> = votes[..KEPT_A_DAY].iter().map(|(_, other)| *other).collect();
        expected.sort_unstable();
        assert_eq!(largest, expected);
    }
}
