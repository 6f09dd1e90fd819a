//! What the bare characters of a clause tell about whom or what it speaks of, where no word of the table does.
//!
//! Contract: each function knows one turn of phrase; it judges nothing but where it says so ([`asks_his_judge`]).

use super::clause::{Clause, Scope};
use super::compose::Weighed;
use super::normal::{Normal, PAUSE};
use super::question::DELIVERS;
use super::reading::Eval;
use crate::domain::ways::any_of;

fn said(normal: &Normal, clause: &Clause) -> String {
    normal.chars[clause.start..clause.end].iter().collect()
}

pub(super) fn takes_back_words(normal: &Normal, clause: &Clause) -> bool {
    let said: String = normal.chars[clause.start..].iter().take_while(|c| **c != PAUSE).collect();
    any_of(&said, &["收回", "不算", "得改", "改改", "改一下"])
}

/// 等到下午四点多 你讲快不快: whoever is asked so is to say no.
pub(super) fn asks_his_judge(normal: &Normal, clause: &Clause, n: usize) -> Option<Eval> {
    let said: Vec<char> = normal.chars[clause.start..clause.end].iter().copied().filter(|c| *c != PAUSE).collect();
    let text: String = said.iter().collect();
    if matches!(text.as_str(), "你说呢" | "你讲呢" | "您说呢") {
        let weighed = Weighed::poor(clause.start, clause.start + said.len(), "asked in vain");
        return Some(Eval::of_asked(weighed, Scope { asks: false, ..clause.scope }, n));
    }
    let quality = ["你说", "你讲", "您说", "您讲", "那你说"].iter().find_map(|w| text.strip_prefix(w))?;
    let quality = quality.trim_end_matches(['呢', '吧', '啊', '嘛']);
    let either_way =
        ["快不快", "及时不及时", "及不及时", "好不好", "行不行", "慢不慢", "中不中", "满意不满意"].contains(&quality);
    either_way.then(|| {
        let weighed = Weighed::poor(clause.start, clause.start + said.len(), "asked in vain");
        Eval::of_asked(weighed, Scope { asks: false, ..clause.scope }, n)
    })
}

/// 我一个女同志不懂的, 咱是外行: speaks of himself.
pub(super) fn is_no_judge(normal: &Normal, clause: &Clause, word: &str) -> bool {
    let knows_nothing = ["不懂", "外行", "看不懂", "门外汉"].iter().any(|w| word.starts_with(w));
    let said = said(normal, clause);
    knows_nothing && ["我", "咱", "俺"].iter().any(|w| said.starts_with(w)) && !said.contains('他')
}

/// 就这柴滤弄得人心里不美.
pub(super) fn points_out(normal: &Normal, clause: &Clause) -> bool {
    let said = said(normal, clause);
    ["就这", "就那"].iter().any(|w| said.starts_with(w)) && !said.starts_with("就这样") && !said.starts_with("就那样")
}

/// 你这个态度才不咋地: said of who is calling, not of 你们 or 你家.
pub(super) fn speaks_of_the_caller(normal: &Normal, clause: &Clause, until: usize) -> bool {
    let said: String = normal.chars[clause.start..until.max(clause.start)].iter().collect();
    any_of(
        &said,
        &[
            "你态度",
            "你的态度",
            "你这态度",
            "你这个态度",
            "你这种态度",
            "你这人",
            "你这个人",
            "你说话",
            "你讲话",
            "你这说话",
        ],
    )
}

/// 补得, 修得, right before the level word.
pub(super) fn done_how(normal: &Normal, start: usize) -> bool {
    start >= 2 && normal.chars[start - 1] == '得'
}

/// What is paid for work, not for goods.
pub(super) fn names_labour(normal: &Normal, clause: &Clause) -> bool {
    let said = said(normal, clause);
    any_of(&said, &["工时", "人工", "工钱", "手工费", "修理费", "维修费", "上门费", "服务费", "出车费"])
}

pub(super) fn delivers(normal: &Normal, clause: &Clause) -> bool {
    let said = said(normal, clause);
    any_of(&said, &DELIVERS)
}

/// 这个很好, 这点不错: of what was said just before.
pub(super) fn begins_with_this(normal: &Normal, clause: &Clause) -> bool {
    let said = said(normal, clause);
    ["这个", "这点", "这一点", "这方面"].iter().any(|w| said.starts_with(w))
}
