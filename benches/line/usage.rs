//! What the engine costs: processor time and memory of its process as the kernel counts them, and the recorder's share; and what sockets lost.

use anyhow::Context;
use huifang::media::tones::tone;
use huifang::media::wav::Recorder;
use jiff::Timestamp;
use std::ops::RangeInclusive;
use std::path::Path;

/// The kernel's unit of processor time (`getconf CLK_TCK`, 100 on every Linux of today).
const TICKS_PER_SECOND: f64 = 100.0;
/// What the session hands to the recorder at once: 400 ms.
const CHUNK_FRAMES: usize = 3_200;
const CHUNKS: usize = 5_000;

#[derive(Clone, Copy)]
pub struct Usage {
    pub cpu_s: f64,
    pub rss_mb: f64,
}

impl Usage {
    pub fn of(pid: u32) -> anyhow::Result<Usage> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let rss_kb: f64 = rss.trim().trim_end_matches(" kB").parse()?;
        Ok(Usage { cpu_s: cpu_s(&format!("/proc/{pid}/stat"))?, rss_mb: rss_kb / 1_024.0 })
    }
}

/// User and system time; their fields are counted behind the name, which may hold blanks.
pub fn cpu_s(stat: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(stat)?;
    let (_, fields) = text.rsplit_once(')').context("a stat line")?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks = |n: usize| fields.get(n).context("a stat field")?.parse::<f64>().context("ticks");
    Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
}

/// Processor time of the whole machine, and what of it a virtual machine's host gave to others: figures of such a window mean little.
pub struct Stolen {
    all: f64,
    stolen: f64,
}

impl Stolen {
    pub fn now() -> anyhow::Result<Self> {
        let text = std::fs::read_to_string("/proc/stat")?;
        let line = text.lines().next().context("/proc/stat")?;
        // user nice system idle iowait irq softirq steal; what follows is counted within user.
        let ticks: Vec<f64> = line.split_whitespace().skip(1).take(8).map(str::parse).collect::<Result<_, _>>()?;
        Ok(Self { all: ticks.iter().sum(), stolen: *ticks.get(7).context("steal of /proc/stat")? })
    }

    /// Since then.
    pub fn percent(&self) -> anyhow::Result<f64> {
        let now = Self::now()?;
        Ok((now.stolen - self.stolen) / (now.all - self.all) * 100.0)
    }
}

/// Datagrams that the kernel dropped because the receive buffer of a UDP socket of these ports was full, while the sockets are open.
pub fn dropped(ports: RangeInclusive<u16>) -> anyhow::Result<u64> {
    let mut dropped = 0;
    for line in std::fs::read_to_string("/proc/net/udp")?.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (Some(local), Some(count)) = (fields.get(1), fields.last()) else { continue };
        let port = local.rsplit_once(':').and_then(|(_, port)| u16::from_str_radix(port, 16).ok());
        if port.is_some_and(|port| ports.contains(&port)) {
            dropped += count.parse::<u64>().with_context(|| format!("drops of {local}"))?;
        }
    }
    Ok(dropped)
}

/// Per cent of a core that one call's recorder takes: chunks of both channels written as the session does it, on the same disk.
pub fn recorder_percent(store: Option<&Path>) -> anyhow::Result<f64> {
    let folder = match store {
        Some(store) => tempfile::tempdir_in(store)?,
        None => tempfile::tempdir()?,
    };
    let mut recorder = Recorder::create(folder.path(), "share", Timestamp::UNIX_EPOCH)?;
    let chunk = tone(600.0, 8_000.0, CHUNK_FRAMES * 2);
    let before = cpu_s("/proc/thread-self/stat")?;
    for _ in 0..CHUNKS {
        recorder.write(&chunk)?;
    }
    let took = cpu_s("/proc/thread-self/stat")? - before;
    recorder.discard()?;
    Ok(took / (CHUNKS * CHUNK_FRAMES) as f64 * 8_000.0 * 100.0)
}
