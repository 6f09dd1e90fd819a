//! The compiled table: every word with one role, longest leftmost match.
//!
//! Contract: pure function from text to tokens. It knows what a word *is*, never what it means in its clause; that is [`super::clause`]
//! and [`super::compose`].

use super::Indicator;
use super::compose::with_degree;
use super::entries::Entries;
use super::normal::{Normal, to_simplified};
use super::patterns::{NUMBER, Patterns, Slots, spelled};
use super::rubric::{Class, Data};
use super::vocabulary::{Quoted, Vocabulary};
use std::collections::HashSet;
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

pub(super) struct Lexicon {
    vocabulary: Vocabulary,
    entries: Entries,
    /// Entry of each template, in the order of its patterns.
    template_entries: Vec<usize>,
    templates: Patterns,
    bitter: Patterns,
    measuring: HashSet<String>,
    alone: HashSet<String>,
    /// Entries of the strong topics that are indicators.
    topics: Vec<usize>,
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
        let nested = nested_slots(data);
        let names = |role: &Role| matches!(role, Role::Topic { topic: Topic::Of(_), strong: true });
        let mut lexicon = Self {
            topics: (0..book.entries.len()).filter(|e| names(book.entries.role(*e))).collect(),
            vocabulary,
            entries: book.entries,
            template_entries: Vec::new(),
            templates: Patterns::compile(&written, &nested)?,
            bitter: Patterns::compile(&bitter, &nested)?,
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
        self.recut(&text, &char_at, &mut tokens);
        for (template, bytes) in self.templates.find(&text) {
            let entry = self.template_entries[template];
            self.lay_over(&mut tokens, Token { entry, start: char_at[bytes.start], end: char_at[bytes.end] });
        }
        tokens
    }

    /// 态度没得 is a word, but in 态度没得说 the longer word behind 态度 is meant.
    fn recut(&self, text: &str, char_at: &[usize], tokens: &mut Vec<Token>) {
        let mut at = 0;
        while at < tokens.len() {
            let t = tokens[at];
            at += 1;
            let Some((topic, cut)) = self.topic_in_front(&t) else { continue };
            let Some(from) = char_at.iter().position(|c| *c == t.start).map(|byte| byte + cut) else { continue };
            let Some((entry, length)) = self.vocabulary.longest(&text[from..]) else { continue };
            let end = char_at[from + length];
            let behind = Token { entry, start: char_at[from], end };
            if end > t.end && matches!(self.role(&behind), Role::Rating(_) | Role::Ignorant | Role::Block) {
                tokens.retain(|o| o.start == t.start || o.start >= end || o.end <= t.start);
                tokens[at - 1] = Token { entry: topic, start: t.start, end: behind.start };
                tokens.insert(at, behind);
            }
        }
    }

    /// The topic that a rating word begins with: its entry, and its length in bytes.
    fn topic_in_front(&self, t: &Token) -> Option<(usize, usize)> {
        matches!(self.role(t), Role::Rating(r) if r.named).then_some(())?;
        let word = self.word(t);
        let topics = self.topics.iter().filter(|e| word.starts_with(self.entries.word(**e)));
        topics.map(|e| (*e, self.entries.word(*e).len())).filter(|(_, len)| *len < word.len()).max_by_key(|t| t.1)
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
        // 库存足不足, 态度好不好: what a longer word ends in is asked for just as well.
        let asked_behind = before(1) != no
            && word.first() != no
            && chars.get(t.end) == no
            && (chars.get(t.end + 1) == word.last() || chars.get(t.end + 1..t.end + 1 + word.len()) == Some(word));
        let asked_before = word.first() == no && before(1) == word.get(1) && before(2) != no
            || word.len() == 1 && before(1) == no && before(2) == word.first() && before(3) != no;
        matches!(self.role(t), Role::Rating(_)) && (asked_behind || asked_before)
    }

    /// 差不多十点, 一般三天: a measure, not a judgement; 慢一点 is no measure.
    fn measures(&self, normal: &Normal, t: &Token) -> bool {
        matches!(self.role(t), Role::Rating(_))
            && self.measuring.contains(self.word(t))
            && (normal.chars.get(t.end).is_some_and(|c| is_numeral(*c)) || is_hour(&normal.chars[t.end..]))
            && !(t.end - t.start == 1 && matches!(normal.chars.get(t.end..t.end + 2), Some(['一', '点' | '些'])))
    }
}

/// 差不多晚上八点: the hour begins with its part of the day.
fn is_hour(behind: &[char]) -> bool {
    let part = ["早上", "上午", "中午", "下午", "晚上", "傍晚", "凌晨", "半夜", "昨天", "前天"];
    let head: String = behind.iter().take(2).collect();
    let alone = ["晌午", "天黑", "半晌", "擦黑", "傍黑", "头晌", "后晌", "一早", "清早", "饭点"];
    alone.contains(&head.as_str()) || part.contains(&head.as_str()) && behind.get(2).is_some_and(|c| is_numeral(*c))
}

pub(super) fn is_numeral(c: char) -> bool {
    c.is_ascii_digit() || "一二两三四五六七八九十百千半几俩仨".contains(c)
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
        // Texts are read in one script and in standard words; so are the words of the table.
        let word = to_simplified(&word);
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

    /// 脾气大 is listed, 脾气有点大 and 脾气不大 are not: where a word ends in a quality, a degree word may stand before it.
    fn add_degrees_inside(&mut self, data: &Data) {
        let inside = &data.guards.degrees_inside;
        let degrees = [
            (&inside.intensifiers, Role::Intensifier),
            (&inside.measured, Role::Measured),
            (&inside.soft_negators, Role::SoftNegator),
            (&inside.negators, Role::Negator),
            (&inside.softeners, Role::Softener),
        ];
        let all = (0..self.entries.len()).map(|n| (self.entries.word(n), self.entries.role(n)));
        let listed: Vec<(String, Rating)> = all
            .filter_map(|(word, role)| match role {
                Role::Rating(r) if r.source == "synonym" && (!r.about.is_empty() || word.chars().count() >= 3) => {
                    Some((word.to_owned(), r.clone()))
                }
                _ => None,
            })
            .collect();
        for (word, r) in listed {
            let Some((head, quality)) = inside.split(&word) else { continue };
            for (degree, role) in degrees.iter().flat_map(|(words, role)| words.iter().map(move |d| (d, role))) {
                let Some(class) = with_degree(role, r.class) else { continue };
                let weighed = Rating { class, level: class.level(), ..r.clone() };
                self.enter(format!("{head}{degree}{quality}"), &Role::Rating(weighed));
            }
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
        self.add_degrees_inside(data);
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

/// The table's slots as patterns read them: one inside the other, so that a pattern stays as small as its parts.
fn nested_slots(data: &Data) -> Slots {
    let mut slots = data.slots.clone();
    slots.insert("maker".into(), data.rivals.iter().chain(&data.further_rivals).cloned().collect());
    slots.insert("of_maker".into(), data.rival_suffixes.clone());
    slots.insert("rival".into(), vec!["{maker}{of_maker}".into()]);
    slots
}

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
