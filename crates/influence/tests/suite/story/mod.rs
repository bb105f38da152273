//! Stories, told statement by statement, and the table of who is who in the end.
//!
//! A statement is an event (`90m ana retweets bo`, `0s f1..9 follow t1..3 x2`: each of nine people each of three, twice), a
//! profile (`ana opts out`, `ana opts in`, `ana has trust 0.5`), `now 2d`, which moves the clock, or `sweep`, which visits
//! everybody.

use std::fmt::Write;

use expect_test::Expect;
use influence::{Arrival, Effects, HashKey, Model, Shard, Slice};
use vocabulary::{Event, Kind, Profile, Score, Timestamp};

const SECOND: Timestamp = 1_000;
const START: Timestamp = 1_700_000_000_000;

/// Tells the story to a shard, lets it settle, and compares the table of everybody who is rated.
#[track_caller]
pub(crate) fn check(story: &str, expected: Expect) {
    let mut shard = tell(story);
    for _ in 0..4 {
        shard.step(&Slice { sweep: u32::MAX, settles: true, ..slice(&shard) }, &mut Effects::default());
    }
    expected.assert_eq(&table(&shard));
}

/// The level of ana as a follower and the audience of bo, at the end of each of these stories.
#[track_caller]
pub(crate) fn follower_levels(stories: &[&str], expected: Expect) {
    let mut lines = String::new();
    for story in stories {
        let mut shard = tell(story);
        if !story.contains("sweep") {
            sweep(&mut shard);
        }
        let level = shard.follower_level("ana").map_or("unknown", level);
        let points = shard.score("ana").map_or(0.0, |score| score.score);
        let audience = shard.score("bo").map_or(0.0, |score| score.audience);
        writeln!(lines, "{points:.1} points, {level:>6}: bo has {audience:.2}").expect("a string takes all");
    }
    expected.assert_eq(&lines);
}

fn tell(story: &str) -> Shard {
    let model = Model { eps: 1e-6, contact_growth: 1e-6, ..Model::with_half_life(24 * 3_600 * SECOND) };
    let mut shard = Shard::new(model, HashKey::new([1, 2]), 0, 1);
    for statement in story.split([';', '\n']).map(str::trim).filter(|statement| !statement.is_empty()) {
        let words: Vec<&str> = statement.split_whitespace().collect();
        match words[..] {
            ["now", time] => {
                let clock = START + duration(time);
                shard.step(&Slice { clock, ..slice(&shard) }, &mut Effects::default());
            }
            ["sweep"] => sweep(&mut shard),
            [user, "opts", "out"] => take_profile(&mut shard, user, Some(true), None),
            [user, "opts", "in"] => take_profile(&mut shard, user, Some(false), None),
            [user, "has", "trust", trust] => {
                take_profile(&mut shard, user, None, Some(trust.parse().expect("a number")));
            }
            [time, actors, verb, targets] => take_events(&mut shard, [time, actors, verb, targets], 1),
            [time, actors, verb, targets, times] => {
                let times = times.strip_prefix('x').expect("x and a number").parse().expect("a number");
                take_events(&mut shard, [time, actors, verb, targets], times);
            }
            _ => panic!("`{statement}` is no statement"),
        }
    }
    shard
}

fn take_events(shard: &mut Shard, [time, actors, verb, targets]: [&str; 4], times: usize) {
    let at = START + duration(time);
    for actor in people(actors) {
        for target in people(targets) {
            // Who acts on themselves moves no clock.
            let clock = if actor == target { Timestamp::MIN } else { at }.max(slice(shard).clock);
            let event = Event { actor: &actor, target: &target, kind: kind(verb), at };
            let events = vec![Arrival { clock, event }; times];
            shard.step(&Slice { clock, events: &events, ..slice(shard) }, &mut Effects::default());
        }
    }
}

fn take_profile(shard: &mut Shard, user: &str, opted_out: Option<bool>, trust: Option<f64>) {
    let profiles = [Profile { user, opted_out, trust, ..Profile::default() }];
    shard.step(&Slice { profiles: &profiles, ..slice(shard) }, &mut Effects::default());
}

fn sweep(shard: &mut Shard) {
    shard.step(&Slice { sweep: u32::MAX, ..slice(shard) }, &mut Effects::default());
}

/// One without input, at the shard's own time.
fn slice(shard: &Shard) -> Slice<'static> {
    Slice { clock: shard.now().unwrap_or(Timestamp::MIN), publishes: true, ..Slice::default() }
}

/// `f1..3` are f1, f2 and f3.
fn people(names: &str) -> Vec<String> {
    let Some((first, last)) = names.split_once("..") else { return vec![names.to_owned()] };
    let prefix = first.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let first: u32 = first[prefix.len()..].parse().expect("a number");
    (first..=last.parse().expect("a number")).map(|number| format!("{prefix}{number}")).collect()
}

fn kind(verb: &str) -> Kind {
    match verb.trim_end_matches('s') {
        "mention" => Kind::Mention,
        "retweet" => Kind::Retweet,
        "replie" | "reply" => Kind::Reply,
        "follow" => Kind::Follow,
        "unfollow" => Kind::Unfollow,
        "like" => Kind::Like,
        "quote" => Kind::Quote,
        _ => panic!("`{verb}` is nothing that people do"),
    }
}

/// `36h`, `144h1s`
fn duration(text: &str) -> Timestamp {
    let unit = |letter| match letter {
        's' => SECOND,
        'm' => 60 * SECOND,
        'h' => 3_600 * SECOND,
        'd' => 24 * 3_600 * SECOND,
        _ => panic!("`{text}` is no time"),
    };
    let parts = text.split_inclusive(|letter: char| letter.is_alphabetic());
    let part = |part: &str| {
        let (number, letter) = part.split_at(part.len() - 1);
        number.parse::<Timestamp>().expect("a number") * unit(letter.chars().next().unwrap_or(' '))
    };
    parts.map(part).sum()
}

fn level(level: u8) -> &'static str {
    ["silent", "active", "20", "40", "60", "80"][usize::from(level)]
}

/// One line for everybody who is rated; crowds that are alike to the last digit and in their name but for a number are
/// one line.
fn table(shard: &Shard) -> String {
    let mut lines: Vec<(String, String, usize)> = Vec::new();
    let mut scores: Vec<(&str, Score)> = shard.scores().collect();
    scores.sort_by(|one, other| one.0.cmp(other.0));
    for (name, score) in scores {
        let crowd = name.trim_end_matches(|letter: char| letter.is_ascii_digit()).to_owned();
        let line = line(shard, name, &score);
        match lines.last_mut() {
            Some((last, its_line, count)) if *last == crowd && *its_line == line => *count += 1,
            _ => lines.push((crowd, line, 1)),
        }
    }
    if lines.is_empty() {
        return "nobody\n".to_owned();
    }
    let mut table =
        String::from("          score  votes  reach   amp   net  open  room  audience  M/R/A    followers  level\n");
    for (name, line, count) in lines {
        let name = if count > 1 { format!("{count} {name}") } else { name };
        writeln!(table, "{}", format!("{name:8} {line}").trim_end()).expect("a string takes all");
    }
    table
}

fn line(shard: &Shard, name: &str, score: &Score) -> String {
    let received = score.received;
    let kinds = [Kind::Mention, Kind::Retweet, Kind::Reply];
    let apart = [Kind::Quote, Kind::Like].map(|kind| received.of(kind));
    let mut received = kinds.map(|kind| received.of(kind).to_string()).join("/");
    if apart != [0, 0] {
        write!(received, "+{}/{}", apart[0], apart[1]).expect("a string takes all");
    }
    let level = if score.following > 0 { shard.follower_level(name).map_or("", level) } else { "" };
    format!(
        "{:6.1} {:6.2} {:6.2} {:5.2} {:5.2} {:5.2} {:5.2} {:9.2}  {received:8} {:9}  {level}",
        score.score,
        score.influence,
        score.reach,
        score.amplification,
        score.network,
        score.openness,
        score.room,
        score.audience,
        score.followers,
    )
}
