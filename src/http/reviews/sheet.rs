//! `/calls/{id}/qa`: the QA sheet of a call, the machine's marks and people's beside each other, and every version of it.

use super::super::AppState;
use super::super::auth::{Caller, Right};
use super::super::extract::{Json, Path};
use super::super::limits;
use super::super::problem::Problem;
use super::super::schema::MarkName;
use super::super::view::View;
use crate::domain::id::CallId;
use crate::domain::review::form::{Entry, HumanMark, Item, MachineMark, Mark};
use crate::store::review::StoredSheet;
use axum::Extension;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The QA sheet of a call.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SheetDto {
    pub call_id: String,
    /// `name@version` of the form.
    pub form: String,
    pub title: String,
    /// 1 for the machine's first filling.
    pub version: i64,
    /// `machine`, or the person who corrected.
    pub made_by: String,
    pub made_at: String,
    /// Key of the item that a person corrected last, and why.
    pub changed_item: Option<String>,
    pub changed_why: Option<String>,
    /// 0 to 100; null while nothing is judged.
    pub total: Option<f64>,
    /// Keys of fatal items that were not met: the total is 0.
    pub fatal: Vec<String>,
    /// Items that nobody has judged.
    pub open: usize,
    pub sections: Vec<SectionDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SectionDto {
    pub title: String,
    /// Against the other sections'.
    pub weight: u32,
    pub items: Vec<ItemDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ItemDto {
    pub key: String,
    pub title: String,
    pub points: u32,
    pub fatal: bool,
    /// In force: the person's, else the machine's; null: open.
    #[schema(value_type = Option<MarkName>)]
    pub mark: Option<Mark>,
    pub machine: Option<MachineMarkDto>,
    pub human: Option<HumanMarkDto>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MachineMarkDto {
    #[schema(value_type = MarkName)]
    pub mark: Mark,
    /// Rule of the finding; null: nothing was found against it.
    pub rule: Option<String>,
    pub seen: Option<String>,
    /// Seconds on the recording.
    pub from_s: Option<f64>,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HumanMarkDto {
    #[schema(value_type = MarkName)]
    pub mark: Mark,
    pub reason: String,
    pub by: String,
    pub at: String,
}

impl SheetDto {
    fn of(call: &CallId, stored: &StoredSheet, view: &View<'_>) -> Self {
        let total = stored.sheet.total();
        let item = |item: &Item| ItemDto::of(item, stored.sheet.entry(&item.key), view);
        let sections = stored.sheet.form.sections.iter().map(|section| SectionDto {
            title: section.title.clone(),
            weight: section.weight,
            items: section.items.iter().map(item).collect(),
        });
        Self {
            call_id: call.to_string(),
            form: stored.sheet.form.id(),
            title: stored.sheet.form.title.clone(),
            version: stored.version,
            made_by: stored.made_by.clone(),
            made_at: view.at(stored.made_at),
            changed_item: stored.changed.as_ref().map(|(item, _)| item.clone()),
            changed_why: stored.changed.as_ref().map(|(_, why)| view.text(why)),
            total: total.score,
            fatal: total.fatal,
            open: total.open,
            sections: sections.collect(),
        }
    }
}

impl ItemDto {
    fn of(item: &Item, entry: Option<&Entry>, view: &View<'_>) -> Self {
        let machine = |m: &MachineMark| MachineMarkDto {
            mark: m.mark,
            rule: m.rule.clone(),
            seen: m.seen.as_deref().map(|seen| view.text(seen)),
            from_s: m.from_s,
        };
        let human = |h: &HumanMark| HumanMarkDto {
            mark: h.mark,
            reason: view.text(&h.reason),
            by: h.by.clone(),
            at: view.at(h.at),
        };
        Self {
            key: item.key.clone(),
            title: item.title.clone(),
            points: item.points,
            fatal: item.fatal,
            mark: entry.and_then(Entry::in_force),
            machine: entry.and_then(|entry| entry.machine.as_ref()).map(machine),
            human: entry.and_then(|entry| entry.human.as_ref()).map(human),
        }
    }
}

/// The QA sheet of a call
#[utoipa::path(get, path = "/calls/{id}/qa", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = SheetDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<SheetDto>, Problem> {
    let call = CallId::new(id);
    let sheet = state.store.sheet(&call).await?;
    Ok(axum::Json(SheetDto::of(&call, &sheet, &state.view(&caller))))
}

/// Every version of a sheet.
#[derive(Debug, Serialize, ToSchema)]
pub struct SheetVersionsDto {
    /// The first one first.
    pub items: Vec<SheetDto>,
}

/// Every version of the QA sheet of a call
#[utoipa::path(get, path = "/calls/{id}/qa/versions", tag = "reviews", params(("id" = String, Path)),
    responses((status = 200, body = SheetVersionsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn versions(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<axum::Json<SheetVersionsDto>, Problem> {
    let call = CallId::new(id);
    let (sheets, view) = (state.store.sheets(&call).await?, state.view(&caller));
    Ok(axum::Json(SheetVersionsDto { items: sheets.iter().map(|sheet| SheetDto::of(&call, sheet, &view)).collect() }))
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkBody {
    #[schema(value_type = MarkName)]
    mark: Mark,
    /// Why; kept with the mark.
    reason: String,
}

/// Correct one item of the sheet
///
/// By him who has claimed the call; the machine's mark stays beside his.
#[utoipa::path(put, path = "/calls/{id}/qa/{item}", tag = "reviews", params(("id" = String, Path), ("item" = String, Path)),
    request_body = MarkBody,
    responses((status = 200, body = SheetDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn put(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((id, item)): Path<(String, String)>,
    Json(body): Json<MarkBody>,
) -> Result<axum::Json<SheetDto>, Problem> {
    caller.may(Right::Review)?;
    let call = CallId::new(id);
    let reason = limits::text("reason", &body.reason, limits::TEXT_CHARS)?;
    let sheet = state.reviews.correct(&call, &item, body.mark, &reason, caller.name()).await?;
    Ok(axum::Json(SheetDto::of(&call, &sheet, &state.view(&caller))))
}
