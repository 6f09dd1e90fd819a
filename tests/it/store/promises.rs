//! Promises and wishes not to be called as rows: once per call, never deleted, asked again by the claim.

use super::{Site, at, next_call, order, waiting};
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::id::{CallId, OptOutId, OrderNo, PromiseId, VisitId};
use huifang::domain::opt_out::{OptOut, Scope, ScopeName, Source as Known};
use huifang::domain::order::Order;
use huifang::domain::phone::Phone;
use huifang::domain::programme::Trigger;
use huifang::domain::promise::detect::Doer;
use huifang::domain::promise::{Evidence, Kind, Promise, Source, State, StateName, mark_overdue, tell};
use huifang::domain::visit::task::{CloseCause, Origin, Visit, VisitState};
use huifang::store::StoreError;
use huifang::store::opt_out::OptOutFilter;
use huifang::store::page::PageRequest;
use huifang::store::promise::PromiseFilter;

fn promise(id: &str, call: Option<&CallId>, source: Source) -> Promise {
    let evidence = Evidence { quote: "明天给您回电话".into(), from_s: 9.5, to_s: 12.0 };
    Promise {
        id: PromiseId::new(id),
        kind: Kind::CallBack,
        order_no: OrderNo::new("SO-00001"),
        call: call.cloned(),
        visit: None,
        what: "明天给您回电话".into(),
        promised_by: "anna".into(),
        owner: "anna".into(),
        promised_at: at(100),
        due_at: at(3_700),
        source,
        evidence: matches!(source, Source::Heard { .. }).then_some(evidence),
        overdue_at: None,
        state: State::Open,
        version: 1,
    }
}

async fn insert(site: &Site, promise: &Promise) -> Result<Promise, StoreError> {
    let mut tx = site.store.begin().await?;
    let inserted = tx.insert_promise(promise).await?;
    tx.commit().await?;
    Ok(inserted)
}

async fn save(site: &Site, promise: &Promise) -> Result<Promise, StoreError> {
    let mut tx = site.store.begin().await?;
    let saved = tx.save_promise(promise).await?;
    tx.commit().await?;
    Ok(saved)
}

#[tokio::test]
async fn a19_a_call_has_one_promise_of_each_doer_and_every_state_comes_back() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    let us = promise("p-1", Some(&call), Source::Heard { doer: Doer::Us });
    assert_eq!(insert(&site, &us).await.unwrap(), us);
    for again in [Source::Heard { doer: Doer::Us }, Source::Agent] {
        let second = promise("p-2", Some(&call), again);
        assert!(matches!(insert(&site, &second).await, Err(StoreError::Constraint { .. })), "{again:?}");
    }
    let engineer = promise("p-3", Some(&call), Source::Heard { doer: Doer::Engineer });
    insert(&site, &engineer).await.unwrap();
    insert(&site, &promise("p-4", Some(&call), Source::Hand)).await.unwrap();
    insert(&site, &promise("p-5", None, Source::Hand)).await.unwrap();
    assert_eq!(site.store.promise(&us.id).await.unwrap(), us);

    let overdue = mark_overdue(at(4_000), &us).unwrap();
    let overdue = save(&site, &overdue).await.unwrap();
    assert!(matches!(save(&site, &us).await, Err(StoreError::Stale { .. })), "an old version");
    let kept = save(&site, &tell(at(5_000), &overdue, "配件到了", at(4_500), "anna").unwrap()).await.unwrap();
    assert_eq!(site.store.promise(&us.id).await.unwrap(), kept);
    let withdrawn = Promise {
        state: State::Withdrawn { at: at(5_000), why: "客户说不用了".into(), by: "boss".into() },
        ..engineer.clone()
    };
    save(&site, &withdrawn).await.unwrap();
    assert_eq!(site.store.promise(&engineer.id).await.unwrap().state, withdrawn.state);

    let list = async |filter: PromiseFilter| {
        let page = site.store.promises(&filter, &PageRequest::first()).await.unwrap();
        page.items.into_iter().map(|p| p.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(list(PromiseFilter { state: Some(StateName::Open), ..Default::default() }).await, ["p-5", "p-4"]);
    assert_eq!(list(PromiseFilter { overdue: true, ..Default::default() }).await, ["p-1"]);
    assert_eq!(list(PromiseFilter { call: Some(call), ..Default::default() }).await, ["p-4", "p-3", "p-1"]);
    assert_eq!(site.store.promises_overdue(at(3_700), 9).await.unwrap(), [], "due is not yet overdue");
    assert_eq!(site.store.promises_overdue(at(3_701), 9).await.unwrap().len(), 2);
    assert_eq!(site.store.next_promise_due().await.unwrap(), Some(at(3_700)));
}

#[tokio::test]
async fn a20_the_schema_keeps_a_promise_from_being_closed_without_a_word_to_the_customer() {
    let site = Site::new().await;
    site.visit(1).await;
    let open = insert(&site, &promise("p-1", None, Source::Hand)).await.unwrap();
    let confirmed = State::Confirmed { at: at(200), engineer: "李强".into(), note: String::new() };
    let untold = State::Kept { told_at: at(200), told: String::new(), by: "anna".into() };
    for state in [confirmed, untold] {
        let refused = save(&site, &Promise { state: state.clone(), ..open.clone() }).await;
        assert!(matches!(refused, Err(StoreError::Constraint { .. })), "{state:?}");
    }
    let a18 = Promise { kind: Kind::Confirmation, ..promise("p-2", None, Source::Rule) };
    insert(&site, &a18).await.unwrap();
    let second = Promise { id: PromiseId::new("p-3"), ..a18 };
    assert!(matches!(insert(&site, &second).await, Err(StoreError::Constraint { .. })), "A18: one of an order");
}

#[tokio::test]
async fn every_promise_of_an_order_may_have_an_open_visit_and_other_stages_have_one() {
    let site = Site::new().await;
    let first = site.visit(1).await;
    let of = |id: &str, trigger: Trigger| Visit {
        id: VisitId::new(id),
        programme: "promise".into(),
        origin: Origin { trigger, ..Origin::default() },
        ..waiting(&first.order_no, id, at(5))
    };
    for id in ["back-1", "back-2"] {
        site.store.insert_visit(&of(id, Trigger::Promise)).await.unwrap();
    }
    site.store.insert_visit(&of("other-1", Trigger::PowerOn)).await.unwrap();
    let twice = site.store.insert_visit(&of("other-2", Trigger::PowerOn)).await;
    assert!(matches!(twice, Err(StoreError::Constraint { .. })), "{twice:?}");
}

fn wish(id: &str, phone: &str, scope: Scope) -> OptOut {
    OptOut {
        id: OptOutId::new(id),
        phone: Phone::parse(phone).unwrap(),
        scope,
        asked_at: at(50),
        by: "boss".into(),
        why: "客户来电".into(),
        source: Known::Hand,
        withdrawn: None,
    }
}

fn cause(visit: &Visit) -> Option<CloseCause> {
    match visit.state {
        VisitState::Closed { cause, .. } => Some(cause),
        VisitState::Waiting { .. } | VisitState::Calling { .. } | VisitState::Completed { .. } => None,
    }
}

#[tokio::test]
async fn c09_a_visit_whose_order_got_a_forbidden_number_is_closed_by_the_claim_and_never_called() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    site.store.record_opt_out(&wish("o-1", "13911112222", Scope::Never)).await.unwrap();
    assert_eq!(cause(&site.store.visit(&visit.id).await.unwrap()), None, "another number");
    let corrected = order("SO-00001");
    let customer =
        huifang::domain::order::Customer { phone: Phone::parse("13911112222").unwrap(), ..corrected.customer };
    site.store.put_order(&Order { customer, ..order("SO-00001") }).await.unwrap();
    // The plan was made before; its visit is as it was read.
    let claimed = site.store.claim_visit(&visit, &next_call(&visit, "call-1", at(100)), None).await.unwrap();
    assert_eq!(claimed, None, "no INVITE may leave");
    let closed = site.store.visit(&visit.id).await.unwrap();
    assert_eq!((cause(&closed), closed.attempts), (Some(CloseCause::OptedOut), 0));
    assert_eq!(site.store.opt_out_against(&closed).await.unwrap().unwrap().id, OptOutId::new("o-1"));
    let log = site.store.events_of_visit(&visit.id).await.unwrap();
    assert_eq!(log.iter().map(|event| event.kind.as_str()).collect::<Vec<_>>(), ["visit.opted_out"]);
    let again = site.store.claim_visit(&closed, &next_call(&closed, "call-2", at(200)), None).await.unwrap();
    assert_eq!(again, None);
}

#[tokio::test]
async fn c09_a_call_leaves_one_wish_with_the_customers_words_which_is_never_deleted() {
    let site = Site::new().await;
    let (held, call) = site.calling(1).await;
    let other = site.visit(2).await;
    let end = ConversationEnd::OptedOut { scope: ScopeName::Never };
    let mut call = super::ended(call, Outcome::Answered);
    call.conversation = Some(end.clone());
    call.journal = vec![huifang::domain::call::journal::JournalEntry {
        at_s: 8.0,
        event: huifang::domain::call::journal::JournalEvent::Answer {
            step: "consent".into(),
            text: "以后别再打了".into(),
            from_s: 6.5,
            to_s: 8.0,
            meaning: "refusal_opt_out".into(),
        },
    }];
    let refused = Visit { state: VisitState::Closed { cause: CloseCause::Refused, at: at(200) }, ..held };
    let after = site.store.finish_call(&call, &refused, &[]).await.unwrap();
    site.store.save_result(&call.id, Some(&end), &after).await.unwrap();
    let all = site.store.opt_outs(&OptOutFilter::default(), &PageRequest::first()).await.unwrap().items;
    let [kept] = &all[..] else { panic!("one wish: {all:?}") };
    let quote = "以后别再打了".to_owned();
    assert_eq!(kept.source, Known::Said { call: call.id.clone(), quote, at_s: Some(6.5) });
    assert_eq!(cause(&site.store.visit(&other.id).await.unwrap()), Some(CloseCause::OptedOut), "the same number");

    let withdrawn = site.store.withdraw_opt_out(&kept.id, "boss", "客户同意").await.unwrap();
    assert_eq!(withdrawn.withdrawn.as_ref().unwrap().by, "boss");
    let site = site.reopened().await;
    assert_eq!(site.store.opt_out(&kept.id).await.unwrap(), withdrawn);
    assert!(matches!(site.store.withdraw_opt_out(&kept.id, "boss", "x").await, Err(StoreError::Stale { .. })));
    let unknown = site.store.withdraw_opt_out(&OptOutId::new("none"), "boss", "x").await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })));
    assert_eq!(site.store.opt_out_against(&other).await.unwrap(), None);
}
