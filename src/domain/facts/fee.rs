//! What was paid (D18).
//!
//! Contract: pure; `None` for what was not said or not paid yet. Which of several sums holds is told by the words around them, not by
//! their size.

use super::number;
use super::words::last_version;
use crate::domain::ways::{any_of, clauses};

/// Nothing was paid.
const FREE: [&str; 26] = [
    "没跟我要",
    "没找我要",
    "不要我",
    "没让我",
    "分文",
    "没出",
    "没收",
    "没要钱",
    "没花钱",
    "没掏钱",
    "没花",
    "没掏",
    "免费",
    "不要钱",
    "不花钱",
    "没有收",
    "没给钱",
    "没收钱",
    "不收钱",
    "没收费",
    "没要",
    "一分没",
    "没出钱",
    "保内",
    "免单",
    "免了",
];
/// Said before the sum that holds: 先讲一千二 后来结账一千零五十.
const SETTLES: [&str; 20] = [
    "总共",
    "一共",
    "合计",
    "拢共",
    "共计",
    "加起来",
    "总的",
    "后来",
    "结账",
    "最后",
    "实收",
    "实际",
    "到手",
    "结果",
    "加一块",
    "加一起",
    "归齐",
    "我给了",
    "抹了零",
    "抹零",
];
/// Said before a sum that did not hold.
const NAMED_FIRST: [&str; 9] = ["说好", "讲好", "本来", "原来", "原先", "先讲", "先说", "报价", "开口"];
/// Not paid yet, or somebody else knows.
const UNPAID: [&str; 7] = ["还没给", "还没付", "没给钱呢", "还没算", "没结账", "还没结", "没付呢"];

pub(super) fn fee(text: &str) -> Option<f64> {
    if any_of(text, &UNPAID) {
        return None;
    }
    let text = last_version(text);
    let chars: Vec<char> = text.chars().collect();
    // 五毛 is change, and 退了二百 came back.
    let paid = |range: &std::ops::Range<usize>| {
        let before: String = chars[range.start.saturating_sub(5)..range.start].iter().collect();
        let behind: String = chars[range.end..].iter().take(5).collect();
        let behind = behind.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        // 二百给我抹掉了, 七百一个.
        let off = any_of(behind, &["抹", "免了", "退", "便宜", "一个", "一桶", "一套", "一小时", "一趟"]);
        let day = ["周", "星期", "礼拜"].iter().any(|week| before.ends_with(week));
        let elsewhere = any_of(&before, &["外头", "外面", "别家", "别处", "人家"]);
        !before.contains(['退', '抹', '减'])
            && !off
            && !day
            && !elsewhere
            && !chars.get(range.end).is_some_and(|c| matches!(c, '毛' | '角'))
    };
    let mut numbers: Vec<_> = number::find_all(text).into_iter().filter(|(_, r)| paid(r)).collect();
    // 说好八百 到头来要了一千: what was only named first was not paid.
    let named_first = |r: &std::ops::Range<usize>| {
        let head: String = chars[..r.start].iter().collect();
        clauses(&head).last().is_some_and(|clause| any_of(clause, &NAMED_FIRST)) && !any_of(&head, &SETTLES)
    };
    if numbers.len() > 1 && named_first(&numbers[0].1) {
        numbers.remove(0);
    }
    let mut sums = numbers.iter().filter(|(n, _)| *n >= 5);
    // 一共一千一百八: the sum, whatever stood before it.
    let total = SETTLES.iter().filter_map(|w| text.rfind(w)).max();
    let chars_before = |byte: usize| text[..byte].chars().count();
    let stated = total.and_then(|at| numbers.iter().find(|(n, r)| *n >= 5 && r.start >= chars_before(at)));
    if let Some((n, _)) = stated {
        return Some(*n as f64);
    }
    // 配件一千 工时三百: two kinds of cost make one fee.
    let kinds = any_of(text, &["件", "材料"]) && any_of(text, &["工时", "人工", "工钱", "手工", "路费"]);
    let amounts: Vec<u64> = numbers.iter().filter(|(n, _)| *n >= 5).map(|(n, _)| *n).collect();
    if let (true, [one, other]) = (kinds, amounts.as_slice()) {
        return Some((one + other) as f64);
    }
    // 两千出头 两千零三十: said more exactly.
    if let [(about, range), .., (exact, _)] = numbers.as_slice()
        && chars[range.end..].iter().take(2).any(|c| matches!(c, '多' | '来' | '出'))
        && exact > about
        && *exact < about + about / 5
    {
        return Some(*exact as f64);
    }
    match sums.next() {
        Some((n, _)) => Some(*n as f64),
        None => any_of(text, &FREE).then_some(0.0),
    }
}

/// 收了我八百块, 一分钱没收: what was paid, unasked.
pub(super) fn fee_in_passing(text: &str) -> Option<f64> {
    let sum = |c: &str| {
        number::find_all(c).iter().any(|(_, r)| c.chars().skip(r.end).take(2).any(|c| matches!(c, '块' | '元' | '钱')))
    };
    let paid = clauses(text).any(|c| any_of(c, &["收了我", "收我", "收了", "花了", "掏了", "交了", "付了"]) && sum(c));
    let free = any_of(text, &["没收钱", "没要钱", "一分没收", "没收费", "免费修的", "免费换的", "没花钱"]);
    let unreal = any_of(text, &["要是", "别家", "外面", "外头", "人家", "上次", "上回", "退"]);
    ((paid || free) && !unreal).then(|| fee(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d18_of_several_sums_the_one_that_was_paid_holds() {
        let check = |text: &str, want: Option<f64>| assert_eq!(fee(text), want, "{text}");
        check("先讲一千二 后来结账一千零五十", Some(1050.0));
        check("说好八百 到头来要了一千", Some(1000.0));
        check("本来要五百 讲了讲价给了四百五", Some(450.0));
        check("两千五 后来给我抹了五百", Some(2500.0));
        check("先交了五百定金 后来又补了七百 总共一千二", Some(1200.0));
        check("材料四百二 人工一百八 加一块六百", Some(600.0));
        check("工时三百 件六百五", Some(950.0));
        check("两千出头 两千零三十", Some(2030.0));
        check("还没结账", None);
    }
}
