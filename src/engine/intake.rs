//! Intake: a completion SMS or an order becomes a row, and a reported completion becomes a visit.
//!
//! Contract: each command is one transaction, and the answer is given after the commit. The same message id gets the same answer
//! and changes nothing; another message about a known order updates the order and its visit and never makes a second visit. Every
//! SMS is kept: what no template reads waits in the inbox with its reason.
//! An order alone makes no visit: the visit begins with the report that the work is done.
//!
//! Not here: signatures and wire formats (the doors), when the visit is dialled (the planner).

use super::handle::{CommandError, OrderAnswer};
use crate::clock::Clock;
use crate::domain::calendar::Calendar;
use crate::domain::id::{InboxId, OrderNo, VisitId};
use crate::domain::order::Order;
use crate::domain::programme::{Programme, Programmes};
use crate::domain::sms::{SmsOrder, SmsTemplates};
use crate::domain::visit::task::{Visit, accept, corrected};
use crate::store::event::{ENGINE, NewEvent};
use crate::store::sms::{SmsAnswer, StoredSms};
use crate::store::{Store, StoreError, Tx};
use jiff::Timestamp;
use std::sync::Arc;

/// Takes SMS and orders in. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    clock: Arc<dyn Clock>,
    rules: Arc<IntakeRules>,
}

/// What intake reads texts and plans visits by.
pub struct IntakeRules {
    pub programmes: Programmes,
    pub calendar: Calendar,
    pub templates: Arc<SmsTemplates>,
    /// Name of the programme of visits whose SMS names none; must be one of `programmes`.
    pub programme: String,
}

#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("order {order_no}: there is no programme {programme:?}")]
    NoProgramme { order_no: OrderNo, programme: String },
    /// For people.
    #[error("这条短信已经处理过了（{0}）")]
    Resolved(String),
}

impl Intake {
    pub fn new(store: Store, clock: Arc<dyn Clock>, rules: Arc<IntakeRules>) -> Self {
        Self { store, clock, rules }
    }

    /// Takes one SMS in. Idempotent by message id, whatever the repeat says.
    pub async fn accept_sms(&self, sms: StoredSms) -> Result<SmsAnswer, IntakeError> {
        // Repeats are common and must not wait for the writer; the answer is looked up again inside the transaction.
        if let Some(answer) = self.store.sms_answer(&sms.message_id).await? {
            return Ok(answer);
        }
        let sms = StoredSms { received_at: whole_ms(sms.received_at), ..sms };
        let read = self.rules.templates.read(&sms.text, sms.received_at, self.rules.calendar.tz());
        let mut tx = self.store.begin().await?;
        if let Some(answer) = tx.sms_answer(&sms.message_id).await? {
            return Ok(answer);
        }
        let answer = match read {
            Ok(read) => self.report(&mut tx, read, sms.received_at).await?,
            Err(unread) => SmsAnswer::Inbox { inbox_id: InboxId::new(tx.new_id()), reason: unread.to_string() },
        };
        tx.record_sms(&sms, &answer).await?;
        tx.commit().await?;
        Ok(answer)
    }

    /// The dispatcher's record of an order: updates what is known, and the visit if there is one.
    pub async fn put_order(&self, order: Order) -> Result<OrderAnswer, IntakeError> {
        let mut tx = self.store.begin().await?;
        let saved = save_order(&mut tx, order).await?;
        let visit = match tx.visit_by_order(&saved.order.no).await? {
            Some(visit) => Some(self.correct(&mut tx, visit, saved.phone_changed).await?.id),
            None => None,
        };
        tx.commit().await?;
        Ok(OrderAnswer { created: saved.created, order: saved.order, visit })
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
        let visit = self.complete(&mut tx, order, item.sms.received_at).await?;
        tx.resolve_inbox(id, by, Some(&visit.order_no)).await?;
        tx.commit().await?;
        Ok(visit)
    }

    /// What a template read: the order and its visit, and in the log what it could not make out.
    async fn report(&self, tx: &mut Tx, read: SmsOrder, received_at: Timestamp) -> Result<SmsAnswer, IntakeError> {
        let visit = self.complete(tx, read.order, received_at).await?;
        let detail = serde_json::json!({ "template": read.template, "notes": read.notes });
        tx.append_event(&NewEvent::by(ENGINE, "sms.accepted").visit(&visit.id).detail(detail)).await?;
        Ok(SmsAnswer::Accepted {
            visit_id: visit.id,
            order_no: visit.order_no,
            due_at: visit.due_at,
            deadline_at: visit.deadline_at,
        })
    }

    /// The work on `order` is reported done: its visit, new or the one there is.
    async fn complete(&self, tx: &mut Tx, order: Order, received_at: Timestamp) -> Result<Visit, IntakeError> {
        let saved = save_order(tx, order).await?;
        let no = saved.order.no;
        if let Some(visit) = tx.visit_by_order(&no).await? {
            return self.correct(tx, visit, saved.phone_changed).await;
        }
        let programme = self.programme(&no, &self.rules.programme)?;
        let id = VisitId::new(tx.new_id());
        let visit = accept(self.now(), received_at, no, programme, &self.rules.calendar, id);
        Ok(tx.insert_visit(&visit).await?)
    }

    async fn correct(&self, tx: &mut Tx, visit: Visit, phone_changed: bool) -> Result<Visit, IntakeError> {
        let programme = self.programme(&visit.order_no, &visit.programme)?;
        let next = corrected(self.now(), &visit, phone_changed, programme, &self.rules.calendar);
        if next == visit {
            return Ok(visit);
        }
        tx.append_event(&NewEvent::engine("visit.reopened").visit(&visit.id)).await?;
        Ok(tx.save_visit(&next).await?)
    }

    fn programme(&self, order_no: &OrderNo, name: &str) -> Result<&Programme, IntakeError> {
        let missing = || IntakeError::NoProgramme { order_no: order_no.clone(), programme: name.into() };
        self.rules.programmes.get(name).ok_or_else(missing)
    }

    fn now(&self) -> Timestamp {
        whole_ms(self.clock.now())
    }
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

/// The store keeps milliseconds: an answer given now must equal the one given from the rows later.
fn whole_ms(at: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at)
}

impl From<IntakeError> for CommandError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Store(StoreError::NotFound { table, id }) => Self::NotFound { what: table, id },
            IntakeError::Resolved(_) => Self::Conflict(error.to_string()),
            IntakeError::Store(_) | IntakeError::NoProgramme { .. } => Self::Internal(Box::new(error)),
        }
    }
}
