//! Spoken clips of a folder by id: `num/day_01` is `num/day_01.wav`. 8 kHz mono 16-bit WAV; everything is read at start, nothing during a call.

use super::codec::SAMPLE_RATE;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const MOST_CLIPS: usize = 5_000;
const LONGEST_S: u32 = 120;
const DEPTH: usize = 3;

#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("prompts {path}: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("prompt {path}: {detail}; want 8 kHz mono 16-bit wav of at most {LONGEST_S} s")]
    Format { path: PathBuf, detail: String },
    #[error("prompts {path}: more than {MOST_CLIPS} clips")]
    TooMany { path: PathBuf },
    #[error("no prompt {0:?}")]
    Unknown(String),
}

#[derive(Clone, Debug, Default)]
pub struct Prompts {
    clips: BTreeMap<String, Arc<[i16]>>,
}

impl Prompts {
    /// Reads every `.wav` below `folder`; the first that cannot be used is the error.
    pub fn load(folder: &Path) -> Result<Self, PromptError> {
        let mut prompts = Self::default();
        prompts.load_below(folder, "", DEPTH)?;
        Ok(prompts)
    }

    /// The clip, by id.
    pub fn get(&self, id: &str) -> Result<Arc<[i16]>, PromptError> {
        self.clips.get(id).cloned().ok_or_else(|| PromptError::Unknown(id.to_owned()))
    }

    pub fn contains(&self, id: &str) -> bool {
        self.clips.contains_key(id)
    }

    /// Every clip with its id, sorted by id.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<[i16]>)> {
        self.clips.iter().map(|(id, clip)| (id.as_str(), clip))
    }

    pub fn len(&self) -> usize {
        self.clips.len()
    }

    pub fn is_empty(&self) -> bool {
        self.clips.is_empty()
    }

    fn load_below(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), PromptError> {
        let io = |source| PromptError::Io { path: folder.to_owned(), source };
        for entry in fs::read_dir(folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let (path, name) = (entry.path(), entry.file_name());
            let name = name.to_string_lossy();
            if path.is_dir() && depth > 0 {
                self.load_below(&path, &format!("{prefix}{name}/"), depth - 1)?;
            } else if let Some(id) = name.strip_suffix(".wav") {
                if self.clips.len() >= MOST_CLIPS {
                    return Err(PromptError::TooMany { path: folder.to_owned() });
                }
                self.clips.insert(format!("{prefix}{id}"), read_clip(&path)?);
            }
        }
        Ok(())
    }
}

/// One clip; also what the simulated customer and the tests read their speech with.
pub fn read_clip(path: &Path) -> Result<Arc<[i16]>, PromptError> {
    let bad = |detail: String| PromptError::Format { path: path.to_owned(), detail };
    let reader = hound::WavReader::open(path).map_err(|error| bad(error.to_string()))?;
    let (spec, length) = (reader.spec(), reader.duration());
    if (spec.sample_rate, spec.channels, spec.bits_per_sample) != (SAMPLE_RATE, 1, 16)
        || spec.sample_format != hound::SampleFormat::Int
    {
        let found = format!("{} Hz, {} channels, {} bits", spec.sample_rate, spec.channels, spec.bits_per_sample);
        return Err(bad(found));
    }
    if length > LONGEST_S * SAMPLE_RATE {
        return Err(bad(format!("{} s long", length / SAMPLE_RATE)));
    }
    let samples: Result<Vec<i16>, _> = reader.into_samples().collect();
    samples.map(Arc::from).map_err(|error| bad(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, rate: u32, channels: u16) {
        let spec = hound::WavSpec {
            channels,
            sample_rate: rate,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        for sample in 0..100_i16 {
            (0..channels).for_each(|_| writer.write_sample(sample).unwrap());
        }
        writer.finalize().unwrap();
    }

    #[test]
    fn clips_are_found_by_their_path_below_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("num")).unwrap();
        write(&folder.path().join("hello.wav"), 8_000, 1);
        write(&folder.path().join("num/day_01.wav"), 8_000, 1);
        fs::write(folder.path().join("README.md"), "clips").unwrap();
        let prompts = Prompts::load(folder.path()).unwrap();
        assert_eq!(prompts.len(), 2);
        assert_eq!(prompts.get("num/day_01").unwrap()[99], 99);
        assert_eq!(prompts.get("nope").unwrap_err().to_string(), "no prompt \"nope\"");
    }

    #[test]
    fn a_clip_of_another_kind_is_named_with_what_it_is() {
        for (rate, channels, want) in [(16_000, 1, "16000 Hz, 1 channels, 16 bits"), (8_000, 2, "8000 Hz, 2 channels")]
        {
            let folder = tempfile::tempdir().unwrap();
            write(&folder.path().join("odd.wav"), rate, channels);
            let error = Prompts::load(folder.path()).unwrap_err().to_string();
            assert!(error.contains("odd.wav") && error.contains(want), "{error}");
        }
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cut.wav"), "RIFF").unwrap();
        assert!(Prompts::load(folder.path()).unwrap_err().to_string().contains("cut.wav"));
        assert!(Prompts::load(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
    }
}
