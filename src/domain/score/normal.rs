//! The text as the matcher reads it: simplified, one mark for every pause, every character with its place in the answer as given.
//!
//! Contract: never changes the meaning of a character's position: `origin` maps each kept character back. It does not correct words;
//! that is [`super::heard`].

use crate::domain::ways::is_spoken;
use ferrous_opencc::{OpenCC, config::BuiltinConfig};
use std::sync::LazyLock;

/// The one mark that stands for every punctuation and every space.
pub(super) const PAUSE: char = '，';

/// Longest answer that is judged, in characters; the rest is dropped. Ten minutes of speech stay well below.
pub const MAX_CHARS: usize = 4_000;

#[derive(Clone, Debug)]
pub(super) struct Normal {
    pub chars: Vec<char>,
    /// Character offset in the answer as given, one per kept character.
    pub origin: Vec<usize>,
}

impl Normal {
    pub fn new(text: &str) -> Self {
        let given: Vec<char> = text.chars().take(MAX_CHARS).collect();
        let simple = simplified(&given);
        let spoken_spaces = is_word_spaced(&simple);
        let mut chars = Vec::with_capacity(simple.len());
        let mut origin = Vec::with_capacity(simple.len());
        for (at, c) in simple.into_iter().enumerate() {
            let c = narrow(c);
            if c.is_whitespace() && spoken_spaces {
                continue;
            }
            if is_spoken(c) {
                chars.push(c);
                origin.push(at);
            } else if !is_number_inside(c, &chars) && chars.last().is_some_and(|last| *last != PAUSE) {
                chars.push(PAUSE);
                origin.push(at);
            }
        }
        while chars.last() == Some(&PAUSE) {
            chars.pop();
            origin.pop();
        }
        Self { chars, origin }
    }

    pub fn text(&self) -> String {
        self.chars.iter().collect()
    }

    /// Character range in the answer as given for a range of kept characters.
    pub fn given(&self, start: usize, end: usize) -> (usize, usize) {
        let from = self.origin.get(start).copied().unwrap_or(0);
        let to = end.checked_sub(1).and_then(|i| self.origin.get(i)).map_or(from, |o| o + 1);
        (from, to)
    }
}

static T2S: LazyLock<Option<OpenCC>> = LazyLock::new(|| OpenCC::from_config(BuiltinConfig::T2s).ok());

/// Characters that the conversion changes; every rule of it for phrases needs one of them. Nearly all texts have none, and converting
/// costs more than judging.
static TRADITIONAL: LazyLock<Han> = LazyLock::new(|| {
    let apart: String = HAN.flat_map(|c| [c, '\n']).collect();
    let converted = T2S.as_ref().map(|t| t.convert(&apart)).unwrap_or_default();
    apart.chars().zip(converted.chars()).filter(|(from, to)| from != to).map(|(from, _)| from).collect()
});

const HAN: std::ops::RangeInclusive<char> = '\u{3400}'..='\u{9fff}';

/// A set of Chinese characters, a bit for each: every character of every text is looked up.
struct Han(Vec<u64>);

impl Han {
    fn contains(&self, c: char) -> bool {
        HAN.contains(&c) && self.0[Self::at(c) / 64] >> (Self::at(c) % 64) & 1 == 1
    }

    fn at(c: char) -> usize {
        c as usize - *HAN.start() as usize
    }
}

impl FromIterator<char> for Han {
    fn from_iter<I: IntoIterator<Item = char>>(chars: I) -> Self {
        let mut bits = vec![0; Self::at(*HAN.end()) / 64 + 1];
        chars.into_iter().filter(|c| HAN.contains(c)).for_each(|c| bits[Self::at(c) / 64] |= 1 << (Self::at(c) % 64));
        Self(bits)
    }
}

/// What Cantonese, Hakka and Xiang write where the standard language writes another word of the same length; longer ones first.
const REGIONAL: [(&str, &str); 34] = [
    ("介回", "这回"),
    ("介个", "这个"),
    ("乜嘢", "什么"),
    ("唔该", "谢谢"),
    ("唔使", "不用"),
    ("唔系", "不是"),
    ("我系", "我是"),
    ("就系", "就是"),
    ("都系", "都是"),
    ("又系", "又是"),
    ("系我", "是我"),
    ("话唔", "说不"),
    ("都话", "都说"),
    ("佢话", "他说"),
    ("依家", "现在"),
    ("而家", "现在"),
    ("听日", "明天"),
    ("㖊日", "昨天"),
    ("寻日", "昨天"),
    ("琴日", "昨天"),
    ("前日", "前天"),
    ("下昼", "下午"),
    ("朝早", "早上"),
    ("搞掂", "搞定"),
    ("钟意", "喜欢"),
    ("唔", "不"),
    ("冇", "没"),
    ("咗", "了"),
    ("嘅", "的"),
    ("佢", "他"),
    ("睇", "看"),
    ("仲", "还"),
    ("俾", "给"),
    ("嚟", "来"),
];

/// What a regional word may begin with: most characters are none, and cost no look.
static OPENS: LazyLock<Han> = LazyLock::new(|| REGIONAL.iter().filter_map(|(word, _)| word.chars().next()).collect());

/// Regional words in those of the standard language, in place.
fn standard(mut chars: Vec<char>) -> Vec<char> {
    for at in 0..chars.len() {
        if !OPENS.contains(chars[at]) {
            continue;
        }
        let stands_here = |word: &str| word.chars().enumerate().all(|(i, c)| chars.get(at + i) == Some(&c));
        let Some((word, plain)) = REGIONAL.iter().find(|(word, _)| stands_here(word)) else { continue };
        // 我系上安全带, 没人联系我: 系 in a word of its own.
        let before = at.checked_sub(1).map(|i| chars[i]);
        let behind = chars.get(at + word.chars().count());
        let joined = word.starts_with('系') && matches!(before, Some('联' | '关' | '体' | '维' | '派'))
            || word.ends_with('系') && matches!(behind, Some('统' | '列' | '数' | '带' | '上'));
        if !joined {
            plain.chars().enumerate().for_each(|(i, c)| chars[at + i] = c);
        }
    }
    chars
}

/// Traditional script → simplified and regional words → standard ones, character by character in place.
fn simplified(given: &[char]) -> Vec<char> {
    standard(one_script(given))
}

fn one_script(given: &[char]) -> Vec<char> {
    if !given.iter().any(|c| TRADITIONAL.contains(*c)) {
        return given.to_vec();
    }
    let text: String = given.iter().collect();
    let converted: Option<Vec<char>> = T2S.as_ref().map(|t| t.convert(&text).chars().collect());
    // Phrase rules that change the length would move every offset: then the text stays as it is.
    converted.filter(|c| c.len() == given.len()).unwrap_or_else(|| given.to_vec())
}

/// Simplified Chinese of any text, for the matchers outside this folder.
pub fn to_simplified(text: &str) -> String {
    simplified(&text.chars().collect::<Vec<_>>()).into_iter().collect()
}

/// Simplified, and in the words of the standard language: how an agent's words are read.
pub fn plain(question: &str) -> String {
    let mut text = to_simplified(question);
    for (said, plain) in [
        ("啥时候", "什么时候"),
        ("啥时", "什么时候"),
        ("啥", "什么"),
        ("咋样", "怎么样"),
        ("咋", "怎么"),
        ("钟头", "小时"),
        ("多会儿", "什么时候"),
        ("好多小时", "多少小时"),
        ("好多个小时", "多少小时"),
    ] {
        if text.contains(said) {
            text = text.replace(said, plain);
        }
    }
    text
}

/// Full-width letters and digits → ASCII.
fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
        '\u{3000}' => ' ',
        _ => c,
    }
}

/// A point or colon inside a number (10:20, 2.5) is no pause.
fn is_number_inside(c: char, before: &[char]) -> bool {
    matches!(c, ':' | '.') && before.last().is_some_and(char::is_ascii_digit)
}

/// Some recognisers put a space between *words*; then spaces are no pauses.
fn is_word_spaced(text: &[char]) -> bool {
    let words = text.split(|c| c.is_whitespace()).map(<[char]>::len).filter(|length| *length > 0);
    let (words, characters) = words.fold((0, 0), |(words, characters), length| (words + 1, characters + length));
    words >= 3 && characters * 10 <= words * 19
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pause_is_one_mark_and_offsets_point_into_the_answer_as_given() {
        let n = Normal::new("  挺好的。。 對，滿意！");
        assert_eq!(n.text(), "挺好的，对，满意");
        assert_eq!(n.given(6, 8), (10, 12));
    }

    #[test]
    fn traditional_characters_are_found_and_simplified_ones_are_left() {
        for (given, want) in
            [("滿意", "满意"), ("沒問題", "没问题"), ("态度很好", "态度很好"), ("馬馬虎虎 還可以", "马马虎虎 还可以")]
        {
            assert_eq!(to_simplified(given), want);
        }
        let held = HAN.filter(|c| TRADITIONAL.contains(*c)).count();
        assert!(held > 2_000 && !TRADITIONAL.contains('好') && TRADITIONAL.contains('滿'), "{held}");
    }

    #[test]
    fn regional_words_are_read_as_the_standard_ones_of_their_length() {
        for (given, want) in [
            ("唔係話唔好", "不是说不好"),
            ("冇得什么不满意", "没得什么不满意"),
            ("係 我係", "系 我是"),
            ("我系上安全带 系统联系", "我系上安全带 系统联系"),
            ("没人联系我", "没人联系我"),
            ("噚日下昼搞掂咗", "昨天下午搞定了"),
        ] {
            assert_eq!(to_simplified(given), want);
        }
    }

    #[test]
    fn spaces_between_words_are_no_pauses_but_spaces_between_clauses_are() {
        assert_eq!(Normal::new("态度 挺 好 的").text(), "态度挺好的");
        assert_eq!(Normal::new("不满意 跟我吵了一架").text(), "不满意，跟我吵了一架");
    }
}
