//! The top of the ranking as a table that fits its screen.
//!
//! The user's name and the bar take what the numbers leave. On a narrow screen words shorten first, then the least
//! telling columns go.

use std::borrow::Cow;

use console::{measure_text_width, truncate_str};
use vocabulary::{Kind, Score};

use crate::replay::persons::Persons;
use crate::replay::ranking::{Ranked, Ranking};
use crate::replay::summary::Summary;
use crate::screen::Screen;
use crate::shown::shown;
use crate::words::{self, decimal, thousands};

const BAR_WIDTH: std::ops::RangeInclusive<usize> = 5..=20;
const USER_WIDTH_MIN: usize = 8;
/// The longest name that is not cut on a screen; elsewhere a longer one makes its own line longer.
pub(crate) const NAME_WIDTH: usize = 48;

/// A column of numbers.
struct Column {
    word: &'static str,
    short: &'static str,
    value: Value,
}

enum Value {
    Decimal(fn(&Score) -> f64, usize),
    Count(Kind),
}

impl Column {
    fn text(&self, score: &Score) -> String {
        match self.value {
            Value::Decimal(number, digits) => decimal(number(score), digits),
            Value::Count(kind) => thousands(score.received.of(kind)),
        }
    }

    /// How telling it is, the most being 0: on a narrow screen the highest ranks go first.
    fn rank(&self, columns: &[Column]) -> usize {
        let by_telling = |column: &&Column| column.word == REACH || matches!(column.value, Value::Count(_));
        let (more, less): (Vec<&Column>, Vec<&Column>) = columns.iter().partition(by_telling);
        more.into_iter().chain(less).position(|column| column.word == self.word).unwrap_or(columns.len())
    }
}

const REACH: &str = "reach";

/// The columns for these people. Kinds that are counted apart are left out where nobody has any.
fn columns(rows: &[Ranked<'_>]) -> Vec<Column> {
    let decimal = |word, short, number, digits| Column { word, short, value: Value::Decimal(number, digits) };
    let factors = [
        decimal(REACH, "reach", |score| score.reach, 1),
        decimal("amplif.", "ampl", |score| score.amplification, 2),
        decimal("network", "netw", |score| score.network, 2),
        decimal("openness", "open", |score| score.openness, 2),
        decimal("room", "room", |score| score.room, 2),
        decimal("audience", "aud", |score| score.audience, 1),
    ];
    let has_any = |kind: Kind| rows.iter().any(|row| row.score.received.of(kind) > 0);
    let count = |kind: Kind| Column { word: kind.plural(), short: kind.code(), value: Value::Count(kind) };
    factors.into_iter().chain(shown_kinds(has_any).map(count)).collect()
}

/// The kinds whose counts are shown: those that are counted apart only where somebody received one.
pub(crate) fn shown_kinds(has_any: impl Fn(Kind) -> bool) -> impl Iterator<Item = Kind> {
    Kind::listed_counted().filter(move |kind| !kind.is_counted_apart() || has_any(*kind))
}

/// The first so many, or nothing if there are none.
pub(crate) fn top(ranking: &Ranking<'_>, len: usize, summary: &Summary, screen: &Screen) -> String {
    let (rows, among) = ranking.listed(len);
    if rows.is_empty() {
        let words = ranking.filter().words();
        let is_told = len > 0 && !words.is_empty();
        return if is_told {
            format!("{}\n", screen.labelled("", &format!("Nobody is rated{words}"), Screen::as_is))
        } else {
            String::new()
        };
    }
    let title = title(rows.len(), among as u64, &ranking.filter().words(), summary, screen);
    format!("{title}\n\n{}\n", table(&rows, |user| ranking.label(user), screen))
}

/// The first so many people, or nothing if there are none.
pub(crate) fn people(persons: &Persons, len: usize, screen: &Screen) -> String {
    let rows: Vec<Ranked<'_>> = persons.top(len).collect();
    if rows.is_empty() {
        return String::new();
    }
    let (first, all) = (thousands(rows.len() as u64), thousands(persons.len() as u64));
    let who = format!("Top {first} of {all} people, whoever has several accounts once");
    let how = format!("a score of 100 is {} votes", decimal(persons.scale().unwrap_or_default(), 0));
    let title = screen.labelled("", &format!("{}; {how}", screen.bold(&who)), Screen::as_is);
    format!("\n{title}\n\n{}\n", table(&rows, shown, screen))
}

fn title(len: usize, among: u64, words: &str, summary: &Summary, screen: &Screen) -> String {
    let rated = thousands(among);
    let who = match (len as u64, among) {
        (1, 1) => format!("The only one rated{words}"),
        (len, rated_len) if len == rated_len => format!("All {rated} rated{words}"),
        (len, _) => format!("Top {} of {rated} rated{words}", thousands(len)),
    };
    let as_of = summary.as_of.as_deref().unwrap_or_default();
    let half_life = words::duration(summary.half_life_ms);
    let scale = decimal(summary.scale.unwrap_or_default(), 0);
    let how = format!("as of {as_of}, half-life {half_life}; a score of 100 is {scale} votes");
    screen.labelled("", &format!("{}, {how}", screen.bold(&who)), Screen::as_is)
}

fn table<'r>(rows: &[Ranked<'r>], label: impl Fn(&'r str) -> Cow<'r, str>, screen: &Screen) -> String {
    let names: Vec<_> = rows.iter().map(|row| label(row.user)).collect();
    let rows: Vec<Ranked<'_>> = names.iter().zip(rows).map(|(name, row)| Ranked { user: name, ..*row }).collect();
    let layout = Layout::of(&rows, screen);
    let mut lines = vec![screen.dim(&layout.header())];
    for (place, row) in rows.iter().enumerate() {
        lines.push(layout.line(place, row, screen));
    }
    lines.join("\n")
}

/// The columns that fit, and their widths.
struct Layout {
    columns: Vec<(&'static str, Vec<String>)>,
    widths: Vec<usize>,
    rank_width: usize,
    user_width: usize,
    bar_width: usize,
    gap: &'static str,
}

/// `score` and its numbers.
const SCORE_WIDTH: usize = 5;

impl Layout {
    fn of(rows: &[Ranked<'_>], screen: &Screen) -> Layout {
        let names = rows.iter().map(|row| measure_text_width(row.user)).max().unwrap_or(0);
        let names = names.clamp(USER_WIDTH_MIN, NAME_WIDTH);
        let width = screen.width.unwrap_or(usize::MAX);
        let least = names.min(2 * USER_WIDTH_MIN) + BAR_WIDTH.start();
        let columns = columns(rows);
        let wide = Layout::with(rows, &columns, columns.len(), |column| column.word, "  ");
        let short = |kept| Layout::with(rows, &columns, kept, |column| column.short, " ");
        let mut layouts = std::iter::once(wide).chain((2..=columns.len()).rev().map(short));
        let fits = layouts.find(|layout| layout.numbers_width() + least <= width);
        let mut layout = fits.unwrap_or_else(|| short(1));
        let left = width.saturating_sub(layout.numbers_width());
        layout.bar_width = left.saturating_sub(names).clamp(*BAR_WIDTH.start(), *BAR_WIDTH.end());
        layout.user_width = left.saturating_sub(layout.bar_width).clamp(USER_WIDTH_MIN, names);
        layout
    }

    /// With the so many most telling columns.
    fn with(
        rows: &[Ranked<'_>],
        columns: &[Column],
        kept: usize,
        word: fn(&Column) -> &'static str,
        gap: &'static str,
    ) -> Layout {
        let shown = columns.iter().filter(|column| column.rank(columns) < kept);
        let cells = |column: &Column| (word(column), rows.iter().map(|row| column.text(&row.score)).collect());
        let columns: Vec<(&'static str, Vec<String>)> = shown.map(cells).collect();
        let width =
            |(word, cells): &(&'static str, Vec<String>)| cells.iter().map(String::len).max().max(Some(word.len()));
        let widths = columns.iter().filter_map(width).collect();
        let rank_width = rows.len().to_string().len();
        Layout { columns, widths, rank_width, user_width: 0, bar_width: 0, gap }
    }

    /// Everything but the name and the bar.
    fn numbers_width(&self) -> usize {
        let gaps = (3 + self.columns.len()) * self.gap.len();
        self.rank_width + SCORE_WIDTH + self.widths.iter().sum::<usize>() + gaps
    }

    fn header(&self) -> String {
        let Layout { rank_width, user_width, bar_width, gap, .. } = self;
        let mut line = format!("{:>rank_width$}{gap}{:<user_width$}{gap}score{gap}{:bar_width$}", "#", "user", "");
        for ((word, _), width) in self.columns.iter().zip(&self.widths) {
            line += &format!("{gap}{word:>width$}");
        }
        line
    }

    fn line(&self, place: usize, row: &Ranked<'_>, screen: &Screen) -> String {
        let Layout { rank_width, bar_width, gap, .. } = self;
        let fit = if screen.width.is_some() { fitted } else { filled };
        let user = fit(row.user, self.user_width);
        let bar = bar(row.score.score, *bar_width);
        let number = format!("{:>SCORE_WIDTH$.1}", row.score.score);
        let mut line = format!("{:>rank_width$}{gap}{user}{gap}{}{gap}", row.rank, screen.bold(&number));
        line += &screen.bar(&bar);
        for ((_, cells), width) in self.columns.iter().zip(&self.widths) {
            line += &format!("{gap}{:>width$}", cells[place]);
        }
        line
    }
}

/// A name cut or filled to this width, as terminals measure it.
pub(crate) fn fitted(name: &str, width: usize) -> String {
    filled(&truncate_str(name, width, "…"), width)
}

/// A name filled to this width, unless it is longer.
pub(crate) fn filled(name: &str, width: usize) -> String {
    let filling = width.saturating_sub(measure_text_width(name));
    format!("{name}{:filling$}", "")
}

/// A share of a hundred as a bar, in eighths of a cell.
fn bar(score: f64, width: usize) -> String {
    const PARTS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    let eighths = (score / 100.0 * (width * 8) as f64).round() as usize;
    let (whole, part) = ((eighths / 8).min(width), eighths % 8);
    let mut bar = "█".repeat(whole);
    if whole < width {
        bar.push(PARTS[part]);
        bar.push_str(&" ".repeat(width - whole - 1));
    }
    bar
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use vocabulary::Received;

    use super::*;

    fn score(score: f64) -> Score {
        Score {
            score,
            influence: 1234.5,
            reach: 1027.25,
            amplification: 1.25,
            network: 0.96,
            openness: 1.0,
            room: 1.0,
            audience: 2.5,
            received: Received::from([
                (vocabulary::Kind::Mention, 1234),
                (vocabulary::Kind::Retweet, 14_060),
                (vocabulary::Kind::Reply, 7),
            ]),
            followers: 12,
            following: 3,
            as_of: 0,
            scale: 1300.0,
            scale_version: 1,
            previous: None,
        }
    }

    fn table_of(people: &[(&str, f64)], width: Option<usize>) -> String {
        let row = |(place, &(user, points)): (usize, &(_, _))| Ranked {
            rank: place + 1,
            percentile: 0.0,
            user,
            score: score(points),
        };
        table(&people.iter().enumerate().map(row).collect::<Vec<_>>(), shown, &Screen::plain(width))
    }

    fn table_at(width: Option<usize>) -> String {
        table_of(&[("88", 100.0), ("日本のなまえ", 81.25), ("bluesky:did:plc:abcdefghijklmnop", 0.0)], width)
    }

    #[test]
    fn a_long_name_is_cut_on_a_screen_and_alone_is_long_elsewhere() {
        let long = "x".repeat(500);
        let table = |width| table_of(&[(&long, 100.0), ("bo", 1.0)], width);
        for width in [80, 300] {
            assert!(table(Some(width)).lines().all(|line| measure_text_width(line) <= width), "{width}");
        }
        assert!(table(Some(300)).contains(&format!(" {}… ", "x".repeat(NAME_WIDTH - 1))));
        let plain = table(None);
        let widths: Vec<usize> = plain.lines().map(measure_text_width).collect();
        assert_eq!((widths[0], widths[1] - (500 - NAME_WIDTH)), (widths[2], widths[2]), "{plain}");
    }

    #[test]
    fn it_fits_the_screen() {
        let check = |width, table: Expect| table.assert_eq(&table_at(width));
        check(
            None,
            expect![[r#"
                #  user                              score                          reach  amplif.  network  openness  room  audience  retweets  mentions  replies
                1  88                                100.0  ████████████████████  1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7
                2  日本のなまえ                       81.2  ████████████████▎     1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7
                3  bluesky:did:plc:abcdefghijklmnop    0.0                        1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7"#]],
        );
        check(
            Some(120),
            expect![[r#"
                #  user                   score           reach  amplif.  network  openness  room  audience  retweets  mentions  replies
                1  88                     100.0  █████  1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7
                2  日本のなまえ            81.2  ████▏  1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7
                3  bluesky:did:plc:abcd…    0.0         1,027.2     1.25     0.96      1.00  1.00       2.5    14,060     1,234        7"#]],
        );
        check(
            Some(80),
            expect![[r#"
                # user               score         reach ampl netw open room aud     RT    MT RE
                1 88                 100.0 █████ 1,027.2 1.25 0.96 1.00 1.00 2.5 14,060 1,234  7
                2 日本のなまえ        81.2 ████▏ 1,027.2 1.25 0.96 1.00 1.00 2.5 14,060 1,234  7
                3 bluesky:did:plc:a…   0.0       1,027.2 1.25 0.96 1.00 1.00 2.5 14,060 1,234  7"#]],
        );
        check(
            Some(50),
            expect![[r#"
            # user                  score         reach     RT
            1 88                    100.0 █████ 1,027.2 14,060
            2 日本のなまえ           81.2 ████▏ 1,027.2 14,060
            3 bluesky:did:plc:abcd…   0.0       1,027.2 14,060"#]],
        );
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        for width in 44..200 {
            for line in table_at(Some(width)).lines() {
                assert!(measure_text_width(line) <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn the_bar_is_filled_by_the_score() {
        let check = |score, width, text: &str| assert_eq!(bar(score, width), text);
        check(0.0, 4, "    ");
        check(100.0, 4, "████");
        check(50.0, 4, "██  ");
        check(53.0, 4, "██▏ ");
        check(99.9, 4, "████");
    }
}
