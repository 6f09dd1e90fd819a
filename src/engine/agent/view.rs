//! What an agent sees of a visit: the order, the script, earlier calls, and why it is called now.

use super::super::Engine;
use super::super::desk::{CallStage, CallView, PastCall};
use crate::domain::order::Order;
use crate::domain::script::sheet::sheet;
use crate::domain::visit::task::{Visit, VisitState, WaitReason};
use crate::domain::when::local_text;
use std::collections::BTreeMap;

/// C11: a visit call lasts three minutes at most, complaints excepted.
const LIMIT_S: u64 = 180;
/// Earlier calls that are shown.
const HISTORY_MAX: u32 = 10;

pub async fn of(engine: &Engine, visit: &Visit, order: Order) -> CallView {
    let site = &engine.site;
    let programme = site.rules.programmes.get(&visit.programme);
    let script = programme.and_then(|programme| site.script(programme, order.service_type));
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
        title: programme.map_or(visit.programme.clone(), |programme| programme.title.clone()),
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

/// One sentence: which try it is, and what was agreed.
fn why_now(engine: &Engine, visit: &Visit) -> String {
    let (now, zone) = (engine.clock.now(), engine.site.rules.calendar.tz());
    let due = local_text(visit.due_at, now, zone);
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
