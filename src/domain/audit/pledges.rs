//! What the agent promised: something that is not his to give (C17), a call back (A19), somebody's telephone number (C24).
//!
//! Contract: as [`super::conduct`]: each function finds the line that shows it, or nothing.

use super::speech::{self, Line, agents};
use super::temper;
use crate::domain::facts::number;
use crate::domain::score::Act;
use crate::domain::ways::Ways;
use std::sync::LazyLock;

/// Money, goods and terms that only the company can grant.
static GIFTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "退…整机|机器|定金|全款|差价",
        "成本价|进货价|内部价|出厂价|员工价|友情价",
        "费|钱|损失|工钱…我们|公司|我这边|厂里…掏|出|垫|报|赔|担",
        "全免|免掉|免单|不收了|给您免|一分不收|不算钱",
        "补|赔…一箱|一桶|一台|一个|一套|双倍|十倍",
        "算|都算|全算…我们的|我的|公司的|厂里的",
        "钱|一分|一毛|费用…一分不要|不要您|不要你|不收您|不收你",
        "进价|成本|内部价|批发价…给您|给你|拿|算",
        "走个特殊|走个后门|特殊处理|特批|通融|破个例|开个口子",
        "误工|误的工|工钱|停工|油钱|路费…补|赔|报|给您",
        "肯定|一定|绝对|保证…赔|退|换新|免费|不收",
        "退|返|返还|补|让利|减…您|给您|给你…块|元|百|千|钱|一半",
        "钱|款|差价|工钱…到|打|退|转…账上|卡上|账户|手机上|微信",
        "罚|扣|处分|撤…他|师傅|那个人…钱|工资|百|块|奖金|出气",
        "申请下来|批下来|肯定批|肯定能批|肯定有|跑不了|少不了您",
        "照样|一样|全部|统统|通通…不收|免费|不要钱|包",
        "全额退|退款|退您|退你|给您退|给你退|帮您退|退给您|退还给您",
        "退…块|元|一半|差价…钱|给您|您",
        "给您|给你|按|我们|公司|由我们…赔",
        "赔您|赔你|真赔|赔偿您|补偿您|给您补偿|作为补偿|补给您|补您",
        "损失|费用|运费|拖车费…我们|公司|厂里|厂家…承担|负责|出|报销",
        "给您|给你|为您|我让|安排|再|下次|下回|这次|直接…免费",
        "免费…给您|给你|帮您|再给|送|上门",
        "一分钱|一毛钱…不|不用|没",
        "不用您|不用你|不要您|不让您…出|花|掏|付|钱",
        "不收您|不收你|不收钱|不收费|不要钱|不要您钱|分文不",
        "给您|给你|我|一律|都|下次|下回…打…折",
        "五折|六折|七折|八折|九折|对折|半价",
        "抹零|抹个零|抹掉零|优惠您|给您优惠|便宜您|给您便宜|给您少|少收您|给您减|给您免|减免|免了",
        "送您|送你|赠送|奉送|白送|给您送…桶|台|个|套|次|箱|油|件|滤|保养|礼|卡|券",
        "延长|多保|加保|延|顺延…保修|质保|一年|两年|半年|个月",
        "给您|给你|帮您…延保",
        "给您|给你|为您|直接|马上|三天|一周|明天|我们…换…新|台|总成|整机|全套",
        "新机|新车|新机器|新的…拉过去|送过去|送到|开过去|给您",
        "保内算|按保内|算保内|当保内|按质保算",
        "打到|转到|汇到|退到|充到…卡|账|微信|支付宝",
        "开除|辞退|炒了他|扣他…您|放心|工资|奖金|了",
        "包换|包退|包赔|无条件",
    ])
});

/// The agent's own word for what comes: an oath, or a certain result by a certain time.
static OATHS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "我|咱|我们|绝对…保证|担保|承诺|打包票|拍胸脯",
        "打保票|打包票|立军令状|拍胸脯|拿工资担保|一分钟都不会晚|误不了|雷打不动",
        "保证…修好|到货|送到|装上|换上|不坏|不会|天|点|小时|明天|今天|给您",
        "百分之百|百分百|人格担保|包在我身上|包我身上|说话算话|说到做到|肯定算数|一定算数|绝不会再|绝对不会再",
        "后天|明天|今天|今晚|上午|下午|点…准到|准时到|一定到|肯定到|保证到|就修好|准修好",
        "到不了|修不好|办不到|做不到…找我|我负责|算我的|我来",
        "一定给您|肯定给您|绝对给您…修好|解决|办好…明天|今天|就",
        "我拍板|我说话管用|管用|算我的|我担着|我兜着",
        "我做主|我能做主|我作主|我说了算|给您做主|我负全责|我负责到底|修不好我",
        "我|这边…答应…退|换|赔|给|您|你",
        "今天|明天|后天|今晚|晚上|上午|下午|天内|小时内|天之内|小时之内|之前…一定|肯定|绝对|准…修好|弄好|送到|到货|换上|装上|解决",
    ])
});

/// What makes it no promise: it is asked for, put before somebody, uncertain, denied.
static DEFERS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "申请|请示|反馈|上报|反映|汇报|登记",
        "要|等|需要|得|由…公司|领导|经理|主管…批|定|决定|同意",
        "能不能|可不可以|是否|看看能|核实|鉴定|评估|争取|尽量|尽力",
        "不能|不敢|没法|无法|没有权限|没权限|做不了主|没权力|不便|没办法…保证|承诺|答应|给您|您|说|退|赔|免",
        "做不了主|没有权限|没权限|无权|不好说",
        "期内|三包|按规定|按政策|按照规定|标准|公司决定|公司同意|已经批|批准|处理结果|处理方案|经过核|经核|查实",
        "咨询|以后才|鉴定后|确认后",
        "已经~补发|发了|寄了|退了|换了|退给|换给",
    ])
});

/// What was, or what somebody else said: 师傅给您免费换的是吗.
static RETOLD: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "他说|您说|您是说|师傅说|说是|听说|您的意思|您刚才",
        "师傅|工程师|他|她|那边|上次…给您|帮您|送您|免费|换|送|退…是吗|了吗|对吗|没有|是吧|对吧|的吗|了没",
        "是不是|有没有|收没收|是…吗",
    ])
});

/// C17: a promise beyond an agent's authority.
pub(super) fn promised_beyond_authority(lines: &[Line]) -> Option<&Line> {
    let promises = |l: &&Line| {
        let certain = l.has(&["申请下来", "批下来", "肯定有", "肯定批", "肯定能批"]);
        let deferred = DEFERS.said_in(&l.text) && !certain || RETOLD.said_in(&l.text) || asks(&l.text);
        // 给您赔不是, 这不能算我们的: an apology and a quarrel give nothing.
        let said = l.text.replace("赔不是", "").replace("赔个不是", "").replace("赔礼", "");
        !deferred
            && !temper::disputes(l)
            && (GIFTS.said_in(&said) || OATHS.said_in(&l.text) && !l.has(&["服务质量", "答复", "反映", "转达"]))
    };
    agents(lines).find(|l| l.does(Act::Promised, || promises(l)))
}

/// The whole line is a question.
fn asks(text: &str) -> bool {
    let end = text.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '？' && c != '?');
    end.ends_with(['吗', '么', '？', '?']) || end.ends_with("没有") || end.ends_with("是吧") || end.ends_with("对吧")
}

/// Our side will call, answer or tell him.
static CALLS_BACK: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "给您|跟您|向您|和您…回话|回音|回信|回复|答复|回电|准信|准话|消息|信儿|说法|交代",
        "回您电话|给您回复|给您答复|回复您|答复您|给您回个|给您回电|给您回话|给您回音|给您回信|给您准信|给您个准信|给您一个准信|给您个信|给您个说法|给您一个说法|给您一个答复|给您个答复|给您答复",
        "我|我们|师傅|工程师|经理|主管|专人|同事|领导|人员|服务站|代理商|售后|他|业务员|马上|稍后|晚点|一会|会|让|再|到时|明天|下午|今天|之后|尽快…给您|跟您|和您|与您|向您|打您…打电话|打个电话|去电话|去个电话|来电话|来电|致电|回电|通电话|通个电话|打过去|拨过去|联系|对接|沟通|联络|取得联系|电话",
        "会|让|叫|安排|再|马上|稍后|晚点|一会|到时|尽快|明天|后天|下午|上午|晚上|点…打给您|打过去|打过来|拨过来|拨过去|拨给您|打给他|给他打电话|回电话|回电|致电|联系您|找您沟通|找您了解|电话联系",
        "有结果|有消息|有进展|第一时间|完|清楚|明白|到时|出来|确认|好了|稍后|马上…告诉您|通知您|告知您|回复您|给您说|跟您说",
        "拨|打|回…您这个号|这个电话|您手机|回去|回过去",
        "再做一次回访|再回访|再做回访|再次回访",
        "等|到了|好了|出来…通知您|告诉您|告知您|联系您|给您打",
        "回过去|回过来|给您回过|回复过去",
        "等我|等我们|等他…消息|电话|回话|通知",
        "给您|给你…个话|准话|个信|个说法|个交代|个结果|打回去|打回来|回过去",
        "会有人|有人会|专人|他们|站里|厂里|技术员|技术部|主管|领导…找您|跟您电话|联系您|给您打|核实",
        "打电话|电话|短信|发信息…通知您|告诉您|告知您",
        "留意|注意接|保持…电话|手机|来电",
        "回头|晚点|稍后|明天|今天|一会|到时|查到|查清|问到|问清|问好|有信|有了结果|第一时间…告诉您|跟您讲|跟您说|跟您约|和您约|给您说|给您讲|通知您",
        "工程师|师傅|同事|站长|经理…跟您|和您|与您…约时间|约个时间|约一下|预约",
        "再联系您|再跟您联系|再和您联系|再给您打|再打给您|回头联系您|给您回过去",
    ])
});

/// Calls that were, that the customer made or shall make, and this one.
static OTHER_CALLS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "之前给您|之前跟您|之前有人|之前打|昨天|上次|前天|前几天|刚才|有人|是否|有没有…给您打|跟您联系|联系您|联系过|打过|打了",
        "打过电话|打过了|联系过您|联系了吗|联系您一下的吗|打电话是|打电话主要|打电话想|系统出现故障",
        "哪位|哪一位|哪个|谁…联系|打",
        "什么时候|什么时间|几点…联系|打…的|我们|师傅|报",
        "这个结果|处理结果|结果是…跟您说|给您说|跟您讲|告诉您",
        "您|你…给师傅|给工程师|给我们|给他…打",
        "跟您|给您|和您…联系|打…了吗|没有|过吗|的吗|了没|了吧|过没|过吧",
        "给您打的|给你打的|先给您打|您先打|还是您",
        "去之前|来之前|上门前|到之前|提前…打|联系|通知…了|过|吗|没",
    ])
});

/// 您随时与我们联系: the customer is to call.
static INVITES: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "与我们|和我们|跟我们|同我们…联系",
        "拨打|打…四零零|400|热线",
        "您|直接…联系他|联系我们|打给他|打他|找他",
        "感谢|谢谢…接听",
    ])
});

static TO_HIM: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "给您回|回复您|联系您|答复|跟您联系|和您联系|与您联系|再联系|打给您|致电您|通知您|告诉您|给您打|给您电话|准信",
    ])
});

/// The agent says that somebody will call back (A19): by when, where any such line says it.
pub(super) fn callback_promised(lines: &[Line]) -> Option<&Line> {
    let by_rule = |l: &Line| {
        let invites = INVITES.said_in(&l.text) && !TO_HIM.said_in(&l.text);
        // 就您反映的事我跟您沟通一下 耽误您几分钟: that is this call.
        let this_call = speech::asks_consent(l) && l.has(&["分钟", "耽误", "占用", "打扰"]);
        // 一定给您满意答复 closes a call and names nobody who calls.
        let said = l.text.replace("满意答复", "").replace("满意的答复", "");
        CALLS_BACK.said_in(&said)
            && !invites
            && !this_call
            && !OTHER_CALLS.said_in(&without_deadlines(&l.text))
            && !tells_a_number(l)
    };
    let promises = |l: &&Line| l.does(Act::CallsBack, || by_rule(l));
    let timed = |l: &&Line| promises(l) && speech::time_named(&l.text).is_some();
    agents(lines).find(timed).or_else(|| agents(lines).find(promises))
}

/// 下班之前给您回电 sets a time, 之前给您打过 tells of the past: what stands before 之前 decides.
fn without_deadlines(text: &str) -> String {
    const TIMED: [&str; 22] = [
        "班", "点", "半", "黑", "晚", "早", "午", "晚上", "天", "末", "底", "号", "日", "周", "一", "二", "三", "四",
        "五", "六", "礼拜", "年",
    ];
    TIMED.iter().fold(text.to_owned(), |text, time| text.replace(&format!("{time}之前"), time))
}

/// 我把电话告诉您: a number is given, nobody calls.
fn tells_a_number(l: &Line) -> bool {
    l.has(&["电话告诉您", "号码告诉您", "电话发给您", "电话给您", "号码给您", "您记一下"])
        && !l.has(&["回电", "打给您", "联系您"])
}

/// Words with which a number is handed over.
static HANDS_OVER: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "电话|号码|联系方式|手机号|微信…告诉您|发给您|给您|发您|发到|短信",
        "电话是|号码是|手机号是|您记一下|您记个|您记下",
        "短信发给您|发到您手机|发您手机",
    ])
});

/// C24: a telephone number after the question, and not our own hotline's.
pub(super) fn field_phone_given<'a>(lines: &'a [Line], question: &Line) -> Option<&'a Line> {
    agents(lines).filter(|l| l.from_s >= question.from_s).find(|l| {
        let other_than_ours = |run: &String| run.len() >= 7 && !run.contains("400658");
        let hotline = l.has(&["拨打四零零", "拨打400", "打四零零", "打400"]);
        number::digit_runs(&l.text).iter().any(other_than_ours) || HANDS_OVER.said_in(&l.text) && !hotline
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
    #[test]
    fn a19_this_call_its_result_and_the_closing_formula_are_no_promise() {
        let check = |text: &str, want: bool| {
            let line = Line::new(Channel::Agent, text, 0.0, 1.0, 0);
            assert_eq!(callback_promised(&[line]).is_some(), want, "{text}");
        };
        check("就您反映的事我跟您沟通一下 耽误您几分钟 您看方便吗", false);
        check("给您补做了保养 这个结果跟您说一声", false);
        check("感谢您的信任 一定给您满意答复", false);
        check("晚上八点前给您个回话", true);
        check("我叫李工今晚之前给您打过去", true);
        check("您看什么时候方便 我再给您打", true);
    }

    #[test]
    fn f11_of_two_promises_the_one_with_a_time_is_shown() {
        let said = ["我让站里联系您", "我今天下午五点以前给您回电话"];
        let lines: Vec<Line> = (0..2).map(|i| Line::new(Channel::Agent, said[i], i as f64, i as f64, i)).collect();
        assert_eq!(callback_promised(&lines).map(|l| l.turn), Some(1));
    }

    #[test]
    fn c17_what_has_been_sent_already_is_no_promise() {
        let promised =
            |text: &str| promised_beyond_authority(&[Line::new(Channel::Agent, text, 0.0, 1.0, 0)]).is_some();
        assert!(!promised("我们库房已经把正确的斗齿给您补发了 错的由我们承担运费"));
        assert!(!promised("给您赔不是了 那服务综合您怎么评价"));
        assert!(!promised("不可能的 收费是系统里定死的 一分钱都多收不了 是您自己记岔了"));
        assert!(promised("多收的我给您退回去 月底之前一准到您卡上"));
    }
}
