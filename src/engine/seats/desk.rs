//! The engine's side of [`Desk`]: presence here, everything about a call to the task that serves it.

use super::super::Engine;
use super::super::agent::Ask;
use super::super::complaints::{self, TAKEN_OVER};
use super::super::desk::{Desk, SeatLink, SeatMessage, SeatNews, SeatView, SupervisorMode};
use super::super::events::EngineEvent;
use super::super::handle::CommandError;
use crate::domain::id::{CallId, SeatId};
use crate::domain::seat::{self, SeatPhone, SeatState, Skills};
use crate::sip::{SeatSecrets, StoredSecret, ha1};
use crate::store::event::NewEvent;
use crate::store::{Store, StoreError};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::sync::Arc;

/// What an agent may write at once.
const TEXT_CHARS: usize = 4_000;
const KEYS_MAX: usize = 32;
const SECRET_CHARS: std::ops::RangeInclusive<usize> = 12..=128;

#[async_trait]
impl Desk for Arc<Engine> {
    async fn seats(&self) -> Result<Vec<SeatView>, CommandError> {
        Ok(self.store.seats().await?.into_iter().map(|seat| self.view_seat(seat)).collect())
    }

    fn floor(&self) -> u32 {
        self.config.dialer.reserve_idle_seats
    }

    async fn seat(&self, seat: &SeatId) -> Result<SeatView, CommandError> {
        Ok(self.view_seat(self.store.seat(seat).await?))
    }

    async fn put_seat(
        &self,
        seat: &SeatId,
        phone: SeatPhone,
        skills: Skills,
        secret: Option<&str>,
        by: &str,
    ) -> Result<SeatView, CommandError> {
        if secret.is_some_and(|secret| !SECRET_CHARS.contains(&secret.chars().count())) {
            let detail = format!("want {} to {} characters", SECRET_CHARS.start(), SECRET_CHARS.end());
            return Err(CommandError::Invalid { field: "secret", detail });
        }
        let saved = self.store.seat_settings(seat, &phone, &skills).await?;
        if let Some(secret) = secret {
            let stored = serde_json::to_string(&ha1(&self.config.seats.phone_realm, seat.as_str(), secret))
                .map_err(|error| CommandError::Internal(Box::new(error)))?;
            self.store.save_seat_secret(seat, &stored).await?;
        }
        self.store.append_event(&NewEvent::by(by, "seat.changed").detail(json!({ "seat": seat }))).await?;
        self.seats.tell(seat, SeatNews::Seat(Box::new(self.view_seat(saved.clone()))));
        self.kick();
        Ok(self.view_seat(saved))
    }

    async fn release_seat(&self, seat: &SeatId, by: &str) -> Result<SeatView, CommandError> {
        let (freed, lapse) = self.change_seat_with(seat, seat::force_release).await?;
        self.store.append_event(&NewEvent::by(by, "seat.released").detail(json!({ "seat": seat }))).await?;
        self.act_on(seat, lapse);
        Ok(self.view_seat(freed))
    }

    async fn connect(&self, seat: &SeatId) -> Result<SeatLink, CommandError> {
        let known = self.seat_or_new(seat).await?;
        let (number, news) = self.seats.connect(seat);
        self.announce(EngineEvent::SeatChanged { seat: seat.clone() });
        // One who is signed in has come back in time: his lease goes on.
        let known = match known.state {
            SeatState::SignedOut => known,
            _ => self.renew(seat).await?,
        };
        let welcome = self.welcome(known).await;
        self.seats.tell(seat, SeatNews::Welcome(Box::new(welcome)));
        Ok(SeatLink { number, news })
    }

    async fn say(&self, seat: &SeatId, connection: u64, message: SeatMessage) -> Result<(), CommandError> {
        if !self.seats.hear(seat, connection) {
            return Err(CommandError::Conflict("另一个窗口已接管本坐席".into()));
        }
        match message {
            SeatMessage::Ping => return self.renew(seat).await.map(drop),
            SeatMessage::SignIn => {
                self.change_seat(seat, |now, seat| seat::sign_in(now, seat, self.lease_until(now))).await?;
            }
            SeatMessage::SignOut => {
                self.change_seat(seat, seat::sign_out).await?;
            }
            SeatMessage::Break { reason } => {
                let reason = text("reason", &reason)?;
                self.change_seat(seat, |now, seat| seat::take_break(now, seat, &reason)).await?;
            }
            SeatMessage::Available => self.available(seat).await?,
            SeatMessage::Offer { sdp } => self.offer(seat, &sdp).await?,
            SeatMessage::Candidate { candidate } => self.candidate(seat, candidate).await?,
            SeatMessage::Start => self.answered_ask(seat, |reply| Ask::Start { reply }).await?,
            SeatMessage::Decline { reason } => self.ask(seat, Ask::Decline { reason: text("reason", &reason)? })?,
            SeatMessage::Mute { on } => self.ask(seat, Ask::Mute(on))?,
            SeatMessage::Hold { on } => self.ask(seat, Ask::Hold(on))?,
            SeatMessage::Keys { digits } => self.ask(seat, Ask::Keys(keys(digits)?))?,
            SeatMessage::HangUp => self.ask(seat, Ask::HangUp)?,
            SeatMessage::Step { step, indicator } => {
                self.ask(seat, Ask::Step { step: text("step", &step)?, indicator })?;
            }
            SeatMessage::Result { end, note } => {
                self.ask(seat, Ask::Result { end, note: maybe_text("note", note)? })?
            }
            SeatMessage::Note { text } => {
                self.ask(seat, Ask::Note(maybe_text("text", Some(text))?.unwrap_or_default()))?
            }
            SeatMessage::WrappedUp { end, note, form } => {
                for (field, value) in &form {
                    maybe_text("form", Some(format!("{field}{value}")))?;
                }
                self.answered_ask(seat, |reply| Ask::WrappedUp { end, note, form, reply }).await?;
            }
        }
        self.renew(seat).await.map(drop)
    }

    fn disconnected(&self, seat: &SeatId, connection: u64) {
        self.seats.disconnect(seat, connection);
        self.announce(EngineEvent::SeatChanged { seat: seat.clone() });
        tracing::info!(seat.id = %seat, "an agent's connection is gone");
    }

    async fn supervise(&self, call: &CallId, mode: SupervisorMode, by: &SeatId) -> Result<(), CommandError> {
        let seat = self.seat_in(call).await?;
        self.answered_ask(&seat, |reply| Ask::Supervise { by: by.clone(), mode, reply }).await?;
        self.append_supervision(call, "call.supervised", by.as_str(), json!({ "mode": mode, "seat": seat })).await
    }

    async fn leave(&self, call: &CallId, by: &SeatId) -> Result<(), CommandError> {
        let seat = self.seat_in(call).await?;
        self.answered_ask(&seat, |reply| Ask::Leave { by: by.clone(), reply }).await?;
        self.append_supervision(call, "call.supervision_ended", by.as_str(), json!({ "seat": seat })).await
    }

    async fn take_over(&self, call: &CallId, by: &SeatId) -> Result<(), CommandError> {
        let seat = self.seat_in(call).await?;
        self.answered_ask(&seat, |reply| Ask::TakeOver { by: by.clone(), reply }).await?;
        self.append_supervision(call, TAKEN_OVER, by.as_str(), json!({ "seat": seat })).await?;
        complaints::after_take_over(self, call).await.unwrap_or_else(|error| {
            tracing::error!(call.id = %call, %error, "a call was taken over, and its complaint does not show it");
        });
        Ok(())
    }

    async fn end_call(&self, call: &CallId, reason: &str, by: &str) -> Result<(), CommandError> {
        let reason = text("reason", reason)?;
        let seat = self.seat_in(call).await?;
        let (asked, by_whom) = (reason.clone(), by.to_owned());
        self.answered_ask(&seat, |reply| Ask::End { reason: asked, by: by_whom, reply }).await?;
        let detail = json!({ "seat": seat, "reason": reason });
        self.append_supervision(call, "call.ended_by_hand", by, detail).await
    }
}

impl Engine {
    async fn renew(&self, seat: &SeatId) -> Result<seat::Seat, CommandError> {
        self.change_seat(seat, |now, seat| {
            Ok(if seat.state == SeatState::SignedOut { seat.clone() } else { seat::renew(seat, self.lease_until(now)) })
        })
        .await
    }

    /// Back from a break, or out of the wrap-up: what is not written down by then is not.
    async fn available(&self, seat: &SeatId) -> Result<(), CommandError> {
        let wrapping_up = matches!(self.store.seat(seat).await?.state, SeatState::WrapUp { .. });
        if wrapping_up && self.seats.job(seat).is_some() {
            let (end, note, form) = (None, None, Default::default());
            return self.answered_ask(seat, |reply| Ask::WrappedUp { end, note, form, reply }).await;
        }
        self.change_seat(seat, seat::back).await.map(drop)
    }

    fn ask(&self, seat: &SeatId, ask: Ask) -> Result<(), CommandError> {
        if self.seats.ask(seat, ask) { Ok(()) } else { Err(no_call()) }
    }

    /// Asks, and waits until it is done or refused.
    async fn answered_ask(
        &self,
        seat: &SeatId,
        ask: impl FnOnce(super::super::agent::Reply) -> Ask,
    ) -> Result<(), CommandError> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        self.ask(seat, ask(reply))?;
        answer.await.unwrap_or_else(|_| Err(no_call()))
    }

    /// The seat that has this call in hand now: its agent's, or the one of who took it over.
    async fn seat_in(&self, call: &CallId) -> Result<SeatId, CommandError> {
        if let Some(seat) = self.seats.seat_of(call) {
            return Ok(seat);
        }
        let call = self.store.call(call).await?;
        Err(CommandError::Conflict(match (call.outcome, call.seat) {
            (Some(_), _) => "通话已经结束".into(),
            (None, None) => "这通电话没有坐席".into(),
            (None, Some(_)) => return Err(no_call()),
        }))
    }

    /// What was done, by whom.
    async fn append_supervision(&self, call: &CallId, kind: &str, by: &str, detail: Value) -> Result<(), CommandError> {
        Ok(self.store.append_event(&NewEvent::by(by, kind).call(call).detail(detail)).await?)
    }
}

fn no_call() -> CommandError {
    CommandError::Conflict("坐席手上没有通话".into())
}

fn text(field: &'static str, given: &str) -> Result<String, CommandError> {
    match maybe_text(field, Some(given.to_owned()))? {
        Some(text) => Ok(text),
        None => Err(CommandError::Invalid { field, detail: "empty".into() }),
    }
}

fn maybe_text(field: &'static str, given: Option<String>) -> Result<Option<String>, CommandError> {
    let Some(given) = given else { return Ok(None) };
    if given.chars().count() > TEXT_CHARS {
        return Err(CommandError::Invalid { field, detail: format!("more than {TEXT_CHARS} characters") });
    }
    Ok(Some(given).filter(|text| !text.trim().is_empty()))
}

fn keys(digits: String) -> Result<String, CommandError> {
    let known = digits.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#' | 'A'..='D'));
    if known && (1..=KEYS_MAX).contains(&digits.len()) {
        return Ok(digits);
    }
    Err(CommandError::Invalid { field: "digits", detail: format!("want 1 to {KEYS_MAX} of 0-9, *, #, A-D") })
}

/// The secrets of the seats, for the registrar.
pub struct Secrets(pub Store);

#[async_trait]
impl SeatSecrets for Secrets {
    async fn secret_of(&self, seat: &str) -> Option<StoredSecret> {
        let seat = SeatId::new(seat);
        let read = async {
            match self.0.seat(&seat).await?.phone {
                SeatPhone::Registered => self.0.seat_secret(&seat).await,
                SeatPhone::Browser | SeatPhone::Uri { .. } => Ok(None),
            }
        };
        match read.await {
            Ok(secret) => secret.and_then(|json| serde_json::from_str(&json).ok()),
            Err(StoreError::NotFound { .. }) => None,
            Err(error) => {
                tracing::error!(seat.id = %seat, %error, "the secret of a seat cannot be read");
                None
            }
        }
    }
}
