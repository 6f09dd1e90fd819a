//! RTP packets on the wire (RFC 3550 §5.1): reading through `rtc-rtp`, writing the plain header that we send.

use bytes::Bytes;
use rtc_rtp::Packet;
use rtc_rtp::header::Header;
use rtc_shared::marshal::{Marshal, Unmarshal};

pub const HEADER: usize = 12;
/// Longest datagram read; anything longer is not telephone audio.
pub const LONGEST: usize = 2048;
/// Most bytes of a payload that we send: 60 ms.
pub const MOST_SENT: usize = 480;
/// Comfort noise (RFC 3389).
pub const COMFORT_NOISE: u8 = 13;

/// Reads one packet; `None` when it is not RTP version 2.
pub fn read(datagram: &[u8]) -> Option<Packet> {
    let version = datagram.first()? >> 6;
    if version != 2 || datagram.len() < HEADER || datagram.len() > LONGEST {
        return None;
    }
    Packet::unmarshal(&mut Bytes::copy_from_slice(datagram)).ok()
}

/// RTCP on the RTP port (RFC 5761 §4): the types 192 to 223 are payload types that no audio has.
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, _, _, ..] if first >> 6 == 2)
}

/// The fields of a packet that we send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing {
    pub payload_type: u8,
    pub marker: bool,
    pub sequence: u16,
    pub timestamp: u32,
    pub ssrc: u32,
}

/// Writes the header in front of a payload of `payload` bytes and gives the room for it.
pub fn write(fields: Outgoing, buffer: &mut [u8], payload: usize) -> Option<&mut [u8]> {
    let header = Header {
        version: 2,
        marker: fields.marker,
        payload_type: fields.payload_type,
        sequence_number: fields.sequence,
        timestamp: fields.timestamp,
        ssrc: fields.ssrc,
        ..Header::default()
    };
    let written = header.marshal_to(&mut *buffer).ok()?;
    buffer.get_mut(written..written + payload)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut buffer = [0; HEADER + 160];
        let fields = Outgoing { payload_type: 8, marker: true, sequence: 65_535, timestamp: 7, ssrc: 9 };
        write(fields, &mut buffer, 160).unwrap().fill(0x55);
        let packet = read(&buffer).unwrap();
        let header = &packet.header;
        assert_eq!((header.payload_type, header.marker, header.sequence_number), (8, true, 65_535));
        assert_eq!((header.timestamp, header.ssrc, packet.payload.len()), (7, 9, 160));
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused_and_never_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), tame in any::<bool>()) {
            if let (true, Some(first)) = (tame, bytes.first_mut()) {
                *first = 0x80 | (*first & 0x3F);
            }
            let _packet = read(&bytes);
        }
    }
}
