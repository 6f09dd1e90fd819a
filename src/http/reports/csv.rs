//! A table as CSV (RFC 4180) that Excel opens as it is meant: UTF-8 with a byte order mark, CRLF, and no cell that runs as a formula.

use crate::domain::report::{Cell, Table};
use crate::http::view::View;
use csv::{Terminator, WriterBuilder};
use jiff::Timestamp;
use jiff::tz::TimeZone;

const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();
/// A text that begins with one of these is read as a formula, or breaks out of its cell. Full-width forms count in Chinese Excel.
const FORMULA: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The whole file.
pub fn write(table: &Table, view: &View<'_>, zone: &TimeZone) -> Result<Vec<u8>, csv::Error> {
    let mut out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(BYTE_ORDER_MARK.to_vec());
    out.write_record(table.columns.iter().map(|column| column.title))?;
    for row in &table.rows {
        out.write_record(row.iter().map(|cell| text(cell, view, zone)))?;
    }
    out.into_inner().map_err(|error| csv::Error::from(error.into_error()))
}

fn text(cell: &Cell, view: &View<'_>, zone: &TimeZone) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Text(text) => safe(view.text(text)),
        Cell::Count(n) => n.to_string(),
        Cell::Number(value) => decimals(*value),
        Cell::Share(value) => format!("{}%", decimals(value * 100.0)),
        Cell::Instant(at) => local(*at, zone),
        Cell::Phone(phone) => safe(view.phone(phone)),
        Cell::Day(day) => day.to_string(),
    }
}

/// The form that Excel takes for a time.
fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// At most two.
fn decimals(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// An apostrophe in front makes a text of what would be a formula.
fn safe(text: String) -> String {
    if text.starts_with(FORMULA) { format!("'{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_excel_would_run_is_made_harmless() {
        for (given, written) in [
            ("=1+1", "'=1+1"),
            ("+8613812345678", "'+8613812345678"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("王先生", "王先生"),
            ("", ""),
        ] {
            assert_eq!(safe(given.into()), written, "{given:?}");
        }
    }

    #[test]
    fn numbers_have_at_most_two_decimals_and_keep_their_sign() {
        for (given, written) in
            [(4.0, "4"), (4.25, "4.25"), (4.2, "4.2"), (2.0 / 3.0, "0.67"), (-3.5, "-3.5"), (100.0, "100")]
        {
            assert_eq!(decimals(given), written);
        }
    }
}
