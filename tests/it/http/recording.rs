//! Recordings: whole, in part, and when they are not there.

use super::site::{Site, claimed, json, problem};
use huifang::domain::recording::manifest::{RecordingInfo, RecordingState, TrackInfo, TrackName};
use huifang::store::token::Role;
use reqwest::header::HeaderMap;
use reqwest::{Method, Response, StatusCode};
use serde_json::json;

const LEN: usize = 200_000;

/// No two neighbouring ranges look alike.
fn audio() -> Vec<u8> {
    (0..LEN as u32).flat_map(|n| (n.wrapping_mul(2_654_435_761) >> 16).to_le_bytes()).take(LEN).collect()
}

async fn fetch(site: &Site, method: Method, path: &str, headers: &[(&str, &str)]) -> Response {
    let request = site.request_as(Role::Reviewer, method, path);
    headers.iter().fold(request, |request, (name, value)| request.header(*name, *value)).send().await.unwrap()
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_recording_is_served_whole_and_in_any_single_range() {
    let site = Site::start().await;
    let audio = audio();
    let call = site.with_call("FW1", &audio).await;
    let path = format!("/calls/{}/recording", call.id);
    let etag = format!("\"{}\"", "a".repeat(64));

    let whole = fetch(&site, Method::GET, &path, &[("accept-encoding", "gzip")]).await;
    assert_eq!(whole.status(), StatusCode::OK);
    for (name, value) in [
        ("content-type", "audio/wav"),
        ("accept-ranges", "bytes"),
        ("content-length", "200000"),
        ("etag", &etag),
        ("cache-control", "private, no-cache"),
        ("content-disposition", &format!("inline; filename=\"{}.wav\"", call.id)),
    ] {
        assert_eq!(text(whole.headers(), name), Some(value), "{name}");
    }
    assert_eq!(text(whole.headers(), "content-encoding"), None, "audio is not compressed: ranges would not fit");
    assert_eq!(whole.bytes().await.unwrap(), audio);

    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-43", 0, 43),
        ("bytes=65530-65545", 65530, 65545),
        ("bytes=65536-", 65536, LEN - 1),
        ("bytes=199999-", LEN - 1, LEN - 1),
        ("bytes=100-9999999", 100, LEN - 1),
        ("bytes=-1", LEN - 1, LEN - 1),
        ("bytes=-9999999", 0, LEN - 1),
    ] {
        let part = fetch(&site, Method::GET, &path, &[("range", range)]).await;
        assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT, "{range}");
        let sent = format!("bytes {first}-{last}/{LEN}");
        assert_eq!(text(part.headers(), "content-range"), Some(sent.as_str()), "{range}");
        assert_eq!(text(part.headers(), "content-length"), Some((last - first + 1).to_string().as_str()), "{range}");
        assert_eq!(part.bytes().await.unwrap(), audio[first..=last], "{range}");
    }
    for range in ["bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "bytes=x"] {
        let answer = fetch(&site, Method::GET, &path, &[("range", range)]).await;
        assert_eq!((answer.status(), answer.content_length()), (StatusCode::OK, Some(LEN as u64)), "{range}");
    }
    for range in ["bytes=200000-", "bytes=-0", "bytes=300000-400000"] {
        let answer = fetch(&site, Method::GET, &path, &[("range", range)]).await;
        assert_eq!(text(answer.headers(), "content-range"), Some("bytes */200000"), "{range}");
        problem(answer, 416, "range-not-satisfiable", range).await;
    }
    site.stop().await;
}

#[tokio::test]
async fn head_and_conditional_requests_spare_the_body() {
    let site = Site::start().await;
    let call = site.with_call("FW1", &audio()).await;
    let path = format!("/calls/{}/recording", call.id);
    let etag = format!("\"{}\"", "a".repeat(64));

    let head = fetch(&site, Method::HEAD, &path, &[]).await;
    assert_eq!((head.status(), text(head.headers(), "content-length")), (StatusCode::OK, Some("200000")));
    assert_eq!(head.bytes().await.unwrap().len(), 0);

    let same = fetch(&site, Method::GET, &path, &[("if-none-match", &etag)]).await;
    assert_eq!((same.status(), text(same.headers(), "etag")), (StatusCode::NOT_MODIFIED, Some(etag.as_str())));
    let other = fetch(&site, Method::GET, &path, &[("if-none-match", "\"b\"")]).await;
    assert_eq!(other.status(), StatusCode::OK);

    let resumed = fetch(&site, Method::GET, &path, &[("range", "bytes=9-"), ("if-range", &etag)]).await;
    assert_eq!(resumed.status(), StatusCode::PARTIAL_CONTENT);
    let changed = fetch(&site, Method::GET, &path, &[("range", "bytes=9-"), ("if-range", "\"b\"")]).await;
    assert_eq!(changed.status(), StatusCode::OK, "another file: the whole, not a part of it");
    site.stop().await;
}

#[tokio::test]
async fn a_recording_that_cannot_be_heard_says_why() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"x").await;
    let info = call.recording.clone().unwrap();
    let set = async |change: RecordingInfo| site.store.put_recording(&change).await.unwrap();
    for (state, status, kind) in [
        (RecordingState::Open, 409, "conflict"),
        (RecordingState::Pruned, 410, "gone"),
        (RecordingState::Missing, 404, "not-found"),
    ] {
        set(RecordingInfo { state, ..info.clone() }).await;
        for path in ["recording", "peaks"] {
            let answer = fetch(&site, Method::GET, &format!("/calls/{}/{path}", call.id), &[]).await;
            problem(answer, status, kind, &format!("{state:?} {path}")).await;
        }
    }
    set(RecordingInfo { file: "2026/11/gone.wav".into(), ..info.clone() }).await;
    for path in ["recording", "peaks"] {
        let answer = fetch(&site, Method::GET, &format!("/calls/{}/{path}", call.id), &[]).await;
        problem(answer, 404, "not-found", "no file").await;
    }
    set(RecordingInfo { file: "../huifang.db".into(), ..info }).await;
    let answer = fetch(&site, Method::GET, &format!("/calls/{}/recording", call.id), &[]).await;
    problem(answer, 500, "internal", "a path out of the folder").await;
    site.stop().await;
}

#[tokio::test]
async fn a_track_is_named_with_its_recording_and_sent_alone_in_whole_or_in_part() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"stereo").await;
    let path = format!("/calls/{}/recording?track=supervisor", call.id);
    problem(fetch(&site, Method::GET, &path, &[]).await, 404, "not-found", "nobody supervised").await;

    let info = call.recording.clone().unwrap();
    let file = info.file.replace(".wav", ".supervisor.wav");
    std::fs::write(site.folder.path().join("recordings").join(&file), b"mono").unwrap();
    let track = TrackInfo { name: TrackName::Supervisor, file, seconds: 65.0, sha256: "b".repeat(64) };
    site.store.put_recording(&RecordingInfo { tracks: vec![track], ..info }).await.unwrap();
    let shown =
        json(fetch(&site, Method::GET, &format!("/calls/{}", call.id), &[]).await, StatusCode::OK, "call").await;
    let shown = &shown["recording"]["tracks"][0];
    assert_eq!((&shown["name"], &shown["seconds"]), (&"supervisor".into(), &65.0.into()));
    assert_eq!(shown["url"], format!("/api/v1{path}"));

    let whole = fetch(&site, Method::GET, &path, &[]).await;
    assert_eq!(text(whole.headers(), "etag").unwrap(), format!("\"{}\"", "b".repeat(64)));
    assert!(text(whole.headers(), "content-disposition").unwrap().contains(".supervisor.wav"));
    assert_eq!(whole.bytes().await.unwrap(), "mono");
    let part = fetch(&site, Method::GET, &path, &[("range", "bytes=1-2")]).await;
    assert_eq!((part.status(), part.bytes().await.unwrap()), (StatusCode::PARTIAL_CONTENT, "on".into()));
    let unknown = fetch(&site, Method::GET, &format!("/calls/{}/recording?track=boss", call.id), &[]).await;
    problem(unknown, 422, "invalid", "no such track").await;
    site.stop().await;
}

#[tokio::test]
async fn a_call_that_was_never_recorded_has_no_recording() {
    let site = Site::start().await;
    let visit = crate::support::data::visit("v", "FW1", site.now());
    let phone = huifang::domain::phone::Phone::parse("13812345678").unwrap();
    site.store.put_order(&super::site::order("FW1", &phone)).await.unwrap();
    site.store.insert_visit(&visit).await.unwrap();
    site.store.claim_visit(&visit, &claimed("c", &visit, site.now())).await.unwrap().unwrap();
    problem(fetch(&site, Method::GET, "/calls/c/recording", &[]).await, 404, "not-found", "none").await;
    site.stop().await;
}

#[tokio::test]
async fn peaks_have_as_many_points_as_asked_for_within_limits() {
    let site = Site::start().await;
    let call = site.with_call("FW1", b"x").await;
    let path = format!("/calls/{}/peaks", call.id);
    let shown = site.get(&format!("{path}?points=3")).await;
    assert_eq!(shown["channels"], json!([[[-1, 1], [-1, 1], [-1, 1]], [[-1, 1], [-1, 1], [-1, 1]]]));
    assert_eq!(shown["seconds"], 65.0);
    let usual = json(fetch(&site, Method::GET, &path, &[]).await, StatusCode::OK, "usual").await;
    assert_eq!(usual["channels"][0].as_array().unwrap().len(), 1000);
    for points in ["0", "20001"] {
        let answer = fetch(&site, Method::GET, &format!("{path}?points={points}"), &[]).await;
        problem(answer, 422, "invalid", points).await;
    }
    site.stop().await;
}
