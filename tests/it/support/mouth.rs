//! Speech at its pace, on a thread and a clock of its own: whatever else the test's runtime does holds no packet back.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;
use tokio::task::JoinHandle;

/// Sends each packet at its instant, sealed as it is then.
pub fn speak<P: Send + 'static>(
    socket: &UdpSocket,
    to: SocketAddr,
    packets: impl Iterator<Item = (Instant, P)> + Send + 'static,
    seal: impl Fn(P) -> Vec<u8> + Send + 'static,
) -> JoinHandle<()> {
    let socket = socket.try_clone().unwrap();
    tokio::task::spawn_blocking(move || {
        let clock = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        clock.block_on(async {
            for (at, packet) in packets {
                tokio::time::sleep_until(at.into()).await;
                // After the call nobody listens there any more.
                socket.send_to(&seal(packet), to).ok();
            }
        });
    })
}
