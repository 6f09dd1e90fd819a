//! Intake on a real store: repeats, corrections, the inbox, and what a kill leaves (issue A, point 3).

use crate::store::{Site, at, ended, next_call};
use huifang::clock::Clock as _;
use huifang::domain::calendar::{Calendar, SiteHours};
use huifang::domain::call::outcome::Outcome;
use huifang::domain::complaint::Policy;
use huifang::domain::id::{InboxId, MessageId, OrderNo};
use huifang::domain::order::{Claims, Customer, Order, ServiceType};
use huifang::domain::phone::Phone;
use huifang::domain::programme::assign::Assignment;
use huifang::domain::programme::{Programme, Programmes};
use huifang::domain::sms::SmsTemplates;
use huifang::domain::visit::task::{CloseCause, Visit, VisitState, WaitReason};
use huifang::engine::handle::CommandError;
use huifang::engine::intake::{Intake, IntakeError, IntakeRules};
use huifang::store::page::PageRequest;
use huifang::store::sms::{SmsAnswer, StoredSms};
use huifang::store::visit::VisitFilter;
use jiff::SignedDuration;
use std::sync::Arc;

const TEXT: &str = "【福田雷沃】服务完工通知：订单FL-7，客户张建国先生(13812345678)，机型FR220D2-HD，保养服务，报单小时1000H，服务工程师李强，完工时间2026-11-16 08:50";

fn intake(site: &Site) -> Intake {
    let hours = SiteHours {
        timezone: "Asia/Shanghai".into(),
        work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
        holidays: "cn".into(),
    };
    let calendar = Calendar::new(&hours).unwrap();
    let excavator = Programme::parse("excavator", include_str!("../../programmes/excavator.toml")).unwrap();
    let rules = IntakeRules {
        programmes: Programmes::new(vec![excavator], &calendar).unwrap(),
        calendar,
        templates: Arc::new(SmsTemplates::builtin().unwrap()),
        complaints: Policy::builtin().clone(),
        assignment: Assignment { own: "excavator".into(), rules: vec![] },
        terms: huifang::config::Promises::default().terms(),
    };
    Intake::new(site.store.clone(), site.clock.clone(), Arc::new(rules))
}

fn sms(id: &str, text: &str) -> StoredSms {
    StoredSms {
        message_id: MessageId::new(id),
        from: "10690001".into(),
        to: "10690000".into(),
        text: text.into(),
        received_at: at(0),
    }
}

fn order(no: &str, phone: &str) -> Order {
    Order {
        no: OrderNo::new(no),
        service_type: ServiceType::Maintenance,
        customer: Customer { name: None, title: None, phone: Phone::parse(phone).unwrap() },
        claims: Claims::default(),
    }
}

async fn all_visits(site: &Site) -> Vec<Visit> {
    site.store.visits(&VisitFilter::default(), &PageRequest::first()).await.unwrap().items
}

/// The one visit, closed for `cause` by its first call.
async fn closed(site: &Site, cause: CloseCause) -> Visit {
    let visit = all_visits(site).await.remove(0);
    let call = next_call(&visit, "call-1", at(60));
    let held = site.store.claim_visit(&visit, &call, None).await.unwrap().unwrap();
    let next = Visit { state: VisitState::Closed { cause, at: at(90) }, ..held };
    site.store.finish_call(&ended(call, Outcome::InvalidNumber), &next, &[]).await.unwrap()
}

#[tokio::test]
async fn a_completion_sms_becomes_an_order_and_a_visit_due_in_thirty_minutes() {
    let site = Site::new().await;
    let answer = intake(&site).accept_sms(sms("m1", TEXT)).await.unwrap();
    let visit = all_visits(&site).await.remove(0);
    assert_eq!((visit.due_at, visit.deadline_at), (at(30 * 60), at(3 * 3600)), "A01, A02");
    assert_eq!(
        answer,
        SmsAnswer::Accepted {
            visit_id: visit.id.clone(),
            order_no: OrderNo::new("FL-7"),
            due_at: visit.due_at,
            deadline_at: visit.deadline_at,
        }
    );
    assert_eq!((visit.attempts, visit.programme.as_str(), visit.version), (0, "excavator", 1));
    assert_eq!(visit.state, VisitState::Waiting { not_before: at(0), reason: WaitReason::New });
    let order = site.store.order(&OrderNo::new("FL-7")).await.unwrap().order;
    assert_eq!(order.customer.phone, Phone::parse("13812345678").unwrap());
    assert_eq!((order.claims.reported_hours, order.claims.engineer.as_deref()), (Some(1000.0), Some("李强")));
}

#[tokio::test]
async fn the_same_message_gets_the_same_answer_whatever_it_says_and_whenever() {
    let site = Site::new().await;
    let first = intake(&site).accept_sms(sms("m1", TEXT)).await.unwrap();
    let site = site.reopened().await;
    site.clock.set(at(86_400));
    for text in [TEXT, "看不懂", &TEXT.replace("FL-7", "FL-8")] {
        assert_eq!(intake(&site).accept_sms(sms("m1", text)).await.unwrap(), first);
    }
    assert_eq!(all_visits(&site).await.len(), 1);
    // What no template reads keeps its answer too.
    let inbox = intake(&site).accept_sms(sms("m2", "看不懂")).await.unwrap();
    assert_eq!(intake(&site).accept_sms(sms("m2", TEXT)).await.unwrap(), inbox);
}

#[tokio::test]
async fn two_hundred_deliveries_of_five_messages_at_once_make_one_visit() {
    let site = Site::new().await;
    let intake = intake(&site);
    let mut gateways = tokio::task::JoinSet::new();
    for n in 0..200 {
        let intake = intake.clone();
        gateways.spawn(async move { intake.accept_sms(sms(&format!("m{}", n % 5), TEXT)).await.unwrap() });
    }
    let answers = gateways.join_all().await;
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    assert_eq!(all_visits(&site).await.len(), 1);
}

#[tokio::test]
async fn a_correction_updates_the_order_and_the_clock_keeps_running_from_the_first_sms() {
    let site = Site::new().await;
    let intake = intake(&site);
    intake.accept_sms(sms("m1", TEXT)).await.unwrap();
    let before = all_visits(&site).await;
    site.clock.set(at(600));
    let corrected =
        TEXT.replace("1000H", "1050H").replace("13812345678", "13912345678").replace("机型FR220D2-HD，", "");
    intake.accept_sms(StoredSms { received_at: at(600), ..sms("m2", &corrected) }).await.unwrap();
    assert_eq!(all_visits(&site).await, before);
    let order = site.store.order(&OrderNo::new("FL-7")).await.unwrap();
    assert_eq!((order.version, order.order.claims.reported_hours), (2, Some(1050.0)));
    assert_eq!(order.order.customer.phone, Phone::parse("13912345678").unwrap());
    assert_eq!(order.order.claims.product.as_deref(), Some("FR220D2-HD"), "what is left out stays");
}

#[tokio::test]
async fn a_correction_while_the_customer_is_on_the_phone_does_not_touch_the_visit() {
    let site = Site::new().await;
    let intake = intake(&site);
    intake.accept_sms(sms("m1", TEXT)).await.unwrap();
    let visit = all_visits(&site).await.remove(0);
    let held = site.store.claim_visit(&visit, &next_call(&visit, "call-1", at(60)), None).await.unwrap().unwrap();
    intake.accept_sms(sms("m2", &TEXT.replace("13812345678", "13912345678"))).await.unwrap();
    assert_eq!(all_visits(&site).await, [held]);
}

#[tokio::test]
async fn a_new_number_opens_a_visit_again_that_was_closed_for_its_number_and_no_other() {
    let check = async |cause: CloseCause, text: &str, reopened: bool| {
        let site = Site::new().await;
        let intake = intake(&site);
        intake.accept_sms(sms("m1", TEXT)).await.unwrap();
        let was = closed(&site, cause).await;
        intake.accept_sms(sms("m2", text)).await.unwrap();
        let is = all_visits(&site).await;
        assert_eq!(is.len(), 1, "never a second visit");
        assert_eq!(matches!(is[0].state, VisitState::Waiting { .. }), reopened, "{cause:?} {text}");
        assert_eq!((is[0].attempts, is[0].due_at), (1, was.due_at), "the attempts and the clock stay");
    };
    let renumbered = TEXT.replace("13812345678", "13912345678");
    check(CloseCause::InvalidNumber, &renumbered, true).await;
    check(CloseCause::WrongNumber, &renumbered, true).await;
    check(CloseCause::WrongNumber, TEXT, false).await;
    check(CloseCause::Refused, &renumbered, false).await;
    check(CloseCause::Cancelled, &renumbered, false).await;
}

#[tokio::test]
async fn an_order_alone_makes_no_visit_and_its_details_survive_the_sms() {
    let site = Site::new().await;
    let intake = intake(&site);
    let mut full = order("FL-7", "13812345678");
    full.claims.location = Some("长沙梅溪湖工地".into());
    let first = intake.put_order(full.clone()).await.unwrap();
    assert_eq!((first.created, first.visit, first.order.clone()), (true, None, full));
    assert!(all_visits(&site).await.is_empty());
    intake.accept_sms(sms("m1", TEXT)).await.unwrap();
    let visit = all_visits(&site).await.remove(0);
    let known = site.store.order(&OrderNo::new("FL-7")).await.unwrap().order;
    assert_eq!(known.claims.location.as_deref(), Some("长沙梅溪湖工地"));

    let again = intake.put_order(order("FL-7", "13812345678")).await.unwrap();
    assert_eq!((again.created, again.visit, again.order), (false, Some(visit.id), known));
}

#[tokio::test]
async fn what_no_template_reads_is_kept_and_completed_by_hand_with_the_clock_of_the_sms() {
    let site = Site::new().await;
    let intake = intake(&site);
    let answer = intake.accept_sms(sms("m1", "张师傅那台机器弄好了")).await.unwrap();
    let SmsAnswer::Inbox { inbox_id, reason } = answer.clone() else { panic!("{answer:?}") };
    assert!(reason.contains("没有模板能读懂"), "{reason}");
    let site = site.reopened().await;
    let intake = self::intake(&site);
    site.clock.set(at(3600));
    let visit = intake.complete_inbox(&inbox_id, order("FL-9", "13812345678"), "李经理").await.unwrap();
    assert_eq!((visit.sms_at, visit.due_at), (at(0), at(1800)), "it is late, and that is not hidden");
    let item = site.store.inbox_item(&inbox_id).await.unwrap();
    assert_eq!(item.resolved.map(|r| (r.by, r.order_no)), Some(("李经理".into(), Some(OrderNo::new("FL-9")))));
    assert_eq!(intake.accept_sms(sms("m1", "")).await.unwrap(), answer, "the gateway's answer stays what it was");

    // The button pressed twice, and pressed by somebody else for another order.
    assert_eq!(intake.complete_inbox(&inbox_id, order("FL-9", "13812345678"), "x").await.unwrap(), visit);
    let refused = intake.complete_inbox(&inbox_id, order("FL-10", "13812345678"), "x").await;
    assert!(matches!(refused, Err(IntakeError::Resolved(_))), "{refused:?}");
    assert!(matches!(CommandError::from(refused.unwrap_err()), CommandError::Conflict(_)));
    assert_eq!(all_visits(&site).await, [visit]);
    let unknown = intake.complete_inbox(&InboxId::new("nothing"), order("FL-1", "13812345678"), "x").await;
    assert!(matches!(CommandError::from(unknown.unwrap_err()), CommandError::NotFound { .. }));
}

#[tokio::test]
async fn an_inbox_item_completed_to_a_known_order_updates_its_visit() {
    let site = Site::new().await;
    let intake = intake(&site);
    intake.accept_sms(sms("m1", TEXT)).await.unwrap();
    let SmsAnswer::Inbox { inbox_id, .. } = intake.accept_sms(sms("m2", "FL-7 又好了")).await.unwrap() else {
        panic!()
    };
    let visit = intake.complete_inbox(&inbox_id, order("FL-7", "13812345678"), "李经理").await.unwrap();
    assert_eq!(all_visits(&site).await, [visit]);
}

#[tokio::test]
async fn a_gateway_whose_clock_is_ahead_does_not_push_the_visit_into_the_future() {
    let site = Site::new().await;
    let ahead = StoredSms { received_at: at(86_400), ..sms("m1", TEXT) };
    intake(&site).accept_sms(ahead).await.unwrap();
    assert_eq!(all_visits(&site).await[0].sms_at, site.clock.now());
}

#[tokio::test]
async fn the_answer_equals_the_rows_to_the_last_digit() {
    let site = Site::new().await;
    let intake = intake(&site);
    let odd = at(0) - SignedDuration::from_nanos(1_234_567);
    let answer = intake.accept_sms(StoredSms { received_at: odd, ..sms("m1", TEXT) }).await.unwrap();
    assert_eq!(intake.accept_sms(sms("m2", TEXT)).await.unwrap(), answer);
}

#[tokio::test]
async fn what_a_template_could_not_make_out_is_in_the_log_of_the_visit() {
    let site = Site::new().await;
    intake(&site).accept_sms(sms("m1", &TEXT.replace("2026-11-16 08:50", "下班前"))).await.unwrap();
    let visit = all_visits(&site).await.remove(0);
    let log = site.store.events_of_visit(&visit.id).await.unwrap();
    assert_eq!(log[0].kind, "sms.accepted");
    assert!(log[0].detail["notes"][0].as_str().is_some_and(|note| note.contains("下班前")), "{log:?}");
}
