//! A UDP socket that wakes nobody. It is read when its owner's clock ticks; the kernel's stamp tells when each datagram came.
//!
//! Contract: no call blocks. A call's packets come fifty times a second and are needed only at its next tick: to be woken for each would cost
//! more than all that is done with it. The receive buffer holds more than a second of them.
//! Does not do: judging who sent a datagram and what is in it, telling of a far end's ICMP errors (the media time-out does).

use crate::clock::BothClocks;
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt,
    sockopt::{RcvBuf, ReceiveTimestampns},
};
use nix::sys::time::TimeSpec;
use std::io::{self, IoSliceMut};
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// Datagrams read at once; more wait for the next tick.
const MOST: usize = 128;
/// Bytes; the kernel doubles it and counts its own upkeep: some 500 packets of voice.
const RECEIVE_BUFFER: usize = 256 * 1024;

pub struct Udp {
    socket: UdpSocket,
    /// Room for one stamp.
    control: Vec<u8>,
    /// Nothing that is read from here on came before this.
    emptied: Instant,
}

impl Udp {
    pub fn bind(address: SocketAddr, clocks: BothClocks) -> io::Result<Self> {
        let socket = UdpSocket::bind(address)?;
        socket.set_nonblocking(true)?;
        setsockopt(&socket, ReceiveTimestampns, &true)?;
        // A kernel that allows less gives what it allows.
        setsockopt(&socket, RcvBuf, &RECEIVE_BUFFER)?;
        Ok(Self { socket, control: nix::cmsg_space!(TimeSpec), emptied: clocks.monotonic })
    }

    /// Best effort, as UDP is: what the kernel refuses now is lost.
    pub fn send(&self, datagram: &[u8], to: SocketAddr) {
        if let Err(error) = self.socket.send_to(datagram, to) {
            tracing::debug!(%error, "a media packet was not sent");
        }
    }

    /// Takes what waits: datagram, sender, and when it came. Longer than `LONGEST` bytes it is cut.
    pub fn read<const LONGEST: usize>(&mut self, now: BothClocks, mut take: impl FnMut(&[u8], SocketAddr, Instant)) {
        let mut buffer = [0; LONGEST];
        for _ in 0..MOST {
            let mut parts = [IoSliceMut::new(&mut buffer)];
            let flags = MsgFlags::MSG_DONTWAIT;
            let got = recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut parts, Some(&mut self.control), flags);
            let (len, from, stamp) = match got {
                Ok(message) => (message.bytes, message.address.as_ref().and_then(address), stamp(&message)),
                Err(Errno::EINTR) => continue,
                Err(error) => {
                    if error == Errno::EAGAIN {
                        self.emptied = now.monotonic;
                    }
                    return;
                }
            };
            if let Some(from) = from {
                take(&buffer[..len], from, came_at(stamp, now, self.emptied));
            }
        }
    }
}

fn stamp(message: &nix::sys::socket::RecvMsg<'_, '_, SockaddrStorage>) -> Option<Duration> {
    message.cmsgs().ok()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
        _ => None,
    })
}

fn address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = address.as_sockaddr_in().map(|a| SocketAddr::V4((*a).into()));
    v4.or_else(|| address.as_sockaddr_in6().map(|a| SocketAddr::V6((*a).into())))
}

/// Stamps are of the wall clock, which may be set at any time: whatever they say, a datagram came after the socket was last empty.
fn came_at(stamp: Option<Duration>, now: BothClocks, emptied: Instant) -> Instant {
    let age = stamp.map_or(Duration::ZERO, |stamp| now.since_1970.saturating_sub(stamp));
    now.monotonic.checked_sub(age).unwrap_or(emptied).clamp(emptied.min(now.monotonic), now.monotonic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_datagram_came_when_its_stamp_says_but_never_before_the_socket_was_empty_or_after_now() {
        let (now, second) = (BothClocks::now(), Duration::from_secs(1));
        let emptied = now.monotonic - second / 50;
        let ago = |age| now.monotonic - age;
        let ms = Duration::from_millis;
        let check =
            |stamp: Option<Duration>, want: Instant| assert_eq!(came_at(stamp, now, emptied), want, "{stamp:?}");
        check(Some(now.since_1970 - ms(7)), ago(ms(7)));
        check(None, now.monotonic);
        // The wall clock was set ahead by an hour, back by an hour, and to nonsense.
        check(Some(now.since_1970 - ms(7) - second * 3_600), emptied);
        check(Some(now.since_1970 - ms(7) + second * 3_600), now.monotonic);
        check(Some(Duration::ZERO), emptied);
    }

    fn pass(time: Duration) {
        let start = crate::clock::monotonic();
        while start.elapsed() < time {
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_waited_is_read_later_in_order_with_the_time_at_which_it_came() {
        let mut ours = Udp::bind(([127, 0, 0, 1], 0).into(), BothClocks::now()).unwrap();
        let to = ours.socket.local_addr().unwrap();
        let far = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let slack = Duration::from_millis(1);
        // The kernel begins to stamp a moment after the machine's first socket has asked for it.
        let begun = crate::clock::monotonic();
        let mut stamped = false;
        while !stamped && begun.elapsed() < Duration::from_secs(10) {
            far.send_to(&[0], to).unwrap();
            pass(slack * 3);
            let now = BothClocks::now();
            ours.read::<8>(now, |_, _, at| stamped = at + slack * 2 < now.monotonic);
        }
        let before = crate::clock::monotonic();
        for byte in 0..=MOST as u8 {
            far.send_to(&[byte; 9], to).unwrap();
        }
        let after = crate::clock::monotonic();
        pass(slack * 5);
        let mut got = vec![];
        for _ in 0..2 {
            ours.read::<8>(BothClocks::now(), |datagram, from, at| got.push((datagram.to_vec(), from, at)));
        }
        let bytes: Vec<Vec<u8>> = got.iter().map(|(datagram, ..)| datagram.clone()).collect();
        assert_eq!(bytes, (0..=MOST as u8).map(|byte| vec![byte; 8]).collect::<Vec<_>>());
        for (_, from, at) in got {
            assert_eq!(from, far.local_addr().unwrap());
            assert!((before - slack..=after + slack).contains(&at), "{:?} off", after.duration_since(at));
        }
    }
}
