//! `/calls/{id}/recording`: the audio, whole or in part, and `/calls/{id}/peaks`: its outline for a player.
//!
//! The strong `ETag` is the SHA-256 of the file: a recording never changes once it is closed. Files are read from disk in small
//! pieces and never held in memory whole. Deliberately not here: several ranges at once, transcoding.

use super::AppState;
use super::extract::{Path, Query};
use super::problem::{Kind, Problem};
use super::range::{self, Slice};
use crate::domain::id::CallId;
use crate::domain::recording::manifest::{RecordingInfo, RecordingState, TrackName};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::Stream;
use serde::{Deserialize, Serialize};
use std::io::{self, SeekFrom};
use std::path::{Component, Path as FilePath, PathBuf};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use utoipa::{IntoParams, ToSchema};

/// Read from disk at once.
const PIECE_BYTES: u64 = 64 * 1024;
const PEAKS_DEFAULT: usize = 1000;
const PEAKS_MAX: usize = 20_000;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RecordingQuery {
    /// `supervisor`: what supervisors said, mono, on the clock of the recording. Left out: the recording.
    track: Option<String>,
}

/// The stereo recording of a call, or a track beside it
///
/// Left: the agent or the prompts; right: the customer. One byte range is honoured.
#[utoipa::path(get, path = "/calls/{id}/recording", tag = "recordings",
    params(("id" = String, Path), RecordingQuery, ("Range" = Option<String>, Header, description = "`bytes=FIRST-LAST`")),
    responses((status = 200, description = "The whole file", body = Vec<u8>, content_type = "audio/wav"),
        (status = 206, description = "The range", body = Vec<u8>, content_type = "audio/wav"),
        (status = 304, description = "The `If-None-Match` still holds"),
        (status = 416, description = "The range lies outside", body = Problem, content_type = "application/problem+json"),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<RecordingQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    send(&state, CallId::new(id), query.track.as_deref(), &headers).await
}

/// The answer with the file of a recording, or the part of it that was asked for.
pub(super) async fn send(
    state: &AppState,
    call: CallId,
    track: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let info = wanted_file(finished(state, call).await?, track)?;
    let (file, len) = open(&state.recordings, &info).await?;
    let etag = format!("\"{}\"", info.sha256);
    if holds(headers.get(header::IF_NONE_MATCH), &etag) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, etag)]).into_response());
    }
    let common = [
        (header::CONTENT_TYPE, "audio/wav".to_owned()),
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::CONTENT_DISPOSITION, format!("inline; filename=\"{}\"", info.name)),
        (header::ETAG, etag.clone()),
    ];
    match wanted(headers, &etag, len) {
        Slice::Whole => {
            let body = Body::from_stream(pieces(file, len));
            Ok((common, [(header::CONTENT_LENGTH, len.to_string())], body).into_response())
        }
        Slice::Part { first, last } => {
            let body = Body::from_stream(part(file, first, last).await.map_err(|e| unreadable(&info, &e))?);
            let sizes = [
                (header::CONTENT_LENGTH, (last - first + 1).to_string()),
                (header::CONTENT_RANGE, format!("bytes {first}-{last}/{len}")),
            ];
            Ok((StatusCode::PARTIAL_CONTENT, common, sizes, body).into_response())
        }
        Slice::Outside => {
            let problem = Problem::new(Kind::RangeNotSatisfiable, format!("the recording has {len} bytes"));
            Ok(([(header::CONTENT_RANGE, format!("bytes */{len}"))], problem).into_response())
        }
    }
}

/// A file that may be sent.
struct Stored {
    /// Of the recording.
    id: String,
    /// How the listener's copy is called.
    name: String,
    file: String,
    sha256: String,
}

/// The recording's own file, or the track's.
fn wanted_file(info: RecordingInfo, track: Option<&str>) -> Result<Stored, Problem> {
    let RecordingInfo { id, file, sha256, tracks, .. } = info;
    let plain = plain_name(&id);
    let Some(wanted) = track else { return Ok(Stored { name: format!("{plain}.wav"), id, file, sha256 }) };
    if !TrackName::ALL.iter().any(|name| name.name() == wanted) {
        return Err(Problem::invalid("track", format!("{wanted:?} is no track")));
    }
    let found = tracks.into_iter().find(|track| track.name.name() == wanted);
    let none = || Problem::new(Kind::NotFound, format!("the recording of call {id} has no track {wanted}"));
    let track = found.ok_or_else(none)?;
    Ok(Stored { name: format!("{plain}.{wanted}.wav"), id, file: track.file, sha256: track.sha256 })
}

/// The range to send; an `If-Range` of another file means the whole.
fn wanted(headers: &HeaderMap, etag: &str, len: u64) -> Slice {
    let same_file = headers.get(header::IF_RANGE).is_none_or(|value| value.as_bytes() == etag.as_bytes());
    match headers.get(header::RANGE).and_then(|value| value.to_str().ok()) {
        Some(range) if same_file => range::slice(range, len),
        _ => Slice::Whole,
    }
}

/// `If-None-Match`: a list of tags, or `*`.
fn holds(header: Option<&HeaderValue>, etag: &str) -> bool {
    let Some(tags) = header.and_then(|value| value.to_str().ok()) else { return false };
    tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// The recording of a call, if its file is closed and should be there.
pub(super) async fn finished(state: &AppState, call: CallId) -> Result<RecordingInfo, Problem> {
    let info = state.store.recording(&call).await?;
    match info.state {
        RecordingState::Complete | RecordingState::Repaired => Ok(info),
        RecordingState::Open => {
            Err(Problem::new(Kind::Conflict, format!("the recording of call {call} is still being written")))
        }
        RecordingState::Pruned => {
            Err(Problem::new(Kind::Gone, format!("the recording of call {call} was deleted by the retention rule")))
        }
        RecordingState::Missing => {
            Err(Problem::new(Kind::NotFound, format!("the file of the recording of call {call} is missing")))
        }
    }
}

async fn open(folder: &FilePath, stored: &Stored) -> Result<(File, u64), Problem> {
    let path = path_of(folder, stored)?;
    let opened = async {
        let file = File::open(&path).await?;
        let len = file.metadata().await?.len();
        Ok((file, len))
    };
    opened.await.map_err(|error| unreadable(stored, &error))
}

fn path_of(folder: &FilePath, stored: &Stored) -> Result<PathBuf, Problem> {
    let path = below(folder, &stored.file);
    path.ok_or_else(|| Problem::internal(format!("recording {} leaves its folder", stored.id)))
}

/// `file` below `folder`; `None` if it would lead out of it.
fn below(folder: &FilePath, file: &str) -> Option<PathBuf> {
    let file = FilePath::new(file);
    file.components().all(|part| matches!(part, Component::Normal(_))).then(|| folder.join(file))
}

fn unreadable(stored: &Stored, error: &io::Error) -> Problem {
    match error.kind() {
        io::ErrorKind::NotFound => {
            tracing::error!(recording.id = %stored.id, "a recording's file is missing");
            Problem::new(Kind::NotFound, format!("the file of recording {} is missing", stored.id))
        }
        _ => Problem::internal(format!("recording {}: {error}", stored.id)),
    }
}

/// A file name that needs no quoting.
fn plain_name(id: &str) -> String {
    id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').collect()
}

async fn part(mut file: File, first: u64, last: u64) -> io::Result<impl Stream<Item = io::Result<Bytes>>> {
    file.seek(SeekFrom::Start(first)).await?;
    Ok(pieces(file, last - first + 1))
}

/// The next `left` bytes of the file; a file that ends before is an error, so that the client sees a broken answer and no short one.
fn pieces(file: File, left: u64) -> impl Stream<Item = io::Result<Bytes>> {
    futures::stream::try_unfold((file, left), |(mut file, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let mut piece = vec![0; usize::try_from(left.min(PIECE_BYTES)).unwrap_or(0)];
        let read = file.read(&mut piece).await?;
        if read == 0 {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        piece.truncate(read);
        Ok(Some((Bytes::from(piece), (file, left - read as u64))))
    })
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PeaksQuery {
    /// Points per channel, 1 to 20000; 1000 unless told.
    points: Option<usize>,
}

/// The outline of a recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct PeaksDto {
    pub call_id: String,
    /// Length of the whole, seconds.
    pub seconds: f64,
    /// Per channel (agent, customer) and point: the lowest and the highest sample, -32768 to 32767.
    pub channels: Vec<Vec<[i16; 2]>>,
}

/// The outline of a recording, for a player
#[utoipa::path(get, path = "/calls/{id}/peaks", tag = "recordings", params(("id" = String, Path), PeaksQuery),
    responses((status = 200, body = PeaksDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn peaks(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<PeaksQuery>,
) -> Result<axum::Json<PeaksDto>, Problem> {
    let points = query.points.unwrap_or(PEAKS_DEFAULT);
    if !(1..=PEAKS_MAX).contains(&points) {
        return Err(Problem::invalid("points", format!("{points} is not 1 to {PEAKS_MAX}")));
    }
    let info = finished(&state, CallId::new(id.as_str())).await?;
    let seconds = info.seconds;
    let info = wanted_file(info, None)?;
    // A file that is missing is told as such, whatever the finder of peaks makes of it.
    open(&state.recordings, &info).await?;
    let path = path_of(&state.recordings, &info)?;
    let find = state.peaks.clone();
    let channels = tokio::task::spawn_blocking(move || find(&path, points))
        .await
        .map_err(Problem::internal)?
        .map_err(|error| unreadable(&info, &error))?;
    Ok(axum::Json(PeaksDto { call_id: id, seconds, channels }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_below_the_folder_and_nowhere_else() {
        let folder = FilePath::new("/data/recordings");
        assert_eq!(below(folder, "2026/11/a.wav"), Some(PathBuf::from("/data/recordings/2026/11/a.wav")));
        for file in ["/etc/passwd", "../a.wav", "2026/../../a.wav"] {
            assert_eq!(below(folder, file), None, "{file}");
        }
    }

    #[test]
    fn an_etag_is_matched_in_a_list_weak_or_by_a_star() {
        let check = |header: &'static str, expected: bool| {
            assert_eq!(holds(Some(&HeaderValue::from_static(header)), "\"abc\""), expected, "{header}");
        };
        check("\"abc\"", true);
        check("W/\"abc\"", true);
        check("\"x\", \"abc\"", true);
        check("*", true);
        check("\"x\"", false);
        check("abc", false);
        assert!(!holds(None, "\"abc\""));
    }
}
