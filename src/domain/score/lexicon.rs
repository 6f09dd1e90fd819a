//! The compiled table: one automaton over every word, longest leftmost match, each word with one role.
//!
//! Contract: pure function from text to tokens. It knows what a word *is*, never what it means in its clause; that is [`super::clause`]
//! and [`super::compose`].

use super::Indicator;
use super::normal::{Normal, PAUSE};
use super::rubric::{Class, Data, Forms};
use aho_corasick::{AhoCorasick, MatchKind};
use regex::Regex;
use std::collections::{HashMap, HashSet};

/// What a clause speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Topic {
    Of(Indicator),
    /// The service in general: whatever was asked.
    Generic,
    Product,
    Price,
    /// Not the service at all: the call, the line, the weather.
    Elsewhere,
}

#[derive(Clone, Debug, PartialEq)]
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

#[derive(Clone, Debug, PartialEq)]
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
    /// Index into [`Lexicon::roles`].
    pub entry: usize,
    /// Characters of the normal text.
    pub start: usize,
    pub end: usize,
}

#[derive(Debug)]
struct Template {
    pattern: Regex,
    entry: usize,
}

#[derive(Debug)]
pub(super) struct Lexicon {
    automaton: AhoCorasick,
    roles: Vec<Role>,
    words: Vec<String>,
    templates: Vec<Template>,
    bitter: Vec<Regex>,
    measuring: HashSet<String>,
    alone: HashSet<String>,
}

impl Lexicon {
    pub fn compile(data: &Data) -> Result<Self, String> {
        let mut book = Book::default();
        book.add_all(data)?;
        book.mark_named(data);
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&book.words)
            .map_err(|e| format!("words cannot be compiled: {e}"))?;
        let mut lexicon = Self {
            automaton,
            roles: book.roles,
            words: book.words,
            templates: Vec::new(),
            bitter: Vec::new(),
            measuring: data.guards.before_number.iter().cloned().collect(),
            alone: data.guards.alone.iter().cloned().collect(),
        };
        for form in &data.modifiers.bitter {
            lexicon.bitter.push(gapped(form)?);
        }
        for row in &data.row {
            for form in row.templates.iter() {
                lexicon.add_template(form, rating(Class::of_row(row.level), row.level, &[], "template"))?;
            }
        }
        for forms in &data.template {
            for form in &forms.forms {
                let class = if forms.complaint { compared(forms.level) } else { Class::of_row(forms.level) };
                let mut r = rating(class, forms.level, &forms.about, "template");
                r.suggestion = forms.suggestion;
                lexicon.add_template(form, r)?;
            }
        }
        Ok(lexicon)
    }

    fn add_template(&mut self, form: &str, mut r: Rating) -> Result<(), String> {
        r.suggestion |= r.level == 4;
        let pattern = gapped(form)?;
        self.roles.push(Role::Rating(r));
        self.words.push(form.to_string());
        self.templates.push(Template { pattern, entry: self.roles.len() - 1 });
        Ok(())
    }

    pub fn role(&self, token: &Token) -> &Role {
        &self.roles[token.entry]
    }

    /// The word of the table behind a token.
    pub fn word(&self, token: &Token) -> &str {
        &self.words[token.entry]
    }

    /// Longest leftmost words, in order, without overlap; a template takes the place of the words it covers.
    pub fn tokens(&self, normal: &Normal) -> Vec<Token> {
        let text = normal.text();
        let char_at = char_index(&text);
        let mut tokens: Vec<Token> = self
            .automaton
            .find_iter(&text)
            .map(|m| Token { entry: m.pattern().as_usize(), start: char_at[m.start()], end: char_at[m.end()] })
            .filter(|t| !self.measures(normal, t) && !self.asks_either_way(normal, t))
            .collect();
        for template in &self.templates {
            for m in template.pattern.find_iter(&text) {
                let found = Token { entry: template.entry, start: char_at[m.start()], end: char_at[m.end()] };
                self.lay_over(&mut tokens, found);
            }
        }
        tokens
    }

    /// Characters of every bitter fact: 等了半个月, 修了四回.
    pub fn bitter(&self, normal: &Normal) -> Vec<(usize, usize)> {
        let text = normal.text();
        let char_at = char_index(&text);
        let found = self.bitter.iter().flat_map(|p| p.find_iter(&text));
        found.map(|m| (char_at[m.start()], char_at[m.end()])).collect()
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

    /// 快不快, 行不行: a question whatever stands around it.
    fn asks_either_way(&self, normal: &Normal, t: &Token) -> bool {
        let chars = &normal.chars;
        let word = &chars[t.start..t.end];
        let asked_behind = word.len() == 1 && chars.get(t.end) == Some(&'不') && chars.get(t.end + 1) == word.first();
        let before = |back: usize| t.start.checked_sub(back).and_then(|i| chars.get(i));
        let asked_before = word.first() == Some(&'不') && before(1) == word.get(1)
            || word.len() == 1 && before(1) == Some(&'不') && before(2) == word.first();
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

/// A form with ×× gaps as a pattern. A gap stays inside its clause; at the ends of a form it is what stands around it anyway.
fn gapped(form: &str) -> Result<Regex, String> {
    let trimmed = form.trim_start_matches("××").trim_end_matches("××");
    let gap = format!("[^{PAUSE}]{{0,12}}?");
    let pattern = trimmed.split("××").map(regex::escape).collect::<Vec<_>>().join(&gap);
    Regex::new(&pattern).map_err(|e| format!("template `{form}`: {e}"))
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

/// Words collected under the rule "first come, first served": more telling lists are added first.
#[derive(Default)]
struct Book {
    words: Vec<String>,
    roles: Vec<Role>,
    seen: HashMap<String, usize>,
}

impl Book {
    fn add(&mut self, words: &[String], role: &Role) {
        for word in words {
            if !self.seen.contains_key(word) {
                self.seen.insert(word.clone(), self.words.len());
                self.words.push(word.clone());
                self.roles.push(role.clone());
            }
        }
    }

    /// Words that contain what they speak of.
    fn mark_named(&mut self, data: &Data) {
        let topics: Vec<&String> =
            data.topic.iter().filter(|t| Indicator::parse(&t.of).is_some()).flat_map(|t| &t.strong).collect();
        for (word, role) in self.words.iter().zip(&mut self.roles) {
            if let Role::Rating(r) = role {
                r.named = !r.about.is_empty() && topics.iter().any(|t| word.contains(t.as_str()));
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
        let named = |r: &String| data.rival_suffixes.iter().map(|s| format!("{r}{s}")).collect::<Vec<_>>();
        let rivals: Vec<String> = data.rivals.iter().flat_map(named).collect();
        for forms in &data.compare {
            self.add(
                &expand(forms, &rivals),
                &Role::Rating(rating(compared(forms.level), forms.level, &[], "compare")),
            );
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
        Ok(())
    }

    fn add_scopes(&mut self, data: &Data) {
        let s = &data.scopes;
        self.add(&s.correction, &Role::Correction);
        self.add(&quoted(data), &Role::Quotation);
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

fn expand(forms: &Forms, rivals: &[String]) -> Vec<String> {
    let one = |form: &String| match form.contains("{rival}") {
        true => rivals.iter().map(|r| form.replace("{rival}", r)).collect(),
        false => vec![form.clone()],
    };
    forms.forms.iter().flat_map(one).collect()
}

/// 他们说, 隔壁觉得 …: everyone who may be quoted with every verb of saying.
fn quoted(data: &Data) -> Vec<String> {
    let s = &data.scopes;
    let plain = String::new();
    let infixes: Vec<&String> = s.quotation_infixes.iter().chain([&plain]).collect();
    let mut said = s.quotation.clone();
    for person in &s.quotation_people {
        for infix in &infixes {
            said.extend(s.quotation_tails.iter().map(|tail| format!("{person}{infix}{tail}")));
        }
    }
    said
}
