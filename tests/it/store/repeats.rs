//! What is sent twice: SMS, orders, requests with a key; and the inbox.

use super::{Site, at, order};
use huifang::domain::id::{InboxId, MessageId, OrderNo, VisitId};
use huifang::domain::order::Order;
use huifang::store::StoreError;
use huifang::store::idempotency::{KeyedRequest, Reply, Reservation};
use huifang::store::page::PageRequest;
use huifang::store::sms::{InboxFilter, SmsAnswer, StoredSms};
use jiff::{SignedDuration, Timestamp};

fn sms(id: &str) -> StoredSms {
    StoredSms {
        message_id: MessageId::new(id),
        from: "+8613900000001".into(),
        to: "1069".into(),
        text: "【完工】看不懂的短信".into(),
        received_at: at(0),
    }
}

async fn record(site: &Site, sms: &StoredSms, answer: &SmsAnswer) -> Result<(), StoreError> {
    let mut tx = site.store.begin().await?;
    tx.record_sms(sms, answer).await?;
    tx.commit().await
}

#[tokio::test]
async fn the_answer_to_a_message_is_kept_and_a_message_id_is_recorded_once() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    let answer = SmsAnswer::Accepted {
        visit_id: visit.id.clone(),
        order_no: visit.order_no.clone(),
        due_at: visit.due_at,
        deadline_at: visit.deadline_at,
    };
    assert_eq!(site.store.sms_answer(&MessageId::new("m1")).await.unwrap(), None);
    record(&site, &sms("m1"), &answer).await.unwrap();
    let site = site.reopened().await;
    assert_eq!(site.store.sms_answer(&MessageId::new("m1")).await.unwrap(), Some(answer.clone()));
    let again = record(&site, &sms("m1"), &answer).await;
    assert!(matches!(again, Err(StoreError::Constraint { .. })), "{again:?}");
}

#[tokio::test]
async fn an_unreadable_sms_waits_in_the_inbox_until_it_is_resolved_once() {
    let site = Site::new().await;
    for n in 0..3 {
        let id = format!("in-{n}");
        let answer = SmsAnswer::Inbox { inbox_id: InboxId::new(&id), reason: "没有订单号".into() };
        site.clock.set(at(n));
        record(&site, &sms(&format!("m{n}")), &answer).await.unwrap();
    }
    let open = InboxFilter { open: true, before: None };
    let page = site.store.inbox(&open, &PageRequest::new(Some(2), None).unwrap()).await.unwrap();
    assert_eq!(page.items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ["in-2", "in-1"]);
    assert_eq!((page.items[1].sms.clone(), page.items[1].reason.as_str()), (sms("m1"), "没有订单号"));

    site.store.dismiss_inbox(&InboxId::new("in-1"), "admin").await.unwrap();
    let again = site.store.dismiss_inbox(&InboxId::new("in-1"), "admin").await;
    assert!(matches!(again, Err(StoreError::Stale { .. })), "{again:?}");
    let item = site.store.inbox_item(&InboxId::new("in-1")).await.unwrap();
    assert_eq!(item.resolved.map(|r| (r.by, r.order_no)), Some(("admin".into(), None)));
    assert_eq!(site.store.counts().await.unwrap().inbox_open, 2);
    assert!(matches!(site.store.inbox_item(&InboxId::new("?")).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn an_order_grows_a_version_only_when_it_changes() {
    let site = Site::new().await;
    let first = order("SO-1");
    assert_eq!(site.store.put_order(&first).await.unwrap(), 1);
    assert_eq!(site.store.put_order(&first).await.unwrap(), 1);
    site.clock.set(at(60));
    let mut changed: Order = first.clone();
    changed.claims.location = Some("长沙工地".into());
    assert_eq!(site.store.put_order(&changed).await.unwrap(), 2);
    let kept = site.store.order(&OrderNo::new("SO-1")).await.unwrap();
    assert_eq!((kept.order, kept.created_at, kept.updated_at), (changed, at(0), at(60)));
}

#[tokio::test]
async fn the_visit_of_an_order_is_its_open_one_or_else_its_latest() {
    let site = Site::new().await;
    site.completed(1).await;
    let no = OrderNo::new("SO-00001");
    assert_eq!(site.store.visit_by_order(&no).await.unwrap().unwrap().id, VisitId::new("visit-00001"));
    let second = super::waiting(&no, "visit-second", at(-500));
    site.store.insert_visit(&second).await.unwrap();
    assert_eq!(site.store.visit_by_order(&no).await.unwrap(), Some(second));
    assert_eq!(site.store.visit_by_order(&OrderNo::new("SO-?")).await.unwrap(), None);
}

fn keyed(body: &str) -> KeyedRequest {
    KeyedRequest { route: "gateway POST /api/v1/sms".into(), key: "k-1".into(), request_hash: body.into() }
}

#[tokio::test]
async fn a_repeated_request_gets_the_first_reply_and_another_body_is_refused() {
    let site = Site::new().await;
    let reply = Reply { status: 202, body: "{}".into() };
    assert_eq!(site.store.reserve_key(&keyed("a")).await.unwrap(), Reservation::Fresh);
    assert_eq!(site.store.reserve_key(&keyed("a")).await.unwrap(), Reservation::InFlight);
    site.store.complete_key(&keyed("a"), &reply).await.unwrap();
    let site = site.reopened().await;
    assert_eq!(site.store.reserve_key(&keyed("a")).await.unwrap(), Reservation::Replay(reply));
    assert_eq!(site.store.reserve_key(&keyed("b")).await.unwrap(), Reservation::Mismatch);
    let other = KeyedRequest { route: "somebody else POST /api/v1/sms".into(), ..keyed("b") };
    assert_eq!(site.store.reserve_key(&other).await.unwrap(), Reservation::Fresh);
}

#[tokio::test]
async fn a_key_is_free_again_when_its_work_failed_was_killed_or_is_a_day_old() {
    let site = Site::new().await;
    let later = |s: Timestamp, d: SignedDuration| s + d;
    assert_eq!(site.store.reserve_key(&keyed("a")).await.unwrap(), Reservation::Fresh);
    site.store.release_key(&keyed("a")).await.unwrap();
    assert_eq!(site.store.reserve_key(&keyed("b")).await.unwrap(), Reservation::Fresh, "released");
    site.clock.set(at(60));
    assert_eq!(site.store.reserve_key(&keyed("c")).await.unwrap(), Reservation::Fresh, "left behind");
    site.store.complete_key(&keyed("c"), &Reply { status: 200, body: String::new() }).await.unwrap();
    site.clock.set(later(at(60), SignedDuration::from_hours(24)));
    assert_eq!(site.store.reserve_key(&keyed("d")).await.unwrap(), Reservation::Fresh, "forgotten");
    site.clock.set(later(at(60), SignedDuration::from_hours(48)));
    assert_eq!(site.store.forget_old_keys().await.unwrap(), 1);
}

#[tokio::test]
async fn of_a_hundred_equal_requests_at_once_one_is_fresh() {
    let site = Site::new().await;
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = site.store.clone();
        requests.spawn(async move { store.reserve_key(&keyed("a")).await.unwrap() });
    }
    let fresh = requests.join_all().await.into_iter().filter(|r| *r == Reservation::Fresh).count();
    assert_eq!(fresh, 1);
}
