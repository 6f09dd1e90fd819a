//! The opening of a complaint: what came in becomes a complaint with kind, grade and the time to hand it over.
//!
//! Contract: signs are read from the text in addition to what was ticked; nothing of the form is made up. Not here: whether there is
//! one already (the store keeps one per call and per order).

use super::fault::{self, Earlier};
use super::policy::ends;
use super::{Complaint, Form, Kind, Mood, Policy, Quote, Rules, Side, Signs, Source, State, Subject};
use crate::domain::id::{CallId, ComplaintId, OrderNo, VisitId};
use jiff::Timestamp;

/// What came in.
#[derive(Clone, Debug, PartialEq)]
pub struct New {
    pub source: Source,
    pub call: Option<CallId>,
    pub visit: Option<VisitId>,
    pub order_no: Option<OrderNo>,
    pub subject: Subject,
    pub text: String,
    pub quotes: Vec<Quote>,
    pub signs: Signs,
    pub side: Option<Side>,
    pub reasonable: Option<bool>,
    pub form: Form,
    /// When the customer was promised an answer (F11).
    pub reply_due_at: Option<Timestamp>,
}

impl New {
    /// A complaint of which nothing is known but these words.
    pub fn bare(source: Source, text: impl Into<String>) -> Self {
        Self {
            source,
            call: None,
            visit: None,
            order_no: None,
            subject: Subject::default(),
            text: text.into(),
            quotes: vec![],
            signs: Signs::default(),
            side: None,
            reasonable: None,
            form: Form::default(),
            reply_due_at: None,
        }
    }
}

/// Opens it. `earlier` is what is known of the same customer and machine.
pub fn open(now: Timestamp, id: ComplaintId, by: &str, new: New, earlier: &[Earlier], rules: &Rules<'_>) -> Complaint {
    let Rules { policy, .. } = rules;
    let calendar = rules.calendar.of(new.subject.branch.as_deref());
    let New { source, call, visit, order_no, subject, text, quotes, signs, side, reasonable, form, reply_due_at } = new;
    let mut signs = signs.and(&policy.words.read(&text));
    signs.angry |= form.mood == Some(Mood::Angry);
    signs.repeated |= fault::is_repeated(now, earlier, policy, calendar);
    let what = form.what.as_deref().unwrap_or(&text);
    let recurrence = fault::recurrence(now, &subject, what, earlier, policy, calendar);
    if recurrence.is_some() {
        signs.kinds.insert(Kind::Fault);
    }
    let written = || (source == Source::Written).then(|| ends(policy.times.written_reply, now, calendar));
    let mut complaint = Complaint {
        id,
        source,
        call,
        visit,
        order_no,
        subject,
        opened_at: now,
        opened_by: by.into(),
        text,
        quotes,
        kind: signs.kind(),
        signs,
        // The table decides at once.
        grade: super::Grade::E,
        grade_why: String::new(),
        graded_by: None,
        side,
        reasonable,
        form,
        decision: None,
        reply_due_at: reply_due_at.or_else(written),
        reply: None,
        site_visit: None,
        solution: None,
        rounds: 0,
        second_visit: None,
        recurrence,
        marked_from: None,
        checked: None,
        taken_over: None,
        state: State::Open { since: now, hand_over_by: calendar.day_end(now) },
        version: 0,
    };
    regrade(&mut complaint, policy);
    complaint
}

/// Kind and grade by the table, unless a person graded it.
pub(super) fn regrade(complaint: &mut Complaint, policy: &Policy) {
    if complaint.graded_by.is_none() {
        let (grade, why) = policy.grade(&complaint.signs);
        complaint.kind = complaint.signs.kind();
        (complaint.grade, complaint.grade_why) = (grade, why.to_owned());
    }
}
