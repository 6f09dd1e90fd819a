//! 重评: what another keyword table makes of calls that were scored, cell by cell, before anybody adopts it.
//!
//! Contract: pure. A cell is the machine's level of one indicator of one call; a person's level over it stays in force either way and is
//! told. Only tables in force can be adopted: a call that is judged later must come to the same.

use super::Refused;
use crate::domain::id::{CallId, OrderNo};
use crate::domain::score::{Indicator, Level, Score, Scorecard};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Between the names of several tables.
pub const TABLES_APART: &str = ", ";

/// One indicator of one call that would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    pub indicator: Indicator,
    pub from: Option<Level>,
    pub to: Option<Level>,
    /// The words that prove each.
    pub was: Vec<String>,
    pub becomes: Vec<String>,
    /// A person's level is in force here.
    pub overridden: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedCall {
    pub call: CallId,
    pub order_no: OrderNo,
    pub cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RescoringState {
    Proposed,
    Adopted(Decision),
    Dropped(Decision),
}

/// Who settled a comparison, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    pub by: String,
    pub at: Timestamp,
    pub why: Option<String>,
}

/// A comparison over the calls of a period.
#[derive(Clone, Debug, PartialEq)]
pub struct Rescoring {
    pub id: String,
    pub from: Timestamp,
    pub before: Timestamp,
    /// `name@version` of the table that was tried; of those in force, with [`TABLES_APART`] between them.
    pub rubric: String,
    /// Calls that were compared.
    pub calls: u32,
    pub changes: Vec<ChangedCall>,
    pub made_by: String,
    pub made_at: Timestamp,
    pub state: RescoringState,
}

/// The cells in which two cards of one call differ.
pub fn changed(before: &Scorecard, after: &Scorecard) -> Vec<Cell> {
    let words = |score: &Score| score.evidence.iter().map(|e| e.text.clone()).collect();
    let pair = |was: &Score| {
        let becomes = after.scores.iter().find(|score| score.indicator == was.indicator)?;
        (becomes.level != was.level).then(|| Cell {
            indicator: was.indicator,
            from: was.level,
            to: becomes.level,
            was: words(was),
            becomes: words(becomes),
            overridden: was.human.is_some(),
        })
    };
    before.scores.iter().filter_map(pair).collect()
}

impl Rescoring {
    /// `in_force`: `name@version` of the tables by which calls are judged now.
    pub fn adopt(&self, decision: Decision, in_force: &[&str]) -> Result<Rescoring, Refused> {
        self.undecided()?;
        if !self.rubric.split(TABLES_APART).all(|tried| in_force.contains(&tried)) {
            let in_force = in_force.join(TABLES_APART);
            return Err(Refused::OtherRubric { tried: self.rubric.clone(), in_force });
        }
        Ok(Rescoring { state: RescoringState::Adopted(decision), ..self.clone() })
    }

    pub fn drop(&self, decision: Decision) -> Result<Rescoring, Refused> {
        self.undecided()?;
        Ok(Rescoring { state: RescoringState::Dropped(decision), ..self.clone() })
    }

    fn undecided(&self) -> Result<(), Refused> {
        match self.state {
            RescoringState::Proposed => Ok(()),
            RescoringState::Adopted(_) | RescoringState::Dropped(_) => Err(Refused::Settled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::{Evidence, HumanScore, NoLevel};

    fn card(levels: [Option<u8>; 5], overridden: Option<usize>) -> Scorecard {
        let score = |(n, (indicator, level)): (usize, (Indicator, Option<u8>))| {
            let level = level.and_then(Level::new);
            let said = |level| Evidence {
                text: format!("话{}", u8::from(level)),
                start: 0,
                end: 2,
                level,
                rule: String::new(),
                from_s: None,
                to_s: None,
                turn: None,
                heard_by: None,
            };
            let human = HumanScore { level: None, reason: "x".into(), by: "y".into(), at: Timestamp::UNIX_EPOCH };
            Score {
                indicator,
                level,
                null_reason: level.is_none().then_some(NoLevel::NotAsked),
                evidence: level.map(said).into_iter().collect(),
                human: (overridden == Some(n)).then_some(human),
            }
        };
        let scores = Indicator::ALL.into_iter().zip(levels).enumerate().map(score).collect();
        Scorecard { rubric: "t@1".into(), scores, alarms: vec![] }
    }

    #[test]
    fn only_what_differs_is_told_with_the_words_of_both_and_whether_a_person_is_over_it() {
        let before = card([Some(5), Some(4), None, Some(3), Some(2)], Some(1));
        let after = card([Some(5), Some(3), Some(4), None, Some(2)], None);
        let told: Vec<String> = changed(&before, &after)
            .into_iter()
            .map(|c| {
                let level = |l: Option<Level>| l.map_or(0, Level::get);
                format!(
                    "{} {}→{} {:?}→{:?} {}",
                    c.indicator.name(),
                    level(c.from),
                    level(c.to),
                    c.was,
                    c.becomes,
                    c.overridden
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                "服务态度 4→3 [\"话4\"]→[\"话3\"] true",
                "服务及时性 0→4 []→[\"话4\"] false",
                "配件供应 3→0 [\"话3\"]→[] false",
            ]
        );
        assert_eq!(changed(&after, &after), []);
    }

    #[test]
    fn a_comparison_is_settled_once_and_only_the_table_in_force_is_adopted() {
        let now = Timestamp::UNIX_EPOCH;
        let proposed = Rescoring {
            id: "r".into(),
            from: now,
            before: now,
            rubric: "t@2".into(),
            calls: 3,
            changes: vec![],
            made_by: "zhao".into(),
            made_at: now,
            state: RescoringState::Proposed,
        };
        let other = Refused::OtherRubric { tried: "t@2".into(), in_force: "s@7, t@1".into() };
        let zhao = || Decision { by: "zhao".into(), at: now, why: Some("更准".into()) };
        assert_eq!(proposed.adopt(zhao(), &["s@7", "t@1"]), Err(other));
        let all = Rescoring { rubric: "s@7, t@2".into(), ..proposed.clone() };
        assert!(all.adopt(zhao(), &["s@8", "t@2"]).is_err(), "one of them has changed meanwhile");
        let by_all = all.adopt(zhao(), &["s@7", "t@2"]).unwrap();
        for settled in [proposed.adopt(zhao(), &["s@7", "t@2"]).unwrap(), by_all, proposed.drop(zhao()).unwrap()] {
            assert_eq!(settled.adopt(zhao(), &["s@7", "t@2"]), Err(Refused::Settled));
            assert_eq!(settled.drop(zhao()), Err(Refused::Settled));
        }
    }
}
