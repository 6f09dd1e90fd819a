//! `huifang transcribe FILE.wav`: a recording, stereo (agent left, customer right) or mono (the customer), as text.

use crate::config::Config;
use crate::domain::transcript::format::Format;
use crate::stt::audio::{LINE_HZ, resample_pcm};
use crate::stt::vosk::Vosk;
use crate::stt::whisper::Whisper;
use crate::stt::{CallAudio, StreamingModel, SttError, transcribe_call};
use anyhow::{Context, Result, bail};
use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// Longest recording, hours: the samples are held in memory.
const HOURS_MAX: u64 = 6;
const HZ_MIN: u32 = 4_000;
const HZ_MAX: u32 = 192_000;

#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// WAV, 16-bit PCM: stereo (left the agent, right the customer) or mono (the customer).
    pub file: PathBuf,
    /// json, vtt, srt or txt.
    #[arg(long, default_value = "json")]
    pub format: Format,
    /// Folder of the models.
    #[arg(long, env = "HUIFANG_MODELS")]
    pub models: Option<PathBuf>,
}

/// Both sides of a recording at the line's rate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    pub agent: Vec<i16>,
    pub customer: Vec<i16>,
}

/// Writes the transcript to standard output; progress goes to standard error when that is a terminal.
///
/// # Errors
/// One line naming the file that cannot be read as such a WAV, or the model that is missing.
pub fn run(args: &Args, config: &Config) -> Result<()> {
    let recording = read_recording(&args.file)?;
    let path = |file: &Path| args.models.as_ref().map_or_else(|| config.model_path(file), |dir| dir.join(file));
    let stt = &config.stt;
    let whisper = Whisper::load(&path(&stt.model), &path(&stt.vad_model), &stt.language, stt.threads)?;
    let second = second_engine(Vosk::open(&path(&stt.streaming_library), &path(&stt.streaming_model)))?;
    let audio = CallAudio { agent: &recording.agent, customer: &recording.customer, customer_turns: &[] };
    let shown = std::io::stderr().is_terminal();
    let mut progress = |share: f32| {
        if shown {
            eprint!("\rtranscribing {:3.0} %", share * 100.0);
        }
    };
    let never = AtomicBool::new(false);
    let second = second.as_ref().map(|vosk| vosk as &dyn StreamingModel);
    let transcript = transcribe_call(&whisper, second, audio, &mut progress, &never)?;
    if shown {
        eprintln!();
    }
    let mut out = std::io::stdout().lock();
    out.write_all(args.format.render(&transcript).as_bytes()).context("standard output")
}

/// The second opinion is wanted, not needed: without its files the transcript has one engine.
fn second_engine(opened: Result<Vosk, SttError>) -> Result<Option<Vosk>> {
    match opened {
        Ok(vosk) => Ok(Some(vosk)),
        Err(SttError::ModelMissing { what, path }) => {
            tracing::warn!(%path, "{what} is missing: no second opinion on the customer's words");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Reads a WAV and brings both sides to the line's rate.
///
/// # Errors
/// One line that names the file and what is wrong with it.
pub fn read_recording(path: &Path) -> Result<Recording> {
    let name = path.display();
    let mut reader = hound::WavReader::open(path).with_context(|| format!("{name} is not a readable WAV file"))?;
    let spec = reader.spec();
    if spec.sample_format != hound::SampleFormat::Int || spec.bits_per_sample != 16 {
        bail!("{name} holds {}-bit {:?} samples, 16-bit PCM is needed", spec.bits_per_sample, spec.sample_format);
    }
    if !(HZ_MIN..=HZ_MAX).contains(&spec.sample_rate) {
        bail!("{name} has {} samples per second, {HZ_MIN} to {HZ_MAX} are read", spec.sample_rate);
    }
    if u64::from(reader.duration()) > HOURS_MAX * 3600 * u64::from(spec.sample_rate) {
        bail!("{name} is longer than {HOURS_MAX} hours");
    }
    let channels = usize::from(spec.channels);
    if !(1..=2).contains(&channels) {
        bail!("{name} has {channels} channels, 1 (customer) or 2 (agent, customer) are read");
    }
    let samples: Vec<i16> = reader
        .samples()
        .collect::<Result<_, _>>()
        .with_context(|| format!("{name} ends in the middle of its audio"))?;
    let side = |n: usize| -> Result<Vec<i16>> {
        let pcm: Vec<i16> = samples.iter().skip(n).step_by(channels).copied().collect();
        Ok(resample_pcm(&pcm, spec.sample_rate, LINE_HZ)?)
    };
    let agent = if channels == 2 { side(0)? } else { Vec::new() };
    Ok(Recording { agent, customer: side(channels - 1)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wav(channels: u16, sample_rate: u32, samples: &[i16]) -> Vec<u8> {
        let spec =
            hound::WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
        let mut bytes = std::io::Cursor::new(Vec::new());
        let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
        samples.iter().for_each(|&s| writer.write_sample(s).unwrap());
        writer.finalize().unwrap();
        bytes.into_inner()
    }

    fn read(bytes: &[u8]) -> Result<Recording> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("call.wav");
        std::fs::write(&path, bytes).unwrap();
        read_recording(&path)
    }

    #[test]
    fn the_left_side_is_the_agent_and_mono_is_the_customer() {
        let stereo = read(&wav(2, 8_000, &[1, -1, 2, -2])).unwrap();
        assert_eq!(stereo, Recording { agent: vec![1, 2], customer: vec![-1, -2] });
        let mono = read(&wav(1, 8_000, &[5, 6])).unwrap();
        assert_eq!(mono, Recording { agent: vec![], customer: vec![5, 6] });
        assert_eq!(read(&wav(1, 8_000, &[])).unwrap(), Recording::default());
    }

    #[test]
    fn other_rates_are_brought_to_the_lines() {
        for rate in [16_000, 44_100, 48_000] {
            let one_second = vec![0; rate as usize * 2];
            let recording = read(&wav(2, rate, &one_second)).unwrap();
            assert!(recording.agent.len().abs_diff(8_000) <= 1, "{rate}: {}", recording.agent.len());
            assert_eq!(recording.agent.len(), recording.customer.len());
        }
    }

    #[test]
    fn a_bad_file_is_one_line_that_names_it() {
        let good = wav(2, 8_000, &[1, 2, 3, 4]);
        let mut eight_bit = good.clone();
        eight_bit[34] = 8;
        eight_bit[32] = 2;
        for (bytes, expected) in [
            (b"not a wav".to_vec(), "is not a readable WAV file"),
            (Vec::new(), "is not a readable WAV file"),
            (good[..30].to_vec(), "is not a readable WAV file"),
            (good[..good.len() - 3].to_vec(), "ends in the middle"),
            (wav(3, 8_000, &[1, 2, 3]), "has 3 channels"),
            (wav(1, 100, &[1]), "has 100 samples per second"),
        ] {
            let error = format!("{:#}", read(&bytes).unwrap_err());
            assert!(error.contains("call.wav") && error.contains(expected), "{error}");
            assert_eq!(error.lines().count(), 1, "{error}");
        }
        assert!(format!("{:#}", read_recording(Path::new("/no/such.wav")).unwrap_err()).contains("/no/such.wav"));
    }
}
