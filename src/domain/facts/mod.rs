//! Facts in the customer's own words: hours, times, place, parts, fee, state of the machine, who spoke and whether he agreed.
//!
//! Contract: pure; every fact carries its quote and its time; what was not said stays `None`, never false or 0. A later correction
//! (不对, 应该是 …) wins. Nothing is compared with the order here: that is the truth check.

mod about;
mod fee;
mod happened;
pub mod number;
mod parts;
mod people;
pub(in crate::domain) mod questions;
mod reply;
mod seen;
mod state;
pub mod time;
mod words;

use crate::domain::score::{Act, Answer, Learned, Likely, Rubric, plain, to_simplified};
use crate::domain::ways::any_of;
use questions::About;
use serde::{Deserialize, Serialize};

pub(in crate::domain) use about::settle;
pub use parts::parts_in;
pub use people::{consent_of, is_refusal, respondent_of};
pub use seen::seen_in;
pub(in crate::domain) use state::{done_by_now, still_broken};
pub use words::is_technical_question;

/// One fact with the words that state it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact<T> {
    pub value: T,
    pub quote: String,
    /// Seconds on the recording's axis.
    pub at_s: Option<f64>,
    pub turn: Option<usize>,
}

/// Who spoke (C04, C08).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Respondent {
    Confirmed,
    /// Somebody else who knows the service.
    OtherInformed,
    Unconfirmed,
    NotPresent,
    WrongNumber,
}

/// 征得用户同意 (C07).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    Given,
    Refused,
    NotAsked,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Hours on the machine's meter (D03).
    pub machine_hours: Option<Fact<f64>>,
    /// When the service was asked for (D07), in the short form of [`time`].
    pub requested_time: Option<Fact<String>>,
    /// When the fault appeared (D14).
    pub fault_time: Option<Fact<String>>,
    /// What the engineer looked at (D08, D10).
    pub checks: Option<Fact<Vec<String>>>,
    /// D05.
    pub arrival_time: Option<Fact<String>>,
    /// D06.
    pub finish_time: Option<Fact<String>>,
    /// D11.
    pub location: Option<Fact<String>>,
    /// D09, D17; an empty list = said that nothing was replaced.
    pub parts_replaced: Option<Fact<Vec<String>>>,
    /// D18.
    pub fee_yuan: Option<Fact<f64>>,
    /// D15.
    pub running_normal: Option<Fact<bool>>,
    /// D16.
    pub leftover_problem: Option<Fact<bool>>,
    /// When the customer wants to be called (A07).
    pub callback_when: Option<Fact<String>>,
    pub respondent: Option<Fact<Respondent>>,
    pub consent: Option<Fact<Consent>>,
    /// The customer asked a technical question (C24).
    pub tech_question: Option<Fact<bool>>,
}

/// Reads the facts out of the answers of one call, with the rubric's learned words beside the rules.
pub fn facts_of(rubric: &Rubric, answers: &[Answer]) -> Facts {
    read_with(rubric.learned().map(AsRef::as_ref), answers)
}

fn read_with(learned: Option<&Learned>, answers: &[Answer]) -> Facts {
    let mut facts = Facts::default();
    let mut before: Vec<About> = Vec::new();
    for answer in answers {
        let text = to_simplified(as_said(answer));
        if text.is_empty() {
            continue;
        }
        let question = plain(&answer.question);
        let mut asked = questions::asked(&question);
        let does = learned.map(|l| l.acts_seen(&text, &question, &seen::signs(&asked, &question, &text)));
        if let Some(learned) = learned {
            about::settle(&mut asked, &learned.acts(&question, ""));
        }
        if asked.is_empty() && answer.indicator.is_none() && questions::asked_again(&question) {
            // A number may be told more exactly; a place or a time counts where it was not told before.
            let open = |a: &&About| match a {
                About::Hours | About::Fee => true,
                About::Location => facts.location.is_none() && text.contains('在'),
                About::Arrival => facts.arrival_time.is_none(),
                About::Finish => facts.finish_time.is_none(),
                _ => false,
            };
            asked = before.iter().filter(open).copied().collect();
        }
        for about in &asked {
            read(&mut facts, *about, &asked, answer, &question, &text);
        }
        let any = |words: &[&str]| any_of(&question, words);
        if any(&["您是", "是您本人", "先生吗", "女士吗", "师傅吗", "机主吗"]) {
            replace(&mut facts.respondent, respondent_of(&text).and_then(|r| fact(answer, r)));
        }
        if any(&["可以吗", "方便吗", "耽误您", "行吗", "打扰您"]) {
            replace(&mut facts.consent, consent_of(&text).and_then(|c| fact(answer, c)));
        }
        let technical =
            || is_technical_question(&text) || words::asks_how(&text) && words::is_technical_matter(&question);
        let asks = does.as_ref().map_or_else(technical, |does| does.sure(Act::Technical));
        if facts.tech_question.is_none() && asks {
            facts.tech_question = fact(answer, true);
        }
        if let Some(does) = &does {
            let ruled = asked.contains(&About::Leftover) && state::leftover(&question, &text) == Some(true);
            weigh_leftover(&mut facts, answer, ruled, does);
        }
        spontaneous(&mut facts, &asked, answer, &text);
        before = asked;
    }
    if let (Some(a), Some(f)) = (&facts.arrival_time, &mut facts.finish_time) {
        f.value = time::after(&a.value, &f.value);
    }
    facts.tech_question = facts.tech_question.take().or_else(|| referred(answers));
    // What does not run is left to do, whether or not that was asked; the learned words hear it themselves.
    if let (Some(runs), None) = (&facts.running_normal, &facts.leftover_problem)
        && !runs.value
        && learned.is_none()
    {
        facts.leftover_problem = Some(Fact { value: true, ..runs.clone() });
    }
    facts
}

/// 是不是那个调压板的事 — 我把驻点工程师的电话发您: what the agent sends on to an engineer was a technical question.
fn referred(answers: &[Answer]) -> Option<Fact<bool>> {
    let asks = ["咋", "怎么", "是不是", "啥", "什么", "为什么", "能不能", "吗", "哪", "多少", "没电了"];
    let hands_on = |reply: &str| {
        let engineer = any_of(reply, &["工程师", "经理", "驻点", "驻地", "师傅", "李工", "技术员"]);
        let number = any_of(reply, &["电话", "手机", "号码"]);
        let declines = [
            "技术上",
            "技术问题",
            "不是技术",
            "不懂",
            "说不准",
            "不敢乱说",
            "他懂",
            "他能",
            "指导您",
            "给您查",
            "跟您说",
        ];
        engineer && number && any_of(reply, &declines)
    };
    answers.windows(2).find_map(|pair| {
        let [answer, next] = pair else { return None };
        let text = to_simplified(as_said(answer));
        let sent_on = any_of(&text, &asks) && hands_on(&plain(&next.question));
        sent_on.then(|| fact(answer, true)).flatten()
    })
}

/// His words as they were said: the other recogniser's where the first heard none.
fn as_said(answer: &Answer) -> &str {
    let own = answer.text.trim();
    if own.is_empty() { answer.also_heard.first().map_or("", |(_, heard)| heard) } else { own }
}

fn fact<T>(answer: &Answer, value: T) -> Option<Fact<T>> {
    Some(Fact { value, quote: as_said(answer).to_string(), at_s: answer.start_s, turn: answer.turn })
}

/// The answer to one of the things that were asked.
fn read(facts: &mut Facts, about: About, asked: &[About], answer: &Answer, question: &str, text: &str) {
    // 收了八百对吧 … 对: what was told is what he says.
    let said = reply::told(question, text);
    let said = said.as_deref().unwrap_or(text);
    match about {
        About::Hours => replace(&mut facts.machine_hours, words::hours(said).and_then(|h| fact(answer, h))),
        About::Requested => replace(&mut facts.requested_time, happened::time_said(said).and_then(|t| fact(answer, t))),
        About::FaultTime => replace(&mut facts.fault_time, happened::time_said(said).and_then(|t| fact(answer, t))),
        About::Checks => replace(&mut facts.checks, words::checks(said).and_then(|c| fact(answer, c))),
        About::Arrival => replace(
            &mut facts.arrival_time,
            happened::of_event(about, asked, question, said).and_then(|t| fact(answer, t)),
        ),
        About::Finish => replace(
            &mut facts.finish_time,
            happened::of_event(about, asked, question, said).and_then(|t| fact(answer, t)),
        ),
        About::Location => replace(&mut facts.location, words::place(said).and_then(|p| fact(answer, p))),
        // 换了节温器 是这样对吧 — 对 防冻液是添的: what he told before stands.
        About::Parts if questions::ends_in_tag(question) && facts.parts_replaced.is_some() => {}
        About::Parts if questions::ends_in_tag(question) && reply::leading(text) == Some(true) => {
            facts.parts_replaced = parts::parts(question).and_then(|p| fact(answer, p));
        }
        About::Parts => {
            let found = parts::parts(said).filter(|found| !found.is_empty() || !asks_for_one(facts, question, said));
            replace(&mut facts.parts_replaced, found.and_then(|p| fact(answer, p)));
        }
        About::Repair => {
            if state::still_broken(text) {
                replace(&mut facts.running_normal, fact(answer, false));
            }
            if facts.parts_replaced.is_none() {
                facts.parts_replaced = parts::parts_in_passing(text).and_then(|p| fact(answer, p));
            }
        }
        // 合理吗 asks for an opinion.
        About::Fee if question.contains("合理") && !question.contains("多少") => {}
        About::Fee => replace(&mut facts.fee_yuan, fee::fee(said).and_then(|f| fact(answer, f))),
        About::Running => {
            replace(&mut facts.running_normal, state::running(question, text).and_then(|r| fact(answer, r)))
        }
        About::Leftover => {
            replace(&mut facts.leftover_problem, state::leftover(question, text).and_then(|l| fact(answer, l)))
        }
        About::Callback => replace(&mut facts.callback_when, happened::time_said(said).and_then(|t| fact(answer, t))),
        // 前天给您换了喷油嘴 这是处理结果 — 换是换了.
        About::Result => {
            let agrees = reply::leading(text) == Some(true)
                || ["知道", "收到", "换", "晓得", "看到", "见"].iter().any(|w| text.starts_with(w));
            if facts.parts_replaced.is_none() && agrees {
                facts.parts_replaced = parts::parts_in_passing(question).and_then(|p| fact(answer, p));
            }
        }
        About::Appearance | About::Tools | About::Performance | About::Training => {}
    }
}

/// What was asked for and is left over by the rules stands, unless the learned words rule it out; they also hear it unasked.
fn weigh_leftover(facts: &mut Facts, answer: &Answer, ruled: bool, does: &Likely) {
    let says = does.agree(Act::Unfinished, || ruled);
    if says || ruled {
        facts.leftover_problem = fact(answer, says);
    }
}

/// 空滤换没换 — 空滤没换: one part stayed, what was told of others holds.
fn asks_for_one(facts: &Facts, question: &str, said: &str) -> bool {
    let told = facts.parts_replaced.as_ref().is_some_and(|parts| !parts.value.is_empty());
    told && !parts::nothing_changed(said) && !parts::parts_in(&question.replace("换没换", "换")).is_empty()
}

/// Asked again, the later answer holds.
fn replace<T>(slot: &mut Option<Fact<T>>, found: Option<Fact<T>>) {
    if found.is_some() {
        *slot = found;
    }
}

/// What is said unasked: 四点多就修好了 in the answer about the arrival, a technical question, a wrong number.
fn spontaneous(facts: &mut Facts, asked: &[About], answer: &Answer, text: &str) {
    // 他晚上收工 六点半以后吧: when he can be called.
    let when_to_call = asked.contains(&About::Callback);
    for (about, slot) in [(About::Arrival, &mut facts.arrival_time), (About::Finish, &mut facts.finish_time)] {
        if slot.is_none() && !asked.contains(&about) && !when_to_call {
            *slot = happened::in_passing(about, text).and_then(|t| fact(answer, t));
        }
    }
    let unasked = |about| !asked.contains(&about);
    if facts.machine_hours.is_none() && unasked(About::Hours) {
        facts.machine_hours = words::hours_in_passing(text).and_then(|h| fact(answer, h));
    }
    if facts.fee_yuan.is_none() && unasked(About::Fee) {
        facts.fee_yuan = fee::fee_in_passing(text).and_then(|f| fact(answer, f));
    }
    if facts.parts_replaced.is_none() && unasked(About::Parts) && parts::nothing_changed(text) {
        facts.parts_replaced = fact(answer, Vec::new());
    }
    if facts.location.is_none() && unasked(About::Location) {
        facts.location = words::place_in_passing(text).and_then(|p| fact(answer, p));
    }
    if facts.running_normal.is_none() && unasked(About::Running) {
        facts.running_normal = state::says_running_now(text).then_some(true).and_then(|r| fact(answer, r));
    }
    if people::is_wrong_number(text) {
        facts.respondent = fact(answer, Respondent::WrongNumber);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(question: &str, text: &str) -> Facts {
        read_with(None, &[Answer::bare(None, question, text)])
    }

    #[test]
    fn facts_are_read_from_the_answer_to_their_question() {
        let hours = |t: &str| one("请问现在您的挖掘机工作多少小时了？", t).machine_hours.map(|f| f.value);
        assert_eq!(hours("九百八十六个小时。"), Some(986.0));
        assert_eq!(hours("三千二百来个小时吧。"), Some(3200.0));
        assert_eq!(hours("一千 不对 一千二百个小时"), Some(1200.0));
        assert_eq!(hours("嗯，三十，三十五个小时吧。"), Some(35.0));
        assert_eq!(hours("不清楚"), None);
        let fee = |t: &str| one("请问这次维修收取了多少费用？", t).fee_yuan.map(|f| f.value);
        assert_eq!(fee("收了我两千八百块钱。"), Some(2800.0));
        assert_eq!(fee("保修期内的，没收钱。"), Some(0.0));
        assert_eq!(fee("周六来的"), None);
        let parts = |t: &str| one("请问更换了哪些保养件？", t).parts_replaced.map(|f| f.value);
        assert_eq!(parts("机油换了，机油滤芯换了，还有两个柴油滤芯。").unwrap(), ["机油", "机油滤芯", "柴油滤芯"]);
        assert_eq!(parts("换机油 还有机滤").unwrap(), ["机油", "机滤"]);
        assert_eq!(parts("什么都没换").unwrap(), Vec::<String>::new());
        assert_eq!(parts("不知道"), None);
    }

    #[test]
    fn times_places_and_the_state_of_the_machine() {
        let f = one("请问工程师是什么时间到达现场的？", "昨天下午两点到的，四点多就修好了。");
        assert_eq!(f.arrival_time.unwrap().value, "昨天14:00");
        assert_eq!(f.finish_time.unwrap().value, "昨天16点多");
        let place = |t: &str| one("请问您现在的工作地点在哪里？", t).location.map(|f| f.value);
        assert_eq!(place("在北边的采石场呢。").as_deref(), Some("北边的采石场"));
        assert_eq!(place("就在大桥那个工地。").as_deref(), Some("大桥那个工地"));
        let running = |t: &str| one("请问现在机器运行的情况怎么样？", t).running_normal.map(|f| f.value);
        assert_eq!(running("现在正常，没啥毛病。"), Some(true));
        assert_eq!(running("时好时坏，干半天活儿就没劲了。"), Some(false));
        let leftover = |t: &str| one("请问有没有遗留问题？", t).leftover_problem.map(|f| f.value);
        assert_eq!(leftover("没有。"), Some(false));
        assert_eq!(leftover("有啊，动臂还是抬不起来。"), Some(true));
    }

    #[test]
    fn who_spoke_and_whether_he_agreed() {
        let who = |t: &str| one("您好，请问您是王先生吗？", t).respondent.map(|f| f.value);
        assert_eq!(who("对，我就是。"), Some(Respondent::Confirmed));
        assert_eq!(who("你打错了，我不姓周，我们家也没有挖掘机。"), Some(Respondent::WrongNumber));
        assert_eq!(who("他不在 出去了"), Some(Respondent::NotPresent));
        assert_eq!(who("我是他司机 当时我在现场"), Some(Respondent::OtherInformed));
        let consent = |t: &str| one("耽误您两分钟时间做一个回访可以吗？", t).consent.map(|f| f.value);
        assert_eq!(consent("可以，没问题，你说吧。"), Some(Consent::Given));
        assert_eq!(consent("不用了，我不想做什么回访。"), Some(Consent::Refused));
        assert_eq!(consent("我现在正在操作机器，不方便接电话。"), Some(Consent::Refused));
        assert_eq!(consent("说吧，我正想找你们呢。"), Some(Consent::Given));
    }

    #[test]
    fn d05_to_d14_every_time_asked_for_is_read_in_dialect_too() {
        let arrival = |t: &str| one("师傅啥时候到的现场", t).arrival_time.map(|f| f.value);
        assert_eq!(arrival("十八号上午十点二十").as_deref(), Some("18号10:20"));
        assert_eq!(arrival("昨天九点多").as_deref(), Some("昨天9点多"));
        assert_eq!(arrival("昨儿个一大早").as_deref(), Some("昨天一大早"));
        let asked = one("您是什么时间联系我们要求做保养的", "前天上午打的电话");
        assert_eq!(asked.requested_time.map(|f| f.value).as_deref(), Some("前天上午"));
        let fault = one("什么时候出现的这个故障", "五号晚上八点");
        assert_eq!(fault.fault_time.map(|f| f.value).as_deref(), Some("5号20:00"));
    }

    #[test]
    fn d13_what_was_changed_is_told_in_the_answer_about_the_repair() {
        let repair = |t: &str| one("大臂没劲的故障是怎么给您处理的", t);
        assert_eq!(repair("换了个主泵 又调了调压力").parts_replaced.unwrap().value, ["主泵"]);
        assert_eq!(repair("拆下来洗了洗 没换件").parts_replaced.unwrap().value, Vec::<String>::new());
        assert_eq!(repair("调了调压力").parts_replaced, None);
        assert_eq!(repair("没处理好 还响").running_normal.map(|f| f.value), Some(false));
    }

    #[test]
    fn d09_one_part_that_stayed_takes_nothing_from_the_list() {
        let told = [("换了哪些保养件", "机油 机滤"), ("空滤换没换", "空滤没换 吹了吹")];
        let answers = told.map(|(question, text)| Answer::bare(None, question, text));
        assert_eq!(read_with(None, &answers).parts_replaced.unwrap().value, ["机油", "机滤"]);
        let none = [told[0], ("那换了件没有", "我说错了 啥都没换")];
        let answers = none.map(|(question, text)| Answer::bare(None, question, text));
        assert_eq!(read_with(None, &answers).parts_replaced.unwrap().value, Vec::<String>::new());
    }

    #[test]
    fn d16_what_is_still_wrong_is_heard_unasked_and_what_is_mended_is_not_left() {
        let left = |question: &str, text: &str| {
            let answers = [Answer::bare(None, question, text)];
            facts_of(Rubric::builtin(), &answers).leftover_problem.map(|f| f.value)
        };
        assert_eq!(left("好的 我记上了", "那个手刹还是不灵 坡上站不住 师傅说等件 到现在没来"), Some(true));
        assert_eq!(left("还有没有遗留的毛病", "就是仪表灯还是不亮 说下回带来"), Some(true));
        assert_eq!(left("还有没有遗留的毛病", "没有了 都弄好了"), Some(false));
        assert_eq!(left("请问有没有遗留问题", "等他回来再调一下"), Some(true));
        assert_eq!(left("师傅的态度您满意吗", "挺好的"), None);
        // The answers of a spoken questionnaire have no turns.
        let told = [("还有没有遗留的毛病", "就是仪表灯还是不亮 说下回带来"), ("师傅的态度您满意吗", "挺好的")];
        let answers = told.map(|(question, text)| Answer::bare(None, question, text));
        assert_eq!(facts_of(Rubric::builtin(), &answers).leftover_problem.map(|f| f.value), Some(true));
        // The same word says nothing of it where something else is asked.
        let told = [("请问有没有遗留问题", "有"), ("您那边有微信吗", "有")];
        let answers = told.map(|(question, text)| Answer::bare(None, question, text));
        assert_eq!(facts_of(Rubric::builtin(), &answers).leftover_problem.map(|f| f.value), Some(true));
    }

    #[test]
    fn c24_a_customers_technical_question_is_told_from_what_he_asks_of_the_company() {
        let asks = |text: &str| {
            let answers = [Answer::bare(None, "总体您满意吗", text)];
            facts_of(Rubric::builtin(), &answers).tech_question.is_some()
        };
        assert!(asks("满意 我问一下 冬天液压油该换成几号的"));
        assert!(asks("对了 那个经济模式和重载模式挖冻土该用哪个"));
        assert!(!asks("满意 你们那个配件多少钱一个"));
        assert!(!asks("满意 师傅几点到的来着"));
    }

    #[test]
    fn d03_a_rounding_behind_the_meter_is_less_exact() {
        let hours = one("现在几千个小时了", "两千九百五 差不多三千").machine_hours;
        assert_eq!(hours.map(|f| f.value), Some(2950.0));
    }

    #[test]
    fn a_quote_is_what_was_said_not_how_it_was_read() {
        let told = "我睇咗 我系一千零三十二個小時";
        let hours = one("现在工作多少小时了", told).machine_hours.unwrap();
        assert_eq!((hours.value, hours.quote.as_str()), (1032.0, told));
    }

    #[test]
    fn d08_the_checks_are_listed_as_said() {
        let checks = |t: &str| one("做过哪些检查", t).checks.map(|f| f.value);
        assert_eq!(checks("皮带 液压油 还有电瓶都看了").unwrap(), ["皮带", "液压油", "电瓶"]);
        assert_eq!(checks("啥也没看"), Some(vec![]));
        assert_eq!(checks("我没注意"), None);
    }

    #[test]
    fn c24_a_question_how_to_do_it_is_technical_when_the_agent_spoke_of_it() {
        let asks = |q: &str, t: &str| one(q, t).tech_question.is_some();
        assert!(asks("总体满意吗", "我这铲斗老是没劲 咋回事啊"));
        assert!(asks("您把液压油温度看一下", "我咋看呀"));
        assert!(!asks("总体满意吗", "我咋看呀"));
        assert!(!asks("故障怎么处理的", "换了个泵"));
    }

    #[test]
    fn what_was_told_and_known_is_said_and_what_does_not_run_is_left_to_do() {
        let told = one("前天已经给您换了一整套喷油嘴 这是处理的结果", "换是换了 这两天不冒了");
        assert_eq!(told.parts_replaced.unwrap().value, ["喷油嘴"]);
        let ill = one("现在正常了没有", "又漏了 跟没修一样");
        assert_eq!(ill.leftover_problem.map(|f| f.value), Some(true));
        let until = one("师傅几点来的 几点走的", "下午两点来的 搞到天黑 六点半的样子");
        assert_eq!(until.finish_time.map(|f| f.value).as_deref(), Some("18:30"));
        let day = one("哪天去的 哪天修完的", "礼拜天下午去的 当天晚上八点完的活");
        assert_eq!(day.arrival_time.map(|f| f.value).as_deref(), Some("星期天下午"));
        assert_eq!(one("现在多少小时", "小时表没看 里程二十三万公里").machine_hours, None);
        assert!(one("还有别的吗", "我问一哈 这个液压油是不是该换了").tech_question.is_some());
    }

    #[test]
    fn what_was_not_said_stays_null() {
        assert_eq!(one("您对服务态度满意吗", "挺好的"), Facts::default());
        assert_eq!(read_with(None, &[]), Facts::default());
    }
}
