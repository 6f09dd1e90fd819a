//! `huifang audit`: a written dialogue in, its scores, facts and conduct out.
//!
//! Contract: the keys of the output are public; every value that is not null has evidence (turn, quote, time). What was not said is
//! null, never false or 0.

use super::speech::{self, Line};
use super::talk::{Activity, Limits};
use super::{asked, conduct, pledges, probe, temper, witness};
use crate::domain::facts::questions::{self, About};
use crate::domain::facts::{
    Consent, Fact, Facts, Respondent, done_by_now, facts_of, is_technical_question, still_broken,
};
use crate::domain::order::Claims;
use crate::domain::score::{
    Answer, Indicator, Judgement, Level, Rubric, Scorecard, SpokenTurn, answers_of_turns, judgements, plain,
    score_judged, to_simplified,
};
use crate::domain::transcript::Channel;
use crate::domain::truth::{self, Tolerance, TruthCheck};
use crate::domain::ways::{Ways, any_of};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueRequest {
    pub id: String,
    /// 接收检查 交机 保养 维修 用户投诉 零件购买 技术咨询.
    pub service_type: String,
    #[serde(default)]
    pub domain: Option<String>,
    #[serde(default)]
    pub out_of_warranty: bool,
    #[serde(default)]
    pub hung_up_by: Option<Speaker>,
    /// What the order claims, to be compared with the words; counts only with `called_at`.
    #[serde(default)]
    pub claims: Option<Claims>,
    /// When the call took place, RFC 9557: `2026-11-22T09:00:00+08:00[Asia/Shanghai]`.
    #[serde(default)]
    pub called_at: Option<jiff::Zoned>,
    pub turns: Vec<DialogueTurn>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    Agent,
    Customer,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueTurn {
    pub speaker: Speaker,
    pub start: f64,
    pub end: f64,
    pub text: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueReport {
    pub id: String,
    pub scores: BTreeMap<Indicator, Option<Level>>,
    pub index: crate::domain::score::Index,
    pub outcome: DialogueOutcome,
    pub compliance: Compliance,
    /// Present where the request brought the order's claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth: Option<TruthCheck>,
    /// Key of the value → where it was said.
    pub evidence: BTreeMap<String, Vec<EvidenceSpan>>,
    pub rubric: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DialogueOutcome {
    pub respondent: Respondent,
    pub consent: Consent,
    pub complaint: bool,
    /// After the source text: 服务质量 | 一般质量故障 | 重大质量事故.
    pub complaint_kind: Option<String>,
    pub callback_promised: bool,
    pub callback_when: Option<String>,
    pub callback_has_deadline: Option<bool>,
    pub machine_hours: Option<f64>,
    pub arrival_time: Option<String>,
    pub finish_time: Option<String>,
    pub location: Option<String>,
    pub parts_replaced: Option<Vec<String>>,
    pub fee_yuan: Option<f64>,
    pub tech_question: bool,
    pub running_normal: Option<bool>,
    pub leftover_problem: Option<bool>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compliance {
    pub opening_said: bool,
    pub identity_asked: bool,
    pub identity_confirmed: bool,
    pub consent_asked: bool,
    pub asked: BTreeMap<String, bool>,
    pub all_required_asked: bool,
    pub sat_questions: usize,
    pub more_than_3_sat_questions: bool,
    pub closing_said: bool,
    pub hotline_said: bool,
    pub hotline_correct: Option<bool>,
    pub agent_polite: bool,
    pub agent_argued: bool,
    pub agent_interrupted: bool,
    pub agent_led_customer: bool,
    pub pushed_after_refusal: bool,
    pub offtopic_talk: bool,
    pub unauthorised_promise: bool,
    pub probed_dissatisfaction: Option<bool>,
    pub field_phone_given: Option<bool>,
    pub ended_by: Option<Speaker>,
    pub customer_hung_up_first: Option<bool>,
    pub duration_s: f64,
    pub within_3_min: bool,
    pub over_3_min_violation: bool,
}

/// Where a value was said: turn of the dialogue, character span in it, seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvidenceSpan {
    pub turn: usize,
    pub text: String,
    pub start: usize,
    pub end: usize,
    pub from_s: f64,
    pub to_s: f64,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub rule: Option<String>,
}

/// Audits one dialogue.
pub fn audit_dialogue(rubric: &Rubric, request: &DialogueRequest) -> DialogueReport {
    let turns: Vec<SpokenTurn> = request.turns.iter().map(SpokenTurn::from).collect();
    let answers = answers_of_turns(rubric, &turns);
    let judged = judgements(rubric, &answers);
    let card = score_judged(rubric, &answers, &judged);
    let lines = lines(rubric, &turns, &answers, &judged);
    let facts = facts_of(rubric, &answers);
    let mut book = Book { turns: &request.turns, evidence: BTreeMap::new() };
    book.scores(&card);
    let complaint = Complaint::of(rubric, &lines, &answers, &judged, &request.service_type);
    let outcome = outcome(&mut book, &lines, &facts, &complaint);
    let heard = Heard { rubric, answers: &answers, judged: &judged, card: &card, facts: &facts, complaint: &complaint };
    let compliance = compliance(&mut book, request, &lines, &heard, &outcome);
    DialogueReport {
        id: request.id.clone(),
        scores: card.scores.iter().map(|s| (s.indicator, s.level)).collect(),
        index: card.index(),
        outcome,
        compliance,
        truth: request
            .claims
            .as_ref()
            .zip(request.called_at.as_ref())
            .map(|(claims, at)| truth::check(claims, &facts, at, &Tolerance::default())),
        evidence: book.evidence,
        rubric: card.rubric,
    }
}

impl From<&DialogueTurn> for SpokenTurn {
    fn from(turn: &DialogueTurn) -> Self {
        let speaker = match turn.speaker {
            Speaker::Agent => Channel::Agent,
            Speaker::Customer => Channel::Customer,
        };
        Self { speaker, start: turn.start, end: turn.end, text: turn.text.clone() }
    }
}

fn lines(rubric: &Rubric, turns: &[SpokenTurn], answers: &[Answer], judged: &[Judgement]) -> Vec<Line> {
    let mut lines: Vec<Line> =
        turns.iter().enumerate().map(|(i, t)| Line::new(t.speaker, &t.text, t.start, t.end, i)).collect();
    speech::mark_rated(&mut lines, answers);
    speech::mark_complaints(&mut lines, answers, judged);
    witness::mark_witnessed(&mut lines, rubric.learned());
    lines
}

/// Evidence as it is gathered.
struct Book<'a> {
    turns: &'a [DialogueTurn],
    evidence: BTreeMap<String, Vec<EvidenceSpan>>,
}

impl Book<'_> {
    fn turn(&mut self, key: &str, turn: Option<usize>) {
        let Some((i, t)) = turn.and_then(|i| Some((i, self.turns.get(i)?))) else { return };
        let span = EvidenceSpan {
            turn: i,
            text: t.text.clone(),
            start: 0,
            end: t.text.chars().count(),
            from_s: t.start,
            to_s: t.end,
            rule: None,
        };
        self.evidence.entry(key.to_string()).or_default().push(span);
    }

    /// Notes where it was found and says whether it was.
    fn seen(&mut self, key: &str, line: Option<&Line>) -> bool {
        self.turn(key, line.map(|l| l.turn));
        line.is_some()
    }

    fn fact<T: Clone>(&mut self, key: &str, fact: &Option<Fact<T>>) -> Option<T> {
        let fact = fact.as_ref()?;
        self.turn(key, fact.turn);
        Some(fact.value.clone())
    }

    fn scores(&mut self, card: &Scorecard) {
        for score in &card.scores {
            for e in &score.evidence {
                let span = EvidenceSpan {
                    turn: e.turn.unwrap_or(0),
                    text: e.text.clone(),
                    start: e.start,
                    end: e.end,
                    from_s: e.from_s.unwrap_or(0.0),
                    to_s: e.to_s.unwrap_or(0.0),
                    rule: Some(e.rule.clone()),
                };
                self.evidence.entry(format!("scores.{}", score.indicator.name())).or_default().push(span);
            }
        }
    }
}

/// What was made of the customer's words.
#[derive(Clone, Copy)]
struct Heard<'a> {
    rubric: &'a Rubric,
    answers: &'a [Answer],
    judged: &'a [Judgement],
    card: &'a Scorecard,
    facts: &'a Facts,
    complaint: &'a Complaint,
}

/// Convention 16.
struct Complaint {
    made: bool,
    kind: Option<&'static str>,
    turn: Option<usize>,
    /// Every turn that complains.
    turns: Vec<usize>,
}

impl Complaint {
    fn of(rubric: &Rubric, lines: &[Line], answers: &[Answer], judged: &[Judgement], service_type: &str) -> Self {
        // Who wants to be left in peace complains of nothing.
        // Nor does who asks what to do about it: 空调老是不凉 咋弄啊.
        let asks_advice = |j: &Judgement, a: &Answer| {
            let text = to_simplified(&a.text);
            j.labels.is_empty() && j.alarms.is_empty() && is_technical_question(&text) && !still_broken(&text)
        };
        // What he tells of his life is no complaint, nor what somebody says who has no part in the service.
        let away = conduct::away_from_the_visit(lines);
        let outsider = matches!(speech::respondent(lines).0, Respondent::WrongNumber | Respondent::NotPresent);
        let idle = |a: &Answer| outsider || a.turn.is_some_and(|turn| away.contains(&turn));
        // 打第二通才有人接 不过马上就处理 还算可以: a good level weighs what is told beside it.
        let content = |j: &Judgement| {
            let mut levels = j.label.iter().chain(j.labels.values()).peekable();
            j.alarms.is_empty() && levels.peek().is_some() && levels.all(|l| l.get() >= 4)
        };
        let complains = |(j, a): &(&Judgement, &Answer)| {
            let text = to_simplified(&a.text);
            let rated = !j.labels.is_empty() || !j.alarms.is_empty();
            j.complaint
                && !speech::stops_visit(&text)
                && !speech::is_tired(&text)
                && (rated || !idle(a))
                && !asks_advice(j, a)
                && (rated || !tells_of_nothing(&a.question, &text))
                && (!content(j) || still_broken(&text))
        };
        let heard: Vec<(&Judgement, &Answer)> = judged.iter().zip(answers).filter(complains).collect();
        // A complaint call follows a complaint, however content he is with the answer.
        let open = service_type == "用户投诉";
        let made = !heard.is_empty() || open || explains_low_level(rubric, answers, judged);
        let of_product =
            |(j, a): &(&Judgement, &Answer)| j.product_fault || PRODUCT_FAILS.said_in(&to_simplified(&a.text));
        let product = heard.iter().any(of_product)
            || judged.iter().zip(answers).any(|(j, a)| j.product_fault && !asks_advice(j, a));
        let service = heard.iter().any(|h| !of_product(h));
        let severe =
            judged.iter().zip(answers).any(|(j, a)| j.is_severe() && GOES_FAR.said_in(&to_simplified(&a.text)))
                || answers.iter().any(|a| conduct::somebody_hurt(&a.text));
        let kind = made.then_some(match (severe, product, service) {
            (true, _, _) => "重大质量事故",
            (false, true, false) => "一般质量故障",
            _ => "服务质量",
        });
        let turn = heard.first().and_then(|(j, _)| j.evidence.iter().chain(&j.alarms).find_map(|e| e.turn));
        let turns = heard.iter().filter_map(|(_, a)| a.turn).collect();
        Self { made, kind, turn, turns }
    }
}

/// 机器的事我不懂, 这个我不管: he has no part in it. 你慢点说: the agent is to speak slower.
static TELLS_NOTHING: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&["我|俺|咱|这个|那个…不懂|不管|不知道|不晓得|不清楚|没参与|没管", "你|您…慢点|慢慢|慢一点…说|讲|问"])
});

/// Words without a level that complain of nothing.
fn tells_of_nothing(question: &str, text: &str) -> bool {
    TELLS_NOTHING.said_in(text) || done_by_now(text) || describes(question, text)
}

/// Asked what was done, he tells what was broken; that it is broken still would be more.
fn describes(question: &str, text: &str) -> bool {
    let told = [About::Repair, About::FaultTime, About::Parts, About::Checks, About::Arrival, About::Finish];
    let asked = questions::asked(&plain(question));
    asked.iter().any(|about| told.contains(about)) && !still_broken(text) && !BLAMES.said_in(text)
}

/// Somebody of ours is blamed for it.
static BLAMES: LazyLock<Ways> =
    LazyLock::new(|| Ways::new(&["老是|白修|没人|不管|不来|才来|才到|迟到|慢|拖|等了|推|骗|乱|贵|多收|态度"]));

/// F13: the machine itself fails, again or of its quality.
static PRODUCT_FAILS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "又|再|老|老是|总|才|两回|三回|几回|两次|三次|几次…坏|裂|漏|爆|断|不制冷|趴窝|熄火|烧",
        "坏|裂|漏|爆|断|不制冷|趴窝|熄火…两回|三回|四回|几回|两次|三次|四次|几次",
        "机器|车|空调|配件|件|这|油管|发动机…质量…差|一般|不行|不好|不咋|次|有问题",
    ])
});

/// F12: the machine back or another one, the courts, the press. To come to the office and shout is less.
static GOES_FAR: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "退|换…机|车|货|一台|给我|掉|了",
        "机器|车…退|换",
        "起诉|法院|律师|打官司|曝光|媒体|电视|记者|抖音|网上|发视频|消协|消费者协会|12315|三一五|工商|不买|不再买|再也不",
    ])
});

/// Asked why, the customer gives a reason for a level of 3 or less.
fn explains_low_level(rubric: &Rubric, answers: &[Answer], judged: &[Judgement]) -> bool {
    let low = judged.iter().position(|j| !j.labels.is_empty() && j.label.is_some_and(|l| l.get() <= 3));
    let silent = ["没有", "没啥", "没什么", "不知道", "不清楚", "谁知道", "说不上", "不好说"];
    let line = |who, text: &str| Line::new(who, text, 0.0, 0.0, 0);
    low.is_some_and(|from| {
        answers[from..].windows(2).any(|w| {
            let a = &w[1];
            let says = a.text.chars().count() >= 5 && !any_of(&a.text, &silent);
            let said = line(Channel::Customer, &w[0].text);
            let asks = || probe::asks_on(&said, &line(Channel::Agent, &a.question));
            a.indicator.is_none() && says && (rubric.asks_for_reason(&a.question) || asks())
        })
    })
}

fn outcome(book: &mut Book<'_>, lines: &[Line], facts: &Facts, complaint: &Complaint) -> DialogueOutcome {
    let (respondent, by) = speech::respondent(lines);
    book.turn("outcome.respondent", by);
    let consent = speech::consent(lines);
    book.turn("outcome.consent", consent.turn);
    if complaint.made {
        book.turn("outcome.complaint", complaint.turn);
    }
    let promise = pledges::callback_promised(lines);
    let callback_promised = book.seen("outcome.callback_promised", promise);
    let named = promise.and_then(|l| speech::time_named(&l.text));
    let wished = facts.callback_when.as_ref().map(|f| f.value.clone());
    DialogueOutcome {
        respondent,
        consent: consent.consent,
        complaint: complaint.made,
        complaint_kind: complaint.kind.map(str::to_string),
        callback_promised,
        callback_has_deadline: callback_promised.then_some(named.is_some() || wished.is_some()),
        callback_when: named.or(wished),
        machine_hours: book.fact("outcome.machine_hours", &facts.machine_hours),
        arrival_time: book.fact("outcome.arrival_time", &facts.arrival_time),
        finish_time: book.fact("outcome.finish_time", &facts.finish_time),
        location: book.fact("outcome.location", &facts.location),
        parts_replaced: book.fact("outcome.parts_replaced", &facts.parts_replaced),
        fee_yuan: book.fact("outcome.fee_yuan", &facts.fee_yuan),
        tech_question: book.fact("outcome.tech_question", &facts.tech_question).unwrap_or(false),
        running_normal: book.fact("outcome.running_normal", &facts.running_normal),
        leftover_problem: book.fact("outcome.leftover_problem", &facts.leftover_problem),
    }
}

fn compliance(
    book: &mut Book<'_>,
    request: &DialogueRequest,
    lines: &[Line],
    heard: &Heard<'_>,
    outcome: &DialogueOutcome,
) -> Compliance {
    let Heard { answers, judged, facts, .. } = *heard;
    let asked: BTreeMap<String, bool> = asked::required(&request.service_type, request.out_of_warranty)
        .into_iter()
        .map(|i| (i.0.to_string(), book.seen(&format!("compliance.asked.{}", i.0), asked::asked_by(i, lines))))
        .collect();
    let sat_questions = items_rated(answers, judged);
    let hotline = speech::hotline(lines);
    let duration_s = request.turns.iter().map(|t| t.end).fold(0.0, f64::max);
    let within = duration_s <= 180.0;
    let question = facts.tech_question.as_ref().and_then(|f| lines.iter().find(|l| Some(l.turn) == f.turn));
    let phone = question.map(|q| book.seen("compliance.field_phone_given", pledges::field_phone_given(lines, q)));
    Compliance {
        opening_said: book.seen("compliance.opening_said", speech::opening(lines)),
        identity_asked: book.seen("compliance.identity_asked", speech::identity_asked(lines)),
        identity_confirmed: matches!(outcome.respondent, Respondent::Confirmed),
        consent_asked: book.seen("compliance.consent_asked", speech::consent_asked(lines)),
        all_required_asked: asked.values().all(|a| *a),
        asked,
        sat_questions,
        more_than_3_sat_questions: sat_questions > 3,
        closing_said: book.seen("compliance.closing_said", speech::closing(lines)),
        hotline_said: book.seen("compliance.hotline_said", hotline.map(|h| h.0)),
        hotline_correct: hotline.map(|h| h.1),
        agent_polite: !book.seen("compliance.agent_polite", temper::impolite(lines)) && temper::courteous(lines),
        agent_argued: book.seen("compliance.agent_argued", temper::argued(lines)),
        agent_interrupted: book.seen("compliance.agent_interrupted", interrupted(lines)),
        agent_led_customer: book.seen("compliance.agent_led_customer", conduct::led(lines)),
        pushed_after_refusal: book.seen("compliance.pushed_after_refusal", conduct::pushed(lines)),
        offtopic_talk: book.seen("compliance.offtopic_talk", conduct::offtopic(lines)),
        unauthorised_promise: book.seen("compliance.unauthorised_promise", pledges::promised_beyond_authority(lines)),
        probed_dissatisfaction: probed(book, &request.service_type, lines, heard),
        field_phone_given: phone,
        ended_by: request.hung_up_by,
        customer_hung_up_first: request.hung_up_by.map(|s| s == Speaker::Customer),
        duration_s,
        within_3_min: within,
        over_3_min_violation: !within && !outcome.complaint,
    }
}

/// C19, C20: the agent begins while the customer speaks, or at once after his 但是.
fn interrupted(lines: &[Line]) -> Option<&Line> {
    let cut = Activity::of_lines(lines).cut_ins(Limits::default().cut_in_s).first().copied();
    let cutting = cut.and_then(|(at, _)| lines.iter().find(|l| l.agent() && l.from_s <= at && at < l.to_s));
    cutting.or_else(|| conduct::cut_after_but(lines, AT_ONCE_S))
}

/// So soon after the customer's 但是 the agent has cut him off, seconds.
const AT_ONCE_S: f64 = 0.2;

/// C12: satisfaction items put to the customer; the same one asked again because it got no answer counts once.
fn items_rated(answers: &[Answer], judged: &[Judgement]) -> usize {
    let mut unanswered: Vec<Indicator> = Vec::new();
    let mut count = 0;
    for (answer, judgement) in answers.iter().zip(judged) {
        let Some(indicator) = answer.indicator else { continue };
        let again = unanswered.contains(&indicator);
        unanswered.retain(|i| *i != indicator);
        count += usize::from(!again);
        if judgement.label.is_none() {
            unanswered.push(indicator);
        }
    }
    count
}

/// C18: null when there was no dissatisfaction.
fn probed(book: &mut Book<'_>, service_type: &str, lines: &[Line], heard: &Heard<'_>) -> Option<bool> {
    let Heard { answers, judged, card, complaint, .. } = *heard;
    let low = card.scores.iter().any(|s| s.level.is_some_and(|l| l.get() <= 3));
    let complains = |(j, a): &(&Judgement, &Answer)| {
        j.label.is_some_and(|l| l.get() <= 3) || a.turn.is_some_and(|turn| complaint.turns.contains(&turn))
    };
    let turns: Vec<usize> = judged.iter().zip(answers).filter(complains).filter_map(|(_, a)| a.turn).collect();
    if !low && turns.is_empty() {
        return None;
    }
    let at = |turn: &usize| lines.iter().find(|l| l.turn == *turn).map_or(0.0, |l| l.from_s);
    // A complaint call follows a complaint: whatever is asked about it, asks for its reason.
    let complaints: Vec<f64> = if turns.is_empty() { vec![0.0] } else { turns.iter().map(at).collect() };
    let since = if service_type == "用户投诉" { 0.0 } else { complaints.first().copied().unwrap_or(0.0) };
    let probe = probe::probe_after(heard.rubric, lines, since, &complaints);
    Some(book.seen("compliance.probed_dissatisfaction", probe))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn convention_16_what_is_mended_and_an_invitation_allege_nothing() {
        let complains = |question: &str, text: &str| {
            let turn =
                |speaker, start, text: &str| DialogueTurn { speaker, start, end: start + 2.0, text: text.into() };
            let request = DialogueRequest {
                id: String::new(),
                service_type: "维修".into(),
                domain: None,
                out_of_warranty: false,
                hung_up_by: None,
                claims: None,
                called_at: None,
                turns: vec![turn(Speaker::Agent, 0.0, question), turn(Speaker::Customer, 3.0, text)],
            };
            audit_dialogue(Rubric::builtin(), &request).outcome.complaint
        };
        let runs = "现在运行正常吗";
        assert!(!complains(runs, "正常 当时还有个小毛病 喇叭不响 前天他路过给接好了 现在什么都没有"));
        assert!(!complains(runs, "头一个办法不管用 后来他又打过来 让我调间隙 这下管用了"));
        assert!(!complains("谢谢您 再见", "好嘞 有空来喝酒啊"));
        assert!(complains(runs, "当时好了 第二天又漏了 跟没修一样"));
    }
}
