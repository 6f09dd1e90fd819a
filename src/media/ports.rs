//! A pair of UDP ports of the configured range: RTP on an even port, RTCP on the next (RFC 3550 §11). Dropping the pair frees it.

use super::udp::Udp;
use crate::clock::BothClocks;
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct PortPair {
    pub rtp: Udp,
    pub rtcp: Udp,
    pub port: u16,
}

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("media.rtp_ports {first}-{last} on {address}: every pair is taken")]
    Exhausted { address: IpAddr, first: u16, last: u16 },
    #[error("media.address {address} cannot be bound: {source}")]
    Address { address: IpAddr, source: std::io::Error },
}

/// Where the next search begins: ports are not used again at once, so a late packet of an old call finds nobody.
static NEXT: AtomicU32 = AtomicU32::new(0);

pub fn bind(address: IpAddr, ports: RangeInclusive<u16>) -> Result<PortPair, PortError> {
    let (first, last) = (*ports.start(), *ports.end());
    let even = first + first % 2;
    let pairs = u32::from(last.saturating_sub(even) / 2) + u32::from(last.saturating_sub(even) % 2);
    for _ in 0..pairs {
        let turn = NEXT.fetch_add(1, Ordering::Relaxed) % pairs;
        let port = even + (turn * 2) as u16;
        match pair(address, port) {
            Ok(pair) => return Ok(pair),
            Err(source) if source.kind() == std::io::ErrorKind::AddrInUse => {}
            Err(source) => return Err(PortError::Address { address, source }),
        }
    }
    Err(PortError::Exhausted { address, first, last })
}

fn pair(address: IpAddr, port: u16) -> std::io::Result<PortPair> {
    let now = BothClocks::now();
    let rtp = Udp::bind(SocketAddr::new(address, port), now)?;
    let rtcp = Udp::bind(SocketAddr::new(address, port + 1), now)?;
    Ok(PortPair { rtp, rtcp, port })
}
