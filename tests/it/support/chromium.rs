//! Headless Chromium with a file as its microphone. One process group and one profile folder, both gone when it is dropped.
//!
//! It needs the Debian package chromium. A page judges itself and posts what it found; nothing here drives it.

use huifang::clock::monotonic;
use huifang::media::tones::add_tone;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Script for a page: `listen(track, tell)` plays a track, and tells ten times a second which frequency is the loudest in it, 0 = quiet.
pub const LISTEN: &str = r#"
const listen = (track, tell) => {
  const stream = new MediaStream([track]), player = new Audio();
  player.srcObject = stream; player.play();
  const context = new AudioContext(), analyser = context.createAnalyser();
  analyser.fftSize = 4096;
  context.createMediaStreamSource(stream).connect(analyser);
  setInterval(() => {
    const bins = new Float32Array(analyser.frequencyBinCount);
    analyser.getFloatFrequencyData(bins);
    const best = bins.reduce((m, v, i) => v > bins[m] ? i : m, 1);
    tell(bins[best] > -50 ? best * context.sampleRate / analyser.fftSize : 0);
  }, 100);
};"#;

const FLAGS: [&str; 19] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-sync",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
];

pub struct Chromium {
    child: Child,
    group: Pid,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Opens `url`; a page on 127.0.0.1 may use the microphone, which plays `microphone` over and over.
    pub fn start(url: &str, microphone: &Path) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command.args(FLAGS);
        command.arg(format!("--use-file-for-fake-audio-capture={}", microphone.display()));
        command.arg(format!("--user-data-dir={}", profile.path().display())).arg(url);
        // Its messages say nothing that a test could use, and a full pipe would stop it.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.process_group(0).spawn();
        let child = child.unwrap_or_else(|e| panic!("the program chromium is missing (Debian package chromium): {e}"));
        let group = Pid::from_child(&child);
        Self { child, group, _profile: profile }
    }

    /// The power cut: no page says goodbye. Returns when every process of it is gone.
    pub fn kill(&mut self) {
        let _ = kill_process_group(self.group, Signal::KILL);
        let _ = self.child.wait();
        let limit = monotonic() + Duration::from_secs(5);
        while test_kill_process_group(self.group).is_ok() && monotonic() < limit {
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A microphone file: a tone of full periods, so that it sounds unbroken when it begins again.
pub fn microphone(folder: &Path, hz: u32) -> PathBuf {
    const RATE: u32 = 48_000;
    let path = folder.join(format!("microphone{hz}.wav"));
    let spec =
        hound::WavSpec { channels: 1, sample_rate: RATE, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut writer = hound::WavWriter::create(&path, spec).unwrap();
    let mut second = vec![0; RATE as usize];
    // The generator counts 8 kHz.
    add_tone(&mut second, f64::from(hz) / 6.0, 12_000.0, 0);
    second.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
    writer.finalize().unwrap();
    path
}
