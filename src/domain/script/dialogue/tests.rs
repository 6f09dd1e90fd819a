use super::*;
use crate::domain::opt_out::ScopeName;
use crate::domain::phone::Phone;
use crate::domain::script::tests::{shipped, shipped_prompts};

struct Judge;
impl LiveJudge for Judge {
    fn level(&self, _: Indicator, text: &str) -> Option<u8> {
        match text {
            t if t.contains("一般") => Some(3),
            t if t.contains("不好") => Some(2),
            t if t.contains("好") => Some(4),
            _ => None,
        }
    }
}

pub(super) fn dialogue(file: &str, ears: Ears) -> Dialogue {
    let brief = Brief {
        identity: vec!["identity_full/wang_mr".into()],
        temporary_fix: false,
        thousand_hours: false,
        expert: Some((Expert::DealerManager, Phone::parse("13900001111").expect("phone"))),
    };
    Dialogue::new(&shipped(file), Arc::new(shipped_prompts()), brief, ears, Box::new(Judge))
}

/// A call driven by hand: prompts end when told, answers come as one utterance.
struct Hand {
    dialogue: Dialogue,
    now: u64,
    wake: Option<u64>,
    events: Vec<JournalEvent>,
    end: Option<ConversationEnd>,
    hung_up: bool,
    finish_asked: usize,
}

impl Hand {
    fn on(file: &str) -> Self {
        Self::with(dialogue(file, Ears::Words))
    }

    fn with(dialogue: Dialogue) -> Self {
        let mut hand =
            Self { dialogue, now: 0, wake: None, events: vec![], end: None, hung_up: false, finish_asked: 0 };
        hand.input(Input::Answered);
        hand
    }

    fn input(&mut self, input: Input) {
        for action in self.dialogue.handle(self.now, input) {
            match action {
                Action::Journal(event) => self.events.push(event),
                Action::End(end) => self.end = Some(end),
                Action::HangUp => self.hung_up = true,
                Action::WakeAt(at) => self.wake = Some(at),
                Action::FinishUtterance => self.finish_asked += 1,
                Action::Play(_) | Action::StopPlaying => {}
            }
        }
    }

    fn wait(&mut self, ms: u64) {
        let until = self.now + ms;
        while let Some(at) = self.wake.filter(|at| *at <= until && self.end.is_none()) {
            self.now = at;
            self.wake = None;
            self.input(Input::Tick);
        }
        self.now = until;
    }

    /// The running prompt, and whatever is only said, ends; we stand at the open question, or at the end.
    fn prompt(&mut self) {
        loop {
            self.now += 1500;
            let question = self.last_prompt().is_some_and(|(_, question)| question);
            self.input(Input::PromptFinished);
            if question || matches!(self.dialogue.phase, Phase::Leaving { .. } | Phase::Holding { .. } | Phase::Ended) {
                return;
            }
        }
    }

    /// He speaks for 600 ms from now; the recogniser reports at once when asked.
    fn speak(&mut self, words: &str) {
        self.input(Input::SpeechStarted);
        self.wait(600);
        self.input(Input::Partial(words.into()));
        self.input(Input::SpeechEnded { silence_ms: 200 });
        let mut words = words.to_string();
        for _ in 0..60 {
            let asked = self.finish_asked;
            self.wait(50);
            for _ in asked..self.finish_asked {
                self.input(Input::UtteranceText(std::mem::take(&mut words)));
                if !matches!(self.dialogue.phase, Phase::Hearing { .. } | Phase::Deciding { .. }) {
                    return;
                }
            }
        }
    }

    /// The prompt ends and he answers.
    fn answer(&mut self, words: &str) {
        self.prompt();
        self.wait(500);
        self.speak(words);
    }

    fn last_prompt(&self) -> Option<(&str, bool)> {
        self.events.iter().rev().find_map(|e| match e {
            JournalEvent::Prompt { step, question, .. } => Some((step.as_str(), *question)),
            _ => None,
        })
    }

    fn asked(&self) -> &str {
        self.last_prompt().map_or("", |(step, _)| step)
    }

    fn prompts(&self) -> Vec<&str> {
        let step = |e: &'_ JournalEvent| matches!(e, JournalEvent::Prompt { .. });
        self.events
            .iter()
            .filter(|e| step(e))
            .map(|e| match e {
                JournalEvent::Prompt { step, .. } => step.as_str(),
                _ => "",
            })
            .collect()
    }

    /// Identity and consent given; the intro plays.
    fn consented(file: &str) -> Self {
        let mut hand = Self::on(file);
        hand.answer("是我");
        hand.answer("可以");
        assert!(hand.asked().starts_with("intro_"), "{:?}", hand.events);
        hand
    }

    /// The introduction of the ratings has begun; a remark on it is possible.
    fn at_pause() -> Self {
        let mut hand = Self::consented("receiving_inspection");
        for words in ["对", "完好", "齐全", "正常", "三十个小时"] {
            hand.answer(words);
        }
        assert_eq!(hand.asked(), "sat_intro", "{:?}", hand.events);
        hand
    }

    fn at_first_rating() -> Self {
        let mut hand = Self::at_pause();
        hand.answer("好");
        assert_eq!(hand.asked(), "sat_skill", "{:?}", hand.events);
        hand
    }
}

#[test]
fn the_opening_leads_where_the_first_answers_say() {
    let check = |answers: &[&str], want_line: &str, want: ConversationEnd| {
        let mut hand = Hand::on("maintenance");
        for words in answers {
            hand.answer(words);
        }
        assert_eq!(hand.asked(), want_line, "{answers:?} {:#?}", hand.events);
        hand.prompt();
        hand.input(Input::HungUp);
        assert_eq!(hand.end, Some(want), "{answers:?}");
        assert!(!hand.hung_up, "C16");
    };
    use ConversationEnd as E;
    check(&["我不姓王，打错了"], "wrong_number", E::WrongNumber);
    check(&["是我", "不用了"], "refusal_end", E::Refused);
    check(&["是我", "别再打了"], "refusal_end", E::OptedOut { scope: ScopeName::Never });
    check(
        &["是我", "我在开车，不方便", "晚上八点吧"],
        "inconvenient_confirm",
        E::Callback { said: Some("晚上八点吧".into()), at: None },
    );
    check(
        &["我现在忙，明天上午再打吧"],
        "inconvenient_confirm",
        E::Callback { said: Some("我现在忙明天上午再打吧".into()), at: None },
    );
    check(&["我是他媳妇", "不清楚", "问老李吧"], "not_informed_end", E::NotInformed);
    check(&["是我", "这个事我不清楚，不是我经手的", "找我弟弟"], "not_informed_end", E::NotInformed);
}

#[test]
fn c08_somebody_else_who_knows_the_service_may_answer() {
    let mut hand = Hand::on("maintenance");
    hand.answer("我是他儿子");
    assert_eq!(hand.asked(), "identity_knows_service");
    hand.answer("知道，我在现场");
    assert_eq!(hand.asked(), "consent");
}

#[test]
fn the_customer_may_ask_to_hear_it_again_but_not_for_ever() {
    let mut hand = Hand::on("maintenance");
    hand.answer("是我");
    for _ in 0..2 {
        hand.answer("啊？你说什么？");
        assert_eq!(hand.asked(), "consent");
    }
    hand.answer("你说什么");
    hand.answer("你说什么");
    assert!(hand.asked().starts_with("intro_"), "bounded: {:?}", hand.prompts());
}

#[test]
fn hold_on_is_waited_for_and_then_the_question_is_put_again() {
    let mut hand = Hand::on("maintenance");
    hand.answer("是我");
    hand.answer("你等一下啊");
    assert_eq!(hand.asked(), "ack_ok");
    hand.prompt();
    hand.wait(20_000);
    assert_eq!(hand.asked(), "ack_ok", "still waiting");
    hand.input(Input::SpeechStarted);
    hand.wait(400);
    hand.input(Input::SpeechEnded { silence_ms: 200 });
    assert_eq!(hand.asked(), "consent");
    let mut nobody = Hand::on("maintenance");
    nobody.answer("是我");
    nobody.answer("稍等");
    nobody.prompt();
    nobody.wait(61_000);
    assert_eq!(nobody.asked(), "consent", "after a minute we ask ourselves");
}

#[test]
fn silence_is_asked_about_once_and_a_call_without_a_voice_ends_silent() {
    let mut hand = Hand::on("maintenance");
    hand.prompt();
    hand.wait(6_100);
    assert_eq!(hand.asked(), "reprompt_silence");
    hand.prompt();
    hand.wait(2_600);
    assert_eq!(hand.asked(), "identity");
    hand.prompt();
    hand.wait(6_100);
    assert_eq!(hand.asked(), "goodbye");
    hand.prompt();
    hand.wait(8_100);
    assert_eq!((hand.end, hand.hung_up), (Some(ConversationEnd::Silent), true));
}

#[test]
fn silence_at_a_fact_goes_on_after_one_repeat() {
    let mut hand = Hand::consented("delivery");
    hand.answer("对");
    assert_eq!(hand.asked(), "ask_appearance");
    hand.prompt();
    hand.wait(6_100);
    hand.prompt();
    hand.wait(2_600);
    assert_eq!(hand.asked(), "ask_appearance");
    hand.prompt();
    hand.wait(6_100);
    assert_eq!(hand.asked(), "ask_tools_docs");
}

#[test]
fn c18_a_low_answer_is_asked_about_before_the_next_item_and_apologised_for_when_bad() {
    let check = |words: &str, want: &[&str]| {
        let mut hand = Hand::at_first_rating();
        let before = hand.prompts().len();
        hand.answer(words);
        hand.prompt();
        assert_eq!(hand.prompts()[before..], *want, "{words}");
    };
    check("挺好", &["sat_attitude"]);
    check("一般吧", &["probe_reason_1"]);
    check("不好", &["complaint_empathy", "probe_reason_1"]);
    check("说不上来", &["sat_attitude"]);
}

#[test]
fn keys_answer_where_a_digit_is_asked() {
    let mut hand = Hand::with(dialogue("delivery", Ears::Keys));
    assert!(format!("{:?}", hand.events).contains("没有实时识别"), "it says so");
    hand.prompt();
    hand.speak("");
    assert_eq!(hand.asked(), "consent", "any speech answers");
    hand.input(Input::Key('1'));
    assert_eq!(hand.asked(), "intro_delivery", "keys cut the prompt");

    let mut refused = Hand::with(dialogue("delivery", Ears::Keys));
    refused.prompt();
    refused.speak("");
    refused.input(Input::Key('2'));
    assert_eq!(refused.asked(), "refusal_end");

    let mut rated = Hand::at_first_rating();
    rated.prompt();
    rated.input(Input::Key('7'));
    assert_eq!(rated.asked(), "sat_skill", "no such level");
    rated.input(Input::Key('2'));
    rated.prompt();
    assert_eq!(rated.asked(), "probe_reason_1");
}

#[test]
fn without_a_recogniser_a_key_answers_wherever_a_sound_would() {
    let mut hand = Hand::with(dialogue("receiving_inspection", Ears::Keys));
    hand.prompt();
    assert_eq!(hand.asked(), "identity");
    hand.input(Input::Key('1'));
    assert_eq!(hand.asked(), "consent");
    hand.input(Input::Key('1'));
    hand.answer("");
    assert_eq!(hand.asked(), "ask_appearance");
    hand.input(Input::Key('3'));
    assert_eq!(hand.asked(), "ask_tools_docs", "keys cut the prompt");
    let answered = |e: &JournalEvent| matches!(e, JournalEvent::Answer { step, .. } if step == "ask_appearance");
    assert!(hand.events.iter().any(answered), "{:?}", hand.events);
    let mut words = Hand::on("receiving_inspection");
    words.prompt();
    words.input(Input::Key('1'));
    assert_eq!(words.asked(), "identity", "who is heard is asked for words");
}

/// The clips of every prompt of one step, in order.
fn clips_of<'a>(hand: &'a Hand, wanted: &str) -> Vec<&'a [String]> {
    let clips = |e: &'a JournalEvent| match e {
        JournalEvent::Prompt { step, prompts, .. } if step == wanted => Some(prompts.as_slice()),
        _ => None,
    };
    hand.events.iter().filter_map(clips).collect()
}

/// Without a recogniser, at the first rating, which is being put.
fn keys_at_first_rating() -> Hand {
    let mut hand = Hand::with(dialogue("receiving_inspection", Ears::Keys));
    hand.answer("");
    hand.prompt();
    hand.input(Input::Key('1'));
    while hand.asked() != "sat_skill" {
        hand.answer("");
    }
    hand
}

#[test]
fn without_a_recogniser_the_consent_question_asks_for_keys_each_time_it_is_put() {
    let want = ["consent_two_minutes", "keys_notice", "keys_consent"].map(String::from);
    let mut hand = Hand::with(dialogue("delivery", Ears::Keys));
    hand.answer("");
    assert_eq!(clips_of(&hand, "consent"), [&want[..]]);
    hand.prompt();
    hand.wait(6_100);
    hand.prompt();
    hand.wait(2_600);
    assert_eq!(clips_of(&hand, "consent"), [&want[..], &want[..]], "{:?}", hand.prompts());
    hand.input(Input::Key('1'));
    let meant = |e: &JournalEvent| matches!(e, JournalEvent::Answer { step, meaning, .. } if step == "consent" && meaning == "key_yes");
    assert!(hand.events.iter().any(meant), "{:?}", hand.events);
    let mut words = Hand::on("delivery");
    words.answer("是我");
    assert_eq!(clips_of(&words, "consent"), [&want[..1]], "nobody who is heard is asked for keys");
}

#[test]
fn c07_without_a_recogniser_speech_at_the_consent_question_is_asked_for_a_key_before_it_counts() {
    let at_consent = || {
        let mut hand = Hand::with(dialogue("delivery", Ears::Keys));
        hand.answer("");
        hand.answer("");
        assert_eq!(hand.asked(), "consent", "put again");
        hand.prompt();
        hand
    };
    let mut refused = at_consent();
    refused.input(Input::Key('2'));
    assert_eq!(refused.asked(), "refusal_end");
    let mut goes_on = at_consent();
    goes_on.speak("");
    assert_eq!(goes_on.asked(), "intro_delivery");
    assert!(format!("{:?}", goes_on.events).contains("视为默许"), "and it is noted");
}

#[test]
fn without_a_recogniser_the_scale_is_told_at_the_first_rating_and_when_one_is_put_again() {
    let with_scale = |step: &str| vec![step.to_string(), "keys_rating".to_string()];
    let mut hand = keys_at_first_rating();
    assert_eq!(clips_of(&hand, "sat_skill"), [with_scale("sat_skill")]);
    hand.prompt();
    hand.input(Input::Key('4'));
    let kept = |e: &JournalEvent| matches!(e, JournalEvent::Answer { step, meaning, .. } if step == "sat_skill" && meaning == "key_4");
    assert!(hand.events.iter().any(kept), "{:?}", hand.events);
    assert_eq!(clips_of(&hand, "sat_attitude"), [["sat_attitude"]], "not five times");
    hand.prompt();
    hand.wait(6_100);
    hand.prompt();
    hand.wait(2_600);
    assert_eq!(clips_of(&hand, "sat_attitude")[1..], [with_scale("sat_attitude")], "{:?}", hand.prompts());
}

#[test]
fn when_the_recogniser_is_lost_the_next_question_asks_for_keys() {
    let mut hand = Hand::on("delivery");
    hand.input(Input::RecogniserLost("test".into()));
    hand.answer("");
    assert_eq!(clips_of(&hand, "consent")[0].len(), 3, "{:?}", hand.events);
    let mut rating = Hand::at_first_rating();
    rating.prompt();
    rating.input(Input::RecogniserLost("test".into()));
    rating.input(Input::Key('5'));
    assert_eq!(clips_of(&rating, "sat_skill"), [["sat_skill"]], "it was already put");
    assert_eq!(clips_of(&rating, "sat_attitude")[0].len(), 2, "{:?}", rating.events);
}

#[test]
fn c24_a_technical_question_gets_the_managers_number_and_the_open_question_again() {
    let mut hand = Hand::consented("delivery");
    hand.answer("对");
    hand.answer("我想问一下这个黄油多久打一次");
    let told = hand.events.iter().any(|e| match e {
        JournalEvent::Prompt { step, prompts, .. } => {
            step == "tech_question_phone" && prompts.iter().filter(|p| p.starts_with("num/")).count() == 11
        }
        _ => false,
    });
    assert!(told, "{:?}", hand.events);
    hand.prompt();
    assert_eq!(hand.asked(), "ask_appearance");
}

#[test]
fn barge_in_stops_a_question_but_not_a_notice_and_a_short_sound_stops_nothing() {
    let mut hand = Hand::on("delivery");
    let cut = |hand: &Hand| hand.events.iter().any(|e| matches!(e, JournalEvent::PromptEnded { cut: true, .. }));
    hand.input(Input::SpeechStarted);
    hand.wait(600);
    hand.input(Input::SpeechEnded { silence_ms: 200 });
    assert!(!cut(&hand), "喂，你好 over the greeting is swallowed");
    hand.now += 1500;
    while hand.asked() != "identity" {
        hand.input(Input::PromptFinished);
    }
    hand.wait(1000);
    hand.input(Input::SpeechStarted);
    hand.wait(200);
    hand.input(Input::SpeechEnded { silence_ms: 100 });
    assert!(!cut(&hand), "200 ms is no barge-in");
    hand.wait(200);
    hand.input(Input::SpeechStarted);
    hand.wait(350);
    assert!(cut(&hand), "{:?}", hand.events);
}

#[test]
fn a_late_remark_on_the_introduction_of_the_ratings_is_no_answer_to_the_first_rating() {
    let mut hand = Hand::at_pause();
    hand.input(Input::PromptFinished);
    hand.wait(2000);
    assert_eq!(hand.asked(), "sat_skill", "nobody spoke in the pause");
    hand.now += 300;
    hand.speak("嗯好");
    assert_eq!(hand.asked(), "sat_skill", "asked again: {:?}", hand.events);
    let answered =
        |step: &str| hand.events.iter().any(|e| matches!(e, JournalEvent::Answer { step: s, .. } if s == step));
    assert!(answered("sat_intro") && !answered("sat_skill"), "{:?}", hand.events);
}

#[test]
fn c19_speech_over_the_next_question_continues_the_answer_and_takes_the_decision_back() {
    let mut hand = Hand::at_first_rating();
    hand.answer("挺好的没什么问题");
    assert_eq!(hand.asked(), "sat_attitude");
    let asked_ms = hand.now;
    // He goes on within the second: the words turn the level round.
    hand.now = asked_ms + 400;
    hand.speak("服务一般");
    let answers: Vec<&str> = hand
        .events
        .iter()
        .filter_map(|e| match e {
            JournalEvent::Answer { step, text, .. } if step == "sat_skill" => Some(text.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(answers, ["挺好的没什么问题", "挺好的没什么问题服务一般"], "{:?}", hand.events);
    assert_eq!(hand.asked(), "probe_reason_1", "the reason is asked after all");
    hand.answer("就是慢");
    assert_eq!(hand.asked(), "sat_attitude", "and then the interrupted question again");
}

#[test]
fn c19_words_that_came_too_late_are_not_lost_when_the_answer_goes_on() {
    let mut hand = Hand::at_first_rating();
    hand.prompt();
    hand.input(Input::SpeechStarted);
    hand.wait(600);
    hand.input(Input::Partial("挺好的没什么问题".into()));
    hand.input(Input::SpeechEnded { silence_ms: 200 });
    hand.wait(3_000);
    assert_eq!(hand.asked(), "sat_attitude", "decided without the recogniser's last words");
    hand.speak("服务一般");
    assert!(format!("{:?}", hand.events).contains("挺好的没什么问题服务一般"), "{:#?}", hand.events);
}

#[test]
fn c16_after_the_farewell_we_wait_and_hang_up_only_at_the_limit() {
    let mut hand = Hand::on("delivery");
    hand.answer("打错了");
    hand.prompt();
    hand.wait(7_900);
    assert!(!hand.hung_up);
    hand.wait(200);
    assert_eq!((hand.end, hand.hung_up), (Some(ConversationEnd::WrongNumber), true));
}

#[test]
fn a_hang_up_in_the_middle_is_told_by_what_was_being_said() {
    let mut refusing = Hand::on("delivery");
    refusing.answer("是我");
    refusing.prompt();
    refusing.input(Input::SpeechStarted);
    refusing.input(Input::Partial("不用了".into()));
    refusing.input(Input::HungUp);
    assert_eq!(refusing.end, Some(ConversationEnd::Refused));
    let mut later = Hand::at_first_rating();
    later.input(Input::HungUp);
    assert_eq!(later.end, Some(ConversationEnd::Abandoned { answered: 4 }));
}

#[test]
fn d18_whether_a_fee_was_fair_is_asked_only_when_one_was_paid() {
    for (words, want) in [("没收钱", "sat_intro"), ("收了八百块钱", "ask_fee_reasonable")] {
        let mut hand = Hand::consented("paid_repair");
        while hand.asked() != "ask_fee" {
            hand.answer("正常的");
        }
        hand.answer(words);
        assert_eq!(hand.asked(), want, "{words}");
    }
}

#[test]
fn the_call_limit_ends_any_conversation() {
    let mut hand = Hand::on("maintenance");
    hand.answer("是我");
    hand.prompt();
    while hand.end.is_none() {
        assert!(hand.now < 700_000, "{:?}", hand.prompts());
        hand.input(Input::SpeechStarted);
        hand.wait(3_000);
        hand.input(Input::Partial("你说什么".into()));
        hand.input(Input::SpeechEnded { silence_ms: 200 });
        hand.wait(9_000);
    }
}

#[test]
fn a_machine_is_left_with_a_word_at_any_point_and_the_network_with_none() {
    let machine = |heard| Some(ConversationEnd::Machine { heard });
    for heard in [Kind::Mailbox, Kind::Assistant] {
        for answers in 0..3 {
            let mut hand = Hand::on("consultation");
            ["是我", "可以"].iter().take(answers).for_each(|words| hand.answer(words));
            hand.input(Input::Machine(heard));
            assert_eq!(hand.last_prompt().unwrap().0, lines::CONFIRM_CALLBACK);
            assert!(hand.end.is_none() && !hand.hung_up, "the word is said first");
            hand.prompt();
            assert_eq!((hand.end, hand.hung_up), (machine(heard), true), "nobody is waited for");
        }
    }
    for heard in [Kind::PoweredOff, Kind::BusyTone, Kind::Fax] {
        let mut hand = Hand::on("consultation");
        hand.input(Input::Machine(heard));
        assert_eq!((hand.end, hand.hung_up), (machine(heard), true));
    }
}

#[test]
fn a_farewell_is_not_taken_back_for_a_machine() {
    let mut hand = Hand::on("consultation");
    hand.answer("是我");
    hand.answer("不用了");
    hand.input(Input::Machine(Kind::Mailbox));
    hand.input(Input::HungUp);
    assert_eq!(hand.end, Some(ConversationEnd::Refused));
}
