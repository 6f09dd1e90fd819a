//! What the grade is decided on: signs in the customer's words, and what people ticked.
//!
//! Contract: words are those of the [`Policy`](super::Policy); one that is denied right in front (没有受伤, 不想退机) or that belongs to a
//! longer harmless one (换机油) is no sign. A sign is never taken back by words, only by a person. Not here: levels of satisfaction (`score`).

use super::Kind;
use crate::domain::score::{Level, to_simplified};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Signs {
    /// Everything it is about; the gravest is its kind.
    pub kinds: BTreeSet<Kind>,
    /// The lowest level the customer gave.
    pub level: Option<Level>,
    /// What is asked for, yuan.
    pub money_yuan: Option<f64>,
    /// The customer cannot work (F20).
    pub stops_work: bool,
    /// F17.
    pub angry: bool,
    /// Words that need a person at once (E09).
    pub severe: bool,
    /// The customer complained before.
    pub repeated: bool,
}

impl Signs {
    /// With whatever `more` adds; the lower level and the larger sum count.
    pub fn and(mut self, more: &Signs) -> Signs {
        self.kinds.extend(&more.kinds);
        self.level = [self.level, more.level].into_iter().flatten().min();
        self.money_yuan = [self.money_yuan, more.money_yuan].into_iter().flatten().max_by(f64::total_cmp);
        self.stops_work |= more.stops_work;
        self.angry |= more.angry;
        self.severe |= more.severe;
        self.repeated |= more.repeated;
        self
    }

    /// The gravest thing it is about; without any sign it is the service.
    pub fn kind(&self) -> Kind {
        self.kinds.first().copied().unwrap_or(Kind::Service)
    }
}

/// The words of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    pub injury: Vec<String>,
    #[serde(rename = "return")]
    pub give_back: Vec<String>,
    pub replace: Vec<String>,
    pub compensation: Vec<String>,
    pub exposure: Vec<String>,
    pub fault: Vec<String>,
    pub stops_work: Vec<String>,
    pub angry: Vec<String>,
    /// Right in front of a word they deny it.
    pub denials: Vec<String>,
    /// Longer words that only look like one of the others.
    pub harmless: Vec<String>,
}

impl Words {
    pub(super) fn lists(&self) -> [(&'static str, &[String]); 10] {
        [
            ("injury", &self.injury),
            ("return", &self.give_back),
            ("replace", &self.replace),
            ("compensation", &self.compensation),
            ("exposure", &self.exposure),
            ("fault", &self.fault),
            ("stops_work", &self.stops_work),
            ("angry", &self.angry),
            ("denials", &self.denials),
            ("harmless", &self.harmless),
        ]
    }

    /// The signs of a text, in either script.
    pub fn read(&self, text: &str) -> Signs {
        let text = to_simplified(text);
        let says = |words: &[String]| words.iter().any(|word| self.stands(&text, word));
        let kinds = [
            (Kind::Injury, &self.injury),
            (Kind::Return, &self.give_back),
            (Kind::Replace, &self.replace),
            (Kind::Compensation, &self.compensation),
            (Kind::Exposure, &self.exposure),
            (Kind::Fault, &self.fault),
        ];
        Signs {
            kinds: kinds.into_iter().filter(|(_, words)| says(words)).map(|(kind, _)| kind).collect(),
            stops_work: says(&self.stops_work),
            angry: says(&self.angry),
            ..Signs::default()
        }
    }

    /// Whether `word` stands in `text` at least once as itself and not denied.
    fn stands(&self, text: &str, word: &str) -> bool {
        text.match_indices(word).any(|(at, _)| {
            let (before, here) = text.split_at(at);
            let denied = self.denials.iter().any(|denial| before.ends_with(denial.as_str()));
            !denied && !self.harmless.iter().any(|longer| longer.starts_with(word) && here.starts_with(longer.as_str()))
        })
    }
}
