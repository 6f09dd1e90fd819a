use super::*;
use crate::domain::transcript::Segment;

/// A Monday morning.
const NOW: &str = "2026-11-23T10:00:00+08:00";

fn said(channel: Channel, start: f64, text: &str) -> Segment {
    Segment { channel, start, end: start + 4.0, text: text.into(), confidence: 0.9, also_heard: vec![] }
}

fn heard(segments: Vec<Segment>) -> Vec<Heard> {
    let transcript = Transcript { segments, engine: "scripted".into(), model: "none".into() };
    detect(&transcript, NOW.parse().unwrap(), &TimeZone::get("Asia/Shanghai").unwrap())
}

/// `None`: no promise.
#[track_caller]
fn check(text: &str, want: Option<Doer>) {
    let found = heard(vec![said(Channel::Agent, 12.5, text)]);
    assert_eq!(found.first().map(|heard| heard.doer), want, "{text}: {found:?}");
}

#[test]
fn a19_what_the_agent_promises_to_tell_back_is_found() {
    use Doer::{Department, Engineer, Us};
    for (text, doer) in [
        ("我帮您问一下，明天上午给您回电话。", Us),
        ("稍后让工程师联系您。", Engineer),
        ("三天之内给您答复。", Us),
        ("好的，我核实一下，下午给您回电。", Us),
        ("我先帮您登记，尽快给您答复。", Us),
        ("您反映的问题我记下来了，我们会尽快给您回复。", Us),
        ("非常抱歉给您带来不便，您反映的情况我已经记录下来了，我们会尽快给您回复。", Us),
        ("我马上给工程师打电话，让他联系您。", Engineer),
        ("我安排工程师跟您联系", Engineer),
        ("工程师会在两个小时内给您回电话", Engineer),
        ("我请技术人员给您回个电话。", Engineer),
        ("我跟工程师说一下，让他明天联系您。", Engineer),
        ("我问一下工程师，一会儿给您回电话。", Us),
        ("配件的价格我查一下，半小时内回复您。", Us),
        ("这个事情我会反馈给领导，由经理给您打电话。", Department),
        ("我们服务站的站长会跟您联系的。", Department),
        ("会有专人跟您联系，请您保持电话畅通。", Department),
        ("配件部门明天会给您答复", Department),
        ("厂家有结果了会联系您。", Department),
        ("有结果了我第一时间告诉您。", Us),
        ("有消息马上通知您。", Us),
        ("我下午再给您打电话。", Us),
        ("那我明天上午十点再打给您。", Us),
        ("您稍等，我十分钟后给您回过来，回您电话。", Us),
        ("这周五之前给您一个答复。", Us),
        ("两个工作日内一定给您答复。", Us),
        ("今天下班前给您个准信。", Us),
        ("我明天上午给您回电话，您看行吗？", Us),
        ("下午三点给您回电话好吗", Us),
        ("行 我去核实一下 明天给您回电话", Us),
        ("不好意思，我给您核实以后回复您。", Us),
        ("我帮您催一下，催好了给您打电话。", Us),
        ("这个我得请示一下，回头给您答复。", Us),
        ("我让师傅下午过去之前先给您打个电话。", Engineer),
        ("那半个小时后我再给您打过去，注意安全。", Us),
        ("我現在就去問，明天上午給您回電話。", Us),
        ("现在我没法马上答复您，我问清楚了，明天回您电话。", Us),
    ] {
        check(text, Some(doer));
    }
}

#[test]
fn a19_questions_conditions_denials_reports_and_the_past_promise_nothing() {
    for text in [
        // Questions and offers.
        "什么时候方便给您回电话？",
        "需要我给您回电话吗",
        "工程师有没有联系您？",
        "是工程师给您回电话的吗？",
        "工程师几点联系您的",
        "您看要不要让工程师联系您",
        "我给您回电话可以吗",
        "请问谁给您回的电话",
        "您之前说要给您回电话的那个事，解决了吗？",
        "您看什么时候方便，我再给您打过来？",
        // Conditions and guesses.
        "如果有问题我们会联系您。",
        "要是还不行的话，我让工程师给您回电话。",
        "您需要的话，我们可以给您回电。",
        "工程师应该会联系您。",
        "他可能明天给您回电话。",
        "万一配件没有，我们会通知您。",
        // Denials.
        "我们不会再给您打电话了。",
        "这个我不能给您答复。",
        "我没办法给您答复。",
        "以后不再联系您了，打扰了。",
        "没有工程师给您回电话是我们的疏忽。",
        // What others said.
        "您说工程师答应给您回电话。",
        "工程师说他会给您回电话。",
        "他说明天给您答复",
        "您刚才提到“我们会给您回电话”。",
        "客服之前答应今天给您回电话，现在跟您说一下结果。",
        // The past.
        "之前给您打过电话。",
        "昨天我们已经联系过您了。",
        "上次是我给您回的电话。",
        "工程师已经给您回过电话了。",
        "前天客服给您答复了。",
        // The customer calls us; what is told now; manners.
        "有问题您随时联系我们。",
        "请随时拨打四零零六五八九八八八与我们联系。",
        "您可以给我们回电话。",
        "我告诉您一下电话号码。",
        "工程师的电话我告诉您，您记一下。",
        "给您打电话是想做个回访。",
        "感谢您的支持，祝您健康愉快，再见！",
        "稍后会给您发一条满意度短信。",
        "我帮您反映一下。",
        "好的，我记下来了。",
        "请加强设备的日常保养。",
        "您对工程师的服务满意吗",
    ] {
        check(text, None);
    }
}

#[test]
fn the_customers_own_words_promise_nothing_and_one_promises_once_a_call() {
    assert_eq!(heard(vec![said(Channel::Customer, 3.0, "我明天上午给您回电话。")]), []);
    let found = heard(vec![
        said(Channel::Agent, 10.0, "我帮您问一下，尽快给您答复。"),
        said(Channel::Agent, 20.0, "另外我让工程师联系您。"),
        said(Channel::Customer, 25.0, "什么时候？"),
        said(Channel::Agent, 27.0, "明天上午给您回电话。再见。"),
    ]);
    let brief: Vec<_> = found.iter().map(|h| (h.doer, h.quote.as_str(), h.from_s, h.to_s)).collect();
    assert_eq!(
        brief,
        [(Doer::Us, "明天上午给您回电话", 27.0, 31.0), (Doer::Engineer, "另外我让工程师联系您", 20.0, 24.0)]
    );
    assert_eq!(found[0].when, "明天上午给您回电话");
    let split = heard(vec![said(Channel::Agent, 0.0, "您三天前反映的问题，明天下午，我给您回电话。")]);
    assert_eq!(split[0].when, "明天下午", "the time stands in a clause of its own, and what is past is none");
    let quoted = heard(vec![said(Channel::Agent, 0.0, "我系咁樣講：聽日上午給您回電話")]);
    assert_eq!(quoted[0].quote, "我系咁樣講：聽日上午給您回電話", "as it was said, not as it was read");
}

mod any_words {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn never_panic_and_quote_what_was_said(text in "[我您们让工程师会给回电话联系明天上午三之内答复如果说好吗了过不没。，？“” 、！]{0,40}") {
            for heard in heard(vec![said(Channel::Agent, 1.0, &text)]) {
                prop_assert!(text.contains(&heard.quote));
            }
        }
    }
}
