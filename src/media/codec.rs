//! G.711 A-law and µ-law (RFC 3551 §4.5.14) at 8 kHz, one byte per sample. The companding itself is `audio-codec-algorithms`.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use std::fmt;

/// Samples per second of everything on the line and in the recording.
pub const SAMPLE_RATE: u32 = 8000;
/// Samples of one packet that we send: 20 ms.
pub const FRAME: usize = 160;

/// A codec that we can speak; the payload types are the static ones of RFC 3551 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    Pcma,
    Pcmu,
}

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown codec {0:?}: want PCMA or PCMU")]
pub struct UnknownCodec(pub String);

impl Codec {
    pub const ALL: [Codec; 2] = [Self::Pcma, Self::Pcmu];

    /// The encoding name of SDP and of `trunks.codecs`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// Reads a name; case does not matter (RFC 4855 §3).
    pub fn parse(name: &str) -> Result<Self, UnknownCodec> {
        Self::ALL
            .into_iter()
            .find(|codec| codec.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownCodec(name.to_owned()))
    }

    pub fn payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    pub fn from_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.payload_type() == payload_type)
    }

    /// Encodes as many samples as both slices hold.
    pub fn encode(self, pcm: &[i16], out: &mut [u8]) {
        let encode = match self {
            Self::Pcma => encode_alaw,
            Self::Pcmu => encode_ulaw,
        };
        for (byte, sample) in out.iter_mut().zip(pcm) {
            *byte = encode(*sample);
        }
    }

    /// Appends the samples of `payload` to `out`.
    pub fn decode(self, payload: &[u8], out: &mut Vec<i16>) {
        match self {
            Self::Pcma => out.extend(payload.iter().map(|byte| decode_alaw(*byte))),
            Self::Pcmu => out.extend(payload.iter().map(|byte| decode_ulaw(*byte))),
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_survives_companding_within_the_step_of_its_size() {
        for codec in Codec::ALL {
            for sample in (i16::MIN..=i16::MAX).step_by(37) {
                let mut byte = [0];
                codec.encode(&[sample], &mut byte);
                let mut back = Vec::new();
                codec.decode(&byte, &mut back);
                let step = 16 + i32::from(sample).abs() / 16;
                let error = (i32::from(back[0]) - i32::from(sample)).abs();
                // µ-law clips above 32635.
                assert!(error <= step.max(132), "{codec} {sample} came back as {}", back[0]);
            }
        }
    }

    #[test]
    fn names_are_read_in_any_case_and_unknown_ones_are_named() {
        assert_eq!(Codec::parse("pcma"), Ok(Codec::Pcma));
        assert_eq!(Codec::parse("PCMU"), Ok(Codec::Pcmu));
        assert_eq!(Codec::parse("opus").unwrap_err().to_string(), "unknown codec \"opus\": want PCMA or PCMU");
    }
}
