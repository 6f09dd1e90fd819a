//! Which facts each service type must establish (rules D), and by which words an agent asks for them.

use super::speech::Line;

/// One required question.
pub(super) struct Item {
    pub name: &'static str,
    words: &'static [&'static str],
    /// With one of these in the same line, when not empty.
    with: &'static [&'static str],
}

const HOURS: Item = Item {
    name: "ask_hours",
    words: &["多少小时", "多少个小时", "几个小时", "小时数", "工作小时", "多少钟头"],
    with: &[],
};
const CHECKS: Item = Item {
    name: "ask_checks",
    words: &["检查", "查了", "查过", "看了哪", "看过哪", "给您查", "都查"],
    with: &["哪些", "什么", "做过", "做了", "吗", "没有"],
};
const PARTS: Item = Item {
    name: "ask_parts",
    words: &[
        "更换了",
        "更换过",
        "换了哪",
        "换了什么",
        "保养件",
        "哪些件",
        "什么零件",
        "哪些配件",
        "什么配件",
        "换过",
        "哪些零件",
        "换件",
        "换了",
        "买了",
        "购买了",
        "换的",
    ],
    with: &["哪", "什么", "吗", "没有", "多少", "对吧", "是吧"],
};
const CONTACT: Item = Item {
    name: "ask_contact_time",
    words: &[
        "联系我们",
        "联系代理商",
        "联系的",
        "要求做",
        "报的",
        "报修",
        "打电话联系",
        "拨打",
        "联系工程师",
        "约的",
        "预约",
        "打的电话",
        "要求保养",
        "报保养",
        "申请的",
        "打电话要求",
    ],
    with: &["什么时间", "什么时候", "几点", "哪天", "几号"],
};
const ARRIVAL: Item = Item {
    name: "ask_arrival",
    words: &[
        "到达",
        "到现场",
        "到的",
        "赶到",
        "几点到",
        "时候到",
        "时间到",
        "过去的",
        "来的",
        "几号到",
        "到你那",
        "到您那",
    ],
    with: &["什么时间", "什么时候", "几点", "几号", "多久", "哪天", "多长时间", "对吧", "是吧", "对吗", "是吗"],
};
const FINISH: Item = Item {
    name: "ask_finish",
    words: &[
        "处理好",
        "处理完",
        "修好",
        "弄好",
        "完成",
        "完工",
        "完的事",
        "完事",
        "干完",
        "修完",
        "做完",
        "保养完",
        "结束",
        "做好",
        "搞好",
    ],
    with: &["什么时间", "什么时候", "几点", "多久", "哪天", "多长时间", "时间", "对吧", "是吧", "对吗", "是吗"],
};
const LOCATION: Item = Item {
    name: "ask_location",
    words: &["地点", "在哪", "什么地方", "哪个工地", "哪里施工", "位置", "哪儿施工", "哪儿干活", "哪里干活"],
    with: &[],
};
const FAULT_FIX: Item = Item {
    name: "ask_fault_fix",
    words: &[
        "怎么给您处理",
        "怎么处理",
        "怎么修",
        "如何处理",
        "怎么解决",
        "怎样处理",
        "排除了吗",
        "解决了吗",
        "排除没",
        "怎么排除",
        "故障排除",
        "修得怎么样",
        "修好没",
        "修好了",
        "修的怎么样",
        "处理好了",
        "解决没",
        "排除没",
        "好了没",
        "什么毛病",
        "怎么弄",
        "哪里坏",
        "换了什么修",
        "问题解决",
        "怎么给您",
    ],
    with: &[],
};
const FAULT_TIME: Item = Item {
    name: "ask_fault_time",
    words: &["出现", "坏的", "发生", "发现", "出的", "出故障", "出的故障", "开始的", "有的这个"],
    with: &["什么时间", "什么时候", "几号", "哪天", "几点"],
};
const RUNNING: Item = Item {
    name: "ask_running",
    words: &[
        "运行正常",
        "运行的情况",
        "运行情况怎么样",
        "正常了吗",
        "正常吗",
        "使用正常",
        "机器怎么样",
        "现在好用",
        "恢复正常",
        "运行得怎么样",
        "运转正常",
        "好使",
        "好用",
        "正常不",
        "正常没",
        "正常吧",
        "用着怎么样",
        "使用怎么样",
        "还有毛病",
        "没毛病了",
        "使用情况",
        "用得怎么样",
        "能正常",
        "正常了",
    ],
    with: &[],
};
const LEFTOVER: Item = Item {
    name: "ask_leftover",
    words: &[
        "遗留",
        "其他问题",
        "别的问题",
        "其它问题",
        "还有没有问题",
        "还有什么问题",
        "没解决的",
        "没处理完",
        "别的毛病",
        "其他毛病",
    ],
    with: &[],
};
const FEE: Item = Item { name: "ask_fee", words: &["费用", "收费", "多少钱", "收了", "收取"], with: &[] };
const APPEARANCE: Item = Item { name: "ask_appearance", words: &["外观"], with: &[] };
const TOOLS: Item = Item { name: "ask_tools_docs", words: &["工具", "资料", "随机"], with: &[] };
const PERFORMANCE: Item = Item { name: "ask_performance", words: &["性能"], with: &[] };
const TRAINING: Item = Item {
    name: "ask_training",
    words: &["培训", "讲解", "日常维护", "教您", "讲过"],
    with: &["吗", "没有", "哪些", "怎么"],
};
const RESULT: Item = Item {
    name: "tell_result",
    words: &[
        "处理结果",
        "结果是",
        "处理意见",
        "已经安排",
        "已经处理",
        "核实",
        "决定",
        "给您答复",
        "做出了处理",
        "作出了处理",
        "处理决定",
        "处理情况",
        "满足不了",
        "答复是",
        "处理方案",
        "协商",
        "查实",
    ],
    with: &[],
};

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

/// The line that asks for it.
pub(super) fn asked_by<'a>(item: &Item, lines: &'a [Line]) -> Option<&'a Line> {
    lines.iter().find(|l| {
        // 差在哪里呢 asks why, not where.
        let asks_why = l.has(&["差在", "慢在", "不好在", "问题在", "不满意", "地方不", "地方没", "地方让"]);
        l.agent()
            && !l.text.contains("回访可以")
            && !asks_why
            && l.has(item.words)
            && (item.with.is_empty() || l.has(item.with))
    })
}
