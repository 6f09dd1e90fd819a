//! A report as a workbook: a sheet for every section, the head frozen, every column of the type of its cells.

use crate::domain::report::{Cell, Kind, Report, Table};
use crate::http::view::View;
use jiff::tz::TimeZone;
use rust_xlsxwriter::{DocProperties, ExcelDateTime, Format, Workbook, Worksheet, XlsxError};

pub const CONTENT_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
/// What a cell of Excel can hold.
const CELL_CHARS: usize = 32_767;

/// The whole file.
pub fn write(report: &Report, view: &View<'_>, zone: &TimeZone) -> Result<Vec<u8>, XlsxError> {
    let mut book = Workbook::new();
    let made_at = report.made_at.to_zoned(zone.clone()).datetime();
    let seconds = u32::try_from(made_at.second()).unwrap_or_default();
    let (year, month, day) = (u16::try_from(made_at.year()).unwrap_or(1900), made_at.month(), made_at.day());
    let small = |n: i8| u8::try_from(n).unwrap_or_default();
    let stamp = ExcelDateTime::from_ymd(year, small(month), small(day))?.and_hms(
        u16::from(small(made_at.hour())),
        small(made_at.minute()),
        seconds,
    )?;
    let title = format!("{} {}", report.name.title(), report.period);
    book.set_properties(&DocProperties::new().set_title(title).set_creation_datetime(&stamp));
    for table in &report.sections {
        sheet(book.add_worksheet(), table, view, zone)?;
    }
    book.save_to_buffer()
}

fn sheet(sheet: &mut Worksheet, table: &Table, view: &View<'_>, zone: &TimeZone) -> Result<(), XlsxError> {
    sheet.set_name(table.title)?;
    sheet.set_freeze_panes(1, 0)?;
    let head = Format::new().set_bold();
    let formats: Vec<Format> = table.columns.iter().map(|column| format(column.kind)).collect();
    for (place, column) in (0_u16..).zip(table.columns) {
        sheet.set_column_width(place, width(column.kind))?;
        sheet.write_string_with_format(0, place, column.title, &head)?;
    }
    for (line, row) in (1_u32..).zip(&table.rows) {
        for ((place, cell), format) in (0_u16..).zip(row).zip(&formats) {
            write_cell(sheet, (line, place), cell, format, view, zone)?;
        }
    }
    let (last_row, last_column) = (table.rows.len(), table.columns.len().saturating_sub(1));
    if let (Ok(row), Ok(column)) = (u32::try_from(last_row), u16::try_from(last_column)) {
        sheet.autofilter(0, 0, row, column)?;
    }
    Ok(())
}

fn write_cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    cell: &Cell,
    format: &Format,
    view: &View<'_>,
    zone: &TimeZone,
) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => return Ok(()),
        Cell::Text(text) => {
            let text: String = view.text(text).chars().take(CELL_CHARS).collect();
            sheet.write_string_with_format(row, column, text, format)?
        }
        Cell::Count(n) => sheet.write_number_with_format(row, column, count(*n), format)?,
        Cell::Number(value) | Cell::Share(value) => sheet.write_number_with_format(row, column, *value, format)?,
        Cell::Instant(at) => {
            let local = at.to_zoned(zone.clone()).datetime();
            sheet.write_datetime_with_format(row, column, local, format)?
        }
        Cell::Phone(phone) => sheet.write_string_with_format(row, column, view.phone(phone), format)?,
        Cell::Day(day) => sheet.write_datetime_with_format(row, column, *day, format)?,
    };
    Ok(())
}

/// Excel knows no other numbers.
#[allow(clippy::cast_precision_loss, reason = "counts of visits are far below 2^52")]
fn count(n: u64) -> f64 {
    n as f64
}

fn format(kind: Kind) -> Format {
    Format::new().set_num_format(match kind {
        Kind::Text | Kind::Phone => "@",
        Kind::Count => "0",
        Kind::Number => "0.00",
        Kind::Share => "0.0%",
        Kind::Instant => "yyyy-mm-dd hh:mm:ss",
        Kind::Day => "yyyy-mm-dd",
    })
}

/// In characters.
fn width(kind: Kind) -> f64 {
    match kind {
        Kind::Text | Kind::Phone => 18.0,
        Kind::Count | Kind::Number | Kind::Share => 10.0,
        Kind::Instant => 20.0,
        Kind::Day => 12.0,
    }
}
