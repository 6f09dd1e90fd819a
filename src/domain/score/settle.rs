//! What was found → one level per indicator (conventions 7, 8, 9, 11).
//!
//! Contract: pure; each step is one small rule over the evaluations of one indicator, and keeps the words that decided.

use super::judge::Judgement;
use super::normal::Normal;
use super::question::{Asked, Question};
use super::reading::{Eval, Reading, Target, evidence};
use super::rubric::{Class, Scopes};
use super::threat::GOES_HIGHER;
use super::{Evidence, Indicator, Level};
use crate::domain::ways::any_of;
use std::collections::BTreeMap;

/// Reading → levels per indicator.
pub(super) fn settle(
    mut reading: Reading,
    question: &Question,
    text: &str,
    normal: &Normal,
    scopes: &Scopes,
) -> Judgement {
    let goes_on = goes_on(normal);
    // 得奖励他 你跟你们领导说说: who is to hear of it is to hear praise.
    if reading.evals.iter().any(|e| e.commends && e.scope.in_force()) {
        reading.threats.retain(|t| t.0.rule != GOES_HIGHER);
    }
    let mut out = Judgement {
        not_applicable: reading.not_applicable,
        alarms: reading.threats.iter().map(|t| t.0.clone()).collect(),
        ..Judgement::default()
    };
    let live: Vec<&Eval> = reading
        .evals
        .iter()
        .filter(|e| e.scope.in_force() && !(question.asked == Asked::Suggestion && e.nothing_to_say))
        .collect();
    let home = home_indicator(question);
    let mut used: Vec<(Indicator, u8, &Eval)> = Vec::new();
    for indicator in Indicator::ALL {
        let mut own: Vec<&Eval> = live.iter().copied().filter(|e| belongs(e, indicator, question, home)).collect();
        // The machine stands in for the whole only where nothing is said of the service.
        if own.iter().any(|e| !is_thing(e)) {
            own.retain(|e| !is_thing(e));
        }
        let own = keep_last_version(&own, &reading.corrections);
        let own = keep_own_sum(&own);
        let threat = threat_for(&reading, indicator, home, question.asked);
        let Some((mut level, mut shown)) = resolve(&own).or(threat.map(|l| (l, Vec::new()))) else { continue };
        if level == 2 && indicator == Indicator::Overall && is_mixed(&own) {
            level = 3;
        }
        let reserved = home == Some(indicator) && has_reservation(&reading, &shown);
        // 也不是不好 就是不爱说话 (convention 5).
        // 及时是及时 就是手艺有待提高 turns to another indicator.
        let elsewhere = |t: usize| reading.evals.iter().any(|e| e.clause == t && e.target != Target::Asked);
        let turned = |e: &&Eval| e.weighed.hedges() && reading.turns.iter().any(|t| *t > e.clause && !elsewhere(*t));
        if level == 4
            && (reserved && shown.iter().any(|e| e.weighed.hedges())
                || home == Some(indicator) && shown.iter().any(turned))
        {
            level = 3;
        }
        if let Some(l) = threat {
            level = level.min(l);
        }
        if indicator == Indicator::Overall && threat.is_none() {
            let standing = keep_last_version(&live, &reading.corrections);
            level = cap_by_complaint(level, &shown, &standing, reserved);
        }
        let Some(settled) = Level::new(level) else { continue };
        out.labels.insert(indicator, settled);
        shown.sort_by_key(|e| e.weighed.start);
        used.extend(shown.into_iter().map(|e| (indicator, level, e)));
    }
    fill_evidence(&mut out, &used, text, normal);
    names_fault(&mut out, question);
    mended_now(&mut out, &reading, home, text, normal);
    whole_of_parts(&mut out, home);
    only_advice(&mut out, &reading, question, text, normal);
    unmet_wish(&mut out, &reading, question, text, normal, scopes);
    out.evidence.extend(out.alarms.iter().filter(|_| !out.labels.is_empty()).cloned());
    out.label = match question.asked {
        Asked::Rating => home.and_then(|i| out.labels.get(&i).copied()),
        Asked::Suggestion => whole(&out.labels),
        Asked::Fact => None,
    };
    let revises = |e: &Eval, i: Indicator| (e.revises || goes_on && e.named) && e.target == Target::Of(i);
    out.revises = Indicator::ALL
        .into_iter()
        .filter(|i| live.iter().any(|e| revises(e, *i)) && out.labels.contains_key(i))
        .collect();
    out.suggestion = reading.suggests || live.iter().any(|e| e.suggestion);
    out.commendation =
        live.iter().find(|e| e.commends).map(|e| normal.chars[e.weighed.start..e.weighed.end].iter().collect());
    out.product_fault = live.iter().any(|e| e.weighed.class.is_negative() && e.target == Target::Product);
    // 一开机就不行了 in answer to a question about the fault describes; it alleges nothing.
    let describes = |e: &Eval| {
        e.target == Target::Elsewhere || e.target == Target::Asked && question.asked == Asked::Fact && !question.probe
    };
    let alleges = live.iter().any(|e| e.weighed.class.is_negative() && !describes(e));
    out.complaint = alleges && !superseded_complaint(&live, &out)
        || !out.alarms.is_empty()
        || out.labels.values().any(|l| l.get() <= 2);
    out
}

/// 你等我把话说完: he goes on with the answer that he was cut off in.
fn goes_on(normal: &Normal) -> bool {
    let said = normal.text();
    any_of(&said, &["话说完", "话讲完", "我说完", "我讲完", "没说完", "没讲完", "未讲完"])
}

/// 服务行 就是人手太紧: praise, then a turn that names no level.
fn has_reservation(reading: &Reading, shown: &[&Eval]) -> bool {
    let praise = shown.iter().filter(|e| e.weighed.class.is_positive()).map(|e| e.clause).min();
    praise.is_some_and(|from| reading.reservations.iter().any(|r| *r > from))
}

/// Asked for the whole, the customer goes through two or more indicators and names no overall word: a complaint among them caps it (E08).
fn whole_of_parts(out: &mut Judgement, home: Option<Indicator>) {
    let told = out.labels.values().min().copied().filter(|_| out.labels.len() >= 2);
    if let Some(lowest) = told
        && home == Some(Indicator::Overall)
        && !out.labels.contains_key(&Indicator::Overall)
    {
        let Some(level) = Level::new(lowest.get().clamp(3, 5)) else { return };
        out.labels.insert(Indicator::Overall, level);
        let rule = format!("{}:sum of what was named", Indicator::Overall.name());
        let named: Vec<Evidence> =
            out.evidence.iter().map(|e| Evidence { level, rule: rule.clone(), ..e.clone() }).collect();
        out.evidence.extend(named);
    }
}

/// 早来一天就满意了, 要是有现货就好了: what would have contented him was not there. Where advice was asked for, it is advice.
fn unmet_wish(
    out: &mut Judgement,
    reading: &Reading,
    question: &Question,
    text: &str,
    normal: &Normal,
    scopes: &Scopes,
) {
    let (home, level) = match question.asked {
        Asked::Rating => (question.indicator, 3),
        Asked::Suggestion => (Some(Indicator::Overall), 4),
        Asked::Fact => return,
    };
    let (Some(indicator), Some(level)) = (home.filter(|_| out.labels.is_empty()), Level::new(level)) else { return };
    let praise = |e: &&Eval| e.scope.supposed && e.weighed.class.is_positive() && !e.scope.quoted && !e.scope.asks;
    let only_supposed = reading.threats.is_empty() && reading.evals.iter().all(|e| praise(&e));
    let said = normal.text();
    let listed = scopes.wish.iter().any(|w| said.contains(w.as_str()));
    let open = any_of(&said, &["要是", "如果", "能", "再", "早", "像"]);
    let conditional = said.contains('就') || said.contains("也不");
    let ends = scopes.wish_ends.iter().find_map(|w| said.find(w.as_str()).map(|at| (said[..at].chars().count(), w)));
    let found = match (reading.evals.iter().find(praise), ends) {
        (Some(e), _) if conditional && listed => Some((e.weighed.start, e.weighed.end)),
        (_, Some((at, end))) if open => Some((at, at + end.chars().count())),
        _ => None,
    };
    if let Some((start, end)) = found.filter(|_| only_supposed && !said.contains('更')) {
        out.labels.insert(indicator, level);
        out.evidence.push(evidence(normal, text, start, end, level, "wish unmet"));
    }
}

/// 有没有不满意的地方 — 来得太慢了: a fault named is a complaint about the whole (E08).
fn names_fault(out: &mut Judgement, question: &Question) {
    let low = out.labels.values().any(|l| l.get() <= 3);
    let whole = question.indicator == Some(Indicator::Overall) && question.negative_polar;
    let (true, Some(level)) = (low && whole && !out.labels.contains_key(&Indicator::Overall), Level::new(3)) else {
        return;
    };
    out.labels.insert(Indicator::Overall, level);
    let rule = format!("{}:a fault named", Indicator::Overall.name());
    let named: Vec<Evidence> =
        out.evidence.iter().map(|e| Evidence { level, rule: rule.clone(), ..e.clone() }).collect();
    out.evidence.extend(named);
}

/// 头一回没弄好 这回弄好了: the failure is past, and what is now carries no level word (convention 11).
fn mended_now(out: &mut Judgement, reading: &Reading, home: Option<Indicator>, text: &str, normal: &Normal) {
    let failed = !reading.evals.is_empty()
        && reading.evals.iter().all(|e| e.scope.past && e.weighed.class.is_negative() && e.scope.in_force());
    let (Some(indicator), Some((start, end)), Some(level)) = (home, reading.mended, Level::new(4)) else { return };
    if failed && out.labels.contains_key(&indicator) {
        out.labels.insert(indicator, level);
        out.evidence = vec![evidence(normal, text, start, end, level, "mended now")];
    }
}

/// E10: advice and nothing else, where an evaluation was asked for.
fn only_advice(out: &mut Judgement, reading: &Reading, question: &Question, text: &str, normal: &Normal) {
    let alone = reading.evals.is_empty() && reading.threats.is_empty() && out.labels.is_empty();
    let asked = question.indicator.filter(|_| question.asked == Asked::Rating && alone);
    if let (Some(indicator), Some((start, end)), Some(level)) = (asked, reading.advice, Level::new(4)) {
        out.labels.insert(indicator, level);
        out.evidence.push(evidence(normal, text, start, end, level, "advice without complaint"));
    }
}

/// A complaint about the past with a content present is none.
fn superseded_complaint(live: &[&Eval], out: &Judgement) -> bool {
    let negative_now = live.iter().any(|e| e.weighed.class.is_negative() && !e.scope.past);
    !negative_now && out.labels.values().all(|l| l.get() >= 4) && !out.labels.is_empty()
}

/// The indicator that takes words without a topic.
fn home_indicator(question: &Question) -> Option<Indicator> {
    match question.asked {
        Asked::Rating => question.indicator,
        Asked::Suggestion => Some(Indicator::Overall),
        Asked::Fact => None,
    }
}

fn belongs(e: &Eval, indicator: Indicator, question: &Question, home: Option<Indicator>) -> bool {
    match e.target {
        Target::Asked => home == Some(indicator),
        // Asked for a fact, only what he names himself opens a score (conventions 3, 14).
        Target::Of(i) => {
            i == indicator
                && (e.named
                    || home == Some(Indicator::Overall) && question.asked == Asked::Rating
                    || i == Indicator::Attitude && e.weighed.class.is_positive() && question.asked != Asked::Fact)
        }
        // The product or the price is nobody's indicator; asked for the whole, it is part of the whole.
        Target::Product | Target::Price => {
            indicator == Indicator::Overall && home == Some(Indicator::Overall) && question.asked == Asked::Rating
                || indicator == Indicator::Parts && home == Some(Indicator::Parts)
        }
        Target::Elsewhere => false,
    }
}

/// Where a fact was asked for, only an outright threat says something of the whole; a conditional one, or a word of going higher, is an
/// alarm and no level.
fn threat_for(reading: &Reading, indicator: Indicator, home: Option<Indicator>, asked: Asked) -> Option<u8> {
    // 这个你们得赔我, said in passing, claims damages and rates nothing.
    let claims = |e: &Evidence| e.text.contains('赔') || e.text.contains('费');
    let here = home.unwrap_or(Indicator::Overall) == indicator;
    let counts = |t: &&(Evidence, u8)| asked != Asked::Fact || t.1 == 1 && !claims(&t.0);
    reading.threats.iter().filter(|t| here && counts(t)).map(|t| t.1).min()
}

/// 人勤快 可惜毛病没去根: of the whole, praise keeps what went wrong at 3 (E08); his own 不满意 stays.
fn is_mixed(own: &[&Eval]) -> bool {
    let told = |e: &Eval| !e.weighed.class.is_negative() || e.trait_word && !e.weighed.steps.contains(&"irony");
    own.iter().any(|e| e.weighed.class.is_positive() && !e.scope.past) && own.iter().all(|e| told(e))
}

/// The level of one indicator from all that was said of it, and the words that decided.
fn resolve<'a>(own: &[&'a Eval]) -> Option<(u8, Vec<&'a Eval>)> {
    let own = keep_present(own);
    // 一般般 东西是原厂的 就是慢: what he tells behind the turn stays within his own verdict.
    let shrug = own.iter().any(|e| e.weighed.class == Class::Fair && !is_account(e));
    let own = keep_after_contrast(&own);
    let (advice, firm): (Vec<&Eval>, Vec<&Eval>) = own.iter().partition(|e| e.suggestion);
    let pool = if firm.is_empty() { advice } else { firm };
    let pool = keep_verdict(pool);
    let lowest = pool.iter().map(|e| e.weighed.level).min()?;
    let highest = pool.iter().map(|e| e.weighed.level).max()?;
    let level = match (lowest, highest) {
        (l, h) if l >= 4 => praise(&pool).unwrap_or(h),
        // 两天才来 一般吧, 不太及时 停了两天才轮到我: his own verdict outweighs what he tells beside it.
        (l, _) if l <= 2 && (is_graded(&pool) || shrug && pool.iter().all(|e| is_account(e))) => 3,
        // 也不是说不好 + complaint (convention 5).
        (l, _) if l <= 2 && pool.iter().any(|e| e.weighed.double_negation) => 3,
        (l, _) => l,
    };
    Some((level, pool))
}

/// 挺好，很耐心: a weighed verdict outweighs the trait beside it; a plain one (满意 很热情) leaves it its weight.
fn praise(pool: &[&Eval]) -> Option<u8> {
    if pool.iter().all(|e| e.trait_word || e.plain) {
        return None;
    }
    pool.iter().filter(|e| !e.trait_word).map(|e| e.weighed.level).max()
}

/// 还可以 闷头干活不吱声, 隔一天才来 还算过得去: he is content by his own word; a trait not up to it beside that word, and what he tells
/// before it, are no more than told.
fn keep_verdict(pool: Vec<&Eval>) -> Vec<&Eval> {
    let told = |e: &Eval| is_account(e) && !is_softly(e);
    let Some(verdict) = pool
        .iter()
        .copied()
        .filter(|e| !is_account(e) && e.weighed.level >= 4 && !e.weighed.double_negation)
        .max_by_key(|e| e.weighed.start)
    else {
        return pool;
    };
    let doubts: Vec<&&Eval> = pool.iter().filter(|e| e.weighed.level <= 3).collect();
    let yields = |e: &Eval| {
        told(e) && !e.named && !e.scope.contrast && (e.weighed.level == 3 || e.weighed.end <= verdict.weighed.start)
    };
    if doubts.is_empty() || !doubts.iter().all(|e| yields(e)) {
        return pool;
    }
    pool.into_iter().filter(|e| e.weighed.level >= 4).collect()
}

/// Tells what happened or how somebody is.
fn is_account(e: &Eval) -> bool {
    // 对李工非常不满 is no account.
    e.weighed.level > 1 && (e.weighed.steps.first() == Some(&"template") || e.trait_word)
}

/// 有点, 不太: he weighs himself.
fn is_softly(e: &Eval) -> bool {
    e.weighed.steps.iter().any(|s| matches!(*s, "softened" | "softly negated"))
}

/// He says 一般 or 不太… himself, and every complaint beside it only tells what happened.
fn is_graded(pool: &[&Eval]) -> bool {
    let graded = |e: &Eval| e.weighed.level == 3 && (e.weighed.class == Class::Fair || !is_account(e) || is_softly(e));
    pool.iter().any(|e| graded(e)) && pool.iter().filter(|e| e.weighed.level <= 2).all(|e| is_account(e))
}

/// Self-correction: what was said before 不对, 说错了 is void when something follows (convention 11).
fn keep_last_version<'a>(own: &[&'a Eval], corrections: &[usize]) -> Vec<&'a Eval> {
    let latest = corrections.iter().rev().find(|c| own.iter().any(|e| e.clause >= **c));
    own.iter().copied().filter(|e| latest.is_none_or(|c| e.clause >= *c)).collect()
}

/// 人是好人 制度是烂制度 整体我给个一般: his own word for the whole decides (convention 7).
fn keep_own_sum<'a>(own: &[&'a Eval]) -> Vec<&'a Eval> {
    let summed: Vec<&Eval> = own.iter().copied().filter(|e| e.overall_word && !e.scope.past).collect();
    if summed.is_empty() { own.to_vec() } else { summed }
}

fn is_thing(e: &Eval) -> bool {
    matches!(e.target, Target::Product | Target::Price)
}

/// Past against now → now (convention 11).
fn keep_present<'a>(own: &[&'a Eval]) -> Vec<&'a Eval> {
    let present: Vec<&Eval> = own.iter().copied().filter(|e| !e.scope.past).collect();
    // 也不是说不好 头一回又返工一趟: what he holds back lies in the past.
    let held_back = present.iter().all(|e| e.weighed.hedge && e.weighed.double_negation);
    if held_back { own.to_vec() } else { present }
}

/// 还行，就是有点慢: what stands after the turn decides (convention 7).
fn keep_after_contrast<'a>(own: &[&'a Eval]) -> Vec<&'a Eval> {
    let after = own.iter().filter(|e| e.scope.contrast).map(|e| e.clause).max();
    let conceded = own.iter().any(|e| e.scope.concessive) && own.iter().any(|e| !e.scope.concessive);
    match after {
        Some(from) if !own.iter().any(|e| e.weighed.double_negation) => {
            own.iter().copied().filter(|e| e.clause >= from).collect()
        }
        None if conceded => own.iter().copied().filter(|e| !e.scope.concessive).collect(),
        _ => own.to_vec(),
    }
}

/// E08, convention 7: any live complaint caps the whole at 3, unless the customer says an overall word himself.
fn cap_by_complaint(level: u8, shown: &[&Eval], live: &[&Eval], reserved: bool) -> u8 {
    let present = live.iter().any(|e| !e.scope.past);
    let complains = live
        .iter()
        .any(|e| e.weighed.class.is_negative() && !(e.scope.past && present) && e.target != Target::Elsewhere);
    let own_word = shown.iter().any(|e| e.overall_word && e.weighed.level >= 4);
    let product_only = shown.iter().all(|e| is_thing(e));
    match level {
        4.. if (complains || reserved) && !own_word => 3,
        2 if product_only && !shown.is_empty() => 3,
        l => l,
    }
}

/// The level of an answer that was asked for advice: the lowest complaint, else the best word.
fn whole(labels: &BTreeMap<Indicator, Level>) -> Option<Level> {
    let lowest = labels.values().min().copied()?;
    if lowest.get() <= 3 { Some(lowest) } else { labels.values().max().copied() }
}

fn fill_evidence(out: &mut Judgement, used: &[(Indicator, u8, &Eval)], text: &str, normal: &Normal) {
    for (indicator, _, e) in used {
        let Some(level) = Level::new(e.weighed.level) else { continue };
        let rule = format!("{}:{}", indicator.name(), e.weighed.steps.join("+"));
        out.evidence.push(evidence(normal, text, e.weighed.start, e.weighed.end, level, &rule));
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::score::{Answer, Indicator, Rubric};

    fn check(indicator: Indicator, question: &str, text: &str, want: Option<u8>) {
        let j = Rubric::builtin().judge(&Answer::bare(Some(indicator), question, text));
        assert_eq!(j.label.map(|l| l.get()), want, "{text}: {:?}", j.evidence);
    }

    #[test]
    fn convention_7_a_turn_without_a_level_word_is_a_reservation() {
        let whole = |text, want| check(Indicator::Overall, "总体您满意吗", text, want);
        whole("服务行 就是人手太紧", Some(3));
        whole("都挺好 就是离得太远", Some(3));
        whole("挺满意 就是这样", Some(4));
        whole("满意 不过我想问一下", Some(4));
        check(Indicator::Attitude, "态度怎么样", "也不是态度不好 就是总低着头", Some(3));
        check(Indicator::Attitude, "态度怎么样", "好是好 可是不干活", Some(3));
    }

    #[test]
    fn what_is_said_of_others_is_nobodys_level_and_what_they_feel_or_suffer_is() {
        let skill = |text, want| check(Indicator::Skill, "师傅修得怎么样", text, want);
        skill("司机技术太差", None);
        skill("司机技术不行 师傅技术好", Some(4));
        check(Indicator::Overall, "总体您满意吗", "三一的不行 你们的挺好", Some(4));
        check(Indicator::Overall, "总体您满意吗", "我们司机都挺满意", Some(4));
        check(Indicator::Attitude, "态度怎么样", "对司机挺客气", Some(4));
    }

    #[test]
    fn what_he_told_others_is_his_own_word_and_what_cannot_be_otherwise_is_so() {
        let whole = |text, want| check(Indicator::Overall, "总体您满意吗", text, want);
        whole("我给我兄弟也说了 很满意", Some(5));
        whole("我跟邻居都说了 服务挺好", Some(4));
        whole("邻居都说 服务挺好", None);
        whole("哪能不满意呢", Some(4));
        whole("怎么会不好", Some(4));
        whole("哪能满意", Some(2));
        whole("下礼拜就起诉你们", Some(1));
        whole("人勤快 可惜毛病没去根", Some(3));
        whole("人勤快 可是不满意", Some(2));
    }

    #[test]
    fn a_proposal_is_agreed_to_denied_or_half_denied_in_a_word() {
        let proposed = |text, want| check(Indicator::Overall, "那您是满意的对吧", text, want);
        proposed("可不是嘛", Some(4));
        proposed("对 我忙着呢", Some(4));
        proposed("哪儿啊", Some(2));
        proposed("谈不上", Some(3));
        check(Indicator::Overall, "您觉得怎么样", "哪儿啊", None);
    }

    #[test]
    fn jiu_after_a_time_is_sooner_and_cai_later_than_expected() {
        let timely = |text, want| check(Indicator::Timeliness, "来得及时吗", text, want);
        timely("打完电话当天就到了", Some(4));
        timely("两个小时就到了", None);
        timely("三个钟头才到", Some(3));
        timely("等了三天都没人来", Some(2));
        timely("下午两点到的", None);
        timely("等了两天", None);
    }

    #[test]
    fn convention_5_a_denial_reaches_over_the_words_between() {
        check(Indicator::Attitude, "态度怎么样", "从没有过不好的时候", Some(4));
        check(Indicator::Attitude, "态度怎么样", "没跟我甩脸子", Some(4));
        check(Indicator::Attitude, "态度怎么样", "也没问题", Some(4));
        check(Indicator::Parts, "配件供应您满意吗", "不像以前那么慢", Some(4));
    }

    #[test]
    fn e10_advice_and_nothing_else_is_content() {
        check(Indicator::Parts, "配件供应您满意吗", "建议在县里设个配件库", Some(4));
        check(Indicator::Parts, "配件供应您满意吗", "建议设个配件库 现在太慢", Some(2));
    }

    #[test]
    fn a_question_that_expects_a_no_denies_and_one_that_asks_does_not_score() {
        let timely = |text, want| check(Indicator::Timeliness, "来得及时吗", text, want);
        timely("等一个礼拜算及时吗", Some(2));
        timely("你说这叫及时吗", Some(2));
        timely("怎么样算及时啊", None);
        timely("快不快你们不知道啊", None);
    }

    #[test]
    fn convention_9_a_threat_tied_by_jiu_is_conditional_and_going_over_the_agents_head_is_two() {
        let whole = |text, want| check(Indicator::Overall, "总体您满意吗", text, want);
        whole("不解决我就找电视台", Some(2));
        whole("我要投诉你们", Some(2));
        whole("要求退机", Some(1));
        whole("我可没说要退机", None);
    }

    #[test]
    fn convention_11_what_is_mended_now_outweighs_the_failure_before() {
        let skill = |text, want| check(Indicator::Skill, "技术怎么样", text, want);
        skill("头一回没弄好 这回弄好了", Some(4));
        skill("头一回没弄好 这回还是没弄好", Some(2));
        skill("这回弄好了", None);
    }

    #[test]
    fn a_wish_that_was_not_met_is_a_complaint_put_mildly() {
        check(Indicator::Timeliness, "来得及时吗", "能早点来就好了", Some(3));
        check(Indicator::Parts, "配件供应您满意吗", "要是有现货就好了", Some(3));
        check(Indicator::Skill, "技术怎么样", "他说歇歇就好了", None);
        let advice = Rubric::builtin().judge(&Answer::bare(None, "您还有什么意见建议", "配件再快点就好了"));
        assert_eq!(advice.label.map(|l| l.get()), Some(4));
    }

    #[test]
    fn his_own_verdict_outweighs_what_he_tells_and_a_fault_named_answers_what_was_asked() {
        check(Indicator::Timeliness, "来得及时吗", "两天才来 一般吧", Some(3));
        check(Indicator::Timeliness, "来得及时吗", "两天才来", Some(2));
        check(Indicator::Overall, "有没有不满意的地方", "有 来得太慢了", Some(3));
    }

    #[test]
    fn what_stands_open_or_puts_off_is_no_evaluation() {
        let parts = |text, want| check(Indicator::Parts, "配件供应您满意吗", text, want);
        parts("配件涨价了没有", None);
        parts("你们库存足不足", None);
        parts("行 我知道了 回头说", None);
        parts("不是没货就是发错", Some(2));
        check(Indicator::Attitude, "态度怎么样", "我咋知道他态度好不好", None);
        check(Indicator::Timeliness, "来得及时吗", "一个礼拜才来 你说及时不", Some(2));
        check(Indicator::Timeliness, "来得及时吗", "差不多晚上八点", None);
        check(Indicator::Parts, "配件够不够", "够", Some(4));
        check(Indicator::Parts, "配件够不够", "不够", Some(2));
    }
}
