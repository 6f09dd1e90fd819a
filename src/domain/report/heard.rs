//! What customers said to questions that have no indicator: the five promises of the spot check (B10, B11), and wishes (G09).
//!
//! Contract: pure; read from the transcript of record. The question is what our side said last, the answer what the customer says until our
//! side goes on; a 嗯 in between does not part them. An answer that says both, or neither, is kept without a verdict, never guessed.

use crate::domain::facts::number;
use crate::domain::id::CallId;
use crate::domain::phrases::phrases;
use crate::domain::score::{SpokenTurn, spoken_turns};
use crate::domain::transcript::{Channel, Transcript};
use crate::domain::ways::clauses;

/// Longer answers are cut where they are shown.
const WORDS_CHARS: usize = 300;
/// Words of our side that are no question and do not end an answer.
const MURMUR_CHARS: usize = 2;

/// What a question was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Topic {
    /// 定期免费维护.
    FreeMaintenance,
    /// 定期电话回访.
    VisitCalls,
    /// 保修期内的免费维修.
    FreeRepair,
    /// 快修服务的到达.
    QuickService,
    /// 24小时内上门服务的到达 (B11).
    Within24h,
    /// 建议和需求.
    Wishes,
}

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Heard {
    pub call: CallId,
    pub topic: Topic,
    /// The customer's own.
    pub words: String,
    /// Where they begin on the recording, seconds.
    pub at_s: f64,
    /// Whether the promise was kept, where he says so clearly. Always `None` for wishes.
    pub kept: Option<bool>,
}

impl Topic {
    /// The five of the spot check, in the order of the source.
    pub const CHECKED: [Topic; 5] =
        [Self::FreeMaintenance, Self::VisitCalls, Self::FreeRepair, Self::QuickService, Self::Within24h];

    pub fn title(self) -> &'static str {
        match self {
            Self::FreeMaintenance => "定期免费维护",
            Self::VisitCalls => "定期电话回访",
            Self::FreeRepair => "保修期内免费维修",
            Self::QuickService => "快修服务及时到达",
            Self::Within24h => "24小时内上门",
            Self::Wishes => "建议和需求",
        }
    }

    pub fn rule(self) -> &'static str {
        match self {
            Self::FreeMaintenance | Self::VisitCalls | Self::FreeRepair | Self::QuickService => "B10",
            Self::Within24h => "B11",
            Self::Wishes => "G09",
        }
    }

    /// What a question asks after, read from its words.
    fn of(question: &str) -> Option<Self> {
        let has = |words: &[&str]| words.iter().any(|word| question.contains(word));
        if has(&["二十四小时", "24小时", "24个小时"]) {
            Some(Self::Within24h)
        } else if has(&["快修"]) {
            Some(Self::QuickService)
        } else if has(&["免费"]) && has(&["维护", "保养"]) {
            Some(Self::FreeMaintenance)
        } else if has(&["保修期", "质保期"]) && has(&["收", "费", "钱"]) {
            Some(Self::FreeRepair)
        } else if has(&["回访"]) && has(&["定期", "平时"]) {
            Some(Self::VisitCalls)
        } else if has(&["建议", "意见", "需求", "希望我们"]) && has(&["吗", "什么", "哪些", "有没有", "?", "？"])
        {
            Some(Self::Wishes)
        } else {
            None
        }
    }
}

/// What was said in one call; each topic at its last asking.
pub fn heard_in(call: &CallId, transcript: &Transcript) -> Vec<Heard> {
    let mut found: Vec<Heard> = vec![];
    for (topic, words, at_s) in asked(&spoken_turns(transcript)) {
        if topic == Topic::Wishes && is_no_wish(&words) {
            continue;
        }
        let kept = if topic == Topic::Wishes { None } else { kept(topic, &words) };
        found.retain(|heard| heard.topic != topic);
        let words = words.chars().take(WORDS_CHARS).collect();
        found.push(Heard { call: call.clone(), topic, words, at_s, kept });
    }
    found
}

/// Questions with a topic, each with its answer.
fn asked(turns: &[SpokenTurn]) -> Vec<(Topic, String, f64)> {
    let mut found: Vec<(Topic, String, f64)> = vec![];
    let mut topic = None;
    // The customer speaks: what our side says next is another question.
    let mut answered = true;
    for turn in turns {
        let text = turn.text.trim();
        match turn.speaker {
            Channel::Agent if text.chars().filter(|c| c.is_alphanumeric()).count() <= MURMUR_CHARS => {}
            Channel::Agent => {
                let named = Topic::of(text);
                topic = if answered { named } else { named.or(topic) };
                answered = false;
            }
            Channel::Customer if text.is_empty() => {}
            Channel::Customer => {
                let Some(topic) = topic else { continue };
                match found.last_mut().filter(|(last, _, _)| answered && *last == topic) {
                    Some((_, words, _)) => {
                        if words.ends_with(char::is_alphanumeric) {
                            words.push('，');
                        }
                        words.push_str(text);
                    }
                    None => found.push((topic, text.to_owned(), turn.start)),
                }
                answered = true;
            }
        }
    }
    found
}

phrases! {
    /// He had no occasion, or does not know.
    NO_OCCASION = [
        "没(?:有)?(?:要求|需要|用|遇|碰|叫|申请|麻烦|报修|坏|出)过", "没(?:有)?(?:修|坏)(?:过|$)", "(?:不|没)(?:太|怎么)?(?:知道|清楚|记得|了解|注意|印象)",
        "还没(?:修|坏|用|出|到)", "用不着", "没(?:出过?|什么)(?:问题|毛病|故障)", "记不(?:得|清)", "说不(?:好|清|准)", "忘了",
    ];
    NOT_CHARGED = [
        "没(?:有)?(?:再|怎么|让我)?(?:收|花|要|交|付|掏)", "(?:不|未)(?:收|要钱|花钱|用钱)", "免费", "^(?:从来)?没有?(?:过)?(?:收过)?$", "一分(?:钱)?(?:也|都)?没",
    ];
    CHARGED = ["收", "花了", "要钱", "要了", "交了", "交过", "掏", "付了", "[块元]钱?", "^有$", "^有[的过]"];
    NOT_KEPT = [
        "没(?:有)?(?:做|来|打|到|人|接|给|搞|弄|赶|见|定期|按时|准时)", "^(?:从来|一直)?(?:都|就)?没(?:有)?(?:过|$)", "从来没", "没有$",
        "不(?:能|会|太及时|怎么及时|及时|行|准时|打|来|做|到|够快)", "慢", "晚了", "来晚", "迟", "拖", "等了.{0,4}[天日周]", "[两三四五六七八几好]天", "第[二三四五]天",
        "(?:星期|礼拜)", "超过", "来不了",
    ];
    KEPT = [
        "^(?:有|能|会|做|打|到|来|对|是|嗯|可以|行|都|基本|差不多|挺|很)", "有(?:过|的|做|打|来|人)", "(?:做|打|来|修)过", "及时", "[很挺]快", "马上", "当天",
        "小时", "钟头", "分钟", "准时", "到了", "来了", "每(?:次|个?月|年|季|半年)", "定期",
    ];
    NO_WISH = [
        "^(?:嗯|啊|呃|哦|那个|这个|就|暂时|目前|现在|我|也|倒|都|其他|别的)*(?:没有?|没啥|没什么|没得|不需要|不用|没)(?:了|什么|啥|别的|其他|太多|的)*(?:意见|建议|需求|需要|要求|问题|想法|说)?(?:的|了|啊|吧|就这样|谢谢|挺好|可以)*$",
        "^(?:都|挺|很|蛮|还|就)*(?:好|满意|不错|可以|行)(?:的|了|啊|吧)*$",
    ];
}

/// Whether the promise was kept, clause by clause; `None` where the clauses disagree or say nothing of it.
fn kept(topic: Topic, words: &str) -> Option<bool> {
    let clauses: Vec<String> = words
        .split(|c: char| !c.is_alphanumeric())
        .flat_map(|part| part.split("但是"))
        .map(|clause| clause.replace("没有不", "").replace("没不", ""))
        .filter(|clause| !clause.is_empty())
        .collect();
    if clauses.iter().any(|clause| NO_OCCASION.is_match(clause)) {
        return None;
    }
    let mut verdicts = clauses.iter().filter_map(|clause| match topic {
        Topic::FreeRepair => free(clause),
        Topic::Within24h => in_hours(clause, 24).or_else(|| done(clause)),
        Topic::FreeMaintenance | Topic::VisitCalls | Topic::QuickService => done(clause),
        Topic::Wishes => None,
    });
    let first = verdicts.next()?;
    verdicts.all(|verdict| verdict == first).then_some(first)
}

fn free(clause: &str) -> Option<bool> {
    if NOT_CHARGED.is_match(clause) { Some(true) } else { CHARGED.is_match(clause).then_some(false) }
}

fn done(clause: &str) -> Option<bool> {
    if NOT_KEPT.is_match(clause) { Some(false) } else { KEPT.is_match(clause).then_some(true) }
}

/// 三十多个小时, 24小时以内: a number of hours against the promise.
fn in_hours(clause: &str, most: u64) -> Option<bool> {
    let end = ["小时", "钟头"].iter().find_map(|unit| clause.find(unit))?;
    let before = clause[..end].trim_end_matches(['个', '多', '来', '几']);
    let said: String = before.chars().rev().take_while(|c| number::is_number_char(*c)).collect();
    let hours = number::parse(&said.chars().rev().collect::<String>())?;
    let over = clause.contains("超过") || clause[before.len()..end].contains('多') && hours >= most;
    Some(hours <= most && !over)
}

fn is_no_wish(words: &str) -> bool {
    clauses(words).all(|clause| NO_WISH.is_match(clause) || clause.chars().count() <= 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Segment;

    #[track_caller]
    fn check(topic: Topic, words: &str, want: Option<bool>) {
        assert_eq!(kept(topic, words), want, "{topic:?} {words}");
    }

    #[test]
    fn b10_a_promise_is_kept_broken_or_left_open_by_the_customers_words() {
        for (words, want) in [
            ("有", Some(true)),
            ("有的，每年都做", Some(true)),
            ("做过两次", Some(true)),
            ("没有", Some(false)),
            ("没有做过", Some(false)),
            ("从来没有", Some(false)),
            ("没做过", Some(false)),
            ("没有过", Some(false)),
            ("做过，但是没有定期做", None),
            ("不清楚", None),
            ("记不得了", None),
            ("我想想", None),
            ("", None),
        ] {
            check(Topic::FreeMaintenance, words, want);
        }
    }

    #[test]
    fn b10_a_repair_is_free_when_nothing_was_charged() {
        for (words, want) in [
            ("没有", Some(true)),
            ("没收过", Some(true)),
            ("都是免费的", Some(true)),
            ("没花钱", Some(true)),
            ("收过一次，五十块钱", Some(false)),
            ("有，收了我两百", Some(false)),
            ("没修过", None),
            ("一般免费，上次收了二十块", None),
        ] {
            check(Topic::FreeRepair, words, want);
        }
    }

    #[test]
    fn b10_b11_who_comes_in_time_and_who_does_not() {
        for (words, want) in [
            ("能，挺及时的", Some(true)),
            ("及时", Some(true)),
            ("没有不及时的", Some(true)),
            ("不太及时", Some(false)),
            ("等了两天才来", Some(false)),
            ("没要求过", None),
        ] {
            check(Topic::QuickService, words, want);
        }
        for (words, want) in [
            ("有人到", Some(true)),
            ("当天就来了", Some(true)),
            ("两个小时就到了", Some(true)),
            ("二十四小时之内到的", Some(true)),
            ("三十多个小时", Some(false)),
            ("四十八小时", Some(false)),
            ("第二天才来", Some(false)),
            ("没有，等了三天", Some(false)),
            ("当天没来，第三天来的", Some(false)),
            ("没叫过上门", None),
        ] {
            check(Topic::Within24h, words, want);
        }
    }

    fn transcript(turns: &[(Channel, &str)]) -> Transcript {
        let segment = |(n, (channel, text)): (usize, &(Channel, &str))| {
            let start = f64::from(u32::try_from(n).unwrap()) * 5.0;
            Segment {
                channel: *channel,
                start,
                end: start + 4.0,
                text: (*text).into(),
                confidence: 1.0,
                also_heard: vec![],
            }
        };
        Transcript { segments: turns.iter().enumerate().map(segment).collect(), engine: "e".into(), model: "m".into() }
    }

    #[test]
    fn an_answer_belongs_to_the_question_before_it_and_a_murmur_does_not_end_it() {
        use Channel::{Agent, Customer};
        let call = transcript(&[
            (Agent, "您好，这里是客户服务部。"),
            (Customer, "有什么事？"),
            (Agent, "经销商有没有给您做过定期的免费维护？"),
            (Customer, "做过。"),
            (Agent, "嗯。"),
            (Customer, "每年一次。"),
            (Agent, "好的。保修期内修车，有没有收过您的费用？"),
            (Agent, "就是修车要不要钱。"),
            (Customer, "没收过。"),
            (Agent, "总的来说，您对当地的售后服务满意吗？"),
            (Customer, "有点慢，收费也高。"),
            (Agent, "您对售后服务还有什么意见和建议？"),
            (Customer, "希望多备点电池。"),
            (Agent, "感谢您，再见！"),
            (Customer, "没有了，再见。"),
        ]);
        let heard = heard_in(&CallId::new("c"), &call);
        let shown: Vec<_> = heard.iter().map(|h| (h.topic, h.words.as_str(), h.kept, h.at_s)).collect();
        assert_eq!(
            shown,
            [
                (Topic::FreeMaintenance, "做过。每年一次。", Some(true), 15.0),
                (Topic::FreeRepair, "没收过。", Some(true), 40.0),
                (Topic::Wishes, "希望多备点电池。", None, 60.0),
            ]
        );
    }

    #[test]
    fn g09_no_wish_is_no_wish() {
        for (words, none) in [
            ("没有了", true),
            ("没什么意见，挺好的", true),
            ("嗯，没有。", true),
            ("都挺好", true),
            ("暂时没有需求", true),
            ("没有别的，就是配件贵", false),
            ("希望配件便宜点", false),
            ("没有夜间服务，能不能加上", false),
        ] {
            assert_eq!(is_no_wish(words), none, "{words}");
        }
    }
}
