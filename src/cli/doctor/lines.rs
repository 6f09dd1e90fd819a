//! The lines, for `huifang doctor`: the sockets and ports of this machine, the addresses that far ends are told, and every trunk.
//!
//! Contract: one finding per thing asked, within some ten seconds, and no call is made. A trunk is asked one OPTIONS and nothing else:
//! to register from here would take a running engine's registration away.

use super::{Finding, finding};
use crate::clock::SystemClock;
use crate::config::{Config, Trunk};
use crate::media::ports;
use crate::sip::{SipError, SipStack};
use std::net::IpAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Everything between this machine and the customer.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut found = vec![finding("media ports", media_ports(config).await), finding("addresses", addresses(config))];
    if config.trunks.is_empty() {
        found.push(finding("trunks", Err("none is configured: nothing can be dialled".into())));
    }
    found.extend(trunks(config).await);
    found
}

/// One pair must be free; the others may be in use by the running engine.
async fn media_ports(config: &Config) -> Result<String, String> {
    let media = &config.media;
    let range = media.ports().map_err(|e| e.to_string())?;
    ports::bind(media.address, range).map_err(|e| e.to_string())?;
    Ok(format!("{} {}", media.address, media.rtp_ports))
}

/// A carrier cannot send anything to an address that means "this machine" or "any".
fn addresses(config: &Config) -> Result<String, String> {
    let Some(outside) = config.trunks.iter().find(|trunk| !is_here(host_of(&trunk.uri))) else {
        return Ok("no trunk is outside this machine".into());
    };
    let media = config.media.address;
    if media.is_loopback() || media.is_unspecified() {
        return Err(format!("media.address = {media}: trunk {} cannot send audio to it", outside.name));
    }
    let advertised = config.sip.advertise.as_deref();
    if let Some(here) = advertised.filter(|host| is_here(host) || is_any(host)) {
        return Err(format!("sip.advertise = {here}: trunk {} cannot reach it", outside.name));
    }
    let inside = |listen: &&String| listen.split_once(':').is_some_and(|(_, address)| is_here(address));
    if let Some(here) = config.sip.listen.iter().find(inside) {
        return Err(format!("sip.listen = {here}: trunk {} cannot be reached from it", outside.name));
    }
    Ok(format!("sip {}, media {media}", advertised.unwrap_or("as listened on")))
}

/// `HOST[:PORT]` of a SIP URI.
fn host_of(uri: &str) -> &str {
    let address = uri.split_once(':').map_or(uri, |(_, rest)| rest);
    let address = address.split([';', '?']).next().unwrap_or_default();
    address.rsplit('@').next().unwrap_or_default()
}

fn ip_of(host: &str) -> Option<IpAddr> {
    let bare = |host: &str| host.trim_matches(['[', ']']).parse().ok();
    bare(host).or_else(|| host.rsplit_once(':').and_then(|(host, _)| bare(host)))
}

fn is_here(host: &str) -> bool {
    ip_of(host).map_or_else(|| host.split(':').next() == Some("localhost"), |ip| ip.is_loopback())
}

fn is_any(host: &str) -> bool {
    ip_of(host).is_some_and(|ip| ip.is_unspecified())
}

/// The sockets of `sip.listen`, then each trunk over them.
async fn trunks(config: &Config) -> Vec<Finding> {
    let mut sip = config.sip.clone();
    let mut asked: Vec<Trunk> = config.trunks.clone();
    for trunk in &mut asked {
        (trunk.register, trunk.options_interval_s) = (false, 0);
    }
    let (mut found, mut sockets) = (vec![], Ok(sip.listen.join(", ")));
    let stop = CancellationToken::new();
    // Every turn of the loop takes away what was in the way: a trunk, or (once) the ports.
    let stack = loop {
        match SipStack::start(&sip, &asked, Arc::new(SystemClock), stop.clone()).await {
            Ok(stack) => break stack,
            Err(error @ SipError::Trunk { .. }) => {
                let SipError::Trunk { trunk: name, .. } = &error else { continue };
                asked.retain(|trunk| trunk.name != *name);
                found.push(finding(&format!("trunk {name}"), Err(error.to_string())));
            }
            Err(error @ SipError::Bind { .. }) if sockets.is_ok() => {
                sockets = Err(format!("{error} (is huifang running? the trunks are asked from other ports)"));
                sip.listen = sip.listen.iter().map(|listen| any_port(listen)).collect();
            }
            Err(error) => {
                found.push(finding("sip sockets", Err(error.to_string())));
                return found;
            }
        }
    };
    found.insert(0, finding("sip sockets", sockets));
    let answers = stack.ask_trunks().await;
    found.extend(answers.into_iter().map(|(name, answer)| finding(&format!("trunk {name}"), answer)));
    stop.cancel();
    found
}

fn any_port(listen: &str) -> String {
    listen.rsplit_once(':').map_or_else(|| listen.to_owned(), |(address, _)| format!("{address}:0"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, UdpSocket};

    fn config(trunks: &[(&str, String)]) -> Config {
        let mut config = Config::default();
        config.sip.listen = vec!["udp:127.0.0.1:0".into()];
        let trunk = |(name, rest): &(&str, String)| toml::from_str(&format!("name = \"{name}\"\n{rest}")).unwrap();
        config.trunks = trunks.iter().map(trunk).collect();
        config
    }

    /// Answers every OPTIONS with `status`.
    async fn answers(status: &'static str) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("uri = \"sip:{}\"", socket.local_addr().unwrap());
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let text = String::from_utf8_lossy(&buffer[..len]).into_owned();
                let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
                let lines = text.lines().filter(|l| copied.iter().any(|n| l.starts_with(&format!("{n}:"))));
                let tagged =
                    |l: &str| if l.starts_with("To:") { format!("{l};tag=far\r\n") } else { format!("{l}\r\n") };
                let head: String = lines.map(tagged).collect();
                let reply = format!("SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n");
                socket.send_to(reply.as_bytes(), from).await.unwrap();
            }
        });
        uri
    }

    #[tokio::test]
    async fn every_trunk_has_one_line_that_says_whether_it_can_be_reached() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        // Bound and not listening: it refuses, and nobody else is given the port.
        let bound = tokio::net::TcpSocket::new_v4().unwrap();
        bound.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let closed = bound.local_addr().unwrap();
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = |address| format!("uri = \"sip:{address};transport=tcp\"");
        let config = config(&[
            ("well", answers("200 OK").await),
            ("odd", answers("405 Method Not Allowed").await),
            ("sick", answers("503 Service Unavailable").await),
            ("silent", format!("uri = \"sip:{}\"", silent.local_addr().unwrap())),
            ("closed", tcp(closed)),
            ("mute", tcp(open.local_addr().unwrap())),
            ("nowhere", "uri = \"sip:nowhere.invalid\"".into()),
            ("paper", "uri = \"sips:127.0.0.1\"\ntls_ca = \"/nowhere/ca.pem\"".into()),
        ]);
        let found = trunks(&config).await;
        let of = |name: &str| {
            let mine: Vec<&Finding> = found.iter().filter(|f| f.what == format!("trunk {name}")).collect();
            assert_eq!(mine.len(), 1, "{name}: {found:?}");
            mine[0].result.clone()
        };
        for (name, ok, words) in [
            ("well", true, "answers OPTIONS with 200"),
            ("odd", true, "answers OPTIONS with 405"),
            ("sick", false, "answers OPTIONS with 503"),
            ("silent", false, "no answer to OPTIONS"),
            ("closed", false, "refused"),
            ("mute", true, "connected; no answer to OPTIONS"),
            ("nowhere", false, "nowhere.invalid"),
            ("paper", false, "trunks.paper.tls_ca"),
        ] {
            let (Ok(said) | Err(said)) = &of(name);
            assert!(said.contains(words) && of(name).is_ok() == ok, "{name}: {:?}", of(name));
        }
        assert_eq!(found[0].what, "sip sockets");
        assert_eq!(found[0].result, Ok("udp:127.0.0.1:0".into()));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_told_and_the_trunks_are_asked_all_the_same() {
        let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let mut config = config(&[("well", answers("200 OK").await)]);
        config.sip.listen = vec![format!("udp:{}", taken.local_addr().unwrap())];
        let found = trunks(&config).await;
        assert!(found[0].result.as_ref().is_err_and(|e| e.contains("cannot bind")), "{found:?}");
        assert!(found[1].what == "trunk well" && found[1].result.is_ok(), "{found:?}");
    }

    #[test]
    fn an_address_that_a_carrier_cannot_reach_is_told() {
        let check = |uri: &str, listen: &str, advertise: Option<&str>, media: &str, expected: Option<&str>| {
            let mut config = config(&[("t", format!("uri = \"{uri}\""))]);
            config.sip.listen = vec![listen.into()];
            config.sip.advertise = advertise.map(Into::into);
            config.media.address = media.parse().unwrap();
            let told = addresses(&config);
            match expected {
                Some(words) => assert!(told.as_ref().is_err_and(|e| e.starts_with(words)), "{uri} {listen}: {told:?}"),
                None => assert!(told.is_ok(), "{uri} {listen}: {told:?}"),
            }
        };
        let (any, out) = ("udp:0.0.0.0:5060", "10.0.0.5");
        check("sip:127.0.0.1:5060", "udp:127.0.0.1:5060", None, "127.0.0.1", None);
        check("sip:localhost", "udp:127.0.0.1:5060", None, "127.0.0.1", None);
        check("sip:[::1]:5060;transport=tcp", "udp:127.0.0.1:5060", None, "127.0.0.1", None);
        check("sip:198.51.100.20", any, Some("203.0.113.10"), out, None);
        check("sip:198.51.100.20", any, None, out, None);
        check("sip:carrier.example:5060", any, None, "127.0.0.1", Some("media.address = 127.0.0.1: trunk t"));
        check("sip:198.51.100.20", any, None, "0.0.0.0", Some("media.address = 0.0.0.0"));
        check("sip:198.51.100.20", any, Some("127.0.0.1:5060"), out, Some("sip.advertise = 127.0.0.1:5060"));
        check("sip:198.51.100.20", any, Some("0.0.0.0"), out, Some("sip.advertise = 0.0.0.0"));
        check("sips:198.51.100.20", "udp:127.0.0.1:5060", None, out, Some("sip.listen = udp:127.0.0.1:5060"));
    }

    #[tokio::test]
    async fn media_ports_that_are_all_taken_are_told() {
        let taken = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = taken.local_addr().unwrap().port();
        let mut config = config(&[]);
        config.media.rtp_ports = format!("{}-{}", port - port % 2, port - port % 2 + 1);
        assert!(media_ports(&config).await.is_err_and(|e| e.contains("every pair is taken")));
        drop(taken);
        assert!(media_ports(&config).await.is_ok());
    }
}
