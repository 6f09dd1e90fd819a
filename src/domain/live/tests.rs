use super::*;
use crate::domain::score::Indicator;
use crate::domain::truth::Agreement;
use std::sync::LazyLock;

static RUBRIC: LazyLock<Arc<Rubric>> =
    LazyLock::new(|| Arc::new(Rubric::parse(include_str!("../../../rubrics/after-sales-zh.toml")).unwrap()));

fn step(step: &str, say: &str, indicator: Option<Indicator>, facts: &[&'static str]) -> SheetStep {
    let (step, title, say, facts) = (step.into(), step.into(), say.into(), facts.to_vec());
    SheetStep { step, title, say, ask: true, indicator, hint: None, facts }
}

fn live() -> Live {
    let sheet = vec![
        SheetStep { ask: false, ..step("greeting", "您好。", None, &[]) },
        step("identity", "请问您是王先生吗？", None, &["respondent"]),
        step("ask_hours", "请问设备现在工作多少小时了？", None, &["machine_hours"]),
        step("sat_attitude", "您对工程师的服务态度满意吗？", Some(Indicator::Attitude), &[]),
        step("sat_parts", "您对配件供应满意吗？", Some(Indicator::Parts), &[]),
        step("ask_needs", "您还有什么需求吗？", None, &["demand"]),
    ];
    Live::new(Setting {
        rubric: RUBRIC.clone(),
        claims: Claims { reported_hours: Some(1520.0), ..Claims::default() },
        called_at: "2026-11-22T15:00+08:00[+08:00]".parse().unwrap(),
        sheet,
        seat: SeatId::new("li"),
    })
}

/// Utterances one after another: `a:` the agent's, `c:` the customer's, `@` the step to which the agent goes.
fn after(said: &[&str]) -> View {
    let mut live = live();
    for (n, said) in said.iter().enumerate() {
        let at = (n as f64, n as f64 + 0.8);
        let (who, text) = said.split_at(1);
        match who {
            "@" => live.at_step(text),
            "a" => live.hears(Channel::Agent, at, &text[1..], true),
            "c" => live.hears(Channel::Customer, at, &text[1..], true),
            _ => panic!("{said}"),
        }
    }
    live.view()
}

fn texts(view: &View) -> Vec<(Channel, &str, bool)> {
    view.lines.iter().map(|line| (line.speaker, line.text.as_str(), line.done)).collect()
}

#[test]
fn an_utterance_is_one_line_from_its_first_part_to_its_last_word() {
    let mut live = live();
    live.hears(Channel::Customer, (1.0, 1.2), "一千", false);
    let n = live.view().lines[0].n;
    live.hears(Channel::Agent, (0.2, 0.9), "多少小时了", true);
    live.hears(Channel::Customer, (1.0, 2.2), "一千五百", false);
    assert_eq!(
        texts(&live.view()),
        [(Channel::Agent, "多少小时了", true), (Channel::Customer, "一千五百", false)],
        "by time"
    );
    live.hears(Channel::Customer, (1.0, 2.6), "一千五百个小时", true);
    let view = live.view();
    assert_eq!((view.lines[1].n, view.lines[1].text.as_str(), view.lines[1].done), (n, "一千五百个小时", true));
    live.hears(Channel::Customer, (4.0, 4.5), "法", false);
    live.hears(Channel::Customer, (4.0, 4.5), "", true);
    assert_eq!(live.view().lines.len(), 2, "noise that came to no word is no line");
}

#[test]
fn our_lines_name_who_led_the_call_when_they_began() {
    let mut live = live();
    live.hears(Channel::Agent, (0.0, 0.5), "我请", false);
    live.led_by(SeatId::new("wang"));
    live.hears(Channel::Agent, (0.0, 1.0), "我请主管来", true);
    live.hears(Channel::Customer, (1.2, 1.8), "好", true);
    live.hears(Channel::Agent, (2.0, 3.0), "您好", true);
    let seats: Vec<_> = live.view().lines.into_iter().map(|line| line.seat.map(|seat| seat.to_string())).collect();
    assert_eq!(seats, [Some("li".to_owned()), None, Some("wang".to_owned())]);
}

#[test]
fn a_part_counts_for_nothing_until_it_is_said_for_good() {
    let mut live = live();
    live.hears(Channel::Agent, (0.0, 1.0), "现在工作多少小时了", true);
    live.hears(Channel::Customer, (1.5, 2.0), "一千五百个小时", false);
    assert_eq!(live.view().insight.facts, []);
    live.hears(Channel::Customer, (1.5, 3.0), "一千五百个小时我要起诉你们", true);
    assert_eq!((live.view().insight.facts.len(), live.view().insight.warnings.len()), (1, 1));
}

#[test]
fn d04_facts_stand_beside_the_claims_of_the_order() {
    let check = |said: &[&str], want: &[(&str, &str, Option<&str>, Option<Agreement>)]| {
        let view = after(said);
        let facts = view.insight.facts.iter();
        let facts: Vec<_> = facts.map(|f| (f.fact, f.said.as_str(), f.claimed.as_deref(), f.agreement)).collect();
        assert_eq!(facts, want, "{said:?}");
    };
    let hours = |said, agreement| [("machine_hours", said, Some("1520小时"), Some(agreement))];
    check(&["a:设备现在工作多少小时了", "c:一千五百个小时"], &hours("1500小时", Agreement::Agrees));
    check(&["a:设备现在工作多少小时了", "c:九百八十六个小时"], &hours("986小时", Agreement::Differs));
    // The agent's words were not understood: the script's step says what was asked.
    check(&["@ask_hours", "a:哎您那个车", "c:九百八十六个小时"], &hours("986小时", Agreement::Differs));
    check(&["a:收了多少费用", "c:收了两千八百块钱"], &[("fee_yuan", "2800元", None, None)]);
    check(&["a:设备现在工作多少小时了", "c:不清楚"], &[]);
    check(&["a:一千五百个小时"], &[]);
}

#[test]
fn questions_are_open_asked_or_answered() {
    use Standing::{Answered, Asked, Open};
    let check = |said: &[&str], step: &str, want: Standing, level: Option<u8>| {
        let view = after(said);
        let question = view.insight.questions.iter().find(|q| q.step == step).unwrap();
        assert_eq!((question.standing, question.level.map(|l| l.get())), (want, level), "{said:?}");
    };
    check(&[], "sat_attitude", Open, None);
    check(&["a:您对服务态度满意吗"], "sat_attitude", Asked, None);
    check(&["a:您对服务态度满意吗", "c:挺好的"], "sat_attitude", Answered, Some(4));
    check(&["a:您对服务态度满意吗", "c:你说什么"], "sat_attitude", Asked, None);
    check(&["@sat_attitude", "a:这个您看呢", "c:太差了"], "sat_attitude", Answered, Some(1));
    check(&["a:您对配件供应满意吗", "c:没用到配件"], "sat_parts", Answered, None);
    check(&["a:设备现在工作多少小时了", "c:一千五百个小时"], "ask_hours", Answered, None);
    check(&["@ask_hours", "a:设备现在工作多少小时了", "c:记不清了"], "ask_hours", Asked, None);
    check(&["@ask_hours", "a:设备现在工作多少小时了", "c:嗯"], "ask_hours", Asked, None);
    check(&["@identity", "a:请问您是王先生吗", "c:对我就是"], "identity", Answered, None);
    check(&["@ask_needs", "a:还有什么需求吗", "c:嗯"], "ask_needs", Asked, None);
    check(&["@ask_needs", "a:还有什么需求吗", "c:下次早点来"], "ask_needs", Answered, None);
    assert!(after(&[]).insight.questions.iter().all(|q| q.step != "greeting"), "what asks nothing is no question");
}

#[test]
fn e09_c09_words_that_need_a_person_are_told_with_their_kind_and_only_the_customers() {
    use WarningKind::{Alarm, Complaint, Refusal};
    let check = |said: &[&str], want: &[WarningKind]| {
        let kinds: Vec<_> = after(said).insight.warnings.iter().map(|warning| warning.kind).collect();
        assert_eq!(kinds, want, "{said:?}");
    };
    check(&["a:您对服务态度满意吗", "c:我要起诉你们"], &[Alarm]);
    check(&["a:您对服务态度满意吗", "c:再不来我就找你们领导"], &[Alarm]);
    check(&["a:您对服务态度满意吗", "c:太差了"], &[Complaint]);
    check(&["c:以后别再给我打电话了"], &[Refusal]);
    check(&["a:您对服务态度和配件供应满意吗", "c:我要退机"], &[Alarm]);
    check(&["a:我要起诉你们", "c:嗯"], &[]);
    check(&["a:您对服务态度满意吗", "c:挺好的"], &[]);
}

#[test]
fn c18_c19_a_hint_to_ask_stands_until_the_customer_goes_on_or_the_agent_asks() {
    use HintKind::{AskWhy, Hesitated};
    let check = |said: &[&str], want: &[HintKind]| {
        let kinds: Vec<_> = after(said).insight.hints.iter().map(|hint| hint.kind).collect();
        assert_eq!(kinds, want, "{said:?}");
    };
    let asked = "a:您对服务态度满意吗";
    check(&[asked, "c:正常是正常但是"], &[Hesitated]);
    check(&[asked, "c:还行吧就是"], &[Hesitated]);
    check(&[asked, "c:挺好的不过"], &[Hesitated]);
    check(&[asked, "c:还行吧就是", "c:来得有点慢"], &[]);
    check(&[asked, "c:正常是正常但是", "a:好的下一个问题"], &[Hesitated]);
    check(&[asked, "c:正常是正常但是", "a:请问是什么原因呢"], &[]);
    check(&[asked, "c:一般"], &[AskWhy]);
    check(&[asked, "c:一般", "a:能说一下具体原因吗"], &[]);
    check(&[asked, "c:一般，师傅来了以后话也不说就走了"], &[]);
    check(&[asked, "c:非常满意"], &[]);
    check(&[asked], &[]);
}

#[test]
fn what_was_missed_is_counted_and_told_when_it_begins_and_a_second_after_its_end() {
    use State::{Behind, Listening, Lost};
    use Taken::{All, Late, Missed};
    let mut live = live();
    // From, to, what became of it; what is shown then, milliseconds missed so far, and whether that is news.
    for (from_s, to_s, taken, state, missed_ms, news) in [
        // The first to come is the first there was.
        (0.06, 0.08, All, Listening, 0.0, false),
        (0.08, 0.1, All, Listening, 0.0, false),
        (0.1, 0.12, Missed, Behind, 20.0, true),
        (0.12, 0.14, Missed, Behind, 40.0, false),
        (0.14, 0.6, All, Behind, 40.0, false),
        (0.6, 1.2, Late, Behind, 40.0, false),
        (1.2, 1.3, All, Listening, 40.0, true),
        // What lies between never came.
        (2.3, 2.32, All, Behind, 1060.0, true),
    ] {
        let told = live.passes((from_s, to_s), taken);
        let view = live.view();
        assert_eq!((view.state, (view.missed_s * 1000.0).round(), told), (state, missed_ms, news), "at {from_s}");
    }
    live.hears(Channel::Customer, (5.0, 6.0), "我要起诉你们", false);
    live.loses(Channel::Customer);
    assert!(!live.passes((9.0, 9.1), Missed) && !live.passes((19.0, 19.1), All), "who is lost stays lost");
    let view = live.view();
    assert_eq!((view.state, view.lines[0].done, view.insight.warnings.len()), (Lost, true, 1));
}

#[test]
fn however_long_the_call_the_newest_lines_are_shown_and_no_text_grows_without_end() {
    let mut live = live();
    for n in 0..LINES_MAX + 5 {
        live.hears(Channel::Agent, (n as f64, n as f64), &format!("第{n}句"), true);
    }
    live.hears(Channel::Customer, (9e3, 9e3), &"啊".repeat(TEXT_CHARS * 2), false);
    let view = live.view();
    assert_eq!((live.lines.len(), view.lines.len()), (LINES_MAX, SHOWN_MAX));
    assert_eq!(view.lines[SHOWN_MAX - 1].text.chars().count(), TEXT_CHARS);
}
