//! What the responses to an INVITE mean for the call: the dialogs that they open, and the one further INVITE that some ask for.
//!
//! Contract: fed with every response, [`Dial::on_response`] returns what to do in order. A refusal is answered with another INVITE at most
//! once for each reason (a longer session timer, a redirection inside the trunk, the credentials of each server on the way; more often only
//! for a nonce that went stale) and only while the call is being set up. It sends nothing and knows no clock.

use super::body::sdp_of;
use super::callee::Callee;
use super::fork::{EarlyMedia, Forks};
use super::invite::Sender;
use super::machine::{Input, Refusal};
use super::outcome::q850_cause;
use super::request;
use super::request::{Leg, cancel, is_nobodys, retry_after, supported, tag_of};
use super::session_timer::SessionTimer;
use rsipstack::sip::prelude::*;
use rsipstack::sip::{Header, Headers, Request, Response};
use std::time::Instant;

/// So often may the servers on the way ask for a password: a proxy and a server, and a stale nonce of each.
const CHALLENGES_MAX: u32 = 4;
/// Phones that answered beside the first and were hung up; an exchange opens no more.
const LOSERS_MAX: usize = 16;

/// What a response asks for.
pub enum Step {
    Tell(Input),
    /// [`Dial::invite`] is a new request: send it.
    Resend,
    Prack(Request),
    /// A phone too many: BYE.
    HangUp(Leg),
}

pub struct Dial {
    pub sender: Sender,
    /// The INVITE that is out.
    pub invite: Request,
    /// The INVITE has its final response, or never will.
    pub is_final: bool,
    /// The phone that answered first.
    pub leg: Option<Leg>,
    /// It may be asked to refresh by UPDATE.
    pub takes_update: bool,
    pub session: SessionTimer,
    pub forks: Forks,
    /// SDP of the response that the next event tells of.
    pub sdp: Vec<u8>,
    callee: Callee,
    authenticated: bool,
    challenges: u32,
    redirected: bool,
    losers: Vec<String>,
}

impl Dial {
    /// Builds the first INVITE.
    pub fn new(sender: Sender, callee: Callee, call_id: &str, offer: Vec<u8>) -> Result<Self, request::BuildError> {
        let session = SessionTimer::new(callee.session_timer_s());
        let invitation = callee.invitation(&sender.flow.public);
        let mut invite = sender.flow.invite(invitation, call_id, sender.sequence.next(), offer)?;
        invite.headers.push(supported(session.is_on()));
        invite.headers.extend(session.offer());
        Ok(Self {
            sender,
            invite,
            is_final: false,
            leg: None,
            takes_update: false,
            session,
            forks: Forks::default(),
            sdp: vec![],
            callee,
            authenticated: false,
            challenges: 0,
            redirected: false,
            losers: vec![],
        })
    }

    /// The tag of our From.
    pub fn local_tag(&self) -> String {
        self.invite.from_header().ok().and_then(|f| tag_of(f.value()).map(str::to_string)).unwrap_or_default()
    }

    pub fn cancel(&self) -> Result<Request, request::BuildError> {
        cancel(&self.invite)
    }

    /// `setting_up`: the call wants to go on.
    pub fn on_response(&mut self, response: Response, setting_up: bool, now: Instant) -> Vec<Step> {
        match response.status_code.code() {
            100 => vec![Step::Tell(Input::Trying)],
            status @ 101..=199 => self.on_provisional(status, &response),
            status @ 200..=299 => self.on_success(status, response, now),
            408 if is_nobodys(&response) => {
                self.is_final = true;
                self.sender.flow.line.was_silent();
                vec![Step::Tell(Input::NoResponse)]
            }
            _ => match self.another_try(&response, setting_up) {
                Ok(Some(invite)) => {
                    self.invite = invite;
                    vec![Step::Resend, Step::Tell(Input::Resent)]
                }
                Ok(None) => self.on_refusal(&response, None),
                Err(why) => self.on_refusal(&response, Some(why)),
            },
        }
    }

    fn on_provisional(&mut self, status: u16, response: &Response) -> Vec<Step> {
        let Some(heard) = self.forks.on_provisional(&self.invite, response) else {
            return vec![Step::Tell(Input::Trying)];
        };
        if heard.media == EarlyMedia::New {
            self.sdp = heard.sdp;
        }
        let mut steps = vec![Step::Tell(Input::Provisional { status, media: heard.media })];
        if let Some((leg, rseq)) = heard.prack {
            match self.prack(&leg, rseq) {
                Ok(prack) => steps.push(Step::Prack(prack)),
                Err(error) => tracing::error!(%error, "a prack cannot be built"),
            }
        }
        steps
    }

    fn prack(&self, leg: &Leg, rseq: u32) -> Result<Request, request::BuildError> {
        let invite_cseq = self.invite.cseq_header()?.seq()?;
        self.sender.flow.prack(leg, self.sender.sequence.next(), rseq, invite_cseq)
    }

    fn on_success(&mut self, status: u16, response: Response, now: Instant) -> Vec<Step> {
        self.is_final = true;
        let leg = Leg::from_answer(&self.invite, &response);
        match &self.leg {
            None => {
                self.sdp = sdp_of(&response.headers, &response.body);
                if self.sdp.is_empty() {
                    self.sdp = self.forks.sdp_of(&leg.remote_tag);
                }
                self.takes_update = allows_update(&response.headers);
                self.session.agreed(&response.headers, now);
                self.leg = Some(leg);
                vec![Step::Tell(Input::Answered { status })]
            }
            Some(known) if known.remote_tag == leg.remote_tag || self.losers.contains(&leg.remote_tag) => vec![],
            Some(_) => {
                // Another phone behind a fork answered too: one conversation is enough (RFC 3261 §13.2.2.4).
                tracing::warn!("a second phone answered the same call and is hung up");
                if self.losers.len() < LOSERS_MAX {
                    self.losers.push(leg.remote_tag.clone());
                }
                vec![Step::HangUp(leg)]
            }
        }
    }

    fn on_refusal(&mut self, response: &Response, why: Option<String>) -> Vec<Step> {
        self.is_final = true;
        let reasons = reason_values(&response.headers);
        vec![Step::Tell(Input::Refused(Refusal {
            status: response.status_code.code(),
            cause: reasons.iter().find_map(|r| q850_cause(r)),
            authenticated: self.authenticated,
            detail: why.or_else(|| detail_of(response, &reasons)),
            retry_after: retry_after(response),
        }))]
    }

    /// The INVITE to send instead, if this refusal asks for one.
    fn another_try(&mut self, response: &Response, setting_up: bool) -> Result<Option<Request>, String> {
        if !setting_up {
            return Ok(None);
        }
        match response.status_code.code() {
            401 | 407 => self.answer_challenge(response).map(Some),
            422 if self.session.raise(&response.headers) => {
                let mut invite = self.afresh()?;
                invite.headers.retain(|h| !matches!(h, Header::SessionExpires(_) | Header::MinSE(_)));
                invite.headers.extend(self.session.offer());
                Ok(Some(invite))
            }
            300..=399 if !self.redirected => {
                let Some(target) = self.callee.redirected(response) else { return Ok(None) };
                self.redirected = true;
                Ok(Some(Request { uri: target, ..self.afresh()? }))
            }
            _ => Ok(None),
        }
    }

    fn answer_challenge(&mut self, response: &Response) -> Result<Request, String> {
        let Sender { flow, credentials, sequence, .. } = &self.sender;
        let credentials = credentials.as_ref().ok_or("the far end asks for a password and none is configured")?;
        if self.challenges >= CHALLENGES_MAX {
            return Err("the far end asks for our password again and again".into());
        }
        self.challenges += 1;
        self.authenticated = true;
        flow.with_credentials(&self.invite, response, credentials, sequence.next()).map_err(|e| e.to_string())
    }

    /// The INVITE as if it were the first: another server may ask for our credentials again.
    fn afresh(&mut self) -> Result<Request, String> {
        self.authenticated = false;
        self.sender.flow.again(&self.invite, self.sender.sequence.next()).map_err(|e| e.to_string())
    }
}

fn allows_update(headers: &Headers) -> bool {
    headers.iter().any(|h| match h {
        Header::Allow(v) => v.value().split(',').any(|method| method.trim().eq_ignore_ascii_case("UPDATE")),
        _ => false,
    })
}

pub fn reason_values(headers: &Headers) -> Vec<String> {
    headers
        .iter()
        .filter_map(|h| match h {
            Header::Reason(value) => Some(value.value().to_string()),
            _ => None,
        })
        .collect()
}

/// Status line, then Reason and Warning as they came.
fn detail_of(response: &Response, reasons: &[String]) -> Option<String> {
    let phrase = response.wire_reason.clone().unwrap_or_else(|| response.status_code.text().to_string());
    let mut detail = format!("{} {phrase}", response.status_code.code());
    for reason in reasons {
        detail.push_str(&format!("; Reason: {reason}"));
    }
    for header in response.headers.iter() {
        if let Header::Warning(value) = header {
            detail.push_str(&format!("; Warning: {}", value.value()));
        }
    }
    detail.truncate(detail.char_indices().nth(300).map_or(detail.len(), |(at, _)| at));
    Some(detail)
}
