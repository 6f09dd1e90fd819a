//! The browser leg of an agent between his page and the engine: a network that is cut, a page that goes and comes back, one that is gone.

use super::page::Page;
use super::{agent, changes};
use crate::call::{NUMBER, ends, has_rung, phone, picks_up, rings};
use crate::support::api::{instant, text};
use crate::support::audio::{NEAR, Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::impair::Cable;
use crate::support::steady::steady;
use crate::support::webrtc::{PCMA, Peer};
use crate::support::{Station, until, within};
use huifang::clock::monotonic;
use huifang::demo::phone::{LineState, Phone, PhoneCall};
use huifang::media::codec::{Codec, FRAME};
use huifang::media::tones::tone;
use serde_json::json;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::task::JoinHandle;

const AGENT_HZ: f64 = 440.0;
const CUSTOMER_HZ: f64 = 1_000.0;
/// Samples from one beep to the next.
const BEAT: usize = 8_000;
/// Where a candidate names its port (RFC 8839 §5.1).
const PORT: usize = 5;
/// What may lie between an agent's beat and its place in the recording: he is read at most so much further behind the line than before.
const DRIFT: f64 = 0.2;

/// A second of each: a beep of 400 ms and silence.
fn beeps(hz: f64, seconds: usize) -> Vec<i16> {
    let mut beat = tone(hz, LEVEL, 3_200);
    beat.resize(BEAT, 0);
    beat.repeat(seconds)
}

/// A station on which nobody is lost by his lease while a test runs.
async fn station(customer: &Phone) -> Station {
    Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.lease_s = 300;
        config.seats.lost_after_s = 1;
    })
    .await
}

/// An agent whose page speaks WebRTC over a cable that can be pulled.
struct Desk {
    page: Page,
    token: String,
    phone: Peer,
    cable: Cable,
    voice: JoinHandle<()>,
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.voice.abort();
    }
}

impl Desk {
    /// Signed in, and beeping for a minute.
    async fn opened(station: &Station, name: &str) -> Self {
        let token = agent(station, name).await;
        let mut page = Page::open(station, &token).await;
        let (phone, _) = Peer::new(Ipv4Addr::LOCALHOST.into(), &[PCMA]).await;
        let answer = offer(&mut page, &phone, false).await;
        phone.answered(&answer).await;
        let told = page.until("a candidate", |news| news["candidate"]["candidate"].is_string()).await;
        let engine = text(&told["candidate"]["candidate"]);
        let port = engine.split(' ').nth(PORT).unwrap().parse().unwrap();
        let cable = Cable::to((Ipv4Addr::LOCALHOST, port).into()).await;
        phone.candidate(json!({ "candidate": through(&engine, &cable) })).await;
        page.until("the leg is up", |news| news["type"] == "media" && news["state"] == "connected").await;
        let speaker = phone.clone();
        let voice = tokio::spawn(async move { speak(&speaker, &beeps(AGENT_HZ, 60)).await });
        page.does(json!({ "type": "sign_in" })).await;
        page.seat_is("available").await;
        Self { page, token, phone, cable, voice }
    }

    /// Its connection is closed and made again.
    async fn reloads(&mut self, station: &Station) {
        self.page.leave().await;
        self.page = Page::dial(station, &self.token).await.unwrap();
        let welcome = self.page.until("welcome", |news| news["type"] == "welcome").await;
        assert_eq!(welcome["call"]["phase"], "answered", "it comes back into its call");
    }

    async fn restarts_ice(&mut self) {
        let answer = offer(&mut self.page, &self.phone, true).await;
        let lines: Vec<String> = answer.lines().map(|line| through(line, &self.cable) + "\r\n").collect();
        self.phone.answered(&lines.concat()).await;
    }

    /// From now on.
    async fn hears(&self, hz: f64) {
        let mut heard = vec![];
        take_heard(&self.phone);
        until(&format!("the page hears {hz} Hz"), async || {
            heard.extend(take_heard(&self.phone));
            (!bursts(&heard, hz).is_empty()).then_some(())
        })
        .await;
    }
}

/// Says it in A-law, in real time on a nominal clock; what is sent into a cable that is pulled is lost.
async fn speak(phone: &Peer, pcm: &[i16]) {
    let start = monotonic();
    for (n, frame) in (0_u32..).zip(pcm.chunks_exact(FRAME)) {
        tokio::time::sleep_until((start + Duration::from_millis(20) * n).into()).await;
        let mut payload = vec![0; FRAME];
        Codec::Pcma.encode(frame, &mut payload);
        phone.write(PCMA.0, n as u16, n * FRAME as u32, payload).await;
    }
}

/// What was heard since the last time, as samples in the order of their coming.
fn take_heard(phone: &Peer) -> Vec<i16> {
    let mut pcm = vec![];
    for (_, packet) in std::mem::take(&mut *phone.heard.lock().unwrap()) {
        if packet.header.payload_type == PCMA.0 {
            Codec::Pcma.decode(&packet.payload, &mut pcm);
        }
    }
    pcm
}

async fn offer(page: &mut Page, phone: &Peer, restart: bool) -> String {
    let sdp = phone.offer(restart).await;
    page.send(&json!({ "type": "offer", "sdp": sdp }).to_string()).await;
    text(&page.until("an answer", |news| news["type"] == "answer").await["sdp"])
}

/// A candidate of the engine as it is told to the page, by itself or as a line of an answer: the engine is where the cable begins.
fn through(line: &str, cable: &Cable) -> String {
    let mut words: Vec<String> = line.split(' ').map(String::from).collect();
    if line.contains("typ host") {
        words[PORT] = cable.address.port().to_string();
    }
    words.join(" ")
}

/// What the customer hears from now on, until it has this tone.
async fn customer_hears(far: &mut PhoneCall, hz: f64) {
    while futures::FutureExt::now_or_never(far.next_frame()).flatten().is_some() {}
    let mut heard = vec![];
    within(&format!("the customer hears {hz} Hz"), async {
        while bursts(&heard, hz).is_empty() {
            heard.extend(far.next_frame().await.expect("the call goes on"));
        }
    })
    .await;
}

/// So long as it takes the customer's line to be sent these packets of 20 ms.
async fn packets_pass(far: &mut PhoneCall, packets: usize) {
    while futures::FutureExt::now_or_never(far.next_frame()).flatten().is_some() {}
    for _ in 0..packets {
        within("a packet of the customer's line", far.next_frame()).await.expect("the call goes on");
    }
}

/// The customer has answered; both beep, and each hears the other.
async fn talking(station: &Station, customer: &mut Phone) -> (Desk, PhoneCall, String) {
    let desk = Desk::opened(station, "anna").await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let mut far = picks_up(customer).await;
    far.say(&beeps(CUSTOMER_HZ, 60));
    desk.hears(CUSTOMER_HZ).await;
    customer_hears(&mut far, AGENT_HZ).await;
    (desk, far, visit)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_seconds_without_the_browsers_network_cost_the_agent_three_seconds_and_the_recording_nothing() {
    steady(async || {
        let mut customer = phone().await;
        let station = station(&customer).await;
        let (desk, mut far, visit) = talking(&station, &mut customer).await;
        packets_pass(&mut far, 100).await;
        desk.cable.pull(true);
        packets_pass(&mut far, 150).await;
        desk.cable.pull(false);
        desk.hears(CUSTOMER_HZ).await;
        customer_hears(&mut far, AGENT_HZ).await;
        packets_pass(&mut far, 150).await;
        far.hang_up().await;

        let row = station.api.ended_call(&visit).await;
        let told = changes(&station.api.report_of(&row).await);
        assert!(
            told.contains(&"silent".into()) && told.contains(&"back".into()) && !told.contains(&"lost".into()),
            "{told:?}"
        );
        let recording = Recording::of(&row, station.recordings());
        let talk = instant(&row["ended_at"]).duration_since(instant(&row["answered_at"])).as_secs_f64();
        assert!((recording.seconds() - talk).abs() < NEAR, "{} s of {talk} s are recorded", recording.seconds());
        let customers = starts(&recording.customer, CUSTOMER_HZ);
        assert!(
            customers.len() >= 6 && customers.windows(2).all(|w| (w[1] - w[0] - 1.0).abs() < NEAR),
            "{customers:?}"
        );
        let agents = starts(&recording.agent, AGENT_HZ);
        let away = agents.windows(2).map(|w| w[1] - w[0]).fold(0.0, f64::max);
        assert!((2.5..5.5).contains(&away), "he was away for one stretch of three seconds: {agents:?}");
        let off = |at: &f64| ((at - agents[0]).fract() + 0.5).fract() - 0.5;
        assert!(
            agents.iter().skip(1).all(|at| off(at).abs() < DRIFT),
            "his beats lie where they were said: {agents:?}"
        );
        assert!(bursts(&recording.agent, CUSTOMER_HZ).is_empty() && bursts(&recording.customer, AGENT_HZ).is_empty());
        station.finish().await;
    })
    .await;
}

/// When the whole beeps begin, seconds.
fn starts(channel: &[i16], hz: f64) -> Vec<f64> {
    bursts(channel, hz).into_iter().filter(|(from, to)| to - from > 0.3).map(|(from, _)| from).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_that_comes_back_in_time_keeps_its_call_though_its_line_was_silent_for_longer() {
    let mut customer = phone().await;
    let station = station(&customer).await;
    let (mut desk, mut far, visit) = talking(&station, &mut customer).await;
    desk.cable.pull(true);
    desk.reloads(&station).await;
    packets_pass(&mut far, 150).await;
    desk.cable.pull(false);
    desk.restarts_ice().await;
    desk.hears(CUSTOMER_HZ).await;
    customer_hears(&mut far, AGENT_HZ).await;
    desk.page.does(json!({ "type": "hang_up" })).await;
    ends(&far, LineState::CallerHungUp).await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), row["conversation"].is_null()), ("answered".into(), true), "{row}");
    station.finish().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agent_who_is_gone_before_the_answer_cancels_the_call_long_before_his_lease_ends() {
    let mut customer = phone().await;
    let station = station(&customer).await;
    let desk = Desk::opened(&station, "anna").await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let ringing = rings(&mut customer).await;
    ringing.ring().await;
    let mut line = ringing.state();
    drop(desk);
    within("the customer's telephone is cancelled", line.wait_for(|state| *state == LineState::Cancelled))
        .await
        .unwrap();
    let row = station.api.ended_call(&visit).await;
    assert_eq!((text(&row["outcome"]), text(&row["fault"])), ("cancelled".into(), "us".into()), "{row}");
    assert_eq!(super::state(&station, "anna").await, "signed_out");
    assert!(!has_rung(&mut customer), "nobody is there who could be called for");
    station.finish().await;
}
