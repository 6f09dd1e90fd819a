//! `/calls/{id}/transcript`: who said what, when; and the same as a file: `.json .vtt .srt .txt`.

use super::AppState;
use super::extract::Path;
use super::problem::Problem;
use super::schema::ChannelName;
use crate::domain::id::CallId;
use crate::domain::transcript::format::Format;
use crate::domain::transcript::{Channel, Segment, Transcript};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The transcript of record of one call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TranscriptDto {
    pub call_id: String,
    pub engine: String,
    pub model: String,
    /// By time.
    pub segments: Vec<SegmentDto>,
}

/// One utterance.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SegmentDto {
    #[schema(value_type = ChannelName)]
    pub channel: Channel,
    /// Seconds on the recording.
    pub start: f64,
    pub end: f64,
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
    /// The same audio as other recognisers heard it.
    pub also_heard: Vec<HeardDto>,
}

#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct HeardDto {
    pub engine: String,
    pub text: String,
}

impl TranscriptDto {
    pub fn of(call: &CallId, transcript: &Transcript) -> Self {
        Self {
            call_id: call.to_string(),
            engine: transcript.engine.clone(),
            model: transcript.model.clone(),
            segments: transcript.segments.iter().map(SegmentDto::of).collect(),
        }
    }
}

impl SegmentDto {
    fn of(segment: &Segment) -> Self {
        let also_heard =
            segment.also_heard.iter().map(|h| HeardDto { engine: h.engine.clone(), text: h.text.clone() }).collect();
        Self {
            channel: segment.channel,
            start: segment.start,
            end: segment.end,
            text: segment.text.clone(),
            confidence: segment.confidence,
            also_heard,
        }
    }
}

/// Who said what, when
#[utoipa::path(get, path = "/calls/{id}/transcript", tag = "transcripts", params(("id" = String, Path)),
    responses((status = 200, body = TranscriptDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(State(state): State<AppState>, Path(id): Path<String>) -> Result<axum::Json<TranscriptDto>, Problem> {
    let call = CallId::new(id);
    let stored = state.store.transcript(&call).await?;
    Ok(axum::Json(TranscriptDto::of(&call, &stored.transcript)))
}

macro_rules! files {
    ($($name:ident, $path:literal, $format:ident, $kind:literal, $what:literal;)*) => {$(
        #[doc = $what]
        #[utoipa::path(get, path = $path, tag = "transcripts", params(("id" = String, Path)),
            responses((status = 200, body = String, content_type = $kind),
                (status = "4XX", body = Problem, content_type = "application/problem+json")))]
        pub async fn $name(State(state): State<AppState>, Path(id): Path<String>) -> Result<Response, Problem> {
            file(&state, id, Format::$format).await
        }
    )*};
}

files! {
    json, "/calls/{id}/transcript.json", Json, "application/json", "The transcript as the command line writes it";
    vtt, "/calls/{id}/transcript.vtt", Vtt, "text/vtt", "The transcript as WebVTT subtitles";
    srt, "/calls/{id}/transcript.srt", Srt, "application/x-subrip", "The transcript as SubRip subtitles";
    txt, "/calls/{id}/transcript.txt", Txt, "text/plain", "The transcript as plain text";
}

async fn file(state: &AppState, call: String, format: Format) -> Result<Response, Problem> {
    let stored = state.store.transcript(&CallId::new(call)).await?;
    Ok(([(header::CONTENT_TYPE, format.content_type())], format.render(&stored.transcript)).into_response())
}
