//! The files of a simulation: completions in, one line for each out.

use crate::domain::id::OrderNo;
use crate::domain::simulate::{Completion, Report, Row, RowEnd};
use anyhow::{Context, ensure};
use encoding_rs::GB18030;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::fmt::Write as _;

const HEAD: &str = "order_no,completed_at";
const ORDER_NO_CHARS: usize = 40;
/// `2026/11/23 9:05`.
const EXCEL: [&str; 2] = ["%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M"];

/// `order_no,completed_at`, with or without that head; further columns are not read. At least one.
pub fn read(bytes: &[u8], tz: &TimeZone) -> anyhow::Result<Vec<Completion>> {
    let text = decoded(bytes)?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let list = lines
        .filter(|(n, line)| *n > 0 || !line.trim_start_matches('"').starts_with("order_no"))
        .map(|(n, line)| completion(line, tz).with_context(|| format!("line {}", n + 1)))
        .collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!list.is_empty(), "holds no completions");
    Ok(list)
}

/// UTF-8, with or without byte order mark, or else GB18030, which holds GBK: Excel in China writes it unless told otherwise.
fn decoded(bytes: &[u8]) -> anyhow::Result<Cow<'_, str>> {
    let error = match std::str::from_utf8(bytes) {
        Ok(text) => return Ok(text.trim_start_matches('\u{feff}').into()),
        Err(error) => error,
    };
    GB18030.decode_without_bom_handling_and_without_replacement(bytes).with_context(|| {
        let line = bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count() + 1;
        format!("line {line}: is neither UTF-8 nor GBK: save it as \"CSV UTF-8\"")
    })
}

fn completion(line: &str, tz: &TimeZone) -> anyhow::Result<Completion> {
    let mut columns = line.split(',').map(|column| column.trim().trim_matches('"'));
    let no = columns.next().unwrap_or_default();
    ensure!((1..=ORDER_NO_CHARS).contains(&no.chars().count()), "{no:?} is no order number");
    let at = columns.next().context("want order_no,completed_at")?;
    Ok(Completion { order_no: OrderNo::new(no), at: instant(at, tz)? })
}

fn instant(text: &str, tz: &TimeZone) -> anyhow::Result<Timestamp> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    let as_excel_writes = || EXCEL.iter().find_map(|format| DateTime::strptime(format, text).ok());
    let local = text.parse().ok().or_else(as_excel_writes).with_context(|| format!("{text:?} is no time"))?;
    Ok(tz.to_ambiguous_timestamp(local).compatible()?)
}

pub fn completions(list: &[Completion], tz: &TimeZone) -> String {
    let mut out = format!("{HEAD}\n");
    for completion in list {
        _ = writeln!(out, "{},{}", completion.order_no, local(completion.at, tz));
    }
    out
}

/// One line for each completion, in their order; with a byte order mark, or Excel takes the causes for GBK.
pub fn rows(completions: &[Completion], report: &Report, tz: &TimeZone) -> String {
    let mut out =
        format!("\u{feff}{HEAD},due_at,deadline_at,first_call_at,on_time,attempts,end,ended_at,escalated,late_cause\n");
    for (completion, row) in completions.iter().zip(&report.rows) {
        let Row { due_at, deadline_at, first_call_at, attempts, .. } = row;
        let (end, ended_at) = match row.end {
            RowEnd::Completed(at) => ("completed", Some(at)),
            RowEnd::Closed(at) => ("closed", Some(at)),
            RowEnd::Open => ("open", None),
        };
        let at = |at: Option<Timestamp>| at.map(|at| local(at, tz)).unwrap_or_default();
        _ = writeln!(
            out,
            "{},{},{},{},{},{},{attempts},{end},{},{},\"{}\"",
            completion.order_no,
            local(completion.at, tz),
            local(*due_at, tz),
            local(*deadline_at, tz),
            at(*first_call_at),
            row.is_on_time(),
            at(ended_at),
            row.escalated,
            row.late_cause.as_deref().unwrap_or_default().replace('"', "'"),
        );
    }
    out
}

fn local(at: Timestamp, tz: &TimeZone) -> String {
    at.to_zoned(tz.clone()).strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}
