//! What a supervisor says in a call, on the axis of its recording: the third track, from the first word on. Pure.
//!
//! A word lies where the customer would hear it, as the left channel does it, whether he hears it or not.

use super::super::track::{Channel, Chunk};

/// Samples that are no louder are an open line without a voice: the silence of A-law is 8.
const EMPTY_LINE: u16 = 8;

pub struct Aside {
    began: i64,
    voice: Channel,
    chunk: Chunk,
}

/// Whether somebody says something.
pub fn speaks(pcm: &[i16]) -> bool {
    pcm.iter().any(|sample| sample.unsigned_abs() > EMPTY_LINE)
}

impl Aside {
    /// The first word came when the recording was written up to `written`.
    pub fn from(written: i64) -> Self {
        Self { began: written, voice: Channel::starting(written), chunk: Chunk::of(1) }
    }

    /// Frames of the recording that had left before the first word.
    pub fn began(&self) -> u64 {
        u64::try_from(self.began).unwrap_or(0)
    }

    pub fn put(&mut self, place: i64, pcm: &[i16]) {
        self.voice.put(place, pcm, 0);
    }

    /// Moves what is old enough to the writer's chunk.
    pub fn take(&mut self, to: i64) {
        self.voice.take(to, &mut self.chunk);
    }

    /// For the writer.
    pub fn chunk(&mut self) -> &mut Chunk {
        &mut self.chunk
    }

    /// What has not left for the disk, up to `end`.
    pub fn finish(mut self, end: i64) -> Vec<i16> {
        self.take(end);
        self.chunk.cut_off(self.voice.start() - end);
        self.chunk.take(0).unwrap_or_default()
    }
}
