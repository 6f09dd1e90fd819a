//! The customer's frames for the recogniser: 40 ms behind the line on a good one, further on one that jitters.
//!
//! A packet that comes after its frame was handed out widens the delay, to 240 ms at most; ten calm seconds narrow it by 20 ms. Pure.

use super::super::codec::FRAME;

/// Samples behind the line: the least, the most.
const LEAST: i64 = 320;
const MOST: i64 = 1_920;
/// Frames without a late packet after which the delay shrinks.
const CALM: u32 = 500;

#[derive(Debug)]
pub struct Live {
    /// Place of the next frame.
    next: i64,
    delay: i64,
    calm: u32,
}

impl Live {
    pub fn from(place: i64) -> Self {
        Self { next: place, delay: LEAST, calm: 0 }
    }

    /// Voice was put at `place`; the part before the next frame was missed.
    pub fn placed(&mut self, place: i64) {
        if place < self.next {
            self.delay = (self.delay + self.next - place).min(MOST);
            self.calm = 0;
        }
    }

    /// Place of a frame that is due at `now`.
    pub fn due(&mut self, now: i64) -> Option<i64> {
        let frame = FRAME as i64;
        if self.next + frame + self.delay > now {
            return None;
        }
        self.calm += 1;
        if self.calm >= CALM {
            self.delay = (self.delay - frame).max(LEAST);
            self.calm = 0;
        }
        self.next += frame;
        Some(self.next - frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delay_widens_with_jitter_to_its_bound_and_narrows_when_the_line_is_calm() {
        let mut live = Live::from(0);
        let last = |live: &mut Live, now| std::iter::from_fn(|| live.due(now)).last();
        assert_eq!(last(&mut live, 8_000), Some(7_520));
        live.placed(7_680);
        assert_eq!(last(&mut live, 8_160), Some(7_680), "nothing was missed");
        live.placed(7_440);
        assert_eq!((last(&mut live, 8_480), last(&mut live, 8_720)), (None, Some(7_840)));
        live.placed(0);
        assert_eq!((last(&mut live, 9_920), last(&mut live, 10_080)), (None, Some(8_000)), "240 ms at most");
        assert!(last(&mut live, 1_600_000) > Some(1_600_000 - 160 - LEAST - 160), "calm again");
    }
}
