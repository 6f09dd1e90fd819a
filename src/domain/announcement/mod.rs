//! 线路提示音: what is heard where a person should be: carriers' announcements, tones, mailboxes, assistants.
//!
//! ```text
//!   words (the streaming recogniser) ──▶ words: which announcement? ──┐
//!   frames (voice activity)          ──▶ ear: is it said to its end? ─┼─▶ Heard ──▶ settle: what the call came to
//!   tones (cadence, `media::signals`)──▶ which tone?                ──┘
//! ```
//! Contract: pure. Before the answer no person can speak, so there an announcement needs no more than its own words; after a 200 the
//! same words count only in the frame that announcements have and people do not (您拨打的…), and whatever is uncertain is a person.
//! The words are data (`rubrics/announcements-zh.toml`); what each kind means for a call is [`Kind::means`], and which of it and of
//! signalling decides is [`settle`]; `docs/announcements.md` prints both tables.
//! Not here: audio (`media::signals` hears tones), the recogniser, and the end of the call (`call::fsm`).

mod ear;
mod words;

pub use ear::{Ear, Heard};
pub use words::{AnnouncementError, Announcements, Place};

use super::call::outcome::{Fault, Outcome};
use serde::{Deserialize, Serialize};

/// What was heard. The serialised names are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// 空号.
    VacantNumber,
    /// 关机.
    PoweredOff,
    /// 停机, 暂停服务.
    Suspended,
    /// 不在服务区.
    OutOfArea,
    /// 无法接通.
    CannotBeConnected,
    /// 正在通话中, and that is the end of it.
    OnACall,
    /// 用户正忙.
    UserBusy,
    /// 无人接听.
    NobodyAnswers,
    /// 呼入限制.
    IncomingBarred,
    /// 请稍后再拨, and nothing that says why.
    TryLater,
    /// 请不要挂机, 正在通话中: he may still take the call.
    CallWaiting,
    /// 正在转接: somebody else may take the call.
    Forwarding,
    /// 网络忙, 线路忙: the network, not the customer.
    NetworkBusy,
    /// Our own line: 欠费, 呼出限制, 无权拨打.
    OurLineBarred,
    /// 请加拨零, 请加拨区号: the number exists and was dialled the wrong way.
    Misdialled,
    /// 请在提示音后留言: a mailbox or an answering machine.
    Mailbox,
    /// A call assistant or call screening: it talks like a person and is none.
    Assistant,
    /// The tone of a fax machine.
    Fax,
    BusyTone,
    CongestionTone,
    /// 空号音.
    VacantTone,
    /// The three rising tones before an announcement, and no word after them.
    InformationTone,
}

/// A signal on the line, told by its cadence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// 450 Hz, 1 s on, 4 s off: it rings.
    RingBack,
    /// 450 Hz, 0.35 s on, 0.35 s off.
    Busy,
    /// 450 Hz, 0.7 s on, 0.7 s off.
    Congestion,
    /// 450 Hz, three times 0.1 s on and off, then 0.4 s.
    Vacant,
    /// 950, 1400, 1800 Hz (ITU-T E.180).
    Information,
    /// 2100 Hz (ITU-T T.30).
    Fax,
    /// One tone, then silence: a machine may have begun to record, or a person's telephone beeped.
    Beep,
}

/// What it means for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Nobody will answer this call.
    Over(Outcome, Fault),
    /// The same, but it says less than most final statuses do.
    Hint(Outcome, Fault),
    /// Somebody may yet answer; if nobody does, it was this.
    Wait(Outcome, Fault),
    /// A machine has the call, or would have it.
    Machine,
}

impl Kind {
    pub const ALL: [Kind; 22] = [
        Self::VacantNumber,
        Self::PoweredOff,
        Self::Suspended,
        Self::OutOfArea,
        Self::CannotBeConnected,
        Self::OnACall,
        Self::UserBusy,
        Self::NobodyAnswers,
        Self::IncomingBarred,
        Self::TryLater,
        Self::CallWaiting,
        Self::Forwarding,
        Self::NetworkBusy,
        Self::OurLineBarred,
        Self::Misdialled,
        Self::Mailbox,
        Self::Assistant,
        Self::Fax,
        Self::BusyTone,
        Self::CongestionTone,
        Self::VacantTone,
        Self::InformationTone,
    ];

    pub fn means(self) -> Means {
        use Means::{Hint, Machine, Over, Wait};
        match self {
            Self::VacantNumber | Self::VacantTone => Over(Outcome::InvalidNumber, Fault::Customer),
            Self::PoweredOff | Self::Suspended | Self::IncomingBarred => Over(Outcome::Unreachable, Fault::Customer),
            Self::OutOfArea | Self::CannotBeConnected => Over(Outcome::Unreachable, Fault::Network),
            Self::OnACall | Self::UserBusy | Self::BusyTone => Over(Outcome::Busy, Fault::Customer),
            Self::NobodyAnswers => Over(Outcome::NoAnswer, Fault::Customer),
            Self::TryLater | Self::InformationTone => Hint(Outcome::Unreachable, Fault::Network),
            Self::CallWaiting => Wait(Outcome::Busy, Fault::Customer),
            Self::Forwarding => Wait(Outcome::NoAnswer, Fault::Customer),
            Self::NetworkBusy | Self::CongestionTone => Over(Outcome::TrunkFailure, Fault::Network),
            Self::OurLineBarred => Over(Outcome::TrunkFailure, Fault::Trunk),
            Self::Misdialled => Over(Outcome::TrunkFailure, Fault::Us),
            Self::Mailbox | Self::Assistant | Self::Fax => Machine,
        }
    }

    /// The kind that a tone is by itself; ring-back and a beep decide nothing.
    pub fn of_tone(tone: Tone) -> Option<Self> {
        match tone {
            Tone::Busy => Some(Self::BusyTone),
            Tone::Congestion => Some(Self::CongestionTone),
            Tone::Vacant => Some(Self::VacantTone),
            Tone::Information => Some(Self::InformationTone),
            Tone::Fax => Some(Self::Fax),
            Tone::RingBack | Tone::Beep => None,
        }
    }

    /// Told by a tone, without a word.
    pub fn is_tone(self) -> bool {
        match self {
            Self::Fax | Self::BusyTone | Self::CongestionTone | Self::VacantTone | Self::InformationTone => true,
            Self::VacantNumber
            | Self::PoweredOff
            | Self::Suspended
            | Self::OutOfArea
            | Self::CannotBeConnected
            | Self::OnACall
            | Self::UserBusy
            | Self::NobodyAnswers
            | Self::IncomingBarred
            | Self::TryLater
            | Self::CallWaiting
            | Self::Forwarding
            | Self::NetworkBusy
            | Self::OurLineBarred
            | Self::Misdialled
            | Self::Mailbox
            | Self::Assistant => false,
        }
    }

    /// Its serialised name.
    pub fn name(self) -> &'static str {
        match self {
            Self::VacantNumber => "vacant_number",
            Self::PoweredOff => "powered_off",
            Self::Suspended => "suspended",
            Self::OutOfArea => "out_of_area",
            Self::CannotBeConnected => "cannot_be_connected",
            Self::OnACall => "on_a_call",
            Self::UserBusy => "user_busy",
            Self::NobodyAnswers => "nobody_answers",
            Self::IncomingBarred => "incoming_barred",
            Self::TryLater => "try_later",
            Self::CallWaiting => "call_waiting",
            Self::Forwarding => "forwarding",
            Self::NetworkBusy => "network_busy",
            Self::OurLineBarred => "our_line_barred",
            Self::Misdialled => "misdialled",
            Self::Mailbox => "mailbox",
            Self::Assistant => "assistant",
            Self::Fax => "fax",
            Self::BusyTone => "busy_tone",
            Self::CongestionTone => "congestion_tone",
            Self::VacantTone => "vacant_tone",
            Self::InformationTone => "information_tone",
        }
    }

    /// For people.
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::VacantNumber => "空号",
            Self::PoweredOff => "关机",
            Self::Suspended => "停机或暂停服务",
            Self::OutOfArea => "不在服务区",
            Self::CannotBeConnected => "暂时无法接通",
            Self::OnACall => "正在通话中",
            Self::UserBusy => "用户正忙",
            Self::NobodyAnswers => "无人接听",
            Self::IncomingBarred => "呼入限制",
            Self::TryLater => "请稍后再拨",
            Self::CallWaiting => "正在通话中，请勿挂机",
            Self::Forwarding => "正在转接",
            Self::NetworkBusy => "网络忙",
            Self::OurLineBarred => "主叫线路受限或欠费",
            Self::Misdialled => "拨号方式不对",
            Self::Mailbox => "语音信箱或答录机",
            Self::Assistant => "通话助理",
            Self::Fax => "传真机",
            Self::BusyTone => "忙音",
            Self::CongestionTone => "网络拥塞音",
            Self::VacantTone => "空号音",
            Self::InformationTone => "特殊信息音",
        }
    }
}

/// The outcome of a call that nobody answered, from what signalling says and what was heard before; `None`: signalling stands.
///
/// The exchange speaks of the very number; a status is a gateway's translation, and a time-out of ours says nothing. So an announcement
/// decides, but for what only signalling can know: that he refused the call (many exchanges then say 正在通话中), that our password
/// was refused. A hint decides only where signalling has nothing but a silence to tell.
pub fn settle(signalled: Option<Outcome>, heard: Kind) -> Option<(Outcome, Fault)> {
    let silence = matches!(signalled, None | Some(Outcome::NoAnswer | Outcome::Cancelled));
    match (signalled, heard.means()) {
        (Some(Outcome::Declined | Outcome::AuthFailed | Outcome::RecorderFailed), _) => None,
        (_, Means::Over(outcome, fault)) => Some((outcome, fault)),
        (_, Means::Hint(outcome, fault) | Means::Wait(outcome, fault)) => silence.then_some((outcome, fault)),
        (_, Means::Machine) => silence.then_some((Outcome::NoAnswer, Fault::Customer)),
    }
}

#[cfg(test)]
mod tests;
