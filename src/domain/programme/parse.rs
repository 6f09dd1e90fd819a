//! Reads a programme file. Every error names file, line, key and rule.

mod stages;

use super::{
    AfterDeadline, AgentDial, DialMode, EndKind, OutsideHours, Programme, ProgrammeError, Retry, RetryRule, RuleKey,
    Then,
};
use crate::domain::calendar::Shift;
use crate::domain::call::outcome::Outcome;
use crate::domain::visit::task::CloseCause;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;
use toml::Spanned;

const MINUTES: RangeInclusive<u64> = 1..=60 * 24 * 60;
const ATTEMPTS: RangeInclusive<u64> = 1..=50;
const PREVIEW_S: RangeInclusive<u64> = 5..=600;
const PREVIEW_S_DEFAULT: u64 = 60;
/// In the middle.
const PRIORITY_DEFAULT: u32 = 5;
/// Digits of a version.
const VERSION_BYTES: usize = 6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Spanned<String>,
    title: Spanned<String>,
    script_set: Spanned<String>,
    rubric: Spanned<String>,
    mode: Option<DialMode>,
    priority: Option<Spanned<u64>>,
    #[serde(default)]
    trigger: stages::TriggerTable,
    window: Window,
    #[serde(default)]
    follow_up: Vec<Spanned<stages::FollowUp>>,
    #[serde(default)]
    selection: stages::SelectionTable,
    calling: Calling,
    questionnaire: Questionnaire,
    #[serde(default)]
    agent: Agent,
    retry: BTreeMap<Spanned<String>, Spanned<Rule>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Window {
    name: Option<Spanned<String>>,
    after: Option<Spanned<String>>,
    due: Option<Spanned<String>>,
    due_working_min: Option<Spanned<u64>>,
    deadline: Option<Spanned<String>>,
    deadline_working_min: Option<Spanned<u64>>,
    after_deadline: AfterDeadline,
    outside_hours: OutsideHours,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Calling {
    hours: Spanned<Vec<String>>,
    attempts_max: Spanned<u64>,
    then: Option<Then>,
    call_s_max: Spanned<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Questionnaire {
    satisfaction_items_max: Spanned<u64>,
    #[serde(default)]
    by_class: BTreeMap<String, Spanned<u64>>,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Agent {
    dial: AgentDial,
    preview_s: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    close: Option<CloseCause>,
    spacing_min: Option<u64>,
    factor: Option<u64>,
    spacing_max_min: Option<u64>,
    max: Option<u64>,
    then: Option<Then>,
    counts: Option<bool>,
    binds_people: Option<bool>,
    needs_person: Option<bool>,
}

/// One file, for errors.
struct Source<'a> {
    file: &'a str,
    text: &'a str,
}

pub(super) fn parse(file: &str, text: &str) -> Result<Programme, ProgrammeError> {
    let source = Source { file, text };
    let raw: File = toml::from_str(text).map_err(|e| source.syntax(&e))?;
    for (key, value) in
        [("name", &raw.name), ("title", &raw.title), ("script_set", &raw.script_set), ("rubric", &raw.rubric)]
    {
        if value.get_ref().trim().is_empty() {
            return Err(source.at(value.span().start, key, "must not be empty"));
        }
    }
    let stages = stages::stages(&source, &raw)?;
    let selection = stages::selection(&source, &raw.selection)?;
    let priority = match &raw.priority {
        Some(given) => source.number("priority", given, 0..=9, "F20")?,
        None => PRIORITY_DEFAULT,
    };
    let calling_hours = Shift::parse_day(raw.calling.hours.get_ref())
        .map_err(|e| source.at(raw.calling.hours.span().start, "calling.hours", &format!("{e} (A13)")))?;
    let attempts_max = source.number("calling.attempts_max", &raw.calling.attempts_max, ATTEMPTS, "A06")?;
    let call_s_max = source.number("calling.call_s_max", &raw.calling.call_s_max, 30..=3600, "C11")?;
    let preview_s = match &raw.agent.preview_s {
        Some(given) => u64::from(source.number("agent.preview_s", given, PREVIEW_S, "A01")?),
        None => PREVIEW_S_DEFAULT,
    };
    let items = &raw.questionnaire.satisfaction_items_max;
    let satisfaction_items_max = source.number("questionnaire.satisfaction_items_max", items, 1..=50, "C12")?;
    let mut by_class = BTreeMap::new();
    for (class, items) in &raw.questionnaire.by_class {
        let key = format!("questionnaire.by_class.{class}");
        by_class.insert(class.clone(), source.number(&key, items, 1..=50, "B08")?);
    }
    let version = Sha256::digest(text.as_bytes()).iter().take(VERSION_BYTES).map(|b| format!("{b:02x}")).collect();
    Ok(Programme {
        version,
        priority: u8::try_from(priority).unwrap_or(u8::MAX),
        stages,
        selection,
        after_deadline: raw.window.after_deadline,
        outside_hours: raw.window.outside_hours,
        calling_hours,
        attempts_max,
        attempts_then: raw.calling.then.unwrap_or(Then::Close),
        call_max: Duration::from_secs(u64::from(call_s_max)),
        satisfaction_items_max,
        satisfaction_items_by_class: by_class,
        rules: rules(&source, &raw.retry)?,
        name: raw.name.into_inner(),
        title: raw.title.into_inner(),
        script_set: raw.script_set.into_inner(),
        rubric: raw.rubric.into_inner(),
        mode: raw.mode,
        dial: raw.agent.dial,
        preview: Duration::from_secs(preview_s),
    })
}

fn rules(
    source: &Source,
    raw: &BTreeMap<Spanned<String>, Spanned<Rule>>,
) -> Result<BTreeMap<RuleKey, RetryRule>, ProgrammeError> {
    let mut rules = BTreeMap::new();
    for (name, rule) in raw {
        let path = format!("retry.{}", name.get_ref());
        let at = name.span().start;
        let key = RuleKey::parse(name.get_ref())
            .ok_or_else(|| source.at(at, &path, "is neither an outcome nor an end of a conversation"))?;
        let rule = self::rule(rule.get_ref()).map_err(|(field, problem)| {
            let key = if field.is_empty() { path.clone() } else { format!("{path}.{field}") };
            source.at(at, &key, problem)
        })?;
        rules.insert(key, rule);
    }
    // A programme of before this end was known: for him nobody had answered.
    if let Some(unanswered) = rules.get(&RuleKey::Outcome(Outcome::NoAnswer)).cloned() {
        rules.entry(RuleKey::End(EndKind::Machine)).or_insert(unanswered);
    }
    match RuleKey::all().find(|key| !rules.contains_key(key)) {
        Some(missing) => {
            let at = source.text.find("[retry").unwrap_or(0);
            Err(source.at(at, &format!("retry.{}", missing.name()), "is missing: every result needs a rule (A04–A08)"))
        }
        None => Ok(rules),
    }
}

/// Errors are (field, problem).
fn rule(raw: &Rule) -> Result<RetryRule, (&'static str, &'static str)> {
    let Some(spacing) = raw.spacing_min else {
        let cause = raw.close.ok_or(("", "want either close or spacing_min"))?;
        let lone = raw.factor.is_none()
            && raw.spacing_max_min.is_none()
            && raw.max.is_none()
            && raw.then.is_none()
            && raw.counts.is_none()
            && raw.binds_people.is_none()
            && raw.needs_person.is_none();
        return if lone { Ok(RetryRule::Close(cause)) } else { Err(("close", "stands alone: there is no retry")) };
    };
    if raw.close.is_some() {
        return Err(("close", "contradicts spacing_min"));
    }
    if !MINUTES.contains(&spacing) {
        return Err(("spacing_min", "want 1 to 86400 minutes (A04)"));
    }
    let spacing_max = raw.spacing_max_min.unwrap_or(spacing);
    if spacing_max < spacing || !MINUTES.contains(&spacing_max) {
        return Err(("spacing_max_min", "want at least spacing_min and at most 86400"));
    }
    let factor = raw.factor.unwrap_or(1);
    if !(1..=10).contains(&factor) {
        return Err(("factor", "want 1 to 10"));
    }
    if raw.max.is_some_and(|max| !ATTEMPTS.contains(&max)) {
        return Err(("max", "want 1 to 50 (A06)"));
    }
    if raw.max.is_none() && raw.then.is_some() {
        return Err(("then", "needs a max"));
    }
    Ok(RetryRule::Retry(Retry {
        spacing: Duration::from_secs(spacing * 60),
        factor: small(factor),
        spacing_max: Duration::from_secs(spacing_max * 60),
        max: raw.max.map(small),
        then: raw.then.unwrap_or(Then::Close),
        counts: raw.counts.unwrap_or(true),
        binds_people: raw.binds_people.unwrap_or(false),
        needs_person: raw.needs_person.unwrap_or(false),
    }))
}

/// For values already checked to be small.
fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

impl Source<'_> {
    fn at(&self, offset: usize, key: &str, problem: &str) -> ProgrammeError {
        let line = 1 + self.text.bytes().take(offset).filter(|b| *b == b'\n').count();
        ProgrammeError { file: self.file.into(), line, key: key.into(), problem: problem.into() }
    }

    /// What the TOML reader refused: a syntax error, an unknown or missing key, a wrong type.
    fn syntax(&self, error: &toml::de::Error) -> ProgrammeError {
        let offset = error.span().map_or(0, |span| span.start);
        let start = self.text.get(..offset).and_then(|head| head.rfind('\n')).map_or(0, |newline| newline + 1);
        let line = self.text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or("");
        let key = line.split(['=', '{']).next().unwrap_or("").trim();
        self.at(offset, key, error.message().lines().next().unwrap_or("unreadable"))
    }

    fn number(
        &self,
        key: &str,
        value: &Spanned<u64>,
        range: RangeInclusive<u64>,
        rule: &str,
    ) -> Result<u32, ProgrammeError> {
        if range.contains(value.get_ref()) {
            return Ok(small(*value.get_ref()));
        }
        let problem = format!("{} is not in {} to {} ({rule})", value.get_ref(), range.start(), range.end());
        Err(self.at(value.span().start, key, &problem))
    }
}
