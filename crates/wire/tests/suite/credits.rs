//! Credits come back as they were written, and a record whose columns do not fit is refused, with what is wrong.

use influence::{Credit, Rated};
use vocabulary::Kind;
use wire::{CREDIT_BYTES, Credits, RATED_BYTES, decode_credits, encode_credits};

const HALF_LIFE_MS: i64 = 2_592_000_000;
const WINDOW_MS: i64 = 6 * HALF_LIFE_MS;

fn credit(number: u64) -> Credit {
    Credit {
        actor: u64::MAX - number,
        target: number.wrapping_mul(0x9e37_79b9_7f4a_7c15),
        kind: [Kind::Mention, Kind::Retweet, Kind::Like][number as usize % 3],
        at: 1_709_337_600_000 - 977 * number as i64,
        subject: 0,
        votes: 0.125 * number as f32,
        rate: 1.0 / (number + 1) as f32,
    }
}

fn rated(count: usize) -> Vec<Rated> {
    let rated = |number: usize| Rated {
        actor: number as u64,
        rate: 0.5 + number as f32,
        at: 1_709_337_600_000 + number as i64,
    };
    (0..count).map(rated).collect()
}

fn encoded(credits: &[Credit]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_credits(credits, &rated(credits.len() / 3), (HALF_LIFE_MS, WINDOW_MS), &mut bytes);
    bytes
}

#[test]
fn they_come_back_bit_for_bit() {
    let of_posts = |number: u64| Credit { subject: number % 2 * 77, ..credit(number) };
    let lists: [Vec<Credit>; 4] =
        [Vec::new(), vec![credit(1)], (0..1_000).map(credit).collect(), (0..1_000).map(of_posts).collect()];
    for credits in lists {
        let bytes = encoded(&credits);
        let most = 64 + CREDIT_BYTES * credits.len() + RATED_BYTES * (credits.len() / 3);
        assert!(bytes.len() <= most, "{} bytes for {}", bytes.len(), credits.len());
        let rated = rated(credits.len() / 3);
        assert_eq!(
            decode_credits(&bytes),
            Ok(Credits { half_life_ms: HALF_LIFE_MS, window_ms: WINDOW_MS, credits, rated })
        );
    }
    let mut bytes = Vec::new();
    encode_credits(&(0..1_000).map(credit).collect::<Vec<_>>(), &[], (HALF_LIFE_MS, WINDOW_MS), &mut bytes);
    let bytes = bytes.len();
    assert!(bytes < 28 * 1_000, "an act takes {bytes} thousandths of a byte");
}

/// A record with a field of one's own put behind it: of a field that is there twice the last one counts, and columns grow.
fn with(field: u32, wire_type: u8, value: &[u8]) -> String {
    let mut bytes = encoded(&[credit(0), credit(1)]);
    bytes.push((field << 3) as u8 | wire_type);
    bytes.extend_from_slice(value);
    decode_credits(&bytes).expect_err("it is malformed").to_string()
}

#[test]
fn what_does_not_fit_is_refused_with_the_reason() {
    let one = 1.0_f32.to_le_bytes();
    let nan = f32::NAN.to_le_bytes();
    let one_more = |field| with(field, 5, &one);
    for (error, says) in [
        (with(1, 0, &[2]), "credits are of version 2, and version 1 is read"),
        (with(2, 0, &[3]), "actors has 2 entries, and count is 3"),
        (with(3, 0, &[0]), "half_life_ms is 0, not above 0"),
        (with(14, 0, &[0]), "window_ms is 0, not above 0"),
        (with(4, 1, &[0; 8]), "actors has 3 entries, and count is 2"),
        (with(5, 1, &[0; 8]), "targets has 3 entries, and count is 2"),
        (with(6, 1, &[0; 8]), "subjects has 1 entries, and count is 2"),
        (with(7, 2, &[1, 1]), "kinds has 1 entries, and count is 2"),
        (with(7, 2, &[2, 1, 99]), "kind 99 is none of"),
        (with(8, 0, &[0]), "at_steps has 3 entries, and count is 2"),
        (one_more(9), "votes has 3 entries, and count is 2"),
        (one_more(10), "rates has 3 entries, and count is 2"),
        (with(11, 1, &[0; 8]), "rated_rates has 0 entries, and rated_actors has 1"),
        (one_more(12), "rated_rates has 1 entries, and rated_actors has 0"),
        (with(13, 0, &[0]), "rated_at_steps has 1 entries, and rated_actors has 0"),
        (with(9, 5, &nan), "votes has 3 entries"),
    ] {
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
    for (credit, says) in [
        (Credit { votes: f32::NAN, ..credit(0) }, "act 0: votes is NaN, which cannot be"),
        (Credit { votes: -1.0, ..credit(0) }, "act 0: votes is -1, which cannot be"),
        (Credit { rate: f32::INFINITY, ..credit(0) }, "act 0: rate is inf, which cannot be"),
        (Credit { at: i64::MAX, ..credit(0) }, "act 0: at 9223372036854775807 is not within"),
    ] {
        let error = decode_credits(&encoded(&[credit])).expect_err("it is malformed").to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }
}

/// Whatever is cut off or changed, the answer is a record or a reason.
#[test]
fn no_bytes_panic() {
    let bytes = encoded(&(0..7).map(credit).collect::<Vec<_>>());
    for length in 0..bytes.len() {
        let _ = decode_credits(&bytes[..length]);
    }
    for place in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[place] ^= 1 << bit;
            if let Ok(Credits { credits, .. }) = decode_credits(&changed) {
                assert!(credits.iter().all(|credit| credit.votes.is_finite() && credit.rate >= 0.0));
            }
        }
    }
}
