//! What a transcript is worth: scores, facts and findings of one call, computed by the domain and stored as new versions.
//!
//! Contract: everything judged comes from stored rows, so a call can be judged again after a rubric or a rule changed; a person's
//! correction is carried over to the new scorecard and the machine's value stays beside it (invariant 5).

use super::complaints::{self, Judged};
use super::events::EngineEvent;
use super::promises;
use super::reviews;
use super::transcriber::JobError;
use super::{Engine, background};
use crate::domain::audit::{self, Activity, CallEvidence, CallingHours, Limits, Severity, audit_call};
use crate::domain::call::Call;
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::facts::{Facts, facts_of};
use crate::domain::id::CallId;
use crate::domain::score::{Answer, Rubric, answers_of, answers_of_talk, judgements, score_judged};
use crate::domain::transcript::Transcript;
use crate::domain::truth::{self, Tolerance, TruthCheck};
use crate::media::{vad, wav};
use crate::store::page::PageRequest;
use crate::store::promise::PromiseFilter;
use serde::Serialize;

/// Who judged; findings name the version of their rules too.
const MADE_BY: &str = concat!("huifang ", env!("CARGO_PKG_VERSION"));
/// Satisfaction items where a call's programme is no longer there (E01).
const ITEMS_MAX: u32 = 5;

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
    let programme = site.rules.programmes.get(&visit.programme);
    let rubric = site.rubrics.of(programme);
    let answers = answers_of_call(rubric, &call, &transcript);
    let judged = judgements(rubric, &answers);
    let card = score_judged(rubric, &answers, &judged);
    let facts = facts_of(rubric, &answers);
    let calendar = visit.calendar(&site.rules.calendar);
    let called_at = call.instants.answered_at.map(|at| at.to_zoned(calendar.tz().clone()));
    let truth = called_at.as_ref().map(|at| truth::check(&order.claims, &facts, at, &Tolerance::default()));
    let script = programme.and_then(|p| site.script(p, &order));
    let form: Vec<String> = script.iter().flat_map(|s| &s.steps).map(|step| step.id.clone()).collect();
    let activity = voices(engine, &call).await;
    let hours = programme.zip(call.instants.invited_at).map(|(p, at)| CallingHours {
        text: p.calling_hours_text(),
        kept: calendar.next_within(&p.calling_hours, at) == at,
    });
    // In the ledger before the call is audited: a promise is one of the things that are looked at.
    promises::keep_heard(engine, &call, &order, &transcript).await?;
    let of_call = PromiseFilter { call: Some(id.clone()), ..PromiseFilter::default() };
    let promised = store.promises(&of_call, &PageRequest::first()).await?.items;
    let mut findings = audit_call(
        rubric,
        &CallEvidence {
            order: &order,
            visit: &visit,
            call: &call,
            transcript: Some(&transcript),
            scorecard: Some(&card),
            complaint: judged.iter().any(|j| j.complaint),
            answers: &answers,
            judged: &judged,
            facts: Some(&facts),
            activity: activity.as_ref(),
            form: &form,
            items_max: programme.map_or(ITEMS_MAX, |p| p.satisfaction_items(order.claims.customer_class.as_deref())),
            hours: hours.as_ref(),
            promises: &promised,
        },
    );

    findings.extend(truth.iter().flat_map(TruthCheck::findings));
    findings.extend(called_at.iter().flat_map(|at| site.tariff.check(&order, &facts, at)));

    // The store carries a person's corrections over.
    let card = store.save_scorecard(id, &card).await?.card;
    store.save_facts(id, MADE_BY, &Stated { facts: &facts, truth: &truth }).await?;
    store.save_findings(id, &format!("{MADE_BY} {}", audit::RULES), &findings).await?;
    if let Some(activity) = &activity {
        store.save_talk(id, &activity.measured(&Limits::default())).await?;
    }
    let heard = Judged { call: &call, visit: &visit, order: &order, answers: &answers, judgements: &judged };
    complaints::after_judging(engine, &heard).await?;
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
        Some(_) => answers_of_talk(rubric, transcript),
        None => answers_of(&call.journal, transcript, answered_at_s),
    }
}

/// Who spoke when, from the recording of a call that a person led; `None` where there is none, and the transcript's times stand in.
async fn voices(engine: &Engine, call: &Call) -> Option<Activity> {
    let recording = call.recording.as_ref().filter(|_| call.seat.is_some())?;
    let file = engine.config.recordings.store.join(&recording.file);
    let listen = move || {
        let [agent, customer] = wav::read_channels(&file)?;
        Ok::<_, wav::RecorderError>(Activity::new(vad::stretches(&agent), vad::stretches(&customer)))
    };
    let heard =
        background::spawn("voices", listen).inspect_err(|error| tracing::warn!(%error, "no thread for the voices"));
    match heard.ok()?.await {
        Ok(Ok(activity)) => Some(activity),
        Ok(Err(error)) => {
            tracing::warn!(call.id = %call.id, %error, "the voices of a recording cannot be measured");
            None
        }
        Err(_) => None,
    }
}
