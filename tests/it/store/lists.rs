//! Paging and filters.

use super::{Site, at, order};
use huifang::domain::call::outcome::Outcome;
use huifang::domain::order::ServiceType;
use huifang::domain::visit::task::{CloseCause, Visit, VisitState};
use huifang::store::StoreError;
use huifang::store::call::CallFilter;
use huifang::store::order::OrderFilter;
use huifang::store::page::PageRequest;
use huifang::store::recording::RecordingFilter;
use huifang::store::visit::{VisitFilter, VisitStateName};
use std::collections::BTreeSet;

fn limit(n: u32, cursor: Option<String>) -> PageRequest {
    PageRequest::new(Some(n), cursor).unwrap()
}

#[tokio::test]
async fn paging_walks_every_row_exactly_once_even_when_instants_are_equal_and_rows_are_added() {
    let site = Site::new().await;
    // Ten instants for 103 visits, so every page border falls between equal instants.
    for n in 0..103 {
        let order = order(&format!("SO-{n}"));
        site.store.put_order(&order).await.unwrap();
        site.store.insert_visit(&super::waiting(&order.no, &format!("v{n:03}"), at(n % 10))).await.unwrap();
    }
    for size in [1, 7, 50, 200] {
        let (mut seen, mut pages, mut cursor) = (Vec::new(), 0, None);
        loop {
            let page = site.store.visits(&VisitFilter::default(), &limit(size, cursor)).await.unwrap();
            assert!(page.items.len() <= size as usize);
            seen.extend(page.items.into_iter().map(|v| (v.sms_at, v.id)));
            pages += 1;
            assert!(pages <= 105, "the walk ends");
            if size == 7 && pages == 3 {
                site.visit(90_000).await;
            }
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        let distinct: BTreeSet<_> = seen.iter().cloned().collect();
        assert_eq!(distinct.len(), seen.len(), "no row twice with pages of {size}");
        assert_eq!(seen.iter().filter(|(_, id)| id.as_str().starts_with('v') && id.as_str().len() == 4).count(), 103);
        assert!(seen.is_sorted_by(|a, b| a > b), "newest first");
    }
}

#[tokio::test]
async fn a_full_last_page_has_no_next() {
    let site = Site::new().await;
    for n in 0..4 {
        site.visit(n).await;
    }
    let first = site.store.visits(&VisitFilter::default(), &limit(2, None)).await.unwrap();
    let second = site.store.visits(&VisitFilter::default(), &limit(2, first.next)).await.unwrap();
    assert_eq!((second.items.len(), second.next), (2, None));
}

#[tokio::test]
async fn a_cursor_of_another_list_is_refused() {
    let site = Site::new().await;
    site.visit(1).await;
    site.visit(2).await;
    let cursor = site.store.visits(&VisitFilter::default(), &limit(1, None)).await.unwrap().next;
    let refused = site.store.calls(&CallFilter::default(), &limit(1, cursor)).await;
    assert!(matches!(refused, Err(StoreError::Invalid { what: "cursor", .. })), "{refused:?}");
}

#[tokio::test]
async fn visits_are_filtered_by_every_field() {
    let site = Site::new().await;
    let first = site.visit(1).await;
    let second = site.visit(2).await;
    site.calling(3).await;
    let letter = VisitState::Closed { cause: CloseCause::Letter, at: at(9) };
    site.store.save_visit(&Visit { state: letter, ..second }).await.unwrap();
    let escalated = Visit { escalated_at: Some(at(9)), ..first.clone() };
    site.store.save_visit(&escalated).await.unwrap();
    let check = async |filter: VisitFilter, want: &[&str]| {
        let page = site.store.visits(&filter, &PageRequest::first()).await.unwrap();
        let ids: Vec<_> = page.items.iter().map(|v| v.id.as_str().trim_start_matches("visit-0000")).collect();
        assert_eq!(ids, want, "{filter:?}");
    };
    let all = VisitFilter::default;
    check(all(), &["3", "2", "1"]).await;
    check(VisitFilter { state: Some(VisitStateName::Calling), ..all() }, &["3"]).await;
    check(VisitFilter { state: Some(VisitStateName::Closed), ..all() }, &["2"]).await;
    check(VisitFilter { cause: Some(CloseCause::Letter), ..all() }, &["2"]).await;
    check(VisitFilter { cause: Some(CloseCause::Sms), ..all() }, &[]).await;
    check(VisitFilter { order_no: Some(first.order_no.clone()), ..all() }, &["1"]).await;
    check(VisitFilter { programme: Some("汽车' OR 1=1 --".into()), ..all() }, &[]).await;
    check(VisitFilter { escalated: true, ..all() }, &["1"]).await;
    check(VisitFilter { due_from: Some(at(1802)), due_before: Some(at(1803)), ..all() }, &["2"]).await;
}

#[tokio::test]
async fn calls_orders_and_recordings_are_filtered_too() {
    let site = Site::new().await;
    let done = site.completed(1).await;
    let (_, open) = site.calling(2).await;
    let first = PageRequest::first();
    let calls = async |filter: CallFilter| {
        let page = site.store.calls(&filter, &PageRequest::first()).await.unwrap();
        page.items.into_iter().map(|c| c.id).collect::<Vec<_>>()
    };
    let all = CallFilter::default;
    assert_eq!(calls(all()).await, [open.id.clone(), done.id.clone()]);
    assert_eq!(calls(CallFilter { outcome: Some(Outcome::Answered), ..all() }).await, std::slice::from_ref(&done.id));
    assert_eq!(calls(CallFilter { in_progress: true, ..all() }).await, std::slice::from_ref(&open.id));
    assert_eq!(calls(CallFilter { visit: Some(open.visit.clone()), ..all() }).await, std::slice::from_ref(&open.id));
    assert!(calls(CallFilter { from: Some(at(101)), ..all() }).await.is_empty());
    assert!(calls(CallFilter { before: Some(at(100)), ..all() }).await.is_empty());

    let orders = OrderFilter { service_type: Some(ServiceType::Delivery), ..OrderFilter::default() };
    assert!(site.store.orders(&orders, &first).await.unwrap().items.is_empty());
    let orders = OrderFilter { phone: Some(open.to.clone()), ..OrderFilter::default() };
    assert_eq!(site.store.orders(&orders, &first).await.unwrap().items.len(), 2);

    site.store.put_recording(&super::recording(&done.id)).await.unwrap();
    let young = RecordingFilter { before: Some(at(0)), ..RecordingFilter::default() };
    assert!(site.store.recordings(&young, &first).await.unwrap().items.is_empty());
    let whole = RecordingFilter { state: Some(super::RecordingState::Complete), before: Some(at(1)) };
    assert_eq!(site.store.recordings(&whole, &first).await.unwrap().items[0].info, super::recording(&done.id));
}
