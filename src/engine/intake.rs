//! Intake: a completion SMS or an order becomes a row, and what is reported of an order becomes visits.
//!
//! Contract: each command is one transaction, and the answer is given after the commit. The same message id, or the same event of an
//! order, gets the same answer and changes nothing; another message about a known order updates the order and its visits and never
//! makes a second visit of a stage. Every SMS is kept: what no template reads waits in the inbox with its reason.
//! An order alone makes no visit: visits begin with the report that something happened to it ([`begin`]).
//!
//! Not here: signatures and wire formats (the doors), when the visit is dialled (the planner).

mod begin;

use super::complaints;
use super::handle::{CommandError, OrderAnswer};
use super::promises::{await_confirmation, keep_reported};
use crate::clock::Clock;
use crate::domain::calendar::Calendar;
use crate::domain::complaint::{Policy, Rules};
use crate::domain::id::{InboxId, OrderNo, VisitId};
use crate::domain::order::Order;
use crate::domain::programme::assign::{Assignment, Unassigned};
use crate::domain::programme::{Programme, Programmes, Trigger};
use crate::domain::promise::Terms;
use crate::domain::sms::{SmsOrder, SmsTemplates};
use crate::domain::visit::task::{Visit, corrected};
use crate::store::event::{ENGINE, NewEvent};
use crate::store::order_event::{BegunVisit, EventAnswer, OrderEvent};
use crate::store::sms::{SmsAnswer, StoredSms};
use crate::store::{Store, StoreError, Tx, whole_ms};
use begin::{Begun, Happened, begin_all};
use jiff::Timestamp;
use std::sync::{Arc, PoisonError, RwLock};

/// Takes SMS and orders in. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: Arc<RwLock<Arc<IntakeRules>>>,
}

/// What intake reads texts and plans visits by.
pub struct IntakeRules {
    pub programmes: Programmes,
    pub calendar: Calendar,
    pub templates: Arc<SmsTemplates>,
    pub complaints: Policy,
    /// Which programmes an order belongs to; checked against `programmes`.
    pub assignment: Assignment,
    /// How long there is to keep a promise when nobody named a time.
    pub terms: Terms,
}

#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("order {order_no}: there is no programme {programme:?}")]
    NoProgramme { order_no: OrderNo, programme: String },
    /// For people.
    #[error("订单 {order_no}：{why}")]
    Unassigned { order_no: OrderNo, why: Unassigned },
    #[error("there is no branch {0:?} in site.branches")]
    NoBranch(String),
    /// For people.
    #[error("这条短信已经处理过了（{0}）")]
    Resolved(String),
}

impl Intake {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rules: Arc<IntakeRules>) -> Self {
        Self { store, clock, rules: Arc::new(RwLock::new(rules)) }
    }

    /// From here on everything is taken in by these.
    pub fn set_rules(&self, rules: Arc<IntakeRules>) {
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = rules;
    }

    fn rules(&self) -> Arc<IntakeRules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes one SMS in. Idempotent by message id, whatever the repeat says.
    pub async fn accept_sms(&self, sms: StoredSms) -> Result<SmsAnswer, IntakeError> {
        // Repeats are common and must not wait for the writer; the answer is looked up again inside the transaction.
        if let Some(answer) = self.store.sms_answer(&sms.message_id).await? {
            return Ok(answer);
        }
        let sms = StoredSms { received_at: whole_ms(sms.received_at), ..sms };
        let rules = self.rules();
        let read = rules.templates.read(&sms.text, sms.received_at, rules.calendar.tz());
        let mut tx = self.store.begin().await?;
        if let Some(answer) = tx.sms_answer(&sms.message_id).await? {
            return Ok(answer);
        }
        let answer = match read {
            Ok(read) => self.report(&rules, &mut tx, read, sms.received_at).await?,
            Err(unread) => SmsAnswer::Inbox { inbox_id: InboxId::new(tx.new_id()), reason: unread.to_string() },
        };
        tx.record_sms(&sms, &answer).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// The dispatcher's record of an order: updates what is known, and the visit if there is one.
    pub async fn put_order(&self, order: Order) -> Result<OrderAnswer, IntakeError> {
        let rules = self.rules();
        rules.check_branch(&order)?;
        let mut tx = self.store.begin().await?;
        let saved = save_order(&mut tx, order).await?;
        self.complain(&rules, &mut tx, &saved).await?;
        self.correct(&rules, &mut tx, &saved).await?;
        let visit = tx.visit_by_order(&saved.order.no).await?.map(|visit| visit.id);
        tx.commit().await?;
        Ok(OrderAnswer { created: saved.created, order: saved.order, visit })
    }

    /// Another system reports what happened to a known order. Idempotent by order, kind and instant.
    pub async fn order_event(&self, event: &OrderEvent, by: &str) -> Result<EventAnswer, IntakeError> {
        let rules = self.rules();
        let event = OrderEvent { at: whole_ms(event.at), ..event.clone() };
        let mut tx = self.store.begin().await?;
        let Some(stored) = tx.order(&event.order_no).await? else {
            return Err(StoreError::NotFound { table: "orders", id: event.order_no.to_string() }.into());
        };
        if let Some(answer) = tx.event_answer(&event).await? {
            return Ok(answer);
        }
        let happened = Happened { order: &stored.order, trigger: event.kind, at: event.at, by_hand: false };
        let begun = self.begin(&rules, &mut tx, &happened).await?;
        if event.kind == Trigger::Promise {
            for visit in &begun.visits {
                keep_reported(&mut tx, visit, by).await?;
            }
        }
        let answer = answer_of(begun);
        tx.record_event(&event, &answer).await?;
        let detail = serde_json::json!({ "order_no": event.order_no, "kind": event.kind, "at": event.at });
        tx.append_event(&NewEvent::by(by, "order.event").detail(detail)).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// A14: a complaint about this order was handled; the visit that asks about it is begun in the transaction of the handling. The inner
    /// error says, for people, why there is none.
    pub async fn begin_second_call(
        &self,
        tx: &mut Tx,
        order_no: &OrderNo,
        at: Timestamp,
    ) -> Result<Result<VisitId, String>, IntakeError> {
        let Some(stored) = tx.order(order_no).await? else {
            return Err(StoreError::NotFound { table: "orders", id: order_no.to_string() }.into());
        };
        let happened = Happened { order: &stored.order, trigger: Trigger::ComplaintHandled, at, by_hand: true };
        match self.begin(&self.rules(), tx, &happened).await {
            Ok(begun) => {
                let visit = begun.visits.into_iter().next().map(|visit| visit.id);
                Ok(visit.ok_or_else(|| "没有回访方案接手，请人工回访".into()))
            }
            Err(IntakeError::Unassigned { why, .. }) => Ok(Err(why.to_string())),
            Err(error) => Err(error),
        }
    }

    /// A person read an SMS that no template could: `order` is what it reports, at the instant it was received.
    /// Sent again for the same order it gives the same visit.
    pub async fn complete_inbox(&self, id: &InboxId, order: Order, by: &str) -> Result<Visit, IntakeError> {
        let mut tx = self.store.begin().await?;
        let item = tx.inbox_item(id).await?;
        if let Some(done) = item.resolved {
            return match (done.order_no, tx.visit_by_order(&order.no).await?) {
                (Some(no), Some(visit)) if no == order.no => Ok(visit),
                (no, _) => Err(IntakeError::Resolved(no.map_or("不是完工短信".into(), |no| no.to_string()))),
            };
        }
        let rules = self.rules();
        rules.check_branch(&order)?;
        let order = save_order(&mut tx, order).await?;
        self.complain(&rules, &mut tx, &order).await?;
        self.correct(&rules, &mut tx, &order).await?;
        let (order, at) = (&order.order, item.sms.received_at);
        let happened = Happened { order, trigger: Trigger::Sms, at, by_hand: true };
        let begun = self.begin(&rules, &mut tx, &happened).await?;
        let Some(visit) = begun.visits.into_iter().next() else {
            let why = Unassigned::Nobody(Trigger::Sms.text_zh());
            return Err(IntakeError::Unassigned { order_no: order.no.clone(), why });
        };
        tx.resolve_inbox(id, by, Some(&visit.order_no)).await?;
        tx.commit().await?;
        Ok(visit)
    }

    /// What a template read: the order and its visits, and in the log what it could not make out.
    async fn report(
        &self,
        rules: &IntakeRules,
        tx: &mut Tx,
        read: SmsOrder,
        received_at: Timestamp,
    ) -> Result<SmsAnswer, IntakeError> {
        let saved = save_order(tx, read.order).await?;
        self.complain(rules, tx, &saved).await?;
        self.correct(rules, tx, &saved).await?;
        let order_no = saved.order.no.clone();
        let happened = Happened { order: &saved.order, trigger: Trigger::Sms, at: received_at, by_hand: false };
        let begun = match self.begin(rules, tx, &happened).await {
            Ok(begun) => begun,
            Err(IntakeError::Unassigned { why, .. }) => {
                return Ok(SmsAnswer::NoVisit { order_no, reason: why.to_string() });
            }
            Err(error) => return Err(error),
        };
        let Some(visit) = begun.visits.into_iter().next() else {
            return Ok(SmsAnswer::NoVisit { order_no, reason: "按抽样比例未选中，不回访".into() });
        };
        let detail = serde_json::json!({ "template": read.template, "notes": read.notes });
        tx.append_event(&NewEvent::by(ENGINE, "sms.accepted").visit(&visit.id).detail(detail)).await?;
        Ok(SmsAnswer::Accepted { visit_id: visit.id, order_no, due_at: visit.due_at, deadline_at: visit.deadline_at })
    }

    async fn begin(&self, rules: &IntakeRules, tx: &mut Tx, happened: &Happened<'_>) -> Result<Begun, IntakeError> {
        let begun = begin_all(self.now(), rules, tx, happened).await?;
        if happened.trigger != Trigger::Promise {
            await_confirmation(tx, rules, self.now(), happened.order, happened.at).await?;
        }
        Ok(begun)
    }

    /// An order of type 用户投诉 is a complaint.
    async fn complain(&self, rules: &IntakeRules, tx: &mut Tx, saved: &SavedOrder) -> Result<(), IntakeError> {
        Ok(complaints::of_order(tx, self.now(), ENGINE, &saved.order, &rules.complaint_rules()).await?)
    }

    /// The visits of an order follow what is now known of it.
    async fn correct(&self, rules: &IntakeRules, tx: &mut Tx, saved: &SavedOrder) -> Result<(), IntakeError> {
        let visits = tx.visits_of_order(&saved.order.no).await?;
        let same =
            |one: &Visit, other: &Visit| one.programme == other.programme && one.origin.stage == other.origin.stage;
        for visit in &visits {
            let programme = rules.programme(visit)?;
            let next = corrected(self.now(), visit, saved.phone_changed, programme, &rules.calendar);
            // One that is over stays over beside an open one of its kind.
            let replaced =
                visits.iter().any(|other| other.id != visit.id && same(other, visit) && !other.state.is_over());
            if next != *visit && !replaced {
                tx.append_event(&NewEvent::engine("visit.reopened").visit(&visit.id)).await?;
                tx.save_visit(&next).await?;
            }
        }
        Ok(())
    }

    fn now(&self) -> Timestamp {
        whole_ms(self.clock.now())
    }
}

impl IntakeRules {
    /// By what complaints are judged.
    pub fn complaint_rules(&self) -> Rules<'_> {
        Rules { policy: &self.complaints, calendar: &self.calendar }
    }

    fn programme(&self, visit: &Visit) -> Result<&Programme, IntakeError> {
        let missing =
            || IntakeError::NoProgramme { order_no: visit.order_no.clone(), programme: visit.programme.clone() };
        self.programmes.get(&visit.programme).ok_or_else(missing)
    }

    fn check_branch(&self, order: &Order) -> Result<(), IntakeError> {
        match &order.claims.branch {
            Some(branch) if !self.calendar.has_branch(branch) => Err(IntakeError::NoBranch(branch.clone())),
            Some(_) | None => Ok(()),
        }
    }
}

fn answer_of(begun: Begun) -> EventAnswer {
    let visits = begun.visits.into_iter().map(|visit| BegunVisit {
        visit_id: visit.id,
        programme: visit.programme,
        stage: visit.origin.stage,
        due_at: visit.due_at,
        deadline_at: visit.deadline_at,
    });
    EventAnswer { visits: visits.collect(), not_selected: begun.not_selected }
}

struct SavedOrder {
    order: Order,
    created: bool,
    phone_changed: bool,
}

async fn save_order(tx: &mut Tx, order: Order) -> Result<SavedOrder, StoreError> {
    let known = tx.order(&order.no).await?.map(|stored| stored.order);
    let created = known.is_none();
    let phone_changed = known.as_ref().is_some_and(|known| known.customer.phone != order.customer.phone);
    let order = match known {
        Some(known) => known.updated_by(order),
        None => order,
    };
    tx.put_order(&order).await?;
    Ok(SavedOrder { order, created, phone_changed })
}

impl From<IntakeError> for CommandError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(StoreError::NotFound { table, id }) => Self::NotFound { what: table, id },
            IntakeError::Resolved(_) | IntakeError::Unassigned { .. } => Self::Conflict(error.to_string()),
            IntakeError::NoBranch(_) => Self::Invalid { field: "claims.branch", detail: error.to_string() },
            IntakeError::Store(_) | IntakeError::NoProgramme { .. } => Self::Internal(Box::new(error)),
        }
    }
}
