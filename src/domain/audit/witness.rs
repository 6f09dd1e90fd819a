//! The second witness: what learned words say of an agent's turn.
//!
//! Contract: it accuses nobody. A breach that a rule finds stands unless the learned words hold it for next to impossible; without them
//! the rule stands alone.

use super::speech::Line;
use crate::domain::score::Learned;

/// What an agent may be accused of by his words: classes of the learned words ([`Learned::conduct`]).
#[derive(Clone, Copy, Debug)]
pub(super) enum Breach {
    Argued = 1,
    Led,
    Pressed,
    Strayed,
    Promised,
}

/// A breach that the learned words hold for less likely than this is none, whatever the rules say.
const DOUBTED: f64 = 0.02;

impl Line {
    /// An accusation against a person needs two witnesses: the rule that speaks it out, and the learned words, which may doubt it.
    pub fn doubted(&self, breach: Breach) -> bool {
        self.witness.is_some_and(|leaning| leaning[breach as usize].exp() < DOUBTED)
    }
}

/// Puts the learned words beside every turn of the agent.
pub(super) fn mark_witnessed(lines: &mut [Line], learned: Option<&Learned>) {
    let Some(learned) = learned else { return };
    let mut before = String::new();
    for line in lines {
        if line.agent() {
            line.witness = Some(learned.conduct(&line.text, &before));
        } else {
            before.clone_from(&line.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::transcript::Channel;

    #[test]
    fn a_rule_stands_alone_without_learned_words_and_falls_where_they_doubt_it() {
        let mut lines = [Line::new(Channel::Agent, "您喝的什么茶呀", 0.0, 1.0, 0)];
        mark_witnessed(&mut lines, None);
        assert!(!lines[0].doubted(Breach::Strayed), "no witness");
        let words = Learned::parse("c\t茶\t0\t0\t0\t0\t900\t0\nc\t-|铁\t900\t0\t0\t0\t0\t0").unwrap();
        mark_witnessed(&mut lines, Some(&words));
        assert!(!lines[0].doubted(Breach::Strayed) && lines[0].doubted(Breach::Argued));
    }
}
