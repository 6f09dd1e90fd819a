//! Which facts each service type must establish (rules D), and by which words an agent asks for them.

use super::speech::Line;
use super::ways::Ways;
use crate::domain::facts::ASKS_WHY;
use std::sync::LazyLock;

/// One required question.
pub(super) struct Item {
    pub name: &'static str,
    /// [`Ways`] of asking for it.
    ways: LazyLock<Ways>,
    /// Words that ask for it where the agent tells it and ends in 对吧; empty: it cannot be asked so.
    told: &'static [&'static str],
}

macro_rules! items {
    ($($id:ident = $name:literal: [$($way:literal),+ $(,)?] $(told $($told:literal),+)?;)+) => {
        $(static $id: Item =
            Item { name: $name, ways: LazyLock::new(|| Ways::new(&[$($way),+])), told: &[$($($told),+)?] };)+
    };
}

items! {
    HOURS = "ask_hours": ["多少小时|多少个小时|几个小时|小时数|工作小时|多少钟头|多少个钟头|小时表|计时表", "表|机器…走到|跑到|显示…多少"];
    CHECKS = "ask_checks": [
        "检查|查了|查过|看了|看过|给您查|都查…哪|什么|做过|做了|吗|没有|没",
        "哪些|什么|做过|做了…检查",
    ];
    PARTS = "ask_parts": [
        "更换了|更换过|换了|换过|换的|换件|买了|购买了|买的|换上…哪|什么|吗|没有|多少|对吧|是吧|没",
        "哪些|什么|哪几样|几样…零件|配件|保养件|换件|部件|件",
        "保养件…换|买",
    ];
    CONTACT = "ask_contact_time": [
        "什么时间|什么时候|几点|哪天|几号…联系我们|联系代理商|联系的|要求做|报的|报修|打电话|拨打|联系工程师|约的|预约|打的电话|要求保养|报保养|申请的|报",
        "联系我们|联系代理商|报修|报的|报保养|约的|预约|打电话…什么时间|什么时候|几点|哪天|几号",
    ];
    ARRIVAL = "ask_arrival": [
        "什么时间|什么时候|几点|几号|多久|哪天|多长时间…到达|到现场|到的|赶到|到您|到你|过去的|过来的|来的|去的|上门|到",
        "到达|到现场|到的|赶到|来的|过去的…什么时间|什么时候|几点|几号|多久|哪天|多长时间|对吧|是吧|对吗|是吗",
    ] told "到的", "到达", "赶到", "来的";
    FINISH = "ask_finish": [
        "什么时间|什么时候|几点|多久|哪天|多长时间|时间…处理好|处理完|修好|弄好|完成|完工|完的|完事|干完|修完|做完|保养完|结束|做好|搞好|弄完|弄利索|整完",
        "处理好|处理完|修好|弄好|完成|完工|完事|干完|修完|做完|保养完|结束|做好|搞好…什么时间|什么时候|几点|多久|哪天|多长时间|用了多|对吧|是吧|对吗|是吗",
    ] told "完工", "修好", "弄好", "完成", "结束", "做完", "干完";
    LOCATION = "ask_location": [
        "地点|在哪|什么地方|哪个工地|位置|哪儿干|哪里干|哪里施工|哪儿施工|哪边干",
    ];
    FAULT_FIX = "ask_fault_fix": [
        "怎么|如何|怎样…处理|修的|修好|给您修|解决|排除|弄|给您",
        "排除|解决|修好|修复|处理好|弄好…了吗|了没|没有|了么",
        "修得|修的|处理得|处理的…怎么样|咋样|怎样",
        "故障排除|什么毛病|哪里坏|哪儿坏|哪坏|换了什么修|问题解决|好了没|修好了|处理好了",
        "哪个|什么…部位|地方|零件…坏",
    ];
    FAULT_TIME = "ask_fault_time": [
        "什么时间|什么时候|几号|哪天|几点…出现|坏的|发生|发现|出的|出故障|出来|开始|有的这个|犯的",
        "出现|坏的|发生|发现|出的|出故障|开始的…什么时间|什么时候|几号|哪天|几点",
    ];
    RUNNING = "ask_running": [
        "运行正常|运行的情况|运行情况|运行状况|运转|正常了|正常吗|正常吧|正常不|正常没|使用正常|恢复正常|能正常|使用情况",
        "现在|目前|用着|使着|使用|用得|跑着|开着|运行…怎么样|好用|好使|良好|能用|有劲没|咋样|顺手",
        "机器|设备|挖机…好用|好使|良好|能用|有劲没|顺手",
        "机器怎么样|设备怎么样|挖机怎么样",
        "还有毛病|没毛病|还有没有毛病|还漏不漏|还响不响|还漏吗|还响吗",
        "故障|毛病|异响|漏油|问题…现在|目前|还有吗|还有没有|消失",
    ];
    LEFTOVER = "ask_leftover": [
        "遗留|其他问题|别的问题|其它问题|还有没有问题|还有什么问题|没解决的|没处理完|别的毛病|其他毛病",
        "还有|有没有|剩下…没弄完|没修完|没解决|没处理|没弄好|没修好",
    ];
    FEE = "ask_fee": ["费用|收费|多少钱|收了|收取|收您|花了多少|花多少"];
    APPEARANCE = "ask_appearance": ["外观|掉漆|磕碰|划痕"];
    TOOLS = "ask_tools_docs": ["工具|资料|随机|说明书|合格证"];
    PERFORMANCE = "ask_performance": ["性能|试机|试车", "试了|试过|测试…机器|没有|怎么样"];
    TRAINING = "ask_training": ["培训|讲解|日常维护|教您|教过|讲过|教…吗|没有|哪些|怎么|没"];
    RESULT = "tell_result": [
        "处理结果|结果是|处理意见|已经安排|已经处理|核实|决定|给您答复|做出了处理|作出了处理|处理情况|满足不了|答复是|处理方案|协商|查实|核查|调查清楚",
    ];
}

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
pub(super) fn required(service_type: &str, out_of_warranty: bool) -> Vec<&'static Item> {
    match service_type {
        "保养" => vec![&HOURS, &CHECKS, &PARTS, &CONTACT, &ARRIVAL, &FINISH, &LOCATION],
        "交机" => vec![&APPEARANCE, &TOOLS, &PERFORMANCE, &TRAINING],
        "接收检查" => vec![&APPEARANCE, &TOOLS, &PERFORMANCE],
        "零件购买" => vec![&PARTS],
        "技术咨询" => vec![&FAULT_FIX, &RUNNING],
        "用户投诉" => vec![&RESULT],
        other if other.contains('修') => {
            let mut items = vec![&HOURS, &FAULT_FIX, &FAULT_TIME, &ARRIVAL, &FINISH, &RUNNING, &LEFTOVER, &LOCATION];
            if out_of_warranty || other.contains('外') {
                items.push(&FEE);
            }
            items
        }
        _ => Vec::new(),
    }
}

/// Leave is asked for before anything else.
const ASKS_LEAVE: [&str; 4] = ["回访可以", "耽误不了", "配合", "给您打合适"];

/// The line that asks for it.
pub(super) fn asked_by<'a>(item: &Item, lines: &'a [Line]) -> Option<&'a Line> {
    let tells = |l: &Line| {
        let end = l.text.trim_end_matches(|c: char| !c.is_alphanumeric());
        ["对吧", "是吧", "对吗", "是吗", "没错吧"].iter().any(|tag| end.ends_with(tag)) && l.has(item.told)
    };
    lines
        .iter()
        .find(|l| l.agent() && !l.has(&ASKS_WHY) && !l.has(&ASKS_LEAVE) && (item.ways.said_in(&l.text) || tells(l)))
}
