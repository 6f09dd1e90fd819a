//! 校准: several reviewers fill the sheet of one call without seeing each other's, and what they agree on is shown.
//!
//! Contract: pure. Per item the share of agreeing pairs; over all items that everybody marked, Cohen's kappa for two people, Fleiss' kappa
//! for more (Cohen, Educ. Psychol. Meas. 20, 1960; Fleiss, Psychol. Bull. 76, 1971). Where chance alone would agree always (everybody
//! gave one and the same mark throughout), kappa is not defined and stays `None`.

use super::Refused;
use super::form::{Form, Mark};
use crate::domain::id::CallId;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One reviewer's marks by item.
pub type Marks = BTreeMap<String, Mark>;

#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    pub id: String,
    pub call: CallId,
    pub form: Form,
    pub opened_by: String,
    pub opened_at: Timestamp,
    /// Who fills a sheet, at least two.
    pub reviewers: Vec<String>,
    /// What was handed in, by reviewer.
    pub sheets: BTreeMap<String, Marks>,
    pub closed_at: Option<Timestamp>,
}

impl Calibration {
    /// A sheet is handed in once, whole, by somebody on the list.
    pub fn hand_in(&self, by: &str, marks: &Marks) -> Result<(), Refused> {
        if self.closed_at.is_some() {
            return Err(Refused::Closed);
        }
        if !self.reviewers.iter().any(|name| name == by) {
            return Err(Refused::NotInvited);
        }
        if self.sheets.contains_key(by) {
            return Err(Refused::HandedIn);
        }
        if let Some(unknown) = marks.keys().find(|key| !self.form.items().any(|item| item.key == **key)) {
            return Err(Refused::NoItem(unknown.clone()));
        }
        match self.form.items().find(|item| !marks.contains_key(&item.key)) {
            Some(open) => Err(Refused::Unfilled(open.title.clone())),
            None => Ok(()),
        }
    }

    /// Everybody has handed in, or somebody has ended it: the sheets may be seen.
    pub fn is_open_to_view(&self) -> bool {
        self.closed_at.is_some() || self.reviewers.iter().all(|name| self.sheets.contains_key(name))
    }

    /// `None` while it is blind, and with fewer than two sheets.
    pub fn agreement(&self) -> Option<Agreement> {
        let sheets: Vec<&Marks> = self.sheets.values().collect();
        if self.is_open_to_view() { agreement(&sheets) } else { None }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    Cohen,
    Fleiss,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Agreement {
    pub reviewers: usize,
    /// Share of agreeing pairs of reviewers, 0 to 1, by item.
    pub items: BTreeMap<String, f64>,
    /// Their mean.
    pub share: f64,
    pub statistic: Statistic,
    pub kappa: Option<f64>,
}

/// How far the sheets agree on the items that all of them have; `None` with fewer than two sheets or no such item.
pub fn agreement(sheets: &[&Marks]) -> Option<Agreement> {
    let (first, others) = sheets.split_first()?;
    let common: Vec<&String> = first.keys().filter(|key| others.iter().all(|sheet| sheet.contains_key(*key))).collect();
    if others.is_empty() || common.is_empty() {
        return None;
    }
    let counts: Vec<[f64; 3]> = common.iter().map(|key| count(sheets, key)).collect();
    let items: BTreeMap<String, f64> =
        common.iter().zip(&counts).map(|(key, counted)| ((*key).clone(), agreeing_pairs(counted))).collect();
    let share = items.values().sum::<f64>() / items.len() as f64;
    let (statistic, by_chance) = match sheets {
        [a, b] => (Statistic::Cohen, chance_of_two(a, b, &common)),
        _ => (Statistic::Fleiss, chance_of_many(&counts)),
    };
    let kappa = (by_chance < 1.0 - 1e-9).then(|| (share - by_chance) / (1.0 - by_chance));
    Some(Agreement { reviewers: sheets.len(), items, share, statistic, kappa })
}

/// How many gave each mark to an item.
fn count(sheets: &[&Marks], key: &str) -> [f64; 3] {
    Mark::ALL.map(|mark| sheets.iter().filter(|sheet| sheet.get(key) == Some(&mark)).count() as f64)
}

fn agreeing_pairs(counted: &[f64; 3]) -> f64 {
    let n: f64 = counted.iter().sum();
    counted.iter().map(|c| c * (c - 1.0)).sum::<f64>() / (n * (n - 1.0))
}

/// Each of the two has a distribution of his own.
fn chance_of_two(a: &Marks, b: &Marks, common: &[&String]) -> f64 {
    let share = |sheet: &Marks, mark: Mark| {
        common.iter().filter(|key| sheet.get(**key) == Some(&mark)).count() as f64 / common.len() as f64
    };
    Mark::ALL.iter().map(|mark| share(a, *mark) * share(b, *mark)).sum()
}

/// All of them draw from one distribution.
fn chance_of_many(counts: &[[f64; 3]]) -> f64 {
    let total: f64 = counts.iter().flatten().sum();
    (0..3).map(|mark| (counts.iter().map(|c| c[mark]).sum::<f64>() / total).powi(2)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use Mark::{Met, NotApplicable, NotMet};

    fn sheet(marks: &[Mark]) -> Marks {
        marks.iter().enumerate().map(|(n, mark)| (format!("item{n:02}"), *mark)).collect()
    }

    fn of(sheets: &[&[Mark]]) -> Option<Agreement> {
        let sheets: Vec<Marks> = sheets.iter().map(|marks| sheet(marks)).collect();
        agreement(&sheets.iter().collect::<Vec<_>>())
    }

    #[test]
    fn cohens_kappa_of_two_reviewers_by_hand() {
        // 20 items: both met 9, both not met 5, one way 4, the other 2. p₀ = 0.7; 13/20 · 11/20 + 7/20 · 9/20 = 0.515; κ = 0.185/0.485.
        let a: Vec<Mark> = [vec![Met; 13], vec![NotMet; 7]].concat();
        let b: Vec<Mark> = [vec![Met; 9], vec![NotMet; 4], vec![Met; 2], vec![NotMet; 5]].concat();
        let found = of(&[&a, &b]).unwrap();
        assert_eq!((found.reviewers, found.statistic), (2, Statistic::Cohen));
        assert!((found.share - 0.7).abs() < 1e-12, "{}", found.share);
        assert!((found.kappa.unwrap() - 0.185 / 0.485).abs() < 1e-12, "{:?}", found.kappa);
        assert_eq!((found.items["item00"], found.items["item09"]), (1.0, 0.0));
    }

    #[test]
    fn fleiss_kappa_of_three_reviewers_by_hand() {
        // Marks of three people: 3-0-0, 2-1-0, 0-3-0, 1-1-1. Pairs: 1, 1/3, 1, 0 → 7/12. Shares 6/12, 5/12, 1/12 → chance 62/144.
        let found = of(&[&[Met, Met, NotMet, Met], &[Met, Met, NotMet, NotMet], &[Met, NotMet, NotMet, NotApplicable]])
            .unwrap();
        assert_eq!(found.statistic, Statistic::Fleiss);
        let (share, chance) = (7.0 / 12.0, 62.0 / 144.0);
        assert!((found.share - share).abs() < 1e-12, "{}", found.share);
        assert!((found.kappa.unwrap() - (share - chance) / (1.0 - chance)).abs() < 1e-12, "{:?}", found.kappa);
        assert!((found.items["item01"] - 1.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn full_agreement_is_one_and_agreement_that_chance_gives_is_undefined() {
        assert_eq!(of(&[&[Met, NotMet], &[Met, NotMet]]).unwrap().kappa, Some(1.0));
        assert_eq!(of(&[&[Met, NotMet], &[NotMet, Met]]).unwrap().kappa, Some(-1.0));
        assert_eq!(of(&[&[Met, Met], &[Met, Met]]).unwrap().kappa, None);
        assert_eq!(of(&[&[Met]]), None);
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[&[], &[]]), None);
    }

    #[test]
    fn a_sheet_is_handed_in_once_and_whole_and_nobody_sees_the_others_before() {
        let form = Form::builtin().unwrap();
        let whole: Marks = form.items().map(|item| (item.key.clone(), Met)).collect();
        let mut session = Calibration {
            id: "k".into(),
            call: CallId::new("c"),
            form,
            opened_by: "zhao".into(),
            opened_at: Timestamp::UNIX_EPOCH,
            reviewers: vec!["wang".into(), "qian".into()],
            sheets: BTreeMap::new(),
            closed_at: None,
        };
        let part: Marks = whole.iter().skip(1).map(|(key, mark)| (key.clone(), *mark)).collect();
        let odd: Marks = whole.iter().map(|(key, mark)| (format!("{key}?"), *mark)).collect();
        assert_eq!(session.hand_in("wang", &whole), Ok(()));
        assert_eq!(session.hand_in("zhao", &whole), Err(Refused::NotInvited));
        assert!(matches!(session.hand_in("wang", &part), Err(Refused::Unfilled(_))));
        assert!(matches!(session.hand_in("wang", &odd), Err(Refused::NoItem(_))));
        session.sheets.insert("wang".into(), whole.clone());
        assert_eq!(session.hand_in("wang", &whole), Err(Refused::HandedIn));
        assert_eq!(session.agreement(), None, "one is still at work");
        session.sheets.insert("qian".into(), whole.clone());
        assert_eq!(session.agreement().map(|found| found.share), Some(1.0));
        session.sheets.remove("qian");
        session.closed_at = Some(Timestamp::UNIX_EPOCH);
        assert_eq!(session.hand_in("qian", &whole), Err(Refused::Closed));
        assert!(session.is_open_to_view() && session.agreement().is_none(), "one sheet agrees with nobody");
    }
}
