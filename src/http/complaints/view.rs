//! Complaints as they are shown.

use super::super::schema::{
    AlarmName, CloseCauseOfComplaint, ComplaintKindName, ComplaintSourceName, ComplaintStateName, GradeName, MoodName,
    SeverityName, SideName, VerdictName,
};
use super::super::view::View;
use crate::domain::audit::Severity;
use crate::domain::complaint::{
    AlarmKind, CloseCause, Complaint, Grade, Kind, Mood, Quote, SecondCall, Side, Source, State, StateName, TrailEntry,
    Verdict,
};
use crate::store::complaint::RaisedAlarm;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One complaint.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComplaintDto {
    pub id: String,
    #[schema(value_type = ComplaintSourceName)]
    pub source: Source,
    pub call_id: Option<String>,
    pub visit_id: Option<String>,
    pub order_no: Option<String>,
    /// Masked for roles that may not see it.
    pub phone: Option<String>,
    pub machine_no: Option<String>,
    pub dealer: Option<String>,
    pub engineer: Option<String>,
    pub opened_at: String,
    pub opened_by: String,
    pub text: String,
    /// The customer's own words, with their place on the recording of their call.
    pub quotes: Vec<QuoteDto>,
    #[schema(value_type = ComplaintKindName)]
    pub kind: Kind,
    #[schema(value_type = GradeName)]
    pub grade: Grade,
    /// The row of the table that decided, or a person's reason.
    pub grade_why: String,
    /// Who graded it by hand.
    pub graded_by: Option<String>,
    /// The customer cannot work: goes first.
    pub stops_work: bool,
    pub angry: bool,
    /// Words that need a person at once.
    pub severe: bool,
    pub repeated: bool,
    pub money_yuan: Option<f64>,
    #[schema(value_type = Option<SideName>)]
    pub side: Option<Side>,
    /// Whether the claim is reasonable; null until somebody judged it.
    pub reasonable: Option<bool>,
    pub form: FormDto,
    /// What the sheet of a complaint of grade A to C still lacks.
    pub missing: Vec<&'static str>,
    pub state: ComplaintStateDto,
    /// What the leader said, of this round.
    pub decision: Option<DecisionDto>,
    pub reply_due_at: Option<String>,
    pub reply: Option<SaidDto>,
    pub site_visit: Option<SiteVisitDto>,
    pub solution: Option<SolutionDto>,
    /// How often it was handled.
    pub rounds: u32,
    /// The visit that asks, or asked last, about the handling.
    pub second_visit_id: Option<String>,
    /// The same fault was there before.
    pub recurrence: Option<RecurrenceDto>,
    /// From then on the customer carries the mark.
    pub marked_from: Option<String>,
    /// Who went over it with the customer at his next visit.
    pub checked: Option<SaidDto>,
    /// The supervisor who took the angry customer over, and how he apologised.
    pub taken_over: Option<SaidDto>,
    /// The earliest instant by which something must have been done; null when closed.
    pub due_at: Option<String>,
    pub overdue: bool,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct QuoteDto {
    pub text: String,
    pub from_s: Option<f64>,
    pub to_s: Option<f64>,
    pub call_id: Option<String>,
    pub severe: bool,
}

/// 5W2H and the customer's mood.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FormDto {
    pub who: Option<String>,
    pub what: Option<String>,
    pub when: Option<String>,
    pub r#where: Option<String>,
    pub why: Option<String>,
    pub how: Option<String>,
    pub how_much: Option<String>,
    #[schema(value_type = Option<MoodName>)]
    pub mood: Option<Mood>,
    pub demand: Option<String>,
}

/// Where it stands; every state but the last says by when it must go on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum ComplaintStateDto {
    Open {
        since: String,
        hand_over_by: String,
    },
    AwaitingApproval {
        leader: String,
        since: String,
        decide_by: String,
    },
    Handling {
        by: String,
        department: Option<String>,
        since: String,
        finish_by: String,
    },
    WithDepartment {
        department: String,
        slip: String,
        since: String,
        answer_by: String,
    },
    Handled {
        since: String,
        call_by: String,
        second_call: SecondCallDto,
    },
    Closed {
        at: String,
        #[schema(value_type = CloseCauseOfComplaint)]
        cause: CloseCause,
    },
}

#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum SecondCallDto {
    Planned {
        visit_id: String,
    },
    /// Nobody will call by himself.
    NotPlanned {
        why: String,
    },
    Made {
        call_id: Option<String>,
        #[schema(value_type = VerdictName)]
        verdict: Verdict,
    },
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DecisionDto {
    pub approved: bool,
    pub by: String,
    pub at: String,
    pub remark: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SaidDto {
    pub by: String,
    pub at: String,
    pub text: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SiteVisitDto {
    pub who: String,
    pub due_at: String,
    /// Null until it was made.
    pub result: Option<String>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct SolutionDto {
    pub text: String,
    /// What followed for our people.
    pub people: Option<String>,
    pub by: String,
    pub at: String,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RecurrenceDto {
    /// Orders and complaints with the same fault, the latest first.
    pub after: Vec<String>,
    pub last_at: String,
    /// Within the time of `times.recurrence`.
    pub soon: bool,
    /// The criterion for a replacement is met.
    pub replacement: bool,
}

/// A complaint with everything that was done to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComplaintDetail {
    #[serde(flatten)]
    pub complaint: ComplaintDto,
    /// Step by step, the opening first.
    pub trail: Vec<TrailDto>,
    /// What was told, and when.
    pub alarms: Vec<AlarmDto>,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct TrailDto {
    pub n: i64,
    pub at: String,
    pub by: String,
    pub step: String,
    #[schema(value_type = Option<ComplaintStateName>)]
    pub from: Option<StateName>,
    #[schema(value_type = ComplaintStateName)]
    pub to: StateName,
    /// What was given with the step.
    pub detail: serde_json::Value,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct AlarmDto {
    #[schema(value_type = AlarmName)]
    pub kind: AlarmKind,
    #[schema(value_type = SeverityName)]
    pub severity: Severity,
    pub text: &'static str,
    /// Since when it holds, or held.
    pub since: String,
    pub raised_at: String,
}

/// What whoever serves this customer next must know.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NoticeDto {
    pub complaint_id: String,
    /// One sentence for people.
    #[schema(example = "★ 重点关注：B级投诉（要求退机），已结案，请与客户核对处理结果")]
    pub text: String,
    /// The customer carries the mark.
    pub marked: bool,
    /// Somebody is still to go over it with the customer.
    pub to_be_checked: bool,
}

impl NoticeDto {
    pub fn of(complaint: &Complaint, now: Timestamp) -> Option<Self> {
        Some(Self {
            complaint_id: complaint.id.to_string(),
            text: complaint.notice(now)?,
            marked: complaint.is_marked(now),
            to_be_checked: complaint.is_to_be_checked(),
        })
    }
}

impl ComplaintDto {
    pub fn of(c: &Complaint, view: &View<'_>, now: Timestamp) -> Self {
        let text = |text: &Option<String>| text.as_deref().map(|text| view.text(text));
        let due_at = c.due_at();
        Self {
            id: c.id.to_string(),
            source: c.source,
            call_id: c.call.as_ref().map(ToString::to_string),
            visit_id: c.visit.as_ref().map(ToString::to_string),
            order_no: c.order_no.as_ref().map(ToString::to_string),
            phone: c.subject.phone.as_ref().map(|phone| view.phone(phone)),
            machine_no: c.subject.machine_no.clone(),
            dealer: c.subject.dealer.clone(),
            engineer: c.subject.engineer.clone(),
            opened_at: view.at(c.opened_at),
            opened_by: c.opened_by.clone(),
            text: view.text(&c.text),
            quotes: c.quotes.iter().map(|quote| QuoteDto::of(quote, view)).collect(),
            kind: c.kind,
            grade: c.grade,
            grade_why: c.grade_why.clone(),
            graded_by: c.graded_by.clone(),
            stops_work: c.signs.stops_work,
            angry: c.signs.angry,
            severe: c.signs.severe,
            repeated: c.signs.repeated,
            money_yuan: c.signs.money_yuan,
            side: c.side,
            reasonable: c.reasonable,
            form: FormDto {
                who: text(&c.form.who),
                what: text(&c.form.what),
                when: text(&c.form.when),
                r#where: text(&c.form.place),
                why: text(&c.form.why),
                how: text(&c.form.how),
                how_much: text(&c.form.how_much),
                mood: c.form.mood,
                demand: text(&c.form.demand),
            },
            missing: c.missing(),
            state: ComplaintStateDto::of(&c.state, view),
            decision: c.decision.as_ref().map(|d| DecisionDto {
                approved: d.approved,
                by: d.by.clone(),
                at: view.at(d.at),
                remark: view.text(&d.remark),
            }),
            reply_due_at: view.at_opt(c.reply_due_at),
            reply: c.reply.as_ref().map(|r| SaidDto { by: r.by.clone(), at: view.at(r.at), text: view.text(&r.text) }),
            site_visit: c.site_visit.as_ref().map(|visit| SiteVisitDto {
                who: visit.who.clone(),
                due_at: view.at(visit.due_at),
                result: text(&visit.result),
            }),
            solution: c.solution.as_ref().map(|s| SolutionDto {
                text: view.text(&s.text),
                people: text(&s.people),
                by: s.by.clone(),
                at: view.at(s.at),
            }),
            rounds: c.rounds,
            second_visit_id: c.second_visit.as_ref().map(ToString::to_string),
            recurrence: c.recurrence.as_ref().map(|r| RecurrenceDto {
                after: r.after.clone(),
                last_at: view.at(r.last_at),
                soon: r.soon,
                replacement: r.replacement,
            }),
            marked_from: view.at_opt(c.marked_from),
            checked: c.checked.as_ref().map(|checked| SaidDto {
                by: checked.by.clone(),
                at: view.at(checked.at),
                text: view.text(&checked.remark),
            }),
            taken_over: c.taken_over.as_ref().map(|taken| SaidDto {
                by: taken.by.clone(),
                at: view.at(taken.at),
                text: view.text(&taken.apology),
            }),
            due_at: view.at_opt(due_at),
            overdue: due_at.is_some_and(|due| due < now),
        }
    }
}

impl QuoteDto {
    fn of(quote: &Quote, view: &View<'_>) -> Self {
        Self {
            text: view.text(&quote.text),
            from_s: quote.from_s,
            to_s: quote.to_s,
            call_id: quote.call.as_ref().map(ToString::to_string),
            severe: quote.severe,
        }
    }
}

impl ComplaintStateDto {
    fn of(state: &State, view: &View<'_>) -> Self {
        match state {
            State::Open { since, hand_over_by } => {
                Self::Open { since: view.at(*since), hand_over_by: view.at(*hand_over_by) }
            }
            State::AwaitingApproval { leader, since, decide_by } => Self::AwaitingApproval {
                leader: leader.clone(),
                since: view.at(*since),
                decide_by: view.at(*decide_by),
            },
            State::Handling { by, department, since, finish_by } => Self::Handling {
                by: by.clone(),
                department: department.clone(),
                since: view.at(*since),
                finish_by: view.at(*finish_by),
            },
            State::WithDepartment { department, slip, since, answer_by } => Self::WithDepartment {
                department: department.clone(),
                slip: view.text(slip),
                since: view.at(*since),
                answer_by: view.at(*answer_by),
            },
            State::Handled { since, call_by, second } => Self::Handled {
                since: view.at(*since),
                call_by: view.at(*call_by),
                second_call: match second {
                    SecondCall::Planned { visit } => SecondCallDto::Planned { visit_id: visit.to_string() },
                    SecondCall::NotPlanned { why } => SecondCallDto::NotPlanned { why: why.clone() },
                    SecondCall::Made { call, verdict } => {
                        SecondCallDto::Made { call_id: call.as_ref().map(ToString::to_string), verdict: *verdict }
                    }
                },
            },
            State::Closed { at, cause } => Self::Closed { at: view.at(*at), cause: *cause },
        }
    }
}

impl TrailDto {
    pub fn of(entry: TrailEntry, view: &View<'_>) -> Self {
        let TrailEntry { n, at, by, step, from, to, detail } = entry;
        Self { n, at: view.at(at), by, step, from, to, detail: shown(detail, view) }
    }
}

/// Every text of a step may hold a number that this reader must not see.
fn shown(detail: serde_json::Value, view: &View<'_>) -> serde_json::Value {
    use serde_json::Value;
    match detail {
        Value::String(text) => Value::String(view.text(&text)),
        Value::Array(list) => list.into_iter().map(|value| shown(value, view)).collect(),
        Value::Object(fields) => fields.into_iter().map(|(key, value)| (key, shown(value, view))).collect(),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_)) => plain,
    }
}

impl AlarmDto {
    pub fn of(raised: &RaisedAlarm, view: &View<'_>) -> Self {
        let kind = raised.alarm.kind;
        Self {
            kind,
            severity: kind.severity(),
            text: kind.text_zh(),
            since: view.at(raised.alarm.since),
            raised_at: view.at(raised.raised_at),
        }
    }
}
