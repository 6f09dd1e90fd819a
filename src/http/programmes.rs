//! `/programmes`: what is in force, and reading the files again.

use super::AppState;
use super::auth::{Caller, Right};
use super::problem::Problem;
use super::schema::TriggerName;
use crate::domain::programme::Trigger;
use crate::engine::handle::LoadedProgramme;
use axum::Extension;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct ProgrammeList {
    pub items: Vec<ProgrammeDto>,
}

#[derive(Serialize, ToSchema)]
pub struct ProgrammeDto {
    pub name: String,
    pub title: String,
    /// Digest of its file; a visit keeps the one it was last called by.
    pub version: String,
    /// 0 is dialled first, 9 last.
    pub priority: u8,
    /// `name@version` of the keyword table that scores its calls.
    pub rubric: String,
    pub stages: Vec<StageDto>,
}

/// One of the visits that a programme makes of an order.
#[derive(Serialize, ToSchema)]
pub struct StageDto {
    pub name: String,
    #[schema(value_type = Vec<TriggerName>)]
    pub on: Vec<Trigger>,
}

impl ProgrammeList {
    fn of(list: Vec<LoadedProgramme>) -> Self {
        let stages = |stages: Vec<(String, Vec<Trigger>)>| -> Vec<StageDto> {
            stages.into_iter().map(|(name, on)| StageDto { name, on }).collect()
        };
        let item = |p: LoadedProgramme| ProgrammeDto {
            name: p.name,
            title: p.title,
            version: p.version,
            priority: p.priority,
            rubric: p.rubric,
            stages: stages(p.stages),
        };
        Self { items: list.into_iter().map(item).collect() }
    }
}

/// The programmes in force
#[utoipa::path(get, path = "/programmes", tag = "programmes",
    responses((status = 200, body = ProgrammeList),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(State(state): State<AppState>) -> axum::Json<ProgrammeList> {
    axum::Json(ProgrammeList::of(state.commands.programmes()))
}

/// Read the programmes again
///
/// With their scripts, prompts and rubrics. A set that is not usable is refused with file, line and key, and the one in force stays.
#[utoipa::path(post, path = "/programmes/reload", tag = "programmes",
    responses((status = 200, body = ProgrammeList),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn reload(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::Json<ProgrammeList>, Problem> {
    caller.may(Right::Administer)?;
    let loaded = state.commands.reload_programmes(caller.name()).await?;
    Ok(axum::Json(ProgrammeList::of(loaded)))
}
