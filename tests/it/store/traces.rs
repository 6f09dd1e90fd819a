//! SIP traces, and the database of the version before them.

use super::{Site, at, full_call};
use huifang::clock::ManualClock;
use huifang::domain::call::outcome::{ConversationEnd, Fault, Outcome, Party};
use huifang::domain::call::trace::{SipTrace, TraceLeg, TraceMessage, Way};
use huifang::domain::id::CallId;
use huifang::store::call::CallFilter;
use huifang::store::page::PageRequest;
use huifang::store::trace::StoredTrace;
use huifang::store::{Store, StoreError};
use sqlx::migrate::Migrator;
use sqlx::{AnyPool, Executor as _};
use std::path::Path;
use std::sync::Arc;

fn trace(text: &str) -> SipTrace {
    let message = |way| TraceMessage {
        at: at(101),
        leg: TraceLeg::Customer,
        way,
        transport: "UDP".into(),
        local: "10.0.0.5:5060".into(),
        peer: "10.0.0.1:5060".into(),
        text: text.into(),
    };
    SipTrace { messages: vec![message(Way::Sent), message(Way::Received)], dropped: 2 }
}

#[tokio::test]
async fn a_trace_is_kept_brought_up_to_date_and_pruned_for_good() {
    let site = Site::new().await;
    let call = site.completed(1).await.id;
    assert!(matches!(site.store.sip_trace(&call).await, Err(StoreError::NotFound { .. })));
    site.store.save_sip_trace(&call, &trace("INVITE 张三\r\n\u{fffd}")).await.unwrap();
    site.store.save_sip_trace(&call, &trace("BYE")).await.unwrap();
    let site = site.reopened().await;
    assert_eq!(site.store.sip_trace(&call).await.unwrap(), StoredTrace::Kept(trace("BYE")));

    assert_eq!(site.store.prune_sip_traces(at(0)).await.unwrap(), 0, "it was saved at this instant, not before");
    site.clock.set(at(500));
    assert_eq!(site.store.prune_sip_traces(at(1)).await.unwrap(), 1);
    assert_eq!(site.store.prune_sip_traces(at(1)).await.unwrap(), 0);
    site.store.save_sip_trace(&call, &trace("late")).await.unwrap();
    assert_eq!(site.store.sip_trace(&call).await.unwrap(), StoredTrace::Pruned(at(500)));
    let left: String =
        sqlx::query_scalar("SELECT messages FROM sip_traces").fetch_one(&site.behind().await).await.unwrap();
    assert_eq!(left, "[]", "nothing of it is in the file");
    let unknown = site.store.save_sip_trace(&CallId::new("nobody"), &trace("x")).await;
    assert!(matches!(unknown, Err(StoreError::Constraint { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_database_of_the_first_version_is_brought_up_to_date_with_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    let first = folder.path().join("first");
    std::fs::create_dir(&first).unwrap();
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/sqlite");
    std::fs::copy(migrations.join("0001_first.sql"), first.join("0001_first.sql")).unwrap();
    let file = folder.path().join("huifang.db");
    sqlx::any::install_default_drivers();
    let old = AnyPool::connect(&format!("sqlite://{}?mode=rwc", file.display())).await.unwrap();
    Migrator::new(first).await.unwrap().run(&old).await.unwrap();
    old.execute(
        "BEGIN;
         INSERT INTO orders VALUES ('SO-1', '保养', '+8613800138000', '{}', '{}', 1, 0, 0);
         INSERT INTO visits VALUES ('v', 'SO-1', 'excavator', 0, 0, 0, 0, 1, 0, NULL, NULL, '{}', NULL, 'completed', 0, 'c', NULL, 1);
         INSERT INTO calls VALUES ('c', 'v', 'SO-1', 1, '+8613800138000', 'line', 'excavator', 0, 1, 2, NULL, 3, 9, 'answered', NULL,
             200, NULL, 'us', '{\"kind\":\"callback\",\"said\":\"下午\"}', '[{\"name\":\"customer\",\"codec\":\"PCMA\",\"packets_received\":7,\"packets_sent\":8,
             \"packets_lost\":0,\"packets_late\":0,\"packets_refused\":0,\"jitter_ms\":0.5}]', '[]');
         COMMIT",
    )
    .await
    .unwrap();
    old.close().await;

    let store = Store::open(&format!("sqlite://{}", file.display()), Arc::new(ManualClock::at(at(0)))).await.unwrap();
    let call = store.call(&CallId::new("c")).await.unwrap();
    assert_eq!((call.outcome, call.legs[0].packets_received), (Some(Outcome::Answered), 7));
    assert!(call.instants.answered_at.is_some() && call.instants.acked_at.is_none() && call.sip_reason.is_none());
    assert!(matches!(store.sip_trace(&call.id).await, Err(StoreError::NotFound { .. })), "no trace is made up");
    assert_eq!(call.conversation, Some(ConversationEnd::Callback { said: Some("下午".into()), at: None }));
    assert!(call.seat.is_none() && call.note.is_none() && call.form.is_empty());
    assert!(store.visit(&call.visit).await.unwrap().declined.is_empty() && store.seats().await.unwrap().is_empty());
}

#[tokio::test]
async fn calls_are_found_by_trunk_fault_and_who_hung_up() {
    let site = Site::new().await;
    let (visit, call) = site.calling(1).await;
    let call = full_call(call);
    site.store.save_call_progress(&super::Call { outcome: None, ..call.clone() }).await.unwrap();
    let other = site.calling(2).await.1;
    let check = async |filter: CallFilter, expected: &[&CallId]| {
        let page = site.store.calls(&filter, &PageRequest::first()).await.unwrap();
        let found: Vec<CallId> = page.items.into_iter().map(|call| call.id).collect();
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter:?}");
    };
    let none = CallFilter::default;
    check(none(), &[&other.id, &call.id]).await;
    check(CallFilter { trunk: Some("line-1".into()), ..none() }, &[&call.id]).await;
    check(CallFilter { trunk: Some("line-2".into()), ..none() }, &[]).await;
    check(CallFilter { fault: Some(Fault::Customer), ..none() }, &[&call.id]).await;
    check(CallFilter { fault: Some(Fault::Us), ..none() }, &[]).await;
    check(CallFilter { hung_up_by: Some(Party::Customer), ..none() }, &[&call.id]).await;
    check(CallFilter { hung_up_by: Some(Party::Customer), visit: Some(visit.id), ..none() }, &[&call.id]).await;
    check(CallFilter { hung_up_by: Some(Party::Network), ..none() }, &[]).await;
}
