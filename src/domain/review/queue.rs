//! The review queue: which calls a person has to listen to, and the state of each (G16).
//!
//! Contract: whatever raised an alarm, and whatever two recognisers heard differently where it counts, is due; of the rest a share drawn
//! from the call's own id, so that a day can be run again and nobody chooses; and each agent has a minimum a month, whatever the draw
//! says. A call is claimed by one person at a time, never by the agent who spoke in it.

use super::Refused;
use crate::domain::id::{CallId, SeatId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How much is listened to besides alarms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueRules {
    /// Of the calls without an alarm, in percent.
    pub share_percent: u32,
    /// Calls of each agent in a local month; alarms count.
    pub agent_minimum: u32,
}

/// What judging a call found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signs {
    /// Words that need a person at once, and red findings.
    pub alarms: u32,
    /// Two recognisers, or words and key, differ on a scored answer.
    pub disagreement: bool,
}

/// Why a call is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Why {
    Alarm,
    Disagreement,
    /// Drawn for the share.
    Sampled,
    /// The agent has too few this month.
    AgentMinimum,
}

impl Why {
    pub const ALL: [Why; 4] = [Self::Alarm, Self::Disagreement, Self::Sampled, Self::AgentMinimum];
}

impl QueueRules {
    /// Whether a call is due. `agents` is how many of its agent's calls of the month are due already; `None`: nobody spoke but the machine.
    pub fn why(&self, call: &CallId, signs: Signs, agents: Option<u32>) -> Option<Why> {
        if signs.alarms > 0 {
            Some(Why::Alarm)
        } else if signs.disagreement {
            Some(Why::Disagreement)
        } else if draw(call) < self.share_percent {
            Some(Why::Sampled)
        } else if agents.is_some_and(|due| due < self.agent_minimum) {
            Some(Why::AgentMinimum)
        } else {
            None
        }
    }
}

/// 0 to 99, always the same for a call.
fn draw(call: &CallId) -> u32 {
    let digest = Sha256::digest(call.as_str().as_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % 100
}

/// ```text
/// waiting ── claim ──▶ claimed ── finish ──▶ reviewed
///    ▲                    │                     │
///    ├───── release ──────┘                     │
///    └───────────────── reopen ─────────────────┘
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewState {
    Waiting,
    Claimed { by: String, at: Timestamp },
    Reviewed { by: String, at: Timestamp },
}

/// Where the review of one call stands. Every judged call has one; `why` says whether it is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Review {
    pub call: CallId,
    pub seat: Option<SeatId>,
    /// Local month of the call, e.g. `2026-11`.
    pub month: String,
    pub why: Option<Why>,
    pub signs: Signs,
    /// The index in force; `None` unless all five indicators have a level.
    pub mean: Option<f64>,
    pub state: ReviewState,
    pub version: i64,
}

impl Review {
    /// Taken up; claiming again what one has claimed changes nothing.
    pub fn claim(&self, now: Timestamp, by: &str) -> Result<Review, Refused> {
        self.not_own(by)?;
        match &self.state {
            ReviewState::Waiting => Ok(self.at(ReviewState::Claimed { by: by.into(), at: now })),
            ReviewState::Claimed { by: who, .. } if who == by => Ok(self.clone()),
            ReviewState::Claimed { by: who, .. } => Err(Refused::Claimed(who.clone())),
            ReviewState::Reviewed { .. } => Err(Refused::Reviewed),
        }
    }

    /// Given back, by him who has it or by a supervisor.
    pub fn release(&self, by: &str, supervisor: bool) -> Result<Review, Refused> {
        match &self.state {
            ReviewState::Claimed { by: who, .. } if who == by || supervisor => Ok(self.at(ReviewState::Waiting)),
            ReviewState::Claimed { by: who, .. } => Err(Refused::Claimed(who.clone())),
            ReviewState::Waiting => Err(Refused::NotClaimed),
            ReviewState::Reviewed { .. } => Err(Refused::Reviewed),
        }
    }

    /// Signed off by him who has it.
    pub fn finish(&self, now: Timestamp, by: &str) -> Result<Review, Refused> {
        match &self.state {
            ReviewState::Claimed { by: who, .. } if who == by => {
                Ok(self.at(ReviewState::Reviewed { by: by.into(), at: now }))
            }
            ReviewState::Claimed { by: who, .. } => Err(Refused::Claimed(who.clone())),
            ReviewState::Waiting => Err(Refused::NotClaimed),
            ReviewState::Reviewed { by: who, .. } if who == by => Ok(self.clone()),
            ReviewState::Reviewed { .. } => Err(Refused::Reviewed),
        }
    }

    /// To be reviewed once more.
    pub fn reopen(&self) -> Result<Review, Refused> {
        match &self.state {
            ReviewState::Reviewed { .. } => Ok(self.at(ReviewState::Waiting)),
            ReviewState::Waiting | ReviewState::Claimed { .. } => Err(Refused::NotReviewed),
        }
    }

    /// A form is corrected by him who has claimed the call.
    pub fn may_correct(&self, by: &str) -> Result<(), Refused> {
        match &self.state {
            ReviewState::Claimed { by: who, .. } if who == by => Ok(()),
            ReviewState::Claimed { by: who, .. } => Err(Refused::Claimed(who.clone())),
            ReviewState::Waiting => Err(Refused::NotClaimed),
            ReviewState::Reviewed { .. } => Err(Refused::Reviewed),
        }
    }

    fn not_own(&self, by: &str) -> Result<(), Refused> {
        if self.seat.as_ref().is_some_and(|seat| seat.as_str() == by) { Err(Refused::OwnCall) } else { Ok(()) }
    }

    fn at(&self, state: ReviewState) -> Review {
        Review { state, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: QueueRules = QueueRules { share_percent: 20, agent_minimum: 3 };

    fn review(state: ReviewState) -> Review {
        Review {
            call: CallId::new("c"),
            seat: Some(SeatId::new("li")),
            month: "2026-11".into(),
            why: None,
            signs: Signs::default(),
            mean: None,
            state,
            version: 1,
        }
    }

    /// A call that the draw does or does not choose.
    fn call(chosen: bool) -> CallId {
        (0..).map(|n| CallId::new(format!("call-{n}"))).find(|id| (draw(id) < 20) == chosen).unwrap()
    }

    #[test]
    fn alarms_come_first_then_disagreement_then_the_share_then_the_agents_minimum() {
        let check = |alarms, disagreement, chosen, agents, expected| {
            let signs = Signs { alarms, disagreement };
            assert_eq!(RULES.why(&call(chosen), signs, agents), expected, "{signs:?} {chosen} {agents:?}");
        };
        check(1, true, true, Some(0), Some(Why::Alarm));
        check(0, true, true, Some(0), Some(Why::Disagreement));
        check(0, false, true, Some(9), Some(Why::Sampled));
        check(0, false, false, Some(2), Some(Why::AgentMinimum));
        check(0, false, false, Some(3), None);
        check(0, false, false, None, None);
    }

    #[test]
    fn the_share_is_drawn_the_same_every_time_and_near_its_size() {
        let none = QueueRules { share_percent: 0, agent_minimum: 0 };
        let all = QueueRules { share_percent: 100, agent_minimum: 0 };
        let mut drawn = 0;
        for n in 0..2000 {
            let id = CallId::new(format!("0199-{n}"));
            let chosen = RULES.why(&id, Signs::default(), None);
            assert_eq!(chosen, RULES.why(&id, Signs::default(), None));
            assert_eq!(none.why(&id, Signs::default(), None), None);
            assert_eq!(all.why(&id, Signs::default(), None), Some(Why::Sampled));
            drawn += u32::from(chosen.is_some());
        }
        assert!((320..=480).contains(&drawn), "{drawn} of 2000 at 20 %");
    }

    #[test]
    fn g16_a_call_is_reviewed_by_one_person_at_a_time_and_never_by_its_agent() {
        let now: Timestamp = "2026-11-22T02:00:00Z".parse().unwrap();
        let waiting = review(ReviewState::Waiting);
        let claimed = waiting.claim(now, "wang").unwrap();
        assert_eq!(claimed.state, ReviewState::Claimed { by: "wang".into(), at: now });
        let reviewed = claimed.finish(now, "wang").unwrap();
        assert_eq!(reviewed.state, ReviewState::Reviewed { by: "wang".into(), at: now });

        let wang = || "wang".to_owned();
        for (what, step, expected) in [
            ("own call", waiting.claim(now, "li"), Err(Refused::OwnCall)),
            ("claimed by another", claimed.claim(now, "zhao"), Err(Refused::Claimed(wang()))),
            ("claimed again", claimed.claim(now, "wang"), Ok(claimed.clone())),
            ("claimed when reviewed", reviewed.claim(now, "zhao"), Err(Refused::Reviewed)),
            ("released", claimed.release("wang", false), Ok(waiting.clone())),
            ("released by another", claimed.release("zhao", false), Err(Refused::Claimed(wang()))),
            ("released by a supervisor", claimed.release("zhao", true), Ok(waiting.clone())),
            ("released by nobody", waiting.release("wang", true), Err(Refused::NotClaimed)),
            ("finished by another", claimed.finish(now, "zhao"), Err(Refused::Claimed(wang()))),
            ("finished unclaimed", waiting.finish(now, "wang"), Err(Refused::NotClaimed)),
            ("finished again", reviewed.finish(now, "wang"), Ok(reviewed.clone())),
            ("reopened", reviewed.reopen(), Ok(waiting.clone())),
            ("reopened early", claimed.reopen(), Err(Refused::NotReviewed)),
        ] {
            assert_eq!(step, expected, "{what}");
        }
        assert_eq!(claimed.may_correct("wang"), Ok(()));
        assert_eq!(claimed.may_correct("zhao"), Err(Refused::Claimed(wang())));
        assert_eq!(reviewed.may_correct("wang"), Err(Refused::Reviewed));
        assert_eq!(waiting.may_correct("wang"), Err(Refused::NotClaimed));
    }
}
