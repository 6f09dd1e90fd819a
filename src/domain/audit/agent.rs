//! How a person led the conversation: the rules of conduct that only a human agent can break (C08, C10, C13–C15, C17, C19–C25, C27, C28,
//! C30, F11, F17).
//!
//! Contract: as [`super::rules`]: one finding or nothing per rule, every breach with its place on the recording and the words. What can be
//! measured on the voices (share, overlap, silence, speed) comes from [`super::talk`], never from text. The unattended questionnaire is
//! not measured by these: it says what its script says.

use super::rules::{Ctx, Rule, ended_early, finding, pass};
use super::speech::{self, Line};
use super::{Finding, Severity, asked, conduct, pledges, temper};
use crate::domain::call::journal::{JournalEvent, SeatChange};
use crate::domain::facts::{Consent, Respondent};

/// Checked on answered calls that a person led.
pub(super) const LED_BY_A_PERSON: [Rule; 20] = [
    c08_respondent_knows_the_service,
    c10_agent_lets_the_customer_talk,
    c10_no_long_silence,
    c13_every_item_is_asked,
    c13_items_keep_their_order,
    c14_stays_with_the_visit,
    c15_speaks_at_a_moderate_speed,
    c17_promises_nothing_beyond_authority,
    c19_lets_him_finish_after_but,
    c20_does_not_interrupt,
    c21_does_not_argue,
    c22_does_not_defend,
    c23_apologises_first,
    c24_gives_the_field_engineers_phone,
    c25_does_not_lead,
    c27_promises_a_satisfactory_answer,
    c28_greets_and_thanks,
    c30_does_not_force,
    f11_says_when_the_answer_comes,
    f17_an_angry_customer_goes_to_the_supervisor,
];

/// A breach at a line, with its words.
fn at(rule: &str, severity: Severity, what: &str, line: &Line, expected: &str) -> Option<Finding> {
    let mut f = finding(rule, severity, format!("{what}：“{}”", line.quote()), expected)?;
    (f.from_s, f.to_s) = (Some(line.from_s), Some(line.to_s));
    Some(f)
}

/// A breach over a stretch of the recording.
fn over(rule: &str, severity: Severity, seen: String, stretch: (f64, f64), expected: &str) -> Option<Finding> {
    let mut f = finding(rule, severity, seen, expected)?;
    (f.from_s, f.to_s) = (Some(stretch.0), Some(stretch.1));
    Some(f)
}

/// The customer's first words that complain, by the judgements.
fn complaint<'a>(ctx: &'a Ctx<'_>) -> Option<&'a Line> {
    let answers = ctx.e.answers.iter().zip(ctx.e.judged);
    let turn = answers.filter(|(_, j)| j.complaint).find_map(|(a, _)| a.turn)?;
    ctx.lines.iter().find(|l| !l.agent() && l.turn == turn)
}

/// C08: who was not there and knows nothing cannot be asked.
fn c08_respondent_knows_the_service(ctx: &Ctx<'_>) -> Option<Finding> {
    let (who, turn) = speech::respondent(&ctx.lines);
    let line = ctx.lines.iter().find(|l| Some(l.turn) == turn)?;
    let asked = ctx.lines.iter().find(|l| l.from_s > line.from_s && speech::is_question(l));
    match who {
        Respondent::OtherInformed => pass("C08", "非本人，但了解服务情况", Some(line)),
        Respondent::NotPresent | Respondent::Unconfirmed => {
            let expected = "接听人必须在服务现场或了解服务情况；否则另约时间";
            at("C08", Severity::Amber, "接听人不了解服务，仍然提问", asked?, expected)
        }
        Respondent::Confirmed | Respondent::WrongNumber => None,
    }
}

fn c10_agent_lets_the_customer_talk(ctx: &Ctx<'_>) -> Option<Finding> {
    let share = ctx.activity.agent_share().filter(|_| !ended_early(ctx))?;
    let percent = share * 100.0;
    if share <= ctx.limits.talk_share {
        return pass("C10", format!("坐席说话占 {percent:.0}%"), None);
    }
    finding("C10", Severity::Info, format!("坐席说话占 {percent:.0}%"), "通话要简洁，让客户说")
}

fn c10_no_long_silence(ctx: &Ctx<'_>) -> Option<Finding> {
    let silence = ctx.activity.longest_silence().filter(|s| s.1 - s.0 > ctx.limits.silence_s)?;
    // A line on hold or a muted seat is silent for another reason; the journal says so.
    let explained = ctx.e.call.journal.iter().any(|entry| {
        let at = entry.at_s + ctx.answered_at_s();
        (silence.0 - 1.0..=silence.1).contains(&at)
            && matches!(entry.event, JournalEvent::Line { .. } | JournalEvent::Seat { .. })
    });
    if explained {
        return None;
    }
    let seen = format!("双方 {:.0} 秒没有说话", silence.1 - silence.0);
    over("C10", Severity::Info, seen, silence, "通话要简洁，不冷场")
}

/// The required questions that the form of this visit holds, in its order, with the line that asked each.
fn items<'a>(ctx: &'a Ctx<'_>) -> Vec<(&'static str, Option<&'a Line>)> {
    let required = asked::required(ctx.e.order.service_type.name(), false);
    let on_form = ctx.e.form.iter().filter_map(|step| required.iter().find(|i| i.0 == step));
    on_form.map(|i| (i.0, asked::asked_by(*i, &ctx.lines))).collect()
}

fn c13_every_item_is_asked(ctx: &Ctx<'_>) -> Option<Finding> {
    let items = items(ctx);
    if items.is_empty() || ended_early(ctx) {
        return None;
    }
    let missing: Vec<&str> = items.iter().filter(|i| i.1.is_none()).map(|i| asked::title(i.0)).collect();
    if missing.is_empty() {
        return pass("C13", format!("规定的 {} 项都问到了", items.len()), None);
    }
    let seen = format!("没有问：{}", missing.join("、"));
    finding("C13", Severity::Amber, seen, "按回访内容和顺序逐项询问")
}

fn c13_items_keep_their_order(ctx: &Ctx<'_>) -> Option<Finding> {
    let put: Vec<(&str, &Line)> = items(ctx).into_iter().filter_map(|(name, line)| Some((name, line?))).collect();
    let early = put.windows(2).find(|w| w[1].1.from_s < w[0].1.from_s)?;
    let what = format!("“{}”问在“{}”之前", asked::title(early[1].0), asked::title(early[0].0));
    at("C13", Severity::Info, &what, early[1].1, "按回访内容和顺序逐项询问")
}

fn c14_stays_with_the_visit(ctx: &Ctx<'_>) -> Option<Finding> {
    let first = conduct::offtopic(&ctx.lines)?;
    let share = conduct::offtopic_share(&ctx.lines);
    let severity = if share > ctx.limits.offtopic_share { Severity::Amber } else { Severity::Info };
    let what = format!("偏离回访主题，占坐席话语 {:.0}%", share * 100.0);
    at("C14", severity, &what, first, "不做偏离回访主题的谈话")
}

fn c15_speaks_at_a_moderate_speed(ctx: &Ctx<'_>) -> Option<Finding> {
    let speed = ctx.activity.agent_speed(&ctx.lines)?;
    let (slow, fast) = ctx.limits.speed;
    if (slow..=fast).contains(&speed) {
        return pass("C15", format!("语速每秒 {speed:.1} 字"), None);
    }
    let how = if speed > fast { "过快" } else { "过慢" };
    let seen = format!("语速{how}：每秒 {speed:.1} 字");
    finding("C15", Severity::Amber, seen, "语速适中")
}

fn c17_promises_nothing_beyond_authority(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = pledges::promised_beyond_authority(&ctx.lines)?;
    at("C17", Severity::Red, "私自承诺", line, "不能私自作出承诺，请示或转交")
}

fn c19_lets_him_finish_after_but(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = conduct::cut_after_but(&ctx.lines, ctx.limits.lets_finish_s)?;
    at("C19", Severity::Amber, "客户话到转折被打断", line, "客户说“但是…”时让他说完")
}

/// From the voices of both channels.
fn c20_does_not_interrupt(ctx: &Ctx<'_>) -> Option<Finding> {
    let cuts = ctx.activity.cut_ins(ctx.limits.cut_in_s);
    let first = cuts.first()?;
    let severity = if cuts.len() >= ctx.limits.cut_ins { Severity::Amber } else { Severity::Info };
    let seen = format!("打断客户 {} 次，同时说话共 {:.1} 秒", cuts.len(), ctx.activity.talk_over_s());
    over("C20", severity, seen, *first, "不可随意打断客户")
}

fn c21_does_not_argue(ctx: &Ctx<'_>) -> Option<Finding> {
    match (temper::argued(&ctx.lines), temper::rude(&ctx.lines)) {
        (Some(line), _) => at("C21", Severity::Red, "与客户辩驳", line, "不能与客户辩驳争吵"),
        (None, Some(line)) => at("C21", Severity::Red, "言语不礼貌", line, "不能与客户辩驳争吵，用语礼貌"),
        (None, None) => None,
    }
}

fn c22_does_not_defend(ctx: &Ctx<'_>) -> Option<Finding> {
    let from = complaint(ctx)?.from_s;
    let line = ctx.lines.iter().find(|l| l.agent() && l.from_s > from && temper::defends(l))?;
    at("C22", Severity::Amber, "客户抱怨时解释辩护", line, "不要企图解释或辩护")
}

/// C23: an apology between the complaint and whatever comes after the agent's next words.
fn c23_apologises_first(ctx: &Ctx<'_>) -> Option<Finding> {
    let complained = complaint(ctx)?;
    let apology = ctx.lines.iter().find(|l| l.agent() && l.from_s > complained.from_s && temper::apologises(l));
    let defence = ctx.lines.iter().find(|l| l.agent() && l.from_s > complained.from_s && temper::defends(l));
    let expected = "客户抱怨时先道歉，再说明";
    match (apology, defence) {
        (Some(a), Some(d)) if d.from_s < a.from_s => at("C23", Severity::Amber, "先解释后道歉", d, expected),
        (Some(a), _) => pass("C23", "客户抱怨后先道歉", Some(a)),
        (None, _) => at("C23", Severity::Amber, "客户抱怨，没有道歉", complained, expected),
    }
}

fn c24_gives_the_field_engineers_phone(ctx: &Ctx<'_>) -> Option<Finding> {
    let turn = ctx.e.facts?.tech_question.as_ref()?.turn;
    let question = ctx.lines.iter().find(|l| Some(l.turn) == turn && !l.agent())?;
    let expected = "技术问题告知现场工程师或经理电话，不自行解答";
    match pledges::field_phone_given(&ctx.lines, question) {
        Some(line) => pass("C24", "技术问题，告知了联系电话", Some(line)),
        None => at("C24", Severity::Amber, "客户问技术问题，没有告知联系电话", question, expected),
    }
}

fn c25_does_not_lead(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = conduct::led(&ctx.lines)?;
    at("C25", Severity::Amber, "诱导客户评价", line, "评价由客户自己说，只可提示检查和更换项目")
}

/// C27: complaint calls end with the promise of an answer.
fn c27_promises_a_satisfactory_answer(ctx: &Ctx<'_>) -> Option<Finding> {
    let from = complaint(ctx)?.from_s;
    let says =
        ["满意答复", "满意的答复", "满意处理", "妥善处理", "尽快处理", "尽快给您", "给您答复", "给您回复", "给您解决"];
    match ctx.lines.iter().find(|l| l.agent() && l.from_s > from && l.has(&says)) {
        Some(line) => pass("C27", "抱怨有交代", Some(line)),
        None if ended_early(ctx) => None,
        None => finding("C27", Severity::Info, "客户抱怨，结束时没有交代答复", "一定给您满意答复"),
    }
}

fn c28_greets_and_thanks(ctx: &Ctx<'_>) -> Option<Finding> {
    let mut agents = ctx.lines.iter().filter(|l| l.agent());
    let greets = agents.clone().take(3).any(|l| l.has(&["您好", "你好", "早上好", "上午好", "下午好", "晚上好"]));
    let thanks = agents.any(|l| l.has(&["谢谢", "感谢", "打扰", "祝您", "辛苦"]));
    let missing: Vec<&str> = [("打招呼", greets), ("致谢", thanks || ended_early(ctx))]
        .into_iter()
        .filter_map(|(what, done)| (!done).then_some(what))
        .collect();
    if missing.is_empty() {
        return pass("C28", "打了招呼，致了谢", None);
    }
    finding("C28", Severity::Info, format!("没有{}", missing.join("、")), "打招呼、自我介绍、致谢")
}

/// C30: a customer who has no time now is asked for another one, not pressed.
fn c30_does_not_force(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = conduct::pushed(&ctx.lines)?;
    at("C30", Severity::Amber, "客户推辞后仍勉强", line, "在客户方便时回访，不勉强")
}

fn f11_says_when_the_answer_comes(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = pledges::callback_promised(&ctx.lines)?;
    let by_customer = ctx.e.facts.is_some_and(|f| f.callback_when.is_some());
    if by_customer || speech::time_named(&line.text).is_some() {
        return pass("F11", "说明了答复时间", Some(line));
    }
    let refused = speech::consent(&ctx.lines).consent == Consent::Refused;
    if refused {
        None
    } else {
        at("F11", Severity::Amber, "答应回复，没有说时间", line, "说明下次答复时间")
    }
}

fn f17_an_angry_customer_goes_to_the_supervisor(ctx: &Ctx<'_>) -> Option<Finding> {
    let line = ctx.lines.iter().find(|l| !l.agent() && temper::angry(l))?;
    let came = ctx.e.call.journal.iter().any(|entry| {
        matches!(entry.event, JournalEvent::Seat { change: SeatChange::Supervisor, .. })
            && entry.at_s + ctx.answered_at_s() >= line.from_s
    });
    if came {
        return pass("F17", "客户发火，主管已介入", Some(line));
    }
    at("F17", Severity::Amber, "客户发火，没有报告主管", line, "客户发火时立即报告主管")
}
