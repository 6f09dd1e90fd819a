//! What everything said so far comes to: see the module above.
//!
//! An answer's question is read from the agent's words, as after the call. Where they were not understood (a streaming recogniser hears them
//! less well) the step of the script at which the agent is stands in.

use super::{Line, Setting};
use crate::domain::facts::{Consent, Fact, Facts, Respondent, facts_of};
use crate::domain::score::{
    Answer, Judgement, Level, NoLevel, Rubric, Scorecard, SpokenTurn, answers_of_turns, judgements, score_judged,
};
use crate::domain::script::sheet::SheetStep;
use crate::domain::script::understand::{Asked, Completeness, Reply, completeness, understand};
use crate::domain::transcript::Channel;
use crate::domain::truth::{self, Agreement, Item, Tolerance, TruthCheck};
use serde::Serialize;

/// C18: a level of this or less wants a reason.
const LOW_LEVEL: u8 = 3;
/// A low answer that is longer has told it, characters.
const REASON_CHARS: usize = 12;
/// Warnings that are shown, the newest.
const WARNINGS_MAX: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Insight {
    /// The questions of the agent's script, in its order.
    pub questions: Vec<Question>,
    /// What the customer stated.
    pub facts: Vec<HeardFact>,
    /// In the order in which they were said.
    pub warnings: Vec<Warning>,
    /// What to do next.
    pub hints: Vec<Hint>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    pub step: String,
    pub standing: Standing,
    /// Of a rating that is answered.
    pub level: Option<Level>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Open,
    /// It was asked, and nothing that was said answers it yet.
    Asked,
    Answered,
}

/// A fact beside the order's claim.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HeardFact {
    /// Its name in the form.
    pub fact: &'static str,
    /// For people.
    pub said: String,
    /// `None`: the order claims nothing.
    pub claimed: Option<String>,
    pub agreement: Option<Agreement>,
    pub quote: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningKind {
    /// Words that need a person at once (E09).
    Alarm,
    Complaint,
    /// C09: he does not want to be visited.
    Refusal,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Warning {
    pub kind: WarningKind,
    /// The customer's words.
    pub quote: String,
    pub at_s: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HintKind {
    /// C19: his last words were 但是, 不过, 就是 …
    Hesitated,
    /// C18: a low answer without its reason.
    AskWhy,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hint {
    pub kind: HintKind,
    pub quote: String,
}

/// What was said for good, in the order of time, comes to this.
pub(super) fn of(setting: &Setting, lines: &[Line]) -> Insight {
    let said: Vec<&Line> = lines.iter().filter(|line| line.done).collect();
    let answers = answers(setting, &said);
    let judged = judgements(&setting.rubric, &answers);
    let card = score_judged(&setting.rubric, &answers, &judged);
    let facts = facts_of(&setting.rubric, &answers);
    let truth = truth::check(&setting.claims, &facts, &setting.called_at, &Tolerance::default());
    Insight {
        questions: setting.sheet.iter().filter(|q| q.ask).map(|q| question(q, &said, &facts, &card)).collect(),
        facts: heard_facts(&facts, &truth),
        warnings: warnings(&said, &answers, &judged, &card),
        hints: hints(&setting.rubric, lines, &answers, &judged),
    }
}

fn answers(setting: &Setting, said: &[&Line]) -> Vec<Answer> {
    let turn = |l: &&Line| SpokenTurn { speaker: l.speaker, start: l.from_s, end: l.to_s, text: l.text.clone() };
    let turns: Vec<SpokenTurn> = said.iter().map(turn).collect();
    answers_of_turns(&setting.rubric, &turns)
        .into_iter()
        .map(|answer| {
            let understood = answer.indicator.is_some()
                || facts_of(&setting.rubric, std::slice::from_ref(&answer)) != Facts::default();
            let step = answer.turn.and_then(|turn| said.get(turn)?.step.as_ref());
            match setting.sheet.iter().find(|q| q.ask && Some(&q.step) == step) {
                Some(q) if !understood => Answer { indicator: q.indicator, question: q.say.clone(), ..answer },
                Some(_) | None => answer,
            }
        })
        .collect()
}

fn question(q: &SheetStep, said: &[&Line], facts: &Facts, card: &Scorecard) -> Question {
    let (standing, level) = match q.indicator {
        Some(indicator) => {
            let score = card.scores.iter().find(|score| score.indicator == indicator);
            let level = score.and_then(|score| score.level);
            let standing = match score.and_then(|score| score.null_reason) {
                None | Some(NoLevel::NotApplicable) => Standing::Answered,
                Some(NoLevel::NoEvidence) => Standing::Asked,
                Some(NoLevel::NotAsked) => Standing::Open,
            };
            (standing, level)
        }
        None if !q.facts.is_empty() && q.facts.iter().all(|name| states(facts, name)) => (Standing::Answered, None),
        None => (by_the_words(q, said), None),
    };
    Question { step: q.step.clone(), standing, level }
}

/// A question without a fact that the extractor knows is answered by what was said at its step.
fn by_the_words(q: &SheetStep, said: &[&Line]) -> Standing {
    let asked = match q.facts.first() {
        Some(&"respondent") => Asked::Identity,
        Some(&"consent") => Asked::Consent,
        Some(&"demand") => Asked::Needs,
        Some(_) | None => Asked::Fact,
    };
    let has_extractor = q.facts.iter().any(|name| *name != "demand");
    let here = |line: &&&Line| line.speaker == Channel::Customer && line.step.as_ref() == Some(&q.step);
    let replies = said.iter().filter(here).map(|line| match understand(asked, &line.text) {
        Reply::Nothing | Reply::SayAgain | Reply::HoldOn => Standing::Asked,
        Reply::Words if has_extractor => Standing::Asked,
        _ => Standing::Answered,
    });
    replies.fold(Standing::Open, |before, now| if before == Standing::Answered { before } else { now })
}

/// One fact of a call as it is shown: value and quote, and the claim that it is compared with.
type Shown = (&'static str, Option<Item>, Option<(String, String)>);

fn shown(facts: &Facts) -> [Shown; 15] {
    fn told<T>(fact: &Option<Fact<T>>, show: impl Fn(&T) -> String) -> Option<(String, String)> {
        fact.as_ref().map(|fact| (show(&fact.value), fact.quote.clone()))
    }
    let text = String::clone;
    let list = |all: &Vec<String>| if all.is_empty() { "无".to_owned() } else { all.join("、") };
    let either = |yes: &'static str, no: &'static str| move |on: &bool| if *on { yes.into() } else { no.into() };
    [
        ("respondent", None, told(&facts.respondent, |who| respondent_zh(*who).into())),
        ("consent", None, told(&facts.consent, |consent| consent_zh(*consent).into())),
        ("machine_hours", Some(Item::Hours), told(&facts.machine_hours, |hours| format!("{hours}小时"))),
        ("requested_time", Some(Item::RequestedAt), told(&facts.requested_time, text)),
        ("fault_time", Some(Item::FaultAt), told(&facts.fault_time, text)),
        ("arrival_time", Some(Item::ArrivedAt), told(&facts.arrival_time, text)),
        ("finish_time", Some(Item::FinishedAt), told(&facts.finish_time, text)),
        ("location", Some(Item::Location), told(&facts.location, text)),
        ("checks", None, told(&facts.checks, list)),
        ("parts_replaced", Some(Item::Parts), told(&facts.parts_replaced, list)),
        ("fee_yuan", Some(Item::Fee), told(&facts.fee_yuan, |fee| format!("{fee}元"))),
        ("running_normal", None, told(&facts.running_normal, either("正常", "不正常"))),
        ("leftover_problem", None, told(&facts.leftover_problem, either("有", "没有"))),
        ("callback_when", None, told(&facts.callback_when, text)),
        ("tech_question", None, told(&facts.tech_question, either("有", "没有"))),
    ]
}

fn respondent_zh(who: Respondent) -> &'static str {
    match who {
        Respondent::Confirmed => "本人",
        Respondent::OtherInformed => "他人（知情）",
        Respondent::Unconfirmed => "未确认",
        Respondent::NotPresent => "本人不在",
        Respondent::WrongNumber => "号码错误",
    }
}

fn consent_zh(consent: Consent) -> &'static str {
    match consent {
        Consent::Given => "同意",
        Consent::Refused => "拒绝",
        Consent::NotAsked => "未询问",
    }
}

fn states(facts: &Facts, name: &str) -> bool {
    shown(facts).iter().any(|(fact, _, told)| *fact == name && told.is_some())
}

fn heard_facts(facts: &Facts, truth: &TruthCheck) -> Vec<HeardFact> {
    let beside = |(fact, item, told): Shown| {
        let (said, quote) = told?;
        let claim = truth.comparisons.iter().find(|comparison| Some(comparison.item) == item);
        let (claimed, agreement) = claim.map(|claim| (claim.claimed.clone(), claim.agreement)).unzip();
        Some(HeardFact { fact, said, claimed, agreement, quote })
    };
    shown(facts).into_iter().filter_map(beside).collect()
}

fn warnings(said: &[&Line], answers: &[Answer], judged: &[Judgement], card: &Scorecard) -> Vec<Warning> {
    let alarms = card.alarms.iter().map(|alarm| {
        let at_s = alarm.from_s.unwrap_or_default();
        Warning { kind: WarningKind::Alarm, quote: alarm.text.clone(), at_s }
    });
    let complains = |(_, judgement): &(&Answer, &Judgement)| judgement.complaint && judgement.alarms.is_empty();
    let complaints = answers.iter().zip(judged).filter(complains).map(|(answer, _)| {
        let at_s = answer.start_s.unwrap_or_default();
        Warning { kind: WarningKind::Complaint, quote: answer.text.clone(), at_s }
    });
    let refuses = |line: &&&Line| {
        line.speaker == Channel::Customer && matches!(understand(Asked::Overheard, &line.text), Reply::Refusal { .. })
    };
    let refusals = said.iter().filter(refuses).map(|line| Warning {
        kind: WarningKind::Refusal,
        quote: line.text.clone(),
        at_s: line.from_s,
    });
    let mut found: Vec<Warning> = alarms.chain(complaints).chain(refusals).collect();
    found.sort_by(|a, b| a.at_s.total_cmp(&b.at_s));
    // An answer to two questions at once is two answers.
    found.dedup();
    found.drain(..found.len().saturating_sub(WARNINGS_MAX));
    found
}

/// Of the customer's last words; whatever he says next takes them back, and so does an agent who asks.
fn hints(rubric: &Rubric, lines: &[Line], answers: &[Answer], judged: &[Judgement]) -> Vec<Hint> {
    let Some(last) = lines.iter().rposition(|line| line.speaker == Channel::Customer) else { return vec![] };
    let asked_on = lines[last + 1..].iter().any(|line| rubric.asks_for_reason(&line.text));
    if !lines[last].done || asked_on {
        return vec![];
    }
    let words = &lines[last];
    if completeness(&words.text) == Completeness::GoesOn {
        return vec![Hint { kind: HintKind::Hesitated, quote: words.text.clone() }];
    }
    let low = answers.last().zip(judged.last()).filter(|(answer, judgement)| {
        answer.indicator.is_some()
            && judgement.label.is_some_and(|level| level.get() <= LOW_LEVEL)
            && answer.text.chars().count() < REASON_CHARS
    });
    low.map(|(answer, _)| Hint { kind: HintKind::AskWhy, quote: answer.text.clone() }).into_iter().collect()
}
