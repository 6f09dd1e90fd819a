//! Which facts each service type must establish (rules D): the questions that an agent must put. How they are put is
//! [`questions`](crate::domain::facts::questions).

use super::speech::Line;
use crate::domain::facts::questions::About;

/// A required question by its public name.
pub(super) type Item = (&'static str, About);

const HOURS: Item = ("ask_hours", About::Hours);
const CHECKS: Item = ("ask_checks", About::Checks);
const PARTS: Item = ("ask_parts", About::Parts);
const CONTACT: Item = ("ask_contact_time", About::Requested);
const ARRIVAL: Item = ("ask_arrival", About::Arrival);
const FINISH: Item = ("ask_finish", About::Finish);
const LOCATION: Item = ("ask_location", About::Location);
const FAULT_FIX: Item = ("ask_fault_fix", About::Repair);
const FAULT_TIME: Item = ("ask_fault_time", About::FaultTime);
const RUNNING: Item = ("ask_running", About::Running);
const LEFTOVER: Item = ("ask_leftover", About::Leftover);
const FEE: Item = ("ask_fee", About::Fee);
const APPEARANCE: Item = ("ask_appearance", About::Appearance);
const TOOLS: Item = ("ask_tools_docs", About::Tools);
const PERFORMANCE: Item = ("ask_performance", About::Performance);
const TRAINING: Item = ("ask_training", About::Training);
const RESULT: Item = ("tell_result", About::Result);

/// An item's name for people.
pub(super) fn title(name: &str) -> &str {
    match name {
        "ask_hours" => "工作小时",
        "ask_checks" => "检查项目",
        "ask_parts" => "更换部件",
        "ask_contact_time" => "报修时间",
        "ask_arrival" => "到达时间",
        "ask_finish" => "完成时间",
        "ask_location" => "工作地点",
        "ask_fault_fix" => "故障处理",
        "ask_fault_time" => "故障时间",
        "ask_running" => "运行情况",
        "ask_leftover" => "遗留问题",
        "ask_fee" => "收费",
        "ask_appearance" => "外观",
        "ask_tools_docs" => "工具资料",
        "ask_performance" => "性能",
        "ask_training" => "培训",
        "tell_result" => "告知结果",
        other => other,
    }
}

/// The required questions of a service type as the dispatcher writes it.
pub(super) fn required(service_type: &str, out_of_warranty: bool) -> Vec<Item> {
    match service_type {
        "保养" => vec![HOURS, CHECKS, PARTS, CONTACT, ARRIVAL, FINISH, LOCATION],
        "交机" => vec![APPEARANCE, TOOLS, PERFORMANCE, TRAINING],
        "接收检查" => vec![APPEARANCE, TOOLS, PERFORMANCE],
        "零件购买" => vec![PARTS],
        "技术咨询" => vec![FAULT_FIX, RUNNING],
        "用户投诉" => vec![RESULT],
        other if other.contains('修') => {
            let mut items = vec![HOURS, FAULT_FIX, FAULT_TIME, ARRIVAL, FINISH, RUNNING, LEFTOVER, LOCATION];
            if out_of_warranty || other.contains('外') {
                items.push(FEE);
            }
            items
        }
        _ => Vec::new(),
    }
}

/// Leave is asked for before anything else.
const ASKS_LEAVE: [&str; 4] = ["回访可以", "耽误不了", "配合", "给您打合适"];

/// The line that asks for it.
pub(super) fn asked_by(item: Item, lines: &[Line]) -> Option<&Line> {
    lines.iter().find(|l| l.agent() && !l.has(&ASKS_LEAVE) && l.asks.contains(&item.1))
}
