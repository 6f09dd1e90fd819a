//! Whatever happens on the line, in whatever order: the machine ends in time and keeps C07 and C09.

use super::tests::dialogue;
use super::*;
use proptest::prelude::*;

fn inputs() -> impl Strategy<Value = Vec<(u64, Input)>> {
    let words = prop::sample::select(vec![
        "",
        "嗯",
        "是我",
        "可以",
        "不用了",
        "别再打了",
        "打错了",
        "我没空",
        "你说什么",
        "等一下",
        "没什么问题但是",
        "一般",
        "不好",
        "很好",
        "三十",
        "我想问一下多久换一次油",
        "不清楚",
        "下午三点再打吧",
    ]);
    let text = words.prop_map(String::from);
    let input = prop_oneof![
        4 => Just(Input::PromptFinished),
        4 => Just(Input::SpeechStarted),
        4 => (0_u64..400).prop_map(|silence_ms| Input::SpeechEnded { silence_ms }),
        3 => text.clone().prop_map(Input::Partial),
        5 => text.prop_map(Input::UtteranceText),
        2 => Just(Input::Tick),
        1 => prop::sample::select(vec!['0', '1', '2', '5', '#']).prop_map(Input::Key),
        1 => Just(Input::Answered),
    ];
    let machine = Just(Input::Machine(Kind::Mailbox));
    let lost = Just(Input::RecogniserLost("test".into()));
    let rare = prop_oneof![60 => input, 1 => Just(Input::HungUp), 1 => lost, 1 => machine];
    prop::collection::vec((0_u64..3_000, rare), 0..160)
}

/// What must hold of the actions of a whole call.
#[derive(Default)]
struct Watch {
    asked: BTreeSet<String>,
    refused: bool,
    consent_answered: bool,
    ended: bool,
}

impl Watch {
    fn see(&mut self, now: u64, action: &Action) {
        assert!(!self.ended, "nothing comes after the end: {action:?}");
        match action {
            Action::End(_) => self.ended = true,
            Action::WakeAt(at) => assert!(*at > now, "it would spin"),
            Action::Journal(JournalEvent::Prompt { step, question, .. }) => {
                assert!(!(self.refused && *question), "C09: {step} after a refusal");
                let opening = ["identity", "consent", "inconvenient", "reprompt"].iter().any(|p| step.starts_with(p));
                assert!(self.consent_answered || !*question || opening, "C07: {step} before consent");
                self.refused |= step == "refusal_end";
                self.asked.insert(step.clone());
            }
            Action::Journal(JournalEvent::Answer { step, from_s, to_s, .. }) => {
                assert!(self.asked.contains(step), "{step} was answered before it was asked");
                assert!(from_s <= to_s && *to_s * 1000.0 <= now as f64 + 0.5, "{step}: {from_s}..{to_s} at {now}");
                self.consent_answered |= step == "consent";
            }
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_events_ends_in_time_and_keeps_the_rules(events in inputs(), keys in any::<bool>(), file in 0_usize..3) {
        let file = ["maintenance", "complaint", "paid_repair"][file];
        let mut dialogue = dialogue(file, if keys { Ears::Keys } else { Ears::Words });
        let mut watch = Watch::default();
        let (mut now, mut wake) = (0, None);
        for (dt, input) in std::iter::once((0, Input::Answered)).chain(events) {
            now += dt;
            for action in dialogue.handle(now, input) {
                if let Action::WakeAt(at) = action {
                    wake = Some(at);
                }
                watch.see(now, &action);
            }
        }
        // Then nothing happens any more but time.
        for _ in 0..2_000 {
            if dialogue.ended() {
                break;
            }
            now = now.max(wake.take().expect("a machine that has not ended has a timer"));
            for action in dialogue.handle(now, Input::Tick) {
                if let Action::WakeAt(at) = action {
                    wake = Some(at);
                }
                watch.see(now, &action);
            }
        }
        prop_assert!(dialogue.ended() && watch.ended);
        prop_assert!(now < 700_000, "ended at {now}");
    }
}
