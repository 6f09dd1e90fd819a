//! An agent's turns as examples of what is wrong in them.
//!
//! A call is labelled as a whole. The turn that teaches is the one that the rules accuse; where they find none in a call that has the
//! breach, the one that an earlier model holds for likeliest.

use crate::regression::{Example, Model};
use huifang::domain::audit::{DialogueRequest, Speaker, audit_dialogue};
use huifang::domain::score::{Rubric, conduct_groups};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// The classes after "nothing wrong", in the order that the program reads.
const BREACHES: [&str; 5] =
    ["agent_argued", "agent_led_customer", "pushed_after_refusal", "offtopic_talk", "unauthorised_promise"];

/// Two turns of one flag.
#[derive(Deserialize)]
pub struct Exchange {
    flag: String,
    want: bool,
    turns: Vec<(Speaker, String)>,
}

/// Examples of a call: `breaches` as labelled.
pub fn of_call(
    rubric: &Rubric,
    request: &DialogueRequest,
    breaches: impl Fn(&str) -> bool,
    model: Option<&Model>,
) -> Vec<Example> {
    let report = audit_dialogue(rubric, request);
    let accused = |flag: &str| -> BTreeSet<usize> {
        report.evidence.get(&format!("compliance.{flag}")).into_iter().flatten().map(|span| span.turn).collect()
    };
    let turns = agents_turns(request.turns.iter().map(|t| (t.speaker, t.text.as_str())));
    let mut class_of: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, flag) in BREACHES.iter().enumerate().filter(|(_, flag)| breaches(flag)) {
        let class = at + 1;
        let mut found = accused(flag);
        if found.is_empty() {
            let Some(model) = model else { return Vec::new() };
            let likeliest = turns.iter().max_by(|a, b| model.odds(&a.1, class).total_cmp(&model.odds(&b.1, class)));
            found.extend(likeliest.map(|(turn, _)| *turn));
        }
        class_of.extend(found.into_iter().map(|turn| (turn, class)));
    }
    let example = |(turn, groups)| Example { groups, class: class_of.get(&turn).copied().unwrap_or_default() };
    turns.into_iter().map(example).collect()
}

/// The agent's last turn is the one in question.
pub fn of_exchange(exchange: &Exchange) -> Option<Example> {
    let class = BREACHES.iter().position(|flag| *flag == exchange.flag)? + 1;
    let turns = agents_turns(exchange.turns.iter().map(|(speaker, text)| (*speaker, text.as_str())));
    let (_, groups) = turns.into_iter().last()?;
    Some(Example { groups, class: if exchange.want { class } else { 0 } })
}

/// Place and groups of every turn of the agent.
fn agents_turns<'a>(turns: impl Iterator<Item = (Speaker, &'a str)>) -> Vec<(usize, BTreeSet<String>)> {
    let (mut all, mut before) = (Vec::new(), "");
    for (at, (speaker, text)) in turns.enumerate() {
        match speaker {
            Speaker::Agent => all.push((at, conduct_groups(text, before))),
            Speaker::Customer => before = text,
        }
    }
    all
}
