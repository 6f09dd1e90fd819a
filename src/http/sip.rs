//! `/calls/{id}/sip`: every SIP message of a call; the same as text; and as a ladder diagram, in text columns or SVG.
//!
//! Who may see telephone numbers sees the messages as they were on the wire and is written into the audit log; other readers see
//! numbers and names masked; agents see nothing. Digest answers and SRTP keys are in no trace.

use super::AppState;
use super::auth::{Caller, Right};
use super::extract::Path;
use super::problem::{Kind, Problem};
use super::schema::{TraceLegName, WayName};
use crate::domain::call::Call;
use crate::domain::call::trace::ladder::Ladder;
use crate::domain::call::trace::{SipTrace, TraceLeg, TraceMessage, Way, mask};
use crate::domain::id::CallId;
use crate::store::StoreError;
use crate::store::event::NewEvent;
use crate::store::trace::StoredTrace;
use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The SIP messages of one call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SipTraceDto {
    pub call_id: String,
    /// True when numbers and names are masked for this reader.
    pub masked: bool,
    /// In the order of the wire, repetitions included.
    pub messages: Vec<SipMessageDto>,
    /// Messages that came after the trace was full.
    pub dropped: u32,
}

/// One message on the wire.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SipMessageDto {
    pub at: String,
    /// Seconds since the first message.
    pub offset_s: f64,
    /// Of the customer's line, or of the agent's telephone.
    #[schema(value_type = TraceLegName)]
    pub leg: TraceLeg,
    #[schema(value_type = WayName)]
    pub way: Way,
    /// `UDP`, `TCP` or `TLS`.
    pub transport: String,
    /// Our address and port, then the far end's.
    pub local: String,
    pub peer: String,
    /// Method of a request, status and phrase of a response.
    pub label: String,
    /// The same bytes went the same way before.
    pub repeated: bool,
    /// The whole message; bytes that are not UTF-8 are U+FFFD.
    pub text: String,
}

/// Every SIP message of a call
#[utoipa::path(get, path = "/calls/{id}/sip", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = SipTraceDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn json(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<SipTraceDto>, Problem> {
    let (call, trace) = read(&state, &caller, id, "json").await?;
    let view = state.view(&caller);
    let begins = trace.messages.first().map(|m| m.at);
    let message = |(n, m): (usize, &TraceMessage)| SipMessageDto {
        at: view.at(m.at),
        offset_s: begins.map_or(0.0, |begins| (m.at.duration_since(begins).as_millis() as f64) / 1000.0),
        leg: m.leg,
        way: m.way,
        transport: m.transport.clone(),
        local: m.local.clone(),
        peer: m.peer.clone(),
        label: m.head().label().to_owned(),
        repeated: trace.is_repeated(n),
        text: m.text.clone(),
    };
    Ok(axum::Json(SipTraceDto {
        call_id: call.id.to_string(),
        masked: !caller.sees_phones(),
        messages: trace.messages.iter().enumerate().map(message).collect(),
        dropped: trace.dropped,
    }))
}

macro_rules! files {
    ($($name:ident, $path:literal, $render:ident, $kind:literal, $what:literal;)*) => {$(
        #[doc = $what]
        #[utoipa::path(get, path = $path, tag = "calls", params(("id" = String, Path)),
            responses((status = 200, body = String, content_type = $kind),
                (status = "4XX", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(
            State(state): State<AppState>,
            Extension(caller): Extension<Caller>,
            Path(id): Path<String>,
        ) -> Result<Response, Problem> {
            let (call, trace) = read(&state, &caller, id, stringify!($name)).await?;
            let text = $render(&state, &caller, &call, &trace);
            Ok(([(header::CONTENT_TYPE, concat!($kind, "; charset=utf-8"))], text).into_response())
        }
    )*};
}

files! {
    txt, "/calls/{id}/sip.txt", as_text, "text/plain", "Every SIP message of a call as text";
    ladder, "/calls/{id}/sip/ladder.txt", as_ladder, "text/plain", "The call as a ladder diagram in text columns";
    svg, "/calls/{id}/sip/ladder.svg", as_drawing, "image/svg+xml", "The call as a drawn ladder diagram";
}

/// Each message under a line of its own that says when and which way.
fn as_text(state: &AppState, caller: &Caller, _: &Call, trace: &SipTrace) -> String {
    let view = state.view(caller);
    let mut out = String::new();
    for (n, m) in trace.messages.iter().enumerate() {
        let arrow = match m.way {
            Way::Sent => "->",
            Way::Received => "<-",
        };
        let leg = match m.leg {
            TraceLeg::Customer => "",
            TraceLeg::Agent => " (agent)",
        };
        let again = if trace.is_repeated(n) { " (again)" } else { "" };
        out.push_str(&format!("=== {} {} {} {arrow} {}{leg}{again}\n", view.at(m.at), m.transport, m.local, m.peer));
        out.push_str(m.text.trim_end_matches(['\r', '\n']));
        out.push_str("\n\n");
    }
    if trace.dropped > 0 {
        out.push_str(&format!("=== {} more messages were not kept\n", trace.dropped));
    }
    out
}

fn as_ladder(_: &AppState, _: &Caller, call: &Call, trace: &SipTrace) -> String {
    Ladder::of(call, trace).text()
}

fn as_drawing(_: &AppState, _: &Caller, call: &Call, trace: &SipTrace) -> String {
    Ladder::of(call, trace).svg()
}

/// The trace as this caller may see it.
async fn read(state: &AppState, caller: &Caller, id: String, form: &str) -> Result<(Call, SipTrace), Problem> {
    caller.may(Right::Trace)?;
    let call = state.store.call(&CallId::new(id)).await?;
    let mut trace = match state.store.sip_trace(&call.id).await {
        Ok(StoredTrace::Kept(trace)) => trace,
        Ok(StoredTrace::Pruned(_)) => {
            let why = format!("the SIP trace of call {} was deleted by the retention rule", call.id);
            return Err(Problem::new(Kind::Gone, why));
        }
        Err(StoreError::NotFound { .. }) => return Err(no_trace(&call)),
        Err(error) => return Err(error.into()),
    };
    if caller.sees_phones() {
        let event = NewEvent::by(caller.name(), "sip_trace.read").visit(&call.visit).call(&call.id);
        state.store.append_event(&event.detail(serde_json::json!({ "form": form }))).await?;
    } else {
        for message in &mut trace.messages {
            message.text = mask::people(&message.text, &call.to);
        }
    }
    Ok((call, trace))
}

fn no_trace(call: &Call) -> Problem {
    let id = &call.id;
    match (call.outcome, call.instants.invited_at) {
        (None, _) => {
            Problem::new(Kind::Conflict, format!("call {id} is in progress: its SIP trace is kept at its end"))
        }
        (Some(outcome), None) => {
            let why = format!("call {id} has no SIP trace: no INVITE left ({})", outcome.name());
            Problem::new(Kind::NotFound, why)
        }
        (Some(_), Some(_)) => {
            let why =
                format!("call {id} has no SIP trace: the engine was killed during the call, or is older than traces");
            Problem::new(Kind::NotFound, why)
        }
    }
}
