//! The command `replay`: a recorded event log in, a ranking out.
//!
//! Owns the steps from the command line to the exit code; what a score is belongs to `influence`, how shards are
//! stepped to `embedded`, how files are read to `recorded`. The order of the modules is the path of an event.

mod options;

mod credits;
mod days;
mod outliers;
mod scoring;
mod timeline;

mod facets;
mod persons;
mod ranking;
mod summary;

mod json;
mod notes;
mod person;
mod report;

use std::io::{self, Write};
use std::path::Path;

pub use facets::Condition;
pub use options::{ReplayArgs, UsageError};

use crate::failure::{Failure, OutputError};
use crate::interrupt::Interrupt;
use crate::output::{Output, Whole};
use crate::recorded::Stop;
use crate::recorded::gate::Gate;
use crate::recorded::input::BytesRead;
use crate::recorded::log::Logs;
use crate::recorded::loss::Outcome;
use crate::recorded::messages::{Networks, summaries};
use crate::recorded::progress::{Progress, Watch};
use crate::recorded::rejects::{Letters, Rejects};
use crate::screen::Screen;
use facets::Facets;
use person::Person;
use persons::{Linked, Persons};
use ranking::Ranking;
use scoring::Scoring;
use summary::{Run, Summary};

/// Replays the logs, and writes what was asked for.
///
/// # Errors
/// If nothing could be begun, something could not be written, or the reading stopped early: all that could be scored
/// until then is written all the same.
pub fn run(args: &ReplayArgs) -> Result<(), Failure> {
    args.check()?;
    let model = args.model()?;
    let linked = args.links.as_deref().map(|path| Linked::read(path, &args.names())).transpose()?;
    let interrupt = Interrupt::install();
    let bytes_read = BytesRead::default();
    let logs = Logs::open(&args.files(), &bytes_read, &interrupt)?;
    let progress = Progress::new(logs.size_bytes(), bytes_read, args.quiet);
    logs.passed().for_each(|passed| progress.say(&format!("note: {passed}")));

    // Everything is created before anything is read: what cannot be written is told before an hour is spent.
    let scores_out = args.scores_out.as_deref().map(create).transpose()?;
    let people_out = args.people_out.as_deref().map(create).transpose()?;
    let rejects = Rejects::new(args.max_bad, args.dead_letters.as_deref(), &progress)?;
    let watch = Watch { progress: progress.clone(), interrupt };
    let mut gate = Gate::new(args.until, args.names(), rejects, watch.clone());
    let mut scoring = Scoring::new(&model, args, watch)?;
    linked.iter().for_each(|linked| linked.tell(&mut scoring.world));

    let mut files = Vec::new();
    let read = logs.read(&mut gate, &mut scoring, &mut files);
    progress.settling();
    let settled = scoring.finish(args.until.filter(|_| read.is_ok()));
    progress.finish();
    let mut stop = read.and(settled).err();
    let notes = gate.notes.lines();
    let networks = gate.networks.take();
    let languages = networks.iter().flat_map(|networks| networks.languages());
    let languages = languages.map(|(user, language)| (user.into(), language)).collect();
    let facets = Facets { languages, countries: std::mem::take(&mut gate.countries) };
    let (counts, reasons, letters) = gate.finish();
    // A world that has not got to where it was before has no result, and a timeline that is refused none that anybody asked for.
    if let Some(stop) = stop.take_if(|stop| scoring.world.has_failed() || matches!(stop, Stop::Steps { .. })) {
        return Err(stop.into());
    }

    // They say what is wrong with the input, and so are kept whatever it is worth.
    let letters = letters.and_then(|letters| letters.map_or(Ok(()), Letters::keep));
    let loss = Outcome {
        counts: &counts,
        files: &files,
        reasons: &reasons,
        stop: stop.as_ref(),
        is_accepted: args.accept_loss,
        consequence: "nothing is written, and what is there stays as it was",
        empty: Some(args.no_events()),
    };
    let loss = loss.loss();
    let moves = [scoring.timeline.take(), scoring.history.take(), scoring.credits.take()];
    let run = Run {
        args,
        model: &model,
        files,
        counts,
        networks: summaries(networks.as_deref().map(Networks::tally)),
        notes,
        scoring: &scoring,
        stop: stop.as_ref(),
        elapsed: progress.elapsed(),
    };
    if let Some(loss) = loss {
        if !args.json {
            run.notes.iter().for_each(|line| progress.say(line));
            progress.say(&Summary::of(run, &Ranking::of(&scoring.world)).text(&Screen::of_stderr()));
        }
        return Err(loss.into());
    }
    let persons = linked.map(|linked| Persons::of(&linked, &scoring.world));
    let outputs = Outputs { scores: scores_out, people: people_out, moves };
    let beside = (networks.as_deref(), persons.as_ref(), &facets);
    let written = letters.map_err(Failure::from).and(write(run, beside, outputs, &progress));
    stop.map_or(written, |stop| Err(stop.into()))
}

/// The files that are written at the end.
struct Outputs {
    scores: Option<Output>,
    people: Option<Output>,
    moves: [Option<Whole>; 3],
}

/// Writes the results: first the files, since a reader of the standard output may go away.
fn write(
    run: Run<'_>,
    (networks, persons, facets): (Option<&Networks>, Option<&Persons>, &Facets),
    outputs: Outputs,
    progress: &Progress,
) -> Result<(), Failure> {
    let args = run.args;
    let Outputs { scores: scores_out, people: people_out, moves } = outputs;
    let ranking = Ranking::of(&run.scoring.world).with_people(networks.map(|networks| &networks.people));
    let ranking = ranking.with_facets(facets, args.filter());
    let summary = Summary::of(run, &ranking);
    let scores = match (&args.scores_out, scores_out) {
        (Some(path), Some(output)) => unless_broken_pipe(ranking.write(path, output).and_then(keep(path))),
        _ => Ok(()),
    };
    let people = match (&args.people_out, people_out, persons) {
        (Some(path), Some(output), Some(persons)) => {
            unless_broken_pipe(persons.write(path, output).and_then(keep(path)))
        }
        _ => Ok(()),
    };
    let moves = [&args.timeline_out, &args.history_out, &args.credits_out].into_iter().zip(moves);
    // One that cannot be kept does not keep the others back.
    let moves: Vec<Result<(), OutputError>> =
        moves.filter_map(|(path, whole)| Some(keep(path.as_deref()?)(whole?))).collect();
    let moves = moves.into_iter().collect::<Result<(), OutputError>>().map_err(Failure::from);
    summary.warnings().iter().for_each(|line| progress.say(line));
    let printed = unless_broken_pipe(print(args, &ranking, persons, &summary));
    if !args.json {
        progress.say(&summary.text(&Screen::of_stderr()));
    }
    scores.and(people).and(moves).and(printed)
}

/// Puts a whole output in its place.
fn keep(path: &Path) -> impl Fn(Whole) -> Result<(), OutputError> {
    move |whole| whole.keep().map_err(OutputError::to(path))
}

fn create(path: &Path) -> Result<Output, OutputError> {
    Output::create(path).map_err(OutputError::to(path))
}

/// The results for people, or all of them as one document, on the standard output.
fn print(
    args: &ReplayArgs,
    ranking: &Ranking<'_>,
    persons: Option<&Persons>,
    summary: &Summary,
) -> Result<(), OutputError> {
    if args.prints_a_file() {
        return Ok(());
    }
    let stdout_failed = OutputError::to(Path::new("-"));
    let users = args.spelled_users();
    let people: Vec<Person<'_>> = users.iter().map(|name| Person::of(ranking, ranking.resolve(name))).collect();
    let text = if args.json {
        json::document(summary, ranking, persons, args.top(), &people).map_err(|error| stdout_failed(error.into()))?
    } else {
        let screen = Screen::of_stdout();
        let mut text = report::top(ranking, args.top(), summary, &screen);
        text += &persons.map_or_else(String::new, |persons| report::people(persons, args.top(), &screen));
        people.iter().for_each(|person| text += &person::text(person, ranking, summary, &screen));
        text
    };
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(stdout_failed)
}

/// A reader that goes away, as `head` does, has what it wanted.
fn unless_broken_pipe(written: Result<(), OutputError>) -> Result<(), Failure> {
    match written {
        Err(error) if error.is_broken_pipe() => Ok(()),
        written => Ok(written?),
    }
}
