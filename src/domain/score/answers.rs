//! Which words answer which question.
//!
//! Contract: only the customer channel becomes an answer (invariant 6); the context of an answer is the last question before it, read
//! from the journal of an unattended call or from the agent's words. A question that got no level stays open as long as the agent asks for
//! nothing else.

use super::rubric::Rubric;
use super::{Answer, Indicator, Piece, SCORING_CHANNEL};
use crate::domain::call::exchange::{Exchange, exchanges};
use crate::domain::call::journal::{JournalEntry, JournalEvent};
use crate::domain::script::dialogue::lines::KEYS_RATING;
use crate::domain::transcript::{Channel, Segment, Transcript};
use crate::domain::ways::is_spoken;
use serde::{Deserialize, Serialize};

/// Voice activity and recogniser may disagree so much about where a turn begins or ends.
const EDGE_S: f64 = 0.3;
/// Speech that begins so soon after a prompt still belongs to the one before: nobody answers that fast.
const REACTION_S: f64 = 0.3;
/// What a rating question asked for once the customer was told the keys (convention 13: only then does a number count).
const SCALE_TOLD: &str = "（按键1到5）";
/// Who "heard" a key, in the evidence.
pub(super) const KEYPAD: &str = "keypad";

/// One turn of a dialogue between a person and the customer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SpokenTurn {
    pub speaker: Channel,
    pub start: f64,
    pub end: f64,
    pub text: String,
}

/// Answers of an unattended call. `answered_at_s` is where the answer lies on the recording's axis; the journal counts from the answer,
/// the transcript from the start of the file.
///
/// The journal's [`exchanges`] say which stretch of the call answers which question (barge-in and answers that went on are settled
/// there); a customer's segment belongs to the stretch it shares most time with. What the call itself did not notice as a turn (a
/// quiet word) belongs to the last prompt before it. A question that got no answer is an answer without words.
///
/// A key 1..5 is evidence from where the scale was read out; a key that nobody asked for has no direction and is none. Spoken words
/// come first; a key two levels away from them is a disagreement for a person to settle.
pub fn answers_of(journal: &[JournalEntry], transcript: &Transcript, answered_at_s: f64) -> Vec<Answer> {
    let mut places = exchanges(journal);
    places.extend(statements(journal));
    places.sort_by(|a, b| a.put_s.total_cmp(&b.put_s));
    let mut inside: Vec<Vec<(usize, &Segment)>> = vec![vec![]; places.len()];
    for (turn, segment) in transcript.segments.iter().enumerate() {
        if segment.channel != SCORING_CHANNEL || segment.text.trim().is_empty() {
            continue;
        }
        let home = turn_of(&places, segment, answered_at_s)
            .or_else(|| places.iter().rposition(|e| e.put_s + answered_at_s + REACTION_S <= segment.start));
        if let Some(place) = home {
            inside[place].push((turn, segment));
        }
    }
    let told_s = scale_told_s(journal);
    let with_scale = |e: &Exchange| e.indicator.is_some() && told_s.is_some_and(|told| told <= e.from_s);
    places
        .iter()
        .zip(inside)
        .filter_map(|(e, inside)| {
            let mut answer = answer_in(e, &inside)?;
            if with_scale(e) {
                add_key(&mut answer, e, answered_at_s);
            }
            Some(answer)
        })
        .collect()
}

/// When the customer was first told which key is which level.
fn scale_told_s(journal: &[JournalEntry]) -> Option<f64> {
    journal.iter().find_map(|entry| match &entry.event {
        JournalEvent::Prompt { prompts, .. } if prompts.iter().any(|p| p == KEYS_RATING) => Some(entry.at_s),
        _ => None,
    })
}

/// The question asked for 1..5; the key that answered it, if one did, is evidence.
fn add_key(answer: &mut Answer, e: &Exchange, answered_at_s: f64) {
    // In front: a question that ends in 满意吗 stays one.
    answer.question.insert_str(0, SCALE_TOLD);
    let Some(level) = e.key_level() else { return };
    answer.also_heard.push((KEYPAD.to_string(), format!("按键{}分", level.get())));
    if answer.pieces.is_empty() {
        let pressed_s = e.to_s + answered_at_s;
        (answer.start_s, answer.end_s) = (Some(pressed_s), Some(pressed_s));
    }
}

/// Prompts that ask nothing; what is said after them answers no question.
fn statements(journal: &[JournalEntry]) -> impl Iterator<Item = Exchange> + '_ {
    journal.iter().filter_map(|entry| match &entry.event {
        JournalEvent::Prompt { step, text, question: false, .. } => Some(Exchange {
            step: step.clone(),
            indicator: None,
            question: text.clone(),
            put_s: entry.at_s,
            text: String::new(),
            from_s: entry.at_s,
            to_s: entry.at_s,
            meaning: String::new(),
        }),
        _ => None,
    })
}

/// The answered turn that shares most time with the segment.
fn turn_of(places: &[Exchange], segment: &Segment, answered_at_s: f64) -> Option<usize> {
    let shared = |e: &Exchange| shared_s(segment, e.from_s + answered_at_s, e.to_s + answered_at_s);
    let turns = places.iter().enumerate().filter(|(_, e)| e.was_answered()).map(|(place, e)| (place, shared(e)));
    turns.filter(|(_, s)| *s > 0.0).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(place, _)| place)
}

/// Seconds that a segment shares with a turn; turns are measured by voice activity, segments by the recogniser, so edges differ a little.
fn shared_s(segment: &Segment, from_s: f64, to_s: f64) -> f64 {
    segment.end.min(to_s + EDGE_S) - segment.start.max(from_s - EDGE_S)
}

fn answer_in(e: &Exchange, inside: &[(usize, &Segment)]) -> Option<Answer> {
    let utterances = inside.iter().map(|(turn, s)| (*turn, s.start, s.end, s.text.as_str()));
    let mut answer = joined(e.indicator, &e.question, utterances);
    answer.also_heard = heard_again(inside.iter().map(|(_, s)| *s));
    if !e.text.is_empty() && !answer.also_heard.iter().any(|(_, t)| *t == e.text) {
        answer.also_heard.push(("live".to_string(), e.text.clone()));
    }
    let silent = answer.text.is_empty() && answer.also_heard.is_empty() && e.indicator.is_none();
    (!silent).then_some(answer)
}

/// The words of each further recogniser for these utterances. Where it has none of its own, the first one's stand in.
fn heard_again<'a>(segments: impl Iterator<Item = &'a Segment> + Clone) -> Vec<(String, String)> {
    let engines: Vec<&str> = segments.clone().flat_map(|s| s.also_heard.iter().map(|h| h.engine.as_str())).collect();
    let words = |engine: &str| {
        let mut text = String::new();
        for s in segments.clone() {
            let heard = s.also_heard.iter().find(|h| h.engine == engine).map_or(s.text.as_str(), |h| h.text.as_str());
            join(&mut text, heard);
        }
        (engine.to_string(), text)
    };
    unique(&engines).into_iter().map(words).collect()
}

/// Answers of a call that an agent led, with the words of every recogniser.
pub fn answers_of_talk(rubric: &Rubric, transcript: &Transcript) -> Vec<Answer> {
    let segments = in_order(transcript);
    let mut answers = answers_of_turns(rubric, &spoken_turns(transcript));
    // Who comes back to a question in the middle of a turn is known in the first one's words only.
    let whole = |p: &Piece| p.to - p.from == segments[p.turn].text.trim().chars().count();
    for answer in answers.iter_mut().filter(|answer| answer.pieces.iter().all(whole)) {
        answer.also_heard = heard_again(answer.pieces.iter().map(|piece| segments[piece.turn]));
    }
    answers
}

fn in_order(transcript: &Transcript) -> Vec<&Segment> {
    let mut segments: Vec<&Segment> = transcript.segments.iter().collect();
    segments.sort_by(|a, b| a.start.total_cmp(&b.start));
    segments
}

/// The turns of a transcript, in call order.
pub fn spoken_turns(transcript: &Transcript) -> Vec<SpokenTurn> {
    let turn = |s: &Segment| SpokenTurn { speaker: s.channel, start: s.start, end: s.end, text: s.text.clone() };
    in_order(transcript).into_iter().map(turn).collect()
}

/// Answers of a dialogue: the agent's last words before the customer speaks are the question. An agent who asks for two indicators at
/// once gets one answer for each.
pub fn answers_of_turns(rubric: &Rubric, turns: &[SpokenTurn]) -> Vec<Answer> {
    let mut answers: Vec<Answer> = Vec::new();
    let (mut question, mut before) = (String::new(), String::new());
    let mut heard: Vec<(usize, &SpokenTurn)> = Vec::new();
    for (i, turn) in turns.iter().enumerate() {
        match turn.speaker {
            Channel::Agent if heard.is_empty() => join(&mut question, &turn.text),
            Channel::Agent => {
                close(rubric, &mut answers, &question, &before, &heard);
                before.clear();
                heard.drain(..).for_each(|(_, said)| join(&mut before, &said.text));
                question.clone_from(&turn.text);
            }
            Channel::Customer => heard.push((i, turn)),
        }
    }
    close(rubric, &mut answers, &question, &before, &heard);
    // 按一到五分打分 … 配件供应呢 — 三分吧: told once, the scale holds for what is asked later.
    let told = answers.iter().position(|a| rubric.puts_the_scale(&a.question));
    for answer in told.map_or(&mut [][..], |from| &mut answers[from + 1..]) {
        if answer.indicator.is_some() && !rubric.puts_the_scale(&answer.question) {
            answer.question.insert_str(0, SCALE_TOLD);
        }
    }
    answers
}

/// Where words of a transcript stand, and the words: turn, seconds, text.
type Utterance<'a> = (usize, f64, f64, &'a str);

fn close(rubric: &Rubric, answers: &mut Vec<Answer>, question: &str, before: &str, heard: &[(usize, &SpokenTurn)]) {
    let (mut own, mut to_earlier): (Vec<Utterance<'_>>, Vec<Answer>) = Default::default();
    for (turn, t) in heard {
        let asked_before = |i| answers.iter().rfind(|a| a.indicator == Some(i)).map(|a| a.question.as_str());
        let back = rubric.comes_back(&t.text).and_then(|(first, i, said)| Some((first, i, asked_before(i)?, said)));
        let Some((first, indicator, asked, said)) = back else {
            own.push((*turn, t.start, t.end, &t.text));
            continue;
        };
        own.extend(first.contains(is_spoken).then_some((*turn, t.start, t.end, first)));
        to_earlier.push(joined(Some(indicator), asked, [(*turn, t.start, t.end, said)].into_iter()));
    }
    answer_question(rubric, answers, question, before, &own);
    answers.extend(to_earlier);
}

/// `before`: the customer's words that the question follows.
fn answer_question(rubric: &Rubric, answers: &mut Vec<Answer>, question: &str, before: &str, own: &[Utterance<'_>]) {
    let mut asked = rubric.indicators_asked(question);
    if asked.is_empty()
        && let Some(before) = answers.last()
    {
        asked.extend(rubric.follows_up(question, &before.question).filter(|_| before.indicator.is_none()));
    }
    if asked.is_empty() && own.iter().any(|(.., text)| rubric.takes_back_answer(text)) {
        asked.extend(answers.iter().rev().find_map(|a| a.indicator));
    }
    if asked.is_empty() && (rubric.confirms_earlier(question) || rubric.puts_the_scale(question)) {
        asked.extend(answers.iter().rev().find_map(|a| a.indicator));
    }
    if asked.is_empty() && !own.is_empty() {
        asked.extend(still_open(rubric, answers, question, before));
    }
    if asked.is_empty() && rubric.asks_for_all(question) {
        asked.push(Indicator::Overall);
    }
    if asked.is_empty() {
        if !own.is_empty() {
            answers.push(joined(None, question, own.iter().copied()));
        }
        return;
    }
    answers.extend(asked.into_iter().map(|i| joined(Some(i), question, own.iter().copied())));
}

/// A question that has its answer is put again, likelier than not.
const COMES_AGAIN: f32 = 0.5;
/// One that has none stands, unless that is next to impossible: what is said to it then is judged like any answer, and mostly says nothing.
const LEAVES_OPEN: f32 = 0.005;

/// What the last question for an evaluation asked for and these words, which name nothing, leave open or put again.
fn still_open(rubric: &Rubric, answers: &[Answer], question: &str, before: &str) -> Vec<Indicator> {
    let Some(last) = answers.iter().rfind(|a| a.indicator.is_some()) else { return Vec::new() };
    let again = rubric.comes_again(question, before);
    let stands = |a: &&Answer| again > COMES_AGAIN || again > LEAVES_OPEN && rubric.judge(a).label.is_none();
    let asked = answers.iter().filter(|a| (a.turn, &a.question) == (last.turn, &last.question));
    asked.filter(stands).filter_map(|a| a.indicator).collect()
}

fn joined<'a>(indicator: Option<Indicator>, question: &str, utterances: impl Iterator<Item = Utterance<'a>>) -> Answer {
    let mut answer = Answer::bare(indicator, question, "");
    for (turn, start_s, end_s, text) in utterances {
        if !answer.text.is_empty() {
            answer.text.push('，');
        }
        let from = answer.text.chars().count();
        answer.text.push_str(text.trim());
        answer.pieces.push(Piece { from, to: answer.text.chars().count(), start_s, end_s, turn });
    }
    answer.start_s = answer.pieces.first().map(|p| p.start_s);
    answer.end_s = answer.pieces.last().map(|p| p.end_s);
    answer.turn = answer.pieces.first().map(|p| p.turn);
    answer
}

fn join(text: &mut String, more: &str) {
    let more = more.trim();
    if more.is_empty() {
        return;
    }
    if !text.is_empty() {
        text.push('，');
    }
    text.push_str(more);
}

fn unique<'a>(names: &[&'a str]) -> Vec<&'a str> {
    let mut seen: Vec<&str> = Vec::new();
    for name in names {
        if !seen.contains(name) {
            seen.push(name);
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Heard;

    fn prompt(at_s: f64, step: &str, question: bool, indicator: Option<Indicator>) -> JournalEntry {
        let event = JournalEvent::Prompt {
            step: step.into(),
            prompts: vec![step.into()],
            text: format!("{step}？"),
            question,
            indicator,
        };
        JournalEntry { at_s, event }
    }

    fn said(channel: Channel, start: f64, text: &str) -> Segment {
        Segment { channel, start, end: start + 1.0, text: text.into(), confidence: 1.0, also_heard: Vec::new() }
    }

    fn transcript(segments: Vec<Segment>) -> Transcript {
        Transcript { segments, engine: "t".into(), model: "t".into() }
    }

    fn answer(step: &str, from_s: f64, to_s: f64) -> JournalEntry {
        let (text, meaning) = (String::new(), String::new());
        JournalEntry { at_s: to_s, event: JournalEvent::Answer { step: step.into(), text, from_s, to_s, meaning } }
    }

    #[test]
    fn speech_inside_a_turn_answers_its_question_and_the_recordings_axis_is_kept() {
        let journal = [
            prompt(0.0, "sat_skill", true, Some(Indicator::Skill)),
            answer("sat_skill", 1.0, 5.0),
            prompt(7.0, "sat_parts", true, Some(Indicator::Parts)),
            answer("sat_parts", 10.2, 12.0),
            prompt(20.0, "closing", false, None),
        ];
        // The answer of the call lies 5 s into the file: early media came before.
        let t = transcript(vec![
            said(Channel::Customer, 1.0, "彩铃"),
            said(Channel::Customer, 6.0, "还行吧"),
            said(Channel::Agent, 7.0, "好的"),
            said(Channel::Customer, 9.0, "挺好的"),
            said(Channel::Customer, 15.0, "嗯"),
            said(Channel::Customer, 16.0, "太慢了"),
            said(Channel::Customer, 27.0, "再见"),
        ]);
        let answers = answers_of(&journal, &t, 5.0);
        let seen: Vec<(Option<Indicator>, &str)> = answers.iter().map(|a| (a.indicator, a.text.as_str())).collect();
        assert_eq!(
            seen,
            [(Some(Indicator::Skill), "还行吧，挺好的"), (Some(Indicator::Parts), "嗯，太慢了"), (None, "再见")],
            "words before the answer and the agent's own are no answer; those after a statement answer no question"
        );
        assert_eq!((answers[0].start_s, answers[0].turn), (Some(6.0), Some(1)));
        let card = super::super::score_call(Rubric::builtin(), &answers);
        let parts = &card.scores[3];
        assert_eq!(parts.level.map(|l| l.get()), Some(2));
        let e = &parts.evidence[0];
        assert_eq!((e.turn, e.from_s.map(|s| s >= 16.0), e.to_s.map(|s| s <= 17.0)), (Some(5), Some(true), Some(true)));
    }

    #[test]
    fn what_a_customer_comes_back_to_answers_the_question_that_was_put_before() {
        let turn = |place: usize, text: &str| {
            let speaker = [Channel::Agent, Channel::Customer][place % 2];
            SpokenTurn { speaker, start: place as f64, end: place as f64 + 0.5, text: text.into() }
        };
        let check = |turns: &[&str], want: &[(Option<Indicator>, &str)]| {
            let turns: Vec<SpokenTurn> = turns.iter().enumerate().map(|(place, text)| turn(place, text)).collect();
            let answers = answers_of_turns(Rubric::builtin(), &turns);
            let got: Vec<(Option<Indicator>, &str)> = answers.iter().map(|a| (a.indicator, a.text.as_str())).collect();
            assert_eq!(got, want);
            let last = answers.last().map(|a| (a.question.as_str(), a.turn, a.start_s));
            assert_eq!(last, Some((turns[0].text.as_str(), Some(3), Some(3.0))));
        };
        let asked = ["师傅的技术您怎么评价", "等一下 羊跑了", "现在还漏油吗", "不漏 哎你刚才问的技术 技术特别高"];
        let skill = Some(Indicator::Skill);
        check(&asked, &[(skill, "等一下 羊跑了"), (None, "不漏 哎"), (skill, "技术 技术特别高")]);
        // Nothing is left of the turn but that.
        check(&[asked[0], asked[1], asked[2], "你头里问那个技术 要得"], &[(skill, asked[1]), (skill, "技术 要得")]);
    }

    #[test]
    fn words_of_another_recogniser_stay_away_where_a_turn_is_parted() {
        let mut back = said(Channel::Customer, 7.0, "慢了点 哎你刚才问技术 技术好");
        back.also_heard =
            vec![Heard { engine: "v".into(), text: "慢了点 哎你刚才问技术 技术好得很".into() }];
        let questions = [said(Channel::Agent, 1.0, "师傅的技术您怎么评价"), said(Channel::Agent, 5.0, "来得快不快")];
        let mut first = said(Channel::Customer, 3.0, "等一下");
        first.also_heard = vec![Heard { engine: "v".into(), text: "等一下啊".into() }];
        let [skill, timeliness] = questions;
        let answers = answers_of_talk(Rubric::builtin(), &transcript(vec![skill, first, timeliness, back]));
        let heard: Vec<(&str, usize)> = answers.iter().map(|a| (a.text.as_str(), a.also_heard.len())).collect();
        assert_eq!(heard, [("等一下", 1), ("慢了点 哎", 0), ("技术 技术好", 0)]);
    }

    /// Whom the last words of a talk in which agent and customer take turns answer.
    fn last_answers(turns: &[&str]) -> Vec<Indicator> {
        let turn = |(place, text): (usize, &&str)| SpokenTurn {
            speaker: [Channel::Agent, Channel::Customer][place % 2],
            start: place as f64,
            end: place as f64 + 0.5,
            text: (*text).into(),
        };
        let turns: Vec<SpokenTurn> = turns.iter().enumerate().map(turn).collect();
        let answers = answers_of_turns(Rubric::builtin(), &turns);
        answers.iter().filter(|a| a.turn == Some(turns.len() - 1)).filter_map(|a| a.indicator).collect()
    }

    #[test]
    fn a_question_without_an_answer_stays_open_until_something_else_is_asked() {
        let check = |turns: &[&str], want: &[Indicator]| assert_eq!(last_answers(turns), want, "{turns:?}");
        let skill = [Indicator::Skill];
        let asked = "师傅的技术您怎么评价";
        check(&[asked, "隔壁老王说他技术差", "那您自己觉得呢", "我觉得挺好"], &skill);
        check(&[asked, "等一下 我把车停了", "嗯 您接着说", "他技术不行"], &skill);
        check(&[asked, "等一下 我把车停了", "您听得清吗", "听得清", "嗯 您说", "技术可以的"], &skill);
        check(&[asked, "等一下", "机器现在工作多少小时了", "三百个"], &[]);
        check(&[asked, "挺好的", "好的 给您记下了", "嗯 好"], &[]);
        check(&[asked, "你等会儿", "那态度呢", "都好"], &[Indicator::Attitude]);
    }

    #[test]
    fn of_two_indicators_in_one_breath_the_one_without_an_answer_stays_open() {
        let turns = ["师傅的技术和态度您都满意吗", "态度非常好", "那另外一样呢 您还没说", "也不差"];
        assert_eq!(last_answers(&turns), [Indicator::Skill]);
    }

    #[test]
    fn a_question_that_nobody_put_before_is_not_come_back_to() {
        let turns = [(Channel::Agent, "现在还漏油吗"), (Channel::Customer, "你刚才问技术 我没听清")];
        let turns = turns.map(|(speaker, text)| SpokenTurn { speaker, start: 0.0, end: 1.0, text: text.into() });
        let answers = answers_of_turns(Rubric::builtin(), &turns);
        assert_eq!(
            answers.iter().map(|a| (a.indicator, a.text.as_str())).collect::<Vec<_>>(),
            [(None, turns[1].text.as_str())]
        );
    }

    #[test]
    fn a_repeated_prompt_continues_its_question_and_other_engines_come_along() {
        let journal = [
            prompt(0.0, "sat_skill", true, Some(Indicator::Skill)),
            prompt(8.0, "sat_skill", true, Some(Indicator::Skill)),
            JournalEntry {
                at_s: 12.0,
                event: JournalEvent::Answer {
                    step: "sat_skill".into(),
                    text: "不行".into(),
                    from_s: 11.0,
                    to_s: 12.0,
                    meaning: "level".into(),
                },
            },
        ];
        let mut s = said(Channel::Customer, 11.0, "不姓");
        s.also_heard.push(Heard { engine: "vosk".into(), text: "不行".into() });
        let answers = answers_of(&journal, &transcript(vec![s]), 0.0);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].also_heard, [("vosk".to_string(), "不行".to_string())]);
    }

    #[test]
    fn an_agents_call_brings_the_words_of_every_recogniser_along_too() {
        let mut s = said(Channel::Customer, 3.0, "不姓");
        s.also_heard.push(Heard { engine: "vosk".into(), text: "不行".into() });
        let segments = vec![s, said(Channel::Customer, 5.0, "就这样"), said(Channel::Agent, 1.0, "服务技能怎么样？")];
        let answers = answers_of_talk(Rubric::builtin(), &transcript(segments));
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].indicator, answers[0].text.as_str()), (Some(Indicator::Skill), "不姓，就这样"));
        assert_eq!(answers[0].also_heard, [("vosk".to_string(), "不行，就这样".to_string())]);
    }

    #[test]
    fn a_quiet_word_that_the_call_did_not_notice_answers_the_last_question() {
        let journal = [
            prompt(0.0, "sat_skill", true, Some(Indicator::Skill)),
            prompt(8.0, "sat_parts", true, Some(Indicator::Parts)),
        ];
        let answers = answers_of(&journal, &transcript(vec![said(Channel::Customer, 4.0, "还行吧")]), 0.0);
        let seen: Vec<&str> = answers.iter().map(|a| a.text.as_str()).collect();
        assert_eq!(seen, ["还行吧", ""]);
    }

    /// A rating put at `put_s`, with or without the scale, and answered by a key two seconds later.
    fn keyed(put_s: f64, indicator: Indicator, scale: bool, digit: char) -> [JournalEntry; 3] {
        let step = format!("sat_{}", indicator.name());
        let mut put = prompt(put_s, &step, true, Some(indicator));
        if let (JournalEvent::Prompt { prompts, text, .. }, true) = (&mut put.event, scale) {
            prompts.push(KEYS_RATING.into());
            text.push_str("非常满意请按五，满意请按四，一般请按三，不满意请按二，非常不满意请按一。");
        }
        let mut pressed = answer(&step, put_s + 2.0, put_s + 2.0);
        if let JournalEvent::Answer { meaning, .. } = &mut pressed.event {
            *meaning = format!("key_{digit}");
        }
        let key = JournalEntry { at_s: put_s + 2.0, event: JournalEvent::Key { digit, step } };
        [put, key, pressed]
    }

    #[test]
    fn convention_13_a_key_is_evidence_from_where_the_scale_was_told_and_not_before() {
        use Indicator as I;
        let journal = [
            keyed(0.0, I::Skill, false, '1'),
            keyed(10.0, I::Attitude, true, '5'),
            keyed(20.0, I::Timeliness, false, '2'),
            keyed(30.0, I::Parts, false, '9'),
            keyed(40.0, I::Overall, false, '3'),
        ]
        .concat();
        let answers = answers_of(&journal, &transcript(vec![said(Channel::Customer, 48.0, "非常满意")]), 5.0);
        let card = super::super::score_call(Rubric::builtin(), &answers);
        let levels: Vec<Option<u8>> = card.scores.iter().map(|s| s.level.map(|l| l.get())).collect();
        assert_eq!(levels, [None, Some(5), Some(2), None, Some(5)], "{card:#?}");
        let key = &card.scores[1].evidence[0];
        assert_eq!((key.text.as_str(), key.heard_by.as_deref(), key.from_s), ("按键5分", Some(KEYPAD), Some(17.0)));
        let words_and_key = Rubric::builtin().judge(&answers[4]).disagreement.expect("5 in words, 3 by key");
        assert_eq!(words_and_key.engine, KEYPAD);
    }

    #[test]
    fn a_question_that_nobody_answered_stays_asked() {
        let answers =
            answers_of(&[prompt(0.0, "sat_skill", true, Some(Indicator::Skill))], &transcript(Vec::new()), 0.0);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].text, "");
    }
}
