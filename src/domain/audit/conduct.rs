//! What the agent said: led, argued, defended, pushed, promised, strayed (rules C09, C14, C17, C19, C21–C25). Who spoke when is
//! [`super::talk`].
//!
//! Contract: each function finds the line that shows it, or nothing. Words are a first version; a flag without a line does not exist.

use super::speech::{self, Line, agents};
use crate::domain::facts::number;

/// C25: the level is put into the customer's mouth.
pub(super) fn led(lines: &[Line]) -> Option<&Line> {
    let tails = [
        "对吧",
        "是吧",
        "没错吧",
        "对不对",
        "是不是",
        "满意吧",
        "可以吧",
        "行吧",
        "不错吧",
        "挺好吧",
        "没问题吧",
        "好吧",
        "是满意的",
        "应该满意",
    ];
    let levels =
        ["满意", "挺好", "不错", "还行", "很好", "没问题", "没什么问题", "及时", "可以", "非常好", "5分", "五分"];
    agents(lines).find(|l| {
        let records =
            l.has(&["给您记", "记满意", "记个满意", "就算满意", "算您满意", "帮您选", "给您写", "给您填", "给您打"])
                && l.has(&levels);
        let tagged = tails.iter().any(|t| l.text.trim_end_matches(|c: char| !c.is_alphanumeric()).ends_with(t))
            && l.has(&levels);
        let pushes = l.has(&[
            "肯定是满意",
            "一定满意",
            "都挺满意的",
            "肯定满意",
            "麻烦您说满意",
            "说非常满意",
            "打个满分",
            "给个好评",
            "给个五分",
            "给个满意",
        ]);
        records || tagged || pushes
    })
}

/// C19: the agent goes on before `pause_s` have passed where the customer's words end in a turn.
pub(super) fn cut_after_but(lines: &[Line], pause_s: f64) -> Option<&Line> {
    lines.windows(2).find_map(|w| {
        let [customer, agent] = w else { return None };
        let follows = !customer.agent() && agent.agent() && agent.from_s - customer.to_s < pause_s;
        let invites = agent.has(&["您说", "请说", "请讲", "您讲", "没关系", "您继续", "不着急", "慢慢说"]);
        (follows && cut_after_turn(&customer.text) && !invites).then_some(agent)
    })
}

fn cut_after_turn(text: &str) -> bool {
    let text = text.trim_end_matches(|c: char| !c.is_alphanumeric());
    ["但是", "不过", "就是", "可是", "但", "就是那个", "但是那个", "不过那个", "就是有", "但是有"]
        .iter()
        .any(|w| text.ends_with(w))
}

/// C09: a question or another request after a refusal.
pub(super) fn pushed(lines: &[Line]) -> Option<&Line> {
    let at = lines.iter().position(|l| !l.agent() && speech::refuses_visit(&l.text))?;
    let asked = speech::consent_asked(lines)?;
    // Only a refusal of the visit counts; 不行 to a later question is an answer.
    let answers_consent = lines[..at]
        .iter()
        .filter(|l| l.agent() && l.from_s > asked.from_s)
        .all(|l| l.rates.is_empty() && !speech::is_question(l));
    if !answers_consent {
        return None;
    }
    lines[at + 1..].iter().filter(|l| l.agent()).find(|l| {
        let asks_time = l.has(&["什么时间方便", "什么时候方便", "几点方便", "改天", "另外的时间"]);
        let leaves = l.has(&["再见", "打扰您了", "不打扰", "不耽误"]);
        let little = l.text.contains('就') && l.has(&["问题", "分钟", "几句", "两句", "一句", "一下就"]);
        let insists = little
            || l.has(&[
                "就两分钟",
                "就一分钟",
                "很快的",
                "很快就",
                "就几个问题",
                "就问",
                "简单问",
                "配合一下",
                "不会耽误",
                "马上就好",
                "您就",
                "最后一个",
                "就耽误",
                "再问",
                "几句话",
            ])
            || speech::is_question(l);
        insists && !asks_time && (!leaves || l.text.contains('吗'))
    })
}

/// C14: talk that is no part of the visit.
pub(super) fn offtopic(lines: &[Line]) -> Option<&Line> {
    agents(lines).find(|l| strays(l))
}

fn strays(l: &Line) -> bool {
    l.has(&[
        "天气",
        "股票",
        "房价",
        "孩子",
        "结婚",
        "对象",
        "老家是",
        "您是哪里人",
        "吃饭了吗",
        "吃了吗",
        "打牌",
        "喝酒",
        "足球",
        "世界杯",
        "看电视",
        "电视剧",
        "贷款",
        "保险产品",
        "理财",
        "微信加",
        "加个微信",
        "彩票",
        "旅游",
        "生意好做",
        "工资多少",
        "一年挣",
        "挣多少",
        "果园",
        "种地",
        "种了",
        "庄稼",
        "收成",
        "什么行情",
        "行情怎么样",
        "行情咋样",
        "行情好",
        "我老家",
        "我们老家",
        "我家也",
        "我们那儿也",
        "我们这儿也",
        "上学",
        "高考",
        "相亲",
        "追剧",
        "电影",
        "明星",
        "直播",
        "打麻将",
        "钓鱼",
        "养猪",
        "养鸡",
        "过年回",
        "几口人",
        "媳妇",
        "您贵庚",
        "属什么",
        "星座",
        "体重",
        "养生",
        "中奖",
        "您家是不是",
        "您老家",
        "买房",
        "基金",
        "信用卡",
        "办卡",
        "推销",
        "多大年纪",
        "多大岁数",
        "抖音",
        "买车",
        "减肥",
        "油价",
        "口音",
        "老乡",
    ]) && !l.has(&["天气原因", "微信公众号", "工程师微信"])
}

/// C14: the share of the agent's characters that strays.
pub(super) fn offtopic_share(lines: &[Line]) -> f64 {
    let all: usize = agents(lines).map(Line::characters).sum();
    let strays: usize = agents(lines).filter(|l| strays(l)).map(Line::characters).sum();
    strays as f64 / all.max(1) as f64
}

/// C17: a promise beyond an agent's authority.
pub(super) fn promised_beyond_authority(lines: &[Line]) -> Option<&Line> {
    agents(lines).find(|l| {
        let gives = l.has(&[
            "给您退",
            "给您换",
            "给您赔",
            "给您免",
            "免费给您",
            "给您减",
            "给您打折",
            "送您一",
            "赠送您",
            "我保证",
            "保证给您",
            "我担保",
            "肯定给您换",
            "肯定给您退",
            "一定给您换",
            "一定给您退",
            "免收",
            "不收您",
            "退您",
            "赔您",
            "补偿您",
            "包您满意",
            "延长保修",
            "延保",
            "全额退",
            "免费换",
            "免费更换",
            "给您优惠",
            "免费送",
            "给您便宜",
            "我答应您",
            "我给您做主",
            "肯定能",
            "保证明天",
            "保证今天",
            "我保证",
            "打包票",
            "拍胸脯",
            "包在我身上",
            "包换",
            "包退",
            "免费修",
            "免费给",
            "免费上门",
            "送您",
            "送你",
            "给您送",
            "给您补偿",
            "给您返",
            "返您",
            "减免",
            "打折",
            "优惠您",
            "不要钱",
            "不收费",
            "不收钱",
            "下次免",
            "肯定给您",
            "绝对给您",
            "一定给您退",
            "一定帮您退",
            "一定帮您换",
            "一周内给您换",
            "三天内给您换",
            "给您做主",
        ]);
        let asks_first =
            l.has(&["请示", "反馈", "上报", "核实后", "不能保证", "没法保证", "不能给您", "无法", "做不了主"])
                && !l.has(&["我保证", "我担保", "肯定给您", "打包票"])
                || l.has(&[
                    "公司决定",
                    "公司同意",
                    "经批准",
                    "领导批准",
                    "领导同意",
                    "已经批",
                    "按公司",
                    "保修期内",
                    "质保期内",
                    "三包",
                ]);
        gives && !asks_first
    })
}

/// The agent says that somebody will call back (A19).
pub(super) fn callback_promised(lines: &[Line]) -> Option<&Line> {
    agents(lines).find(|l| {
        let calls = l.has(&[
            "回电",
            "回您电话",
            "给您回复",
            "给您答复",
            "回复您",
            "答复您",
            "再给您打",
            "给您打电话",
            "再联系您",
            "再跟您联系",
            "再和您联系",
            "与您联系",
            "跟您联系",
            "和您联系",
            "联系您",
            "给您去电话",
            "给您来电",
            "给您去个电话",
            "给您回个",
            "给您一个答复",
            "给您个答复",
            "打给您",
            "给您致电",
            "给您打过去",
            "打过去",
            "给您回电",
            "回电话",
            "给他打电话",
            "再打给",
            "再给您打",
            "再打过来",
        ]);
        let invites = l.has(&["与我们联系", "和我们联系", "跟我们联系", "您联系我们", "拨打四零零", "拨打400"])
            && !l.has(&["给您回", "回复您", "联系您", "答复", "跟您联系", "和您联系", "再联系"]);
        let past = l.has(&[
            "昨天给您",
            "上次给您",
            "联系您一下的吗",
            "是否给您打",
            "哪位",
            "哪一位",
            "谁跟您",
            "有没有给您打",
            "给您打过电话",
            "给您打过了",
            "给您打电话是",
            "今天给您打电话",
            "联系过您",
            "系统出现故障",
        ]) || speaks_of_before(&l.text);
        calls && !invites && !past
    })
}

/// 之前给您打过 tells of the past; 下班之前给您回电 sets a time: what stands before 之前 decides.
fn speaks_of_before(text: &str) -> bool {
    let told = ["之前给您", "之前打", "之前联系", "之前有人"];
    let timed = [
        "下班", "点", "点半", "天黑", "中午", "晚上", "下午", "上午", "今天", "明天", "后天", "周末", "月底", "号",
        "日", "天",
    ];
    told.iter().flat_map(|w| text.match_indices(w)).any(|(at, _)| !timed.iter().any(|t| text[..at].ends_with(t)))
}

/// C24: a telephone number after the question.
pub(super) fn field_phone_given<'a>(lines: &'a [Line], question: &Line) -> Option<&'a Line> {
    agents(lines).filter(|l| l.from_s >= question.from_s).find(|l| {
        let digits = number::digits_of(&l.text);
        let own_hotline = digits.contains("400658");
        let mobile = digits.len() >= 7 && !own_hotline;
        mobile
            || l.has(&[
                "电话告诉您",
                "电话是",
                "号码是",
                "电话发给您",
                "电话给您",
                "号码给您",
                "号码告诉您",
                "手机号是",
                "您记一下",
                "发到您手机",
                "短信发给您",
            ]) && !l.has(&["拨打四零零", "拨打400"])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Channel;

    #[test]
    fn a19_a_call_back_before_an_hour_is_promised_and_one_made_before_is_past() {
        let promised = |text: &str| callback_promised(&[Line::new(Channel::Agent, text, 0.0, 1.0, 0)]).is_some();
        assert!(promised("好的 今天下班之前给您回电话"));
        assert!(promised("明天上午十点之前给您答复"));
        assert!(!promised("之前给您打过电话 您没有接"));
        assert!(!promised("我们之前联系您是为了保养的事"));
    }
}
