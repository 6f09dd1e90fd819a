//! Lets a scripted customer talk on a telephone until the call is over.

use super::customer::{CustomerAnswer, CustomerScript, CustomerTurns, Response};
use super::ear::{Heard, PromptEar};
use super::phone::{IncomingCall, LineState, PhoneCall};
use crate::clock::monotonic;
use crate::media::prompts::{PromptError, Prompts, read_clip};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rings so long before he picks up.
const RING: Duration = Duration::from_millis(600);
/// After his last words he listens so long before he hangs up.
const LEAVES_AFTER: Duration = Duration::from_millis(700);
/// Nobody stays on the line longer.
const CALL_MAX: Duration = Duration::from_secs(600);
const SAMPLES_PER_MS: u64 = 8;

/// A customer with his voice in memory, for any number of calls.
pub struct Customer {
    script: Arc<CustomerScript>,
    voice: BTreeMap<String, Arc<[i16]>>,
}

/// What the customer knows of the call afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talked {
    pub ended: LineState,
    /// The prompts he recognised, in order.
    pub heard: Vec<String>,
    /// The questions he answered, in order.
    pub said: Vec<String>,
}

/// An ear that knows every prompt; single digits are too short to be told apart and ask nothing.
pub fn ear(prompts: &Prompts) -> PromptEar {
    let asking = prompts.iter().filter(|(id, _)| !id.starts_with("num/"));
    PromptEar::new(asking.map(|(id, pcm)| (id.into(), pcm.to_vec())))
}

impl Customer {
    /// Reads every answer's speech.
    pub fn new(script: CustomerScript) -> Result<Self, PromptError> {
        let clips = script.answers.iter().map(|a| Ok((a.wav.clone(), read_clip(&script.wav(a))?)));
        Ok(Self { voice: clips.collect::<Result<_, PromptError>>()?, script: Arc::new(script) })
    }

    pub fn script(&self) -> &CustomerScript {
        &self.script
    }

    /// Lets it ring, picks up and talks until somebody hangs up.
    pub async fn talk(&self, call: IncomingCall, ear: PromptEar) -> io::Result<Talked> {
        call.ring().await;
        let mut state = call.state();
        // A caller who gives up while it rings leaves nothing to answer.
        if tokio::time::timeout(RING, state.wait_for(|s| s.is_over())).await.is_ok() {
            return Ok(Talked { ended: LineState::Cancelled, heard: vec![], said: vec![] });
        }
        let call = call.answer().await?;
        let turns = CustomerTurns::new(self.script.clone());
        let mut talk = Talk { customer: self, turns, ear, next: Next::Listen, heard: vec![], said: vec![] };
        if let Some(hello) = talk.turns.pick_up() {
            talk.next = Next::Say { at: call.answered_at + delay(&hello), answer: hello, last: false };
        }
        Ok(talk.run(call).await)
    }
}

fn delay(answer: &CustomerAnswer) -> Duration {
    Duration::try_from_secs_f64(answer.delay_s).unwrap_or_default()
}

/// What he is about to do.
enum Next {
    Listen,
    Say { at: Instant, answer: CustomerAnswer, last: bool },
    HangUp { at: Instant },
}

struct Talk<'a> {
    customer: &'a Customer,
    turns: CustomerTurns,
    ear: PromptEar,
    next: Next,
    heard: Vec<String>,
    said: Vec<String>,
}

impl Talk<'_> {
    async fn run(mut self, mut call: PhoneCall) -> Talked {
        let give_up_at = call.answered_at + CALL_MAX;
        loop {
            let wake = self.wake_at().unwrap_or(give_up_at).min(give_up_at);
            tokio::select! {
                frame = call.next_frame() => match frame {
                    Some(frame) => self.listen(&frame),
                    None => return Talked { ended: call.state(), heard: self.heard, said: self.said },
                },
                () = tokio::time::sleep_until(wake.into()) => self.act(&call).await,
            }
        }
    }

    fn wake_at(&self) -> Option<Instant> {
        match &self.next {
            Next::Listen => None,
            Next::Say { at, .. } | Next::HangUp { at } => Some(*at),
        }
    }

    fn listen(&mut self, frame: &[i16]) {
        let Some(Heard { prompt, samples_ago }) = self.ear.hear(frame) else { return };
        let ended_at = monotonic() - Duration::from_millis(samples_ago as u64 / SAMPLES_PER_MS);
        self.heard.push(prompt.to_string());
        let say = |answer: CustomerAnswer, last| Next::Say { at: ended_at + delay(&answer), answer, last };
        match self.turns.reply_to(&prompt) {
            Response::Nothing => {}
            Response::Say(answer) => self.next = say(answer, false),
            Response::SayAndHangUp(answer) => self.next = say(answer, true),
            Response::HangUp => self.next = Next::HangUp { at: ended_at + LEAVES_AFTER },
        }
    }

    async fn act(&mut self, call: &PhoneCall) {
        match std::mem::replace(&mut self.next, Next::Listen) {
            Next::Say { answer, last, .. } => {
                if let Some(pcm) = self.customer.voice.get(&answer.wav) {
                    call.say(pcm);
                    if last {
                        let spoken = Duration::from_millis(pcm.len() as u64 / SAMPLES_PER_MS);
                        self.next = Next::HangUp { at: monotonic() + spoken + LEAVES_AFTER };
                    }
                }
                self.said.push(answer.q);
            }
            // Nothing is due any more: his patience is over.
            Next::HangUp { .. } | Next::Listen => call.hang_up().await,
        }
    }
}
