//! The second witness: what learned words say of an agent's turn.
//!
//! Contract: it accuses nobody. A breach that a rule finds stands unless the learned words hold it for next to impossible; without them
//! the rule stands alone.

use super::speech::Line;
use crate::domain::score::Learned;
use std::sync::Arc;

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

/// The learned words and the customer's turn before the agent's: asked only where a rule accuses.
#[derive(Clone, Debug)]
pub(super) struct Witness {
    learned: Arc<Learned>,
    before: String,
}

impl Line {
    /// An accusation against a person needs two witnesses: the rule that speaks it out, and the learned words, which may doubt it.
    pub fn doubted(&self, breach: Breach) -> bool {
        let likely = |w: &Witness| w.learned.conduct(&self.text, &w.before)[breach as usize].exp();
        self.witness.as_ref().is_some_and(|w| likely(w) < DOUBTED)
    }
}

/// Puts the learned words beside every turn of the agent.
pub(super) fn mark_witnessed(lines: &mut [Line], learned: Option<&Arc<Learned>>) {
    let Some(learned) = learned else { return };
    let mut before = String::new();
    for line in lines {
        if line.agent() {
            line.witness = Some(Witness { learned: learned.clone(), before: before.clone() });
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
        let words = Arc::new(Learned::parse("c\t茶\t0\t0\t0\t0\t900\t0\nc\t-|铁\t900\t0\t0\t0\t0\t0").unwrap());
        mark_witnessed(&mut lines, Some(&words));
        assert!(!lines[0].doubted(Breach::Strayed) && lines[0].doubted(Breach::Argued));
    }
}
