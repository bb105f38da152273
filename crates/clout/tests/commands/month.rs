//! The reasons of every movement in a generated month, held against the closes and the credits that a replay wrote.
//!
//! The server makes what is left over a part of the sum. So that the sum is worth something, each part is calculated here once more, in
//! another way and from the files alone: logarithmic means as the integrals that they are, people and kinds from every single act. What fans count for
//! more or less is told as what is left over: here it comes from the rates at both ends, as replays that end there leave them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::recorded::{Showing, lines, run};

const DAY_MS: i64 = 86_400_000;
const HALF_LIFE_DAYS: i64 = 10;
const MODEL: &str = "--half-life 10d";
/// What may be missing of a sum, in points.
const POINTS: f64 = 0.01;
const FACTORS: [&str; 5] = ["reach", "amplification", "network", "openness", "room"];
const SPANS: [i64; 3] = [1, 7, 30];

/// How somebody stood at the end of a day.
#[derive(Clone, Copy)]
struct Close {
    day: i64,
    score: f64,
    influence: f64,
    factors: [f64; 5],
    audience: f64,
    scale: f64,
}

impl Close {
    fn product(&self) -> f64 {
        self.factors.iter().product()
    }

    /// Votes of all fans.
    fn given(&self) -> f64 {
        self.factors[..3].iter().product()
    }

    /// Points for each `e` of influence; at 100 those that make it 100.
    fn points(&self) -> f64 {
        100.0 / if self.score < 100.0 { self.scale } else { self.influence }.ln_1p()
    }
}

/// What an act added to the weight of its pair.
struct Act {
    actor: String,
    kind: String,
    at: i64,
    weight: f64,
    votes: f64,
}

/// What two files say.
struct Files {
    closes: BTreeMap<String, Vec<Close>>,
    acts: HashMap<String, Vec<Act>>,
    /// What one unit of the weight of each actor is worth in the end,
    rates: HashMap<String, f64>,
    /// and where a replay ends with a day.
    rates_of_days: BTreeMap<i64, HashMap<String, f64>>,
    newest_act: i64,
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} of {row}"))
}

fn text(row: &Value, name: &str) -> String {
    row[name].as_str().unwrap_or_else(|| panic!("{name} of {row}")).to_owned()
}

fn time(row: &Value, name: &str) -> i64 {
    wire::parse_time(row[name].as_str().expect("a time")).expect("a time")
}

impl Files {
    fn read(folder: &Path) -> Files {
        let mut files = Files {
            closes: BTreeMap::new(),
            acts: HashMap::new(),
            rates: HashMap::new(),
            rates_of_days: BTreeMap::new(),
            newest_act: i64::MIN,
        };
        for row in lines(&folder.join("days.ndjson")) {
            let close = Close {
                day: time(&row, "as_of") / DAY_MS - 1,
                score: number(&row, "score"),
                influence: number(&row, "influence"),
                factors: FACTORS.map(|factor| number(&row, factor)),
                audience: number(&row, "audience"),
                scale: number(&row, "scale"),
            };
            files.closes.entry(text(&row, "user")).or_default().push(close);
        }
        for row in lines(&folder.join("credits.ndjson")) {
            if row["target"].is_null() {
                continue;
            }
            let (actor, at, rate) = (text(&row, "actor"), time(&row, "at"), number(&row, "rate"));
            let votes = number(&row, "votes");
            let weight = if rate > 0.0 { votes / rate } else { 0.0 };
            let act = Act { actor, kind: text(&row, "kind"), at, weight, votes };
            files.acts.entry(text(&row, "target")).or_default().push(act);
            files.newest_act = files.newest_act.max(at);
        }
        files
    }

    /// Notes the rates at the ends of days on which somebody closed.
    fn note_rates(&mut self, folder: &Path) {
        run(folder, &format!("replay log.json -q --top 1 {MODEL} --credits-out end.csv"));
        self.rates = newest_rates(&folder.join("end.csv"));
        let days: BTreeSet<i64> = self.closes.values().flatten().map(|close| close.day).collect();
        for day in days {
            let until = date(day + 1);
            run(folder, &format!("replay log.json -q --top 1 {MODEL} --until {until} --credits-out until.csv"));
            self.rates_of_days.insert(day, newest_rates(&folder.join("until.csv")));
        }
    }
}

/// The newest rate of each actor; of one time a change is newer than an act.
fn newest_rates(credits: &Path) -> HashMap<String, f64> {
    let mut newest = HashMap::<String, ((i64, bool), f64)>::new();
    let mut reader = csv::Reader::from_path(credits).expect("a file");
    let columns = reader.headers().expect("a header").clone();
    let column = |name: &str| columns.iter().position(|column| column == name).expect("a column");
    let [actor, target, at, rate] = ["actor", "target", "at", "rate"].map(column);
    for row in reader.records() {
        let row = row.expect("a row");
        let at = wire::parse_time(&row[at]).expect("a time");
        let told = ((at, row[target].is_empty()), row[rate].parse().expect("a number"));
        let kept = newest.entry(row[actor].to_owned()).or_insert(told);
        if told.0 >= kept.0 {
            *kept = told;
        }
    }
    newest.into_iter().map(|(actor, (_, rate))| (actor, rate)).collect()
}

fn left(from: i64, to: i64) -> f64 {
    (-((to - from) as f64) / (HALF_LIFE_DAYS * DAY_MS) as f64).exp2()
}

/// The logarithmic mean of two numbers above 0, as the integral of `a^(1 - t) b^t`, by Simpson's rule.
fn log_mean(a: f64, b: f64) -> f64 {
    const STEPS: u32 = 400;
    let at = |step: u32| a * (b / a).powf(f64::from(step) / f64::from(STEPS));
    let weight = |step: u32| match step {
        0 | STEPS => 1.0,
        step if step % 2 == 1 => 4.0,
        _ => 2.0,
    };
    (0..=STEPS).map(|step| weight(step) * at(step)).sum::<f64>() / f64::from(3 * STEPS)
}

/// What each factor did, the audience and the scale, with nothing put where it does not belong; and what a vote of a fan did.
fn parts(before: &Close, after: &Close) -> ([f64; 7], f64) {
    let points = (before.points() + after.points()) / 2.0 / log_mean(1.0 + before.influence, 1.0 + after.influence);
    let (old, new) = (before.product(), after.product());
    let mut parts = [0.0; 7];
    let mut by_vote = 0.0;
    if old > 0.0 && new > 0.0 {
        let by_factor = points * log_mean(old, new);
        for (part, (old, new)) in parts.iter_mut().zip(before.factors.iter().zip(after.factors)) {
            *part = by_factor * (new / old).ln();
        }
        by_vote = points * log_mean(old, new) / log_mean(before.given(), after.given());
    } else if before.given() != after.given() {
        parts[0] = points * (new - old);
        by_vote = parts[0] / (after.given() - before.given());
    }
    parts[5] = points * (after.audience - before.audience);
    let logs = (before.influence.ln_1p() + after.influence.ln_1p()) / 2.0;
    parts[6] = (after.points() - before.points()) * logs;
    (parts, by_vote)
}

/// The largest differences that were seen, to be told.
#[derive(Default)]
struct Seen {
    movements: u64,
    missing: f64,
    by_part: f64,
    by_people: f64,
}

impl Seen {
    fn movement(&mut self, user: &str, before: &Close, after: &Close, files: &Files, answer: &Value) {
        let change = after.score - before.score;
        assert!((number(answer, "change") - change).abs() < 1e-4, "{user}: {change} by closes: {answer}");
        let names = FACTORS.into_iter().chain(["audience", "scale"]);
        let told: Vec<f64> = names.map(|name| number(&answer["parts"], name)).collect();
        assert_eq!(answer["parts"].as_object().expect("parts").len(), told.len(), "{answer}");
        assert!((told.iter().sum::<f64>() - change).abs() < POINTS, "{user}: {change} by closes: {answer}");

        let (own, by_vote) = parts(before, after);
        let missing = (own.iter().sum::<f64>() - change).abs();
        assert!(missing < POINTS, "{user}: {missing} is in no factor of {own:?}");
        for (told, part) in told.iter().zip(own) {
            assert!((told - part).abs() < POINTS, "{user}: {told} is told, and {part} of {own:?} it is: {answer}");
            self.by_part = self.by_part.max((told - part).abs());
        }
        self.missing = self.missing.max(missing);
        self.movements += 1;
        self.people(user, (before, after), by_vote, files, answer);
    }

    fn people(&mut self, user: &str, (before, after): (&Close, &Close), by_vote: f64, files: &Files, answer: &Value) {
        let people = &answer["people"];
        let (from, to) = ((before.day + 1) * DAY_MS, ((after.day + 1) * DAY_MS).min(files.newest_act));
        let acts = files.acts.get(user).map_or(&[][..], Vec::as_slice);
        let known: HashSet<&str> = acts.iter().filter(|act| act.at < from).map(|act| &*act.actor).collect();
        let [rates_before, rates_after] = [before, after].map(|close| &files.rates_of_days[&close.day]);
        let mut fans = [HashMap::<&str, f64>::new(), HashMap::new()];
        let mut kinds = BTreeMap::<&str, f64>::new();
        let mut worth = 0.0;
        for act in acts.iter().filter(|act| act.at < (after.day + 1) * DAY_MS) {
            let weight = act.weight * left(act.at, to);
            if act.at < from {
                worth += weight * (rates_after[&act.actor] - rates_before[&act.actor]);
                continue;
            }
            // What these gave is told at the rates of now.
            worth += weight * (rates_after[&act.actor] - files.rates[&act.actor]);
            let side = usize::from(known.contains(&*act.actor));
            *fans[side].entry(&act.actor).or_default() += weight * files.rates[&act.actor];
            *kinds.entry(&act.kind).or_default() += act.votes * left(act.at, to);
        }
        let votes = [&fans[0], &fans[1]].map(|fans| fans.values().sum::<f64>());
        let told = ["new_fans", "known_fans"].map(|side| &people[side]);
        for side in 0..2 {
            assert_eq!(told[side]["people"], fans[side].len(), "{user}: {answer}");
            self.near(number(told[side], "points"), votes[side] * by_vote, user, answer);
            for one in told[side]["largest"].as_array().expect("people") {
                let fan = fans[side].get(one["user"].as_str().expect("a name")).expect("a fan");
                self.near(number(one, "points"), fan * by_vote, user, answer);
            }
        }
        let all = kinds.values().sum::<f64>();
        let mut by_kinds = 0.0;
        for kind in people["kinds"].as_array().expect("kinds") {
            let points = number(kind, "points");
            let own = kinds.remove(kind["kind"].as_str().expect("a word")).expect("such an act");
            self.near(points, own / all * (votes[0] + votes[1]) * by_vote, user, answer);
            by_kinds += points;
        }
        assert!(kinds.is_empty(), "{user}: {kinds:?} are missing in {answer}");
        let by_fans: f64 = told.iter().map(|side| number(side, "points")).sum();
        assert!((by_kinds - by_fans).abs() < POINTS, "{user}: {answer}");

        self.near(number(people, "time"), before.given() * (left(from, to) - 1.0) * by_vote, user, answer);
        let by_factors: f64 = FACTORS[..3].iter().map(|factor| number(&answer["parts"], factor)).sum();
        let sum = by_fans + number(people, "worth") + number(people, "time");
        assert!((sum - by_factors).abs() < POINTS, "{user}: {answer}");
        self.near(number(people, "worth"), worth * by_vote, user, answer);
    }

    fn near(&mut self, told: f64, own: f64, user: &str, answer: &Value) {
        let off = (told - own).abs();
        assert!(off < POINTS, "{user}: {told} is told, {own} is what acts say: {answer}");
        self.by_people = self.by_people.max(off);
    }
}

fn date(day: i64) -> String {
    wire::rfc3339(day * DAY_MS).expect("a date")[..10].to_owned()
}

#[test]
fn reasons_add_up_for_every_person_of_a_month() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let kinds = "--mix retweet=0.4,mention=0.3,reply=0.15,like=0.1,quote=0.05 --conversations 0.1 --follows 0.1";
    let end = "--span 32d --until 2025-02-02T09:00:00Z --bursts 3";
    run(folder, &format!("generate --users 3000 --events 60000 {kinds} {end} --out log.json"));
    let outs = "--history-out days.ndjson --credits-out credits.ndjson --scores-out scores.ndjson";
    run(folder, &format!("replay log.json -q {MODEL} {outs}"));
    let mut files = Files::read(folder);
    files.note_rates(folder);
    let showing =
        Showing::start(folder, "--history days.ndjson --scores scores.ndjson --credits credits.ndjson").once_read();

    let last = files.closes.values().flatten().map(|close| close.day).max().expect("a close");
    let mut seen = Seen::default();
    let mut people = 0;
    for (user, closes) in files.closes.iter().filter(|(_, closes)| closes.len() >= 2) {
        people += 1;
        for span in SPANS {
            let at = |day: i64| closes[..closes.partition_point(|close| close.day <= day)].last();
            let path = format!("/v1/users/{user}/movement?from={}&to={}", date(last - span), date(last));
            match (at(last - span), at(last)) {
                (Some(before), Some(after)) => {
                    let answer = showing.ask(&path);
                    assert_eq!([&answer["from"]["day"], &answer["to"]["day"]], [&date(before.day), &date(after.day)]);
                    seen.movement(user, before, after, &files, &answer);
                }
                // Nobody knew of them then.
                _ => assert_eq!(showing.get(&path).map(|(status, _)| status), Some(404), "{path}"),
            }
        }
    }
    showing.stop();
    let Seen { movements, missing, by_part, by_people } = seen;
    eprintln!(
        "{movements} movements of {people} people; at most {missing:.6} points are in no factor, a factor is off by {by_part:.6}, people, kinds, worth and time by {by_people:.6}"
    );
    assert!(people > 1_500 && movements > 4_000, "{movements} movements of {people}");
}
