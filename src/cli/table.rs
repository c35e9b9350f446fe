//! Small tables on the terminal.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use super::output::one_line;

/// Rows under a header, as wide as their longest words; numbers stand to the right.
pub(super) fn table(header: &[(&str, CellAlignment)], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header.iter().map(|(title, _)| *title));
    for row in rows {
        table.add_row(row.iter().map(one_line));
    }
    for (place, (_, align)) in header.iter().enumerate() {
        if let Some(column) = table.column_mut(place) {
            column.set_cell_alignment(*align);
            column.set_padding((0, 1));
        }
    }
    table.trim_fmt()
}
