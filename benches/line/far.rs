//! The far ends: SIPps that answer every call and echo RTP, each on one port.

use crate::usage;
use anyhow::{Context, bail};
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// Calls of one SIPp: through its single port more voice is lost at times, for it reads too slowly.
pub const CALLS: usize = 100;

pub struct FarEnds(Vec<Far>);

impl FarEnds {
    /// Enough of them for so many calls; each call ends after `hold`. Their voice goes to the port `ears`, or is sent back.
    pub async fn start(folder: &Path, calls: usize, hold: Duration, ears: Option<u16>) -> anyhow::Result<FarEnds> {
        let mut all = vec![];
        for n in 0..calls.div_ceil(CALLS) {
            let folder = folder.join(format!("far{n}"));
            std::fs::create_dir(&folder)?;
            all.push(Far::start(&folder, hold, ears).await?);
        }
        Ok(FarEnds(all))
    }

    /// Packets of ours that their full sockets lost: they never come back, and none of it is the engine's.
    pub fn dropped(&self) -> anyhow::Result<u64> {
        self.0.iter().map(|far| usage::dropped(far.media..=far.media)).sum()
    }

    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|far| far.address).collect()
    }
}

struct Far {
    _child: Child,
    address: SocketAddr,
    /// One port echoes the voice of every call.
    media: u16,
}

impl Far {
    async fn start(folder: &Path, hold: Duration, ears: Option<u16>) -> anyhow::Result<Far> {
        let mut scenario = include_str!("answer.xml").replace("HOLD_MS", &hold.as_millis().to_string());
        if let Some(port) = ears {
            scenario = scenario.replace("[media_port]", &port.to_string());
        }
        std::fs::write(folder.join("answer.xml"), scenario)?;
        let (sip, media) = (free_port()?, free_port()?);
        let mut command = Command::new("sipp");
        command.current_dir(folder).args(["-sf", "answer.xml", "-i", "127.0.0.1", "-mi", "127.0.0.1"]);
        command.args(ears.is_none().then_some("-rtp_echo"));
        command.args(["-p", &sip.to_string(), "-mp", &media.to_string(), "-nostdin"]);
        command.args(["-l", &(CALLS + 10).to_string(), "-trace_err", "-error_file", "errors.log"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().context("the program sipp is missing (Debian package sip-tester)")?;
        let address = SocketAddr::from(([127, 0, 0, 1], sip));
        while UdpSocket::bind(address).is_ok() {
            if let Some(status) = child.try_wait()? {
                bail!("sipp did not start: {status}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(Far { _child: child, address, media })
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}
