//! Audio of one call: RTP in and out, the recording, and the small pure tools around them.
//!
//! Pure (no socket, file or clock): `codec`, `sdp`, `source`, `sdes`, `srtp`, `dtmf`, `counters`, `playout`, `inbound`, `reports`, `track`, `ear`, `leg`,
//! `bridge`, `vad`, `tones`.
//! Shells: `udp`, `ports`, `agent` and `session` (sockets), `browser` (WebRTC), `writer`, `wav` and `prompts` (files).
//! Does not do: signalling, speech to text, deciding what is said.

pub mod agent;
pub mod bridge;
pub mod browser;
pub mod codec;
pub mod counters;
pub mod dtmf;
mod ear;
pub mod inbound;
pub mod leg;
pub mod playout;
pub mod ports;
pub mod prompts;
pub mod reports;
pub mod rtp;
pub mod sdes;
pub mod sdp;
pub mod session;
pub mod signals;
pub mod source;
pub mod srtp;
pub mod thread;
pub mod tones;
pub mod track;
pub mod udp;
pub mod vad;
pub mod wav;
mod writer;
