//! What is known of customers' telephones beyond their visits: who shares one, who was called lately, whose number was found wrong (A08).
//!
//! Contract: read from orders, visits and calls as they are; nothing is kept of it, so a new number, a call that reached the customer or a
//! later call of the visit itself ends a doubt by itself. What follows is `domain::visit::customer`'s to say.

use super::row::{Row, Stored, decode_all, ms};
use super::visit::VisitStateName;
use super::{Doing, Result, Store, StoreError};
use crate::domain::call::outcome::Outcome;
use crate::domain::id::{OrderNo, VisitId};
use crate::domain::order::Customer;
use crate::domain::visit::customer::{NumberDoubt, SameCustomer};
use jiff::Timestamp;
use std::time::Duration;

impl Store {
    /// Which open visits share their customer's telephone with another, and whose number a call for another visit found wrong: read after
    /// [`Self::open_visits`], the planner's snapshot.
    /// Visits that were open when their customer was called for another rest for so long from the end of that call.
    pub async fn same_customer(&self, rest: Duration) -> Result<SameCustomer> {
        let rows: Vec<(String, String, String)> =
            sqlx::query_as(SAME_CUSTOMER).fetch_all(&self.readers).await.doing("read visits of one customer")?;
        let mut same = SameCustomer::default();
        for (visit, customer, state) in rows {
            same.add(VisitId::new(visit), VisitId::new(customer), state == VisitStateName::Calling.name());
        }
        let doubts = sqlx::query(NUMBERS_IN_DOUBT).fetch_all(&self.readers).await.doing("read wrong numbers")?;
        for found in decode_all::<FoundWrong>(&doubts)? {
            if found.doubt.holds_for(&found.called, &found.customer) {
                same.doubt(found.visit, found.doubt);
            }
        }
        if rest.is_zero() {
            return Ok(same);
        }
        let since = self.now().checked_sub(rest).unwrap_or(Timestamp::MIN);
        let earliest = since.checked_sub(LONGEST_CALL).unwrap_or(Timestamp::MIN);
        let called: Vec<(String, i64)> = sqlx::query_as(CALLED_LATELY)
            .bind(ms(since))
            .bind(ms(earliest))
            .fetch_all(&self.readers)
            .await
            .doing("read who was called lately")?;
        for (visit, ended_at) in called {
            let ended = Timestamp::from_millisecond(ended_at).unwrap_or(since);
            same.rest(VisitId::new(visit), ended.checked_add(rest).unwrap_or(Timestamp::MAX));
        }
        Ok(same)
    }
}

/// One row of [`NUMBERS_IN_DOUBT`].
struct FoundWrong {
    visit: VisitId,
    customer: Customer,
    /// The customer whose number was dialled.
    called: Customer,
    doubt: NumberDoubt,
}

impl Stored for FoundWrong {
    const TABLE: &'static str = "visits";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for FoundWrong {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let vacant = row.name::<Outcome>("outcome")? == Outcome::InvalidNumber;
        let order_no = OrderNo::new(row.text("order_no")?);
        Ok(Self {
            visit: VisitId::new(row.text("id")?),
            customer: row.json("customer")?,
            called: row.json("called")?,
            doubt: NumberDoubt { order_no, found_at: row.instant("found_at")?, vacant },
        })
    }
}

const SAME_CUSTOMER: &str = "SELECT id, customer, state FROM (
        SELECT v.id, v.state, MIN(v.id) OVER telephone AS customer, COUNT(*) OVER telephone AS visits
        FROM visits v JOIN orders o ON o.no = v.order_no WHERE v.state IN ('waiting', 'calling')
        WINDOW telephone AS (PARTITION BY o.phone))
    WHERE visits > 1";

/// A call that began so long before the rest has ended before it.
const LONGEST_CALL: Duration = Duration::from_secs(4 * 3600);

/// Visits that wait and were known before the end of a call that their customer heard ring for another. A gateway's time of receipt alone
/// would not do: it may be old.
const CALLED_LATELY: &str = "SELECT v.id, MAX(c.ended_at) FROM calls c
    JOIN orders o ON o.phone = c.phone JOIN visits v ON v.order_no = o.no
    WHERE c.claimed_at >= $2 AND c.ended_at > $1 AND c.outcome IN ('answered', 'hung_up', 'declined', 'no_answer')
    AND c.visit_id <> v.id AND v.state = 'waiting' AND v.sms_at <= c.ended_at AND o.created_at <= c.ended_at GROUP BY v.id";

/// A08: visits that wait for the number of which a call for another visit found out that it is wrong, the last such call last. Over it is
/// once somebody answered there for a whole visit, or the visit itself was called since: a person had said so. Index of migration 0014.
const NUMBERS_IN_DOUBT: &str = r#"SELECT v.id AS id, c.order_no AS order_no, c.outcome AS outcome, c.ended_at AS found_at,
        o.customer AS customer, f.customer AS called
    FROM visits v JOIN orders o ON o.no = v.order_no JOIN calls c ON c.phone = o.phone JOIN orders f ON f.no = c.order_no
    WHERE v.state = 'waiting' AND c.visit_id <> v.id AND c.outcome IS NOT NULL
    AND (c.outcome = 'invalid_number' OR c.conversation = '{"kind":"wrong_number"}')
    AND NOT EXISTS (SELECT 1 FROM calls later WHERE later.phone = c.phone AND later.claimed_at > c.claimed_at
        AND (later.visit_id = v.id OR later.conversation = '{"kind":"completed"}'))
    ORDER BY c.ended_at"#;
