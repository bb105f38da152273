//! What one person's score is made of.

use console::measure_text_width;
use influence::Fan;
use influence::explain::of_one_act;
use serde::Serialize;
use vocabulary::{Kind, PerKind, Score};
use wire::seven_digits;

use crate::near::near;
use crate::replay::ranking::{Ranked, Ranking};
use crate::replay::report::{NAME_WIDTH, filled, fitted, shown_kinds};
use crate::replay::summary::Summary;
use crate::screen::Screen;
use crate::shown::shown;
use crate::words::{self, count, decimal, thousands};

/// Fans that are listed.
const FANS_MAX: usize = 10;

/// A fan's name has as much room before a column of numbers has any.
const FAN_WIDTH_MIN: usize = 16;

/// One person, asked for by name.
pub(crate) struct Person<'p> {
    pub(crate) user: &'p str,
    pub(crate) status: Status<'p>,
}

/// What is known of a person.
pub(crate) enum Status<'p> {
    Rated {
        ranked: Box<Ranked<'p>>,
        fans: Fans,
    },
    /// Nobody has acted on them: that is not zero.
    NotRated,
    OptedOut,
    /// Neither acted nor acted upon. There are people whose names are nearly the same.
    Unknown {
        alike: Vec<String>,
    },
}

/// Those who give most, and what all give.
pub(crate) struct Fans {
    pub(crate) first: Vec<Fan>,
    pub(crate) count: usize,
    /// Of all, before the circle's discount.
    pub(crate) votes: f64,
}

/// A fan as JSON.
#[derive(Serialize)]
pub(crate) struct FanLine<'p> {
    user: &'p str,
    votes: f64,
    /// Of the votes of all fans.
    share: f64,
    rate: f64,
    /// Each counts half after a half-life.
    acts: f64,
    returned: f64,
}

impl<'p> Person<'p> {
    pub(crate) fn of(ranking: &Ranking<'p>, user: &'p str) -> Person<'p> {
        let status = match (ranking.find(user), ranking.world.opted_out(user)) {
            (Some(ranked), _) => Status::Rated { ranked: Box::new(ranked), fans: Fans::of(ranking, user) },
            (None, Some(true)) => Status::OptedOut,
            (None, Some(false)) => Status::NotRated,
            (None, None) => Status::Unknown { alike: near(user, ranking.world.names()) },
        };
        Person { user, status }
    }
}

impl Status<'_> {
    /// In a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Status::Rated { .. } => "rated",
            Status::NotRated => "not rated",
            Status::OptedOut => "opted out",
            Status::Unknown { .. } => "unknown",
        }
    }
}

impl Fans {
    fn of(ranking: &Ranking<'_>, user: &str) -> Fans {
        let mut first = ranking.world.fans(user);
        let (count, votes) = (first.len(), first.iter().map(|fan| fan.votes).sum());
        first.truncate(FANS_MAX);
        Fans { first, count, votes }
    }

    pub(crate) fn lines(&self) -> impl Iterator<Item = FanLine<'_>> {
        self.first.iter().map(|fan| FanLine {
            user: &fan.name,
            votes: seven_digits(fan.votes),
            share: if self.votes > 0.0 { seven_digits(fan.votes / self.votes) } else { 0.0 },
            rate: seven_digits(fan.rate),
            acts: seven_digits(fan.pair.endorsement),
            returned: seven_digits(fan.pair.reciprocity),
        })
    }
}

/// A person for people.
pub(crate) fn text(person: &Person<'_>, ranking: &Ranking<'_>, summary: &Summary, screen: &Screen) -> String {
    let (name, label) = (shown(person.user), ranking.label(person.user));
    let user = screen.bold(&if name == label { name } else { format!("{label}, {name}").into() });
    let (head, rest) = match &person.status {
        Status::Rated { ranked, fans } => {
            let parts = parts(&ranked.score, summary, screen);
            (head(ranked, summary), format!("\n{parts}\n{}", fan_table(fans, ranking, screen)))
        }
        Status::NotRated => {
            ("is not rated: nobody has acted on them yet, which is not the same as 0".to_owned(), String::new())
        }
        Status::OptedOut => ("has opted out: nothing is kept or told of them".to_owned(), String::new()),
        Status::Unknown { alike } => (format!("is not in what was read{}", did_you_mean(alike)), String::new()),
    };
    format!("\n{}\n{rest}", screen.labelled(&format!("{user}  "), &head, Screen::as_is))
}

fn did_you_mean(alike: &[String]) -> String {
    let names: Vec<_> = alike.iter().map(|name| shown(name)).collect();
    match &names[..] {
        [] => String::new(),
        [name] => format!(": did you mean {name}?"),
        [others @ .., last] => format!(": did you mean {} or {last}?", others.join(", ")),
    }
}

fn head(ranked: &Ranked<'_>, summary: &Summary) -> String {
    let rank = thousands(ranked.rank as u64);
    let rated = thousands(summary.rated);
    // Rounded down: nobody is above all, themselves included.
    let percentile = (ranked.percentile * 100.0).floor() / 100.0;
    format!("score {:.1}, rank {rank} of {rated}, above {percentile:.2} % of all", ranked.score.score)
}

/// The factors in words: their product and the audience are the influence.
fn parts(score: &Score, summary: &Summary, screen: &Screen) -> String {
    let half_life = words::duration(summary.half_life_ms);
    let scale = decimal(score.scale, 0);
    let lines = [
        ("reach", decimal(score.reach, 2), format!("active fans; one who stops counts half after {half_life}")),
        ("amplification", decimal(score.amplification, 2), amplification(&summary.weights)),
        ("network", decimal(score.network, 3), "what the fans themselves count".to_owned()),
        ("openness", decimal(score.openness, 3), openness(score.openness).to_owned()),
        ("room", decimal(score.room, 3), room(score.room, summary.is_young).to_owned()),
        ("audience", decimal(score.audience, 2), "votes added by followers who are active".to_owned()),
        (
            "influence",
            decimal(score.influence, 2),
            format!("votes: reach × amplification × network × openness × room + audience; {scale} make a score of 100"),
        ),
    ];
    let width = lines.iter().map(|(_, number, _)| number.len()).max().unwrap_or(0);
    let mut text = String::new();
    for (word, number, meaning) in &lines {
        let label = format!("  {word:<13}  {number:>width$}  ");
        text += &format!("{}\n", screen.labelled(&label, meaning, Screen::dim));
    }
    text + &screen.labelled("  received       ", &received(score), Screen::as_is) + "\n"
}

/// What amplification means, with what one act of each kind gives where that is not 1.
fn amplification(weights: &PerKind<f64>) -> String {
    let kinds = Kind::listed_counted().map(|kind| (kind, decimal(of_one_act(weights[kind]), 2)));
    let others =
        kinds.filter(|(_, of_one)| of_one != "1.00").map(|(kind, of_one)| format!("a {} {of_one}", kind.word()));
    match others.collect::<Vec<_>>() {
        others if others.is_empty() => "how much each of them acts: 1 for one act, 5 at most".to_owned(),
        others => format!("how much each of them acts: 1 for one act ({}), 5 at most", others.join(", ")),
    }
}

fn openness(openness: f64) -> &'static str {
    match openness {
        0.99.. => "an open circle: few endorsements are returned",
        0.9.. => "some endorsements are returned",
        0.5.. => "a rather closed circle, discounted: many endorsements are returned",
        _ => "a closed circle, discounted: nearly all endorsements are returned",
    }
}

/// Words for room, which is a matter of the share of strangers among the fans. A log within one half-life has no strangers.
fn room(room: f64, is_young: bool) -> &'static str {
    match room {
        _ if is_young => "the log is not longer than a half-life: nobody counts as a stranger yet",
        0.98.. => "few of the fans count as strangers",
        0.8.. => "about as many strangers act as there is room for",
        0.4.. => "more strangers act than there is room for: few fans have been around for a half-life",
        _ => "far more strangers act than there is room for: hardly a fan has been around for a half-life",
    }
}

fn received(score: &Score) -> String {
    let received = score.received;
    let kinds = shown_kinds(|kind| received.of(kind) > 0);
    let kinds: Vec<String> = kinds.map(|kind| count(received.of(kind), kind.word(), kind.plural())).collect();
    let followers = count(score.followers, "follower", "followers");
    format!("{}; {followers}, follows {}", kinds.join(", "), thousands(score.following))
}

fn fan_table(fans: &Fans, ranking: &Ranking<'_>, screen: &Screen) -> String {
    if fans.first.is_empty() {
        return "  no fan inside the window\n".to_owned();
    }
    let title = match fans.count > fans.first.len() {
        true => format!("the first {} of {} fans", fans.first.len(), thousands(fans.count as u64)),
        false => count(fans.count as u64, "fan", "fans"),
    };
    let mut columns = vec![
        ("votes", cells(fans, |fan| decimal(fan.votes, 3))),
        ("share", cells(fans, |fan| format!("{:.1} %", 100.0 * fan.share))),
        ("rate", cells(fans, |fan| decimal(fan.rate, 3))),
        ("acts, faded", cells(fans, |fan| decimal(fan.acts, 2))),
        ("returned", cells(fans, |fan| format!("{:.0} %", 100.0 * fan.returned))),
    ];
    let names: Vec<_> = fans.first.iter().map(|fan| ranking.label(&fan.name)).collect();
    let widest = names.iter().map(|name| measure_text_width(name)).max().unwrap_or(0);
    let wanted = widest.max(title.len()).min(NAME_WIDTH);
    // On a narrow screen the last columns go, and then the ends of the names.
    let left = |columns: &[(&str, Vec<String>)]| {
        screen
            .width
            .unwrap_or(usize::MAX)
            .saturating_sub(2 + columns.iter().map(|column| 1 + width(column)).sum::<usize>())
    };
    while columns.len() > 1 && left(&columns) < wanted.min(FAN_WIDTH_MIN) {
        columns.pop();
    }
    let room = wanted.min(left(&columns)).max(1);
    let mut header = format!("  {}", fitted(&title, room));
    columns.iter().for_each(|column| header += &format!(" {:>1$}", column.0, width(column)));
    let mut text = format!("{}\n", screen.dim(&header));
    for (place, name) in names.iter().enumerate() {
        text += &format!("  {}", if screen.width.is_some() { fitted(name, room) } else { filled(name, room) });
        columns.iter().for_each(|column| text += &format!(" {:>1$}", column.1[place], width(column)));
        text.push('\n');
    }
    text
}

fn cells(fans: &Fans, cell: fn(&FanLine<'_>) -> String) -> Vec<String> {
    fans.lines().map(|fan| cell(&fan)).collect()
}

/// The width of a column of numbers: they have room, so that tables of several people look alike.
fn width((word, cells): &(&str, Vec<String>)) -> usize {
    cells.iter().map(String::len).max().unwrap_or(0).max(word.len()).max(7)
}
