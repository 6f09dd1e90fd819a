//! `/agents`: score cards of agents for a period, each beside the team (E3).
//!
//! An agent reads his own card; whoever may correct scores reads everybody's.

use super::AppState;
use super::auth::{Caller, Right};
use super::extract::{Path, Query};
use super::problem::Problem;
use super::schema::SeverityName;
use super::view::{View, maybe_instant};
use crate::domain::agent_card::{AgentCard, Figure, Measure, RuleFigure, Team, Unit};
use crate::domain::audit::Severity;
use crate::domain::id::SeatId;
use crate::domain::report::Month;
use axum::Extension;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The longest period, a leap year.
const PERIOD_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct AgentCardQuery {
    /// Calls begun at this instant or later, or on this day; the first of the present month when left out.
    from: Option<String>,
    /// Calls begun before this instant; until now when left out.
    to: Option<String>,
}

/// Score cards of everybody who had a call, by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentCardsDto {
    pub from: String,
    pub to: String,
    pub items: Vec<AgentCardDto>,
}

/// What an agent's calls of a period came to, beside the team.
#[derive(Debug, Serialize, ToSchema)]
pub struct AgentCardDto {
    /// His seat, which is the name of its user.
    pub agent: String,
    pub from: String,
    pub to: String,
    /// Calls that are over, answered or not.
    pub calls: usize,
    pub answered: usize,
    pub measures: Vec<MeasureDto>,
    /// What the audit found against his calls, the gravest first.
    pub findings: Vec<RuleFigureDto>,
    /// Fatal items of QA sheets that were not met.
    pub fatal: Vec<FatalDto>,
    pub disputes: DisputesDto,
}

/// The mean over the calls that have it.
#[derive(Debug, Serialize, ToSchema)]
pub struct MeasureDto {
    #[schema(example = "talk_share")]
    pub key: &'static str,
    pub title: &'static str,
    /// `share` (0 to 1), `seconds`, `per_call`, `per_100` (calls), `level` (1 to 5) or `points` (0 to 100).
    pub unit: &'static str,
    #[serde(flatten)]
    pub figure: FigureDto,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FigureDto {
    /// Null of nothing, never 0.
    pub value: Option<f64>,
    /// Calls behind it.
    pub n: usize,
    /// Too few of them to say much.
    pub small: bool,
    /// Median of the agents who have it, this one among them.
    pub team_median: Option<f64>,
    pub team_agents: usize,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct RuleFigureDto {
    /// Of the rule table.
    #[schema(example = "C18")]
    pub rule: String,
    #[schema(value_type = SeverityName)]
    pub severity: Severity,
    pub found: u32,
    /// In 100 audited calls.
    pub per_100: FigureDto,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct FatalDto {
    pub title: String,
    pub sheets: u32,
}

#[derive(Debug, Serialize, ToSchema)]
pub struct DisputesDto {
    pub pending: u32,
    /// The agent was right.
    pub upheld: u32,
    pub dismissed: u32,
    pub withdrawn: u32,
}

impl FigureDto {
    fn of(figure: &Figure) -> Self {
        Self {
            value: figure.value,
            n: figure.n,
            small: figure.is_small(),
            team_median: figure.median,
            team_agents: figure.agents,
        }
    }
}

impl AgentCardDto {
    fn of(card: &AgentCard, (from, to): (Timestamp, Timestamp), view: &View<'_>) -> Self {
        let measure = |(measure, figure): &(Measure, Figure)| {
            let (key, title, unit): (_, _, Unit) = measure.described();
            MeasureDto { key, title, unit: unit.name(), figure: FigureDto::of(figure) }
        };
        let finding = |found: &RuleFigure| RuleFigureDto {
            rule: found.rule.clone(),
            severity: found.severity,
            found: found.found,
            per_100: FigureDto::of(&found.per_100),
        };
        let disputes = card.disputes;
        Self {
            agent: card.agent.to_string(),
            from: view.at(from),
            to: view.at(to),
            calls: card.calls,
            answered: card.answered,
            measures: card.figures.iter().map(measure).collect(),
            findings: card.findings.iter().map(finding).collect(),
            fatal: card
                .fatal
                .iter()
                .map(|(title, sheets)| FatalDto { title: title.clone(), sheets: *sheets })
                .collect(),
            disputes: DisputesDto {
                pending: disputes.pending,
                upheld: disputes.upheld,
                dismissed: disputes.dismissed,
                withdrawn: disputes.withdrawn,
            },
        }
    }
}

impl AgentCardQuery {
    fn period(&self, state: &AppState) -> Result<(Timestamp, Timestamp), Problem> {
        let now = state.clock.now();
        let from = maybe_instant("from", self.from.as_deref(), &state.zone)?;
        let to = maybe_instant("to", self.to.as_deref(), &state.zone)?.unwrap_or(now);
        let from = from.unwrap_or_else(|| Month::at(to, &state.zone).span(&state.zone).0);
        if from < to && to.duration_since(from) <= PERIOD_MAX {
            Ok((from, to))
        } else {
            Err(Problem::invalid("to", "want a period that ends after it begins, 366 days at most"))
        }
    }
}

/// Score cards of all agents
#[utoipa::path(get, path = "/agents/scorecards", tag = "reviews", params(AgentCardQuery),
    responses((status = 200, body = AgentCardsDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn list(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AgentCardQuery>,
) -> Result<axum::Json<AgentCardsDto>, Problem> {
    caller.may(Right::Review)?;
    let period = query.period(&state)?;
    let works = state.store.agents_work(period.0, period.1).await?;
    let view = state.view(&caller);
    let items = Team::of(&works).cards().iter().map(|card| AgentCardDto::of(card, period, &view)).collect();
    Ok(axum::Json(AgentCardsDto { from: view.at(period.0), to: view.at(period.1), items }))
}

/// The score card of one agent
///
/// Figures of fewer than 10 calls are told as `small`. An agent may read his own only.
#[utoipa::path(get, path = "/agents/{id}/scorecard", tag = "reviews", params(("id" = String, Path), AgentCardQuery),
    responses((status = 200, body = AgentCardDto),
        (status = "4XX", body = Problem, content_type = "application/problem+json")))]
pub async fn get(
    State(state): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(id): Path<String>,
    Query(query): Query<AgentCardQuery>,
) -> Result<axum::Json<AgentCardDto>, Problem> {
    let agent = SeatId::new(id);
    if !(caller.may(Right::Sit).is_ok() && caller.name() == agent.as_str()) {
        caller.may(Right::Review)?;
    }
    let period = query.period(&state)?;
    let works = state.store.agents_work(period.0, period.1).await?;
    if !works.iter().any(|work| work.seat == agent) {
        // Without calls the agent has to be one of ours.
        state.store.seat(&agent).await?;
    }
    let card = Team::of(&works).card(&agent);
    Ok(axum::Json(AgentCardDto::of(&card, period, &state.view(&caller))))
}
