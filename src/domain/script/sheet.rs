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
    pub kind: StepKind,
    pub say: String,
    /// The customer is asked something.
    pub ask: bool,
    pub indicator: Option<Indicator>,
    /// C25: what may be prompted when the customer is impatient.
    pub hint: Option<String>,
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
    SheetStep { step: step.id.clone(), kind: step.kind, say, ask, indicator: step.indicator, hint }
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
indicator = "skill"
"#;

    fn steps(name: Option<&str>, temporary_fix: bool) -> Vec<(String, String, bool, Option<String>)> {
        let script: Script = toml::from_str(SCRIPT).unwrap();
        let manifest = "id\tseconds\ttext\nopening\t1\t我是语音。\ntemporary\t1\t临时处理后能用吗？\nskill\t1\t技能怎么样？\nscale\t1\t您可以说满意。";
        let order = Order {
            no: OrderNo::new("1"),
            service_type: ServiceType::WarrantyRepair,
            customer: Customer {
                name: name.map(String::from),
                title: Some(Title::Ms),
                phone: Phone::parse("13800138000").unwrap(),
            },
            claims: Claims { temporary_fix: Some(temporary_fix), ..Claims::default() },
        };
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
