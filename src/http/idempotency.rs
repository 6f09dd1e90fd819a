//! `Idempotency-Key`: a command that is sent again with the same key gets the first answer again and is not done twice.
//!
//! Contract: the key belongs to one caller, method and path. The same key with another body is refused (422); while the first
//! request is still at work the second is told to wait (409). Answers are kept for a day; those of 500 and more not at all, so
//! that a retry tries again.
//! Replayed answers carry `Idempotency-Replayed: true`. `POST` and `PUT` only; without the header nothing happens here.

use super::AppState;
use super::auth::Caller;
use super::limits;
use super::problem::{Kind, Problem};
use crate::store::idempotency::{KeyedRequest, Reply, Reservation};
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

static KEY: HeaderName = HeaderName::from_static("idempotency-key");
static REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const KEY_CHARS: usize = 200;
/// Answers of commands are small; a larger one is a fault of ours.
const ANSWER_BYTES: usize = 1 << 20;

/// Middleware; runs after the caller is known.
pub async fn replay(State(state): State<AppState>, request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::POST | Method::PUT) || !request.headers().contains_key(&KEY) {
        return next.run(request).await;
    }
    keyed(&state, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

async fn keyed(state: &AppState, request: Request, next: Next) -> Result<Response, Problem> {
    let key = read_key(request.headers())?;
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, limits::BODY_BYTES)
        .await
        .map_err(|_| Problem::new(Kind::TooLarge, format!("at most {} bytes are taken", limits::BODY_BYTES)))?;
    let caller = parts.extensions.get::<Caller>().map_or("", Caller::name);
    let request = KeyedRequest {
        route: format!("{caller} {} {}", parts.method, parts.uri.path()),
        key,
        request_hash: fingerprint(&parts.headers, &body),
    };
    match state.store.reserve_key(&request).await? {
        Reservation::Fresh => {}
        Reservation::Replay(reply) => return replayed(reply),
        Reservation::InFlight => {
            return Err(Problem::new(Kind::Conflict, "the first request with this Idempotency-Key is still at work"));
        }
        Reservation::Mismatch => {
            return Err(Problem::new(Kind::KeyReused, "the body is not that of the first request with this key"));
        }
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(state, &request, response).await
}

/// Stores the answer before it is sent.
async fn keep(state: &AppState, request: &KeyedRequest, response: Response) -> Result<Response, Problem> {
    if response.status().is_server_error() {
        state.store.release_key(request).await?;
        return Ok(response);
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, ANSWER_BYTES).await.map_err(Problem::internal)?;
    let body = String::from_utf8_lossy(&bytes).into_owned();
    state.store.complete_key(request, &Reply { status: parts.status.as_u16(), body }).await?;
    Ok(Response::from_parts(parts, Body::from(bytes)))
}

fn replayed(reply: Reply) -> Result<Response, Problem> {
    let status = StatusCode::from_u16(reply.status).map_err(Problem::internal)?;
    let kind = if status.is_client_error() { "application/problem+json" } else { "application/json" };
    let mut response = (status, [(header::CONTENT_TYPE, kind)], reply.body).into_response();
    response.headers_mut().insert(REPLAYED.clone(), HeaderValue::from_static("true"));
    Ok(response)
}

fn read_key(headers: &HeaderMap) -> Result<String, Problem> {
    let key = headers.get(&KEY).and_then(|value| value.to_str().ok()).unwrap_or_default();
    limits::text("Idempotency-Key", key, KEY_CHARS)
}

/// SHA-256 over the content type and the body.
fn fingerprint(headers: &HeaderMap, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(headers.get(header::CONTENT_TYPE).map_or(&[][..], HeaderValue::as_bytes));
    hash.update([0]);
    hash.update(body);
    super::hex(&hash.finalize())
}
