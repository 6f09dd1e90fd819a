//! 真实性核对: the order's claims beside the customer's words, and whether the order can be true (RULES D03–D25).
//!
//! Contract: pure; only what both sides state is compared; a claim or an answer that is missing proves nothing. Every comparison keeps
//! both values, the difference, the customer's quote and a reason in words. An alarm means that a person has to look, not that somebody
//! lied. It does not read answers (that is [`super::facts`]) and decides no consequences.

mod families;
mod moment;
mod place;

pub use families::family_of;

use super::audit::{Finding, Severity};
use super::facts::{Fact, Facts};
use super::order::Claims;
use jiff::Zoned;
use moment::Said;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How far words may lie from the order before they differ.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tolerance {
    /// Machine hours; the larger of the two counts: nobody reads his meter for a call.
    pub hours: f64,
    pub hours_share: f64,
    /// Clock times, minutes.
    pub time_mins: u32,
    pub fee_yuan: f64,
}

impl Default for Tolerance {
    fn default() -> Self {
        Self { hours: 30.0, hours_share: 0.05, time_mins: 90, fee_yuan: 50.0 }
    }
}

/// One claim that can be checked against the customer's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    Hours,
    RequestedAt,
    ArrivedAt,
    FinishedAt,
    FaultAt,
    Location,
    Parts,
    Fee,
}

impl Item {
    /// Rule of the table that asks for it, and its name for people.
    fn rule(self) -> (&'static str, &'static str) {
        match self {
            Self::Hours => ("D04", "工作小时"),
            Self::RequestedAt => ("D07", "报修时间"),
            Self::ArrivedAt => ("D05", "到达时间"),
            Self::FinishedAt => ("D06", "完工时间"),
            Self::FaultAt => ("D14", "故障时间"),
            Self::Location => ("D11", "服务地点"),
            Self::Parts => ("D17", "更换件"),
            Self::Fee => ("D18", "费用"),
        }
    }

    /// False hours, parts and fees cost somebody money: red. Places and times are told less exactly: amber.
    fn severity(self) -> Severity {
        match self {
            Self::Hours | Self::Parts | Self::Fee => Severity::Red,
            Self::RequestedAt | Self::ArrivedAt | Self::FinishedAt | Self::FaultAt | Self::Location => Severity::Amber,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    Agrees,
    Differs,
    /// The customer did not say.
    NotSaid,
}

/// One claim beside the words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    pub item: Item,
    /// Rule id of the table, e.g. `D04`.
    pub rule: String,
    pub agreement: Agreement,
    pub claimed: String,
    pub said: Option<String>,
    /// How far apart, in words: `相差 480 小时`.
    pub by: Option<String>,
    /// Words of the customer, and where they stand.
    pub quote: Option<String>,
    pub at_s: Option<f64>,
    pub turn: Option<usize>,
    /// One sentence for people.
    pub reason: String,
    pub alarm: bool,
}

/// 服务订单的真实性 (D25).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// What could be compared agrees.
    True,
    /// Something differs that people often tell inexactly.
    Doubtful,
    /// Hours, parts or fee contradict the order.
    Contradicted,
    /// Nothing could be compared.
    Unverified,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthCheck {
    pub verdict: Verdict,
    /// Sentences of every difference, the gravest first.
    pub reasons: Vec<String>,
    /// Only what the order claims.
    pub comparisons: Vec<Comparison>,
}

/// Compares an order with what was said in a call that took place at `called_at` (spoken days count from there).
pub fn check(claims: &Claims, facts: &Facts, called_at: &Zoned, tolerance: &Tolerance) -> TruthCheck {
    let time = |item, claim: Option<jiff::Timestamp>, fact: &Option<Fact<String>>| {
        claim.map(|c| {
            compare_time(item, &c.to_zoned(called_at.time_zone().clone()), fact.as_ref(), called_at, tolerance)
        })
    };
    let comparisons: Vec<Comparison> = [
        claims.reported_hours.map(|c| compare_hours(c, facts.machine_hours.as_ref(), tolerance)),
        time(Item::RequestedAt, claims.requested_at, &facts.requested_time),
        time(Item::FaultAt, claims.fault_at, &facts.fault_time),
        time(Item::ArrivedAt, claims.arrived_at, &facts.arrival_time),
        time(Item::FinishedAt, claims.finished_at, &facts.finish_time),
        claims.location.as_deref().map(|c| compare_place(c, facts.location.as_ref())),
        (!claims.parts.is_empty()).then(|| compare_parts(&claims.parts, facts.parts_replaced.as_ref())),
        claims.fee_yuan.map(|c| compare_fee(c, facts.fee_yuan.as_ref(), tolerance)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let differing = |severity| {
        comparisons.iter().filter(move |c| c.agreement == Agreement::Differs && c.item.severity() == severity)
    };
    let verdict = if differing(Severity::Red).next().is_some() {
        Verdict::Contradicted
    } else if differing(Severity::Amber).next().is_some() {
        Verdict::Doubtful
    } else if comparisons.iter().any(|c| c.agreement == Agreement::Agrees) {
        Verdict::True
    } else {
        Verdict::Unverified
    };
    let reasons = differing(Severity::Red).chain(differing(Severity::Amber)).map(|c| c.reason.clone()).collect();
    TruthCheck { verdict, reasons, comparisons }
}

impl TruthCheck {
    /// The differences as findings of the audit.
    pub fn findings(&self) -> Vec<Finding> {
        let differs = self.comparisons.iter().filter(|c| c.agreement == Agreement::Differs);
        differs
            .map(|c| Finding {
                rule: c.rule.clone(),
                severity: c.item.severity(),
                seen: c.reason.clone(),
                expected: format!("{}与服务订单一致", c.item.rule().1),
                from_s: c.at_s,
                to_s: c.at_s,
            })
            .collect()
    }
}

/// What a comparison found: nothing to compare, the same, or how far apart.
enum Found {
    Same,
    Apart(String),
}

fn comparison<T>(
    item: Item,
    claimed: String,
    fact: Option<&Fact<T>>,
    said: impl Fn(&T) -> String,
    found: impl Fn(&T) -> Option<Found>,
) -> Comparison {
    let (rule, name) = item.rule();
    let value = fact.map(|f| said(&f.value));
    let (agreement, by) = match fact.and_then(|f| found(&f.value)) {
        None => (Agreement::NotSaid, None),
        Some(Found::Same) => (Agreement::Agrees, None),
        Some(Found::Apart(by)) => (Agreement::Differs, Some(by)),
    };
    let told = value.as_deref().unwrap_or_default();
    let reason = match (agreement, &by) {
        (Agreement::Agrees, _) => format!("{name}：客户说{told}，与订单{claimed}相符"),
        (Agreement::Differs, Some(by)) => format!("{name}：订单为{claimed}，客户说{told}，{by}"),
        _ => format!("{name}：客户没有说清，无法核对"),
    };
    Comparison {
        item,
        rule: rule.to_string(),
        agreement,
        claimed,
        said: value,
        by,
        quote: fact.map(|f| f.quote.clone()),
        at_s: fact.and_then(|f| f.at_s),
        turn: fact.and_then(|f| f.turn),
        reason,
        alarm: agreement == Agreement::Differs,
    }
}

fn compare_hours(claimed: f64, fact: Option<&Fact<f64>>, tolerance: &Tolerance) -> Comparison {
    let allowed = tolerance.hours.max(claimed.abs() * tolerance.hours_share);
    comparison(
        Item::Hours,
        format!("{claimed}小时"),
        fact,
        |h| format!("{h}小时"),
        |h| {
            let apart = (h - claimed).abs();
            Some(if apart <= allowed { Found::Same } else { Found::Apart(format!("相差{apart:.0}小时")) })
        },
    )
}

fn compare_fee(claimed: f64, fact: Option<&Fact<f64>>, tolerance: &Tolerance) -> Comparison {
    comparison(
        Item::Fee,
        format!("{claimed}元"),
        fact,
        |f| format!("{f}元"),
        |f| {
            let apart = (f - claimed).abs();
            Some(if apart <= tolerance.fee_yuan { Found::Same } else { Found::Apart(format!("相差{apart:.0}元")) })
        },
    )
}

fn compare_place(claimed: &str, fact: Option<&Fact<String>>) -> Comparison {
    comparison(Item::Location, claimed.to_string(), fact, String::clone, |said| {
        Some(if place::same(claimed, said) { Found::Same } else { Found::Apart("不是同一个地方".into()) })
    })
}

/// D17: what the order says was changed and the customer did not name. What he names beyond the order is no fault of the order.
fn compare_parts(claimed: &[String], fact: Option<&Fact<Vec<String>>>) -> Comparison {
    comparison(
        Item::Parts,
        claimed.join("、"),
        fact,
        |p| if p.is_empty() { "什么都没换".into() } else { p.join("、") },
        |said| {
            let have: BTreeSet<&str> = said.iter().flat_map(|p| families::families(p)).collect();
            let missing: Vec<&str> = claimed
                .iter()
                .filter(|c| families::families(c).iter().any(|f| !families::covered(f, &have)))
                .map(String::as_str)
                .collect();
            Some(if missing.is_empty() {
                Found::Same
            } else {
                Found::Apart(format!("没有提到{}", missing.join("、")))
            })
        },
    )
}

fn compare_time(
    item: Item,
    claimed: &Zoned,
    fact: Option<&Fact<String>>,
    called_at: &Zoned,
    tolerance: &Tolerance,
) -> Comparison {
    let claim = claimed.strftime("%-m月%-d日%H:%M").to_string();
    comparison(item, claim, fact, String::clone, |said| {
        let said = Said::parse(said, called_at)?;
        match said.apart(claimed, tolerance.time_mins) {
            moment::Apart::Unknown => None,
            moment::Apart::Same => Some(Found::Same),
            moment::Apart::Days(days) => Some(Found::Apart(format!("相差{days}天"))),
            moment::Apart::Minutes(mins) if mins >= 120 => Some(Found::Apart(format!("相差约{}小时", mins / 60))),
            moment::Apart::Minutes(mins) => Some(Found::Apart(format!("相差{mins}分钟"))),
        }
    })
}

#[cfg(test)]
mod tests;
