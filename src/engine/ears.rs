//! The recognisers of this process, loaded when first needed: a site that has not called yet holds no model in memory.
//!
//! Contract: one whisper context and one streaming model serve everything; a model that is missing is said once, until it is there, and is not
//! fatal for the call: the questionnaire then asks for keys and the transcript waits for the model.

use crate::config::Config;
use crate::stt::vosk::Vosk;
use crate::stt::whisper::Whisper;
use crate::stt::{SpeechStream, StreamingModel, SttError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

pub struct Ears {
    model: PathBuf,
    vad_model: PathBuf,
    language: String,
    threads: usize,
    streaming_library: PathBuf,
    streaming_model: PathBuf,
    whisper: Mutex<Option<Arc<Whisper>>>,
    vosk: Mutex<Option<Arc<Vosk>>>,
    /// It was said that there is no streaming recogniser.
    said: AtomicBool,
}

impl Ears {
    pub fn new(config: &Config) -> Self {
        Self {
            model: config.model_path(&config.stt.model),
            vad_model: config.model_path(&config.stt.vad_model),
            language: config.stt.language.clone(),
            threads: config.stt.threads,
            streaming_library: config.model_path(&config.stt.streaming_library),
            streaming_model: config.model_path(&config.stt.streaming_model),
            whisper: Mutex::default(),
            vosk: Mutex::default(),
            said: AtomicBool::new(false),
        }
    }

    /// The recogniser of record. Blocks while it loads, the first time.
    pub fn recogniser(&self) -> Result<Arc<Whisper>, SttError> {
        loaded(&self.whisper, || Whisper::load(&self.model, &self.vad_model, &self.language, self.threads))
    }

    /// The streaming recogniser. Blocks while it loads, the first time.
    pub fn streaming(&self) -> Result<Arc<Vosk>, SttError> {
        loaded(&self.vosk, || Vosk::open(&self.streaming_library, &self.streaming_model))
    }

    /// An ear for one call; `None`, with a line in the log the first time, where the files are missing. Blocks while the model loads, the first time.
    pub fn listen(&self) -> Option<Box<dyn SpeechStream>> {
        match self.streaming().and_then(|model| model.open()) {
            Ok(stream) => {
                self.said.store(false, Ordering::Relaxed);
                Some(stream)
            }
            Err(error) if self.said.swap(true, Ordering::Relaxed) => {
                tracing::debug!(%error, "still no streaming recogniser");
                None
            }
            Err(error) => {
                tracing::warn!(%error, "no streaming recogniser: until there is one customers are asked for keys");
                None
            }
        }
    }
}

fn loaded<T>(place: &Mutex<Option<Arc<T>>>, load: impl FnOnce() -> Result<T, SttError>) -> Result<Arc<T>, SttError> {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = &*place {
        return Ok(model.clone());
    }
    let model = Arc::new(load()?);
    *place = Some(model.clone());
    Ok(model)
}
