//! Identifiers as types, so that a call can never be looked up by a visit's id.
//!
//! Ids of our own rows are UUID v7 texts made by the shell (they need a clock and randomness); the domain only carries them.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into())
            }
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    };
}

text_id!(
    /// 服务订单号: given by the dispatcher, unique per site, kept as printed (trimmed).
    OrderNo
);
text_id!(
    /// 回访任务: what must be done for one order.
    VisitId
);
text_id!(
    /// 通话: one INVITE.
    CallId
);
text_id!(
    /// 坐席: the place of one agent; the name of its user.
    SeatId
);
text_id!(
    /// The gateway's id of one SMS; the key of idempotency.
    MessageId
);
text_id!(
    /// An SMS that no template could read, waiting for a person.
    InboxId
);
text_id!(
    /// 投诉.
    ComplaintId
);
text_id!(
    /// 免打扰: a wish not to be called.
    OptOutId
);
text_id!(
    /// 承诺: what somebody promised to tell a customer.
    PromiseId
);
