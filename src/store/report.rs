//! 报表: the rows behind the reports, the numbers of the ledger, and who handed in which report.
//!
//! Contract: a number of the ledger is given once, in one statement on the writing connection, so a month is counted without a gap and
//! without a repeat; [`Store::ledger`] enters what is not entered yet before it reads. Everything else here only reads.
//! Nothing is computed here: what a figure means is `domain::report`'s.

use super::event::NewEvent;
use super::review::StateName;
use super::row::{Row, Stored, decode, decode_all, decode_found, ms};
use super::{Doing, Result, Store, StoreError};
use crate::domain::complaint::Complaint;
use crate::domain::id::{CallId, OrderNo, SeatId, VisitId};
use crate::domain::order::Order;
use crate::domain::programme::selection::CustomerClass;
use crate::domain::report::{
    CallLine, Choice, Chosen, Complained, Entry, Heard, Judged, Month, Name, Period, ReviewLine, Submission, heard_in,
};
use crate::domain::review::ReviewState;
use crate::domain::score::Scorecard;
use crate::domain::transcript::Transcript;
use crate::domain::truth::{TruthCheck, Verdict};
use crate::domain::visit::task::Visit;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Deserialize;
use sqlx::any::AnyRow;
use std::collections::HashMap;

/// A report of more visits is refused: it would not fit the memory of a small machine.
pub const VISITS_MAX: usize = 100_000;
/// One more tells that there are too many.
const LIMIT: i64 = 100_001;

impl Stored for Entry {
    const TABLE: &'static str = "ledger";
    const KEY: &'static str = "id";
}

/// Without its calls, which are rows of their own.
impl TryFrom<Row<'_>> for Entry {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let order = Order {
            no: OrderNo::new(row.text("order_no")?),
            service_type: row.name("service_type")?,
            customer: row.json("customer")?,
            claims: row.json("claims")?,
        };
        let (month, n) = (read_month(&row, "ledger_month")?, row.narrow("ledger_n")?);
        Ok(Self { month, n, order, calls: vec![], visit: Visit::try_from(row)? })
    }
}

fn read_month(row: &Row<'_>, column: &'static str) -> Result<Month> {
    let text = row.text(column)?;
    Month::parse(&text).ok_or_else(|| row.corrupt(column, &format!("{text:?} is no month")))
}

impl Stored for CallLine {
    const TABLE: &'static str = "calls";
    const KEY: &'static str = "id";
}

/// Without what was made of it.
impl TryFrom<Row<'_>> for CallLine {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: CallId::new(row.text("id")?),
            visit: VisitId::new(row.text("visit_id")?),
            attempt: row.narrow("attempt")?,
            seat: row.maybe_text("seat")?.map(SeatId::new),
            claimed_at: row.instant("claimed_at")?,
            answered_at: row.maybe_instant("answered_at")?,
            ended_at: row.maybe_instant("ended_at")?,
            outcome: row.maybe_name("outcome")?,
            conversation: row.maybe_json("conversation")?,
            judged: None,
            review: None,
            truth_differs: None,
            red: 0,
            amber: 0,
        })
    }
}

/// The card in force of one call.
struct CardRow(CallId, Judged);

impl Stored for CardRow {
    const TABLE: &'static str = "scorecards";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for CardRow {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let card: Scorecard = row.json("card")?;
        Ok(Self(CallId::new(row.text("call_id")?), Judged::of(&card)))
    }
}

/// Where the review of one call stands.
struct ReviewRow(CallId, ReviewLine);

impl Stored for ReviewRow {
    const TABLE: &'static str = "reviews";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for ReviewRow {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let who = || Ok::<_, StoreError>((row.text("reviewer")?, row.instant("state_at")?));
        let state = match row.name::<StateName>("state")? {
            StateName::Waiting => ReviewState::Waiting,
            StateName::Claimed => who().map(|(by, at)| ReviewState::Claimed { by, at })?,
            StateName::Reviewed => who().map(|(by, at)| ReviewState::Reviewed { by, at })?,
        };
        Ok(Self(CallId::new(row.text("call_id")?), ReviewLine { due: row.maybe_text("why")?.is_some(), state }))
    }
}

/// How the order of one call compares with the customer's words: `None` when nothing could be compared.
struct TruthRow(CallId, Option<u32>);

impl Stored for TruthRow {
    const TABLE: &'static str = "facts";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for TruthRow {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        #[derive(Deserialize)]
        struct Facts {
            #[serde(default)]
            truth: Option<TruthCheck>,
        }
        let Facts { truth } = row.json("facts")?;
        let compared = truth.filter(|truth| truth.verdict != Verdict::Unverified);
        let differs = compared.map(|truth| u32::try_from(truth.reasons.len()).unwrap_or(u32::MAX));
        Ok(Self(CallId::new(row.text("call_id")?), differs))
    }
}

struct HeardRow(Vec<Heard>);

impl Stored for HeardRow {
    const TABLE: &'static str = "transcripts";
    const KEY: &'static str = "call_id";
}

impl TryFrom<Row<'_>> for HeardRow {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let transcript =
            Transcript { segments: row.json("segments")?, engine: row.text("engine")?, model: row.text("model")? };
        Ok(Self(heard_in(&CallId::new(row.text("call_id")?), &transcript)))
    }
}

impl Stored for Chosen {
    const TABLE: &'static str = "selections";
    const KEY: &'static str = "order_no";
}

/// Without the visit that came of it.
impl TryFrom<Row<'_>> for Chosen {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let why = row.text("why")?;
        let class: Option<CustomerClass> = row.maybe_name("class")?;
        let choice = match (why.as_str(), class) {
            ("everybody", None) => Choice::Everybody,
            ("class", Some(class)) => Choice::Class(class),
            ("sampled", None) => Choice::Sampled,
            ("not_sampled", None) => Choice::NotSampled,
            _ => return Err(row.corrupt("why", &format!("{why:?} with class {class:?}"))),
        };
        Ok(Self {
            order_no: OrderNo::new(row.text("order_no")?),
            programme: row.text("programme")?,
            stage: row.text("stage")?,
            at: row.instant("at")?,
            dealer: row.text("dealer")?,
            choice,
            visit: None,
        })
    }
}

impl Stored for Complained {
    const TABLE: &'static str = "complaints";
    const KEY: &'static str = "id";
}

/// A complaint with the order that it is about, if there is one.
impl TryFrom<Row<'_>> for Complained {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let classes = match row.maybe_name("order_service_type")? {
            Some(service_type) => CustomerClass::of(&Order {
                no: OrderNo::new(row.text("order_no")?),
                service_type,
                customer: row.json("order_customer")?,
                claims: row.json("order_claims")?,
            }),
            None => vec![],
        };
        Ok(Self { classes, complaint: Complaint::try_from(row)? })
    }
}

impl Stored for Submission {
    const TABLE: &'static str = "report_submissions";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Submission {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let name = row.text("report")?;
        let Some(report) = Name::parse(&name) else {
            return Err(row.corrupt("report", &format!("unknown name {name:?}")));
        };
        Ok(Self {
            id: row.text("id")?,
            report,
            month: read_month(&row, "month")?,
            at: row.instant("submitted_at")?,
            by: row.text("submitted_by")?,
            note: row.maybe_text("note")?,
            sha256: row.maybe_text("sha256")?,
        })
    }
}

/// What was handed in, byte for byte; `None` before contents were kept.
struct Content(Option<String>);

impl Stored for Content {
    const TABLE: &'static str = "report_submissions";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Content {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        row.maybe_text("content").map(Self)
    }
}

/// Without the content, which may be long.
const SUBMISSIONS: &str = "SELECT id, report, month, submitted_at, submitted_by, note, sha256 FROM report_submissions
    WHERE month >= $1 ORDER BY submitted_at, id";

const NOT_ENTERED: &str = "FROM visits v WHERE v.clock_starts_at >= $1 AND v.clock_starts_at < $2
    AND NOT EXISTS (SELECT 1 FROM ledger l WHERE l.visit_id = v.id)";

const ENTRIES: &str = "SELECT v.*, l.month AS ledger_month, l.n AS ledger_n, o.service_type, o.customer, o.claims
    FROM ledger l JOIN visits v ON v.id = l.visit_id JOIN orders o ON o.no = v.order_no
    WHERE l.month >= $1 AND l.month <= $2 ORDER BY l.month, l.n LIMIT $3";

const CALLS: &str =
    "SELECT c.id, c.visit_id, c.attempt, c.seat, c.claimed_at, c.answered_at, c.ended_at, c.outcome, c.conversation
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id
    WHERE l.month >= $1 AND l.month <= $2 ORDER BY c.visit_id, c.attempt";

const CARDS: &str = "SELECT s.call_id, s.card
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id JOIN scorecards s ON s.call_id = c.id
    WHERE l.month >= $1 AND l.month <= $2 AND s.version = (SELECT MAX(version) FROM scorecards WHERE call_id = c.id)";

const REVIEWS: &str = "SELECT r.call_id, r.why, r.state, r.reviewer, r.state_at
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id JOIN reviews r ON r.call_id = c.id
    WHERE l.month >= $1 AND l.month <= $2";

const TRUTHS: &str = "SELECT f.call_id, f.facts
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id JOIN facts f ON f.call_id = c.id
    WHERE l.month >= $1 AND l.month <= $2 AND f.version = (SELECT MAX(version) FROM facts WHERE call_id = c.id)";

const FINDINGS: &str = "SELECT f.call_id, f.severity, COUNT(*)
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id JOIN findings f ON f.call_id = c.id
    WHERE l.month >= $1 AND l.month <= $2 AND f.severity IN ('red', 'amber')
        AND f.version = (SELECT MAX(version) FROM audit_runs WHERE call_id = c.id)
    GROUP BY f.call_id, f.severity";

const TRANSCRIPTS: &str = "SELECT t.call_id, t.segments, t.engine, t.model
    FROM ledger l JOIN calls c ON c.visit_id = l.visit_id JOIN transcripts t ON t.call_id = c.id
    WHERE l.month >= $1 AND l.month <= $2 AND t.version = (SELECT MAX(version) FROM transcripts WHERE call_id = c.id)
    ORDER BY l.month, l.n, c.attempt";

const CHOSEN: &str = "SELECT * FROM selections WHERE month >= $1 AND month <= $2
    ORDER BY programme, stage, at, order_no LIMIT $3";

const CHOSEN_VISITS: &str = "SELECT v.* FROM visits v
    JOIN (SELECT DISTINCT order_no, programme, stage FROM selections WHERE month >= $1 AND month <= $2) s
        ON s.order_no = v.order_no AND s.programme = v.programme AND s.stage = v.stage
    ORDER BY v.sms_at, v.id";

const COMPLAINED: &str =
    "SELECT c.*, o.service_type AS order_service_type, o.customer AS order_customer, o.claims AS order_claims
    FROM complaints c LEFT JOIN orders o ON o.no = c.order_no
    WHERE c.opened_at >= $1 AND c.opened_at < $2 ORDER BY c.opened_at, c.id LIMIT $3";

impl Store {
    /// Gives every visit of these months that has none its number (G11).
    pub async fn enter_in_ledger(&self, period: Period, zone: &TimeZone) -> Result<()> {
        for month in period.months() {
            let (from, to) = month.span(zone);
            let sql = format!("SELECT COUNT(*) {NOT_ENTERED}");
            let (missing,): (i64,) = sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(ms(from))
                .bind(ms(to))
                .fetch_one(&self.readers)
                .await
                .doing("count visits outside the ledger")?;
            if missing > 0 {
                self.enter_month(month, from, to).await?;
            }
        }
        Ok(())
    }

    async fn enter_month(&self, month: Month, from: Timestamp, to: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let sql = format!(
            "INSERT INTO ledger (visit_id, month, n, entered_at)
             SELECT v.id, $3, (SELECT COALESCE(MAX(n), 0) FROM ledger WHERE month = $3)
                 + ROW_NUMBER() OVER (ORDER BY v.clock_starts_at, v.id), $4 {NOT_ENTERED}"
        );
        sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(ms(from))
            .bind(ms(to))
            .bind(month.to_string())
            .bind(now)
            .execute(tx.conn())
            .await
            .doing("enter visits in the ledger")?;
        tx.commit().await
    }

    /// The ledger of these months with everything that its calls came to, by number. Who is not in it yet is entered first.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more than [`VISITS_MAX`] visits.
    pub async fn ledger(&self, period: Period, zone: &TimeZone) -> Result<Vec<Entry>> {
        self.enter_in_ledger(period, zone).await?;
        let rows = self.rows(ENTRIES, period).await?;
        let mut entries: Vec<Entry> = decode_all(&rows)?;
        let mut calls: HashMap<VisitId, Vec<CallLine>> = HashMap::new();
        for line in self.call_lines(period).await? {
            calls.entry(line.visit.clone()).or_default().push(line);
        }
        for entry in &mut entries {
            entry.calls = calls.remove(&entry.visit.id).unwrap_or_default();
        }
        Ok(entries)
    }

    async fn call_lines(&self, period: Period) -> Result<Vec<CallLine>> {
        let mut lines: Vec<CallLine> = decode_all(&self.all(CALLS, period).await?)?;
        let cards: Vec<CardRow> = decode_all(&self.all(CARDS, period).await?)?;
        let mut cards: HashMap<CallId, Judged> =
            cards.into_iter().map(|CardRow(call, judged)| (call, judged)).collect();
        let reviews: Vec<ReviewRow> = decode_all(&self.all(REVIEWS, period).await?)?;
        let mut reviews: HashMap<CallId, ReviewLine> =
            reviews.into_iter().map(|ReviewRow(call, line)| (call, line)).collect();
        let truths: Vec<TruthRow> = decode_all(&self.all(TRUTHS, period).await?)?;
        let truths: HashMap<CallId, Option<u32>> = truths.into_iter().map(|TruthRow(call, n)| (call, n)).collect();
        let found: Vec<(String, String, i64)> = sqlx::query_as(FINDINGS)
            .bind(period.from.to_string())
            .bind(period.to.to_string())
            .fetch_all(&self.readers)
            .await
            .doing("count findings")?;
        let found: HashMap<(String, String), i64> =
            found.into_iter().map(|(call, severity, n)| ((call, severity), n)).collect();
        let count = |call: &CallId, severity: &str| {
            let n = found.get(&(call.to_string(), severity.to_owned())).copied().unwrap_or_default();
            u32::try_from(n).unwrap_or(u32::MAX)
        };
        for line in &mut lines {
            line.judged = cards.remove(&line.id);
            line.review = reviews.remove(&line.id);
            line.truth_differs = truths.get(&line.id).copied().flatten();
            (line.red, line.amber) = (count(&line.id, "red"), count(&line.id, "amber"));
        }
        Ok(lines)
    }

    /// What customers said in the calls of these months to questions without an indicator. Transcripts are read one by one.
    pub async fn heard(&self, period: Period) -> Result<Vec<Heard>> {
        let mut rows =
            sqlx::query(TRANSCRIPTS).bind(period.from.to_string()).bind(period.to.to_string()).fetch(&self.readers);
        let mut heard = vec![];
        while let Some(row) = rows.try_next().await.doing("read transcripts")? {
            heard.extend(decode::<HeardRow>(&row)?.0);
        }
        Ok(heard)
    }

    /// Who was chosen for a visit in these months and who was not, each with the visit that came of it (B02–B07).
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more than [`VISITS_MAX`] choices.
    pub async fn chosen(&self, period: Period) -> Result<Vec<Chosen>> {
        let rows = self.rows(CHOSEN, period).await?;
        let mut chosen: Vec<Chosen> = decode_all(&rows)?;
        let mut visits: HashMap<(String, String, String), Vec<Visit>> = HashMap::new();
        for visit in decode_all::<Visit>(&self.all(CHOSEN_VISITS, period).await?)? {
            let key = (visit.order_no.to_string(), visit.programme.clone(), visit.origin.stage.clone());
            visits.entry(key).or_default().push(visit);
        }
        for one in &mut chosen {
            let key = (one.order_no.to_string(), one.programme.clone(), one.stage.clone());
            one.find_visit(visits.get(&key).map_or(&[], Vec::as_slice));
        }
        Ok(chosen)
    }

    /// All rows of these months, up to the limit of a report.
    async fn rows(&self, sql: &'static str, period: Period) -> Result<Vec<AnyRow>> {
        let query = sqlx::query(sql).bind(period.from.to_string()).bind(period.to.to_string()).bind(LIMIT);
        within_limit(period, query.fetch_all(&self.readers).await.doing("read report")?)
    }

    async fn all(&self, sql: &'static str, period: Period) -> Result<Vec<AnyRow>> {
        let query = sqlx::query(sql).bind(period.from.to_string()).bind(period.to.to_string());
        query.fetch_all(&self.readers).await.doing("read report")
    }

    /// The complaints that were opened in these months, the oldest first (G08).
    ///
    /// # Errors
    /// [`StoreError::Invalid`] for more than [`VISITS_MAX`] complaints.
    pub async fn complained(&self, period: Period, zone: &TimeZone) -> Result<Vec<Complained>> {
        let ((from, _), (_, to)) = (period.from.span(zone), period.to.span(zone));
        let query = sqlx::query(COMPLAINED).bind(ms(from)).bind(ms(to)).bind(LIMIT);
        let rows = query.fetch_all(&self.readers).await.doing("read complaints of months")?;
        decode_all(&within_limit(period, rows)?)
    }

    /// The month of the first visit there is.
    pub async fn first_month(&self, zone: &TimeZone) -> Result<Option<Month>> {
        let (first,): (Option<i64>,) = sqlx::query_as("SELECT MIN(clock_starts_at) FROM visits")
            .fetch_one(&self.readers)
            .await
            .doing("read first visit")?;
        Ok(first.and_then(|at| Timestamp::from_millisecond(at).ok()).map(|at| Month::at(at, zone)))
    }

    /// Everything that was handed in for `from` and later months, in order.
    pub async fn submissions(&self, from: Month) -> Result<Vec<Submission>> {
        let rows =
            sqlx::query(SUBMISSIONS).bind(from.to_string()).fetch_all(&self.readers).await.doing("read submissions")?;
        decode_all(&rows)
    }

    /// The report as it was handed in; `None`: that was before contents were kept.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn submitted(&self, id: &str) -> Result<Option<String>> {
        let row = sqlx::query("SELECT id, content FROM report_submissions WHERE id = $1")
            .bind(id)
            .fetch_optional(&self.readers)
            .await
            .doing("read submission")?;
        decode_found(row, id).map(|Content(content)| content)
    }

    /// Keeps that a report was handed in, with what it said then, and puts it into the audit log. `submission.sha256` is that of `content`.
    pub async fn submit_report(&self, submission: &Submission, content: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let (report, month) = (submission.report.name(), submission.month.to_string());
        sqlx::query(
            "INSERT INTO report_submissions (id, report, month, submitted_at, submitted_by, note, content, sha256)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(submission.id.as_str())
        .bind(report)
        .bind(month.as_str())
        .bind(ms(submission.at))
        .bind(submission.by.as_str())
        .bind(submission.note.as_deref())
        .bind(content)
        .bind(submission.sha256.as_deref())
        .execute(tx.conn())
        .await
        .doing("submit report")?;
        let detail = serde_json::json!({ "report": report, "month": month, "submission": submission.id,
            "sha256": submission.sha256 });
        tx.append_event(&NewEvent::by(&submission.by, "report.submitted").detail(detail)).await?;
        tx.commit().await
    }
}

fn within_limit(period: Period, rows: Vec<AnyRow>) -> Result<Vec<AnyRow>> {
    if rows.len() > VISITS_MAX {
        let why = "holds more than one report can; ask for fewer months";
        return Err(StoreError::Invalid { what: "month", value: period.to_string(), why });
    }
    Ok(rows)
}
