//! The ICE servers of `webrtc` by address, looked up before the connection exists.
//!
//! The connection would look names up itself, and again at an ICE restart, on the very task that carries the call: a name server that is
//! silent would silence the call. A name that is not found in time is left out and said in the log; the page has its own copy.
//! Does not do: `turns:`, whose certificate needs the name.

use crate::config;
use futures::future::join_all;
use std::net::SocketAddr;
use std::time::Duration;

/// For all of them together.
const PATIENCE: Duration = Duration::from_secs(2);
/// STUN and TURN without TLS (RFC 7064 §3.2, RFC 7065 §3.2).
const PORT: u16 = 3478;

/// The servers that a connection at an address of this family can use.
pub async fn by_address(ice: &config::WebRtc, at: SocketAddr) -> config::WebRtc {
    let turn = ice.turn.iter().map(|server| async {
        let urls = found(&server.urls, at).await;
        (!urls.is_empty()).then(|| config::Turn { urls, ..server.clone() })
    });
    let (stun, turn) = tokio::join!(found(&ice.stun, at), join_all(turn));
    config::WebRtc { stun, turn: turn.into_iter().flatten().collect() }
}

async fn found(urls: &[String], at: SocketAddr) -> Vec<String> {
    let found = join_all(urls.iter().map(|url| async move {
        let by_address = tokio::time::timeout(PATIENCE, look_up(url, at)).await.ok().flatten();
        if by_address.is_none() {
            tracing::warn!(%url, "an ICE server is not used: no address of our family was found in time");
        }
        by_address
    }));
    found.await.into_iter().flatten().collect()
}

async fn look_up(url: &str, at: SocketAddr) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    if scheme == "turns" {
        return Some(url.to_owned());
    }
    let (host, query) = rest.split_once('?').map_or((rest, None), |(host, query)| (host, Some(query)));
    let has_port = host
        .rsplit_once(':')
        .is_some_and(|(name, port)| port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']')));
    let host = if has_port { host.to_owned() } else { format!("{host}:{PORT}") };
    let address = tokio::net::lookup_host(host).await.ok()?.find(|a| a.is_ipv4() == at.is_ipv4())?;
    Some(query.map_or_else(|| format!("{scheme}:{address}"), |query| format!("{scheme}:{address}?{query}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_name_becomes_an_address_of_our_family_and_keeps_port_and_transport() {
        for (url, at, expected) in [
            ("stun:localhost", "127.0.0.1:0", Some("stun:127.0.0.1:3478")),
            ("stun:192.0.2.1:99", "127.0.0.1:0", Some("stun:192.0.2.1:99")),
            ("turn:192.0.2.1?transport=tcp", "127.0.0.1:0", Some("turn:192.0.2.1:3478?transport=tcp")),
            ("turn:[2001:db8::1]", "[::1]:0", Some("turn:[2001:db8::1]:3478")),
            ("turn:[2001:db8::1]:5000", "[::1]:0", Some("turn:[2001:db8::1]:5000")),
            ("turns:relay.example", "127.0.0.1:0", Some("turns:relay.example")),
            ("stun:192.0.2.1", "[::1]:0", None),
            ("stun:", "127.0.0.1:0", None),
        ] {
            assert_eq!(look_up(url, at.parse().unwrap()).await.as_deref(), expected, "{url}");
        }
    }
}
