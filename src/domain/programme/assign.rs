//! Which programmes an order belongs to when something happens to it: rules of the site's configuration.
//!
//! Contract: the first rule that fits decides. Without one a completion SMS belongs to the site's own programme, and any other trigger
//! to the only programme that begins by it; where several do, nobody guesses. Not here: which of the orders are visited (`selection`).

use super::{Programme, Programmes, Trigger};
use crate::domain::order::{Order, ServiceType};
use serde::{Deserialize, Serialize};

/// One rule; an empty list fits everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    pub triggers: Vec<Trigger>,
    pub service_types: Vec<ServiceType>,
    /// As the orders name them.
    pub dealers: Vec<String>,
    /// Words of `claims.customer_class`.
    pub classes: Vec<String>,
    /// Each makes its own visits.
    pub programmes: Vec<String>,
}

/// The rules of a site.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    /// For a completion SMS that no rule fits.
    pub own: String,
    pub rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    #[error("there is no programme {0:?}")]
    NoProgramme(String),
    #[error("rule {rule}: programme {programme:?} does not begin by {trigger}")]
    NeverBegins { rule: usize, programme: String, trigger: &'static str },
    #[error("rule {0}: names no programme")]
    Empty(usize),
}

/// Why a trigger leads to no programme. For people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unassigned {
    #[error("没有回访方案由“{0}”触发")]
    Nobody(&'static str),
    #[error("有几个回访方案由“{trigger}”触发（{names}），请在 intake.rules 中写明用哪一个")]
    Several { trigger: &'static str, names: String },
}

impl Assignment {
    /// Every programme that is named must exist, and begin by the triggers of its rule.
    pub fn check(&self, programmes: &Programmes) -> Result<(), AssignError> {
        if programmes.get(&self.own).is_none() {
            return Err(AssignError::NoProgramme(self.own.clone()));
        }
        for (n, rule) in self.rules.iter().enumerate() {
            if rule.programmes.is_empty() {
                return Err(AssignError::Empty(n + 1));
            }
            for name in &rule.programmes {
                let programme = programmes.get(name).ok_or_else(|| AssignError::NoProgramme(name.clone()))?;
                if let Some(trigger) = rule.triggers.iter().find(|trigger| !programme.begins_by(**trigger)) {
                    let (programme, trigger) = (name.clone(), trigger.name());
                    return Err(AssignError::NeverBegins { rule: n + 1, programme, trigger });
                }
            }
        }
        Ok(())
    }

    /// The programmes that `order` belongs to now that `trigger` has happened, in the order of the rule.
    pub fn programmes<'a>(
        &self,
        trigger: Trigger,
        order: &Order,
        programmes: &'a Programmes,
    ) -> Result<Vec<&'a Programme>, Unassigned> {
        let begins = |name: &str| programmes.get(name).filter(|programme| programme.begins_by(trigger));
        if let Some(rule) = self.rules.iter().find(|rule| rule.fits(trigger, order)) {
            let named: Vec<_> = rule.programmes.iter().filter_map(|name| begins(name)).collect();
            return if named.is_empty() { Err(Unassigned::Nobody(trigger.text_zh())) } else { Ok(named) };
        }
        if trigger == Trigger::Sms {
            return programmes.get(&self.own).map(|own| vec![own]).ok_or(Unassigned::Nobody(trigger.text_zh()));
        }
        let all: Vec<_> = programmes.iter().filter(|programme| programme.begins_by(trigger)).collect();
        match all.as_slice() {
            [] => Err(Unassigned::Nobody(trigger.text_zh())),
            [_] => Ok(all),
            several => {
                let names: Vec<&str> = several.iter().map(|programme| programme.name.as_str()).collect();
                Err(Unassigned::Several { trigger: trigger.text_zh(), names: names.join("、") })
            }
        }
    }
}

impl Rule {
    fn fits(&self, trigger: Trigger, order: &Order) -> bool {
        let class = order.claims.customer_class.as_deref().unwrap_or_default();
        let dealer = order.claims.dealer.as_deref().unwrap_or_default();
        (self.triggers.is_empty() || self.triggers.contains(&trigger))
            && (self.service_types.is_empty() || self.service_types.contains(&order.service_type))
            && (self.dealers.is_empty() || self.dealers.iter().any(|name| name == dealer))
            && (self.classes.is_empty() || super::class_words(class).any(|word| self.classes.iter().any(|c| c == word)))
    }
}
