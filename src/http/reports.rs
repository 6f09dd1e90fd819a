//! `/reports`: what was done in a month as JSON, CSV or a workbook; which reports are due, and handing one in (B02–B11, G06–G11).
//!
//! Figures are `domain::report`'s; here they are read, masked like everything else, and written as files ([`csv`], [`xlsx`]).

mod csv;
pub mod submissions;
mod xlsx;

use super::auth::{Caller, Right};
use super::extract::{Json, Path, Query};
use super::problem::Problem;
use super::view::View;
use super::{AppState, limits};
use crate::domain::report::{
    Book, Cell, DueReport, DueState, Kind, Month, Name, Period, ProgrammeFacts, Report, Submission, Table, draw_up,
    due_list,
};
use crate::engine::handle::LoadedProgramme;
use axum::Extension;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Which months, and for CSV which section.
#[derive(Debug, Deserialize, IntoParams)]
pub struct ReportQuery {
    /// `2026-11`; the present month when left out.
    month: Option<String>,
    /// With `to` instead of `month`: several months in a row, at most twelve.
    from: Option<String>,
    to: Option<String>,
    /// CSV holds one section: the first one unless named.
    section: Option<String>,
}

/// What there is, and what has to be handed in.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportsDto {
    pub reports: Vec<ReportNameDto>,
    /// Of the last twelve months, the newest first.
    pub due: Vec<DueDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ReportNameDto {
    #[schema(example = "ledger")]
    pub name: &'static str,
    pub title: &'static str,
    /// Of the rule table.
    pub rules: Vec<&'static str>,
}

/// One report of one month that somebody has to hand in.
#[derive(Debug, Serialize, ToSchema)]
pub struct DueDto {
    pub report: &'static str,
    pub title: &'static str,
    #[schema(example = "2026-11")]
    pub month: String,
    /// In time until the end of this day at the site.
    #[schema(example = "2026-12-03")]
    pub due_on: String,
    #[schema(value_type = DueStateName)]
    pub state: DueState,
    /// Days after `due_on`: until it was handed in, or until now.
    pub days_late: u32,
    /// The first time it was handed in; what it said then is under `/reports/submissions/{submission_id}`.
    pub submission_id: Option<String>,
    pub submitted_at: Option<String>,
    pub submitted_by: Option<String>,
    pub note: Option<String>,
}

pub use super::schema::DueStateName;

impl DueDto {
    fn of(due: &DueReport, view: &View<'_>) -> Self {
        let submission = due.submission.as_ref();
        Self {
            report: due.report.name(),
            title: due.report.title(),
            month: due.month.to_string(),
            due_on: due.due_on.to_string(),
            state: due.state,
            days_late: due.days_late,
            submission_id: submission.map(|s| s.id.clone()),
            submitted_at: submission.map(|s| view.at(s.at)),
            submitted_by: submission.map(|s| s.by.clone()),
            note: submission.and_then(|s| s.note.as_deref()).map(|note| view.text(note)),
        }
    }
}

/// One report.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReportDto {
    pub report: &'static str,
    pub title: &'static str,
    pub rules: Vec<&'static str>,
    #[schema(example = "2026-11")]
    pub from: String,
    #[schema(example = "2026-11")]
    pub to: String,
    pub made_at: String,
    /// The first is the report itself, the others prove it.
    pub sections: Vec<SectionDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SectionDto {
    pub name: &'static str,
    pub title: &'static str,
    pub columns: Vec<ColumnDto>,
    /// By the keys of the columns; null where nothing is known. Shares are 0 to 1.
    #[schema(value_type = Vec<Object>)]
    pub rows: Vec<Map<String, Value>>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct ColumnDto {
    pub key: &'static str,
    pub title: &'static str,
    /// `text` `count` `number` `share` `instant` `phone` `day`
    pub kind: &'static str,
}

impl ReportDto {
    fn of(report: &Report, view: &View<'_>) -> Self {
        Self {
            report: report.name.name(),
            title: report.name.title(),
            rules: report.name.rules().to_vec(),
            from: report.period.from.to_string(),
            to: report.period.to.to_string(),
            made_at: view.at(report.made_at),
            sections: report.sections.iter().map(|table| SectionDto::of(table, view)).collect(),
        }
    }
}

impl SectionDto {
    fn of(table: &Table, view: &View<'_>) -> Self {
        let columns = table.columns.iter();
        let row = |cells: &Vec<Cell>| -> Map<String, Value> {
            table.columns.iter().zip(cells).map(|(column, cell)| (column.key.to_owned(), value(cell, view))).collect()
        };
        Self {
            name: table.name,
            title: table.title,
            columns: columns.map(|c| ColumnDto { key: c.key, title: c.title, kind: kind_name(c.kind) }).collect(),
            rows: table.rows.iter().map(row).collect(),
        }
    }
}

fn kind_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "text",
        Kind::Count => "count",
        Kind::Number => "number",
        Kind::Share => "share",
        Kind::Instant => "instant",
        Kind::Phone => "phone",
        Kind::Day => "day",
    }
}

fn value(cell: &Cell, view: &View<'_>) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Text(text) => view.text(text).into(),
        Cell::Count(n) => (*n).into(),
        Cell::Number(value) | Cell::Share(value) => (*value).into(),
        Cell::Instant(at) => view.at(*at).into(),
        Cell::Phone(phone) => view.phone(phone).into(),
        Cell::Day(day) => day.to_string().into(),
    }
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Csv,
    Xlsx,
}

/// `ledger.xlsx`.
fn read_file(file: &str) -> Result<(Name, Format), Problem> {
    let unknown = || Problem::not_found("report", file);
    let (name, ending) = file.rsplit_once('.').ok_or_else(unknown)?;
    let format = match ending {
        "json" => Format::Json,
        "csv" => Format::Csv,
        "xlsx" => Format::Xlsx,
        _ => return Err(unknown()),
    };
    Ok((Name::parse(name).ok_or_else(unknown)?, format))
}

fn read_month(field: &str, text: &str) -> Result<Month, Problem> {
    Month::parse(text.trim()).ok_or_else(|| Problem::invalid(field, format!("{text:?} is no month such as 2026-11")))
}

fn read_period(query: &ReportQuery, now: jiff::Timestamp, zone: &TimeZone) -> Result<Period, Problem> {
    match (query.month.as_deref(), query.from.as_deref(), query.to.as_deref()) {
        (Some(month), None, None) => Ok(Period::month(read_month("month", month)?)),
        (None, None, None) => Ok(Period::month(Month::at(now, zone))),
        (None, Some(from), Some(to)) => {
            let (from, to) = (read_month("from", from)?, read_month("to", to)?);
            Period::new(from, to).ok_or_else(|| Problem::invalid("to", format!("{from} to {to} is not 1 to 12 months")))
        }
        _ => Err(Problem::invalid("month", "want either month, or from and to")),
    }
}

/// Everything that the report needs, and nothing else.
async fn read_book(state: &AppState, name: Name, period: Period) -> Result<Book, Problem> {
    let (store, zone) = (&state.store, &state.zone);
    let entries = match name {
        Name::Coverage | Name::Complaints | Name::AgentCards => vec![],
        Name::Ledger
        | Name::Visits
        | Name::Satisfaction
        | Name::SpotCheck
        | Name::Engineers
        | Name::Dealers
        | Name::Agents => store.ledger(period, zone).await?,
    };
    let heard = match name {
        Name::Satisfaction | Name::SpotCheck => store.heard(period).await?,
        _ => vec![],
    };
    let complaints = if name == Name::Complaints { store.complained(period, zone).await? } else { vec![] };
    let chosen = if name == Name::Coverage { store.chosen(period).await? } else { vec![] };
    let works = match name {
        Name::AgentCards => store.agents_work(period.from.span(zone).0, period.to.span(zone).1).await?,
        _ => vec![],
    };
    let facts = |p: LoadedProgramme| (p.name, ProgrammeFacts { title: p.title, share_percent: p.share_percent });
    let programmes = state.commands.programmes().into_iter().map(facts).collect();
    Ok(Book { period, now: state.clock.now(), entries, chosen, complaints, heard, works, programmes })
}

/// Reports, and which are due
///
/// Visits and complaints are due by the end of the 3rd of the next month, satisfaction by the end of the 25th.
#[utoipa::path(get, path = "/reports", tag = "reports",
    responses((status = 200, body = ReportsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::Json<ReportsDto>, Problem> {
    let view = state.view(&caller);
    let item = |name: Name| ReportNameDto { name: name.name(), title: name.title(), rules: name.rules().to_vec() };
    let due = due_reports(&state).await?;
    Ok(axum::Json(ReportsDto {
        reports: Name::ALL.into_iter().map(item).collect(),
        due: due.iter().map(|due| DueDto::of(due, &view)).collect(),
    }))
}

async fn due_reports(state: &AppState) -> Result<Vec<DueReport>, Problem> {
    let now = state.clock.now();
    // Before the first visit nothing was to be reported.
    let Some(first) = state.store.first_month(&state.zone).await? else { return Ok(vec![]) };
    let submissions = state.store.submissions(first).await?;
    Ok(due_list(now, &state.zone, first, &submissions))
}

/// One report of one month, or of several
///
/// `{report}` is a name with an ending: `ledger.json`, `ledger.csv`, `ledger.xlsx`. Names: `ledger` `coverage` `visits` `complaints` `satisfaction`
/// `spot-check` `engineers` `dealers` `agents` `agent-cards` (whoever may correct scores). CSV is UTF-8 with a byte order mark and safe to open in Excel; the workbook has a sheet
/// for every section.
#[utoipa::path(get, path = "/reports/{report}", tag = "reports",
    params(("report" = String, Path, example = "ledger.json"), ReportQuery),
    responses(
        (status = 200, content((ReportDto = "application/json"), (String = "text/csv"),
            (Vec<u8> = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"))),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(file): Path<String>,
    Query(query): Query<ReportQuery>,
) -> Result<Response, Problem> {
    let (name, format) = read_file(&file)?;
    if name == Name::AgentCards {
        caller.may(Right::Review)?;
    }
    let period = read_period(&query, state.clock.now(), &state.zone)?;
    let book = read_book(&state, name, period).await?;
    let section = query.section;
    let drawn = move || {
        let view = state.view(&caller);
        let report = draw_up(name, &book);
        render(&report, format, section.as_deref(), &view, &state.zone)
    };
    // A year of visits is seconds of work.
    tokio::task::spawn_blocking(drawn).await.map_err(Problem::internal)?
}

fn render(
    report: &Report,
    format: Format,
    section: Option<&str>,
    view: &View<'_>,
    zone: &TimeZone,
) -> Result<Response, Problem> {
    if section.is_some() && format != Format::Csv {
        return Err(Problem::invalid("section", "only CSV holds a single section"));
    }
    let (kind, ending, bytes) = match format {
        Format::Json => return Ok(axum::Json(ReportDto::of(report, view)).into_response()),
        Format::Csv => {
            let wanted = |table: &&Table| section.is_none_or(|name| table.name == name);
            let table = report.sections.iter().find(wanted).ok_or_else(|| {
                let names: Vec<&str> = report.sections.iter().map(|table| table.name).collect();
                Problem::invalid(
                    "section",
                    format!("{:?} is none of {}", section.unwrap_or_default(), names.join(", ")),
                )
            })?;
            ("text/csv; charset=utf-8", "csv", csv::write(table, view, zone).map_err(Problem::internal)?)
        }
        Format::Xlsx => (xlsx::CONTENT_TYPE, "xlsx", xlsx::write(report, view, zone).map_err(Problem::internal)?),
    };
    let name = format!("attachment; filename=\"{}-{}.{ending}\"", report.name.name(), report.period);
    Ok(([(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}

/// Who hands in which month.
#[derive(Debug, Deserialize, ToSchema)]
pub struct SubmitBody {
    #[schema(example = "2026-11")]
    month: String,
    #[serde(default)]
    note: Option<String>,
}

/// Hand in a monthly report
///
/// Kept with your name, the time and what the report says now (`GET /reports/submissions/{id}`). The first one of a month decides whether it
/// was in time; handing it in again is kept and changes nothing of that.
#[utoipa::path(post, path = "/reports/{report}/submit", tag = "reports",
    params(("report" = String, Path, example = "visits")), request_body = SubmitBody,
    responses((status = 201, body = DueDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn submit(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    Json(body): Json<SubmitBody>,
) -> Result<(StatusCode, axum::Json<DueDto>), Problem> {
    caller.may(Right::Report)?;
    let report = Name::parse(&name).ok_or_else(|| Problem::not_found("report", &name))?;
    let month = read_month("month", &body.month)?;
    let (now, zone) = (state.clock.now(), &state.zone);
    if report.due_on(month).is_none() {
        return Err(Problem::invalid(
            "report",
            format!("{name} is not handed in: it is there whenever it is asked for"),
        ));
    }
    if month > Month::at(now, zone) {
        return Err(Problem::invalid("month", format!("{month} has not begun")));
    }
    let note = limits::maybe_text("note", body.note)?;
    let (content, sha256) = submissions::content(&state, report, month).await?;
    let (id, by) = (state.store.new_id(), caller.name().to_owned());
    let submission = Submission { id, report, month, at: now, by, note, sha256: Some(sha256) };
    state.store.submit_report(&submission, &content).await?;
    let all = state.store.submissions(month).await?;
    let view = state.view(&caller);
    // Also a month before the first visit, or long ago.
    let due = due_list(now, zone, month, &all).into_iter().find(|due| due.report == report && due.month == month);
    let due = due.ok_or_else(|| Problem::invalid("month", format!("{month} is more than a year ago")))?;
    Ok((StatusCode::CREATED, axum::Json(DueDto::of(&due, &view))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_named_with_its_ending() {
        for (file, want) in [
            ("ledger.json", Some((Name::Ledger, Format::Json))),
            ("spot-check.xlsx", Some((Name::SpotCheck, Format::Xlsx))),
            ("visits.csv", Some((Name::Visits, Format::Csv))),
            ("visits", None),
            ("visits.pdf", None),
            ("visits.csv.json", None),
            (".csv", None),
        ] {
            assert_eq!(read_file(file).ok(), want, "{file}");
        }
    }
}
