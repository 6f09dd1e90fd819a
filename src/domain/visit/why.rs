//! Invariant 4: every wait has a reason that a person can read, and every late case a cause.
//!
//! The reason is computed by the same [`blocker`] that the planner obeys, so what is shown is what holds the visit.

use super::plan::{Disk, Hours, HoursCache, LookedAt, Ready, Situation, Slots, TrunkState, choose, mode_of};
use super::steps::guard_minutes;
use super::task::{CloseCause, Visit, VisitState, WaitReason};
use crate::domain::call::outcome::Outcome;
use crate::domain::id::{SeatId, VisitId};
use crate::domain::opt_out::OptOut;
use crate::domain::programme::{DialMode, EndKind, Programme, RetryRule, RuleKey, Trigger};
use crate::domain::seat::{self, NoSeat, Seat};
use crate::domain::when::local_text;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The answer to "why is this visit not being called?".
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    pub code: WhyCode,
    /// One sentence.
    pub text_zh: String,
    /// When this reason ends, where that is known.
    pub until: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyCode {
    /// Nothing is in the way; it is dialled with the next plan.
    Ready,
    InCall,
    Completed,
    Closed,
    /// The customer does not want to be called (C09).
    OptedOut,
    /// The clock has not started (A03).
    NotStarted,
    RetrySpacing,
    /// A04.
    RedialGuard,
    Appointment,
    Rescheduled,
    Interrupted,
    /// The call is over; its agent is still to say what it came to.
    WrapUp,
    /// An agent looks at it before the call.
    AtSeat,
    ForPerson,
    /// Held after the deadline (A02).
    Escalated,
    /// A13.
    QuietHours,
    SiteClosed,
    DialingOff,
    /// C01.
    DiskLow,
    TrunkDown,
    /// As many calls as a day may have were made (`dialer.daily_calls`).
    DayIsSpent,
    /// Another visit of this customer is on the line, or goes first.
    SameCustomer,
    /// All lines or channels are taken.
    Busy,
    /// B01.
    SeatReserve,
    /// No agent is signed in.
    NoSeat,
    /// All agents are busy or on break.
    SeatsBusy,
    /// No idle agent can serve it.
    SeatSkill,
    NoProgramme,
}

/// What holds a waiting visit back, before capacity. In the order in which it is shown.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Blocker {
    NoProgramme,
    ForPerson { problem: String },
    WrapUp { seat: SeatId, until: Timestamp },
    AtSeat { seat: SeatId, until: Option<Timestamp> },
    RedialGuard { until: Timestamp },
    NotYet { until: Timestamp },
    Escalated,
    QuietHours { until: Timestamp },
    SiteClosed { until: Timestamp },
    SameCustomer { calling: VisitId },
    CustomerRests { until: Timestamp },
    DialingOff,
    DiskLow { free_mb: u64, floor_mb: u64 },
    TrunkDown { reason: String, retry_at: Option<Timestamp> },
    DayIsSpent { calls_max: u32, until: Timestamp },
}

/// The first obstacle of a visit in `Waiting`; `None` also for visits that do not wait. `hours` is `None` for an unknown programme;
/// `holder` is the seat that holds the visit.
pub(super) fn blocker(
    now: Timestamp,
    visit: &Visit,
    s: &Situation,
    hours: Option<Hours>,
    holder: Option<&Seat>,
) -> Option<Blocker> {
    let VisitState::Waiting { not_before, reason } = &visit.state else { return None };
    let Some(hours) = hours else { return Some(Blocker::NoProgramme) };
    if let WaitReason::ForPerson { problem } = reason {
        return Some(Blocker::ForPerson { problem: problem.clone() });
    }
    if let Some(problem) = s.same.doubted(&visit.id, reason, now, visit.calendar(s.calendar).tz()) {
        return Some(Blocker::ForPerson { problem });
    }
    // Before A04: what the call came to decides first.
    if let WaitReason::WrapUp { seat, until, .. } = reason {
        return Some(Blocker::WrapUp { seat: seat.clone(), until: *until });
    }
    if let Some(seat) = holder {
        return Some(Blocker::AtSeat { seat: seat.id.clone(), until: seat.lapses_at() });
    }
    if let Some(until) = visit.redial_guard.filter(|guard| *guard > now) {
        return Some(Blocker::RedialGuard { until: until.max(*not_before) });
    }
    if *not_before > now {
        return Some(Blocker::NotYet { until: *not_before });
    }
    if hours.hold_after_deadline && now > visit.deadline_at && !reason.on_request() {
        return Some(Blocker::Escalated);
    }
    // A round that was allowed to begin may end; only quiet hours come between.
    let by_hand = matches!(reason, WaitReason::ByHand { .. } | WaitReason::NextTrunk { .. });
    let callable = if by_hand {
        hours.quiet_over
    } else if reason.on_request() {
        hours.requested
    } else {
        hours.ordinary
    };
    if callable > now {
        let quiet = hours.quiet_over > now;
        return Some(if quiet {
            Blocker::QuietHours { until: callable }
        } else {
            Blocker::SiteClosed { until: callable }
        });
    }
    if let Some(calling) = s.same.on_line(&visit.id) {
        return Some(Blocker::SameCustomer { calling: calling.clone() });
    }
    let named = reason.on_request() || matches!(reason, WaitReason::NextTrunk { .. });
    if let Some(until) = s.same.rests_until(&visit.id, now).filter(|_| !named) {
        return Some(Blocker::CustomerRests { until });
    }
    world(s)
}

/// One customer is called for one visit at a time.
const GOES_FIRST: &str = "该客户另有更紧急的回访先拨，同一客户一次只打一个";

/// Obstacles that all visits share.
fn world(s: &Situation) -> Option<Blocker> {
    if !s.gate.dialling_enabled {
        return Some(Blocker::DialingOff);
    }
    if let Disk::Low { free_mb, floor_mb } = s.gate.disk {
        return Some(Blocker::DiskLow { free_mb, floor_mb });
    }
    if let Some(budget) = s.gate.budget.filter(|budget| budget.left() == 0) {
        return Some(Blocker::DayIsSpent { calls_max: budget.limit.calls_max, until: budget.limit.until });
    }
    match &s.gate.trunk {
        TrunkState::Ready { .. } => None,
        TrunkState::Down { reason, retry_at } => {
            Some(Blocker::TrunkDown { reason: reason.clone(), retry_at: *retry_at })
        }
    }
}

/// One sentence for every state a visit can be in.
pub fn why(now: Timestamp, visit: &Visit, s: &Situation) -> Why {
    let clock = |t: Timestamp| local_text(t, now, visit.calendar(s.calendar).tz());
    match &visit.state {
        VisitState::Calling { since, .. } => {
            Why::new(WhyCode::InCall, format!("正在进行第{}次呼叫，{}开始", visit.attempts, clock(*since)), None)
        }
        VisitState::Completed { at, .. } => Why::new(WhyCode::Completed, format!("回访已于{}完成", clock(*at)), None),
        VisitState::Closed { cause, at } => {
            Why::new(WhyCode::Closed, format!("回访已于{}关闭：{}", clock(*at), cause.text_zh()), None)
        }
        VisitState::Waiting { reason, .. } => {
            let programme = s.programmes.get(&visit.programme);
            let hours = programme.map(|p| Hours::of(now, p, visit.calendar(s.calendar)));
            match blocker(now, visit, s, hours, LookedAt::new(s.seats).by(visit)) {
                Some(blocker) => blocked(now, visit, reason, &blocker, programme, s),
                None => capacity(now, visit, s),
            }
        }
    }
}

/// The customer's wish stands in the way, whatever else the visit waits for; `None` where it changes nothing any more.
pub fn forbidden(now: Timestamp, visit: &Visit, wish: &OptOut, s: &Situation) -> Option<Why> {
    let tz = visit.calendar(s.calendar).tz();
    let closed = match &visit.state {
        VisitState::Waiting { .. } => String::new(),
        VisitState::Closed { cause: CloseCause::OptedOut, at } => format!("回访已于{}关闭：", local_text(*at, now, tz)),
        VisitState::Calling { .. } | VisitState::Completed { .. } | VisitState::Closed { .. } => return None,
    };
    Some(Why::new(WhyCode::OptedOut, closed + &wish.text_zh(now, tz), None))
}

/// What holds a visit that is not blocked: nothing, or the queue for lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    Now,
    /// Another visit of the same customer is dialled now.
    SameCustomer,
    Queued,
}

/// Why the visit is late: what was tried, and what holds it now. `held` is what the planner found.
pub(super) fn late_cause(now: Timestamp, visit: &Visit, s: &Situation, held: Result<Turn, &Blocker>) -> String {
    let VisitState::Waiting { reason, .. } = &visit.state else { return String::new() };
    let held = match held {
        Err(blocker) => blocked(now, visit, reason, blocker, s.programmes.get(&visit.programme), s).text_zh,
        Ok(Turn::SameCustomer) => GOES_FIRST.to_string(),
        Ok(Turn::Queued) => no_seat(now, visit, s).map_or("线路、通道或坐席已占满，排队等待".into(), |why| why.text_zh),
        // Nothing is in the way now and yet it is late: the engine was down, or the obstacle has just ended.
        Ok(Turn::Now) => "到期前系统未运行或刚刚恢复，现在拨打".to_string(),
    };
    match (reason, visit.attempts) {
        (_, 0) => format!("到期前没有呼叫：{held}"),
        (WaitReason::RetrySpacing { after, .. }, n) => {
            format!("已呼叫{n}次未完成回访（最近一次：{}）；{held}", after.text_zh())
        }
        (_, n) => format!("已呼叫{n}次未完成回访；{held}"),
    }
}

impl Why {
    fn new(code: WhyCode, text_zh: String, until: Option<Timestamp>) -> Self {
        Self { code, text_zh, until }
    }
}

fn blocked(
    now: Timestamp,
    visit: &Visit,
    reason: &WaitReason,
    blocker: &Blocker,
    programme: Option<&Programme>,
    s: &Situation,
) -> Why {
    let clock = |t: Timestamp| local_text(t, now, visit.calendar(s.calendar).tz());
    match blocker {
        Blocker::NoProgramme => Why::new(
            WhyCode::NoProgramme,
            format!("没有名为 {} 的回访方案，请检查 programmes 目录", visit.programme),
            None,
        ),
        Blocker::ForPerson { problem } => {
            Why::new(WhyCode::ForPerson, format!("{problem}，等待人工改约、拨打或关闭"), None)
        }
        Blocker::WrapUp { seat, until } => {
            Why::new(WhyCode::WrapUp, wrap_up_zh(visit.attempts, seat, &clock(*until)), Some(*until))
        }
        Blocker::AtSeat { seat, until } => {
            Why::new(WhyCode::AtSeat, format!("坐席 {seat} 正在查看该回访，由其决定拨打或退回"), *until)
        }
        Blocker::RedialGuard { until } => {
            let minutes = programme.map_or(0, guard_minutes);
            let text =
                format!("客户{}，按规则 A04 要间隔 {minutes} 分钟，最早 {} 再拨", left_zh(reason), clock(*until));
            Why::new(WhyCode::RedialGuard, text, Some(*until))
        }
        Blocker::NotYet { until } => {
            let mut why = not_yet(reason, &clock(*until), *until, programme, visit);
            why.text_zh.push_str(&trunk_note(reason, &s.gate.trunk));
            why
        }
        Blocker::Escalated => {
            Why::new(WhyCode::Escalated, "已超过最迟时限（规则 A02）并上报主管，等待人工决定".into(), None)
        }
        Blocker::QuietHours { until } => {
            let hours = programme.map(Programme::calling_hours_text).unwrap_or_default();
            let text = format!("现在是客户休息时间，按规则 A13 只在 {hours} 呼叫，最早 {} 拨打", clock(*until));
            Why::new(WhyCode::QuietHours, text, Some(*until))
        }
        Blocker::SiteClosed { until } => {
            Why::new(WhyCode::SiteClosed, format!("现在不是工作时间，最早 {} 拨打", clock(*until)), Some(*until))
        }
        Blocker::SameCustomer { calling } => {
            let other = s.visits.iter().find(|other| other.id == *calling);
            let order = other.map(|other| format!("（订单 {}）", other.order_no)).unwrap_or_default();
            let text = format!("正在为另一个回访{order}与该客户通话，同一客户一次只打一个，通话结束后再拨");
            Why::new(WhyCode::SameCustomer, text, None)
        }
        Blocker::CustomerRests { until } => {
            let at = clock(*until);
            let text = format!("刚为另一个回访给该客户打过电话，同一客户不连续打扰，最早 {at} 再拨");
            Why::new(WhyCode::SameCustomer, text, Some(*until))
        }
        Blocker::DialingOff => Why::new(WhyCode::DialingOff, "外呼已停用（dialer.enabled = false）".into(), None),
        Blocker::DiskLow { free_mb, floor_mb } => {
            let text = format!("录音磁盘只剩 {free_mb} MB，低于 {floor_mb} MB；按规则 C01 不能录音就不呼叫");
            Why::new(WhyCode::DiskLow, text, None)
        }
        Blocker::TrunkDown { reason, retry_at } => {
            let retry = retry_at.filter(|at| *at > now).map_or_else(String::new, |at| format!("，{} 重试", clock(at)));
            Why::new(WhyCode::TrunkDown, format!("线路不可用：{reason}{retry}"), *retry_at)
        }
        Blocker::DayIsSpent { calls_max, until } => {
            let text = format!("今天的外呼次数已用完（dialer.daily_calls = {calls_max}），{} 起再拨", clock(*until));
            Why::new(WhyCode::DayIsSpent, text, Some(*until))
        }
    }
}

/// After a fault of the line: whether there is any line now.
fn trunk_note(reason: &WaitReason, trunk: &TrunkState) -> String {
    let of_line = matches!(reason, WaitReason::RetrySpacing { after: Outcome::TrunkFailure | Outcome::AuthFailed, .. });
    match trunk {
        TrunkState::Down { reason, .. } if of_line => format!("；目前线路不可用：{reason}"),
        TrunkState::Down { .. } | TrunkState::Ready { .. } => String::new(),
    }
}

fn not_yet(reason: &WaitReason, at: &str, until: Timestamp, programme: Option<&Programme>, visit: &Visit) -> Why {
    let until = Some(until);
    match reason {
        WaitReason::New => Why::new(WhyCode::NotStarted, not_started_zh(visit, programme, at), until),
        WaitReason::RetrySpacing { after, attempt, rule } => {
            let key = RuleKey::parse(rule).unwrap_or(RuleKey::Outcome(*after));
            let nth = visit.tries.get(key.name()).copied().unwrap_or(1);
            let spacing = programme.map_or(0, |p| spacing_minutes(p, key, nth));
            let person = programme.is_some_and(|p| needs_person(p, key));
            let person = if person { "；需要人工处理" } else { "" };
            let text = format!("第{attempt}次呼叫{}，间隔 {spacing} 分钟，最早 {at} 再拨{person}", rule_zh(key));
            Why::new(WhyCode::RetrySpacing, text, until)
        }
        WaitReason::NextTrunk { after, attempt, tried } => {
            let tried = tried.join("、");
            let text = format!("第{attempt}次呼叫{}（线路 {tried}），马上改走另一条线路", after.text_zh());
            Why::new(WhyCode::RetrySpacing, text, until)
        }
        WaitReason::Appointment { said: Some(said), .. } => {
            Why::new(WhyCode::Appointment, format!("客户说“{said}”方便，约定 {at} 再拨"), until)
        }
        WaitReason::Appointment { said: None, settled: true } => {
            Why::new(WhyCode::Appointment, format!("坐席与客户约定 {at} 再拨"), until)
        }
        WaitReason::Appointment { said: None, settled: false } => {
            Why::new(WhyCode::Appointment, format!("客户当时不方便且没有说定时间，{at} 再拨"), until)
        }
        WaitReason::Rescheduled { by, note } if note.is_empty() => {
            Why::new(WhyCode::Rescheduled, format!("{by}改约到 {at}"), until)
        }
        WaitReason::Rescheduled { by, note } => {
            Why::new(WhyCode::Rescheduled, format!("{by}改约到 {at}：{note}"), until)
        }
        WaitReason::ByHand { by } => Why::new(WhyCode::Rescheduled, format!("{by}要求 {at} 拨打"), until),
        WaitReason::WrapUp { seat, .. } => Why::new(WhyCode::WrapUp, wrap_up_zh(visit.attempts, seat, at), until),
        WaitReason::Interrupted { attempt } => {
            let text = format!("第{attempt}次呼叫时系统中断，为不立即重复打扰客户，最早 {at} 再拨");
            Why::new(WhyCode::Interrupted, text, until)
        }
        WaitReason::ForPerson { problem } => Why::new(WhyCode::ForPerson, problem.clone(), until),
    }
}

/// The window has not opened, or the site has not.
fn not_started_zh(visit: &Visit, programme: Option<&Programme>, at: &str) -> String {
    let origin = &visit.origin;
    let stage = programme.and_then(|programme| programme.stage(&origin.stage));
    match (stage.and_then(|stage| stage.window.after), origin.trigger) {
        (Some(after), trigger) => {
            format!("按方案在{}之后{}起回访，最早 {at} 拨打", trigger.text_zh(), after.text_zh())
        }
        (None, Trigger::Sms) => {
            format!("短信在工作时间以外收到，按规则 A03 从下一个上班时间开始计时，最早 {at} 拨打")
        }
        (None, trigger) => {
            format!("{}在工作时间以外，按规则 A03 从下一个上班时间开始计时，最早 {at} 拨打", trigger.text_zh())
        }
    }
}

fn wrap_up_zh(attempt: u32, seat: &SeatId, until: &str) -> String {
    format!("第{attempt}次呼叫已结束，等待坐席 {seat} 填写回访结果，最晚 {until}")
}

/// Nothing but capacity is in the way.
fn capacity(now: Timestamp, visit: &Visit, s: &Situation) -> Why {
    let mode = mode_of(visit, s);
    if matches!(s.gate.trunk, TrunkState::Ready { free_lines: 0 }) {
        return Why::new(WhyCode::Busy, "外线全部占用，有线路空出就拨打".into(), None);
    }
    if mode == DialMode::Agent {
        return agents(now, visit, s);
    }
    let free = Slots::of(now, s).free(mode) as usize;
    if free == 0 {
        return Why::new(WhyCode::Busy, "自动回访通道全部占用，有通道空出就拨打".into(), None);
    }
    let (hours, looked_at) = (HoursCache::new(now, s), LookedAt::new(s.seats));
    let more_urgent = || s.visits.iter().filter(|other| before(now, other, visit, s, &hours, &looked_at));
    if more_urgent().any(|other| s.same.are(&other.id, &visit.id)) {
        return Why::new(WhyCode::SameCustomer, GOES_FIRST.into(), None);
    }
    let ahead = more_urgent().filter(|other| mode_of(other, s) == mode).count();
    if ahead < free {
        return Why::new(WhyCode::Ready, "没有阻碍，马上拨打".into(), None);
    }
    Why::new(WhyCode::Busy, format!("前面还有{ahead}个更紧急的回访，空闲线路{free}条"), None)
}

/// Which visit takes which seat depends on all of them: the planner's own choice is asked.
fn agents(now: Timestamp, visit: &Visit, s: &Situation) -> Why {
    if let Some(why) = no_seat(now, visit, s) {
        return why;
    }
    let (hours, looked_at) = (HoursCache::new(now, s), LookedAt::new(s.seats));
    let free = |v: &Visit| blocker(now, v, s, hours.of(v), looked_at.by(v)).is_none();
    let mut ready: Vec<Ready> = s.visits.iter().filter(|v| free(v)).filter_map(|v| Ready::of(now, v, s)).collect();
    let chosen = choose(now, &mut ready, s);
    let ahead = Ready::of(now, visit, s).map_or(0, |own| {
        let agents = ready.iter().filter(|other| mode_of(other.visit, s) == DialMode::Agent);
        agents.filter(|other| other.place() < own.place()).count()
    });
    let chosen = &ready[..chosen];
    if chosen.iter().any(|first| first.visit.id == visit.id) {
        Why::new(WhyCode::Ready, "没有阻碍，马上拨打".into(), None)
    } else if chosen.iter().any(|first| s.same.are(&first.visit.id, &visit.id)) {
        Why::new(WhyCode::SameCustomer, GOES_FIRST.into(), None)
    } else {
        let idle = Slots::of(now, s).free(DialMode::Agent);
        Why::new(WhyCode::Busy, format!("前面还有{ahead}个更紧急的回访，可分配的空闲坐席{idle}个"), None)
    }
}

/// Why no seat could take the visit even if no other were there; `None` also when no agent is to make it.
fn no_seat(now: Timestamp, visit: &Visit, s: &Situation) -> Option<Why> {
    if mode_of(visit, s) != DialMode::Agent {
        return None;
    }
    let (reserve, total) = (s.capacity.reserve_idle_seats, s.seats.len());
    if total > 0 && u32::try_from(total).is_ok_and(|total| total <= reserve) {
        let text = format!(
            "共有{total}个坐席，按规则 B01 要保留{reserve}个空闲坐席，因此永远不会拨打；\
             请把 dialer.reserve_idle_seats 调小（单坐席站点设为 0）"
        );
        return Some(Why::new(WhyCode::SeatReserve, text, None));
    }
    let no_seat = match s.wants.get(&visit.id) {
        Some(wanted) => seat::choose(now, s.seats, wanted, reserve).err(),
        None => seat::may_take(now, s.seats, reserve).err(),
    }?;
    let code = match no_seat {
        NoSeat::Nobody => WhyCode::NoSeat,
        NoSeat::AllBusy => WhyCode::SeatsBusy,
        NoSeat::Floor { .. } => WhyCode::SeatReserve,
        NoSeat::NoSkill { .. } => WhyCode::SeatSkill,
    };
    Some(Why::new(code, no_seat.to_string(), None))
}

/// Whether `other` is dialled before `visit`.
fn before(
    now: Timestamp,
    other: &Visit,
    visit: &Visit,
    s: &Situation,
    hours: &HoursCache,
    looked_at: &LookedAt,
) -> bool {
    let (Some(a), Some(b)) = (Ready::of(now, other, s), Ready::of(now, visit, s)) else { return false };
    if a.place() >= b.place() {
        return false;
    }
    blocker(now, other, s, hours.of(other), looked_at.by(other)).is_none()
}

fn spacing_minutes(programme: &Programme, key: RuleKey, nth: u32) -> u64 {
    match programme.rule(key) {
        RetryRule::Retry(retry) => retry.spacing_after(nth).as_secs() / 60,
        RetryRule::Close(_) => 0,
    }
}

fn needs_person(programme: &Programme, key: RuleKey) -> bool {
    match programme.rule(key) {
        RetryRule::Retry(retry) => retry.needs_person,
        RetryRule::Close(_) => false,
    }
}

/// How the customer left, for the sentence on A04.
fn left_zh(reason: &WaitReason) -> &'static str {
    match reason {
        WaitReason::RetrySpacing { after: Outcome::Declined, .. } => "拒接过电话",
        // Nobody hung up: the engine stopped, or a person ended the call.
        WaitReason::Interrupted { .. } | WaitReason::RetrySpacing { after: Outcome::Answered, .. } => {
            "已接听而通话被系统中断"
        }
        _ => "挂断过电话",
    }
}

/// What happened, after "第N次呼叫".
pub(super) fn rule_zh(key: RuleKey) -> &'static str {
    match key {
        RuleKey::Outcome(outcome) => outcome.text_zh(),
        RuleKey::End(EndKind::Refused) => "客户拒绝回访",
        RuleKey::End(EndKind::Callback) => "客户要求改时间",
        RuleKey::End(EndKind::WrongNumber) => "号码不是客户的",
        RuleKey::End(EndKind::NotInformed) => "接听人不了解服务过程（规则 C08）",
        RuleKey::End(EndKind::Abandoned) => "客户中途挂断",
        RuleKey::End(EndKind::Silent) => "接通后无人说话",
        RuleKey::End(EndKind::Machine) => "由语音信箱或通话助理接听",
        RuleKey::End(EndKind::Fault) => "接通后因故障中断",
    }
}

impl CloseCause {
    /// For people.
    pub fn text_zh(self) -> &'static str {
        match self {
            Self::Cancelled => "人工取消",
            Self::Refused => "客户不愿接受回访",
            Self::OptedOut => "客户要求过不再来电",
            Self::Settled => "承诺的事情已经了结，不必再打",
            Self::WrongNumber => "号码不是客户的（规则 A08）",
            Self::InvalidNumber => "空号",
            Self::AttemptsUsedUp => "呼叫次数已用完，转短信、邮件或信函（规则 A06）",
            Self::Sms => "呼叫次数已用完，改发短信（规则 A06）",
            Self::Email => "呼叫次数已用完，改发邮件（规则 A06）",
            Self::Letter => "呼叫次数已用完，改寄信函（规则 A06）",
            Self::ForAdviser => "呼叫次数已用完，已标记，客户下次来店时由服务顾问核对（规则 A06）",
        }
    }
}
