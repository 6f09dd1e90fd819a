//! 抽样: which orders were chosen for a visit and why, in the transaction that makes the visit: the proof of coverage (B02–B05, B07).

use super::row::ms;
use super::{Doing, Result, Tx};
use crate::domain::id::OrderNo;
use crate::domain::programme::selection::{Choice, Tally};
use jiff::Timestamp;

/// One order and the visit it was, or was not, chosen for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub order_no: &'a OrderNo,
    pub programme: &'a str,
    pub stage: &'a str,
    /// When what triggers the visit happened.
    pub at: Timestamp,
    /// Local, e.g. `2026-11`.
    pub month: &'a str,
    /// Empty where the order names none.
    pub dealer: &'a str,
}

impl Tx {
    /// How the orders of this month and dealer fared that were in no class.
    pub async fn tally(&mut self, subject: &Subject<'_>) -> Result<Tally> {
        let (candidates, selected): (i64, i64) = sqlx::query_as(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN why = 'sampled' THEN 1 ELSE 0 END), 0) FROM selections
             WHERE programme = $1 AND stage = $2 AND month = $3 AND dealer = $4 AND why IN ('sampled', 'not_sampled')",
        )
        .bind(subject.programme)
        .bind(subject.stage)
        .bind(subject.month)
        .bind(subject.dealer)
        .fetch_one(self.conn())
        .await
        .doing("count selections")?;
        let small = |n: i64| u32::try_from(n).unwrap_or(u32::MAX);
        Ok(Tally { candidates: small(candidates), selected: small(selected) })
    }

    /// Whether the order was passed over for this visit before, whatever the instant.
    pub async fn was_passed_over(&mut self, subject: &Subject<'_>) -> Result<bool> {
        let (passed,): (i64,) = sqlx::query_as(
            "SELECT COUNT(*) FROM selections
             WHERE order_no = $1 AND programme = $2 AND stage = $3 AND why = 'not_sampled'",
        )
        .bind(subject.order_no.as_str())
        .bind(subject.programme)
        .bind(subject.stage)
        .fetch_one(self.conn())
        .await
        .doing("read selection")?;
        Ok(passed > 0)
    }

    /// Keeps the choice; the first one of an order and an instant stays.
    pub async fn record_selection(&mut self, subject: &Subject<'_>, choice: Choice) -> Result<()> {
        let (why, class) = match choice {
            Choice::Everybody => ("everybody", None),
            Choice::Class(class) => ("class", Some(class.name())),
            Choice::Sampled => ("sampled", None),
            Choice::NotSampled => ("not_sampled", None),
        };
        sqlx::query(
            "INSERT INTO selections (order_no, programme, stage, at, month, dealer, why, class, decided_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
        )
        .bind(subject.order_no.as_str())
        .bind(subject.programme)
        .bind(subject.stage)
        .bind(ms(subject.at))
        .bind(subject.month)
        .bind(subject.dealer)
        .bind(why)
        .bind(class)
        .bind(ms(self.now()))
        .execute(self.conn())
        .await
        .doing("record selection")?;
        Ok(())
    }
}
