//! Tracing, metrics, and the last guard against telephone numbers in logs.
//!
//! Contract: [`Phone`](crate::domain::phone::Phone) masks itself wherever it is printed; what other libraries print (a SIP stack that shows
//! a request line) passes [`mask_phones`] here, so that no log line leaves the process with a number in it.
//! Deliberately not here: which counters exist; they are named where they are counted.

use crate::domain::phone;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use regex::Regex;
use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::{EnvFilter, fmt};

/// What `serve` logs unless `HUIFANG_LOG` or `RUST_LOG` says otherwise.
pub const DEFAULT_FILTER: &str = "info,sqlx=warn,rsipstack=warn,whisper_rs=warn";
/// Seconds; the service level of an SMS is a tenth of a second.
const REQUEST_BUCKETS_S: [f64; 10] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log filter {filter:?}: {source}")]
    Filter { filter: String, source: tracing_subscriber::filter::ParseError },
    #[error("logging was set up already")]
    Twice(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("metrics: {0}")]
    Metrics(#[from] BuildError),
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// One readable line per event.
    #[default]
    Text,
    /// One JSON object per line, for collectors.
    Json,
}

/// Sets up logging to standard error; once per process.
pub fn init(format: LogFormat, unless_asked: &str) -> Result<(), TelemetryError> {
    let asked = std::env::var("HUIFANG_LOG").or_else(|_| std::env::var("RUST_LOG")).ok();
    let filter = asked.unwrap_or_else(|| unless_asked.to_owned());
    let filter = EnvFilter::try_new(&filter).map_err(|source| TelemetryError::Filter { filter, source })?;
    let colours = io::stderr().is_terminal();
    let builder = fmt().with_env_filter(filter).with_ansi(colours).with_writer(Masking(io::stderr));
    match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    }
    .map_err(TelemetryError::Twice)
}

/// The process's metrics; the first call installs the recorder, later calls give the same handle.
pub fn metrics() -> Result<PrometheusHandle, TelemetryError> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    static INSTALL: Mutex<()> = Mutex::new(());
    let _one_at_a_time = INSTALL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".into()), &REQUEST_BUCKETS_S)?
        .install_recorder()?;
    metrics::describe_counter!("huifang_http_requests_total", "Requests answered, by method, route and status");
    metrics::describe_histogram!(
        "huifang_http_request_seconds",
        metrics::Unit::Seconds,
        "Time to the head of the answer"
    );
    Ok(HANDLE.get_or_init(|| handle).clone())
}

/// A mainland mobile or land-line number standing alone, with or without its country code.
static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    // The pattern is a constant that the tests of this file compile.
    #[allow(clippy::unwrap_used)]
    Regex::new(r"(?-u:\b)(?:(?:00)?86[- ]?)?(?:1[3-9]\d[- ]?\d{4}[- ]?\d{4}|0\d{2,3}[- ]?\d{7,8})(?-u:\b)").unwrap()
});

/// Masks every telephone number in a text: `13812345678` → `138****5678`.
pub fn mask_phones(text: &str) -> Cow<'_, str> {
    PHONE.replace_all(text, |found: &regex::Captures<'_>| phone::mask(&found[0]))
}

pub fn holds_phone(text: &str) -> bool {
    PHONE.is_match(text)
}

/// A log writer that masks on the way out. The subscriber hands over one whole event at a time.
struct Masking<W>(fn() -> W);

impl<'a, W: Write + 'a> MakeWriter<'a> for Masking<W> {
    type Writer = MaskingWriter<W>;
    fn make_writer(&'a self) -> Self::Writer {
        MaskingWriter((self.0)())
    }
}

struct MaskingWriter<W>(W);

impl<W: Write> Write for MaskingWriter<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        self.0.write_all(mask_phones(&text).as_bytes())?;
        Ok(event.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(mask_phones(text), expected, "{text}");
        assert_eq!(holds_phone(text), text != expected, "{text}");
    }

    #[test]
    fn no_number_leaves_in_a_log_line() {
        check("INVITE sip:13812345678@10.0.0.1 SIP/2.0", "INVITE sip:138****5678@10.0.0.1 SIP/2.0");
        check("to +8613812345678 now", "to +861******5678 now");
        check("电话13812345678。", "电话138****5678。");
        check("138-1234-5678", "138******5678");
        check("座机 010-12345678", "座机 010*****5678");
        check("0571-88886666,", "057******6666,");
    }

    #[test]
    fn ids_counts_and_instants_stay_readable() {
        for text in [
            "call 0199a2b4-1381-7234-8567-123456789012 ended",
            "order FW20250921001",
            "1763712000000 ms",
            "2026-11-21T20:28:58.123456Z",
            "sha256 13812345678abcdef",
            "127.0.0.1:20000",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn the_writer_masks_what_passes_and_reports_the_length_it_was_given() {
        let mut out = Vec::new();
        let line = "dialling 13912345678\n".as_bytes();
        assert_eq!(MaskingWriter(&mut out).write(line).unwrap(), line.len());
        assert_eq!(String::from_utf8(out).unwrap(), "dialling 139****5678\n");
    }
}
