//! What one person's score is made of.

use influence::{Fan, Score};
use serde::Serialize;

use crate::replay::ranking::Ranking;
use crate::replay::report::fitted;
use crate::replay::summary::Summary;
use crate::screen::Screen;
use crate::shown::shown;
use crate::words::{self, count, decimal, thousands};

/// Fans that are listed.
const FANS_MAX: usize = 10;
/// The longest name of a fan that is not cut.
const FAN_WIDTH: usize = 32;

/// One person, asked for by name.
pub(crate) struct Person<'p> {
    pub(crate) user: &'p str,
    pub(crate) status: Status,
}

/// What is known of a person.
pub(crate) enum Status {
    Rated {
        rank: usize,
        score: Box<Score>,
        fans: Fans,
    },
    /// Nobody has acted on them: that is not zero.
    NotRated,
    OptedOut,
    /// Neither acted nor acted upon.
    Unknown,
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
    acts: f64,
    returned: f64,
}

impl<'p> Person<'p> {
    pub(crate) fn of(ranking: &Ranking<'_>, user: &'p str) -> Person<'p> {
        let status = match (ranking.find(user), ranking.world.opted_out(user)) {
            (Some((rank, score)), _) => Status::Rated { rank, score: Box::new(score), fans: Fans::of(ranking, user) },
            (None, Some(true)) => Status::OptedOut,
            (None, Some(false)) => Status::NotRated,
            (None, None) => Status::Unknown,
        };
        Person { user, status }
    }
}

impl Status {
    /// In a word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Status::Rated { .. } => "rated",
            Status::NotRated => "not rated",
            Status::OptedOut => "opted out",
            Status::Unknown => "unknown",
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
            votes: fan.votes,
            share: if self.votes > 0.0 { fan.votes / self.votes } else { 0.0 },
            rate: fan.rate,
            acts: fan.pair.endorsement,
            returned: fan.pair.reciprocity,
        })
    }
}

/// A person for people.
pub(crate) fn text(person: &Person<'_>, summary: &Summary, screen: &Screen) -> String {
    let user = screen.bold(&shown(person.user));
    match &person.status {
        Status::Rated { rank, score, fans } => {
            let head = head(*rank, score, summary);
            let parts = parts(score, summary, screen);
            format!("\n{user}  {head}\n\n{parts}\n{}", fan_table(fans, screen))
        }
        Status::NotRated => {
            format!("\n{user}  is not rated: nobody has acted on them yet, which is not the same as 0\n")
        }
        Status::OptedOut => format!("\n{user}  has opted out: nothing is kept or told of them\n"),
        Status::Unknown => format!("\n{user}  is not in what was read\n"),
    }
}

fn head(rank: usize, score: &Score, summary: &Summary) -> String {
    let rank = thousands(rank as u64);
    let rated = thousands(summary.rated);
    // Rounded down: nobody is above all, themselves included.
    let percentile = (score.percentile * 100.0).floor() / 100.0;
    format!("score {:.1}, rank {rank} of {rated}, above {percentile:.2} % of all", score.score)
}

/// The factors in words: their product and the audience are the influence.
fn parts(score: &Score, summary: &Summary, screen: &Screen) -> String {
    let half_life = words::duration(summary.half_life_ms);
    let scale = decimal(score.scale, 0);
    let lines = [
        ("reach", decimal(score.reach, 2), format!("active fans; one who stops counts half after {half_life}")),
        (
            "amplification",
            decimal(score.amplification, 2),
            "how much each of them acts: 1 for one act (a reply 0.56), 5 at most".to_owned(),
        ),
        ("network", decimal(score.network, 3), "what the fans themselves count".to_owned()),
        ("openness", decimal(score.openness, 3), openness(score.openness).to_owned()),
        ("audience", decimal(score.audience, 2), "votes added by followers who are active".to_owned()),
        (
            "influence",
            decimal(score.influence, 2),
            format!("votes: reach × amplification × network × openness + audience; {scale} make a score of 100"),
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

fn openness(openness: f64) -> &'static str {
    match openness {
        0.99.. => "an open circle: few endorsements are returned",
        0.9.. => "some endorsements are returned",
        0.5.. => "a rather closed circle, discounted: many endorsements are returned",
        _ => "a closed circle, discounted: nearly all endorsements are returned",
    }
}

fn received(score: &Score) -> String {
    let received = score.received;
    let retweets = count(received.retweets, "retweet", "retweets");
    let mentions = count(received.mentions, "mention", "mentions");
    let replies = count(received.replies, "reply", "replies");
    let followers = count(score.followers, "follower", "followers");
    format!("{retweets}, {mentions}, {replies}; {followers}, follows {}", thousands(score.following))
}

fn fan_table(fans: &Fans, screen: &Screen) -> String {
    if fans.first.is_empty() {
        return "  no fan inside the window\n".to_owned();
    }
    let title = match fans.count > fans.first.len() {
        true => format!("the {} of {} fans who give most", fans.first.len(), thousands(fans.count as u64)),
        false => count(fans.count as u64, "fan", "fans"),
    };
    let names = fans.first.iter().map(|fan| console::measure_text_width(&shown(&fan.name))).max().unwrap_or(0);
    let width = names.clamp(title.chars().count(), FAN_WIDTH.max(title.chars().count()));
    let header = format!("  {title:<width$}   votes   share    rate     acts  returned");
    let mut text = format!("{}\n", screen.dim(&header));
    for fan in fans.lines() {
        text += &format!(
            "  {} {:>7} {:>5.1} % {:>7} {:>8} {:>7.0} %\n",
            fitted(&shown(fan.user), width),
            decimal(fan.votes, 3),
            100.0 * fan.share,
            decimal(fan.rate, 3),
            decimal(fan.acts, 2),
            100.0 * fan.returned,
        );
    }
    text
}
