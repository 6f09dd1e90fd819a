//! 免打扰: wishes not to be called, by number. Nothing is deleted.
//!
//! Contract: a wish is written with everything it calls off, in one transaction: the visits that wait and that it forbids are closed. The
//! claim of a visit asks again ([`Tx::called_off`]), so nothing is dialled that was forbidden a moment ago, or whose order has got a
//! forbidden number meanwhile. Of one call there is one wish. Which visit a wish forbids is the domain's to say.

use super::event::{ENGINE, NewEvent};
use super::page::{Listed, Page, PageRequest, Select};
use super::row::{Row, Stored, decode, decode_all, decode_found, ms};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::call::Call;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::id::{CallId, OptOutId, SeatId, VisitId};
use crate::domain::opt_out::{OptOut, Scope, ScopeName, Source, Withdrawal, against, of_call};
use crate::domain::phone::Phone;
use crate::domain::visit::task::{CloseCause, Visit, VisitState, called_off};

#[derive(Clone, Debug, Default)]
pub struct OptOutFilter {
    pub phone: Option<Phone>,
    pub scope: Option<ScopeName>,
    /// `true`: only those in force; `false`: only withdrawn ones.
    pub in_force: Option<bool>,
}

impl Stored for OptOut {
    const TABLE: &'static str = "opt_outs";
    const KEY: &'static str = "id";
}

impl Listed for OptOut {
    const ORDER_BY: &'static str = "asked_at";
    fn position(&self) -> (i64, &str) {
        (ms(self.asked_at), self.id.as_str())
    }
}

impl TryFrom<Row<'_>> for OptOut {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let phone = row.text("phone")?;
        Ok(Self {
            id: OptOutId::new(row.text("id")?),
            phone: Phone::parse(&phone).map_err(|e| row.corrupt("phone", &e.to_string()))?,
            scope: match row.name("scope")? {
                ScopeName::Visit => Scope::Visit(VisitId::new(row.text("visit_id")?)),
                ScopeName::Programme => Scope::Programme(row.text("programme")?),
                ScopeName::Never => Scope::Never,
            },
            asked_at: row.instant("asked_at")?,
            by: row.text("made_by")?,
            why: row.text("why")?,
            source: read_source(&row)?,
            withdrawn: match row.maybe_instant("withdrawn_at")? {
                Some(at) => Some(Withdrawal { at, by: row.text("withdrawn_by")?, why: row.text("withdrawn_why")? }),
                None => None,
            },
        })
    }
}

fn read_source(row: &Row<'_>) -> Result<Source> {
    let call = || Ok::<_, StoreError>(CallId::new(row.text("call_id")?));
    Ok(match row.text("source")?.as_str() {
        "said" => Source::Said { call: call()?, quote: row.text("quote")?, at_s: row.maybe_real("at_s")? },
        "key" => Source::Key { call: call()?, seat: SeatId::new(row.text("seat")?) },
        "hand" => Source::Hand,
        other => return Err(row.corrupt("source", &format!("unknown name {other:?}"))),
    })
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id.
    pub async fn opt_out(&self, id: &OptOutId) -> Result<OptOut> {
        let row = sqlx::query("SELECT * FROM opt_outs WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read opt-out")?;
        decode_found(row, id.as_str())
    }

    pub async fn opt_outs(&self, filter: &OptOutFilter, page: &PageRequest) -> Result<Page<OptOut>> {
        let select = Select::new("SELECT * FROM opt_outs")
            .filter("phone =", filter.phone.as_ref().map(|phone| phone.e164().to_owned()))
            .filter("scope =", filter.scope.map(|scope| scope.name().to_owned()));
        let select = match filter.in_force {
            Some(true) => select.only("withdrawn_at IS NULL"),
            Some(false) => select.only("withdrawn_at IS NOT NULL"),
            None => select,
        };
        select.page(self, page).await
    }

    /// The wish that stands in the way of a visit.
    pub async fn opt_out_against(&self, visit: &Visit) -> Result<Option<OptOut>> {
        let rows = sqlx::query(OF_ORDER)
            .bind(visit.order_no.as_str())
            .fetch_all(&self.readers)
            .await
            .doing("read opt-outs of a visit")?;
        Ok(against(&decode_all::<OptOut>(&rows)?, visit).cloned())
    }

    /// The visits that were closed for the wish of this call, if it left one.
    pub async fn called_off_by(&self, call: &CallId) -> Result<Vec<Visit>> {
        let wish = sqlx::query("SELECT * FROM opt_outs WHERE call_id = $1")
            .bind(call.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read opt-out of call")?;
        let Some(wish) = wish.as_ref().map(decode::<OptOut>).transpose()? else { return Ok(vec![]) };
        let rows = sqlx::query(
            "SELECT visits.* FROM visits JOIN orders ON orders.no = visits.order_no
             WHERE orders.phone = $1 AND visits.state = 'closed' AND visits.state_at >= $2 ORDER BY visits.id",
        )
        .bind(wish.phone.e164())
        .bind(ms(wish.asked_at))
        .fetch_all(&self.readers)
        .await
        .doing("read visits that were called off")?;
        let called_off = |visit: &Visit| {
            wish.scope.forbids(visit) && matches!(visit.state, VisitState::Closed { cause: CloseCause::OptedOut, .. })
        };
        Ok(decode_all::<Visit>(&rows)?.into_iter().filter(called_off).collect())
    }

    /// Writes a wish down and closes what waits and is forbidden by it; returns those visits.
    pub async fn record_opt_out(&self, opt_out: &OptOut) -> Result<Vec<Visit>> {
        let mut tx = self.begin().await?;
        let closed = tx.record_opt_out(opt_out).await?;
        tx.commit().await?;
        Ok(closed.unwrap_or_default())
    }

    /// The customer may be called again. Visits that were closed for it stay closed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown id, [`StoreError::Stale`] when it was withdrawn before.
    pub async fn withdraw_opt_out(&self, id: &OptOutId, by: &str, why: &str) -> Result<OptOut> {
        let mut tx = self.begin().await?;
        let now = ms(tx.now());
        let row = sqlx::query(
            "UPDATE opt_outs SET withdrawn_at = $1, withdrawn_by = $2, withdrawn_why = $3
             WHERE id = $4 AND withdrawn_at IS NULL RETURNING *",
        )
        .bind(now)
        .bind(by)
        .bind(why)
        .bind(id.as_str())
        .fetch_optional(tx.conn())
        .await
        .doing("withdraw opt-out")?;
        if row.is_none() {
            drop(tx);
            self.opt_out(id).await?;
            return Err(StoreError::Stale { table: "opt_outs", id: id.to_string(), why: "withdrawn before" });
        }
        let withdrawn: OptOut = decode_found(row, id.as_str())?;
        let detail = serde_json::json!({ "opt_out": id, "scope": withdrawn.scope.name(), "why": why });
        tx.append_event(&NewEvent::by(by, "opt_out.withdrawn").detail(detail)).await?;
        tx.commit().await?;
        Ok(withdrawn)
    }
}

const OF_ORDER: &str = "SELECT opt_outs.* FROM opt_outs JOIN orders ON orders.phone = opt_outs.phone
    WHERE orders.no = $1 AND opt_outs.withdrawn_at IS NULL";

impl Tx {
    /// `None`: the wish of this call is known.
    pub async fn record_opt_out(&mut self, opt_out: &OptOut) -> Result<Option<Vec<Visit>>> {
        let (visit, programme) = match &opt_out.scope {
            Scope::Visit(visit) => (Some(visit.as_str()), None),
            Scope::Programme(programme) => (None, Some(programme.as_str())),
            Scope::Never => (None, None),
        };
        let (source, call, seat, quote, at_s) = match &opt_out.source {
            Source::Said { call, quote, at_s } => ("said", Some(call), None, Some(quote.as_str()), *at_s),
            Source::Key { call, seat } => ("key", Some(call), Some(seat.as_str()), None, None),
            Source::Hand => ("hand", None, None, None, None),
        };
        let done = sqlx::query(
            "INSERT INTO opt_outs (id, phone, scope, visit_id, programme, source, call_id, seat, quote, at_s, asked_at,
                 made_by, why)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT (call_id) DO NOTHING",
        )
        .bind(opt_out.id.as_str())
        .bind(opt_out.phone.e164())
        .bind(opt_out.scope.name().name())
        .bind(visit)
        .bind(programme)
        .bind(source)
        .bind(call.map(CallId::as_str))
        .bind(seat)
        .bind(quote)
        .bind(at_s)
        .bind(ms(opt_out.asked_at))
        .bind(opt_out.by.as_str())
        .bind(opt_out.why.as_str())
        .execute(self.conn())
        .await
        .doing("record opt-out")?;
        if done.rows_affected() != 1 {
            return Ok(None);
        }
        let detail = serde_json::json!({ "opt_out": opt_out.id, "scope": opt_out.scope.name(), "source": source });
        let mut event = NewEvent::by(&opt_out.by, "opt_out.recorded").detail(detail);
        event.call = call.cloned();
        event.visit = visit.map(VisitId::new);
        self.append_event(&event).await?;
        self.call_off(opt_out).await.map(Some)
    }

    /// The wish that a finished call leaves behind, if any. `end` is what it came to, `after` its visit as it goes on.
    pub(super) async fn record_wish_of(&mut self, call: &Call, end: &ConversationEnd, after: &Visit) -> Result<()> {
        let id = OptOutId::new(self.new_id());
        if let Some(wish) = of_call(id, self.now(), call, end, after) {
            self.record_opt_out(&wish).await?;
        }
        Ok(())
    }

    /// Adds a visit; one whose customer does not want it is closed from the beginning, so that it can be seen why nobody called.
    pub async fn insert_begun(&mut self, visit: &Visit) -> Result<Visit> {
        let Some(wish) = self.wish_against(visit).await? else { return self.insert_visit(visit).await };
        let state = VisitState::Closed { cause: CloseCause::OptedOut, at: self.now() };
        let closed = self.insert_visit(&Visit { state, ..visit.clone() }).await?;
        self.append_event(&called_off_event(&closed, &wish)).await?;
        Ok(closed)
    }

    /// The last question before a visit is dialled: closes it and answers `true` when its customer does not want it. The caller commits.
    pub(super) async fn called_off(&mut self, visit: &Visit) -> Result<bool> {
        let Some(wish) = self.wish_against(visit).await? else { return Ok(false) };
        self.close_for(visit, &wish).await
    }

    async fn wish_against(&mut self, visit: &Visit) -> Result<Option<OptOut>> {
        let rows = sqlx::query(OF_ORDER)
            .bind(visit.order_no.as_str())
            .fetch_all(self.conn())
            .await
            .doing("read opt-outs of a visit")?;
        Ok(against(&decode_all::<OptOut>(&rows)?, visit).cloned())
    }

    /// Closes every visit that waits and that the wish forbids.
    async fn call_off(&mut self, wish: &OptOut) -> Result<Vec<Visit>> {
        let rows = sqlx::query(
            "SELECT visits.* FROM visits JOIN orders ON orders.no = visits.order_no
             WHERE orders.phone = $1 AND visits.state = 'waiting' ORDER BY visits.id",
        )
        .bind(wish.phone.e164())
        .fetch_all(self.conn())
        .await
        .doing("read visits of a number")?;
        let mut closed = vec![];
        for visit in decode_all::<Visit>(&rows)?.into_iter().filter(|visit| wish.scope.forbids(visit)) {
            if self.close_for(&visit, wish).await? {
                closed.push(visit);
            }
        }
        Ok(closed)
    }

    /// `false`: it does not wait as it was read, or for its agent; then nothing is changed.
    async fn close_for(&mut self, visit: &Visit, wish: &OptOut) -> Result<bool> {
        let Some(next) = called_off(self.now(), visit, CloseCause::OptedOut) else { return Ok(false) };
        let saved = match self.save_visit(&next).await {
            Ok(saved) => saved,
            Err(StoreError::Stale { .. }) => return Ok(false),
            Err(error) => return Err(error),
        };
        self.append_event(&called_off_event(&saved, wish)).await?;
        Ok(true)
    }
}

fn called_off_event(visit: &Visit, wish: &OptOut) -> NewEvent {
    let detail = serde_json::json!({ "opt_out": wish.id, "scope": wish.scope.name() });
    NewEvent::by(ENGINE, "visit.opted_out").visit(&visit.id).detail(detail)
}
