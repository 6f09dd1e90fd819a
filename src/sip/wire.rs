//! Our own UDP socket under the stack: every datagram is made safe before the stack's parser reads it (see `clean`), and requests
//! that the stack cannot even parse are refused here. What goes out is not touched.

use super::clean::{clean_headers, refuse_unknown_method};
use super::trace::{Tap, Traces};
use crate::domain::call::trace::Way;
use rsipstack::platform::net::UdpSocket;
use std::net::SocketAddr;
use std::sync::Arc;

pub struct CleanUdp {
    socket: tokio::net::UdpSocket,
    local: SocketAddr,
    user_agent: String,
    traces: Arc<Traces>,
}

impl CleanUdp {
    pub fn new(socket: tokio::net::UdpSocket, local: SocketAddr, user_agent: String, traces: Arc<Traces>) -> Self {
        Self { socket, local, user_agent, traces }
    }

    fn tap(&self, way: Way, peer: SocketAddr, bytes: &[u8]) {
        self.traces.tap(Tap { way, transport: "UDP", local: self.local, peer }, bytes);
    }
}

#[async_trait::async_trait]
impl UdpSocket for CleanUdp {
    async fn recv_from(&self, buffer: &mut [u8]) -> rsipstack::Result<(usize, SocketAddr)> {
        loop {
            let (len, from) = self.socket.recv_from(buffer).await?;
            let datagram = &mut buffer[..len];
            self.tap(Way::Received, from, datagram);
            clean_headers(datagram);
            match refuse_unknown_method(datagram, &self.user_agent) {
                None => return Ok((len, from)),
                Some(reply) => {
                    self.tap(Way::Sent, from, &reply);
                    if let Err(error) = self.socket.send_to(&reply, from).await {
                        tracing::warn!(net.peer = %from, %error, "a request with an unknown method could not be refused");
                    }
                }
            }
        }
    }

    async fn send_to(&self, buffer: &[u8], to: SocketAddr) -> rsipstack::Result<usize> {
        self.tap(Way::Sent, to, buffer);
        Ok(self.socket.send_to(buffer, to).await?)
    }

    fn local_addr(&self) -> rsipstack::Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }
}
