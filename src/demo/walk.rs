//! The twelve customers talk to the questionnaire in simulated time: no sockets, no audio, every pause as in their scripts.

use super::customer::{CustomerAnswer, CustomerScript, CustomerTurns, Response, load_all};
use crate::domain::call::exchange::exchanges;
use crate::domain::call::journal::{JournalEntry, JournalEvent};
use crate::domain::call::outcome::ConversationEnd;
use crate::domain::order::ServiceType;
use crate::domain::score::Indicator;
use crate::domain::script::dialogue::{Action, Brief, Dialogue, Ears, Input, LiveJudge};
use crate::domain::script::understand::clean;
use crate::domain::script::{PromptId, PromptManifest, Script};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

fn customer(id: &str) -> CustomerScript {
    let all = load_all(&root().join("demo/customers")).expect("customers");
    all.into_iter().find(|c| c.id.starts_with(id)).unwrap_or_else(|| panic!("{id}"))
}

/// What the line makes of his words.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Hearing {
    Perfect,
    /// As Vosk wrote them (tests/data/vosk_heard.tsv).
    Vosk,
    /// No recogniser.
    None,
}

/// A stand-in for the rubric, which has tests of its own.
struct Judge;
impl LiveJudge for Judge {
    fn level(&self, _: Indicator, text: &str) -> Option<u8> {
        let levels: [(u8, &[&str]); 4] = [
            (1, &["太差", "恶劣", "特别差", "很差", "起诉"]),
            (2, &["不行", "不好", "太慢", "不满意"]),
            (3, &["一般", "马马虎虎", "不是很满意", "有点慢", "晚了一点"]),
            (4, &["可以", "满意", "还行", "不错", "挺好", "态度好", "及时", "没什么问题"]),
        ];
        levels.iter().find(|(_, words)| words.iter().any(|w| text.contains(w))).map(|(level, _)| *level)
    }
}

enum Event {
    Line(Input),
    ClipEnded(u64, PromptId),
    PlayEnded(u64),
    Wake(u64),
    /// He opens his mouth.
    Speaks(u64, CustomerAnswer, bool),
    Words(String),
    /// The recogniser reports what it has.
    Report,
}

/// A telephone line between the machine and a scripted customer.
struct Line {
    dialogue: Dialogue,
    turns: CustomerTurns,
    prompts: Arc<PromptManifest>,
    id: String,
    hearing: Hearing,
    heard: BTreeMap<(String, String), Vec<String>>,
    events: BTreeMap<(u64, u64), Event>,
    serial: u64,
    now: u64,
    play: u64,
    wake: u64,
    reply: u64,
    speaks_until: u64,
    words: String,
    journal: Vec<JournalEntry>,
    end: Option<ConversationEnd>,
    we_hung_up: bool,
}

const VAD_ON_MS: u64 = 100;
const VAD_OFF_MS: u64 = 240;
const WORDS_LAG_MS: u64 = 150;

impl Line {
    fn new(customer: CustomerScript, hearing: Hearing) -> Self {
        let prompts = Arc::new(PromptManifest::parse(&read("prompts/manifest.tsv")).expect("manifest"));
        let file = match customer.order_type().expect("type") {
            ServiceType::ReceivingInspection => "receiving_inspection",
            ServiceType::Delivery => "delivery",
            ServiceType::Maintenance => "maintenance",
            ServiceType::WarrantyRepair => "warranty_repair",
            ServiceType::PaidRepair => "paid_repair",
            ServiceType::Complaint => "complaint",
            ServiceType::PartsPurchase => "parts_purchase",
            ServiceType::Consultation => "consultation",
        };
        let script =
            Script::parse(file, &read(&format!("programmes/scripts/excavator/{file}.toml")), &prompts).expect(file);
        let brief = Brief {
            identity: vec!["identity_full/wang_mr".into()],
            temporary_fix: false,
            thousand_hours: false,
            expert: None,
        };
        let ears = if hearing == Hearing::None { Ears::Keys } else { Ears::Words };
        let heard = read("tests/data/vosk_heard.tsv")
            .lines()
            .skip(1)
            .map(|l| l.split('\t').collect::<Vec<_>>())
            .map(|c| ((c[0].to_string(), c[1].to_string()), c[2].split('|').map(String::from).collect()))
            .collect();
        Self {
            dialogue: Dialogue::new(&script, prompts.clone(), brief, ears, Box::new(Judge)),
            id: customer.id[..3].to_string(),
            turns: CustomerTurns::new(Arc::new(customer)),
            prompts,
            hearing,
            heard,
            events: BTreeMap::new(),
            serial: 0,
            now: 0,
            play: 0,
            wake: 0,
            reply: 0,
            speaks_until: 0,
            words: String::new(),
            journal: Vec::new(),
            end: None,
            we_hung_up: false,
        }
    }

    fn at(&mut self, ms: u64, event: Event) {
        self.serial += 1;
        self.events.insert((ms, self.serial), event);
    }

    fn talk(mut self) -> Self {
        self.at(0, Event::Line(Input::Answered));
        if let Some(hello) = self.turns.pick_up() {
            self.replies(hello, false);
        }
        while let Some(((at, _), event)) = self.events.pop_first() {
            assert!(at < 1_000_000, "{}: the call does not end", self.id);
            self.now = at;
            self.happens(event);
            if self.end.is_some() {
                break;
            }
        }
        self
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Line(input) => self.input(input),
            Event::Wake(generation) if generation == self.wake => self.input(Input::Tick),
            Event::PlayEnded(play) if play == self.play => self.input(Input::PromptFinished),
            Event::ClipEnded(play, clip) if play == self.play && self.now >= self.speaks_until => {
                match self.turns.reply_to(&clip) {
                    Response::Nothing => {}
                    Response::Say(answer) => self.replies(answer, false),
                    Response::SayAndHangUp(answer) => self.replies(answer, true),
                    Response::HangUp => self.at(self.now + 800, Event::Line(Input::HungUp)),
                }
            }
            Event::Speaks(reply, answer, last) if reply == self.reply => self.speaks(&answer, last),
            Event::Words(words) => {
                self.words.push_str(&words);
                self.input(Input::Partial(self.words.clone()));
            }
            Event::Report => {
                let words = std::mem::take(&mut self.words);
                self.input(Input::UtteranceText(words));
            }
            Event::Wake(_) | Event::PlayEnded(_) | Event::ClipEnded(..) | Event::Speaks(..) => {}
        }
    }

    fn replies(&mut self, answer: CustomerAnswer, last: bool) {
        self.reply += 1;
        let at = self.now + (answer.delay_s * 1000.0) as u64;
        self.at(at, Event::Speaks(self.reply, answer, last));
    }

    fn speaks(&mut self, answer: &CustomerAnswer, last: bool) {
        let spans: Vec<(f64, f64)> = match answer.segments.as_slice() {
            [] => vec![(0.0, answer.seconds)],
            segments => segments.iter().map(|s| (s.start, s.end)).collect(),
        };
        let texts = self.texts(answer, spans.len());
        for ((start, end), text) in spans.into_iter().zip(texts) {
            let ms = |s: f64| self.now + (s * 1000.0) as u64;
            let (start, end) = (ms(start), ms(end));
            self.at((start + VAD_ON_MS).min(end), Event::Line(Input::SpeechStarted));
            let half = text.chars().count() / 2;
            if self.hearing != Hearing::None {
                self.at(start.midpoint(end), Event::Words(text.chars().take(half).collect()));
                self.at(end + WORDS_LAG_MS, Event::Words(text.chars().skip(half).collect()));
            }
            self.at(end + VAD_OFF_MS, Event::Line(Input::SpeechEnded { silence_ms: VAD_OFF_MS }));
        }
        self.speaks_until = self.now + (answer.seconds * 1000.0) as u64;
        if last {
            self.at(self.speaks_until + 400, Event::Line(Input::HungUp));
        }
    }

    /// His words, one text for each span of speech.
    fn texts(&self, answer: &CustomerAnswer, spans: usize) -> Vec<String> {
        let mut texts = match (self.hearing, answer.segments.as_slice()) {
            (Hearing::Vosk, _) => self.heard[&(self.id.clone(), answer.q.clone())].clone(),
            (_, []) => vec![clean(&answer.text)],
            (_, segments) => segments.iter().map(|s| clean(&s.text)).collect(),
        };
        // Heard in fewer pieces than spoken: the words come with the last.
        while texts.len() < spans {
            texts.insert(0, String::new());
        }
        texts
    }

    fn input(&mut self, input: Input) {
        for action in self.dialogue.handle(self.now, input) {
            match action {
                Action::Play(clips) => self.plays(&clips),
                Action::StopPlaying => self.play += 1,
                Action::HangUp => self.we_hung_up = true,
                Action::WakeAt(at) => {
                    self.wake += 1;
                    self.at(at, Event::Wake(self.wake));
                }
                Action::FinishUtterance => self.at(self.now + 80, Event::Report),
                Action::Journal(event) => self.journal.push(JournalEntry { at_s: self.now as f64 / 1000.0, event }),
                Action::End(end) => self.end = Some(end),
            }
        }
    }

    fn plays(&mut self, clips: &[PromptId]) {
        self.play += 1;
        let mut at = self.now;
        for clip in clips {
            at += self.prompts.duration_ms(std::slice::from_ref(clip));
            self.at(at, Event::ClipEnded(self.play, clip.clone()));
        }
        self.at(at, Event::PlayEnded(self.play));
    }

    fn story(&self) -> String {
        let lines = self.journal.iter().map(|e| format!("{:7.2} {:?}\n", e.at_s, e.event));
        lines.collect::<String>() + &format!("{:?} we_hung_up={}", self.end, self.we_hung_up)
    }
}

fn outcome(end: &ConversationEnd) -> &'static str {
    match end {
        ConversationEnd::Completed => "completed",
        ConversationEnd::Refused | ConversationEnd::OptedOut { .. } => "refused",
        ConversationEnd::Callback { .. } => "callback",
        ConversationEnd::WrongNumber => "wrong_number",
        ConversationEnd::NotInformed => "not_informed",
        ConversationEnd::Abandoned { .. } => "abandoned",
        ConversationEnd::Silent => "silent",
        ConversationEnd::Machine { .. } => "machine",
        ConversationEnd::Fault { .. } => "fault",
    }
}

fn walk_all(hearing: Hearing) -> Vec<Line> {
    let all = load_all(&root().join("demo/customers")).expect("customers");
    all.into_iter().map(|c| Line::new(c, hearing).talk()).collect()
}

fn expected(id: &str) -> String {
    customer(id).expected.outcome
}

#[test]
fn the_twelve_customers_reach_the_end_their_scripts_expect_when_heard_perfectly() {
    for line in walk_all(Hearing::Perfect) {
        let end = line.end.as_ref().map(outcome).unwrap_or("no end");
        assert_eq!(end, expected(&line.id), "{}\n{}", line.id, line.story());
    }
}

#[test]
fn the_twelve_customers_reach_the_end_their_scripts_expect_as_vosk_hears_them() {
    for line in walk_all(Hearing::Vosk) {
        let end = line.end.as_ref().map(outcome).unwrap_or("no end");
        assert_eq!(end, expected(&line.id), "{}\n{}", line.id, line.story());
    }
}

#[test]
fn without_a_recogniser_every_question_is_still_asked_and_any_speech_answers() {
    for id in ["c01", "c09", "c10"] {
        let line = Line::new(customer(id), Hearing::None).talk();
        assert_eq!(line.end, Some(ConversationEnd::Completed), "{}", line.story());
        let rated = exchanges(&line.journal).into_iter().filter(|e| e.indicator.is_some()).count();
        assert_eq!(rated, 5, "{}", line.story());
        assert!(line.story().contains("没有实时识别"), "it says so");
    }
}

#[test]
fn c19_c20_no_word_of_an_answer_is_lost_to_hesitation_or_haste() {
    for line in walk_all(Hearing::Perfect) {
        let script = customer(&line.id);
        let pairs = exchanges(&line.journal);
        let mut checked = 0;
        for exchange in &pairs {
            if let Some(answer) = script.answer(&exchange.step) {
                let want = clean(&answer.text);
                assert_eq!(exchange.text, want, "{} {}\n{}", line.id, exchange.step, line.story());
                checked += 1;
            }
        }
        if expected(&line.id) == "completed" {
            assert!(checked >= 9, "{}: {checked} answers", line.id);
            assert_eq!(pairs.iter().filter(|e| e.indicator.is_some()).count(), 5, "{}\n{}", line.id, line.story());
        }
    }
}

#[test]
fn c18_the_reason_is_asked_after_a_low_answer_at_most_twice() {
    for (id, times) in [("c01", 0), ("c03", 2), ("c09", 2), ("c12", 0)] {
        let line = Line::new(customer(id), Hearing::Perfect).talk();
        let probes = line.journal.iter().filter(|e| match &e.event {
            JournalEvent::Prompt { prompts, .. } => prompts == &["probe_reason"],
            _ => false,
        });
        let mut steps: Vec<f64> = probes.map(|e| e.at_s).collect();
        steps.dedup_by(|a, b| (*a - *b).abs() < 4.0);
        assert_eq!(steps.len(), times, "{id}\n{}", line.story());
    }
}

#[test]
fn c16_every_customer_hangs_up_first() {
    for line in walk_all(Hearing::Vosk) {
        assert!(!line.we_hung_up, "{}\n{}", line.id, line.story());
    }
}

#[test]
fn a07_the_words_for_the_time_are_kept() {
    let line = Line::new(customer("c07"), Hearing::Vosk).talk();
    assert_eq!(
        line.end,
        Some(ConversationEnd::Callback { said: Some("下午三点以后吧".into()), at: None }),
        "{}",
        line.story()
    );
}

#[test]
fn c24_the_technical_question_is_answered_with_a_number_and_not_with_advice() {
    let line = Line::new(customer("c12"), Hearing::Vosk).talk();
    let played = line.journal.iter().any(|e| match &e.event {
        JournalEvent::Prompt { prompts, .. } => prompts == &["closing_part2_hotline"],
        _ => false,
    });
    assert!(played, "{}", line.story());
}

#[test]
fn c10_the_greeting_begins_with_the_answer() {
    for line in walk_all(Hearing::Vosk) {
        let first = line.journal.iter().find(|e| matches!(e.event, JournalEvent::Prompt { .. })).expect("a prompt");
        assert!(first.at_s < 0.1, "{}", first.at_s);
    }
}
