//! What is written down of a call beside its course: changes of the line, for the journal, and its SIP trace, with that of the agent's
//! telephone in it.
//!
//! The trace is saved once before the call's final row, and again while late messages come (the answer to our BYE, repeated 200s), until
//! no transaction of the call can be alive; a stop of the engine waits a second for the answer to a BYE. A kill loses the traces of
//! the calls in progress and nothing else. Not here: what the messages mean (`sip`, `domain::call::fsm`).

use super::Engine;
use crate::domain::announcement::Heard;
use crate::domain::call::journal::{JournalEntry, JournalEvent, LineChange};
use crate::domain::call::trace::SipTrace;
use crate::domain::id::CallId;
use crate::sip::trace::CallTrace;
use sdp_types::Session;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// After so long no transaction of a call that is over can be alive: 64·T1 of RFC 3261.
const LATE: Duration = Duration::from_secs(32);
/// Late messages are gathered for so long before they are written.
const GATHER: Duration = Duration::from_millis(200);
/// How long a stop waits for the answer to our BYE.
const GOODBYE: Duration = Duration::from_secs(1);
/// How long the record waits for our own BYE to reach the wire.
const BYE_LEAVES: Duration = Duration::from_millis(250);
/// Changes of the line kept of one call; a far end may offer for ever.
const CHANGES_MAX: usize = 200;

/// What a reviewer wants to know of a session description; what is agreed is the media's to say.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Described {
    speaks: bool,
    codec: String,
    place: String,
}

impl Described {
    /// The first audio stream; `None` when there is none or nothing can be read.
    fn read(sdp: &[u8]) -> Option<Self> {
        let session = Session::parse(sdp).ok()?;
        let audio = session.medias.iter().find(|m| m.media.eq_ignore_ascii_case("audio") && m.port != 0)?;
        let address = audio.connections.first().or(session.connection.as_ref()).map(|c| c.connection_address.clone());
        let address = address.unwrap_or_default();
        let attributes = || audio.attributes.iter().chain(&session.attributes).map(|a| a.attribute.as_str());
        let held = attributes().any(|a| a == "sendonly" || a == "inactive") || address == "0.0.0.0";
        let payload_type = audio.fmt.split(' ').next().unwrap_or("");
        let named = audio.attributes.iter().filter(|a| a.attribute == "rtpmap").find_map(|a| {
            let (pt, name) = a.value.as_deref()?.split_once(' ')?;
            (pt == payload_type).then(|| name.split('/').next().unwrap_or(name).to_string())
        });
        let codec = named.unwrap_or_else(|| match payload_type {
            "0" => "PCMU".into(),
            "8" => "PCMA".into(),
            other => format!("载荷 {other}"),
        });
        Some(Self { speaks: !held, codec, place: format!("{address}:{}", audio.port) })
    }
}

/// The changes of one call's line, on the axis of its journal.
#[derive(Default)]
pub struct LineLog {
    answered: Option<Instant>,
    /// When early media began: zero of a call that is never answered.
    early: Option<Instant>,
    announced: Vec<(Instant, String)>,
    session: Option<Described>,
    entries: Vec<JournalEntry>,
}

impl LineLog {
    /// A session description of the far end before or at the answer; an empty one changes nothing.
    pub fn described(&mut self, sdp: &[u8]) {
        if let Some(session) = Described::read(sdp) {
            self.session = Some(session);
        }
    }

    /// Zero of the axis.
    pub fn answered(&mut self, at: Instant) {
        self.answered.get_or_insert(at);
    }

    /// Something sounds before the answer.
    pub fn early(&mut self, at: Instant) {
        self.early.get_or_insert(at);
    }

    pub fn announced(&mut self, at: Instant, heard: &Heard) {
        if self.announced.len() < CHANGES_MAX {
            self.announced.push((at, announced_zh(heard)));
        }
    }

    /// The far end's offer, or its answer to ours, was taken over.
    pub fn changed(&mut self, sdp: &[u8], now: Instant) {
        let Some(session) = Described::read(sdp) else { return };
        if let Some((change, text)) = self.session.as_ref().and_then(|before| difference(before, &session)) {
            self.note(now, change, text);
        }
        self.session = Some(session);
    }

    pub fn refused(&mut self, why: &str, now: Instant) {
        self.note(now, LineChange::Refused, format!("对方要求更改会话，无法接受，维持原状：{why}"));
    }

    pub fn key_by_info(&mut self, key: char, now: Instant) {
        self.note(now, LineChange::KeyByInfo, format!("按键 {key} 经信令（SIP INFO）送达，录音里没有按键音"));
    }

    /// The journal with the changes in their places.
    pub fn merged_into(self, mut journal: Vec<JournalEntry>) -> Vec<JournalEntry> {
        let zero = self.answered.or(self.early);
        journal.extend(self.announced.into_iter().filter_map(|(at, text)| {
            let event = JournalEvent::Line { change: LineChange::Announcement, text };
            Some(JournalEntry { at_s: seconds_after(zero?, at), event })
        }));
        journal.extend(self.entries);
        journal.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
        journal
    }

    fn note(&mut self, now: Instant, change: LineChange, text: String) {
        // Before the answer there is no conversation that a change could explain.
        let Some(answered) = self.answered else { return };
        if self.entries.len() < CHANGES_MAX {
            let at_s = now.saturating_duration_since(answered).as_micros() as f64 / 1e6;
            self.entries.push(JournalEntry { at_s, event: JournalEvent::Line { change, text } });
        }
    }
}

/// For the journal: what was heard in place of a person, with the words.
pub fn announced_zh(heard: &Heard) -> String {
    let kind = heard.kind.text_zh();
    if heard.words.is_empty() { format!("听到{kind}") } else { format!("听到“{}”（{kind}）", heard.words) }
}

/// Negative for what came before.
fn seconds_after(zero: Instant, at: Instant) -> f64 {
    match at.checked_duration_since(zero) {
        Some(after) => after.as_secs_f64(),
        None => -zero.duration_since(at).as_secs_f64(),
    }
}

/// What the far end changed, in words; `None` when all is as it was.
fn difference(before: &Described, now: &Described) -> Option<(LineChange, String)> {
    match (before.speaks, now.speaks) {
        (true, false) => return Some((LineChange::Held, "对方保持通话".into())),
        (false, true) => return Some((LineChange::Resumed, "对方恢复通话".into())),
        (true, true) | (false, false) => {}
    }
    let pairs = [("编码", &before.codec, &now.codec), ("媒体地址", &before.place, &now.place)];
    let changes: Vec<_> =
        pairs.iter().filter(|(_, b, n)| b != n).map(|(what, b, n)| format!("{what} {b} → {n}")).collect();
    (!changes.is_empty()).then(|| (LineChange::Renegotiated, format!("对方更改会话：{}", changes.join("，"))))
}

/// Waits until the BYE of an acknowledged call is on the wire; a lost line has none.
pub async fn bye_is_out(trace: &CallTrace) {
    let mut grown = trace.watch();
    let out = async {
        while trace.facts().acked_at.is_some() && trace.facts().bye_at.is_none() {
            if grown.changed().await.is_err() {
                return;
            }
        }
    };
    if timeout(BYE_LEAVES, out).await.is_err() {
        tracing::debug!("a call ended without a bye on the wire");
    }
}

/// The trace of one call and how much of it is saved.
pub struct TraceKeeper {
    call: CallId,
    trace: Arc<CallTrace>,
    /// Of the agent's telephone.
    agent: Option<Arc<CallTrace>>,
    /// Messages, and whether some were dropped. A call of which nothing was on the wire has no trace.
    saved: (usize, bool),
}

impl TraceKeeper {
    pub fn new(call: CallId, trace: Arc<CallTrace>, agent: Option<Arc<CallTrace>>) -> Self {
        Self { call, trace, agent, saved: (0, false) }
    }

    fn so_far(&self) -> SipTrace {
        let trace = self.trace.so_far();
        match &self.agent {
            Some(agent) => trace.with_agent(agent.so_far()),
            None => trace,
        }
    }

    /// Writes what there is, if it is more than was written. A failure costs the trace, never the call.
    pub async fn save(&mut self, engine: &Engine) {
        let trace = self.so_far();
        let state = (trace.messages.len(), trace.dropped > 0);
        if self.saved == state {
            return;
        }
        match engine.store.save_sip_trace(&self.call, &trace).await {
            Ok(()) => self.saved = state,
            Err(error) => tracing::error!(call.id = %self.call, %error, "the sip trace of a call could not be saved"),
        }
    }

    /// Until nothing can come any more, or the engine stops.
    pub async fn follow(mut self, engine: Arc<Engine>) {
        let mut grown = self.trace.watch();
        let mut agents = self.agent.as_ref().map(|agent| agent.watch());
        let late = sleep(LATE);
        tokio::pin!(late);
        // What came while the call was being concluded.
        self.save(&engine).await;
        loop {
            tokio::select! {
                () = &mut late => break,
                () = engine.stop.cancelled() => {
                    self.goodbye().await;
                    break;
                }
                // The senders live as long as the traces that are held here.
                _ = grown.changed() => {}
                () = changed(&mut agents) => {}
            }
            sleep(GATHER).await;
            self.save(&engine).await;
        }
        self.save(&engine).await;
    }

    async fn goodbye(&self) {
        let answered = async {
            for trace in std::iter::once(&self.trace).chain(&self.agent) {
                let mut grown = trace.watch();
                while trace.facts().awaits_answer() && grown.changed().await.is_ok() {}
            }
        };
        if timeout(GOODBYE, answered).await.is_err() {
            tracing::debug!(call.id = %self.call, "the engine stops before a far end has answered its bye");
        }
    }
}

/// Never where there is none.
async fn changed(grown: &mut Option<watch::Receiver<usize>>) {
    let still_written = match grown {
        Some(grown) => grown.changed().await.is_ok(),
        None => false,
    };
    if !still_written {
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::monotonic;

    fn sdp(address: &str, port: u16, codec: u8, direction: &str) -> Vec<u8> {
        format!(
            "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\nm=audio {port} RTP/AVP {codec}\r\n{direction}"
        )
        .into_bytes()
    }

    fn log_of(offers: &[Vec<u8>]) -> Vec<(f64, LineChange, String)> {
        let start = monotonic();
        let mut log = LineLog::default();
        log.described(&sdp("10.0.0.1", 4000, 8, ""));
        log.refused("before the answer", start);
        log.answered(start);
        log.described(b"");
        for (n, offer) in offers.iter().enumerate() {
            log.changed(offer, start + Duration::from_millis(1_500 * (n as u64 + 1)));
        }
        let entries = log.merged_into(vec![]).into_iter().map(|entry| match entry.event {
            JournalEvent::Line { change, text } => (entry.at_s, change, text),
            other => panic!("{other:?}"),
        });
        entries.collect()
    }

    #[test]
    fn a_reviewer_sees_when_and_how_the_line_changed() {
        let check = |offers: &[Vec<u8>], expected: &[(f64, LineChange, &str)]| {
            let expected: Vec<_> = expected.iter().map(|(at, change, text)| (*at, *change, text.to_string())).collect();
            assert_eq!(log_of(offers), expected);
        };
        let same = sdp("10.0.0.1", 4000, 8, "");
        for hold in [
            sdp("10.0.0.1", 4000, 8, "a=sendonly\r\n"),
            sdp("10.0.0.1", 4000, 8, "a=inactive\r\n"),
            sdp("0.0.0.0", 4000, 8, ""),
        ] {
            check(
                &[hold.clone(), hold, same.clone()],
                &[(1.5, LineChange::Held, "对方保持通话"), (4.5, LineChange::Resumed, "对方恢复通话")],
            );
        }
        check(&[same.clone(), b"junk".to_vec()], &[]);
        check(&[sdp("10.0.0.1", 4000, 0, "")], &[(1.5, LineChange::Renegotiated, "对方更改会话：编码 PCMA → PCMU")]);
        check(
            &[sdp("10.0.0.2", 5000, 0, "")],
            &[(
                1.5,
                LineChange::Renegotiated,
                "对方更改会话：编码 PCMA → PCMU，媒体地址 10.0.0.1:4000 → 10.0.0.2:5000",
            )],
        );
    }

    #[test]
    fn changes_stand_between_the_entries_of_the_conversation_and_have_an_end() {
        let start = monotonic();
        let mut log = LineLog::default();
        log.answered(start);
        log.key_by_info('5', start + Duration::from_secs(2));
        log.refused("x", start + Duration::from_secs(4));
        let note = |at_s| JournalEntry { at_s, event: JournalEvent::Note { text: String::new() } };
        let merged = log.merged_into(vec![note(1.0), note(3.0), note(4.0)]);
        assert_eq!(merged.iter().map(|e| e.at_s).collect::<Vec<_>>(), [1.0, 2.0, 3.0, 4.0, 4.0]);
        let mut log = LineLog::default();
        log.answered(start);
        (0..1_000).for_each(|_| log.refused("x", start));
        assert_eq!(log.merged_into(vec![]).len(), CHANGES_MAX);
    }
}
