//! What begins a visit: the completion SMS, or an event of the order that another system reports.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// 报完工短信 (A01).
    #[default]
    Sms,
    /// The dispatcher's system closed the order: the car was handed over, the machine installed (A09, A10).
    OrderClosed,
    /// 送电 (A21).
    PowerOn,
    /// A complaint was handled (A14, A15).
    ComplaintHandled,
    /// The fault was solved over the telephone (A16).
    PhoneAdvice,
    /// There was no time for a test run (A17).
    UntestedRepair,
    /// Somebody promised to call back (A19).
    Promise,
}

impl Trigger {
    pub const ALL: [Trigger; 7] = [
        Self::Sms,
        Self::OrderClosed,
        Self::PowerOn,
        Self::ComplaintHandled,
        Self::PhoneAdvice,
        Self::UntestedRepair,
        Self::Promise,
    ];

    /// As files, rows and the interface name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::OrderClosed => "order_closed",
            Self::PowerOn => "power_on",
            Self::ComplaintHandled => "complaint_handled",
            Self::PhoneAdvice => "phone_advice",
            Self::UntestedRepair => "untested_repair",
            Self::Promise => "promise",
        }
    }

    /// For people.
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Sms => "完工短信",
            Self::OrderClosed => "订单完成",
            Self::PowerOn => "送电",
            Self::ComplaintHandled => "投诉处理完毕",
            Self::PhoneAdvice => "电话指导",
            Self::UntestedRepair => "未试机修复",
            Self::Promise => "承诺回电",
        }
    }
}
