//! A whole call: both channels, each alone, merged by time; a second opinion on the customer's words.
//!
//! Blocks for as long as recognition takes. Does not read files and does not choose engines.

use super::audio::LINE_HZ;
use super::{Recogniser, StreamingModel, SttError};
use crate::domain::transcript::{Channel, Heard, Segment, Transcript};
use std::sync::atomic::{AtomicBool, Ordering};

/// Share of the work, for the progress: the customer's channel holds less speech but is heard twice.
const AGENT_SHARE: f32 = 0.45;
const CUSTOMER_SHARE: f32 = 0.45;
/// Silence around a segment for the second engine, which needs a moment to settle.
const LEAD: usize = LINE_HZ as usize / 5;
/// Sound around a segment that it is given, seconds: a soft first consonant (不) begins before the detector hears it.
const ROOM_S: f64 = 0.25;

/// The audio of one call, 8 kHz, both channels on one time axis; an absent side is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallAudio<'a> {
    pub agent: &'a [i16],
    pub customer: &'a [i16],
    /// Seconds in which the customer had the word, from the call's journal, sorted; empty when not known.
    pub customer_turns: &'a [(f64, f64)],
}

/// Transcribes a call: whisper writes `text`, the second engine's words for the same customer segment go to `also_heard`.
///
/// `progress` gets 0..=1, rising.
///
/// # Errors
/// [`SttError::Cancelled`] soon after `cancel` is set; what an engine fails with.
pub fn transcribe_call(
    recogniser: &dyn Recogniser,
    second: Option<&dyn StreamingModel>,
    audio: CallAudio<'_>,
    progress: &mut dyn FnMut(f32),
    cancel: &AtomicBool,
) -> Result<Transcript, SttError> {
    let agent = recogniser.transcribe(audio.agent, Channel::Agent, &[], &mut |p| progress(p * AGENT_SHARE), cancel)?;
    let mut customer = recogniser.transcribe(
        audio.customer,
        Channel::Customer,
        audio.customer_turns,
        &mut |p| progress(AGENT_SHARE + p * CUSTOMER_SHARE),
        cancel,
    )?;
    if let Some(model) = second {
        hear_again(model, audio.customer, &mut customer, cancel)?;
    }
    progress(1.0);
    let mut segments = [agent, customer].concat();
    segments.sort_by(|a, b| a.start.total_cmp(&b.start).then(a.channel.cmp(&b.channel)));
    Ok(Transcript { segments, engine: recogniser.engine().into(), model: recogniser.model().into() })
}

fn hear_again(
    model: &dyn StreamingModel,
    pcm: &[i16],
    segments: &mut [Segment],
    cancel: &AtomicBool,
) -> Result<(), SttError> {
    if segments.is_empty() {
        return Ok(());
    }
    let mut stream = model.open()?;
    let pieces = with_room(segments);
    for (segment, (from_s, to_s)) in segments.iter_mut().zip(pieces) {
        if cancel.load(Ordering::Relaxed) {
            return Err(SttError::Cancelled);
        }
        stream.accept(&[0; LEAD])?;
        stream.accept(slice(pcm, from_s, to_s))?;
        stream.accept(&[0; LEAD])?;
        let text = stream.finish_utterance()?;
        if !text.is_empty() {
            segment.also_heard.push(Heard { engine: model.engine().into(), text });
        }
    }
    Ok(())
}

/// From and to, seconds; the silence between two segments is divided in its middle.
fn with_room(segments: &[Segment]) -> Vec<(f64, f64)> {
    let piece = |(i, s): (usize, &Segment)| {
        let before = i.checked_sub(1).map_or(0.0, |n| segments[n].end.midpoint(s.start));
        let after = segments.get(i + 1).map_or(f64::MAX, |next| s.end.midpoint(next.start));
        ((s.start - ROOM_S).max(before), (s.end + ROOM_S).min(after))
    };
    segments.iter().enumerate().map(piece).collect()
}

/// The samples between two instants in seconds, as far as there are any.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // clamped at zero; a float saturates
fn slice(pcm: &[i16], start: f64, end: f64) -> &[i16] {
    let at = |seconds: f64| ((seconds.max(0.0) * f64::from(LINE_HZ)) as usize).min(pcm.len());
    let (from, to) = (at(start), at(end));
    &pcm[from..to.max(from)]
}
