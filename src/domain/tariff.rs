//! 收费标准: what may be charged for which service, as data, and whether a fee keeps it (F21, 严禁向用户乱收费).
//!
//! Contract: pure; the first row of `rubrics/tariff.toml` whose conditions all hold is the standard of an order; where none fits, or
//! nobody names a fee, nothing is compared. What the customer says and what the order claims are looked at apart, each with its source.
//! What is wrong with the table is one line that names file, line and key. Not here: whether both sides name the same fee (`truth`, D18),
//! and whether there was a reason for it: an alarm means that a person has to look.

use super::audit::{Finding, Severity};
use super::facts::Facts;
use super::order::{Claims, Order, ServiceType};
use jiff::Zoned;
use serde::Deserialize;

const BUILTIN: &str = include_str!("../../rubrics/tariff.toml");

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tariff {
    #[serde(default)]
    tolerance_yuan: f64,
    #[serde(default)]
    fee: Vec<Row>,
}

/// One standard; all of its conditions together, an empty one fits everything.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// For people.
    name: String,
    #[serde(default)]
    service_types: Vec<ServiceType>,
    /// Any of these in the product, the fault, what was done or the parts.
    #[serde(default)]
    words: Vec<String>,
    /// Whether the warranty was running (A24); an order that does not say when it began fits neither.
    in_warranty: Option<bool>,
    yuan_max: f64,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("tariff.toml:{line}: {detail}")]
pub struct TariffError {
    line: usize,
    detail: String,
}

impl Tariff {
    pub fn parse(source: &str) -> Result<Self, TariffError> {
        let line_at = |at: usize| source.as_bytes().iter().take(at).filter(|b| **b == b'\n').count() + 1;
        let tariff: Self = toml::from_str(source).map_err(|e| TariffError {
            line: e.span().map_or(1, |span| line_at(span.start)),
            detail: e.message().lines().collect::<Vec<_>>().join(" "),
        })?;
        if !is_amount(tariff.tolerance_yuan) {
            let line = source.find("tolerance_yuan").map_or(1, line_at);
            return Err(TariffError { line, detail: "tolerance_yuan: is no amount".into() });
        }
        for (row, (at, _)) in tariff.fee.iter().zip(source.match_indices("[[fee]]")) {
            if let Some(problem) = row.problem() {
                return Err(TariffError { line: line_at(at), detail: format!("fee ({}).{problem}", row.name) });
            }
        }
        Ok(tariff)
    }

    /// The table that travels with the program.
    pub fn builtin() -> Result<Self, TariffError> {
        Self::parse(BUILTIN)
    }

    /// Every fee that is above the standard of its order. `called_at` stands for the day of the service where the order does not say it.
    pub fn check(&self, order: &Order, facts: &Facts, called_at: &Zoned) -> Vec<Finding> {
        let claims = &order.claims;
        let Some(row) = self.fee.iter().find(|row| row.fits(order, called_at)) else { return vec![] };
        let above = |yuan: &f64| *yuan > row.yuan_max + self.tolerance_yuan;
        let finding = |who: &str, yuan: f64, at_s: Option<f64>| Finding {
            rule: "F21".into(),
            severity: Severity::Red,
            seen: format!("{who}收费{yuan}元，高于收费标准{}元（{}）", row.yuan_max, row.name),
            expected: "收费不超过收费标准".into(),
            from_s: at_s,
            to_s: at_s,
        };
        let said = facts.fee_yuan.as_ref().filter(|fact| above(&fact.value));
        let claimed = claims.fee_yuan.filter(above);
        let said = said.map(|fact| finding(&format!("客户说“{}”，", fact.quote), fact.value, fact.at_s));
        said.into_iter().chain(claimed.map(|yuan| finding("服务订单", yuan, None))).collect()
    }
}

fn is_amount(yuan: f64) -> bool {
    yuan.is_finite() && yuan >= 0.0
}

impl Row {
    fn problem(&self) -> Option<&'static str> {
        if self.name.trim().is_empty() {
            Some("name: says nothing")
        } else if !is_amount(self.yuan_max) {
            Some("yuan_max: is no amount")
        } else if self.words.iter().any(|word| word.trim().is_empty()) {
            Some("words: holds an empty word")
        } else {
            None
        }
    }

    fn fits(&self, order: &Order, called_at: &Zoned) -> bool {
        (self.service_types.is_empty() || self.service_types.contains(&order.service_type))
            && (self.words.is_empty() || self.words.iter().any(|word| mentions(&order.claims, word)))
            && self.in_warranty.is_none_or(|wanted| in_warranty(&order.claims, called_at) == Some(wanted))
    }
}

fn mentions(claims: &Claims, word: &str) -> bool {
    let told = [&claims.product, &claims.fault, &claims.fix];
    told.into_iter().flatten().chain(&claims.parts).any(|text| text.contains(word))
}

/// A24: whether the warranty was running on the day of the service.
fn in_warranty(claims: &Claims, called_at: &Zoned) -> Option<bool> {
    let served = claims.finished_at.map(|at| at.to_zoned(called_at.time_zone().clone()));
    let day = served.as_ref().unwrap_or(called_at).date();
    claims.warranty_ends_on().map(|last| day <= last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::Fact;
    use crate::domain::id::OrderNo;
    use crate::domain::order::Customer;
    use crate::domain::phone::Phone;

    const OWN: &str = r#"
tolerance_yuan = 10
[[fee]]
name = "液压泵大修"
service_types = ["质保期外修理"]
words = ["液压泵"]
yuan_max = 8000
[[fee]]
name = "一般修理"
service_types = ["质保期外修理"]
yuan_max = 500
"#;

    fn order(service_type: ServiceType, claims: Claims) -> Order {
        let customer = Customer { name: None, title: None, phone: Phone::parse("13812345678").unwrap() };
        Order { no: OrderNo::new("SO-1"), service_type, customer, claims }
    }

    /// The findings' sentences of an order for which the customer says that he paid so much.
    #[track_caller]
    fn check(tariff: &Tariff, order: &Order, said: Option<f64>, want: &[&str]) {
        let fact = |value| Fact { value, quote: "收了钱".into(), at_s: Some(12.5), turn: None };
        let facts = Facts { fee_yuan: said.map(fact), ..Facts::default() };
        let called_at = "2026-11-23T10:00[Asia/Shanghai]".parse().unwrap();
        let found = tariff.check(order, &facts, &called_at);
        let seen: Vec<&str> = found.iter().map(|finding| finding.seen.as_str()).collect();
        assert_eq!(seen, want);
        assert!(found.iter().all(|finding| finding.rule == "F21" && finding.severity == Severity::Red));
    }

    #[test]
    fn f21_nothing_may_be_charged_for_a_repair_in_warranty_whoever_says_that_it_was() {
        let tariff = Tariff::builtin().unwrap();
        let repair = |fee_yuan| order(ServiceType::WarrantyRepair, Claims { fee_yuan, ..Claims::default() });
        let said = "客户说“收了钱”，收费300元，高于收费标准0元（质保期内修理（三包）免费）";
        let claimed = "服务订单收费200元，高于收费标准0元（质保期内修理（三包）免费）";
        check(&tariff, &repair(None), Some(300.0), &[said]);
        check(&tariff, &repair(Some(200.0)), None, &[claimed]);
        check(&tariff, &repair(Some(200.0)), Some(300.0), &[said, claimed]);
        check(&tariff, &repair(Some(0.0)), Some(0.0), &[]);
        check(&tariff, &repair(None), None, &[]);
    }

    #[test]
    fn f21_a24_who_pays_while_the_warranty_still_runs_is_an_alarm_and_after_it_none() {
        let tariff = Tariff::builtin().unwrap();
        let paid = |powered: Option<&str>, finished: Option<&str>| {
            let claims = Claims {
                powered_on: powered.map(|day| day.parse().unwrap()),
                finished_at: finished.map(|at| at.parse().unwrap()),
                ..Claims::default()
            };
            order(ServiceType::PaidRepair, claims)
        };
        let alarm = ["客户说“收了钱”，收费800元，高于收费标准0元（质保期未满（规则 A24），修理免费）"];
        check(&tariff, &paid(Some("2026-01-10"), None), Some(800.0), &alarm);
        check(&tariff, &paid(Some("2025-11-23"), None), Some(800.0), &alarm);
        check(&tariff, &paid(Some("2025-11-22"), None), Some(800.0), &[]);
        // The day of the service counts, not that of the call.
        check(&tariff, &paid(Some("2025-11-22"), Some("2026-11-22T17:00+08:00")), Some(800.0), &alarm);
        check(&tariff, &paid(None, None), Some(800.0), &[]);
    }

    #[test]
    fn f21_the_first_row_that_fits_is_the_standard_and_an_order_that_none_fits_has_none() {
        let tariff = Tariff::parse(OWN).unwrap();
        let repair = |fix: &str| order(ServiceType::PaidRepair, Claims { fix: Some(fix.into()), ..Claims::default() });
        check(&tariff, &repair("更换液压泵"), Some(7_900.0), &[]);
        check(&tariff, &repair("更换油管"), Some(510.0), &[]);
        check(&tariff, &repair("更换油管"), Some(511.0), &["客户说“收了钱”，收费511元，高于收费标准500元（一般修理）"]);
        check(&tariff, &order(ServiceType::Maintenance, Claims::default()), Some(9_999.0), &[]);
    }

    #[test]
    fn f21_a_table_that_makes_no_sense_is_refused_with_its_line() {
        #[track_caller]
        fn refused(from: &str, to: &str, want: &str) {
            let text = OWN.replacen(from, to, 1);
            let error = Tariff::parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(want), "{error}");
        }
        refused("tolerance_yuan = 10", "tolerance_yuan = -1", "tariff.toml:2: tolerance_yuan: is no amount");
        refused("yuan_max = 500", "yuan_max = -500", "tariff.toml:8: fee (一般修理).yuan_max: is no amount");
        refused("yuan_max = 500", "yuan_max = nan", "tariff.toml:8: fee (一般修理).yuan_max");
        refused("\"一般修理\"", "\" \"", "tariff.toml:8: fee ( ).name: says nothing");
        refused("[\"液压泵\"]", "[\"\"]", "tariff.toml:3: fee (液压泵大修).words");
        refused("yuan_max = 8000", "yuan_min = 1", "tariff.toml:7: unknown field `yuan_min`");
        refused("[\"质保期外修理\"]", "[\"大修\"]", "tariff.toml:5: unknown variant");
    }
}
