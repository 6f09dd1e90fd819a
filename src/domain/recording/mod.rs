//! 录音: the rules of what a recording must hold; the bytes are written by `media::wav`.
pub mod gaps;
pub mod manifest;
pub mod timeline;
