//! What a transcript is worth: scores, facts and findings of one call, computed by the domain and stored as new versions.
//!
//! Contract: everything judged comes from stored rows, so a call can be judged again after a rubric or a rule changed; a person's
//! correction is carried over to the new scorecard and the machine's value stays beside it (invariant 5).

use super::Engine;
use super::complaints::{self, Judged};
use super::events::EngineEvent;
use super::promises;
use super::reviews;
use super::transcriber::JobError;
use crate::domain::audit::{CallEvidence, Severity, audit_call};
use crate::domain::call::Call;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::facts::{Facts, facts_of};
use crate::domain::id::CallId;
use crate::domain::score::{Answer, Rubric, answers_of, answers_of_turns, judgements, score_judged, spoken_turns};
use crate::domain::transcript::Transcript;
use crate::domain::truth::{self, Tolerance, TruthCheck};
use serde::Serialize;

/// Who judged: the crate's version names the rules.
const MADE_BY: &str = concat!("huifang ", env!("CARGO_PKG_VERSION"));

/// What is stored as the facts of a call: the customer's words and how the order compares with them (D25).
#[derive(Serialize)]
struct Stated<'a> {
    #[serde(flatten)]
    facts: &'a Facts,
    truth: &'a Option<TruthCheck>,
}

/// Judges a call from its stored rows and stores what comes out.
pub async fn judge_call(engine: &Engine, id: &CallId) -> Result<(), JobError> {
    let store = &engine.store;
    let call = store.call(id).await?;
    let order = store.order(&call.order_no).await?.order;
    let visit = store.visit(&call.visit).await?;
    let transcript = store.transcript(id).await?.transcript;

    let site = engine.site();
    let rubric = &site.rubric;
    let answers = answers_of_call(rubric, &call, &transcript);
    let judged = judgements(rubric, &answers);
    let card = score_judged(rubric, &answers, &judged);
    let facts = facts_of(&answers);
    let called_at = call.instants.answered_at.map(|at| at.to_zoned(visit.calendar(&site.rules.calendar).tz().clone()));
    let truth = called_at.map(|at| truth::check(&order.claims, &facts, &at, &Tolerance::default()));
    let mut findings = audit_call(&CallEvidence {
        order: &order,
        visit: &visit,
        call: &call,
        transcript: Some(&transcript),
        scorecard: Some(&card),
        complaint: judged.iter().any(|j| j.complaint),
    });

    findings.extend(truth.iter().flat_map(TruthCheck::findings));

    // The store carries a person's corrections over.
    let card = store.save_scorecard(id, &card).await?.card;
    store.save_facts(id, MADE_BY, &Stated { facts: &facts, truth: &truth }).await?;
    store.save_findings(id, MADE_BY, &findings).await?;
    let heard = Judged { call: &call, visit: &visit, order: &order, answers: &answers, judgements: &judged };
    complaints::after_judging(engine, &heard).await?;
    promises::keep_heard(engine, &call, &order, &transcript).await?;
    reviews::enter(engine, &call, &card, &findings, judged.iter().any(|j| j.disagreement.is_some())).await?;
    let index = card.index();
    engine.announce(EngineEvent::Scored { call: id.clone(), index: index.mean, n_scored: index.n_scored });
    for finding in findings.into_iter().filter(|f| f.severity >= Severity::Amber) {
        engine.announce(EngineEvent::Finding { call: id.clone(), finding });
    }
    Ok(())
}

/// Which words of a call answer which question.
pub(super) fn answers_of_call(rubric: &Rubric, call: &Call, transcript: &Transcript) -> Vec<Answer> {
    let answered_at_s = call.recording.as_ref().and_then(|r| r.answered_at_s).unwrap_or_default();
    match &call.seat {
        // Nobody has said anything.
        _ if matches!(call.conversation, Some(ConversationEnd::Machine { .. })) => vec![],
        // What an agent asked is in his words; the journal only knows at which step he was.
        Some(_) => answers_of_turns(rubric, &spoken_turns(transcript)),
        None => answers_of(&call.journal, transcript, answered_at_s),
    }
}
