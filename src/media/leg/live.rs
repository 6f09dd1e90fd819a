//! The customer's frames for the recogniser: 40 to 80 ms behind the line on a good one, further on one that jitters.
//!
//! A packet that comes after its frame was handed out widens the delay, to 240 ms at most; ten calm seconds narrow it by 20 ms. Frames come in
//! bundles: to wake the conversation for each of them costs two fifths of a call. Pure.

use super::super::codec::FRAME;

/// Samples behind the line: the least, the most.
const LEAST: i64 = 320;
const MOST: i64 = 1_920;
/// Frames without a late packet after which the delay shrinks.
const CALM: u32 = 500;
/// Frames handed out at once: 60 ms.
const BUNDLE: i64 = 3;

#[derive(Debug)]
pub struct Live {
    /// Place of the next frame.
    next: i64,
    /// Frames before this place go out with the bundle that began.
    ready: i64,
    delay: i64,
    calm: u32,
}

impl Live {
    pub fn from(place: i64) -> Self {
        Self { next: place, ready: place, delay: LEAST, calm: 0 }
    }

    /// Voice was put at `place`; the part before the next frame was missed.
    pub fn placed(&mut self, place: i64) {
        if place < self.next {
            self.delay = (self.delay + self.next - place).min(MOST);
            self.calm = 0;
        }
    }

    /// Place of a frame that is due at `now`; the others of its bundle follow.
    pub fn due(&mut self, now: i64) -> Option<i64> {
        let frame = FRAME as i64;
        if self.next == self.ready {
            let frames = (now - self.delay - self.next).div_euclid(frame);
            if frames < BUNDLE {
                return None;
            }
            self.ready += frames * frame;
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
    fn frames_come_three_at_once_and_the_delay_widens_with_jitter_to_its_bound_and_narrows_when_the_line_is_calm() {
        let mut live = Live::from(0);
        let places = |live: &mut Live, now| std::iter::from_fn(|| live.due(now)).collect::<Vec<i64>>();
        assert_eq!(places(&mut live, 8_000), Vec::from_iter((0..48).map(|n| n * 160)));
        live.placed(7_680);
        assert_eq!(places(&mut live, 8_479), [0; 0], "nothing was missed, and no bundle is whole");
        assert_eq!(places(&mut live, 8_480), [7_680, 7_840, 8_000]);
        live.placed(7_920);
        assert_eq!(places(&mut live, 9_199), [0; 0]);
        assert_eq!(places(&mut live, 9_200), [8_160, 8_320, 8_480]);
        live.placed(0);
        assert_eq!(places(&mut live, 11_039), [0; 0]);
        assert_eq!(places(&mut live, 11_040), [8_640, 8_800, 8_960], "240 ms at most");
        let last = places(&mut live, 1_600_000).pop();
        assert!(last > Some(1_600_000 - 160 - LEAST - BUNDLE * 160), "calm again: {last:?}");
    }
}
