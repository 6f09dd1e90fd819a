//! 承诺: made from what a call's transcript, its agent or a person says, each with its visit; and the alarm when one is overdue.
//!
//! Contract: a promise, its visit and its entry in the log are one transaction; a call that is judged again makes no second promise and
//! no second visit. The alarm is a row: what is overdue when the engine starts again, and was not marked, is marked then (A19, F11).
//!
//! Not here: which words promise and what may follow (`domain::promise`), and what a person may ask for ([`super::ledger`]).

use super::Engine;
use super::events::EngineEvent;
use super::intake::IntakeRules;
use crate::domain::call::Call;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::id::{CallId, PromiseId, VisitId};
use crate::domain::opt_out::UNATTENDED;
use crate::domain::order::Order;
use crate::domain::programme::{Programme, Stage, Trigger};
use crate::domain::promise::detect::{Doer, Heard, detect};
use crate::domain::promise::{
    Due, Evidence, Kind, Promise, Source, State, begins_by_promise, due, mark_overdue, needs_confirmation, tell,
    visit_of, working,
};
use crate::domain::transcript::Transcript;
use crate::domain::visit::task::{CloseCause, Start, Visit, called_off};
use crate::store::event::{ENGINE, NewEvent};
use crate::store::{StoreError, Tx};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Marked in one go.
const MARKS_MAX: u32 = 100;
/// The longest sleep: what intake wrote meanwhile is seen by then.
const NAP_MAX: Duration = Duration::from_secs(60);
/// Looks again after so long when the database could not be read.
const AFTER_ERROR: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(100);
/// The service centre answers for what its questionnaire says.
const SERVICE_CENTRE: &str = "客服中心";
const ENGINEER: &str = "服务工程师";
const DEPARTMENT: &str = "责任部门";
const RULE_A18: &str = "规则 A18";

/// Fields of an agent's form that speak of promises: what he promised, by when, and what he told the customer of an earlier one.
pub const FORM_PROMISE: &str = "promise";
pub const FORM_PROMISE_BY: &str = "promise_by";
pub const FORM_TOLD: &str = "told";

/// A promise as it is made.
pub struct Draft<'a> {
    pub kind: Kind,
    pub order: &'a Order,
    pub call: Option<&'a CallId>,
    pub what: String,
    pub promised_by: String,
    pub owner: String,
    pub promised_at: Timestamp,
    pub by: When<'a>,
    pub source: Source,
    pub evidence: Option<Evidence>,
}

/// By when.
pub enum When<'a> {
    At(Timestamp),
    /// In somebody's words, which may name a time.
    Said(&'a str),
}

/// Writes it down with its visit. Whether the call has it already is the caller's to ask.
pub async fn make(
    tx: &mut Tx,
    rules: &IntakeRules,
    now: Timestamp,
    draft: Draft<'_>,
) -> Result<(Promise, Option<Visit>), StoreError> {
    let Draft { kind, order, .. } = draft;
    let branch = order.claims.branch.clone();
    let calendar = rules.calendar.of(branch.as_deref());
    let begins = if kind == Kind::CallBack { programme_of(rules, order) } else { None };
    let due = match draft.by {
        When::At(at) => Due { from: None, at },
        When::Said(said) => due(draft.promised_at, Some(said), begins, &rules.terms, calendar),
    };
    let mut promise = Promise {
        id: PromiseId::new(tx.new_id()),
        kind,
        order_no: order.no.clone(),
        call: draft.call.cloned(),
        visit: None,
        what: draft.what,
        promised_by: draft.promised_by,
        owner: draft.owner,
        promised_at: draft.promised_at,
        due_at: due.at,
        source: draft.source,
        evidence: draft.evidence,
        overdue_at: None,
        state: State::Open,
        version: 0,
    };
    let mut visit = None;
    if let Some((programme, stage)) = begins {
        let (id, order_no, trigger) = (VisitId::new(tx.new_id()), order.no.clone(), Trigger::Promise);
        let start = Start { id, order_no, programme, stage, trigger, branch, on_site: false };
        let begun = tx.insert_begun(&visit_of(now, &promise, due, start, &rules.calendar)).await?;
        promise.visit = Some(begun.id.clone());
        visit = Some(begun);
    }
    let made = tx.insert_promise(&promise).await?;
    tx.append_event(&event_of(&made, ENGINE, "promise.made")).await?;
    Ok((made, visit))
}

/// Another system reported a promise, and `visit` is to keep it: from now on it is in the ledger.
pub async fn keep_reported(tx: &mut Tx, visit: &Visit, by: &str) -> Result<(), StoreError> {
    if tx.promise_of_visit(&visit.id).await?.is_some() {
        return Ok(());
    }
    let promise = Promise {
        id: PromiseId::new(tx.new_id()),
        kind: Kind::CallBack,
        order_no: visit.order_no.clone(),
        call: None,
        visit: Some(visit.id.clone()),
        what: "答应给客户回电".into(),
        promised_by: by.into(),
        owner: by.into(),
        promised_at: visit.sms_at,
        due_at: visit.due_at,
        source: Source::Hand,
        evidence: None,
        overdue_at: None,
        state: State::Open,
        version: 0,
    };
    let made = tx.insert_promise(&promise).await?;
    tx.append_event(&event_of(&made, by, "promise.made")).await
}

/// A18: a completed consultation waits for an engineer from now on; once, however often it is reported.
pub async fn await_confirmation(
    tx: &mut Tx,
    rules: &IntakeRules,
    now: Timestamp,
    order: &Order,
    completed_at: Timestamp,
) -> Result<(), StoreError> {
    if !needs_confirmation(order) || tx.has_confirmation(&order.no).await? {
        return Ok(());
    }
    let promised_at = completed_at.min(now);
    let calendar = rules.calendar.of(order.claims.branch.as_deref());
    let draft = Draft {
        kind: Kind::Confirmation,
        order,
        call: None,
        what: "技术咨询完成后，由工程师向客户确认故障已排除".into(),
        promised_by: RULE_A18.into(),
        owner: owner_of(Doer::Engineer, order, SERVICE_CENTRE),
        promised_at,
        by: When::At(working(promised_at, rules.terms.confirmation, calendar)),
        source: Source::Rule,
        evidence: None,
    };
    make(tx, rules, now, draft).await.map(drop)
}

/// An entry of the log; it names the promise and never the customer.
pub fn event_of(promise: &Promise, by: &str, what: &str) -> NewEvent {
    let mut event = NewEvent::by(by, what).detail(serde_json::json!({
        "promise": promise.id, "order_no": promise.order_no, "owner": promise.owner, "due_at": promise.due_at,
    }));
    (event.visit, event.call) = (promise.visit.clone(), promise.call.clone());
    event
}

fn programme_of<'a>(rules: &'a IntakeRules, order: &Order) -> Option<(&'a Programme, &'a Stage)> {
    let programmes = rules.assignment.programmes(Trigger::Promise, order, &rules.programmes).ok()?;
    programmes.first().and_then(|programme| begins_by_promise(programme))
}

fn owner_of(doer: Doer, order: &Order, promised_by: &str) -> String {
    match doer {
        Doer::Us if promised_by == UNATTENDED => SERVICE_CENTRE.into(),
        Doer::Us => promised_by.into(),
        Doer::Engineer => order.claims.engineer.clone().unwrap_or_else(|| ENGINEER.into()),
        Doer::Department => DEPARTMENT.into(),
    }
}

/// Keeps what our side promised in a call that was written down; what is known already only gets its evidence.
pub async fn keep_heard(
    engine: &Engine,
    call: &Call,
    order: &Order,
    transcript: &Transcript,
) -> Result<(), StoreError> {
    let site = engine.site();
    let Some(answered_at) = call.instants.answered_at.or(call.instants.claimed_at) else { return Ok(()) };
    let tz = site.rules.calendar.of(order.claims.branch.as_deref()).tz();
    // 明天再给您打 of a visit that was put off is the appointment of that visit.
    let put_off = matches!(call.conversation, Some(ConversationEnd::Callback { .. }));
    let found = detect(transcript, answered_at, tz);
    for heard in found.into_iter().filter(|heard| !(put_off && heard.doer == Doer::Us)) {
        keep_one(engine, call, order, answered_at, heard).await?;
    }
    Ok(())
}

async fn keep_one(
    engine: &Engine,
    call: &Call,
    order: &Order,
    answered_at: Timestamp,
    heard: Heard,
) -> Result<(), StoreError> {
    let Heard { doer, quote, when, from_s, to_s } = heard;
    let evidence = Evidence { quote: quote.clone(), from_s, to_s };
    let site = engine.site();
    let mut tx = engine.store.begin().await?;
    if let Some(known) = tx.promise_of_call(&call.id, doer).await? {
        if known.evidence.is_none() {
            tx.save_promise(&Promise { evidence: Some(evidence), ..known }).await?;
            tx.commit().await?;
        }
        return Ok(());
    }
    let into_talk = from_s - call.recording.as_ref().and_then(|r| r.answered_at_s).unwrap_or_default();
    let after = SignedDuration::try_from_secs_f64(into_talk.max(0.0)).unwrap_or_default();
    // Within the call, whatever the recogniser says of its seconds.
    let said_at = answered_at.checked_add(after).unwrap_or(answered_at);
    let now = engine.clock.now();
    let promised_at = said_at.min(call.instants.ended_at.unwrap_or(now)).min(now);
    let promised_by = call.seat.as_ref().map_or(UNATTENDED.to_owned(), ToString::to_string);
    let draft = Draft {
        kind: Kind::CallBack,
        order,
        call: Some(&call.id),
        what: quote,
        owner: owner_of(doer, order, &promised_by),
        promised_by,
        promised_at,
        by: When::Said(&when),
        source: Source::Heard { doer },
        evidence: Some(evidence),
    };
    let (promise, visit) = make(&mut tx, &site.rules, now, draft).await?;
    tx.commit().await?;
    engine.promise_changed(&promise, visit.as_ref());
    Ok(())
}

/// Keeps what an agent wrote down of promises in the wrap-up of a call: one that he made, and what he told of an earlier one (A20). Handed
/// in again it changes nothing.
pub async fn keep_written(engine: &Engine, call: &Call, form: &BTreeMap<String, String>) -> Result<(), StoreError> {
    let field = |name: &str| form.get(name).map(|text| text.trim()).filter(|text| !text.is_empty());
    if let Some(what) = field(FORM_PROMISE) {
        keep_made(engine, call, what, field(FORM_PROMISE_BY).unwrap_or(what)).await?;
    }
    if let Some(told) = field(FORM_TOLD) {
        keep_told(engine, call, told).await?;
    }
    Ok(())
}

async fn keep_made(engine: &Engine, call: &Call, what: &str, when: &str) -> Result<(), StoreError> {
    let order = engine.store.order(&call.order_no).await?.order;
    let (site, now) = (engine.site(), engine.clock.now());
    let mut tx = engine.store.begin().await?;
    if let Some(known) = tx.promise_of_call(&call.id, Doer::Us).await? {
        // His words go before those that were recognised; the clock that runs, runs on.
        if known.state == State::Open && known.source != Source::Agent {
            tx.save_promise(&Promise { what: what.into(), source: Source::Agent, ..known }).await?;
            tx.commit().await?;
        }
        return Ok(());
    }
    let agent = call.seat.as_ref().map_or(SERVICE_CENTRE.to_owned(), ToString::to_string);
    let promised_at = call.instants.ended_at.unwrap_or(now).min(now);
    let draft = Draft {
        kind: Kind::CallBack,
        order: &order,
        call: Some(&call.id),
        what: what.into(),
        owner: agent.clone(),
        promised_by: agent,
        promised_at,
        by: when.parse().ok().filter(|at| *at > promised_at).map_or(When::Said(when), When::At),
        source: Source::Agent,
        evidence: None,
    };
    let (promise, visit) = make(&mut tx, &site.rules, now, draft).await?;
    tx.commit().await?;
    engine.promise_changed(&promise, visit.as_ref());
    Ok(())
}

/// The call was made to keep a promise, and the agent says what the customer was told.
async fn keep_told(engine: &Engine, call: &Call, told: &str) -> Result<(), StoreError> {
    let now = engine.clock.now();
    let by = call.seat.as_ref().map_or(SERVICE_CENTRE.to_owned(), ToString::to_string);
    let mut tx = engine.store.begin().await?;
    let Some(promise) = tx.promise_of_visit(&call.visit).await? else { return Ok(()) };
    let told_at = call.instants.ended_at.unwrap_or(now).min(now);
    let Ok(kept) = tell(now, &promise, told, told_at, &by) else { return Ok(()) };
    let kept = tx.save_promise(&kept).await?;
    tx.append_event(&event_of(&kept, &by, "promise.told")).await?;
    tx.commit().await?;
    engine.promise_changed(&kept, None);
    Ok(())
}

/// The visit of a promise that is settled without it is not made any more.
pub async fn drop_visit(tx: &mut Tx, now: Timestamp, promise: &Promise) -> Result<Option<Visit>, StoreError> {
    let Some(id) = &promise.visit else { return Ok(None) };
    let visits = tx.visits_of_order(&promise.order_no).await?;
    let waiting = visits.iter().find(|visit| visit.id == *id);
    match waiting.and_then(|visit| called_off(now, visit, CloseCause::Settled)) {
        Some(closed) => tx.save_visit(&closed).await.map(Some),
        None => Ok(None),
    }
}

/// Marks what is overdue, until the engine stops.
pub async fn run(engine: Arc<Engine>) {
    while !engine.stop.is_cancelled() {
        let nap = match mark(&engine).await {
            Ok(nap) => nap,
            Err(error) => {
                tracing::warn!(%error, "overdue promises could not be marked");
                AFTER_ERROR
            }
        };
        tokio::select! {
            () = engine.stop.cancelled() => {}
            () = engine.promises_added() => {}
            () = tokio::time::sleep(nap) => {}
        }
    }
}

/// Returns how long nothing becomes overdue.
async fn mark(engine: &Engine) -> Result<Duration, StoreError> {
    let now = engine.clock.now();
    for promise in engine.store.promises_overdue(now, MARKS_MAX).await? {
        let Some(overdue) = mark_overdue(now, &promise) else { continue };
        let mut tx = engine.store.begin().await?;
        match tx.save_promise(&overdue).await {
            Ok(marked) => {
                tx.append_event(&event_of(&marked, ENGINE, "promise.overdue")).await?;
                tx.commit().await?;
                tracing::warn!(promise.id = %marked.id, order.no = %marked.order_no, "a promise is overdue (A19)");
                metrics::counter!("huifang_promises_overdue_total").increment(1);
                engine.announce(EngineEvent::PromiseOverdue {
                    promise: marked.id.clone(),
                    order_no: marked.order_no.clone(),
                    owner: marked.owner.clone(),
                    due_at: marked.due_at,
                });
                engine.promise_changed(&marked, None);
            }
            // Somebody told, took back or assigned it at this moment: the next look decides.
            Err(StoreError::Stale { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let next = engine.store.next_promise_due().await?;
    // Overdue is what is later than its due instant; more than one look's worth is taken up a moment later.
    let wait = next.map(|due| Duration::try_from(due.duration_since(now)).unwrap_or_default() + TICK);
    Ok(wait.unwrap_or(NAP_MAX).min(NAP_MAX))
}

impl Engine {
    pub(super) fn promise_changed(&self, promise: &Promise, visit: Option<&Visit>) {
        self.announce(EngineEvent::PromiseChanged {
            promise: promise.id.clone(),
            order_no: promise.order_no.clone(),
            state: promise.state.name(),
            overdue: promise.overdue_at.is_some(),
        });
        if let Some(visit) = visit {
            self.announce_visit(visit);
            self.kick();
        }
        self.more_promises();
    }
}
