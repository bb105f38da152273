//! Daily closes come back as they were written, and what is none is refused.

use expect_test::expect;
use vocabulary::{Kind, Received, Score};
use wire::{
    Close, decode_close, decode_versioned_score, encode_close, encode_close_json, encode_score, encode_score_json,
};

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

fn json(write: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut bytes = Vec::new();
    write(&mut bytes);
    String::from_utf8(bytes).expect("text")
}

#[test]
fn as_json_it_comes_back_bit_for_bit_as_well() {
    let odd =
        Score { influence: 1.0 / 3.0, scale: f64::MIN_POSITIVE, reach: 1e22, as_of: 1_709_337_600_123, ..score() };
    for (day, score) in [(19_783, score()), (0, Score { room: 1.0, ..Score::default() }), (19_783, odd)] {
        let text = json(|bytes| encode_close_json("ana \"🙂\"\\", day, &score, 2, bytes));
        let close = Close { user: "ana \"🙂\"\\".to_owned(), day, score, model_version: 2 };
        assert_eq!(decode_close(text.as_bytes()), Ok(close), "{text}");
        let text = json(|bytes| encode_score_json("ana", &score, 2, bytes));
        assert_eq!(decode_versioned_score(text.as_bytes()), Ok(("ana".to_owned(), score, 2)), "{text}");
    }
}

/// Names and order are those of tables.
#[test]
fn a_subscriber_reads_json_as_lines_of_tables() {
    let text = json(|bytes| encode_close_json("ana", 19_783, &score(), 2, bytes));
    expect![[r#"{"day":"2024-03-01","user":"ana","score":41.75,"influence":9.5,"reach":4.25,"amplification":1.5,"network":0.75,"openness":1.0,"room":0.96875,"audience":0.3333333333333333,"mentions":300,"retweets":0,"replies":0,"likes":0,"quotes":0,"followers":7,"following":1099511627776,"as_of":"2024-03-02T00:00:00Z","scale":1234.5,"scale_version":17,"previous":40.5,"model_version":2}"#]]
    .assert_eq(&text);
}

#[test]
fn json_that_is_no_close_is_refused_with_a_reason() {
    let whole = json(|bytes| encode_close_json("ana", 19_783, &score(), 2, bytes));
    for (old, new, reason) in [
        ("\"user\":\"ana\",", "", "has no user"),
        ("\"ana\"", "\"\"", "has no user"),
        ("\"ana\"", "7", "user is not a text"),
        ("2024-03-01", "soon", "day is not a date"),
        ("\"day\":\"2024-03-01\",", "", "has no day"),
        ("41.75", "\"high\"", "score is not a finite number"),
        ("\"score\":41.75,", "", "has no score"),
        ("1234.5", "1e999", "scale is not a finite number"),
        ("\"mentions\":300", "\"mentions\":-1", "mentions is not a count"),
        ("}", "", "no object of JSON"),
    ] {
        let error = decode_close(whole.replace(old, new).as_bytes()).expect_err(reason).to_string();
        assert!(error.contains(reason), "{old} -> {new}: {error}");
    }
}
