//! TLS against a far end of our own with certificates made for the test.

use super::peer::{Io, Peer};
use super::rig::{LIMIT, Rig, Watched, wait_until};
use super::{assert_answered, assert_unanswered};
use huifang::clock::monotonic;
use huifang::config;
use huifang::domain::call::outcome::{Fault, Outcome, Party};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate authority with a folder of PEM files.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// Files of one certificate.
#[derive(Clone)]
struct Identity {
    certificate: PathBuf,
    key: PathBuf,
}

impl Authority {
    pub fn new() -> Self {
        Self::named("Test Authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    fn certify(&self, name: &str) -> Identity {
        self.certify_until(name, 2090)
    }

    fn certify_until(&self, name: &str, year: i32) -> Identity {
        let mut params = CertificateParams::new(vec![name.to_string()]).unwrap();
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let file = |what: &str| self.folder.path().join(format!("{}-{year}-{what}.pem", name.replace(':', "_")));
        let (certificate, key_file) = (file("certificate"), file("key"));
        std::fs::write(&certificate, params.signed_by(&key, &self.issuer).unwrap().pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        Identity { certificate, key: key_file }
    }

    fn roots(&self) -> rustls::RootCertStore {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file()).unwrap()).unwrap();
        roots
    }
}

impl Identity {
    fn load(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let certificate = CertificateDer::from_pem_file(&self.certificate).unwrap();
        (vec![certificate], PrivateKeyDer::from_pem_file(&self.key).unwrap())
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A far end that listens for TLS.
struct Server {
    listener: TcpListener,
    acceptor: TlsAcceptor,
}

impl Server {
    /// With `clients`, only those whom that authority certified may speak.
    async fn new(identity: &Identity, clients: Option<&Authority>) -> Self {
        let builder = rustls::ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = match clients {
            None => builder.unwrap().with_no_client_auth(),
            Some(authority) => {
                let roots = Arc::new(authority.roots());
                let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(roots, provider());
                builder.unwrap().with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let (chain, key) = identity.load();
        let acceptor = Arc::new(builder.with_single_cert(chain, key).unwrap()).into();
        Self { listener: TcpListener::bind("127.0.0.1:0").await.unwrap(), acceptor }
    }

    fn address(&self) -> SocketAddr {
        self.listener.local_addr().unwrap()
    }

    fn uri(&self) -> String {
        format!("sip:{};transport=tls", self.address())
    }

    /// The far end of the next connection, and the name that the caller asked for.
    async fn accept(&self) -> (Peer, Option<String>) {
        self.try_accept().await.unwrap()
    }

    async fn try_accept(&self) -> std::io::Result<(Peer, Option<String>)> {
        let (stream, remote) = timeout(LIMIT, self.listener.accept()).await.expect("a connection")?;
        let stream = timeout(LIMIT, self.acceptor.accept(stream)).await.expect("a handshake")?;
        let name = stream.get_ref().1.server_name().map(str::to_string);
        Ok((Peer::over(Box::new(stream), "TLS", self.address(), remote), name))
    }
}

/// Our sockets, with a TLS listener among them.
pub fn sockets(authority: &Authority) -> config::Sip {
    let us = authority.certify("127.0.0.1");
    config::Sip {
        listen: vec!["udp:127.0.0.1:0".into(), "tls:127.0.0.1:0".into()],
        tls_certificate: Some(us.certificate),
        tls_key: Some(us.key),
        ..Default::default()
    }
}

/// Our end with a TLS listener of its own.
pub async fn rig(authority: &Authority, trunk: &str, extra: &str) -> Rig {
    Rig::with(&sockets(authority), trunk, extra).await
}

fn trust(authority: &Authority) -> String {
    format!("tls_ca = {:?}\n", authority.file())
}

/// A connection to our listener.
pub async fn dial(authority: &Authority, us: SocketAddr) -> Peer {
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(authority.roots())
        .with_no_client_auth();
    let stream = TcpStream::connect(us).await.unwrap();
    let (local, remote) = (stream.local_addr().unwrap(), stream.peer_addr().unwrap());
    let name = ServerName::try_from("127.0.0.1").unwrap();
    let stream: Box<dyn Io> = Box::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap());
    Peer::over(stream, "TLS", local, remote)
}

async fn hang_up(far: &mut Peer, call: &mut Watched, rig: &Rig) -> super::peer::Message {
    call.control.hang_up("done");
    let bye = far.expect("BYE").await;
    far.reply(&bye, "200 OK", b"", b"").await;
    assert_answered(&call.end().await, Party::Us);
    rig.is_clean().await;
    bye
}

#[tokio::test]
async fn a_call_over_tls_says_tls_everywhere_and_the_next_one_uses_the_same_connection() {
    let authority = Authority::new();
    let server = Server::new(&authority.certify("127.0.0.1"), None).await;
    let rig = rig(&authority, &server.uri(), &trust(&authority)).await;
    let us = rig.stack.local_tls().unwrap();
    let mut call = rig.call();
    let (mut far, _) = server.accept().await;
    for round in 0..2 {
        let invite = far.expect("INVITE").await;
        let target = format!("INVITE sip:13812345678@{};transport=TLS SIP/2.0\r\n", server.address());
        assert!(invite.text.starts_with(&target), "{}", invite.text);
        assert!(invite.header("Contact").to_lowercase().ends_with(&format!("@{us};transport=tls>")), "{}", invite.text);
        far.reply(&invite, "180 Ringing", b"", b"").await;
        far.answer(&invite).await;
        let ack = far.expect("ACK").await;
        call.until("answered").await;
        assert_eq!(call.seen, ["sent", "ringing 180", "answered"]);
        let bye = hang_up(&mut far, &mut call, &rig).await;
        for message in [invite, ack, bye] {
            assert!(message.header("Via").starts_with(&format!("SIP/2.0/TLS {us};")), "{}", message.text);
        }
        if round == 0 {
            call = rig.call();
        }
    }
    let mut another = Box::pin(server.listener.accept());
    assert!(futures::poll!(&mut another).is_pending(), "a second connection was opened");
}

#[tokio::test]
async fn a_sips_trunk_is_called_by_a_sips_address_and_gets_one() {
    let authority = Authority::new();
    let server = Server::new(&authority.certify("127.0.0.1"), None).await;
    let rig = rig(&authority, &format!("sips:{}", server.address()), &trust(&authority)).await;
    let us = rig.stack.local_tls().unwrap();
    let mut call = rig.call();
    let (mut far, _) = server.accept().await;
    let invite = far.expect("INVITE").await;
    let target = format!("INVITE sips:13812345678@{} SIP/2.0\r\n", server.address());
    assert!(invite.text.starts_with(&target), "{}", invite.text);
    for (header, part) in [("To", "<sips:13812345678@"), ("From", "<sips:4006589888@")] {
        assert!(invite.header(header).contains(part), "{}", invite.text);
    }
    assert_eq!(invite.header("Contact"), format!("<sips:4006589888@{us}>"));
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    hang_up(&mut far, &mut call, &rig).await;
}

#[tokio::test]
async fn a_trunk_whose_certificate_is_not_in_order_is_a_trunk_failure_that_says_why() {
    let (authority, stranger, liar) = (Authority::new(), Authority::named("Another"), Authority::new());
    let name = "127.0.0.1";
    for (identity, extra, words) in [
        (stranger.certify(name), trust(&authority), "tls: the certificate is not trusted: its issuer is unknown"),
        // An authority that only calls itself like ours.
        (liar.certify(name), trust(&authority), "tls: the certificate is not trusted: another issuer signed it"),
        // Without a file of its own the trunk is judged by the system's authorities, who do not know ours.
        (authority.certify(name), String::new(), "tls: the certificate is not trusted: its issuer is unknown"),
        (authority.certify_until(name, 2020), trust(&authority), "tls: the certificate has expired"),
        (authority.certify("other.example.cn"), trust(&authority), "tls: the certificate is for another name"),
        (
            authority.certify(name),
            format!("{}tls_server_name = \"sip.example.cn\"", trust(&authority)),
            "tls: the certificate is for another name",
        ),
    ] {
        let server = Server::new(&identity, None).await;
        let rig = Rig::new(&server.uri(), &extra).await;
        let mut call = rig.call();
        assert!(server.try_accept().await.is_err(), "{words}: the handshake went through");
        let end = call.end().await;
        assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
        let detail = end.detail.unwrap();
        assert!(detail.contains(words) && detail.contains(&server.address().to_string()), "{detail}");
        assert_eq!(call.seen, ["ended"], "nothing was sent to a far end that is not known");
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_far_end_that_speaks_no_tls_or_says_nothing_does_not_hold_the_call() {
    let authority = Authority::new();
    for greeting in [&b"SIP/2.0 400 Bad Request\r\n\r\n"[..], b""] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let uri = format!("sip:{};transport=tls", listener.local_addr().unwrap());
        let rig = Rig::new(&uri, &trust(&authority)).await;
        let begun = monotonic();
        let mut call = rig.call();
        let (mut stream, _) = timeout(LIMIT, listener.accept()).await.unwrap().unwrap();
        stream.write_all(greeting).await.unwrap();
        let end = call.end().await;
        assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
        assert!(begun.elapsed() < Duration::from_secs(10), "{end:?}");
        rig.is_clean().await;
    }
}

#[tokio::test]
async fn a_trunk_that_asks_who_we_are_is_shown_our_certificate() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let server = Server::new(&authority.certify("127.0.0.1"), Some(&clients)).await;
    let us = clients.certify("huifang.example.cn");
    let ours =
        format!("{}tls_client_certificate = {:?}\ntls_client_key = {:?}", trust(&authority), us.certificate, us.key);
    let with = rig(&authority, &server.uri(), &ours).await;
    let mut call = with.call();
    let (mut far, _) = server.accept().await;
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    hang_up(&mut far, &mut call, &with).await;

    let without = rig(&authority, &server.uri(), &trust(&authority)).await;
    let mut call = without.call();
    assert!(server.try_accept().await.is_err(), "a caller without a certificate got in");
    let end = call.end().await;
    assert_unanswered(&end, Outcome::TrunkFailure, Fault::Trunk, Party::Network, None);
    assert_eq!(without.stack.trunks()[0].calls_up, 0);
}

#[tokio::test]
async fn the_name_that_is_asked_for_and_verified_can_be_given() {
    let authority = Authority::new();
    let server = Server::new(&authority.certify("sip.example.cn"), None).await;
    let extra = format!("{}tls_server_name = \"sip.example.cn\"", trust(&authority));
    let rig = rig(&authority, &server.uri(), &extra).await;
    let mut call = rig.call();
    let (mut far, name) = server.accept().await;
    assert_eq!(name.as_deref(), Some("sip.example.cn"));
    let invite = far.expect("INVITE").await;
    far.reply(&invite, "486 Busy Here", b"", b"").await;
    far.expect("ACK").await;
    assert_unanswered(&call.end().await, Outcome::Busy, Fault::Customer, Party::Customer, Some(486));
}

#[tokio::test]
async fn a_bye_on_a_new_tls_connection_ends_the_call() {
    let authority = Authority::new();
    let server = Server::new(&authority.certify("127.0.0.1"), None).await;
    let rig = rig(&authority, &server.uri(), &trust(&authority)).await;
    let us = rig.stack.local_tls().unwrap();
    let mut call = rig.call();
    let (mut far, _) = server.accept().await;
    let invite = far.expect("INVITE").await;
    far.answer(&invite).await;
    far.expect("ACK").await;
    call.until("answered").await;
    drop(far);
    let mut again = dial(&authority, us).await;
    again.send(b"\r\n\r\n", us).await;
    assert_eq!(again.bytes(2).await, b"\r\n");
    again.is_answered(us, "stranger-over-tls").await;
    again.request(&invite, "BYE", 2, "", "").await;
    again.expect("200").await;
    assert_answered(&call.end().await, Party::Customer);
    rig.is_clean().await;
}

/// OpenSSL as the far end: what it deciphers comes out of it, what we write into it it enciphers.
async fn openssl(identity: &Identity, version: &str) -> (tokio::process::Child, SocketAddr, Peer) {
    let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = tokio::process::Command::new("openssl");
    command.args(["s_server", "-quiet", version, "-accept", &address.to_string()]);
    command.arg("-cert").arg(&identity.certificate).arg("-key").arg(&identity.key);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn().unwrap_or_else(|e| panic!("the program openssl is missing: {e}"));
    wait_until("openssl listens", || std::net::TcpListener::bind(address).is_err()).await;
    let io = tokio::io::join(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let peer = Peer::over(Box::new(io), "TLS", address, address);
    (child, address, peer)
}

#[tokio::test]
async fn a_call_goes_through_another_make_of_tls_in_both_its_versions() {
    let authority = Authority::new();
    let identity = authority.certify("127.0.0.1");
    for version in ["-tls1_2", "-tls1_3"] {
        let (_child, address, mut far) = openssl(&identity, version).await;
        let rig = rig(&authority, &format!("sip:{address};transport=tls"), &trust(&authority)).await;
        let mut call = rig.call();
        let invite = far.expect("INVITE").await;
        far.answer(&invite).await;
        far.expect("ACK").await;
        call.until("answered").await;
        far.request(&invite, "INFO", 1, "", "").await;
        far.expect("200").await;
        hang_up(&mut far, &mut call, &rig).await;
    }
}

#[tokio::test]
async fn a_stranger_without_tls_gets_nothing_at_the_tls_port() {
    let authority = Authority::new();
    let rig = rig(&authority, "sip:127.0.0.1:9", "").await;
    let us = rig.stack.local_tls().unwrap();
    let mut stream = TcpStream::connect(us).await.unwrap();
    stream.write_all(b"OPTIONS sip:us SIP/2.0\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    let mut said = vec![];
    timeout(LIMIT, stream.read_to_end(&mut said)).await.expect("left open").ok();
    assert!(!said.windows(3).any(|w| w == b"SIP"), "{said:?}");
    dial(&authority, us).await.is_answered(us, "after").await;
}

#[tokio::test]
async fn keys_and_certificates_that_cannot_be_used_are_named_at_start() {
    let authority = Authority::new();
    let us = authority.certify("127.0.0.1");
    let nonsense = authority.folder.path().join("nonsense.pem");
    std::fs::write(&nonsense, "not pem").unwrap();
    let trunk = |extra: String| format!("name = \"line\"\nuri = \"sips:127.0.0.1\"\n{extra}");
    let (ok, bad) = (us.certificate.display(), nonsense.display());
    for (extra, expected) in [
        (format!("tls_ca = \"{bad}\""), format!("trunks.line.tls_ca = \"{bad}\": holds no certificate")),
        ("tls_ca = \"/nowhere\"".into(), "trunks.line.tls_ca = \"/nowhere\": cannot be read".into()),
        (
            format!("tls_client_certificate = \"{ok}\""),
            format!("trunks.line.tls_client_certificate = \"{ok}\": needs tls_client_key beside it"),
        ),
        (
            format!("tls_client_certificate = \"{ok}\"\ntls_client_key = \"{bad}\""),
            format!("trunks.line.tls_client_key = \"{bad}\": cannot be read as a private key"),
        ),
        ("tls_server_name = \"a b\"".into(), "trunks.line.tls_server_name = \"a b\": want a host name".into()),
    ] {
        check_start(config::Sip::default(), &trunk(extra), &expected).await;
    }
    let listen = |certificate: Option<&PathBuf>, key: Option<&PathBuf>| config::Sip {
        listen: vec!["tls:127.0.0.1:0".into()],
        tls_certificate: certificate.cloned(),
        tls_key: key.cloned(),
        ..Default::default()
    };
    let (certificate, key) = (Some(&us.certificate), Some(&us.key));
    let tcp = "name = \"line\"\nuri = \"sip:127.0.0.1;transport=tcp\"";
    check_start(listen(None, key), tcp, "sip.tls_certificate: sip.listen has a tls: address").await;
    check_start(listen(certificate, None), tcp, "sip.tls_key: sip.listen has a tls: address").await;
    check_start(listen(Some(&nonsense), key), tcp, &format!("sip.tls_certificate = \"{bad}\": holds no")).await;
    let other = authority.certify("other");
    let wrong = format!("sip.tls_key = \"{}\": ", other.key.display());
    check_start(listen(certificate, Some(&other.key)), tcp, &wrong).await;
}

async fn check_start(sip: config::Sip, trunk: &str, expected: &str) {
    let trunk: config::Trunk = toml::from_str(trunk).unwrap();
    let clock = Arc::new(huifang::clock::SystemClock);
    let started = huifang::sip::SipStack::start(&sip, &[trunk], clock, Default::default()).await;
    let error = started.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(error.starts_with(expected) && !error.contains('\n'), "want {expected}, got {error}");
}
