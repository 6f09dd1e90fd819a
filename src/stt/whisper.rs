//! The transcript of record: whisper.cpp with Silero voice detection in front.
//!
//! One model, a decoder state per job, so jobs run side by side on blocking threads. Without voice detection whisper turns
//! silence, ring-back and music into text: it is not optional. Does not know calls: one channel in, its segments out.

use super::audio::{self, LINE_HZ, MODEL_HZ, resample};
use super::clean::clean;
use super::plan::{self, Placed, Span};
use super::settings::{Resampling, Settings, Windows};
use super::tokens::{self, Token};
use super::{Recogniser, SttError};
use crate::domain::transcript::{Channel, Segment};
use std::ffi::{c_int, c_void};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use whisper_rs::{
    DtwMode, DtwModelPreset, DtwParameters, FullParams, SamplingStrategy, WhisperContext, WhisperContextParameters,
    WhisperState, WhisperVadContext, WhisperVadContextParams, WhisperVadParams,
};

const ENGINE: &str = "whisper";
/// Words of the trade, so that they are heard; no word that decides a score, or the recogniser would say it by itself.
const PROMPT: &str = "以下是工程机械售后服务的回访电话，说的是普通话：挖掘机、液压油、黄油、滤芯、配件、油管、师傅、工程师、保养、维修、小时。";
/// Far above what the prompt needs: the tokeniser's binding goes wrong when its buffer is too small.
const PROMPT_TOKENS_MAX: usize = 448;
/// Zeros after the last utterance: the decoder wants to hear the end.
const TAIL: usize = MODEL_HZ as usize / 2;
/// Shortest speech that counts, and shortest silence that ends it, milliseconds.
const SPEECH_MS_MIN: c_int = 150;
const SILENCE_MS_MIN: c_int = 250;

pub struct Whisper {
    context: WhisperContext,
    params: FullParams<'static, 'static>,
    prompt: Vec<c_int>,
    vad_model: String,
    name: String,
    language: &'static str,
    threads: c_int,
    settings: Settings,
}

impl Whisper {
    /// Loads a ggml model and checks the voice detector's file.
    ///
    /// `language` is whisper's code (`zh`). `threads` per job; above 1 they spin and cost more than they give.
    ///
    /// # Errors
    /// [`SttError::ModelMissing`] names the file that is not there; [`SttError::Engine`] a file that does not load.
    pub fn load(model: &Path, vad_model: &Path, language: &str, threads: usize) -> Result<Self, SttError> {
        whisper_rs::install_logging_hooks();
        let path = existing("whisper model", model)?;
        let vad_model = existing("voice detection model", vad_model)?;
        let language = known_language(language)?;
        let context = WhisperContext::new_with_params(&path, context_parameters(model))
            .map_err(|e| failed(format!("{path} does not load: {e}")))?;
        let prompt = context.tokenize(PROMPT, PROMPT_TOKENS_MAX).map_err(|e| failed(format!("prompt: {e}")))?;
        // Zero threads would mean "all" further down.
        let threads = c_int::try_from(threads.max(1)).unwrap_or(1);
        let name = model.file_name().map_or_else(|| path.clone(), |n| n.to_string_lossy().into_owned());
        let settings = Settings::default();
        let params = decoder_parameters(language, threads, settings.beam);
        Ok(Self { context, params, prompt, vad_model, name, language, threads, settings })
    }

    /// Listens in another way from here on: for measuring.
    pub fn listen_by(&mut self, settings: Settings) {
        self.params = decoder_parameters(self.language, self.threads, settings.beam);
        self.settings = settings;
    }

    /// The channel as the model takes it.
    fn audio(&self, pcm: &[i16]) -> Result<Vec<f32>, SttError> {
        let mut audio = match self.settings.resampling {
            Resampling::Filtered => resample(pcm, LINE_HZ, MODEL_HZ)?,
            Resampling::Linear => audio::double(pcm),
        };
        if self.settings.level {
            audio::level(&mut audio);
        }
        Ok(audio)
    }

    /// Where there is speech; as the turns have it, or all of it, where nobody is to look.
    fn speech(&self, audio: &[f32], turns: &[Span]) -> Result<Vec<Span>, SttError> {
        if self.settings.find_speech {
            return self.detected(audio);
        }
        let all = [Span::new(0, audio.len())];
        let taken = if turns.is_empty() { &all[..] } else { turns };
        let there = taken.iter().map(|t| Span::new(t.start.min(audio.len()), t.end.min(audio.len())));
        Ok(there.filter(|span| !span.is_empty()).collect())
    }

    fn detected(&self, audio: &[f32]) -> Result<Vec<Span>, SttError> {
        if audio.is_empty() {
            return Ok(Vec::new());
        }
        let mut context_params = WhisperVadContextParams::new();
        context_params.set_n_threads(self.threads);
        let mut vad = WhisperVadContext::new(&self.vad_model, context_params)
            .map_err(|e| failed(format!("{} does not load: {e}", self.vad_model)))?;
        let mut params = WhisperVadParams::new();
        params.set_min_speech_duration(SPEECH_MS_MIN);
        params.set_min_silence_duration(SILENCE_MS_MIN);
        let found = vad.segments_from_samples(params, audio).map_err(|e| failed(format!("voice detection: {e}")))?;
        Ok(found.map(|s| Span::new(centiseconds(s.start), centiseconds(s.end).min(audio.len()))).collect())
    }

    /// One decoder pass over the window's utterances with zeros between.
    fn decode(
        &self,
        state: &mut WhisperState,
        audio: &[f32],
        utterances: &[Span],
        window: &[Placed],
        cancel: &AtomicBool,
    ) -> Result<Vec<Token>, SttError> {
        let length = window.last().map_or(0, |p| p.at + p.len) + TAIL;
        let mut samples = vec![0.0_f32; length.max(MODEL_HZ as usize)];
        for placed in window {
            let span = utterances[placed.utterance];
            samples[placed.at..placed.at + placed.len].copy_from_slice(&audio[span.start..span.end]);
        }
        let mut params = self.params.clone();
        if self.settings.prompt {
            params.set_tokens(&self.prompt);
        }
        // SAFETY: `cancel` outlives `full`, the only user of the callback; the callback only reads it.
        unsafe {
            params.set_abort_callback(Some(stop_asked));
            params.set_abort_callback_user_data(std::ptr::from_ref(cancel).cast_mut().cast());
        }
        let done = state.full(params, &samples);
        if cancel.load(Ordering::Relaxed) {
            return Err(SttError::Cancelled);
        }
        done.map_err(|e| failed(e.to_string()))?;
        Ok(text_tokens(state, &self.context))
    }
}

impl Recogniser for Whisper {
    fn engine(&self) -> &str {
        ENGINE
    }

    fn model(&self) -> &str {
        &self.name
    }

    fn transcribe(
        &self,
        pcm: &[i16],
        channel: Channel,
        turns: &[(f64, f64)],
        progress: &mut dyn FnMut(f32),
        cancel: &AtomicBool,
    ) -> Result<Vec<Segment>, SttError> {
        let audio = self.audio(pcm)?;
        let turns: Vec<Span> = turns.iter().map(|&(start, end)| Span::new(sample_at(start), sample_at(end))).collect();
        let spoken = plan::utterances(&self.speech(&audio, &turns)?, &turns);
        let utterances = plan::padded(&spoken, audio.len());
        if utterances.is_empty() {
            progress(1.0);
            return Ok(Vec::new());
        }
        let mut state = self.context.create_state().map_err(|e| failed(format!("no memory for a job: {e}")))?;
        let windows = match self.settings.windows {
            Windows::Single => plan::single(&utterances),
            Windows::Checked | Windows::Packed => plan::pack(&utterances),
        };
        // Only the customer scores: a word of the agent in the wrong sentence is not worth a decoder pass.
        let as_they_fall = channel == Channel::Agent || self.settings.windows == Windows::Packed;
        let mut segments = Vec::new();
        for (done, window) in windows.iter().enumerate() {
            progress(fraction(done, windows.len()));
            let decoded = self.decode(&mut state, &audio, &utterances, window, cancel)?;
            for (placed, share) in window.iter().zip(tokens::divide(&decoded, window)) {
                let alone;
                let own = if share.certain || window.len() == 1 || as_they_fall {
                    &decoded[share.tokens]
                } else {
                    let window = [Placed { at: 0, ..*placed }];
                    alone = self.decode(&mut state, &audio, &utterances, &window, cancel)?;
                    &alone[..]
                };
                segments.extend(segment(channel, spoken[placed.utterance], own));
            }
        }
        progress(1.0);
        Ok(segments)
    }
}

fn segment(channel: Channel, span: Span, tokens: &[Token]) -> Option<Segment> {
    let text = clean(&tokens::join(tokens), PROMPT);
    (!text.is_empty()).then(|| Segment {
        channel,
        start: seconds_at(span.start),
        end: seconds_at(span.end),
        text,
        confidence: tokens::confidence(tokens),
        also_heard: Vec::new(),
    })
}

/// Text tokens with the time at which the decoder listened to each (dynamic time warping over its attention).
fn text_tokens(state: &WhisperState, context: &WhisperContext) -> Vec<Token> {
    let first_special = context.token_eot();
    let mut out = Vec::new();
    for segment in state.as_iter() {
        for token in (0..segment.n_tokens()).filter_map(|i| segment.get_token(i)) {
            let data = token.token_data();
            if data.id >= first_special {
                continue;
            }
            let Ok(bytes) = context.token_to_bytes(data.id) else { continue };
            let at = usize::try_from(data.t_dtw).unwrap_or(0) * (MODEL_HZ as usize / 100);
            out.push(Token { bytes: bytes.to_vec(), at, probability: data.p });
        }
    }
    out
}

unsafe extern "C" fn stop_asked(user_data: *mut c_void) -> bool {
    // SAFETY: set by `decode` to an AtomicBool that lives as long as the call that uses this.
    unsafe { (*user_data.cast::<AtomicBool>()).load(Ordering::Relaxed) }
}

/// Flash attention would switch the alignment off, and is slower on processors anyway.
fn context_parameters(model: &Path) -> WhisperContextParameters<'static> {
    let mut params = WhisperContextParameters::new();
    params.dtw_parameters(DtwParameters { mode: alignment(model), ..DtwParameters::default() });
    params
}

/// The attention heads that follow the sound, known for the published models by their file names.
fn alignment(model: &Path) -> DtwMode<'static> {
    let name = model.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let known = [
        ("large-v3-turbo", DtwModelPreset::LargeV3Turbo),
        ("large-v3", DtwModelPreset::LargeV3),
        ("medium", DtwModelPreset::Medium),
        ("small", DtwModelPreset::Small),
        ("base", DtwModelPreset::Base),
        ("tiny", DtwModelPreset::Tiny),
    ];
    known
        .into_iter()
        .find(|(part, _)| name.contains(part))
        .map_or(DtwMode::TopMost { n_top: 2 }, |(_, model_preset)| DtwMode::ModelPreset { model_preset })
}

fn known_language(code: &str) -> Result<&'static str, SttError> {
    let usable = !code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase());
    let id = usable.then(|| whisper_rs::get_lang_id(code)).flatten();
    id.and_then(whisper_rs::get_lang_str).ok_or_else(|| failed(format!("language {code:?} is not a code such as zh")))
}

fn decoder_parameters(language: &'static str, threads: c_int, beam: u8) -> FullParams<'static, 'static> {
    let mut params = FullParams::new(match beam {
        0 | 1 => SamplingStrategy::Greedy { best_of: 1 },
        wide => SamplingStrategy::BeamSearch { beam_size: c_int::from(wide), patience: -1.0 },
    });
    params.set_language(Some(language));
    params.set_n_threads(threads);
    params.set_no_context(true);
    params.set_suppress_nst(true);
    params.set_print_progress(false);
    params.set_print_realtime(false);
    params.set_print_special(false);
    params.set_print_timestamps(false);
    params
}

fn existing(what: &'static str, path: &Path) -> Result<String, SttError> {
    let shown = path.display().to_string();
    if path.is_file() { Ok(shown) } else { Err(SttError::ModelMissing { what, path: shown }) }
}

fn failed(detail: String) -> SttError {
    SttError::Engine { engine: ENGINE, detail }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped at zero; a float saturates
fn sample_at(seconds: f64) -> usize {
    (seconds.max(0.0) * f64::from(MODEL_HZ)) as usize
}

#[allow(clippy::cast_precision_loss)] // exact below 2^52 samples
fn seconds_at(sample: usize) -> f64 {
    (sample as f64 / f64::from(MODEL_HZ) * 1000.0).round() / 1000.0
}

fn centiseconds(value: f32) -> usize {
    sample_at(f64::from(value) / 100.0)
}

#[allow(clippy::cast_precision_loss)] // a share of a progress bar
fn fraction(done: usize, all: usize) -> f32 {
    done as f32 / all.max(1) as f32
}
