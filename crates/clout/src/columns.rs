//! Tables of text for people: columns as wide as what is in them.

use console::measure_text_width;

/// Rows under a head. Numbers stand at the right of their columns; a column whose head begins with `<` is text, and stands at
/// the left.
pub(crate) fn table<const COLUMNS: usize>(head: [&str; COLUMNS], rows: &[[String; COLUMNS]]) -> String {
    let title = |column: usize| head[column].trim_start_matches('<');
    let width = |column: usize| {
        let cells = rows.iter().map(|row| measure_text_width(&row[column]));
        cells.chain([measure_text_width(title(column))]).max().unwrap_or(0)
    };
    let widths: [usize; COLUMNS] = std::array::from_fn(width);
    let line = |cell: &dyn Fn(usize) -> String| {
        let cells = (0..COLUMNS).map(|column| {
            let (text, left) = (cell(column), head[column].starts_with('<'));
            let blanks = " ".repeat(widths[column].saturating_sub(measure_text_width(&text)));
            if left { text + &blanks } else { blanks + &text }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    let head = line(&|column| title(column).to_owned());
    rows.iter().fold(head, |text, row| text + &line(&|column| row[column].clone()))
}

#[cfg(test)]
mod tests {
    use super::table;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [["events".into(), "2,000".into(), "x".into()], ["é".into(), "1".into(), String::new()]];
        let text = table(["<input", "letters", "<said"], &rows);
        assert_eq!(text, "input   letters  said\nevents    2,000  x\né             1\n");
    }
}
