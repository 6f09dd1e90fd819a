//! `GET /events`: the engine's news as server-sent events.
//!
//! Each event has a number (`id`), a name (`event`) and a JSON body. A comment every 15 s keeps the line open. A reader that is too
//! slow, or that comes back after it missed some (`Last-Event-ID`), gets an event `lagged` and should read the resources again.
//! The engine never waits for a reader. The stream ends when the server stops.

use super::AppState;
use super::problem::{Kind, Problem};
use crate::engine::events::Stamped;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt, stream};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_stream::wrappers::BroadcastStream;
use tokio_stream::wrappers::errors::BroadcastStreamRecvError;

const HEARTBEAT: Duration = Duration::from_secs(15);
/// Readers at once.
const READERS_MAX: usize = 256;

/// Places for readers.
pub fn places() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(READERS_MAX))
}

/// News of the engine as server-sent events
///
/// Names: `visit_changed`, `seat_changed`, `call_changed`, `transcript_progress`, `scored`, `finding`, `inbox_changed`, `promise_changed`, `promise_overdue`, and `lagged` when some were missed.
#[utoipa::path(get, path = "/events", tag = "events",
    params(("Last-Event-ID" = Option<String>, Header, description = "Number of the last event seen")),
    responses((status = 200, description = "The stream", body = String, content_type = "text/event-stream"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let place = state
        .event_places
        .clone()
        .try_acquire_owned()
        .map_err(|_| Problem::new(Kind::Unavailable, format!("{READERS_MAX} readers are connected already")))?;
    let news = BroadcastStream::new(state.events.subscribe());
    let missed = missed_before(&headers, state.events.last_number());
    let zone = state.zone.clone();
    let body = stream::iter(missed.map(lagged))
        .chain(news.map(move |item| match item {
            Ok(stamped) => show(&stamped, &zone),
            Err(BroadcastStreamRecvError::Lagged(missed)) => lagged(missed),
        }))
        .take_until(state.stopping.clone().cancelled_owned())
        .map(move |event| {
            // The place is held as long as the stream lives.
            let _held = &place;
            Ok(event)
        });
    Ok(Sse::new(body).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("heartbeat")))
}

/// How many events a returning reader missed; a number from before a restart counts as all.
fn missed_before(headers: &HeaderMap, last: u64) -> Option<u64> {
    let seen: u64 = headers.get("last-event-id")?.to_str().ok()?.trim().parse().ok()?;
    let missed = if seen > last { last } else { last - seen };
    (seen != last).then_some(missed)
}

fn show(stamped: &Stamped, zone: &jiff::tz::TimeZone) -> Event {
    let mut body = serde_json::to_value(&stamped.event).unwrap_or_default();
    if let Some(fields) = body.as_object_mut() {
        fields.insert("at".into(), super::view::show_instant(stamped.at, zone).into());
    }
    Event::default().id(stamped.number.to_string()).event(stamped.event.name()).data(body.to_string())
}

fn lagged(missed: u64) -> Event {
    Event::default().event("lagged").data(serde_json::json!({ "missed": missed }).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_returning_reader_is_told_how_many_events_it_missed() {
        let check = |seen: Option<&str>, last: u64, expected: Option<u64>| {
            let headers: HeaderMap = seen
                .map(|s| (axum::http::HeaderName::from_static("last-event-id"), s.parse().unwrap()))
                .into_iter()
                .collect();
            assert_eq!(missed_before(&headers, last), expected, "{seen:?} of {last}");
        };
        check(None, 7, None);
        check(Some("7"), 7, None);
        check(Some("4"), 7, Some(3));
        // The server was started again since: its numbers are new.
        check(Some("900"), 7, Some(7));
        check(Some("nonsense"), 7, None);
    }
}
