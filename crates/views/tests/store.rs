//! The store from outside: what is told is kept once, what is erased leaves no trace.

use std::collections::BTreeMap;
use std::path::Path;

use tempfile::TempDir;
use views::{Close, Reader, Source, Span, Writer};
use vocabulary::{Received, Score};

const DAY_MS: i64 = 86_400_000;
/// 2024-01-01, a Monday.
const BEGIN: i64 = 19_723;

fn source() -> Source {
    Source { topic: "app-history".into(), id: "one".into() }
}

fn close(user: &str, day: i64, score: f64) -> wire::Close {
    let score = Score {
        score,
        influence: score * 2.0,
        reach: score,
        amplification: 2.0,
        network: 1.0,
        openness: 1.0,
        room: 1.0,
        audience: 0.5,
        received: Received::default(),
        followers: 0,
        following: 0,
        as_of: (day + 1) * DAY_MS,
        scale: 100.0,
        scale_version: 1,
        previous: None,
    };
    wire::Close { user: user.into(), day, score, model_version: 1 }
}

/// Score of a person on a day, so that any close can be told.
fn score(person: i64, day: i64) -> f64 {
    ((person * 31 + day * 7) % 1_000) as f64 / 10.0
}

fn open(folder: &Path) -> (Writer, Reader) {
    let (mut writer, reader) = views::open(folder).expect("the store works");
    writer.begin(&source()).expect("the store works");
    (writer, reader)
}

fn days(closes: &[Close]) -> Vec<i64> {
    closes.iter().map(|close| i64::from(close.day) - BEGIN).collect()
}

/// Days of closes of so many people, tidied as they come.
fn fill(writer: &mut Writer, people: i64, days: std::ops::Range<i64>) {
    for day in days {
        for person in 0..people {
            writer
                .close(0, day * people + person + 1, &close(&format!("u{person}"), BEGIN + day, score(person, day)))
                .expect("the store works");
        }
        writer.commit().expect("the store works");
        while writer.tidy((BEGIN + day + 1) as i32, true).expect("the store works") {}
    }
}

#[test]
fn what_waits_is_written_before_the_store_is_tidied() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    for (next, user) in (1..).zip(["ana", "bo"]) {
        writer.close(0, next, &close(user, BEGIN, 50.0)).expect("the store works");
        writer.tidy(0, false).expect("the store works");
    }
    assert_eq!(["ana", "bo"].map(|user| days(&reader.closes(user).unwrap())), [[0], [0]]);
}

#[test]
fn days_are_kept_for_400_days_and_then_the_last_of_each_week() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    fill(&mut writer, 20, 0..600);
    for person in [0, 7, 19] {
        let closes = reader.closes(&format!("u{person}")).unwrap();
        let mut expected: Vec<i64> = (0..196).filter(|day| day % 7 == 6).collect();
        expected.extend(196..600);
        assert_eq!(days(&closes), expected);
        for close in closes {
            assert_eq!(f64::from(close.score), f64::from(score(person, i64::from(close.day) - BEGIN) as f32));
        }
    }
    assert!(reader.closes("nobody").unwrap().is_empty());
    for (span, old) in [(Span::Day, 2), (Span::Week, 8), (Span::Month, 31)] {
        // Day 600 has not ended.
        assert_eq!(reader.base("u7", span).unwrap().day as i64 - BEGIN, 600 - old);
    }
    drop(writer);
    let (_writer, again) = open(folder.path());
    assert_eq!(again.closes("u7").unwrap(), reader.closes("u7").unwrap());
    for span in Span::ALL {
        assert_eq!(again.base("u7", span), reader.base("u7", span), "{span:?}");
    }
}

#[test]
fn who_has_not_moved_is_measured_from_the_last_close_that_holds() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    writer.close(0, 1, &close("old", BEGIN, 10.0)).unwrap();
    writer.close(0, 2, &close("new", BEGIN + 99, 20.0)).unwrap();
    writer.commit().unwrap();
    while writer.tidy((BEGIN + 100) as i32, true).unwrap() {}
    for span in Span::ALL {
        assert_eq!(reader.base("old", span).map(|base| base.score), Some(10.0), "{span:?}");
        assert_eq!(reader.base("new", span), None, "{span:?}");
    }
    writer.tidy((BEGIN + 101) as i32, true).unwrap();
    assert_eq!(reader.base("new", Span::Day).map(|base| base.score), Some(20.0));
    assert_eq!(reader.base("new", Span::Week), None);
    // The day moves on though nothing is closed.
    writer.tidy((BEGIN + 140) as i32, true).unwrap();
    assert_eq!(reader.base("new", Span::Month).map(|base| base.score), Some(20.0));
}

#[test]
fn what_is_not_committed_is_read_again_and_nothing_comes_twice() {
    let folder = TempDir::new().unwrap();
    let (mut writer, _) = open(folder.path());
    writer.close(0, 1, &close("ana", BEGIN, 1.0)).unwrap();
    writer.close(3, 8, &close("bo", BEGIN, 2.0)).unwrap();
    writer.commit().unwrap();
    writer.close(0, 2, &close("cy", BEGIN, 3.0)).unwrap();
    drop(writer);
    let (mut writer, reader) = views::open(folder.path()).unwrap();
    assert_eq!(writer.begin(&source()).unwrap(), BTreeMap::from([(0, 1), (3, 8)]));
    assert!(reader.closes("cy").unwrap().is_empty());
    for _ in 0..2 {
        writer.close(0, 2, &close("cy", BEGIN, 3.0)).unwrap();
        writer.commit().unwrap();
    }
    assert_eq!(days(&reader.closes("cy").unwrap()), [0]);
    assert_eq!(reader.progress().people, 3);
    // Another topic of this name has nothing to do with it.
    assert!(writer.begin(&Source { id: "two".into(), ..source() }).unwrap().is_empty());
    assert!(reader.closes("ana").unwrap().is_empty());
    assert_eq!((reader.progress().people, reader.progress().newest_day), (0, None));
}

#[test]
fn a_partition_that_is_far_behind_finds_its_place() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    fill(&mut writer, 3, 0..200);
    for day in 0..200 {
        writer.close(1, day + 1, &close("late", BEGIN + day, score(9, day))).unwrap();
    }
    writer.commit().unwrap();
    assert_eq!(days(&reader.closes("late").unwrap()), (0..200).collect::<Vec<_>>());
    assert_eq!(days(&reader.closes("u1").unwrap()), (0..200).collect::<Vec<_>>());
    for (span, old) in [(Span::Day, 2), (Span::Week, 8), (Span::Month, 31)] {
        assert_eq!(reader.base("late", span).unwrap().day as i64 - BEGIN, 200 - old);
    }
}

#[test]
fn a_partition_that_has_not_told_holds_days_back_until_all_is_read() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    for day in 0..100 {
        writer.close(0, day + 1, &close("ana", BEGIN + day, 1.0)).unwrap();
    }
    writer.close(1, 1, &close("bo", BEGIN, 1.0)).unwrap();
    writer.commit().unwrap();
    assert!(!writer.tidy(0, false).unwrap(), "partition 1 is at the first day");
    assert!(writer.tidy(0, true).unwrap());
    assert_eq!(days(&reader.closes("ana").unwrap()), (0..100).collect::<Vec<_>>());
}

#[test]
fn who_is_erased_leaves_no_trace() {
    let folder = TempDir::new().unwrap();
    let (mut writer, reader) = open(folder.path());
    let name = |person: i64| format!("bluesky:did:plc:somebody{person:06}");
    let people = 20_000;
    for (place, day) in [0, 1, 40, 41, 99].into_iter().enumerate() {
        for person in 0..people {
            // In no order, so that pages are split everywhere.
            let person = person * 7_919 % people;
            let next = place as i64 * people + person + 1;
            writer.close(0, next, &close(&name(person), BEGIN + day, score(person, day))).unwrap();
        }
        writer.commit().unwrap();
        while writer.tidy((BEGIN + day + 1) as i32, true).unwrap() {}
    }
    let erased = |person: i64| person % 13 == 5;
    for person in (0..people / 2).filter(|&person| erased(person)) {
        writer.remove(0, 1_000_000 + person, &name(person)).unwrap();
    }
    writer
        .forget_those(|user| {
            user[user.len() - 6..].parse().is_ok_and(|person: i64| person >= people / 2 && erased(person))
        })
        .unwrap();
    writer.commit().unwrap();
    while writer.tidy((BEGIN + 101) as i32, true).unwrap() {}
    let files: Vec<Vec<u8>> =
        std::fs::read_dir(folder.path()).unwrap().map(|file| std::fs::read(file.unwrap().path()).unwrap()).collect();
    // All names in the files, in one walk.
    let mut found = std::collections::BTreeSet::new();
    for bytes in &files {
        let mark = b"somebody";
        for at in memchr::memmem::find_iter(bytes, mark) {
            let digits = bytes.get(at + mark.len()..at + mark.len() + 6).unwrap_or_default();
            found.extend(std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i64>().ok()));
        }
    }
    let expected: std::collections::BTreeSet<i64> = (0..people).filter(|&person| !erased(person)).collect();
    assert_eq!(found, expected);
    assert!(reader.closes(&name(5)).unwrap().is_empty());
    assert_eq!(reader.base(&name(5), Span::Month), None);
    assert_eq!(days(&reader.closes(&name(6)).unwrap()), [0, 1, 40, 41, 99]);
    // One who comes back has nothing of the time before.
    writer.close(0, 2_000_000, &close(&name(5), BEGIN + 100, 5.0)).unwrap();
    writer.commit().unwrap();
    assert_eq!(days(&reader.closes(&name(5)).unwrap()), [100]);
}

#[test]
fn a_damaged_store_is_made_anew_and_one_in_use_is_left_alone() {
    let folder = TempDir::new().unwrap();
    let (mut writer, _) = open(folder.path());
    fill(&mut writer, 3, 0..3);
    let error = views::open(folder.path()).unwrap_err();
    assert!(error.to_string().contains("is in use"), "{error}");
    drop(writer);
    for damage in [b"no database at all, but some text that is long enough to be one".as_slice(), b""] {
        std::fs::write(folder.path().join("views.db"), damage).unwrap();
        let (mut writer, _) = views::open(folder.path()).unwrap();
        assert!(writer.begin(&source()).unwrap().is_empty());
        fill(&mut writer, 3, 0..3);
    }
}
