//! The addresses of `sip.listen`: bound, and with the name by which far ends reach them.
//!
//! Every error is one line that names the value. An IPv6 socket serves IPv6 alone: a far end at an IPv4 address is to be seen by
//! its own address, on a listener of its own.

use super::api::SipError;
use super::tls;
use crate::config;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn6, setsockopt, socket, sockopt};
use rsipstack::sip::{Host, HostWithPort, Transport};
use rsipstack::transport::SipConnection;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use tokio::net::{TcpListener, TcpSocket, UdpSocket};
use tokio_rustls::TlsAcceptor;

/// Connections that the kernel keeps until we take them.
const BACKLOG: u32 = 128;

/// One bound value of `sip.listen`.
pub struct Listener {
    pub value: String,
    pub transport: Transport,
    pub bound: SocketAddr,
    /// Where far ends reach it.
    pub public: HostWithPort,
    pub socket: Bound,
}

pub enum Bound {
    Udp(UdpSocket),
    /// TCP, or TLS with an acceptor.
    Stream(TcpListener, Option<TlsAcceptor>),
}

/// Binds all, or names the first that cannot be bound.
pub async fn bind_all(sip: &config::Sip) -> Result<Vec<Listener>, SipError> {
    let advertise = sip.advertise.as_deref().map(parse_advertise).transpose()?;
    let mut listeners = vec![];
    for value in &sip.listen {
        let (transport, socket) = bind(value, sip).await?;
        let bound = match &socket {
            Bound::Udp(socket) => socket.local_addr(),
            Bound::Stream(listener, _) => listener.local_addr(),
        };
        let bound = bound.map_err(|e| bind_error(value, e))?;
        let public = public(bound, transport, advertise.as_ref()).ok_or_else(|| SipError::Serve {
            value: value.clone(),
            reason: "an unspecified ipv6 address needs sip.advertise".into(),
        })?;
        listeners.push(Listener { value: value.clone(), transport, bound, public, socket });
    }
    Ok(listeners)
}

fn bind_error(value: &str, source: std::io::Error) -> SipError {
    SipError::Bind { value: value.into(), source }
}

async fn bind(value: &str, sip: &config::Sip) -> Result<(Transport, Bound), SipError> {
    let listen_error = || SipError::Listen { value: value.into() };
    let (protocol, address) = value.split_once(':').ok_or_else(listen_error)?;
    if !address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok()) {
        return Err(listen_error());
    }
    let transport = match protocol {
        "udp" => Transport::Udp,
        "tcp" => Transport::Tcp,
        "tls" => Transport::Tls,
        _ => return Err(listen_error()),
    };
    let acceptor = if transport == Transport::Tls { Some(tls::acceptor(sip)?) } else { None };
    let bound = async {
        let none = || std::io::Error::new(std::io::ErrorKind::NotFound, "the name has no address");
        let address = tokio::net::lookup_host(address).await?.next().ok_or_else(none)?;
        match transport {
            Transport::Udp => udp(address).await.map(Bound::Udp),
            _ => tcp(address).map(|listener| Bound::Stream(listener, acceptor)),
        }
    };
    Ok((transport, bound.await.map_err(|e| bind_error(value, e))?))
}

async fn udp(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let SocketAddr::V6(v6) = address else { return UdpSocket::bind(address).await };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet6, SockType::Datagram, flags, None)?;
    setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    nix::sys::socket::bind(fd.as_raw_fd(), &SockaddrIn6::from(v6))?;
    UdpSocket::from_std(fd.into())
}

fn tcp(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv6() { TcpSocket::new_v6()? } else { TcpSocket::new_v4()? };
    if address.is_ipv6() {
        setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    }
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn parse_advertise(value: &str) -> Result<HostWithPort, SipError> {
    let bad = || SipError::Advertise { value: value.into() };
    let parsed = HostWithPort::try_from(value).map_err(|_| bad())?;
    match &parsed.host {
        Host::IpAddr(_) => Ok(parsed),
        Host::Domain(name) => {
            let plain = !name.0.is_empty() && name.0.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
            if plain { Ok(parsed) } else { Err(bad()) }
        }
    }
}

/// The address that far ends reach a listener at: the advertised one, with the bound port unless it names its own (TLS always has
/// its own). An advertised address of the other family is no use to this listener. `None`: it cannot be known.
fn public(bound: SocketAddr, transport: Transport, advertise: Option<&HostWithPort>) -> Option<HostWithPort> {
    let fits = |a: &&HostWithPort| match a.host {
        Host::IpAddr(ip) => ip.is_ipv4() == bound.is_ipv4(),
        Host::Domain(_) => true,
    };
    match advertise.filter(fits) {
        Some(a) => {
            let port = a.port.filter(|_| transport != Transport::Tls).or(Some(bound.port().into()));
            Some(HostWithPort { host: a.host.clone(), port })
        }
        None if bound.is_ipv6() && bound.ip().is_unspecified() => None,
        None => Some(SipConnection::resolve_bind_address(bound).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_listen_address_that_cannot_be_used_is_named() {
        let taken = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let held = format!("udp:{}", taken.local_addr().unwrap());
        let taken_tcp = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let held_tcp = format!("tcp:{}", taken_tcp.local_addr().unwrap());
        for (value, expected) in [
            (held.as_str(), "sip.listen = \"udp:127.0.0.1:"),
            (held_tcp.as_str(), "sip.listen = \"tcp:127.0.0.1:"),
            ("127.0.0.1:5060", "sip.listen = \"127.0.0.1:5060\": want udp:"),
            ("udp:5060", "sip.listen = \"udp:5060\": want udp:"),
            ("sctp:127.0.0.1:5061", "sip.listen = \"sctp:127.0.0.1:5061\": want udp:"),
            ("tls:127.0.0.1:5061", "sip.tls_certificate: sip.listen has a tls: address"),
            ("udp:127.0.0.1:99999", "sip.listen = \"udp:127.0.0.1:99999\": want udp:"),
            ("udp:192.0.2.1:5060", "sip.listen = \"udp:192.0.2.1:5060\": cannot bind: "),
            ("tcp:[::1:5060", "sip.listen = \"tcp:[::1:5060\": cannot bind: "),
            ("udp:[::]:0", "sip.listen = \"udp:[::]:0\": an unspecified ipv6 address needs sip.advertise"),
        ] {
            let sip = config::Sip { listen: vec![value.into()], ..Default::default() };
            let error = bind_all(&sip).await.err().map(|e| e.to_string()).unwrap_or_default();
            assert!(error.starts_with(expected), "{value}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn the_advertised_address_takes_the_bound_port_unless_it_has_one() {
        for (bound, transport, advertise, expected) in [
            ("127.0.0.1:5070", Transport::Udp, None, Some("127.0.0.1:5070")),
            ("127.0.0.1:5070", Transport::Udp, Some("203.0.113.7"), Some("203.0.113.7:5070")),
            ("127.0.0.1:5070", Transport::Tcp, Some("sip.example.cn:5099"), Some("sip.example.cn:5099")),
            ("127.0.0.1:5071", Transport::Tls, Some("sip.example.cn:5099"), Some("sip.example.cn:5071")),
            ("[::1]:5070", Transport::Udp, None, Some("[::1]:5070")),
            ("[::1]:5070", Transport::Udp, Some("203.0.113.7"), Some("[::1]:5070")),
            ("[::]:5070", Transport::Udp, Some("[2001:db8::1]"), Some("[2001:db8::1]:5070")),
            ("[::]:5070", Transport::Udp, None, None),
        ] {
            let parsed = advertise.map(|a| parse_advertise(a).unwrap());
            let public = public(bound.parse().unwrap(), transport, parsed.as_ref());
            assert_eq!(public.map(|p| p.to_string()).as_deref(), expected, "{bound} {advertise:?}");
        }
        assert!(parse_advertise("a b").is_err());
    }
}
