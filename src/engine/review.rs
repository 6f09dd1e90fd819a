//! What a transcript is worth: scores, facts and findings of one call, computed by the domain and stored as new versions.
//!
//! Contract: everything judged comes from stored rows, so a call can be judged again after a rubric or a rule changed; a person's
//! correction is carried over to the new scorecard and the machine's value stays beside it (invariant 5).

use super::Engine;
use super::events::EngineEvent;
use super::transcriber::JobError;
use crate::domain::audit::{CallEvidence, Severity, audit_call};
use crate::domain::facts::facts_of;
use crate::domain::id::CallId;
use crate::domain::score::{answers_of, answers_of_turns, judgements, score_judged, spoken_turns};

/// Who judged: the crate's version names the rules.
const MADE_BY: &str = concat!("huifang ", env!("CARGO_PKG_VERSION"));

/// Judges a call from its stored rows and stores what comes out.
pub async fn judge_call(engine: &Engine, id: &CallId) -> Result<(), JobError> {
    let store = &engine.store;
    let call = store.call(id).await?;
    let order = store.order(&call.order_no).await?.order;
    let visit = store.visit(&call.visit).await?;
    let transcript = store.transcript(id).await?.transcript;
    let answered_at_s = call.recording.as_ref().and_then(|r| r.answered_at_s).unwrap_or_default();

    let rubric = &engine.site().rubric;
    let answers = match &call.seat {
        // What an agent asked is in his words; the journal only knows at which step he was.
        Some(_) => answers_of_turns(rubric, &spoken_turns(&transcript)),
        None => answers_of(&call.journal, &transcript, answered_at_s),
    };
    let judged = judgements(rubric, &answers);
    let card = score_judged(rubric, &answers, &judged);
    let facts = facts_of(&answers);
    let findings = audit_call(&CallEvidence {
        order: &order,
        visit: &visit,
        call: &call,
        transcript: Some(&transcript),
        scorecard: Some(&card),
        complaint: judged.iter().any(|j| j.complaint),
    });

    // The store carries a person's corrections over.
    let card = store.save_scorecard(id, &card).await?.card;
    store.save_facts(id, MADE_BY, &facts).await?;
    store.save_findings(id, MADE_BY, &findings).await?;
    let index = card.index();
    engine.announce(EngineEvent::Scored { call: id.clone(), index: index.mean, n_scored: index.n_scored });
    for finding in findings.into_iter().filter(|f| f.severity >= Severity::Amber) {
        engine.announce(EngineEvent::Finding { call: id.clone(), finding });
    }
    Ok(())
}
