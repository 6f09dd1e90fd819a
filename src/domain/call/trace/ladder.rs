//! The ladder diagram of a call: its messages as arrows between two posts, with what media and recorder did in between.
//!
//! One model ([`Ladder`]), two renderings: columns of plain text, and SVG. Pure; what it shows is what the trace, the instants and
//! the journal say, nothing is guessed. Only first lines and CSeq are shown; the messages themselves are in the trace.

use super::mask;
use super::{SipTrace, TraceLeg, TraceMessage, Way};
use crate::domain::call::Call;
use crate::domain::call::journal::JournalEvent;
use jiff::Timestamp;

/// Longest label of an arrow, characters.
const LABEL_CHARS_MAX: usize = 40;
const NOTE_CHARS_MAX: usize = 60;

/// One line of the diagram.
#[derive(Clone, Debug, PartialEq)]
pub struct Rung {
    /// Seconds since the first rung.
    pub at_s: f64,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// Between us on the left and the far end on the right.
    Arrow { way: Way, label: String, note: String },
    /// Something that is no message: media, recorder, hold.
    Mark { text: String },
}

#[derive(Clone, Debug, PartialEq)]
pub struct Ladder {
    pub us: String,
    pub far: String,
    pub begins: Timestamp,
    pub rungs: Vec<Rung>,
    pub dropped: u32,
}

impl Ladder {
    pub fn of(call: &Call, trace: &SipTrace) -> Self {
        let first = trace.messages.iter().find(|m| m.leg == TraceLeg::Customer).or(trace.messages.first());
        let far = first.map_or("", |m| m.peer.as_str());
        let arrows = trace.messages.iter().enumerate().map(|(n, message)| {
            let (label, note) = (label(message), note(message, far, trace.is_repeated(n)));
            (message.at, What::Arrow { way: message.way, label, note })
        });
        let mut all: Vec<(Timestamp, What)> = arrows.chain(marks(call)).collect();
        // Marks are known to the millisecond, messages finer. Stable: in one millisecond the messages stand in the order of the wire,
        // and before what followed from them.
        all.sort_by_key(|(at, _)| at.as_millisecond());
        let begins = all.first().map_or(Timestamp::UNIX_EPOCH, |(at, _)| *at);
        let rungs = all.into_iter().map(|(at, what)| Rung { at_s: at.duration_since(begins).as_secs_f64(), what });
        Self {
            us: format!("huifang {}", first.map_or("", |m| m.local.as_str())),
            far: format!("{} {far}", call.trunk.as_deref().unwrap_or("far end")),
            begins,
            rungs: rungs.collect(),
            dropped: trace.dropped,
        }
    }

    fn dropped_note(&self) -> Option<String> {
        (self.dropped > 0).then(|| format!("{} more messages were not kept", self.dropped))
    }
}

/// Even a first line may hold a number, or what steers a terminal: a reason phrase is free text.
fn label(message: &TraceMessage) -> String {
    let text = mask::numbers(message.head().label());
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(LABEL_CHARS_MAX).collect()
}

fn note(message: &TraceMessage, far: &str, repeated: bool) -> String {
    let head = message.head();
    let mut parts = Vec::new();
    if let Some((number, method)) = head.cseq() {
        // A request says its method already.
        parts.push(if head.status().is_some() { format!("{number} {method}") } else { number.to_string() });
    }
    if head.values("Content-Type", "c").iter().any(|t| t.to_ascii_lowercase().starts_with("application/sdp")) {
        parts.push("SDP".into());
    }
    match message.leg {
        TraceLeg::Agent => parts.push(format!("agent {}", message.peer)),
        TraceLeg::Customer if message.peer != far => parts.push(format!("with {}", message.peer)),
        TraceLeg::Customer => {}
    }
    if repeated {
        parts.push("again".into());
    }
    parts.join(", ").chars().take(NOTE_CHARS_MAX).collect()
}

fn marks(call: &Call) -> impl Iterator<Item = (Timestamp, What)> {
    let i = &call.instants;
    let recorded = call.recording.is_some();
    let recording_begins = i.answered_at.map(|answered| i.early_media_at.map_or(answered, |early| early.min(answered)));
    let instants = [
        (i.claimed_at.filter(|_| i.invited_at.is_some()), "recorder open"),
        (recording_begins.or(i.early_media_at).filter(|_| recorded), "recording begins"),
        (i.first_rtp_out_at, "first RTP sent"),
        (i.first_rtp_in_at, "first RTP received"),
        (i.ended_at.filter(|_| recorded), "recording ends"),
    ];
    let line = call.journal.iter().filter_map(move |entry| match &entry.event {
        JournalEvent::Line { text, .. } | JournalEvent::Seat { text, .. } => {
            // The answer's instant is cut to the millisecond: what came of a message must not stand before it.
            let after = jiff::SignedDuration::try_from_secs_f64(entry.at_s + 0.001).ok()?;
            Some((i.answered_at?.checked_add(after).ok()?, What::Mark { text: text.clone() }))
        }
        JournalEvent::Prompt { .. }
        | JournalEvent::PromptEnded { .. }
        | JournalEvent::Answer { .. }
        | JournalEvent::Key { .. }
        | JournalEvent::Silence { .. }
        | JournalEvent::Step { .. }
        | JournalEvent::Note { .. } => None,
    });
    let instants = instants.into_iter().filter_map(|(at, text)| Some((at?, What::Mark { text: text.into() })));
    instants.chain(line)
}

/// Characters between the two posts.
const WIDTH: usize = 46;
const LEFT: usize = 10;

impl Ladder {
    /// Columns of plain text, about a hundred characters wide.
    pub fn text(&self) -> String {
        let pad = WIDTH.saturating_sub(self.us.chars().count()) + 2;
        let mut out = format!("{:>8}  {}{:pad$}{}\n", "seconds", self.us, "", self.far);
        for rung in &self.rungs {
            let line = match &rung.what {
                What::Arrow { way, label, note } => format!("|{}|  {note}", arrow(*way, label)),
                What::Mark { text } => format!("|{:WIDTH$}|  * {text}", ""),
            };
            out.push_str(format!("{:>8.3}  {line}", rung.at_s).trim_end());
            out.push('\n');
        }
        if let Some(note) = self.dropped_note() {
            out.push_str(&format!("{:LEFT$}{note}\n", ""));
        }
        out
    }
}

/// `---- INVITE ---->`, as wide as the posts are apart.
fn arrow(way: Way, label: &str) -> String {
    let dashes = WIDTH.saturating_sub(label.chars().count() + 3);
    let (before, after) = ("-".repeat(dashes / 2), "-".repeat(dashes - dashes / 2));
    match way {
        Way::Sent => format!("{before} {label} {after}>"),
        Way::Received => format!("<{before} {label} {after}"),
    }
}

const SVG_WIDTH: u32 = 960;
const POST_US: u32 = 110;
const POST_FAR: u32 = 600;
const TOP: usize = 70;
const STEP: usize = 26;

impl Ladder {
    /// A drawing of itself: no script, no style sheet, nothing loaded from elsewhere.
    pub fn svg(&self) -> String {
        let bottom = TOP + STEP * (self.rungs.len() + usize::from(self.dropped > 0));
        let mut out = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{SVG_WIDTH}\" height=\"{}\" font-family=\"monospace\" \
             font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
            bottom + STEP
        );
        for (x, name) in [(POST_US, &self.us), (POST_FAR, &self.far)] {
            out.push_str(&label_at(x, 30, "middle", name));
            out.push_str(&format!("<line x1=\"{x}\" y1=\"40\" x2=\"{x}\" y2=\"{bottom}\" stroke=\"#999\"/>\n"));
        }
        for (n, rung) in self.rungs.iter().enumerate() {
            let y = TOP + STEP * n;
            out.push_str(&label_at(POST_US - 12, y + 4, "end", &format!("{:.3} s", rung.at_s)));
            match &rung.what {
                What::Arrow { way, label, note } => {
                    out.push_str(&label_at((POST_US + POST_FAR) / 2, y - 4, "middle", label));
                    out.push_str(&line_with_tip(*way, y));
                    out.push_str(&label_at(POST_FAR + 12, y + 4, "start", note));
                }
                What::Mark { text } => {
                    out.push_str(&format!("<circle cx=\"{POST_US}\" cy=\"{y}\" r=\"4\" fill=\"#06c\"/>\n"));
                    out.push_str(&label_at(POST_US + 12, y + 4, "start", text));
                }
            }
        }
        if let Some(note) = self.dropped_note() {
            out.push_str(&label_at(POST_US + 12, bottom, "start", &note));
        }
        out.push_str("</svg>\n");
        out
    }
}

fn label_at(x: u32, y: usize, anchor: &str, text: &str) -> String {
    format!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{}</text>\n", escaped(text))
}

fn line_with_tip(way: Way, y: usize) -> String {
    let (tip, back) = match way {
        Way::Sent => (POST_FAR, POST_FAR - 8),
        Way::Received => (POST_US, POST_US + 8),
    };
    format!(
        "<path d=\"M{POST_US} {y}H{POST_FAR}M{back} {}L{tip} {y}L{back} {}\" stroke=\"black\" fill=\"none\"/>\n",
        y - 4,
        y + 4
    )
}

/// Text of XML: markup as entities; what XML cannot hold as U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::call::Instants;
    use crate::domain::call::journal::{JournalEntry, LineChange};
    use crate::domain::id::{CallId, OrderNo, VisitId};
    use crate::domain::phone::Phone;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_763_000_000_000 + ms).unwrap()
    }

    fn message(ms: i64, way: Way, text: &str) -> TraceMessage {
        let (local, peer) = ("10.0.0.5:5060".into(), "10.0.0.1:5060".into());
        let leg = TraceLeg::Customer;
        TraceMessage { at: at(ms), leg, way, transport: "UDP".into(), local, peer, text: text.into() }
    }

    fn call() -> Call {
        Call {
            trunk: Some("line".into()),
            instants: Instants {
                claimed_at: Some(at(0)),
                invited_at: Some(at(2)),
                answered_at: Some(at(2_000)),
                first_rtp_in_at: Some(at(2_040)),
                ended_at: Some(at(5_000)),
                ..Instants::default()
            },
            journal: vec![JournalEntry {
                at_s: 1.5,
                event: JournalEvent::Line { change: LineChange::Held, text: "对方保持通话".into() },
            }],
            ..Call::claimed(
                CallId::new("c"),
                VisitId::new("v"),
                OrderNo::new("o"),
                1,
                Phone::parse("13812345678").unwrap(),
                "excavator".into(),
                at(0),
            )
        }
    }

    fn trace() -> SipTrace {
        use Way::{Received, Sent};
        let invite = "INVITE sip:1 SIP/2.0\r\nCSeq: 1 INVITE\r\nc: application/sdp\r\n\r\n";
        let messages = vec![
            message(2, Sent, invite),
            message(502, Sent, invite),
            message(510, Received, "SIP/2.0 180 <&>\u{7} call 13912345678\r\nCSeq: 1 INVITE\r\n\r\n"),
            message(2_000, Received, "SIP/2.0 200 OK\r\nCSeq: 1 INVITE\r\n\r\n"),
            TraceMessage { peer: "10.0.0.9:5060".into(), ..message(5_000, Received, "BYE sip:x SIP/2.0\r\n\r\n") },
        ];
        SipTrace { messages, dropped: 3 }
    }

    #[test]
    fn the_text_shows_messages_media_and_what_was_repeated() {
        let shown = Ladder::of(&call(), &trace()).text();
        let expected = "\x20seconds  huifang 10.0.0.5:5060                           line 10.0.0.1:5060
   0.000  |                                              |  * recorder open
   0.002  |------------------ INVITE ------------------->|  1, SDP
   0.502  |------------------ INVITE ------------------->|  1, SDP, again
   0.510  |<--------- 180 <&>\u{fffd} call 139****5678 ---------|  1 INVITE
   2.000  |<------------------ 200 OK -------------------|  1 INVITE
   2.040  |                                              |  * first RTP received
   3.501  |                                              |  * 对方保持通话
   5.000  |<-------------------- BYE --------------------|  with 10.0.0.9:5060
          3 more messages were not kept
";
        assert_eq!(shown, expected, "\n{shown}");
    }

    #[test]
    fn the_drawing_shows_the_same_and_what_the_far_end_wrote_cannot_break_it() {
        let ladder = Ladder::of(&call(), &trace());
        let svg = ladder.svg();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
        assert!(svg.contains("180 &lt;&amp;&gt;\u{fffd} call 139****5678") && svg.contains("对方保持通话"), "{svg}");
        assert_eq!(svg.matches("<path ").count(), 5, "an arrow for each message");
        assert_eq!(svg.matches("<circle ").count(), 3, "a mark for everything else");
    }

    #[test]
    fn the_agents_telephone_stands_beside_the_customers_and_is_named() {
        let agent = message(1, Way::Sent, "INVITE sip:anna@10.0.0.7 SIP/2.0\r\nCSeq: 1 INVITE\r\n\r\n");
        let agent = SipTrace { messages: vec![TraceMessage { peer: "10.0.0.7:5060".into(), ..agent }], dropped: 1 };
        let shown = Ladder::of(&call(), &trace().with_agent(agent)).text();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines[0].ends_with("line 10.0.0.1:5060"), "the far end is the customer's: {}", lines[0]);
        assert!(lines[2].starts_with("   0.001") && lines[2].ends_with("1, agent 10.0.0.7:5060"), "{}", lines[2]);
        assert!(shown.ends_with("4 more messages were not kept\n"), "{shown}");
    }

    #[test]
    fn a_call_without_messages_has_an_empty_ladder() {
        let ladder = Ladder::of(&call(), &SipTrace::default());
        assert!(ladder.rungs.iter().all(|r| matches!(r.what, What::Mark { .. })));
        assert!(ladder.svg().ends_with("</svg>\n"));
    }
}
