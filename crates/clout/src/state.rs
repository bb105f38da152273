//! The command `state`: what the checkpoints of an application hold, and what is in them of one person.

use std::collections::BTreeMap;
use std::fmt::Write;

use clap::Args;
use influence::{Endorsement, Fan, HashKey, Shard, UserKey};
use pipeline::{Inspected, KeptCheckpoint, Store, StoreError};
use serde::Serialize;
use vocabulary::{Kind, Score, Timestamp};
use wire::{OffsetRange, seven_digits};

use crate::columns::table;
use crate::config::{Config, RunFlags};
use crate::exit;
use crate::failure::Failure;
use crate::near::near;
use crate::shown::shown;
use crate::topics::{json, say};
use crate::words::{bytes, count, decimal, duration, now, thousands, time};

const AFTER_HELP: &str = "\
Reads the place of checkpoints that the configuration names, or another one by --checkpoints, and changes nothing, there or on Kafka. \
A checkpoint is as old as it says: what was scored since is in the records after it. How many people and pairs there are, and a \
person's row, can be told if the key of the hash of names is known: from the configuration, or from the brokers, which tell the id of \
the journal that it is made of.

Examples:
  clout state --config clout.toml
  clout state --config clout.toml --user 88
  clout state --config clout.toml --checkpoints /backup/checkpoints --json";

/// Shards of one process are written at most so far apart, unless nothing comes for one of them.
const OLDER_MS: i64 = 120_000;

/// Show what checkpoints hold: offsets, people, pairs, sizes, age; or one person's part
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::ASKS))]
pub struct StateArgs {
    /// The person to show: the score, the fans, and whom they act on
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Fans, and people acted upon, that are listed
    #[arg(long, value_name = "NUMBER", default_value_t = 10, requires = "user")]
    top: usize,
    /// One document of JSON on the standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: RunFlags,
}

/// The reason why nothing can be shown.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// There is no checkpoint.
    #[error(
        "there are no checkpoints of {application} in {place}: name the place that its processes use by --checkpoints, and the \
         application by --application-id"
    )]
    Nothing {
        /// The application that was looked for.
        application: String,
        /// The place where it was looked for.
        place: String,
    },
    /// A person's shard cannot be read.
    #[error("shard {shard}, in which {user} lives, cannot be looked at: {reason}")]
    Unreadable {
        /// The person.
        user: String,
        /// The shard.
        shard: u16,
        /// The reason why it cannot be read.
        reason: String,
    },
}

/// Reads, and tells on the standard output.
///
/// # Errors
/// If there are no checkpoints, or the store does not answer.
pub fn run(args: &StateArgs) -> Result<(), Failure> {
    let config = Config::load(&args.config)?;
    let key = match config.hash_key {
        Some(key) => Ok(key),
        None => kafka::hash_key(&config.connection(), &config.topics()),
    };
    Ok(say(&match &args.user {
        Some(user) => {
            let key = key?;
            Place::find(&config)?.person(user, key, args)?
        }
        None => Place::find(&config)?.overview(key.map_err(|error| error.to_string()), args.json)?,
    })?)
}

/// A place of checkpoints that has some of the application.
struct Place<'c> {
    config: &'c Config,
    store: Store,
    shards: Vec<u16>,
}

impl<'c> Place<'c> {
    /// Below the name of the application, or right there: somebody may have copied its folder alone.
    fn find(config: &'c Config) -> Result<Place<'c>, Failure> {
        let open = || Store::to_look_at(&config.checkpoints.place, config.checkpoints.options.clone());
        for store in [open()?.below(&config.application_id), open()?] {
            let shards = store.kept_shards()?;
            if !shards.is_empty() {
                return Ok(Place { config, store, shards });
            }
        }
        let (application, place) = (config.application_id.clone(), config.checkpoints.place.clone());
        Err(StateError::Nothing { application, place }.into())
    }

    /// The newest checkpoint of a shard that is whole, what is in it, and what was found before it.
    fn newest(&self, shard: u16) -> Result<Newest, StoreError> {
        let kept = self.store.kept(shard)?;
        let mut unusable = Vec::new();
        for checkpoint in &kept {
            match self.store.inspect(checkpoint)? {
                Ok(inspected) => return Ok(Newest { found: Some((*checkpoint, inspected)), kept, unusable }),
                Err(reason) => unusable.push(format!("sequence {}: {reason}", checkpoint.sequence)),
            }
        }
        Ok(Newest { found: None, kept, unusable })
    }

    fn overview(&self, key: Result<HashKey, String>, is_json: bool) -> Result<String, Failure> {
        let rows: Result<Vec<Row>, StoreError> =
            self.shards.iter().map(|&shard| Ok(Row::of(shard, self.newest(shard)?, &key, self.config))).collect();
        let rows = rows?;
        let shards = rows.iter().find_map(|row| row.shards);
        let without_key = key.as_ref().err().map(|why| {
            format!("how many people and pairs there are is not known without the key of the hash of names: {why}")
        });
        let notes: Vec<String> = without_key.into_iter().chain(self.older_ones(&rows)).collect();
        let note = (!notes.is_empty()).then(|| notes.join("; "));
        let (application, place) = (self.config.application_id.as_str(), self.config.checkpoints.place.as_str());
        let report = Report { application, place, shards, note, checkpoints: &rows };
        Ok(match is_json {
            true => json(&report),
            false => report.text(),
        })
    }

    /// Says which shards may have moved to a process that keeps its checkpoints in another folder.
    fn older_ones(&self, rows: &[Row]) -> Option<String> {
        let newest_ms = rows.iter().filter_map(|row| row.age_ms).min()?;
        let is_older = |row: &&Row| row.age_ms.is_some_and(|age_ms| age_ms - newest_ms > OLDER_MS);
        let older: Vec<String> = rows.iter().filter(is_older).map(|row| row.shard.to_string()).collect();
        let is_short = self.store.is_folder() && !older.is_empty();
        is_short.then(|| {
            let which = format!("{} {}", if older.len() == 1 { "shard" } else { "shards" }, older.join(", "));
            let by = duration(OLDER_MS);
            format!(
                "of {which} the newest checkpoint in this folder is more than {by} older than that of another shard: a process that \
                 keeps its own elsewhere may have the shard now, and newer ones"
            )
        })
    }

    fn person(&self, user: &str, key: HashKey, args: &StateArgs) -> Result<String, Failure> {
        let config = self.config;
        let mut memory = String::new();
        let user = config.names.spell(user, &mut memory);
        let mut shards = None;
        for &shard in &self.shards {
            shards = self.newest(shard)?.found.and_then(|(_, inspected)| inspected.shards);
            if shards.is_some() {
                break;
            }
        }
        let home = config.model.partitioner.partition(user, shards.unwrap_or(1));
        let unreadable = |reason: String| StateError::Unreadable { user: user.to_owned(), shard: home, reason };
        let open = |shard: u16| -> Result<Result<(Timestamp, u64, Shard), String>, StoreError> {
            let Newest { found, unusable, .. } = self.newest(shard)?;
            let Some((_, inspected)) = found else {
                let none = || "there is no checkpoint of it here".to_owned();
                return Ok(Err(if unusable.is_empty() { none() } else { unusable.join(", ") }));
            };
            let (clock, sequence) = (inspected.journal.clock, inspected.journal.sequence);
            Ok(inspected.into_shard(&config.model, &key).map(|shard| (clock, sequence, shard)))
        };
        let (clock, sequence, shard) = open(home)?.map_err(unreadable)?;
        let mut person = Person {
            user: user.to_owned(),
            status: match (shard.score(user), shard.opted_out(user)) {
                (Some(_), _) => "rated",
                (None, Some(true)) => "opted out",
                (None, Some(false)) => "not rated",
                (None, None) => "unknown",
            },
            shard: home,
            sequence,
            as_of: at(clock),
            score: shard.score(user).map(|score| ScoreLine::of(&score)),
            level: shard.follower_level(user),
            fans: 0,
            top_fans: Vec::new(),
            acts_on: 0,
            top_targets: Vec::new(),
            did_you_mean: match shard.opted_out(user) {
                None => near(user, shard.names()),
                Some(_) => Vec::new(),
            },
            not_looked_at: Vec::new(),
        };
        let mut row = shard.row(user);
        person.acts_on = row.len();
        row.truncate(args.top);
        let mut fans = Fans { all: Vec::new(), count: 0, top: args.top };
        let mut names: BTreeMap<UserKey, String> = BTreeMap::new();
        fans.add(home, &shard, user);
        name_targets(&shard, &row, &mut names);
        drop(shard);
        for other in (0..shards.unwrap_or(1)).filter(|&other| other != home) {
            match open(other)? {
                Ok((_, _, shard)) => {
                    fans.add(other, &shard, user);
                    name_targets(&shard, &row, &mut names);
                }
                Err(reason) => person.not_looked_at.push(format!("shard {other}: {reason}")),
            }
        }
        person.fans = fans.count;
        person.top_fans = fans.all.iter().map(|(shard, fan)| FanLine::of(*shard, fan)).collect();
        person.top_targets = row.iter().map(|pair| TargetLine::of(pair, &names)).collect();
        Ok(match args.json {
            true => json(&person),
            false => person.text(),
        })
    }
}

/// The newest usable checkpoint of a shard, and the others that are there.
struct Newest {
    found: Option<(KeptCheckpoint, Inspected)>,
    kept: Vec<KeptCheckpoint>,
    unusable: Vec<String>,
}

/// The time of a shard's clock, if it has one.
fn at(clock: Timestamp) -> Option<String> {
    (clock != Timestamp::MIN).then(|| time(clock))
}

/// The document that `--json` prints.
#[derive(Serialize)]
struct Report<'r> {
    application: &'r str,
    place: &'r str,
    /// How many the application has.
    shards: Option<u16>,
    note: Option<String>,
    checkpoints: &'r [Row],
}

/// The newest usable checkpoint of a shard.
#[derive(Debug, Serialize)]
struct Row {
    shard: u16,
    sequence: Option<u64>,
    digest: Option<String>,
    written_at: Option<String>,
    age_ms: Option<i64>,
    clock: Option<String>,
    journal_offset: Option<i64>,
    inputs: Vec<Next>,
    exchange: Option<i64>,
    bytes: Option<u64>,
    image_bytes: Option<u64>,
    engine_revision: Option<u32>,
    model_fingerprint: Option<String>,
    people: Option<u64>,
    rated: Option<u64>,
    edges: Option<u64>,
    follows: Option<u64>,
    kept: Vec<Kept>,
    /// The reasons why newer ones cannot be used.
    unusable: Vec<String>,
    #[serde(skip)]
    shards: Option<u16>,
}

/// Where the next slice begins.
#[derive(Debug, Serialize)]
struct Next {
    topic: String,
    next: i64,
}

/// A checkpoint that is there.
#[derive(Debug, Serialize)]
struct Kept {
    sequence: u64,
    bytes: u64,
    written_at: String,
}

impl Row {
    fn of(shard: u16, newest: Newest, key: &Result<HashKey, String>, config: &Config) -> Row {
        let Newest { found, kept, mut unusable } = newest;
        let kept =
            kept.into_iter().map(|kept| Kept { sequence: kept.sequence, bytes: kept.bytes, written_at: time(kept.at) });
        let kept = kept.collect();
        let topic = |place: usize| {
            config.inputs.get(place).map_or_else(|| format!("input {place}"), |input| input.topic.clone())
        };
        let next = |(place, range): (usize, &OffsetRange)| Next { topic: topic(place), next: range.next };
        let journal = found.as_ref().map(|(_, inspected)| &inspected.journal);
        let row = Row {
            shard,
            sequence: journal.map(|journal| journal.sequence),
            digest: journal.map(|journal| format!("{:016x}", journal.digest)),
            written_at: found.as_ref().map(|(kept, _)| time(kept.at)),
            age_ms: found.as_ref().map(|(kept, _)| (now() - kept.at).max(0)),
            clock: journal.and_then(|journal| at(journal.clock)),
            journal_offset: found.as_ref().map(|(_, inspected)| inspected.journal_offset),
            inputs: journal.map_or(Vec::new(), |journal| (0..).zip(&journal.inputs).map(next).collect()),
            exchange: journal.map(|journal| journal.exchange.next),
            bytes: found.as_ref().map(|(kept, _)| kept.bytes),
            image_bytes: found.as_ref().map(|(_, inspected)| inspected.image_bytes),
            engine_revision: journal.map(|journal| journal.engine_revision),
            model_fingerprint: journal.map(|journal| format!("{:016x}", journal.model_fingerprint)),
            people: None,
            rated: None,
            edges: None,
            follows: None,
            shards: found.as_ref().and_then(|(_, inspected)| inspected.shards),
            kept,
            unusable: Vec::new(),
        };
        let (Some((kept, inspected)), Ok(key)) = (found, key) else { return Row { unusable, ..row } };
        match inspected.into_shard(&config.model, key).map(|shard| shard.sizes()) {
            Ok(sizes) => Row {
                people: Some(sizes.people),
                rated: Some(sizes.rated),
                edges: Some(sizes.edges),
                follows: Some(sizes.follows),
                unusable,
                ..row
            },
            Err(reason) => {
                unusable.push(format!("sequence {}: {reason}", kept.sequence));
                Row { unusable, ..row }
            }
        }
    }

    fn cells(&self) -> [String; 12] {
        let number = |number: Option<u64>| number.map_or(String::new(), thousands);
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        [
            self.shard.to_string(),
            number(self.sequence),
            text(&self.written_at),
            self.age_ms.map_or(String::new(), |age_ms| duration(age_ms / 1_000 * 1_000)),
            text(&self.clock),
            number(self.people),
            number(self.rated),
            number(self.edges),
            number(self.follows),
            self.bytes.map_or(String::new(), bytes),
            self.kept.len().to_string(),
            self.engine_revision.map_or(String::new(), |revision| revision.to_string()),
        ]
    }

    fn offsets(&self) -> Option<String> {
        let (journal, exchange) = (self.journal_offset?, self.exchange?);
        let inputs: Vec<String> = self.inputs.iter().map(|Next { topic, next }| format!("{topic} {next}")).collect();
        Some(format!("shard {}: {}, exchange {exchange}, journal {journal}", self.shard, inputs.join(", ")))
    }
}

impl Report<'_> {
    fn text(&self) -> String {
        let Report { application, place, shards, note, checkpoints } = self;
        let here = checkpoints.len() as u64;
        let of = shards.map_or(String::new(), |shards| format!(" of {}", thousands(shards.into())));
        let mut text = format!("checkpoints of {application} in {place}: {}{of}\n\n", count(here, "shard", "shards"));
        let head = [
            "shard", "sequence", "<written", "age", "<clock", "people", "rated", "pairs", "follows", "size", "kept",
            "engine",
        ];
        text += &table(head, &checkpoints.iter().map(Row::cells).collect::<Vec<_>>());
        let sum = |of: fn(&Row) -> Option<u64>| checkpoints.iter().map(of).sum::<Option<u64>>();
        if let (Some(people), Some(edges)) = (sum(|row| row.people), sum(|row| row.edges)) {
            let _ = write!(text, "\n{}, {}\n", count(people, "person", "people"), count(edges, "pair", "pairs"));
        }
        text += "\na restore goes on from these offsets\n";
        checkpoints.iter().filter_map(Row::offsets).for_each(|line| _ = writeln!(text, "  {line}"));
        let mut fingerprints: Vec<&str> =
            checkpoints.iter().filter_map(|row| row.model_fingerprint.as_deref()).collect();
        fingerprints.sort_unstable();
        fingerprints.dedup();
        let _ = writeln!(text, "\nsettings {}", fingerprints.join(", "));
        for row in checkpoints.iter() {
            row.unusable.iter().for_each(|why| _ = writeln!(text, "shard {}, {why}", row.shard));
        }
        note.iter().for_each(|note| _ = writeln!(text, "note: {note}"));
        text.trim_end().to_owned()
    }
}

/// The document that `--user --json` prints.
#[derive(Debug, Serialize)]
struct Person {
    user: String,
    status: &'static str,
    shard: u16,
    sequence: u64,
    as_of: Option<String>,
    score: Option<ScoreLine>,
    /// The level that they have as a follower, from 0 (silent) to 5.
    level: Option<u8>,
    fans: usize,
    top_fans: Vec<FanLine>,
    acts_on: usize,
    top_targets: Vec<TargetLine>,
    did_you_mean: Vec<String>,
    /// Shards whose fans are missing, and why.
    not_looked_at: Vec<String>,
}

/// A score as it stands in a checkpoint.
#[derive(Debug, Serialize)]
struct ScoreLine {
    score: f64,
    influence: f64,
    reach: f64,
    amplification: f64,
    network: f64,
    openness: f64,
    room: f64,
    audience: f64,
    received: BTreeMap<&'static str, u64>,
    followers: u64,
    following: u64,
    scale: f64,
}

impl ScoreLine {
    fn of(score: &Score) -> ScoreLine {
        ScoreLine {
            score: seven_digits(score.score),
            influence: seven_digits(score.influence),
            reach: seven_digits(score.reach),
            amplification: seven_digits(score.amplification),
            network: seven_digits(score.network),
            openness: seven_digits(score.openness),
            room: seven_digits(score.room),
            audience: seven_digits(score.audience),
            received: Kind::listed_counted().map(|kind| (kind.plural(), score.received.of(kind))).collect(),
            followers: score.followers,
            following: score.following,
            scale: seven_digits(score.scale),
        }
    }
}

/// Somebody who acts on the person.
#[derive(Debug, Serialize)]
struct FanLine {
    user: String,
    shard: u16,
    votes: f64,
    rate: f64,
    acts: f64,
    returned: f64,
}

impl FanLine {
    fn of(shard: u16, fan: &Fan) -> FanLine {
        FanLine {
            user: fan.name.clone(),
            shard,
            votes: seven_digits(fan.votes),
            rate: seven_digits(fan.rate),
            acts: seven_digits(fan.pair.endorsement),
            returned: seven_digits(fan.pair.reciprocity),
        }
    }
}

/// Somebody on whom the person acts.
#[derive(Debug, Serialize)]
struct TargetLine {
    /// The name, where a shard that was looked at knows it.
    user: Option<String>,
    key: String,
    weight: f64,
    acts: f64,
    returned: f64,
}

impl TargetLine {
    fn of(pair: &Endorsement, names: &BTreeMap<UserKey, String>) -> TargetLine {
        TargetLine {
            user: names.get(&pair.target).cloned(),
            key: format!("{:016x}", pair.target),
            weight: seven_digits(pair.weight),
            acts: seven_digits(pair.endorsement),
            returned: seven_digits(pair.reciprocity),
        }
    }
}

/// Those who give most, of all shards that were looked at.
struct Fans {
    all: Vec<(u16, Fan)>,
    count: usize,
    top: usize,
}

impl Fans {
    fn add(&mut self, number: u16, shard: &Shard, user: &str) {
        let fans = shard.fans(user);
        self.count += fans.len();
        self.all.extend(fans.into_iter().map(|fan| (number, fan)));
        self.all.sort_by(|(_, a), (_, b)| b.votes.total_cmp(&a.votes).then_with(|| a.name.cmp(&b.name)));
        self.all.truncate(self.top);
    }
}

/// Finds the names of those that the shard knows by name.
fn name_targets(shard: &Shard, row: &[Endorsement], names: &mut BTreeMap<UserKey, String>) {
    if row.iter().all(|pair| names.contains_key(&pair.target)) {
        return;
    }
    for name in shard.names() {
        let key = shard.key(name);
        if row.iter().any(|pair| pair.target == key) {
            names.insert(key, name.to_owned());
        }
    }
}

impl Person {
    fn text(&self) -> String {
        let Person { status, shard, sequence, fans, acts_on, .. } = self;
        let as_of = self.as_of.as_deref().unwrap_or("the beginning");
        let mut text = format!(
            "{}: {status}, in shard {shard} at sequence {}, as of {as_of}\n",
            shown(&self.user),
            thousands(*sequence)
        );
        match &self.did_you_mean[..] {
            [] => {}
            names => {
                let names: Vec<_> = names.iter().map(|name| shown(name)).collect();
                let _ = writeln!(text, "did you mean {}?", names.join(" or "));
            }
        }
        if let Some(score) = &self.score {
            let ScoreLine { reach, amplification, network, openness, room, audience, influence, scale, .. } = score;
            let _ = writeln!(
                text,
                "  score {:.1}: influence {} = reach {} × amplification {} × network {} × openness {} × room {} + audience {}; {} votes are 100",
                score.score,
                decimal(*influence, 2),
                decimal(*reach, 2),
                decimal(*amplification, 2),
                decimal(*network, 3),
                decimal(*openness, 3),
                decimal(*room, 3),
                decimal(*audience, 2),
                decimal(*scale, 0),
            );
            let received: Vec<String> =
                score.received.iter().map(|(kind, number)| format!("{} {kind}", thousands(*number))).collect();
            let (followers, following) = (thousands(score.followers), thousands(score.following));
            let _ = writeln!(text, "  received {}; {followers} followers, follows {following}", received.join(", "));
        }
        if let Some(level) = self.level.filter(|level| *level > 0) {
            let _ = writeln!(text, "  counts for level {level} of 5 as a follower");
        }
        if !self.top_fans.is_empty() {
            let row = |fan: &FanLine| {
                let FanLine { user, shard, votes, rate, acts, returned } = fan;
                let returned = format!("{:.0} %", 100.0 * returned);
                let (votes, rate, acts) = (decimal(*votes, 3), decimal(*rate, 3), decimal(*acts, 2));
                [shown(user).into_owned(), shard.to_string(), votes, rate, acts, returned]
            };
            let rows: Vec<_> = self.top_fans.iter().map(row).collect();
            let head = ["<  name", "shard", "votes", "rate", "acts, faded", "returned"];
            let _ = write!(text, "\n{}\n{}", count(*fans as u64, "fan", "fans"), table(head, &indented(rows)));
        }
        if !self.top_targets.is_empty() {
            let row = |target: &TargetLine| {
                let TargetLine { user, key, weight, acts, returned } = target;
                let name = user.as_ref().map_or_else(|| format!("(key {key})"), |user| shown(user).into_owned());
                [name, decimal(*weight, 3), decimal(*acts, 2), format!("{:.0} %", 100.0 * returned)]
            };
            let rows: Vec<_> = self.top_targets.iter().map(row).collect();
            let head = ["<  name", "weight", "acts, faded", "returned"];
            let people = count(*acts_on as u64, "person", "people");
            let _ = write!(text, "\nacts on {people}\n{}", table(head, &indented(rows)));
        }
        self.not_looked_at.iter().for_each(|why| _ = writeln!(text, "note: fans are missing: {why}"));
        text.trim_end().to_owned()
    }
}

/// The same rows, two blanks to the right.
fn indented<const COLUMNS: usize>(rows: Vec<[String; COLUMNS]>) -> Vec<[String; COLUMNS]> {
    let indent = |mut row: [String; COLUMNS]| {
        row[0].insert_str(0, "  ");
        row
    };
    rows.into_iter().map(indent).collect()
}
