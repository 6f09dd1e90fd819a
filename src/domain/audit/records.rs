//! Rows of the rule table that a call's records show: when it was dialled (A13), what became of "not now" and of a wrong number (A07,
//! A08), of a promise (A19), of what the agent had to write down (G05), and a need that was heard (G17).
//!
//! Contract: as [`super::rules`]. C29 (手机静音模式) is not here: our agents talk over a browser or a desk phone, a call's records hold
//! nothing of another telephone beside them.

use super::rules::{Ctx, Rule, finding, pass};
use super::speech::{self, Line};
use super::{Finding, Severity};
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::facts::{Consent, Respondent};
use crate::domain::promise::{Promise, State};
use crate::domain::visit::task::{CloseCause, VisitState, WaitReason};
use crate::domain::ways::Ways;
use std::sync::LazyLock;

/// Checked on every call, answered or not.
pub(super) const OF_EVERY_CALL: [Rule; 1] = [a13_customer_is_left_in_peace];

/// Checked on every answered call that a person took.
pub(super) const OF_THE_ANSWERED: [Rule; 4] =
    [a07_another_time_is_settled, a08_wrong_number_is_marked, a19_promised_call_back_is_kept, g17_need_is_passed_on];

/// Checked where a person led the call.
pub(super) const OF_THE_LED: [Rule; 1] = [g05_written_down_at_once];

/// When a call was dialled, against the programme's calling hours.
#[derive(Clone, Debug, PartialEq)]
pub struct CallingHours {
    /// For people: `08:00-20:00`.
    pub text: String,
    pub kept: bool,
}

fn at(rule: &str, severity: Severity, seen: String, line: Option<&Line>, expected: &str) -> Option<Finding> {
    let mut f = finding(rule, severity, seen, expected)?;
    (f.from_s, f.to_s) = (line.map(|l| l.from_s), line.map(|l| l.to_s));
    Some(f)
}

/// A13: not while the customer rests; a person who dialled all the same is in the event log.
fn a13_customer_is_left_in_peace(ctx: &Ctx<'_>) -> Option<Finding> {
    let hours = ctx.e.hours?;
    if hours.kept {
        return pass("A13", format!("在允许呼叫的时段 {} 内拨打", hours.text), None);
    }
    let seen = format!("不在允许呼叫的时段 {} 内拨打", hours.text);
    finding("A13", Severity::Amber, seen, "避免在客户休息时打电话")
}

static ANOTHER_TIME: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "什么时间|什么时候|几点|哪天…方便|合适|有空|有时间|再打|给您打|联系",
        "改天|换个时间|另约|晚点|明天|后天|下午|晚上|上午|点…给您打|再打|再联系|方便吗|可以吗|行吗",
    ])
});

/// A07: he took the call and has no time: another time is asked for.
fn a07_another_time_is_settled(ctx: &Ctx<'_>) -> Option<Finding> {
    let expected = "客户不方便时，咨询合适的时间再回访";
    let busy = ctx.lines.iter().find(|l| !l.agent() && speech::is_busy(&l.text));
    match (&ctx.e.call.conversation, &ctx.e.visit.state) {
        (Some(ConversationEnd::Callback { said: Some(said), .. }), _) => {
            pass("A07", format!("客户不方便，约定再联系：{said}"), busy)
        }
        (Some(ConversationEnd::Callback { at: Some(_), .. }), _)
        | (_, VisitState::Waiting { reason: WaitReason::Appointment { .. }, .. }) => {
            pass("A07", "客户不方便，已约定时间", busy)
        }
        (Some(ConversationEnd::Callback { .. } | ConversationEnd::Refused), _) => {
            let busy = busy.filter(|_| speech::consent(&ctx.lines).consent == Consent::Refused)?;
            match ctx.lines.iter().find(|l| l.agent() && l.from_s > busy.from_s && ANOTHER_TIME.said_in(&l.text)) {
                Some(asked) => pass("A07", "客户不方便，询问了合适的时间", Some(asked)),
                None => at(
                    "A07",
                    Severity::Amber,
                    format!("客户不方便，没有询问合适的时间：“{}”", busy.quote()),
                    Some(busy),
                    expected,
                ),
            }
        }
        _ => None,
    }
}

/// A08: the number is marked and nothing more is asked.
fn a08_wrong_number_is_marked(ctx: &Ctx<'_>) -> Option<Finding> {
    let expected = "号码错误：不再提问，标记号码，不再拨打";
    let (who, turn) = speech::respondent(&ctx.lines);
    let said = ctx.lines.iter().find(|l| who == Respondent::WrongNumber && !l.agent() && Some(l.turn) == turn);
    let marked = ctx.e.call.conversation == Some(ConversationEnd::WrongNumber)
        || matches!(ctx.e.visit.state, VisitState::Closed { cause: CloseCause::WrongNumber, .. });
    let asked = said.and_then(|s| ctx.lines.iter().find(|l| l.from_s > s.from_s && speech::is_question(l)));
    match (said, marked, asked) {
        (_, _, Some(asked)) => {
            at("A08", Severity::Amber, format!("号码错误，仍然提问：“{}”", asked.quote()), Some(asked), expected)
        }
        (_, true, None) => pass("A08", "号码错误，已标记，不再拨打", said),
        (Some(said), false, None) => {
            at("A08", Severity::Amber, format!("客户说号码错误，没有标记：“{}”", said.quote()), Some(said), expected)
        }
        (None, false, None) => None,
    }
}

/// A19: what the ledger says of a promise that was made in this call, when the call was last judged.
fn a19_promised_call_back_is_kept(ctx: &Ctx<'_>) -> Option<Finding> {
    let expected = "答应的事尽快兑现，到期前把结果告诉用户";
    // The gravest first.
    let of = |want: fn(&Promise) -> bool| ctx.e.promises.iter().find(|p| want(p));
    let told = |p: &Promise| matches!(p.state, State::Kept { .. } | State::Confirmed { .. });
    let place = |mut f: Finding, p: &Promise| {
        (f.from_s, f.to_s) = (p.evidence.as_ref().map(|e| e.from_s), p.evidence.as_ref().map(|e| e.to_s));
        f
    };
    if let Some(late) = of(|p| p.overdue_at.is_some()) {
        let seen = format!("承诺逾期：{}（负责人 {}）", late.what, late.owner);
        return finding("A19", Severity::Red, seen, expected).map(|f| place(f, late));
    }
    if let Some(open) = of(|p| p.state == State::Open) {
        let seen = format!("答应了客户，待兑现：{}（负责人 {}）", open.what, open.owner);
        return finding("A19", Severity::Info, seen, expected).map(|f| place(f, open));
    }
    let kept = ctx.e.promises.iter().find(|p| told(p))?;
    pass("A19", format!("承诺已兑现：{}", kept.what), None).map(|f| place(f, kept))
}

/// G05: a call is over and its agent has said what it came to, or his time for it has passed.
fn g05_written_down_at_once(ctx: &Ctx<'_>) -> Option<Finding> {
    let call = ctx.e.call;
    if matches!(&ctx.e.visit.state, VisitState::Waiting { reason: WaitReason::WrapUp { call: of, .. }, .. } if *of == call.id)
    {
        return None;
    }
    let written = call.note.is_some() || !call.form.is_empty();
    match (&call.conversation, written) {
        (Some(_), true) => pass("G05", "通话结束后记录了结果", None),
        (Some(_), false) => None,
        (None, _) => finding("G05", Severity::Amber, "整理时间已过，没有记录通话结果", "回访结束立即记录"),
    }
}

/// He wants to buy, order or have something done that this service was not about.
static NEEDS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "想|要|打算|准备|考虑|计划|还得|正想…再买|再订|再添|再换|再提|新买|添置|添一台|买一台|订一台|买台|订台|加一台|换一台新|换台新|买个|订个|买两|订两|加装",
        "想|要|打算|准备|考虑…买|订|租|加装…台|挖|机|锤|斗|配件|滤|轮胎|履带|件",
        "想|要|打算|准备|帮我|给我…约|预约|做|安排…保养|大修|检修",
        "有没有|能不能|多少钱…二手|以旧换新|置换|新机|新款|大一点的|小挖|破碎锤",
    ])
});

/// What is wished for and is no need: his money back, another machine for a bad one.
static NO_NEEDS: LazyLock<Ways> =
    LazyLock::new(|| Ways::new(&["退|赔|起诉|投诉|曝光|不想|不打算|不要|再也不|别再|已经"]));

static PASSED_ON: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&["转给|转达|转交|登记|记下|记录|反馈|上报|告诉|通知|业务员|销售|联系您|给您回|专人|报价"])
});

/// G17: a need is heard and goes to whoever can serve it.
fn g17_need_is_passed_on(ctx: &Ctx<'_>) -> Option<Finding> {
    let need = ctx.lines.iter().find(|l| !l.agent() && NEEDS.said_in(&l.text) && !NO_NEEDS.said_in(&l.text))?;
    let passed = ctx.lines.iter().find(|l| l.agent() && l.from_s >= need.from_s && PASSED_ON.said_in(&l.text));
    let seen = format!("客户有需求：“{}”", need.quote());
    match passed {
        Some(_) => pass("G17", format!("{seen}，已答应转交"), Some(need)),
        None => at("G17", Severity::Amber, seen, Some(need), "潜在的维修服务消费转给主管"),
    }
}
