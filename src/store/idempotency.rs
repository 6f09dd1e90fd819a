//! `Idempotency-Key`: a repeated request gets the first one's reply and does nothing.
//!
//! The first request reserves its key, works, and completes the reservation with its reply. A second one meanwhile is told that
//! the first is at work. A reservation left behind by a killed process runs out.

use super::row::{Row, Stored, decode, ms};
use super::{Doing, Result, Store, StoreError};
use jiff::{SignedDuration, Timestamp};

/// After this a reservation without a reply belongs to nobody.
const RESERVED_FOR: SignedDuration = SignedDuration::from_secs(60);
/// Replies are given again for this long.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(24);

/// A request that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Method and path, with the caller in front so that two callers never share a key.
    pub route: String,
    /// The header's value.
    pub key: String,
    /// Hash of the body.
    pub request_hash: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub status: u16,
    pub body: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reservation {
    /// The first of its key: do the work, then [`Store::complete_key`] or [`Store::release_key`].
    Fresh,
    /// Done before: answer with this.
    Replay(Reply),
    /// The first one is still at work (409).
    InFlight,
    /// The key was used for another body (422).
    Mismatch,
}

struct Kept {
    request_hash: String,
    created_at: Timestamp,
    reply: Option<Reply>,
}

impl Stored for Kept {
    const TABLE: &'static str = "idempotency";
    const KEY: &'static str = "key";
}

impl TryFrom<Row<'_>> for Kept {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let status: Option<u16> = row.maybe_narrow("status")?;
        Ok(Self {
            request_hash: row.text("request_hash")?,
            created_at: row.instant("created_at")?,
            reply: status.zip(row.maybe_text("body")?).map(|(status, body)| Reply { status, body }),
        })
    }
}

impl Kept {
    fn is_over(&self, now: Timestamp) -> bool {
        let limit = if self.reply.is_some() { KEPT_FOR } else { RESERVED_FOR };
        now.duration_since(self.created_at) >= limit
    }
}

impl Store {
    pub async fn reserve_key(&self, request: &KeyedRequest) -> Result<Reservation> {
        let mut tx = self.begin().await?;
        let now = tx.now();
        let row = sqlx::query("SELECT * FROM idempotency WHERE route = $1 AND key = $2")
            .bind(request.route.as_str())
            .bind(request.key.as_str())
            .fetch_optional(tx.conn())
            .await
            .doing("read idempotency key")?;
        if let Some(kept) = row.as_ref().map(decode::<Kept>).transpose()?.filter(|kept| !kept.is_over(now)) {
            return Ok(match kept {
                Kept { request_hash, .. } if request_hash != request.request_hash => Reservation::Mismatch,
                Kept { reply: Some(reply), .. } => Reservation::Replay(reply),
                Kept { reply: None, .. } => Reservation::InFlight,
            });
        }
        sqlx::query(
            "INSERT INTO idempotency (route, key, request_hash, created_at) VALUES ($1, $2, $3, $4)
             ON CONFLICT (route, key) DO UPDATE SET request_hash = excluded.request_hash,
                 created_at = excluded.created_at, status = NULL, body = NULL",
        )
        .bind(request.route.as_str())
        .bind(request.key.as_str())
        .bind(request.request_hash.as_str())
        .bind(ms(now))
        .execute(tx.conn())
        .await
        .doing("reserve idempotency key")?;
        tx.commit().await?;
        Ok(Reservation::Fresh)
    }

    /// Keeps the reply for repeats.
    pub async fn complete_key(&self, request: &KeyedRequest, reply: &Reply) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("UPDATE idempotency SET status = $1, body = $2 WHERE route = $3 AND key = $4 AND status IS NULL")
            .bind(i64::from(reply.status))
            .bind(reply.body.as_str())
            .bind(request.route.as_str())
            .bind(request.key.as_str())
            .execute(tx.conn())
            .await
            .doing("complete idempotency key")?;
        tx.commit().await
    }

    /// The work came to nothing: the next request with this key is the first again.
    pub async fn release_key(&self, request: &KeyedRequest) -> Result<()> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM idempotency WHERE route = $1 AND key = $2 AND status IS NULL")
            .bind(request.route.as_str())
            .bind(request.key.as_str())
            .execute(tx.conn())
            .await
            .doing("release idempotency key")?;
        tx.commit().await
    }

    /// Forgets replies that are no longer given; returns how many.
    pub async fn forget_old_keys(&self) -> Result<u64> {
        let mut tx = self.begin().await?;
        let horizon = ms(tx.now()).saturating_sub(KEPT_FOR.as_secs().saturating_mul(1000));
        let done = sqlx::query("DELETE FROM idempotency WHERE created_at <= $1")
            .bind(horizon)
            .execute(tx.conn())
            .await
            .doing("forget idempotency keys")?;
        tx.commit().await?;
        Ok(done.rows_affected())
    }
}
