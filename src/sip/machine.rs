//! The life of one call out, as a pure machine: inputs in, actions out; no socket, no clock, no stack.
//!
//! ```text
//!            18x            200           BYE either way, limit, session lost
//!   Setup ─────────► Setup ───────► Up ─────────────────────────────► Over
//!     │  hang up, ring limit                                            ▲
//!     ├───────────────► Cancelling ── 487, any final, 200 (BYE), grace ─┤
//!     └── final status, nothing heard, line lost ────────────────────────┘
//! ```
//! Contract: whatever the order of inputs, `End` is among the actions exactly once, and a far leg that was ever answered is left only
//! by its BYE or ours. Over still tidies up: a 200 that crosses our CANCEL is ended with a BYE.

use super::fork::EarlyMedia;
use super::outcome::{Final, Progress, Verdict, network_cleared, verdict};
use crate::domain::call::outcome::{Fault, Outcome, Party};
use std::time::Duration;

/// No answer to CANCEL after this: the end is told, the line is watched on.
pub const CANCEL_GRACE: Duration = Duration::from_secs(4);
/// An answered call is ended after this whatever happens; the engine has shorter limits of its own.
pub const LENGTH_LIMIT: Duration = Duration::from_secs(2 * 3600);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// 100.
    Trying,
    /// 101–199.
    Provisional {
        status: u16,
        media: EarlyMedia,
    },
    /// A 2xx; the ACK has left.
    Answered {
        status: u16,
    },
    /// A new INVITE of the same call has left (credentials, another timer, a redirection): it has no response yet.
    Resent,
    /// A final refusal from the far end.
    Refused(Refusal),
    /// The INVITE ran out of time with no final response.
    NoResponse,
    /// The stack cannot go on with this call.
    Broken {
        detail: String,
    },
    /// The connection that carries the signalling is gone.
    LineLost,
    HangUp {
        why: String,
    },
    RemoteBye {
        cause: Option<u16>,
        detail: Option<String>,
    },
    /// The far end no longer knows the answered call, or let its session run out.
    SessionLost {
        detail: String,
    },
    /// The armed timer.
    Deadline,
}

/// A final response from the far end that is no answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// Q.850 cause of its Reason header.
    pub cause: Option<u16>,
    /// We had answered a challenge before.
    pub authenticated: bool,
    pub detail: Option<String>,
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    TellRinging {
        status: u16,
    },
    TellEarlyMedia {
        status: u16,
    },
    TellAnswered,
    SendCancel,
    SendBye,
    /// The INVITE is left to itself: not repeated any more; what answers it all the same is cancelled or hung up.
    Abandon,
    /// Replaces the armed timer.
    Arm(Duration),
    /// Exactly once.
    End(End),
}

/// [`super::CallEnd`] without its instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    pub answered: bool,
    pub outcome: Option<Outcome>,
    pub by: Option<Party>,
    pub status: Option<u16>,
    pub detail: Option<String>,
    pub fault: Option<Fault>,
    pub retry_after: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    Setup,
    Cancelling { verdict: Verdict, detail: String },
    Up { status: u16 },
    Over,
}

/// How long a call may take to get so far.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To the first response of any kind. Without one nothing can be cancelled (RFC 3261 §9.1).
    pub no_reply: Duration,
    /// From there to the ring (RFC 3261 timer B), or as long as it might ring if that is longer.
    pub setup: Duration,
    pub ring: Duration,
}

pub struct Machine {
    state: State,
    progress: Progress,
    limits: Limits,
    cancel: Cancel,
    /// The INVITE that is out has a provisional response.
    provisional: bool,
    told_ringing: bool,
}

/// A CANCEL may leave only after a provisional response (RFC 3261 §9.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cancel {
    NotWanted,
    Wanted,
    Sent,
}

impl Machine {
    /// The machine and what to do first.
    pub fn new(limits: Limits) -> (Self, Vec<Action>) {
        let machine = Self {
            state: State::Setup,
            progress: Progress::Silent,
            limits,
            cancel: Cancel::NotWanted,
            provisional: false,
            told_ringing: false,
        };
        (machine, vec![Action::Arm(limits.no_reply)])
    }

    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    pub fn is_up(&self) -> bool {
        matches!(self.state, State::Up { .. })
    }

    /// Nothing ever came back to the INVITE.
    pub fn is_unheard(&self) -> bool {
        self.is_setting_up() && self.progress == Progress::Silent
    }

    /// Whether another INVITE may still be sent for this call.
    pub fn is_setting_up(&self) -> bool {
        self.state == State::Setup
    }

    pub fn on(&mut self, input: Input) -> Vec<Action> {
        match input {
            Input::Trying => self.heard(),
            Input::Provisional { status, media } => self.provisional(status, media),
            Input::Answered { status } => self.answered(status),
            Input::Resent => {
                self.provisional = false;
                if self.is_unheard() { vec![Action::Arm(self.limits.no_reply)] } else { vec![] }
            }
            Input::Refused(refusal) => self.refused(refusal),
            Input::NoResponse => {
                let end = self.timed_out("no response from the trunk");
                self.finish_setup(end)
            }
            Input::Broken { detail } => self.broken(detail),
            Input::LineLost => {
                let end = unanswered(
                    Verdict { outcome: Outcome::TrunkFailure, fault: Fault::Trunk },
                    Some(Party::Network),
                    None,
                    Some("the connection to the trunk is lost".into()),
                );
                self.finish_setup(end)
            }
            Input::HangUp { why } => self.hang_up(why),
            Input::RemoteBye { cause, detail } => self.remote_bye(cause, detail),
            Input::SessionLost { detail } => match self.state {
                State::Up { .. } => self.end_up(Party::Network, Some(Fault::Network), detail),
                State::Setup | State::Cancelling { .. } | State::Over => vec![],
            },
            Input::Deadline => self.deadline(),
        }
    }

    fn heard(&mut self) -> Vec<Action> {
        let first = self.is_unheard();
        self.progress = self.progress.max(Progress::Heard);
        self.provisional = true;
        if self.cancel == Cancel::Wanted {
            self.cancel = Cancel::Sent;
            return vec![Action::SendCancel];
        }
        if first { vec![Action::Arm(self.limits.ring.max(self.limits.setup))] } else { vec![] }
    }

    fn provisional(&mut self, status: u16, media: EarlyMedia) -> Vec<Action> {
        let mut actions = self.heard();
        if self.state != State::Setup {
            return actions;
        }
        let rings = (180..=183).contains(&status);
        if rings && self.progress < Progress::Rang {
            self.progress = Progress::Rang;
            actions = vec![Action::Arm(self.limits.ring)];
        }
        if rings && !self.told_ringing && (status != 183 || media == EarlyMedia::None) {
            self.told_ringing = true;
            actions.push(Action::TellRinging { status });
        }
        if media == EarlyMedia::New {
            actions.push(Action::TellEarlyMedia { status });
        }
        actions
    }

    fn answered(&mut self, status: u16) -> Vec<Action> {
        match &self.state {
            State::Setup => {
                self.state = State::Up { status };
                vec![Action::TellAnswered, Action::Arm(LENGTH_LIMIT)]
            }
            State::Cancelling { verdict, detail } => {
                let detail = format!("{detail}; answered while our cancel was on its way, ended at once");
                let end = unanswered(*verdict, Some(Party::Us), Some(status), Some(detail));
                self.state = State::Over;
                vec![Action::SendBye, Action::End(end)]
            }
            State::Up { .. } => vec![],
            // A far end that answers when all is over is still ours to end.
            State::Over => vec![Action::SendBye],
        }
    }

    fn refused(&mut self, refusal: Refusal) -> Vec<Action> {
        let Refusal { status, cause, authenticated, detail: text, retry_after } = refusal;
        let judged = verdict(Final { status, cause, progress: self.progress, authenticated });
        match &self.state {
            State::Setup => {
                let by = match judged.fault {
                    Fault::Customer => Party::Customer,
                    Fault::Us | Fault::Trunk | Fault::Network => Party::Network,
                };
                self.finish_setup(End { retry_after, ..unanswered(judged, Some(by), Some(status), text) })
            }
            State::Cancelling { verdict, detail } => {
                // The phone that says busy just as we give up is busy; a cancelled call stays cancelled, and a gateway that
                // clears it with a 500 tells nothing of a phone that rang in vain.
                let own = status == 487 || verdict.outcome == Outcome::Cancelled || judged.fault != Fault::Customer;
                let (verdict, by) = if own { (*verdict, Party::Us) } else { (judged, Party::Customer) };
                let detail = detail.clone();
                self.finish_setup(End { retry_after, ..unanswered(verdict, Some(by), Some(status), Some(detail)) })
            }
            State::Up { .. } | State::Over => vec![],
        }
    }

    fn broken(&mut self, detail: String) -> Vec<Action> {
        match self.state {
            State::Setup | State::Cancelling { .. } => {
                let verdict = Verdict { outcome: Outcome::TrunkFailure, fault: Fault::Trunk };
                let end = unanswered(verdict, Some(Party::Network), None, Some(detail));
                let mut actions = vec![];
                // The far end may ring, now or later: assume that it does.
                if self.cancel == Cancel::NotWanted {
                    self.cancel = Cancel::Wanted;
                    if self.provisional {
                        actions.extend(self.heard());
                    }
                }
                actions.extend(self.finish_setup(end));
                actions
            }
            State::Up { .. } => self.end_up(Party::Network, Some(Fault::Trunk), detail),
            State::Over => vec![],
        }
    }

    fn hang_up(&mut self, why: String) -> Vec<Action> {
        match self.state {
            State::Setup => self.give_up(Verdict { outcome: Outcome::Cancelled, fault: Fault::Us }, why),
            State::Up { .. } => self.end_up(Party::Us, None, why),
            State::Cancelling { .. } | State::Over => vec![],
        }
    }

    fn remote_bye(&mut self, cause: Option<u16>, detail: Option<String>) -> Vec<Action> {
        match self.state {
            State::Up { status } => {
                self.state = State::Over;
                let broken = cause.is_some_and(network_cleared);
                let by = if broken { Party::Network } else { Party::Customer };
                vec![Action::End(answered(status, by, detail, broken.then_some(Fault::Network)))]
            }
            // Nothing to hang up yet, or no more.
            State::Setup | State::Cancelling { .. } | State::Over => vec![],
        }
    }

    fn deadline(&mut self) -> Vec<Action> {
        match &self.state {
            State::Setup if self.progress == Progress::Silent => {
                self.cancel = Cancel::Wanted;
                let end = self.timed_out("no response to the invite");
                self.finish_setup(end).into_iter().chain([Action::Abandon]).collect()
            }
            State::Setup => {
                let end = self.timed_out("not answered in time");
                let outcome = end.outcome.unwrap_or(Outcome::NoAnswer);
                let verdict = Verdict { outcome, fault: end.fault.unwrap_or(Fault::Customer) };
                self.give_up(verdict, end.detail.unwrap_or_default())
            }
            State::Cancelling { verdict, detail } => {
                let end = unanswered(*verdict, Some(Party::Us), None, Some(detail.clone()));
                self.finish_setup(end)
            }
            State::Up { .. } => self.end_up(Party::Us, Some(Fault::Us), "the call reached its length limit".into()),
            State::Over => vec![],
        }
    }

    fn give_up(&mut self, verdict: Verdict, detail: String) -> Vec<Action> {
        self.state = State::Cancelling { verdict, detail };
        self.cancel = Cancel::Wanted;
        let mut actions = if self.provisional { self.heard() } else { vec![] };
        actions.push(Action::Arm(CANCEL_GRACE));
        actions
    }

    /// What running out of time means, by how far the call had come.
    fn timed_out(&self, detail: &str) -> End {
        let judged = verdict(Final { status: 408, cause: None, progress: self.progress, authenticated: false });
        unanswered(judged, Some(Party::Us), None, Some(detail.into()))
    }

    fn finish_setup(&mut self, end: End) -> Vec<Action> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Setup => vec![Action::End(end)],
            State::Cancelling { verdict, .. } => {
                let end = match end.status {
                    Some(_) => end,
                    None => End { outcome: Some(verdict.outcome), fault: Some(verdict.fault), ..end },
                };
                vec![Action::End(end)]
            }
            State::Up { status } => {
                // Signalling may come back over another connection; the media clock decides.
                self.state = State::Up { status };
                vec![]
            }
            State::Over => vec![],
        }
    }

    fn end_up(&mut self, by: Party, fault: Option<Fault>, detail: String) -> Vec<Action> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Up { status } => vec![Action::SendBye, Action::End(answered(status, by, Some(detail), fault))],
            State::Setup | State::Cancelling { .. } | State::Over => vec![],
        }
    }
}

fn unanswered(verdict: Verdict, by: Option<Party>, status: Option<u16>, detail: Option<String>) -> End {
    let (outcome, fault) = (Some(verdict.outcome), Some(verdict.fault));
    End { answered: false, outcome, by, status, detail, fault, retry_after: None }
}

fn answered(status: u16, by: Party, detail: Option<String>, fault: Option<Fault>) -> End {
    End { answered: true, outcome: None, by: Some(by), status: Some(status), detail, fault, retry_after: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits =
        Limits { no_reply: Duration::from_secs(8), setup: Duration::from_secs(32), ring: Duration::from_secs(45) };

    fn inputs() -> Vec<Input> {
        vec![
            Input::Trying,
            Input::Provisional { status: 180, media: EarlyMedia::None },
            Input::Provisional { status: 183, media: EarlyMedia::New },
            Input::Answered { status: 200 },
            Input::Resent,
            Input::SessionLost { detail: "x".into() },
            Input::Refused(Refusal { status: 486, ..Refusal::default() }),
            Input::Refused(Refusal { status: 487, ..Refusal::default() }),
            Input::NoResponse,
            Input::Broken { detail: "x".into() },
            Input::LineLost,
            Input::HangUp { why: "x".into() },
            Input::RemoteBye { cause: None, detail: None },
            Input::Deadline,
        ]
    }

    /// Every sequence of four inputs, each closed by what always comes in the end: a hang-up and two expired timers.
    #[test]
    fn every_order_of_events_ends_exactly_once_and_leaves_no_leg_behind() {
        let all = inputs();
        let closing = [Input::HangUp { why: "end".into() }, Input::Deadline, Input::Deadline];
        for index in 0..all.len().pow(4) {
            let sequence: Vec<Input> = (0..4u32)
                .map(|place| all[index / all.len().pow(place) % all.len()].clone())
                .chain(closing.iter().cloned())
                .collect();
            let (mut machine, _) = Machine::new(LIMITS);
            let (mut ends, mut byes, mut cancels, mut told, mut gone, mut answered_200) = (0, 0, 0, 0, false, 0);
            for input in &sequence {
                gone |= matches!(input, Input::RemoteBye { .. });
                answered_200 += usize::from(matches!(input, Input::Answered { .. }));
                for action in machine.on(input.clone()) {
                    match action {
                        Action::End(end) => {
                            ends += 1;
                            assert_eq!(end.answered, end.outcome.is_none(), "{sequence:?}");
                            assert_eq!(end.answered, told == 1, "{sequence:?}");
                        }
                        Action::SendBye => byes += 1,
                        Action::SendCancel => cancels += 1,
                        Action::TellAnswered => told += 1,
                        Action::TellRinging { .. }
                        | Action::TellEarlyMedia { .. }
                        | Action::Arm(_)
                        | Action::Abandon => {}
                    }
                }
            }
            assert_eq!(ends, 1, "{sequence:?}");
            assert!(told <= 1 && cancels <= 1, "{sequence:?}");
            assert!(answered_200 == 0 || byes > 0 || gone, "a leg is left up after {sequence:?}");
            assert!(machine.is_over(), "{sequence:?}");
        }
    }

    #[track_caller]
    fn check(sequence: &[Input], expected: (Outcome, Fault, Party, Option<u16>)) {
        let (mut machine, _) = Machine::new(LIMITS);
        let actions: Vec<Action> = sequence.iter().flat_map(|i| machine.on(i.clone())).collect();
        let end = actions.iter().find_map(|a| match a {
            Action::End(end) => Some(end.clone()),
            _ => None,
        });
        let end = end.unwrap_or_else(|| panic!("{sequence:?} did not end: {actions:?}"));
        assert_eq!((end.outcome.unwrap(), end.fault.unwrap(), end.by.unwrap(), end.status), expected, "{sequence:?}");
    }

    #[test]
    fn an_unanswered_call_says_who_ended_it_and_why() {
        let rang = Input::Provisional { status: 180, media: EarlyMedia::None };
        let refused = |status| Input::Refused(Refusal { status, ..Refusal::default() });
        let hang_up = Input::HangUp { why: "stop".into() };
        use {Fault::*, Outcome::*};
        for (sequence, expected) in [
            (vec![Input::NoResponse], (TrunkFailure, Trunk, Party::Us, None)),
            (vec![Input::Deadline, Input::Deadline], (TrunkFailure, Trunk, Party::Us, None)),
            (vec![Input::Trying, Input::Deadline, refused(487)], (Unreachable, Network, Party::Us, Some(487))),
            (vec![rang.clone(), Input::Deadline, refused(487)], (NoAnswer, Customer, Party::Us, Some(487))),
            (vec![rang.clone(), Input::Deadline, Input::Deadline], (NoAnswer, Customer, Party::Us, None)),
            (vec![rang.clone(), Input::Deadline, refused(486)], (Busy, Customer, Party::Customer, Some(486))),
            (vec![rang.clone(), Input::Deadline, refused(500)], (NoAnswer, Customer, Party::Us, Some(500))),
            (
                vec![rang.clone(), Input::Deadline, Input::Answered { status: 200 }],
                (NoAnswer, Customer, Party::Us, Some(200)),
            ),
            (vec![rang.clone(), hang_up.clone(), refused(487)], (Cancelled, Us, Party::Us, Some(487))),
            (vec![rang.clone(), hang_up.clone(), refused(486)], (Cancelled, Us, Party::Us, Some(486))),
            (vec![hang_up, Input::Deadline], (Cancelled, Us, Party::Us, None)),
            (vec![rang.clone(), refused(603)], (Declined, Customer, Party::Customer, Some(603))),
            (vec![rang, Input::LineLost], (TrunkFailure, Trunk, Party::Network, None)),
        ] {
            check(&sequence, expected);
        }
    }

    #[test]
    fn a_cancel_waits_for_the_first_provisional_response() {
        let (mut machine, _) = Machine::new(LIMITS);
        assert_eq!(machine.on(Input::HangUp { why: "x".into() }), [Action::Arm(CANCEL_GRACE)]);
        assert_eq!(machine.on(Input::Trying), [Action::SendCancel]);
        assert_eq!(machine.on(Input::Provisional { status: 180, media: EarlyMedia::None }), []);
    }

    #[test]
    fn ringing_is_told_once_and_early_media_each_time_and_the_ring_limit_starts_with_the_ring() {
        let (mut machine, first) = Machine::new(Limits { ring: Duration::from_secs(20), ..LIMITS });
        assert_eq!(first, [Action::Arm(LIMITS.no_reply)]);
        let ring = |status, media| Input::Provisional { status, media };
        let limit = Action::Arm(Duration::from_secs(20));
        assert_eq!(machine.on(ring(183, EarlyMedia::New)), [limit, Action::TellEarlyMedia { status: 183 }]);
        assert_eq!(machine.on(ring(180, EarlyMedia::None)), [Action::TellRinging { status: 180 }]);
        assert_eq!(machine.on(ring(183, EarlyMedia::Known)), []);
        assert_eq!(machine.on(ring(180, EarlyMedia::New)), [Action::TellEarlyMedia { status: 180 }]);
        assert_eq!(machine.on(ring(183, EarlyMedia::None)), []);
    }

    #[test]
    fn a_cancel_waits_for_a_response_to_the_invite_that_is_out() {
        let (mut machine, _) = Machine::new(LIMITS);
        machine.on(Input::Trying);
        machine.on(Input::Resent);
        assert_eq!(machine.on(Input::HangUp { why: "x".into() }), [Action::Arm(CANCEL_GRACE)]);
        assert_eq!(machine.on(Input::Deadline).len(), 1, "the end is told after the grace");
        assert_eq!(machine.on(Input::Trying), [Action::SendCancel], "and the phone that rings after it is cancelled");
    }

    #[test]
    fn a_call_that_nobody_says_a_word_to_is_given_up_early_and_left_to_itself() {
        let (mut machine, _) = Machine::new(LIMITS);
        let again = machine.on(Input::Resent);
        assert_eq!(again, [Action::Arm(LIMITS.no_reply)], "a challenge is no sign that the next INVITE is heard");
        let actions = machine.on(Input::Deadline);
        let [Action::End(end), Action::Abandon] = &actions[..] else { panic!("{actions:?}") };
        assert_eq!((end.outcome, end.fault), (Some(Outcome::TrunkFailure), Some(Fault::Trunk)));
        assert_eq!(machine.on(Input::Trying), [Action::SendCancel], "a far end that wakes is not to ring");
        assert_eq!(machine.on(Input::Answered { status: 200 }), [Action::SendBye]);
        // One that says anything has the time of RFC 3261.
        let (mut machine, _) = Machine::new(LIMITS);
        assert_eq!(machine.on(Input::Trying), [Action::Arm(LIMITS.ring)]);
        assert_eq!(machine.on(Input::Trying), []);
        assert_eq!(machine.on(Input::Resent), []);
    }

    #[test]
    fn an_answered_call_says_who_ended_it_and_keeps_its_status() {
        let lost = Input::SessionLost { detail: "x".into() };
        let bye = |cause| Input::RemoteBye { cause, detail: None };
        for (input, by, fault) in [
            (Input::HangUp { why: "x".into() }, Party::Us, None),
            (bye(None), Party::Customer, None),
            (bye(Some(16)), Party::Customer, None),
            (bye(Some(38)), Party::Network, Some(Fault::Network)),
            (lost, Party::Network, Some(Fault::Network)),
            (Input::Broken { detail: "x".into() }, Party::Network, Some(Fault::Trunk)),
            (Input::Deadline, Party::Us, Some(Fault::Us)),
        ] {
            let (mut machine, _) = Machine::new(LIMITS);
            machine.on(Input::Answered { status: 202 });
            let actions = machine.on(input.clone());
            let Some(Action::End(end)) = actions.last() else { panic!("{input:?} did not end: {actions:?}") };
            assert_eq!((end.answered, end.by, end.fault, end.status), (true, Some(by), fault, Some(202)), "{input:?}");
            let ours = !matches!(input, Input::RemoteBye { .. });
            assert_eq!(actions.contains(&Action::SendBye), ours, "{input:?}");
        }
    }
}
