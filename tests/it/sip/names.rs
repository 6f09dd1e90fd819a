//! Names (RFC 3263) against a DNS server of the test's own.

use super::assert_unanswered;
use super::peer::Peer;
use super::rig::Rig;
use hickory_resolver::proto::op::{Message, MessageType, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use huifang::clock::monotonic;
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket as Blocking};
use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, UdpSocket};

const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Answers what it was told, and keeps the questions.
struct Dns {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Dns {
    fn drop(&mut self) {
        self.task.abort();
    }
}

enum Is {
    Service { priority: u16, port: u16, target: &'static str },
    Address(Ipv4Addr),
}
use Is::{Address, Service};

impl Dns {
    async fn new(zone: Vec<(&'static str, Is)>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let questions = asked.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 2048];
            while let Ok((len, from)) = socket.recv_from(&mut buffer).await {
                let Ok(query) = Message::from_vec(&buffer[..len]) else { continue };
                let Some(question) = query.queries.first() else { continue };
                let name = question.name().to_utf8().trim_end_matches('.').to_lowercase();
                questions.lock().unwrap().push(format!("{} {name}", question.query_type()));
                let mut reply = Message::response(query.metadata.id, query.metadata.op_code);
                reply.metadata.message_type = MessageType::Response;
                reply.metadata.recursion_available = true;
                reply.add_query(question.clone());
                let known: Vec<&Is> = zone.iter().filter(|(n, _)| *n == name).map(|(_, is)| is).collect();
                if known.is_empty() {
                    reply.metadata.response_code = ResponseCode::NXDomain;
                }
                for is in known {
                    let (kind, data) = match is {
                        Service { priority, port, target } => {
                            let target = Name::from_str(&format!("{target}.")).unwrap();
                            (RecordType::SRV, RData::SRV(SRV::new(*priority, 10, *port, target)))
                        }
                        Address(ip) => (RecordType::A, RData::A(A(*ip))),
                    };
                    if kind == question.query_type() {
                        reply.add_answer(Record::from_rdata(question.name().clone(), 300, data));
                    }
                }
                socket.send_to(&reply.to_vec().unwrap(), from).await.unwrap();
            }
        });
        Self { address, asked, task }
    }

    fn sip(&self) -> config::Sip {
        let listen = vec!["udp:127.0.0.1:0".into(), "tcp:127.0.0.1:0".into()];
        config::Sip { listen, dns: vec![self.address], ..Default::default() }
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

fn closed_port() -> u16 {
    Blocking::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

async fn refuse(far: &mut Peer) -> super::peer::Message {
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    invite
}

#[tokio::test]
async fn a_name_without_a_port_is_looked_up_as_a_service_once_and_the_best_server_is_called() {
    let mut best = Peer::udp().await;
    let other = Peer::udp().await;
    let dns = Dns::new(vec![
        ("_sip._udp.carrier.test", Service { priority: 20, port: other.address().port(), target: "b.carrier.test" }),
        ("_sip._udp.carrier.test", Service { priority: 10, port: best.address().port(), target: "a.carrier.test" }),
        ("a.carrier.test", Address(LOOPBACK)),
        ("b.carrier.test", Address(LOOPBACK)),
    ])
    .await;
    let rig = Rig::with(&dns.sip(), "sip:carrier.test", "").await;
    for _ in 0..3 {
        let mut call = rig.call();
        let invite = refuse(&mut best).await;
        assert!(invite.text.starts_with("INVITE sip:13812345678@carrier.test SIP/2.0\r\n"), "{}", invite.text);
        assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
    }
    let asked = dns.asked();
    assert_eq!(asked.iter().filter(|q| *q == "SRV _sip._udp.carrier.test").count(), 1, "{asked:?}");
    assert_eq!(asked.iter().filter(|q| *q == "A a.carrier.test").count(), 1, "{asked:?}");
}

#[tokio::test]
async fn a_name_with_a_port_is_an_address_and_no_service() {
    let mut far = Peer::udp().await;
    let dns = Dns::new(vec![("gw.carrier.test", Address(LOOPBACK))]).await;
    let rig = Rig::with(&dns.sip(), &format!("sip:gw.carrier.test:{}", far.address().port()), "").await;
    let mut call = rig.call();
    refuse(&mut far).await;
    call.end().await;
    assert!(!dns.asked().iter().any(|q| q.starts_with("SRV")), "{:?}", dns.asked());
}

#[tokio::test]
async fn a_name_without_services_is_called_at_the_port_of_the_protocol() {
    // An address of the loopback network whose port 5060 nobody else takes.
    let mut far = Peer::udp_at("127.81.19.7:5060").await;
    let dns = Dns::new(vec![("plain.carrier.test", Address(Ipv4Addr::new(127, 81, 19, 7)))]).await;
    let rig = Rig::with(&dns.sip(), "sip:plain.carrier.test", "").await;
    let mut call = rig.call();
    refuse(&mut far).await;
    call.end().await;
}

#[tokio::test]
async fn each_transport_asks_for_its_own_service() {
    for (uri, expected) in [
        ("sip:carrier.test", "SRV _sip._udp.carrier.test"),
        ("sip:carrier.test;transport=tcp", "SRV _sip._tcp.carrier.test"),
        ("sip:carrier.test;transport=tls", "SRV _sips._tcp.carrier.test"),
        ("sips:carrier.test", "SRV _sips._tcp.carrier.test"),
    ] {
        let dns = Dns::new(vec![]).await;
        let rig = Rig::with(&dns.sip(), uri, "").await;
        let mut call = rig.call();
        let end = call.end().await;
        assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
        let detail = end.detail.unwrap();
        assert!(detail.starts_with("the name carrier.test cannot be resolved: "), "{detail}");
        assert_eq!(dns.asked()[0], expected);
        assert_eq!(call.seen, ["ended"]);
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_server_that_refuses_the_connection_is_passed_over_in_the_same_call() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let dns = Dns::new(vec![
        ("_sip._tcp.carrier.test", Service { priority: 1, port: closed_port(), target: "a.carrier.test" }),
        ("_sip._tcp.carrier.test", Service { priority: 2, port, target: "a.carrier.test" }),
        ("a.carrier.test", Address(LOOPBACK)),
    ])
    .await;
    let rig = Rig::with(&dns.sip(), "sip:carrier.test;transport=tcp", "").await;
    let mut call = rig.call();
    let mut far = Peer::accept(&listener).await;
    refuse(&mut far).await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
}

#[tokio::test]
async fn a_server_that_is_not_there_over_udp_is_passed_over_by_the_next_call() {
    let mut second = Peer::udp().await;
    let dns = Dns::new(vec![
        ("_sip._udp.carrier.test", Service { priority: 1, port: closed_port(), target: "a.carrier.test" }),
        ("_sip._udp.carrier.test", Service { priority: 2, port: second.address().port(), target: "a.carrier.test" }),
        ("a.carrier.test", Address(LOOPBACK)),
    ])
    .await;
    let rig = Rig::with(&dns.sip(), "sip:carrier.test", "").await;
    let mut call = rig.call();
    assert_unanswered(&call.end().await, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    let mut call = rig.call();
    refuse(&mut second).await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
}

#[tokio::test]
async fn a_name_server_that_never_answers_does_not_hold_the_call() {
    let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sip = config::Sip {
        listen: vec!["udp:127.0.0.1:0".into()],
        dns: vec![silent.local_addr().unwrap()],
        ..Default::default()
    };
    let rig = Rig::with(&sip, "sip:carrier.test", "").await;
    let begun = monotonic();
    let mut call = rig.call();
    let end = call.end().await;
    assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    assert!(end.detail.as_deref().unwrap().contains("carrier.test"), "{end:?}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    rig.is_clean().await;
}

#[tokio::test]
async fn a_service_that_is_said_not_to_exist_is_not_called() {
    let dns = Dns::new(vec![
        ("_sip._udp.carrier.test", Service { priority: 1, port: 0, target: "" }),
        ("carrier.test", Address(LOOPBACK)),
    ])
    .await;
    let rig = Rig::with(&dns.sip(), "sip:carrier.test", "").await;
    let end = rig.call().end().await;
    assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    assert!(end.detail.as_deref().unwrap().contains("does not offer this service"), "{end:?}");
}

#[tokio::test]
async fn a_contact_whose_name_leads_nowhere_is_reached_through_the_trunk() {
    let dns = Dns::new(vec![]).await;
    let mut far = Peer::udp().await;
    let rig = Rig::with(&dns.sip(), &far.uri(), "").await;
    let mut call = rig.call();
    let invite = far.expect("INVITE").await;
    let headers = b"Contact: <sip:pbx@inside.carrier.test>\r\nContent-Type: application/sdp\r\n";
    far.reply(&invite, "200 OK", headers, super::peer::ANSWER).await;
    call.until("answered").await;
    call.control.hang_up("done");
    let bye = loop {
        let message = far.next().await.expect("a BYE");
        if message.kind() == "BYE" {
            break message;
        }
    };
    far.reply(&bye, "200 OK", b"", b"").await;
    super::assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
}
