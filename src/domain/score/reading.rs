//! One pass over the words: every level word weighed and given to whom it speaks of, every threat noted.
//!
//! Contract: finds, does not decide; [`super::settle`] makes levels of what is found here.

use super::allusion::{
    asks_his_judge, begins_with_this, delivers, done_how, is_no_judge, names_labour, points_out, speaks_of_the_caller,
    takes_back_words,
};
use super::clause::{Clause, Scope, clauses};
use super::compose::{Weighed, weigh};
use super::lexicon::{Lexicon, Rating, Role, Token, Topic};
use super::normal::{Normal, PAUSE};
use super::question::Question;
use super::rubric::{Class, Rubric};
use super::{Evidence, Indicator, Level};
use crate::domain::ways::any_of;

/// Where a level belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Of(Indicator),
    /// The asked indicator, whatever it is; with none asked, the whole.
    Asked,
    Product,
    Price,
    Elsewhere,
}

#[derive(Clone, Debug)]
pub(super) struct Eval {
    pub target: Target,
    /// The customer named what he speaks of.
    pub named: bool,
    pub weighed: Weighed,
    pub scope: Scope,
    pub clause: usize,
    pub suggestion: bool,
    /// 总体…: the customer's own overall word.
    pub overall_word: bool,
    pub commends: bool,
    /// 耐心, 专业: says how, not how satisfied.
    pub trait_word: bool,
    /// 满意, 好: without a word of degree, in it or before it.
    pub plain: bool,
    /// Takes back what was said to an earlier question.
    pub revises: bool,
    /// 没意见: no evaluation where advice was asked for.
    pub nothing_to_say: bool,
}

impl Eval {
    /// A level of what was asked, whose words name nothing.
    pub fn of_asked(weighed: Weighed, scope: Scope, clause: usize) -> Self {
        Self {
            target: Target::Asked,
            named: false,
            weighed,
            scope,
            clause,
            suggestion: false,
            overall_word: false,
            commends: false,
            trait_word: false,
            plain: false,
            revises: false,
            nothing_to_say: false,
        }
    }
}

/// One pass over one version of the words.
#[derive(Debug, Default)]
pub(super) struct Reading {
    pub evals: Vec<Eval>,
    pub threats: Vec<(Evidence, u8)>,
    pub not_applicable: bool,
    pub suggests: bool,
    /// 建议…, 希望…: characters of the first.
    pub advice: Option<(usize, usize)>,
    /// Clauses that take back what was said before them.
    pub corrections: Vec<usize>,
    /// 这回弄好了, after a failure of the past: characters of the clause.
    pub mended: Option<(usize, usize)>,
    /// Clauses that turn (就是…, 不过…) without a level word: 服务行 就是人手太紧.
    pub reservations: Vec<usize>,
    /// Clauses that turn, whatever they say then.
    pub turns: Vec<usize>,
}

/// The words under judgement.
pub(super) struct Words<'a> {
    pub normal: &'a Normal,
    pub text: &'a str,
    pub question: &'a Question,
    pub tokens: &'a [Token],
}

/// 挺好, 还行: weighed by their first character.
const MEASURED: [char; 7] = ['挺', '还', '蛮', '比', '基', '算', '都'];

/// What he feels about it tells more than it rates.
const FEELS: [&str; 8] = ["不痛快", "不踏实", "不舒服", "头疼", "闹心", "糟心", "难受", "不美"];

/// 就是来了话都不说一句: characters of a turn that says something.
const TURN_SAYS: usize = 6;

/// One clause where it stands.
struct Place<'a> {
    clause: &'a Clause,
    n: usize,
    /// A topic that the clause before only named.
    dangling: Option<Topic>,
    /// What the clause before named and rated: 配件等了半个月，太慢.
    follows: Option<Indicator>,
    /// He comes back to what was asked before: 刚才那个及时性我得改改.
    revises: bool,
}

impl Rubric {
    pub(super) fn read(&self, normal: &Normal, text: &str, question: &Question) -> Reading {
        let tokens = self.lexicon.tokens(normal);
        let clauses = clauses(&self.lexicon, normal, &tokens);
        let words = Words { normal, text, question, tokens: &tokens };
        let mut reading = Reading::default();
        let mut dangling = None;
        let mut comes_back = false;
        let mut revised = None;
        let mut follows = None;
        for (n, clause) in clauses.iter().enumerate() {
            let before = reading.evals.len();
            if self.mends_now(&words, clause) {
                reading.mended = Some((clause.start, clause.end));
            }
            let turns = clause.scope.contrast || points_out(normal, clause);
            if turns && clause.end - clause.start >= TURN_SAYS {
                reading.turns.push(n);
            }
            if self.is_reservation(&normal.chars, &tokens, clause) {
                reading.reservations.push(n);
            }
            if clause.scope.correction {
                reading.corrections.push(n);
            }
            let own = tokens[clause.first..clause.last].iter().any(|t| matches!(self.lexicon.role(t), Role::Revision));
            if n > 0 && reading.evals.iter().all(|e| !e.weighed.class.is_positive()) {
                reading.evals.extend(asks_his_judge(normal, clause, n));
            }
            // 刚才那个及时我收回: names what follows is about, and rates nothing.
            if own && takes_back_words(normal, clause) {
                revised = self.spoken_of(&tokens, clause).or(revised);
                continue;
            }
            let about = dangling.or(revised);
            let revises = own || revised.is_some() || comes_back && dangling.is_some();
            self.read_clause(&mut reading, &words, &Place { clause, n, dangling: about, follows, revises });
            dangling = self.left_over_topic(normal, &tokens, clause, reading.evals.len() > before, dangling, own);
            // 跟三一那帮人比，不差啥: who is compared with is not spoken of.
            let compares = normal.chars[clause.start..clause.end].contains(&'比');
            dangling = dangling.filter(|t| !(compares && *t == Topic::Others));
            comes_back = revises;
            follows = self.strong_topic(&tokens, clause).filter(|_| reading.evals.len() > before);
        }
        self.irony(&mut reading, normal, &tokens, &clauses);
        reading
    }

    fn read_clause(&self, reading: &mut Reading, words: &Words<'_>, place: &Place<'_>) {
        let tokens = words.tokens;
        for at in place.clause.first..place.clause.last {
            match self.lexicon.role(&tokens[at]) {
                Role::Rating(_) if lost_in_clause(&self.lexicon, tokens, at, place.clause) => {}
                // 也不能说一般: takes a shrug back, says nothing new.
                // 我一个女同志不懂的: he is no judge.
                Role::Rating(_) if is_no_judge(words.normal, place.clause, self.lexicon.word(&tokens[at])) => {}
                Role::Rating(r) if r.class == Class::Fair && takes_back(&self.lexicon, tokens, at, place.clause) => {}
                Role::Rating(r) if !is_degree_of_next(&self.lexicon, tokens, at, place.clause) => {
                    reading.evals.extend(self.evaluation(words, place, at, r));
                }
                Role::Acknowledgement if follows_topic(&self.lexicon, tokens, at, place.clause) => {
                    let about = Vec::new();
                    let (class, source) = (Class::Good, "synonym");
                    let r = Rating { class, level: 4, about, source, suggestion: false, named: false };
                    reading.evals.extend(self.evaluation(words, place, at, &r));
                }
                Role::Threat(level) => reading.threats.extend(self.threat(words, at, place.clause, *level)),
                Role::NotApplicable => reading.not_applicable = true,
                Role::Suggest => {
                    reading.suggests = true;
                    let t = &tokens[at];
                    if matches!(self.lexicon.word(t), "建议" | "希望" | "提个建议") && reading.advice.is_none()
                    {
                        reading.advice = Some((t.start, place.clause.end));
                    }
                }
                _ => {}
            }
        }
    }

    fn evaluation(&self, words: &Words<'_>, place: &Place<'_>, at: usize, r: &Rating) -> Option<Eval> {
        let mut w = weigh(&self.lexicon, words.normal, words.tokens, at, place.clause, r)?;
        let mut scope = place.clause.scope;
        if scope.asks && r.class.is_positive() && self.asks_in_vain(words.normal, place.clause, words.tokens[at].start)
        {
            if w.class.is_positive() {
                w.deny();
            }
            // 你说这叫及时吗: nobody else is quoted.
            (scope.asks, scope.quoted) = (false, false);
        }
        let named = r.named
            || self.lexicon.word(&words.tokens[at]).contains("及时")
            || matches!(self.topic_near(words.tokens, at, place.clause), Some((_, true)))
            || matches!(place.dangling, Some(Topic::Of(_)));
        // 能再快点就更好了: advice speaks of what is not yet.
        scope.supposed &= !r.suggestion;
        let (target, overall_word) = self.target(words, at, place, r);
        Some(Eval {
            target,
            named,
            scope,
            clause: place.n,
            suggestion: r.suggestion,
            overall_word,
            commends: w.level == 5 && commends(&words.normal.chars[w.start..w.end]),
            trait_word: FEELS.iter().any(|w| self.lexicon.word(&words.tokens[at]).contains(w))
                || matches!(r.source, "synonym" | "template")
                    && (!r.about.is_empty() || r.class == Class::Gripe)
                    && !self.lexicon.word(&words.tokens[at]).contains("及时"),
            plain: w.steps.len() == 1 && !self.lexicon.word(&words.tokens[at]).starts_with(MEASURED),
            revises: place.revises,
            nothing_to_say: self.lexicon.word(&words.tokens[at]).starts_with('没') && r.class == Class::Good,
            weighed: w,
        })
    }

    /// Whose level it is: the nearest strong topic of the clause, else the word's own binding, else what was asked (convention 8).
    fn target(&self, words: &Words<'_>, at: usize, place: &Place<'_>, r: &Rating) -> (Target, bool) {
        let (tokens, question, clause) = (words.tokens, words.question, place.clause);
        if self.speaks_of_others(tokens, at, clause) || speaks_of_the_caller(words.normal, clause, tokens[at].start) {
            return (Target::Elsewhere, false);
        }
        let near = self.topic_near(tokens, at, clause);
        if near.is_none() && place.dangling == Some(Topic::Others) {
            return (Target::Elsewhere, false);
        }
        // 总的来说，我对你们还是满意的: 你们 names less than what hangs over.
        let hangs = place.dangling.filter(|d| matches!(d, Topic::Of(_)) && matches!(near, Some((Topic::Generic, _))));
        let topic = hangs.map(|t| (t, true)).or(near).or(place.dangling.map(|t| (t, true)));
        let refers = begins_with_this(words.normal, clause);
        let follows = place.follows.filter(|i| r.about.contains(i) || refers).map(|i| (Topic::Of(i), true));
        // Whoever is pleased, or was served, the words are about us.
        let topic = topic.filter(|t| t.0 != Topic::Others).or(follows);
        let overall_word = matches!(topic, Some((Topic::Of(Indicator::Overall), true)));
        let asked = question.indicator;
        let own = &r.about;
        let target = match topic {
            // 除了配件都挺好 speaks of the whole, whatever it excepts.
            _ if r.source == "template" && *own == [Indicator::Overall] => Target::Of(Indicator::Overall),
            // 干活没问题, asked how it runs: the machine's work, nobody's skill.
            Some((Topic::Of(Indicator::Skill), _)) if question.of_machine && !self.names_craft(tokens, at, clause) => {
                Target::Product
            }
            // 刹车修完还是软: what the work came to is about the work, whatever part is named.
            Some((Topic::Product, _)) if asked.is_some_and(|a| own.contains(&a)) => Target::Asked,
            // 漆补得不赖: how the work was done.
            Some((Topic::Product, _))
                if asked == Some(Indicator::Skill) && done_how(words.normal, tokens[at].start) =>
            {
                Target::Asked
            }
            Some((Topic::Product, _)) => Target::Product,
            // 工时费有点贵: no price of parts.
            Some((Topic::Price, _)) if asked == Some(Indicator::Parts) && names_labour(words.normal, clause) => {
                Target::Elsewhere
            }
            Some((Topic::Price, _)) => Target::Price,
            Some((Topic::Elsewhere, _)) => Target::Elsewhere,
            Some((Topic::Of(Indicator::Parts), true))
                if question.of_delivery && (near.is_none() || delivers(words.normal, clause)) =>
            {
                Target::Of(Indicator::Timeliness)
            }
            Some((Topic::Of(i), true)) => Target::Of(i),
            // Parts are not the service: 配件可以，服务不行.
            Some((Topic::Generic, _))
                if own.is_empty() && asked == Some(Indicator::Parts) && self.names_service(tokens, at, clause) =>
            {
                Target::Of(Indicator::Overall)
            }
            Some((Topic::Of(i), false)) if own.is_empty() || own.contains(&i) => {
                if weak_belongs_to_asked(i, asked) && !self.names_person(tokens, at, clause, i) {
                    Target::Asked
                } else {
                    Target::Of(i)
                }
            }
            // 服务根本跟不上: of the service, whatever the word is mostly said of.
            Some((Topic::Generic, _))
                if asked == Some(Indicator::Overall) && !r.named && self.names_service(tokens, at, clause) =>
            {
                Target::Asked
            }
            _ if speaks_of_money(self.lexicon.word(&tokens[at])) => Target::Price,
            // 挺热情, asked for the whole: his words are about the whole as long as he names nothing else.
            None if asked == Some(Indicator::Overall) && !r.named => Target::Asked,
            _ if own.is_empty() => Target::Asked,
            _ if asked.is_some_and(|a| own.contains(&a)) => Target::Asked,
            _ => Target::Of(own[0]),
        };
        let target =
            if asked.is_some() && target == asked.map_or(Target::Asked, Target::Of) { Target::Asked } else { target };
        (target, overall_word)
    }

    /// 司机技术太差, 银行放款太慢: said of somebody who is no part of the service, unless one of us comes after him. What pleases or
    /// vexes him (司机也满意) and what was done to him (对司机很客气) is about us.
    fn speaks_of_others(&self, tokens: &[Token], at: usize, clause: &Clause) -> bool {
        let topic = |t: &Token| match self.lexicon.role(t) {
            Role::Topic { topic, .. } => Some(*topic),
            _ => None,
        };
        // What a comparison names lies inside it.
        let outside = tokens[clause.first..at].iter().take_while(|t| t.end <= tokens[at].start).count();
        let before = &tokens[clause.first..clause.first + outside];
        let Some(last) = before.iter().rposition(|t| topic(t) == Some(Topic::Others)) else { return false };
        // 别的厂的师傅: theirs; 司机说师傅: ours.
        let theirs = |t: &Token| t.start <= before[last].end + 1;
        let ours = before[last..].iter().any(|t| topic(t) == Some(Topic::Generic) && !theirs(t));
        let feels = ["满意", "认可", "高兴", "放心", "失望"].iter().any(|w| self.lexicon.word(&tokens[at]).contains(w));
        !ours && !feels && !self.is_object(tokens, clause.first + last)
    }

    /// 对司机, 跟机手, 给工人.
    fn is_object(&self, tokens: &[Token], at: usize) -> bool {
        let before = at.checked_sub(1).map(|i| &tokens[i]).filter(|t| t.end == tokens[at].start);
        before.is_some_and(|t| ["对", "跟", "给", "和", "帮", "教", "让", "比"].contains(&self.lexicon.word(t)))
    }

    /// The nearest strong topic before the word; else the nearest weak one; else one right behind it.
    fn topic_near(&self, tokens: &[Token], at: usize, clause: &Clause) -> Option<(Topic, bool)> {
        let inside = |t: &Token| match self.lexicon.role(t) {
            Role::Topic { topic, strong } => Some((*topic, *strong)),
            // 总体还是满意的, 总的还行: the degree word names the whole.
            Role::Measured if names_whole(self.lexicon.word(t)) => Some((Topic::Of(Indicator::Overall), true)),
            _ => None,
        };
        let before = || tokens[clause.first..at].iter().rev().filter_map(inside);
        let covered = tokens[clause.first..clause.last]
            .iter()
            .filter(|t| t.start >= tokens[at].start && t.end <= tokens[at].end)
            .filter_map(inside)
            .find(|t| t.1);
        covered
            .or_else(|| before().find(|t| t.1))
            .or_else(|| before().find(|t| t.0 != Topic::Generic))
            .or_else(|| {
                tokens[at + 1..clause.last]
                    .iter()
                    .take(3)
                    .filter_map(inside)
                    .find(|t| t.1 && self.no_rating_between(tokens, at, clause))
            })
            .or_else(|| before().next())
    }

    /// What a clause speaks of, by its topic or by a word that belongs to one indicator.
    fn spoken_of(&self, tokens: &[Token], clause: &Clause) -> Option<Topic> {
        tokens[clause.first..clause.last].iter().find_map(|t| match self.lexicon.role(t) {
            Role::Topic { topic, strong: true } => Some(*topic),
            Role::Rating(r) => r.about.first().map(|i| Topic::Of(*i)),
            _ => None,
        })
    }

    /// The indicator that a clause names.
    fn strong_topic(&self, tokens: &[Token], clause: &Clause) -> Option<Indicator> {
        tokens[clause.first..clause.last].iter().rev().find_map(|t| match self.lexicon.role(t) {
            Role::Topic { topic: Topic::Of(i), strong: true } => Some(*i),
            _ => None,
        })
    }

    fn names_service(&self, tokens: &[Token], at: usize, clause: &Clause) -> bool {
        tokens[clause.first..at].iter().any(|t| matches!(self.lexicon.word(t), "服务" | "售后" | "服务质量"))
    }

    fn names_craft(&self, tokens: &[Token], at: usize, clause: &Clause) -> bool {
        let craft = ["技术", "技能", "师傅", "工程师", "手艺", "水平", "修"];
        tokens[clause.first..=at].iter().any(|t| craft.iter().any(|w| self.lexicon.word(t).contains(w)))
    }

    /// 人来得快 is about the visit even where parts were asked for.
    fn names_person(&self, tokens: &[Token], at: usize, clause: &Clause, i: Indicator) -> bool {
        let person = |t: &Token| {
            ["人来", "人到", "来得", "来的", "师傅", "工程师"].iter().any(|w| self.lexicon.word(t).starts_with(w))
        };
        i == Indicator::Timeliness && tokens[clause.first..at].iter().any(person)
    }

    fn no_rating_between(&self, tokens: &[Token], at: usize, clause: &Clause) -> bool {
        !tokens[at + 1..clause.last].iter().any(|t| matches!(self.lexicon.role(t), Role::Rating(_)))
    }

    /// 配件，太慢了: a clause that only names its topic hands it on.
    fn left_over_topic(
        &self,
        normal: &Normal,
        tokens: &[Token],
        clause: &Clause,
        rated: bool,
        before: Option<Topic>,
        revises: bool,
    ) -> Option<Topic> {
        if rated {
            return None;
        }
        let own = tokens[clause.first..clause.last].iter().rev().find_map(|t| match self.lexicon.role(t) {
            Role::Topic { topic, strong: true } => Some(*topic),
            Role::Measured if names_whole(self.lexicon.word(t)) => Some(Topic::Of(Indicator::Overall)),
            _ => None,
        });
        let of_others = own == Some(Topic::Others) && clause.end - clause.start <= 12;
        // 我跟你说的不是配件，是你们这车的质量，太差.
        let ends = tokens[clause.first..clause.last].last().is_some_and(|t| {
            let end = clause.end - usize::from(normal.chars.get(clause.end - 1) == Some(&PAUSE));
            t.end == end && matches!(self.lexicon.role(t), Role::Topic { strong: true, .. })
        });
        let only_topic = ends || revises || of_others || clause.end - clause.start <= 7;
        if only_topic {
            own.or(before.filter(|_| own.is_none() && (revises || clause.first == clause.last)))
        } else {
            None
        }
    }

    /// 你说这叫及时吗, 谁能满意: a question that expects a no.
    fn asks_in_vain(&self, normal: &Normal, clause: &Clause, until: usize) -> bool {
        let head: String = normal.chars[clause.start..until.max(clause.start)].iter().collect();
        let asks_how = any_of(&head, &["什么样", "怎么", "怎样", "咋样", "啥样"]);
        !asks_how && self.data.scopes.rhetoric_marks.iter().any(|m| head.contains(m.as_str()))
    }

    /// 这回弄好了, 后来找准了: a present success that carries no level word.
    fn mends_now(&self, words: &Words<'_>, clause: &Clause) -> bool {
        let said: String = words.normal.chars[clause.start..clause.end].iter().collect();
        let own = &words.tokens[clause.first..clause.last];
        clause.scope.now
            && self.data.scopes.mended.iter().any(|w| said.contains(w.as_str()))
            && !own.iter().any(|t| matches!(self.lexicon.role(t), Role::Rating(_) | Role::Negator | Role::SoftNegator))
    }

    /// A turn that says something and names no level.
    fn is_reservation(&self, chars: &[char], tokens: &[Token], clause: &Clause) -> bool {
        let own = &tokens[clause.first..clause.last];
        let Some(turn) = own.iter().find(|t| matches!(self.lexicon.role(t), Role::Contrast)) else { return false };
        let rest: String = chars[turn.end..clause.end].iter().filter(|c| **c != PAUSE).collect();
        let levelled = own.iter().any(|t| matches!(self.lexicon.role(t), Role::Rating(_) | Role::Threat(_)));
        let turns = ["就是", "但是", "但", "不过", "可是", "只是", "可惜"].contains(&self.lexicon.word(turn));
        let says = rest.chars().count() >= 3;
        turns && says && !levelled && !self.data.scopes.no_reservation.iter().any(|w| rest.contains(w.as_str()))
    }
}

/// 中 in 路中: a word of one character inside a longer clause judges nothing, but 技术中 and 你家服务管 name only whom they judge.
fn lost_in_clause(lexicon: &Lexicon, tokens: &[Token], at: usize, clause: &Clause) -> bool {
    if !lexicon.needs_to_stand_alone(&tokens[at]) {
        return false;
    }
    let named = at > clause.first
        && tokens[at - 1].end == tokens[at].start
        && matches!(lexicon.role(&tokens[at - 1]), Role::Topic { topic: Topic::Of(_), strong: true });
    if named {
        return false;
    }
    let own = tokens[at].end - tokens[at].start;
    let beside = |t: &&Token| {
        t.end <= tokens[at].start
            && matches!(
                lexicon.role(t),
                Role::Topic { .. } | Role::OwnView | Role::Now | Role::Measured | Role::Contrast | Role::RhetoricBefore
            )
    };
    let known: usize = tokens[clause.first..at].iter().filter(beside).map(|t| t.end - t.start).sum();
    clause.end - clause.start > own + known + 3
}

fn takes_back(lexicon: &Lexicon, tokens: &[Token], at: usize, clause: &Clause) -> bool {
    tokens[clause.first..at].iter().any(|t| lexicon.word(t) == "也不能说")
}

/// 好慢, 好快: 好 before another level word is a degree word.
fn is_degree_of_next(lexicon: &Lexicon, tokens: &[Token], at: usize, clause: &Clause) -> bool {
    lexicon.word(&tokens[at]) == "好"
        && at + 1 < clause.last
        && tokens[at + 1].start == tokens[at].end
        && matches!(lexicon.role(&tokens[at + 1]), Role::Rating(_))
        && lexicon.word(&tokens[at + 1]).chars().count() <= 2
        && !lexicon
            .word(&tokens[at + 1])
            .starts_with(['不', '还', '挺', '很', '太', '好', '一', '可', '没', '满', '行'])
}

/// 态度好的: an acknowledgement right behind a topic is an evaluation.
fn follows_topic(lexicon: &Lexicon, tokens: &[Token], at: usize, clause: &Clause) -> bool {
    let mut before = at;
    while before > clause.first + 1 && matches!(lexicon.role(&tokens[before - 1]), Role::Filler) {
        before -= 1;
    }
    lexicon.word(&tokens[at]).starts_with('好')
        && before > clause.first
        && tokens[before - 1].end == tokens[before].start
        && matches!(
            lexicon.role(&tokens[before - 1]),
            Role::Topic { .. } | Role::Now | Role::Intensifier | Role::Measured | Role::SoftNegator | Role::Negator
        )
}

/// 贵, 乱收费: a price without its name.
fn speaks_of_money(word: &str) -> bool {
    any_of(word, &["贵", "收费", "花钱"])
}

/// 来得, 修得, 时间 name what was asked as well as their own indicator.
fn weak_belongs_to_asked(topic: Indicator, asked: Option<Indicator>) -> bool {
    match (topic, asked) {
        (Indicator::Timeliness, Some(Indicator::Parts)) | (Indicator::Skill, Some(Indicator::Timeliness)) => true,
        (t, Some(a)) => t == a,
        (_, None) => false,
    }
}

fn names_whole(word: &str) -> bool {
    ["总体", "总的", "整体", "综合"].iter().any(|w| word.starts_with(w))
}

fn commends(chars: &[char]) -> bool {
    let text: String = chars.iter().collect();
    any_of(&text, &["嘉奖", "表扬", "表彰", "奖励", "奖金"])
}

pub(super) fn evidence(normal: &Normal, text: &str, start: usize, end: usize, level: Level, rule: &str) -> Evidence {
    let (from, to) = normal.given(start, end);
    Evidence {
        text: text.chars().skip(from).take(to - from).collect(),
        start: from,
        end: to,
        level,
        rule: rule.to_string(),
        from_s: None,
        to_s: None,
        turn: None,
        heard_by: None,
    }
}
