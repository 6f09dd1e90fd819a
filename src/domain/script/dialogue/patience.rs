//! How long a silence ends a turn: it depends on what was said so far (C19, C20).

use super::Ears;
use super::say::{Role, Say};
use crate::domain::script::understand::{Completeness, completeness};
use crate::domain::script::{Expects, Timing};

/// Milliseconds of silence after which the turn is taken as finished.
pub(super) fn patience_ms(say: &Say, text: &str, ears: Ears, timing: &Timing) -> u64 {
    if ears == Ears::Keys {
        // Without words nothing tells a pause from an end: the patience of a narrative for everybody.
        return timing.narrative_ms.max(timing.answer_ms);
    }
    match completeness(text) {
        Completeness::GoesOn => timing.conjunction_ms,
        Completeness::NotBegun => timing.filler_ms,
        Completeness::HalfANumber if say.expects == Expects::Number => timing.unfinished_ms,
        Completeness::Scrap => timing.unfinished_ms,
        Completeness::ShortAnswer => timing.short_answer_ms,
        Completeness::HalfANumber | Completeness::Sentence => full_sentence_ms(say, timing),
    }
}

fn full_sentence_ms(say: &Say, timing: &Timing) -> u64 {
    match (&say.role, say.expects) {
        (Role::Probe, _) | (_, Expects::Narrative) => timing.narrative_ms,
        (Role::Identity | Role::Consent | Role::KnowsService, _) => timing.short_answer_ms,
        (_, Expects::Words | Expects::Number) => timing.answer_ms,
    }
}
