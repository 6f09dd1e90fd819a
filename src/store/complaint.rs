//! 投诉: the complaint, the steps that were taken, the alarms that were told.
//!
//! Contract: one complaint per call, and one per order 用户投诉, by the schema. A step, the complaint after it and its line in the audit
//! log are one transaction ([`Tx::save_complaint`]); steps are never changed. What a step leads to is the domain's.

use super::event::NewEvent;
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_all, decode_found, maybe_ms, ms, name_of, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::complaint::{
    Alarm, AlarmKind, Complaint, Earlier, Grade, Kind, Source, State, StateName, Subject, TrailEntry,
};
use crate::domain::id::{CallId, ComplaintId, OrderNo, VisitId};
use crate::domain::order::ServiceType;
use crate::domain::phone::Phone;
use jiff::Timestamp;

/// Complaints and orders of one customer that are looked at.
const EARLIER_MAX: i64 = 200;
const TO_ALARM_MAX: i64 = 500;

#[derive(Clone, Debug, Default)]
pub struct ComplaintFilter {
    pub state: Option<StateName>,
    /// `true`: every state but closed.
    pub open: bool,
    pub grade: Option<Grade>,
    pub kind: Option<Kind>,
    pub source: Option<Source>,
    pub department: Option<String>,
    pub order_no: Option<OrderNo>,
    pub phone: Option<Phone>,
    /// Something should have been done before this instant and was not.
    pub overdue_at: Option<Timestamp>,
    pub opened_from: Option<Timestamp>,
    /// Not included.
    pub opened_before: Option<Timestamp>,
}

/// An alarm as it was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RaisedAlarm {
    pub alarm: Alarm,
    pub raised_at: Timestamp,
}

/// A complaint in the order of F20: the most urgent first.
#[derive(Clone, Debug, PartialEq)]
pub struct Urgent(pub Complaint);

impl Stored for Complaint {
    const TABLE: &'static str = "complaints";
    const KEY: &'static str = "id";
}

impl Listed for Complaint {
    const ORDER_BY: &'static str = "opened_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.opened_at), self.id.as_str())
    }
}

impl Stored for Urgent {
    const TABLE: &'static str = "complaints";
    const KEY: &'static str = "id";
}

impl Listed for Urgent {
    const ORDER_BY: &'static str = "urgency";
    fn position(&self) -> (i64, &str) {
        (self.0.urgency(), self.0.id.as_str())
    }
}

impl TryFrom<Row<'_>> for Urgent {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Complaint::try_from(row).map(Self)
    }
}

impl TryFrom<Row<'_>> for Complaint {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let state: State = row.json("state_data")?;
        let name: StateName = row.name("state")?;
        if state.name() != name {
            return Err(row.corrupt("state_data", &format!("is {:?} in a row that is {name:?}", state.name())));
        }
        Ok(Self {
            id: ComplaintId::new(row.text("id")?),
            source: row.name("source")?,
            call: row.maybe_text("call_id")?.map(CallId::new),
            visit: row.maybe_text("visit_id")?.map(VisitId::new),
            order_no: row.maybe_text("order_no")?.map(OrderNo::new),
            subject: read_subject(&row)?,
            opened_at: row.instant("opened_at")?,
            opened_by: row.text("opened_by")?,
            text: row.text("text")?,
            quotes: row.json("quotes")?,
            signs: row.json("signs")?,
            kind: row.name("kind")?,
            grade: row.name("grade")?,
            grade_why: row.text("grade_why")?,
            graded_by: row.maybe_text("graded_by")?,
            side: row.maybe_name("side")?,
            reasonable: row.maybe_narrow::<u8>("reasonable")?.map(|n| n != 0),
            form: row.json("form")?,
            decision: row.maybe_json("decision")?,
            reply_due_at: row.maybe_instant("reply_due_at")?,
            reply: row.maybe_json("reply")?,
            site_visit: row.maybe_json("site_visit")?,
            solution: row.maybe_json("solution")?,
            rounds: row.narrow("rounds")?,
            second_visit: row.maybe_text("second_visit_id")?.map(VisitId::new),
            recurrence: row.maybe_json("recurrence")?,
            marked_from: row.maybe_instant("marked_from")?,
            checked: row.maybe_json("checked")?,
            taken_over: row.maybe_json("taken_over")?,
            state,
            version: row.int("version")?,
        })
    }
}

fn read_subject(row: &Row<'_>) -> Result<Subject> {
    let phone =
        row.maybe_text("phone")?.map(|text| Phone::parse(&text).map_err(|e| row.corrupt("phone", &e.to_string())));
    Ok(Subject {
        phone: phone.transpose()?,
        machine_no: row.maybe_text("machine_no")?,
        dealer: row.maybe_text("dealer")?,
        engineer: row.maybe_text("engineer")?,
        branch: row.maybe_text("branch")?,
    })
}

impl Stored for TrailEntry {
    const TABLE: &'static str = "complaint_steps";
    const KEY: &'static str = "complaint_id";
}

impl TryFrom<Row<'_>> for TrailEntry {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            n: row.int("n")?,
            at: row.instant("at")?,
            by: row.text("actor")?,
            step: row.text("step")?,
            from: row.maybe_name("from_state")?,
            to: row.name("to_state")?,
            detail: row.json("detail")?,
        })
    }
}

impl Stored for RaisedAlarm {
    const TABLE: &'static str = "complaint_alarms";
    const KEY: &'static str = "complaint_id";
}

impl TryFrom<Row<'_>> for RaisedAlarm {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let kind: AlarmKind = row.name("kind")?;
        Ok(Self { alarm: Alarm { since: row.instant("since")?, kind }, raised_at: row.instant("raised_at")? })
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn complaint(&self, id: &ComplaintId) -> Result<Complaint> {
        let row = sqlx::query("SELECT * FROM complaints WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read complaint")?;
        decode_found(row, id.as_str())
    }

    /// The complaint that a call led to.
    pub async fn complaint_of_call(&self, call: &CallId) -> Result<Option<Complaint>> {
        let row = sqlx::query(OF_CALL)
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read complaint of call")?;
        row.as_ref().map(decode).transpose()
    }

    /// The complaint that an order of type 用户投诉 led to.
    pub async fn complaint_of_order(&self, order: &OrderNo) -> Result<Option<Complaint>> {
        let row = sqlx::query(OF_ORDER)
            .bind(order.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read complaint of order")?;
        row.as_ref().map(decode).transpose()
    }

    /// The newest first.
    pub async fn complaints(&self, filter: &ComplaintFilter, page: &PageRequest) -> Result<Page<Complaint>> {
        select(filter)?.page(self, page).await
    }

    /// F20: what stops the customer's work first, then the graver, then the older. A complaint that is graded anew while somebody pages
    /// may be shown twice or not at all.
    pub async fn complaints_by_urgency(&self, filter: &ComplaintFilter, page: &PageRequest) -> Result<Page<Complaint>> {
        let page: Page<Urgent> = select(filter)?.page(self, page).await?;
        Ok(Page { items: page.items.into_iter().map(|Urgent(complaint)| complaint).collect(), next: page.next })
    }

    /// Complaints of one telephone, the newest first.
    pub async fn complaints_of_customer(&self, phone: &Phone, limit: u32) -> Result<Vec<Complaint>> {
        let rows = sqlx::query("SELECT * FROM complaints WHERE phone = $1 ORDER BY opened_at DESC, id DESC LIMIT $2")
            .bind(phone.e164())
            .bind(i64::from(limit))
            .fetch_all(&self.readers)
            .await
            .doing("read complaints of customer")?;
        decode_all(&rows)
    }

    /// Complaints whose handling this visit asks about.
    pub async fn complaints_of_second_visit(&self, visit: &VisitId) -> Result<Vec<Complaint>> {
        let rows = sqlx::query("SELECT * FROM complaints WHERE second_visit_id = $1 ORDER BY id")
            .bind(visit.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read complaints of visit")?;
        decode_all(&rows)
    }

    /// What was done, the first step first.
    pub async fn complaint_trail(&self, id: &ComplaintId) -> Result<Vec<TrailEntry>> {
        let rows = sqlx::query("SELECT * FROM complaint_steps WHERE complaint_id = $1 ORDER BY n")
            .bind(id.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read steps of complaint")?;
        decode_all(&rows)
    }

    /// Alarms that were told, the oldest first.
    pub async fn complaint_alarms(&self, id: &ComplaintId) -> Result<Vec<RaisedAlarm>> {
        let rows = sqlx::query("SELECT * FROM complaint_alarms WHERE complaint_id = $1 ORDER BY since, kind")
            .bind(id.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read alarms of complaint")?;
        decode_all(&rows)
    }

    /// Complaints with an alarm that nobody was told of; the longest waiting first, so many at a time.
    pub async fn complaints_to_alarm(&self, now: Timestamp) -> Result<Vec<Complaint>> {
        let rows =
            sqlx::query("SELECT * FROM complaints WHERE next_alarm_at <= $1 ORDER BY next_alarm_at, id LIMIT $2")
                .bind(ms(now))
                .bind(TO_ALARM_MAX)
                .fetch_all(&self.readers)
                .await
                .doing("read complaints to alarm")?;
        decode_all(&rows)
    }
}

const OF_CALL: &str = "SELECT * FROM complaints WHERE call_id = $1";
const OF_ORDER: &str = "SELECT * FROM complaints WHERE order_no = $1 AND source = 'order'";

fn select(filter: &ComplaintFilter) -> Result<Select> {
    let select = Select::new("SELECT * FROM complaints")
        .filter("state =", filter.state.map(|state| state.name().to_owned()))
        .filter("grade =", filter.grade.map(|grade| grade.name().to_owned()))
        .filter("kind =", filter.kind.map(|kind| kind.name().to_owned()))
        .filter("source =", filter.source.map(|source| name_of(&source)).transpose()?)
        .filter("department =", filter.department.clone())
        .filter("order_no =", filter.order_no.as_ref().map(ToString::to_string))
        .filter("phone =", filter.phone.as_ref().map(|phone| phone.e164().to_owned()))
        .filter("due_at <", maybe_ms(filter.overdue_at))
        .filter("opened_at >=", maybe_ms(filter.opened_from))
        .filter("opened_at <", maybe_ms(filter.opened_before));
    Ok(if filter.open { select.only("state <> 'closed'") } else { select })
}

impl Tx {
    pub async fn complaint(&mut self, id: &ComplaintId) -> Result<Complaint> {
        let row = sqlx::query("SELECT * FROM complaints WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read complaint")?;
        decode_found(row, id.as_str())
    }

    pub async fn complaint_of_call(&mut self, call: &CallId) -> Result<Option<Complaint>> {
        let row = sqlx::query(OF_CALL)
            .bind(call.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read complaint of call")?;
        row.as_ref().map(decode).transpose()
    }

    /// The complaint that an order of type 用户投诉 led to.
    pub async fn complaint_of_order(&mut self, order: &OrderNo) -> Result<Option<Complaint>> {
        let row = sqlx::query(OF_ORDER)
            .bind(order.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read complaint of order")?;
        row.as_ref().map(decode).transpose()
    }

    /// What is known of the same customer or machine: earlier complaints, and repairs that were finished, `not` this order's own.
    pub async fn earlier(&mut self, subject: &Subject, not: Option<&OrderNo>) -> Result<Vec<Earlier>> {
        let phone = subject.phone.as_ref().map(Phone::e164).unwrap_or_default();
        let rows = sqlx::query(
            "SELECT * FROM complaints WHERE (phone = $1 AND $1 <> '') OR (machine_no = $2 AND $2 <> '')
             ORDER BY opened_at DESC LIMIT $3",
        )
        .bind(phone)
        .bind(subject.machine_no.as_deref().unwrap_or_default())
        .bind(EARLIER_MAX)
        .fetch_all(self.conn())
        .await
        .doing("read earlier complaints")?;
        let mut earlier: Vec<Earlier> = decode_all::<Complaint>(&rows)?.into_iter().map(of_complaint).collect();
        let rows = sqlx::query("SELECT * FROM orders WHERE phone = $1 AND $1 <> '' ORDER BY updated_at DESC LIMIT $2")
            .bind(phone)
            .bind(EARLIER_MAX)
            .fetch_all(self.conn())
            .await
            .doing("read earlier orders")?;
        let orders = decode_all::<super::order::StoredOrder>(&rows)?;
        earlier.extend(orders.into_iter().filter(|stored| Some(&stored.order.no) != not).filter_map(of_order));
        Ok(earlier)
    }

    /// Adds a complaint with its first step and returns it at its first version, 1.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when its call, or its order, led to one already.
    pub async fn insert_complaint(&mut self, complaint: &Complaint) -> Result<Complaint> {
        let complaint = Complaint { version: 1, ..complaint.clone() };
        let sql = "INSERT INTO complaints (source, call_id, visit_id, order_no, phone, machine_no, dealer, engineer, branch,
                opened_at, opened_by, text, quotes, signs, kind, grade, grade_why, graded_by, side, reasonable, form, decision,
                reply_due_at, reply, site_visit, solution, handled_at, rounds, second_visit_id, recurrence, marked_from, checked,
                state, state_at, department, state_data, closed_at, close_cause, due_at, next_alarm_at, urgency, taken_over, id,
                version)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23,
                $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, 1)";
        bind(sqlx::query(sql), &complaint)?.execute(self.conn()).await.doing("insert complaint")?;
        let detail = serde_json::json!({ "source": complaint.source, "grade": complaint.grade, "kind": complaint.kind,
            "why": complaint.grade_why });
        let first = TrailEntry {
            n: 1,
            at: complaint.opened_at,
            by: complaint.opened_by.clone(),
            step: "open".into(),
            from: None,
            to: complaint.state.name(),
            detail,
        };
        self.append_step(&complaint, &first).await?;
        Ok(complaint)
    }

    /// Saves the complaint after a step, with the step, and returns it at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the row has another version.
    pub async fn save_complaint(&mut self, complaint: &Complaint, step: &TrailEntry) -> Result<Complaint> {
        let sql = "UPDATE complaints SET source = $1, call_id = $2, visit_id = $3, order_no = $4, phone = $5, machine_no = $6,
                dealer = $7, engineer = $8, branch = $9, opened_at = $10, opened_by = $11, text = $12, quotes = $13,
                signs = $14, kind = $15, grade = $16, grade_why = $17, graded_by = $18, side = $19, reasonable = $20,
                form = $21, decision = $22, reply_due_at = $23, reply = $24, site_visit = $25, solution = $26,
                handled_at = $27, rounds = $28, second_visit_id = $29, recurrence = $30, marked_from = $31, checked = $32,
                state = $33, state_at = $34, department = $35, state_data = $36, closed_at = $37, close_cause = $38,
                due_at = $39, next_alarm_at = $40, urgency = $41, taken_over = $42, version = version + 1
            WHERE id = $43 AND version = $44";
        let query = bind(sqlx::query(sql), complaint)?.bind(complaint.version);
        let done = query.execute(self.conn()).await.doing("save complaint")?;
        if done.rows_affected() != 1 {
            let why = "changed since it was read";
            return Err(StoreError::Stale { table: "complaints", id: complaint.id.to_string(), why });
        }
        let saved = Complaint { version: complaint.version + 1, ..complaint.clone() };
        self.append_step(&saved, step).await?;
        Ok(saved)
    }

    /// The number of the next step of a complaint.
    pub async fn next_step(&mut self, id: &ComplaintId) -> Result<i64> {
        let (last,): (i64,) = sqlx::query_as("SELECT COALESCE(MAX(n), 0) FROM complaint_steps WHERE complaint_id = $1")
            .bind(id.as_str())
            .fetch_one(self.conn())
            .await
            .doing("count steps of complaint")?;
        Ok(last + 1)
    }

    async fn append_step(&mut self, complaint: &Complaint, step: &TrailEntry) -> Result<()> {
        sqlx::query(
            "INSERT INTO complaint_steps (complaint_id, n, at, actor, step, from_state, to_state, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(complaint.id.as_str())
        .bind(step.n)
        .bind(ms(step.at))
        .bind(step.by.as_str())
        .bind(step.step.as_str())
        .bind(step.from.map(StateName::name))
        .bind(step.to.name())
        .bind(to_json("detail", &step.detail)?)
        .execute(self.conn())
        .await
        .doing("append step of complaint")?;
        let detail = serde_json::json!({ "complaint": complaint.id, "state": step.to.name(), "step": step.n });
        let mut event = NewEvent::by(&step.by, &format!("complaint.{}", step.step)).detail(detail);
        (event.visit, event.call) = (complaint.visit.clone(), complaint.call.clone());
        self.append_event(&event).await
    }

    /// Keeps that these alarms were told; returns those that were not before. `next` is when to look at the complaint again.
    pub async fn raise_alarms(
        &mut self,
        complaint: &Complaint,
        alarms: &[Alarm],
        next: Option<Timestamp>,
    ) -> Result<Vec<Alarm>> {
        let mut new = vec![];
        for alarm in alarms {
            let now = ms(self.now());
            let done = sqlx::query(
                "INSERT INTO complaint_alarms (complaint_id, kind, since, raised_at) VALUES ($1, $2, $3, $4)
                 ON CONFLICT DO NOTHING",
            )
            .bind(complaint.id.as_str())
            .bind(name_of(&alarm.kind)?)
            .bind(ms(alarm.since))
            .bind(now)
            .execute(self.conn())
            .await
            .doing("raise alarm")?;
            if done.rows_affected() == 1 {
                let detail =
                    serde_json::json!({ "complaint": complaint.id, "alarm": alarm.kind, "since": alarm.since });
                let mut event = NewEvent::engine("complaint.alarm").detail(detail);
                (event.visit, event.call) = (complaint.visit.clone(), complaint.call.clone());
                self.append_event(&event).await?;
                new.push(*alarm);
            }
        }
        // A complaint that was changed meanwhile has set its own instant.
        sqlx::query("UPDATE complaints SET next_alarm_at = $1 WHERE id = $2 AND version = $3")
            .bind(maybe_ms(next))
            .bind(complaint.id.as_str())
            .bind(complaint.version)
            .execute(self.conn())
            .await
            .doing("note the next alarm")?;
        Ok(new)
    }
}

fn of_complaint(complaint: Complaint) -> Earlier {
    let fault = complaint.form.what.unwrap_or(complaint.text);
    let Subject { machine_no, .. } = complaint.subject;
    Earlier { id: complaint.id.to_string(), at: complaint.opened_at, machine_no, fault, complaint: true }
}

/// A repair with its fault, finished or at least stored.
fn of_order(stored: super::order::StoredOrder) -> Option<Earlier> {
    let order = stored.order;
    let repair = matches!(order.service_type, ServiceType::WarrantyRepair | ServiceType::PaidRepair);
    let fault = order.claims.fault.filter(|_| repair)?;
    let at = order.claims.finished_at.unwrap_or(stored.created_at);
    Some(Earlier { id: order.no.to_string(), at, machine_no: order.claims.machine_no, fault, complaint: false })
}

fn maybe_json<T: serde::Serialize>(what: &'static str, value: Option<&T>) -> Result<Option<String>> {
    value.map(|value| to_json(what, value)).transpose()
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// The columns in the order of both statements, `id` last.
fn bind<'q>(query: Query<'q>, c: &Complaint) -> Result<Query<'q>> {
    let (closed_at, close_cause) = match &c.state {
        State::Closed { at, cause } => (Some(ms(*at)), Some(cause.name())),
        State::Open { .. }
        | State::AwaitingApproval { .. }
        | State::Handling { .. }
        | State::WithDepartment { .. }
        | State::Handled { .. } => (None, None),
    };
    Ok(query
        .bind(name_of(&c.source)?)
        .bind(c.call.as_ref().map(ToString::to_string))
        .bind(c.visit.as_ref().map(ToString::to_string))
        .bind(c.order_no.as_ref().map(ToString::to_string))
        .bind(c.subject.phone.as_ref().map(|phone| phone.e164().to_owned()))
        .bind(c.subject.machine_no.clone())
        .bind(c.subject.dealer.clone())
        .bind(c.subject.engineer.clone())
        .bind(c.subject.branch.clone())
        .bind(ms(c.opened_at))
        .bind(c.opened_by.clone())
        .bind(c.text.clone())
        .bind(to_json("quotes", &c.quotes)?)
        .bind(to_json("signs", &c.signs)?)
        .bind(c.kind.name())
        .bind(c.grade.name())
        .bind(c.grade_why.clone())
        .bind(c.graded_by.clone())
        .bind(c.side.as_ref().map(name_of).transpose()?)
        .bind(c.reasonable.map(i64::from))
        .bind(to_json("form", &c.form)?)
        .bind(maybe_json("decision", c.decision.as_ref())?)
        .bind(maybe_ms(c.reply_due_at))
        .bind(maybe_json("reply", c.reply.as_ref())?)
        .bind(maybe_json("site_visit", c.site_visit.as_ref())?)
        .bind(maybe_json("solution", c.solution.as_ref())?)
        .bind(maybe_ms(c.solution.as_ref().map(|s| s.at)))
        .bind(i64::from(c.rounds))
        .bind(c.second_visit.as_ref().map(ToString::to_string))
        .bind(maybe_json("recurrence", c.recurrence.as_ref())?)
        .bind(maybe_ms(c.marked_from))
        .bind(maybe_json("checked", c.checked.as_ref())?)
        .bind(c.state.name().name())
        .bind(ms(c.state.since()))
        .bind(c.state.department().map(ToOwned::to_owned))
        .bind(to_json("state", &c.state)?)
        .bind(closed_at)
        .bind(close_cause)
        .bind(maybe_ms(c.due_at()))
        .bind(maybe_ms(c.next_alarm(None)))
        .bind(c.urgency())
        .bind(maybe_json("taken_over", c.taken_over.as_ref())?)
        .bind(c.id.to_string()))
}
