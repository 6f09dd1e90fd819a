//! The SIP trace of one call: every message of its dialogs as it was on the wire, in order, both ways.
//!
//! Contract: a repeated message is there as often as it was on the wire. What must never be kept (digest answers, SRTP keys) is
//! taken out before a message gets here ([`mask::secrets`]); telephone numbers are masked when it is read ([`mask::people`]).
//! Bytes that are not UTF-8 are shown as U+FFFD. Not here: sockets and limits (`sip::trace`), what the call came to.

pub mod ladder;
pub mod mask;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Which way a message went, as we see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    Sent,
    Received,
}

/// Whose leg of the call a message belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TraceLeg {
    #[default]
    Customer,
    /// The agent's telephone, which is called before the customer is.
    Agent,
}

/// One message on the wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceMessage {
    pub at: Timestamp,
    #[serde(default)]
    pub leg: TraceLeg,
    pub way: Way,
    /// `UDP`, `TCP`, `TLS`.
    pub transport: String,
    /// Addresses with ports.
    pub local: String,
    pub peer: String,
    pub text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipTrace {
    pub messages: Vec<TraceMessage>,
    /// Messages beyond the limits of a trace, which were not kept.
    pub dropped: u32,
}

impl SipTrace {
    /// With the messages of the agent's telephone in their places.
    pub fn with_agent(mut self, agent: SipTrace) -> Self {
        self.messages.extend(agent.messages.into_iter().map(|m| TraceMessage { leg: TraceLeg::Agent, ..m }));
        self.messages.sort_by_key(|m| m.at);
        self.dropped = self.dropped.saturating_add(agent.dropped);
        self
    }

    /// Whether message `n` is a repetition of an earlier one: the same bytes the same way.
    pub fn is_repeated(&self, n: usize) -> bool {
        let Some(message) = self.messages.get(n) else { return false };
        self.messages[..n].iter().any(|m| m.way == message.way && m.text == message.text)
    }
}

impl TraceMessage {
    pub fn head(&self) -> Head<'_> {
        Head::of(&self.text)
    }
}

/// The first line and the headers of a message, read leniently: a trace shows what was there, whatever it was.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    text: &'a str,
}

impl<'a> Head<'a> {
    pub fn of(message: &'a str) -> Self {
        let end = message.find("\r\n\r\n").or_else(|| message.find("\n\n")).unwrap_or(message.len());
        Self { text: &message[..end] }
    }

    /// The status of a response; `None` for a request.
    pub fn status(self) -> Option<u16> {
        self.text.strip_prefix("SIP/2.0 ")?.get(..3)?.parse().ok()
    }

    /// `INVITE`, `180 Ringing`: what an arrow of the ladder says.
    pub fn label(self) -> &'a str {
        let line = self.text.lines().next().unwrap_or("").trim();
        match line.strip_prefix("SIP/2.0 ") {
            Some(status) => status.trim(),
            None => line.split(' ').next().unwrap_or(""),
        }
    }

    /// Values of a header in the order they came; folded lines are joined. `compact` is its one-letter form, or empty.
    pub fn values(self, name: &str, compact: &str) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut taken = false;
        for line in self.text.lines().skip(1) {
            if line.starts_with([' ', '\t']) {
                if let Some(last) = found.last_mut().filter(|_| taken) {
                    last.push(' ');
                    last.push_str(line.trim());
                }
                continue;
            }
            let Some((key, value)) = line.split_once(':') else { continue };
            let key = key.trim();
            taken = key.eq_ignore_ascii_case(name) || (!compact.is_empty() && key.eq_ignore_ascii_case(compact));
            if taken {
                found.push(value.trim().to_string());
            }
        }
        found
    }

    /// Number and method of CSeq.
    pub fn cseq(self) -> Option<(u32, String)> {
        let value = self.values("CSeq", "").into_iter().next()?;
        let mut words = value.split_whitespace();
        Some((words.next()?.parse().ok()?, words.next()?.to_string()))
    }

    /// The Reason headers, then each Warning: why the far end says that it ended or refused.
    pub fn reason(self) -> Option<String> {
        let reasons = self.values("Reason", "").join(", ");
        let warnings = self.values("Warning", "").into_iter().map(|w| format!("Warning: {w}"));
        let parts: Vec<String> = Some(reasons).filter(|r| !r.is_empty()).into_iter().chain(warnings).collect();
        let all: String = parts.join("; ").chars().take(REASON_CHARS_MAX).collect();
        (!all.is_empty()).then_some(all)
    }
}

const REASON_CHARS_MAX: usize = 300;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_whatever_its_form() {
        let check = |text: &str, label: &str, status: Option<u16>, cseq: Option<(u32, &str)>, reason: Option<&str>| {
            let head = Head::of(text);
            assert_eq!((head.label(), head.status()), (label, status), "{text}");
            assert_eq!(head.cseq(), cseq.map(|(n, m)| (n, m.to_string())), "{text}");
            assert_eq!(head.reason().as_deref(), reason, "{text}");
        };
        check(
            "INVITE sip:a@b SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\nReason: body",
            "INVITE",
            None,
            Some((1, "INVITE")),
            None,
        );
        check(
            "SIP/2.0 486 Busy Here\r\ncseq :  7\r\n  INVITE\r\nReason: Q.850;cause=17;text=\"User busy\"\r\n\r\n",
            "486 Busy Here",
            Some(486),
            Some((7, "INVITE")),
            Some("Q.850;cause=17;text=\"User busy\""),
        );
        check(
            "BYE sip:a SIP/2.0\r\nReason: SIP;cause=200\r\nreason: Q.850;cause=16\r\nWarning: 399 x \"y\"\r\n\r\n",
            "BYE",
            None,
            None,
            Some("SIP;cause=200, Q.850;cause=16; Warning: 399 x \"y\""),
        );
        check("SIP/2.0 \u{fffd}", "\u{fffd}", None, None, None);
        check("", "", None, None, None);
    }
}
