//! More than one trunk, or one that fails: which of them a call takes, how many at once, and what is known of it.

use super::{NUMBER, phone, reason, rings, talks_to_the_end};
use crate::sip::peer::{Message, Peer};
use crate::support::api::text;
use crate::support::{Station, until, within};
use huifang::config::Config;
use huifang::sip::TrunkHealth;
use jiff::Timestamp;
use serde_json::{Value, json};
use std::net::SocketAddr;

/// The trunks `a` and, behind it, `b`.
fn two(config: &mut Config, b: SocketAddr) {
    config.trunks[0].name = "a".into();
    config.trunks.push(config.trunks[0].clone());
    let second = &mut config.trunks[1];
    (second.name, second.uri, second.priority) = ("b".into(), format!("sip:{b}"), 1);
}

/// Every call of the visit in the order of its attempts, when the last of so many has ended: trunk, outcome, status.
async fn calls(station: &Station, visit: &str, count: usize) -> Vec<(String, String, Value)> {
    let mut calls = until("every call has ended", async || {
        let calls = station.api.calls(visit).await;
        (calls.len() >= count && calls.iter().all(|call| !call["outcome"].is_null())).then_some(calls)
    })
    .await;
    calls.sort_by_key(|call| call["attempt"].as_u64());
    let row = |call: &Value| (text(&call["trunk"]), text(&call["outcome"]), call["sip_status"].clone());
    calls.iter().map(row).collect()
}

fn row(trunk: &str, outcome: &str, status: Option<u16>) -> (String, String, Value) {
    (trunk.into(), outcome.into(), status.map_or(Value::Null, Value::from))
}

async fn refuse(far: &mut Peer, invite: &Message, status: &str, extra: &str) {
    far.reply(invite, status, extra.as_bytes(), b"").await;
    far.expect("ACK").await;
}

#[tokio::test]
async fn a_call_that_its_trunk_refuses_is_made_over_the_next_at_once_and_the_visit_is_done() {
    let (mut a, mut b) = (phone().await, phone().await);
    let station = Station::start_with(a.addr(), |config| two(config, b.addr())).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    rings(&mut a).await.reject(503, "Service Unavailable").await;
    let call = rings(&mut b).await;
    assert_eq!(call.dialled(), NUMBER);
    call.ring().await;
    talks_to_the_end(&mut call.answer().await.unwrap()).await;
    let expected = [row("a", "trunk_failure", Some(503)), row("b", "answered", Some(200))];
    assert_eq!(calls(&station, &visit, 2).await, expected);
    let after = station.api.visit(&visit).await;
    assert_eq!((text(&after["state"]["name"]), &after["attempts"]), ("completed".into(), &2.into()), "{after}");
    // Its failure is remembered: the next customer is called over the other at once.
    let other = station.api.report("FL-2", "13900001111").await;
    rings(&mut b).await.reject(404, "Not Found").await;
    assert_eq!(calls(&station, &other, 1).await, [row("b", "invalid_number", Some(404))]);
    station.finish().await;
}

#[tokio::test]
async fn a_trunk_that_cannot_be_connected_to_gives_its_call_to_the_next() {
    let mut b = phone().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let station = Station::start_with(closed, |config| {
        two(config, b.addr());
        config.trunks[0].uri.push_str(";transport=tcp");
    })
    .await;
    let visit = station.api.report("FL-1", NUMBER).await;
    rings(&mut b).await.reject(486, "Busy Here").await;
    let expected = [row("a", "trunk_failure", None), row("b", "busy", Some(486))];
    assert_eq!(calls(&station, &visit, 2).await, expected);
    let after = station.api.visit(&visit).await;
    assert_eq!((reason(&after), text(&after["state"]["reason"]["rule"])), ("retry_spacing".into(), "busy".into()));
    station.finish().await;
}

#[tokio::test]
async fn a_trunk_that_is_silent_gives_its_call_to_the_next_when_its_time_is_over() {
    let (a, mut b) = (Peer::udp().await, phone().await);
    let station = Station::start_with(a.address(), |config| {
        two(config, b.addr());
        config.trunks[0].no_reply_s = 2;
    })
    .await;
    let visit = station.api.report("FL-1", NUMBER).await;
    rings(&mut b).await.reject(486, "Busy Here").await;
    let expected = [row("a", "trunk_failure", None), row("b", "busy", Some(486))];
    assert_eq!(calls(&station, &visit, 2).await, expected);
    assert_eq!(station.app().engine.trunks()[0].health, TrunkHealth::Suspect);
    station.finish().await;
}

#[tokio::test]
async fn when_every_trunk_fails_the_visit_keeps_its_attempts_and_why_names_them_all() {
    let (mut a, mut b) = (Peer::udp().await, Peer::udp().await);
    let station = Station::start_with(a.address(), |config| two(config, b.address())).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    for far in [&mut a, &mut b] {
        let invite = far.expect("INVITE").await;
        refuse(far, &invite, "503 Service Unavailable", "Retry-After: 600\r\n").await;
    }
    let expected = [row("a", "trunk_failure", Some(503)), row("b", "trunk_failure", Some(503))];
    assert_eq!(calls(&station, &visit, 2).await, expected);
    let after = until("the visit waits", async || {
        let visit = station.api.visit(&visit).await;
        (visit["state"]["name"] == "waiting").then_some(visit)
    })
    .await;
    assert_eq!(text(&after["state"]["reason"]["rule"]), "trunk_failure", "{after}");
    let why = text(&station.api.why(&visit).await["text"]);
    for words in
        ["第2次呼叫线路故障，间隔 1 分钟", "目前线路不可用", "a：线路忙（503），要求", "b：线路忙（503），要求"]
    {
        assert!(why.contains(words), "{words} is not in {why}");
    }
    // A visit that has never been called is told the same, and no INVITE leaves.
    let other = station.api.report("FL-2", "13900001111").await;
    let why = until("the planner knows", async || {
        let why = station.api.why(&other).await;
        (why["code"] == "trunk_down").then_some(why)
    })
    .await;
    assert!(text(&why["text"]).contains("b：线路忙（503）") && !why["until"].is_null(), "{why}");
    assert!(station.api.calls(&other).await.is_empty());
    station.finish().await;
}

#[tokio::test]
async fn a_trunk_that_stops_answering_options_is_not_used_and_dialling_goes_on_when_it_answers_again() {
    let mut far = Peer::udp().await;
    let station = Station::start_with(far.address(), |config| config.trunks[0].options_interval_s = 1).await;
    let health = || station.app().engine.trunks()[0].health;
    let options = far.expect("OPTIONS").await;
    // Many carriers know no OPTIONS; they live all the same.
    far.reply(&options, "404 Not Found", b"", b"").await;
    until("the trunk is given up", async || (health() == TrunkHealth::Down).then_some(())).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let why = until("the planner knows", async || {
        let why = station.api.why(&visit).await;
        (why["code"] == "trunk_down").then_some(why)
    })
    .await;
    assert!(text(&why["text"]).contains("线路不通：OPTIONS 没有应答"), "{why}");
    assert!(station.api.calls(&visit).await.is_empty());
    let shown = station.api.get("trunks").await["items"][0].clone();
    assert_eq!((&shown["name"], &shown["health"], &shown["usable"]), (&json!("line"), &json!("down"), &json!(false)));
    assert!(text(&shown["reason"]).contains("OPTIONS 没有应答") && shown["retry_after"].is_string(), "{shown}");
    // The planner itself would look again in a minute.
    let back = async {
        loop {
            let message = far.next().await.expect("a message");
            match message.kind() {
                "OPTIONS" => far.reply(&message, "200 OK", b"", b"").await,
                _ => break message,
            }
        }
    };
    let invite = within("the visit is called as soon as the trunk is back", back).await;
    assert_eq!((invite.kind(), health()), ("INVITE", TrunkHealth::Up));
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    assert_eq!(calls(&station, &visit, 1).await, [row("line", "busy", Some(486))]);
    station.finish().await;
}

#[tokio::test]
async fn metrics_say_which_trunk_is_up_what_is_late_and_what_was_lost() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.trunks[0].name = "metered".into()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    rings(&mut phone).await.reject(486, "Busy Here").await;
    station.api.ended_call(&visit).await;
    let metrics = format!("http://{}/metrics", station.app().http);
    until("every figure is there", async || {
        let text = reqwest::get(&metrics).await.unwrap().text().await.unwrap();
        let trunk = ["huifang_trunk_up{trunk=\"metered\"} 1", "huifang_trunk_calls_up{trunk=\"metered\"}"];
        let site = ["huifang_visits_late ", "huifang_calls_up ", "huifang_rtp_packets_lost_total "];
        trunk.iter().chain(&site).all(|line| text.contains(line)).then_some(())
    })
    .await;
    station.finish().await;
}

#[tokio::test]
async fn one_visit_shows_one_number_on_every_attempt_and_every_trunk_that_may_show_it() {
    let (mut a, mut b) = (phone().await, phone().await);
    let station = Station::start_with(a.addr(), |config| {
        config.trunks[0].caller_ids = (1..=5).map(|n| format!("400000000{n}")).collect();
        two(config, b.addr());
        // The order must not matter.
        config.trunks[1].caller_ids.reverse();
    })
    .await;
    let shown = |header: String| header.split("sip:").nth(1).unwrap().split('@').next().unwrap().to_owned();
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = rings(&mut a).await;
    let number = shown(call.header("From"));
    assert!(number.starts_with("400000000"), "{number}");
    call.reject(486, "Busy Here").await;
    calls(&station, &visit, 1).await;
    for round in 0..2 {
        until("the visit may be dialled by hand", async || {
            let status = station.api.post(&format!("visits/{visit}/dial"), &Value::Null).await.status();
            status.is_success().then_some(())
        })
        .await;
        // The first goes over the trunk that fails and then the other; the second over the other at once.
        if round == 0 {
            let call = rings(&mut a).await;
            assert_eq!(shown(call.header("From")), number);
            call.reject(503, "Service Unavailable").await;
        }
        let call = rings(&mut b).await;
        assert_eq!(shown(call.header("From")), number, "round {round}");
        call.reject(486, "Busy Here").await;
        calls(&station, &visit, 3 + round).await;
    }
    station.finish().await;
}

async fn report_many(station: &Station, count: usize) -> Vec<String> {
    let mut visits = vec![];
    for n in 0..count {
        visits.push(station.api.report(&format!("FL-{n}"), &format!("1380000{n:04}")).await);
    }
    visits
}

#[tokio::test]
async fn a_burst_of_visits_leaves_no_faster_than_the_carrier_allows() {
    const PER_SECOND: usize = 3;
    const VISITS: usize = 10;
    let mut phone = phone().await;
    let station =
        Station::start_with(phone.addr(), |config| config.trunks[0].max_calls_per_second = PER_SECOND as f64).await;
    let visits = report_many(&station, VISITS).await;
    let mut left: Vec<Timestamp> = vec![];
    for _ in 0..VISITS {
        rings(&mut phone).await.reject(404, "Not Found").await;
    }
    for visit in &visits {
        assert_eq!(calls(&station, visit, 1).await, [row("line", "invalid_number", Some(404))]);
        left.push(text(&station.api.calls(visit).await[0]["invited_at"]).parse().unwrap());
    }
    // As the engine's socket saw them leave; between its turn and the socket a busy machine may hold one up, and not the next.
    left.sort();
    for window in left.windows(PER_SECOND + 1) {
        let span = window[PER_SECOND].duration_since(window[0]);
        assert!(span.as_secs_f64() >= 0.7, "{} INVITEs within {span:?}", PER_SECOND + 1);
    }
    station.finish().await;
}

#[tokio::test]
async fn no_more_calls_are_up_than_the_trunk_takes_and_every_end_gives_its_place_back() {
    const PLACES: usize = 2;
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.trunks[0].max_calls = PLACES as u32).await;
    report_many(&station, 6).await;
    let mut up = vec![rings(&mut phone).await, rings(&mut phone).await];
    let ends: [(u16, &str); 4] = [(404, "Not Found"), (603, "Decline"), (486, "Busy Here"), (500, "Oops")];
    for (status, phrase) in ends {
        assert_eq!(station.app().engine.trunks()[0].calls_up, PLACES as u32);
        assert!(!super::has_rung(&mut phone), "a call too many");
        up.remove(0).reject(status, phrase).await;
        up.push(rings(&mut phone).await);
    }
    for call in up {
        let mut call = call.answer().await.unwrap();
        call.next_frame().await;
        call.hang_up().await;
    }
    station.finish().await;
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_and_then_no_customer_s_call_is_spent_on_it() {
    let mut far = Peer::udp().await;
    let station = Station::start_with(far.address(), |config| {
        config.trunks[0].username = Some("agent".into());
        config.trunks[0].password = Some("wrong".into());
    })
    .await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    for _ in 0..2 {
        let invite = far.expect("INVITE").await;
        refuse(&mut far, &invite, "401 Unauthorized", challenge).await;
    }
    assert_eq!(calls(&station, &visit, 1).await, [row("line", "auth_failed", Some(401))]);
    let other = station.api.report("FL-2", "13900001111").await;
    let why = until("the planner knows", async || {
        let why = station.api.why(&other).await;
        (why["code"] == "trunk_down").then_some(why)
    })
    .await;
    assert!(text(&why["text"]).contains("用户名或密码被拒绝"), "{why}");
    assert!(station.api.calls(&other).await.is_empty());
    assert!(futures::FutureExt::now_or_never(far.next()).is_none(), "another INVITE with the wrong password");
    station.finish().await;
}
