//! Reviews as kept: the agent's minimum is counted where it is decided, a step that loses is refused, nothing of a dispute changes.

use super::{Site, at};
use huifang::domain::audit::{Finding, Severity};
use huifang::domain::id::{CallId, SeatId};
use huifang::domain::review::calibration::Calibration;
use huifang::domain::review::dispute::{Act, Stage, Step};
use huifang::domain::review::form::{Form, HumanMark, Mark};
use huifang::domain::review::{QueueRules, ReviewState, Signs, Why};
use huifang::store::StoreError;
use huifang::store::page::PageRequest;
use huifang::store::review::{DisputeFilter, Judged};
use std::collections::BTreeMap;

const RULES: QueueRules = QueueRules { share_percent: 0, agent_minimum: 2 };

fn judged<'a>(call: &'a CallId, seat: &'a SeatId, month: &'a str, alarms: u32) -> Judged<'a> {
    Judged { call, seat: Some(seat), month, signs: Signs { alarms, disagreement: false }, mean: Some(4.0) }
}

fn mark(mark: Mark) -> HumanMark {
    HumanMark { mark, reason: "听了".into(), by: "wang".into(), at: at(500) }
}

fn step(act: Act, by: &str) -> Step {
    Step { act, by: by.into(), at: at(600), text: "因为".into() }
}

#[tokio::test]
async fn an_agents_minimum_is_counted_by_month_and_a_call_is_not_counted_twice() {
    let site = Site::new().await;
    let (li, chen) = (SeatId::new("li"), SeatId::new("chen"));
    let mut calls = vec![];
    for n in 1..=6 {
        calls.push(site.completed(n).await.id);
    }
    for (n, (seat, month, alarms, expected)) in [
        (&li, "2026-11", 0, Some(Why::AgentMinimum)),
        (&li, "2026-11", 1, Some(Why::Alarm)),
        (&li, "2026-11", 0, None),
        (&chen, "2026-11", 0, Some(Why::AgentMinimum)),
        (&li, "2026-12", 0, Some(Why::AgentMinimum)),
    ]
    .into_iter()
    .enumerate()
    {
        let review = site.store.enter_review(&judged(&calls[n], seat, month, alarms), &RULES).await.unwrap();
        assert_eq!(review.why, expected, "call {n}");
        assert_eq!((review.mean, review.version), (Some(4.0), 1));
    }
    // Judged again: it does not count itself, what it was due for stays, and a new alarm is told.
    let again = site.store.enter_review(&judged(&calls[0], &li, "2026-11", 0), &RULES).await.unwrap();
    assert_eq!((again.why, again.version), (Some(Why::AgentMinimum), 2));
    let alarmed = site.store.enter_review(&judged(&calls[2], &li, "2026-11", 2), &RULES).await.unwrap();
    assert_eq!((alarmed.why, alarmed.signs.alarms), (Some(Why::Alarm), 2));
    assert!(matches!(site.store.review(&calls[5]).await, Err(StoreError::NotFound { table: "reviews", .. })));
    let unknown = site.store.enter_review(&judged(&CallId::new("nobody"), &li, "2026-11", 0), &RULES).await;
    assert!(matches!(unknown, Err(StoreError::Constraint { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_step_that_was_decided_on_an_older_review_is_refused_and_judging_again_takes_it_from_nobody() {
    let site = Site::new().await;
    let (call, li) = (site.completed(1).await.id, SeatId::new("li"));
    let waiting = site.store.enter_review(&judged(&call, &li, "2026-11", 1), &RULES).await.unwrap();
    let claimed =
        site.store.save_review(&waiting.claim(at(300), "wang").unwrap(), "wang", "review.claimed").await.unwrap();
    assert_eq!(claimed, site.store.review(&call).await.unwrap());
    let late = site.store.save_review(&waiting.claim(at(301), "zhao").unwrap(), "zhao", "review.claimed").await;
    assert!(matches!(late, Err(StoreError::Stale { table: "reviews", .. })), "{late:?}");
    let again = site.store.enter_review(&judged(&call, &li, "2026-11", 3), &RULES).await.unwrap();
    assert_eq!((again.state, again.signs.alarms), (ReviewState::Claimed { by: "wang".into(), at: at(300) }, 3));
}

#[tokio::test]
async fn every_version_of_a_sheet_stays_and_a_new_filling_keeps_what_people_said() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    assert!(matches!(site.store.sheet(&call).await, Err(StoreError::NotFound { .. })));
    let form = Form::builtin().unwrap();
    let first = site.store.save_sheet(&call, form.fill(&[])).await.unwrap();
    site.store.correct_sheet(&call, "honest", mark(Mark::Met)).await.unwrap();
    let finding = Finding {
        rule: "C16".into(),
        severity: Severity::Red,
        seen: "我方先挂机".into(),
        expected: String::new(),
        from_s: Some(60.0),
        to_s: None,
    };
    let third = site.store.save_sheet(&call, form.fill(&[finding])).await.unwrap();
    let in_force = |key: &str| third.sheet.entry(key).unwrap().in_force();
    assert_eq!((in_force("honest"), in_force("hang_up")), (Some(Mark::Met), Some(Mark::NotMet)));
    let versions = site.store.sheets(&call).await.unwrap();
    assert_eq!(versions.iter().map(|v| v.version).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(versions[0], first);
    assert_eq!((versions[1].made_by.as_str(), &versions[1].changed), ("wang", &Some(("honest".into(), "听了".into()))));
    let unknown = site.store.correct_sheet(&call, "nothing", mark(Mark::Met)).await;
    assert!(matches!(unknown, Err(StoreError::Invalid { what: "item", .. })), "{unknown:?}");
}

#[tokio::test]
async fn one_item_has_one_pending_dispute_its_steps_stay_and_an_upheld_one_changes_the_item() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    site.store.save_sheet(&call, Form::builtin().unwrap().fill(&[])).await.unwrap();
    let opened = site.store.open_dispute(&call, "calm", step(Act::Object, "li")).await.unwrap();
    let second = site.store.open_dispute(&call, "calm", step(Act::Object, "li")).await;
    assert!(matches!(second, Err(StoreError::Constraint { .. })), "{second:?}");
    site.store.open_dispute(&call, "pace", step(Act::Object, "li")).await.unwrap();
    let answered = site.store.step_dispute(opened.clone(), step(Act::Answer, "wang")).await.unwrap();
    let late = site.store.step_dispute(opened.clone(), step(Act::Withdraw, "li")).await;
    assert!(matches!(late, Err(StoreError::Stale { table: "disputes", .. })), "{late:?}");
    let upheld = site.store.step_dispute(answered, step(Act::Uphold { mark: Mark::Met }, "zhao")).await.unwrap();
    assert_eq!(upheld, site.store.dispute(&opened.id).await.unwrap());
    assert_eq!(upheld.steps.iter().map(|s| s.by.as_str()).collect::<Vec<_>>(), ["li", "wang", "zhao"]);
    assert_eq!(site.store.sheet(&call).await.unwrap().sheet.entry("calm").unwrap().in_force(), Some(Mark::Met));
    site.store.open_dispute(&call, "calm", step(Act::Object, "li")).await.unwrap();
    let pending = DisputeFilter { call: Some(call), stage: Some(Stage::Open) };
    assert_eq!(site.store.disputes(&pending, &PageRequest::first()).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn a_calibration_comes_back_with_its_sheets_and_takes_one_from_each() {
    let site = Site::new().await;
    let session = Calibration {
        id: "k1".into(),
        call: site.completed(1).await.id,
        form: Form::builtin().unwrap(),
        opened_by: "zhao".into(),
        opened_at: at(700),
        reviewers: vec!["wang".into(), "qian".into()],
        sheets: BTreeMap::new(),
        closed_at: None,
    };
    site.store.open_calibration(&session).await.unwrap();
    let marks = BTreeMap::from([("calm".to_owned(), Mark::NotApplicable)]);
    site.store.hand_in_calibration("k1", "wang", &marks).await.unwrap();
    let twice = site.store.hand_in_calibration("k1", "wang", &marks).await;
    assert!(matches!(twice, Err(StoreError::Constraint { .. })), "{twice:?}");
    let sheets = BTreeMap::from([("wang".to_owned(), marks)]);
    assert_eq!(site.store.calibration("k1").await.unwrap(), Calibration { sheets, ..session.clone() });
    site.clock.set(at(800));
    site.store.close_calibration(&session, "zhao").await.unwrap();
    site.clock.set(at(900));
    site.store.close_calibration(&session, "zhao").await.unwrap();
    assert_eq!(site.store.calibration("k1").await.unwrap().closed_at, Some(at(800)));
}
