//! A telephone on the far side of the line: a small SIP user agent server with RTP, written apart from the engine's stack so that
//! demo and tests talk to something else than themselves.
//!
//! Contract: one UDP socket; every INVITE becomes one [`IncomingCall`], which the owner lets ring, rejects or answers; an answered
//! call speaks queued audio (20 ms packets of A-law, silence between) and hands out what it hears. 200 is repeated until the ACK
//! (RFC 3261 §13.3.1.4), repeated INVITEs get the last answer again. It does no TCP, no authentication, no re-INVITE: far ends
//! that do more are sipp and baresip in the tests.

use crate::clock::monotonic;
use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw};
use bytes::Bytes;
use rtc_rtp::header::Header;
use rtc_rtp::packet::Packet;
use rtc_shared::marshal::{Marshal, Unmarshal};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// Samples in 20 ms at 8 kHz.
pub const FRAME: usize = 160;
const T1: Duration = Duration::from_millis(500);
/// Calls and unread audio a phone holds at most.
const QUEUE: usize = 1024;

pub struct Phone {
    addr: SocketAddr,
    calls: mpsc::Receiver<IncomingCall>,
    stop: CancellationToken,
}

impl Phone {
    /// Binds the SIP socket and serves it until the phone is dropped.
    pub async fn bind(addr: SocketAddr) -> io::Result<Phone> {
        let socket = Arc::new(UdpSocket::bind(addr).await?);
        let addr = socket.local_addr()?;
        let (calls_in, calls) = mpsc::channel(QUEUE);
        let stop = CancellationToken::new();
        let line = Arc::new(Line { socket, addr, dialogs: Mutex::default(), calls: calls_in });
        tokio::spawn(line.serve(stop.clone()));
        Ok(Phone { addr, calls, stop })
    }

    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next INVITE; `None` when the socket is gone.
    pub async fn incoming(&mut self) -> Option<IncomingCall> {
        self.calls.recv().await
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// What became of a call as the phone sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineState {
    Ringing,
    /// Answered by us, ACK not yet seen.
    Answered,
    Up,
    /// The caller gave up before the answer.
    Cancelled,
    /// We rejected it.
    Rejected,
    /// The caller sent BYE.
    CallerHungUp,
    /// We sent BYE.
    WeHungUp,
}

impl LineState {
    pub fn is_over(self) -> bool {
        match self {
            Self::Ringing | Self::Answered | Self::Up => false,
            Self::Cancelled | Self::Rejected | Self::CallerHungUp | Self::WeHungUp => true,
        }
    }
}

struct Line {
    socket: Arc<UdpSocket>,
    addr: SocketAddr,
    dialogs: Mutex<HashMap<String, Arc<Dialog>>>,
    calls: mpsc::Sender<IncomingCall>,
}

/// One call's signalling: the INVITE as received and the last response to it.
struct Dialog {
    invite: Message,
    peer: SocketAddr,
    tag: String,
    last_response: Mutex<Vec<u8>>,
    state: watch::Sender<LineState>,
    socket: Arc<UdpSocket>,
    local: SocketAddr,
}

impl Line {
    async fn serve(self: Arc<Self>, stop: CancellationToken) {
        let mut buffer = vec![0u8; 65_536];
        loop {
            let received = tokio::select! {
                () = stop.cancelled() => return,
                r = self.socket.recv_from(&mut buffer) => r,
            };
            // A failed receive on UDP concerns one datagram (ICMP); the socket stays usable.
            let Ok((n, from)) = received else { continue };
            if let Some(message) = Message::parse(&buffer[..n]) {
                self.handle(message, from).await;
            }
        }
    }

    async fn handle(&self, message: Message, from: SocketAddr) {
        let known = self.dialog(&message.header("Call-ID"));
        match (message.method(), known) {
            (Some("INVITE"), Some(dialog)) => dialog.repeat_last(from).await,
            (Some("INVITE"), None) => self.new_call(message, from).await,
            (Some("ACK"), Some(dialog)) => dialog.acked(),
            (Some("ACK"), None) => {}
            (Some("CANCEL"), Some(dialog)) => {
                dialog.reply_to(&message, 200, "OK", from).await;
                if dialog.move_on(LineState::Cancelled, |s| s == LineState::Ringing) {
                    dialog.respond(487, "Request Terminated", None).await;
                }
            }
            (Some("BYE"), Some(dialog)) => {
                dialog.reply_to(&message, 200, "OK", from).await;
                dialog.move_on(LineState::CallerHungUp, |s| !s.is_over());
            }
            (Some("OPTIONS"), Some(dialog)) => dialog.reply_to(&message, 200, "OK", from).await,
            (Some(_), _) => send(&self.socket, message.response(481, "No Such Call", "", None, ""), from).await,
            (None, _) => {} // a response to our BYE: nothing waits for it
        }
    }

    fn dialog(&self, call_id: &str) -> Option<Arc<Dialog>> {
        self.dialogs.lock().unwrap_or_else(PoisonError::into_inner).get(call_id).cloned()
    }

    async fn new_call(&self, invite: Message, peer: SocketAddr) {
        let id = invite.header("Call-ID");
        let dialog = Arc::new(Dialog {
            tag: format!("p{:08x}", rand::random::<u32>()),
            invite,
            peer,
            last_response: Mutex::default(),
            state: watch::Sender::new(LineState::Ringing),
            socket: self.socket.clone(),
            local: self.addr,
        });
        self.dialogs.lock().unwrap_or_else(PoisonError::into_inner).insert(id, dialog.clone());
        dialog.respond(100, "Trying", None).await;
        if self.calls.try_send(IncomingCall { dialog: dialog.clone() }).is_err() {
            dialog.respond(486, "Busy Here", None).await;
        }
    }
}

impl Dialog {
    fn state(&self) -> LineState {
        *self.state.borrow()
    }

    /// Goes to `next` if `from` allows it; says whether it did.
    fn move_on(&self, next: LineState, from: impl Fn(LineState) -> bool) -> bool {
        self.state.send_if_modified(|s| {
            let go = from(*s);
            if go {
                *s = next;
            }
            go
        })
    }

    fn acked(&self) {
        self.move_on(LineState::Up, |s| s == LineState::Answered);
    }

    async fn repeat_last(&self, to: SocketAddr) {
        let last = self.last_response.lock().unwrap_or_else(PoisonError::into_inner).clone();
        send(&self.socket, last, to).await;
    }

    /// Answers the INVITE and remembers the answer.
    async fn respond(&self, status: u16, reason: &str, sdp: Option<&str>) {
        let contact = format!("Contact: <sip:phone@{}>\r\n", self.local);
        let tag = if status > 100 { self.tag.as_str() } else { "" };
        let bytes = self.invite.response(status, reason, tag, sdp, &contact);
        *self.last_response.lock().unwrap_or_else(PoisonError::into_inner) = bytes.clone();
        send(&self.socket, bytes, self.peer).await;
    }

    async fn reply_to(&self, request: &Message, status: u16, reason: &str, to: SocketAddr) {
        send(&self.socket, request.response(status, reason, &self.tag, None, ""), to).await;
    }

    async fn bye(&self) {
        let target = self.invite.header("Contact");
        let uri = target.split_once('<').and_then(|(_, r)| r.split_once('>')).map_or(target.as_str(), |(u, _)| u);
        let bye = format!(
            "BYE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bK{branch:08x};rport\r\nMax-Forwards: 70\r\n\
             From: {to};tag={tag}\r\nTo: {from}\r\nCall-ID: {id}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
            local = self.local,
            branch = rand::random::<u32>(),
            to = self.invite.header("To"),
            tag = self.tag,
            from = self.invite.header("From"),
            id = self.invite.header("Call-ID"),
        );
        send(&self.socket, bye.into_bytes(), self.peer).await;
    }
}

async fn send(socket: &UdpSocket, bytes: Vec<u8>, to: SocketAddr) {
    if let Err(error) = socket.send_to(&bytes, to).await {
        tracing::debug!(%error, "the phone could not send a SIP message");
    }
}

/// A call that rings here.
pub struct IncomingCall {
    dialog: Arc<Dialog>,
}

impl IncomingCall {
    /// The number that was dialled: the user part of the request URI.
    pub fn dialled(&self) -> String {
        let uri = self.dialog.invite.first.split(' ').nth(1).unwrap_or_default().to_owned();
        uri.trim_start_matches("sip:").split(['@', ';']).next().unwrap_or_default().to_owned()
    }

    pub fn header(&self, name: &str) -> String {
        self.dialog.invite.header(name)
    }

    /// Follows the state of the line; use before `answer`.
    pub fn state(&self) -> watch::Receiver<LineState> {
        self.dialog.state.subscribe()
    }

    pub async fn ring(&self) {
        self.dialog.respond(180, "Ringing", None).await;
    }

    /// Declines: 486, 603 …
    pub async fn reject(self, status: u16, reason: &str) {
        if self.dialog.move_on(LineState::Rejected, |s| s == LineState::Ringing) {
            self.dialog.respond(status, reason, None).await;
        }
    }

    /// Picks up. Fails when the offer has no address or no RTP port could be bound.
    pub async fn answer(self) -> io::Result<PhoneCall> {
        let peer = media_address(&self.dialog.invite.body)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the offer names no audio address"))?;
        let rtp = UdpSocket::bind((self.dialog.local.ip(), 0)).await?;
        let port = rtp.local_addr()?.port();
        let ip = self.dialog.local.ip();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=phone\r\nc=IN IP4 {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
             a=rtpmap:8 PCMA/8000\r\na=ptime:20\r\na=sendrecv\r\n"
        );
        self.dialog.move_on(LineState::Answered, |s| s == LineState::Ringing);
        self.dialog.respond(200, "OK", Some(&sdp)).await;
        let answered_at = monotonic();
        tokio::spawn(repeat_until_acked(self.dialog.clone()));
        let (heard_in, heard) = mpsc::channel(QUEUE * 16);
        let speech = Arc::new(Mutex::new(VecDeque::new()));
        tokio::spawn(run_media(rtp, peer, self.dialog.clone(), speech.clone(), heard_in));
        Ok(PhoneCall { dialog: self.dialog, speech, heard, answered_at })
    }
}

/// An answered call.
pub struct PhoneCall {
    dialog: Arc<Dialog>,
    speech: Arc<Mutex<VecDeque<i16>>>,
    heard: mpsc::Receiver<Vec<i16>>,
    pub answered_at: Instant,
}

impl PhoneCall {
    /// Queues audio (8 kHz mono) behind what is still to be said.
    pub fn say(&self, pcm: &[i16]) {
        self.speech.lock().unwrap_or_else(PoisonError::into_inner).extend(pcm);
    }

    /// True while queued audio is being sent.
    pub fn speaking(&self) -> bool {
        !self.speech.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    pub fn state(&self) -> LineState {
        self.dialog.state()
    }

    /// Audio as it arrives, one packet a time; `None` when the call is over.
    pub async fn next_frame(&mut self) -> Option<Vec<i16>> {
        self.heard.recv().await
    }

    /// Waits until the call is over, whoever ended it.
    pub async fn ended(&self) -> LineState {
        let mut state = self.dialog.state.subscribe();
        match state.wait_for(|s| s.is_over()).await {
            Ok(s) => *s,
            Err(_) => self.state(),
        }
    }

    pub async fn hang_up(&self) {
        if self.dialog.move_on(LineState::WeHungUp, |s| !s.is_over()) {
            self.dialog.bye().await;
        }
    }
}

/// RFC 3261 §13.3.1.4: T1, doubling to 4 s, until the ACK or 64·T1.
async fn repeat_until_acked(dialog: Arc<Dialog>) {
    let mut state = dialog.state.subscribe();
    let mut wait = T1;
    let mut waited = Duration::ZERO;
    while waited < T1 * 64 {
        if tokio::time::timeout(wait, state.wait_for(|s| *s != LineState::Answered)).await.is_ok() {
            return;
        }
        waited += wait;
        wait = (wait * 2).min(T1 * 8);
        dialog.repeat_last(dialog.peer).await;
    }
}

/// Sends a packet every 20 ms and hands out what arrives, until the call is over.
async fn run_media(
    rtp: UdpSocket,
    peer: SocketAddr,
    dialog: Arc<Dialog>,
    speech: Arc<Mutex<VecDeque<i16>>>,
    heard: mpsc::Sender<Vec<i16>>,
) {
    let mut state = dialog.state.subscribe();
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let mut out = Header {
        version: 2,
        payload_type: 8,
        ssrc: rand::random(),
        sequence_number: rand::random(),
        timestamp: rand::random(),
        ..Default::default()
    };
    let mut buffer = [0u8; 2048];
    loop {
        tokio::select! {
            () = until_over(&mut state) => return,
            _ = tick.tick() => {
                let payload = next_frame(&speech);
                out.sequence_number = out.sequence_number.wrapping_add(1);
                out.timestamp = out.timestamp.wrapping_add(FRAME as u32);
                let packet = Packet { header: out.clone(), payload };
                if let Ok(bytes) = packet.marshal()
                    && let Err(error) = rtp.send_to(&bytes, peer).await
                {
                    tracing::debug!(%error, "the phone could not send RTP");
                }
            }
            received = rtp.recv_from(&mut buffer) => {
                let Ok((n, _)) = received else { continue };
                let Ok(packet) = Packet::unmarshal(&mut &buffer[..n]) else { continue };
                let pcm: Vec<i16> = match packet.header.payload_type {
                    8 => packet.payload.iter().map(|b| decode_alaw(*b)).collect(),
                    0 => packet.payload.iter().map(|b| decode_ulaw(*b)).collect(),
                    _ => continue,
                };
                if heard.try_send(pcm).is_err() {
                    tracing::debug!("the phone's owner does not listen: audio dropped");
                }
            }
        }
    }
}

/// A function of its own: the guard that `wait_for` returns must not live across an await.
async fn until_over(state: &mut watch::Receiver<LineState>) {
    if state.wait_for(|s| s.is_over()).await.is_err() {
        tracing::debug!("the line went away with its call");
    }
}

fn next_frame(speech: &Mutex<VecDeque<i16>>) -> Bytes {
    let mut speech = speech.lock().unwrap_or_else(PoisonError::into_inner);
    (0..FRAME).map(|_| encode_alaw(speech.pop_front().unwrap_or(0))).collect()
}

/// `c=` and the audio port of an SDP body.
fn media_address(body: &str) -> Option<SocketAddr> {
    let ip = body.lines().find_map(|l| l.strip_prefix("c=IN IP4 "))?.trim().parse().ok()?;
    let port = body.lines().find_map(|l| l.strip_prefix("m=audio "))?.split(' ').next()?.parse().ok()?;
    Some(SocketAddr::new(ip, port))
}

/// A SIP message as lines: enough for a far end that only repeats what it was sent.
#[derive(Clone)]
struct Message {
    first: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Message {
    fn parse(bytes: &[u8]) -> Option<Message> {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n")?;
        let mut lines = head.split("\r\n");
        let first = lines.next()?.to_owned();
        let headers = lines
            .filter_map(|l| l.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Some(Message { first, headers, body: body.to_owned() })
    }

    /// `None` for a response.
    fn method(&self) -> Option<&str> {
        self.first.split(' ').next().filter(|word| !word.starts_with("SIP/"))
    }

    fn header(&self, name: &str) -> String {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.clone()).unwrap_or_default()
    }

    /// A response to this request (RFC 3261 §8.2.6): Via, From, To, Call-ID and CSeq are repeated.
    fn response(&self, status: u16, reason: &str, tag: &str, sdp: Option<&str>, extra: &str) -> Vec<u8> {
        let mut text = format!("SIP/2.0 {status} {reason}\r\n");
        for (name, value) in &self.headers {
            let with_tag = name.eq_ignore_ascii_case("To") && !tag.is_empty() && !value.contains(";tag=");
            let repeated = ["Via", "From", "To", "Call-ID", "CSeq"].iter().any(|h| h.eq_ignore_ascii_case(name));
            match (repeated, with_tag) {
                (true, true) => text += &format!("{name}: {value};tag={tag}\r\n"),
                (true, false) => text += &format!("{name}: {value}\r\n"),
                (false, _) => {}
            }
        }
        text += extra;
        if sdp.is_some() {
            text += "Content-Type: application/sdp\r\n";
        }
        let body = sdp.unwrap_or_default();
        text += &format!("Content-Length: {}\r\n\r\n{body}", body.len());
        text.into_bytes()
    }
}
