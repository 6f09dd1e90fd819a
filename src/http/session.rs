//! `/session`: a person signs in with name and password and gets a token of some hours; machines use tokens that never see a password.
//!
//! Contract: a wrong name and a wrong password look the same, in words and in time. After [`FAILURES_MAX`] failures of one name within
//! [`WINDOW`] that name waits, right password or not: guessing costs more than it finds. Hashes are made one at a time, so that a
//! flood of sign-ins cannot take the machine from the calls.
//! Not here: cookies, pages, who may do what (see `auth`).

use super::AppState;
use super::auth::{self, Caller};
use super::extract::Json;
use super::problem::{Kind, Problem};
use crate::store::token::Role;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;
use utoipa::ToSchema;

/// A working day and its overtime.
const LASTS: SignedDuration = SignedDuration::from_hours(12);
const FAILURES_MAX: usize = 5;
const WINDOW: SignedDuration = SignedDuration::from_mins(15);
/// Names that are remembered; beyond it the stalest is forgotten.
const NAMES_MAX: usize = 1000;

/// The failures of late, by name.
#[derive(Debug)]
pub struct SignInGuard {
    failures: Mutex<HashMap<String, Vec<Timestamp>>>,
    hashing: Semaphore,
}

impl Default for SignInGuard {
    fn default() -> Self {
        Self { failures: Mutex::default(), hashing: Semaphore::new(1) }
    }
}

impl SignInGuard {
    /// Until when this name has to wait.
    fn waits_until(&self, name: &str, now: Timestamp) -> Option<Timestamp> {
        let failures = self.failures();
        let recent: Vec<_> = failures.get(name)?.iter().filter(|at| now.duration_since(**at) < WINDOW).collect();
        let oldest = recent.len().checked_sub(FAILURES_MAX).and_then(|nth| recent.get(nth))?;
        oldest.checked_add(WINDOW).ok()
    }

    fn failed(&self, name: &str, now: Timestamp) {
        let mut failures = self.failures();
        failures.retain(|_, all| all.last().is_some_and(|at| now.duration_since(*at) < WINDOW));
        if failures.len() >= NAMES_MAX
            && !failures.contains_key(name)
            && let Some(stalest) = failures.iter().min_by_key(|(_, all)| all.last().copied()).map(|(n, _)| n.clone())
        {
            failures.remove(&stalest);
        }
        let all = failures.entry(name.to_owned()).or_default();
        all.push(now);
        all.drain(..all.len().saturating_sub(FAILURES_MAX));
    }

    fn succeeded(&self, name: &str) {
        self.failures().remove(name);
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<String, Vec<Timestamp>>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    name: String,
    password: String,
}

/// A session that has begun.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionReply {
    /// Send it as `Authorization: Bearer …`; it is shown once.
    token: String,
    expires_at: String,
    name: String,
    #[schema(value_type = String)]
    role: Role,
}

/// Who the token belongs to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CallerReply {
    name: String,
    #[schema(value_type = String)]
    role: Role,
    /// Telephone numbers are shown to this caller plain.
    sees_phones: bool,
}

/// Sign in with name and password; needs no token
#[utoipa::path(post, path = "/api/v1/session", tag = "session", security(()), request_body = SignInBody,
    responses((status = 201, body = SessionReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_in(
    State(state): State<AppState>,
    Json(SignInBody { name, password }): Json<SignInBody>,
) -> Result<(StatusCode, axum::Json<SessionReply>), Problem> {
    let now = state.clock.now();
    if let Some(until) = state.sign_ins.waits_until(&name, now) {
        let wait_s = until.duration_since(now).as_secs().max(0) + 1;
        return Err(Problem::new(Kind::TooMany, format!("too many failed sign-ins; try again in {wait_s} s")));
    }
    let expires_at = now.checked_add(LASTS).map_err(Problem::internal)?;
    // Closed is an end of the process.
    let _turn = state.sign_ins.hashing.acquire().await.map_err(Problem::internal)?;
    match state.store.sign_in(&name, &password, expires_at).await? {
        Some(issued) => {
            state.sign_ins.succeeded(&name);
            let expires_at = super::view::show_instant(expires_at, &state.zone);
            let reply = SessionReply { token: issued.secret, expires_at, name, role: issued.token.role };
            Ok((StatusCode::CREATED, axum::Json(reply)))
        }
        None => {
            state.sign_ins.failed(&name, now);
            tracing::warn!("a sign-in failed");
            Err(Problem::new(Kind::Unauthenticated, "wrong name or password"))
        }
    }
}

/// Who am I
#[utoipa::path(get, path = "/session", tag = "session",
    responses((status = 200, body = CallerReply),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(Extension(caller): Extension<Caller>) -> axum::Json<CallerReply> {
    let (name, role) = (caller.name().to_owned(), caller.role());
    axum::Json(CallerReply { name, role, sees_phones: caller.sees_phones() })
}

/// Sign out: the token of this request is worth nothing from now on
#[utoipa::path(delete, path = "/session", tag = "session",
    responses((status = 204), (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn sign_out(State(state): State<AppState>, headers: HeaderMap) -> Result<StatusCode, Problem> {
    let known = match auth::bearer(&headers) {
        Ok(token) => state.store.verify_token(token).await?,
        // A site that asks for no token has nothing to end.
        Err(_) if !state.auth_required => None,
        Err(problem) => return Err(problem),
    };
    if let Some(known) = known {
        state.store.revoke_token(&known.token_id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + s).unwrap()
    }

    #[test]
    fn the_sixth_try_waits_until_the_first_failure_is_a_quarter_of_an_hour_old() {
        let guard = SignInGuard::default();
        for s in 0..5 {
            assert_eq!(guard.waits_until("li", at(s)), None);
            guard.failed("li", at(s));
        }
        assert_eq!(guard.waits_until("li", at(5)), Some(at(900)));
        assert_eq!(guard.waits_until("wang", at(5)), None);
        assert_eq!(guard.waits_until("li", at(900)), None);
        guard.succeeded("li");
        assert_eq!(guard.waits_until("li", at(6)), None);
    }

    #[test]
    fn the_names_that_are_remembered_are_bounded() {
        let guard = SignInGuard::default();
        for n in 0..2000 {
            guard.failed(&n.to_string(), at(n / 100));
        }
        assert_eq!(guard.failures().len(), NAMES_MAX);
        assert!(guard.failures().contains_key("1999"));
    }
}
