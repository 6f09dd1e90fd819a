//! SIPp as a far end: one process per scenario, judged by its exit status and by the messages that it logged.

use super::rig::wait_until;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::ops::Range;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;
use tokio::process::{Child, Command};

const PORTS: Range<u16> = 12_000..20_192;

pub struct Sipp {
    child: Child,
    name: String,
    pub port: u16,
    tcp: bool,
    folder: tempfile::TempDir,
}

impl Sipp {
    /// Starts `tests/data/sipp/<name>.xml` with `[key]` replaced by its value, and waits until it listens.
    pub async fn start(name: &str, tcp: bool, keys: &[(&str, &str)]) -> Self {
        Self::spawn(name, tcp, keys, None).await
    }

    /// The same, as the calling side.
    pub async fn call(name: &str, target: std::net::SocketAddr) -> Self {
        Self::spawn(name, false, &[], Some(target)).await
    }

    async fn spawn(name: &str, tcp: bool, keys: &[(&str, &str)], target: Option<std::net::SocketAddr>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port(tcp);
        let template = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/sipp/{name}.xml"));
        let mut scenario = std::fs::read_to_string(&template).unwrap();
        for (key, value) in keys {
            scenario = scenario.replace(&format!("[{key}]"), value);
        }
        std::fs::write(folder.path().join("scenario.xml"), scenario).unwrap();
        let mut command = Command::new("sipp");
        command.current_dir(folder.path()).args(["-sf", "scenario.xml"]);
        command.args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin", "-timeout", "50"]);
        command.args(["-trace_msg", "-message_file", "messages.log", "-trace_err", "-error_file", "errors.log"]);
        command.args(["-t", if tcp { "t1" } else { "u1" }]);
        command.args(target.map(|t| t.to_string()));
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn();
        let child = child.unwrap_or_else(|e| panic!("the program sipp is missing (Debian package sip-tester): {e}"));
        let mut sipp = Self { child, name: name.into(), port, tcp, folder };
        if target.is_none() {
            let mut gone = false;
            wait_until("sipp listens", || {
                gone = sipp.child.try_wait().is_ok_and(|status| status.is_some());
                gone || is_taken(port, tcp)
            })
            .await;
            assert!(!gone, "sipp {name} did not start: {}", sipp.read("errors.log"));
        }
        sipp
    }

    pub fn uri(&self) -> String {
        format!("sip:127.0.0.1:{}{}", self.port, if self.tcp { ";transport=tcp" } else { "" })
    }

    /// Waits for the end of the scenario, which must have gone to plan; gives every message that sipp saw.
    pub async fn passed(mut self) -> String {
        let status = tokio::time::timeout(Duration::from_secs(20), self.child.wait()).await;
        let messages = self.read("messages.log");
        match status {
            Ok(Ok(status)) if status.success() => messages,
            other => panic!("sipp {}: {other:?}\n{}\n{messages}", self.name, self.read("errors.log")),
        }
    }

    fn read(&self, file: &str) -> String {
        let bytes = std::fs::read(self.folder.path().join(file)).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Below the ports that the kernel hands out, each one once: no socket of another test can take it before sipp does. Test processes that
/// run side by side begin at different places.
fn free_port(tcp: bool) -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = (std::process::id() % 64) as u16 * 128;
    for _ in 0..PORTS.len() {
        let n = TAKEN.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (first.wrapping_add(n)) % PORTS.len() as u16;
        if !is_taken(port, tcp) {
            return port;
        }
    }
    panic!("no port is free in {PORTS:?}");
}

fn is_taken(port: u16, tcp: bool) -> bool {
    let address = (Ipv4Addr::LOCALHOST, port);
    if tcp { TcpListener::bind(address).is_err() } else { UdpSocket::bind(address).is_err() }
}
