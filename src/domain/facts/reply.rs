//! Yes and no: what a reply says that has no other word in it.
//!
//! Contract: pure; any word of its own makes a reply more than that.

use super::questions::ends_in_tag;
use crate::domain::ways::{any_of, clauses, unmarked};

const YES: [&str; 31] = [
    "系",
    "系的",
    "系啊",
    "是嘞",
    "是咧",
    "是了",
    "是的咯",
    "对着呢",
    "对嘛",
    "对",
    "对对",
    "对对对",
    "对的",
    "对啊",
    "是",
    "是的",
    "是啊",
    "是呀",
    "嗯",
    "嗯嗯",
    "嗯呢",
    "嗯对",
    "没错",
    "可不",
    "可不是",
    "对头",
    "中",
    "昂",
    "差不多",
    "有",
    "有的",
];
const NO: [&str; 14] = [
    "没",
    "没有",
    "没有没有",
    "没了",
    "没有了",
    "没呢",
    "没啊",
    "不",
    "不了",
    "不是",
    "没得",
    "没有的",
    "没有啊",
    "无",
];

/// `Some(true)`: yes and nothing else. `Some(false)`: no and nothing else; 嗯 没有 is no.
pub(super) fn bare(text: &str) -> Option<bool> {
    let fillers = ["哦", "啊", "呃", "这个", "那个"];
    let words: Vec<&str> = clauses(text).filter(|w| !fillers.contains(w)).collect();
    let last = words.last()?;
    if words.iter().all(|w| YES.contains(w)) {
        return Some(true);
    }
    (NO.contains(last) && words.iter().all(|w| YES.contains(w) || NO.contains(w))).then_some(false)
}

/// Yes or no in the first breath, whatever is told behind it: 是的 一只手就打得动.
pub(super) fn leading(text: &str) -> Option<bool> {
    bare(clauses(text).next()?)
}

/// 劲够不 — 够, 还冒烟吗 — 早不冒了, 还漏吗 — 还是滴: what the question asked after comes back, or is denied.
pub(super) fn echo(question: &str, text: &str) -> Option<bool> {
    let first = clauses(text).next()?;
    let asked = unmarked(question).trim_end_matches(['吗', '么', '吧', '呢', '没', '不', '有', '了']);
    let quality = asked.chars().last()?;
    let still = question.contains('还');
    let gone = first.contains(['不', '没']) && !first.contains(['还', '好', '知', '晓']);
    match () {
        () if still && gone => Some(false),
        () if still && first.starts_with(['还', '有']) => Some(true),
        () if first.starts_with(quality) => Some(true),
        () if first.strip_prefix('不').is_some_and(|rest| rest.starts_with(quality)) => Some(false),
        () => None,
    }
}

/// The words of a question that tells something and asks whether it is so, where the reply is nothing but yes.
pub(super) fn told(question: &str, text: &str) -> Option<String> {
    let end = unmarked(question);
    let tells = ends_in_tag(end) || end.ends_with(['吧', '吗']);
    let asks = any_of(end, &["什么", "哪", "几点", "多少", "怎么"]);
    let echoes = ["都换了", "换了", "都换过", "正常", "是这样", "就是", "没问题"];
    let words = clauses(text).filter(|w| !echoes.contains(w));
    let agrees = bare(&words.collect::<Vec<_>>().join(" ")).unwrap_or(echoes.iter().any(|e| text.trim() == *e));
    (tells && !asks && agrees).then(|| end.to_string())
}
