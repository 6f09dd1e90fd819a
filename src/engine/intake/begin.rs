//! What an order's trigger begins: its programmes, their stages, the choice, the visits; all inside the caller's transaction.

use super::{IntakeError, IntakeRules};
use crate::domain::id::VisitId;
use crate::domain::order::Order;
use crate::domain::programme::selection::Choice;
use crate::domain::programme::{Programme, Stage, Trigger};
use crate::domain::report::Month;
use crate::domain::visit::task::{Start, Visit, begin};
use crate::store::Tx;
use crate::store::order_event::NotSelected;
use crate::store::selection::Subject;
use jiff::Timestamp;

/// Something that happened to a stored order.
pub struct Happened<'a> {
    pub order: &'a Order,
    pub trigger: Trigger,
    pub at: Timestamp,
    /// A person says that it is to be visited: nobody asks the share.
    pub by_hand: bool,
}

#[derive(Default)]
pub struct Begun {
    pub visits: Vec<Visit>,
    pub not_selected: Vec<NotSelected>,
}

/// Begins what is not there yet. A visit that is still open is not begun again: its clock runs from the first time. A completion SMS
/// that is repeated makes no second visit even when the first is over.
pub async fn begin_all(
    now: Timestamp,
    rules: &IntakeRules,
    tx: &mut Tx,
    happened: &Happened<'_>,
) -> Result<Begun, IntakeError> {
    let Happened { order, trigger, .. } = *happened;
    let assigned = rules.assignment.programmes(trigger, order, &rules.programmes);
    let programmes = assigned.map_err(|why| IntakeError::Unassigned { order_no: order.no.clone(), why })?;
    let there = tx.visits_of_order(&order.no).await?;
    let mut stages: Vec<(&Programme, &Stage)> = vec![];
    for programme in programmes {
        stages.extend(programme.stages_by(trigger).map(|stage| (programme, stage)));
    }
    let mut begun = Begun::default();
    for (programme, stage) in stages {
        if let Some(visit) = already(&there, programme, stage, trigger) {
            begun.visits.push(visit.clone());
        } else if choose(rules, tx, happened, programme, stage).await?.is_visited() {
            let start = Start {
                id: VisitId::new(tx.new_id()),
                order_no: order.no.clone(),
                programme,
                stage,
                trigger,
                branch: order.claims.branch.clone(),
                on_site: programme.selection.is_on_site(order),
            };
            let visit = begin(now, happened.at, start, &rules.calendar);
            begun.visits.push(tx.insert_begun(&visit).await?);
        } else {
            begun.not_selected.push(NotSelected { programme: programme.name.clone(), stage: stage.name.clone() });
        }
    }
    Ok(begun)
}

/// The visit that the order has of this stage, if it counts: the latest.
fn already<'a>(there: &'a [Visit], programme: &Programme, stage: &Stage, trigger: Trigger) -> Option<&'a Visit> {
    let same = |visit: &&Visit| visit.programme == programme.name && visit.origin.stage == stage.name;
    there.iter().rev().filter(same).find(|visit| trigger == Trigger::Sms || !visit.state.is_over())
}

/// Counted and kept in the same transaction, so two orders at once cannot both be passed over.
async fn choose(
    rules: &IntakeRules,
    tx: &mut Tx,
    happened: &Happened<'_>,
    programme: &Programme,
    stage: &Stage,
) -> Result<Choice, IntakeError> {
    let Happened { order, trigger, at, by_hand } = *happened;
    let zone = rules.calendar.of(order.claims.branch.as_deref()).tz().clone();
    let month = Month::at(at, &zone).to_string();
    let subject = Subject {
        order_no: &order.no,
        programme: &programme.name,
        stage: &stage.name,
        at,
        month: &month,
        dealer: order.claims.dealer.as_deref().unwrap_or_default(),
    };
    if trigger == Trigger::Sms && !by_hand && tx.was_passed_over(&subject).await? {
        return Ok(Choice::NotSampled);
    }
    let choice = if stage.everybody || by_hand {
        Choice::Everybody
    } else {
        let tally = tx.tally(&subject).await?;
        programme.selection.choose(order, &month, tally)
    };
    tx.record_selection(&subject, choice).await?;
    Ok(choice)
}
