//! Around every request: its id, its log line and its metrics.
//!
//! The log names the route (`/api/v1/visits/{id}`), never the path with its values or the query: those may carry telephone
//! numbers. Bodies and headers are not logged.

use super::problem::RequestId;
use crate::clock;
use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

pub static REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_CHARS: usize = 64;

/// Middleware, the outermost of all.
pub async fn around(mut request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map_or("(none)".to_owned(), |path| path.as_str().to_owned());
    let span = tracing::info_span!("http", request.id = %id, method = %method, route = %route);
    request.extensions_mut().insert(RequestId(id.clone()));

    let begin = clock::monotonic();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = begin.elapsed();

    let status = response.status().as_u16();
    span.in_scope(|| {
        if is_probe(&route) {
            tracing::debug!(status, took_ms = took.as_millis(), "answered a request");
        } else {
            tracing::info!(status, took_ms = took.as_millis(), "answered a request");
        }
    });
    let labels = [("method", method.to_string()), ("route", route), ("status", status.to_string())];
    metrics::counter!("huifang_http_requests_total", &labels).increment(1);
    metrics::histogram!("huifang_http_request_seconds", &labels).record(took.as_secs_f64());
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// Asked every few seconds by machines; not worth a line each.
fn is_probe(route: &str) -> bool {
    matches!(route, "/healthz" | "/readyz" | "/metrics")
}

/// The caller's id if it is short and plain, else a random one.
fn request_id(request: &Request) -> String {
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(|id| {
        (1..=REQUEST_ID_CHARS).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    });
    match given {
        Some(id) if !crate::telemetry::holds_phone(id) => id.to_owned(),
        _ => format!("{:016x}", rand::random::<u64>()),
    }
}
