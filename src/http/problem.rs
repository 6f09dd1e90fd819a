//! Every error of this interface: RFC 9457 `application/problem+json`.
//!
//! Contract: no response with a status of 400 or more leaves in another shape, whoever made it: a handler, an extractor, the
//! router (404, 405), a body or time limit, or a panic ([`everywhere`] sees to the ones that are not ours). `type` is stable and
//! is what programs match on; `detail` is for people. What went wrong inside is logged under the request id and not told.

use crate::engine::handle::CommandError;
use crate::store::StoreError;
use axum::Json;
use axum::extract::{Request, rejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::any::Any;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

/// Longest text of somebody else's error body that is passed on as `detail`.
const FOREIGN_DETAIL_BYTES: usize = 2048;

/// The kinds of problem. Names are stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read: broken JSON, a wrong type, a bad query.
    Malformed,
    Unauthenticated,
    /// The signature over the body is missing or wrong.
    BadSignature,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    /// The state of the thing forbids it.
    Conflict,
    /// It was there and is gone for good.
    Gone,
    TooLarge,
    UnsupportedMediaType,
    RangeNotSatisfiable,
    /// Readable, but a value makes no sense.
    Invalid,
    /// The same Idempotency-Key came with another request.
    KeyReused,
    Internal,
    /// The caller has to wait.
    TooMany,
    Unavailable,
    /// Any other status of 400 or more.
    Other(StatusCode),
}

impl Kind {
    fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated | Self::BadSignature => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Gone => StatusCode::GONE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::RangeNotSatisfiable => StatusCode::RANGE_NOT_SATISFIABLE,
            Self::Invalid | Self::KeyReused => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Other(status) => status,
        }
    }

    /// Last part of the type and the short title.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Malformed => ("malformed", "The request cannot be read"),
            Self::Unauthenticated => ("unauthenticated", "A valid token is needed"),
            Self::BadSignature => ("bad-signature", "The signature of the body is missing or wrong"),
            Self::Forbidden => ("forbidden", "This role may not do that"),
            Self::NotFound => ("not-found", "There is no such thing"),
            Self::MethodNotAllowed => ("method-not-allowed", "This resource has no such method"),
            Self::Conflict => ("conflict", "The present state forbids it"),
            Self::Gone => ("gone", "It is gone for good"),
            Self::TooLarge => ("too-large", "The body is too large"),
            Self::UnsupportedMediaType => ("unsupported-media-type", "This content type is not read here"),
            Self::RangeNotSatisfiable => ("range-not-satisfiable", "The range lies outside"),
            Self::Invalid => ("invalid", "A value makes no sense"),
            Self::KeyReused => ("idempotency-key-reused", "This Idempotency-Key belongs to another request"),
            Self::TooMany => ("too-many", "Too many tries; wait"),
            Self::Internal => ("internal", "Something went wrong here"),
            Self::Unavailable => ("unavailable", "Not now; try again later"),
            Self::Other(status) => ("other", status.canonical_reason().unwrap_or("Error")),
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::BAD_REQUEST => Self::Malformed,
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::CONFLICT => Self::Conflict,
            StatusCode::GONE => Self::Gone,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::RANGE_NOT_SATISFIABLE => Self::RangeNotSatisfiable,
            StatusCode::UNPROCESSABLE_ENTITY => Self::Invalid,
            StatusCode::TOO_MANY_REQUESTS => Self::TooMany,
            StatusCode::INTERNAL_SERVER_ERROR => Self::Internal,
            StatusCode::SERVICE_UNAVAILABLE => Self::Unavailable,
            other => Self::Other(other),
        }
    }
}

/// What went wrong, ready to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: Kind,
    detail: String,
    field: Option<String>,
}

/// One error answer (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
struct Body {
    /// `urn:huifang:problem:<kind>`, stable.
    #[serde(rename = "type")]
    #[schema(example = "urn:huifang:problem:not-found")]
    kind: String,
    /// The kind in words, the same every time.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What happened this time.
    detail: String,
    /// The path that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// The `X-Request-Id` of this answer; the log names it too.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    /// The field that failed, when one did.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Body::schema()
    }
}
impl ToSchema for Problem {}

impl Problem {
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), field: None }
    }

    /// A value that can be read and makes no sense.
    pub fn invalid(field: &str, detail: impl std::fmt::Display) -> Self {
        Self { field: Some(field.into()), ..Self::new(Kind::Invalid, format!("{field}: {detail}")) }
    }

    pub fn not_found(what: &str, id: impl std::fmt::Display) -> Self {
        Self::new(Kind::NotFound, format!("no {what} {id}"))
    }

    /// Logs the cause in the span of the request, tells the client nothing of it.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(error = %cause, "request failed inside");
        Self::new(Kind::Internal, "see the log under this request id")
    }

    fn respond(&self, instance: Option<String>, request_id: Option<String>) -> Response {
        let status = self.kind.status();
        let (name, title) = self.kind.words();
        let body = Body {
            kind: format!("urn:huifang:problem:{name}"),
            title,
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance,
            request_id,
            field: self.field.clone(),
        };
        let mut response = (status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.respond(None, None);
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound { what, id } => Self::not_found(what, id),
            CommandError::Conflict(detail) | CommandError::RedialGuard { detail, .. } => {
                Self::new(Kind::Conflict, detail)
            }
            CommandError::Invalid { field, detail } => Self::invalid(field, detail),
            CommandError::Unavailable(detail) => Self::new(Kind::Unavailable, detail),
            CommandError::Internal(source) => Self::internal(source),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound { table, id } => Self::not_found(table.strip_suffix('s').unwrap_or(table), id),
            StoreError::Invalid { what, value, why } => Self::invalid(what, format_args!("{value:?}: {why}")),
            StoreError::Stale { .. } => Self::new(Kind::Conflict, error.to_string()),
            StoreError::Open { .. }
            | StoreError::Sql { .. }
            | StoreError::Constraint { .. }
            | StoreError::Corrupt { .. } => Self::internal(error),
        }
    }
}

macro_rules! from_rejection {
    ($($rejection:ident),*) => {$(
        impl From<rejection::$rejection> for Problem {
            fn from(rejection: rejection::$rejection) -> Self {
                Self::new(Kind::of_status(rejection.status()), rejection.body_text())
            }
        }
    )*};
}
from_rejection!(JsonRejection, QueryRejection, PathRejection, FormRejection, BytesRejection, ExtensionRejection);

/// The request id of this request, for problems and logs.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// Middleware: turns every error answer into problem+json and names the path and the request in it.
pub async fn everywhere(request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let request_id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let mut response = next.run(request).await;
    if !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let problem = match response.extensions_mut().remove::<Problem>() {
        Some(problem) => problem,
        None => foreign(&mut response).await,
    };
    let keep: Vec<_> = [header::ALLOW, header::CONTENT_RANGE, header::RETRY_AFTER]
        .into_iter()
        .filter_map(|name| response.headers().get(&name).cloned().map(|value| (name, value)))
        .collect();
    let mut answer = problem.respond(Some(path), request_id);
    answer.headers_mut().extend(keep);
    answer
}

/// An error answer that is not ours: its status, and its text if it is short.
async fn foreign(response: &mut Response) -> Problem {
    let kind = Kind::of_status(response.status());
    let body = std::mem::replace(response.body_mut(), axum::body::Body::empty());
    let text = match axum::body::to_bytes(body, FOREIGN_DETAIL_BYTES).await {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(_) => String::new(),
    };
    let detail = if text.is_empty() { kind.words().1.to_owned() } else { text };
    Problem::new(kind, detail)
}

/// A handler that panicked: logged, answered, and the server goes on.
pub fn panicked(cause: Box<dyn Any + Send + 'static>) -> Response {
    let text = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("no message");
    Problem::internal(format_args!("a handler panicked: {text}")).into_response()
}

/// The router's 404.
pub async fn no_route() -> Problem {
    Problem::new(Kind::NotFound, "no such path; see /api/docs")
}

/// The router's 405; axum adds `Allow`.
pub async fn no_method() -> Problem {
    Problem::new(Kind::MethodNotAllowed, "see the Allow header and /api/docs")
}
