//! `/calls`: every call attempt with its outcome, instants, media counters and recording.

use super::AppState;
use super::auth::Caller;
use super::extract::{Path, Query};
use super::paging::Listing;
use super::problem::Problem;
use super::schema::{
    ChannelName, FaultName, GapReasonName, OptOutScopeName, OutcomeName, PartyName, RecordingStateName,
};
use super::view::{View, maybe_instant};
use crate::domain::call::outcome::{ConversationEnd, Fault, Outcome, Party};
use crate::domain::call::{Call, LegStats};
use crate::domain::id::{CallId, OrderNo, VisitId};
use crate::domain::opt_out::ScopeName;
use crate::domain::recording::manifest::{Gap, GapReason, RecordingInfo, RecordingState, TrackInfo};
use crate::domain::transcript::Channel;
use crate::store::call::CallFilter;
use crate::store::page::PageRequest;
use axum::Extension;
use axum::extract::State;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// One call attempt.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallDto {
    pub id: String,
    pub visit_id: String,
    pub order_no: String,
    /// 1 for the first call of the visit.
    pub attempt: u32,
    /// Plain or masked, by the reader's role.
    pub to: String,
    pub trunk: Option<String>,
    pub programme: String,
    /// Null while the call is in progress.
    #[schema(value_type = Option<OutcomeName>)]
    pub outcome: Option<Outcome>,
    /// Whose fault an unsuccessful call is.
    #[schema(value_type = Option<FaultName>)]
    pub fault: Option<Fault>,
    pub sip_status: Option<u16>,
    pub detail: Option<String>,
    /// The far end's own words: Reason and Warning headers of its refusal or BYE.
    pub sip_reason: Option<String>,
    #[schema(value_type = Option<PartyName>)]
    pub hung_up_by: Option<Party>,
    pub conversation: Option<ConversationDto>,
    pub claimed_at: Option<String>,
    pub invited_at: Option<String>,
    /// First provisional response, 100 included.
    pub trying_at: Option<String>,
    pub ringing_at: Option<String>,
    pub early_media_at: Option<String>,
    pub answered_at: Option<String>,
    /// Our ACK of the 200.
    pub acked_at: Option<String>,
    /// First voice packet of the far end, early media included.
    pub first_rtp_in_at: Option<String>,
    /// Our first packet, early media included.
    pub first_rtp_out_at: Option<String>,
    /// First BYE, whoever sent it.
    pub bye_at: Option<String>,
    pub ended_at: Option<String>,
    /// Answer to hang-up, seconds.
    pub talk_s: Option<f64>,
    pub recording: Option<RecordingDto>,
    pub legs: Vec<LegDto>,
    /// The agent's seat; null for the unattended questionnaire.
    pub seat: Option<String>,
    /// What the agent wrote down, verbatim.
    pub note: Option<String>,
    /// The agent's form: 5W2H, facts.
    pub form: BTreeMap<String, String>,
}

/// What the conversation came to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ConversationDto {
    Completed,
    /// `opt_out`: no more calls, as widely as `scope` says.
    Refused {
        opt_out: bool,
        #[schema(value_type = Option<OptOutScopeName>)]
        scope: Option<ScopeName>,
    },
    /// `at`: the time that was settled with the customer.
    Callback {
        said: Option<String>,
        at: Option<String>,
    },
    WrongNumber,
    NotInformed,
    Abandoned {
        answered: u32,
    },
    Silent,
    /// No person took the call; `heard`: e.g. `mailbox`, `assistant`, `vacant_number`.
    Machine {
        heard: String,
    },
    Fault {
        detail: String,
    },
}

/// Media counters of one leg.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LegDto {
    pub name: String,
    pub codec: Option<String>,
    pub packets_received: u64,
    pub packets_sent: u64,
    pub packets_lost: u64,
    pub packets_late: u64,
    pub packets_refused: u64,
    pub jitter_ms: f64,
    pub packets_duplicate: u64,
    /// How often the far end began a new stream.
    pub stream_changes: u64,
    /// RTCP reports of the far end that were read, and refused.
    pub reports_received: u64,
    pub reports_refused: u64,
    /// What the far end last reported of our stream.
    pub far_lost: Option<u64>,
    pub far_jitter_ms: Option<f64>,
    pub round_trip_ms: Option<f64>,
    /// The suite when the media was encrypted.
    pub srtp: Option<String>,
}

/// What is stored about a recording; the audio is at `url`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingDto {
    pub id: String,
    pub url: String,
    /// Path below the recordings folder.
    pub file: String,
    pub seconds: f64,
    /// Where the answered part begins, seconds.
    pub answered_at_s: Option<f64>,
    pub sha256: String,
    /// 2: left agent, right customer.
    pub channels: u16,
    pub sample_rate: u32,
    #[schema(value_type = RecordingStateName)]
    pub state: RecordingState,
    pub gaps: Vec<GapDto>,
    /// Voices in files of their own, on the clock of the recording.
    pub tracks: Vec<TrackDto>,
}

/// A mono voice beside the recording; its first sample belongs to the recording's first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrackDto {
    /// `supervisor`: what supervisors said, whether or not the customer heard it.
    pub name: &'static str,
    pub url: String,
    /// Path below the recordings folder.
    pub file: String,
    /// Less than the recording's when the disk failed or the engine was killed.
    pub seconds: f64,
    pub sha256: String,
}

/// A stretch without audio in one channel, with its reason.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GapDto {
    #[schema(value_type = ChannelName)]
    pub channel: Channel,
    pub from_s: f64,
    pub to_s: f64,
    #[schema(value_type = GapReasonName)]
    pub reason: GapReason,
}

impl CallDto {
    pub fn of(call: &Call, view: &View<'_>) -> Self {
        let i = &call.instants;
        Self {
            id: call.id.to_string(),
            visit_id: call.visit.to_string(),
            order_no: call.order_no.to_string(),
            attempt: call.attempt,
            to: view.phone(&call.to),
            trunk: call.trunk.clone(),
            programme: call.programme.clone(),
            outcome: call.outcome,
            fault: call.fault,
            sip_status: call.sip_status,
            detail: call.detail.as_deref().map(|text| view.text(text)),
            sip_reason: call.sip_reason.as_deref().map(|text| view.text(text)),
            hung_up_by: call.hung_up_by,
            conversation: call.conversation.as_ref().map(|end| ConversationDto::of(end, view)),
            claimed_at: view.at_opt(i.claimed_at),
            invited_at: view.at_opt(i.invited_at),
            trying_at: view.at_opt(i.trying_at),
            ringing_at: view.at_opt(i.ringing_at),
            early_media_at: view.at_opt(i.early_media_at),
            answered_at: view.at_opt(i.answered_at),
            acked_at: view.at_opt(i.acked_at),
            first_rtp_in_at: view.at_opt(i.first_rtp_in_at),
            first_rtp_out_at: view.at_opt(i.first_rtp_out_at),
            bye_at: view.at_opt(i.bye_at),
            ended_at: view.at_opt(i.ended_at),
            talk_s: i.talk_s(),
            recording: call.recording.as_ref().map(|info| RecordingDto::of(&call.id, info)),
            legs: call.legs.iter().map(LegDto::of).collect(),
            seat: call.seat.as_ref().map(ToString::to_string),
            note: call.note.as_deref().map(|text| view.text(text)),
            form: call.form.iter().map(|(field, text)| (field.clone(), view.text(text))).collect(),
        }
    }
}

impl ConversationDto {
    fn of(end: &ConversationEnd, view: &View<'_>) -> Self {
        match end {
            ConversationEnd::Completed => Self::Completed,
            ConversationEnd::Refused => Self::Refused { opt_out: false, scope: None },
            ConversationEnd::OptedOut { scope } => Self::Refused { opt_out: true, scope: Some(*scope) },
            ConversationEnd::Callback { said, at } => Self::Callback { said: said.clone(), at: view.at_opt(*at) },
            ConversationEnd::WrongNumber => Self::WrongNumber,
            ConversationEnd::NotInformed => Self::NotInformed,
            ConversationEnd::Abandoned { answered } => Self::Abandoned { answered: *answered },
            ConversationEnd::Silent => Self::Silent,
            ConversationEnd::Machine { heard } => Self::Machine { heard: heard.name().into() },
            ConversationEnd::Fault { detail } => Self::Fault { detail: detail.clone() },
        }
    }
}

impl LegDto {
    fn of(leg: &LegStats) -> Self {
        Self {
            name: leg.name.clone(),
            codec: leg.codec.clone(),
            packets_received: leg.packets_received,
            packets_sent: leg.packets_sent,
            packets_lost: leg.packets_lost,
            packets_late: leg.packets_late,
            packets_refused: leg.packets_refused,
            jitter_ms: leg.jitter_ms,
            packets_duplicate: leg.packets_duplicate,
            stream_changes: leg.stream_changes,
            reports_received: leg.reports_received,
            reports_refused: leg.reports_refused,
            far_lost: leg.far_lost,
            far_jitter_ms: leg.far_jitter_ms,
            round_trip_ms: leg.round_trip_ms,
            srtp: leg.srtp.clone(),
        }
    }
}

impl RecordingDto {
    pub fn of(call: &CallId, info: &RecordingInfo) -> Self {
        let gap = |g: &Gap| GapDto { channel: g.channel, from_s: g.from_s, to_s: g.to_s, reason: g.reason };
        Self {
            id: info.id.clone(),
            url: format!("/api/v1/calls/{call}/recording"),
            file: info.file.clone(),
            seconds: info.seconds,
            answered_at_s: info.answered_at_s,
            sha256: info.sha256.clone(),
            channels: info.channels,
            sample_rate: info.sample_rate,
            state: info.state,
            gaps: info.gaps.iter().map(gap).collect(),
            tracks: info.tracks.iter().map(|track| TrackDto::of(call, track)).collect(),
        }
    }
}

impl TrackDto {
    fn of(call: &CallId, track: &TrackInfo) -> Self {
        let name = track.name.name();
        Self {
            name,
            url: format!("/api/v1/calls/{call}/recording?track={name}"),
            file: track.file.clone(),
            seconds: track.seconds,
            sha256: track.sha256.clone(),
        }
    }
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct CallQuery {
    /// One of the outcomes.
    outcome: Option<String>,
    /// Name of a trunk.
    trunk: Option<String>,
    /// `us`, `trunk`, `customer` or `network`.
    fault: Option<String>,
    /// `customer`, `us` or `network`.
    hung_up_by: Option<String>,
    /// Id of a visit.
    visit: Option<String>,
    order_no: Option<String>,
    /// Started at this instant or later.
    from: Option<String>,
    /// Started before this instant.
    to: Option<String>,
    /// `true`: only calls in progress.
    in_progress: Option<bool>,
    /// 1 to 200, 50 unless told.
    limit: Option<u32>,
    /// `next` of the page before.
    cursor: Option<String>,
}

impl CallQuery {
    fn filter(&self, state: &AppState) -> Result<CallFilter, Problem> {
        Ok(CallFilter {
            visit: self.visit.as_deref().map(VisitId::new),
            order_no: self.order_no.as_deref().map(|no| OrderNo::new(no.trim())),
            outcome: named("outcome", self.outcome.as_deref())?,
            trunk: self.trunk.clone(),
            fault: named("fault", self.fault.as_deref())?,
            hung_up_by: named("hung_up_by", self.hung_up_by.as_deref())?,
            from: maybe_instant("from", self.from.as_deref(), &state.zone)?,
            before: maybe_instant("to", self.to.as_deref(), &state.zone)?,
            in_progress: self.in_progress.unwrap_or(false),
        })
    }
}

/// One of the domain's serialised names.
pub(super) fn named<T: DeserializeOwned>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let read = |text: &str| {
        let value = serde_json::Value::String(text.to_owned());
        serde_json::from_value(value).map_err(|_| Problem::invalid(field, format!("{text:?} is no {field}")))
    };
    text.map(read).transpose()
}

/// Call attempts, the newest first
#[utoipa::path(get, path = "/calls", tag = "calls", params(CallQuery),
    responses((status = 200, body = Listing<CallDto>),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<CallQuery>,
) -> Result<axum::Json<Listing<CallDto>>, Problem> {
    let filter = query.filter(&state)?;
    let page = state.store.calls(&filter, &PageRequest::new(query.limit, query.cursor)?).await?;
    let view = state.view(&caller);
    Ok(axum::Json(Listing::of(page, |call| CallDto::of(call, &view))))
}

/// One call attempt
#[utoipa::path(get, path = "/calls/{id}", tag = "calls", params(("id" = String, Path)),
    responses((status = 200, body = CallDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<CallDto>, Problem> {
    let call = state.store.call(&CallId::new(id)).await?;
    Ok(axum::Json(CallDto::of(&call, &state.view(&caller))))
}
