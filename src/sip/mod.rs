//! The SIP user agent: trunks, registration, calls out.
//!
//! Contract: one [`SipStack`] owns every SIP socket of the process. A caller picks a trunk ([`SipStack::pick_trunk`] holds a
//! slot of it), sends an INVITE and reads [`CallEvent`]s until the last one, which is always exactly one [`CallEvent::Ended`],
//! whatever the far end, the network or the protocol stack does.
//!
//! It deliberately does not: touch media (SDP is opaque bytes here), know visits, accept calls from outside (they are refused,
//! DESIGN invariant 6), or retry a call (the planner does).

/// The log target of the protocol stack. At `info` it writes whole messages, telephone numbers included: a filter must keep it at
/// [`STACK_LOG_LEVEL`] or above, whatever the rest of the program logs.
pub const STACK_LOG_TARGET: &str = "rsipstack";
/// See [`STACK_LOG_TARGET`].
pub const STACK_LOG_LEVEL: tracing::Level = tracing::Level::WARN;

mod api;
mod call;
mod clean;
mod digest;
mod frame;
mod incoming;
mod indialog;
mod line;
mod listen;
mod machine;
mod mend;
pub mod outcome;
mod register;
mod request;
mod resolve;
mod stack;
mod stream;
mod tls;
pub mod trace;
mod transact;
mod trunk;
mod wire;

pub use api::{CallEnd, CallEvent, NoTrunk, Reanswer, SipError, TrunkLimit, TrunkStatus};
pub use call::CallControl;
pub use stack::SipStack;
pub use trunk::TrunkPick;
