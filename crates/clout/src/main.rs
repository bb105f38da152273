//! The program `clout`: one command line, one module of the library for each command.

use std::process::ExitCode;

use clap::{Arg, CommandFactory, FromArgMatches, Parser, Subcommand};
use clout::connect::{self, ConnectArgs};
use clout::dead_letters::{self, DeadLettersArgs};
use clout::demo::{self, DemoArgs};
use clout::diff::{self, DiffArgs};
use clout::docs::{self, DocsArgs};
use clout::doctor::{self, DoctorArgs};
use clout::exit;
use clout::export::{self, ExportArgs};
use clout::failure::{Failure, tell};
use clout::feed::{self, FeedArgs};
use clout::forget::{self, ForgetArgs};
use clout::generate::{self, GenerateArgs};
use clout::health::{self, HealthArgs};
use clout::journal::{self, JournalArgs};
use clout::link::{self, LinkArgs};
use clout::packaging;
use clout::panics;
use clout::replay::{self, ReplayArgs};
use clout::reset::{self, ResetArgs};
use clout::route::{self, RouteArgs};
use clout::run::{self, RunArgs};
use clout::serve::{self, ServeArgs};
use clout::state::{self, StateArgs};
use clout::topics::{self, TopicsArgs};

const AFTER_HELP: &str = "\
Examples:
  clout demo
  clout generate --users 1000 --events 50000 --out log.json
  clout replay log.json
  clout replay --half-life 12h --user 88 higgs-activity_time.txt.gz

`clout help replay` says everything about one command.";

/// Scores how influential people are from what others do: mentions, retweets, quotes, replies, likes and follows.
#[derive(Parser)]
#[command(name = "clout", version, after_help = exit::after_help(AFTER_HELP, exit::ExitCode::ALL), arg_required_else_help = true, max_term_width = 120)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Demo(Box<DemoArgs>),
    Replay(Box<ReplayArgs>),
    Run(Box<RunArgs>),
    Serve(Box<ServeArgs>),
    Generate(Box<GenerateArgs>),
    Topics(Box<TopicsArgs>),
    Feed(Box<FeedArgs>),
    Route(Box<RouteArgs>),
    Connect(Box<ConnectArgs>),
    Link(Box<LinkArgs>),
    Export(Box<ExportArgs>),
    Forget(Box<ForgetArgs>),
    Diff(Box<DiffArgs>),
    Reset(Box<ResetArgs>),
    Docs(Box<DocsArgs>),
    Doctor(Box<DoctorArgs>),
    State(Box<StateArgs>),
    Journal(Box<JournalArgs>),
    DeadLetters(Box<DeadLettersArgs>),
    Health(HealthArgs),
}

impl CommandLine {
    /// What was given. A number below 0 is a value, so that whoever gives one hears what the option takes, and not of an
    /// argument that nobody knows.
    fn of_arguments() -> CommandLine {
        let matches = takes_negatives(CommandLine::command()).get_matches();
        CommandLine::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

fn takes_negatives(command: clap::Command) -> clap::Command {
    let is_number = |arg: &Arg| {
        let names = arg.get_value_names().unwrap_or_default();
        !arg.is_positional()
            && names.iter().any(|name| matches!(name.as_str(), "NUMBER" | "DURATION" | "SHARE" | "VOTES"))
    };
    let command = command.mut_args(|arg| if is_number(&arg) { arg.allow_hyphen_values(true) } else { arg });
    command.mut_subcommands(takes_negatives)
}

fn main() -> ExitCode {
    let work = || match packaging::asked() {
        // No command of the command line, which it is made of: completions would offer it.
        Some(folder) => packaging::run(&folder, &CommandLine::command()),
        None => run(CommandLine::of_arguments().command),
    };
    match panics::report(work) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            tell(&failure);
            ExitCode::from(failure.exit_code().code())
        }
    }
}

fn run(command: Command) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Replay(args) => replay::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Serve(args) => serve::run(&args),
        Command::Generate(args) => Ok(generate::run(*args)?),
        Command::Topics(args) => topics::run(&args),
        Command::Feed(args) => feed::run(&args),
        Command::Route(args) => route::run(&args),
        Command::Connect(args) => connect::run(&args),
        Command::Link(args) => link::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Forget(args) => forget::run(&args),
        Command::Diff(args) => diff::run(&args),
        Command::Reset(args) => reset::run(&args),
        Command::Docs(args) => docs::run(&args),
        Command::Doctor(args) => doctor::run(&args),
        Command::State(args) => state::run(&args),
        Command::Journal(args) => journal::run(&args),
        Command::DeadLetters(args) => dead_letters::run(&args),
        Command::Health(args) => health::run(&args),
    }
}
