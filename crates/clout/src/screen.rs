//! The standard output as people see it: how wide it is, and whether it shows colours.

use console::{Term, measure_text_width};

/// Text is not broken into lines shorter than this.
const NARROWEST: usize = 20;

/// The width of a terminal that does not say its own.
const USUAL_WIDTH: usize = 80;

/// Where a table goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    /// Columns; `None` for a file or a pipe, where a line may be as long as it likes.
    pub(crate) width: Option<usize>,
    is_coloured: bool,
}

impl Screen {
    /// Colours on a terminal only, and not where `NO_COLOR` is set (<https://no-color.org>).
    pub(crate) fn of_stdout() -> Screen {
        Screen::of(&Term::stdout())
    }

    /// The same for what goes to the standard error.
    pub(crate) fn of_stderr() -> Screen {
        Screen::of(&Term::stderr())
    }

    fn of(terminal: &Term) -> Screen {
        let size = terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|_| terminal.is_term());
        // Programs that show what others print, as `watch` does, say by this variable how wide they are.
        let said = || std::env::var("COLUMNS").ok()?.trim().parse().ok().filter(|columns| *columns > 0);
        let width = size.or_else(said).or_else(|| terminal.is_term().then_some(USUAL_WIDTH));
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Screen { width, is_coloured: terminal.is_term() && !set("NO_COLOR") && !is_dumb }
    }

    /// A pipe.
    #[cfg(test)]
    pub(crate) fn plain(width: Option<usize>) -> Screen {
        Screen { width, is_coloured: false }
    }

    /// Text behind a label, broken between words; the lines after the first are indented by the label's width.
    pub(crate) fn labelled(&self, label: &str, text: &str, style: fn(&Screen, &str) -> String) -> String {
        let indent = measure_text_width(label);
        let room = self.width.unwrap_or(usize::MAX).saturating_sub(indent).max(NARROWEST);
        let lines = broken(text, room).into_iter().map(|line| style(self, &line));
        format!("{label}{}", lines.collect::<Vec<_>>().join(&format!("\n{:indent$}", "")))
    }

    /// No style at all.
    pub(crate) fn as_is(&self, text: &str) -> String {
        text.to_owned()
    }

    pub(crate) fn bold(&self, text: &str) -> String {
        self.style(text, "1")
    }

    pub(crate) fn dim(&self, text: &str) -> String {
        self.style(text, "2")
    }

    pub(crate) fn bar(&self, text: &str) -> String {
        self.style(text, "36")
    }

    fn style(&self, text: &str, code: &str) -> String {
        match self.is_coloured {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// Text in lines of at most so many columns, unless one word alone is longer.
fn broken(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if measure_text_width(line) + 1 + measure_text_width(word) <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_broken_between_words() {
        let labelled = |width| Screen::plain(width).labelled("read  ", "one two three four five", Screen::as_is);
        assert_eq!(labelled(None), "read  one two three four five");
        assert_eq!(labelled(Some(29)), "read  one two three four five");
        assert_eq!(labelled(Some(28)), "read  one two three four\n      five");
        assert_eq!(broken("one two three", 7), ["one two", "three"]);
        assert_eq!(broken("a-very-long-name is long", 7), ["a-very-long-name", "is long"]);
    }
}
