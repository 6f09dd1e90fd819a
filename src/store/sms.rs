//! 报完工短信 as received, the answer each one got, and the inbox of those that no template could read.
//!
//! A message id is answered once: the answer is stored with it and given again to whoever repeats the message.

use super::event::NewEvent;
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_found, maybe_ms, ms, to_json};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::id::{InboxId, MessageId, OrderNo, VisitId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One SMS as the gateway handed it in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredSms {
    pub message_id: MessageId,
    pub from: String,
    pub to: String,
    pub text: String,
    pub received_at: Timestamp,
}

/// What the sender of an SMS is told (202).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SmsAnswer {
    /// The visit that this SMS made or updated.
    Accepted { visit_id: VisitId, order_no: OrderNo, due_at: Timestamp, deadline_at: Timestamp },
    /// No template reads it; a person will.
    Inbox { inbox_id: InboxId, reason: String },
    /// The order is kept, and nobody is called: it was not chosen, or no programme is for it.
    NoVisit { order_no: OrderNo, reason: String },
}

/// An SMS that waits for a person, or did.
#[derive(Clone, Debug, PartialEq)]
pub struct InboxItem {
    pub id: InboxId,
    pub sms: StoredSms,
    pub reason: String,
    pub created_at: Timestamp,
    pub resolved: Option<Resolution>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Resolution {
    pub at: Timestamp,
    pub by: String,
    /// The order it was completed to; `None` when it was dismissed.
    pub order_no: Option<OrderNo>,
}

#[derive(Clone, Debug, Default)]
pub struct InboxFilter {
    /// `true`: only those that still wait.
    pub open: bool,
    pub before: Option<Timestamp>,
}

impl Stored for StoredSms {
    const TABLE: &'static str = "sms";
    const KEY: &'static str = "message_id";
}

impl TryFrom<Row<'_>> for StoredSms {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            message_id: MessageId::new(row.text("message_id")?),
            from: row.text("sender")?,
            to: row.text("recipient")?,
            text: row.text("body")?,
            received_at: row.instant("received_at")?,
        })
    }
}

/// The answer that was given to one message.
struct Answered(SmsAnswer);

impl Stored for Answered {
    const TABLE: &'static str = "sms";
    const KEY: &'static str = "message_id";
}

impl TryFrom<Row<'_>> for Answered {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        row.json("answer").map(Self)
    }
}

impl Stored for InboxItem {
    const TABLE: &'static str = "inbox";
    const KEY: &'static str = "id";
}

impl Listed for InboxItem {
    const ORDER_BY: &'static str = "created_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.created_at), self.id.as_str())
    }
}

impl TryFrom<Row<'_>> for InboxItem {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let resolved = match row.maybe_instant("resolved_at")? {
            None => None,
            Some(at) => Some(Resolution {
                at,
                by: row.text("resolved_by")?,
                order_no: row.maybe_text("order_no")?.map(OrderNo::new),
            }),
        };
        Ok(Self {
            id: InboxId::new(row.text("id")?),
            reason: row.text("reason")?,
            created_at: row.instant("created_at")?,
            resolved,
            sms: StoredSms::try_from(row)?,
        })
    }
}

const INBOX: &str = "SELECT inbox.*, s.sender AS sender, s.recipient AS recipient, s.body AS body,
    s.received_at AS received_at FROM inbox JOIN sms s ON s.message_id = inbox.message_id";

impl Store {
    /// The answer that this message got, if it came before.
    pub async fn sms_answer(&self, id: &MessageId) -> Result<Option<SmsAnswer>> {
        let row = sqlx::query("SELECT message_id, answer FROM sms WHERE message_id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read sms")?;
        row.as_ref().map(|row| decode::<Answered>(row).map(|a| a.0)).transpose()
    }

    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn inbox_item(&self, id: &InboxId) -> Result<InboxItem> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{INBOX} WHERE inbox.id = $1")))
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read inbox")?;
        decode_found(row, id.as_str())
    }

    pub async fn inbox(&self, filter: &InboxFilter, page: &PageRequest) -> Result<Page<InboxItem>> {
        let select = Select::new(INBOX).filter("inbox.created_at <", maybe_ms(filter.before));
        let select = if filter.open { select.only("inbox.resolved_at IS NULL") } else { select };
        select.page(self, page).await
    }

    /// A person says that the SMS is none of ours.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is unknown or resolved already.
    pub async fn dismiss_inbox(&self, id: &InboxId, by: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.resolve_inbox(id, by, None).await?;
        tx.commit().await
    }
}

impl Tx {
    /// The answer that this message got, if it came before.
    pub async fn sms_answer(&mut self, id: &MessageId) -> Result<Option<SmsAnswer>> {
        let row = sqlx::query("SELECT message_id, answer FROM sms WHERE message_id = $1")
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read sms")?;
        row.as_ref().map(|row| decode::<Answered>(row).map(|a| a.0)).transpose()
    }

    /// Keeps the SMS with its answer. An [`SmsAnswer::Inbox`] makes the inbox row too.
    ///
    /// # Errors
    /// [`StoreError::Constraint`] when the message id is known: ask [`Tx::sms_answer`] first.
    pub async fn record_sms(&mut self, sms: &StoredSms, answer: &SmsAnswer) -> Result<()> {
        let now = ms(self.now());
        sqlx::query(
            "INSERT INTO sms (message_id, sender, recipient, body, received_at, stored_at, answer)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(sms.message_id.as_str())
        .bind(sms.from.as_str())
        .bind(sms.to.as_str())
        .bind(sms.text.as_str())
        .bind(ms(sms.received_at))
        .bind(now)
        .bind(to_json("answer", answer)?)
        .execute(self.conn())
        .await
        .doing("record sms")?;
        if let SmsAnswer::Inbox { inbox_id, reason } = answer {
            sqlx::query("INSERT INTO inbox (id, message_id, reason, created_at) VALUES ($1, $2, $3, $4)")
                .bind(inbox_id.as_str())
                .bind(sms.message_id.as_str())
                .bind(reason.as_str())
                .bind(now)
                .execute(self.conn())
                .await
                .doing("record inbox")?;
        }
        Ok(())
    }

    pub async fn inbox_item(&mut self, id: &InboxId) -> Result<InboxItem> {
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{INBOX} WHERE inbox.id = $1")))
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read inbox")?;
        decode_found(row, id.as_str())
    }

    /// Marks an inbox item as dealt with: completed to `order_no`, or dismissed.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when it is unknown or resolved already.
    pub async fn resolve_inbox(&mut self, id: &InboxId, by: &str, order_no: Option<&OrderNo>) -> Result<()> {
        let now = ms(self.now());
        let done = sqlx::query(
            "UPDATE inbox SET resolved_at = $1, resolved_by = $2, order_no = $3 WHERE id = $4 AND resolved_at IS NULL",
        )
        .bind(now)
        .bind(by)
        .bind(order_no.map(OrderNo::as_str))
        .bind(id.as_str())
        .execute(self.conn())
        .await
        .doing("resolve inbox")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::Stale { table: "inbox", id: id.to_string(), why: "unknown, or resolved already" });
        }
        let detail = serde_json::json!({ "inbox_id": id, "order_no": order_no });
        self.append_event(&NewEvent::by(by, "inbox.resolved").detail(detail)).await
    }
}
