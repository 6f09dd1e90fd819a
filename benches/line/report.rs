//! Figures of one step: from the kernel's counts, from the calls' own records, and from the files.

use crate::usage::Usage;
use anyhow::Context;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::path::Path;

/// A recording as long as its call is whole: 20 ms.
const WHOLE_S: f64 = 0.020;
/// Frames of the WAV: 16-bit stereo at 8 kHz behind 44 bytes of header.
const BYTES_PER_S: f64 = 32_000.0;
const HEADER: u64 = 44;

pub struct Window {
    pub from: Timestamp,
    pub to: Timestamp,
    pub before: Usage,
    pub after: Usage,
    pub dropped: Dropped,
    pub stolen_percent: f64,
}

/// Packets lost by a full receive buffer until the end of the window.
#[derive(Clone, Copy, Serialize)]
pub struct Dropped {
    pub engine: u64,
    pub far: u64,
}

#[derive(Serialize)]
pub struct Step {
    calls: usize,
    /// Up during the window, on average.
    calls_up: f64,
    cpu_percent_per_call: f64,
    cpu_percent: f64,
    recorder_percent_per_call: f64,
    rss_mb: f64,
    /// Claim → INVITE, INVITE → answer, in milliseconds: half of the calls, and 99 of 100.
    invite_ms: [f64; 2],
    answer_ms: [f64; 2],
    packets_sent: u64,
    packets_received: u64,
    packets_lost: u64,
    packets_late: u64,
    dropped: Dropped,
    /// Of the machine's processor time, by its host.
    stolen_percent: f64,
    /// Sent of what 20 ms packets for the length of the calls would be.
    sent_percent: f64,
    answered: usize,
    /// Recordings whose file is as long as the call, within 20 ms, in per cent.
    whole_length_percent: f64,
    /// The furthest that a file's length is off, milliseconds.
    worst_length_ms: f64,
    /// Seconds without a gap, of all seconds recorded, in per cent.
    sound_percent: f64,
}

pub fn head() -> &'static str {
    "| calls | up | % of a core per call | recorder's share | RSS MB | claim→INVITE ms p50/p99 | INVITE→answer ms p50/p99 | sent % | lost (dropped: engine, far) | late \
     | as long as the call % (worst ms) | without gaps % | stolen % |\n|--|--|--|--|--|--|--|--|--|--|--|--|--|"
}

impl Step {
    pub fn new(
        calls: usize,
        rows: &[Value],
        store: &Path,
        window: Window,
        recorder_percent: f64,
    ) -> anyhow::Result<Step> {
        let spoken: Vec<Spoken> =
            rows.iter().filter_map(|row| Spoken::of(row, store).transpose()).collect::<Result<_, _>>()?;
        let window_s = seconds(window.from, window.to);
        let up_s: f64 = spoken.iter().map(|call| call.overlap_s(&window)).sum();
        let calls_up = up_s / window_s;
        let cpu_percent = (window.after.cpu_s - window.before.cpu_s) / window_s * 100.0;
        let off: Vec<f64> = spoken.iter().map(|call| (call.file_s - call.talk_s).abs()).collect();
        let sum = |field: &str| spoken.iter().map(|call| call.counter(field)).sum::<u64>();
        let (talk_s, gap_s): (f64, f64) =
            spoken.iter().fold((0.0, 0.0), |(t, g), call| (t + call.talk_s, g + call.gap_s));
        Ok(Step {
            calls,
            calls_up,
            cpu_percent_per_call: cpu_percent / calls_up,
            cpu_percent,
            recorder_percent_per_call: recorder_percent,
            rss_mb: window.after.rss_mb,
            invite_ms: quantiles(rows, "claimed_at", "invited_at"),
            answer_ms: quantiles(rows, "invited_at", "answered_at"),
            packets_sent: sum("packets_sent"),
            packets_received: sum("packets_received"),
            packets_lost: sum("packets_lost"),
            packets_late: sum("packets_late"),
            dropped: window.dropped,
            stolen_percent: window.stolen_percent,
            sent_percent: sum("packets_sent") as f64 / (talk_s * 50.0) * 100.0,
            answered: spoken.len(),
            whole_length_percent: percent(off.iter().filter(|off| **off <= WHOLE_S).count(), calls),
            worst_length_ms: off.iter().copied().fold(0.0, f64::max) * 1_000.0,
            sound_percent: (1.0 - gap_s / talk_s) * 100.0,
        })
    }

    pub fn row(&self) -> String {
        let share = self.recorder_percent_per_call / self.cpu_percent_per_call * 100.0;
        format!(
            "| {} | {:.0} | {:.3} | {:.3} ({share:.0} %) | {:.0} | {:.0}/{:.0} | {:.0}/{:.0} | {:.2} | {} ({}, {}) | {} | {:.1} ({:.0}) | {:.3} | {:.0} |",
            self.calls,
            self.calls_up,
            self.cpu_percent_per_call,
            self.recorder_percent_per_call,
            self.rss_mb,
            self.invite_ms[0],
            self.invite_ms[1],
            self.answer_ms[0],
            self.answer_ms[1],
            self.sent_percent,
            self.packets_lost,
            self.dropped.engine,
            self.dropped.far,
            self.packets_late,
            self.whole_length_percent,
            self.worst_length_ms,
            self.sound_percent,
            self.stolen_percent,
        )
    }
}

/// One answered call.
struct Spoken<'a> {
    leg: &'a Value,
    answered_at: Timestamp,
    ended_at: Timestamp,
    talk_s: f64,
    /// Of the file on disk, without early media.
    file_s: f64,
    gap_s: f64,
}

impl<'a> Spoken<'a> {
    /// `None`: never answered.
    fn of(row: &'a Value, store: &Path) -> anyhow::Result<Option<Self>> {
        let (Some(answered_at), Some(ended_at)) = (instant(row, "answered_at"), instant(row, "ended_at")) else {
            return Ok(None);
        };
        let recording = &row["recording"];
        // A call without a recording counts as a file of no length.
        let bytes = match recording["file"].as_str() {
            Some(file) => std::fs::metadata(store.join(file)).with_context(|| file.to_owned())?.len(),
            None => HEADER,
        };
        let early_s = recording["answered_at_s"].as_f64().unwrap_or(0.0);
        let gaps = recording["gaps"].as_array().into_iter().flatten();
        let gap_s = gaps.map(|gap| gap["to_s"].as_f64().unwrap_or(0.0) - gap["from_s"].as_f64().unwrap_or(0.0)).sum();
        let file_s = bytes.saturating_sub(HEADER) as f64 / BYTES_PER_S - early_s;
        let talk_s = seconds(answered_at, ended_at);
        Ok(Some(Self { leg: &row["legs"][0], answered_at, ended_at, talk_s, file_s, gap_s }))
    }

    fn overlap_s(&self, window: &Window) -> f64 {
        seconds(self.answered_at.max(window.from), self.ended_at.min(window.to)).max(0.0)
    }

    fn counter(&self, field: &str) -> u64 {
        self.leg[field].as_u64().unwrap_or(0)
    }
}

fn instant(row: &Value, field: &str) -> Option<Timestamp> {
    row[field].as_str()?.parse().ok()
}

fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// The middle and the 99th hundredth of what lies between two instants, milliseconds.
fn quantiles(rows: &[Value], from: &str, to: &str) -> [f64; 2] {
    let took = |row| Some(seconds(instant(row, from)?, instant(row, to)?) * 1_000.0);
    let mut all: Vec<f64> = rows.iter().filter_map(took).collect();
    all.sort_by(f64::total_cmp);
    [50, 99].map(|hundredths| all.get(all.len() * hundredths / 100).copied().unwrap_or(f64::NAN))
}

fn percent(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64 * 100.0
}
