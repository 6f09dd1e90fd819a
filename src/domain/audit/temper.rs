//! How it was said: arguing, defending, apologising, rude words, and the customer's anger (rules C21–C23, C28, F17).
//!
//! Contract: as [`super::conduct`]: each function finds the line that shows it, or nothing.

use super::conduct;
use super::speech::{self, Line, agents};
use crate::domain::facts::is_technical_question;
use crate::domain::score::Act;
use crate::domain::ways::{Ways, clauses};
use std::sync::LazyLock;

/// Blames, belittles, challenges.
static ATTACKS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        // His own fault.
        "您|你…自己…没|乱|瞎|拧坏|弄坏|搞坏|开坏|反省|造成|惹|看看|想想|擦擦|不会用|不小心|不注意|找的",
        "那是您|那是你|还不是您|还不是你|还不是因为您|谁让您|谁让你|谁叫您|谁叫你|活该",
        "是您加|是您用|是你用|是您弄|您用得太|用得太狠|您机器老…不行|太|老了|的|坏",
        "您|你|用户…操作|使用|保养|维护|驾驶…不当|不对|不规范|不到位|不及时",
        "使用不当|操作不当|保养不当|人为损坏|人为造成",
        "因为|由于|肯定是|就是|那是…您|你…没按|不按|没有按|不保养|没保养|不爱惜|没加|乱",
        "您也有责任|您要负|您得负|您自己负责|您怎么不早|你怎么不早|您咋不早",
        "是您先|是你先|一个巴掌拍不响|您先反省|你先反省|明明是",
        "您|你…怎么不|为什么不|干嘛不|干什么不|怎么没…早|问|说|看|打|提|先|自己|写|签|报|讲|查|验|保养",
        "您|你…心里没数|没数吗|心里清楚",
        "您|你…怎么就|怎么还|那还…签|验收|收货|收下|用了|认了",
        "签了字|签字了…等于|就是|说明|认可|认了",
        "您们|你们|您|你…自己…刮|碰|撞|摔|磕|砸|压|划",
        "您|你…也没用|也解决不了|有什么用|有用吗|没用的",
        "谁跟您说|谁跟你说|谁告诉您|谁答应|谁让您|谁规定",
        "您懂还是|您是专家|您比师傅|您比我们|您行您|您会修|您来修|有能耐|有本事您",
        "怎么能说|怎么能讲|怎么能算|怎么就您|怎么就你|偏偏就您|就您家|就您的|就您一",
        "您要是|你要是|您早|你早…客气|客客气气|好好|注意|爱惜|早说|早点…能|会|就|也",
        "您|你…脾气|性子…急|冲|大",
        "您|你…说话…冲|难听|有凭据|有证据|讲良心|凭良心|讲事实|讲证据|讲道理",
        "超负荷|硬干|猛干|蛮干|拿它当|不要命地|往死里",
        "便宜货|便宜没好货|一分钱一分货",
        "难道|莫非|何必呢|何苦|犯得着|用得着|还要我们怎|还想怎|还要怎|我能怎么办|我有什么办法|我们有什么办法|哪有十全|哪能事事|飞过去",
        "您|你…计较|较劲|纠缠|闹|为难|小题大做|大惊小怪|娇气|矫情|敏感|挑剔",
        // Challenges.
        "分得清|享受什么|受不了了|谁给您|想要什么服务|信口开河|拿出依据|也没办法|就这条件",
        "凭什么|关我什么事|关我们什么事|得理不饶人|说话要负责|说话注意|不爱听|有本事|无理取闹|胡搅蛮缠|较什么真|斤斤计较|不讲道理|讲不讲道理|挑刺|鸡蛋里挑",
        "这种|这点|这么点|屁大|多大点|多大…小事|事|问题…值得|至于|说|完了|也",
        "多大点事|多大个事|至于吗|犯得着|不算什么大事|又不值钱|就您事多|就你事多|事儿多",
        "嫌…贵|慢|不好|麻烦…就|您|你|别",
        "那您|那你|您去|你去|您找|你找|您可以去|爱…找哪家|哪家行|别家|别处|别人|别修|别用|谁家|找谁",
        "随便|尽管|爱|您去|你去…投诉|告吧|您告|你告|满意不满意|找谁|曝光",
        "您|你…不懂|懂什么|懂个|外行|又不是修",
        "您|你…吼|嚷|喊什么|凶什么|冲我|发什么火|急什么",
        "您也得|您也要|您也该|您得|您要…替|体谅|理解|为…师傅|我们|公司|人家",
        "谁推|谁骗|谁说的|谁不让|谁拦",
        "那不就|那怪谁|那能怪谁|怪谁|怨谁|赖谁",
        "想怎么样|想干什么|我就这态度|我就是这个态度|您怎么能|您凭|我跟您说不通|找谁都一样|您这是无理|您搞清楚|你搞清楚",
    ])
});

/// Says that it was not so, or not so bad.
static CONTRADICTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        // It was not so.
        "不可能|怎么可能|怎么会…呢|啊|吧…您再|您好好|您是不是|我们师傅",
        "师傅|我们|公司|工程师|人家|他…从来不|从来没|从不|不会这么|不会无|不可能|没错|没有错",
        "您|你…记错|记岔|记混|听错|看错|搞错|弄错了|误会|冤枉|污蔑|诬|胡说|瞎说|乱说|乱讲|撒谎|说谎|想多了|弄丢|夸张",
        "您|你…肯定没|根本没|肯定不|就没|肯定是您",
        "哪里慢|哪儿慢|哪有那么|哪慢|哪里贵|哪贵了|哪里晚|哪有您|没您说的|没有您说的|不是您说的|没有的事",
        "有证据|证据呢|拿出证据|没证据",
        "话不能这么说|不能这么说|不能这样讲|这就不对|您说的不对|您说得不对|您这样说不对",
        "不一定|未必|不见得|谁知道…是我们|我们的|我们修|师傅|我们家",
        "哪一次|哪一回|哪次|哪回…没|不|少",
        "不会吧|不能吧|不至于|不应该吧|没那么|哪至于|没您想的|而已|罢了",
        "跟|和|与…有什么关系|没什么关系|不相干|两码事|扯不上|挨不着",
        "写得|写着|签了|签的…清楚|明白|明明|您的字|您的名",
        "明明|分明…写|说|签|是|已经",
        // Others are content, it was quick enough, the road was bad.
        "全国|别的客户|别人|人家|哪家|谁家|换谁|换成谁|其他客户…都|也|没|不",
        "又不是|又没|也不是…光|就|只|单…您|你",
        "天|小时|钟头|这|已经|都…算快|算便宜|够快|很快了|不慢了|算早",
        "知足|您要求太高|要求还挺高|要求太多|要求这么高",
        "能|还|不能|不|怎么能|这能|怎能…赖|怪|怨…我们|师傅|公司|我|他",
        "赖不着我们|怪不着|怨不着|怪不到|赖不到|怨不到|怪我们吗|怪得着",
        "不是我们|不是公司|不是师傅…责任|问题|错",
        "跟|和|与…我们没|我们无|我没|质量没|质量无|配件没|配件无|公司没|公司无|我们不相|我们有什么|我有什么",
    ])
});

/// The same words where nothing is disputed: he is asked, asked why, or comforted.
static CALMS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        // What he may not grant, he refuses without disputing it.
        "没有权限|没权限|没有权力|做不了主|不敢…乱说|瞎说|乱讲|答应|做主",
        "没有权限|没有权力|做不了主",
        "抱歉|对不起|不好意思|都怪我们|责任在我们|这是我们的责任|就是我们的责任|我们的错|不怪您|不怪你|不是您的",
        "是谁|是哪位|是哪个…您的|您",
        "您先别|您别…急|着急|生气|发火|激动",
        "您|你…自己…换|做|修|买…是吗|的吗|对吧|对吗",
    ])
});

/// Its words argue, whatever the customer has said.
pub(super) fn disputes(line: &Line) -> bool {
    line.agent() && (attacks(line) || contradicts(&line.text) && !CALMS.said_in(&line.text))
}

/// Disputes or is rude: whatever he asks, he does not want to know.
pub(super) fn quarrels(line: &Line) -> bool {
    disputes(line) || line.agent() && (RUDE.said_in(&line.text) || leaves_it_to_him(&line.text))
}

/// 人家有没有给您宽限: whether it was so is asked, not denied.
fn contradicts(text: &str) -> bool {
    CONTRADICTS.said_in(text) && CONTRADICTS.said_in(&text.replace("有没有", "")) && !conduct::tagged(text)
}

/// 您先别激动 这是您机手操作不当: who calms in one clause may attack in the next.
pub(super) fn attacks(line: &Line) -> bool {
    ATTACKS.said_in(&line.text) && (!CALMS.said_in(&line.text) || ATTACKS.said_in(&uncalmed(&line.text)))
}

/// The clauses that do not calm.
fn uncalmed(text: &str) -> String {
    clauses(text).filter(|clause| !CALMS.said_in(clause)).collect::<Vec<_>>().join(" ")
}

const DISCONTENT: [&str; 56] = [
    "恶劣",
    "乱收",
    "收费乱",
    "气人",
    "生气",
    "推来",
    "敷衍",
    "糊弄",
    "忽悠",
    "坑",
    "失望",
    "不像话",
    "白修",
    "白跑",
    "丢了",
    "弄错",
    "不行",
    "不好",
    "不满",
    "不到位",
    "不通",
    "不对",
    "不管",
    "没修",
    "没人",
    "没检查",
    "没弄",
    "没解决",
    "没好",
    "没来",
    "没货",
    "没戴",
    "慢",
    "差",
    "贵",
    "高",
    "坏",
    "漏",
    "久",
    "难听",
    "骗",
    "老是",
    "等了",
    "投诉",
    "骂",
    "脏",
    "耽误",
    "拖",
    "糟",
    "烂",
    "三回",
    "几回",
    "几次",
    "两趟",
    "多收",
    "天了",
];

/// So many of the words below are said to nobody else.
const TAKES: usize = 51;

/// What an agent says to such a customer who does not argue: he is sorry, takes it down, sees to it, asks, goes on or says good-bye.
const RECEIVES: [&str; 71] = [
    "确实",
    "催一下",
    "催催",
    "抱歉",
    "对不起",
    "对不住",
    "不好意思",
    "过意不去",
    "赔个不是",
    "赔不是",
    "道歉",
    "致歉",
    "理解",
    "明白",
    "知道了",
    "记",
    "反映",
    "反馈",
    "上报",
    "汇报",
    "转",
    "核实",
    "核查",
    "核对",
    "查一下",
    "安排",
    "联系",
    "答复",
    "回复",
    "谢谢",
    "感谢",
    "好的",
    "好 ",
    "好，",
    "好嘞",
    "行 ",
    "行，",
    "请问",
    "您说",
    "您讲",
    "不便",
    "麻烦",
    "改进",
    "处理",
    "解决",
    "帮您",
    "让师傅",
    "让工程师",
    "请工程师",
    "请师傅",
    "派",
    "再见",
    "祝",
    "注意",
    "请您",
    "别担心",
    "别着急",
    "慢慢",
    "消消气",
    "打扰",
    "没关系",
    "不要紧",
    "找我",
    "拨打",
    "再打",
    "尊重",
    "热线",
    "改天",
    "先忙",
    "辛苦",
    "收到",
];

/// Any question, also one that is none.
const QUESTION: [&str; 18] = [
    "吗",
    "呢",
    "么",
    "什么",
    "哪",
    "几",
    "多少",
    "怎么",
    "谁",
    "还是",
    "是不是",
    "有没有",
    "咋",
    "多久",
    "没有",
    "吧",
    "打分",
    "打个分",
];

/// A question that wants an answer: its words, or its end.
pub(super) fn asks(line: &Line) -> bool {
    let words = ["什么", "哪", "怎么", "多少", "还是", "是不是", "有没有", "多久", "谁"];
    let ends = ["吗", "呢", "么", "没", "不", "没有", "是吧", "对吧"];
    line.has(&words) || clauses(&line.text).any(|clause| ends.iter().any(|end| clause.ends_with(end)))
}

/// Sounds like a customer who is not content.
pub(super) fn discontent(line: &Line) -> bool {
    // 没什么不满意的 is content.
    let spared = || {
        ["没什么不", "没啥不", "没有不"]
            .iter()
            .fold(line.text.clone(), |text, no| text.replace(&format!("{no}满"), "").replace(&format!("{no}好"), ""))
    };
    line.complains || line.has(&DISCONTENT) && DISCONTENT.iter().any(|w| spared().contains(w))
}

/// A question that wants no answer: 便宜货您敢用吗, 哪有不渗油的.
static RHETORICAL: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "敢|不也|不是|难道|能怪|至于|就不能|懂|这还|还要|还想|不就…吗|么|什么样|怎么样|怎样",
        "哪有|哪能|哪会|谁能|谁不|谁没|谁还|怎么能|怎么可能|怎么不|什么样的|谁说|谁让",
    ])
});

/// Shorter than this an answer says nothing either way, characters.
const SAYS_SOMETHING: usize = 7;

/// Makes little of it, right after a complaint: 这本来就不好修, 换谁来也一样.
static COUNTERS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "本来就|就是这样|就这样|都这样|都一样|一个样|正常现象|正常的|很正常|难免|免不了|没办法的事",
        "又不是|又没|谁都|谁也|谁家|换谁|哪家|人家|别人|别的客户…也|都|不|没",
        "再说了|话说回来|再怎么说|说句实话|说实话|按理说|其实…您|你|也|都|不",
        "能|有|给…就不错了|算不错了|够可以了|够意思了",
        "那|这+也是|不也是|还不是…给您|免费|为您|因为",
        "不等于|不代表|不能说明|不见得",
        "才|就…半个|几分钟|一天|两天|一会|几块|几十|一点点|这点",
        "已经|都…够|算|很|最…快|早|便宜|好|不错|客气",
        "体谅|理解一下|将就|知足|将心比心|换位思考",
        "明码标价|合同|按规定|规矩|白纸黑字|单子上|系统里",
        "您|你…自己|当初|当时|要是|早|也…没|不|得|该|有责任",
    ])
});

/// Shorter words are no argument, characters.
const COUNTER_MIN: usize = 6;

/// A statement against the customer's complaint that neither receives it nor asks on: 一天您就受不了了.
fn answers_back(said: &Line, answer: &Line) -> bool {
    // A refusal is pressed, a question answered: neither is disputed.
    let refuses = speech::refuses_visit(&said.text) && !said.text.starts_with("不行");
    let other = refuses || speech::stops_visit(&said.text) || is_technical_question(&said.text);
    let complains = discontent(said) && said.characters() >= 3 && !other;
    // Somebody who asks how to do it, or blames himself, is answered, not contradicted.
    let seeks = said.has(&["咋", "怎么", "为什么", "是我", "我没", "我不会", "吗", "呢", "好了", "没再", "正常"]);
    let handles = answer.has(&["调", "拧", "换一个", "放放", "试试", "加点", "清理", "以后", "赔", "退"]);
    let asked = answer.has(&QUESTION) && !RHETORICAL.said_in(&answer.text);
    let asks_fact = answer.items().next().is_some() && asks(answer);
    // What explains, and speaks not of him.
    let explains = answer.has(&["公司", "标准", "规定", "领导", "研究", "问题", "是的"]) && !answer.has(&["您", "你"]);
    // 我去催库房: he sees to it.
    let sees = clauses(&answer.text).any(|c| ["我去", "我马上", "我来", "我先"].iter().any(|w| c.starts_with(w)));
    let receives = sees || answer.has(&RECEIVES) || explains || asked || !answer.rates.is_empty() || asks_fact;
    let takes = answer.has(&RECEIVES[..TAKES]) || !answer.rates.is_empty() || asks_fact;
    let counters = COUNTERS.said_in(&answer.text) && !takes && answer.characters() >= COUNTER_MIN;
    complains && !seeks && !handles && (counters || !receives && answer.characters() >= SAYS_SOMETHING)
}

/// The customer says that he is argued with: 你这么说话就没意思了, 别跟我吼. 师傅 and 他 are spoken of, not the agent.
static PROTESTS: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "你|您+这么|咋这么|怎么这么|这样|咋|这人咋这么|这人怎么这么|咁样…说话|讲话|讲就|说就|问话",
        "你|您|你们…别|莫|少…跟我|冲我|同我|和我+吼|嚷|吵|喊|犟|抬杠",
        "别|莫|少+跟我|冲我|同我|和我+吼|嚷|吵|喊|犟|抬杠|来这套",
        "你|您+这人|这个人…说话|讲话…噎人|难听|这么|咋|怎么",
        "你|您+别|莫|少|甭+帮|替|护着|向着",
        "我+不跟你|懒得跟你|不想跟你|不同你+吵|争|犟|抬|扯|费嘴",
        "跟你|和你|同你+说不清|讲不清|说不通|讲不通|没法说|没法讲|没话说|没得讲",
        "我|我还|我能|我还能+编瞎话|骗你|说瞎话|冤枉你|讹你|讹你们|诬赖",
        "你|您+这是|这算|是+在|跟我+抬杠|吵架|顶嘴|讲歪理|推责任|抬扛",
        "你|您+这是什么话|这什么话|这什么态度|这是什么态度|这人咋说话|这人怎么说话|咋说话|怎么说话|们有理|有理",
        "什么叫|啥叫…我|敢|不能|正常|体谅",
        "正常|体谅|理解+啥|个啥|什么呀",
        "谁+体谅我|理解我",
        "我+怎么不能|怎么就不能|还不能说|眼瞎|瞎",
        "你|您+在现场吗|又不在现场|没在现场",
        "你|您+倒打一耙|倒怪起我|还怪我|还赖我|还怨我|倒赖",
    ])
});

/// C21: arguing, by its words, by what it answers to, or because the customer says so.
pub(super) fn argued(lines: &[Line]) -> Option<&Line> {
    let away = conduct::away_from_the_visit(lines);
    lines.iter().enumerate().find_map(|(i, l)| {
        let beside = |at: Option<usize>| at.and_then(|at| lines.get(at)).filter(|c| !c.agent());
        let back = || beside(i.checked_sub(1)).is_some_and(|said| answers_back(said, l));
        let protests = || beside(i.checked_add(1)).is_some_and(|reply| PROTESTS.said_in(&reply.text));
        let calms = || CALMS.said_in(&l.text) || away.contains(&l.turn);
        let advises = || beside(i.checked_sub(1)).is_some_and(|said| is_technical_question(&said.text));
        // 别人都加这个: where nothing is claimed, nothing is contradicted.
        // 讲没讲 — 啥培训 — 这么简单的话你听不懂吗: rude to who only asks back.
        let asked_back = || beside(i.checked_sub(1)).is_some_and(|said| asks(said) && !discontent(said));
        let disputes = || {
            attacks(l) && !(asked_back() && RUDE.said_in(&l.text))
                || disputes(l) && !away.contains(&l.turn) && !advises()
        };
        let argues = || disputes() || !calms() && (back() || i > 0 && protests());
        (l.agent() && l.does(Act::Argued, argues)).then_some(l)
    })
}

/// C22: explains or defends instead of listening.
pub(super) fn defends(line: &Line) -> bool {
    line.agent()
        && line.has(&[
            "这是规定",
            "按规定",
            "公司规定",
            "厂里规定",
            "我们也没办法",
            "没有办法",
            "我们已经尽力",
            "这个很正常",
            "属于正常",
            "都是这样",
            "哪家都",
            "谁家都",
            "别人都",
            "人家都",
            "不是我们的",
            "不归我们",
            "不属于我们",
            "跟我们",
            "您要理解",
            "您得理解",
            "您理解一下",
            "不贵啊",
            "不算慢",
            "不算贵",
            "不慢了",
            "已经算快",
            "已经很快",
            "这不怪",
            "也不能怪",
            "不能怨",
            "那是因为您",
            "是您没",
            "因为您",
            "他不是挺好",
            "我们师傅不会",
            "我们没有多收",
            "我们的师傅都",
            "不会吧",
        ])
}

/// C23.
pub(super) fn apologises(line: &Line) -> bool {
    line.agent()
        && line.has(&[
            "抱歉",
            "对不起",
            "不好意思",
            "添麻烦",
            "给您带来不便",
            "带来了不便",
            "向您道歉",
            "致歉",
            "让您久等",
            "让您费心",
        ])
}

/// F17: the customer is angry, by his words.
pub(super) fn angry(line: &Line) -> bool {
    line.has(&[
        "气死",
        "火大",
        "一肚子火",
        "一肚子气",
        "什么态度",
        "讲不讲理",
        "讲理不",
        "骗子",
        "垃圾",
        "他妈",
        "妈的",
        "混蛋",
        "滚",
        "欺负人",
        "欺人太甚",
        "忍无可忍",
        "受够",
        "太过分",
        "没完",
        "等着瞧",
        "走着瞧",
        "找你们领导",
        "叫你们领导",
        "让你们领导",
        "要投诉",
        "我投诉",
        "去投诉",
        "起诉",
        "法院",
        "曝光",
        "退机",
        "你这人怎么",
        "你怎么说话",
        "会不会说话",
        "你啥态度",
    ])
}

/// C28: polite words.
pub(super) fn courteous(lines: &[Line]) -> bool {
    agents(lines).any(|l| l.has(&["您", "请", "谢谢", "感谢", "打扰", "抱歉", "不好意思"]))
}

/// C28: rude words, or an attack on the customer. Who only contradicts him may do so politely.
pub(super) fn impolite(lines: &[Line]) -> Option<&Line> {
    agents(lines).find(|l| RUDE.said_in(&l.text) || attacks(l) || leaves_it_to_him(&l.text))
}

/// 爱修不修, 爱告不告.
fn leaves_it_to_him(text: &str) -> bool {
    let chars: Vec<char> = text.chars().collect();
    chars.windows(4).any(|w| w[0] == '爱' && w[2] == '不' && w[1] == w[3])
}

static RUDE: LazyLock<Ways> = LazyLock::new(|| {
    Ways::new(&[
        "聋|哑巴…啊|吗|了|我说",
        "你|您…别打岔|别插嘴|别废话|别啰嗦|少说",
        "你这种人|你这号人|这种人…说|没法|懒得",
        "少跟我|别跟我|少给我|少拿",
        "快点|快|搞快…我赶时间|我没时间|我还有事|我忙着|后头还|后面还|排着|还有好几|等着我",
        "有病|神经病|脑子有|没脑子|滚蛋|滚吧|给我滚|闭嘴|蠢|白痴|傻|没素质|没文化|不要脸|他妈|妈的|混蛋|活该|无聊",
        "烦死|真麻烦|烦不烦|烦人|啰嗦|罗嗦|废话|磨叽|磨蹭|墨迹|磨磨唧唧|少来|有完没完|没完没了|行了行了|喂喂喂",
        "麻利点|这有什么好想|有什么好说|行就行不行|要说就说|让你说你就|问那么多",
        "耳朵不好使|耳朵不好|耳背|没长耳…啊|吗|我|了",
        "懒得|没工夫|没空|没闲工夫…跟|理|听|管|废话",
        "关我|关你|关他|干我…屁|什么事|何事",
        "没义务|没必要|不想|没兴趣…跟你|跟您|解释|废话|听你",
        "放尊重|放客气|注意你的态度|你什么态度|你态度|你这态度|你这是什么",
        "这么简单|这点事|这点小事|这么点事…不会|不懂|说不清|弄不",
        "听不听得懂|听不听得见|到底想说|说半天|讲半天|啰里|磨磨唧唧|别啰|别磨",
        "找领导去|找去吧|告去吧|投诉去|有意见…去|找|提",
        "你…听明白|听懂|听清|听见|明白不|懂不|懂了…没|吗|不|么|我说",
        "你这个人|你这人|你们这些人|你们这种|你们这帮|这号人",
        "没功夫|没工夫|没空|没时间|懒得…听你|听您|跟你|跟您|陪你|扯|伺候",
        "拉倒|爱咋|爱谁谁|爱怎么|自己不会|没长眼|没长耳|没带耳|没带脑|问你呢|问你话|说话呀|说话啊|倒是说|吭声|吱声",
        "服了你|服了您|真服|无语|受不了你|难伺候|难缠|难搞|难说话|矫情|事儿妈|钻牛角尖|没见过你|没见过您",
        "那么多废话|废话多|少废|哪那么多|话真多|话多",
        "冲我|跟我|对我…喊|吼|嚷|发火|来劲|横|耍…没用|有用|干什么|什么",
        "你|您+有毛病|是不是有毛病",
        "你|您…听不懂|会不会|什么意思|个什么东西|算什么东西|算老几|到底|嚷|吼什么|凶什么|喊什么|急什么|谁啊|说不清",
        "听不懂…人话|中国话|吗|啊",
        "爱说不说|爱信不信|爱咋咋|爱满意|不说拉倒|不想说拉倒|你说不说|随便你|不管你|你爱",
        "赶紧的|赶紧说|快点说|你快说|快说|利索点|别磨",
        "开挖机的|种地的|乡下人|土包子…懂什么|懂啥|就|还",
        "自己的机器|自己的车|这都|这个都|连…不知道|不懂|不会|记不住",
        "可真行|真行啊|真有意思|可真会|真够可以|真难缠|真难伺候",
        "自己|你|您…翻去|找去|看去|想去|查去|找代理商去|问去|解决去",
        "别问我|问我干什么|问我也没用|跟我说没用|跟我说也没用|不归我管|不关我的事|跟我没关系|我管不着|我不管|找别人去|爱找谁找谁",
        "痛快点|干脆点|说重点|挑重点|别绕|别扯|扯什么|赶紧说正事|你说正事|您说正事|别吞吞吐吐|到底说不说|说不说",
        "你谁啊|你算|你以为|你想怎样|想怎么着|你还想|你还有理|你有理|你行你|你去告|你告去|随你便|随便你|爱告不告",
        "给我…好好说话|闭|听着|老实",
        "我就是这个态度|我就这态度|找谁都一样|又不值钱|跟你没话|跟你说不清|什么玩意|我没空",
    ])
});

pub(super) fn rude(lines: &[Line]) -> Option<&Line> {
    agents(lines).find(|l| RUDE.said_in(&l.text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Channel::{Agent, Customer};

    #[test]
    fn c21_an_argument_is_told_from_a_question_and_from_comfort() {
        let check = |said: &str, answer: &str, reply: &str, want: bool| {
            let turns = [(Customer, said), (Agent, answer), (Customer, reply)];
            let lines: Vec<Line> =
                turns.iter().enumerate().map(|(i, t)| Line::new(t.0, t.1, i as f64, i as f64, i)).collect();
            assert_eq!(argued(&lines).is_some(), want, "{said} — {answer} — {reply}");
        };
        check("进门先要钱", "那您为什么不报修呢 这可不是我们的责任", "", true);
        check("就是那个架势", "他先收钱没有错啊", "", true);
        check("驾驶室透风", "签了字就等于认可了嘛", "", true);
        check("修完又漏", "漏油也不一定就是我们修的问题", "", true);
        check("不行 修了三次", "三次那也是给您免费修的呀", "", true);
        check("三千六 你们收贵了", "原厂件就是这样的价格", "你这么讲话就没意思了", true);
        check("不满意", "这是我们的责任 对不起", "", false);
        check("拖得太久", "很抱歉 您的意见我们反馈上去 您对这次投诉处理满意吗", "", false);
        check("赖你们没泵", "甲方那边您跟人家说明情况了吗 有没有给您宽限几天", "", false);
        check("再看油缸漏不漏", "现在工作正常不", "", false);
        check("等五天", "五天确实久了 是我们备货没跟上", "", false);
    }

    #[test]
    fn c28_a_fault_of_the_machine_is_named_politely() {
        let rude = |text: &str| impolite(&[Line::new(Agent, text, 0.0, 1.0, 0)]).is_some();
        assert!(!rude("那您路上慢点 有毛病打我们热线"));
        assert!(!rude("那咱说正事啊 您的挖掘机多少小时了"));
        assert!(!rude("您说话慢慢来 不着急"));
        assert!(rude("您有毛病吧"));
        assert!(rude("快点行不行 我后头还排着好几个电话呢"));
    }
}
