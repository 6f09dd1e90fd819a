//! The same fault again: within a month of its repair (F14), and so often that replacing the machine is to be thought of (F13).
//!
//! Contract: of one machine (the number where both have one, else the customer's telephone), the same fault in different words: two
//! texts are of one fault when half of the shorter one's pairs of neighbouring characters stand in the other as well. Pairs that say only
//! *that* something is broken (坏了, 故障) do not count. Counting is of what the caller brings.

use super::policy::ends;
use super::{Policy, Subject};
use crate::domain::calendar::Calendar;
use crate::domain::score::to_simplified;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Something earlier about the same customer or machine: a repair that was finished, or a complaint.
#[derive(Clone, Debug, PartialEq)]
pub struct Earlier {
    /// Order number or complaint.
    pub id: String,
    pub at: Timestamp,
    pub machine_no: Option<String>,
    /// In words.
    pub fault: String,
    /// A complaint, which makes a later one a repeated one; otherwise a repair.
    pub complaint: bool,
}

/// The same fault came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recurrence {
    /// What it came back after, the latest first.
    pub after: Vec<String>,
    pub last_at: Timestamp,
    /// F14: within a month.
    pub soon: bool,
    /// F13: so often in so short a time that the customer may have the machine replaced.
    pub replacement: bool,
}

/// Words that every fault has.
const EMPTY_PAIRS: [&str; 12] =
    ["故障", "坏了", "又坏", "了又", "问题", "维修", "修理", "机器", "还是", "不好", "出现", "质量"];
/// Occurrences that are named.
const NAMED_MAX: usize = 10;

/// Whether a fault of `subject` in these words was there before; `None`: never.
pub fn recurrence(
    now: Timestamp,
    subject: &Subject,
    fault: &str,
    earlier: &[Earlier],
    policy: &Policy,
    calendar: &Calendar,
) -> Option<Recurrence> {
    let same = |e: &&Earlier| e.at <= now && same_machine(subject, e) && same_fault(fault, &e.fault);
    let mut found: Vec<&Earlier> = earlier.iter().filter(same).collect();
    found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
    let last = found.first()?;
    let within = found.iter().filter(|e| ends(policy.replacement.within, e.at, calendar) >= now).count();
    let times = u32::try_from(within).unwrap_or(u32::MAX).saturating_add(1);
    Some(Recurrence {
        after: found.iter().take(NAMED_MAX).map(|e| e.id.clone()).collect(),
        last_at: last.at,
        soon: ends(policy.times.recurrence, last.at, calendar) >= now,
        replacement: times >= policy.replacement.times,
    })
}

/// Whether the customer complained so shortly before.
pub fn is_repeated(now: Timestamp, earlier: &[Earlier], policy: &Policy, calendar: &Calendar) -> bool {
    earlier.iter().any(|e| e.complaint && e.at <= now && ends(policy.times.repeated, e.at, calendar) >= now)
}

/// What the caller brings is of one customer or one machine; where both machines are known they must agree.
fn same_machine(subject: &Subject, earlier: &Earlier) -> bool {
    match (&subject.machine_no, &earlier.machine_no) {
        (Some(one), Some(other)) => one == other,
        (Some(_) | None, _) => true,
    }
}

fn same_fault(one: &str, other: &str) -> bool {
    let (one, other) = (characters(one), characters(other));
    let (one_pairs, other_pairs) = (pairs(&one), pairs(&other));
    let shorter = one_pairs.len().min(other_pairs.len());
    shorter > 0 && one_pairs.intersection(&other_pairs).count() * 2 >= shorter
}

fn characters(text: &str) -> Vec<char> {
    to_simplified(text).chars().filter(|c| c.is_alphanumeric()).collect()
}

fn pairs(text: &[char]) -> BTreeSet<String> {
    let pairs = text.windows(2).map(|pair| pair.iter().collect::<String>());
    pairs.filter(|pair| !EMPTY_PAIRS.contains(&pair.as_str())).collect()
}
