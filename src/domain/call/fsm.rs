//! The course of one call as a pure machine: line, media and conversation in, one outcome out.
//!
//! ```text
//!             Ringing, Early            Answered
//!   Dialing ────────────────▶ Dialing ───────────▶ Talking
//!      │                                              │ conversation over, media fault, recorder fault, stop
//!      │ stop, recorder fault, announcement           ▼
//!      └──────────────────────────────────────────▶ Ending ── the line reports its end ──▶ Over
//!   any ── the line reports its end ─────────────────────────────────────────────────────▶ Over
//! ```
//! Contract: feed what happens in order, do the [`CallAction`]s in order. The line reports its end exactly once and last; until
//! then the call is not over, whatever else fails, so no far leg is left standing. After `Over` nothing is asked for any more.
//! The conversation is started at most once, stopped at most once, and the line is asked to hang up at most once.
//!
//! Not here: sockets, audio, who is dialled next.

use super::Instants;
use super::outcome::{ConversationEnd, Fault, Outcome, Party};
use crate::domain::announcement::{self, Kind, Means};
use jiff::Timestamp;

/// What happens to the call.
#[derive(Clone, Debug, PartialEq)]
pub enum CallInput {
    InviteSent {
        at: Timestamp,
    },
    Ringing {
        at: Timestamp,
    },
    EarlyMedia {
        at: Timestamp,
    },
    Answered {
        at: Timestamp,
    },
    /// Something was heard before the answer that no person said, and has been said to its end.
    Announced(Kind),
    /// Always exactly one and last.
    LineEnded(LineEnd),
    /// The answer names no codec of ours.
    NoCommonCodec {
        detail: String,
    },
    /// An answered call without media for too long.
    RtpTimeout,
    /// The far end has kept us on hold for too long.
    HoldTimeout,
    RecorderFailed {
        detail: String,
    },
    /// The conversation came to its end by itself; it wants the call ended, or the customer has left already.
    ConversationOver(ConversationEnd),
    /// A person, or the end of the engine.
    Stop {
        why: String,
    },
}

/// The end as signalling saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct LineEnd {
    pub at: Timestamp,
    /// `Some` when the call was never answered.
    pub outcome: Option<Outcome>,
    pub by: Option<Party>,
    pub status: Option<u16>,
    pub detail: Option<String>,
    pub fault: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum CallAction {
    /// The customer is there: begin to talk.
    Converse,
    /// Tell the conversation that the line is gone or must go; it reports what it came to.
    StopConversation,
    /// CANCEL or BYE.
    HangUp { why: &'static str },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Dialing,
    Talking,
    Ending,
    Over,
}

/// The first thing that made us end the call.
#[derive(Clone, Debug, PartialEq)]
enum Cause {
    NoCommonCodec(String),
    RtpTimeout,
    HoldTimeout,
    RecorderFailed(String),
    Stopped(String),
}

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub struct CallMachine {
    stage: Stage,
    instants: Instants,
    cause: Option<Cause>,
    announced: Option<Kind>,
    conversation: Option<ConversationEnd>,
    conversing: bool,
    line_end: Option<LineEnd>,
}

/// What is written into the call's row.
#[derive(Clone, Debug, PartialEq)]
pub struct Conclusion {
    pub outcome: Outcome,
    pub fault: Option<Fault>,
    pub hung_up_by: Option<Party>,
    pub sip_status: Option<u16>,
    pub detail: Option<String>,
    pub conversation: Option<ConversationEnd>,
    pub instants: Instants,
}

impl CallMachine {
    pub fn new(claimed_at: Timestamp) -> Self {
        Self {
            stage: Stage::Dialing,
            instants: Instants { claimed_at: Some(claimed_at), ..Default::default() },
            cause: None,
            announced: None,
            conversation: None,
            conversing: false,
            line_end: None,
        }
    }

    pub fn instants(&self) -> &Instants {
        &self.instants
    }

    /// Instants that others have seen: the wire its messages, media its packets. Known ones stay.
    pub fn learn(&mut self, instants: &Instants) {
        self.instants.learn(instants);
    }

    /// The line is gone and the conversation, if there was one, has reported.
    pub fn is_over(&self) -> bool {
        self.stage == Stage::Over && !self.conversing
    }

    pub fn handle(&mut self, input: CallInput) -> Vec<CallAction> {
        match input {
            CallInput::InviteSent { at } => self.stamp(|i| &mut i.invited_at, at),
            CallInput::Ringing { at } => self.stamp(|i| &mut i.ringing_at, at),
            CallInput::EarlyMedia { at } => self.stamp(|i| &mut i.early_media_at, at),
            CallInput::Answered { at } => self.answered(at),
            CallInput::Announced(kind) => self.announced(kind),
            CallInput::LineEnded(end) => self.line_ended(end),
            CallInput::NoCommonCodec { detail } => self.give_up(Cause::NoCommonCodec(detail), "no common codec"),
            CallInput::RtpTimeout => self.give_up(Cause::RtpTimeout, "no media"),
            CallInput::HoldTimeout => self.give_up(Cause::HoldTimeout, "held too long"),
            CallInput::RecorderFailed { detail } => self.give_up(Cause::RecorderFailed(detail), "recorder failed"),
            CallInput::Stop { why } => self.give_up(Cause::Stopped(why), "stopped"),
            CallInput::ConversationOver(end) => self.conversation_over(end),
        }
    }

    /// The first instant counts; a call that is over has no further ones.
    fn stamp(&mut self, field: impl Fn(&mut Instants) -> &mut Option<Timestamp>, at: Timestamp) -> Vec<CallAction> {
        if self.stage != Stage::Over {
            field(&mut self.instants).get_or_insert(at);
        }
        vec![]
    }

    fn answered(&mut self, at: Timestamp) -> Vec<CallAction> {
        match self.stage {
            Stage::Dialing => {
                self.instants.answered_at = Some(at);
                self.stage = Stage::Talking;
                self.conversing = true;
                vec![CallAction::Converse]
            }
            // A 200 that crosses our CANCEL: the line tears it down by itself. A repeated 200 is nothing new.
            Stage::Talking | Stage::Ending | Stage::Over => vec![],
        }
    }

    /// Nobody will answer: the line is given back at once, not after the ring time. Before the answer only; after it the conversation
    /// hears for itself.
    fn announced(&mut self, kind: Kind) -> Vec<CallAction> {
        if self.stage != Stage::Dialing {
            return vec![];
        }
        self.announced = Some(kind);
        match kind.means() {
            Means::Over(..) | Means::Hint(..) => {
                self.stage = Stage::Ending;
                vec![CallAction::HangUp { why: "announcement" }]
            }
            Means::Wait(..) | Means::Machine => vec![],
        }
    }

    fn give_up(&mut self, cause: Cause, why: &'static str) -> Vec<CallAction> {
        match self.stage {
            Stage::Dialing => {
                self.cause = Some(cause);
                self.stage = Stage::Ending;
                vec![CallAction::HangUp { why }]
            }
            Stage::Talking => {
                self.cause = Some(cause);
                self.stage = Stage::Ending;
                let stop = self.conversing.then_some(CallAction::StopConversation);
                stop.into_iter().chain([CallAction::HangUp { why }]).collect()
            }
            Stage::Ending | Stage::Over => vec![],
        }
    }

    fn conversation_over(&mut self, end: ConversationEnd) -> Vec<CallAction> {
        if !self.conversing {
            return vec![];
        }
        self.conversing = false;
        self.conversation = Some(end);
        match self.stage {
            Stage::Talking => {
                self.stage = Stage::Ending;
                vec![CallAction::HangUp { why: "conversation over" }]
            }
            Stage::Dialing | Stage::Ending | Stage::Over => vec![],
        }
    }

    fn line_ended(&mut self, end: LineEnd) -> Vec<CallAction> {
        if self.stage == Stage::Over {
            return vec![];
        }
        // The conversation was told to stop already when we gave the call up.
        let stop = self.conversing && self.stage == Stage::Talking;
        self.stage = Stage::Over;
        self.instants.ended_at = Some(end.at);
        self.line_end = Some(end);
        stop.then_some(CallAction::StopConversation).into_iter().collect()
    }

    /// `None` until the call is over.
    pub fn conclusion(&self) -> Option<Conclusion> {
        let end = self.line_end.as_ref().filter(|_| self.is_over())?;
        let (outcome, fault, by, detail) = self.judge(end);
        Some(Conclusion {
            outcome,
            fault,
            hung_up_by: by,
            sip_status: end.status,
            detail: detail.or_else(|| end.detail.clone()),
            conversation: self.conversation.clone(),
            instants: self.instants.clone(),
        })
    }

    /// Outcome, party at fault, who ended it, and our own sentence where we have one.
    fn judge(&self, end: &LineEnd) -> (Outcome, Option<Fault>, Option<Party>, Option<String>) {
        let answered = self.instants.answered_at.is_some();
        match &self.cause {
            Some(Cause::RecorderFailed(detail)) => {
                (Outcome::RecorderFailed, Some(Fault::Us), Some(Party::Us), Some(detail.clone()))
            }
            Some(Cause::NoCommonCodec(detail)) => {
                (Outcome::TrunkFailure, Some(Fault::Trunk), Some(Party::Us), Some(detail.clone()))
            }
            Some(Cause::RtpTimeout) => {
                let detail = "no audio arrived from the far end".to_owned();
                (Outcome::TrunkFailure, Some(Fault::Network), Some(Party::Network), Some(detail))
            }
            Some(Cause::HoldTimeout) => {
                let detail = "the far end kept us on hold for too long".to_owned();
                (Outcome::TrunkFailure, Some(Fault::Customer), Some(Party::Us), Some(detail))
            }
            Some(Cause::Stopped(why)) if answered => {
                (Outcome::Answered, Some(Fault::Us), Some(Party::Us), Some(why.clone()))
            }
            Some(Cause::Stopped(why)) => (Outcome::Cancelled, Some(Fault::Us), Some(Party::Us), Some(why.clone())),
            None if answered => {
                let outcome = self.after_talk(end.by);
                // A line that broke is somebody's fault, named or not.
                let nobody = outcome == Outcome::TrunkFailure && end.fault.is_none();
                let fault = self.announced_after_answer().or(end.fault);
                (outcome, if nobody { fault.or(Some(Fault::Network)) } else { fault }, end.by, None)
            }
            None => self.not_answered(end),
        }
    }

    fn announced_after_answer(&self) -> Option<Fault> {
        match &self.conversation {
            Some(ConversationEnd::Machine { heard }) => match heard.means() {
                Means::Over(_, fault) | Means::Hint(_, fault) | Means::Wait(_, fault) => Some(fault),
                Means::Machine => None,
            },
            _ => None,
        }
    }

    fn not_answered(&self, end: &LineEnd) -> (Outcome, Option<Fault>, Option<Party>, Option<String>) {
        let heard = self.announced.and_then(|kind| Some((kind, announcement::settle(end.outcome, kind)?)));
        match heard {
            Some((kind, (outcome, fault))) => {
                let status = end.status.map_or_else(|| "no status".to_owned(), |status| status.to_string());
                let detail = format!("{} was heard before the answer ({status})", kind.name());
                (outcome, Some(fault), end.by, Some(detail))
            }
            None => (end.outcome.unwrap_or(Outcome::TrunkFailure), end.fault, end.by, None),
        }
    }

    /// A04: an answered call that the customer left before the conversation came to anything is `HungUp`; one that was taken from
    /// him (a broken line, a session that nobody kept alive) or that we ended (its length) is not.
    fn after_talk(&self, by: Option<Party>) -> Outcome {
        match &self.conversation {
            Some(ConversationEnd::Abandoned { .. }) | None => match by {
                Some(Party::Customer) => Outcome::HungUp,
                Some(Party::Us) => Outcome::Answered,
                Some(Party::Network) | None => Outcome::TrunkFailure,
            },
            // The network said 200 and spoke: nobody was called.
            Some(ConversationEnd::Machine { heard }) => match heard.means() {
                Means::Over(outcome, _) | Means::Hint(outcome, _) | Means::Wait(outcome, _) => outcome,
                Means::Machine => Outcome::Answered,
            },
            Some(
                ConversationEnd::Completed
                | ConversationEnd::Refused
                | ConversationEnd::OptedOut { .. }
                | ConversationEnd::Callback { .. }
                | ConversationEnd::WrongNumber
                | ConversationEnd::NotInformed
                | ConversationEnd::Silent
                | ConversationEnd::Fault { .. },
            ) => Outcome::Answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(s: i64) -> Timestamp {
        Timestamp::from_second(1_763_000_000 + s).unwrap()
    }

    fn line_end(outcome: Option<Outcome>, by: Option<Party>) -> CallInput {
        CallInput::LineEnded(LineEnd { at: at(99), outcome, by, status: Some(200), detail: None, fault: None })
    }

    fn run(inputs: impl IntoIterator<Item = CallInput>) -> (CallMachine, Vec<CallAction>) {
        let mut machine = CallMachine::new(at(0));
        let actions = inputs.into_iter().flat_map(|i| machine.handle(i)).collect();
        (machine, actions)
    }

    fn alphabet() -> Vec<CallInput> {
        vec![
            CallInput::InviteSent { at: at(1) },
            CallInput::Ringing { at: at(2) },
            CallInput::EarlyMedia { at: at(3) },
            CallInput::Answered { at: at(4) },
            CallInput::Announced(Kind::PoweredOff),
            line_end(Some(Outcome::Busy), None),
            line_end(None, Some(Party::Customer)),
            CallInput::NoCommonCodec { detail: "none".into() },
            CallInput::RtpTimeout,
            CallInput::HoldTimeout,
            CallInput::RecorderFailed { detail: "disk full".into() },
            CallInput::ConversationOver(ConversationEnd::Completed),
            CallInput::ConversationOver(ConversationEnd::Machine { heard: Kind::VacantNumber }),
            CallInput::Stop { why: "by hand".into() },
        ]
    }

    /// Every sequence of five events, then what the contract promises to come: the line's end and the conversation's report.
    #[test]
    fn every_sequence_of_events_ends_in_exactly_one_outcome_and_asks_for_nothing_twice() {
        let alphabet = alphabet();
        let n = alphabet.len();
        for code in 0..n.pow(5) {
            let picks: Vec<usize> = (0..5u32).map(|k| code / n.pow(k) % n).collect();
            let mut machine = CallMachine::new(at(0));
            let mut actions = vec![];
            for pick in &picks {
                let over = machine.is_over();
                let new = machine.handle(alphabet[*pick].clone());
                assert!(!over || new.is_empty(), "{picks:?}: acted after the end: {new:?}");
                actions.extend(new);
            }
            machine.handle(line_end(Some(Outcome::NoAnswer), None));
            machine.handle(CallInput::ConversationOver(ConversationEnd::Abandoned { answered: 0 }));
            let count = |f: fn(&CallAction) -> bool| actions.iter().filter(|a| f(a)).count();
            let talks = count(|a| matches!(a, CallAction::Converse));
            let stops = count(|a| matches!(a, CallAction::StopConversation));
            let hang_ups = count(|a| matches!(a, CallAction::HangUp { .. }));
            assert!(talks <= 1 && stops <= talks && hang_ups <= 1, "{picks:?}: {actions:?}");
            let end = machine.conclusion().unwrap_or_else(|| panic!("{picks:?}: no outcome"));
            assert_eq!(end.instants.answered_at.is_some(), talks == 1, "{picks:?}");
            assert_eq!(end.conversation.is_some(), talks == 1, "{picks:?}: a conversation that began has an end");
            assert!(end.instants.ended_at.is_some(), "{picks:?}");
        }
    }

    fn check(inputs: Vec<CallInput>, want: (Outcome, Option<Fault>, Option<Party>)) {
        let (machine, _) = run(inputs.clone());
        let end = machine.conclusion().unwrap_or_else(|| panic!("{inputs:?}: not over"));
        assert_eq!((end.outcome, end.fault, end.hung_up_by), want, "{inputs:?}");
    }

    #[test]
    fn the_outcome_names_what_decided() {
        use CallInput as I;
        let answered = || I::Answered { at: at(4) };
        let over = |end| I::ConversationOver(end);
        let abandoned = || over(ConversationEnd::Abandoned { answered: 1 });
        let (us, customer) = (Some(Party::Us), Some(Party::Customer));
        check(vec![line_end(Some(Outcome::Busy), None)], (Outcome::Busy, None, None));
        check(vec![answered(), over(ConversationEnd::Completed), line_end(None, us)], (Outcome::Answered, None, us));
        check(
            vec![answered(), line_end(None, customer), over(ConversationEnd::Completed)],
            (Outcome::Answered, None, customer),
        );
        check(vec![answered(), line_end(None, customer), abandoned()], (Outcome::HungUp, None, customer));
        check(vec![answered(), line_end(None, us), abandoned()], (Outcome::Answered, None, us));
        let network = Some(Party::Network);
        check(
            vec![answered(), line_end(None, network), abandoned()],
            (Outcome::TrunkFailure, Some(Fault::Network), network),
        );
        check(
            vec![answered(), line_end(None, network), over(ConversationEnd::Refused)],
            (Outcome::Answered, None, network),
        );
        check(
            vec![answered(), I::RtpTimeout, abandoned(), line_end(None, us)],
            (Outcome::TrunkFailure, Some(Fault::Network), Some(Party::Network)),
        );
        check(
            vec![answered(), I::HoldTimeout, abandoned(), line_end(None, us)],
            (Outcome::TrunkFailure, Some(Fault::Customer), us),
        );
        check(
            vec![I::RecorderFailed { detail: "disk full".into() }, line_end(Some(Outcome::Cancelled), us)],
            (Outcome::RecorderFailed, Some(Fault::Us), us),
        );
        check(
            vec![I::Stop { why: "by hand".into() }, line_end(Some(Outcome::Cancelled), us)],
            (Outcome::Cancelled, Some(Fault::Us), us),
        );
        check(
            vec![answered(), I::NoCommonCodec { detail: "x".into() }, abandoned(), line_end(None, us)],
            (Outcome::TrunkFailure, Some(Fault::Trunk), us),
        );
    }

    #[test]
    fn an_announcement_gives_the_line_back_and_decides_with_signalling_and_one_that_asks_for_patience_does_not() {
        use CallInput as I;
        let off = || I::Announced(Kind::PoweredOff);
        let (us, hangs_up) = (Some(Party::Us), [CallAction::HangUp { why: "announcement" }]);
        let (mut machine, actions) = run([I::EarlyMedia { at: at(2) }, off()]);
        assert_eq!(actions, hangs_up);
        assert_eq!(machine.handle(off()), [], "once");
        machine.handle(line_end(Some(Outcome::Cancelled), us));
        let end = machine.conclusion().unwrap();
        assert_eq!((end.outcome, end.fault, end.hung_up_by), (Outcome::Unreachable, Some(Fault::Customer), us));
        assert_eq!(end.detail.as_deref(), Some("powered_off was heard before the answer (200)"));
        // What came too late to hang up on it still decides.
        check(
            vec![off(), line_end(Some(Outcome::NoAnswer), None)],
            (Outcome::Unreachable, Some(Fault::Customer), None),
        );
        // He refused: the exchange's 正在通话中 is a courtesy (A04).
        let declined = vec![I::Announced(Kind::OnACall), line_end(Some(Outcome::Declined), None)];
        check(declined, (Outcome::Declined, None, None));
        let (_, actions) = run([I::Announced(Kind::CallWaiting)]);
        assert_eq!(actions, []);
        let waited = vec![I::Announced(Kind::CallWaiting), line_end(Some(Outcome::NoAnswer), us)];
        check(waited, (Outcome::Busy, Some(Fault::Customer), us));
        let (_, actions) = run([I::Announced(Kind::CallWaiting), I::Answered { at: at(4) }]);
        assert_eq!(actions, [CallAction::Converse], "he took the call after all");
        // A person who stops the call is the reason, whatever is heard.
        let stopped = vec![I::Stop { why: "by hand".into() }, off(), line_end(Some(Outcome::Cancelled), us)];
        check(stopped, (Outcome::Cancelled, Some(Fault::Us), us));
    }

    #[test]
    fn a_200_behind_which_no_person_is_has_the_outcome_of_what_was_heard() {
        use CallInput as I;
        for (heard, outcome, fault) in [
            (Kind::VacantNumber, Outcome::InvalidNumber, Some(Fault::Customer)),
            (Kind::CannotBeConnected, Outcome::Unreachable, Some(Fault::Network)),
            (Kind::UserBusy, Outcome::Busy, Some(Fault::Customer)),
            (Kind::NetworkBusy, Outcome::TrunkFailure, Some(Fault::Network)),
            (Kind::Mailbox, Outcome::Answered, None),
            (Kind::Assistant, Outcome::Answered, None),
            (Kind::Fax, Outcome::Answered, None),
        ] {
            for by in [Some(Party::Us), Some(Party::Customer)] {
                let over = I::ConversationOver(ConversationEnd::Machine { heard });
                check(vec![I::Answered { at: at(4) }, over, line_end(None, by)], (outcome, fault, by));
            }
        }
    }

    #[test]
    fn a_call_is_not_over_before_the_conversation_has_reported() {
        let (mut machine, actions) = run([CallInput::Answered { at: at(4) }, line_end(None, Some(Party::Customer))]);
        assert_eq!(actions, [CallAction::Converse, CallAction::StopConversation]);
        assert!(!machine.is_over() && machine.conclusion().is_none());
        machine.handle(CallInput::ConversationOver(ConversationEnd::Completed));
        assert!(machine.is_over());
    }
}
