//! The command `docs`: the pages of the documentation, for whoever has the program alone.

use std::path::Path;

use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::exit;
use crate::failure::{Failure, OutputError};
use crate::output::Output;

const AFTER_HELP: &str = "\
Examples:
  clout docs
  clout docs configuration
  clout docs permissions | less";

macro_rules! pages {
    ($($name:literal)*) => {
        /// The pages by name, as they are in the folder docs.
        const PAGES: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../../docs/", $name, ".md"))),)*];
    };
}

pages! {
    "model" "formats" "networks" "output" "configuration" "subscribe" "permissions" "privacy" "dead-letters" "metrics" "api" "klout" "inspect" "runbook" "capacity"
    "performance" "upgrade" "decisions"
}

/// Print a page of the documentation, or list the pages
#[derive(Args, Clone, Debug)]
#[command(after_help = exit::after_help(AFTER_HELP, exit::PRINTS))]
pub struct DocsArgs {
    /// The page
    #[arg(value_name = "PAGE", value_parser = PossibleValuesParser::new(PAGES.iter().map(|(name, _)| *name)))]
    page: Option<String>,
}

/// Prints it to the standard output.
///
/// # Errors
/// If that fails. A reader that goes away is no error.
pub fn run(args: &DocsArgs) -> Result<(), Failure> {
    let text = match &args.page {
        Some(asked) => PAGES.iter().find(|(name, _)| name == asked).map(|(_, text)| (*text).to_owned()),
        None => Some(PAGES.iter().map(|(name, text)| format!("{name:<14} {}\n", title(text))).collect()),
    };
    let path = Path::new("-");
    let print = || {
        let mut out = Output::create(path)?;
        std::io::Write::write_all(&mut out, text.unwrap_or_default().as_bytes())?;
        out.finish()?.keep()
    };
    match print().map_err(OutputError::to(path)) {
        Err(error) if !error.is_broken_pipe() => Err(error.into()),
        _ => Ok(()),
    }
}

fn title(text: &str) -> &str {
    text.lines().next().unwrap_or_default().trim_start_matches("# ")
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    /// That none is missing, `.ci/words` sees.
    #[test]
    fn every_page_has_a_title() {
        assert!(PAGES.iter().all(|(_, text)| text.starts_with("# ") && title(text).len() > 3));
    }

    /// Files of the folder docs are named by links of pages alone: whoever has the program has no folder.
    #[test]
    fn what_the_program_says_names_pages_that_it_has() {
        let mut folders: Vec<PathBuf> = fs::read_dir(root().join("crates"))
            .expect("the folder")
            .map(|entry| entry.expect("a crate").path().join("src"))
            .collect();
        let mut told = 0;
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(&folder).into_iter().flatten().map(|entry| entry.expect("a file").path()) {
                match path.extension().and_then(|ending| ending.to_str()) {
                    None if path.is_dir() => folders.push(path),
                    Some("rs") if !path.ends_with("docs.rs") => {
                        let text = fs::read_to_string(&path).expect("text");
                        for part in text.split("`clout docs ").skip(1) {
                            let name = part.split('`').next().unwrap_or_default();
                            assert!(PAGES.iter().any(|(page, _)| *page == name), "{}: {name}", path.display());
                            told += 1;
                        }
                    }
                    _ => {}
                }
            }
        }
        assert!(told >= 5, "{told}");
    }
}
