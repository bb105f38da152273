//! Daily closes come back as they were written, and what is none is refused.

use vocabulary::{Kind, Received, Score};
use wire::{Close, decode_close, encode_close, encode_score};

fn score() -> Score {
    let mut received = Received::default();
    (0..300).for_each(|_| received.count(Kind::Mention));
    Score {
        score: 41.75,
        influence: 9.5,
        reach: 4.25,
        amplification: 1.5,
        network: 0.75,
        openness: 1.0,
        room: 0.96875,
        audience: 1.0 / 3.0,
        received,
        followers: 7,
        following: 1 << 40,
        as_of: 1_709_337_600_000,
        scale: 1_234.5,
        scale_version: 17,
        previous: Some(40.5),
    }
}

#[test]
fn a_close_comes_back_bit_for_bit() {
    for (day, score) in [(19_783, score()), (0, Score::default()), (-1, Score { previous: None, ..score() })] {
        let mut bytes = Vec::new();
        encode_close("ana", day, &score, 2, &mut bytes);
        assert_eq!(decode_close(&bytes), Ok(Close { user: "ana".to_owned(), day, score, model_version: 2 }));
    }
}

/// Another program finds the score in it under the number that the schema says.
#[test]
fn the_score_in_it_is_a_record_of_scores() {
    let (mut close, mut record) = (Vec::new(), Vec::new());
    encode_close("ana", 5, &score(), 2, &mut close);
    encode_score("ana", &score(), 2, &mut record);
    assert_eq!(close[..2], [0x08, 5], "field 1, the day");
    assert_eq!(close[2], 0x12, "field 2, the score");
    assert!(close.ends_with(&record));
}

#[test]
fn what_is_no_close_is_refused_with_a_reason() {
    let refused = |bytes: &[u8]| decode_close(bytes).expect_err("it is none").to_string();
    assert!(refused(&[0x08, 5]).contains("score"), "{}", refused(&[0x08, 5]));
    let mut of_nobody = Vec::new();
    encode_close("", 5, &score(), 2, &mut of_nobody);
    assert!(refused(&of_nobody).contains("user"));
    let mut no_number = Vec::new();
    encode_close("ana", 5, &Score { scale: f64::NAN, ..score() }, 2, &mut no_number);
    assert!(refused(&no_number).contains("not a finite number"));
    let mut whole = Vec::new();
    encode_close("ana", 5, &score(), 2, &mut whole);
    for len in 0..whole.len() {
        assert!(decode_close(&whole[..len]).is_err(), "{len} of {} bytes", whole.len());
    }
}
