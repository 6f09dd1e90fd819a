//! The record of a call: instants, reasons, journal and SIP trace against what was on the wire; one row for every INVITE.

use super::NUMBER;
use crate::sip::peer::{Message, Peer};
use crate::support::api::{Api, instant, text};
use crate::support::far::Far;
use crate::support::{Station, config, data, until};
use huifang::clock::{Clock, ManualClock, SystemClock, monotonic};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::call::{Call, Instants};
use huifang::domain::id::{CallId, OrderNo};
use huifang::domain::order::{Claims, Customer, Order, ServiceType};
use huifang::domain::phone::Phone;
use huifang::domain::visit::task::{CallResult, Visit, after_call};
use huifang::engine::recovery::recover_calls;
use huifang::engine::site::Site;
use huifang::store::page::PageRequest;
use huifang::store::{Store, StoreError};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

async fn sip_trace(api: &Api, call: &Value) -> Value {
    api.get(&format!("calls/{}/sip", text(&call["id"]))).await
}

/// `> INVITE`, `< 180 Ringing`: what went which way, in order.
fn arrows(trace: &Value) -> Vec<String> {
    let arrow = |m: &Value| if m["way"] == "sent" { ">" } else { "<" };
    trace["messages"].as_array().unwrap().iter().map(|m| format!("{} {}", arrow(m), text(&m["label"]))).collect()
}

fn sdp(port: u16, direction: &str) -> String {
    format!(
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\na={direction}\r\n"
    )
}

/// A re-INVITE of the far end that must be accepted.
async fn reinvite(far: &mut Far, invite: &Message, cseq: u32, direction: &str) {
    let head = format!("Contact: <{}>\r\nContent-Type: application/sdp\r\n", far.sip.contact());
    far.sip.request(invite, "INVITE", cseq, &head, &sdp(40_000, direction)).await;
    while far.sip.next().await.expect("the re-INVITE is answered").kind() != "200" {}
    far.sip.request(invite, "ACK", cseq, "", "").await;
}

#[tokio::test]
async fn instants_reason_journal_and_trace_of_a_call_are_those_of_the_wire() {
    let mut far = Far::bind().await;
    let station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let call = far.answer().await;
    far.speak(&call, &[0; 8_000]);
    until("the greeting is heard", async || far.first_sound()).await;
    reinvite(&mut far, &call.invite, 1, "sendonly").await;
    let held = monotonic();
    until("the hold has lasted", async || (held.elapsed() >= Duration::from_millis(500)).then_some(())).await;
    reinvite(&mut far, &call.invite, 2, "sendrecv").await;
    far.sip
        .request(&call.invite, "INFO", 3, "Content-Type: application/dtmf-relay\r\n", "Signal=5\r\nDuration=160\r\n")
        .await;
    far.sip.expect("200").await;
    let reason = "Q.850;cause=16;text=\"Normal call clearing\"";
    far.sip.request(&call.invite, "BYE", 4, &format!("Reason: {reason}\r\n"), "").await;
    far.sip.expect("200").await;

    let row = station.api.ended_call(&visit).await;
    let order =
        ["claimed_at", "invited_at", "trying_at", "ringing_at", "answered_at", "acked_at", "bye_at", "ended_at"];
    let times: Vec<_> = order.iter().map(|name| (*name, instant(&row[*name]))).collect();
    assert!(times.is_sorted_by_key(|(_, at)| *at), "{times:?}");
    for first in ["first_rtp_in_at", "first_rtp_out_at"] {
        let at = instant(&row[first]);
        assert!(instant(&row["answered_at"]) <= at && at <= instant(&row["bye_at"]), "{first}: {row}");
    }
    assert!(row["early_media_at"].is_null(), "{row}");
    assert_eq!((text(&row["sip_reason"]), text(&row["hung_up_by"])), (reason.into(), "customer".into()));

    let report = station.api.report_of(&row).await;
    let journal = report["journal"].as_array().unwrap();
    assert!(journal.is_sorted_by_key(|entry| entry["at_s"].as_f64()), "{journal:?}");
    let line: Vec<_> = journal.iter().filter(|entry| entry["event"] == "line").collect();
    let changes: Vec<_> = line.iter().map(|entry| text(&entry["change"])).collect();
    assert_eq!(changes, ["held", "resumed", "key_by_info"], "{line:?}");
    let held = row["recording"]["gaps"].as_array().unwrap().iter().find(|gap| gap["reason"] == "hold").unwrap();
    let shift = row["recording"]["answered_at_s"].as_f64().unwrap();
    for (entry, edge) in [(line[0], &held["from_s"]), (line[1], &held["to_s"])] {
        let apart = entry["at_s"].as_f64().unwrap() + shift - edge.as_f64().unwrap();
        assert!(apart.abs() <= 1.0, "{entry} and {held}");
    }

    let trace = sip_trace(&station.api, &row).await;
    let seen: Vec<_> = arrows(&trace).into_iter().filter(|arrow| arrow != "> 100 Trying").collect();
    assert_eq!(
        seen,
        [
            "> INVITE",
            "< 180 Ringing",
            "< 200 OK",
            "> ACK",
            "< INVITE",
            "> 200 OK",
            "< ACK",
            "< INVITE",
            "> 200 OK",
            "< ACK",
            "< INFO",
            "> 200 OK",
            "< BYE",
            "> 200 OK",
        ]
    );
    assert_eq!(text(&trace["messages"][0]["text"]), call.invite.text, "as it was on the wire");
    assert_eq!(text(&trace["messages"][0]["peer"]), far.address().to_string());
    let ladder = station.api.request(Method::GET, &format!("calls/{}/sip/ladder.txt", text(&row["id"])));
    let ladder = ladder.send().await.unwrap().text().await.unwrap();
    for mark in ["recorder open", "first RTP sent", "first RTP received", "对方保持通话", "recording ends"] {
        assert!(ladder.contains(&format!("* {mark}")), "{mark}: {ladder}");
    }
    // Stamped at different places, shown in the order of cause.
    let place = |part: &str| ladder.find(part).unwrap_or_else(|| panic!("{part}: {ladder}"));
    for (cause, effect) in [
        ("recorder open", "- INVITE -"),
        ("- 200 OK -", "recording begins"),
        ("<------------------ INVITE", "对方保持通话"),
        ("- INFO -", "按键 5"),
    ] {
        assert!(place(cause) < place(effect), "{cause} before {effect}: {ladder}");
    }
    station.finish().await;
}

#[tokio::test]
async fn the_answer_to_our_last_bye_is_in_the_trace_though_the_engine_stops() {
    let mut far = Far::bind().await;
    let mut station = Station::start(far.address()).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    far.answer().await;
    until("the greeting is heard", async || far.first_sound()).await;
    let goodbye = async {
        let bye = far.sip.expect("BYE").await;
        // Long enough for an engine that does not wait to be gone.
        let came = monotonic();
        until("the far end takes its time", async || (came.elapsed() >= Duration::from_millis(400)).then_some(()))
            .await;
        far.sip.reply(&bye, "200 OK", b"", b"").await;
    };
    tokio::join!(goodbye, station.restart());
    let row = station.api.ended_call(&visit).await;
    assert!(instant(&row["bye_at"]) <= instant(&row["ended_at"]), "{row}");
    assert!(row["sip_reason"].is_null(), "our own BYE is no word of the far end: {row}");
    let seen = arrows(&sip_trace(&station.api, &row).await);
    assert_eq!(seen[seen.len() - 2..], ["> BYE", "< 200 OK"], "{seen:?}");
    station.finish().await;
}

#[tokio::test]
async fn a_bye_that_is_answered_late_ends_the_call_at_once_and_the_trace_when_the_answer_comes() {
    let mut far = Far::bind().await;
    let station = Station::start_with(far.address(), |config| config.media.rtp_timeout_s = 1).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    far.answer().await;
    let bye = far.sip.expect("BYE").await;
    let row = station.api.ended_call(&visit).await;
    let before = arrows(&sip_trace(&station.api, &row).await);
    assert_eq!(before.iter().position(|arrow| arrow == "> BYE"), Some(4), "{before:?}");
    far.sip.reply(&bye, "200 OK", b"", b"").await;
    until("the late answer is in the trace", async || {
        let after = arrows(&sip_trace(&station.api, &row).await);
        (after.last().unwrap() == "< 200 OK").then_some(())
    })
    .await;
    station.finish().await;
}

/// Every INVITE that comes to the far end, repetitions included, until one has this status as its answer.
async fn refuse(far: &mut Peer, seen: &mut Vec<Message>, status: &str, extra: &str) {
    let invite = far.next().await.expect("an INVITE");
    assert_eq!(invite.kind(), "INVITE", "{}", invite.text);
    seen.push(invite.clone());
    far.reply(&invite, status, extra.as_bytes(), b"").await;
    let ack = far.expect("ACK").await;
    assert_eq!(ack.header("Call-ID"), invite.header("Call-ID"));
}

#[tokio::test]
async fn every_invite_on_the_wire_belongs_to_exactly_one_row_with_one_outcome() {
    let mut far = Peer::udp().await;
    let station = Station::start_with(far.address(), |config| {
        config.trunks[0].username = Some("u".into());
        config.trunks[0].password = Some("secret".into());
    })
    .await;
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n1\", algorithm=MD5\r\n";
    let mut seen = vec![];
    let mut rows = vec![];
    // A plain refusal; a challenge that is answered and then refused; a silence that repeats the INVITE, then a refusal.
    for (order, number, challenged, silent) in [
        ("FL-1", "13900000001", false, false),
        ("FL-2", "13900000002", true, false),
        ("FL-3", "13900000003", false, true),
    ] {
        let visit = station.api.report(order, number).await;
        if challenged {
            refuse(&mut far, &mut seen, "401 Unauthorized", challenge).await;
        }
        if silent {
            seen.push(far.next().await.expect("an INVITE"));
        }
        let busy = "Reason: Q.850;cause=17;text=\"User busy\"\r\nWarning: 399 far \"try later\"\r\n";
        refuse(&mut far, &mut seen, "486 Busy Here", busy).await;
        let row = station.api.ended_call(&visit).await;
        assert_eq!((text(&row["outcome"]), &row["sip_status"]), ("busy".into(), &json!(486)), "{row}");
        let reason = "Q.850;cause=17;text=\"User busy\"; Warning: 399 far \"try later\"";
        assert_eq!(text(&row["sip_reason"]), reason);
        assert!(["trying_at", "acked_at", "bye_at"].iter().all(|at| row[at].is_null()), "{row}");
        rows.push(row);
    }

    let mut on_the_wire: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for invite in &seen {
        on_the_wire.entry(invite.header("Call-ID").into()).or_default().push(&invite.text);
    }
    assert_eq!(on_the_wire.len(), rows.len(), "one Call-ID for one row");
    let secret =
        seen.iter().find_map(|i| Some(i.text.split_once("response=\"")?.1.split('"').next()?.to_owned())).unwrap();
    let mut recorded = BTreeSet::new();
    for row in &rows {
        let trace = sip_trace(&station.api, row).await;
        let messages = trace["messages"].as_array().unwrap();
        let invites: Vec<String> =
            messages.iter().filter(|m| m["label"] == "INVITE").map(|m| text(&m["text"])).collect();
        let (call_id, sent) =
            on_the_wire.iter().find(|(id, _)| invites[0].contains(&format!("Call-ID: {id}"))).unwrap();
        // What may never be kept is the only difference.
        let masked = |invite: &str| invite.lines().filter(|l| !l.starts_with("Authorization")).collect::<String>();
        let (kept, sent): (Vec<_>, Vec<_>) =
            (invites.iter().map(|i| masked(i)).collect(), sent.iter().map(|i| masked(i)).collect());
        assert_eq!(kept, sent, "every INVITE, repetitions included");
        assert!(!trace.to_string().contains(&secret), "{trace}");
        assert!(recorded.insert(call_id.clone()), "two rows of one call");
    }
    station.finish().await;
}

fn instants(now: Timestamp, known: u8) -> Instants {
    let at = |bit: u8| (known & (1 << bit) != 0).then(|| now + SignedDuration::from_millis(i64::from(bit)));
    Instants {
        invited_at: at(0),
        trying_at: at(1),
        ringing_at: at(2),
        answered_at: at(3),
        acked_at: at(4),
        first_rtp_in_at: at(5),
        first_rtp_out_at: at(6),
        bye_at: at(7),
        ..Instants::default()
    }
}

/// What happens to the only visit of a store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Claim,
    /// Progress with these instants.
    Progress(u8),
    Finish(usize),
    /// The process dies; the next start recovers.
    Kill,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::Claim),
        2 => any::<u8>().prop_map(Step::Progress),
        2 => (0..Outcome::ALL.len()).prop_map(Step::Finish),
        2 => Just(Step::Kill),
    ]
}

struct World {
    url: String,
    clock: Arc<ManualClock>,
    store: Store,
    site: Site,
    /// The call that this process runs.
    running: Option<Call>,
    claims: usize,
}

impl World {
    async fn open_visit(&mut self) -> Visit {
        if let Some(visit) = self.store.open_visits().await.unwrap().into_iter().next() {
            return visit;
        }
        let now = self.clock.now();
        let visit = Visit { due_at: now, deadline_at: now, ..data::visit(&self.store.new_id(), "SO-1", now) };
        self.store.insert_visit(&visit).await.unwrap();
        visit
    }

    async fn does(&mut self, step: Step) {
        self.clock.advance(Duration::from_secs(1));
        let now = self.clock.now();
        match step {
            Step::Claim => {
                let visit = self.open_visit().await;
                let call = Call::claimed(
                    CallId::new(self.store.new_id()),
                    visit.id.clone(),
                    visit.order_no.clone(),
                    visit.attempts + 1,
                    Phone::parse(NUMBER).unwrap(),
                    visit.programme.clone(),
                    now,
                );
                let won = self.store.claim_visit(&visit, &call, None).await.unwrap().is_some();
                assert_eq!(won, self.running.is_none(), "one call at a time");
                if won {
                    self.claims += 1;
                    self.running = Some(call);
                }
            }
            Step::Progress(known) => {
                if let Some(call) = &mut self.running {
                    call.instants.learn(&instants(now, known));
                    self.store.save_call_progress(call).await.unwrap();
                }
            }
            Step::Finish(n) => {
                let Some(mut call) = self.running.take() else { return };
                call.outcome = Some(Outcome::ALL[n]);
                call.instants.ended_at = Some(now);
                let visit = self.store.visit(&call.visit).await.unwrap();
                let programme = self.site.rules.programmes.get("excavator").unwrap();
                let conversation = (call.outcome == Some(Outcome::Answered)).then_some(ConversationEnd::Completed);
                let result =
                    CallResult { call: call.id.clone(), outcome: Outcome::ALL[n], conversation, next_trunk: None };
                let next = after_call(now, &visit, &result, programme, &self.site.rules.calendar);
                self.store.finish_call(&call, &next, &[]).await.unwrap();
                let again = self.store.finish_call(&call, &next, &[]).await;
                assert!(matches!(again, Err(StoreError::Stale { .. })), "a second end: {again:?}");
            }
            Step::Kill => {
                self.running = None;
                self.store = Store::open(&self.url, self.clock.clone()).await.unwrap();
                recover_calls(&self.store, &self.site, now).await.unwrap();
            }
        }
    }

    /// Exactly one outcome for every claim, each ended once, and nothing known of it lost.
    async fn check(&self) {
        assert_eq!(self.store.unfinished_calls().await.unwrap(), []);
        let rows =
            self.store.calls(&Default::default(), &PageRequest::new(Some(200), None).unwrap()).await.unwrap().items;
        assert_eq!(rows.len(), self.claims, "one row for every claim");
        for row in rows {
            assert!(row.outcome.is_some() && row.instants.ended_at.is_some(), "{row:?}");
            let answered = row.outcome == Some(Outcome::Answered);
            assert!(row.detail.is_none() || answered == row.instants.answered_at.is_some(), "recovered: {row:?}");
            let log = self.store.events_of_visit(&row.visit).await.unwrap();
            let ends = log.iter().filter(|e| e.kind == "call.finished" && e.call.as_ref() == Some(&row.id)).count();
            assert_eq!(ends, 1, "{row:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn whatever_ends_a_call_and_whenever_the_engine_dies_each_row_has_exactly_one_outcome(
        steps in prop::collection::vec(step(), 1..24)
    ) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let config = config(folder.path(), "sip:127.0.0.1:9");
            let clock = Arc::new(ManualClock::at(SystemClock.now()));
            let store = Store::open(&config.database.url, clock.clone()).await.unwrap();
            let customer = Customer { name: None, title: None, phone: Phone::parse(NUMBER).unwrap() };
            let (no, service_type) = (OrderNo::new("SO-1"), ServiceType::Consultation);
            store.put_order(&Order { no, service_type, customer, claims: Claims::default() }).await.unwrap();
            let site = Site::load(&config).unwrap();
            let mut world = World { url: config.database.url, clock, store, site, running: None, claims: 0 };
            for step in steps {
                world.does(step).await;
            }
            world.does(Step::Kill).await;
            world.check().await;
        });
    }
}
