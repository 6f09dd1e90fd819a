//! Two seconds of both channels between the line and the disk: packets are put at their place, frames and chunks are taken in order. Pure.
//!
//! Late packets still find their place until the writer takes it. Samples nobody put are silence; the writer reports them as holes.

use super::codec::FRAME;

/// Samples in the window; a power of two.
const WINDOW: usize = 16_384;

pub struct Track {
    /// The axis before this is taken by the writer.
    written: i64,
    slots: Box<[Slot; WINDOW]>,
}

#[derive(Clone, Copy, Default)]
struct Slot {
    agent: i16,
    customer: i16,
    heard: bool,
}

impl Default for Track {
    fn default() -> Self {
        Self { written: 0, slots: Box::new([Slot::default(); WINDOW]) }
    }
}

impl Track {
    pub fn written(&self) -> i64 {
        self.written
    }

    pub fn put_agent(&mut self, from: i64, pcm: &[i16]) {
        for (place, sample) in (from..).zip(pcm) {
            if let Some(slot) = self.slot(place) {
                slot.agent = *sample;
            }
        }
    }

    /// Puts a packet; `stretch` samples right before it repeat the one before them (a sliding clock opened them).
    pub fn put_customer(&mut self, from: i64, pcm: &[i16], stretch: u32) {
        let edge = from - i64::from(stretch);
        if let (1.., Some(last)) = (stretch, self.slot(edge - 1).filter(|slot| slot.heard).copied()) {
            for place in edge..from {
                self.hear(place, last.customer);
            }
        }
        for (place, sample) in (from..).zip(pcm) {
            self.hear(place, *sample);
        }
    }

    /// 20 ms of the customer from `from`; nothing is consumed.
    pub fn customer_frame(&mut self, from: i64) -> [i16; FRAME] {
        std::array::from_fn(|i| self.slot(from + i as i64).map_or(0, |slot| slot.customer))
    }

    /// Takes everything up to `to`: left and right samples in turn to `out`, holes of the customer's channel to `hole`.
    pub fn take(&mut self, to: i64, out: &mut Vec<i16>, mut hole: impl FnMut(i64, i64)) {
        let mut silent_since = None;
        while self.written < to {
            let place = self.written;
            let slot = self.slot(place).map(std::mem::take).unwrap_or_default();
            out.extend([slot.agent, slot.customer]);
            match (slot.heard, silent_since) {
                (false, None) => silent_since = Some(place),
                (true, Some(since)) => {
                    hole(since, place);
                    silent_since = None;
                }
                _ => {}
            }
            self.written += 1;
        }
        if let Some(since) = silent_since {
            hole(since, to);
        }
    }

    fn hear(&mut self, place: i64, sample: i16) {
        if let Some(slot) = self.slot(place) {
            (slot.customer, slot.heard) = (sample, true);
        }
    }

    fn slot(&mut self, place: i64) -> Option<&mut Slot> {
        let ahead = place - self.written;
        let inside = (0..WINDOW as i64).contains(&ahead);
        inside.then(|| &mut self.slots[place.rem_euclid(WINDOW as i64) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_come_out_on_one_clock_and_holes_are_told() {
        let mut track = Track::default();
        track.put_agent(2, &[7, 8]);
        track.put_customer(3, &[1, 2], 0);
        let (mut out, mut holes) = (Vec::new(), Vec::new());
        track.take(6, &mut out, |from, to| holes.push((from, to)));
        assert_eq!(out, [0, 0, 0, 0, 7, 0, 8, 1, 0, 2, 0, 0]);
        assert_eq!(holes, [(0, 3), (5, 6)]);
    }

    #[test]
    fn what_is_taken_cannot_be_changed_and_the_far_future_is_refused() {
        let mut track = Track::default();
        let mut out = Vec::new();
        track.take(100, &mut out, |_, _| {});
        track.put_customer(98, &[1, 2, 3], 0);
        track.put_customer(100 + WINDOW as i64, &[9], 0);
        out.clear();
        track.take(102, &mut out, |_, _| {});
        assert_eq!(out, [0, 3, 0, 0]);
    }

    #[test]
    fn a_stretch_repeats_the_last_sample() {
        let mut track = Track::default();
        track.put_customer(0, &[5, 6], 0);
        track.put_customer(4, &[7], 2);
        let (mut out, mut holes) = (Vec::new(), 0);
        track.take(5, &mut out, |_, _| holes += 1);
        let customer: Vec<_> = out.iter().skip(1).step_by(2).copied().collect();
        assert_eq!((customer, holes), (vec![5, 6, 6, 6, 7], 0));
    }
}
