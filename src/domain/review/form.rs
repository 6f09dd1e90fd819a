//! 质检表: what a reviewer looks at, as data; a sheet of it for one call; and its total.
//!
//! Contract: a form that parses is complete. A sheet carries the form it was filled on, so that an old sheet keeps its total when the form
//! changes. The machine fills what its findings show; a person's mark stands beside the machine's and is the one in force. An item that
//! nobody has judged is open and counts for nothing; a fatal item that is not met makes the total 0, whatever else was good.
//! The total: in every section the points that were earned of those that could be, the sections by their weights, 0 to 100.

use crate::domain::audit::{Finding, Severity};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The form that travels with the program.
const BUILTIN: &str = include_str!("../../../rubrics/qa-form.toml");

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    pub name: String,
    pub version: String,
    pub title: String,
    #[serde(rename = "section")]
    pub sections: Vec<Section>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    pub title: String,
    /// Against the other sections'.
    pub weight: u32,
    #[serde(rename = "item")]
    pub items: Vec<Item>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Item {
    pub key: String,
    pub title: String,
    /// Against the other items of the section.
    pub points: u32,
    /// Not met: the total is 0.
    #[serde(default)]
    pub fatal: bool,
    /// Rules of the audit that speak of it.
    #[serde(default)]
    pub rules: Vec<String>,
    /// What the machine says when those rules found nothing: it was met, or it does not know.
    #[serde(default)]
    pub silence: Silence,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Silence {
    Met,
    #[default]
    Open,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mark {
    Met,
    NotMet,
    NotApplicable,
}

impl Mark {
    pub const ALL: [Mark; 3] = [Self::Met, Self::NotMet, Self::NotApplicable];
}

/// The machine's mark and what it saw.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MachineMark {
    pub mark: Mark,
    /// Rule of the finding; `None`: nothing was found against it.
    pub rule: Option<String>,
    pub seen: Option<String>,
    /// Seconds on the recording.
    pub from_s: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HumanMark {
    pub mark: Mark,
    pub reason: String,
    pub by: String,
    pub at: Timestamp,
}

/// One item of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub machine: Option<MachineMark>,
    pub human: Option<HumanMark>,
}

/// A form filled for one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sheet {
    pub form: Form,
    /// One for each item of the form, in its order.
    pub entries: Vec<Entry>,
}

/// What a sheet comes to.
#[derive(Clone, Debug, PartialEq)]
pub struct Total {
    /// 0 to 100, to a tenth; `None` while nothing is judged.
    pub score: Option<f64>,
    /// Keys of the fatal items that were not met.
    pub fatal: Vec<String>,
    /// Items that nobody has judged.
    pub open: usize,
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormError {
    #[error("qa form: {0}")]
    Syntax(String),
    #[error("qa form, {item}: {why}")]
    Item { item: String, why: &'static str },
    #[error("qa form: {0}")]
    Empty(&'static str),
}

impl Form {
    /// # Errors
    /// Names the item: unknown keys of the file, a key twice, no points, no weight, nothing in a section.
    pub fn parse(source: &str) -> Result<Self, FormError> {
        let form: Form = toml::from_str(source)
            .map_err(|e| FormError::Syntax(e.to_string().lines().collect::<Vec<_>>().join(" ")))?;
        form.check()?;
        Ok(form)
    }

    /// The form that travels with the program.
    pub fn builtin() -> Result<Self, FormError> {
        Self::parse(BUILTIN)
    }

    fn check(&self) -> Result<(), FormError> {
        if self.sections.is_empty() {
            return Err(FormError::Empty("no section"));
        }
        let mut known = BTreeSet::new();
        for section in &self.sections {
            if section.weight == 0 || section.items.is_empty() {
                return Err(FormError::Empty("a section without weight or items"));
            }
            for item in &section.items {
                let bad = |why| Err(FormError::Item { item: item.key.clone(), why });
                match item {
                    Item { key, .. } if key.is_empty() => return bad("an item needs a key"),
                    Item { points: 0, .. } => return bad("an item needs points"),
                    Item { silence: Silence::Met, rules, .. } if rules.is_empty() => {
                        return bad("met by silence, but no rule would break it");
                    }
                    Item { key, .. } if !known.insert(key.as_str()) => return bad("stands twice"),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// `name@version`, written beside every sheet.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.sections.iter().flat_map(|section| &section.items)
    }

    /// The sheet of a call as its findings fill it: the gravest finding of an item's rules decides.
    pub fn fill(&self, findings: &[Finding]) -> Sheet {
        let entry = |item: &Item| Entry { key: item.key.clone(), machine: item.seen_in(findings), human: None };
        Sheet { form: self.clone(), entries: self.items().map(entry).collect() }
    }
}

impl Item {
    fn seen_in(&self, findings: &[Finding]) -> Option<MachineMark> {
        let gravest = findings.iter().filter(|f| self.rules.contains(&f.rule)).max_by_key(|f| f.severity);
        match (gravest, self.silence) {
            (Some(f), _) => Some(MachineMark {
                mark: if f.severity >= Severity::Amber { Mark::NotMet } else { Mark::Met },
                rule: Some(f.rule.clone()),
                seen: Some(f.seen.clone()),
                from_s: f.from_s,
            }),
            (None, Silence::Met) => Some(MachineMark { mark: Mark::Met, rule: None, seen: None, from_s: None }),
            (None, Silence::Open) => None,
        }
    }
}

impl Entry {
    /// The person's mark if there is one, else the machine's.
    pub fn in_force(&self) -> Option<Mark> {
        self.human.as_ref().map(|h| h.mark).or(self.machine.as_ref().map(|m| m.mark))
    }
}

impl Sheet {
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// With a person's mark beside the machine's; `None` for an item that the form lacks.
    pub fn corrected(&self, key: &str, mark: HumanMark) -> Option<Sheet> {
        let mut next = self.clone();
        next.entries.iter_mut().find(|entry| entry.key == key)?.human = Some(mark);
        Some(next)
    }

    /// A new filling of the machine's keeps what people have said.
    #[must_use]
    pub fn after(mut self, before: &Sheet) -> Sheet {
        for entry in &mut self.entries {
            entry.human = before.entry(&entry.key).and_then(|earlier| earlier.human.clone());
        }
        self
    }

    pub fn total(&self) -> Total {
        let mark = |item: &Item| self.entry(&item.key).and_then(Entry::in_force);
        let (mut earned, mut possible) = (0.0, 0.0);
        for section in &self.form.sections {
            let points = |of: &dyn Fn(Mark) -> bool| -> f64 {
                section.items.iter().filter(|item| mark(item).is_some_and(of)).map(|item| f64::from(item.points)).sum()
            };
            let applicable = points(&|mark| mark != Mark::NotApplicable);
            if applicable > 0.0 {
                earned += f64::from(section.weight) * points(&|mark| mark == Mark::Met) / applicable;
                possible += f64::from(section.weight);
            }
        }
        let fatal: Vec<String> = self
            .form
            .items()
            .filter(|item| item.fatal && mark(item) == Some(Mark::NotMet))
            .map(|item| item.key.clone())
            .collect();
        let score = match (possible > 0.0, fatal.is_empty()) {
            (false, _) => None,
            (true, false) => Some(0.0),
            (true, true) => Some((1000.0 * earned / possible).round() / 10.0),
        };
        Total { score, fatal, open: self.form.items().filter(|item| mark(item).is_none()).count() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        name = "small"
        version = "1"
        title = "小表"
        [[section]]
        title = "开场"
        weight = 30
        item = [
          { key = "greet", title = "问候", points = 2, rules = ["C03"], silence = "met" },
          { key = "name", title = "称呼", points = 1, rules = ["C04"] },
        ]
        [[section]]
        title = "内容"
        weight = 70
        item = [
          { key = "truth", title = "如实", points = 3, fatal = true },
          { key = "fee", title = "费用", points = 1 },
        ]
    "#;

    fn finding(rule: &str, severity: Severity) -> Finding {
        let (seen, expected) = ("看到的".into(), "应当的".into());
        Finding { rule: rule.into(), severity, seen, expected, from_s: Some(2.5), to_s: None }
    }

    fn marked(marks: &[(&str, Mark)]) -> Sheet {
        let at = "2026-11-22T02:00:00Z".parse().unwrap();
        marks.iter().fold(Form::parse(SMALL).unwrap().fill(&[]), |sheet, (key, mark)| {
            sheet.corrected(key, HumanMark { mark: *mark, reason: "听了".into(), by: "王".into(), at }).unwrap()
        })
    }

    #[test]
    fn the_built_in_form_is_complete_and_its_rules_are_rules() {
        let form = Form::builtin().unwrap();
        assert!(form.items().any(|item| item.fatal));
        for rule in form.items().flat_map(|item| &item.rules) {
            let (letter, number) = rule.split_at(1);
            assert!("ABCDEFGHI".contains(letter) && number.parse::<u8>().is_ok(), "{rule}");
        }
        assert_eq!(form.id(), format!("{}@{}", form.name, form.version));
        assert_eq!(form.sections.iter().map(|s| s.weight).sum::<u32>(), 101, "a hundred and the bottom line");
    }

    #[test]
    fn what_the_audit_finds_of_a_persons_conduct_is_an_item_of_the_form() {
        let form = Form::builtin().unwrap();
        let rules: Vec<&str> = form.items().flat_map(|item| &item.rules).map(String::as_str).collect();
        for rule in "A07 A08 A13 A19 C01 C04 C05 C06 C07 C08 C09 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24 C25 C26 C27 \
                     C28 C30 F11 F17 G05 G17"
            .split_whitespace()
        {
            assert_eq!(rules.iter().filter(|r| **r == rule).count(), 1, "{rule}");
        }
    }

    #[test]
    fn a_form_that_is_not_whole_is_refused_with_its_item() {
        let check = |from: &str, to: &str, expected: &str| {
            let error = Form::parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        };
        check("key = \"fee\"", "key = \"truth\"", "truth: stands twice");
        check("points = 3", "points = 0", "truth: an item needs points");
        check("weight = 70", "weight = 0", "without weight");
        check("rules = [\"C03\"], ", "", "greet: met by silence");
        check("points = 3", "pionts = 3", "pionts");
    }

    #[test]
    fn the_machine_fills_what_its_findings_show_and_leaves_the_rest_open() {
        let form = Form::parse(SMALL).unwrap();
        let check = |findings: &[Finding], key: &str, expected: Option<Mark>| {
            assert_eq!(form.fill(findings).entry(key).unwrap().in_force(), expected, "{key} {findings:?}");
        };
        check(&[], "greet", Some(Mark::Met));
        check(&[], "name", None);
        check(&[finding("C03", Severity::Amber)], "greet", Some(Mark::NotMet));
        check(&[finding("C03", Severity::Pass), finding("C03", Severity::Red)], "greet", Some(Mark::NotMet));
        check(&[finding("C04", Severity::Pass)], "name", Some(Mark::Met));
        check(&[finding("C04", Severity::Info)], "name", Some(Mark::Met));
        check(&[finding("C16", Severity::Red)], "name", None);
        let seen = form.fill(&[finding("C04", Severity::Red)]).entry("name").unwrap().machine.clone().unwrap();
        assert_eq!((seen.rule.as_deref(), seen.from_s), (Some("C04"), Some(2.5)));
    }

    #[test]
    fn the_total_is_the_weighted_mean_of_the_sections_by_hand() {
        use Mark::{Met, NotApplicable, NotMet};
        let check = |marks: &[(&str, Mark)], score: Option<f64>, open: usize| {
            let total = marked(marks).total();
            assert_eq!((total.score, total.open), (score, open), "{marks:?}");
        };
        // Only the greeting is met by silence: the one section counts alone.
        check(&[], Some(100.0), 3);
        // 30 · 2/3 + 70 · 4/4 = 90 of 100.
        check(&[("name", NotMet), ("truth", Met), ("fee", Met)], Some(90.0), 0);
        // 30 · 3/3 + 70 · 3/4 = 82.5.
        check(&[("name", Met), ("truth", Met), ("fee", NotMet)], Some(82.5), 0);
        // The fee does not apply: 30 · 2/3 + 70 · 3/3 = 90.
        check(&[("name", NotMet), ("truth", Met), ("fee", NotApplicable)], Some(90.0), 0);
        // Nothing of the second section applies: 30 · 2/3 of 30.
        check(&[("name", NotMet), ("truth", NotApplicable), ("fee", NotApplicable)], Some(66.7), 0);
        check(
            &[("greet", NotApplicable), ("name", NotApplicable), ("truth", NotApplicable), ("fee", NotApplicable)],
            None,
            0,
        );
    }

    #[test]
    fn a_fatal_item_that_is_not_met_makes_the_total_nothing() {
        let total = marked(&[("name", Mark::Met), ("truth", Mark::NotMet), ("fee", Mark::Met)]).total();
        assert_eq!(total, Total { score: Some(0.0), fatal: vec!["truth".into()], open: 0 });
    }

    #[test]
    fn a_new_filling_keeps_what_people_said_and_the_machines_mark_stays_beside_it() {
        let before = marked(&[("greet", Mark::NotMet)]);
        let entry = before.entry("greet").unwrap();
        assert_eq!((entry.in_force(), entry.machine.as_ref().unwrap().mark), (Some(Mark::NotMet), Mark::Met));
        let again = Form::parse(SMALL).unwrap().fill(&[finding("C04", Severity::Red)]).after(&before);
        assert_eq!(again.entry("greet").unwrap().in_force(), Some(Mark::NotMet));
        assert_eq!(again.entry("name").unwrap().in_force(), Some(Mark::NotMet));
        let unknown =
            HumanMark { mark: Mark::Met, reason: "x".into(), by: "x".into(), at: jiff::Timestamp::UNIX_EPOCH };
        assert_eq!(before.corrected("nothing", unknown), None);
    }
}
