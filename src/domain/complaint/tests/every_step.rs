//! The machine walked whole: from every opening, every step in every state that can be reached, to a fixed depth of rounds.

use super::*;
use std::collections::{HashSet, VecDeque};

/// Every step with plausible data.
fn every_step() -> Vec<Step> {
    let text = || "写明".to_owned();
    let mut steps = vec![
        filled(),
        Step::Form(Box::new(Filled { reasonable: Some(false), ..Filled::default() })),
        Step::Form(Box::new(Filled { reasonable: Some(true), ..Filled::default() })),
        Step::Form(Box::new(Filled { injury: Some(true), ..Filled::default() })),
        hand_over(),
        approve(),
        Step::Reject { remark: text() },
        Step::Slip { department: "质量部".into(), text: text(), answer_by: None },
        Step::SlipResult { result: text(), solved: true, people: Some(text()) },
        Step::SlipResult { result: text(), solved: false, people: None },
        Step::Reply { text: Some(text()), next_at: None },
        Step::SiteVisit { who: text(), due_at: at("2026-12-31T10:00:00+08:00") },
        Step::SiteResult { result: text() },
        Step::Handled { solution: text(), people: Some(text()) },
        Step::Reopen { remark: text() },
        Step::Checked { remark: text() },
        Step::TakeOver { apology: text() },
    ];
    steps.extend(Verdict::ALL.map(second));
    steps.extend(CloseCause::ALL.map(close));
    steps
}

/// What tells two complaints apart for what may be done to them; rounds beyond the first are all alike.
fn key(c: &Complaint) -> String {
    let decided = c.decision.as_ref().map(|d| d.approved);
    let site = c.site_visit.as_ref().map(|v| v.result.is_some());
    format!(
        "{:?} {:?} {:?} {decided:?} {site:?} {} {:?} {} {} {} {}",
        c.state,
        c.kind,
        c.reasonable,
        c.missing().len(),
        c.source,
        c.reply.is_some(),
        c.rounds.min(1),
        c.checked.is_some(),
        c.taken_over.is_some()
    )
}

/// Every complaint that steps can lead to, each looked at with the step that led there.
fn walk(source: Source, text: &str, mut look: impl FnMut(&Complaint, &Step, &Result<Complaint, Refused>)) -> usize {
    let first = Case::of(New::bare(source, text), &[]);
    let (mut seen, mut queue) = (HashSet::from([key(&first.c)]), VecDeque::from([first.c.clone()]));
    let steps = every_step();
    while let Some(c) = queue.pop_front() {
        let here = Case { c, policy: first.policy.clone(), calendar: first.calendar.clone(), now: first.now };
        for step in &steps {
            let next = here.try_step(step);
            look(&here.c, step, &next);
            if let Ok(next) = next
                && seen.insert(key(&next))
            {
                queue.push_back(next);
            }
        }
    }
    seen.len()
}

const OPENINGS: [(Source, &str); 4] = [
    (Source::Hotline, "来得太慢"),
    (Source::Hotline, "要求退机"),
    (Source::Call, "机器动不了"),
    (Source::Written, "要求赔偿"),
];

#[test]
fn every_state_but_the_last_has_a_time_for_its_next_step_and_a_step_that_leads_on() {
    for (source, text) in OPENINGS {
        let mut leads_on: std::collections::HashMap<String, bool> = Default::default();
        let seen = walk(source, text, |c, _, next| {
            let over = matches!(c.state, State::Closed { .. });
            assert_eq!(c.due_at().is_none(), over, "{c:?}");
            assert_eq!(c.next_alarm(None).is_none(), over, "{c:?}");
            let moves = next.as_ref().is_ok_and(|next| next.state.name() != c.state.name());
            *leads_on.entry(key(c)).or_default() |= moves;
        });
        let stuck: Vec<_> = leads_on.iter().filter(|(_, moves)| !**moves).collect();
        assert!(stuck.is_empty(), "{text}: {stuck:?}");
        assert!(seen > 20, "{text}: only {seen} were reached");
    }
}

#[test]
fn every_state_and_every_step_is_reached() {
    let (mut states, mut taken) = (HashSet::new(), HashSet::new());
    for (source, text) in OPENINGS {
        walk(source, text, |c, step, next| {
            states.insert(c.state.name());
            if next.is_ok() {
                taken.insert(step.name());
            }
        });
    }
    assert_eq!(states.len(), StateName::ALL.len());
    let all: HashSet<_> = every_step().iter().map(Step::name).collect();
    assert_eq!(taken, all);
}

#[test]
fn f12_no_path_handles_a_grave_case_without_a_leaders_approval_or_ends_it_without_his_word() {
    for (source, text) in OPENINGS {
        walk(source, text, |c, step, next| {
            let Ok(next) = next else { return };
            if !next.kind.is_grave() {
                return;
            }
            // A case may become grave where it stands; what counts is the step that moves it.
            if next.state.name() == c.state.name() {
                return;
            }
            match next.state.name() {
                StateName::Handled | StateName::WithDepartment => assert!(next.is_approved(), "{step:?}: {c:?}"),
                StateName::Handling if c.state.name() != StateName::WithDepartment => {
                    assert!(next.is_approved(), "{step:?}: {c:?}");
                }
                StateName::Closed => assert!(next.decision.is_some(), "{step:?}: {c:?}"),
                StateName::Open | StateName::AwaitingApproval | StateName::Handling => {}
            }
        });
    }
}

#[test]
fn a15_a_handled_complaint_ends_only_by_what_the_customer_said_or_a_persons_reason() {
    for (source, text) in OPENINGS {
        walk(source, text, |c, step, next| {
            if let Ok(Complaint { state: State::Closed { cause, .. }, .. }) = next
                && matches!(cause, CloseCause::Satisfied | CloseCause::NotReached)
                && !matches!(c.state, State::Closed { .. })
            {
                assert!(matches!(c.state, State::Handled { .. }), "{step:?}: {c:?}");
                let said = matches!(step, Step::SecondCall { verdict: Verdict::Satisfied, .. });
                assert!(said || matches!(step, Step::Close { .. }), "{step:?}");
            }
        });
    }
}

#[test]
fn a_step_never_takes_back_what_was_written() {
    for (source, text) in OPENINGS {
        walk(source, text, |c, step, next| {
            let Ok(next) = next else { return };
            assert_eq!((&next.text, next.opened_at, &next.opened_by), (&c.text, c.opened_at, &c.opened_by), "{step:?}");
            assert!(next.quotes.starts_with(&c.quotes), "{step:?}");
            assert!(next.rounds >= c.rounds && next.marked_from.is_some() >= c.marked_from.is_some(), "{step:?}");
            assert_eq!(next.version, c.version, "{step:?}");
        });
    }
}
