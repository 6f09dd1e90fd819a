//! The recognisers of this process, loaded when first needed, the streaming one while the telephone rings: a site that has not called yet
//! holds no model in memory.
//!
//! Contract: one whisper context and one streaming model serve everything; a model that is missing is said once, until it is there, and is not
//! fatal for the call: the questionnaire then asks for keys, of early media only tones are told, and the transcript waits for the model.

use crate::config::Config;
use crate::stt::vosk::Vosk;
use crate::stt::whisper::Whisper;
use crate::stt::{SpeechStream, StreamingModel, SttError};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls whose early media is listened to for words at one time. Ring-back music is recognised like speech, at a fifteenth of a core a call.
const EARLY_MAX: usize = 16;

type Load = Box<dyn Fn() -> Result<Arc<dyn StreamingModel>, SttError> + Send + Sync>;

pub struct Ears {
    model: PathBuf,
    vad_model: PathBuf,
    language: String,
    threads: usize,
    load_streaming: Load,
    whisper: Mutex<Option<Arc<Whisper>>>,
    streaming: Mutex<Option<Arc<dyn StreamingModel>>>,
    early: Arc<Semaphore>,
    along: Arc<Semaphore>,
    /// It was said that there is no streaming recogniser.
    said: AtomicBool,
}

impl Ears {
    pub fn new(config: &Config) -> Self {
        let library = config.model_path(&config.stt.streaming_library);
        let model = config.model_path(&config.stt.streaming_model);
        Self {
            model: config.model_path(&config.stt.model),
            vad_model: config.model_path(&config.stt.vad_model),
            language: config.stt.language.clone(),
            threads: config.stt.threads,
            load_streaming: Box::new(move || Ok(Arc::new(Vosk::open(&library, &model)?))),
            whisper: Mutex::default(),
            streaming: Mutex::default(),
            early: Arc::new(Semaphore::new(EARLY_MAX)),
            along: Arc::new(Semaphore::new(config.stt.live_calls as usize)),
            said: AtomicBool::new(false),
        }
    }

    /// With another streaming recogniser, got when it is first needed.
    pub fn hearing_by(
        self,
        load: impl Fn() -> Result<Arc<dyn StreamingModel>, SttError> + Send + Sync + 'static,
    ) -> Self {
        Self { load_streaming: Box::new(load), ..self }
    }

    /// The recogniser of record. Blocks while it loads, the first time.
    pub fn recogniser(&self) -> Result<Arc<Whisper>, SttError> {
        loaded(&self.whisper, || {
            Ok(Arc::new(Whisper::load(&self.model, &self.vad_model, &self.language, self.threads)?))
        })
    }

    /// The streaming recogniser. Blocks while it loads, the first time.
    pub fn streaming(&self) -> Result<Arc<dyn StreamingModel>, SttError> {
        loaded(&self.streaming, &self.load_streaming)
    }

    /// Loads the streaming recogniser while there is time: the first words of the first call do not wait for it. Blocks while it loads.
    pub fn warm(&self) {
        if let Err(error) = self.streaming() {
            tracing::debug!(%error, "no streaming recogniser to read along");
        }
    }

    /// The right to listen to early media for words, while there is room.
    pub fn early_place(&self) -> Option<OwnedSemaphorePermit> {
        self.early.clone().try_acquire_owned().ok()
    }

    /// The right to read along with a call, while there is room.
    pub fn place_along(&self) -> Option<OwnedSemaphorePermit> {
        self.along.clone().try_acquire_owned().ok()
    }

    /// An ear for each side of a call. Blocks while the model loads, the first time.
    pub fn for_both_sides(&self) -> Result<[Box<dyn SpeechStream>; 2], SttError> {
        let model = self.streaming()?;
        Ok([model.open()?, model.open()?])
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

fn loaded<T: ?Sized>(
    place: &Mutex<Option<Arc<T>>>,
    load: impl FnOnce() -> Result<Arc<T>, SttError>,
) -> Result<Arc<T>, SttError> {
    let mut place = place.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(model) = &*place {
        return Ok(model.clone());
    }
    let model = load()?;
    *place = Some(model.clone());
    Ok(model)
}
