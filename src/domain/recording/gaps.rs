//! Which stretches of the customer's channel hold no audio though they should, and why (invariant 1).
//!
//! The writer reports holes as it passes them; what explains a hole is often known only later (the packet after a loss). The log keeps both
//! and joins them at the end. What it does not list: the time of a key press, which is sent instead of audio.

use super::manifest::{Gap, GapReason};
use super::timeline::Why;
use crate::domain::transcript::Channel;

/// Shorter holes come from rounding and sliding clocks: 5 ms.
const SHORTEST: i64 = 40;
/// Holes and notes kept; a line worse than this is one long gap from there on.
const MOST: usize = 8_000;

/// A stretch of the axis, in samples, end exclusive.
type Span = (i64, i64);

#[derive(Clone, Debug, Default)]
pub struct GapLog {
    holes: Vec<Span>,
    notes: Vec<(Span, Note)>,
    hold_since: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Note {
    Hold,
    Late,
    Lost,
    /// The sender was silent on purpose.
    Silent,
    /// A key was pressed: nothing is missing.
    Key,
}

/// What outweighs what where notes overlap, and how it is listed.
const RANKING: [(Note, Option<GapReason>); 5] = [
    (Note::Hold, Some(GapReason::Hold)),
    (Note::Late, Some(GapReason::Late)),
    (Note::Lost, Some(GapReason::Loss)),
    (Note::Key, None),
    (Note::Silent, Some(GapReason::Dtx)),
];

impl GapLog {
    /// The writer passed `from..to` and no audio had come for it. In order of the axis.
    pub fn hole(&mut self, from: i64, to: i64) {
        let full = self.holes.len() >= MOST;
        match self.holes.last_mut() {
            Some(last) if last.1 >= from || full => last.1 = to,
            _ => self.holes.push((from, to)),
        }
    }

    /// A later packet explained `from..to`.
    pub fn explain(&mut self, from: i64, to: i64, why: Why) {
        let note = match why {
            Why::Lost => Note::Lost,
            Why::Late => Note::Late,
            Why::Dtx => Note::Silent,
            Why::Key => Note::Key,
        };
        self.note((from, to), note);
    }

    /// The far end put us on hold, or took us back.
    pub fn hold(&mut self, on: bool, at: i64) {
        match (on, self.hold_since) {
            (true, None) => self.hold_since = Some(at),
            (false, Some(since)) => {
                self.hold_since = None;
                self.note((since, at), Note::Hold);
            }
            _ => {}
        }
    }

    /// All gaps, sorted, in seconds; `end` is the length of the file in samples.
    pub fn finish(mut self, end: i64, sample_rate: u32) -> Vec<Gap> {
        self.hold(false, end);
        let mut gaps = Vec::new();
        for hole in &self.holes {
            self.split(*hole, &mut gaps);
        }
        let seconds = |sample: i64| sample as f64 / f64::from(sample_rate);
        gaps.into_iter()
            .map(|((from, to), reason)| Gap {
                channel: Channel::Customer,
                from_s: seconds(from),
                to_s: seconds(to),
                reason,
            })
            .collect()
    }

    fn note(&mut self, span: Span, note: Note) {
        if span.0 < span.1 && self.notes.len() < MOST {
            self.notes.push((span, note));
        }
    }

    /// Cuts one hole at the edges of the notes.
    fn split(&self, hole: Span, gaps: &mut Vec<(Span, GapReason)>) {
        let touching: Vec<_> = self.notes.iter().filter(|((from, to), _)| *from < hole.1 && *to > hole.0).collect();
        let mut edges = vec![hole.0, hole.1];
        edges.extend(touching.iter().flat_map(|((from, to), _)| [*from, *to]).filter(|e| *e > hole.0 && *e < hole.1));
        edges.sort_unstable();
        edges.dedup();
        for pair in edges.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            let covers = |note| touching.iter().any(|(span, n)| *n == note && span.0 <= from && span.1 >= to);
            let reason = match RANKING.into_iter().find(|(note, _)| covers(*note)) {
                Some((_, None)) => continue,
                Some((_, Some(reason))) => reason,
                None => GapReason::NoMedia,
            };
            match gaps.last_mut() {
                Some((last, r)) if *r == reason && last.1 == from => last.1 = to,
                _ if to - from < SHORTEST => {}
                _ => gaps.push(((from, to), reason)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holes and explanations in samples of a 1 Hz axis times 1000; the expected gaps in the same unit.
    fn check(log: GapLog, want: &[(f64, f64, GapReason)]) {
        let got: Vec<_> = log.finish(10_000, 1).into_iter().map(|g| (g.from_s, g.to_s, g.reason)).collect();
        assert_eq!(got, want);
    }

    #[test]
    fn a_hole_is_listed_with_its_reason_and_the_time_of_a_key_is_not() {
        let mut log = GapLog::default();
        log.hole(0, 100);
        log.hole(1_000, 1_160);
        log.explain(1_000, 1_160, Why::Lost);
        log.hole(2_000, 5_000);
        log.explain(2_000, 5_000, Why::Dtx);
        log.hole(6_000, 7_000);
        log.explain(6_000, 7_000, Why::Key);
        log.hole(8_000, 8_160);
        log.explain(8_000, 8_320, Why::Lost);
        log.explain(8_000, 8_160, Why::Late);
        check(
            log,
            &[
                (0.0, 100.0, GapReason::NoMedia),
                (1_000.0, 1_160.0, GapReason::Loss),
                (2_000.0, 5_000.0, GapReason::Dtx),
                (8_000.0, 8_160.0, GapReason::Late),
            ],
        );
    }

    #[test]
    fn a_hole_is_cut_where_its_reason_changes_and_hold_outweighs_the_rest() {
        let mut log = GapLog::default();
        log.hole(1_000, 4_000);
        log.explain(1_000, 3_000, Why::Lost);
        log.hold(true, 2_000);
        log.hold(false, 2_500);
        check(
            log,
            &[
                (1_000.0, 2_000.0, GapReason::Loss),
                (2_000.0, 2_500.0, GapReason::Hold),
                (2_500.0, 3_000.0, GapReason::Loss),
                (3_000.0, 4_000.0, GapReason::NoMedia),
            ],
        );
    }

    #[test]
    fn a_hold_that_never_ended_lasts_to_the_end_of_the_file() {
        let mut log = GapLog::default();
        log.hold(true, 9_000);
        log.hole(8_000, 9_500);
        log.hole(9_500, 10_000);
        check(log, &[(8_000.0, 9_000.0, GapReason::NoMedia), (9_000.0, 10_000.0, GapReason::Hold)]);
    }

    #[test]
    fn rounding_is_no_gap() {
        let mut log = GapLog::default();
        log.hole(100, 139);
        check(log, &[]);
    }
}
