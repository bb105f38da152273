//! Version 2: who somebody is, and then all by their id.

use std::sync::Arc;

use serde_json::{Value, json};
use views::Span;
use vocabulary::Network;

use crate::answer::ScoreAnswer;
use crate::klout::{Circles, Query, Refusal, circles, from_disk, is_unlisted, nick, of_screen_name};
use crate::routes::App;
use crate::view::View;

/// People in each list of an answer; clients were told how many there are, and never more.
const LIST_MAX: usize = 5;
/// Networks on which nobody is scored here.
const EMPTY_NETWORKS: [&str; 3] = ["gp", "ig", "fb"];

pub(super) async fn answer(app: &Arc<App>, steps: &[&str], query: &Query) -> Result<Value, Refusal> {
    let view = &*app.view;
    match steps {
        // The first is how it was documented, the second how one client asks.
        ["identity.json", "twitter"] | ["identity.json", "tw", "twitter"] => {
            let name = query.get("screenName").ok_or(Refusal::Missing)?;
            identity(view, &of_screen_name(view, name).ok_or(Refusal::Missing)?)
        }
        ["identity.json", "ks", id] => identity(view, &of_id(view, id)?),
        ["identity.json", "klout", id] => on_network(&of_id(view, id)?, "tw"),
        ["identity.json", "klout", id, "ks"] => identity(view, &of_id(view, id)?),
        ["identity.json", "klout", id, network] => on_network(&of_id(view, id)?, network),
        ["identity.json", network, id] => identity(view, &of_network_id(view, network, id)?),
        ["user.json", id] => user(view, &of_id(view, id)?),
        ["user.json", id, "score"] => score(view, &of_id(view, id)?),
        ["user.json", id, "influence"] => {
            let score = of_id(view, id)?;
            from_disk(app, move |app| influence(&app.view, &score)).await
        }
        // Nobody's topics are known.
        ["user.json", id, "topics"] => of_id(view, id).map(|_| json!([])),
        _ => Err(Refusal::Missing),
    }
}

/// Somebody by their id here. Who does not agree to be called by name is called by none.
fn of_id(view: &View, id: &str) -> Result<ScoreAnswer, Refusal> {
    let person = view.klout().and_then(|ids| ids.find(id)).ok_or(Refusal::Missing)?;
    view.user(&person.name).map_err(|_| Refusal::Missing)
}

fn id_of(view: &View, user: &str) -> Result<String, Refusal> {
    view.klout().map(|ids| ids.of(user).to_string()).ok_or(Refusal::Missing)
}

fn identity(view: &View, score: &ScoreAnswer) -> Result<Value, Refusal> {
    Ok(json!({"id": id_of(view, &score.user)?, "network": "ks"}))
}

/// Somebody by their id on a network. Clients ask for people of Twitter; in an application without networks its names are
/// these ids.
fn of_network_id(view: &View, network: &str, id: &str) -> Result<ScoreAnswer, Refusal> {
    if EMPTY_NETWORKS.contains(&network) {
        return Err(Refusal::Missing);
    }
    if network == "tw" {
        let plain = (!id.contains(':')).then(|| id.to_owned());
        let names = ["x:", "twitter:"].map(|prefix| format!("{prefix}{id}"));
        return names.into_iter().chain(plain).find_map(|name| view.user(&name).ok()).ok_or(Refusal::Missing);
    }
    let network = Network::of_prefix(network).ok_or(Refusal::Missing)?;
    view.user(&format!("{}:{id}", network.prefix())).map_err(|_| Refusal::Missing)
}

/// Somebody's id on a network: one that is scored, and on which they are.
fn on_network(score: &ScoreAnswer, network: &str) -> Result<Value, Refusal> {
    let wanted = if network == "tw" { Some(Network::X) } else { Network::of_prefix(network) };
    let wanted = wanted.filter(|_| !is_unlisted(score)).ok_or(Refusal::Missing)?;
    let id = match Network::of_name(&score.user) {
        // What is scored by a handle has no id that is known.
        Some((own, id)) => Some(id).filter(|id| own == wanted && !id.starts_with('@')),
        None => Some(&*score.user).filter(|_| wanted == Network::X),
    };
    Ok(json!({"id": id.ok_or(Refusal::Missing)?, "network": network}))
}

/// The tens of a score: `70-79`, and `90-100` at the top.
fn bucket(score: f32) -> String {
    match (score / 10.0).floor().clamp(0.0, 9.0) as u32 {
        9 => "90-100".to_owned(),
        tens => format!("{}-{}", tens * 10, tens * 10 + 9),
    }
}

/// How much the score has moved since our closes, and 0 where there is none that is old enough.
fn deltas(view: &View, score: &ScoreAnswer) -> Value {
    let deltas = view.deltas(score);
    let delta = |span: Span| {
        let delta = match span {
            Span::Day => deltas.day,
            Span::Week => deltas.week,
            Span::Month => deltas.month,
        };
        wire::seven_digits(delta.unwrap_or(0.0))
    };
    json!({"dayChange": delta(Span::Day), "weekChange": delta(Span::Week), "monthChange": delta(Span::Month)})
}

fn number(score: &ScoreAnswer) -> f64 {
    wire::seven_digits(score.score.into())
}

fn user(view: &View, score: &ScoreAnswer) -> Result<Value, Refusal> {
    Ok(json!({
        "kloutId": id_of(view, &score.user)?,
        "nick": nick(view, score),
        "score": {"score": number(score), "bucket": bucket(score.score)},
        "scoreDeltas": deltas(view, score),
    }))
}

/// The same as that of a user, and not quite: the movements are called otherwise here.
fn score(view: &View, score: &ScoreAnswer) -> Result<Value, Refusal> {
    Ok(json!({"score": number(score), "scoreDelta": deltas(view, score), "bucket": bucket(score.score)}))
}

fn influence(view: &View, score: &ScoreAnswer) -> Result<Value, Refusal> {
    let Circles { idols, fans } = circles(view, &score.user);
    let list = |people: &[String]| {
        let shown = people.iter().filter_map(|user| view.user(user).ok());
        let entity = |score: ScoreAnswer| {
            let payload = user(view, &score)?;
            Ok(json!({"entity": {"id": payload["kloutId"], "payload": payload}}))
        };
        shown.take(LIST_MAX).map(entity).collect::<Result<Vec<Value>, Refusal>>()
    };
    Ok(json!({
        "myInfluencers": list(&idols)?,
        "myInfluencees": list(&fans)?,
        "myInfluencersCount": idols.len(),
        "myInfluenceesCount": fans.len(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_the_tens() {
        let buckets = [0.0, 9.99, 10.0, 54.5, 79.999, 89.9, 90.0, 100.0].map(bucket);
        assert_eq!(buckets, ["0-9", "0-9", "10-19", "50-59", "70-79", "80-89", "90-100", "90-100"]);
    }
}
