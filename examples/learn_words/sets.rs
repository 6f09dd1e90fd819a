//! The labelled sets as examples.

use crate::acts::{self, Exchange, FactAsked, Turn};
use crate::regression::Example;
use anyhow::Context;
use huifang::domain::audit::{DialogueRequest, audit_dialogue};
use huifang::domain::score::{Answer, Indicator, Level, Rubric, SpokenTurn, answers_of_turns};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Answers that the tests of the conventions are made of.
const CONVENTIONS: [&str; 2] = ["tests/data/score/tuned.jsonl", "tests/data/score/dev_sample.jsonl"];

/// Held-out parts that were opened (tests/data/eval/README.md).
const OPENED: [&str; 4] =
    ["answers_held_out.jsonl", "answers_held_out2.jsonl", "calls_held_out.jsonl", "calls_held_out2.jsonl"];

#[derive(Deserialize)]
struct LabelledAnswer {
    indicator: Option<Indicator>,
    question: String,
    answer: String,
    label: Option<Level>,
}

#[derive(Deserialize)]
struct LabelledCall {
    #[serde(rename = "in")]
    request: DialogueRequest,
    out: Gold,
}

#[derive(Deserialize)]
struct Gold {
    scores: BTreeMap<Indicator, Option<Level>>,
    #[serde(default)]
    acceptable_scores: BTreeMap<Indicator, Vec<Option<Level>>>,
    #[serde(default)]
    outcome: BTreeMap<String, Value>,
    #[serde(default)]
    compliance: BTreeMap<String, Value>,
    /// Which turn a label comes from, where its author said so: the turn, and 配件 (asks for it) or 配件4 (the level).
    #[serde(default)]
    marks: Vec<(usize, String)>,
}

/// An agent's turn by itself, and everything that it asks for: the marks of a marked call.
#[derive(Deserialize)]
pub struct MarkedTurn {
    pub says: String,
    pub marks: Vec<String>,
}

/// What an agent said before a customer answered, what the customer said, and what the marks of both say of it.
struct MarkedExchange {
    question: String,
    answer: String,
    /// The indicators that the question asks for.
    asked: Vec<Indicator>,
    /// The levels that the answer gives.
    levels: BTreeMap<Indicator, Level>,
}

impl LabelledCall {
    fn turns(&self) -> Vec<SpokenTurn> {
        self.request.turns.iter().map(SpokenTurn::from).collect()
    }

    /// The exchanges of a call whose turns are marked.
    fn exchanges(&self, rubric: &Rubric) -> Vec<MarkedExchange> {
        let turns = self.turns();
        let mut exchanges: Vec<MarkedExchange> = Vec::new();
        let mut seen = 0;
        for answer in answers_of_turns(rubric, &turns) {
            let Some(last) = answer.pieces.last().map(|piece| piece.turn).filter(|last| *last >= seen) else {
                continue;
            };
            let marks = || self.out.marks.iter().filter(|(turn, _)| (seen..=last).contains(turn)).map(|(_, mark)| mark);
            let asked = marks().filter_map(|mark| indicator_of(mark)).collect();
            let levels = marks().filter_map(|mark| level_of(mark)).collect();
            exchanges.push(MarkedExchange { question: answer.question, answer: answer.text, asked, levels });
            seen = last + 1;
        }
        exchanges
    }
    fn comes_out_right(&self, rubric: &Rubric) -> bool {
        let report = audit_dialogue(rubric, &self.request);
        Indicator::ALL.iter().all(|i| {
            let (got, want) = (report.scores.get(i).copied().flatten(), self.out.scores.get(i).copied().flatten());
            got == want || self.out.acceptable_scores.get(i).is_some_and(|further| further.contains(&got))
        })
    }

    /// The questions as the rubric hears them.
    fn heard(&self, rubric: &Rubric) -> Vec<(String, Vec<Indicator>)> {
        let mut asked: BTreeMap<(Option<usize>, String), Vec<Indicator>> = BTreeMap::new();
        for answer in answers_of_turns(rubric, &self.turns()) {
            asked.entry((answer.turn, answer.question)).or_default().extend(answer.indicator);
        }
        asked.into_iter().map(|((_, question), of)| (question, of)).collect()
    }
}

/// A question, and the indicators that it asks for.
pub struct Question {
    groups: BTreeSet<String>,
    asked: Vec<Indicator>,
}

impl Question {
    /// Does it ask for this one?
    pub fn example(&self, indicator: Indicator) -> Example {
        Example { groups: self.groups.clone(), class: usize::from(self.asked.contains(&indicator)) }
    }
}

/// Everything that may be learned from.
#[derive(Default)]
pub struct Sets {
    answers: Vec<LabelledAnswer>,
    calls: Vec<LabelledCall>,
    exchanges: Vec<Exchange>,
    facts: Vec<FactAsked>,
    asking: Vec<MarkedTurn>,
}

impl Sets {
    /// # Errors
    /// A file that cannot be read, or a line of it that is no example.
    pub fn read(folder: &Path) -> anyhow::Result<Self> {
        let mut names: Vec<String> = Vec::new();
        for entry in std::fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        names.retain(|name| !name.contains("held_out") || OPENED.contains(&name.as_str()));
        let mut sets = Self::default();
        for name in names {
            let read = || std::fs::read_to_string(folder.join(&name)).with_context(|| name.clone());
            if name.starts_with("answers_") {
                sets.answers.extend(lines(&read()?, &name)?);
            } else if name.starts_with("calls_") {
                sets.calls.extend(lines(&read()?, &name)?);
            } else if name.starts_with("conduct") {
                sets.exchanges.extend(lines(&read()?, &name)?);
            } else if name.starts_with("facts3_") {
                sets.facts.extend(lines(&read()?, &name)?);
            } else if name.starts_with("questions") {
                sets.asking.extend(lines(&read()?, &name)?);
            }
        }
        for name in CONVENTIONS {
            sets.answers.extend(lines(&std::fs::read_to_string(name).context(name)?, name)?);
        }
        Ok(sets)
    }

    fn marked(&self) -> impl Iterator<Item = &LabelledCall> {
        self.calls.iter().filter(|call| !call.out.marks.is_empty())
    }

    fn unmarked(&self) -> impl Iterator<Item = &LabelledCall> {
        self.calls.iter().filter(|call| call.out.marks.is_empty())
    }

    /// Labelled answers, those of calls to an indicator that was asked for once, and the printed table's keywords.
    pub fn answers(&self, rubric: &Rubric) -> Vec<Example> {
        let alone = self.answers.iter().filter_map(|a| {
            let groups = rubric.answer_groups(&a.answer, a.indicator?);
            Some(Example { groups, class: class_of_level(a.label) })
        });
        let in_marked = self.marked().flat_map(|call| {
            let example = |e: MarkedExchange| {
                let [asked] = e.asked[..] else { return None };
                let level = e.levels.get(&asked).copied();
                // Told again later: this is no level, and not none.
                let told_elsewhere = level.is_none() && call.out.scores.get(&asked).is_some_and(Option::is_some);
                let groups = rubric.answer_groups(&e.answer, asked);
                (!told_elsewhere).then(|| Example { groups, class: class_of_level(level) })
            };
            call.exchanges(rubric).into_iter().filter_map(example).collect::<Vec<_>>()
        });
        let in_calls = self.unmarked().flat_map(|call| {
            let answers = answers_of_turns(rubric, &call.turns());
            let once = Indicator::ALL.into_iter().filter_map(|i| the_only(&answers, i).map(|a| (i, a.text.clone())));
            let example = |(i, text): (Indicator, String)| {
                let class = class_of_level(call.out.scores.get(&i).copied().flatten());
                Example { groups: rubric.answer_groups(&text, i), class }
            };
            once.map(example).collect::<Vec<_>>()
        });
        let printed = rubric.rows().flat_map(|(level, _, keywords, _)| {
            let of = move |(word, i): (&String, Indicator)| Example {
                groups: rubric.answer_groups(word, i),
                class: class_of_level(Some(level)),
            };
            keywords.iter().flat_map(|word| Indicator::ALL.into_iter().map(move |i| (word, i))).map(of)
        });
        alone.chain(in_calls).chain(in_marked).chain(printed).collect()
    }

    /// Questions of labelled answers, agents' turns by themselves, those of marked calls, and of others those that come out right.
    pub fn questions(&self, rubric: &Rubric) -> Vec<Question> {
        let of = |text: &str, asked: Vec<Indicator>| Question { groups: rubric.question_groups(text), asked };
        let alone = self.answers.iter().map(|a| of(&a.question, a.indicator.into_iter().collect()));
        let asking =
            self.asking.iter().map(|turn| of(&turn.says, turn.marks.iter().filter_map(|m| indicator_of(m)).collect()));
        let in_calls = self.marked().flat_map(|call| call.exchanges(rubric)).map(|e| of(&e.question, e.asked));
        let unmarked = self.unmarked().filter(|call| call.comes_out_right(rubric)).flat_map(|call| call.heard(rubric));
        let heard = unmarked.map(|(question, asked)| of(&question, asked));
        alone.chain(asking).chain(in_calls).chain(heard).collect()
    }
}

impl Sets {
    /// The turns of exchanges of one breach, questions for one fact and the turns of calls whose conduct is labelled.
    pub fn turns(&self, rules: &Rubric) -> Vec<Turn> {
        let alone = self.exchanges.iter().filter_map(acts::of_exchange);
        let asked = self.facts.iter().filter_map(acts::of_fact);
        let marked = self.asking.iter().map(acts::of_marked);
        let labelled = self.calls.iter().filter(|call| !call.out.compliance.is_empty());
        let in_calls = labelled.flat_map(|call| {
            let label = |section: &str, flag: &str| {
                let labels = if section == "outcome" { &call.out.outcome } else { &call.out.compliance };
                match flag.split_once('.') {
                    Some((table, flag)) => labels.get(table)?.get(flag).cloned(),
                    None => labels.get(flag).cloned(),
                }
            };
            acts::of_call(&call.request, &call.out.marks, label, &audit_dialogue(rules, &call.request))
        });
        alone.chain(asked).chain(marked).chain(in_calls).collect()
    }
}

fn the_only(answers: &[Answer], indicator: Indicator) -> Option<&Answer> {
    let mut of = answers.iter().filter(|a| a.indicator == Some(indicator));
    let only = of.next();
    only.filter(|_| of.next().is_none())
}

fn class_of_level(level: Option<Level>) -> usize {
    level.map_or(0, |l| usize::from(l.get()))
}

/// 配件: the question asks for it.
pub fn indicator_of(mark: &str) -> Option<Indicator> {
    let named = |name: &str| Indicator::ALL.into_iter().find(|i| i.name().contains(name));
    ["技能", "态度", "及时", "配件", "综合"].contains(&mark).then(|| named(mark)).flatten()
}

/// 配件4: the turn gives it this level.
fn level_of(mark: &str) -> Option<(Indicator, Level)> {
    let level = mark.chars().last().and_then(|c| c.to_digit(10)).and_then(|n| Level::new(u8::try_from(n).ok()?))?;
    Some((indicator_of(&mark[..mark.len() - 1])?, level))
}

fn lines<T: serde::de::DeserializeOwned>(text: &str, name: &str) -> anyhow::Result<Vec<T>> {
    let read =
        |(at, line): (usize, &str)| serde_json::from_str(line).with_context(|| format!("{name}, line {}", at + 1));
    text.lines().enumerate().filter(|(_, line)| !line.is_empty()).map(read).collect()
}
