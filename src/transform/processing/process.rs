//! The three steps: filter a record, join its result, filter the joined.

use super::jsonpath::{JsonPath, Step};
use super::rules::{self, Format};
use super::{csv, json};
use crate::error::{Error, Result};
use crate::transform::terms::{AssembleWith, JoinSource, SplitType};

/// Where a result goes in a joined object.
const OUTPUT: &str = "SageMakerOutput";
/// Where a record goes that is not an object.
const INPUT: &str = "SageMakerInput";

/// The data processing of a job, checked. One serves all threads.
#[derive(Clone, Debug)]
pub struct Processing {
    input: JsonPath,
    join: JoinSource,
    output: JsonPath,
    format: Format,
    /// Whether a record is one line, and so must what is made of it be.
    by_line: bool,
}

impl Processing {
    /// Checks the fields of a request; `None` where there is nothing to do: both filters are `$`
    /// and nothing is joined.
    ///
    /// # Errors
    /// [`Error::Invalid`] that names the field and the fix.
    pub fn new(
        input_filter: &str,
        join: JoinSource,
        output_filter: &str,
        content_type: &str,
        accept: &str,
        split: SplitType,
        assemble: AssembleWith,
    ) -> Result<Option<Self>> {
        let input = rules::filter("InputFilter", input_filter)?;
        let output = rules::filter("OutputFilter", output_filter)?;
        if rules::idle(&input, join, &output) {
            return Ok(None);
        }
        let format = rules::format(content_type, accept, split, assemble)?;
        if format == Format::Csv {
            rules::fits_csv("InputFilter", &input)?;
            rules::fits_csv("OutputFilter", &output)?;
        }
        Ok(Some(Self { input, join, output, format, by_line: split == SplitType::Line }))
    }

    /// Appends to `out` what the model gets of a record, without a line end. JSON Lines that are not
    /// split come as they are, several lines in one record, and leave so.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the filter and the reason; `out` is then of no use.
    pub fn input(&self, record: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let filter = |line: &[u8], out: &mut Vec<u8>| {
            self.filter(&self.input, line, out).map_err(|error| error.within("InputFilter"))
        };
        if !self.many_lines() {
            return filter(record, out);
        }
        for (i, line) in lines(record).enumerate() {
            if i > 0 {
                out.push(b'\n');
            }
            filter(line, out)?;
        }
        Ok(())
    }

    /// Appends to `out` what is written of a record and its result, joined and filtered, without a
    /// line end. `record` is the whole one, not what the model got of it.
    ///
    /// # Errors
    /// [`Error::Malformed`] that names the filter or the side of the join, and the reason; `out` is
    /// then of no use.
    pub fn output(&self, record: &[u8], result: &[u8], out: &mut Vec<u8>) -> Result<()> {
        if !self.many_lines() {
            return self.one(record, result, out);
        }
        let records = lines(record).count();
        let results = self.results(result, records)?;
        for (i, (record, result)) in lines(record).zip(results).enumerate() {
            if i > 0 {
                out.push(b'\n');
            }
            self.one(record, result, out)?;
        }
        Ok(())
    }

    /// Takes the response to a request of `records` records apart into their results: the whole
    /// response for one record, a line each for several.
    ///
    /// # Errors
    /// [`Error::Malformed`] where the response has fewer or more lines than there are records.
    pub fn results<'a>(&self, response: &'a [u8], records: usize) -> Result<Vec<&'a [u8]>> {
        if records == 1 {
            return Ok(vec![csv::without_line_end(response)]);
        }
        let results: Vec<&[u8]> = lines(response).collect();
        if results.len() == records {
            return Ok(results);
        }
        Err(Error::malformed(
            "response",
            format!(
                "it has {} lines for {records} records, so that results cannot be matched with \
                 records; answer with a line for each, or set BatchStrategy to SingleRecord",
                results.len()
            ),
        ))
    }

    /// Whether a record may be many lines of JSON.
    fn many_lines(&self) -> bool {
        self.format == Format::JsonLines && !self.by_line
    }

    fn one(&self, record: &[u8], result: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let filtered = match (self.join, self.format) {
            (JoinSource::None, _) => self.filter(&self.output, result, out),
            (JoinSource::Input, Format::Csv) => {
                let mut row = Vec::new();
                join_side("the record", csv::fields(record, &mut row))?;
                join_side("the result", csv::fields(result, &mut row))?;
                select(&self.output, &row, out)
            }
            (JoinSource::Input, _) => {
                // A scratch of its own for each record: next to the model's work it does not count.
                let mut joined = Vec::with_capacity(record.len() + result.len() + 64);
                join_json(record, result, &mut joined)?;
                self.filter(&self.output, &joined, out)
            }
        };
        filtered.map_err(|error| error.within("OutputFilter"))
    }

    fn filter(&self, path: &JsonPath, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let refuse = |reason| Error::malformed(path.to_string(), reason);
        let start = out.len();
        match self.format {
            // The whole is not looked into: a handler may answer `ERROR` for a record.
            _ if path.is_whole() => out.extend_from_slice(csv::without_line_end(text)),
            Format::Csv => {
                let mut row = Vec::new();
                csv::fields(text, &mut row).map_err(refuse)?;
                select(path, &row, out)?;
            }
            Format::Json | Format::JsonLines => path.apply(text, out)?,
        }
        match self.format {
            Format::Csv if out[start..].iter().any(is_line_end) => {
                Err(refuse("a row has a line end within, which is not supported".into()))
            }
            Format::Json if !self.by_line => Ok(()),
            _ => {
                keep_one_line(start, out);
                Ok(())
            }
        }
    }
}

/// Appends the columns of a row that a path selects.
fn select(path: &JsonPath, row: &[&[u8]], out: &mut Vec<u8>) -> Result<()> {
    let [Step::Elements(elements)] = path.steps() else {
        csv::write_row(row.iter().copied(), out);
        return Ok(());
    };
    let refuse = |reason| Error::malformed(path.to_string(), reason);
    let mut columns = Vec::new();
    for element in elements {
        let range = element.resolve(row.len()).map_err(|reason| refuse(reason + " (columns)"))?;
        columns.extend_from_slice(&row[range]);
    }
    if columns.is_empty() {
        return Err(refuse(format!("it selects nothing of {} columns", row.len())));
    }
    csv::write_row(columns.into_iter(), out);
    Ok(())
}

/// Appends the joined object.
fn join_json(record: &[u8], result: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let sound = |bytes| json::text(bytes).and_then(|text| json::check(text).map(|()| text));
    let result = join_side("the result", sound(result))?;
    let record = join_side("the record", json::text(record))?;
    let written = if json::Kind::of(record) == json::Kind::Object {
        json::write_with(record, OUTPUT, result, out)
    } else {
        let both = [(INPUT, record), (OUTPUT, result)];
        json::check(record).map(|()| json::write_object(both, out))
    };
    join_side("the record", written)
}

fn join_side<T>(what: &str, side: Result<T, String>) -> Result<T> {
    side.map_err(|reason| Error::malformed(format!("JoinSource Input: {what}"), reason))
}

/// Takes the line ends out of JSON: no string holds one, so each is mere space.
fn keep_one_line(start: usize, out: &mut Vec<u8>) {
    if out[start..].iter().any(is_line_end) {
        let mut at = 0;
        out.retain(|byte| {
            at += 1;
            at <= start || !is_line_end(byte)
        });
    }
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// The lines that hold something.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|&b| b == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty())
}
