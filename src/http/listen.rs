//! `POST /calls/{id}/listen`: a link to a recording for a player, and `GET /listen/{ticket}`: what the link leads to.
//!
//! An `<audio>` element cannot send a token, and a page that fetched the file whole could not begin to play a long one. The link carries
//! a ticket instead: the call, until when, and an HMAC over both. It opens this one recording for reading, for [`VALID`], and ends
//! with the process; the page asks for another. A ticket stands in no log: logs name the route (`access`).

use super::AppState;
use super::extract::Path;
use super::problem::{Kind, Problem};
use super::recording;
use super::view::show_instant;
use crate::domain::id::CallId;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::Sha256;
use utoipa::ToSchema;

/// Longer than anybody listens to one call.
const VALID: SignedDuration = SignedDuration::from_hours(2);
/// Longer ones are refused before they are read.
const TICKET_CHARS: usize = 300;

/// Makes tickets and knows its own.
pub struct Tickets {
    key: [u8; 32],
}

impl Default for Tickets {
    fn default() -> Self {
        Self { key: rand::random() }
    }
}

impl Tickets {
    fn issue(&self, call: &CallId, until: Timestamp) -> Result<String, Problem> {
        let said = format!("{} {call}", until.as_second());
        let seal = self.mac(&said)?.finalize().into_bytes();
        Ok(format!("{}.{}", URL_SAFE_NO_PAD.encode(said), URL_SAFE_NO_PAD.encode(seal)))
    }

    /// The call of a ticket that is ours and still valid.
    fn read(&self, ticket: &str, now: Timestamp) -> Result<CallId, Problem> {
        let refused = || Problem::new(Kind::Unauthenticated, "the link is not one of ours, or is too old");
        let (said, seal) = ticket.split_once('.').filter(|_| ticket.len() <= TICKET_CHARS).ok_or_else(refused)?;
        let said =
            URL_SAFE_NO_PAD.decode(said).ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(refused)?;
        let seal = URL_SAFE_NO_PAD.decode(seal).map_err(|_| refused())?;
        self.mac(&said)?.verify_slice(&seal).map_err(|_| refused())?;
        match said.split_once(' ') {
            Some((until, call)) if until.parse().is_ok_and(|until: i64| now.as_second() < until) => {
                Ok(CallId::new(call))
            }
            _ => Err(refused()),
        }
    }

    fn mac(&self, said: &str) -> Result<Hmac<Sha256>, Problem> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).map_err(Problem::internal)?;
        mac.update(said.as_bytes());
        Ok(mac)
    }
}

/// Where to listen.
#[derive(Debug, Serialize, ToSchema)]
pub struct ListenDto {
    /// Without a token; honours byte ranges.
    pub url: String,
    pub expires_at: String,
}

/// A link to the recording, for a player
///
/// The link needs no token, opens this one recording and lasts two hours at most.
#[utoipa::path(post, path = "/calls/{id}/listen", tag = "recordings", params(("id" = String, Path)),
    responses((status = 201, body = ListenDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn post(
    State(state): State<AppState>,
    Path(id): Path<String>,
) -> Result<(StatusCode, axum::Json<ListenDto>), Problem> {
    let call = CallId::new(id);
    recording::finished(&state, call.clone()).await?;
    let until = state.clock.now() + VALID;
    let url = format!("/api/v1/listen/{}", state.tickets.issue(&call, until)?);
    Ok((StatusCode::CREATED, axum::Json(ListenDto { url, expires_at: show_instant(until, &state.zone) })))
}

/// The recording that a link opens
#[utoipa::path(get, path = "/api/v1/listen/{ticket}", tag = "recordings", security(()),
    params(("ticket" = String, Path), ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST`")),
    responses((status = 200, description = "The whole file", body = Vec<u8>, content_type = "audio/wav"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "audio/wav"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Path(ticket): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let call = state.tickets.read(&ticket, state.clock.now())?;
    recording::send(&state, call, None, &headers).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_opens_its_call_until_its_time_and_no_other() {
        let now: Timestamp = "2026-11-22T02:00:00Z".parse().unwrap();
        let tickets = Tickets { key: [7; 32] };
        let ticket = tickets.issue(&CallId::new("call-1"), now + VALID).unwrap();
        let (said, seal) = ticket.split_once('.').unwrap();
        let other = URL_SAFE_NO_PAD.encode(format!("{} call-2", (now + VALID).as_second()));
        let check = |ticket: &str, at: Timestamp, expected: Option<&str>| {
            let call = tickets.read(ticket, at).ok();
            assert_eq!(call.as_ref().map(CallId::as_str), expected, "{ticket}");
        };
        check(&ticket, now, Some("call-1"));
        check(&ticket, now + VALID - SignedDuration::from_secs(1), Some("call-1"));
        check(&ticket, now + VALID, None);
        check(&format!("{other}.{seal}"), now, None);
        check(said, now, None);
        check(&format!("{said}."), now, None);
        check("", now, None);
        check(&format!("{ticket}{}", "A".repeat(400)), now, None);
        assert!(Tickets { key: [8; 32] }.read(&ticket, now).is_err(), "another process");
    }
}
