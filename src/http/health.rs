//! `/healthz` (the process answers), `/readyz` (it can do its work) and `/metrics` (Prometheus). Open without a token; no secrets.

use super::AppState;
use super::problem::{Kind, Problem};
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Serialize, ToSchema)]
pub struct HealthDto {
    #[schema(example = "ok")]
    status: &'static str,
    version: &'static str,
}

/// Ready to work, and with which lines: without one the engine takes SMS and keeps its visits, but calls nobody.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReadyDto {
    #[schema(example = "ok")]
    status: &'static str,
    version: &'static str,
    /// Trunks over which a call may be made now; `GET /api/v1/trunks` says what is wrong with the others.
    trunks_usable: usize,
    /// Trunks that are configured.
    trunks: usize,
}

const OK: HealthDto = HealthDto { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = HealthDto)))]
pub async fn healthz() -> axum::Json<HealthDto> {
    axum::Json(OK)
}

/// The process can do its work
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, body = ReadyDto),
        (status = 503, description = "What is missing", body = Problem, content_type = "application/problem+json")))]
pub async fn readyz(State(state): State<AppState>) -> Result<axum::Json<ReadyDto>, Problem> {
    if let Err(error) = state.store.ping().await {
        tracing::error!(%error, "the database does not answer");
        return Err(Problem::new(Kind::Unavailable, "the database does not answer"));
    }
    (state.ready)().map_err(|missing| Problem::new(Kind::Unavailable, missing))?;
    let trunks = state.commands.trunks();
    let trunks_usable = trunks.iter().filter(|trunk| trunk.usable).count();
    Ok(axum::Json(ReadyDto { status: OK.status, version: OK.version, trunks_usable, trunks: trunks.len() }))
}

/// Counters for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let handle = state.metrics.as_ref().ok_or_else(|| Problem::new(Kind::NotFound, "metrics are off"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()))
}
