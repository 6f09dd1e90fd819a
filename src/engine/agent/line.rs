//! The agent's own line: his browser, or his telephone, up before the customer is dialled.

use super::super::Engine;
use super::{Hand, Stopped, Then};
use crate::clock::monotonic;
use crate::domain::id::{CallId, SeatId};
use crate::domain::seat::{Seat, SeatPhone};
use crate::media::agent::AgentLine;
use crate::media::browser::BrowserState;
use crate::media::codec::Codec;
use crate::sip::trace::CallTrace;
use crate::sip::{CallControl, CallEvent, SeatTarget, agent_leg};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// A browser whose network has just failed is given so long.
const BROWSER_WAIT: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What desk phones are offered.
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// The agent's line while it is not yet joined to a call.
pub struct Lines {
    pub media: AgentLine,
    pub phone: Option<AgentPhone>,
}

/// The signalling of a telephone.
pub struct AgentPhone {
    pub control: CallControl,
    pub events: mpsc::Receiver<CallEvent>,
    /// Saved beside the trace of the call.
    pub trace: Option<Arc<CallTrace>>,
}

impl Lines {
    /// `call` is the call that this will be a leg of.
    pub(super) async fn open(
        engine: &Arc<Engine>,
        seat: &Seat,
        call: &CallId,
        hand: &mut Hand,
    ) -> Result<Self, Stopped> {
        let target = match &seat.phone {
            SeatPhone::Browser => return Self::wait_for_browser(engine, &seat.id).await,
            SeatPhone::Uri { uri } => SeatTarget::Uri(uri.clone()),
            SeatPhone::Registered => SeatTarget::Registered(seat.id.to_string()),
        };
        Self::ring(engine, &target, call, hand).await
    }

    pub fn browser_is_up(engine: &Engine, seat: &SeatId) -> bool {
        engine.seats.browser(seat).is_some_and(|browser| browser.stats().state == BrowserState::Connected)
    }

    /// The browser leg that the page has now, taken from whatever call it was in.
    pub fn browser(engine: &Engine, seat: &SeatId) -> Option<AgentLine> {
        let browser = engine.seats.browser(seat).filter(|_| Self::browser_is_up(engine, seat))?;
        let rtp = browser.take()?;
        Some(AgentLine::packets(rtp.incoming, rtp.outgoing, rtp.codecs, rtp.event))
    }

    async fn wait_for_browser(engine: &Engine, seat: &SeatId) -> Result<Self, Stopped> {
        let end = monotonic() + BROWSER_WAIT;
        loop {
            if let Some(media) = Self::browser(engine, seat) {
                return Ok(Self { media, phone: None });
            }
            if monotonic() >= end || engine.stop.is_cancelled() {
                return Err(Stopped::new("软电话未连接", Then::Break));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Calls the telephone and waits until it is answered, which it should do by itself.
    async fn ring(engine: &Arc<Engine>, target: &SeatTarget, call: &CallId, hand: &mut Hand) -> Result<Self, Stopped> {
        let dead = |error: &dyn std::fmt::Display| {
            tracing::warn!(seat.phone = %target, %error, "an agent's telephone cannot be called");
            Stopped::new("话机无法接通", Then::Break)
        };
        let media = AgentLine::phone(&engine.config.media, &CODECS).await.map_err(|e| dead(&e))?;
        let leg = agent_leg(call);
        let (control, events) = engine.sip.ring(target, &leg, media.offer()).map_err(|e| dead(&e))?;
        let mut phone = AgentPhone { control, events, trace: engine.sip.trace(&leg) };
        loop {
            let event = tokio::select! {
                () = engine.stop.cancelled() => break Err(Stopped::new("系统正在停止", Then::GoOn)),
                event = phone.events.recv() => event,
                ask = hand.next() => match ask {
                    super::Ask::Lost { why } => break Err(Stopped::new(why, Then::GoOn)),
                    other => {
                        hand.heed_at_rest(other);
                        continue;
                    }
                },
            };
            match event {
                Some(CallEvent::Answered { sdp, .. }) => match media.answered(&sdp) {
                    Ok(_) => return Ok(Self { media, phone: Some(phone) }),
                    Err(error) => {
                        phone.control.hang_up("no common codec");
                        break Err(dead(&error));
                    }
                },
                Some(CallEvent::Ended(_)) | None => break Err(Stopped::new("话机未接听", Then::Break)),
                Some(
                    CallEvent::InviteSent { .. }
                    | CallEvent::Ringing { .. }
                    // What a telephone plays before it answers is nobody's to hear.
                    | CallEvent::EarlyMedia { .. }
                    | CallEvent::Reoffer { .. }
                    | CallEvent::ReofferAnswer { .. }
                    | CallEvent::Key(_),
                ) => {}
            }
        }
    }
}
