//! Two seconds of voice: of one far end (`Channel`), and of both channels between the line and the disk (`Track`); what leaves for the disk
//! waits in a `Chunk`. Pure.
//!
//! Packets are put at their place, frames and chunks are taken in order. Late packets still find their place until it is taken or forgotten.
//! Samples nobody put are silence; the writer reports them as holes.

use super::codec::FRAME;
use std::ops::Range;

/// Samples in the window; a power of two.
const WINDOW: usize = 16_384;

/// The last seconds of one far end. Packets and frames are copied as slices: sample by sample they cost a tenth of a call.
pub struct Channel {
    /// The axis before this is taken.
    start: i64,
    pcm: Box<[i16; WINDOW]>,
    heard: Box<[bool; WINDOW]>,
}

impl Default for Channel {
    fn default() -> Self {
        Self { start: 0, pcm: Box::new([0; WINDOW]), heard: Box::new([false; WINDOW]) }
    }
}

impl Channel {
    /// Nothing before `start` is asked for.
    pub fn starting(start: i64) -> Self {
        Self { start, ..Self::default() }
    }

    pub fn start(&self) -> i64 {
        self.start
    }

    /// Puts a packet; `stretch` samples right before it repeat the one before them (a sliding clock opened them).
    pub fn put(&mut self, from: i64, pcm: &[i16], stretch: u32) {
        let edge = from - i64::from(stretch);
        if let (1.., Some(last)) = (stretch, self.heard_at(edge - 1)) {
            for (room, _) in rooms(self.start, edge, stretch as usize) {
                self.pcm[room.clone()].fill(last);
                self.heard[room].fill(true);
            }
        }
        for (room, part) in rooms(self.start, from, pcm.len()) {
            self.pcm[room.clone()].copy_from_slice(&pcm[part]);
            self.heard[room].fill(true);
        }
    }

    /// Replaces what is in `out` by the samples from `from` on; nothing is taken.
    pub fn copy(&self, from: i64, out: &mut [i16]) {
        out.fill(0);
        for (room, part) in rooms(self.start, from, out.len()) {
            out[part].copy_from_slice(&self.pcm[room]);
        }
    }

    /// The size of the largest of `len` samples from `from` on.
    pub fn loudest(&self, from: i64, len: i64) -> u16 {
        let len = usize::try_from(len).unwrap_or(0);
        let rooms = rooms(self.start, from, len).into_iter();
        rooms.flat_map(|(room, _)| &self.pcm[room]).map(|sample| sample.unsigned_abs()).max().unwrap_or(0)
    }

    /// The axis before `to` is over.
    pub fn forget(&mut self, to: i64) {
        while self.start < to {
            let room = self.first(to);
            self.clear(room);
        }
    }

    /// Everything up to `to` goes to the end of `out`.
    pub fn take(&mut self, to: i64, out: &mut Chunk) {
        while self.start < to {
            let room = self.first(to);
            out.samples.extend_from_slice(&self.pcm[room.clone()]);
            self.clear(room);
        }
    }

    /// Slots from the start to `to`, as far as the ring goes.
    fn first(&self, to: i64) -> Range<usize> {
        let start = slot(self.start);
        start..start + ((WINDOW - start) as i64).min(to - self.start) as usize
    }

    /// Empties the slots at the start.
    fn clear(&mut self, room: Range<usize>) {
        self.start += room.len() as i64;
        self.pcm[room.clone()].fill(0);
        self.heard[room].fill(false);
    }

    fn heard_at(&self, place: i64) -> Option<i16> {
        let (room, _) = rooms(self.start, place, 1).into_iter().find(|(room, _)| !room.is_empty())?;
        self.heard[room.start].then(|| self.pcm[room.start])
    }
}

/// Samples on their way to one file.
pub struct Chunk {
    samples: Vec<i16>,
    channels: usize,
}

impl Chunk {
    pub fn of(channels: usize) -> Self {
        Self { samples: Vec::new(), channels }
    }

    pub fn frames(&self) -> usize {
        self.samples.len() / self.channels
    }

    /// All of it when there are `least` frames, or none. Of two channels: left and right in turn.
    pub fn take(&mut self, least: usize) -> Option<Vec<i16>> {
        // The next one will be about as long: it need not grow.
        let next = || Vec::with_capacity(self.samples.len());
        (self.frames() >= least).then(next).map(|next| std::mem::replace(&mut self.samples, next))
    }

    /// What lies more than `beyond` frames before the end stays. Returns how many were dropped.
    pub fn cut_off(&mut self, beyond: i64) -> i64 {
        let dropped = usize::try_from(beyond).unwrap_or(0).min(self.frames());
        self.samples.truncate(self.samples.len() - dropped * self.channels);
        dropped as i64
    }
}

pub struct Track {
    agent: Box<[i16; WINDOW]>,
    pub customer: Channel,
}

impl Default for Track {
    fn default() -> Self {
        Self { agent: Box::new([0; WINDOW]), customer: Channel::default() }
    }
}

impl Track {
    pub fn written(&self) -> i64 {
        self.customer.start
    }

    pub fn put_agent(&mut self, from: i64, pcm: &[i16]) {
        for (room, part) in rooms(self.written(), from, pcm.len()) {
            self.agent[room].copy_from_slice(&pcm[part]);
        }
    }

    /// 20 ms of the customer from `from`; nothing is consumed.
    pub fn customer_frame(&self, from: i64) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        self.customer.copy(from, &mut frame);
        frame
    }

    /// The same of our side.
    pub fn agent_frame(&self, from: i64) -> [i16; FRAME] {
        let mut frame = [0; FRAME];
        for (room, part) in rooms(self.written(), from, FRAME) {
            frame[part].copy_from_slice(&self.agent[room]);
        }
        frame
    }

    /// Takes everything up to `to`: left and right samples in turn to `out`, holes of the customer's channel to `hole`.
    pub fn take(&mut self, to: i64, out: &mut Chunk, mut hole: impl FnMut(i64, i64)) {
        let mut silent_since = None;
        while self.written() < to {
            let room = self.customer.first(to);
            let (left, right) = (&self.agent[room.clone()], &self.customer.pcm[room.clone()]);
            out.samples.extend(left.iter().zip(right).flat_map(|(left, right)| [*left, *right]));
            for (place, run) in runs(self.written(), &self.customer.heard[room.clone()]) {
                match (run, silent_since) {
                    (false, None) => silent_since = Some(place),
                    (true, Some(since)) => {
                        hole(since, place);
                        silent_since = None;
                    }
                    _ => {}
                }
            }
            self.agent[room.clone()].fill(0);
            self.customer.clear(room);
        }
        if let Some(since) = silent_since {
            hole(since, to);
        }
    }
}

/// Where `len` samples from `from` on lie in a window that begins at `start`, and which of them: two stretches, since the window is a ring;
/// what is already taken or too far ahead has no room.
fn rooms(start: i64, from: i64, len: usize) -> [(Range<usize>, Range<usize>); 2] {
    let end = start + WINDOW as i64;
    let first = from.clamp(start, end);
    let last = (from + len as i64).clamp(first, end);
    let (at, skipped, fits) = (slot(first), ((first - from).max(0) as usize).min(len), (last - first) as usize);
    let (before, after) = (fits.min(WINDOW - at), fits.saturating_sub(WINDOW - at));
    [(at..at + before, skipped..skipped + before), (0..after, skipped + before..skipped + fits)]
}

fn slot(place: i64) -> usize {
    place.rem_euclid(WINDOW as i64) as usize
}

/// Where stretches of heard and unheard samples begin.
fn runs(from: i64, heard: &[bool]) -> impl Iterator<Item = (i64, bool)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (start, first) = (at, *heard.get(at)?);
        at += heard[start..].iter().position(|now| *now != first).unwrap_or(heard.len() - start);
        Some((from + start as i64, first))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_channels_come_out_on_one_clock_and_holes_are_told() {
        let mut track = Track::default();
        track.put_agent(2, &[7, 8]);
        track.customer.put(3, &[1, 2], 0);
        let (mut out, mut holes) = (Chunk::of(2), Vec::new());
        track.take(6, &mut out, |from, to| holes.push((from, to)));
        assert_eq!(out.samples, [0, 0, 0, 0, 7, 0, 8, 1, 0, 2, 0, 0]);
        assert_eq!(holes, [(0, 3), (5, 6)]);
    }

    #[test]
    fn what_is_taken_cannot_be_changed_and_the_far_future_is_refused() {
        let mut track = Track::default();
        let mut out = Chunk::of(2);
        track.take(100, &mut out, |_, _| {});
        track.customer.put(98, &[1, 2, 3], 0);
        track.customer.put(100 + WINDOW as i64, &[9], 0);
        track.customer.put(-400, &[9; 160], 0);
        track.put_agent(20, &[9; 80]);
        track.customer.put(200 + 2 * WINDOW as i64, &[9; 160], 40);
        assert_eq!(track.customer_frame(-400), [0; FRAME]);
        out.take(0);
        track.take(102, &mut out, |_, _| {});
        assert_eq!(out.samples, [0, 3, 0, 0]);
    }

    #[test]
    fn a_stretch_repeats_the_last_sample() {
        let mut track = Track::default();
        track.customer.put(0, &[5, 6], 0);
        track.customer.put(4, &[7], 2);
        let (mut out, mut holes) = (Chunk::of(2), 0);
        track.take(5, &mut out, |_, _| holes += 1);
        let customer: Vec<_> = out.samples.iter().skip(1).step_by(2).copied().collect();
        assert_eq!((customer, holes), (vec![5, 6, 6, 6, 7], 0));
    }

    /// The same puts and takes on a long axis that keeps everything, and through the window, at every place of its ring.
    #[test]
    fn frames_packets_and_chunks_are_whole_across_the_edge_of_the_ring() {
        let places = 3 * WINDOW as i64;
        let sample = |place: i64| (place % 30_000) as i16 + 1;
        let mut track = Track::default();
        let (mut out, mut holes) = (Chunk::of(2), Vec::new());
        for from in (0..places).step_by(150) {
            let pcm: Vec<i16> = (from..from + 150).map(sample).collect();
            track.put_agent(from, &pcm);
            // The last 50 of every packet are missing.
            track.customer.put(from, &pcm[..100], 0);
            assert_eq!(track.customer_frame(from)[..100], pcm[..100]);
            assert_eq!(track.customer_frame(from)[100..], [0; 60]);
            track.take(from - 3_200, &mut out, |from, to| holes.push((from, to)));
        }
        assert_eq!(out.frames() as i64, track.written());
        for (place, pair) in out.samples.chunks_exact(2).enumerate() {
            let customer = if place % 150 < 100 { sample(place as i64) } else { 0 };
            assert_eq!(pair, [sample(place as i64), customer], "at {place}");
        }
        let missing: i64 = holes.iter().map(|(from, to)| to - from).sum();
        let want = (0..track.written()).filter(|place| place % 150 >= 100).count() as i64;
        assert_eq!(missing, want);
    }
}
