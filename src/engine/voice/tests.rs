//! The shell on a real clock, with tones for speech and a recogniser that says what it was told.

use super::*;
use crate::domain::score::Indicator;
use crate::media::codec::FRAME;
use crate::stt::SttError;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Says the next of `words` for each utterance in which it heard anything.
struct Told {
    words: std::vec::IntoIter<&'static str>,
    loud: usize,
    fails_after: usize,
    frames: usize,
}
impl Told {
    fn boxed(words: Vec<&'static str>, fails_after: usize) -> Option<Box<dyn SpeechStream>> {
        Some(Box::new(Self { words: words.into_iter(), loud: 0, fails_after, frames: 0 }))
    }
}
impl SpeechStream for Told {
    fn accept(&mut self, pcm: &[i16]) -> Result<(), SttError> {
        self.frames += 1;
        self.loud += usize::from(pcm.iter().any(|s| s.abs() > 1000));
        if self.frames > self.fails_after {
            return Err(SttError::Engine { engine: "told", detail: "broken".into() });
        }
        Ok(())
    }
    fn partial(&mut self) -> Result<String, SttError> {
        Ok(if self.loud > 5 { self.words.as_slice().first().unwrap_or(&"").to_string() } else { String::new() })
    }
    fn finish_utterance(&mut self) -> Result<String, SttError> {
        let spoke = std::mem::take(&mut self.loud) > 5;
        Ok(if spoke { self.words.next().unwrap_or("").to_string() } else { String::new() })
    }
}

struct NoJudge;
impl LiveJudge for NoJudge {
    fn level(&self, _: Indicator, _: &str) -> Option<u8> {
        None
    }
}

/// Plays every prompt in 100 ms and remembers what it played (by length).
struct QuickMouth {
    events: mpsc::Sender<VoiceEvent>,
    plays: AtomicUsize,
    stopped: AtomicUsize,
    finished: Arc<AtomicUsize>,
}
impl Mouth for QuickMouth {
    fn play(&self, clips: Vec<Arc<[i16]>>) -> PlayId {
        assert!(!clips.is_empty());
        let id = PlayId(self.plays.fetch_add(1, Ordering::SeqCst) as u64);
        let (events, finished) = (self.events.clone(), self.finished.clone());
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(100)).await;
            finished.fetch_add(1, Ordering::SeqCst);
            // The call may be over by now.
            events.send(VoiceEvent::PlayFinished(id)).await.ok();
        });
        id
    }
    fn stop_playing(&self) {
        self.stopped.fetch_add(1, Ordering::SeqCst);
    }
}

fn call(speech: Option<Box<dyn SpeechStream>>) -> VoiceCall {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).expect(path);
    let manifest = Arc::new(PromptManifest::parse(&read("prompts/manifest.tsv")).expect("manifest"));
    let text = read("programmes/scripts/excavator/consultation.toml");
    VoiceCall {
        script: Arc::new(Script::parse("consultation", &text, &manifest).expect("script")),
        manifest,
        clips: Arc::new(Prompts::load(&root.join("prompts")).expect("clips")),
        brief: Brief {
            identity: vec!["identity_noname".into()],
            temporary_fix: false,
            thousand_hours: false,
            expert: None,
        },
        judge: Box::new(NoJudge),
        announcements: Arc::new(Announcements::builtin().expect("announcements")),
        speech,
    }
}

/// Speaks for 400 ms whenever a prompt of `after` (by number) has ended; hangs up after the last.
async fn customer(
    frames: mpsc::Sender<CustomerFrame>,
    events: mpsc::Sender<VoiceEvent>,
    finished: Arc<AtomicUsize>,
    after: Vec<usize>,
    hang_up_after: usize,
) {
    let mut tick = tokio::time::interval(Duration::from_millis(20));
    let (mut spoken, mut speaking, mut pause) = (0, 0, 0);
    for n in 0..2000_usize {
        tick.tick().await;
        let done = finished.load(Ordering::SeqCst);
        if after.get(spoken).is_some_and(|a| done >= *a) {
            pause += 1;
            if pause > 10 {
                (spoken, speaking, pause) = (spoken + 1, 20, 0);
            }
        }
        let loud = speaking > 0;
        speaking -= usize::from(loud);
        let mut pcm = [0_i16; FRAME];
        if loud {
            let tone = |i: usize| (((n * FRAME + i) as f64 * 0.3).sin() * 12_000.0) as i16;
            pcm = std::array::from_fn(tone);
        }
        if frames.send(CustomerFrame { at_s: n as f64 * 0.02, pcm }).await.is_err() {
            return;
        }
        if done >= hang_up_after {
            events.send(VoiceEvent::HungUp).await.ok();
            return;
        }
    }
}

async fn talk(speech: Option<Box<dyn SpeechStream>>, after: Vec<usize>, hang_up_after: usize) -> (VoiceOutcome, usize) {
    let (events, events_rx) = mpsc::channel(32);
    let (frames, frames_rx) = mpsc::channel(64);
    let finished = Arc::new(AtomicUsize::new(0));
    let mouth = QuickMouth {
        events: events.clone(),
        plays: AtomicUsize::new(0),
        stopped: AtomicUsize::new(0),
        finished: finished.clone(),
    };
    tokio::spawn(customer(frames, events, finished, after, hang_up_after));
    let call = call(speech);
    let start = crate::clock::monotonic();
    let elapsed = move || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    let hung_up = Mutex::new(0);
    let hang_up = || *hung_up.lock().expect("lock") += 1;
    let outcome = tokio::time::timeout(
        Duration::from_secs(60),
        run_voice(call, &mouth, frames_rx, events_rx, &elapsed, &hang_up),
    )
    .await
    .expect("the conversation ends");
    assert_eq!(*hung_up.lock().expect("lock"), usize::from(outcome.we_hung_up));
    (outcome, mouth.plays.load(Ordering::SeqCst))
}

fn notes(outcome: &VoiceOutcome) -> String {
    format!("{:#?}", outcome.journal)
}

#[tokio::test(flavor = "multi_thread")]
async fn c09_spoken_words_reach_the_machine_and_a_refusal_ends_the_call() {
    // Prompts: greeting, notice, opening, identity (4) → 是我; consent (5) → 不用了; farewell (6) → he hangs up.
    let (outcome, plays) = talk(Told::boxed(vec!["是我", "不用了"], usize::MAX), vec![4, 5], 6).await;
    assert_eq!(outcome.end, ConversationEnd::Refused, "{}", notes(&outcome));
    assert_eq!(plays, 6, "nothing is asked after the refusal: {}", notes(&outcome));
    assert!(!outcome.we_hung_up);
    let times: Vec<f64> = outcome.journal.iter().map(|e| e.at_s).collect();
    assert!(times.is_sorted() && times[0] < 0.5, "C10, journal in order: {times:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recogniser_that_fails_costs_the_words_and_not_the_call() {
    let (outcome, _) = talk(Told::boxed(vec![], 3), vec![4, 5, 6, 7], 8).await;
    assert!(matches!(outcome.end, ConversationEnd::Abandoned { .. }), "{}", notes(&outcome));
    let journal = notes(&outcome);
    assert!(journal.contains("实时识别中断"), "{journal}");
    assert!(journal.contains("ask_consult_what"), "questions go on: {journal}");
}
