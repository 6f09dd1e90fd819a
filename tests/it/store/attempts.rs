//! Invariant 2: a visit is never lost and a customer is never dialled twice for one attempt, whatever is killed and whenever.

use super::{Site, at, ended, full_call, next_call, order, waiting};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::call::{Call, DayLimit, Spent};
use huifang::domain::id::VisitId;
use huifang::domain::phone::Phone;
use huifang::domain::visit::customer::SameCustomer;
use huifang::domain::visit::task::{CloseCause, Visit, VisitState, WaitReason};
use huifang::store::StoreError;
use huifang::store::call::CallFilter;
use huifang::store::job::{JobKind, NewJob};
use huifang::store::page::PageRequest;
use jiff::SignedDuration;
use sqlx::Executor as _;
use std::collections::HashMap;
use std::time::Duration;

fn retry(visit: &Visit, not_before: i64) -> Visit {
    let reason = WaitReason::RetrySpacing { after: Outcome::Busy, attempt: visit.attempts, rule: "busy".into() };
    Visit { state: VisitState::Waiting { not_before: at(not_before), reason }, ..visit.clone() }
}

#[tokio::test]
async fn two_hundred_dialers_claim_one_visit_and_one_wins() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (store, visit) = (site.store.clone(), visit.clone());
        claims.spawn(async move {
            let call = next_call(&visit, &format!("call-{n}"), at(100));
            store.claim_visit(&visit, &call, None).await.unwrap()
        });
    }
    let won: Vec<Visit> = claims.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), won[0]);
    assert_eq!(site.store.unfinished_calls().await.unwrap().len(), 1);
    assert_eq!((won[0].attempts, won[0].first_attempt_at), (1, Some(at(100))));
}

#[tokio::test]
async fn who_was_called_rests_before_his_other_visits_that_were_open_then_and_only_if_it_rang() {
    const REST: Duration = Duration::from_secs(1_800);
    for (outcome, rings) in [
        (Outcome::Answered, true),
        (Outcome::HungUp, true),
        (Outcome::Declined, true),
        (Outcome::NoAnswer, true),
        (Outcome::Busy, false),
        (Outcome::Unreachable, false),
        (Outcome::TrunkFailure, false),
    ] {
        let site = Site::new().await;
        let (called, _) = (site.visit(1).await, site.visit(2).await);
        let call = next_call(&called, "call", at(100));
        let claimed = site.store.claim_visit(&called, &call, None).await.unwrap().unwrap();
        let mut call = ended(call, outcome);
        call.instants.ended_at = Some(at(160));
        site.store.finish_call(&call, &retry(&claimed, 5_000), &[]).await.unwrap();
        // Reported after the call: a matter of its own, whatever its gateway says of the time, or known long since and not done before.
        site.clock.set(at(170));
        site.visit(3).await;
        let order = order("SO-00002");
        site.store
            .insert_visit(&Visit { programme: "dealer".into(), ..waiting(&order.no, "later", at(170)) })
            .await
            .unwrap();
        let resting = async |now: i64| {
            site.clock.set(at(now));
            let mut without = site.store.same_customer(Duration::ZERO).await.unwrap();
            let with = site.store.same_customer(REST).await.unwrap();
            let same = with == without;
            without.rest(VisitId::new("visit-00002"), at(160) + SignedDuration::from_secs(1_800));
            assert!(same || with == without, "{outcome:?} at {now}: {with:?}");
            !same
        };
        assert_eq!(resting(200).await, rings, "{outcome:?}");
        assert_eq!(resting(1_959).await, rings, "{outcome:?}");
        assert!(!resting(1_961).await, "{outcome:?}");
    }
}

#[tokio::test]
async fn what_a_trunk_has_used_of_a_day_is_counted_from_the_rows_of_its_calls() {
    let site = Site::new().await;
    for (n, trunk, claimed_at, talk_ms) in [
        (1, Some("a"), -1, Some(600_000)),
        (2, Some("a"), 0, Some(60_000)),
        (3, Some("a"), 10, Some(60_001)),
        (4, Some("a"), 20, None),
        (5, Some("b"), 30, Some(1)),
        (6, None, 40, None),
    ] {
        let visit = site.visit(n).await;
        let call = Call { trunk: trunk.map(Into::into), ..next_call(&visit, &format!("call-{n}"), at(claimed_at)) };
        let claimed = site.store.claim_visit(&visit, &call, None).await.unwrap().unwrap();
        let mut call = ended(call, Outcome::Answered);
        call.instants.answered_at = talk_ms.map(|_| at(claimed_at));
        call.instants.ended_at = Some(at(claimed_at) + SignedDuration::from_millis(talk_ms.unwrap_or(9)));
        site.store.finish_call(&call, &retry(&claimed, 5_000), &[]).await.unwrap();
    }
    // Of the trunk `b` one call is still up.
    let visit = site.visit(7).await;
    let up = Call { trunk: Some("b".into()), ..next_call(&visit, "call-7", at(50)) };
    site.store.claim_visit(&visit, &up, None).await.unwrap().unwrap();
    let spent = site.reopened().await.store.spent_since(at(0)).await.unwrap();
    let expected = [("a", Spent { calls: 3, minutes: 3 }), ("b", Spent { calls: 2, minutes: 1 })];
    assert_eq!(spent, HashMap::from(expected.map(|(trunk, spent)| (trunk.to_owned(), spent))));
}

#[tokio::test]
async fn two_hundred_visits_are_claimed_in_parallel_each_once() {
    let site = Site::new().await;
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..200 {
        let visit = site.visit(n).await;
        for rival in ["a", "b"] {
            let (store, visit) = (site.store.clone(), visit.clone());
            let call = next_call(&visit, &format!("{}-{rival}", visit.id), at(100));
            claims.spawn(async move { store.claim_visit(&visit, &call, None).await.unwrap().is_some() });
        }
    }
    assert_eq!(claims.join_all().await.into_iter().filter(|won| *won).count(), 200);
}

#[tokio::test]
async fn of_many_claims_at_once_only_as_many_get_through_as_a_day_may_have_and_the_next_day_has_its_own() {
    let site = Site::new().await;
    let limit = |from: i64| Some(DayLimit { from: at(from), until: at(from + 86_400), calls_max: 3 });
    let mut claims = tokio::task::JoinSet::new();
    for n in 0..12 {
        let visit = site.visit(n).await;
        let store = site.store.clone();
        claims.spawn(async move {
            let call = next_call(&visit, &format!("call-{n}"), at(100));
            store.claim_visit(&visit, &call, limit(0)).await.unwrap().is_some()
        });
    }
    assert_eq!(claims.join_all().await.into_iter().filter(|won| *won).count(), 3);
    // Counted from the rows: a restart forgets nothing.
    let site = site.reopened().await;
    assert_eq!(site.store.claimed_in(&limit(0).unwrap()).await.unwrap(), 3);
    let visit = site.visit(100).await;
    let late = next_call(&visit, "late", at(86_399));
    assert_eq!(site.store.claim_visit(&visit, &late, limit(0)).await.unwrap(), None);
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), visit, "it waits on as it was");
    let tomorrow = next_call(&visit, "tomorrow", at(86_400));
    assert!(site.store.claim_visit(&visit, &tomorrow, limit(86_400)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_claim_survives_a_kill_and_cannot_be_made_again() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    let site = site.reopened().await;
    assert_eq!(site.store.visit(&claimed.id).await.unwrap(), claimed);
    assert_eq!(site.store.unfinished_calls().await.unwrap(), std::slice::from_ref(&call));
    let stale = waiting(&claimed.order_no, claimed.id.as_str(), at(1));
    let second = next_call(&stale, "call-again", at(300));
    assert_eq!(site.store.claim_visit(&stale, &second, None).await.unwrap(), None);

    // Recovery: the attempt is counted, the next call is number two.
    let interrupted = VisitState::Waiting { not_before: at(400), reason: WaitReason::Interrupted { attempt: 1 } };
    let freed = Visit { state: interrupted, ..claimed };
    let freed = site.store.finish_call(&ended(call, Outcome::Cancelled), &freed, &[]).await.unwrap();
    let site = site.reopened().await;
    assert!(site.store.unfinished_calls().await.unwrap().is_empty());
    assert_eq!(site.store.open_visits().await.unwrap(), std::slice::from_ref(&freed));
    let second = next_call(&freed, "call-2", at(400));
    let held = site.store.claim_visit(&freed, &second, None).await.unwrap().unwrap();
    assert_eq!((held.attempts, held.first_attempt_at), (2, Some(at(100))));
}

#[tokio::test]
async fn a_claim_that_was_not_committed_leaves_no_trace() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let mut tx = site.store.begin().await.unwrap();
    tx.put_order(&order("SO-half")).await.unwrap();
    let closed = VisitState::Closed { cause: CloseCause::Cancelled, at: at(5) };
    tx.save_visit(&Visit { state: closed, ..visit.clone() }).await.unwrap();
    drop(tx);
    let site = site.reopened().await;
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), visit);
    assert_eq!(site.store.counts().await.unwrap().visits, [("waiting".to_string(), 1)]);
}

#[tokio::test]
async fn a_call_ends_once_with_its_row_the_visit_and_the_work_together() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    let call = full_call(call);
    let jobs = [NewJob { kind: JobKind::Transcribe, call: call.id.clone(), run_at: at(190) }];
    let next = retry(&claimed, 7_200);
    let saved = site.store.finish_call(&call, &next, &jobs).await.unwrap();
    assert_eq!(saved, Visit { version: claimed.version + 1, ..next.clone() });
    let site = site.reopened().await;
    assert_eq!(site.store.call(&call.id).await.unwrap(), call);
    let of_visit = CallFilter { visit: Some(claimed.id.clone()), ..CallFilter::default() };
    let page = site.store.calls(&of_visit, &PageRequest::first()).await.unwrap();
    assert_eq!(page.items, std::slice::from_ref(&call));
    assert_eq!(site.store.visit(&claimed.id).await.unwrap(), saved);
    assert_eq!(site.store.jobs_of_call(&call.id).await.unwrap().len(), 1);
    assert_eq!(site.store.recording(&call.id).await.unwrap(), call.recording.clone().unwrap());

    // A second end changes nothing, and a late progress report neither.
    assert!(matches!(site.store.finish_call(&call, &next, &[]).await, Err(StoreError::Stale { .. })));
    let late = super::Call { outcome: None, ..call.clone() };
    assert!(matches!(site.store.save_call_progress(&late).await, Err(StoreError::Stale { .. })));
    assert_eq!(site.store.call(&call.id).await.unwrap(), call);
}

#[tokio::test]
async fn an_end_that_meets_a_changed_visit_is_wholly_undone() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    let late = Visit { late_cause: Some("坐席全忙".into()), ..claimed.clone() };
    let newer = site.store.save_visit(&late).await.unwrap();
    let call = full_call(call);
    let jobs = [NewJob { kind: JobKind::Transcribe, call: call.id.clone(), run_at: at(190) }];
    let refused = site.store.finish_call(&call, &retry(&claimed, 900), &jobs).await;
    assert!(matches!(refused, Err(StoreError::Stale { table: "visits", .. })), "{refused:?}");
    assert_eq!(site.store.unfinished_calls().await.unwrap().len(), 1);
    assert!(site.store.jobs_of_call(&call.id).await.unwrap().is_empty());
    assert!(matches!(site.store.recording(&call.id).await, Err(StoreError::NotFound { .. })));
    site.store.finish_call(&call, &retry(&newer, 900), &jobs).await.unwrap();
}

#[tokio::test]
async fn instants_of_a_call_are_kept_as_they_happen() {
    let site = Site::new().await;
    let (_, call) = site.calling(1).await;
    let ringing = super::Call { outcome: None, conversation: None, ..full_call(call) };
    site.store.save_call_progress(&ringing).await.unwrap();
    let site = site.reopened().await;
    assert_eq!(site.store.call(&ringing.id).await.unwrap(), ringing);
    let over = ended(ringing, Outcome::Busy);
    assert!(matches!(site.store.save_call_progress(&over).await, Err(StoreError::Invalid { .. })));
}

#[tokio::test]
async fn a_visit_that_is_being_called_is_set_free_only_by_the_end_of_its_call() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    for state in [
        VisitState::Waiting { not_before: at(0), reason: WaitReason::New },
        VisitState::Closed { cause: CloseCause::Cancelled, at: at(0) },
        VisitState::Completed { call: call.id.clone(), at: at(0) },
        VisitState::Calling { call: huifang::domain::id::CallId::new("other"), since: at(0) },
    ] {
        let refused = site.store.save_visit(&Visit { state, ..claimed.clone() }).await;
        assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    }
    let free = site.visit(2).await;
    let by_the_side_door = VisitState::Calling { call: call.id.clone(), since: at(0) };
    let refused = site.store.save_visit(&Visit { state: by_the_side_door, ..free }).await;
    assert!(matches!(refused, Err(StoreError::Stale { .. })), "{refused:?}");
    // Ending a call and keeping the visit held makes no sense either.
    let refused = site.store.finish_call(&ended(call, Outcome::Busy), &claimed, &[]).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_claim_takes_the_next_attempt_of_a_waiting_visit_and_nothing_else() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let good = next_call(&visit, "call-1", at(100));
    for bad in [
        super::Call { attempt: 2, ..good.clone() },
        super::Call { visit: huifang::domain::id::VisitId::new("visit-x"), ..good.clone() },
        super::Call { instants: super::Instants::default(), ..good.clone() },
    ] {
        assert!(matches!(site.store.claim_visit(&visit, &bad, None).await, Err(StoreError::Invalid { .. })));
    }
    let closed = VisitState::Closed { cause: CloseCause::Refused, at: at(50) };
    let closed = site.store.save_visit(&Visit { state: closed, ..visit.clone() }).await.unwrap();
    assert_eq!(site.store.claim_visit(&closed, &good, None).await.unwrap(), None);
    assert_eq!(site.store.claim_visit(&visit, &good, None).await.unwrap(), None);
    assert!(matches!(site.store.call(&good.id).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn open_visits_that_share_a_telephone_are_of_one_customer_until_all_but_one_are_over() {
    let site = Site::new().await;
    site.visit(1).await;
    assert_eq!(
        site.store.same_customer(Duration::ZERO).await.unwrap(),
        SameCustomer::default(),
        "one visit shares with nobody"
    );
    let (claimed, call) = site.calling(2).await;
    let mut other = super::order("SO-other");
    other.customer.phone = Phone::parse("13800138001").unwrap();
    site.store.put_order(&other).await.unwrap();
    site.store.insert_visit(&waiting(&other.no, "visit-other", at(5))).await.unwrap();
    let mut expected = SameCustomer::default();
    for (visit, calling) in [("visit-00001", false), ("visit-00002", true)] {
        expected.add(VisitId::new(visit), VisitId::new("visit-00001"), calling);
    }
    assert_eq!(site.store.same_customer(Duration::ZERO).await.unwrap(), expected);
    let done = Visit { state: VisitState::Completed { call: call.id.clone(), at: at(200) }, ..claimed };
    site.store.finish_call(&super::ended(call, Outcome::Answered), &done, &[]).await.unwrap();
    assert_eq!(site.store.same_customer(Duration::ZERO).await.unwrap(), SameCustomer::default());
}

#[tokio::test]
async fn a_save_from_an_old_reading_is_refused() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let saved = site.store.save_visit(&Visit { escalated_at: Some(at(9)), ..visit.clone() }).await.unwrap();
    assert_eq!(saved.version, 2);
    assert!(matches!(site.store.save_visit(&visit).await, Err(StoreError::Stale { .. })));
    assert_eq!(site.store.visit(&visit.id).await.unwrap(), saved);
}

#[tokio::test]
async fn the_schema_itself_refuses_what_would_dial_twice() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    let second = waiting(&claimed.order_no, "visit-second", at(5));
    let refused = site.store.insert_visit(&second).await;
    assert!(matches!(refused, Err(StoreError::Constraint { .. })), "one open visit per order: {refused:?}");
    let orphan = waiting(&super::OrderNo::new("SO-unknown"), "visit-orphan", at(5));
    assert!(matches!(site.store.insert_visit(&orphan).await, Err(StoreError::Constraint { .. })));

    site.visit(2).await;
    let behind = site.behind().await;
    behind.execute("PRAGMA foreign_keys = ON").await.unwrap();
    let columns = "(id, visit_id, order_no, attempt, phone, programme, claimed_at, legs, journal)";
    let row = |id: &str, visit: &str, attempt: u32| {
        format!(
            "INSERT INTO calls {columns} VALUES ('{id}', '{visit}', 'SO-00001', {attempt}, '+8610', 'p', 1, '[]', '[]')"
        )
    };
    for (why, sql) in [
        ("one call per attempt", row("x1", "visit-00001", 1)),
        ("one call in progress per visit", row("x2", "visit-00001", 2)),
        ("attempts count from one", row("x3", "visit-00002", 0)),
        ("a call has a visit", row("x4", "visit-none", 1)),
        ("a known outcome", format!("UPDATE calls SET outcome = 'fine', ended_at = 1 WHERE id = '{}'", call.id)),
        ("an outcome has an end", format!("UPDATE calls SET outcome = 'busy' WHERE id = '{}'", call.id)),
        (
            "held by a call of its own",
            format!(
                "UPDATE visits SET state = 'calling', reason = NULL, call_id = '{}' WHERE id = 'visit-00002'",
                call.id
            ),
        ),
        ("waiting has a reason", "UPDATE visits SET reason = NULL WHERE id = 'visit-00002'".into()),
        ("a known state", "UPDATE visits SET state = 'lost' WHERE id = 'visit-00002'".into()),
        ("due before the deadline", "UPDATE visits SET due_at = deadline_at + 1".into()),
        ("a number is a number", "UPDATE visits SET due_at = 'soon'".into()),
    ] {
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&behind).await.is_err(), "{why}");
    }
}

#[tokio::test]
async fn a08_a_number_is_in_doubt_for_the_visits_of_its_customer_until_somebody_answered_there_or_it_was_dialled_again()
{
    const WRONG: Option<ConversationEnd> = Some(ConversationEnd::WrongNumber);
    const VISITED: Option<ConversationEnd> = Some(ConversationEnd::Completed);
    /// Another customer of the same number, and one of whom no name is known.
    async fn reported(site: &Site, n: u32, name: Option<&str>) -> Visit {
        let no = format!("SO-{n:05}");
        let mut order = order(&no);
        order.customer.name = name.map(Into::into);
        site.store.put_order(&order).await.unwrap();
        site.store.insert_visit(&waiting(&order.no, &format!("visit-{n:05}"), at(i64::from(n)))).await.unwrap()
    }
    async fn called(site: &Site, visit: &Visit, at_s: i64, outcome: Outcome, end: Option<ConversationEnd>) {
        let call = next_call(visit, &format!("{}-{at_s}", visit.id), at(at_s));
        let held = site.store.claim_visit(visit, &call, None).await.unwrap().unwrap();
        let mut call = Call { conversation: end, ..ended(call, outcome) };
        call.instants.ended_at = Some(at(at_s + 1));
        site.store.finish_call(&call, &retry(&held, 5_000), &[]).await.unwrap();
    }
    /// Which of the visits 1 to 4 is in doubt, and by which order's call.
    async fn doubts(site: &Site) -> Vec<(u32, String)> {
        let same = site.store.same_customer(Duration::ZERO).await.unwrap();
        let of =
            |n: u32| same.doubt_of(&VisitId::new(format!("visit-{n:05}"))).map(|doubt| (n, doubt.order_no.to_string()));
        (1..=4).filter_map(of).collect()
    }
    let by = |no: &str, visits: &[u32]| -> Vec<(u32, String)> { visits.iter().map(|n| (*n, no.to_owned())).collect() };
    for (outcome, end, want) in [
        (Outcome::Answered, WRONG, by("SO-00001", &[2, 4])),
        (Outcome::InvalidNumber, None, by("SO-00001", &[2, 3, 4])),
        (Outcome::Answered, Some(ConversationEnd::Refused), vec![]),
        (Outcome::Unreachable, None, vec![]),
    ] {
        let site = Site::new().await;
        let first = site.visit(1).await;
        reported(&site, 2, Some("王建国")).await;
        reported(&site, 3, Some("李四")).await;
        reported(&site, 4, None).await;
        called(&site, &site.store.visit(&first.id).await.unwrap(), 100, outcome, end.clone()).await;
        assert_eq!(doubts(&site).await, want, "{outcome:?} {end:?}: its own visit follows its programme");
        let site = site.reopened().await;
        assert_eq!(doubts(&site).await, want);
        if want.is_empty() {
            continue;
        }
        // A person had it dialled: that visit goes on; the others still wait.
        let second = site.store.visit(&VisitId::new("visit-00002")).await.unwrap();
        called(&site, &second, 110, Outcome::Busy, None).await;
        assert!(doubts(&site).await.iter().all(|(n, _)| *n > 2) && !doubts(&site).await.is_empty());
        let second = site.store.visit(&second.id).await.unwrap();
        called(&site, &second, 120, Outcome::Answered, VISITED).await;
        assert_eq!(doubts(&site).await, [], "the right one answered there");
        called(&site, &site.store.visit(&second.id).await.unwrap(), 130, outcome, end).await;
        assert!(doubts(&site).await.iter().all(|(_, no)| no == "SO-00002") && !doubts(&site).await.is_empty());
    }
}
