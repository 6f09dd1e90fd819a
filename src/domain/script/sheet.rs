//! 话术单: the script of a service type as an agent reads it: the same steps in the same order, in words instead of clips.
//!
//! Contract: steps that the order rules out are left out, as on an unattended call; what only a machine would say is replaced by the
//! step's `agent` text. Not here: which step the agent is at (the agent says so), and what the answers are worth.

use super::dialogue::Brief;
use super::{Script, Step, StepKind};
use crate::domain::order::{Customer, Order, Title};
use crate::domain::score::Indicator;
use crate::domain::script::PromptManifest;

/// One step to read out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SheetStep {
    /// The journal's name of the step.
    pub step: String,
    /// In a few words, for the list of steps.
    pub title: String,
    pub say: String,
    /// The customer is asked something.
    pub ask: bool,
    pub indicator: Option<Indicator>,
    /// C25: what may be prompted when the customer is impatient.
    pub hint: Option<String>,
    /// What is to be learnt here (RULES D02–D31), by the names of the form.
    pub facts: Vec<&'static str>,
}

/// The sheet for one order.
pub fn sheet(script: &Script, prompts: &PromptManifest, order: &Order) -> Vec<SheetStep> {
    let brief = Brief::from_order(order);
    script.steps.iter().filter(|step| step.is_for(&brief)).map(|step| read(step, prompts, order)).collect()
}

fn read(step: &Step, prompts: &PromptManifest, order: &Order) -> SheetStep {
    let say = match (&step.agent, step.kind) {
        (Some(text), _) => text.clone(),
        (None, StepKind::Identity) => identity(&order.customer),
        (None, _) => prompts.text(&step.say),
    };
    let ask = match step.kind {
        StepKind::Statement | StepKind::Pause | StepKind::Closing => false,
        StepKind::Identity
        | StepKind::Consent
        | StepKind::Intro
        | StepKind::Fact
        | StepKind::Rating
        | StepKind::Suggestion
        | StepKind::Needs => true,
    };
    let hint = step.hint.as_ref().map(|id| prompts.text(std::slice::from_ref(id)));
    let fact = fact(&step.id);
    let title = step.title.clone().unwrap_or_else(|| fact.map_or_else(|| title(step), |(_, title)| title.into()));
    let facts = fact.map(|(name, _)| name).into_iter().collect();
    SheetStep { step: step.id.clone(), title, say, ask, indicator: step.indicator, hint, facts }
}

/// The fact that a step asks for: its name in the form, and for people.
fn fact(step: &str) -> Option<(&'static str, &'static str)> {
    Some(match step {
        "identity" => ("respondent", "确认身份"),
        "consent" => ("consent", "征得同意"),
        "ask_hours" => ("machine_hours", "实际工作小时"),
        "ask_arrival" => ("arrival_time", "到场时间"),
        "ask_finish" => ("finish_time", "完成时间"),
        "ask_fault_time" => ("fault_time", "故障出现时间"),
        "ask_location" => ("location", "服务地点"),
        "ask_parts" | "ask_parts_replaced" | "ask_grease" => ("parts_replaced", "更换部件"),
        "ask_checks" => ("checks", "检查项目"),
        "ask_fee" => ("fee_yuan", "收费金额"),
        "ask_running_normal" => ("running_normal", "是否正常运行"),
        "ask_leftover" => ("leftover_problem", "遗留问题"),
        "ask_needs" => ("demand", "服务需求"),
        _ => return None,
    })
}

fn title(step: &Step) -> String {
    let words = match step.kind {
        StepKind::Statement | StepKind::Pause => "告知",
        StepKind::Identity => "确认身份",
        StepKind::Consent => "征得同意",
        StepKind::Intro => "说明来意",
        StepKind::Fact => "核实情况",
        StepKind::Rating => step.indicator.map_or("评价", Indicator::name),
        StepKind::Suggestion => "意见建议",
        StepKind::Needs => "服务需求",
        StepKind::Closing => "结束语",
    };
    words.into()
}

/// C04: 您是**先生(女士)吗. Unlike the clips, a person can say every name.
fn identity(customer: &Customer) -> String {
    let title = match customer.title {
        Some(Title::Mr) => "先生",
        Some(Title::Ms) => "女士",
        Some(Title::Master) | None => "师傅",
    };
    match customer.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(name) => format!("请问您是{name}{title}吗？"),
        None => "请问您是机主本人吗？".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::id::OrderNo;
    use crate::domain::order::{Claims, ServiceType};
    use crate::domain::phone::Phone;
    use crate::domain::script::tests::{FILES, shipped, shipped_prompts};
    use std::collections::BTreeSet;

    const SCRIPT: &str = r#"
service_type = "质保期内修理"
version = 1
[[steps]]
id = "opening"
kind = "statement"
say = ["opening"]
agent = "我是客服代表。"
[[steps]]
id = "identity"
kind = "identity"
[[steps]]
id = "temporary"
kind = "fact"
say = ["temporary"]
when = "temporary_fix"
[[steps]]
id = "sat_skill"
kind = "rating"
say = ["skill"]
hint = "scale"
indicator = "服务技能"
"#;

    #[test]
    fn every_step_has_a_title_and_those_of_the_form_name_their_fact() {
        let check = |id: &str, kind: &str, more: &str, title: &str, facts: &[&str]| {
            let step: Step = toml::from_str(&format!("id = \"{id}\"\nkind = \"{kind}\"\n{more}")).unwrap();
            let order = order(None, false);
            let read = read(&step, &PromptManifest::default(), &order);
            assert_eq!((read.title.as_str(), read.facts.as_slice()), (title, facts), "{id}");
        };
        check("ask_hours", "fact", "", "实际工作小时", &["machine_hours"]);
        check("identity", "identity", "", "确认身份", &["respondent"]);
        check("ask_complaint_who", "fact", "", "核实情况", &[]);
        check("sat_skill", "rating", "indicator = \"服务技能\"", "服务技能", &[]);
        check("closing", "closing", "", "结束语", &[]);
        check("greeting", "statement", "title = \"问候\"", "问候", &[]);
        check("ask_grease", "fact", "title = \"润滑脂加注\"", "润滑脂加注", &["parts_replaced"]);
    }

    #[test]
    fn no_two_steps_of_a_shipped_sheet_have_the_same_title() {
        let prompts = shipped_prompts();
        for (file, service_type) in FILES {
            for temporary_fix in [false, true] {
                let order = Order { service_type, ..order(None, temporary_fix) };
                let steps = sheet(&shipped(file), &prompts, &order);
                let titles: BTreeSet<&str> = steps.iter().map(|step| step.title.as_str()).collect();
                assert_eq!(titles.len(), steps.len(), "{file}: {titles:?}");
            }
        }
    }

    fn order(name: Option<&str>, temporary_fix: bool) -> Order {
        Order {
            no: OrderNo::new("1"),
            service_type: ServiceType::WarrantyRepair,
            customer: Customer {
                name: name.map(String::from),
                title: Some(Title::Ms),
                phone: Phone::parse("13800138000").unwrap(),
            },
            claims: Claims { temporary_fix: Some(temporary_fix), ..Claims::default() },
        }
    }

    fn steps(name: Option<&str>, temporary_fix: bool) -> Vec<(String, String, bool, Option<String>)> {
        let script: Script = toml::from_str(SCRIPT).unwrap();
        let manifest = "id\tseconds\ttext\nopening\t1\t我是语音。\ntemporary\t1\t临时处理后能用吗？\nskill\t1\t技能怎么样？\nscale\t1\t您可以说满意。";
        let order = order(name, temporary_fix);
        let sheet = sheet(&script, &PromptManifest::parse(manifest).unwrap(), &order);
        sheet.into_iter().map(|s| (s.step, s.say, s.ask, s.hint)).collect()
    }

    #[test]
    fn an_agent_reads_what_the_machine_says_but_for_what_only_a_machine_says() {
        let of = |step: &str, say: &str, ask, hint: Option<&str>| {
            (step.to_owned(), say.to_owned(), ask, hint.map(String::from))
        };
        let opening = of("opening", "我是客服代表。", false, None);
        let skill = of("sat_skill", "技能怎么样？", true, Some("您可以说满意。"));
        let asked = |say: &str| of("identity", say, true, None);
        assert_eq!(steps(Some("诸葛"), false), [opening.clone(), asked("请问您是诸葛女士吗？"), skill.clone()]);
        let temporary = of("temporary", "临时处理后能用吗？", true, None);
        assert_eq!(steps(None, true), [opening, asked("请问您是机主本人吗？"), temporary, skill]);
    }
}
