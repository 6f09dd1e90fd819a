//! A scripted customer: what he answers to which prompt, after which pause, and what is expected of the call.
//!
//! Pure apart from [`CustomerScript::load`]. It knows prompts by their ids only; hearing them is [`super::ear::PromptEar`]'s part,
//! and his telephone is elsewhere.

use crate::domain::order::{ServiceType, Title};
use crate::domain::script::PromptId;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, thiserror::Error)]
pub enum CustomerError {
    #[error("customer script {path}: {detail}")]
    Unreadable { path: String, detail: String },
    #[error("customer script {path}: {q}: {detail}")]
    Answer { path: String, q: String, detail: String },
}

/// `customers/<id>/script.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CustomerScript {
    pub id: String,
    pub title: String,
    pub name: String,
    /// Name of the synthetic voice; `zf_…` is a woman's.
    pub voice: String,
    /// As the customer would say it: 保养, 维修 …
    pub service_type: String,
    pub expected: Expected,
    pub answers: Vec<CustomerAnswer>,
    /// Where the WAV files lie.
    #[serde(skip)]
    pub folder: PathBuf,
}

/// What the visit report must say of this customer.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Expected {
    /// `completed`, `refused`, `callback`, `wrong_number`.
    pub outcome: String,
    /// By the names of the indicators; `None` = no score.
    pub scores: BTreeMap<String, Option<u8>>,
    pub complaint: bool,
    /// Facts stated in the answers.
    #[serde(flatten)]
    pub facts: BTreeMap<String, serde_json::Value>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct CustomerAnswer {
    /// The prompt it answers, or the key of a group.
    pub q: String,
    pub text: String,
    pub wav: String,
    pub seconds: f64,
    /// Pause before he answers.
    pub delay_s: f64,
    /// Speech between the pauses inside the answer; empty = no pause.
    #[serde(default)]
    pub segments: Vec<AnswerSegment>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct AnswerSegment {
    pub start: f64,
    pub end: f64,
    pub text: String,
}

impl CustomerScript {
    /// Reads `<folder>/script.json` and checks that every answer's WAV is there.
    ///
    /// # Errors
    /// Names the file, and the answer whose WAV is missing.
    pub fn load(folder: &Path) -> Result<Self, CustomerError> {
        let path = folder.join("script.json");
        let unreadable = |detail: String| CustomerError::Unreadable { path: path.display().to_string(), detail };
        let text = std::fs::read_to_string(&path).map_err(|e| unreadable(e.to_string()))?;
        let mut script: Self = serde_json::from_str(&text).map_err(|e| unreadable(e.to_string()))?;
        script.folder = folder.to_path_buf();
        for answer in &script.answers {
            if !script.wav(answer).is_file() {
                let detail = format!("{} is missing", answer.wav);
                return Err(CustomerError::Answer { path: path.display().to_string(), q: answer.q.clone(), detail });
            }
        }
        Ok(script)
    }

    /// The service type of the order he is called for: `title` tells 维修 inside and outside the warranty apart.
    pub fn order_type(&self) -> Option<ServiceType> {
        let outside = self.title.contains("质保期外");
        ServiceType::parse(if outside { "质保期外修理" } else { &self.service_type })
    }

    /// How he is addressed on the order.
    pub fn title(&self) -> Title {
        if self.voice.starts_with("zf_") { Title::Ms } else { Title::Mr }
    }

    /// The completion SMS of his order, as a dispatcher's gateway sends it. `None`: his service type is unknown.
    pub fn completion_sms(&self, order_no: &str, phone: &str, finished: &str) -> Option<String> {
        let title = match self.title() {
            Title::Ms => "女士",
            Title::Mr | Title::Master => "先生",
        };
        Some(format!(
            "【福田雷沃】服务完工通知：订单{order_no}，客户{}{title}({phone})，机型FR220D2-HD，{}，报单小时986H，服务工程师李强，完工时间{finished}",
            self.name,
            self.order_type()?.name(),
        ))
    }

    pub fn answer(&self, q: &str) -> Option<&CustomerAnswer> {
        self.answers.iter().find(|a| a.q == q)
    }

    pub fn wav(&self, answer: &CustomerAnswer) -> PathBuf {
        self.folder.join(&answer.wav)
    }
}

/// What he does when a prompt has ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// It was a statement, or only a part of a question.
    Nothing,
    /// After `delay_s`.
    Say(CustomerAnswer),
    /// The same, then he hangs up.
    SayAndHangUp(CustomerAnswer),
    HangUp,
}

/// One call of one customer: remembers what he has already said.
#[derive(Clone, Debug)]
pub struct CustomerTurns {
    script: Arc<CustomerScript>,
    refused: bool,
}

impl CustomerTurns {
    pub fn new(script: Arc<CustomerScript>) -> Self {
        Self { script, refused: false }
    }

    /// On picking up.
    pub fn pick_up(&self) -> Option<CustomerAnswer> {
        self.script.answer("hello").cloned()
    }

    /// The prompt has just ended.
    pub fn reply_to(&mut self, prompt: &PromptId) -> Response {
        match kind_of(prompt.as_str()) {
            Kind::Statement => Response::Nothing,
            Kind::Hello => self.pick_up().map_or(Response::Nothing, Response::Say),
            Kind::Farewell => match self.script.answer(prompt.as_str()).or_else(|| self.script.answer("closing")) {
                Some(answer) => Response::SayAndHangUp(answer.clone()),
                None => Response::HangUp,
            },
            Kind::Question(q) => self.answer(q),
        }
    }

    fn answer(&mut self, q: &str) -> Response {
        if self.refused
            && let Some(insists) = self.script.answer("insist")
        {
            return Response::Say(insists.clone());
        }
        // Only a customer who refuses has an `insist`; he refuses at the consent.
        self.refused |= q == "consent" && self.script.answer("insist").is_some();
        let answer = self.script.answer(q).or_else(|| self.script.answer("fallback"));
        answer.cloned().map_or(Response::Nothing, Response::Say)
    }
}

enum Kind<'a> {
    Statement,
    /// "Can you hear me?"
    Hello,
    Farewell,
    Question(&'a str),
}

fn kind_of(id: &str) -> Kind<'_> {
    const FAREWELLS: [&str; 9] = [
        "closing_full",
        "closing_part3_thanks",
        "goodbye",
        "refusal_end",
        "refusal_end_long",
        "wrong_number",
        "not_informed_end",
        "inconvenient_confirm",
        "fault_apology",
    ];
    const GROUPS: [(&str, &str); 6] = [
        ("identity_full/", "identity"),
        ("name/", "identity"),
        ("identity_", "identity"),
        ("consent_", "consent"),
        ("intro_", "intro"),
        ("inconvenient_ask_time", "inconvenient_ask_time"),
    ];
    if FAREWELLS.contains(&id) {
        Kind::Farewell
    } else if id == "reprompt_silence" {
        Kind::Hello
    } else if matches!(id, "identity_pre" | "ask_parts_hint" | "sat_scale_hint") {
        Kind::Statement
    } else if let Some((_, group)) = GROUPS.iter().find(|(prefix, _)| id.starts_with(prefix)) {
        Kind::Question(group)
    } else if ["ask_", "sat_", "probe_"].iter().any(|p| id.starts_with(p)) {
        Kind::Question(id)
    } else {
        Kind::Statement
    }
}

/// Every customer below `folder`, by id.
///
/// # Errors
/// The folder or the first customer that cannot be read.
pub fn load_all(folder: &Path) -> Result<Vec<CustomerScript>, CustomerError> {
    let unreadable =
        |e: std::io::Error| CustomerError::Unreadable { path: folder.display().to_string(), detail: e.to_string() };
    let mut folders = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.join("script.json").is_file() {
            folders.push(path);
        }
    }
    folders.sort();
    folders.iter().map(|f| CustomerScript::load(f)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn customers() -> Vec<CustomerScript> {
        load_all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("demo/customers")).expect("customers")
    }

    #[test]
    fn all_twelve_customers_are_shipped_with_their_speech() {
        let ids: Vec<String> = customers().iter().map(|c| c.id[..3].to_string()).collect();
        assert_eq!(ids.join(" "), "c01 c02 c03 c04 c05 c06 c07 c08 c09 c10 c11 c12");
        for c in customers() {
            assert!(c.order_type().is_some(), "{}: {}", c.id, c.service_type);
            assert_eq!(c.expected.scores.len(), 5, "{}", c.id);
        }
        assert_eq!(customers()[3].order_type(), Some(ServiceType::PaidRepair));
    }

    #[test]
    fn he_answers_questions_and_only_questions() {
        let all = customers();
        let check = |customer: usize, prompt: &str, want: &str| {
            let mut turns = CustomerTurns::new(Arc::new(all[customer - 1].clone()));
            let got = match turns.reply_to(&prompt.into()) {
                Response::Nothing => "-".to_string(),
                Response::Say(a) => a.text,
                Response::SayAndHangUp(a) => format!("{} †", a.text),
                Response::HangUp => "†".to_string(),
            };
            assert_eq!(got, want, "c{customer:02} {prompt}");
        };
        check(1, "greet_hello", "-");
        check(1, "recording_notice", "-");
        check(1, "opening_auto", "-");
        check(1, "identity_full/wang_mr", "对，我就是。");
        check(1, "identity_pre", "-");
        check(1, "name/wang_master_q", "对，我就是。");
        check(1, "consent_two_minutes", "可以，没问题，你说吧。");
        check(1, "intro_maintenance_1000", "做完了，昨天就做完了。");
        check(1, "ask_hours", "九百八十六个小时。");
        check(1, "sat_intro", "行，你问吧。");
        check(1, "probe_reason", "嗯。");
        check(1, "closing_full", "好嘞，谢谢啊，再见。 †");
        check(1, "reprompt_silence", "喂，你好。");
        check(1, "reprompt_not_heard", "-");
        check(1, "complaint_empathy", "-");
        check(1, "num/d4", "-");
        check(6, "refusal_end", "嗯。 †");
        check(7, "inconvenient_ask_time", "下午三点以后吧。");
        check(7, "inconvenient_confirm", "好，就这样。 †");
        check(8, "wrong_number", "没关系。 †");
        check(8, "goodbye", "†");
    }

    #[test]
    fn c09_who_is_pressed_after_his_refusal_insists() {
        let mut turns = CustomerTurns::new(Arc::new(customers()[5].clone()));
        let mut said = |prompt: &str| match turns.reply_to(&prompt.into()) {
            Response::Say(a) => a.q,
            other => panic!("{other:?}"),
        };
        assert_eq!(said("consent_two_minutes"), "consent");
        assert_eq!(said("ask_hours"), "insist");
        assert_eq!(said("consent_two_minutes"), "insist");
    }
}
