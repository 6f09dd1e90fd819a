//! 异议: an agent objects to one item of his sheet, a reviewer answers, a supervisor decides.
//!
//! Contract: a dispute *is* its steps, in order; none is ever changed. Only the agent of the call objects, and he may withdraw until it is
//! decided; nobody judges his own call; who answered does not decide. An objection that is upheld names the mark that is right.

use super::Refused;
use super::form::Mark;
use crate::domain::id::{CallId, SeatId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq)]
pub struct Dispute {
    pub id: String,
    pub call: CallId,
    /// Key of the item.
    pub item: String,
    /// Never empty: the first is the objection.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub act: Act,
    pub by: String,
    pub at: Timestamp,
    /// The reason, the answer, or the grounds of the decision.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Act {
    Object,
    Answer,
    /// The agent is right; the item is now marked so.
    Uphold {
        mark: Mark,
    },
    Dismiss,
    Withdraw,
}

/// Where a dispute stands: after its last step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    Open,
    Answered,
    Upheld,
    Dismissed,
    Withdrawn,
}

impl Stage {
    pub const ALL: [Stage; 5] = [Self::Open, Self::Answered, Self::Upheld, Self::Dismissed, Self::Withdrawn];

    /// Somebody still has to act.
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Open | Self::Answered)
    }

    fn words(self) -> &'static str {
        match self {
            Self::Open => "待答复",
            Self::Answered => "待裁定",
            Self::Upheld => "成立",
            Self::Dismissed => "不成立",
            Self::Withdrawn => "已撤回",
        }
    }
}

impl Act {
    /// Where a dispute stands after it.
    pub fn stage(self) -> Stage {
        match self {
            Self::Object => Stage::Open,
            Self::Answer => Stage::Answered,
            Self::Uphold { .. } => Stage::Upheld,
            Self::Dismiss => Stage::Dismissed,
            Self::Withdraw => Stage::Withdrawn,
        }
    }
}

/// Who acts, and what his role lets him do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Person<'a> {
    pub name: &'a str,
    pub reviewer: bool,
    pub supervisor: bool,
}

impl Person<'_> {
    fn speaks_in(&self, seat: Option<&SeatId>) -> bool {
        seat.is_some_and(|seat| seat.as_str() == self.name)
    }

    /// Only the agent of a call may object to its sheet.
    pub fn may_object(&self, seat: Option<&SeatId>) -> Result<(), Refused> {
        if self.speaks_in(seat) { Ok(()) } else { Err(Refused::NotTheAgent) }
    }
}

impl Dispute {
    pub fn stage(&self) -> Stage {
        self.steps.last().map_or(Stage::Open, |step| step.act.stage())
    }

    /// Whether this person may take this step now; `seat` is the agent of the call.
    pub fn may(&self, act: Act, who: Person<'_>, seat: Option<&SeatId>) -> Result<(), Refused> {
        let stage = self.stage();
        let at = |wanted: bool| if wanted { Ok(()) } else { Err(Refused::Stage(stage.words())) };
        let not_own = || if who.speaks_in(seat) { Err(Refused::OwnCall) } else { Ok(()) };
        match act {
            // A dispute begins with its objection; a second one is a dispute of its own.
            Act::Object => Err(Refused::Stage(stage.words())),
            Act::Answer => {
                at(stage == Stage::Open)?;
                not_own()?;
                if who.reviewer { Ok(()) } else { Err(Refused::NotReviewer) }
            }
            Act::Uphold { .. } | Act::Dismiss => {
                at(stage == Stage::Answered)?;
                not_own()?;
                if !who.supervisor {
                    return Err(Refused::NotSupervisor);
                }
                let answered = self.steps.iter().any(|step| step.act == Act::Answer && step.by == who.name);
                if answered { Err(Refused::SamePerson) } else { Ok(()) }
            }
            Act::Withdraw => {
                at(stage.is_pending())?;
                who.may_object(seat)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGENT: Person<'_> = Person { name: "li", reviewer: false, supervisor: false };
    const REVIEWER: Person<'_> = Person { name: "wang", reviewer: true, supervisor: false };
    const BOSS: Person<'_> = Person { name: "zhao", reviewer: true, supervisor: true };
    const UPHOLD: Act = Act::Uphold { mark: Mark::Met };

    fn dispute(acts: &[(Act, &str)]) -> Dispute {
        let at = "2026-11-22T02:00:00Z".parse().unwrap();
        let step = |(act, by): &(Act, &str)| Step { act: *act, by: (*by).into(), at, text: "客户先说的".into() };
        Dispute {
            id: "d".into(),
            call: CallId::new("c"),
            item: "consent".into(),
            steps: acts.iter().map(step).collect(),
        }
    }

    fn check(steps: &[(Act, &str)], act: Act, who: Person<'_>, expected: Result<(), Refused>) {
        let seat = SeatId::new("li");
        assert_eq!(dispute(steps).may(act, who, Some(&seat)), expected, "{steps:?} then {act:?} by {}", who.name);
    }

    #[test]
    fn an_objection_is_answered_by_a_reviewer_and_decided_by_a_supervisor() {
        let open = [(Act::Object, "li")];
        let answered = [(Act::Object, "li"), (Act::Answer, "wang")];
        check(&open, Act::Answer, REVIEWER, Ok(()));
        check(&open, Act::Answer, BOSS, Ok(()));
        check(&open, Act::Answer, Person { name: "chen", ..AGENT }, Err(Refused::NotReviewer));
        check(&open, UPHOLD, BOSS, Err(Refused::Stage("待答复")));
        check(&answered, UPHOLD, BOSS, Ok(()));
        check(&answered, Act::Dismiss, BOSS, Ok(()));
        check(&answered, Act::Dismiss, REVIEWER, Err(Refused::NotSupervisor));
        check(&answered, Act::Answer, REVIEWER, Err(Refused::Stage("待裁定")));
        assert_eq!(dispute(&answered).stage(), Stage::Answered);
    }

    #[test]
    fn nobody_judges_his_own_call_and_who_answered_does_not_decide() {
        let agent_boss = Person { name: "li", ..BOSS };
        check(&[(Act::Object, "li")], Act::Answer, agent_boss, Err(Refused::OwnCall));
        check(&[(Act::Object, "li"), (Act::Answer, "wang")], UPHOLD, agent_boss, Err(Refused::OwnCall));
        check(&[(Act::Object, "li"), (Act::Answer, "zhao")], UPHOLD, BOSS, Err(Refused::SamePerson));
        let seat = SeatId::new("li");
        assert_eq!(AGENT.may_object(Some(&seat)), Ok(()));
        assert_eq!(REVIEWER.may_object(Some(&seat)), Err(Refused::NotTheAgent));
        assert_eq!(AGENT.may_object(None), Err(Refused::NotTheAgent), "the machine spoke");
    }

    #[test]
    fn the_agent_withdraws_until_it_is_decided_and_nothing_follows_a_decision() {
        check(&[(Act::Object, "li")], Act::Withdraw, AGENT, Ok(()));
        check(&[(Act::Object, "li"), (Act::Answer, "wang")], Act::Withdraw, AGENT, Ok(()));
        check(&[(Act::Object, "li")], Act::Withdraw, BOSS, Err(Refused::NotTheAgent));
        for (last, words) in [(UPHOLD, "成立"), (Act::Dismiss, "不成立"), (Act::Withdraw, "已撤回")] {
            let over = [(Act::Object, "li"), (Act::Answer, "wang"), (last, "zhao")];
            for act in [Act::Answer, UPHOLD, Act::Dismiss, Act::Withdraw, Act::Object] {
                check(&over, act, BOSS, Err(Refused::Stage(words)));
            }
            assert!(!dispute(&over).stage().is_pending());
        }
    }
}
