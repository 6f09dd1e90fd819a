//! The streaming recogniser: Vosk, its library opened at run time, so that the program starts without it.
//!
//! A model is loaded when asked (about 0.2 s, 240 MB) and shared by all streams; a stream belongs to one channel of one
//! call. Upsamples to 16 kHz itself and needs no voice detection. Writes no punctuation and gives no times.
//! Which part of Vosk's C interface is used: `vosk_api.h` of release 0.3.45.

use super::audio::{MODEL_HZ, Upsampler};
use super::{SpeechStream, StreamingModel, SttError};
use libloading::Library;
use std::ffi::{CStr, CString, c_char, c_float, c_int, c_short, c_void};
use std::path::Path;
use std::ptr::NonNull;
use std::sync::Arc;

const ENGINE: &str = "vosk";
/// Vosk's own log goes to stderr; -1 silences it.
const LOG_ERRORS_ONLY: c_int = -1;
/// What white noise becomes.
const NOISE_WORD: &str = "法";
/// Samples handed over at once: the library counts in `int`.
const PIECE: usize = 8_000;

/// The functions of the library, valid while the library is open.
struct Api {
    model_free: unsafe extern "C" fn(*mut c_void),
    recognizer_new: unsafe extern "C" fn(*mut c_void, c_float) -> *mut c_void,
    recognizer_free: unsafe extern "C" fn(*mut c_void),
    accept: unsafe extern "C" fn(*mut c_void, *const c_short, c_int) -> c_int,
    result: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    partial: unsafe extern "C" fn(*mut c_void) -> *const c_char,
    finish: unsafe extern "C" fn(*mut c_void) -> *const c_char,
}

/// A loaded model and the library it came from.
struct Model {
    handle: NonNull<c_void>,
    api: Api,
    /// Last, so that it is closed after everything that points into it.
    _library: Library,
}

// SAFETY: Vosk's model is immutable after loading and reference-counted inside with atomics; its manual names sharing one
// model among threads as the way to serve several streams. The functions carry no state of their own.
unsafe impl Send for Model {}
// SAFETY: as above.
unsafe impl Sync for Model {}

impl Drop for Model {
    fn drop(&mut self) {
        // SAFETY: the handle came from `vosk_model_new`, is freed once, and every stream holds an Arc of this model.
        unsafe { (self.api.model_free)(self.handle.as_ptr()) }
    }
}

pub struct Vosk {
    model: Arc<Model>,
}

impl Vosk {
    /// Opens the library and loads the model's folder. Blocks for about a quarter of a second.
    ///
    /// # Errors
    /// [`SttError::ModelMissing`] names the file that is not there; [`SttError::Engine`] what does not open.
    pub fn open(library: &Path, model_dir: &Path) -> Result<Self, SttError> {
        present("streaming speech library", library)?;
        present("streaming speech model", &model_dir.join("am").join("final.mdl"))?;
        let dir = CString::new(model_dir.as_os_str().as_encoded_bytes())
            .map_err(|_| failed(format!("{} holds a zero byte", model_dir.display())))?;
        let does_not_open = |e: libloading::Error| failed(format!("{} does not open: {e}", library.display()));
        // SAFETY: opening runs the library's initialisers; the file is the pinned libvosk, whose initialisers only set up C++ statics.
        let lib = unsafe { Library::new(library) }.map_err(does_not_open)?;
        // SAFETY: the names and signatures are those of vosk_api.h 0.3.45.
        let (api, set_log_level, model_new) = unsafe { symbols(&lib) }.map_err(does_not_open)?;
        // SAFETY: takes a level, touches a global of the library.
        unsafe { set_log_level(LOG_ERRORS_ONLY) };
        // SAFETY: a zero-terminated path that lives through the call.
        let handle = NonNull::new(unsafe { model_new(dir.as_ptr()) })
            .ok_or_else(|| failed(format!("the model in {} does not load", model_dir.display())))?;
        Ok(Self { model: Arc::new(Model { handle, api, _library: lib }) })
    }
}

type SetLogLevel = unsafe extern "C" fn(c_int);
type ModelNew = unsafe extern "C" fn(*const c_char) -> *mut c_void;

/// # Safety
/// The library must be libvosk: each name is given the type that vosk_api.h gives it.
unsafe fn symbols(lib: &Library) -> Result<(Api, SetLogLevel, ModelNew), libloading::Error> {
    // SAFETY: promised by the caller; the pointers are copied out and live no longer than `Model`, which owns the library.
    unsafe {
        let api = Api {
            model_free: *lib.get(b"vosk_model_free\0")?,
            recognizer_new: *lib.get(b"vosk_recognizer_new\0")?,
            recognizer_free: *lib.get(b"vosk_recognizer_free\0")?,
            accept: *lib.get(b"vosk_recognizer_accept_waveform_s\0")?,
            result: *lib.get(b"vosk_recognizer_result\0")?,
            partial: *lib.get(b"vosk_recognizer_partial_result\0")?,
            finish: *lib.get(b"vosk_recognizer_final_result\0")?,
        };
        Ok((api, *lib.get(b"vosk_set_log_level\0")?, *lib.get(b"vosk_model_new\0")?))
    }
}

impl StreamingModel for Vosk {
    fn engine(&self) -> &str {
        ENGINE
    }

    #[allow(clippy::cast_precision_loss)] // 16000 is exact
    fn open(&self) -> Result<Box<dyn SpeechStream>, SttError> {
        // SAFETY: a live model; the recogniser keeps its own count on it.
        let handle = unsafe { (self.model.api.recognizer_new)(self.model.handle.as_ptr(), MODEL_HZ as c_float) };
        let handle = NonNull::new(handle).ok_or_else(|| failed("no memory for a stream".into()))?;
        Ok(Box::new(Stream {
            handle,
            model: Arc::clone(&self.model),
            upsampler: Upsampler::new()?,
            said: String::new(),
        }))
    }
}

/// One channel of one call.
struct Stream {
    handle: NonNull<c_void>,
    model: Arc<Model>,
    upsampler: Upsampler,
    /// Words of this utterance that the recogniser has already closed (it has an end-pointer of its own).
    said: String,
}

// SAFETY: a recogniser has no tie to the thread that made it; `&mut self` keeps it to one at a time.
unsafe impl Send for Stream {}

impl Stream {
    fn feed(&mut self, samples: &[i16]) -> Result<(), SttError> {
        for piece in samples.chunks(PIECE) {
            let count = c_int::try_from(piece.len()).map_err(|e| failed(e.to_string()))?;
            // SAFETY: a live recogniser and `count` samples, which it copies.
            let ended = unsafe { (self.model.api.accept)(self.handle.as_ptr(), piece.as_ptr(), count) };
            match ended {
                0 => {}
                1 => {
                    let words = self.read(self.model.api.result, "text")?;
                    self.said.push_str(&words);
                }
                code => return Err(failed(format!("the stream refused audio, code {code}"))),
            }
        }
        Ok(())
    }

    /// The field of the JSON that one of the result functions gives, without blanks between words.
    fn read(&self, get: unsafe extern "C" fn(*mut c_void) -> *const c_char, field: &str) -> Result<String, SttError> {
        // SAFETY: a live recogniser; the text belongs to it and is copied before the next call on it.
        let json = unsafe {
            let text = get(self.handle.as_ptr());
            if text.is_null() {
                return Err(failed("no result".into()));
            }
            CStr::from_ptr(text).to_bytes().to_vec()
        };
        words_of(&json, field)
    }
}

impl SpeechStream for Stream {
    fn accept(&mut self, pcm: &[i16]) -> Result<(), SttError> {
        let samples = self.upsampler.push(pcm)?;
        self.feed(&samples)
    }

    fn partial(&mut self) -> Result<String, SttError> {
        let current = self.read(self.model.api.partial, "partial")?;
        Ok(without_noise(format!("{}{current}", self.said)))
    }

    fn finish_utterance(&mut self) -> Result<String, SttError> {
        let rest = self.upsampler.flush()?;
        self.feed(&rest)?;
        let last = self.read(self.model.api.finish, "text")?;
        let words = std::mem::take(&mut self.said) + &last;
        Ok(without_noise(words))
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: made by `vosk_recognizer_new`, freed once; the model outlives it through the Arc.
        unsafe { (self.model.api.recognizer_free)(self.handle.as_ptr()) }
    }
}

fn words_of(json: &[u8], field: &str) -> Result<String, SttError> {
    let value: serde_json::Value =
        serde_json::from_slice(json).map_err(|e| failed(format!("result is not JSON: {e}")))?;
    let text = value[field].as_str().unwrap_or_default();
    Ok(text.split_whitespace().filter(|w| *w != "[unk]").collect())
}

/// A lone 法 is what noise becomes; beside other words it is a word (办法).
fn without_noise(words: String) -> String {
    let noise = words.chars().all(|c| NOISE_WORD.contains(c));
    if noise { String::new() } else { words }
}

fn present(what: &'static str, path: &Path) -> Result<(), SttError> {
    if path.is_file() { Ok(()) } else { Err(SttError::ModelMissing { what, path: path.display().to_string() }) }
}

fn failed(detail: String) -> SttError {
    SttError::Engine { engine: ENGINE, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_joined_without_blanks() {
        for (json, field, expected) in [
            (r#"{"text" : "配件 供应 太 慢"}"#, "text", "配件供应太慢"),
            (r#"{"partial" : "不 满意"}"#, "partial", "不满意"),
            (r#"{"text" : "还 [unk] 行"}"#, "text", "还行"),
            (r#"{"text" : ""}"#, "text", ""),
            ("{}", "text", ""),
        ] {
            assert_eq!(words_of(json.as_bytes(), field).unwrap(), expected);
        }
        assert!(words_of(b"no json", "text").is_err());
    }

    #[test]
    fn a_lone_fa_from_noise_is_dropped() {
        for (words, expected) in [("法", ""), ("法法", ""), ("没办法", "没办法"), ("法院", "法院"), ("", "")]
        {
            assert_eq!(without_noise(words.into()), expected);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("libvosk.so");
        let model = dir.path().join("vosk-model");
        let message = |r: Result<Vosk, SttError>| r.err().map(|e| e.to_string()).unwrap_or_default();
        assert!(message(Vosk::open(&library, &model)).contains("libvosk.so; run `huifang models fetch`"));
        std::fs::write(&library, b"not a library").unwrap();
        assert!(message(Vosk::open(&library, &model)).contains("final.mdl; run `huifang models fetch`"));
        std::fs::create_dir_all(model.join("am")).unwrap();
        std::fs::write(model.join("am/final.mdl"), b"").unwrap();
        assert!(message(Vosk::open(&library, &model)).contains("libvosk.so does not open"));
    }
}
