//! Which stretches of the customer's channel hold no audio though they should, and why (invariant 1).
//!
//! The writer reports holes as it passes them; what explains a hole is often known only later (the packet after a loss). The log keeps both
//! and joins them at the end. What it does not list: the time of a key press, which is sent instead of audio.

use super::manifest::{Gap, GapReason};
use super::timeline::Why;
use crate::domain::transcript::Channel;

/// Shorter holes come from rounding and sliding clocks: 5 ms.
const SHORTEST: i64 = 40;
/// Holes and notes kept: an hour at 5 % loss and more. A line worse than this is one long gap from there on.
const MOST: usize = 16_000;
/// The writer has passed what lies this far before the newest note: two seconds and a little (`media::track`).
const PASSED: i64 = 16_384;

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
        let seconds = |sample: i64| sample as f64 / f64::from(sample_rate);
        let pieces = self.pieces().into_iter().filter(|((from, to), _)| to - from >= SHORTEST);
        pieces
            .filter_map(|(span, rank)| Some((span, rank.map_or(Some(GapReason::NoMedia), |rank| RANKING[rank].1)?)))
            .map(|((from, to), reason)| Gap {
                channel: Channel::Customer,
                from_s: seconds(from),
                to_s: seconds(to),
                reason,
            })
            .collect()
    }

    fn note(&mut self, span: Span, note: Note) {
        if self.notes.len() >= MOST {
            self.forget_what_was_filled();
        }
        if span.0 < span.1 && self.notes.len() < MOST {
            self.notes.push((span, note));
        }
    }

    /// A packet that was only overtaken is noted as lost until it comes; when the writer passed its place without a hole, the note says nothing.
    fn forget_what_was_filled(&mut self) {
        let newest = self.notes.last().map_or(0, |((_, to), _)| *to);
        let (holes, passed) = (&self.holes, newest - PASSED);
        self.notes.retain(|((from, to), _)| {
            let next = holes.partition_point(|hole| hole.1 <= *from);
            *to > passed || holes.get(next).is_some_and(|hole| hole.0 < *to)
        });
    }

    /// The holes, cut where the weightiest note that covers them changes (by its place in the ranking), in one walk along the axis: a leg is
    /// locked meanwhile.
    fn pieces(&self) -> Vec<(Span, Option<usize>)> {
        let rank = |note| RANKING.iter().position(|(ranked, _)| *ranked == note);
        let ranked = self.notes.iter().filter_map(|(span, note)| Some((*span, rank(*note)?)));
        let mut edges: Vec<(i64, usize, i32)> =
            ranked.flat_map(|((from, to), rank)| [(from, rank, 1), (to, rank, -1)]).collect();
        edges.sort_unstable();
        let mut edges = edges.into_iter().peekable();
        let mut covering = [0; RANKING.len()];
        let mut pieces: Vec<(Span, Option<usize>)> = Vec::new();
        for (mut from, end) in self.holes.iter().copied() {
            while from < end {
                while let Some((_, rank, opened)) = edges.next_if(|(at, ..)| *at <= from) {
                    covering[rank] += opened;
                }
                let to = edges.peek().map_or(end, |(at, ..)| end.min(*at));
                let heaviest = covering.iter().position(|notes| *notes > 0);
                match pieces.last_mut() {
                    Some((last, rank)) if *rank == heaviest && last.1 == from => last.1 = to,
                    _ => pieces.push(((from, to), heaviest)),
                }
                from = to;
            }
        }
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn packets_that_were_only_overtaken_leave_room_for_the_reasons_of_real_losses() {
        let mut log = GapLog::default();
        log.explain(0, 160, Why::Lost);
        log.hole(100, 150);
        for overtaken in 1..3 * MOST as i64 {
            log.explain(overtaken * 160, overtaken * 160 + 160, Why::Lost);
        }
        let late = 3 * MOST as i64 * 160;
        log.explain(late, late + 160, Why::Lost);
        log.hole(late, late + 160);
        log.explain(late + 160, late + 320, Why::Lost);
        let gaps = log.finish(late + 320, 1);
        let reasons: Vec<_> = gaps.iter().map(|gap| (gap.from_s, gap.reason)).collect();
        assert_eq!(reasons, [(100.0, GapReason::Loss), (late as f64, GapReason::Loss)]);
    }

    #[test]
    fn rounding_is_no_gap() {
        let mut log = GapLog::default();
        log.hole(100, 139);
        check(log, &[]);
    }
    /// Sample by sample: the same rule without a walk.
    fn slow(log: &GapLog, end: i64) -> Vec<(f64, f64, GapReason)> {
        let reason_at = |at: i64| {
            let covers = |span: &Span| span.0 <= at && at < span.1;
            let noted = |note| log.notes.iter().any(|(span, n)| *n == note && covers(span));
            let ranked = RANKING.into_iter().find(|(note, _)| noted(*note));
            log.holes.iter().any(covers).then(|| ranked.map_or(Some(GapReason::NoMedia), |(_, reason)| reason))
        };
        let reasons: Vec<_> = (0..end).map(reason_at).collect();
        let mut at = 0;
        let runs = reasons.chunk_by(|a, b| a == b).map(|run| {
            at += run.len();
            ((at - run.len()) as f64, at as f64, run[0].flatten())
        });
        let long = runs.filter(|(from, to, _)| to - from >= SHORTEST as f64);
        long.filter_map(|(from, to, reason)| Some((from, to, reason?))).collect()
    }

    proptest! {
        #[test]
        fn the_walk_lists_what_every_sample_says(
            holes in proptest::collection::vec((1_i64..120, 1_i64..200), 0..12),
            notes in proptest::collection::vec((0_i64..2_000, 1_i64..300, 0_usize..5), 0..24),
        ) {
            let mut log = GapLog::default();
            let mut at = 0;
            for (heard, silent) in holes {
                log.hole(at + heard, at + heard + silent);
                at += heard + silent;
            }
            for (from, length, rank) in notes {
                log.note((from, from + length), RANKING[rank].0);
            }
            let want = slow(&log, 4_000);
            let got: Vec<_> = log.finish(4_000, 1).into_iter().map(|g| (g.from_s, g.to_s, g.reason)).collect();
            prop_assert_eq!(got, want);
        }
    }
}
