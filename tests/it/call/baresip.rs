//! baresip as the customer: a far end that none of us wrote answers by itself, speaks a file, hears into a file, and hangs up.
//!
//! Debian's baresip 1.0 has `aufile` as a source only; what it hears is kept by its filter `sndfile`, once the call is over.

use super::NUMBER;
use crate::support::api::text;
use crate::support::audio::{Recording, bursts};
use crate::support::data::LEVEL;
use crate::support::{Station, parts, until, within};
use huifang::config::Srtp;
use huifang::media::tones::tone;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::Stdio;
use tempfile::TempDir;
use tokio::process::{Child, Command};

pub const VOICE_HZ: f64 = 1_500.0;
/// Of a recording.
const BYTES_PER_SECOND: u64 = 32_000;
/// Where Debian keeps the modules, by architecture or not.
const MODULES: &str = "/usr/lib/baresip/modules";

pub struct Baresip {
    child: Child,
    address: SocketAddr,
    folder: TempDir,
}

impl Baresip {
    async fn start() -> Self {
        Self::start_with("").await
    }

    /// With more parameters of its account.
    async fn start_with(parameters: &str) -> Self {
        let account =
            |port| format!("<sip:{NUMBER}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs=pcma{parameters}\n");
        Self::start_as(account).await
    }

    /// With an account of its own, made for the port that it listens on.
    pub async fn start_as(account: impl Fn(u16) -> String) -> Self {
        // The port was free when it was looked for; another test may have been quicker.
        for _ in 0..3 {
            if let Some(baresip) = Self::try_start(&account).await {
                return baresip;
            }
        }
        panic!("baresip ends at its start, three times");
    }

    async fn try_start(account: &impl Fn(u16) -> String) -> Option<Self> {
        for module in ["account.so", "g711.so", "aufile.so", "sndfile.so", "menu.so", "srtp.so"] {
            let path = Path::new(MODULES).join(module);
            assert!(path.exists(), "{} is missing (Debian packages baresip and baresip-core)", path.display());
        }
        let folder = tempfile::tempdir().unwrap();
        let port = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let voice = folder.path().join("voice.wav");
        write_wav(&voice, &tone(VOICE_HZ, LEVEL, 8_000 * 60));
        let config = format!(
            "sip_listen 127.0.0.1:{port}\nnet_interface 127.0.0.1\nrtp_ports 39000-39499\nausrc_srate 8000\n\
             audio_source aufile,{}\nsnd_path {}\nmodule_path {MODULES}\nmodule g711.so\nmodule aufile.so\nmodule sndfile.so\n\
             module srtp.so\nmodule_app account.so\nmodule_app menu.so\n",
            voice.display(),
            folder.path().display()
        );
        std::fs::write(folder.path().join("config"), config).unwrap();
        std::fs::write(folder.path().join("accounts"), account(port)).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new("baresip")
            .arg("-f")
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| panic!("the program baresip is missing (Debian package baresip): {e}"));
        let mut baresip = Self { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, port)), folder };
        let ready = until("baresip is ready, or has ended", async || {
            let ended = baresip.child.try_wait().unwrap().map(|_| false);
            ended.or(baresip.log().contains("baresip is ready").then_some(true))
        });
        ready.await.then_some(baresip)
    }

    /// What it heard in its last call, which must be over.
    pub fn heard(&self) -> Vec<i16> {
        let entries = std::fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        // They are named by the second in which the call began.
        let last = entries.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).max();
        let mut reader = hound::WavReader::open(last.expect("baresip was on a call")).unwrap();
        reader.samples().map(Result::unwrap).collect()
    }

    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// baresip hangs up every call when it is told to end.
    pub async fn hang_up(&mut self) {
        let pid = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().await.unwrap().success());
    }
}

fn write_wav(path: &Path, pcm: &[i16]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    pcm.iter().for_each(|sample| writer.write_sample(*sample).unwrap());
    writer.finalize().unwrap();
}

#[tokio::test]
async fn baresip_is_called_speaks_hangs_up_and_is_in_the_recording() {
    let baresip = Baresip::start().await;
    let station = Station::start(baresip.address).await;
    talks_and_hangs_up(baresip, station).await;
}

/// Both ends of libsrtp's world: what baresip opens and seals is what we seal and open.
#[tokio::test]
async fn baresip_that_insists_on_srtp_is_in_the_recording_of_a_trunk_that_wants_it() {
    for (policy, parameter) in [(Srtp::Required, ";mediaenc=srtp-mand"), (Srtp::Optional, ";mediaenc=srtp")] {
        let baresip = Baresip::start_with(parameter).await;
        let station = Station::start_with(baresip.address, |config| config.trunks[0].srtp = policy).await;
        talks_and_hangs_up(baresip, station).await;
    }
}

async fn talks_and_hangs_up(mut baresip: Baresip, station: Station) {
    let visit = station.api.report("FL-1", NUMBER).await;
    until("baresip has answered", async || {
        let calls = station.api.calls(&visit).await;
        (!calls.first()?["answered_at"].is_null()).then_some(())
    })
    .await;
    until("three seconds are on disk", async || {
        let part = parts(station.recordings()).pop()?;
        (part.metadata().ok()?.len() > 3 * BYTES_PER_SECOND).then_some(())
    })
    .await;
    baresip.hang_up().await;
    let row = station.api.ended_call(&visit).await;
    assert_eq!(
        (text(&row["outcome"]), text(&row["hung_up_by"])),
        ("hung_up".into(), "customer".into()),
        "{row}\n{}",
        baresip.log()
    );
    let recording = Recording::of(&row, station.recordings());
    let heard = bursts(&recording.customer, VOICE_HZ);
    let spoken: f64 = heard.iter().map(|(from, to)| to - from).sum();
    assert!(spoken >= 2.0, "{heard:?}\n{}", baresip.log());
    assert!(bursts(&recording.agent, VOICE_HZ).is_empty());
    within("baresip ends", baresip.child.wait()).await.unwrap();
    station.finish().await;
}
