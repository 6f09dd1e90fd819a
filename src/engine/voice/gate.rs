//! Lets through to the recogniser what may be speech, with some room on both sides: most of a call is our own prompts and silence,
//! and a recogniser pays for every second it is given. Pure.

use crate::media::codec::FRAME;
use std::collections::VecDeque;

/// Frames before the voice was noticed: 400 ms, so that no first syllable is lost.
const BEFORE: usize = 20;
/// Frames after it went silent: 300 ms.
const AFTER: usize = 15;

#[derive(Default)]
pub(in crate::engine) struct Gate {
    recent: VecDeque<[i16; FRAME]>,
    open_for: usize,
}

impl Gate {
    /// Hands on what may pass now, oldest first.
    pub(in crate::engine) fn pass(
        &mut self,
        frame: &[i16; FRAME],
        speaking: bool,
        mut hand_on: impl FnMut(&[i16; FRAME]),
    ) {
        self.open_for = if speaking { AFTER } else { self.open_for.saturating_sub(1) };
        if self.open_for > 0 {
            self.recent.drain(..).for_each(|earlier| hand_on(&earlier));
            hand_on(frame);
            return;
        }
        if self.recent.len() == BEFORE {
            self.recent.pop_front();
        }
        self.recent.push_back(*frame);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of the frames that pass.
    fn passed(frames: usize, speaking: std::ops::Range<usize>) -> Vec<i16> {
        let (mut gate, mut passed) = (Gate::default(), vec![]);
        for n in 0..frames {
            gate.pass(&[n as i16; FRAME], speaking.contains(&n), |frame| passed.push(frame[0]));
        }
        passed
    }

    #[test]
    fn speech_passes_with_room_on_both_sides_and_in_order() {
        assert_eq!(passed(200, 100..110), (80..124).collect::<Vec<i16>>());
    }

    #[test]
    fn silence_does_not_pass_and_is_not_kept() {
        assert!(passed(500, 0..0).is_empty());
    }
}
