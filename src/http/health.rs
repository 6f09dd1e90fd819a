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

const OK: HealthDto = HealthDto { status: "ok", version: env!("CARGO_PKG_VERSION") };

/// The process answers
#[utoipa::path(get, path = "/healthz", tag = "health", security(()), responses((status = 200, body = HealthDto)))]
pub async fn healthz() -> axum::Json<HealthDto> {
    axum::Json(OK)
}

/// The process can do its work
#[utoipa::path(get, path = "/readyz", tag = "health", security(()),
    responses((status = 200, body = HealthDto),
        (status = 503, description = "What is missing", body = Problem, content_type = "application/problem+json")))]
pub async fn readyz(State(state): State<AppState>) -> Result<axum::Json<HealthDto>, Problem> {
    if let Err(error) = state.store.ping().await {
        tracing::error!(%error, "the database does not answer");
        return Err(Problem::new(Kind::Unavailable, "the database does not answer"));
    }
    match (state.ready)() {
        Ok(()) => Ok(axum::Json(OK)),
        Err(missing) => Err(Problem::new(Kind::Unavailable, missing)),
    }
}

/// Counters for Prometheus
#[utoipa::path(get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, body = String, content_type = "text/plain")))]
pub async fn metrics(State(state): State<AppState>) -> Result<impl IntoResponse, Problem> {
    let handle = state.metrics.as_ref().ok_or_else(|| Problem::new(Kind::NotFound, "metrics are off"))?;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()))
}
