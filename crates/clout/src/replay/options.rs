//! The options of `replay`, and what they mean together.

use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{NonEmptyStringValueParser, RangedU64ValueParser};
use influence::{InvalidModel, Model};
use vocabulary::{Kind, Timestamp};
use wire::{Names, Spelling};

use crate::duration::{DurationError, parse_duration};
use crate::exit;
use crate::kind_weight::parse_kind_weight;
use crate::recorded::input::is_standard;
use crate::recorded::log::Files;
use crate::recorded::{NetworkArgs, ReadingArgs};
use crate::replay::facets::{Condition, Filter, parse_condition};
use crate::replay::ranking::Whom;
use crate::table::TableFormat;

const AFTER_HELP: &str = "\
Several files are merged by the time of their events, each file's own order kept: an event out of order comes when \
its file's turn comes. Outputs are put in their place at the end: until then those of an earlier run stay. What ends one file early (exit code 1) ends the run, so that the scores are as of one time.

Examples:
  clout replay higgs-activity_time.txt.gz --half-life 12h
  clout replay sx-mathoverflow-a2q.txt.gz sx-mathoverflow-c2a.txt.gz --kind reply --half-life 60d
  clout replay log.json.zst --until 2025-01-20T00:00:00Z --user ana --user bo
  clout replay 2024.json.zst 2025.json.zst --state state --scores-out scores.csv
  clout replay log.csv --scores-out scores.ndjson.gz --dead-letters bad.ndjson --quiet
  zcat events.gz | clout replay - --json --top 100";

/// Score an event log: who is how influential, and why.
///
/// Reads mentions, retweets, quotes, replies, likes, follows, blocks and their ends from files in any of four formats, and as networks
/// send them, and prints the top of the ranking. Results go to the standard output, all else to the standard error.
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::READS))]
pub struct ReplayArgs {
    /// Event logs, messages of networks, folders of both, or - for the standard input. Those packed by gzip or zstd are recognised and read as they are
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// The options that say how the files are written.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The options that say what messages of networks do not.
    #[command(flatten)]
    pub networks: NetworkArgs,
    /// Which names are one person: exact, those of the same bytes; or folded, also those that differ by case, @, blanks, how
    /// accents are encoded, or as the address of a profile
    #[arg(long = "names", help_heading = "Input", value_name = "SPELLING", default_value = "exact")]
    pub spelling: Spelling,
    /// Names that stand for nobody, such as NA,NULL: acts by and on them do not count; may be repeated
    #[arg(long = "ignore-user", help_heading = "Input", value_name = "NAMES", value_delimiter = ',')]
    pub ignored: Vec<String>,
    /// Profiles, as JSON lines or protobuf: trust, and who has opted out. They count before all events; may be repeated
    #[arg(long, help_heading = "Input", value_name = "FILE")]
    pub profiles: Vec<PathBuf>,
    /// A CSV table of links, with the columns account and person: what one account of a person does to another gives nothing,
    /// and people are ranked by what their accounts add up to
    #[arg(long, help_heading = "Input", value_name = "FILE")]
    pub links: Option<PathBuf>,
    /// Score as of this time, or as of a date's midnight in UTC: later events are left out. Without it the newest event says what time it is, and events
    /// more than 5 minutes ahead of this machine's clock are bad lines
    #[arg(long, help_heading = "Input", value_name = "TIME", value_parser = crate::words::parse_time)]
    pub until: Option<Timestamp>,
    /// Go on up to so many bad lines; 0 tolerates none. Posts without a target and acts of other kinds are not bad
    #[arg(long, help_heading = "Input", value_name = "NUMBER", default_value_t = 1000)]
    pub max_bad: u64,
    /// Go on with the rest where more than half, or a whole one of several files, cannot be used
    #[arg(long, help_heading = "Input")]
    pub accept_loss: bool,

    /// Time after which an act counts half, as in 12h or 30d
    #[arg(long = "half-life", help_heading = "Model", value_name = "DURATION", default_value = "30d", value_parser = parse_duration)]
    pub half_life_ms: i64,
    /// Time without an act after which a pair is forgotten [default: 6 half-lives]
    #[arg(long = "window", help_heading = "Model", value_name = "DURATION", value_parser = parse_duration)]
    pub window_ms: Option<i64>,
    /// Time without a fan and without a follower after which a person's score is removed and the person forgotten
    /// [default: never]
    #[arg(long = "forget-after", help_heading = "Model", value_name = "DURATION", value_parser = parse_duration)]
    pub forget_after_ms: Option<i64>,
    /// Votes below which the scale never is: a score of 100 stands for so many at least
    #[arg(long = "scale-floor", help_heading = "Model", value_name = "VOTES", default_value_t = Model::default().scale_floor)]
    pub scale_floor: f64,
    /// Votes that an act of a kind adds, 0.001 to 10, as in like=0.5,reply=1; may be repeated [default: retweet, mention
    /// and quote 1, reply 0.5, like 0.25]
    #[arg(long = "kind-weight", help_heading = "Model", value_name = "KIND=WEIGHT,...", value_delimiter = ',', value_parser = parse_kind_weight)]
    pub kind_weights: Vec<(Kind, f64)>,
    /// The share of its votes that a wholly closed circle loses, 0 to 1
    #[arg(long, help_heading = "Model", value_name = "SHARE", default_value_t = Model::default().rho)]
    pub rho: f64,
    /// Votes that all fans together have who are not known: whose acts span less than a half-life
    #[arg(long = "room-n0", help_heading = "Model", value_name = "VOTES", default_value_t = Model::default().room.n0)]
    pub room_n0: f64,
    /// Votes that each of them has at most, divided over all on whom it acts
    #[arg(long = "room-m", help_heading = "Model", value_name = "VOTES", default_value_t = Model::default().room.m)]
    pub room_m: f64,
    /// Votes for which each known fan makes room, divided likewise; 20 where most people have been there for long
    #[arg(long = "room-c", help_heading = "Model", value_name = "VOTES", default_value_t = Model::default().room.c)]
    pub room_c: f64,
    /// Accuracy: somebody's rate is passed on when it is off by more than this share; smaller is slower
    #[arg(long, help_heading = "Model", value_name = "SHARE", default_value_t = Model::default().eps)]
    pub eps: f64,
    /// Accuracy: the two sides of a mutual pair are told of growth beyond this share; smaller is slower
    #[arg(long, help_heading = "Model", value_name = "SHARE", default_value_t = Model::default().contact_growth)]
    pub contact_threshold: f64,

    /// How many of the most influential to list [default: 20, and none with --user]; --timeline is of them alone then
    #[arg(long, help_heading = "Output", value_name = "NUMBER")]
    pub top: Option<usize>,
    /// List only these people, as in network=x,language=nl,country=NL: on a network by their names, by the language that most of their
    /// posts of 90 days were in, as messages of networks tell it, by the country that --profiles declare. May be repeated; all
    /// have to hold. Everybody is in files all the same
    #[arg(long = "where", help_heading = "Output", value_name = "KEY=VALUE,...", value_delimiter = ',', value_parser = parse_condition)]
    pub conditions: Vec<Condition>,
    /// Show what this person's score is made of, and have their lines in --timeline; may be repeated
    #[arg(long = "user", help_heading = "Output", value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub users: Vec<String>,
    /// Write everybody's score, the highest first: .ndjson or .csv, either with .gz or .zst behind, or .parquet, or - for
    /// the standard output. Names stay as they are: a spreadsheet takes one that begins with = + - @ for a formula
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    pub scores_out: Option<PathBuf>,
    /// Write people's scores, where accounts are linked: what the accounts of each add up to. Named as for --scores-out
    #[arg(long, help_heading = "Output", value_name = "FILE", requires = "links")]
    pub people_out: Option<PathBuf>,
    /// Write how scores moved: everybody's score at every whole multiple of this duration, as in 1d, since 1970, in UTC,
    /// as --until that time gives it, and last as of the end of the log. --user and --top narrow it to those people
    #[arg(long = "timeline", help_heading = "Output", value_name = "STEP", requires = "timeline_out", value_parser = parse_step)]
    pub timeline_step_ms: Option<i64>,
    /// Where to write that, named as for --scores-out
    #[arg(long, help_heading = "Output", value_name = "FILE", requires = "timeline_step_ms")]
    pub timeline_out: Option<PathBuf>,
    /// Write how people stood at the end of each day, 00:00 UTC of event time, as --until that time gives it: everybody whose
    /// score has moved by 0.05 or more since their last line. Named as for --scores-out
    #[arg(long, help_heading = "Output", value_name = "FILE", conflicts_with = "state")]
    pub history_out: Option<PathBuf>,
    /// Write what each act gave to whom, and whose rate has changed since, as a live application tells it in APP-credits, with
    /// names in the clear. Named as for --scores-out
    #[arg(long, help_heading = "Output", value_name = "FILE", conflicts_with = "state")]
    pub credits_out: Option<PathBuf>,
    /// Keep bad lines here, untouched and each with its reason, as JSON lines
    #[arg(long, help_heading = "Output", value_name = "FILE")]
    pub dead_letters: Option<PathBuf>,
    /// Print one JSON document instead of tables: summary, top and users
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Nothing on the standard error except errors
    #[arg(long, short, help_heading = "Output")]
    pub quiet: bool,

    /// Keep the state in this folder: a run that is killed, at any moment and in any way, goes on from where it was when the
    /// same command is given again, with the same result bit by bit. A log that has grown at its end goes on as well. Only
    /// its owner may look into the folder
    #[arg(long, help_heading = "Interruptions", value_name = "FOLDER", conflicts_with = "timeline_step_ms")]
    pub state: Option<PathBuf>,
    /// How often a checkpoint is written there
    #[arg(long = "checkpoint-every", help_heading = "Interruptions", value_name = "DURATION", default_value = "10s",
        requires = "state", value_parser = parse_duration)]
    pub checkpoint_every_ms: i64,

    /// Partitions that people are spread over: the same number gives the same scores, bit by bit. Another one gives slightly
    /// others, since shards hear of each other later: with 4 instead of 1, one in 20 scores of the Higgs log differs by a
    /// tenth of a point or more, none by more than 0.7
    #[arg(long, help_heading = "Speed", value_name = "NUMBER", default_value_t = 1,
        value_parser = RangedU64ValueParser::<u16>::new().range(1..=4096))]
    pub partitions: u16,
    /// Threads beside the one that reads, at most one for each partition
    #[arg(long, help_heading = "Speed", value_name = "NUMBER", default_value_t = 1,
        value_parser = RangedU64ValueParser::<u16>::new().range(1..))]
    pub workers: u16,
}

fn parse_step(text: &str) -> Result<i64, StepError> {
    if text == "all" { Err(StepError::All) } else { Ok(parse_duration(text)?) }
}

/// Why a text is not a step of a timeline.
#[derive(Debug, thiserror::Error)]
enum StepError {
    #[error(
        "there is no timeline of all movements, as what a replay publishes on its way follows its own rounds and not the \
         log's time: give a step, as in 1h; --user and --top make it short"
    )]
    All,
    #[error(transparent)]
    Duration(#[from] DurationError),
}

/// How many are listed unless somebody says otherwise.
const TOP: usize = 20;

impl ReplayArgs {
    /// What is said where no file has an event.
    pub(crate) fn no_events(&self) -> String {
        match &self.files[..] {
            [file] if !is_standard(file) => format!("there is no event in {}", file.display()),
            [_] => "there is no event in the standard input".to_owned(),
            files => format!("there is no event in any of the {} files", files.len()),
        }
    }

    /// How many are listed.
    pub(crate) fn top(&self) -> usize {
        self.top.unwrap_or(if self.users.is_empty() { TOP } else { 0 })
    }

    /// The rule that folds spellings of a name, and the names that are ignored.
    pub(crate) fn names(&self) -> Names {
        Names::new(self.spelling, &self.ignored)
    }

    /// The people who are asked for, as their names are spelled.
    pub(crate) fn spelled_users(&self) -> Vec<String> {
        let names = self.names();
        self.users.iter().map(|user| names.spell(user, &mut String::new()).to_owned()).collect()
    }

    /// Whose scores are in the timeline.
    pub(crate) fn timeline_of(&self) -> Whom {
        Whom { top: self.top.unwrap_or(0), users: self.spelled_users().into_iter().collect() }
    }

    /// Whom the list has.
    pub(crate) fn filter(&self) -> Filter {
        Filter::of(&self.conditions).unwrap_or_default()
    }

    /// What is read.
    pub(crate) fn files(&self) -> Files<'_> {
        Files { files: &self.files, profiles: &self.profiles, reading: &self.reading, networks: &self.networks }
    }

    /// The model that is asked for. Parts are tried one by one, so that an error can name the option.
    pub(crate) fn model(&self) -> Result<Model, UsageError> {
        let named = |model: &Model, option| model.validate().map_err(|reason| UsageError::Model { option, reason });
        let mut model = Model::with_half_life(self.half_life_ms);
        named(&model, "--half-life")?;
        model.window_ms = self.window_ms.unwrap_or(model.window_ms);
        named(&model, "--window")?;
        model.forget_after_ms = self.forget_after_ms;
        named(&model, "--forget-after")?;
        model.scale_floor = self.scale_floor;
        named(&model, "--scale-floor")?;
        for &(kind, weight) in &self.kind_weights {
            model.weights[kind] = weight;
            named(&model, "--kind-weight")?;
        }
        model.rho = self.rho;
        named(&model, "--rho")?;
        model.room.n0 = self.room_n0;
        named(&model, "--room-n0")?;
        model.room.m = self.room_m;
        named(&model, "--room-m")?;
        model.room.c = self.room_c;
        named(&model, "--room-c")?;
        model.eps = self.eps;
        named(&model, "--eps")?;
        model.contact_growth = self.contact_threshold;
        named(&model, "--contact-threshold")?;
        Ok(model)
    }

    /// Refuses what no single option shows to be wrong.
    pub(crate) fn check(&self) -> Result<(), UsageError> {
        if self.workers > self.partitions {
            return Err(UsageError::Workers { workers: self.workers, partitions: self.partitions });
        }
        if Filter::of(&self.conditions).is_none() {
            return Err(UsageError::Where);
        }
        if self.files.iter().chain(&self.profiles).filter(|path| is_standard(path)).count() > 1 {
            return Err(UsageError::StandardInput);
        }
        let to_standard = self.outputs().filter(|(_, path)| is_standard(path)).map(|(option, _)| option);
        // A timeline is of the people who are named: they are not shown as well.
        let shows_users = !self.users.is_empty() && !self.timeline_out.as_deref().is_some_and(is_standard);
        let others = [self.json.then_some("--json"), shows_users.then_some("--user")];
        match to_standard.clone().chain(others.into_iter().flatten()).collect::<Vec<_>>()[..] {
            [first, second, ..] if to_standard.count() > 0 => return Err(UsageError::StandardOutput { first, second }),
            _ => {}
        }
        let tables = [
            ("--scores-out", &self.scores_out),
            ("--people-out", &self.people_out),
            ("--timeline-out", &self.timeline_out),
            ("--history-out", &self.history_out),
            ("--credits-out", &self.credits_out),
        ];
        for (option, path) in tables {
            if let Some(path) = path
                && TableFormat::of(path).is_none()
            {
                return Err(UsageError::Ending { option, path: path.clone() });
            }
        }
        self.check_overwriting()
    }

    /// Two options must not write one file, and none the log that is read.
    fn check_overwriting(&self) -> Result<(), UsageError> {
        let same = |a: &Path, b: &Path| {
            !is_standard(a) && (a == b || a.canonicalize().ok().is_some_and(|a| b.canonicalize().is_ok_and(|b| a == b)))
        };
        let outputs: Vec<_> = self.outputs().filter(|(_, path)| !path.starts_with("/dev")).collect();
        for (place, &(option, path)) in outputs.iter().enumerate() {
            let inside = |input: &Path| {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
                let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
                input.is_dir() && input.canonicalize().is_ok_and(|input| folder.starts_with(input))
            };
            let is_read = |input: &PathBuf| same(input, path) || inside(input);
            let read = self.files.iter().chain(&self.profiles).chain(&self.links).any(is_read);
            if read || outputs[..place].iter().any(|(_, other)| same(other, path)) {
                return Err(UsageError::Overwrites { option, path: path.to_owned() });
            }
        }
        Ok(())
    }

    /// The files that are written, with the options that say so.
    fn outputs(&self) -> impl Iterator<Item = (&'static str, &Path)> + Clone {
        let outputs = [
            ("--scores-out", &self.scores_out),
            ("--people-out", &self.people_out),
            ("--timeline-out", &self.timeline_out),
            ("--history-out", &self.history_out),
            ("--credits-out", &self.credits_out),
            ("--dead-letters", &self.dead_letters),
        ];
        outputs.into_iter().filter_map(|(option, path)| Some((option, path.as_deref()?)))
    }

    /// Whether the standard output is taken by something else than what people read.
    pub(crate) fn prints_a_file(&self) -> bool {
        self.outputs().any(|(_, path)| is_standard(path))
    }
}

/// Options that cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// A parameter of the model is out of its range.
    #[error("{option}: {reason}")]
    Model {
        /// The option, as it is written on the command line.
        option: &'static str,
        /// What it must be.
        reason: InvalidModel,
    },
    /// More threads than partitions.
    #[error(
        "--workers {workers}: there are only --partitions {partitions} to work on; raise --partitions or lower --workers"
    )]
    Workers {
        /// Threads.
        workers: u16,
        /// Partitions.
        partitions: u16,
    },
    /// A condition contradicts another one.
    #[error("--where has a key twice: network, language and country can each be there once")]
    Where,
    /// The standard input can be read once.
    #[error("- is given twice: the standard input can be read only once")]
    StandardInput,
    /// How a file is written is said, and no file is given.
    #[error("options that say how a FILE is written have none to say it of: give one")]
    NoFile,
    /// There is nothing to show.
    #[error("there is no event in {}", .0.display())]
    NoEvent(PathBuf),
    /// Two results want the standard output.
    #[error("{first} and {second} both want the standard output: write one of them to a file")]
    StandardOutput {
        /// One option.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A file's name does not say how to write it.
    #[error("{option} {path}: the name must end in .ndjson or .csv, with or without .gz or .zst behind, or in .parquet", path = .path.display())]
    Ending {
        /// The option.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file would be written over another that is needed.
    #[error("{option} {path} would overwrite a file that this run reads or writes as well", path = .path.display())]
    Overwrites {
        /// The option.
        option: &'static str,
        /// The file.
        path: PathBuf,
    },
}
