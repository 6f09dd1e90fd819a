//! What an agent sees of a visit: the order, the script, earlier calls, and why it is called now.

use super::super::Engine;
use super::super::desk::{CallStage, CallView, PastCall};
use crate::domain::complaint::Complaint;
use crate::domain::order::Order;
use crate::domain::programme::Programme;
use crate::domain::programme::selection::CustomerClass;
use crate::domain::script::sheet::sheet;
use crate::domain::visit::task::{Visit, VisitState, WaitReason};
use crate::domain::when::local_text;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// C11: a visit call lasts three minutes at most, complaints excepted.
const LIMIT_S: u64 = 180;
/// Earlier calls that are shown.
const HISTORY_MAX: u32 = 10;

pub async fn of(engine: &Engine, visit: &Visit, order: Order) -> CallView {
    let site = engine.site();
    let programme = site.rules.programmes.get(&visit.programme);
    let script = programme.and_then(|programme| site.script(programme, &order));
    let complaints = engine.store.complaints_of_customer(&order.customer.phone, HISTORY_MAX).await;
    let complaints = complaints.unwrap_or_else(|error| {
        tracing::error!(visit.id = %visit.id, %error, "the complaints of a customer cannot be read");
        vec![]
    });
    let history = engine.store.calls_to(&order.customer.phone, HISTORY_MAX).await.unwrap_or_else(|error| {
        tracing::error!(visit.id = %visit.id, %error, "the earlier calls of a customer cannot be read");
        vec![]
    });
    CallView {
        stage: CallStage::Preview,
        stage_since: engine.clock.now(),
        visit: visit.id.clone(),
        call: None,
        limit_s: LIMIT_S,
        muted: false,
        held: false,
        why_now: why_now(engine, visit),
        title: with_notices(title(programme, visit, &order), &complaints, engine.clock.now()),
        steps: script.map(|script| sheet(&script, &site.manifest, &order)).unwrap_or_default(),
        history: history
            .into_iter()
            .map(|(call, index)| PastCall {
                at: call.instants.claimed_at.unwrap_or_default(),
                call: call.id,
                outcome: call.outcome,
                end: call.conversation,
                note: call.note,
                index,
            })
            .collect(),
        order,
        end: None,
        note: String::new(),
        form: BTreeMap::new(),
        outcome: None,
        hung_up_by: None,
    }
}

/// The programme's title, the class of a customer who is always visited: the mark that B06 asks for, and the end of the warranty (A24).
fn title(programme: Option<&Programme>, visit: &Visit, order: &Order) -> String {
    let Some(programme) = programme else { return visit.programme.clone() };
    let always = &programme.selection.always;
    let classes: Vec<&str> =
        CustomerClass::of(order).into_iter().filter(|c| always.contains(c)).map(CustomerClass::text_zh).collect();
    let mut title = programme.title.clone();
    if !classes.is_empty() {
        title.push_str(&format!("（★ 重点客户：{}）", classes.join("、")));
    }
    if let Some(last) = order.claims.warranty_ends_on() {
        title.push_str(&format!("（质保期至 {last}）"));
    }
    title
}

/// F03, F07: what the agent must know of a customer who complained.
fn with_notices(mut title: String, complaints: &[Complaint], now: Timestamp) -> String {
    for notice in complaints.iter().filter_map(|complaint| complaint.notice(now)) {
        title.push_str(&format!("（{notice}）"));
    }
    title
}

/// One sentence: which try it is, and what was agreed.
fn why_now(engine: &Engine, visit: &Visit) -> String {
    let site = engine.site();
    let zone = visit.calendar(&site.rules.calendar).tz();
    let due = local_text(visit.due_at, engine.clock.now(), zone);
    let VisitState::Waiting { reason, .. } = &visit.state else { return String::new() };
    match reason {
        WaitReason::New => format!("首次回访，应在{due}前拨出"),
        WaitReason::Appointment { said: Some(said), .. } => format!("客户约定的时间：{said}"),
        WaitReason::Appointment { said: None, .. } => "客户约定的时间".into(),
        WaitReason::Rescheduled { by, note } => format!("{by} 改到现在：{note}"),
        WaitReason::ByHand { by } => format!("{by} 要求现在拨打"),
        WaitReason::RetrySpacing { after, attempt, .. } => {
            format!("第{}次拨打，上次{}", attempt + 1, after.text_zh())
        }
        WaitReason::NextTrunk { attempt, .. } => format!("第{attempt}次拨打，换线路再拨"),
        WaitReason::Interrupted { attempt } => format!("第{}次拨打，上次通话中断", attempt + 1),
        WaitReason::WrapUp { .. } | WaitReason::ForPerson { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::{OrderNo, VisitId};
    use crate::domain::order::{Claims, Customer, ServiceType};
    use crate::domain::phone::Phone;
    use crate::domain::visit::task::accept;

    #[test]
    fn b06_the_agent_sees_the_mark_of_a_target_user_and_no_other() {
        let text = include_str!("../../../programmes/service-tracking.toml");
        let programme = Programme::parse("service-tracking.toml", text).unwrap();
        let hours = crate::config::Site::default().hours();
        let calendar = crate::domain::calendar::Calendar::new(&hours).unwrap();
        let check = |class: &str, powered_on: Option<&str>, want: &str| {
            let order = Order {
                no: OrderNo::new("SO-1"),
                service_type: ServiceType::Maintenance,
                customer: Customer { name: None, title: None, phone: Phone::parse("13800138000").unwrap() },
                claims: Claims {
                    customer_class: Some(class.into()),
                    powered_on: powered_on.map(|day| day.parse().unwrap()),
                    ..Claims::default()
                },
            };
            let now = "2026-11-23T09:00+08:00".parse().unwrap();
            let visit = accept(now, now, order.no.clone(), &programme, &calendar, VisitId::new("v"));
            assert_eq!(title(Some(&programme), &visit, &order), want);
        };
        check("VIP、大修", None, "服务跟踪回访（★ 重点客户：VIP、大修、事故车）");
        check("私家车", None, "服务跟踪回访");
        check("", Some("2026-03-10"), "服务跟踪回访（质保期至 2027-03-10）");
    }
}
