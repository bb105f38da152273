//! The standard output as people see it: how wide it is, and whether it shows colours.

use std::borrow::Cow;

use console::Term;

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
        let terminal = Term::stdout();
        let width = terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|_| terminal.is_term());
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Screen { width, is_coloured: terminal.is_term() && !set("NO_COLOR") && !is_dumb }
    }

    /// A pipe.
    #[cfg(test)]
    pub(crate) fn plain(width: Option<usize>) -> Screen {
        Screen { width, is_coloured: false }
    }

    pub(crate) fn bold<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.style(text, "1")
    }

    pub(crate) fn dim<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.style(text, "2")
    }

    pub(crate) fn bar<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.style(text, "36")
    }

    fn style<'t>(&self, text: &'t str, code: &str) -> Cow<'t, str> {
        match self.is_coloured {
            true => Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m")),
            false => Cow::Borrowed(text),
        }
    }
}
