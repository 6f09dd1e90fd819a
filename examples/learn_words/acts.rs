//! Turns as examples of what is done in them.
//!
//! Where the author of a call marked its turns, the marks say it. Else a call is labelled as a whole: the turn that teaches is the one in
//! which the rules see it, and where they see none in a call that has it, the call teaches nothing of it.

use crate::regression::Example;
use crate::sets::{MarkedTurn, indicator_of};
use huifang::domain::audit::{DialogueReport, DialogueRequest, Speaker};
use huifang::domain::facts::seen_in;
use huifang::domain::score::{Act, conduct_groups, plain, to_simplified};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Two turns of one flag.
#[derive(Deserialize)]
pub struct Exchange {
    flag: String,
    want: bool,
    turns: Vec<(Speaker, String)>,
}

/// A question for a fact.
#[derive(Deserialize)]
pub struct FactAsked {
    field: String,
    question: String,
}

/// One turn: what is there to learn from, and what is known of it.
pub struct Turn {
    speaker: Speaker,
    own: BTreeSet<String>,
    before: BTreeSet<String>,
    known: BTreeMap<Act, bool>,
}

impl Turn {
    fn new(speaker: Speaker, said: &str, before: &str, known: BTreeMap<Act, bool>) -> Self {
        let seen = if speaker == Speaker::Customer { seen_in(before, said) } else { Vec::new() };
        let own = conduct_groups(said, "", &seen);
        let before = conduct_groups(said, before, &seen).difference(&own).cloned().collect();
        Self { speaker, own, before, known }
    }

    /// As an example of this act, where anything is known of it.
    pub fn example(&self, act: Act) -> Option<Example> {
        let who = if act.is_of_customer() { Speaker::Customer } else { Speaker::Agent };
        let class = self.known.get(&act).filter(|_| self.speaker == who)?;
        // A question is what it is after whatever words; an accusation is not.
        let before = if act.is_grave() { &self.before } else { &BTreeSet::new() };
        Some(Example { groups: self.own.union(before).cloned().collect(), class: usize::from(*class) })
    }
}

/// An agent's words are read without his dialect.
fn as_read(speaker: Speaker, text: &str) -> String {
    if speaker == Speaker::Agent { plain(text) } else { to_simplified(text) }
}

/// Where a report and the labels have an act.
fn flag_of(act: Act) -> (&'static str, String) {
    let section = if act.is_of_customer() || act == Act::CallsBack { "outcome" } else { "compliance" };
    let flag = match act {
        Act::TellResult => "asked.tell_result".to_string(),
        Act::Identity => "identity_asked".to_string(),
        Act::Consent => "consent_asked".to_string(),
        Act::Opening => "opening_said".to_string(),
        Act::Closing => "closing_said".to_string(),
        Act::CallsBack => "callback_promised".to_string(),
        Act::Probed => "probed_dissatisfaction".to_string(),
        Act::Argued => "agent_argued".to_string(),
        Act::Led => "agent_led_customer".to_string(),
        Act::Pressed => "pushed_after_refusal".to_string(),
        Act::Strayed => "offtopic_talk".to_string(),
        Act::Promised => "unauthorised_promise".to_string(),
        Act::Technical => "tech_question".to_string(),
        Act::Unfinished => "leftover_problem".to_string(),
        asks => format!("asked.ask_{}", asks.name()),
    };
    (section, flag)
}

/// Acts that the first marked calls have no marks of.
const MARKED_LATER: [Act; 4] = [Act::Identity, Act::Consent, Act::Opening, Act::Closing];

/// The turns of a call: by its marks, else by its labels and what the rules report of it.
pub fn of_call(
    request: &DialogueRequest,
    marks: &[(usize, String)],
    labelled: impl Fn(&str, &str) -> Option<Value>,
    report: &DialogueReport,
) -> Vec<Turn> {
    let marked_later = marks.iter().any(|(_, m)| MARKED_LATER.iter().any(|act| act.name() == m));
    let stands = question_stands(request, marks);
    let of_act = |act: Act| -> Box<dyn Fn(usize) -> Option<bool>> {
        if act == Act::Again {
            let stands = stands.clone();
            return Box::new(move |turn| stands.get(&turn).copied());
        }
        if !marks.is_empty() && act != Act::CallsBack && (marked_later || !MARKED_LATER.contains(&act)) {
            let there: BTreeSet<usize> =
                marks.iter().filter(|(_, m)| m == mark_of(act)).map(|(turn, _)| *turn).collect();
            return Box::new(move |turn| Some(there.contains(&turn)));
        }
        let (section, flag) = flag_of(act);
        let evidence = report.evidence.get(&format!("{section}.{flag}")).into_iter().flatten();
        let seen: BTreeSet<usize> = evidence.map(|span| span.turn).collect();
        match labelled(section, &flag) {
            Some(Value::Bool(false)) => Box::new(|_| Some(false)),
            // Asked again in other words it is the same.
            Some(Value::Bool(true)) if act == Act::Probed => Box::new(move |turn| seen.contains(&turn).then_some(true)),
            Some(Value::Bool(true)) if !seen.is_empty() => Box::new(move |turn| Some(seen.contains(&turn))),
            _ => Box::new(|_| None),
        }
    };
    let of_acts: Vec<_> = Act::ALL.into_iter().map(|act| (act, of_act(act))).collect();
    let mut all = Vec::new();
    let (mut agent, mut customer) = (String::new(), String::new());
    for (at, turn) in request.turns.iter().enumerate() {
        let known = of_acts.iter().filter_map(|(act, of)| Some((*act, of(at)?))).collect();
        let (own, other) = match turn.speaker {
            Speaker::Agent => (&mut agent, &customer),
            Speaker::Customer => (&mut customer, &agent),
        };
        *own = as_read(turn.speaker, &turn.text);
        all.push(Turn::new(turn.speaker, own, other, known));
    }
    all
}

/// Who asks for what is left and who tells it have the same mark.
fn mark_of(act: Act) -> &'static str {
    if act == Act::Unfinished { Act::Leftover.name() } else { act.name() }
}

/// Does the question that was put before an agent's turn stand after it? It does where the turn asks for the same again, and where it asks for
/// nothing and the customer then tells it.
fn question_stands(request: &DialogueRequest, marks: &[(usize, String)]) -> BTreeMap<usize, bool> {
    let marked = |turns: std::ops::Range<usize>| -> BTreeSet<&str> {
        let there = marks.iter().filter(|(turn, _)| turns.contains(turn));
        there
            .map(|(_, mark)| mark.trim_end_matches(|c: char| c.is_ascii_digit()))
            .filter(|m| indicator_of(m).is_some())
            .collect()
    };
    let mut stands = BTreeMap::new();
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (at, _) in request.turns.iter().enumerate().filter(|(_, turn)| turn.speaker == Speaker::Agent) {
        let next = request.turns[at + 1..].iter().position(|turn| turn.speaker == Speaker::Agent);
        let asked = marked(at..at + 1);
        let told = marked(at + 1..next.map_or(request.turns.len(), |next| at + 1 + next));
        if !open.is_empty() {
            stands.insert(at, !open.is_disjoint(if asked.is_empty() { &told } else { &asked }));
        }
        if !asked.is_empty() {
            open = asked;
        }
    }
    stands
}

/// The question asks for its field, whatever else it may ask.
pub fn of_fact(fact: &FactAsked) -> Option<Turn> {
    let act = match fact.field.as_str() {
        "machine_hours" => Act::Hours,
        "arrival_time" => Act::Arrival,
        "finish_time" => Act::Finish,
        "location" => Act::Location,
        "parts_replaced" => Act::Parts,
        "fee_yuan" => Act::Fee,
        "running_normal" => Act::Running,
        "leftover_problem" => Act::Leftover,
        _ => return None,
    };
    Some(Turn::new(Speaker::Agent, &plain(&fact.question), "", BTreeMap::from([(act, true)])))
}

/// Whatever it is not marked for it does not ask.
pub fn of_marked(turn: &MarkedTurn) -> Turn {
    let asks = Act::ALL.into_iter().filter(|act| !act.is_grave() && *act != Act::CallsBack);
    let known = asks.map(|act| (act, turn.marks.iter().any(|mark| mark == act.name()))).collect();
    Turn::new(Speaker::Agent, &plain(&turn.says), "", known)
}

/// The last turn of whoever does it is the one in question.
pub fn of_exchange(exchange: &Exchange) -> Option<Turn> {
    let act = Act::ALL.into_iter().find(|act| flag_of(*act).1 == exchange.flag)?;
    let who = if act.is_of_customer() { Speaker::Customer } else { Speaker::Agent };
    let at = exchange.turns.iter().rposition(|(speaker, _)| *speaker == who)?;
    let before = exchange.turns[..at].iter().rfind(|(speaker, _)| *speaker != who);
    let before = before.map(|(speaker, text)| as_read(*speaker, text)).unwrap_or_default();
    Some(Turn::new(who, &as_read(who, &exchange.turns[at].1), &before, BTreeMap::from([(act, exchange.want)])))
}
