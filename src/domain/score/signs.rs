//! What the table knows of a turn's words, one sign a word: the order of praise, denial, past and hearsay, whatever their wording.
//!
//! Contract: pure; a reader of learned groups takes the signs as it takes characters. A sign stands for what a word *is*, not for what it
//! comes to in its clause. `／` is a pause between two of them.

use super::Indicator;
use super::lexicon::{Lexicon, Role, Token, Topic};
use super::normal::{Normal, PAUSE};

const PAUSED: char = '／';

/// Levels of a word about what was asked or about nothing in particular, and about something else.
const OWN: [char; 5] = ['①', '②', '③', '④', '⑤'];
const OTHER: [char; 5] = ['❶', '❷', '❸', '❹', '❺'];

/// Words of a level that are about one indicator.
const JUDGED: [char; 5] = ['㈠', '㈡', '㈢', '㈣', '㈤'];

/// 技, 态, 及, 供, 综.
pub(super) fn named(indicator: Indicator) -> char {
    indicator.name().chars().nth(2).unwrap_or_default()
}

/// Signs of an answer to this indicator's question.
pub(super) fn signs(lexicon: &Lexicon, normal: &Normal, asked: Indicator) -> Vec<char> {
    signs_by(lexicon, normal, &lexicon.tokens(normal), |role| sign(role, asked))
}

/// Signs of a question with these words: which indicator a word is about, not which level it has.
pub(super) fn question_signs(lexicon: &Lexicon, normal: &Normal, tokens: &[Token]) -> Vec<char> {
    signs_by(lexicon, normal, tokens, |role| match role {
        Role::Topic { topic: Topic::Of(indicator), .. } => Some(named(*indicator)),
        Role::Rating(rating) => Some(match &rating.about[..] {
            [one] => JUDGED[*one as usize],
            _ => '评',
        }),
        other => sign(other, Indicator::Overall),
    })
}

/// A clause said again has no signs of its own.
fn signs_by(lexicon: &Lexicon, normal: &Normal, tokens: &[Token], sign: impl Fn(&Role) -> Option<char>) -> Vec<char> {
    let again = said_again(normal);
    let mut signs = Vec::new();
    let mut from = 0;
    for token in tokens {
        let Some(sign) = sign(lexicon.role(token)).filter(|_| !again[token.start]) else { continue };
        let paused = normal.chars[from.min(token.start)..token.start].contains(&PAUSE);
        signs.extend(paused.then_some(PAUSED));
        signs.push(sign);
        from = token.end;
    }
    let rest = from.min(normal.chars.len())..normal.chars.len();
    let ends_later = normal.chars[rest.clone()].contains(&PAUSE) && !again[rest.end - 1];
    signs.extend(ends_later.then_some(PAUSED));
    signs
}

/// For every character: is its clause the same as one before it?
fn said_again(normal: &Normal) -> Vec<bool> {
    let mut said: Vec<&[char]> = Vec::new();
    let mut again = Vec::with_capacity(normal.chars.len() + 1);
    for clause in normal.chars.split(|c| *c == PAUSE) {
        again.extend(std::iter::repeat_n(said.contains(&clause), clause.len() + 1));
        said.push(clause);
    }
    again
}

fn sign(role: &Role, asked: Indicator) -> Option<char> {
    Some(match role {
        Role::Rating(rating) => {
            let own = rating.about.is_empty() || rating.about.contains(&asked);
            let levels = if own { OWN } else { OTHER };
            *levels.get(usize::from(rating.class.level()).checked_sub(1)?)?
        }
        Role::Topic { topic: Topic::Of(indicator), .. } if *indicator == asked => '问',
        Role::Topic { topic, .. } => match topic {
            Topic::Of(_) => '别',
            Topic::Generic => '总',
            Topic::Product => '机',
            Topic::Price => '钱',
            Topic::Others => '他',
            Topic::Elsewhere => '外',
        },
        Role::Negator | Role::SoftNegator | Role::NoneAtAll => '不',
        Role::Intensifier | Role::AfterIntensifier => '很',
        Role::Measured | Role::Softener | Role::AfterSoftener => '略',
        Role::RhetoricBefore | Role::RhetoricAfter | Role::Question => '？',
        Role::Sarcasm => '讽',
        Role::Contrast | Role::Concessive => '但',
        Role::Correction | Role::Revision => '改',
        Role::Past => '昔',
        Role::Now => '今',
        Role::Quotation => '引',
        Role::OwnView => '我',
        Role::Hypothesis | Role::Counterfactual => '若',
        Role::Suggest => '望',
        Role::Threat(_) => '胁',
        Role::NotApplicable => '无',
        Role::Ignorant => '懵',
        Role::Acknowledgement => '嗯',
        Role::Block | Role::Filler => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::score::Rubric;

    #[test]
    fn words_leave_the_signs_of_what_they_are_and_a_clause_said_again_leaves_none() {
        let check = |text: &str, want: &str| {
            let lexicon = &Rubric::builtin().lexicon;
            let got: String = signs(lexicon, &Normal::new(text), Indicator::Parts).into_iter().collect();
            assert_eq!(got, want, "{text}");
        };
        check("配件不慢", "问不②");
        check("以前慢，现在快", "昔②／今④");
        check("以前慢，现在快，以前慢，现在快", "昔②／今④");
        check("态度好", "❹");
        check("", "");
    }
}
