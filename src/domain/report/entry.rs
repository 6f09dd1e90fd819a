//! One visit as the reports see it: itself, its order, and what its calls came to.

use super::Month;
use crate::domain::call::outcome::{ConversationEnd, Outcome};
use crate::domain::id::{CallId, SeatId, VisitId};
use crate::domain::order::Order;
use crate::domain::review::ReviewState;
use crate::domain::score::{Indicator, Level, Scorecard};
use crate::domain::visit::task::{Visit, VisitState, WaitReason};
use jiff::Timestamp;

/// A line of the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub month: Month,
    /// Counted from 1 within the month.
    pub n: u32,
    pub visit: Visit,
    pub order: Order,
    /// In the order of the attempts.
    pub calls: Vec<CallLine>,
}

/// One call, without what was said in it.
#[derive(Clone, Debug, PartialEq)]
pub struct CallLine {
    pub id: CallId,
    pub visit: VisitId,
    pub attempt: u32,
    pub seat: Option<SeatId>,
    pub claimed_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
    /// `None`: still on the line.
    pub outcome: Option<Outcome>,
    pub conversation: Option<ConversationEnd>,
    pub judged: Option<Judged>,
    /// `None`: it was never judged.
    pub review: Option<ReviewLine>,
    /// Claims of the order that the customer's words contradict; `None`: nothing could be compared.
    pub truth_differs: Option<u32>,
    /// Red and amber findings of the audit in force, those of `truth` among them.
    pub red: u32,
    pub amber: u32,
}

/// What is left of a scorecard.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// Those in force, in the order of [`Indicator::ALL`].
    pub levels: [Option<Level>; 5],
    /// Words for each of them, where there are any.
    pub words: [String; 5],
    /// Words that need a person at once (E09).
    pub alarms: Vec<String>,
    /// A person has corrected a level.
    pub corrected: bool,
}

/// 审核状态 (G16): where the review of a call stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewLine {
    /// Somebody has to listen to it.
    pub due: bool,
    pub state: ReviewState,
}

impl Judged {
    pub fn of(card: &Scorecard) -> Self {
        let score = |indicator: Indicator| card.scores.iter().find(|score| score.indicator == indicator);
        let words = |indicator: Indicator| {
            let evidence = score(indicator).into_iter().flat_map(|score| &score.evidence);
            let quoted = evidence.map(|e| match &e.heard_by {
                // Not in the transcript of record: a reader who looks there is told why.
                Some(engine) => format!("{}（{engine}）", e.text),
                None => e.text.clone(),
            });
            quoted.collect::<Vec<_>>().join("；")
        };
        Self {
            levels: Indicator::ALL.map(|indicator| score(indicator)?.in_force()),
            words: Indicator::ALL.map(words),
            alarms: card.alarms.iter().map(|e| e.text.clone()).collect(),
            corrected: card.scores.iter().any(|score| score.human.is_some()),
        }
    }

    pub fn level(&self, indicator: Indicator) -> Option<Level> {
        self.levels[place(indicator)]
    }

    pub fn words(&self, indicator: Indicator) -> &str {
        &self.words[place(indicator)]
    }

    /// The arithmetic mean of five; only when there are five (E01).
    pub fn index(&self) -> Option<f64> {
        let levels: Option<Vec<f64>> = self.levels.iter().map(|level| level.map(|l| f64::from(l.get()))).collect();
        levels.map(|levels| levels.iter().sum::<f64>() / 5.0)
    }
}

fn place(indicator: Indicator) -> usize {
    match indicator {
        Indicator::Skill => 0,
        Indicator::Attitude => 1,
        Indicator::Timeliness => 2,
        Indicator::Parts => 3,
        Indicator::Overall => 4,
    }
}

impl ReviewLine {
    pub fn text_zh(&self) -> &'static str {
        match self.state {
            ReviewState::Waiting if self.due => "待审核",
            ReviewState::Waiting => "不需审核",
            ReviewState::Claimed { .. } => "审核中",
            ReviewState::Reviewed { .. } => "已审核",
        }
    }

    /// Who has it, or has reviewed it.
    pub fn reviewer(&self) -> Option<&str> {
        match &self.state {
            ReviewState::Waiting => None,
            ReviewState::Claimed { by, .. } | ReviewState::Reviewed { by, .. } => Some(by),
        }
    }
}

impl CallLine {
    /// Seconds from the answer to the end.
    pub fn talk_s(&self) -> Option<f64> {
        Some(self.ended_at?.duration_since(self.answered_at?).as_secs_f64())
    }

    pub fn is_answered(&self) -> bool {
        self.answered_at.is_some()
    }
}

impl Entry {
    /// 回访记录编号: year and month, and the number in it, e.g. `202611-0007`.
    pub fn number(&self) -> String {
        format!("{}-{:04}", self.month.to_string().replace('-', ""), self.n)
    }

    /// The call that speaks for the visit: the one that completed it, else the last that was scored, else the last.
    pub fn call(&self) -> Option<&CallLine> {
        let completing = match &self.visit.state {
            VisitState::Completed { call, .. } => self.calls.iter().find(|line| line.id == *call),
            VisitState::Waiting { .. } | VisitState::Calling { .. } | VisitState::Closed { .. } => None,
        };
        let scored = || self.calls.iter().rev().find(|line| line.judged.is_some());
        completing.or_else(scored).or_else(|| self.calls.last())
    }

    pub fn judged(&self) -> Option<&Judged> {
        self.call()?.judged.as_ref()
    }

    pub fn is_completed(&self) -> bool {
        matches!(self.visit.state, VisitState::Completed { .. })
    }

    /// Whether it was first called by its due instant; `None` while that can still be, or when it was closed uncalled in time.
    pub fn on_time(&self, now: Timestamp) -> Option<bool> {
        let due = self.visit.due_at;
        match (self.visit.first_attempt_at, &self.visit.state) {
            (Some(at), _) => Some(at <= due),
            (None, VisitState::Closed { at, .. }) => (*at > due).then_some(false),
            (None, VisitState::Waiting { .. } | VisitState::Calling { .. } | VisitState::Completed { .. }) => {
                (now > due).then_some(false)
            }
        }
    }

    pub fn review(&self) -> Option<&ReviewLine> {
        self.call()?.review.as_ref()
    }

    /// Where the levels come from.
    pub fn scored_zh(&self) -> &'static str {
        match self.judged() {
            None => "未评分",
            Some(judged) if judged.corrected => "人工改分",
            Some(_) => "机器评分",
        }
    }

    /// When it was over.
    pub fn over_at(&self) -> Option<Timestamp> {
        match &self.visit.state {
            VisitState::Completed { at, .. } | VisitState::Closed { at, .. } => Some(*at),
            VisitState::Waiting { .. } | VisitState::Calling { .. } => None,
        }
    }
}

/// Where a visit stands, in two words.
pub(super) fn state_zh(state: &VisitState) -> &'static str {
    match state {
        VisitState::Waiting { .. } => "待回访",
        VisitState::Calling { .. } => "通话中",
        VisitState::Completed { .. } => "已完成",
        VisitState::Closed { .. } => "已关闭",
    }
}

/// Why a visit is not made yet, or never will be; empty for one that is.
pub(super) fn why_not_zh(visit: &Visit) -> String {
    let waits = |reason: &WaitReason| match reason {
        WaitReason::New => "尚未呼叫".to_owned(),
        WaitReason::RetrySpacing { after, attempt, .. } => format!("第{attempt}次呼叫：{}，等待重拨", after.text_zh()),
        WaitReason::NextTrunk { .. } => "换线路重拨".into(),
        WaitReason::Appointment { .. } => "客户另约时间".into(),
        WaitReason::Rescheduled { by, .. } => format!("{by}改约"),
        WaitReason::ByHand { by } => format!("{by}要求呼叫"),
        WaitReason::WrapUp { .. } => "坐席正在填写结果".into(),
        WaitReason::Interrupted { attempt } => format!("第{attempt}次呼叫中断"),
        WaitReason::ForPerson { problem } => problem.clone(),
    };
    let now = match &visit.state {
        VisitState::Waiting { reason, .. } => waits(reason),
        VisitState::Calling { .. } => "通话中".into(),
        VisitState::Closed { cause, .. } => cause.text_zh().into(),
        VisitState::Completed { .. } => return String::new(),
    };
    match &visit.late_cause {
        Some(cause) => format!("{now}；超时原因：{cause}"),
        None => now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::{Answer, Rubric, score_call};

    #[test]
    fn words_that_only_another_recogniser_heard_name_it() {
        let mut answer = Answer::bare(Some(Indicator::Parts), "配件供应怎么样？", "哭纯竹");
        answer.also_heard.push(("vosk".into(), "库存足".into()));
        let judged = Judged::of(&score_call(Rubric::builtin(), &[answer]));
        assert_eq!(judged.words, ["", "", "", "库存足（vosk）", ""]);
    }
}
