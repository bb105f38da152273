//! What the API answers with: the JSON of version 1.

use serde::{Deserialize, Serialize, Serializer};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};
use vocabulary::{Kind, Network, Received};

use crate::history::Point;
use crate::person::Record;
use crate::persons::PersonOf;
use crate::ranking::{Place, Within};
use crate::scales::Scale;
use crate::view::Absence;

macro_rules! score_answer {
    ($($(#[doc = $what:literal])+ $factor:ident)+) => {
        /// A person's score, as it was published last, and where they stand.
        #[derive(Clone, Debug, Serialize, ToSchema)]
        pub struct ScoreAnswer {
            /// The name, with its network. Of somebody who does not agree to be called by name, `unlisted:` and a number that
            /// this server made up, unless the question had the name.
            #[schema(example = "bluesky:did:plc:ana")]
            pub user: String,
            /// The account; null where the name has no network that is known, and nothing is said of it.
            pub account: Option<Account>,
            /// The person whose account it is; absent where no other account was linked with it.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub person: Option<PersonOf>,
            /// 0 to 100.
            #[serde(serialize_with = "seven")]
            pub score: f32,
            /// 1 is the highest; equal scores share a rank, but those of 100 are ranked by influence.
            pub rank: u64,
            /// Votes: reach * amplification * network * openness * room + audience.
            #[serde(serialize_with = "seven")]
            pub influence: f32,
            $($(#[doc = $what])+ #[serde(serialize_with = "seven")] pub $factor: f32,)+
            /// Exact counts of what others did.
            pub received: ReceivedAnswer,
            /// People who follow this person.
            pub followers: u32,
            /// People whom this person follows.
            pub following: u32,
            /// 0 to 100: the share of rated people whose score is lower.
            pub percentile: f64,
            /// The time the score is for, RFC 3339.
            #[schema(format = "date-time")]
            pub as_of: String,
            /// Votes: the influence that stood for 100.
            #[serde(serialize_with = "seven")]
            pub scale: f64,
            /// Counts the scale's changes, from 0.
            pub scale_version: u64,
            /// The score in the record before this one; null if this is the first.
            #[serde(serialize_with = "seven_if_any")]
            pub previous: Option<f32>,
            /// Counts the model's changes: scores of different versions are not comparable.
            pub model_version: u32,
            /// The place among the people of the network, language and country that were asked for; only where some were.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub within: Option<Standing>,
        }

        impl ScoreAnswer {
            pub(crate) fn new(
                user: String,
                (account, person): (Option<Account>, Option<PersonOf>),
                record: &Record,
                place: &Place,
                total: usize,
                scale: Scale,
            ) -> ScoreAnswer {
                ScoreAnswer {
                    user,
                    account,
                    person,
                    score: record.score,
                    rank: place.higher as u64 + 1,
                    influence: record.influence,
                    $($factor: record.$factor,)+
                    received: ReceivedAnswer(record.received),
                    followers: record.followers,
                    following: record.following,
                    percentile: percent(place.lower, total),
                    as_of: date(record.as_of),
                    scale: scale.votes,
                    scale_version: scale.version,
                    previous: record.previous(),
                    model_version: scale.model_version,
                    within: None,
                }
            }
        }
    };
}
vocabulary::each_factor!(score_answer);

/// An account on a network, and what it is called there.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Account {
    /// The network, by the word that names begin with.
    #[schema(example = "bluesky")]
    pub network: Option<&'static str>,
    /// 1 is the highest on the network.
    pub network_rank: Option<u64>,
    /// People on the network with a score.
    pub network_people: Option<u64>,
    /// Above 0 to 100: the share of those people down to this rank; 1 is the top one in a hundred.
    pub network_share: Option<f64>,
    /// The language that it mostly writes in, as its posts of 90 days were seen, and the place among those who do.
    pub language: Option<Facet>,
    /// The country that its profile declares, and the place among those whose profiles do.
    pub country: Option<Facet>,
    /// What it is called in posts, without `@`: as it was said last.
    pub handle: Option<String>,
    /// The name that it shows: as it was said last.
    pub display_name: Option<String>,
    /// The account's page on its network: an address of `http` or `https`.
    #[schema(format = "uri")]
    pub url: Option<String>,
    /// Whether the network says that it is a program.
    pub is_bot: Option<bool>,
    /// False for an account that does not agree to be found, or is hidden for now: it is scored, and told by no name.
    pub is_listed: bool,
}

/// A language or a country, and the place among its people.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Facet {
    /// ISO 639 in small letters for a language, ISO 3166-1 in capital ones for a country.
    #[schema(example = "nl")]
    pub code: String,
    /// The place.
    #[serde(flatten)]
    pub standing: Standing,
}

/// A place among some of the people.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Standing {
    /// 1 is the highest; equal scores share a rank.
    pub rank: u64,
    /// How many people they are.
    pub people: u64,
    /// Above 0 to 100: the share of them down to this rank; 1 is the top one in a hundred.
    pub share: f64,
}

impl Standing {
    pub(crate) fn new(within: Within) -> Standing {
        let rank = within.higher + 1;
        Standing { rank: rank as u64, people: within.people as u64, share: percent(rank, within.people) }
    }
}

/// Exact counts of what others did, by kind.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedAnswer(pub Received);

impl Serialize for ReceivedAnswer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(kind, count)| (kind.plural(), count)))
    }
}

impl PartialSchema for ReceivedAnswer {
    fn schema() -> RefOr<Schema> {
        let object = ObjectBuilder::new().description(Some("Exact counts of what others did."));
        let object = Kind::COUNTED.into_iter().fold(object, |object, kind| {
            let count = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0.0))
                .description(Some(format!("Of the kind {}.", kind.word())));
            object.property(kind.plural(), count).required(kind.plural())
        });
        object.into()
    }
}

impl ToSchema for ReceivedAnswer {}

/// An estimate has seven digits, whatever holds it.
pub(crate) fn seven<S: Serializer>(number: &(impl Into<f64> + Copy), serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(wire::seven_digits((*number).into()))
}

fn seven_if_there<S: Serializer>(number: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => seven(number, serializer),
        None => serializer.serialize_none(),
    }
}

pub(crate) fn seven_if_any<S: Serializer>(number: &Option<f32>, serializer: S) -> Result<S::Ok, S::Error> {
    match number {
        Some(number) => seven(number, serializer),
        None => serializer.serialize_none(),
    }
}

/// To a ten-thousandth: more digits would change with every newcomer and say nothing.
pub(crate) fn percent(part: usize, total: usize) -> f64 {
    if total == 0 { 0.0 } else { (part as f64 / total as f64 * 1_000_000.0).round() / 10_000.0 }
}

fn date(at: vocabulary::Timestamp) -> String {
    wire::rfc3339(at).unwrap_or_default()
}

/// How a person moved, as far back as the server remembers.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Movements {
    /// Who.
    pub user: String,
    /// The movements that are kept, the oldest first.
    pub points: Vec<Movement>,
}

/// One movement. At 100 it is one of influence, by a hundredth or more: the score stays.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Movement {
    /// The time the new score is for, RFC 3339.
    #[schema(format = "date-time")]
    pub at: String,
    /// The new score.
    #[serde(serialize_with = "seven")]
    pub score: f64,
    /// The score before.
    #[serde(serialize_with = "seven")]
    pub previous: f64,
    /// Votes: the new influence.
    #[serde(serialize_with = "seven")]
    pub influence: f32,
    /// Why.
    pub parts: Parts,
}

impl Movement {
    pub(crate) fn new(after: &Point, previous: f32, parts: Parts) -> Movement {
        Movement {
            at: date(after.as_of),
            score: after.score.into(),
            previous: previous.into(),
            influence: after.influence,
            parts,
        }
    }
}

/// How a person moved: since the server started, and day by day as far as closes are kept.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    /// The name.
    pub(crate) user: String,
    /// The movements that are kept, the oldest first.
    pub(crate) points: Vec<Movement>,
    /// How the score moved in a day, a week and a month.
    pub(crate) deltas: Deltas,
    /// How the person stood at the ends of days, the oldest first: of each day on which the score moved by 0.05 points for
    /// 400 days, and before that the last of each week. A day without one is as the one before it.
    pub(crate) closes: Vec<CloseAnswer>,
}

/// The score now minus that of the newest close that is old enough. Null where there is none, or where it is of another model.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(crate) struct Deltas {
    /// At least one day old.
    #[serde(serialize_with = "seven_if_there")]
    pub(crate) day: Option<f64>,
    /// At least 7 days old.
    #[serde(serialize_with = "seven_if_there")]
    pub(crate) week: Option<f64>,
    /// At least 30 days old.
    #[serde(serialize_with = "seven_if_there")]
    pub(crate) month: Option<f64>,
}

/// How a person stood at the end of a day.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CloseAnswer {
    /// The day that ended, 00:00 UTC.
    #[schema(format = "date", example = "2026-11-29")]
    pub(crate) day: String,
    /// 0 to 100.
    #[serde(serialize_with = "seven")]
    pub(crate) score: f32,
    /// Votes.
    #[serde(serialize_with = "seven")]
    pub(crate) influence: f32,
    /// Counts the model's changes: scores of different versions are not comparable.
    pub(crate) model_version: u32,
}

/// Why a person moved between two days.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Between {
    /// The name.
    pub(crate) user: String,
    /// The close from which the movement is told: the newest one of the day that was asked for, or before it.
    pub(crate) from: CloseAnswer,
    /// The close to which it is; null for the score of now.
    pub(crate) to: Option<CloseAnswer>,
    /// The score at the end of the movement.
    #[serde(serialize_with = "seven")]
    pub(crate) score: f64,
    /// The movement: points.
    #[serde(serialize_with = "seven")]
    pub(crate) change: f64,
    /// Why, by factors.
    pub(crate) parts: Parts,
    /// What people and kinds did to it; null where no credits are kept of these days.
    pub(crate) people: Option<PeopleParts>,
}

/// What people did to a movement: points of new fans, fans of before, worth and time, which add up to what reach, amplification and
/// network added.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PeopleParts {
    /// Fans who acted for the first time in some weeks.
    pub(crate) new_fans: PeoplePart,
    /// Fans of before who acted again.
    pub(crate) known_fans: PeoplePart,
    /// The fans count for more, or less.
    #[serde(serialize_with = "seven")]
    pub(crate) worth: f64,
    /// What was given before has aged.
    #[serde(serialize_with = "seven")]
    pub(crate) time: f64,
    /// The points of new fans and fans of before, by the kind of their acts.
    pub(crate) kinds: Vec<KindPart>,
}

/// What some fans added.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PeoplePart {
    /// How many fans there are.
    pub(crate) people: u64,
    /// Points that their acts added.
    #[serde(serialize_with = "seven")]
    pub(crate) points: f64,
    /// Those of them who added most, five at most: nobody who cannot be named.
    pub(crate) largest: Vec<PersonPart>,
}

/// What one fan added.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct PersonPart {
    /// Who it is.
    pub(crate) user: String,
    /// Points.
    #[serde(serialize_with = "seven")]
    pub(crate) points: f64,
}

/// What acts of one kind added.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct KindPart {
    /// The kind.
    pub(crate) kind: &'static str,
    /// Points.
    #[serde(serialize_with = "seven")]
    pub(crate) points: f64,
}

/// Who influences whom.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CircleAnswer {
    /// The name.
    pub(crate) user: String,
    /// Of which days: day, week or month.
    pub(crate) by: &'static str,
    /// Those who acted on the person and gave most, 25 at most: whom the person influences. Nobody who cannot be named.
    pub(crate) fans: Vec<CirclePartAnswer>,
    /// Those on whom the person acted and to whom the person gave most, 25 at most: who influences the person.
    pub(crate) idols: Vec<CirclePartAnswer>,
    /// Votes that all fans give, named or not.
    #[serde(serialize_with = "seven")]
    pub(crate) fans_votes: f64,
    /// Votes that the person gives to all.
    #[serde(serialize_with = "seven")]
    pub(crate) idols_votes: f64,
}

/// One person's part in a circle.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct CirclePartAnswer {
    /// Votes that the acts of these days give now.
    #[serde(serialize_with = "seven")]
    pub(crate) votes: f64,
    /// Of all votes on this side.
    #[serde(serialize_with = "seven")]
    pub(crate) share: f64,
    /// Who it is.
    pub(crate) person: ScoreAnswer,
}

/// Who moved most.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct MoversAnswer {
    /// In how long: day, week or month.
    pub(crate) span: &'static str,
    /// Who rose most, the furthest first.
    pub(crate) up: Vec<Mover>,
    /// Who fell most, the furthest first.
    pub(crate) down: Vec<Mover>,
}

/// Somebody who moved.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Mover {
    /// The score now minus that of the close.
    #[serde(serialize_with = "seven")]
    pub(crate) change: f64,
    /// The day of the close from which it is counted.
    #[schema(format = "date", example = "2026-11-29")]
    pub(crate) since: String,
    /// Who moved.
    pub(crate) person: ScoreAnswer,
}

/// Points that each factor added. They add up to the movement, but for a hundred-thousandth of a point by their digits.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Parts {
    /// More fans, or fewer.
    #[serde(serialize_with = "seven")]
    pub reach: f64,
    /// Each acts more, or less.
    #[serde(serialize_with = "seven")]
    pub amplification: f64,
    /// The fans count for more, or less.
    #[serde(serialize_with = "seven")]
    pub network: f64,
    /// More endorsements come from outside the person's own circle, or fewer.
    #[serde(serialize_with = "seven")]
    pub openness: f64,
    /// More room for the votes of strangers, or less: more fans who have been around, or fewer.
    #[serde(serialize_with = "seven")]
    pub room: f64,
    /// The standing audience grew, or shrank.
    #[serde(serialize_with = "seven")]
    pub audience: f64,
    /// What 100 stands for came down, or went up.
    #[serde(serialize_with = "seven")]
    pub scale: f64,
}

impl Parts {
    pub(crate) fn new(parts: [f64; 7]) -> Parts {
        let [reach, amplification, network, openness, room, audience, scale] = parts;
        Parts { reach, amplification, network, openness, room, audience, scale }
    }
}

/// How scores are spread.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Distribution {
    /// People with a score.
    pub total: u64,
    /// People in each whole point.
    pub buckets: Vec<Bucket>,
    /// Scores that so many percent of people stay below.
    pub percentiles: Vec<Percentile>,
}

/// People in one whole point.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Bucket {
    /// The lowest score in it.
    pub from: u8,
    /// The next one's lowest score; the last bucket holds 100 as well.
    pub to: u8,
    /// People.
    pub count: u64,
}

/// A score that a share of people stays below.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Percentile {
    /// Percent of people.
    pub percent: f64,
    /// The score.
    #[serde(serialize_with = "seven")]
    pub score: f32,
}

impl Distribution {
    pub(crate) fn new(points: &[u64; 101], score_of_share: impl Fn(f64) -> Option<f32>) -> Distribution {
        let bucket = |from: u8| {
            let top = if from == 99 { points[100] } else { 0 };
            Bucket { from, to: from + 1, count: points[usize::from(from)] + top }
        };
        let percentile = |percent: f64| Some(Percentile { percent, score: score_of_share(percent)? });
        Distribution {
            total: points.iter().sum(),
            buckets: (0..100).map(bucket).collect(),
            percentiles: [1.0, 5.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.9]
                .into_iter()
                .filter_map(percentile)
                .collect(),
        }
    }
}

/// People.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Users {
    /// The people.
    pub(crate) users: Vec<ScoreAnswer>,
}

/// Part of the ranking.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct RankingAnswer {
    /// The people, the highest score first.
    pub(crate) users: Vec<ScoreAnswer>,
    /// What to ask with for those who follow; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next_cursor: Option<String>,
    /// People of the network, language and country that were asked for, within the range of scores that was.
    pub(crate) total: u64,
}

/// The networks by which the ranking can be filtered.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct Networks {
    /// All of them.
    pub(crate) networks: Vec<NetworkAnswer>,
    /// People with a score whose names have no network that is known.
    pub(crate) others: u64,
}

/// One network.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct NetworkAnswer {
    /// The word that names begin with, and the ranking is filtered by.
    #[schema(example = "bluesky")]
    pub(crate) network: &'static str,
    /// Its name.
    pub(crate) title: &'static str,
    /// One or two letters for it.
    pub(crate) mark: &'static str,
    /// People on it with a score.
    pub(crate) people: u64,
}

/// What the ranking can be filtered by.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FacetsAnswer {
    /// The networks on which somebody is, the largest first.
    pub(crate) networks: Vec<FacetCount>,
    /// The languages that people mostly write in, as their posts of 90 days were seen; the largest first.
    pub(crate) languages: Vec<FacetCount>,
    /// The countries that people's profiles declare; the largest first.
    pub(crate) countries: Vec<FacetCount>,
}

/// One value of a filter.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FacetCount {
    /// The value.
    #[schema(example = "nl")]
    pub(crate) value: String,
    /// People of it with a score.
    pub(crate) people: u64,
}

impl FacetsAnswer {
    pub(crate) fn new((networks, _): (Vec<(Network, u64)>, u64), facets: [Vec<(String, u64)>; 2]) -> FacetsAnswer {
        let list = |counts: Vec<(String, u64)>| {
            counts.into_iter().map(|(value, people)| FacetCount { value, people }).collect()
        };
        let mut networks: Vec<(String, u64)> = networks
            .into_iter()
            .filter(|(_, people)| *people > 0)
            .map(|(network, people)| (network.prefix().to_owned(), people))
            .collect();
        networks.sort_by(|(_, people), (_, others)| others.cmp(people));
        let [languages, countries] = facets;
        FacetsAnswer { networks: list(networks), languages: list(languages), countries: list(countries) }
    }
}

impl Networks {
    pub(crate) fn new((networks, others): (Vec<(Network, u64)>, u64)) -> Networks {
        let network = |(network, people): (Network, u64)| NetworkAnswer {
            network: network.prefix(),
            title: network.title(),
            mark: network.mark(),
            people,
        };
        Networks { networks: networks.into_iter().map(network).collect(), others }
    }
}

/// Whom to look up.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct LookupQuestion {
    /// Their names, at most 1,000.
    #[schema(max_items = 1000)]
    pub(crate) users: Vec<String>,
}

/// Who was found.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LookupAnswer {
    /// Those with a score, in the order of the question.
    pub(crate) found: Vec<ScoreAnswer>,
    /// Those without.
    pub(crate) missing: Vec<Missing>,
}

/// Somebody without a score.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Missing {
    /// Who.
    pub(crate) user: String,
    /// Why.
    pub(crate) reason: MissingReason,
}

/// Why somebody has no score.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum MissingReason {
    /// Nobody has acted on them yet.
    NotRated,
    /// They have opted out.
    OptedOut,
}

impl From<Absence> for MissingReason {
    fn from(absence: Absence) -> MissingReason {
        match absence {
            Absence::NotRated => MissingReason::NotRated,
            Absence::OptedOut => MissingReason::OptedOut,
        }
    }
}
