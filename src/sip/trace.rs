//! Taps the SIP sockets: every message of our calls, as it is on the wire, filed by its Call-ID.
//!
//! Contract: [`Traces::tap`] is called with the bytes of each message that comes in (before anything is mended) or goes out, on every
//! transport; it costs a look for the Call-ID and nothing more when the message is none of a call's. A trace lives as long as
//! somebody holds its [`CallTrace`]: the call's task while it runs, the engine until no transaction of it can be alive. What may never
//! be kept is masked here. Limits: [`MESSAGES_MAX`] and [`BYTES_MAX`] of one call, [`ALL_BYTES_MAX`] of all; what exceeds them is
//! counted, not kept. The instants of a call ([`WireFacts`]) have no limit to run into.
//!
//! It does not follow dialogs: that a message names our Call-ID is enough to show it.

use crate::clock::Clock;
use crate::domain::call::Instants;
use crate::domain::call::trace::{Head, SipTrace, TraceLeg, TraceMessage, Way, mask};
use crate::domain::id::CallId;
use jiff::Timestamp;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::watch;

/// Messages kept of one call.
pub const MESSAGES_MAX: usize = 256;
/// Text kept of one call.
pub const BYTES_MAX: usize = 256 * 1024;
/// Text kept of all calls in memory.
const ALL_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The calls whose messages are kept.
pub struct Traces {
    clock: Arc<dyn Clock>,
    files: Mutex<HashMap<String, Weak<CallTrace>>>,
    bytes: AtomicUsize,
}

/// Where a message was tapped.
#[derive(Clone, Copy, Debug)]
pub struct Tap {
    pub way: Way,
    /// `UDP`, `TCP`, `TLS`.
    pub transport: &'static str,
    pub local: SocketAddr,
    pub peer: SocketAddr,
}

/// What the wire says of a call, beside the messages themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WireFacts {
    pub trying_at: Option<Timestamp>,
    pub acked_at: Option<Timestamp>,
    pub bye_at: Option<Timestamp>,
    /// Reason and Warning of the refusal of the INVITE, or of the BYE.
    pub reason: Option<String>,
    /// A 2xx to the INVITE has come.
    confirmed: bool,
    /// CSeq of our BYE or CANCEL that has no final response yet.
    unanswered: Option<(u32, String)>,
}

/// The trace of one call while it grows.
pub struct CallTrace {
    book: Arc<Traces>,
    call: String,
    page: Mutex<Page>,
    grown: watch::Sender<usize>,
}

#[derive(Default)]
struct Page {
    trace: SipTrace,
    bytes: usize,
    facts: WireFacts,
}

impl Traces {
    pub fn new(clock: Arc<dyn Clock>) -> Arc<Self> {
        Arc::new(Self { clock, files: Mutex::default(), bytes: AtomicUsize::new(0) })
    }

    /// Begins to keep the messages with this Call-ID. A second Call-ID of the same call is filed with the first.
    pub fn open(self: &Arc<Self>, call_id: &str, call: &CallId) -> Arc<CallTrace> {
        let trace = self.find(call).unwrap_or_else(|| {
            Arc::new(CallTrace {
                book: self.clone(),
                call: call.to_string(),
                page: Mutex::default(),
                grown: watch::Sender::new(0),
            })
        });
        self.files().insert(call_id.to_string(), Arc::downgrade(&trace));
        trace
    }

    /// The trace of a call of the engine, while somebody holds it.
    pub fn find(&self, call: &CallId) -> Option<Arc<CallTrace>> {
        // A trace that is dropped takes the lock itself: these are dropped after it is free.
        let found: Vec<Arc<CallTrace>> = self.files().values().filter_map(Weak::upgrade).collect();
        found.into_iter().find(|trace| trace.call == call.as_str())
    }

    /// One message as it is on the wire.
    pub fn tap(&self, tap: Tap, bytes: &[u8]) {
        let Some(call_id) = call_id_of(bytes) else { return };
        let Some(trace) = self.files().get(call_id).and_then(Weak::upgrade) else { return };
        trace.keep(self.clock.now(), tap, &String::from_utf8_lossy(bytes));
    }

    fn files(&self) -> MutexGuard<'_, HashMap<String, Weak<CallTrace>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CallTrace {
    /// What is kept so far.
    pub fn so_far(&self) -> SipTrace {
        self.page().trace.clone()
    }

    pub fn facts(&self) -> WireFacts {
        self.page().facts.clone()
    }

    /// Tells of every message: the number of messages so far.
    pub fn watch(&self) -> watch::Receiver<usize> {
        self.grown.subscribe()
    }

    fn keep(&self, at: Timestamp, tap: Tap, text: &str) {
        let mut page = self.page();
        page.facts.note(at, tap.way, Head::of(text));
        let text = mask::secrets(text);
        let before = self.book.bytes.fetch_add(text.len(), Ordering::Relaxed);
        let fits = page.trace.messages.len() < MESSAGES_MAX
            && page.bytes + text.len() <= BYTES_MAX
            && before + text.len() <= ALL_BYTES_MAX;
        // After the first that did not fit nothing is kept: a trace has no holes.
        if fits && page.trace.dropped == 0 {
            page.bytes += text.len();
            page.trace.messages.push(TraceMessage {
                at,
                leg: TraceLeg::default(),
                way: tap.way,
                transport: tap.transport.into(),
                local: tap.local.to_string(),
                peer: tap.peer.to_string(),
                text: text.into_owned(),
            });
        } else {
            self.book.bytes.fetch_sub(text.len(), Ordering::Relaxed);
            page.trace.dropped = page.trace.dropped.saturating_add(1);
        }
        drop(page);
        self.grown.send_modify(|n| *n += 1);
    }

    fn page(&self) -> MutexGuard<'_, Page> {
        self.page.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for CallTrace {
    fn drop(&mut self) {
        self.book.bytes.fetch_sub(self.page().bytes, Ordering::Relaxed);
        self.book.files().retain(|_, trace| trace.strong_count() > 0);
    }
}

impl WireFacts {
    /// As instants of the call.
    pub fn instants(&self) -> Instants {
        Instants { trying_at: self.trying_at, acked_at: self.acked_at, bye_at: self.bye_at, ..Instants::default() }
    }

    /// Our BYE or CANCEL waits for its answer.
    pub fn awaits_answer(&self) -> bool {
        self.unanswered.is_some()
    }

    fn note(&mut self, at: Timestamp, way: Way, head: Head<'_>) {
        let Some((number, method)) = head.cseq() else { return };
        match (way, method.as_str(), head.status()) {
            (Way::Received, "INVITE", Some(100..=199)) => drop(self.trying_at.get_or_insert(at)),
            (Way::Received, "INVITE", Some(200..=299)) => {
                self.confirmed = true;
                self.reason = None;
            }
            // The refusal that counts is the last: before it there may have been a challenge or a redirection.
            (Way::Received, "INVITE", Some(300..)) if !self.confirmed => self.reason = head.reason(),
            (Way::Sent, "ACK", None) if self.confirmed => drop(self.acked_at.get_or_insert(at)),
            (_, "BYE" | "CANCEL", None) => self.leaves(at, way, number, &method, head),
            (Way::Received, "BYE" | "CANCEL", Some(200..)) => {
                self.unanswered.take_if(|asked| *asked == (number, method));
            }
            _ => {}
        }
    }

    fn leaves(&mut self, at: Timestamp, way: Way, number: u32, method: &str, head: Head<'_>) {
        if method == "BYE" && self.bye_at.is_none() {
            self.bye_at = Some(at);
            if way == Way::Received {
                self.reason = head.reason();
            }
        }
        if way == Way::Sent {
            self.unanswered = Some((number, method.into()));
        }
    }
}

/// The value of Call-ID (or `i`) in the header section; folded onto the next line as well.
fn call_id_of(message: &[u8]) -> Option<&str> {
    let mut lines = message.split(|b| *b == b'\n').skip(1);
    while let Some(line) = lines.next() {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            return None;
        }
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let name = line[..colon].trim_ascii_end();
        if name.eq_ignore_ascii_case(b"call-id") || name.eq_ignore_ascii_case(b"i") {
            let value = match line[colon + 1..].trim_ascii() {
                b"" => lines.next()?.trim_ascii(),
                value => value,
            };
            return std::str::from_utf8(value).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const LOCAL: ([u8; 4], u16) = ([10, 0, 0, 5], 5060);
    const PEER: ([u8; 4], u16) = ([10, 0, 0, 1], 5060);

    fn traces() -> Arc<Traces> {
        Traces::new(Arc::new(ManualClock::at(Timestamp::from_second(1_763_000_000).unwrap())))
    }

    fn tap(traces: &Traces, way: Way, text: &str) {
        traces.tap(Tap { way, transport: "UDP", local: LOCAL.into(), peer: PEER.into() }, text.as_bytes());
    }

    fn message(start: &str, cseq: &str, more: &str) -> String {
        format!("{start}\r\nCall-ID: id@h\r\nCSeq: {cseq}\r\n{more}\r\n")
    }

    #[test]
    fn a_call_id_is_found_in_every_form() {
        for (message, expected) in [
            ("INVITE x\r\nVia: y\r\nCall-ID: id@h\r\n\r\n", Some("id@h")),
            ("SIP/2.0 200 OK\r\ncall-id\t :id@h \r\n\r\n", Some("id@h")),
            ("SIP/2.0 200 OK\r\ni:\r\n id@h\r\n\r\n", Some("id@h")),
            ("X\nI: id@h\n\n", Some("id@h")),
            ("X\r\n\r\nCall-ID: body\r\n", None),
            ("Call-ID: first line\r\n", None),
            ("", None),
        ] {
            assert_eq!(call_id_of(message.as_bytes()), expected, "{message:?}");
        }
        assert_eq!(call_id_of(b"X\r\nCall-ID: \xff\r\n\r\n"), None);
    }

    #[test]
    fn only_messages_of_our_calls_are_kept_with_their_repetitions_and_without_secrets() {
        let traces = traces();
        let ours = traces.open("id@h", &CallId::new("call"));
        let invite = message("INVITE sip:x SIP/2.0", "1 INVITE", "Authorization: Digest response=\"secret\"\r\n");
        tap(&traces, Way::Sent, &invite);
        tap(&traces, Way::Sent, &invite);
        tap(&traces, Way::Received, &message("SIP/2.0 200 OK", "1 INVITE", "").replace("id@h", "other@h"));
        let trace = ours.so_far();
        assert_eq!((trace.messages.len(), trace.is_repeated(0), trace.is_repeated(1)), (2, false, true));
        assert_eq!(trace.messages[0].text, invite.replace("secret", "***"));
        assert_eq!(
            (trace.messages[0].local.as_str(), trace.messages[0].peer.as_str()),
            ("10.0.0.5:5060", "10.0.0.1:5060")
        );
    }

    #[test]
    fn a_trace_ends_with_who_holds_it_and_a_second_call_id_is_filed_with_the_first() {
        let traces = traces();
        let first = traces.open("id@h", &CallId::new("call"));
        let second = traces.open("again@h", &CallId::new("call"));
        assert!(Arc::ptr_eq(&first, &second) && Arc::ptr_eq(&first, &traces.find(&CallId::new("call")).unwrap()));
        tap(&traces, Way::Sent, &message("INVITE sip:x SIP/2.0", "1 INVITE", ""));
        assert!(traces.bytes.load(Ordering::Relaxed) > 0);
        drop((first, second));
        assert!(traces.find(&CallId::new("call")).is_none() && traces.files().is_empty());
        assert_eq!(traces.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn a_far_end_that_floods_is_cut_off_and_the_rest_is_counted() {
        for (text, kept) in [
            (message("OPTIONS sip:x SIP/2.0", "1 OPTIONS", ""), MESSAGES_MAX),
            (message("OPTIONS sip:x SIP/2.0", "1 OPTIONS", &format!("X: {}\r\n", "y".repeat(40_000))), 6),
        ] {
            let traces = traces();
            let ours = traces.open("id@h", &CallId::new("call"));
            for _ in 0..MESSAGES_MAX + 10 {
                tap(&traces, Way::Received, &text);
            }
            tap(&traces, Way::Received, &message("BYE sip:x SIP/2.0", "2 BYE", ""));
            let trace = ours.so_far();
            assert_eq!((trace.messages.len(), trace.dropped as usize), (kept, MESSAGES_MAX + 11 - kept));
            assert!(ours.facts().bye_at.is_some(), "what the wire says of the call has no limit");
        }
    }

    #[test]
    fn the_facts_of_a_call_are_read_off_the_wire() {
        use Way::{Received, Sent};
        let check = |messages: &[(Way, &str, &str, &str)], want: (bool, bool, bool, Option<&str>, bool)| {
            let traces = traces();
            let ours = traces.open("id@h", &CallId::new("call"));
            for (way, start, cseq, more) in messages {
                tap(&traces, *way, &message(start, cseq, more));
            }
            let f = ours.facts();
            let got = (
                f.trying_at.is_some(),
                f.acked_at.is_some(),
                f.bye_at.is_some(),
                f.reason.as_deref(),
                f.awaits_answer(),
            );
            assert_eq!(got, want, "{messages:?}");
        };
        const INVITE: (Way, &str, &str, &str) = (Sent, "INVITE sip:x SIP/2.0", "1 INVITE", "");
        let ack = (Sent, "ACK sip:x SIP/2.0", "1 ACK", "");
        check(&[INVITE], (false, false, false, None, false));
        // The ACK of a refusal is not the ACK of an answer; the last refusal says why.
        check(
            &[
                INVITE,
                (Received, "SIP/2.0 100 Trying", "1 INVITE", ""),
                (Received, "SIP/2.0 407 Auth", "1 INVITE", "Reason: SIP;cause=407\r\n"),
                ack,
                (Received, "SIP/2.0 486 Busy", "2 INVITE", "Reason: Q.850;cause=17\r\nWarning: 399 h \"x\"\r\n"),
                ack,
            ],
            (true, false, false, Some("Q.850;cause=17; Warning: 399 h \"x\""), false),
        );
        let answered = [INVITE, (Received, "SIP/2.0 200 OK", "1 INVITE", ""), ack];
        check(&answered, (false, true, false, None, false));
        let theirs = (Received, "BYE sip:us SIP/2.0", "1 BYE", "Reason: Q.850;cause=16\r\n");
        check(&[&answered[..], &[theirs]].concat(), (false, true, true, Some("Q.850;cause=16"), false));
        let ours = (Sent, "BYE sip:x SIP/2.0", "2 BYE", "Reason: Q.850;cause=16\r\n");
        check(&[&answered[..], &[ours]].concat(), (false, true, true, None, true));
        let late = (Received, "SIP/2.0 200 OK", "2 BYE", "");
        check(&[&answered[..], &[ours, late]].concat(), (false, true, true, None, false));
        // A refusal of our own re-INVITE is no end of the call.
        let refused = (Received, "SIP/2.0 488 No", "3 INVITE", "Reason: SIP;cause=488\r\n");
        check(&[&answered[..], &[refused]].concat(), (false, true, false, None, false));
    }
}
