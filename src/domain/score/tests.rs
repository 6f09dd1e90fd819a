//! Turns of phrase across the steps of scoring: who is spoken of, what is told and what is rated, what a question asks for.

use super::{Answer, Indicator, Level, Rubric, SpokenTurn, answers_of_turns, score_call};
use crate::domain::transcript::Channel;
use Indicator::{Attitude, Overall, Parts, Skill, Timeliness};

fn level(indicator: Indicator, question: &str, text: &str) -> Option<u8> {
    Rubric::builtin().judge(&Answer::bare(Some(indicator), question, text)).label.map(Level::get)
}

fn check(indicator: Indicator, text: &str, want: impl Into<Option<u8>>) {
    assert_eq!(level(indicator, "您觉得怎么样", text), want.into(), "{text}");
}

/// The level of `indicator` after a talk in which agent and customer take turns.
fn talked(said: &[&str], indicator: Indicator) -> Option<u8> {
    let turn = |(i, text): (usize, &&str)| SpokenTurn {
        speaker: if i % 2 == 0 { Channel::Agent } else { Channel::Customer },
        start: i as f64 * 3.0,
        end: i as f64 * 3.0 + 2.0,
        text: (*text).to_string(),
    };
    let turns: Vec<SpokenTurn> = said.iter().enumerate().map(turn).collect();
    let card = score_call(Rubric::builtin(), &answers_of_turns(Rubric::builtin(), &turns));
    card.scores.iter().find(|s| s.indicator == indicator).and_then(|s| s.level).map(Level::get)
}

#[test]
fn his_own_verdict_outweighs_what_he_tells_beside_it() {
    check(Timeliness, "不太及时 车子停了两天才轮到我", 3);
    check(Timeliness, "隔一天才来 还算过得去", 4);
    check(Attitude, "态度还可以 年轻人嘛 闷头干活不吱声", 4);
    check(Attitude, "也不是说不好 就是来了话都不说一句", 3);
    check(Overall, "一般般 东西是原厂的 就是慢", 3);
    check(Overall, "人是好人 制度是烂制度 整体我给个一般吧", 3);
    check(Parts, "满意就谈不上啦 油管倒是现货", 3);
}

#[test]
fn convention_1_whoever_else_says_it_is_quoted() {
    check(Timeliness, "旁边沙场都讲你们来得特别慢 我这头一回叫", None);
    check(Attitude, "我师兄讲他凶 对我倒蛮和气", 4);
    check(Skill, "人家说得挺明白", 4);
    check(Timeliness, "说是八点来 七点四十就到了 很准时", 5);
    check(Skill, "老实说他手艺挺好", 4);
}

#[test]
fn what_is_said_of_the_caller_of_labour_or_of_the_machine_is_no_level_of_the_service() {
    check(Attitude, "他态度还行 你这个态度才不咋地", 4);
    check(Parts, "我就晓得工时费收得有点贵", None);
    check(Parts, "我现在跟你说的不是配件 是你们这车的质量", None);
    check(Skill, "漆补得不赖", 4);
    assert_eq!(talked(&["整机性能正常吗", "干活没问题"], Skill), None);
}

#[test]
fn convention_9_a_threat_is_read_with_what_stands_before_and_behind_it() {
    check(Overall, "我不是闹着要退机啊 你别误会 服务我觉得可以", 4);
    check(Overall, "讲过要退车 那是气头上的话 不作数的 挺好", 4);
    check(Overall, "再漏油我就把机子退给你们", 2);
    check(Overall, "下次还这么糊弄 我可要起诉", 2);
    check(Overall, "不退机什么都免谈", 1);
    check(Parts, "件装上去又坏的话 能换机还是能退机 你给我句话", None);
    check(Attitude, "得奖励他 你跟你们领导说说", 5);
    assert_eq!(talked(&["损失大概是多少", "三万块钱没了 这个你们得赔我"], Overall), None);
}

#[test]
fn convention_11_a_false_belief_a_mended_answer_and_the_dated_past_give_way_to_now() {
    check(Skill, "起先我当他不行 谁知修得特别漂亮 很满意", 5);
    check(Timeliness, "慢 哦搞错了 慢的是去年补漆那次 这次半天就搞掂 挺快的", 4);
    check(Timeliness, "要不是你们来得快 我早就急眼了 及时的", 4);
    let taken_back = ["来得及时吗", "及时", "还有别的要补充的吗", "刚才那个及时我收回 这个只能算一般"];
    assert_eq!(talked(&taken_back, Timeliness), Some(3));
    let cut_off = ["技术怎么样", "技术还可以 但是", "好的 服务态度呢", "你等我把话说完 当天又漏了 技术我看不行"];
    assert_eq!(talked(&cut_off, Skill), Some(2));
}

#[test]
fn convention_11_praise_right_before_a_complaint_is_meant_the_other_way_round_and_thirst_is_none() {
    check(Attitude, "态度真好啊 我讲一句他顶我三句", 2);
    check(Timeliness, "可太及时了 我家炕都烧凉三遍了他才露面", 2);
    check(Timeliness, "说好早上来 等到下午四点多 你讲快不快", 2);
    check(Attitude, "那后生真是没说的 一头汗连口水都没顾上喝", 5);
}

#[test]
fn convention_13_a_number_counts_where_the_scale_was_told_and_what_is_missing_from_it_does_not() {
    let scaled = |text: &str| level(Attitude, "1到5分 态度给几分", text);
    assert_eq!(scaled("四分吧 留一分让他长进"), Some(4));
    assert_eq!(scaled("四分 不 五分 扣啥子分哦"), Some(5));
    assert_eq!(scaled("三分到四分之间 你写四分好了"), Some(4));
    check(Timeliness, "二十五分钟", None);
    let told_once = ["按一到五分 服务技能打几分", "四分", "配件供应呢", "三分吧 齿轮油等了一天才凑齐"];
    assert_eq!(talked(&told_once, Parts), Some(3));
    let beside = ["一到五分 及时性几分", "四分吧 对了你们配件供应不行"];
    assert_eq!((talked(&beside, Timeliness), talked(&beside, Parts)), (Some(4), Some(2)));
}

#[test]
fn what_an_agent_asks_for_is_the_clause_that_asks() {
    let asked = |question: &str| {
        let turns = [question, "挺好"];
        Indicator::ALL.into_iter().filter(|i| talked(&turns, *i).is_some()).collect::<Vec<_>>()
    };
    assert_eq!(asked("配件供应呢 门锁是现有的吗"), [Parts]);
    assert_eq!(asked("嗯 技术好 那态度您怎么看"), [Attitude]);
    assert_eq!(asked("那卖配件的小李 服务态度怎么样"), [Attitude]);
    assert_eq!(asked("发货的速度呢 您怎么看"), [Timeliness]);
    assert_eq!(asked("首先是工程师的技能"), [Skill]);
    assert_eq!(asked("那店里人员的服务态度"), [Attitude]);
    assert_eq!(asked("您对工程师的服务太度满意吗"), [Attitude]);
    assert_eq!(asked("您对这次服务技能 态度 及时性都满意吗"), [Skill, Attitude, Timeliness]);
    assert_eq!(asked("离合器的维修想跟您回访一下 耽误两分钟可以吗"), []);
    assert_eq!(asked("大概后天下午三点您看行不行"), []);
    assert_eq!(asked("是没有货还是路上耽搁了呢"), []);
}

#[test]
fn a_reply_is_read_without_its_particles_and_with_what_it_goes_back_to() {
    let led = |text: &str| level(Attitude, "您对服务态度是满意的对吧", text);
    assert_eq!(led("嗯 是的咯"), Some(4));
    assert_eq!(led("嗯 对着呢"), Some(4));
    assert_eq!(level(Attitude, "态度上您肯定没话说对吧", "对"), Some(4), "a yes to praise is 满意 and no more");
    let again = ["配件供应评价怎么样", "嗯", "就是滤芯没带够这个事 您心里怎么看", "有待提高"];
    assert_eq!(talked(&again, Parts), Some(3));
    let mended = ["态度如何", "就那样", "是哪里让您觉得不够好吗", "小伙子挺礼貌的 我说错了 是还行"];
    assert_eq!(talked(&mended, Attitude), Some(4));
    let advice = Rubric::builtin().judge(&Answer::bare(None, "您还有什么意见建议吗", "没有了 就这样 挂了啊"));
    assert_eq!(advice.label, None);
    check(Parts, "不行不行 我正倒车呢 过会儿再打", None);
}
