//! Complaints on a running engine: they are opened, taken step by step, heard about in calls, and their alarms are told.
//!
//! Contract: a complaint and everything that happens to it is in the store before it is told; the step, the complaint after it and the
//! second call that it begins are one transaction. One call leads to one complaint however often it is judged; a call that asks about
//! the handling of a complaint leads to none of its own but opens that one again, or closes it. Alarms are told once, after a restart too.
//!
//! Not here: what a step leads to and when something is late (`domain::complaint`), who may do what (the door).

use super::Engine;
use super::events::EngineEvent;
use super::handle::{CommandError, OpenedComplaint};
use super::intake::Intake;
use crate::domain::call::Call;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::complaint::steps::{Filled, taken_over_in_call, with_second_call};
use crate::domain::complaint::{
    Complaint, Form, Heard, Mood, New, Refused, Rules, Source, State, Step, Subject, TrailEntry, Verdict, alarms,
    apply, heard, open,
};
use crate::domain::id::{CallId, ComplaintId, OrderNo, SeatId};
use crate::domain::order::{Order, ServiceType};
use crate::domain::programme::Trigger;
use crate::domain::score::{Answer, Judgement};
use crate::domain::visit::task::Visit;
use crate::store::event::ENGINE;
use crate::store::{StoreError, Tx};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// The event of a call that a supervisor took over.
pub const TAKEN_OVER: &str = "call.taken_over";

/// What an agent writes a complaint under, in the form of his wrap-up; the fields of 5W2H lie beside it.
const COMPLAINT_KEY: &str = "complaint";

impl From<Refused> for CommandError {
    fn from(refused: Refused) -> Self {
        Self::Conflict(refused.to_string())
    }
}

/// What a judged call brings.
pub struct Judged<'a> {
    pub call: &'a Call,
    pub visit: &'a Visit,
    pub order: &'a Order,
    pub answers: &'a [Answer],
    pub judgements: &'a [Judgement],
}

impl Engine {
    /// By hand, or by another system. What the order knows and `new` does not say is taken from there.
    pub(super) async fn open_by_hand(&self, mut new: New, by: &str) -> Result<OpenedComplaint, CommandError> {
        if let Some(call) = &new.call {
            let call = self.store.call(call).await?;
            new.visit = Some(call.visit);
            new.order_no.get_or_insert(call.order_no);
        }
        if let Some(no) = &new.order_no {
            let order = self.store.order(no).await?.order;
            new.subject = known_better(new.subject, &order);
        }
        let opened = self.open_complaint_now(new, by).await?;
        Ok(opened)
    }

    async fn open_complaint_now(&self, new: New, by: &str) -> Result<OpenedComplaint, StoreError> {
        let site = self.site();
        let mut tx = self.store.begin().await?;
        let mut opened = open_in(&mut tx, self.now_ms(), by, new, &site.rules.complaint_rules()).await?;
        if let Some(call) = opened.complaint.call.clone().filter(|_| opened.created)
            && let Some(filled) = fill_take_over(&mut tx, &opened.complaint, &call, self.now_ms()).await?
        {
            opened.complaint = filled;
        }
        tx.commit().await?;
        if opened.created {
            tracing::info!(complaint.id = %opened.complaint.id, by, "a complaint was opened");
            self.tell_complaint(&opened.complaint).await;
        }
        Ok(opened)
    }

    /// Takes one step.
    pub(super) async fn take_step(&self, id: &ComplaintId, step: &Step, by: &str) -> Result<Complaint, CommandError> {
        let (site, now) = (self.site(), self.now_ms());
        let mut tx = self.store.begin().await?;
        let complaint = tx.complaint(id).await?;
        let mut next = apply(now, by, &complaint, step, &site.rules.complaint_rules())?;
        if next.rounds > complaint.rounds {
            next = plan_second_call(&self.intake, &mut tx, next).await?;
        }
        let saved = save(&mut tx, &complaint, &next, step.name(), serde_json::to_value(step).ok(), by, now).await?;
        tx.commit().await?;
        tracing::info!(complaint.id = %id, by, step = step.name(), "a complaint was taken on");
        self.kick();
        self.tell_complaint(&saved).await;
        Ok(saved)
    }

    /// An order was stored; if it is a complaint, everybody is told.
    pub(super) async fn tell_complaint_of_order(&self, no: &OrderNo) {
        match self.store.complaint_of_order(no).await {
            Ok(Some(complaint)) if complaint.version == 1 => self.tell_complaint(&complaint).await,
            Ok(Some(_) | None) => {}
            Err(error) => tracing::warn!(order.no = %no, %error, "a complaint could not be told"),
        }
    }

    /// Everybody who listens, and whoever must be alarmed. What was saved stays saved: alarms that cannot be told now are told by the
    /// next look.
    async fn tell_complaint(&self, complaint: &Complaint) {
        self.announce(EngineEvent::ComplaintChanged {
            complaint: complaint.id.clone(),
            state: complaint.state.name(),
            grade: complaint.grade,
        });
        if let Err(error) = self.raise_alarms(complaint).await {
            tracing::warn!(complaint.id = %complaint.id, %error, "the alarms of a complaint could not be told yet");
        }
    }

    async fn raise_alarms(&self, complaint: &Complaint) -> Result<(), StoreError> {
        let now = self.now_ms();
        let mut tx = self.store.begin().await?;
        let new = tx.raise_alarms(complaint, &alarms(now, complaint), complaint.next_alarm(Some(now))).await?;
        tx.commit().await?;
        for alarm in new {
            let kind = alarm.kind;
            tracing::warn!(complaint.id = %complaint.id, alarm = kind.text_zh(), "a complaint needs somebody");
            let severity = kind.severity();
            self.announce(EngineEvent::ComplaintAlarm { complaint: complaint.id.clone(), alarm: kind, severity });
        }
        Ok(())
    }
}

/// Tells the alarms that have come up since the last look.
pub async fn look(engine: &Engine) -> Result<(), StoreError> {
    for complaint in engine.store.complaints_to_alarm(engine.clock.now()).await? {
        engine.raise_alarms(&complaint).await?;
    }
    Ok(())
}

/// A call was judged, for the first time or again.
pub async fn after_judging(engine: &Engine, judged: &Judged<'_>) -> Result<(), StoreError> {
    let Judged { call, visit, order, answers, judgements } = *judged;
    if engine.store.complaint_of_call(&call.id).await?.is_none() {
        // Opened by now, unless something went wrong when the agent wrote it.
        after_wrap_up(engine, call, &call.form).await.map_err(inside)?;
    }
    let site = engine.site();
    let heard = heard::heard(&call.id, answers, judgements, &site.rules.complaints);
    let verdict = heard::verdict(judgements);
    let quotes = heard.iter().flat_map(|heard| heard.quotes.clone()).collect();
    let second = Step::SecondCall { call: Some(call.id.clone()), verdict, quotes, remark: None };
    // A call that was put off says nothing of the handling.
    let said = verdict != Verdict::Unclear || call.conversation == Some(ConversationEnd::Completed);
    let asked = asked_about(engine, visit).await?;
    if !asked.is_empty() {
        return if said { answer_second_call(engine, &asked, &second, ENGINE).await } else { Ok(()) };
    }
    match (heard, engine.store.complaint_of_call(&call.id).await?) {
        (Some(heard), Some(known)) => add_heard(engine, &known, &heard).await,
        (Some(Heard { text, quotes, signs }), None) => {
            let form = Form { who: order.customer.name.clone(), what: Some(text.clone()), ..Form::default() };
            let new = New { quotes, signs, form, ..of_call(Source::Call, text, call, order) };
            engine.open_complaint_now(new, ENGINE).await.map(drop)
        }
        (None, _) => Ok(()),
    }
}

/// An agent wrote his call down; a complaint among it is opened, or what he found out is added to it.
pub async fn after_wrap_up(engine: &Engine, call: &Call, form: &BTreeMap<String, String>) -> Result<(), CommandError> {
    let Some(text) = form.get(COMPLAINT_KEY).map(|text| text.trim()).filter(|text| !text.is_empty()) else {
        return Ok(());
    };
    let by = call.seat.as_ref().map_or(ENGINE, SeatId::as_str);
    let visit = engine.store.visit(&call.visit).await?;
    let remark = Some(text.to_owned());
    let second =
        Step::SecondCall { call: Some(call.id.clone()), verdict: Verdict::Dissatisfied, quotes: vec![], remark };
    let asked = asked_about(engine, &visit).await?;
    if !asked.is_empty() {
        return Ok(answer_second_call(engine, &asked, &second, by).await?);
    }
    let order = engine.store.order(&call.order_no).await?.order;
    let form = form_of(form);
    let new = New { form: form.clone(), ..of_call(Source::WrapUp, text.into(), call, &order) };
    let opened = engine.open_complaint_now(new, by).await?;
    let over = matches!(opened.complaint.state, State::Closed { .. });
    let news = opened.complaint.form.clone().updated_by(form.clone()) != opened.complaint.form;
    if !opened.created && !over && news {
        let filled = Filled { form, ..Filled::default() };
        engine.take_step(&opened.complaint.id, &Step::Form(Box::new(filled)), by).await?;
    }
    Ok(())
}

/// A supervisor took a call over (F18): so did he the complaint that it has led to, or asks about. One that it leads to later is told when
/// it is opened.
pub async fn after_take_over(engine: &Engine, call: &CallId) -> Result<(), StoreError> {
    let visit = engine.store.visit(&engine.store.call(call).await?.visit).await?;
    let mut complaints = asked_about(engine, &visit).await?;
    complaints.extend(engine.store.complaint_of_call(call).await?);
    for complaint in complaints {
        let mut tx = engine.store.begin().await?;
        let complaint = tx.complaint(&complaint.id).await?;
        let filled = fill_take_over(&mut tx, &complaint, call, engine.now_ms()).await?;
        tx.commit().await?;
        if let Some(filled) = filled {
            engine.tell_complaint(&filled).await;
        }
    }
    Ok(())
}

/// Writes into the complaint who took its call over; `None`: nobody did, or it says so.
async fn fill_take_over(
    tx: &mut Tx,
    complaint: &Complaint,
    call: &CallId,
    now: Timestamp,
) -> Result<Option<Complaint>, StoreError> {
    let Some(event) = tx.first_event_of_call(call, TAKEN_OVER).await? else { return Ok(None) };
    let Some(next) = taken_over_in_call(complaint, event.at, &event.actor) else { return Ok(None) };
    let detail = serde_json::json!({ "call": call, "at": event.at });
    save(tx, complaint, &next, "take_over", Some(detail), &event.actor, now).await.map(Some)
}

/// The order is a complaint itself (用户投诉): opened once, in the transaction that stores the order.
pub async fn of_order(
    tx: &mut Tx,
    now: Timestamp,
    by: &str,
    order: &Order,
    rules: &Rules<'_>,
) -> Result<(), StoreError> {
    if order.service_type != ServiceType::Complaint || tx.complaint_of_order(&order.no).await?.is_some() {
        return Ok(());
    }
    let claims = &order.claims;
    let text = claims.demand.as_ref().or(claims.fault.as_ref()).map_or("用户投诉（订单未写明内容）", String::as_str);
    let form = Form {
        who: order.customer.name.clone(),
        what: claims.fault.clone(),
        place: claims.location.clone(),
        demand: claims.demand.clone(),
        ..Form::default()
    };
    let new = New {
        order_no: Some(order.no.clone()),
        subject: known_better(Subject::default(), order),
        form,
        ..New::bare(Source::Order, text)
    };
    open_in(tx, now, by, new, rules).await.map(drop)
}

/// Opens a complaint unless its call led to one already.
async fn open_in(
    tx: &mut Tx,
    now: Timestamp,
    by: &str,
    new: New,
    rules: &Rules<'_>,
) -> Result<OpenedComplaint, StoreError> {
    if let Some(call) = &new.call
        && let Some(complaint) = tx.complaint_of_call(call).await?
    {
        return Ok(OpenedComplaint { complaint, created: false });
    }
    // In a visit call the customer speaks of the repair that it asks about; anybody else who names the order says that it did not hold.
    let own = new.order_no.as_ref().filter(|_| matches!(new.source, Source::Call | Source::Order));
    let earlier = tx.earlier(&new.subject, own).await?;
    let complaint = open::open(now, ComplaintId::new(tx.new_id()), by, new, &earlier, rules);
    Ok(OpenedComplaint { complaint: tx.insert_complaint(&complaint).await?, created: true })
}

async fn save(
    tx: &mut Tx,
    before: &Complaint,
    next: &Complaint,
    step: &str,
    detail: Option<serde_json::Value>,
    by: &str,
    now: Timestamp,
) -> Result<Complaint, StoreError> {
    let entry = TrailEntry {
        n: tx.next_step(&before.id).await?,
        at: now,
        by: by.into(),
        step: step.into(),
        from: Some(before.state.name()),
        to: next.state.name(),
        detail: detail.unwrap_or_default(),
    };
    tx.save_complaint(next, &entry).await
}

/// A14, A15: the call after the handling, or why nobody will make it.
async fn plan_second_call(intake: &Intake, tx: &mut Tx, handled: Complaint) -> Result<Complaint, CommandError> {
    let Some(no) = handled.order_no.clone() else {
        return Ok(with_second_call(handled, Err("投诉没有对应的订单，请人工回访".into())));
    };
    let planned = intake.begin_second_call(tx, &no, handled.state.since()).await?;
    Ok(with_second_call(handled, planned))
}

/// The complaints whose handling the visit asks about.
async fn asked_about(engine: &Engine, visit: &Visit) -> Result<Vec<Complaint>, StoreError> {
    match visit.origin.trigger {
        Trigger::ComplaintHandled => engine.store.complaints_of_second_visit(&visit.id).await,
        _ => Ok(vec![]),
    }
}

/// For every complaint that waits for it; one that has gone on meanwhile is left as it is.
async fn answer_second_call(engine: &Engine, asked: &[Complaint], step: &Step, by: &str) -> Result<(), StoreError> {
    for complaint in asked.iter().filter(|complaint| matches!(complaint.state, State::Handled { .. })) {
        match engine.take_step(&complaint.id, step, by).await {
            Ok(_) => {}
            Err(CommandError::Conflict(why)) => {
                tracing::warn!(complaint.id = %complaint.id, why, "a second call came too late for its complaint");
            }
            Err(error) => return Err(inside(error)),
        }
    }
    Ok(())
}

async fn add_heard(engine: &Engine, known: &Complaint, heard: &Heard) -> Result<(), StoreError> {
    let site = engine.site();
    let mut tx = engine.store.begin().await?;
    // Read again: somebody may be at it.
    let known = tx.complaint(&known.id).await?;
    let Some(next) = known.with_heard(heard, &site.rules.complaints) else { return Ok(()) };
    let detail = serde_json::json!({ "quotes": heard.quotes.len(), "grade": next.grade, "why": next.grade_why });
    let saved = save(&mut tx, &known, &next, "heard", Some(detail), ENGINE, engine.now_ms()).await?;
    tx.commit().await?;
    engine.tell_complaint(&saved).await;
    Ok(())
}

fn of_call(source: Source, text: String, call: &Call, order: &Order) -> New {
    New {
        call: Some(call.id.clone()),
        visit: Some(call.visit.clone()),
        order_no: Some(call.order_no.clone()),
        subject: known_better(Subject::default(), order),
        ..New::bare(source, text)
    }
}

/// What the order says of the customer and his machine, where nothing else is said.
fn known_better(said: Subject, order: &Order) -> Subject {
    let claims = &order.claims;
    Subject {
        phone: said.phone.or_else(|| Some(order.customer.phone.clone())),
        machine_no: said.machine_no.or_else(|| claims.machine_no.clone()),
        dealer: said.dealer.or_else(|| claims.dealer.clone()),
        engineer: said.engineer.or_else(|| claims.engineer.clone()),
        branch: said.branch.or_else(|| claims.branch.clone()),
    }
}

/// The 5W2H fields of a wrap-up (docs/seats.md).
fn form_of(form: &BTreeMap<String, String>) -> Form {
    let field = |key: &str| form.get(key).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    Form {
        who: field("who"),
        what: field("what"),
        when: field("when"),
        place: field("where"),
        why: field("why"),
        how: field("how"),
        how_much: field("how_much"),
        mood: form.get("mood").and_then(|text| Mood::parse(text)),
        demand: field("demand"),
    }
}

/// What a command failed by, for a job that is tried again.
fn inside(error: CommandError) -> StoreError {
    StoreError::Invalid { what: "complaint", value: error.to_string(), why: "its step could not be taken" }
}
