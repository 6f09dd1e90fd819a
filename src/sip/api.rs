//! What the rest of the program sees of SIP: events, the handle of a call, the errors.
//!
//! Values only; the behaviour is in the modules beside this one.

use crate::domain::call::outcome::{Fault, Outcome, Party};
use crate::domain::id::CallId;
use crate::domain::phone::Phone;
use jiff::Timestamp;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// What happens to a call, in order. The last one is always [`CallEvent::Ended`], and there is always one.
#[derive(Debug)]
pub enum CallEvent {
    /// The INVITE was handed to the socket.
    InviteSent { at: Timestamp },
    /// First 180 (or 181, 182, 183 without SDP) only.
    Ringing { at: Timestamp, status: u16 },
    /// A provisional response with a body: the far end sends audio before the answer. May come again with other SDP.
    EarlyMedia { at: Timestamp, status: u16, sdp: Vec<u8> },
    /// The 200 has arrived and the ACK has left. `sdp` may be empty: then the last early SDP (if any) is the answer.
    Answered { at: Timestamp, at_mono: Instant, sdp: Vec<u8> },
    /// The far end changes the session (re-INVITE or UPDATE). An empty `sdp` means that we must offer.
    /// Without a reply within five seconds, or when `reply` is dropped, the offer is refused with 488 and the session stays.
    Reoffer { sdp: Vec<u8>, reply: oneshot::Sender<Reanswer> },
    /// The far end's answer to an offer that we made in [`Reanswer::Accept`] after a [`CallEvent::Reoffer`] with an empty `sdp`, or to
    /// our SDP in force, which a session refresh repeats.
    ReofferAnswer { sdp: Vec<u8> },
    /// A key pressed by the far end, sent as SIP INFO: `0`–`9`, `*`, `#`, `A`–`D`.
    Key(char),
    /// The call is over: nothing follows.
    Ended(CallEnd),
}

/// Our reply to a [`CallEvent::Reoffer`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reanswer {
    /// 200 with this SDP.
    Accept(Vec<u8>),
    /// A final refusal, as a rule 488.
    Refuse(u16),
}

/// How a call ended, as far as signalling knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEnd {
    pub at: Timestamp,
    /// The same instant: the recording ends there, however late the event is read.
    pub at_mono: Instant,
    /// A 200 was received (and the call was not already being cancelled).
    pub answered: bool,
    /// `Some` exactly when never answered: what an answered call came to is the conversation's to say.
    pub outcome: Option<Outcome>,
    /// Who ended it: the BYE of an answered call, the CANCEL or the rejection of another.
    pub by: Option<Party>,
    /// The final SIP status of the INVITE, when one came.
    pub status: Option<u16>,
    /// Reason phrase, Reason or Warning header, or our own sentence.
    pub detail: Option<String>,
    pub fault: Option<Fault>,
    /// Retry-After of the final refusal, at most an hour: how long the trunk (not the customer) asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// A trunk as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkStatus {
    pub name: String,
    pub usable: bool,
    pub health: TrunkHealth,
    /// In words (Chinese) what is wrong, or what is odd though it works; empty when all is well.
    pub reason: String,
    /// When not usable: it may be after this time, without any event.
    pub retry_after: Option<Duration>,
    /// `None` = this trunk does not register.
    pub registered: Option<bool>,
    pub calls_up: u32,
    pub max_calls: u32,
}

/// Whether a trunk works, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkHealth {
    Up,
    /// Used only when no other trunk can take the call.
    Suspect,
    /// Not used.
    Down,
}

/// What a trunk is wanted for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    pub to: &'a Phone,
    /// Chooses among the numbers that a trunk may show: the same text, the same number.
    pub visit: &'a str,
    /// The number that the customer has seen before.
    pub shown: Option<&'a str>,
    /// Names of trunks that have just failed this very call.
    pub except: &'a [String],
}

/// Why a trunk was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkLimit {
    /// The number begins with none of `allowed_prefixes`.
    Prefix,
    /// REGISTER has not succeeded; the sentence says why.
    NotRegistered(String),
    /// `max_calls` are up.
    MaxCalls { max: u32 },
    /// `max_calls_per_second` is used up; free again after this time.
    CallsPerSecond { retry_after: Duration },
    /// `max_calls_per_day` were made; the day ends after this time.
    CallsPerDay { max: u32, retry_after: Duration },
    /// `max_minutes_per_day` were talked.
    MinutesPerDay { max: u32, retry_after: Duration },
    /// It asked to be left alone (503 with Retry-After).
    Unavailable { retry_after: Duration },
    /// It refused our password.
    Refused { retry_after: Duration },
    /// It gives no sign of life; a call may try after this time.
    Down { why: String, retry_after: Duration },
}

/// No trunk can take a call now: every trunk with the limit that holds it back, by priority. Empty = none is configured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no trunk can take the call: {}", .refusals.iter().map(|(n, l)| format!("{n}: {l}")).collect::<Vec<_>>().join(", "))]
pub struct NoTrunk {
    pub refusals: Vec<(String, TrunkLimit)>,
}

#[derive(Debug, thiserror::Error)]
pub enum SipError {
    #[error("sip.listen = {value:?}: want udp:HOST:PORT, tcp:HOST:PORT or tls:HOST:PORT")]
    Listen { value: String },
    #[error("sip.listen = {value:?}: cannot bind: {source}")]
    Bind { value: String, source: std::io::Error },
    #[error("sip.advertise = {value:?}: want HOST or HOST:PORT")]
    Advertise { value: String },
    #[error("sip.listen = {value:?}: {reason}")]
    Serve { value: String, reason: String },
    #[error("sip.{key}{}: {reason}", named(.file))]
    Tls { key: &'static str, file: String, reason: String },
    #[error("trunks.{trunk}.{key} = {value:?}: {reason}")]
    Trunk { trunk: String, key: &'static str, value: String, reason: String },
    #[error("call {call}: invite cannot be made: {reason}")]
    Invite { call: String, reason: String },
    #[error("seats.{key} = {value:?}: {want}")]
    Seats { key: &'static str, value: String, want: &'static str },
    #[error("telephone {to:?} cannot be called: {reason}")]
    Ring { to: String, reason: String },
    #[error("sip is shutting down")]
    Closed,
}

/// The id under which the messages of the agent's leg of a call are traced: whoever saves the trace of the call saves this one beside it.
pub fn agent_leg(call: &CallId) -> CallId {
    CallId::new(format!("{call}-agent"))
}

fn named(file: &str) -> String {
    if file.is_empty() { String::new() } else { format!(" = {file:?}") }
}

impl NoTrunk {
    /// For `why`, in Chinese: every trunk with the limit that holds it back.
    pub fn why(&self) -> String {
        if self.refusals.is_empty() {
            return "没有配置任何中继线路".into();
        }
        self.refusals.iter().map(|(name, limit)| format!("线路 {name}：{}", limit.why())).collect::<Vec<_>>().join("；")
    }

    /// The shortest time after which asking again can help; `None` when only an event (a call ends, a registration succeeds) can.
    pub fn retry_after(&self) -> Option<Duration> {
        self.refusals.iter().filter_map(|(_, limit)| limit.retry_after()).min()
    }

    /// Some trunk is only busy with our own calls: the wait is short.
    pub fn is_only_busy(&self) -> bool {
        self.refusals
            .iter()
            .any(|(_, limit)| matches!(limit, TrunkLimit::MaxCalls { .. } | TrunkLimit::CallsPerSecond { .. }))
    }
}

impl TrunkLimit {
    /// When it is over by itself; `None`: only an event ends it.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::CallsPerSecond { retry_after }
            | Self::CallsPerDay { retry_after, .. }
            | Self::MinutesPerDay { retry_after, .. }
            | Self::Unavailable { retry_after }
            | Self::Refused { retry_after }
            | Self::Down { retry_after, .. } => Some(*retry_after),
            Self::Prefix | Self::NotRegistered(_) | Self::MaxCalls { .. } => None,
        }
    }

    /// In Chinese, for people.
    pub fn why(&self) -> String {
        match self {
            Self::Prefix => "不允许拨打该号码段".into(),
            Self::NotRegistered(reason) => format!("未注册成功（{reason}）"),
            Self::MaxCalls { max } => format!("并发通话已达上限 {max} 路"),
            Self::CallsPerSecond { retry_after } => {
                format!("每秒呼叫数已达上限，{} 毫秒后可再拨", retry_after.as_millis())
            }
            Self::CallsPerDay { max, .. } => format!("今天的呼叫已达上限 {max} 次，明天再拨"),
            Self::MinutesPerDay { max, .. } => format!("今天的通话已达上限 {max} 分钟，明天再拨"),
            Self::Unavailable { retry_after } => format!("线路忙（503），要求 {} 秒后再拨", seconds(*retry_after)),
            Self::Refused { retry_after } => format!("用户名或密码被拒绝，{} 秒后再试", seconds(*retry_after)),
            Self::Down { why, retry_after } => format!("线路不通：{why}，{} 秒后再试", seconds(*retry_after)),
        }
    }
}

impl std::fmt::Display for TrunkLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Prefix => f.write_str("number is outside allowed_prefixes"),
            Self::NotRegistered(reason) => write!(f, "not registered ({reason})"),
            Self::MaxCalls { max } => write!(f, "all {max} calls are up"),
            Self::CallsPerSecond { retry_after } => {
                write!(f, "calls per second used up for {} ms", retry_after.as_millis())
            }
            Self::CallsPerDay { max, .. } => write!(f, "all {max} calls of the day are made"),
            Self::MinutesPerDay { max, .. } => write!(f, "all {max} minutes of the day are used up"),
            Self::Unavailable { retry_after } => write!(f, "asks to be left alone for {} s", seconds(*retry_after)),
            Self::Refused { retry_after } => write!(f, "refused our password, left for {} s", seconds(*retry_after)),
            Self::Down { why, retry_after } => write!(f, "down ({why}), left for {} s", seconds(*retry_after)),
        }
    }
}

/// Rounded up: "0 seconds" would promise too much.
fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
