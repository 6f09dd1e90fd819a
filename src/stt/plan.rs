//! Which pieces of a channel are decoded together: speech → utterances → windows, and back from window time to utterance.
//!
//! Pure arithmetic on sample positions at 16 kHz. A window is what one decoder pass sees (30 s, whatever it holds), so
//! short utterances share one, with zeros between them. Does not touch audio and knows no recogniser.

/// Samples per second of every position here.
pub const HZ: usize = super::audio::MODEL_HZ as usize;
/// Longest stretch of speech and zeros in one window; the decoder's own limit is 30 s.
pub const WINDOW_MAX: usize = 27 * HZ;
/// Zeros between two utterances of a window.
pub const GAP: usize = HZ;
/// Without turns from the journal, a pause longer than this ends an utterance.
const PAUSE_MAX: usize = HZ * 7 / 10;
/// Sound kept before and after the detected speech: a soft first consonant (不) starts before the detector hears it.
const PAD: usize = HZ / 4;
/// Speech this close to a turn belongs to it: the two voice detectors do not agree to the sample.
const TURN_SLACK: usize = HZ / 2;

/// A stretch of one channel, in samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    #[must_use]
    pub fn new(start: usize, end: usize) -> Self {
        Self { start, end }
    }
    #[must_use]
    pub fn len(self) -> usize {
        self.end.saturating_sub(self.start)
    }
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
    fn overlap(self, other: Self) -> usize {
        self.end.min(other.end).saturating_sub(self.start.max(other.start))
    }
}

/// One utterance inside a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Index into the utterances.
    pub utterance: usize,
    /// Where its first sample lies in the window.
    pub at: usize,
    pub len: usize,
}

/// What one decoder pass sees: utterances in order, zeros between.
pub type Window = Vec<Placed>;

/// Groups detected speech into utterances, each [`padded`] at most [`WINDOW_MAX`] long, sorted, never overlapping.
///
/// With `turns` (the call's journal: when the other side spoke) every turn becomes its own utterance, pauses inside it
/// included; speech outside all turns keeps its own. Without, a pause of 0.7 s ends an utterance.
#[must_use]
pub fn utterances(speech: &[Span], turns: &[Span]) -> Vec<Span> {
    let speech: Vec<Span> = speech.iter().flat_map(|&s| cut_at_turns(s, turns)).collect();
    let mut groups: Vec<(Option<usize>, Vec<Span>)> = Vec::new();
    for piece in speech {
        let turn = turn_of(piece, turns);
        match groups.last_mut() {
            Some((last_turn, pieces)) if joins(*last_turn, turn, pieces, piece) => pieces.push(piece),
            _ => groups.push((turn, vec![piece])),
        }
    }
    groups.iter().flat_map(|(_, pieces)| fit_window(pieces)).collect()
}

fn joins(last_turn: Option<usize>, turn: Option<usize>, pieces: &[Span], piece: Span) -> bool {
    let pause = pieces.last().map_or(0, |last| piece.start.saturating_sub(last.end));
    last_turn == turn && (turn.is_some() || pause <= PAUSE_MAX)
}

/// Speech that runs from one turn into the next is cut in the middle between the two.
fn cut_at_turns(speech: Span, turns: &[Span]) -> Vec<Span> {
    let mut rest = speech;
    let mut out = Vec::new();
    for pair in turns.windows(2) {
        let cut = pair[0].end.midpoint(pair[1].start);
        let both = rest.overlap(pair[0]) > 0 && rest.overlap(pair[1]) > 0;
        if both && rest.start < cut && cut < rest.end {
            out.push(Span::new(rest.start, cut));
            rest.start = cut;
        }
    }
    out.push(rest);
    out
}

/// The turn that holds most of this speech, or the nearest within the slack.
fn turn_of(speech: Span, turns: &[Span]) -> Option<usize> {
    let reach = |t: &Span| Span::new(t.start.saturating_sub(TURN_SLACK), t.end + TURN_SLACK);
    turns
        .iter()
        .enumerate()
        .map(|(i, t)| (speech.overlap(*t), speech.overlap(reach(t)), i))
        .filter(|&(_, near, _)| near > 0)
        .max_by_key(|&(held, near, i)| (held, near, std::cmp::Reverse(i)))
        .map(|(_, _, i)| i)
}

/// One span for the group, or several when it is longer than a window: cut at the longest pause that helps.
fn fit_window(pieces: &[Span]) -> Vec<Span> {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else { return Vec::new() };
    let whole = Span::new(first.start, last.end);
    if whole.len() + 2 * PAD <= WINDOW_MAX {
        return vec![whole];
    }
    let longest_pause = (1..pieces.len()).max_by_key(|&i| pieces[i].start.saturating_sub(pieces[i - 1].end));
    match longest_pause {
        Some(i) => [fit_window(&pieces[..i]), fit_window(&pieces[i..])].concat(),
        None => {
            // A single stretch without a pause (music, a monologue): equal parts.
            let parts = whole.len().div_ceil(WINDOW_MAX - 2 * PAD);
            let edge = |i: usize| whole.start + whole.len() * i / parts;
            (0..parts).map(|i| Span::new(edge(i), edge(i + 1))).collect()
        }
    }
}

/// What is decoded of each utterance: [`PAD`] more at both ends, at most to the middle of the silence between neighbours.
#[must_use]
pub fn padded(spans: &[Span], total: usize) -> Vec<Span> {
    (0..spans.len())
        .map(|i| {
            let floor = if i == 0 { 0 } else { spans[i - 1].end.midpoint(spans[i].start) };
            let ceiling = spans.get(i + 1).map_or(total, |next| spans[i].end.midpoint(next.start));
            Span::new(
                spans[i].start.saturating_sub(PAD).max(floor),
                (spans[i].end + PAD).min(ceiling).max(spans[i].end),
            )
        })
        .collect()
}

/// Packs utterances into windows, in order.
#[must_use]
pub fn pack(utterances: &[Span]) -> Vec<Window> {
    let mut windows: Vec<Window> = Vec::new();
    for (utterance, span) in utterances.iter().enumerate() {
        let len = span.len();
        let room = windows.last().and_then(|w| w.last()).map(|last| last.at + last.len + GAP);
        match (windows.last_mut(), room) {
            (Some(window), Some(at)) if at + len <= WINDOW_MAX => window.push(Placed { utterance, at, len }),
            _ => windows.push(vec![Placed { utterance, at: 0, len }]),
        }
    }
    windows
}

/// A window for each utterance.
#[must_use]
pub fn single(utterances: &[Span]) -> Vec<Window> {
    utterances.iter().enumerate().map(|(utterance, span)| vec![Placed { utterance, at: 0, len: span.len() }]).collect()
}

/// The position in `window` of the utterance that `at` (samples) falls into; a gap is divided in its middle.
#[must_use]
pub fn slot_at(window: &[Placed], at: usize) -> usize {
    window.windows(2).take_while(|pair| at >= (pair[0].at + pair[0].len).midpoint(pair[1].at)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(pieces: &[(f64, f64)]) -> Vec<Span> {
        pieces.iter().map(|&(a, b)| Span::new((a * HZ as f64) as usize, (b * HZ as f64) as usize)).collect()
    }

    fn decoded(speech: &[(f64, f64)], turns: &[(f64, f64)], total: usize) -> Vec<Span> {
        padded(&utterances(&spans(speech), &spans(turns)), total)
    }

    fn check(speech: &[(f64, f64)], turns: &[(f64, f64)], expected: &[(f64, f64)]) {
        let out = decoded(speech, turns, 200 * HZ);
        assert_eq!(out, spans(expected), "speech {speech:?}, turns {turns:?}");
    }

    #[test]
    fn without_turns_a_pause_ends_an_utterance() {
        check(&[], &[], &[]);
        check(&[(1.0, 2.0)], &[], &[(0.75, 2.25)]);
        check(&[(1.0, 2.0), (2.5, 3.0)], &[], &[(0.75, 3.25)]);
        check(&[(1.0, 2.0), (3.0, 4.0)], &[], &[(0.75, 2.25), (2.75, 4.25)]);
    }

    #[test]
    fn every_turn_becomes_its_own_utterance_pauses_included() {
        // A thinking pause of two seconds after 但是 stays inside the turn.
        check(&[(1.0, 2.0), (4.0, 5.0)], &[(0.9, 5.1)], &[(0.75, 5.25)]);
        // Two turns that follow each other within a pause that would not have divided them.
        check(&[(1.0, 2.0), (2.25, 3.0)], &[(1.0, 2.0), (2.25, 3.0)], &[(0.75, 2.125), (2.125, 3.25)]);
        // Detected as one stretch: cut in the middle between the turns.
        check(&[(1.0, 3.0)], &[(1.0, 1.75), (2.25, 3.0)], &[(0.75, 2.0), (2.0, 3.25)]);
    }

    #[test]
    fn nothing_outside_the_turns_is_lost() {
        check(&[(1.0, 2.0), (8.0, 9.0), (9.5, 10.0)], &[(1.0, 2.0)], &[(0.75, 2.25), (7.75, 10.25)]);
        // Speech that begins before its turn or ends after it is not clipped.
        check(&[(0.5, 3.0)], &[(1.0, 2.0)], &[(0.25, 3.25)]);
        // Speech beside a turn belongs to it.
        check(&[(1.0, 2.0), (3.0, 3.25)], &[(1.0, 2.75)], &[(0.75, 3.5)]);
    }

    #[test]
    fn the_padding_stays_inside_the_recording() {
        let out = decoded(&[(0.1, 1.0)], &[], HZ + HZ / 10);
        assert_eq!(out, vec![Span::new(0, HZ + HZ / 10)]);
    }

    #[test]
    fn an_utterance_longer_than_a_window_is_cut_at_its_longest_pause_and_loses_nothing() {
        let out = decoded(&[(1.0, 15.0), (15.5, 20.0), (20.25, 40.0)], &[(1.0, 40.0)], 200 * HZ);
        assert_eq!(out, spans(&[(0.75, 15.25), (15.25, 40.25)]));
        let monologue = decoded(&[(1.0, 61.0)], &[], 200 * HZ);
        assert_eq!(monologue.len(), 3);
        assert!(monologue.iter().all(|s| s.len() <= WINDOW_MAX));
        assert!(monologue.windows(2).all(|pair| pair[0].end == pair[1].start));
    }

    #[test]
    fn windows_hold_utterances_in_order_with_a_gap_and_never_too_much() {
        let utterances = spans(&[(0.0, 10.0), (11.0, 21.0), (22.0, 30.0), (31.0, 32.0)]);
        let windows = pack(&utterances);
        let held: Vec<Vec<usize>> = windows.iter().map(|w| w.iter().map(|p| p.utterance).collect()).collect();
        assert_eq!(held, vec![vec![0, 1], vec![2, 3]]);
        assert_eq!(windows[0][1].at, 10 * HZ + GAP);
        assert!(windows.iter().all(|w| w.last().is_some_and(|p| p.at + p.len <= WINDOW_MAX)));
        let alone: Vec<Placed> = single(&utterances).concat();
        assert!(alone.iter().enumerate().all(|(n, p)| (p.utterance, p.at, p.len) == (n, 0, utterances[n].len())));
    }

    #[test]
    fn a_gap_is_divided_in_its_middle() {
        let window = [Placed { utterance: 4, at: 0, len: HZ }, Placed { utterance: 5, at: 2 * HZ, len: HZ }];
        for (at, slot) in [(0, 0), (HZ, 0), (HZ * 3 / 2 - 1, 0), (HZ * 3 / 2, 1), (2 * HZ, 1), (9 * HZ, 1)] {
            assert_eq!(slot_at(&window, at), slot, "at {at}");
        }
    }
}
