//! The lines as they are now: whether each can be used, and if not, why and until when. Known to the engine, not to the store.

use super::AppState;
use super::auth::Caller;
use super::problem::Problem;
use crate::engine::handle::{TrunkHealth, TrunkStatus};
use axum::Extension;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct TrunksDto {
    /// By priority.
    pub items: Vec<TrunkDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TrunkDto {
    pub name: String,
    /// A call may be made over it now, as far as is known; `calls_up` may still have reached `max_calls`.
    pub usable: bool,
    /// `suspect`: used only when no other trunk can take the call.
    pub health: TrunkHealthName,
    /// What is wrong, in one sentence for people; empty when all is well.
    #[schema(example = "线路不通：OPTIONS 没有应答，480 秒后再试")]
    pub reason: String,
    /// Not before this instant is it tried again, unless it gives a sign of life.
    pub retry_after: Option<String>,
    /// Null: this trunk does not register.
    pub registered: Option<bool>,
    pub calls_up: u32,
    pub max_calls: u32,
}

#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkHealthName {
    Up,
    Suspect,
    Down,
}

impl From<TrunkHealth> for TrunkHealthName {
    fn from(health: TrunkHealth) -> Self {
        match health {
            TrunkHealth::Up => Self::Up,
            TrunkHealth::Suspect => Self::Suspect,
            TrunkHealth::Down => Self::Down,
        }
    }
}

impl TrunkDto {
    fn of(trunk: TrunkStatus, now: Timestamp, at: impl Fn(Timestamp) -> String) -> Self {
        let retry_at = trunk.retry_after.and_then(|after| now.checked_add(after).ok());
        Self {
            name: trunk.name,
            usable: trunk.usable,
            health: trunk.health.into(),
            reason: trunk.reason,
            retry_after: retry_at.map(at),
            registered: trunk.registered,
            calls_up: trunk.calls_up,
            max_calls: trunk.max_calls,
        }
    }
}

/// The trunks, by priority, as they are now
#[utoipa::path(get, path = "/trunks", tag = "trunks",
    responses((status = 200, body = TrunksDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<AppState>, Extension(caller): Extension<Caller>) -> axum::Json<TrunksDto> {
    let (view, now) = (state.view(&caller), state.clock.now());
    let items = state.commands.trunks().into_iter().map(|trunk| TrunkDto::of(trunk, now, |at| view.at(at))).collect();
    axum::Json(TrunksDto { items })
}
