//! Orders beside words, one subject each.

use super::*;
use crate::domain::facts::facts_of;
use crate::domain::score::{Answer, Rubric};

/// Sunday the 22nd, 09:00 in Shanghai.
fn called_at() -> Zoned {
    "2026-11-22T09:00:00+08:00[Asia/Shanghai]".parse().unwrap()
}

fn at(text: &str) -> Option<jiff::Timestamp> {
    Some(format!("2026-11-{text}:00+08:00").parse().unwrap())
}

/// The comparison of the one claim that `claims` makes with the answer to `question`.
fn compared(claims: Claims, question: &str, answer: &str) -> (Verdict, Comparison) {
    let facts = facts_of(Rubric::builtin(), &[Answer::bare(None, question, answer)]);
    let check = check(&claims, &facts, &called_at(), &Tolerance::default());
    (check.verdict, check.comparisons.into_iter().next().unwrap())
}

#[test]
fn d04_reported_hours_against_the_meter_within_the_tolerance() {
    let check = |claimed: f64, said: &str, want: Agreement, by: Option<&str>| {
        let claims = Claims { reported_hours: Some(claimed), ..Claims::default() };
        let (_, c) = compared(claims, "您的挖掘机现在工作多少小时了", said);
        assert_eq!((c.agreement, c.by.as_deref()), (want, by), "{claimed} {said}: {}", c.reason);
        assert_eq!(c.alarm, want == Agreement::Differs);
    };
    check(1032.0, "一千零三十二个小时", Agreement::Agrees, None);
    check(1032.0, "一千出头", Agreement::Agrees, None);
    check(1000.0, "五百二十个小时", Agreement::Differs, Some("相差480小时"));
    check(1032.0, "九百 不对 是一千零三十二", Agreement::Agrees, None);
    check(1000.0, "没看表 不清楚", Agreement::NotSaid, None);
}

#[test]
fn d05_d06_spoken_times_against_the_orders_instants() {
    let check = |claimed: &str, said: &str, want: Agreement, by: Option<&str>| {
        let claims = Claims { arrived_at: at(claimed), ..Claims::default() };
        let (_, c) = compared(claims, "工程师什么时间到达现场的", said);
        assert_eq!((c.agreement, c.by.as_deref()), (want, by), "{claimed} {said}: {}", c.reason);
    };
    check("18T10:20", "十八号上午十点二十", Agreement::Agrees, None);
    check("18T11:00", "十八号上午十点二十", Agreement::Agrees, None);
    check("18T15:20", "十八号上午十点二十", Agreement::Differs, Some("相差约5小时"));
    check("21T09:40", "昨天九点多", Agreement::Agrees, None);
    check("20T09:40", "昨天九点多", Agreement::Differs, Some("相差1天"));
    check("21T14:00", "昨天两点", Agreement::Agrees, None);
    check("21T14:00", "昨天下午两点", Agreement::Agrees, None);
    check("17T09:00", "星期二上午九点", Agreement::Agrees, None);
    check("10T09:00", "上个星期二上午九点", Agreement::Agrees, None);
    check("21T08:00", "昨天", Agreement::Agrees, None);
    check("21T08:00", "忘了", Agreement::NotSaid, None);
}

#[test]
fn d11_places_are_the_same_when_a_name_is() {
    let check = |claimed: &str, said: &str, want: Agreement| {
        let claims = Claims { location: Some(claimed.into()), ..Claims::default() };
        let (_, c) = compared(claims, "您现在的工作地点在哪里", said);
        assert_eq!(c.agreement, want, "{claimed} {said}: {}", c.reason);
    };
    check("泉城县柳埠镇高架工地", "在柳埠那边", Agreement::Agrees);
    check("李家沟采石场", "就在采石场呢", Agreement::Agrees);
    check("李家沟采石场", "在东港码头二期", Agreement::Differs);
    check("李家沟采石场", "不告诉你", Agreement::NotSaid);
}

#[test]
fn d09_d17_parts_are_compared_by_family_and_what_was_never_changed_is_an_alarm() {
    let check = |claimed: &[&str], said: &str, want: Agreement, by: Option<&str>| {
        let claims = Claims { parts: claimed.iter().map(|p| (*p).to_string()).collect(), ..Claims::default() };
        let (verdict, c) = compared(claims, "更换了哪些保养件", said);
        assert_eq!((c.agreement, c.by.as_deref()), (want, by), "{claimed:?} {said}: {}", c.reason);
        assert_eq!(verdict == Verdict::Contradicted, want == Agreement::Differs);
    };
    check(&["机油", "机油滤芯"], "换机油 还有机滤", Agreement::Agrees, None);
    check(&["机滤", "柴滤", "空滤"], "三滤都换了", Agreement::Agrees, None);
    check(&["柴油粗滤", "油水分离器"], "换了柴滤", Agreement::Agrees, None);
    check(&["润滑脂"], "打了黄油", Agreement::Agrees, None);
    check(&["机油", "齿轮油"], "就换了机油", Agreement::Differs, Some("没有提到齿轮油"));
    check(&["机油"], "什么都没换", Agreement::Differs, Some("没有提到机油"));
    check(&["机油"], "不知道", Agreement::NotSaid, None);
}

#[test]
fn d18_a_fee_is_compared_to_the_yuan_of_the_tolerance() {
    let check = |claimed: f64, said: &str, want: Agreement| {
        let claims = Claims { fee_yuan: Some(claimed), ..Claims::default() };
        let (_, c) = compared(claims, "请问这次维修收取了多少费用？", said);
        assert_eq!(c.agreement, want, "{claimed} {said}: {}", c.reason);
    };
    check(2800.0, "收了两千八百块", Agreement::Agrees);
    check(2800.0, "三千五", Agreement::Differs);
    check(800.0, "没收钱", Agreement::Differs);
    check(0.0, "免费的", Agreement::Agrees);
}

#[test]
fn d25_the_verdict_is_the_gravest_difference_and_names_its_reasons() {
    let claims =
        || Claims { reported_hours: Some(1000.0), location: Some("李家沟采石场".into()), ..Claims::default() };
    let answers = |hours: &str, place: &str| {
        facts_of(
            Rubric::builtin(),
            &[
                Answer::bare(None, "您的挖掘机现在工作多少小时了", hours),
                Answer::bare(None, "您现在的工作地点在哪里", place),
            ],
        )
    };
    let verdict = |hours: &str, place: &str| {
        let c = check(&claims(), &answers(hours, place), &called_at(), &Tolerance::default());
        let findings: Vec<(String, Severity)> = c.findings().into_iter().map(|f| (f.rule, f.severity)).collect();
        (c.verdict, c.reasons, findings)
    };
    assert_eq!(verdict("一千个小时", "采石场"), (Verdict::True, vec![], vec![]));
    let (v, reasons, findings) = verdict("一千个小时", "东港码头");
    assert_eq!((v, reasons.len(), findings), (Verdict::Doubtful, 1, vec![("D11".to_string(), Severity::Amber)]));
    let (v, reasons, findings) = verdict("四百个小时", "东港码头");
    assert_eq!((v, findings[0].clone()), (Verdict::Contradicted, ("D04".to_string(), Severity::Red)));
    assert_eq!(reasons[0], "工作小时：订单为1000小时，客户说400小时，相差600小时");
    assert_eq!(verdict("不清楚", "不告诉你").0, Verdict::Unverified, "silence proves nothing");
    let empty = check(&Claims::default(), &Facts::default(), &called_at(), &Tolerance::default());
    assert_eq!((empty.verdict, empty.comparisons.len()), (Verdict::Unverified, 0));
}
