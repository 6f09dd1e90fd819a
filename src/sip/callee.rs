//! Whom a call is for: a customer by way of a trunk, or an agent's telephone.
//!
//! What a call needs to know of either is asked here and nowhere else: `call`, `dial` and `machine` are the same for both. A telephone
//! has no password, no number format, no redirections and no session timer; what becomes of a call to it says nothing of any trunk.

use super::digest::Credentials;
use super::line::Destination;
use super::machine::Limits;
use super::redirect;
use super::request::Flow;
use super::stack::Core;
use super::trunk::Trunk;
use crate::domain::phone::Phone;
use rsipstack::sip::{Header, HostWithPort, Response, Scheme, Transport, Uri};
use rsipstack::transport::SipConnection;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A desk phone stands in the house: one that lives answers at once.
const PHONE_NO_REPLY: Duration = Duration::from_secs(4);
/// Our user in From and Contact of a call to an agent.
const OUR_USER: &str = "huifang";

#[derive(Clone)]
pub enum Callee {
    Customer {
        trunk: Arc<Trunk>,
        /// The number that is shown.
        caller: String,
        to: Phone,
    },
    Agent(Box<Telephone>),
}

/// An agent's telephone.
#[derive(Clone)]
pub struct Telephone {
    /// For logs: the seat, or its address.
    pub name: String,
    /// The Request-URI.
    pub uri: Uri,
    pub way: Way,
    pub ring: Duration,
}

/// How a telephone is reached.
#[derive(Clone)]
pub enum Way {
    /// By its address.
    Address(Destination),
    /// As it reached us when it registered.
    Heard { connection: SipConnection, transport: Transport, remote: SocketAddr },
}

/// What an INVITE says besides what all of them say.
pub struct Invitation {
    pub to: Uri,
    /// Without its tag.
    pub from: String,
    pub contact_user: String,
    /// Where the INVITE must pass.
    pub routes: Vec<String>,
    pub headers: Vec<Header>,
}

impl Callee {
    /// The way to it now; over TCP and TLS this connects. Within five seconds.
    pub async fn flow(&self, core: &Core) -> Result<Flow, String> {
        match self {
            Self::Customer { trunk, .. } => core.flow(trunk).await,
            Self::Agent(phone) => match &phone.way {
                Way::Address(to) => core.flow_to(to.clone(), phone.uri.scheme == Some(Scheme::Sips)).await,
                Way::Heard { connection, transport, remote } => {
                    core.flow_heard(connection, *transport, *remote, phone.uri.host_with_port.clone())
                }
            },
        }
    }

    /// `us` is where it reaches us.
    pub fn invitation(&self, us: &HostWithPort) -> Invitation {
        match self {
            Self::Customer { trunk, caller, to } => Invitation {
                to: trunk.address_of(&trunk.dialling.user(to)),
                from: trunk.identity.from(caller),
                contact_user: trunk.identity.contact_user(caller).to_owned(),
                routes: trunk.service_routes(),
                headers: trunk.identity.headers(caller),
            },
            Self::Agent(phone) => Invitation {
                to: phone.uri.clone(),
                from: format!("\"回访\" <sip:{OUR_USER}@{}>", us.host),
                contact_user: OUR_USER.into(),
                routes: vec![],
                headers: answers_by_itself(us),
            },
        }
    }

    pub fn credentials(&self) -> Option<Credentials> {
        match self {
            Self::Customer { trunk, .. } => trunk.credentials.clone(),
            Self::Agent(_) => None,
        }
    }

    /// What Session-Expires asks for; 0 = nothing.
    pub fn session_timer_s(&self) -> u32 {
        match self {
            Self::Customer { trunk, .. } => trunk.session_timer_s,
            Self::Agent(_) => 0,
        }
    }

    /// `setup` is RFC 3261's timer B.
    pub fn limits(&self, setup: Duration) -> Limits {
        match self {
            Self::Customer { trunk, .. } => Limits { no_reply: trunk.no_reply, setup, ring: trunk.ring_timeout },
            Self::Agent(phone) => Limits { no_reply: PHONE_NO_REPLY, setup: PHONE_NO_REPLY, ring: phone.ring },
        }
    }

    /// Where a redirection leads, if it is one that may be followed. An agent's calls are not forwarded anywhere.
    pub fn redirected(&self, response: &Response) -> Option<Uri> {
        match self {
            Self::Customer { trunk, to, .. } => redirect::target(response, trunk, to),
            Self::Agent(_) => None,
        }
    }

    pub fn trunk_name(&self) -> Option<&str> {
        match self {
            Self::Customer { trunk, .. } => Some(&trunk.name),
            Self::Agent(_) => None,
        }
    }
}

/// For logs: a customer's number is masked.
impl Display for Callee {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Customer { to, .. } => write!(f, "{to}"),
            Self::Agent(phone) => write!(f, "{}", phone.name),
        }
    }
}

/// Phones know one of three ways of being told to pick up: the common header, its older form, and RFC 5373's.
fn answers_by_itself(us: &HostWithPort) -> Vec<Header> {
    vec![
        Header::CallInfo(format!("<sip:{}>;answer-after=0", us.host).into()),
        Header::AlertInfo("<http://localhost>;info=alert-autoanswer".to_string().into()),
        Header::Other("Answer-Mode".into(), "Auto".into()),
    ]
}
