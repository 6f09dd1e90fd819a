//! The compiled table: every word with one role, longest leftmost match.
//!
//! Contract: pure function from text to tokens. It knows what a word *is*, never what it means in its clause; that is [`super::clause`]
//! and [`super::compose`].

use super::Indicator;
use super::entries::Entries;
use super::normal::{Normal, PAUSE};
use super::rubric::{Class, Data};
use super::vocabulary::{Quoted, Vocabulary};
use aho_corasick::AhoCorasick;
use regex::Regex;
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// What a clause speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    Of(Indicator),
    /// The service in general: whatever was asked.
    Generic,
    Product,
    Price,
    /// Somebody who is no part of the service: the customer's driver, his bank, another maker.
    Others,
    /// Not the service at all: the call, the line, the weather.
    Elsewhere,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Rating {
    pub class: Class,
    pub level: u8,
    pub about: Vec<Indicator>,
    /// `table`, `synonym`, `template`, `compare`.
    pub source: &'static str,
    pub suggestion: bool,
    /// The word names its indicator itself: 技术好, 态度恶劣.
    pub named: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Role {
    Rating(Rating),
    Negator,
    SoftNegator,
    NoneAtAll,
    Intensifier,
    Measured,
    Softener,
    AfterIntensifier,
    AfterSoftener,
    RhetoricBefore,
    RhetoricAfter,
    Sarcasm,
    Contrast,
    Concessive,
    Correction,
    /// Comes back to an earlier question.
    Revision,
    Past,
    Now,
    Quotation,
    OwnView,
    Hypothesis,
    Counterfactual,
    Question,
    Suggest,
    Topic {
        topic: Topic,
        strong: bool,
    },
    /// The level when in force.
    Threat(u8),
    NotApplicable,
    Ignorant,
    Acknowledgement,
    Block,
    Filler,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    /// Number of its word.
    pub entry: usize,
    /// Characters of the normal text.
    pub start: usize,
    pub end: usize,
}

/// Forms with gaps and slots as patterns. One pass over a text finds their fixed parts; few patterns are tried.
#[derive(Debug)]
struct Patterns {
    parts: AhoCorasick,
    /// Patterns behind each fixed part.
    behind: Vec<Vec<usize>>,
    /// Patterns without a fixed part: tried on every text.
    bare: Vec<usize>,
    each: Vec<Regex>,
}

impl Patterns {
    fn compile(forms: &[&str], slots: &Slots) -> Result<Self, String> {
        let mut parts: Vec<&str> = Vec::new();
        let (mut behind, mut bare, mut each) = (Vec::<Vec<usize>>::new(), Vec::new(), Vec::new());
        for (n, form) in forms.iter().enumerate() {
            each.push(Regex::new(&gapped(form, slots)?).map_err(|e| format!("template `{form}`: {e}"))?);
            match longest_part(form) {
                "" => bare.push(n),
                part => match parts.iter().position(|p| *p == part) {
                    Some(at) => behind[at].push(n),
                    None => {
                        parts.push(part);
                        behind.push(vec![n]);
                    }
                },
            }
        }
        let parts = AhoCorasick::new(&parts).map_err(|e| format!("templates cannot be compiled: {e}"))?;
        Ok(Self { parts, behind, bare, each })
    }

    /// Index of the pattern and bytes of the text, pattern by pattern.
    fn find(&self, text: &str) -> Vec<(usize, std::ops::Range<usize>)> {
        let held = self.parts.find_overlapping_iter(text).flat_map(|m| &self.behind[m.pattern().as_usize()]);
        let mut likely: Vec<usize> = held.chain(&self.bare).copied().collect();
        likely.sort_unstable();
        likely.dedup();
        let spans = |i: usize| self.each[i].find_iter(text).map(move |m| (i, m.range()));
        likely.into_iter().flat_map(spans).collect()
    }
}

/// The longest part of a form that stands in every text it matches.
fn longest_part(form: &str) -> &str {
    let (mut longest, mut rest) = ("", form);
    while !rest.is_empty() {
        let end = rest.find(['×', '…', '{']).unwrap_or(rest.len());
        longest = if end > longest.len() { &rest[..end] } else { longest };
        rest = match rest[end..].strip_prefix('{') {
            Some(slot) => slot.split_once('}').map_or("", |(_, behind)| behind),
            None => rest[end..].trim_start_matches(['×', '…']),
        };
    }
    longest
}

/// Any number, in forms only.
const NUMBER: &str = "{n}";

/// What stands in a word or form for a list of words: `{rival}`, `{past}`.
type Slots = BTreeMap<String, Vec<String>>;

pub(super) struct Lexicon {
    vocabulary: Vocabulary,
    entries: Entries,
    /// Entry of each template, in the order of its patterns.
    template_entries: Vec<usize>,
    templates: Patterns,
    bitter: Patterns,
    measuring: HashSet<String>,
    alone: HashSet<String>,
}

impl fmt::Debug for Lexicon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Lexicon of {} words", self.entries.len())
    }
}

impl Lexicon {
    pub fn compile(data: &Data) -> Result<Self, String> {
        let mut book = Book { slots: slots(data)?, ..Book::default() };
        book.add_all(data)?;
        book.mark_named(data);
        let vocabulary = book.vocabulary(data)?;
        let bitter: Vec<&str> = data.modifiers.bitter.iter().map(String::as_str).collect();
        let forms = templates(data);
        let written: Vec<&str> = forms.iter().map(|(form, _)| *form).collect();
        let mut lexicon = Self {
            vocabulary,
            entries: book.entries,
            template_entries: Vec::new(),
            templates: Patterns::compile(&written, &book.slots)?,
            bitter: Patterns::compile(&bitter, &book.slots)?,
            measuring: data.guards.before_number.iter().cloned().collect(),
            alone: data.guards.alone.iter().cloned().collect(),
        };
        for (form, r) in forms {
            lexicon.template_entries.push(lexicon.entries.len());
            lexicon.entries.push(form, &Role::Rating(r));
        }
        Ok(lexicon)
    }

    pub fn role(&self, token: &Token) -> &Role {
        self.entries.role(token.entry)
    }

    /// The word of the table behind a token.
    pub fn word(&self, token: &Token) -> &str {
        self.entries.word(token.entry)
    }

    /// Longest leftmost words, in order, without overlap; a template takes the place of the words it covers.
    pub fn tokens(&self, normal: &Normal) -> Vec<Token> {
        let text = normal.text();
        let char_at = char_index(&text);
        let mut tokens: Vec<Token> = self
            .vocabulary
            .cut(&text)
            .into_iter()
            .map(|(entry, bytes)| Token { entry, start: char_at[bytes.start], end: char_at[bytes.end] })
            .filter(|t| !self.measures(normal, t) && !self.asks_either_way(normal, t))
            .collect();
        for (template, bytes) in self.templates.find(&text) {
            let entry = self.template_entries[template];
            self.lay_over(&mut tokens, Token { entry, start: char_at[bytes.start], end: char_at[bytes.end] });
        }
        tokens
    }

    /// Characters of every bitter fact: 等了半个月, 修了四回.
    pub fn bitter(&self, normal: &Normal) -> Vec<(usize, usize)> {
        let text = normal.text();
        let char_at = char_index(&text);
        self.bitter.find(&text).into_iter().map(|(_, b)| (char_at[b.start], char_at[b.end])).collect()
    }

    /// 中, 坑, 次: in a longer clause they are parts of other words.
    pub fn needs_to_stand_alone(&self, token: &Token) -> bool {
        self.alone.contains(self.word(token))
    }

    /// The template swallows the words inside it, but for what it speaks of.
    fn lay_over(&self, tokens: &mut Vec<Token>, found: Token) {
        let longer =
            |t: &Token| t.start <= found.start && t.end >= found.end && t.end - t.start > found.end - found.start;
        if tokens.iter().any(|t| longer(t) && !matches!(self.role(t), Role::Block)) {
            return;
        }
        tokens.retain(|t| {
            t.end <= found.start
                || t.start >= found.end
                || matches!(self.role(t), Role::Topic { .. }) && t.start >= found.start
        });
        let at = tokens.partition_point(|t| t.start <= found.start && t.end <= found.end);
        tokens.insert(at, found);
    }

    /// 快不快, 行不行: a question whatever stands around it; 不慢不慢 says it twice.
    fn asks_either_way(&self, normal: &Normal, t: &Token) -> bool {
        let chars = &normal.chars;
        let word = &chars[t.start..t.end];
        let before = |back: usize| t.start.checked_sub(back).and_then(|i| chars.get(i));
        let no = Some(&'不');
        let asked_behind =
            word.len() == 1 && before(1) != no && chars.get(t.end) == no && chars.get(t.end + 1) == word.first();
        let asked_before = word.first() == no && before(1) == word.get(1) && before(2) != no
            || word.len() == 1 && before(1) == no && before(2) == word.first() && before(3) != no;
        matches!(self.role(t), Role::Rating(_)) && (asked_behind || asked_before)
    }

    /// 差不多十点, 一般三天: a measure, not a judgement; 慢一点 is no measure.
    fn measures(&self, normal: &Normal, t: &Token) -> bool {
        matches!(self.role(t), Role::Rating(_))
            && self.measuring.contains(self.word(t))
            && normal.chars.get(t.end).is_some_and(|c| is_numeral(*c))
            && !(t.end - t.start == 1 && matches!(normal.chars.get(t.end..t.end + 2), Some(['一', '点' | '些'])))
    }
}

pub(super) fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || "一二两三四五六七八九十百千半几".contains(c)
}

/// Byte offset → character index, for every character start and the end.
fn char_index(text: &str) -> Vec<usize> {
    let mut index = vec![0; text.len() + 1];
    for (i, (byte, _)) in text.char_indices().enumerate() {
        index[byte] = i;
    }
    index[text.len()] = text.chars().count();
    index
}

/// A form with gaps and slots as a pattern. `××` stays inside its clause, `……` may cross a pause; at the ends of a form a gap is what
/// stands around it anyway.
fn gapped(form: &str, slots: &Slots) -> Result<String, String> {
    let mut pattern = String::new();
    let mut rest = form.trim_start_matches("××").trim_end_matches("××");
    while let Some(c) = rest.chars().next() {
        let next = if let Some(behind) = rest.strip_prefix("××") {
            pattern.push_str(&format!("[^{PAUSE}]{{0,12}}?"));
            behind
        } else if let Some(behind) = rest.strip_prefix("……") {
            pattern.push_str(".{0,14}?");
            behind
        } else if let Some(behind) = rest.strip_prefix(NUMBER) {
            pattern.push_str("[0-9零一二两俩三仨四五六七八九十百几半好多]{1,5}");
            behind
        } else if let Some((name, behind)) = rest.strip_prefix('{').and_then(|r| r.split_once('}')) {
            let words = slots.get(name).ok_or_else(|| format!("`{form}`: there is no slot `{name}`"))?;
            let either: Vec<String> = words.iter().map(|w| gapped(w, slots)).collect::<Result<_, _>>()?;
            pattern.push_str(&format!("(?:{})", either.join("|")));
            behind
        } else {
            pattern.push_str(&regex::escape(&c.to_string()));
            &rest[c.len_utf8()..]
        };
        rest = next;
    }
    Ok(pattern)
}

/// A word with slots as the words that it stands for; `{n}` stays.
fn spelled(word: &str, slots: &Slots) -> Result<Vec<String>, String> {
    let slot = word.match_indices('{').find(|(at, _)| !word[*at..].starts_with(NUMBER));
    let Some((head, rest)) = slot.map(|(at, _)| (&word[..at], &word[at + 1..])) else {
        return Ok(vec![word.to_string()]);
    };
    let (name, tail) = rest.split_once('}').ok_or_else(|| format!("`{word}`: a slot is not closed"))?;
    let fills = slots.get(name).ok_or_else(|| format!("`{word}`: there is no slot `{name}`"))?;
    let mut all = Vec::new();
    // One level: what a fill holds is left to the next round.
    for rest in spelled(tail, slots)? {
        all.extend(fills.iter().map(|fill| format!("{head}{fill}{rest}")));
    }
    Ok(all)
}

/// Every template with what it rates: those of the table, then those beyond it.
fn templates(data: &Data) -> Vec<(&str, Rating)> {
    let mut all = Vec::new();
    for row in &data.row {
        for form in &row.templates {
            let mut r = rating(Class::of_row(row.level), row.level, &[], "template");
            // 建议××进一步提高 (E10).
            r.suggestion = row.level == 4;
            all.push((form.as_str(), r));
        }
    }
    for forms in &data.template {
        let usual = if forms.complaint { compared(forms.level) } else { Class::of_row(forms.level) };
        for form in &forms.forms {
            let mut r = rating(forms.class.unwrap_or(usual), forms.level, &forms.about, "template");
            r.suggestion = forms.suggestion;
            all.push((form.as_str(), r));
        }
    }
    all
}

fn rating(class: Class, level: u8, about: &[Indicator], source: &'static str) -> Rating {
    Rating { class, level, about: about.to_vec(), source, suggestion: false, named: false }
}

/// The table's own words that name their indicator.
fn inherent(word: &str) -> Option<Indicator> {
    Some(match word {
        "技能好" => Indicator::Skill,
        "态度好" | "态度恶劣" => Indicator::Attitude,
        "服务及时" | "响应速度太慢" => Indicator::Timeliness,
        "库存足" | "库存一般" | "配件供应太慢" => Indicator::Parts,
        _ => return None,
    })
}

/// What may lead in a word that begins with a negation, and is the beginning of a negator itself.
const LED_IN: [&str; 6] = ["也", "倒", "都", "又", "从来", "倒也"];

/// Words collected under the rule "first come, first served": more telling lists are added first.
#[derive(Default)]
struct Book {
    entries: Entries,
    seen: HashSet<String>,
    slots: Slots,
    /// The first word that could not be spelled out.
    fault: Option<String>,
}

impl Book {
    /// One more entry stands for everybody who is quoted.
    fn vocabulary(&mut self, data: &Data) -> Result<Vocabulary, String> {
        let s = &data.scopes;
        let quoted = Quoted::new(&s.quotation_people, &s.quotation_infixes, &s.quotation_tails, self.entries.len())?;
        let vocabulary = Vocabulary::new(self.entries.words(), quoted)?;
        self.entries.push("", &Role::Quotation);
        Ok(vocabulary)
    }

    fn add(&mut self, words: &[String], role: &Role) {
        for word in words {
            match spelled(word, &self.slots) {
                Ok(all) => all.into_iter().for_each(|w| self.enter(w, role)),
                Err(detail) => self.fault = self.fault.take().or(Some(detail)),
            }
        }
    }

    fn enter(&mut self, word: String, role: &Role) {
        if self.seen.insert(word.clone()) {
            self.entries.push(&word, role);
        }
    }

    /// 也没问题: without it 也没 would deny 问题. What begins with a negation keeps its meaning behind 也, 倒, 都 …
    fn add_led_in(&mut self) {
        let denies = |word: &str, role: &Role| {
            matches!(role, Role::Rating(_)) && word.starts_with(['没', '不']) && word.chars().count() > 2
        };
        let all = (0..self.entries.len()).map(|n| (self.entries.word(n), self.entries.role(n)));
        let denials: Vec<(String, Role)> =
            all.filter(|(word, role)| denies(word, role)).map(|(word, role)| (word.to_owned(), role.clone())).collect();
        for (word, role) in denials {
            LED_IN.iter().for_each(|lead| self.enter(format!("{lead}{word}"), &role));
        }
    }

    /// Words that contain what they speak of.
    fn mark_named(&mut self, data: &Data) {
        let topics: Vec<&String> =
            data.topic.iter().filter(|t| Indicator::parse(&t.of).is_some()).flat_map(|t| &t.strong).collect();
        for n in 0..self.entries.len() {
            let word = self.entries.word(n);
            if let Role::Rating(r) = self.entries.role(n)
                && !r.about.is_empty()
                && topics.iter().any(|t| word.contains(t.as_str()))
            {
                let named = Role::Rating(Rating { named: true, ..r.clone() });
                self.entries.set_role(n, &named);
            }
        }
    }

    fn add_all(&mut self, data: &Data) -> Result<(), String> {
        self.add(&data.threats.words, &Role::Threat(1));
        self.add(&data.threats.complaints, &Role::Threat(2));
        for row in &data.row {
            for word in &row.keywords {
                let about: Vec<Indicator> = inherent(word).into_iter().collect();
                self.add(
                    std::slice::from_ref(word),
                    &Role::Rating(rating(Class::of_row(row.level), row.level, &about, "table")),
                );
            }
        }
        for forms in &data.compare {
            self.add(&forms.forms, &Role::Rating(rating(compared(forms.level), forms.level, &forms.about, "compare")));
        }
        for block in &data.block {
            self.add(&block.words, &Role::Block);
        }
        let silent = &data.silent;
        self.add(&silent.not_applicable, &Role::NotApplicable);
        self.add(&silent.ignorant, &Role::Ignorant);
        self.add(&data.modifiers.sarcasm, &Role::Sarcasm);
        for words in &data.words {
            self.add(&words.words, &Role::Rating(rating(words.class, words.class.level(), &words.about, "synonym")));
        }
        self.add(&silent.acknowledgements, &Role::Acknowledgement);
        self.add_scopes(data);
        self.add_topics(data)?;
        self.add_modifiers(data);
        self.add(&data.fillers.words, &Role::Filler);
        self.add_led_in();
        self.fault.take().map_or(Ok(()), Err)
    }

    fn add_scopes(&mut self, data: &Data) {
        let s = &data.scopes;
        self.add(&s.revision, &Role::Revision);
        self.add(&s.correction, &Role::Correction);
        self.add(&s.quotation, &Role::Quotation);
        self.add(&s.counterfactual, &Role::Counterfactual);
        self.add(&s.own_view, &Role::OwnView);
        self.add(&s.concessive, &Role::Concessive);
        self.add(&s.contrast, &Role::Contrast);
        self.add(&s.past, &Role::Past);
        self.add(&s.now, &Role::Now);
        self.add(&s.hypothesis, &Role::Hypothesis);
        self.add(&s.suggest, &Role::Suggest);
        self.add(&s.question_words, &Role::Question);
        self.add(&s.question_tails, &Role::Question);
    }

    fn add_topics(&mut self, data: &Data) -> Result<(), String> {
        for words in &data.topic {
            let topic = match words.of.as_str() {
                "generic" => Topic::Generic,
                "product" => Topic::Product,
                "price" => Topic::Price,
                "others" => Topic::Others,
                "call" => Topic::Elsewhere,
                name => Topic::Of(Indicator::parse(name).ok_or_else(|| format!("topic `{name}` is no indicator"))?),
            };
            self.add(&words.strong, &Role::Topic { topic, strong: true });
            self.add(&words.weak, &Role::Topic { topic, strong: false });
        }
        Ok(())
    }

    fn add_modifiers(&mut self, data: &Data) {
        let m = &data.modifiers;
        self.add(&m.soft_negators, &Role::SoftNegator);
        self.add(&m.none_at_all, &Role::NoneAtAll);
        self.add(&m.negators, &Role::Negator);
        self.add(&m.intensifiers, &Role::Intensifier);
        self.add(&m.measured, &Role::Measured);
        self.add(&m.softeners, &Role::Softener);
        self.add(&m.after_intensifiers, &Role::AfterIntensifier);
        self.add(&m.after_softeners, &Role::AfterSoftener);
        self.add(&m.rhetoric_before, &Role::RhetoricBefore);
        self.add(&m.rhetoric_after, &Role::RhetoricAfter);
    }
}

/// A comparison keeps its level whatever stands around it, but a low one is a complaint.
fn compared(level: u8) -> Class {
    if level == 3 { Class::Gripe } else { Class::of_row(level) }
}

/// Slots may hold slots this deep.
const SLOT_DEPTH: usize = 3;

/// The table's slots, each spelled out, and `{rival}`: other makers with what may follow their names.
fn slots(data: &Data) -> Result<Slots, String> {
    let mut slots = data.slots.clone();
    let named = |r: &String| data.rival_suffixes.iter().map(|s| format!("{r}{s}")).collect::<Vec<_>>();
    slots.insert("rival".into(), data.rivals.iter().flat_map(named).collect());
    for _ in 0..SLOT_DEPTH {
        let before = slots.clone();
        for words in slots.values_mut() {
            let all: Result<Vec<Vec<String>>, String> = words.iter().map(|w| spelled(w, &before)).collect();
            *words = all?.concat();
        }
    }
    match slots.iter().find(|(_, words)| words.iter().any(|w| w.replace(NUMBER, "").contains('{'))) {
        Some((name, _)) => Err(format!("slot `{name}` holds slots deeper than {SLOT_DEPTH}")),
        None => Ok(slots),
    }
}
