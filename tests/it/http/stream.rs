//! Server-sent events: news as it happens, and what a slow or returning reader is told.

use super::site::{Site, problem};
use futures::{Stream, StreamExt};
use huifang::domain::id::{CallId, InboxId, OrderNo, VisitId};
use huifang::engine::events::{EngineEvent, EventBus};
use huifang::store::token::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::pin::Pin;
use std::time::Duration;

/// One event as a browser sees it.
#[derive(Debug, Default, PartialEq)]
struct News {
    id: String,
    name: String,
    data: Value,
}

struct Reader {
    body: Pin<Box<dyn Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>,
    lines: VecDeque<String>,
    rest: String,
}

impl Reader {
    async fn open(site: &Site, last_seen: Option<&str>) -> Self {
        let mut request = site.request_as(Role::Agent, Method::GET, "/events");
        if let Some(seen) = last_seen {
            request = request.header("Last-Event-ID", seen);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        assert!(answer.headers().get("content-encoding").is_none());
        Self { body: Box::pin(answer.bytes_stream()), lines: VecDeque::new(), rest: String::new() }
    }

    /// `None` once the stream has ended.
    async fn line(&mut self) -> Option<String> {
        while self.lines.is_empty() {
            let bytes = tokio::time::timeout(Duration::from_secs(10), self.body.next()).await.expect("news in time")?;
            self.rest.push_str(std::str::from_utf8(&bytes.unwrap()).unwrap());
            while let Some((line, rest)) = self.rest.split_once('\n') {
                self.lines.push_back(line.to_owned());
                self.rest = rest.to_owned();
            }
        }
        self.lines.pop_front()
    }

    async fn next(&mut self) -> Option<News> {
        let mut news = News::default();
        loop {
            let line = self.line().await?;
            match line.split_once(": ") {
                Some(("id", id)) => news.id = id.into(),
                Some(("event", name)) => news.name = name.into(),
                Some(("data", data)) => news.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !news.name.is_empty() => return Some(news),
                _ => {}
            }
        }
    }
}

fn inbox(n: usize) -> EngineEvent {
    EngineEvent::InboxChanged { inbox: InboxId::new(n.to_string()) }
}

#[tokio::test]
async fn news_arrives_in_order_with_number_name_and_body() {
    let site = Site::start().await;
    let mut reader = Reader::open(&site, None).await;
    let moved =
        EngineEvent::VisitChanged { visit: VisitId::new("v"), order_no: OrderNo::new("FW1"), state: "calling".into() };
    site.events.publish(site.now(), moved);
    site.events.publish(site.now(), EngineEvent::Scored { call: CallId::new("c"), index: None, n_scored: 4 });
    let at = "2026-11-21T20:00:00+08:00";
    let expected = json!({"event": "visit_changed", "visit": "v", "order_no": "FW1", "state": "calling", "at": at});
    assert_eq!(reader.next().await, Some(News { id: "1".into(), name: "visit_changed".into(), data: expected }));
    let expected = json!({"event": "scored", "call": "c", "index": null, "n_scored": 4, "at": at});
    assert_eq!(reader.next().await, Some(News { id: "2".into(), name: "scored".into(), data: expected }));
    site.stop().await;
}

#[tokio::test]
async fn a_slow_reader_is_told_that_it_missed_some_and_goes_on() {
    let site = Site::start_with(|state| state.events = EventBus::with_capacity(4)).await;
    let mut reader = Reader::open(&site, None).await;
    // One thread runs this test: the server cannot read between these.
    for n in 0..10 {
        site.events.publish(site.now(), inbox(n));
    }
    assert_eq!(
        reader.next().await,
        Some(News { id: String::new(), name: "lagged".into(), data: json!({"missed": 6}) })
    );
    assert_eq!(reader.next().await.unwrap().id, "7");
    site.stop().await;
}

#[tokio::test]
async fn a_reader_that_comes_back_is_told_how_many_it_missed() {
    let site = Site::start().await;
    for n in 0..5 {
        site.events.publish(site.now(), inbox(n));
    }
    let mut reader = Reader::open(&site, Some("3")).await;
    assert_eq!(reader.next().await.unwrap().data, json!({"missed": 2}));
    let mut current = Reader::open(&site, Some("5")).await;
    site.events.publish(site.now(), inbox(6));
    assert_eq!(current.next().await.unwrap().id, "6");
    site.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops_and_do_not_hold_it_up() {
    let site = Site::start().await;
    let mut reader = Reader::open(&site, None).await;
    site.stop().await;
    assert_eq!(reader.next().await, None);
}

#[tokio::test]
async fn readers_have_a_limited_number_of_places() {
    let site = Site::start_with(|state| state.event_places = std::sync::Arc::new(tokio::sync::Semaphore::new(1))).await;
    let reader = Reader::open(&site, None).await;
    let refused = site.request(Method::GET, "/events").send().await.unwrap();
    problem(refused, 503, "unavailable", "full").await;
    drop(reader);
    let freed = async {
        while site.request(Method::GET, "/events").send().await.unwrap().status() != StatusCode::OK {
            site.events.publish(site.now(), inbox(0));
        }
    };
    tokio::time::timeout(Duration::from_secs(10), freed).await.expect("a reader that left frees its place");
    site.stop().await;
}
