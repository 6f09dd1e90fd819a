//! What may be done to a complaint, and what becomes of it.
//!
//! Contract: [`apply`] gives the next complaint or says in one sentence why not; it changes nothing else, and never `version`. Times
//! count in the calendar of the complaint's branch. Not here: who may do what (the door), the second call's visit (the engine begins it).

use super::open::regrade;
use super::policy::ends;
use super::{
    Checked, CloseCause, Complaint, Decision, Form, Grade, Kind, Mood, Policy, Quote, Reply, SecondCall, Side,
    SiteVisit, Solution, Source, State, StateName, TakenOver, Verdict,
};
use crate::domain::calendar::{Calendar, day_of};
use crate::domain::id::{CallId, VisitId};
use jiff::Timestamp;
use serde::Serialize;

/// Quotes of one complaint.
const QUOTES_MAX: usize = 40;

/// By what a step is judged.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    pub policy: &'a Policy,
    /// The site's.
    pub calendar: &'a Calendar,
}

/// One thing that is done; kept with the complaint as it was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// What was found out (F02, D22–D24).
    Form(Box<Filled>),
    /// To a leader where one must decide, else to whoever handles it (F04, F05, F06).
    HandOver {
        to: String,
        department: Option<String>,
    },
    /// With whom is to handle it (F06, F12).
    Approve {
        remark: String,
        to: String,
        department: Option<String>,
    },
    Reject {
        remark: String,
    },
    /// 信息反馈单 (F08).
    Slip {
        department: String,
        text: String,
        answer_by: Option<Timestamp>,
    },
    SlipResult {
        result: String,
        solved: bool,
        people: Option<String>,
    },
    /// An answer to the customer, or the time of the next one, or both (F11, F16).
    Reply {
        text: Option<String>,
        next_at: Option<Timestamp>,
    },
    /// Not solvable over the telephone (F09).
    SiteVisit {
        who: String,
        due_at: Timestamp,
    },
    SiteResult {
        result: String,
    },
    Handled {
        solution: String,
        people: Option<String>,
    },
    /// What the call after the handling came to (A14, A15).
    SecondCall {
        call: Option<CallId>,
        verdict: Verdict,
        quotes: Vec<Quote>,
        remark: Option<String>,
    },
    Close {
        cause: CloseCause,
        remark: String,
    },
    Reopen {
        remark: String,
    },
    /// At the customer's next visit (F03).
    Checked {
        remark: String,
    },
    /// A supervisor speaks with the customer himself (F18).
    TakeOver {
        apology: String,
    },
}

/// What is left out stays.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Filled {
    pub form: Form,
    pub quotes: Vec<Quote>,
    pub side: Option<Side>,
    pub reasonable: Option<bool>,
    pub stops_work: Option<bool>,
    pub money_yuan: Option<f64>,
    pub injury: Option<bool>,
    /// Graded by hand: from here on the table does not change it.
    pub grade: Option<Grade>,
    pub kind: Option<Kind>,
    pub remark: Option<String>,
}

/// Why a step is not taken. For people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("投诉现在是“{0}”，不能做这一步")]
    State(&'static str),
    #[error("{0}不能为空")]
    Empty(&'static str),
    #[error("{0}：须先经领导批示同意（规则 F12）")]
    NotApproved(&'static str),
    #[error("{0}：须先由领导批示（规则 F06）")]
    Undecided(&'static str),
    /// The names of the fields as on the wire.
    #[error("处理表还缺：{0}（规则 F02）")]
    Incomplete(String),
    #[error("现场回访还没有结果（规则 F09）")]
    SiteVisitOpen,
    #[error("没有待完成的现场回访")]
    NoSiteVisit,
    #[error("服务质量投诉属实，请填写对相关人员的处理（规则 F15）")]
    PeopleMissing,
    #[error("只有判断为不合理的要求才能婉拒结案（规则 D24）")]
    NotUnreasonable,
    #[error("书面投诉还没有答复客户（规则 F16）")]
    NotAnswered,
    #[error("人工定级须写明理由")]
    GradeWithoutReason,
    #[error("答复时间已经过去")]
    Past,
    #[error("没有内容")]
    Nothing,
    #[error("处理完毕以后才能与客户核对（规则 F03）")]
    NotYetHandled,
}

impl Step {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Form(_) => "form",
            Self::HandOver { .. } => "hand_over",
            Self::Approve { .. } => "approve",
            Self::Reject { .. } => "reject",
            Self::Slip { .. } => "slip",
            Self::SlipResult { .. } => "slip_result",
            Self::Reply { .. } => "reply",
            Self::SiteVisit { .. } => "site_visit",
            Self::SiteResult { .. } => "site_result",
            Self::Handled { .. } => "handled",
            Self::SecondCall { .. } => "second_call",
            Self::Close { .. } => "close",
            Self::Reopen { .. } => "reopen",
            Self::Checked { .. } => "checked",
            Self::TakeOver { .. } => "take_over",
        }
    }
}

/// The complaint after the step.
pub fn apply(now: Timestamp, by: &str, c: &Complaint, step: &Step, rules: &Rules<'_>) -> Result<Complaint, Refused> {
    let hand = Hand { now, by, policy: rules.policy, calendar: rules.calendar.of(c.subject.branch.as_deref()) };
    let next = c.clone();
    match step {
        Step::Form(filled) => hand.filled(next, filled),
        Step::HandOver { to, department } => hand.hand_over(next, to, department.as_ref()),
        Step::Approve { remark, to, department } => hand.approve(next, remark, to, department.as_ref()),
        Step::Reject { remark } => hand.reject(next, remark),
        Step::Slip { department, text, answer_by } => hand.slip(next, department, text, *answer_by),
        Step::SlipResult { result, solved, people } => hand.slip_result(next, result, *solved, people.as_ref()),
        Step::Reply { text, next_at } => hand.reply(next, text.as_ref(), *next_at),
        Step::SiteVisit { who, due_at } => hand.site_visit(next, who, *due_at),
        Step::SiteResult { result } => hand.site_result(next, result),
        Step::Handled { solution, people } => {
            only_in(&next, &[StateName::Handling])?;
            hand.handled(next, solution, people.as_ref())
        }
        Step::SecondCall { call, verdict, quotes, .. } => hand.second_call(next, call.as_ref(), *verdict, quotes),
        Step::Close { cause, remark } => hand.close(next, *cause, remark),
        Step::Reopen { remark } => {
            only_in(&next, &[StateName::Handled, StateName::Closed])?;
            said("理由", remark)?;
            Ok(hand.opened_again(next))
        }
        Step::Checked { remark } => hand.checked(next, remark),
        Step::TakeOver { apology } => hand.take_over(next, apology),
    }
}

/// F18: a supervisor took over the very call in which the customer complained; what he said is on its recording. `None`: the complaint is
/// over, or somebody has taken it over before.
pub fn taken_over_in_call(complaint: &Complaint, at: Timestamp, by: &str) -> Option<Complaint> {
    if complaint.taken_over.is_some() || matches!(complaint.state, State::Closed { .. }) {
        return None;
    }
    let taken_over = Some(TakenOver { at, by: by.into(), apology: IN_CALL.into() });
    Some(Complaint { taken_over, ..complaint.clone() })
}

/// A handled complaint with what was found out about its second call; any other stays.
pub fn with_second_call(complaint: Complaint, planned: Result<VisitId, String>) -> Complaint {
    let State::Handled { since, call_by, .. } = complaint.state else { return complaint };
    let (second, second_visit) = match planned {
        Ok(visit) => (SecondCall::Planned { visit: visit.clone() }, Some(visit)),
        Err(why) => (SecondCall::NotPlanned { why }, None),
    };
    Complaint { state: State::Handled { since, call_by, second }, second_visit, ..complaint }
}

/// In the place of the words with which he apologised.
const IN_CALL: &str = "通话中接管，向客户说的话见录音";

fn in_state(c: &Complaint) -> Refused {
    Refused::State(c.state.name().text_zh())
}

fn only_in(c: &Complaint, states: &[StateName]) -> Result<(), Refused> {
    if states.contains(&c.state.name()) { Ok(()) } else { Err(in_state(c)) }
}

fn not_closed(c: &Complaint) -> Result<(), Refused> {
    if let State::Closed { .. } = c.state { Err(in_state(c)) } else { Ok(()) }
}

fn said(what: &'static str, text: &str) -> Result<(), Refused> {
    if text.trim().is_empty() { Err(Refused::Empty(what)) } else { Ok(()) }
}

/// Who does something, when, and by which rules.
struct Hand<'a> {
    now: Timestamp,
    by: &'a str,
    policy: &'a Policy,
    calendar: &'a Calendar,
}

impl Hand<'_> {
    fn filled(&self, mut c: Complaint, filled: &Filled) -> Result<Complaint, Refused> {
        not_closed(&c)?;
        let by_hand = filled.grade.is_some() || filled.kind.is_some();
        if by_hand && filled.remark.as_deref().is_none_or(|remark| remark.trim().is_empty()) {
            return Err(Refused::GradeWithoutReason);
        }
        c.form = c.form.updated_by(filled.form.clone());
        c.signs.angry |= filled.form.mood == Some(Mood::Angry);
        c.quotes.extend(filled.quotes.iter().cloned());
        c.quotes.truncate(QUOTES_MAX);
        c.side = filled.side.or(c.side);
        c.reasonable = filled.reasonable.or(c.reasonable);
        c.signs.stops_work = filled.stops_work.unwrap_or(c.signs.stops_work);
        c.signs.money_yuan = filled.money_yuan.or(c.signs.money_yuan);
        match filled.injury {
            Some(true) => drop(c.signs.kinds.insert(Kind::Injury)),
            Some(false) => drop(c.signs.kinds.remove(&Kind::Injury)),
            None => {}
        }
        regrade(&mut c, self.policy);
        if by_hand {
            c.grade = filled.grade.unwrap_or(c.grade);
            c.kind = filled.kind.unwrap_or(c.kind);
            c.grade_why = filled.remark.clone().unwrap_or_default();
            c.graded_by = Some(self.by.into());
        }
        Ok(c)
    }

    fn hand_over(&self, mut c: Complaint, to: &str, department: Option<&String>) -> Result<Complaint, Refused> {
        said("移交对象", to)?;
        only_in(&c, &[StateName::Open, StateName::AwaitingApproval, StateName::Handling])?;
        c.state = if c.needs_approval(self.policy) && !c.is_approved() {
            let decide_by = ends(self.policy.times.approve, self.now, self.calendar);
            State::AwaitingApproval { leader: to.into(), since: self.now, decide_by }
        } else {
            self.handling(to, department)
        };
        Ok(c)
    }

    fn handling(&self, to: &str, department: Option<&String>) -> State {
        let finish_by = ends(self.policy.times.handle, self.now, self.calendar);
        State::Handling { by: to.into(), department: department.cloned(), since: self.now, finish_by }
    }

    fn approve(
        &self,
        mut c: Complaint,
        remark: &str,
        to: &str,
        department: Option<&String>,
    ) -> Result<Complaint, Refused> {
        only_in(&c, &[StateName::AwaitingApproval])?;
        said("批示", remark)?;
        said("处理人", to)?;
        // F12: 必须填写重大质量事故处理申请表, 由公司领导同意.
        complete(&c)?;
        c.decision = Some(self.decision(true, remark));
        c.state = self.handling(to, department);
        Ok(c)
    }

    fn reject(&self, mut c: Complaint, remark: &str) -> Result<Complaint, Refused> {
        only_in(&c, &[StateName::AwaitingApproval])?;
        said("批示", remark)?;
        c.decision = Some(self.decision(false, remark));
        c.state = self.open();
        Ok(c)
    }

    fn decision(&self, approved: bool, remark: &str) -> Decision {
        Decision { approved, by: self.by.into(), at: self.now, remark: remark.into() }
    }

    fn open(&self) -> State {
        State::Open { since: self.now, hand_over_by: self.calendar.day_end(self.now) }
    }

    fn slip(
        &self,
        mut c: Complaint,
        department: &str,
        text: &str,
        answer_by: Option<Timestamp>,
    ) -> Result<Complaint, Refused> {
        only_in(&c, &[StateName::Open, StateName::Handling])?;
        said("部门", department)?;
        said("事项", text)?;
        self.allowed(&c)?;
        if answer_by.is_some_and(|at| at <= self.now) {
            return Err(Refused::Past);
        }
        let answer_by = answer_by.unwrap_or_else(|| ends(self.policy.times.department, self.now, self.calendar));
        c.state =
            State::WithDepartment { department: department.into(), slip: text.into(), since: self.now, answer_by };
        Ok(c)
    }

    /// The department has served the customer, who is called again; or it could not, and somebody else must.
    fn slip_result(
        &self,
        mut c: Complaint,
        result: &str,
        solved: bool,
        people: Option<&String>,
    ) -> Result<Complaint, Refused> {
        let State::WithDepartment { department, .. } = &c.state else { return Err(in_state(&c)) };
        said("处理结果", result)?;
        if solved {
            return self.handled(c, result, people);
        }
        let department = department.clone();
        c.state = self.handling(self.by, Some(&department));
        Ok(c)
    }

    fn reply(&self, mut c: Complaint, text: Option<&String>, next_at: Option<Timestamp>) -> Result<Complaint, Refused> {
        not_closed(&c)?;
        if text.is_none() && next_at.is_none() {
            return Err(Refused::Nothing);
        }
        if next_at.is_some_and(|at| at <= self.now) {
            return Err(Refused::Past);
        }
        if let Some(text) = text {
            said("答复", text)?;
            c.reply = Some(Reply { at: self.now, by: self.by.into(), text: text.clone() });
        }
        c.reply_due_at = next_at;
        Ok(c)
    }

    fn site_visit(&self, mut c: Complaint, who: &str, due_at: Timestamp) -> Result<Complaint, Refused> {
        only_in(&c, &[StateName::Handling, StateName::WithDepartment])?;
        said("现场回访人员", who)?;
        if due_at <= self.now {
            return Err(Refused::Past);
        }
        c.site_visit = Some(SiteVisit { who: who.into(), due_at, result: None });
        Ok(c)
    }

    fn site_result(&self, mut c: Complaint, result: &str) -> Result<Complaint, Refused> {
        not_closed(&c)?;
        said("现场回访结果", result)?;
        match &mut c.site_visit {
            Some(visit) if visit.result.is_none() => visit.result = Some(result.into()),
            _ => return Err(Refused::NoSiteVisit),
        }
        Ok(c)
    }

    /// The state has been looked at.
    fn handled(&self, mut c: Complaint, solution: &str, people: Option<&String>) -> Result<Complaint, Refused> {
        said("处理办法", solution)?;
        self.allowed(&c)?;
        complete(&c)?;
        if c.site_visit.as_ref().is_some_and(|visit| visit.result.is_none()) {
            return Err(Refused::SiteVisitOpen);
        }
        if c.kind == Kind::Service && c.reasonable == Some(true) && people.is_none_or(|people| people.trim().is_empty())
        {
            return Err(Refused::PeopleMissing);
        }
        c.solution =
            Some(Solution { text: solution.into(), people: people.cloned(), by: self.by.into(), at: self.now });
        c.rounds += 1;
        // F07: from the next day on. A mark that is there already stays.
        c.marked_from = c.marked_from.or_else(|| Some(self.next_day()));
        c.checked = None;
        let call_by = ends(self.policy.times.second_call, self.now, self.calendar);
        let second = SecondCall::NotPlanned { why: "还没有安排".into() };
        c.state = State::Handled { since: self.now, call_by, second };
        Ok(c)
    }

    fn second_call(
        &self,
        mut c: Complaint,
        call: Option<&CallId>,
        verdict: Verdict,
        quotes: &[Quote],
    ) -> Result<Complaint, Refused> {
        let State::Handled { since, call_by, .. } = c.state else { return Err(in_state(&c)) };
        c.quotes.extend(quotes.iter().cloned());
        c.quotes.truncate(QUOTES_MAX);
        let made = State::Handled { since, call_by, second: SecondCall::Made { call: call.cloned(), verdict } };
        match verdict {
            Verdict::Dissatisfied => {
                c.signs.repeated = true;
                regrade(&mut c, self.policy);
                return Ok(self.opened_again(c));
            }
            // A letter that nobody has answered keeps it open for a person.
            Verdict::Satisfied if self.may_close(&c, CloseCause::Satisfied).is_ok() => {
                c.state = State::Closed { at: self.now, cause: CloseCause::Satisfied };
                c.reply_due_at = None;
            }
            Verdict::Satisfied | Verdict::Unclear => c.state = made,
        }
        Ok(c)
    }

    fn close(&self, mut c: Complaint, cause: CloseCause, remark: &str) -> Result<Complaint, Refused> {
        said("结案说明", remark)?;
        self.may_close(&c, cause)?;
        c.state = State::Closed { at: self.now, cause };
        c.reply_due_at = None;
        Ok(c)
    }

    fn may_close(&self, c: &Complaint, cause: CloseCause) -> Result<(), Refused> {
        not_closed(c)?;
        let grave = c.needs_approval(self.policy);
        match cause {
            CloseCause::Satisfied | CloseCause::NotReached => {
                only_in(c, &[StateName::Handled])?;
                self.allowed(c)?;
            }
            CloseCause::Unreasonable if c.reasonable != Some(false) => return Err(Refused::NotUnreasonable),
            CloseCause::Unreasonable | CloseCause::Withdrawn | CloseCause::Duplicate => {
                if grave && c.decision.is_none() {
                    return Err(Refused::Undecided(c.kind.text_zh()));
                }
            }
        }
        if c.source == Source::Written && c.reply.is_none() && cause != CloseCause::Duplicate {
            return Err(Refused::NotAnswered);
        }
        Ok(())
    }

    /// From the start, with a decision of its own where it needs one.
    fn opened_again(&self, c: Complaint) -> Complaint {
        Complaint { state: self.open(), decision: None, site_visit: None, reply_due_at: None, ..c }
    }

    fn checked(&self, mut c: Complaint, remark: &str) -> Result<Complaint, Refused> {
        said("核对情况", remark)?;
        if c.rounds == 0 {
            return Err(Refused::NotYetHandled);
        }
        c.checked = Some(Checked { at: self.now, by: self.by.into(), remark: remark.into() });
        Ok(c)
    }

    /// 禮貌的先道歉: without an apology nobody has taken him over.
    fn take_over(&self, mut c: Complaint, apology: &str) -> Result<Complaint, Refused> {
        not_closed(&c)?;
        said("向客户道歉的话", apology)?;
        c.taken_over = Some(TakenOver { at: self.now, by: self.by.into(), apology: apology.into() });
        Ok(c)
    }

    fn allowed(&self, c: &Complaint) -> Result<(), Refused> {
        let needs = c.needs_approval(self.policy) && !c.is_approved();
        if needs { Err(Refused::NotApproved(c.kind.text_zh())) } else { Ok(()) }
    }

    /// The first instant of the next local day.
    fn next_day(&self) -> Timestamp {
        day_of(self.now, self.calendar.tz()).1
    }
}

fn complete(c: &Complaint) -> Result<(), Refused> {
    let missing = c.missing();
    if missing.is_empty() { Ok(()) } else { Err(Refused::Incomplete(missing.join("、"))) }
}
