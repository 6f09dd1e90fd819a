//! WebSocket `/seat`: an agent's connection (`docs/seats.md`).
//!
//! Contract: text frames of one JSON object; a frame that cannot be read is answered with an error and changes nothing; what the page
//! wants is said to the engine's [`Desk`], what it is told comes from there. Losing the socket is losing the connection, never the call.
//! A page that does not read its news for a while is closed: it would show what is no longer true.
//! Not here: what a message means, media (which does not come this way).

use super::AppState;
use super::auth::{Caller, Right};
use super::orders::OrderDto;
use super::problem::{Kind, Problem};
use super::seats::SeatDto;
use super::view::View;
use crate::domain::id::SeatId;
use crate::engine::desk::{
    AgentEnd, BrowserState, CallStage, CallView, LiveText, PastCall, SeatLink, SeatMessage, SeatNews,
};
use crate::engine::handle::CommandError;
use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

/// The sub-protocol that the server picks.
pub const PROTOCOL: &str = "huifang.seat.v1";
/// A session description is a few kilobytes; nothing else comes near.
const MESSAGE_BYTES: usize = 128 * 1024;

/// A message with the name under which it is answered.
#[derive(Deserialize)]
struct Numbered {
    id: Option<String>,
    #[serde(flatten)]
    message: SeatMessage,
}

/// A browser agent's connection
///
/// Upgrades to a WebSocket with the sub-protocols `huifang.seat.v1` and `bearer.<token>`; the messages are in `docs/seats.md`.
#[utoipa::path(get, path = "/seat", tag = "seats",
    responses((status = 101, description = "The connection"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn open(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    caller.may(Right::Sit)?;
    let upgrade = upgrade.map_err(|error| Problem::new(Kind::Malformed, error.body_text()))?;
    let seat = SeatId::new(caller.name());
    let link = state.desk.connect(&seat).await?;
    Ok(upgrade
        .protocols([PROTOCOL])
        .max_message_size(MESSAGE_BYTES)
        .on_upgrade(move |socket| Connection { state, caller, seat, number: link.number }.serve(socket, link)))
}

struct Connection {
    state: AppState,
    caller: Caller,
    seat: SeatId,
    number: u64,
}

impl Connection {
    async fn serve(self, mut socket: WebSocket, mut link: SeatLink) {
        loop {
            let frame = tokio::select! {
                () = self.state.stopping.cancelled() => break goodbye(&mut socket, close_code::AWAY, "the engine stops").await,
                news = link.news.recv() => match news {
                    Some(news) => {
                        let last = matches!(news, SeatNews::Replaced);
                        let sent = send(&mut socket, self.show(news)).await;
                        if last || !sent { break } else { continue }
                    }
                    None => break goodbye(&mut socket, close_code::POLICY, "the news were not read").await,
                },
                frame = socket.recv() => frame,
            };
            let text = match frame {
                Some(Ok(Message::Text(text))) => text,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                Some(Ok(Message::Binary(_))) => {
                    if send(&mut socket, refusal(None, "malformed", "binary frames are not understood")).await {
                        continue;
                    }
                    break;
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
            };
            if let Some(answer) = self.hear(&text).await
                && !send(&mut socket, answer).await
            {
                break;
            }
        }
        self.state.desk.disconnected(&self.seat, self.number);
    }

    /// `None`: done, and nobody asked to be told.
    async fn hear(&self, text: &str) -> Option<Value> {
        let Numbered { id, message } = match serde_json::from_str(text) {
            Ok(read) => read,
            Err(error) => {
                let id = serde_json::from_str::<Value>(text).ok().and_then(|v| v.get("id")?.as_str().map(String::from));
                return Some(refusal(id, "malformed", &error.to_string()));
            }
        };
        match self.state.desk.say(&self.seat, self.number, message).await {
            Ok(()) => id.map(|id| json!({ "type": "done", "id": id })),
            Err(error) => Some(self.refuse(id, error)),
        }
    }

    fn refuse(&self, id: Option<String>, error: CommandError) -> Value {
        let mut told = refusal(id, code_of(&error), &error.to_string());
        if let CommandError::RedialGuard { until, .. } = error {
            told["at"] = self.state.view(&self.caller).at(until).into();
        }
        told
    }

    fn show(&self, news: SeatNews) -> Value {
        let view = self.state.view(&self.caller);
        match news {
            SeatNews::Welcome(welcome) => json!({
                "type": "welcome",
                "seat": SeatDto::of(&welcome.seat, &view),
                "lease_s": welcome.lease_s,
                "wrap_up_s": welcome.wrap_up_s,
                "now": view.at(self.state.clock.now()),
                "ice_servers": welcome.ice_servers,
                "call": welcome.call.map(|call| show_call(&call, &view)),
                "live": welcome.live.map(|live| show_live(&live, &view)),
            }),
            SeatNews::Seat(seat) => json!({ "type": "seat", "seat": SeatDto::of(&seat, &view) }),
            SeatNews::Answer(sdp) => json!({ "type": "answer", "sdp": sdp }),
            SeatNews::Candidate(candidate) => {
                let candidate = candidate.and_then(|json| serde_json::from_str::<Value>(&json).ok());
                json!({ "type": "candidate", "candidate": candidate })
            }
            SeatNews::Media(state) => json!({ "type": "media", "state": media_name(state) }),
            SeatNews::Call(call) => json!({ "type": "call", "call": call.map(|call| show_call(&call, &view)) }),
            SeatNews::Live(live) => json!({ "type": "live", "live": show_live(&live, &view) }),
            SeatNews::Replaced => json!({ "type": "replaced" }),
        }
    }
}

/// False: the page is gone.
async fn send(socket: &mut WebSocket, value: Value) -> bool {
    socket.send(Message::Text(value.to_string().into())).await.is_ok()
}

async fn goodbye(socket: &mut WebSocket, code: u16, reason: &'static str) {
    if socket.send(Message::Close(Some(CloseFrame { code, reason: reason.into() }))).await.is_err() {
        tracing::debug!(reason, "a page left before it was told");
    }
}

fn refusal(id: Option<String>, code: &str, message: &str) -> Value {
    json!({ "type": "error", "id": id, "code": code, "message": message })
}

fn code_of(error: &CommandError) -> &'static str {
    match error {
        CommandError::NotFound { .. } => "not-found",
        CommandError::Conflict(_) => "conflict",
        CommandError::RedialGuard { .. } => "redial_guard",
        CommandError::Invalid { .. } => "invalid",
        CommandError::Unavailable(_) => "unavailable",
        CommandError::Internal(source) => {
            tracing::error!(error = %source, "a seat's message could not be done");
            "internal"
        }
    }
}

fn media_name(state: BrowserState) -> &'static str {
    match state {
        BrowserState::New => "new",
        BrowserState::Connecting => "connecting",
        BrowserState::Connected => "connected",
        BrowserState::Disconnected => "disconnected",
        BrowserState::Failed => "failed",
        BrowserState::Closed => "closed",
    }
}

fn stage_name(stage: CallStage) -> &'static str {
    match stage {
        CallStage::Preview => "preview",
        CallStage::Dialing => "dialing",
        CallStage::Ringing => "ringing",
        CallStage::Answered => "answered",
        CallStage::Ended => "ended",
    }
}

fn show_call(call: &CallView, view: &View<'_>) -> Value {
    let claims = &call.order.claims;
    let steps: Vec<Value> = call
        .steps
        .iter()
        .map(|s| {
            json!({
                "step": s.step, "title": s.title, "say": s.say, "ask": s.ask, "indicator": s.indicator, "hint": s.hint,
                "facts": s.facts,
            })
        })
        .collect();
    json!({
        "phase": stage_name(call.stage),
        "phase_since": view.at(call.stage_since),
        "visit": call.visit,
        "call": call.call,
        "limit_s": call.limit_s,
        "muted": call.muted,
        "held": call.held,
        "number": view.phone(&call.order.customer.phone),
        "order": OrderDto::of(&call.order, view),
        "why_now": call.why_now,
        "script": { "title": call.title, "steps": steps },
        "history": call.history.iter().map(|past| show_past(past, view)).collect::<Vec<_>>(),
        // C24: these are read out to the customer, so they are shown whole.
        "refer": {
            "engineer": claims.engineer_phone.as_ref().map(|p| json!({ "name": claims.engineer, "phone": p.national() })),
            "dealer_manager": claims.dealer_manager_phone.as_ref().map(|p| json!({ "phone": p.national() })),
        },
        "end": call.end.as_ref().map(|end| show_end(end, view)),
        "note": call.note,
        "form": call.form,
        "outcome": call.outcome,
        "hung_up_by": call.hung_up_by,
    })
}

/// Free text of a call: numbers in it are masked by role, as they are in notes.
fn show_live(live: &LiveText, view: &View<'_>) -> Value {
    let shown = &live.view;
    let lines = shown.lines.iter().map(|line| {
        json!({
            "n": line.n, "speaker": line.speaker, "seat": line.seat, "from_s": line.from_s, "to_s": line.to_s, "text": view.text(&line.text),
            "done": line.done,
        })
    });
    let facts = shown.insight.facts.iter().map(|fact| {
        json!({
            "fact": fact.fact, "said": view.text(&fact.said), "claimed": fact.claimed, "agreement": fact.agreement,
            "quote": view.text(&fact.quote),
        })
    });
    let warnings = shown
        .insight
        .warnings
        .iter()
        .map(|warning| json!({ "kind": warning.kind, "quote": view.text(&warning.quote), "at_s": warning.at_s }));
    let hints = shown.insight.hints.iter().map(|hint| json!({ "kind": hint.kind, "quote": view.text(&hint.quote) }));
    json!({
        "call": live.call,
        "state": shown.state,
        "missed_s": shown.missed_s,
        "lines": lines.collect::<Vec<_>>(),
        "questions": shown.insight.questions,
        "facts": facts.collect::<Vec<_>>(),
        "warnings": warnings.collect::<Vec<_>>(),
        "hints": hints.collect::<Vec<_>>(),
    })
}

fn show_past(past: &PastCall, view: &View<'_>) -> Value {
    json!({
        "call": past.call, "at": view.at(past.at), "outcome": past.outcome, "end": past.end,
        "note": past.note.as_deref().map(|note| view.text(note)), "index": past.index,
    })
}

fn show_end(end: &AgentEnd, view: &View<'_>) -> Value {
    match end {
        AgentEnd::Completed => json!({ "kind": "completed" }),
        AgentEnd::Refused { opt_out, scope } => json!({ "kind": "refused", "opt_out": opt_out, "scope": scope }),
        AgentEnd::Callback { at, said } => json!({ "kind": "callback", "at": view.at_opt(*at), "said": said }),
        AgentEnd::WrongNumber => json!({ "kind": "wrong_number" }),
        AgentEnd::NotInformed => json!({ "kind": "not_informed" }),
        AgentEnd::NoVoice => json!({ "kind": "no_voice" }),
    }
}
