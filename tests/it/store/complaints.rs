//! Complaints: one per call and per order, every step kept, each alarm told once, lists in two orders.

use super::{Site, at};
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::complaint::steps::Filled;
use huifang::domain::complaint::{
    Complaint, Form, Mood, New, Policy, Quote, Rules, Source, StateName, Step, Subject, TrailEntry, Verdict, alarms,
    apply, open,
};
use huifang::domain::id::{ComplaintId, OrderNo};
use huifang::domain::phone::Phone;
use huifang::store::StoreError;
use huifang::store::complaint::ComplaintFilter;
use huifang::store::page::PageRequest;
use jiff::Timestamp;

fn calendar() -> Calendar {
    let work_hours = vec!["08:00-18:00".to_owned()];
    Calendar::new(&SiteHours { timezone: "Asia/Shanghai".into(), work_hours, holidays: "none".into() }).unwrap()
}

fn complaint(id: &str, new: New, opened: Timestamp) -> Complaint {
    let (policy, calendar) = (Policy::builtin(), calendar());
    open(opened, ComplaintId::new(id), "小李", new, &[], &Rules { policy, calendar: &calendar })
}

fn step(n: i64, before: &Complaint, step: &Step) -> (Complaint, TrailEntry) {
    let (policy, calendar) = (Policy::builtin(), calendar());
    let next = apply(at(n), "小王", before, step, &Rules { policy, calendar: &calendar }).unwrap();
    let entry = TrailEntry {
        n,
        at: at(n),
        by: "小王".into(),
        step: step.name().into(),
        from: Some(before.state.name()),
        to: next.state.name(),
        detail: serde_json::to_value(step).unwrap(),
    };
    (next, entry)
}

async fn insert(site: &Site, complaint: &Complaint) -> Result<Complaint, StoreError> {
    let mut tx = site.store.begin().await?;
    let inserted = tx.insert_complaint(complaint).await?;
    tx.commit().await?;
    Ok(inserted)
}

async fn save(site: &Site, complaint: &Complaint, entry: &TrailEntry) -> Result<Complaint, StoreError> {
    let mut tx = site.store.begin().await?;
    let saved = tx.save_complaint(complaint, entry).await?;
    tx.commit().await?;
    Ok(saved)
}

#[tokio::test]
async fn a_complaint_comes_back_as_it_was_saved_with_every_step_and_an_old_version_is_refused() {
    let site = Site::new().await;
    let call = site.completed(1).await;
    let new = New {
        call: Some(call.id.clone()),
        visit: Some(call.visit.clone()),
        order_no: Some(call.order_no.clone()),
        subject: Subject {
            phone: Some(Phone::parse("13800138000").unwrap()),
            machine_no: Some("M-1".into()),
            dealer: Some("光明店".into()),
            engineer: Some("李强".into()),
            branch: None,
        },
        quotes: vec![Quote {
            text: "漏油".into(),
            from_s: Some(1.5),
            to_s: None,
            call: Some(call.id.clone()),
            severe: true,
        }],
        reply_due_at: Some(at(600)),
        ..New::bare(Source::Call, "液压泵漏油")
    };
    let first = insert(&site, &complaint("k-1", new.clone(), at(0))).await.unwrap();
    assert_eq!(site.store.complaint(&first.id).await.unwrap(), first);
    assert_eq!(site.store.complaint_of_call(&call.id).await.unwrap(), Some(first.clone()));
    let twice = insert(&site, &complaint("k-2", new, at(0))).await;
    assert!(matches!(twice, Err(StoreError::Constraint { .. })), "one call, one complaint: {twice:?}");

    let form = Form { who: Some("王".into()), mood: Some(Mood::Angry), ..Form::default() };
    let filled = Filled { form, reasonable: Some(true), money_yuan: Some(500.0), ..Filled::default() };
    let mut before = first.clone();
    let text = || "写明".to_owned();
    let all = Form {
        who: Some(text()),
        what: Some(text()),
        when: Some(text()),
        place: Some(text()),
        why: Some(text()),
        how: Some(text()),
        how_much: Some(text()),
        ..Form::default()
    };
    for (n, taken) in [
        Step::Form(Box::new(filled)),
        Step::Form(Box::new(Filled { form: all, ..Filled::default() })),
        Step::HandOver { to: "服务经理".into(), department: Some("服务部".into()) },
        Step::SiteVisit { who: "李工".into(), due_at: at(900) },
        Step::SiteResult { result: "已更换".into() },
        Step::Reply { text: Some("明天到".into()), next_at: Some(at(1000)) },
        Step::Handled { solution: "更换".into(), people: Some("无".into()) },
        Step::Checked { remark: "核对".into() },
        Step::SecondCall { call: None, verdict: Verdict::Satisfied, quotes: vec![], remark: None },
    ]
    .into_iter()
    .enumerate()
    {
        let (next, entry) = step(i64::try_from(n).unwrap() + 2, &before, &taken);
        let saved = save(&site, &next, &entry).await.unwrap();
        assert_eq!(site.store.complaint(&first.id).await.unwrap(), saved, "{taken:?}");
        assert!(matches!(save(&site, &next, &TrailEntry { n: 99, ..entry }).await, Err(StoreError::Stale { .. })));
        before = saved;
    }
    assert_eq!(before.state.name(), StateName::Closed);
    let trail = site.store.complaint_trail(&first.id).await.unwrap();
    assert_eq!(trail.iter().map(|entry| entry.n).collect::<Vec<_>>(), (1..=10).collect::<Vec<_>>());
    assert_eq!((trail[0].step.as_str(), trail[0].from, trail[9].to), ("open", None, StateName::Closed));
    let log = site.store.events_of_visit(&call.visit).await.unwrap();
    assert_eq!(log.iter().filter(|event| event.kind.starts_with("complaint.")).count(), 10, "also in the audit log");
}

#[tokio::test]
async fn an_order_leads_to_one_complaint_and_may_have_others_of_other_sources() {
    let site = Site::new().await;
    let order_no = Some(site.visit(1).await.order_no);
    let of = |source, id: &str| complaint(id, New { order_no: order_no.clone(), ..New::bare(source, "慢") }, at(0));
    insert(&site, &of(Source::Order, "k-1")).await.unwrap();
    assert!(matches!(insert(&site, &of(Source::Order, "k-2")).await, Err(StoreError::Constraint { .. })));
    insert(&site, &of(Source::Hotline, "k-3")).await.unwrap();
    let found = site.store.complaint_of_order(order_no.as_ref().unwrap()).await.unwrap().unwrap();
    assert_eq!(found.id.as_str(), "k-1");
    assert_eq!(site.store.complaint_of_order(&OrderNo::new("SO-9")).await.unwrap(), None);
    let unknown = New { order_no: Some(OrderNo::new("SO-9")), ..New::bare(Source::Hotline, "慢") };
    assert!(matches!(insert(&site, &complaint("k-4", unknown, at(0))).await, Err(StoreError::Constraint { .. })));
}

#[tokio::test]
async fn f20_the_urgent_list_pages_by_what_stops_the_work_then_grade_then_age() {
    let site = Site::new().await;
    for (id, text, opened) in
        [("k-1", "慢", 0), ("k-2", "要求退机", 1), ("k-3", "机器动不了", 2), ("k-4", "要求退机", 3), ("k-5", "慢", 4)]
    {
        insert(&site, &complaint(id, New::bare(Source::Hotline, text), at(opened))).await.unwrap();
    }
    let ids = |items: &[Complaint]| items.iter().map(|c| c.id.to_string()).collect::<Vec<_>>().join(" ");
    let (mut cursor, mut pages) = (None, vec![]);
    loop {
        let request = PageRequest::new(Some(2), cursor).unwrap();
        let page = site.store.complaints_by_urgency(&ComplaintFilter::default(), &request).await.unwrap();
        pages.push(ids(&page.items));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(pages, ["k-3 k-2", "k-4 k-1", "k-5"]);
    let newest = site.store.complaints(&ComplaintFilter::default(), &PageRequest::first()).await.unwrap();
    assert_eq!(ids(&newest.items), "k-5 k-4 k-3 k-2 k-1");
    let from = ComplaintFilter { opened_from: Some(at(1)), opened_before: Some(at(3)), ..ComplaintFilter::default() };
    let some = site.store.complaints(&from, &PageRequest::first()).await.unwrap();
    assert_eq!(ids(&some.items), "k-3 k-2");
}

#[tokio::test]
async fn an_alarm_is_told_once_also_after_a_restart() {
    let site = Site::new().await;
    let opened = insert(&site, &complaint("k-1", New::bare(Source::Hotline, "太过分了"), at(0))).await.unwrap();
    let raise = async |site: &Site, now: Timestamp| {
        let mut tx = site.store.begin().await.unwrap();
        let next = opened.next_alarm(Some(now));
        let new = tx.raise_alarms(&opened, &alarms(now, &opened), next).await.unwrap();
        tx.commit().await.unwrap();
        new.len()
    };
    let waiting = async |site: &Site, now| site.store.complaints_to_alarm(now).await.unwrap().len();
    assert_eq!(waiting(&site, at(0)).await, 1);
    assert_eq!((raise(&site, at(0)).await, waiting(&site, at(0)).await), (1, 0), "an angry customer");
    let site = site.reopened().await;
    assert_eq!(raise(&site, at(0)).await, 0);
    // Nine hours on the day is over.
    let evening = at(9 * 3600);
    assert_eq!((waiting(&site, evening).await, raise(&site, evening).await), (1, 1));
    assert_eq!((waiting(&site, evening).await, raise(&site, evening).await), (0, 0));
    assert_eq!(site.store.complaint_alarms(&opened.id).await.unwrap().len(), 2);
}
