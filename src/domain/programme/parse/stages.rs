//! What begins the visits of a programme, when they are to be made, and for whom: `[trigger]`, `[window]`, `[[follow_up]]`, `[selection]`.

use super::super::selection::{CustomerClass, Selection};
use super::super::window::{Offset, Window};
use super::super::{ProgrammeError, Stage, Trigger};
use super::{File, MINUTES, Source};
use serde::Deserialize;
use toml::Spanned;

/// More visits of one order are no programme but a mistake.
const STAGES_MAX: usize = 24;
const OFFSET: &str = "want e.g. \"30 working min\", \"3 working h\", \"2 h\", \"3 days\", \"day 8\" or \"6 months\"";

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct TriggerTable {
    on: Option<Spanned<Vec<Trigger>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FollowUp {
    name: Spanned<String>,
    on: Option<Spanned<Vec<Trigger>>>,
    after: Option<Spanned<String>>,
    due: Spanned<String>,
    deadline: Spanned<String>,
    #[serde(default)]
    everybody: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct SelectionTable {
    share_percent: Option<Spanned<u64>>,
    always: Vec<CustomerClass>,
    on_site_from_yuan: Option<Spanned<f64>>,
}

/// An offset where it stands in the file.
struct Placed {
    key: String,
    at: usize,
    offset: Offset,
}

/// The first visit of `[window]`, then those of `[[follow_up]]`.
pub(super) fn stages(source: &Source, raw: &File) -> Result<Vec<Stage>, ProgrammeError> {
    let own = triggers(source, "trigger.on", raw.trigger.on.as_ref())?.unwrap_or_else(|| vec![Trigger::Sms]);
    let mut stages = vec![first(source, raw, own.clone())?];
    for (n, follow_up) in raw.follow_up.iter().enumerate() {
        let at = follow_up.get_ref().name.span().start;
        let stage = later(source, follow_up.get_ref(), &format!("follow_up[{}]", n + 1), &own)?;
        if stages.iter().any(|earlier| earlier.name == stage.name) {
            return Err(source.at(at, "follow_up.name", &format!("{:?} is there twice", stage.name)));
        }
        if stages.len() == STAGES_MAX {
            return Err(source.at(at, "follow_up", &format!("at most {STAGES_MAX} visits")));
        }
        stages.push(stage);
    }
    Ok(stages)
}

fn first(source: &Source, raw: &File, on: Vec<Trigger>) -> Result<Stage, ProgrammeError> {
    let window = &raw.window;
    let name = match &window.name {
        Some(name) => named(source, "window.name", name)?,
        None => "first".into(),
    };
    let place = |key: &str, text: &Spanned<String>| place(source, &format!("window.{key}"), text);
    let after = window.after.as_ref().map(|text| place("after", text)).transpose()?;
    let either = |key: &str, text: &Option<Spanned<String>>, minutes: &Option<Spanned<u64>>, rule: &str| {
        let short = format!("window.{key}_working_min");
        match (text, minutes) {
            (Some(text), None) => place(key, text),
            (None, Some(minutes)) => {
                let offset = Offset::WorkingMin(source.number(&short, minutes, MINUTES, rule)?);
                Ok(Placed { key: short, at: minutes.span().start, offset })
            }
            (Some(text), Some(_)) => {
                Err(source.at(text.span().start, &format!("window.{key}"), &format!("contradicts {short}")))
            }
            (None, None) => {
                let at = source.text.find("[window]").unwrap_or(0);
                Err(source.at(at, &format!("window.{key}"), &format!("is missing ({rule})")))
            }
        }
    };
    let due = either("due", &window.due, &window.due_working_min, "A01")?;
    let deadline = either("deadline", &window.deadline, &window.deadline_working_min, "A02")?;
    Ok(Stage { name, on, window: checked(source, after, due, deadline)?, everybody: false })
}

fn later(source: &Source, raw: &FollowUp, at: &str, own: &[Trigger]) -> Result<Stage, ProgrammeError> {
    let on = triggers(source, &format!("{at}.on"), raw.on.as_ref())?.unwrap_or_else(|| own.to_vec());
    let place = |key: &str, text: &Spanned<String>| place(source, &format!("{at}.{key}"), text);
    let after = raw.after.as_ref().map(|text| place("after", text)).transpose()?;
    let window = checked(source, after, place("due", &raw.due)?, place("deadline", &raw.deadline)?)?;
    Ok(Stage { name: named(source, &format!("{at}.name"), &raw.name)?, on, window, everybody: raw.everybody })
}

fn checked(source: &Source, after: Option<Placed>, due: Placed, deadline: Placed) -> Result<Window, ProgrammeError> {
    if let Some(after) = &after
        && !after.offset.begins_before(due.offset)
    {
        return Err(source.at(
            due.at,
            &due.key,
            &format!("it is over before {:?} has begun", after.offset.to_string()),
        ));
    }
    // Working time against the calendar depends on the day; the deadline then gives way where it must.
    let comparable = due.offset.is_working() == deadline.offset.is_working();
    if comparable && !deadline.offset.is_not_before(due.offset) {
        return Err(source.at(deadline.at, &deadline.key, "the deadline (A02) is before the due time (A01)"));
    }
    Ok(Window { after: after.map(|after| after.offset), due: due.offset, deadline: deadline.offset })
}

pub(super) fn selection(source: &Source, raw: &SelectionTable) -> Result<Selection, ProgrammeError> {
    let share_percent = match &raw.share_percent {
        Some(given) => source.number("selection.share_percent", given, 1..=100, "B05")?,
        None => 100,
    };
    if let Some(value) = &raw.on_site_from_yuan
        && !(value.get_ref().is_finite() && *value.get_ref() > 0.0)
    {
        return Err(source.at(value.span().start, "selection.on_site_from_yuan", "want a sum above 0 (B09)"));
    }
    let on_site_from_yuan = raw.on_site_from_yuan.as_ref().map(|value| *value.get_ref());
    Ok(Selection { share_percent, always: raw.always.clone(), on_site_from_yuan })
}

fn triggers(
    source: &Source,
    key: &str,
    raw: Option<&Spanned<Vec<Trigger>>>,
) -> Result<Option<Vec<Trigger>>, ProgrammeError> {
    let Some(list) = raw else { return Ok(None) };
    if list.get_ref().is_empty() {
        return Err(source.at(list.span().start, key, "want at least one trigger: nothing would ever begin the visit"));
    }
    Ok(Some(list.get_ref().clone()))
}

fn place(source: &Source, key: &str, text: &Spanned<String>) -> Result<Placed, ProgrammeError> {
    let at = text.span().start;
    let offset = Offset::parse(text.get_ref())
        .ok_or_else(|| source.at(at, key, &format!("{:?} is no length of time: {OFFSET}", text.get_ref())))?;
    Ok(Placed { key: key.into(), at, offset })
}

/// Names go into rows and answers.
fn named(source: &Source, key: &str, name: &Spanned<String>) -> Result<String, ProgrammeError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let text = name.get_ref();
    if text.is_empty() || text.len() > 40 || !text.chars().all(plain) {
        return Err(source.at(name.span().start, key, "want 1 to 40 of a-z, 0-9 and -"));
    }
    Ok(text.clone())
}
