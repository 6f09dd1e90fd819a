//! What a recogniser wrote → what goes into the transcript: simplified, punctuated the Chinese way, without inventions.
//!
//! Pure. Takes out whole phrases that whisper is known to invent from sounds that are not speech, endless repeats, and
//! text that only echoes the prompt. Never changes a word that was kept: no spelling, no grammar, no numbers rewritten.

use ferrous_opencc::OpenCC;
use ferrous_opencc::config::BuiltinConfig;
use std::sync::LazyLock;

/// Marks of sentences that whisper learnt from subtitles and says when it hears none; nobody says them on a service call.
const PHANTOMS: [&str; 17] = [
    "请不吝点赞",
    "打赏支持",
    "明镜与点点",
    "点赞订阅",
    "点赞、订阅",
    "订阅我的频道",
    "订阅转发",
    "字幕由",
    "字幕提供",
    "字幕组",
    "字幕制作",
    "中文字幕",
    "谢谢观看",
    "感谢观看",
    "谢谢收看",
    "优优独播剧场",
    "Amara.org",
];
/// A unit of this many characters or more said three times in a row is a loop of the decoder.
const LONG_UNIT: usize = 4;
const LONG_REPEATS: usize = 3;
/// Short ones are said by people too (好好好): they must repeat more often.
const SHORT_REPEATS: usize = 6;
/// So many characters in a row of the prompt's sentence are no chance.
const ECHO: usize = 8;
/// So many of its list behind the end of that sentence.
const ECHO_WORD: usize = 3;
/// Longest unit looked for.
const UNIT_MAX: usize = 24;

static SIMPLIFIER: LazyLock<Option<OpenCC>> = LazyLock::new(|| match OpenCC::from_config(BuiltinConfig::T2s) {
    Ok(converter) => Some(converter),
    Err(error) => {
        tracing::error!(%error, "no traditional to simplified conversion: the built-in table does not load");
        None
    }
});

/// The text as it goes into a segment; empty when nothing of it was speech.
#[must_use]
pub fn clean(raw: &str, prompt: &str) -> String {
    let text = SIMPLIFIER.as_ref().map_or_else(|| raw.to_owned(), |c| c.convert(raw));
    let text = chinese_punctuation(&without_brackets(&text));
    let text = without_repeats(&without_echoes(&without_phantoms(&text), prompt));
    let text = text.trim_start_matches(is_mark).trim().to_owned();
    if is_invented(&text) || echoes(&text, prompt) { String::new() } else { text }
}

/// A punctuation mark, Chinese or Latin.
#[must_use]
pub fn is_mark(c: char) -> bool {
    matches!(
        c,
        '，' | '。'
            | '？'
            | '！'
            | '、'
            | '；'
            | '：'
            | '…'
            | ','
            | '.'
            | '?'
            | '!'
            | ';'
            | ':'
            | '～'
            | '~'
            | '-'
            | '·'
    )
}

/// The characters that carry meaning: no marks, no blanks.
fn words(text: &str) -> String {
    text.chars().filter(|c| !is_mark(*c) && !c.is_whitespace()).collect()
}

fn is_hanzi(c: char) -> bool {
    ('\u{4e00}'..='\u{9fff}').contains(&c) || ('\u{3400}'..='\u{4dbf}').contains(&c)
}

/// `(音乐)`, `[笑声]`, `♪`: descriptions of sounds.
fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    text.chars()
        .filter(|&c| {
            match c {
                '(' | '（' | '[' | '【' => depth += 1,
                ')' | '）' | ']' | '】' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0 && !matches!(c, '♪' | '♫' | '\u{fffd}')
        })
        .collect()
}

/// Latin marks after a Chinese character become Chinese; blanks beside one go; full-width digits become plain.
fn chinese_punctuation(text: &str) -> String {
    let chars: Vec<char> = text.trim().chars().collect();
    let mut out = String::with_capacity(text.len());
    for (i, &c) in chars.iter().enumerate() {
        let previous = out.chars().next_back();
        let beside_chinese = |p: Option<char>| p.is_some_and(|p| is_hanzi(p) || "，。？！、；：".contains(p));
        let next = chars[i + 1..].iter().copied().find(|n| !n.is_whitespace());
        match c {
            ' ' | '\u{3000}' if beside_chinese(previous) || beside_chinese(next) => {}
            ',' | '?' | '!' | ';' | ':' if previous.is_some_and(is_hanzi) => out.push(full_width(c)),
            '.' if previous.is_some_and(is_hanzi) => out.push('。'),
            '０'..='９' => out.extend(char::from_u32(c as u32 - '０' as u32 + '0' as u32)),
            _ => out.push(c),
        }
    }
    out
}

fn full_width(mark: char) -> char {
    match mark {
        ',' => '，',
        '?' => '？',
        '!' => '！',
        ';' => '；',
        _ => '：',
    }
}

/// Drops each sentence (up to 。？！) that holds a phantom's mark.
fn without_phantoms(text: &str) -> String {
    text.split_inclusive(['。', '？', '！'])
        .filter(|sentence| {
            let bare: String = sentence.chars().filter(|c| !c.is_whitespace()).collect();
            !PHANTOMS.iter().any(|p| bare.contains(p))
        })
        .collect()
}

/// Collapses a unit that repeats without end into one.
fn without_repeats(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out: Vec<char> = Vec::with_capacity(chars.len());
    let mut i = 0;
    while i < chars.len() {
        match looped_unit(&chars[i..]) {
            Some((unit, repeats)) => {
                out.extend(&chars[i..i + unit]);
                i += unit * repeats;
            }
            None => {
                out.push(chars[i]);
                i += 1;
            }
        }
    }
    out.into_iter().collect()
}

/// Length of the unit and how often it stands at the start, if that is a loop.
fn looped_unit(chars: &[char]) -> Option<(usize, usize)> {
    (1..=UNIT_MAX.min(chars.len() / LONG_REPEATS)).find_map(|unit| {
        let head = &chars[..unit];
        let repeats = chars.chunks_exact(unit).take_while(|chunk| *chunk == head).count();
        let limit = if unit >= LONG_UNIT { LONG_REPEATS } else { SHORT_REPEATS };
        // Digits repeat in telephone and order numbers.
        (repeats >= limit && !head.iter().all(char::is_ascii_digit)).then_some((unit, repeats))
    })
}

/// No Chinese character and no digit: whisper's English inventions (Thank you.); a spoken OK stays.
fn is_invented(text: &str) -> bool {
    let words = words(text);
    let speech = words.chars().any(|c| is_hanzi(c) || c.is_ascii_digit());
    !speech && !words.eq_ignore_ascii_case("ok") && !words.eq_ignore_ascii_case("okay")
}

/// The prompt said back, or a good part of it.
fn echoes(text: &str, prompt: &str) -> bool {
    let text = words(text);
    text.chars().count() >= 6 && words(prompt).contains(&text)
}

/// Drops each sentence that holds a good part of the prompt's own sentence (before its ：), or passes from that to its list of words:
/// sounds like speech become 回访电话：挖掘机, the middle left out. Words of the list alone are the customer's.
fn without_echoes(text: &str, prompt: &str) -> String {
    let Some((sentence, list)) = prompt.split_once('：') else { return text.to_owned() };
    let (sentence, list): (Vec<char>, Vec<char>) = (words(sentence).chars().collect(), words(list).chars().collect());
    let passage: String = sentence.last().into_iter().chain(list.iter().take(ECHO_WORD)).collect();
    let said_back = |said: &str| {
        let said = words(said);
        said.contains(&passage) || sentence.windows(ECHO).any(|part| said.contains(&part.iter().collect::<String>()))
    };
    text.split_inclusive(['。', '？', '！']).filter(|said| !said_back(said)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROMPT: &str = "以下是工程机械售后服务的回访电话，说的是普通话：挖掘机、液压油、黄油。";

    fn check(raw: &str, expected: &str) {
        assert_eq!(clean(raw, PROMPT), expected, "from {raw:?}");
    }

    #[test]
    fn text_becomes_simplified_with_chinese_marks() {
        check("這個師傅技術還可以", "这个师傅技术还可以");
        check(" 可以,你说吧. ", "可以，你说吧。");
        check("好 的 , 谢谢", "好的，谢谢");
        check("大概 3200 个小时", "大概3200个小时");
        check("４００ 658 9888", "400 658 9888");
        check("OK", "OK");
        check("，没有。", "没有。");
    }

    #[test]
    fn negations_and_short_answers_stay() {
        for text in [
            "不满意。",
            "没有不满意。",
            "不是很满意，等了一天半才来人。",
            "嗯。",
            "好好好好好",
            "不错",
            "没什么问题，但是",
        ] {
            check(text, text);
        }
    }

    #[test]
    fn known_phantoms_are_refused() {
        check("请不吝点赞 订阅 转发 打赏支持明镜与点点栏目", "");
        check("请不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目", "");
        check("字幕由 Amara.org 社群提供", "");
        check("字幕由某某提供", "");
        check("挺好的。谢谢观看！", "挺好的。");
        check("Thank you.", "");
        check("(音乐)", "");
        check("♪♪", "");
        check("。。。", "");
        check("", "");
    }

    #[test]
    fn an_echo_of_the_prompt_is_refused_but_its_words_are_not() {
        check("以下是工程机械售后服务的回访电话", "");
        check("以下是工程机械售后服务的回访电话：挖掘机。", "");
        check("华领导的回访电话：挖掘机，", "");
        check("挺好的。以下是工程机械售后服务的回访电话。", "挺好的。");
        check("液压油", "液压油");
        check("你们的回访电话我接过，换的液压油和黄油。", "你们的回访电话我接过，换的液压油和黄油。");
        check("我这挖掘机是你们工程机械公司卖的", "我这挖掘机是你们工程机械公司卖的");
    }

    #[test]
    fn loops_collapse_and_numbers_do_not() {
        check("我觉得可以我觉得可以我觉得可以我觉得可以", "我觉得可以");
        check("嗯嗯嗯嗯嗯嗯嗯嗯嗯嗯嗯嗯", "嗯");
        check("编号是88888888", "编号是88888888");
        check("慢慢来，不着急，不着急", "慢慢来，不着急，不着急");
    }
}
