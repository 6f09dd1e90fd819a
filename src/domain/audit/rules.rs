//! The audit of our own calls: one small named rule per row of the rule table.
//!
//! Signalling, clock, recording and journal are facts here, not guesses. A rule returns one finding or nothing; passes are stated
//! because the report shows them.

use super::agent::LED_BY_A_PERSON;
use super::probe;
use super::records::{self, CallingHours};
use super::speech::{self, Line};
use super::talk::{Activity, Limits};
use super::{Finding, Severity, witness};
use crate::domain::call::Call;
use crate::domain::call::exchange::{KEY_NO, KEY_YES};
use crate::domain::call::journal::JournalEvent;
use crate::domain::call::outcome::{ConversationEnd, Outcome, Party};
use crate::domain::facts::{Consent, Facts};
use crate::domain::order::Order;
use crate::domain::programme::Trigger;
use crate::domain::promise::Promise;
use crate::domain::recording::manifest::{GapReason, RecordingState};
use crate::domain::score::{Answer, Indicator, Judgement, Rubric, Score, Scorecard};
use crate::domain::transcript::{Channel, Transcript};
use crate::domain::visit::task::Visit;

/// Longest call without a complaint, seconds (C11).
const LENGTH_S: f64 = 180.0;
/// The recording may be this much shorter than the conversation, seconds.
const TOLERANCE_S: f64 = 1.0;

/// Everything that is known of one ended call.
#[derive(Clone, Copy, Debug)]
pub struct CallEvidence<'a> {
    pub order: &'a Order,
    pub visit: &'a Visit,
    pub call: &'a Call,
    pub transcript: Option<&'a Transcript>,
    pub scorecard: Option<&'a Scorecard>,
    /// A complaint was heard (convention 16), from the judgements of the answers.
    pub complaint: bool,
    /// What was answered to what, and what it was worth.
    pub answers: &'a [Answer],
    pub judged: &'a [Judgement],
    pub facts: Option<&'a Facts>,
    /// Who spoke when, from the two channels of the recording; without it the times of the transcript stand in.
    pub activity: Option<&'a Activity>,
    /// The steps of the visit's script in their order (C13).
    pub form: &'a [String],
    /// Satisfaction items that the programme allows this customer (C12, B08).
    pub items_max: u32,
    /// When it was dialled, against the programme's calling hours (A13); `None`: not dialled, or the programme is no longer there.
    pub hours: Option<&'a CallingHours>,
    /// What the ledger holds of promises made in this call (A19).
    pub promises: &'a [Promise],
}

/// A rule with everything it may look at.
pub(super) struct Ctx<'a> {
    pub e: &'a CallEvidence<'a>,
    pub rubric: &'a Rubric,
    /// Prompts and customer's words by time, on the recording's axis.
    pub lines: Vec<Line>,
    pub activity: Activity,
    pub limits: Limits,
}

impl Ctx<'_> {
    pub fn answered_at_s(&self) -> f64 {
        answered_at_s(self.e.call)
    }
}

pub(super) type Rule = fn(&Ctx<'_>) -> Option<Finding>;

/// Checked on every call.
const ALWAYS: [Rule; 2] = [a01_called_within_thirty_minutes, a02_called_within_three_hours];

/// Checked on calls that were answered; the first also where no person took the call.
const ANSWERED: [Rule; 13] = [
    c01_recording_is_whole,
    c04_identity_asked_and_confirmed,
    c05_opening_names_company_and_role,
    c06_consent_asked,
    c07_consent_before_the_first_question,
    c09_refusal_ends_politely,
    c11_three_minutes_at_most,
    c12_satisfaction_items,
    c16_customer_hangs_up_first,
    c18_low_answer_is_probed,
    c26_closing_and_hotline,
    e01_all_five_scored,
    e09_severe_language,
];

/// Audits one ended call; findings in the order of the rules.
pub fn audit_call(rubric: &Rubric, evidence: &CallEvidence<'_>) -> Vec<Finding> {
    let lines = lines_of(rubric, evidence);
    let activity = evidence.activity.cloned().unwrap_or_else(|| Activity::of_lines(&lines));
    let ctx = Ctx { e: evidence, rubric, lines, activity, limits: Limits::default() };
    let answered = evidence.call.instants.answered_at.is_some();
    // What is said to a mailbox or to the network is no conversation: only its recording is audited.
    let taken = !matches!(evidence.call.conversation, Some(ConversationEnd::Machine { .. }));
    let spoken: &[&[Rule]] = if taken { &[&ANSWERED, &records::OF_THE_ANSWERED] } else { &[&ANSWERED[..1]] };
    let led: &[&[Rule]] =
        if taken && evidence.call.seat.is_some() { &[&LED_BY_A_PERSON, &records::OF_THE_LED] } else { &[] };
    let always: &[&[Rule]] = &[&ALWAYS, &records::OF_EVERY_CALL];
    let conversation = spoken.iter().chain(led).filter(|_| answered);
    always.iter().chain(conversation).flat_map(|rules| rules.iter()).filter_map(|rule| rule(&ctx)).collect()
}

fn lines_of(rubric: &Rubric, e: &CallEvidence<'_>) -> Vec<Line> {
    let shift = answered_at_s(e.call);
    let mut lines: Vec<Line> = Vec::new();
    for entry in &e.call.journal {
        let at = entry.at_s + shift;
        match &entry.event {
            JournalEvent::Prompt { text, indicator, .. } => {
                let mut line = Line::new(Channel::Agent, text, at, at, lines.len());
                line.rates.extend(indicator);
                lines.push(line);
            }
            // A key says what the recording has no words for; here it is put into the words that mean the same.
            JournalEvent::Answer { meaning, .. } => {
                let said = match meaning.as_str() {
                    KEY_YES => "可以",
                    KEY_NO => "不用了",
                    _ => continue,
                };
                lines.push(Line::new(Channel::Customer, said, at, at, lines.len()));
            }
            _ => {}
        }
    }
    let segments = e.transcript.map_or(&[][..], |t| &t.segments);
    // What was played is known from the journal; the transcript of our own prompts is only needed when there is none.
    let journalled = !lines.is_empty();
    for (i, s) in segments.iter().enumerate() {
        if s.channel == Channel::Customer || !journalled {
            lines.push(Line::new(s.channel, &s.text, s.start, s.end, i));
        }
    }
    lines.sort_by(|a, b| a.from_s.total_cmp(&b.from_s));
    if !journalled {
        speech::mark_rated(&mut lines, e.answers);
        speech::mark_complaints(&mut lines, e.answers, e.judged);
        witness::mark_witnessed(&mut lines, rubric.learned());
    }
    lines
}

fn answered_at_s(call: &Call) -> f64 {
    call.recording.as_ref().and_then(|r| r.answered_at_s).unwrap_or(0.0)
}

pub(super) fn finding(rule: &str, severity: Severity, seen: impl Into<String>, expected: &str) -> Option<Finding> {
    let expected = if severity == Severity::Pass { String::new() } else { expected.to_string() };
    Some(Finding { rule: rule.to_string(), severity, seen: seen.into(), expected, from_s: None, to_s: None })
}

pub(super) fn pass(rule: &str, seen: impl Into<String>, line: Option<&Line>) -> Option<Finding> {
    let mut f = finding(rule, Severity::Pass, seen, "")?;
    (f.from_s, f.to_s) = (line.map(|l| l.from_s), line.map(|l| l.to_s));
    Some(f)
}

fn minutes_between(from: jiff::Timestamp, to: jiff::Timestamp) -> i64 {
    (to.as_second() - from.as_second()).div_euclid(60)
}

/// The instant of the visit's first call.
fn first_attempt(ctx: &Ctx<'_>) -> Option<jiff::Timestamp> {
    let invited = ctx.e.call.instants.invited_at;
    if ctx.e.call.attempt <= 1 { invited.or(ctx.e.visit.first_attempt_at) } else { ctx.e.visit.first_attempt_at }
}

/// A01: within thirty working minutes of the SMS.
fn a01_called_within_thirty_minutes(ctx: &Ctx<'_>) -> Option<Finding> {
    let first = first_attempt(ctx).filter(|_| by_sms(ctx))?;
    let waited = minutes_between(ctx.e.visit.clock_starts_at, first);
    if first <= ctx.e.visit.due_at {
        return pass("A01", format!("计时开始后 {waited} 分钟首次呼叫"), None);
    }
    let cause = ctx.e.visit.late_cause.as_deref().unwrap_or("未记录原因");
    finding(
        "A01",
        Severity::Amber,
        format!("计时开始后 {waited} 分钟才首次呼叫（{cause}）"),
        "报完工短信后三十分钟内回访",
    )
}

/// A02: three working hours at the latest.
fn a02_called_within_three_hours(ctx: &Ctx<'_>) -> Option<Finding> {
    let first = first_attempt(ctx).filter(|_| by_sms(ctx))?;
    if first <= ctx.e.visit.deadline_at {
        return pass("A02", "在三小时时限内呼叫", None);
    }
    let waited = minutes_between(ctx.e.visit.clock_starts_at, first);
    finding("A02", Severity::Red, format!("计时开始后 {waited} 分钟才首次呼叫"), "最迟不得超过三个小时")
}

/// A01 and A02 are about completion SMS; what began otherwise has the times of its programme.
fn by_sms(ctx: &Ctx<'_>) -> bool {
    ctx.e.visit.origin.trigger == Trigger::Sms
}

/// C01: the recording is there, whole from answer to hang-up.
fn c01_recording_is_whole(ctx: &Ctx<'_>) -> Option<Finding> {
    let expected = "回访通话必须保有录音，从接通到挂机完整";
    let Some(r) = &ctx.e.call.recording else {
        return finding("C01", Severity::Red, "通话已接通但没有录音", expected);
    };
    if matches!(r.state, RecordingState::Missing | RecordingState::Open) {
        return finding("C01", Severity::Red, "录音文件缺失或未关闭", expected);
    }
    let talk = ctx.e.call.instants.talk_s().unwrap_or(0.0);
    let recorded = r.seconds - r.answered_at_s.unwrap_or(0.0);
    let lost: f64 = r
        .gaps
        .iter()
        .filter(|g| matches!(g.reason, GapReason::Crash | GapReason::RecorderFailed))
        .map(|g| g.to_s - g.from_s)
        .sum();
    if recorded + TOLERANCE_S < talk || lost > 0.0 {
        return finding(
            "C01",
            Severity::Red,
            format!("录音 {recorded:.1} 秒，通话 {talk:.1} 秒，缺失 {:.1} 秒", (talk - recorded).max(lost)),
            expected,
        );
    }
    let quiet: f64 = r.gaps.iter().map(|g| g.to_s - g.from_s).sum();
    let note = if quiet > 0.0 { format!("，其中 {quiet:.1} 秒线路无声已标注") } else { String::new() };
    pass("C01", format!("录音完整：{recorded:.1} 秒 / 通话 {talk:.1} 秒{note}"), None)
}

fn c04_identity_asked_and_confirmed(ctx: &Ctx<'_>) -> Option<Finding> {
    let Some(asked) = speech::identity_asked(&ctx.lines) else {
        return finding("C04", Severity::Amber, "没有核对客户身份", "开场核对是否客户本人");
    };
    let (who, _) = speech::respondent(&ctx.lines);
    let seen = match who {
        crate::domain::facts::Respondent::Confirmed => "已核对身份，客户确认是本人",
        crate::domain::facts::Respondent::OtherInformed => "已核对身份，非本人但了解服务",
        crate::domain::facts::Respondent::WrongNumber => "已核对身份，号码不对",
        crate::domain::facts::Respondent::NotPresent => "已核对身份，本人不在",
        crate::domain::facts::Respondent::Unconfirmed => {
            let mut f = finding("C04", Severity::Info, "问了身份，客户没有明确回答", "确认回访对象")?;
            f.from_s = Some(asked.from_s);
            return Some(f);
        }
    };
    pass("C04", seen, Some(asked))
}

fn c05_opening_names_company_and_role(ctx: &Ctx<'_>) -> Option<Finding> {
    match speech::opening(&ctx.lines) {
        Some(l) => pass("C05", "开场说明了公司和身份", Some(l)),
        None => finding("C05", Severity::Amber, "开场没有说明公司和身份", "说明是福田雷沃重工客服代表"),
    }
}

fn c06_consent_asked(ctx: &Ctx<'_>) -> Option<Finding> {
    match speech::consent_asked(&ctx.lines) {
        Some(l) => pass("C06", "征求了客户同意", Some(l)),
        None if ended_early(ctx) => None,
        None => finding("C06", Severity::Amber, "没有征求客户同意", "耽误您两分钟…可以吗"),
    }
}

/// C07: no question before the customer agreed.
fn c07_consent_before_the_first_question(ctx: &Ctx<'_>) -> Option<Finding> {
    let first = ctx.lines.iter().find(|l| speech::is_question(l))?;
    let before: Vec<Line> = ctx.lines.iter().filter(|l| l.from_s < first.from_s).cloned().collect();
    match speech::consent(&before).consent {
        Consent::Given => pass("C07", "客户同意后才开始提问", Some(first)),
        Consent::Refused => finding("C07", Severity::Red, "客户没有同意，仍然提问", "征得用户同意开始回访"),
        Consent::NotAsked => finding("C07", Severity::Amber, "第一个问题之前没有听到客户同意", "征得用户同意开始回访"),
    }
}

/// C09: a refusal ends the call, politely and without another question.
fn c09_refusal_ends_politely(ctx: &Ctx<'_>) -> Option<Finding> {
    let heard = speech::consent(&ctx.lines);
    let refused = matches!(ctx.e.call.conversation, Some(ConversationEnd::Refused | ConversationEnd::OptedOut { .. }))
        || heard.consent == Consent::Refused;
    if !refused {
        return None;
    }
    let at = ctx.lines.iter().find(|l| !l.agent() && speech::refuses_visit(&l.text)).map_or(0.0, |l| l.from_s);
    let after: Vec<&Line> = ctx.lines.iter().filter(|l| l.agent() && l.from_s > at).collect();
    if after.iter().any(|l| speech::is_question(l)) {
        return finding("C09", Severity::Red, "客户拒绝后继续提问", "用户不愿接受回访时礼貌终止通话");
    }
    match after.iter().find(|l| l.has(&["打扰", "再见", "祝您"])) {
        Some(l) => pass("C09", "客户拒绝，礼貌结束", Some(l)),
        None => finding("C09", Severity::Amber, "客户拒绝后没有礼貌的结束语", "打扰您了，再见"),
    }
}

/// C11: three minutes, complaints excepted.
fn c11_three_minutes_at_most(ctx: &Ctx<'_>) -> Option<Finding> {
    let talk = ctx.e.call.instants.talk_s()?;
    match (talk > LENGTH_S, ctx.e.complaint) {
        (false, _) => pass("C11", format!("通话 {talk:.0} 秒"), None),
        (true, true) => finding(
            "C11",
            Severity::Info,
            format!("通话 {talk:.0} 秒，客户有抱怨，不计超时"),
            "控制在3分钟之内（抱怨除外）",
        ),
        (true, false) => finding("C11", Severity::Amber, format!("通话 {talk:.0} 秒"), "控制在3分钟之内"),
    }
}

/// C12 says three, E01 needs five: the programme decides how many.
fn c12_satisfaction_items(ctx: &Ctx<'_>) -> Option<Finding> {
    let mut asked: Vec<Indicator> = ctx.lines.iter().flat_map(|l| l.rates.iter().copied()).collect();
    asked.sort_unstable();
    asked.dedup();
    let (n, allowed) = (asked.len(), ctx.e.items_max);
    match u32::try_from(n).unwrap_or(u32::MAX) {
        0 => None,
        n if n <= allowed => pass("C12", format!("满意度问题 {n} 项（本方案允许 {allowed} 项）"), None),
        n => finding(
            "C12",
            Severity::Amber,
            format!("满意度问题 {n} 项（本方案允许 {allowed} 项）"),
            "满意度问题不超过方案规定的项数",
        ),
    }
}

/// C16: who sent the BYE.
fn c16_customer_hangs_up_first(ctx: &Ctx<'_>) -> Option<Finding> {
    match ctx.e.call.hung_up_by? {
        Party::Customer => pass("C16", "客户先挂机", None),
        Party::Network => finding("C16", Severity::Info, "线路中断，无法判断谁先挂机", "等用户先挂断"),
        Party::Us => {
            let waited = speech::closing(&ctx.lines).is_some();
            let (severity, seen) = if waited {
                (Severity::Info, "结束语后等待超时，由我方挂机")
            } else {
                (Severity::Amber, "我方先挂机")
            };
            finding("C16", severity, seen, "必须等用户先挂断")
        }
    }
}

/// C18: a level of three or less, and the reason asked before the next item.
fn c18_low_answer_is_probed(ctx: &Ctx<'_>) -> Option<Finding> {
    let card = ctx.e.scorecard?;
    let low: Vec<&Score> = card.scores.iter().filter(|s| s.in_force().is_some_and(|l| l.get() <= 3)).collect();
    let first = low.first()?;
    let at = first.evidence.iter().filter_map(|e| e.from_s).fold(f64::INFINITY, f64::min);
    let from = if at.is_finite() { at } else { 0.0 };
    match probe::probe_after(ctx.rubric, &ctx.lines, from, &[from]) {
        Some(l) => pass("C18", "低分之后追问了原因", Some(l)),
        None => {
            let names: Vec<&str> = low.iter().map(|s| s.indicator.name()).collect();
            finding(
                "C18",
                Severity::Amber,
                format!("{}低于满意，没有追问原因", names.join("、")),
                "必须追问不满意的原因",
            )
        }
    }
}

/// C26: closing words and the right hotline. Not expected where the call ended early.
fn c26_closing_and_hotline(ctx: &Ctx<'_>) -> Option<Finding> {
    let expected = "结束语并告知服务热线 400 658 9888";
    match (speech::closing(&ctx.lines), speech::hotline(&ctx.lines)) {
        (_, Some((l, false))) => {
            let mut f = finding("C26", Severity::Red, "热线号码说错", expected)?;
            f.from_s = Some(l.from_s);
            Some(f)
        }
        (Some(l), Some((_, true))) => pass("C26", "说了结束语和正确的热线", Some(l)),
        _ if ended_early(ctx) => None,
        (Some(_), None) => finding("C26", Severity::Amber, "结束时没有说热线", expected),
        (None, _) => finding("C26", Severity::Amber, "没有说结束语", expected),
    }
}

/// E01: the index needs all five.
fn e01_all_five_scored(ctx: &Ctx<'_>) -> Option<Finding> {
    let index = ctx.e.scorecard?.index();
    match index.mean {
        Some(mean) => pass("E01", format!("五项齐全，满意度指数 {mean:.2}"), None),
        None if ended_early(ctx) => None,
        None => finding(
            "E01",
            Severity::Info,
            format!("只有 {} 项有评分，不计算指数", index.n_scored),
            "五项指标齐全才计算算术平均值",
        ),
    }
}

/// E09: words that need a person at once.
fn e09_severe_language(ctx: &Ctx<'_>) -> Option<Finding> {
    let alarm = ctx.e.scorecard?.alarms.first()?;
    let words: Vec<&str> = ctx.e.scorecard?.alarms.iter().map(|a| a.text.as_str()).collect();
    let mut f = finding("E09", Severity::Red, format!("客户说：{}", words.join("、")), "立即上报主管")?;
    (f.from_s, f.to_s) = (alarm.from_s, alarm.to_s);
    Some(f)
}

/// Refused, wrong number, not now, hung up, a fault: closing and five levels are not to be expected.
pub(super) fn ended_early(ctx: &Ctx<'_>) -> bool {
    let whole = matches!(ctx.e.call.conversation, Some(ConversationEnd::Completed));
    !whole || ctx.e.call.outcome != Some(Outcome::Answered)
}
