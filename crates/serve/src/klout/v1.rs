//! Version 1: up to five people at once, by their names on Twitter.

use std::sync::Arc;

use serde_json::{Value, json};
use vocabulary::Network;

use crate::answer::ScoreAnswer;
use crate::klout::{Query, Refusal, circles, from_disk, nick, of_screen_name, rounded};
use crate::routes::App;
use crate::view::View;

/// People in one call.
const USERS_MAX: usize = 5;
/// People in each list of an answer.
const LIST_MAX: usize = 5;
/// Votes of a fan, of which Klout's amplification had 0 to 100.
const AMPLIFICATION: f64 = 20.0;

pub(super) async fn answer(app: &Arc<App>, steps: &[&str], query: &Query) -> Result<Value, Refusal> {
    let ask: fn(&App, &ScoreAnswer) -> Value = match steps {
        ["klout.json"] => |app, score| json!({"twitter_screen_name": nick(&app.view, score), "kscore": kscore(score)}),
        ["users", "show.json"] => shown,
        ["users", "topics.json"] => |app, score| json!({"twitter_screen_name": nick(&app.view, score), "topics": []}),
        ["soi", "influenced_by.json"] => |app, score| listed(&app.view, score, "influencers"),
        ["soi", "influencer_of.json"] => |app, score| listed(&app.view, score, "influencees"),
        _ => return Err(Refusal::Missing),
    };
    let found = users(&app.view, query.get("users").unwrap_or_default())?;
    let tell = move |app: &App| {
        let users: Vec<Value> = found.iter().map(|score| ask(app, score)).collect();
        Ok(json!({"status": 200, "users": users}))
    };
    match steps {
        ["klout.json"] | ["users", "topics.json"] => tell(app),
        _ => from_disk(app, tell).await,
    }
}

/// Those who are asked for, all of them or nobody: a client asks for one after the other then.
fn users(view: &View, names: &str) -> Result<Vec<ScoreAnswer>, Refusal> {
    let names: Vec<&str> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.len() > USERS_MAX {
        return Err(Refusal::TooMany);
    }
    let found: Vec<ScoreAnswer> = names.iter().map_while(|name| of_screen_name(view, name)).collect();
    if found.is_empty() || found.len() < names.len() { Err(Refusal::Missing) } else { Ok(found) }
}

fn kscore(score: &ScoreAnswer) -> f64 {
    rounded(score.score.into(), 2)
}

fn shown(app: &App, score: &ScoreAnswer) -> Value {
    let delta_1day = app.view.deltas(score).day.unwrap_or(0.0);
    let delta_5day = delta(&app.view, score, 5);
    let class = Class::of(score);
    json!({
        "twitter_id": twitter_id(&app.view, score),
        "twitter_screen_name": nick(&app.view, score),
        "score": {
            "kscore": kscore(score),
            "slope": rounded(delta_5day / 5.0, 2),
            "description": class.description,
            "kclass_id": class.id,
            "kclass": class.name,
            "kclass_description": class.description,
            "kscore_description": class.description,
            "network_score": rounded(app.percentiles.of(&app.view, score.network), 2),
            "amplification_score": rounded(f64::from(score.amplification) * AMPLIFICATION, 2),
            "true_reach": score.reach.round() as u64,
            "delta_1day": rounded(delta_1day, 2),
            "delta_5day": rounded(delta_5day, 2),
        },
    })
}

/// The number of an account of X, and for others the id of version 2: clients want a number.
fn twitter_id(view: &View, score: &ScoreAnswer) -> String {
    let number = Network::of_name(&score.user)
        .filter(|(network, id)| *network == Network::X && id.bytes().all(|digit| digit.is_ascii_digit()))
        .map(|(_, id)| id.to_owned());
    number.unwrap_or_else(|| view.klout().map_or(0, |ids| ids.of(&score.user)).to_string())
}

/// How much the score has moved since the newest close that is so many days old, and 0 where there is none. It reads the disk.
fn delta(view: &View, score: &ScoreAnswer, days: i32) -> f64 {
    let today = view.as_of().map_or(0, crate::closes::day_of);
    let closes = view.closes_of(&score.user).unwrap_or_default();
    let base = closes.iter().rev().find(|close| close.day < today - days);
    let base = base.filter(|base| base.model_version == score.model_version);
    base.map_or(0.0, |base| f64::from(score.score) - f64::from(base.score))
}

/// The people on whom somebody acts most, or those who act on them.
fn listed(view: &View, score: &ScoreAnswer, what: &str) -> Value {
    let circles = circles(view, &score.user);
    let people = if what == "influencers" { circles.idols } else { circles.fans };
    let people = people.iter().filter_map(|user| view.user(user).ok());
    let pairs =
        people.take(LIST_MAX).map(|score| json!({"twitter_screen_name": nick(view, &score), "kscore": kscore(&score)}));
    json!({"twitter_screen_name": nick(view, score), (what): pairs.collect::<Vec<Value>>()})
}

/// One of Klout's words for how somebody uses a network. It had sixteen, made of what we do not measure; these three are
/// told by the score alone.
struct Class {
    id: u8,
    name: &'static str,
    description: &'static str,
}

const CLASSES: [(f32, Class); 3] = [
    (70.0, Class { id: 13, name: "Thought Leader", description: "is acted upon by many whom others act upon" }),
    (30.0, Class { id: 11, name: "Specialist", description: "is acted upon by people who keep coming back" }),
    (0.0, Class { id: 4, name: "Explorer", description: "is acted upon by a few" }),
];

impl Class {
    fn of(score: &ScoreAnswer) -> &'static Class {
        let [.., (_, lowest)] = &CLASSES;
        CLASSES.iter().find(|(from, _)| score.score >= *from).map_or(lowest, |(_, class)| class)
    }
}
