//! Desk phones that register with us and are rung: raw peers, and baresip, which none of us wrote.

use super::peer::{ANSWER, Message, Peer};
use super::raw::Log;
use super::rig::{OFFER, Rig, Watched, wait_until};
use super::{assert_answered, assert_unanswered, tls};
use crate::call::baresip::Baresip;
use huifang::clock::{Clock, ManualClock, SystemClock};
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use huifang::domain::id::CallId;
use huifang::sip::{Reanswer, Registration, SeatSecrets, SeatTarget, SipStack, StoredSecret, agent_leg, ha1};
use md5::{Digest, Md5};
use sha2::Sha256;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const SEAT: &str = "chen";
const SECRET: &str = "s3cret";

/// The seats `chen` and `wang`, who share a secret.
struct Secrets;

#[async_trait::async_trait]
impl SeatSecrets for Secrets {
    async fn secret_of(&self, seat: &str) -> Option<StoredSecret> {
        [SEAT, "wang"].contains(&seat).then(|| ha1("huifang", seat, SECRET))
    }
}

fn seats() -> config::Seats {
    config::Seats { phone_sources: vec!["127.0.0.0/8".into()], phone_ring_s: 10, ..Default::default() }
}

/// A stack with telephones and no trunk.
struct Site {
    stack: Arc<SipStack>,
    shutdown: CancellationToken,
}

impl Site {
    async fn new() -> Self {
        Self::with(&seats(), Arc::new(SystemClock)).await
    }

    async fn with(seats: &config::Seats, clock: Arc<dyn Clock>) -> Self {
        let listen = vec!["udp:127.0.0.1:0".into(), "tcp:127.0.0.1:0".into()];
        Self::on(&config::Sip { listen, ..Default::default() }, seats, clock).await
    }

    async fn on(sip: &config::Sip, seats: &config::Seats, clock: Arc<dyn Clock>) -> Self {
        let shutdown = CancellationToken::new();
        let stack = SipStack::start(sip, &[], clock, shutdown.clone()).await.unwrap();
        stack.serve_phones(seats, Arc::new(Secrets)).unwrap();
        Self { stack, shutdown }
    }

    fn udp(&self) -> SocketAddr {
        self.stack.local_udp().unwrap()
    }

    fn registered(&self) -> Option<Registration> {
        self.stack.registered(SEAT)
    }

    fn ring(&self, target: SeatTarget) -> Watched {
        let leg = agent_leg(&CallId::new("call-1"));
        let (control, events) = self.stack.ring(&target, &leg, OFFER.to_vec()).unwrap();
        Watched { control, events, seen: vec![] }
    }

    fn ring_seat(&self) -> Watched {
        self.ring(SeatTarget::Registered(SEAT.into()))
    }

    async fn is_clean(&self) {
        wait_until("no dialog is left", || self.stack.dialogs() == 0).await;
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A desk phone by hand.
pub struct Desk {
    pub sip: Peer,
    us: SocketAddr,
    seat: &'static str,
    pub secret: &'static str,
    /// In its Contact.
    address: String,
    id: String,
    cseq: u32,
}

impl Desk {
    async fn udp(site: &Site) -> Self {
        Self::on(Peer::udp().await, site.udp())
    }

    /// That of the seat `chen`, who registers there.
    pub fn on(sip: Peer, us: SocketAddr) -> Self {
        let address = sip.contact().replace("sip:", "");
        let id = format!("{}@desk", sip.address().port());
        Self { sip, us, seat: SEAT, secret: SECRET, address, id, cseq: 0 }
    }

    pub fn contact(&self) -> String {
        format!("Contact: <sip:{}@{}>\r\n", self.seat, self.address)
    }

    /// One REGISTER with these headers, and its answer.
    async fn ask(&mut self, headers: &str) -> Message {
        self.cseq += 1;
        self.send_ask(headers, "").await
    }

    async fn send_ask(&mut self, headers: &str, via: &str) -> Message {
        let (seat, us, cseq) = (self.seat, self.us, self.cseq);
        let far = self.sip.address();
        let transport = self.sip.contact().split_once("transport=").map_or("UDP".into(), |(_, t)| t.to_uppercase());
        let text = format!(
            "REGISTER sip:{us} SIP/2.0\r\nVia: SIP/2.0/{transport} {far}{via};branch=z9hG4bK{cseq}.{}\r\nMax-Forwards: 70\r\n\
             From: <sip:{seat}@{us}>;tag=d\r\nTo: <sip:{seat}@{us}>\r\nCall-ID: {}\r\nCSeq: {cseq} REGISTER\r\n{headers}\
             Content-Length: 0\r\n\r\n",
            far.port(),
            self.id,
        );
        self.sip.send(text.as_bytes(), us).await;
        loop {
            let reply = self.sip.next().await.expect("an answer to the REGISTER");
            if reply.header("CSeq") == format!("{cseq} REGISTER") {
                return reply;
            }
        }
    }

    /// The challenge of this algorithm.
    async fn challenged(&mut self, algorithm: &str) -> String {
        let reply = self.ask(&self.contact()).await;
        assert_eq!(reply.kind(), "401", "{}", reply.text);
        challenge_of(&reply, algorithm)
    }

    /// Shows that it knows the secret (or not), and asks for this.
    pub async fn register_with(&mut self, algorithm: &str, headers: &str) -> Message {
        let challenge = self.challenged(algorithm).await;
        let answer = self.answer(&challenge, 1);
        self.ask(&format!("{answer}{headers}")).await
    }

    pub async fn register(&mut self) -> Message {
        let wanted = format!("{}Expires: 600\r\n", self.contact());
        let reply = self.register_with("SHA-256", &wanted).await;
        assert_eq!(reply.kind(), "200", "{}", reply.text);
        reply
    }

    /// The header that answers a challenge (RFC 7616 §3.4, written without a look at our own).
    fn answer(&self, challenge: &str, count: u32) -> String {
        let field = |name: &str| challenge.split(&format!("{name}=")).nth(1).unwrap().trim_matches('"').to_string();
        let field = |name: &str| field(name).split(['"', ',']).next().unwrap().to_string();
        let (realm, nonce, algorithm) = (field("realm"), field("nonce"), field("algorithm"));
        let hash = |text: String| match algorithm.as_str() {
            "MD5" => Md5::digest(text).iter().map(|b| format!("{b:02x}")).collect::<String>(),
            _ => Sha256::digest(text).iter().map(|b| format!("{b:02x}")).collect(),
        };
        let (seat, secret, uri) = (self.seat, self.secret, format!("sip:{}", self.us));
        let account = hash(format!("{seat}:{realm}:{secret}"));
        let request = hash(format!("REGISTER:{uri}"));
        let response = hash(format!("{account}:{nonce}:{count:08x}:c0ffee:auth:{request}"));
        format!(
            "Authorization: Digest username=\"{seat}\", realm=\"{realm}\", nonce=\"{nonce}\", uri=\"{uri}\", \
             response=\"{response}\", algorithm={algorithm}, qop=auth, nc={count:08x}, cnonce=\"c0ffee\"\r\n"
        )
    }

    /// Answers the INVITE that rings here, with its own address in Contact.
    async fn pick_up(&mut self, call: &mut Watched) -> Message {
        let invite = self.sip.expect("INVITE").await;
        let head = format!("{}Content-Type: application/sdp\r\n", self.contact());
        self.sip.reply(&invite, "200 OK", head.as_bytes(), ANSWER).await;
        self.sip.expect("ACK").await;
        call.until("answered").await;
        invite
    }
}

fn challenge_of(reply: &Message, algorithm: &str) -> String {
    let mut lines = reply.text.lines().filter_map(|l| l.strip_prefix("WWW-Authenticate: "));
    let found = lines.find(|l| l.contains(&format!("algorithm={algorithm}")));
    found.unwrap_or_else(|| panic!("no {algorithm} in {}", reply.text)).to_string()
}

#[tokio::test]
async fn a_desk_phone_is_there_once_it_has_shown_its_secret_and_until_it_goes() {
    for algorithm in ["SHA-256", "MD5"] {
        let site = Site::new().await;
        let mut desk = Desk::udp(&site).await;
        assert_eq!(site.registered(), None);
        let wanted = format!("{}Expires: 7200\r\n", desk.contact());
        let reply = desk.register_with(algorithm, &wanted).await;
        assert_eq!(reply.kind(), "200", "{}", reply.text);
        assert_eq!(reply.header("Contact"), format!("<sip:{SEAT}@{}>;expires=3600", desk.address));
        site.stack.registrations_changed().await;
        let there = site.registered().unwrap();
        assert_eq!((there.contact, there.source), (format!("sip:{SEAT}@{}", desk.address), desk.sip.address()));
        let reply = desk.register_with(algorithm, "Contact: *\r\nExpires: 0\r\n").await;
        assert_eq!((reply.kind(), reply.has("Contact")), ("200", false), "{}", reply.text);
        site.stack.registrations_changed().await;
        assert_eq!(site.registered(), None);
    }
}

#[tokio::test]
async fn a_nonce_is_counted_and_an_old_one_is_stale() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    let challenge = desk.challenged("SHA-256").await;
    for (count, expected) in [(1, "200"), (2, "200"), (2, "401"), (3, "200")] {
        let wanted = format!("{}{}", desk.answer(&challenge, count), desk.contact());
        let reply = desk.ask(&wanted).await;
        assert_eq!(reply.kind(), expected, "{count}: {}", reply.text);
        assert_eq!(reply.text.contains("stale=true"), expected == "401", "{}", reply.text);
    }
}

#[tokio::test]
async fn outside_the_allowed_sources_there_is_no_registrar_whatever_a_via_says() {
    for sources in [vec![], vec!["192.168.1.0/24".to_string()]] {
        let site = Site::with(&config::Seats { phone_sources: sources, ..seats() }, Arc::new(SystemClock)).await;
        let mut desk = Desk::udp(&site).await;
        for via in ["", ";received=192.168.1.5", ";rport;received=192.168.1.5"] {
            desk.cseq += 1;
            let reply = desk.send_ask(&desk.contact(), via).await;
            assert_eq!((reply.kind(), reply.has("WWW-Authenticate")), ("405", false), "{}", reply.text);
        }
    }
}

#[tokio::test]
async fn an_unknown_seat_and_a_wrong_secret_look_the_same() {
    let site = Site::new().await;
    let mut replies = vec![];
    for (seat, secret) in [(SEAT, "guess"), ("nobody", "guess"), ("nobody", SECRET)] {
        let mut desk = Desk::udp(&site).await;
        (desk.seat, desk.secret) = (seat, secret);
        let wanted = desk.contact();
        let reply = desk.register_with("MD5", &wanted).await;
        let names: Vec<&str> = reply.text.lines().map(|l| l.split([':', ',']).next().unwrap()).collect();
        assert!(!reply.text.contains("stale"), "{}", reply.text);
        replies.push(names.join("\n"));
    }
    assert!(replies[0].starts_with("SIP/2.0 401") && replies.iter().all(|r| *r == replies[0]), "{replies:#?}");
}

#[tokio::test]
async fn a_storm_of_wrong_secrets_is_shut_out_and_worth_one_line() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_env_filter("huifang=info").with_writer(move || writer.clone());
    let _guard = tracing::subscriber::set_default(subscriber.finish());
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.secret = "guess";
    let wanted = desk.contact();
    for _ in 0..5 {
        assert_eq!(desk.register_with("SHA-256", &wanted).await.kind(), "401");
    }
    for _ in 0..20 {
        assert_eq!(desk.ask(&wanted).await.kind(), "403");
    }
    // Its right secret comes too late, and so does that of another seat from there; the seat itself is safe from everywhere.
    let mut other = Desk::udp(&site).await;
    other.seat = "wang";
    assert_eq!(other.ask(&wanted).await.kind(), "403");
    let mut elsewhere = Desk::on(Peer::udp_at("127.0.0.9:0").await, site.udp());
    assert_eq!(elsewhere.ask(&wanted).await.kind(), "403", "the seat is shut out too");
    elsewhere.seat = "wang";
    assert_eq!(elsewhere.register().await.kind(), "200");
    let text = log.text();
    assert_eq!(text.matches("shut out").count(), 1, "{text}");
    assert!(!text.contains("guess") && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn a_phone_that_does_not_register_again_is_gone_when_its_time_is_over() {
    let clock = Arc::new(ManualClock::at(SystemClock.now()));
    let site = Site::with(&seats(), clock.clone()).await;
    let mut desk = Desk::udp(&site).await;
    let wanted = desk.contact();
    let brief = desk.register_with("MD5", &format!("{wanted}Expires: 59\r\n")).await;
    assert_eq!((brief.kind(), brief.header("Min-Expires")), ("423", "60"), "{}", brief.text);
    assert_eq!(desk.register_with("MD5", &format!("{wanted}Expires: 60\r\n")).await.kind(), "200");
    site.stack.registrations_changed().await;
    clock.advance(Duration::from_secs(59));
    assert!(site.registered().is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(site.registered(), None);
    tokio::time::timeout(Duration::from_secs(20), site.stack.registrations_changed()).await.expect("it is told");
}

#[tokio::test]
async fn a_register_that_overtook_a_newer_one_changes_nothing() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.cseq = 100;
    desk.register().await;
    desk.cseq = 50;
    let wanted = format!("{}Expires: 0\r\n", desk.contact());
    assert_eq!(desk.register_with("MD5", &wanted).await.kind(), "500");
    assert!(site.registered().is_some());
}

#[tokio::test]
async fn the_phone_that_registered_last_rings_and_is_asked_to_answer_by_itself() {
    let site = Site::new().await;
    let mut first = Desk::udp(&site).await;
    first.register().await;
    let mut desk = Desk::udp(&site).await;
    desk.register().await;
    let mut call = site.ring_seat();
    let invite = desk.pick_up(&mut call).await;
    let us = site.udp().ip();
    assert!(invite.text.starts_with(&format!("INVITE sip:{SEAT}@{} ", desk.address)), "{}", invite.text);
    assert!(invite.header("From").starts_with(&format!("\"回访\" <sip:huifang@{us}>;tag=")), "{}", invite.text);
    assert_eq!(invite.header("Call-Info"), format!("<sip:{us}>;answer-after=0"));
    assert_eq!(invite.header("Alert-Info"), "<http://localhost>;info=alert-autoanswer");
    assert_eq!(invite.header("Answer-Mode"), "Auto");
    assert!(invite.text.ends_with("m=audio 30000 RTP/AVP 8\r\n") && !invite.has("Session-Expires"));
    // The agent puts us on hold.
    let hold = String::from_utf8(ANSWER.to_vec()).unwrap();
    desk.sip.request(&invite, "INVITE", 1, "Content-Type: application/sdp\r\n", &hold).await;
    call.accept_reoffer("reoffer", Reanswer::Accept(OFFER.to_vec())).await;
    desk.sip.expect_all(&["100", "200"]).await;
    desk.sip.request(&invite, "ACK", 1, "", "").await;
    call.control.hang_up("the customer has gone");
    let bye = desk.sip.expect("BYE").await;
    desk.sip.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    site.is_clean().await;
    let trace = site.stack.trace(&agent_leg(&CallId::new("call-1")));
    assert!(trace.is_none(), "nobody holds it any more");
}

#[tokio::test]
async fn the_messages_of_the_agent_s_leg_are_traced_under_an_id_of_their_own() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.register().await;
    let mut call = site.ring_seat();
    let trace = site.stack.trace(&agent_leg(&CallId::new("call-1"))).unwrap();
    let invite = desk.pick_up(&mut call).await;
    assert!(site.stack.trace(&CallId::new("call-1")).is_none(), "the customer's call is another");
    desk.sip.request(&invite, "BYE", 1, "", "").await;
    desk.sip.expect("200").await;
    assert_answered(&call.end().await, Party::Customer);
    let methods: Vec<String> =
        trace.so_far().messages.iter().map(|m| m.text.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert!(methods[0].starts_with("INVITE ") && methods.iter().any(|m| m.starts_with("BYE ")), "{methods:?}");
}

#[tokio::test]
async fn a_phone_behind_a_translator_is_called_where_it_was_heard_for_the_whole_call() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.address = "192.168.77.7:5060".into();
    let reply = desk.register().await;
    assert!(reply.header("Contact").contains("192.168.77.7"), "{}", reply.text);
    assert_eq!(site.registered().unwrap().source, desk.sip.address());
    for phone_hangs_up in [true, false] {
        let mut call = site.ring_seat();
        let invite = desk.pick_up(&mut call).await;
        assert!(invite.text.starts_with(&format!("INVITE sip:{SEAT}@{} ", desk.sip.address())), "{}", invite.text);
        if phone_hangs_up {
            desk.sip.request(&invite, "BYE", 9, "", "").await;
            desk.sip.expect("200").await;
            assert_answered(&call.end().await, Party::Customer);
        } else {
            call.control.hang_up("done");
            let bye = desk.sip.expect("BYE").await;
            desk.sip.reply(&bye, "200 OK", b"", b"").await;
            assert_answered(&call.end().await, Party::Us);
        }
        site.is_clean().await;
    }
}

#[tokio::test]
async fn a_phone_that_registers_from_another_port_is_called_there() {
    let site = Site::new().await;
    let mut before = Desk::udp(&site).await;
    before.address = "192.168.77.7:5060".into();
    before.register().await;
    let mut after = Desk::udp(&site).await;
    (after.address, after.id, after.cseq) = (before.address.clone(), before.id.clone(), before.cseq);
    after.register().await;
    assert_eq!(site.registered().unwrap().source, after.sip.address());
    let mut call = site.ring_seat();
    after.pick_up(&mut call).await;
    call.control.hang_up("done");
    let bye = after.sip.expect("BYE").await;
    after.sip.reply(&bye, "200 OK", b"", b"").await;
    call.end().await;
}

#[tokio::test]
async fn a_phone_on_a_connection_is_called_over_it_and_gone_with_it() {
    let site = Site::new().await;
    let us = site.stack.local_tcp().unwrap();
    rings_over_its_connection(&site, Desk::on(Peer::dial(us).await, us), "tcp").await;
    let authority = tls::Authority::new();
    let site = Site::on(&tls::sockets(&authority), &seats(), Arc::new(SystemClock)).await;
    let us = site.stack.local_tls().unwrap();
    rings_over_its_connection(&site, Desk::on(tls::dial(&authority, us).await, us), "tls").await;
}

/// It registers, is called and is hung up on one connection, which ends with its registration.
async fn rings_over_its_connection(site: &Site, mut desk: Desk, transport: &str) {
    desk.address = format!("192.168.77.7:5060;transport={transport}");
    let reply = desk.register().await;
    assert!(reply.header("Contact").ends_with(";expires=540"), "before an idle connection is closed: {}", reply.text);
    site.stack.registrations_changed().await;
    let mut call = site.ring_seat();
    let invite = desk.pick_up(&mut call).await;
    let said = |header: &str| invite.header(header).to_lowercase();
    assert!(said("Contact").contains(&format!("transport={transport}")), "{}", invite.text);
    assert!(said("Via").starts_with(&format!("sip/2.0/{transport} ")), "{}", invite.text);
    call.control.hang_up("done");
    let bye = desk.sip.expect("BYE").await;
    desk.sip.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    desk.sip.close().await;
    tokio::time::timeout(Duration::from_secs(20), site.stack.registrations_changed()).await.expect("it is told");
    assert_eq!(site.registered(), None);
}

#[tokio::test]
async fn a_telephone_that_does_not_take_the_call_has_an_outcome() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.register().await;
    for (status, outcome, fault, by) in [
        ("486 Busy Here", Outcome::Busy, Fault::Customer, Party::Customer),
        ("603 Decline", Outcome::Declined, Fault::Customer, Party::Customer),
        ("302 Moved Temporarily", Outcome::TrunkFailure, Fault::Trunk, Party::Network),
    ] {
        let mut call = site.ring_seat();
        let invite = desk.sip.expect("INVITE").await;
        let elsewhere = b"Contact: <sip:13800001111@127.0.0.1:9>\r\n";
        desk.sip.reply(&invite, status, elsewhere, b"").await;
        desk.sip.expect("ACK").await;
        assert_unanswered(&call.end().await, outcome, fault, by, status[..3].parse().ok());
        site.is_clean().await;
    }
    // Nothing at all comes from a phone that has lost its power.
    let mut call = site.ring_seat();
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Us, None);
    assert_eq!(call.seen, ["sent", "ended"]);
    site.is_clean().await;
}

#[tokio::test]
async fn a_telephone_that_rings_in_vain_is_cancelled() {
    let site = Site::with(&config::Seats { phone_ring_s: 1, ..seats() }, Arc::new(SystemClock)).await;
    let mut far = Peer::udp().await;
    let mut call = site.ring(SeatTarget::Uri(far.uri().replace("sip:", "sip:8001@")));
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "180 Ringing", b"", b"").await;
    let cancel = far.expect("CANCEL").await;
    far.reply(&cancel, "200 OK", b"", b"").await;
    far.reply(&invite, "487 Request Terminated", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::NoAnswer, Fault::Customer, Party::Us, Some(487));
    assert_eq!(call.seen, ["sent", "ringing 180", "ended"]);
    site.is_clean().await;
}

#[tokio::test]
async fn a_telephone_that_cannot_be_called_is_a_clear_error() {
    let site = Site::new().await;
    for (target, expected) in [
        (
            SeatTarget::Registered("wang".into()),
            "telephone \"seat wang\" cannot be called: no desk phone is registered",
        ),
        (SeatTarget::Uri("8001".into()), "telephone \"8001\" cannot be called: want sip:USER@HOST"),
        (SeatTarget::Uri("tel:8001".into()), "telephone \"tel:8001\" cannot be called: want sip:USER@HOST"),
        (
            SeatTarget::Uri("sip:8001@h;transport=ws".into()),
            "telephone \"sip:8001@h;transport=ws\" cannot be called: want",
        ),
    ] {
        let error = site.stack.ring(&target, &CallId::new("c"), OFFER.to_vec()).err().unwrap().to_string();
        assert!(error.starts_with(expected), "{error}");
    }
    let rig = Rig::new("sip:127.0.0.1:9", "").await;
    let target = SeatTarget::Registered(SEAT.into());
    let error = rig.stack.ring(&target, &CallId::new("c"), OFFER.to_vec()).err().unwrap().to_string();
    assert_eq!(error, "telephone \"seat chen\" cannot be called: seats have no telephones here");
}

#[tokio::test]
async fn a_registered_phone_may_not_call() {
    let site = Site::new().await;
    let mut desk = Desk::udp(&site).await;
    desk.register().await;
    let (us, far) = (site.udp(), desk.sip.address());
    let invite = format!(
        "INVITE sip:13812345678@{us} SIP/2.0\r\nVia: SIP/2.0/UDP {far};branch=z9hG4bKi\r\nMax-Forwards: 70\r\nFrom: <sip:{SEAT}@{us}>;tag=d\r\n\
         To: <sip:13812345678@{us}>\r\nCall-ID: i\r\nCSeq: 1 INVITE\r\nContact: <sip:{SEAT}@{far}>\r\nContent-Length: 0\r\n\r\n"
    );
    desk.sip.send(invite.as_bytes(), us).await;
    assert_eq!(desk.sip.expect("403").await.header("CSeq"), "1 INVITE");
    assert_eq!(site.stack.dialogs(), 0);
}

#[tokio::test]
async fn a_key_of_the_seats_that_cannot_be_kept_is_named() {
    let site = Rig::new("sip:127.0.0.1:9", "").await;
    for (toml, expected) in [
        ("phone_sources = [\"10.0.0.1\", \"lan\"]", "seats.phone_sources = \"lan\": want an address or a network"),
        ("phone_realm = \"\"", "seats.phone_realm = \"\": want"),
        ("phone_digest = [\"SHA-1\"]", "seats.phone_digest = \"SHA-1\": want SHA-256 or MD5"),
        ("phone_digest = []", "seats.phone_digest = \"\": want"),
        ("phone_ring_s = 0", "seats.phone_ring_s = \"0\": want 1 to 120"),
    ] {
        let seats: config::Seats = toml::from_str(toml).unwrap();
        let error = site.stack.serve_phones(&seats, Arc::new(Secrets)).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{toml}: {error}");
        assert_eq!(huifang::sip::check_phones(&seats).unwrap_err().to_string(), error);
    }
}

#[tokio::test]
async fn baresip_registers_as_a_desk_phone_and_answers_by_itself() {
    let seats = config::Seats { phone_digest: vec!["MD5".into()], ..seats() };
    let site = Site::with(&seats, Arc::new(SystemClock)).await;
    let us = site.udp();
    let account = format!("<sip:{SEAT}@{us}>;regint=60;auth_pass={SECRET};answermode=auto;audio_codecs=pcma\n");
    let mut baresip = Baresip::start_as(|_| account.clone()).await;
    wait_until("baresip has registered", || site.registered().is_some()).await;
    for we_hang_up in [true, false] {
        let mut call = site.ring_seat();
        call.until("answered").await;
        if we_hang_up {
            call.control.hang_up("done");
            assert_answered(&call.end().await, Party::Us);
        } else {
            baresip.hang_up().await;
            assert_answered(&call.end().await, Party::Customer);
        }
        site.is_clean().await;
    }
    wait_until("it has taken its registration back", || site.registered().is_none()).await;
}

/// What docs/configuration.md says of it: when this fails, baresip has learnt it, and the sentence can go.
#[tokio::test]
async fn baresip_1_does_not_register_where_sha_256_is_offered_beside_md5_in_either_order() {
    for order in [["SHA-256", "MD5"], ["MD5", "SHA-256"]] {
        let phone_digest = order.map(String::from).into();
        let site = Site::with(&config::Seats { phone_digest, ..seats() }, Arc::new(SystemClock)).await;
        let us = site.udp();
        let account = format!("<sip:{SEAT}@{us}>;regint=60;auth_pass={SECRET};answermode=auto;audio_codecs=pcma\n");
        let baresip = Baresip::start_as(|_| account.clone()).await;
        wait_until("baresip gives up", || baresip.log().contains("Function not implemented")).await;
        assert_eq!(site.registered(), None);
    }
}
