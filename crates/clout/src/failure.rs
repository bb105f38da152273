//! Why a command ends otherwise than well, and the exit code that says so.

use std::error::Error;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use embedded::WorldError;
use kafka::AdminError;
use pipeline::{AcceptedGap, CheckpointPlace, Fatal, Fault, StoreError};
use serve::{KeysError, ServeError, TokensError};
use views::ViewsError;

use crate::config::ConfigError;
use crate::connect::{ConnectError, LiveError};
use crate::dead_letters::NotTaken;
use crate::diff::DiffError;
use crate::doctor::DoctorError;
use crate::ending::Unfinished;
use crate::exit::ExitCode;
use crate::feed::FeedTopicError;
use crate::generate::GenerateError;
use crate::health::HealthError;
use crate::instance::InstanceError;
use crate::journal::JournalError;
use crate::link::LinkError;
use crate::missing::{LostTopics, MissingTopics};
use crate::recorded::{InputError, Loss, Stop};
use crate::replay::UsageError;
use crate::reset::ResetError;
use crate::route::RouteError;
use crate::state::StateError;
use crate::table::RowsError;
use crate::topics::PartitionsError;

/// A command did not do all that it was asked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// It stopped early; what it had until then is written.
    #[error(transparent)]
    Stopped(#[from] Stop),
    /// Too little of the input could be used.
    #[error(transparent)]
    Loss(#[from] Loss),
    /// The options contradict each other.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// An input cannot be opened, or is nothing that is known.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The folder of an earlier run cannot be gone on with.
    #[error(transparent)]
    State(Box<WorldError>),
    /// An output cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The tokens of a server cannot be used.
    #[error("tokens cannot be used")]
    Tokens(#[from] TokensError),
    /// The keys of Klout's API cannot be used.
    #[error(transparent)]
    Klout(#[from] KeysError),
    /// Records of a topic that is not read cannot be given up.
    #[error("--accept-gap {0}: the topic is not one of the inputs")]
    Gap(AcceptedGap),
    /// The configuration is not understood.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Topics or groups cannot be looked at or changed, or are not as they must be.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// A table that a replay wrote cannot be shown.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The history of everybody cannot be kept.
    #[error(transparent)]
    Views(Box<ViewsError>),
    /// An application was not reset.
    #[error(transparent)]
    Reset(#[from] ResetError),
    /// A topic is not there.
    #[error(transparent)]
    Missing(#[from] MissingTopics),
    /// A topic is not the one that an application has worked with.
    #[error(transparent)]
    Lost(#[from] LostTopics),
    /// A process is not as it should be.
    #[error(transparent)]
    Health(#[from] HealthError),
    /// Something that `run` needs is wrong.
    #[error(transparent)]
    Doctor(#[from] DoctorError),
    /// A journal has faults.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Checkpoints cannot be shown.
    #[error(transparent)]
    Shown(#[from] StateError),
    /// Dead letters were not taken where they came from.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// Two tables cannot be compared.
    #[error(transparent)]
    Diff(#[from] DiffError),
    /// Topics have another number of partitions than was asked for.
    #[error(transparent)]
    Partitions(#[from] PartitionsError),
    /// A topic cannot be routed.
    #[error(transparent)]
    Route(Box<RouteError>),
    /// A network is not read.
    #[error(transparent)]
    Connect(Box<ConnectError>),
    /// Records cannot go to a topic.
    #[error(transparent)]
    FeedTopic(#[from] FeedTopicError),
    /// Accounts are not linked, or not erased.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// No log was generated.
    #[error(transparent)]
    Generate(#[from] GenerateError),
    /// The server cannot start.
    #[error(transparent)]
    Server(#[from] ServeError),
    /// The server cannot listen at its address, for a reason with a way out.
    #[error("cannot listen on {listen}: {reason}: {advice}")]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        reason: io::Error,
        /// The way out.
        advice: String,
    },
    /// Another process of this machine has the name that was said.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The application was made with other settings.
    #[error(
        "{application} was made with other settings: {changed}; inputs, parameters of the model, the clock and the window for \
         repeated ids never change under one application id: set them back, or start under a new application id, which reads \
         the inputs from their beginning (`clout diff` compares the two)"
    )]
    Changed {
        /// The application.
        application: String,
        /// What differs, and what it was.
        changed: String,
    },
    /// Checkpoints have no place.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Other processes of the application keep checkpoints where this one does not see them.
    #[error(
        "{application} keeps the checkpoints of shard {shard} in {kept}, which this process cannot use: {reason}; processes of \
         several hosts need one place that all of them see: name a folder on a shared disk, or a URL such as \
         s3://bucket/clout, as checkpoints.place of all, and copy what is in the old place into it"
    )]
    Unseen {
        /// The application.
        application: String,
        /// A shard of it.
        shard: u16,
        /// The place where the last owner of the shard kept its checkpoints.
        kept: Box<CheckpointPlace>,
        /// The reason why this process cannot read that place.
        reason: String,
    },
    /// There is no place for files that nobody needs afterwards.
    #[error("cannot make a folder for the days that are shown: name one by --views")]
    Folder(#[source] io::Error),
    /// The system has no room for another thread.
    #[error("cannot start a thread")]
    Threads(#[source] io::Error),
    /// The system gives no random numbers.
    #[error("cannot draw a key for the hash of names")]
    Randomness(#[source] io::Error),
    /// A worker has given up.
    #[error(transparent)]
    Worker(#[from] Fault),
    /// Something that no retry heals.
    #[error(transparent)]
    Fatal(Arc<Fatal>),
    /// A fault of the program itself.
    #[error(transparent)]
    Internal(Arc<Fatal>),
    /// Somebody said stop, and not all could be finished.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
}

impl From<RouteError> for Failure {
    fn from(error: RouteError) -> Failure {
        Failure::Route(error.into())
    }
}

impl From<ViewsError> for Failure {
    fn from(error: ViewsError) -> Failure {
        Failure::Views(error.into())
    }
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Failure {
        Failure::Connect(error.into())
    }
}

impl From<LiveError> for Failure {
    fn from(error: LiveError) -> Failure {
        ConnectError::Live(error).into()
    }
}

impl Failure {
    /// What the program exits with. It depends on the cause, whichever command it ends.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Stopped(Stop::Interrupted) | Failure::Generate(GenerateError::Interrupted) => {
                ExitCode::Interrupted
            }
            Failure::Loss(loss) => loss.exit_code(),
            Failure::Stopped(Stop::Output(_)) | Failure::Output(_) => ExitCode::Output,
            Failure::Stopped(Stop::Steps { .. }) => ExitCode::Nothing,
            Failure::Generate(GenerateError::Output { .. }) => ExitCode::Output,
            Failure::Stopped(Stop::State(error)) => ExitCode::of_world(error, true),
            Failure::Stopped(Stop::Feed(error)) if error.is_unreachable => ExitCode::Unreachable,
            Failure::Stopped(_) | Failure::Health(_) | Failure::Doctor(_) => ExitCode::Stopped,
            Failure::Journal(_) | Failure::NotTaken(_) => ExitCode::Stopped,
            Failure::State(error) => ExitCode::of_world(error, false),
            Failure::Admin(error) => error.into(),
            Failure::Server(error) => error.into(),
            Failure::Listen { .. } => ExitCode::System,
            Failure::Worker(fault) => fault.into(),
            Failure::Fatal(why) | Failure::Internal(why) => (&**why).into(),
            Failure::Threads(_)
            | Failure::Folder(_)
            | Failure::Store(StoreError::Thread(_))
            | Failure::Randomness(_) => ExitCode::System,
            Failure::Unfinished(_) => ExitCode::Unfinished,
            Failure::Usage(_) | Failure::Input(_) | Failure::Config(_) | Failure::Store(_) => ExitCode::Nothing,
            Failure::Unseen { .. }
            | Failure::Changed { .. }
            | Failure::Missing(_)
            | Failure::Lost(_)
            | Failure::Instance(_)
            | Failure::Gap(_)
            | Failure::Rows(_)
            | Failure::Views(_)
            | Failure::Tokens(_)
            | Failure::Klout(_)
            | Failure::Reset(_)
            | Failure::Shown(_)
            | Failure::Diff(_) => ExitCode::Nothing,
            Failure::Route(error) => error.exit_code(),
            Failure::Connect(error) => error.exit_code(),
            Failure::Generate(_) | Failure::FeedTopic(_) | Failure::Partitions(_) | Failure::Link(_) => {
                ExitCode::Nothing
            }
        }
    }
}

/// An output cannot be created or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}", name(.path))]
pub struct OutputError {
    path: PathBuf,
    source: io::Error,
}

fn name(path: &Path) -> String {
    if path.as_os_str() == "-" { "the standard output".to_owned() } else { path.display().to_string() }
}

impl OutputError {
    /// What a failed write to this path is.
    pub fn to(path: &Path) -> impl Fn(io::Error) -> OutputError {
        move |source| OutputError { path: path.to_owned(), source }
    }

    /// True when whoever read the output, as `head` does, has seen enough.
    pub fn is_broken_pipe(&self) -> bool {
        self.source.kind() == io::ErrorKind::BrokenPipe
    }
}

/// Tells a person, on the standard error: the error and its causes on one line.
pub fn tell(failure: &Failure) {
    let mut line = format!("error: {failure}");
    let mut cause = failure.source();
    while let Some(error) = cause {
        let told = error.to_string();
        // Some say their cause themselves.
        if !line.ends_with(&told) {
            line.push_str(&format!(": {told}"));
        }
        cause = error.source();
    }
    // Nobody is left to be told that nobody can be told.
    let _ = writeln!(io::stderr(), "{line}");
}
