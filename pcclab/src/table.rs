//! Tables on a terminal.

use comfy_table::{ColumnConstraint, ContentArrangement, Table};

/// Columns of the terminal that is standard output; none when it is a file or
/// a pipe, whose readers want whole lines.
pub fn terminal_width() -> Option<u16> {
    let size = terminal_size::terminal_size_of(std::io::stdout());
    size.map(|(width, _)| width.0)
}

/// Rows as lines, each column as wide as it must be; where that is more than
/// `width` together, long cells go on in the next line, but for the names in front.
pub fn lines(rows: &[Vec<String>], width: Option<u16>) -> String {
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    if let Some(width) = width {
        table.set_width(width);
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    if let Some(names) = table.column_mut(0) {
        names.set_constraint(ColumnConstraint::ContentWidth);
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_cells_go_on_below() {
        let rows = [
            vec!["fan".to_owned(), "irq".to_owned(), "one two three".into()],
            vec!["pump".to_owned(), String::new(), "four".to_owned()],
        ];
        assert_eq!(
            lines(&rows, None),
            "fan   irq  one two three\npump       four\n"
        );
        assert_eq!(
            lines(&rows, Some(22)),
            "fan   irq  one two\n           three\npump       four\n"
        );
        let row = vec!["hisi-uncore-freq".to_owned(), "a".repeat(300)];
        let narrow = lines(&[row], Some(40));
        assert!(narrow.starts_with("hisi-uncore-freq  aaa"), "{narrow}");
        assert!(narrow.lines().all(|line| line.len() <= 40), "{narrow}");
    }
}
