//! The SIP user agent: trunks, registration, calls out.
//!
//! Contract: one [`SipStack`] owns every SIP socket of the process. A caller picks a trunk ([`SipStack::pick_trunk`] holds a
//! slot of it), sends an INVITE and reads [`CallEvent`]s until the last one, which is always exactly one [`CallEvent::Ended`],
//! whatever the far end, the network or the protocol stack does.
//!
//! Desk phones may register with us ([`SipStack::serve_phones`]), and an agent's telephone is called with [`SipStack::ring`].
//!
//! It deliberately does not: touch media (SDP is opaque bytes here), know visits, accept calls from outside (they are refused,
//! DESIGN invariant 6), or retry a call (the planner does, over the next trunk or later).

mod api;
mod body;
mod call;
mod callee;
mod clean;
mod dial;
mod digest;
mod fork;
mod frame;
mod health;
mod identity;
mod incoming;
mod indialog;
mod invite;
mod line;
mod listen;
mod machine;
mod mend;
mod number;
mod orphan;
pub mod outcome;
mod ping;
mod quota;
mod rate;
mod redirect;
mod register;
mod registrar;
mod reliable;
mod request;
mod resolve;
mod session_timer;
mod stack;
mod stream;
mod tls;
pub mod trace;
mod transact;
mod trunk;
mod wire;

pub use api::{
    CallEnd, CallEvent, NoTrunk, Reanswer, SipError, TrunkHealth, TrunkLimit, TrunkStatus, Wanted, agent_leg,
};
pub use call::CallControl;
pub use registrar::{Registration, SeatSecrets, SeatTarget, StoredSecret, check_phones, ha1};
pub use stack::SipStack;
pub use trunk::{TrunkPick, check_trunks};
