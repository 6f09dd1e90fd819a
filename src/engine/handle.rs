//! What the outside may ask the engine to do. The HTTP interface (and later other doors) hold this trait and nothing else of it.
//!
//! Contract: every command is checked, saved and announced before it answers, and is safe to send again: the same SMS, order, dial
//! or cancellation a second time changes nothing and gives the same answer. Reads go to the store, not through here, save for what
//! only a running engine knows: why a visit waits, and how its lines are.
//! Deliberately not here: authentication, idempotency keys, wire formats.

use crate::domain::complaint::{Complaint, New as NewComplaint, Step as ComplaintStep};
use crate::domain::id::{CallId, ComplaintId, InboxId, VisitId};
use crate::domain::order::Order;
use crate::domain::programme::{Programme, Trigger};
use crate::domain::review::rescoring::Rescoring;
use crate::domain::score::{Indicator, Level, Scorecard};
use crate::domain::visit::task::Visit;
use async_trait::async_trait;
use jiff::Timestamp;

/// What the domain answers with.
pub use crate::domain::score::{ScoreReply, ScoreRequest};
pub use crate::domain::visit::plan::{Why, WhyCode};
/// A line as an operator sees it.
pub use crate::sip::{TrunkHealth, TrunkStatus};
/// Something that happened to an order, and what it led to.
pub use crate::store::order_event::{EventAnswer, OrderEvent};
/// 报完工短信 as a gateway hands it in, not yet read; and what the gateway is told.
pub use crate::store::sms::{SmsAnswer, StoredSms as CompletionSms};

/// What `PUT /orders/{no}` came to.
#[derive(Clone, Debug, PartialEq)]
pub struct OrderAnswer {
    /// False: the order was known and is now as given.
    pub created: bool,
    /// The order as stored: what an SMS said and the dispatcher did not is kept.
    pub order: Order,
    /// The visit of the order, if its completion was reported already.
    pub visit: Option<VisitId>,
}

/// What the report of a complaint came to.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenedComplaint {
    pub complaint: Complaint,
    /// False: its call had led to one already, which is as it was.
    pub created: bool,
}

/// A programme in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedProgramme {
    pub name: String,
    pub title: String,
    pub version: String,
    pub priority: u8,
    /// `name@version` of the table that scores its calls.
    pub rubric: String,
    /// Of those in no class that is always visited, in percent.
    pub share_percent: u32,
    /// Its visits with what begins them.
    pub stages: Vec<(String, Vec<Trigger>)>,
}

impl LoadedProgramme {
    pub fn of(programme: &Programme, rubric: &str) -> Self {
        Self {
            name: programme.name.clone(),
            title: programme.title.clone(),
            version: programme.version.clone(),
            priority: programme.priority,
            rubric: rubric.into(),
            share_percent: programme.selection.share_percent,
            stages: programme.stages.iter().map(|stage| (stage.name.clone(), stage.on.clone())).collect(),
        }
    }
}

/// Why a command was not done. The message names the input that failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("no {what} {id}")]
    NotFound { what: &'static str, id: String },
    /// The state of the thing forbids it: dial a visit that is over, cancel one that is being called.
    #[error("{0}")]
    Conflict(String),
    /// A04: not before this instant, not by hand either.
    #[error("{detail}")]
    RedialGuard { until: Timestamp, detail: String },
    /// The request can be read but not done: a field has a value that makes no sense.
    #[error("{field}: {detail}")]
    Invalid { field: &'static str, detail: String },
    /// Try again later: the engine is stopping, the disk is full, the database is busy.
    #[error("{0}")]
    Unavailable(String),
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The commands. `by` is the name of the caller, kept with what was done.
#[async_trait]
pub trait Commands: Send + Sync {
    /// Idempotent by message id, and by order number.
    async fn accept_sms(&self, sms: CompletionSms) -> Result<SmsAnswer, CommandError>;

    /// The dispatcher's record of an order; replaces what was known, field by field where given.
    async fn put_order(&self, order: Order) -> Result<OrderAnswer, CommandError>;

    /// Something happened to a known order: its programmes begin their visits. Idempotent by order, kind and instant.
    async fn order_event(&self, event: OrderEvent, by: &str) -> Result<EventAnswer, CommandError>;

    /// What is in force, by name.
    fn programmes(&self) -> Vec<LoadedProgramme>;

    /// Reads programmes, scripts, prompts and rubrics again; a set that is not usable changes nothing.
    async fn reload_programmes(&self, by: &str) -> Result<Vec<LoadedProgramme>, CommandError>;

    /// A person reads an SMS that no template could: the order it reports.
    async fn complete_inbox(&self, inbox: &InboxId, order: Order, by: &str) -> Result<Visit, CommandError>;

    /// A person finds that an SMS reports no completed order; its text is kept.
    async fn dismiss_inbox(&self, inbox: &InboxId, by: &str) -> Result<(), CommandError>;

    /// Call as soon as the line allows, whatever the retry spacing says.
    async fn dial(&self, visit: &VisitId, by: &str) -> Result<Visit, CommandError>;

    async fn reschedule(&self, visit: &VisitId, to: Timestamp, note: &str, by: &str) -> Result<Visit, CommandError>;

    async fn cancel(&self, visit: &VisitId, note: &str, by: &str) -> Result<Visit, CommandError>;

    /// Why it is, or is not, called now (invariant 4).
    async fn why(&self, visit: &VisitId) -> Result<Why, CommandError>;

    /// By priority, as they are now.
    fn trunks(&self) -> Vec<TrunkStatus>;

    /// A person's level beside the machine's; `None` = "no level", said by a person.
    async fn override_score(
        &self,
        call: &CallId,
        indicator: Indicator,
        level: Option<Level>,
        reason: &str,
        by: &str,
    ) -> Result<Scorecard, CommandError>;

    /// A person or another system reports a complaint. Idempotent by call.
    async fn open_complaint(&self, new: NewComplaint, by: &str) -> Result<OpenedComplaint, CommandError>;

    /// Something is done to a complaint; it is kept in its trail.
    async fn complaint_step(
        &self,
        complaint: &ComplaintId,
        step: ComplaintStep,
        by: &str,
    ) -> Result<Complaint, CommandError>;

    /// What a keyword table makes of the scored calls of a period whose programmes name it (`None`: of every call, by the table that its
    /// programme names); changes nothing.
    async fn compare_scores(
        &self,
        period: (Timestamp, Timestamp),
        rubric: Option<&str>,
        by: &str,
    ) -> Result<Rescoring, CommandError>;

    /// Adopts a comparison, by judging its calls again, or drops it.
    async fn settle_scores(
        &self,
        rescoring: &str,
        adopt: bool,
        by: &str,
        why: Option<&str>,
    ) -> Result<Rescoring, CommandError>;

    /// Stateless and quick: judges one answer with the rubric of this name, or of the site's own programme.
    fn score(&self, request: &ScoreRequest, rubric: Option<&str>) -> Result<ScoreReply, CommandError>;
}
