//! Yes and no: what a reply says that has no other word in it.
//!
//! Contract: pure; any word of its own makes a reply more than that.

use super::questions::ends_in_tag;
use crate::domain::ways::{clauses, unmarked};

const YES: [&str; 22] = [
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

/// The words of a question that tells something and asks whether it is so, where the reply is nothing but yes.
pub(super) fn told(question: &str, text: &str) -> Option<String> {
    let end = unmarked(question);
    let tells = ends_in_tag(end) || end.ends_with(['吧', '吗']);
    let asks = ["什么", "哪", "几点", "多少", "怎么"].iter().any(|w| end.contains(w));
    let echoes = ["都换了", "换了", "都换过", "正常", "是这样", "就是", "没问题"];
    let words = clauses(text).filter(|w| !echoes.contains(w));
    let agrees = bare(&words.collect::<Vec<_>>().join(" ")).unwrap_or(echoes.iter().any(|e| text.trim() == *e));
    (tells && !asks && agrees).then(|| end.to_string())
}
