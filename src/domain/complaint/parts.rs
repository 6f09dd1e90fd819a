//! What a complaint holds besides its state: the sheet, the words, the answers and decisions.

use crate::domain::id::CallId;
use crate::domain::phone::Phone;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// 是营销还是服务 (D23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    Service,
    Sales,
}

impl Side {
    pub const ALL: [Side; 2] = [Self::Service, Self::Sales];
}

/// 客户心情, 喜怒哀乐 (G03).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Mood {
    #[serde(rename = "喜")]
    Pleased,
    #[serde(rename = "怒")]
    Angry,
    #[serde(rename = "哀")]
    Sad,
    #[serde(rename = "乐")]
    Cheerful,
}

impl Mood {
    pub const ALL: [Mood; 4] = [Self::Pleased, Self::Angry, Self::Sad, Self::Cheerful];

    /// The one character of the source text.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "喜" => Some(Self::Pleased),
            "怒" => Some(Self::Angry),
            "哀" => Some(Self::Sad),
            "乐" => Some(Self::Cheerful),
            _ => None,
        }
    }
}

/// 顾客意见(不满)处理表: 5W2H and the customer's mood (F02, G03, D22).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Form {
    pub who: Option<String>,
    pub what: Option<String>,
    pub when: Option<String>,
    #[serde(rename = "where")]
    pub place: Option<String>,
    pub why: Option<String>,
    pub how: Option<String>,
    pub how_much: Option<String>,
    pub mood: Option<Mood>,
    /// What the customer wants.
    pub demand: Option<String>,
}

impl Form {
    /// What `newer` says replaces what was known; what it leaves out stays.
    pub fn updated_by(self, newer: Form) -> Form {
        Form {
            who: newer.who.or(self.who),
            what: newer.what.or(self.what),
            when: newer.when.or(self.when),
            place: newer.place.or(self.place),
            why: newer.why.or(self.why),
            how: newer.how.or(self.how),
            how_much: newer.how_much.or(self.how_much),
            mood: newer.mood.or(self.mood),
            demand: newer.demand.or(self.demand),
        }
    }

    /// The fields that the sheet still lacks, as they are named on the wire.
    pub fn missing(&self) -> Vec<&'static str> {
        let fields = [
            ("who", self.who.is_some()),
            ("what", self.what.is_some()),
            ("when", self.when.is_some()),
            ("where", self.place.is_some()),
            ("why", self.why.is_some()),
            ("how", self.how.is_some()),
            ("how_much", self.how_much.is_some()),
            ("mood", self.mood.is_some()),
        ];
        fields.into_iter().filter(|(_, there)| !there).map(|(name, _)| name).collect()
    }
}

/// The customer's words as they were said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quote {
    pub text: String,
    /// Seconds on the axis of the recording of `call`.
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    pub call: Option<CallId>,
    /// Words that need a person at once (E09).
    #[serde(default)]
    pub severe: bool,
}

/// Whom and which machine it is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    pub phone: Option<Phone>,
    pub machine_no: Option<String>,
    pub dealer: Option<String>,
    pub engineer: Option<String>,
    /// Its calendar counts.
    pub branch: Option<String>,
}

/// What a leader decided (F06, F12).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    pub approved: bool,
    pub by: String,
    pub at: Timestamp,
    pub remark: String,
}

/// 答复 (F11, F16).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    pub at: Timestamp,
    pub by: String,
    pub text: String,
}

/// 主管接手: a supervisor sees to an angry customer himself, and apologises first (F18).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakenOver {
    pub at: Timestamp,
    pub by: String,
    /// What he said.
    pub apology: String,
}

/// 现场回访 (F09).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SiteVisit {
    pub who: String,
    pub due_at: Timestamp,
    /// `None`: still to be made.
    pub result: Option<String>,
}

/// How it was solved (F19), and what followed for our people (F15).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    pub text: String,
    pub people: Option<String>,
    pub by: String,
    pub at: Timestamp,
}

/// The service adviser went over it with the customer at his next visit (F03).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Checked {
    pub at: Timestamp,
    pub by: String,
    pub remark: String,
}
