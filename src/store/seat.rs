//! 坐席. The schema holds a visit at one seat at most; which seat is chosen and what follows is the domain's.
//!
//! Contract: a seat and the visit it is given change in one transaction that first counts the idle seats, so the floor (B01) holds in every
//! committed state however many dialers there are. A save with an old version is refused. Only [`Store::seat_settings`] makes a seat.
//!
//! Not here: passwords and registrations of desk phones.

use super::event::NewEvent;
use super::row::{Row, Stored, decode_all, decode_found, maybe_ms, ms, to_json};
use super::visit::{VisitStateName, check_next_call, claimed_event};
use super::{Doing, Result, Store, StoreError, Tx};
use crate::domain::call::{Call, DayLimit};
use crate::domain::id::{CallId, SeatId, VisitId};
use crate::domain::order::{Claims, ServiceType};
use crate::domain::seat::{
    NoSeat, Seat, SeatPhone, SeatState, Skills, Wanted, choose, dialled, force_release, reserve,
};
use crate::domain::visit::task::{Declined, Visit};
use jiff::Timestamp;
use std::collections::HashMap;

impl Stored for Seat {
    const TABLE: &'static str = "seats";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Seat {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        Ok(Self {
            id: SeatId::new(row.text("id")?),
            phone: row.json("phone")?,
            skills: row.json("skills")?,
            state: read_state(&row)?,
            since: row.instant("since")?,
            idle_since: row.instant("idle_since")?,
            next: row.json("next")?,
            lease_until: row.maybe_instant("lease_until")?,
            version: row.int("version")?,
        })
    }
}

fn read_state(row: &Row<'_>) -> Result<SeatState> {
    let visit = || Ok::<_, StoreError>(VisitId::new(row.text("visit_id")?));
    let call = || Ok::<_, StoreError>(CallId::new(row.text("call_id")?));
    Ok(match row.text("state")?.as_str() {
        "signed_out" => SeatState::SignedOut,
        "available" => SeatState::Available,
        "reserved" => SeatState::Reserved {
            visit: visit()?,
            call: row.maybe_text("call_id")?.map(CallId::new),
            preview: row.int("preview")? == 1,
            until: row.maybe_instant("until_at")?,
        },
        "in_call" => SeatState::InCall { visit: visit()?, call: call()? },
        "wrap_up" => SeatState::WrapUp { visit: visit()?, call: call()?, until: row.instant("until_at")? },
        "break" => SeatState::Break { reason: row.text("reason")? },
        other => return Err(row.corrupt("state", &format!("unknown name {other:?}"))),
    })
}

/// The columns of a state beside its name, its visit and its call.
fn details(state: &SeatState) -> (Option<i64>, Option<Timestamp>, Option<&str>) {
    match state {
        SeatState::Reserved { preview, until, .. } => (Some(i64::from(*preview)), *until, None),
        SeatState::WrapUp { until, .. } => (None, Some(*until), None),
        SeatState::Break { reason } => (None, None, Some(reason)),
        SeatState::SignedOut | SeatState::Available | SeatState::InCall { .. } => (None, None, None),
    }
}

impl Store {
    /// # Errors
    /// [`StoreError::NotFound`] for a user without a seat.
    pub async fn seat(&self, id: &SeatId) -> Result<Seat> {
        let row = sqlx::query("SELECT * FROM seats WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read seat")?;
        decode_found(row, id.as_str())
    }

    /// Every seat, by id.
    pub async fn seats(&self) -> Result<Vec<Seat>> {
        let rows = sqlx::query(SEATS).fetch_all(&self.readers).await.doing("read seats")?;
        decode_all(&rows)
    }

    /// Gives a user a seat, or changes its telephone and skills; what it is doing stays.
    pub async fn seat_settings(&self, id: &SeatId, phone: &SeatPhone, skills: &Skills) -> Result<Seat> {
        let mut tx = self.begin().await?;
        let fresh = Seat::new(id.clone(), phone.clone(), skills.clone(), tx.now());
        sqlx::query(
            "INSERT INTO seats (id, phone, skills, state, since, idle_since, next, version)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 1)
             ON CONFLICT (id) DO UPDATE SET phone = excluded.phone, skills = excluded.skills, version = seats.version + 1",
        )
        .bind(id.as_str())
        .bind(to_json("phone", phone)?)
        .bind(to_json("skills", skills)?)
        .bind(fresh.state.name())
        .bind(ms(fresh.since))
        .bind(ms(fresh.idle_since))
        .bind(to_json("next", &fresh.next)?)
        .execute(tx.conn())
        .await
        .doing("write seat settings")?;
        let seat = tx.seat(id).await?;
        tx.commit().await?;
        Ok(seat)
    }

    /// What the seat's desk phone registers with, as JSON; `None`: nothing is set, or it has no such phone.
    pub async fn seat_secret(&self, id: &SeatId) -> Result<Option<String>> {
        let row = sqlx::query("SELECT secret FROM seats WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(&self.readers)
            .await
            .doing("read secret of seat")?;
        let Some(row) = row else { return Ok(None) };
        sqlx::Row::try_get(&row, "secret").doing("read secret of seat")
    }

    /// # Errors
    /// [`StoreError::NotFound`] for a user without a seat.
    pub async fn save_seat_secret(&self, id: &SeatId, secret: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE seats SET secret = $1 WHERE id = $2")
            .bind(secret)
            .bind(id.as_str())
            .execute(tx.conn())
            .await
            .doing("save secret of seat")?;
        if done.rows_affected() != 1 {
            return Err(StoreError::NotFound { table: "seats", id: id.to_string() });
        }
        tx.commit().await
    }

    /// Saves the seat and returns it at its new version.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the row has another version; [`StoreError::Constraint`] when another seat holds its visit.
    pub async fn save_seat(&self, seat: &Seat) -> Result<Seat> {
        let mut tx = self.begin().await?;
        let saved = tx.save_seat(seat).await?;
        tx.commit().await?;
        Ok(saved)
    }

    /// Holds a waiting visit for the seat that suits it best, without a call: a look at the order before it, or the agent's own telephone
    /// first. The visit itself does not change.
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the visit was taken or changed since it was read.
    pub async fn reserve_seat(
        &self,
        now: Timestamp,
        visit: &Visit,
        wanted: &Wanted,
        floor: u32,
        preview: bool,
        until: Option<Timestamp>,
    ) -> Result<std::result::Result<Seat, NoSeat>> {
        let mut tx = self.begin().await?;
        let seats = tx.seats().await?;
        if !tx.is_free(visit, &seats).await? {
            let why = "taken or changed since it was read";
            return Err(StoreError::Stale { table: "visits", id: visit.id.to_string(), why });
        }
        let chosen = match choose(now, &seats, wanted, floor) {
            Ok(chosen) => chosen,
            Err(none) => return Ok(Err(none)),
        };
        let reserved = reserve(now, chosen, visit.id.clone(), None, preview, until).map_err(|_| refused(chosen))?;
        let saved = tx.save_seat(&reserved).await?;
        let event = NewEvent::engine("seat.reserved").visit(&visit.id);
        tx.append_event(&event.detail(serde_json::json!({ "seat": saved.id, "preview": preview }))).await?;
        tx.commit().await?;
        Ok(Ok(saved))
    }

    /// Decides on the seat as it is stored and saves what becomes of it, in one transaction: a page that renews its lease all the time gets
    /// in nobody's way.
    pub async fn change_seat<T, E>(
        &self,
        id: &SeatId,
        decide: impl FnOnce(&Seat) -> std::result::Result<(Seat, T), E>,
    ) -> Result<std::result::Result<Changed<T>, E>> {
        let mut tx = self.begin().await?;
        let before = tx.seat(id).await?;
        let (next, said) = match decide(&before) {
            Ok(decided) => decided,
            Err(refused) => return Ok(Err(refused)),
        };
        if next == before {
            return Ok(Ok(Changed { saved: before.clone(), before, said }));
        }
        let saved = tx.save_seat(&next).await?;
        tx.commit().await?;
        Ok(Ok(Changed { before, saved, said }))
    }

    /// Takes the visit that `seat` was reserved for for `call`. `None`: as for [`Store::claim_visit`].
    ///
    /// # Errors
    /// [`StoreError::Stale`] when the seat does not hold the visit; [`StoreError::Invalid`] as for [`Store::claim_visit`].
    pub async fn claim_visit_for(
        &self,
        now: Timestamp,
        visit: &Visit,
        call: &Call,
        seat: &SeatId,
        limit: Option<DayLimit>,
    ) -> Result<Option<(Visit, Seat)>> {
        check_next_call(visit, call)?;
        let mut tx = self.begin().await?;
        if tx.day_is_spent(limit).await? {
            return Ok(None);
        }
        if tx.called_off(visit).await? {
            tx.commit().await?;
            return Ok(None);
        }
        let Some(claimed) = tx.claim_for(now, visit, call, seat).await? else { return Ok(None) };
        tx.commit().await?;
        Ok(Some(claimed))
    }

    /// Signs every seat out: nobody is connected when the engine starts. Returns those that were signed in, as they were.
    pub async fn sign_out_all(&self, now: Timestamp) -> Result<Vec<Seat>> {
        let mut tx = self.begin().await?;
        let mut were = tx.seats().await?;
        were.retain(|seat| seat.state != SeatState::SignedOut || seat.lease_until.is_some());
        for seat in &were {
            let out = force_release(now, seat).map_or_else(|_| seat.clone(), |(out, _)| out);
            tx.save_seat(&Seat { lease_until: None, ..out }).await?;
        }
        tx.commit().await?;
        were.retain(|seat| seat.state != SeatState::SignedOut);
        Ok(were)
    }

    /// What every visit that waits asks of its seat: beside [`Store::seats`], the planner's snapshot for agents.
    pub async fn wants(&self) -> Result<HashMap<VisitId, Wanted>> {
        let rows = sqlx::query(
            "SELECT v.id AS id, o.service_type AS service_type, o.claims AS claims, v.declined_by AS declined_by
             FROM visits v JOIN orders o ON o.no = v.order_no WHERE v.state = 'waiting'",
        )
        .fetch_all(&self.readers)
        .await
        .doing("read what visits ask of a seat")?;
        let wants: Vec<(VisitId, Wanted)> =
            decode_all::<Asks>(&rows)?.into_iter().map(|asks| (asks.visit, asks.wanted)).collect();
        Ok(wants.into_iter().collect())
    }
}

/// A seat before and after a step, and what the step said.
pub struct Changed<T> {
    pub before: Seat,
    pub saved: Seat,
    pub said: T,
}

/// One row of [`Store::wants`].
struct Asks {
    visit: VisitId,
    wanted: Wanted,
}

impl Stored for Asks {
    const TABLE: &'static str = "visits";
    const KEY: &'static str = "id";
}

impl TryFrom<Row<'_>> for Asks {
    type Error = StoreError;
    fn try_from(row: Row<'_>) -> Result<Self> {
        let claims: Claims = row.json("claims")?;
        let declined: Vec<Declined> = row.json("declined_by")?;
        let service: ServiceType = row.name("service_type")?;
        let declined = declined.into_iter().map(|declined| declined.seat).collect();
        let wanted = Wanted { service, language: claims.language, dealer: claims.dealer, declined };
        Ok(Self { visit: VisitId::new(row.text("id")?), wanted })
    }
}

const SEATS: &str = "SELECT * FROM seats ORDER BY id";

fn refused(seat: &Seat) -> StoreError {
    let why = "is not in a state in which it can be given the visit";
    StoreError::Stale { table: "seats", id: seat.id.to_string(), why }
}

impl Tx {
    pub async fn seat(&mut self, id: &SeatId) -> Result<Seat> {
        let row = sqlx::query("SELECT * FROM seats WHERE id = $1")
            .bind(id.as_str())
            .fetch_optional(self.conn())
            .await
            .doing("read seat")?;
        decode_found(row, id.as_str())
    }

    /// Every seat, by id.
    pub async fn seats(&mut self) -> Result<Vec<Seat>> {
        let rows = sqlx::query(SEATS).fetch_all(self.conn()).await.doing("read seats")?;
        decode_all(&rows)
    }

    /// See [`Store::save_seat`].
    pub async fn save_seat(&mut self, seat: &Seat) -> Result<Seat> {
        let (preview, until, reason) = details(&seat.state);
        let done = sqlx::query(
            "UPDATE seats SET phone = $1, skills = $2, state = $3, since = $4, idle_since = $5, visit_id = $6, call_id = $7,
                 preview = $8, until_at = $9, reason = $10, next = $11, lease_until = $12, version = version + 1
             WHERE id = $13 AND version = $14",
        )
        .bind(to_json("phone", &seat.phone)?)
        .bind(to_json("skills", &seat.skills)?)
        .bind(seat.state.name())
        .bind(ms(seat.since))
        .bind(ms(seat.idle_since))
        .bind(seat.state.visit().map(VisitId::as_str))
        .bind(seat.state.call().map(CallId::as_str))
        .bind(preview)
        .bind(maybe_ms(until))
        .bind(reason)
        .bind(to_json("next", &seat.next)?)
        .bind(maybe_ms(seat.lease_until))
        .bind(seat.id.as_str())
        .bind(seat.version)
        .execute(self.conn())
        .await
        .doing("save seat")?;
        if done.rows_affected() != 1 {
            let why = "changed since it was read";
            return Err(StoreError::Stale { table: "seats", id: seat.id.to_string(), why });
        }
        Ok(Seat { version: seat.version + 1, ..seat.clone() })
    }

    /// Whether the visit still waits as it was read, and no seat holds it.
    async fn is_free(&mut self, visit: &Visit, seats: &[Seat]) -> Result<bool> {
        let found: Option<(i64,)> =
            sqlx::query_as("SELECT version FROM visits WHERE id = $1 AND version = $2 AND state = $3")
                .bind(visit.id.as_str())
                .bind(visit.version)
                .bind(VisitStateName::Waiting.name())
                .fetch_optional(self.conn())
                .await
                .doing("read visit")?;
        Ok(found.is_some() && !seats.iter().any(|seat| seat.state.holds(&visit.id)))
    }

    /// The visit is held by the call, the call's row names the seat, the seat is saved as it is given.
    async fn claim_for(
        &mut self,
        now: Timestamp,
        visit: &Visit,
        call: &Call,
        seat: &SeatId,
    ) -> Result<Option<(Visit, Seat)>> {
        let Some(claimed) = self.hold_visit(visit, call).await? else { return Ok(None) };
        let seat = self.seat(seat).await?;
        let dialled = dialled(now, &seat, &visit.id, call.id.clone()).map_err(|_| refused(&seat))?;
        let call = Call { seat: Some(seat.id), ..call.clone() };
        self.insert_call(&call).await?;
        let saved = self.save_seat(&dialled).await?;
        self.append_event(&claimed_event(visit, &call)).await?;
        Ok(Some((claimed, saved)))
    }
}
