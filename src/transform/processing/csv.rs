//! Rows of CSV taken apart as text.
//!
//! Fields are cut where RFC 4180 says and stay as they were written, with their quotes: what is
//! selected or joined is copied, so that a field means the same before and after, and one without
//! need of quotes gets none. The csv crate would give the fields' values, lets an unclosed quote
//! and text after a closing one pass, and would have to quote anew; the tests hold the cuts made
//! here against it.

/// Appends the fields of one row to `fields`, quotes and all.
///
/// # Errors
/// What RFC 4180 does not allow, with its column. A quote that is not closed is most often a field
/// with a newline in it, which cannot be split by lines.
pub(super) fn fields<'r>(row: &'r [u8], fields: &mut Vec<&'r [u8]>) -> Result<(), String> {
    let row = without_line_end(row);
    let mut rest = row;
    loop {
        let column = fields.len();
        let end = match rest.first() {
            Some(b'"') => quoted_end(&rest[1..]).map(|end| end + 1),
            _ => plain_end(rest),
        };
        let end = end.map_err(|reason| format!("not CSV: column {column} {reason}"))?;
        fields.push(&rest[..end]);
        match rest.get(end) {
            Some(_) => rest = &rest[end + 1..],
            None => return Ok(()),
        }
    }
}

/// Appends a row of fields that are written already. A lone empty field is quoted, for an empty line
/// would be no row to many a reader.
pub(super) fn write_row<'r>(fields: impl Iterator<Item = &'r [u8]>, out: &mut Vec<u8>) {
    let start = out.len();
    let mut columns = 0;
    for field in fields {
        if columns > 0 {
            out.push(b',');
        }
        out.extend_from_slice(field);
        columns += 1;
    }
    if columns == 1 && out.len() == start {
        out.extend_from_slice(b"\"\"");
    }
}

/// A row without the one line end that may close it.
pub(super) fn without_line_end(row: &[u8]) -> &[u8] {
    let row = row.strip_suffix(b"\n").unwrap_or(row);
    row.strip_suffix(b"\r").unwrap_or(row)
}

fn plain_end(rest: &[u8]) -> Result<usize, &'static str> {
    let end = rest.iter().position(|b| matches!(b, b',' | b'"' | b'\n' | b'\r'));
    match end.map(|end| (end, rest[end])) {
        None => Ok(rest.len()),
        Some((end, b',')) => Ok(end),
        Some((_, b'"')) => Err("has a quote within; put the field in quotes and double the quote"),
        Some(_) => Err("is followed by a line end: a record is one row"),
    }
}

/// Where a quoted field ends, past its closing quote; `rest` begins after the opening one.
fn quoted_end(rest: &[u8]) -> Result<usize, &'static str> {
    let mut at = 0;
    loop {
        let next = rest[at..].iter().position(|b| matches!(b, b'"' | b'\n' | b'\r'));
        let Some(next) = next.map(|next| at + next) else {
            return Err(
                "opens a quote that the row does not close: a field cannot hold a newline \
                        where records are split by lines",
            );
        };
        match (rest[next], rest.get(next + 1)) {
            (b'"', Some(b'"')) => at = next + 2,
            (b'"', None | Some(b',')) => return Ok(next + 1),
            (b'"', Some(_)) => return Err("has text after its closing quote"),
            _ => return Err("has a newline within, which is not supported"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(row: &str) -> Result<Vec<String>, String> {
        let mut cut = Vec::new();
        fields(row.as_bytes(), &mut cut)?;
        Ok(cut.into_iter().map(|field| String::from_utf8(field.to_vec()).unwrap()).collect())
    }

    fn by_the_crate(row: &[u8]) -> Vec<String> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(row);
        let record = reader.records().next().expect("one row").unwrap();
        record.iter().map(str::to_owned).collect()
    }

    #[test]
    fn quotes_stay_and_commas_within_them_do_not_cut() {
        let fields = ["1", r#""a,b""#, r#""say ""x""""#, "", ""];
        assert_eq!(cut(&fields.join(",")).unwrap(), fields);
        assert_eq!(cut("").unwrap(), [""]);
        assert_eq!(cut("1,2\r\n").unwrap(), ["1", "2"]);
    }

    #[test]
    fn what_is_not_csv_is_refused_with_its_column() {
        for (row, part) in [
            (r#"1,"a"#, "column 1 opens a quote"),
            (r#"1,"a"b"#, "column 1 has text after its closing quote"),
            (r#"1,a"b""#, "column 1 has a quote within"),
            ("\"a\nb\"", "column 0 has a newline within"),
            ("1\n2", "column 0 is followed by a line end"),
        ] {
            let reason = cut(row).unwrap_err();
            assert!(reason.contains(part), "{row}: {reason}");
        }
    }

    proptest! {
        /// For all fields, what the csv crate writes is cut into as many fields, each of which is
        /// written again so that the csv crate reads the same.
        #[test]
        fn rows_are_cut_and_written_as_the_csv_crate_does(
            values in proptest::collection::vec("[ab,\" é]{0,5}", 1..6),
        ) {
            let mut writer = csv::WriterBuilder::new().from_writer(Vec::new());
            writer.write_record(&values).unwrap();
            let row = writer.into_inner().unwrap();
            let mut cut = Vec::new();
            fields(&row, &mut cut).unwrap();
            prop_assert_eq!(cut.len(), values.len());
            for (field, value) in cut.iter().zip(&values) {
                let mut alone = Vec::new();
                write_row(std::iter::once(*field), &mut alone);
                prop_assert_eq!(&by_the_crate(&alone), std::slice::from_ref(value));
            }
            let mut again = Vec::new();
            write_row(cut.into_iter(), &mut again);
            prop_assert_eq!(by_the_crate(&again), values);
        }

        /// For all bytes, a row is refused or the csv crate finds as many fields in it.
        #[test]
        fn anything_else_is_refused_or_read_alike(row in "[a,\" ]{1,12}") {
            if let Ok(cut) = cut(&row) {
                prop_assert_eq!(by_the_crate(row.as_bytes()).len(), cut.len());
            }
        }
    }
}
