//! The second witness: what learned words say that a turn does.
//!
//! Contract: a rule and the learned words are heard together. What a rule sees stands unless the learned words hold it for next to impossible;
//! what no rule sees is so where they are sure of it. Without them the rules stand alone.

use super::speech::Line;
use crate::domain::facts::settle;
use crate::domain::score::{Act, Learned};
use std::sync::Arc;

impl Line {
    /// Does the turn do this, which the rules see or do not see in it?
    pub fn does(&self, act: Act, by_rule: impl FnOnce() -> bool) -> bool {
        match &self.acts {
            Some(acts) => acts.agree(act, by_rule),
            None => by_rule(),
        }
    }

    /// An accusation needs two witnesses: the rule that speaks it out, and the learned words, which may doubt it.
    pub fn doubted(&self, breach: Act) -> bool {
        self.acts.as_ref().is_some_and(|acts| acts.doubt(breach))
    }
}

/// The first turn of the agent that does it by the learned words, where the rules know none.
pub(super) fn surely(lines: &[Line], act: Act) -> Option<&Line> {
    lines.iter().find(|l| l.agent() && l.does(act, || false))
}

/// Puts the learned words beside every turn of the agent; what he asks for is settled by both.
pub(super) fn mark_witnessed(lines: &mut [Line], learned: Option<&Arc<Learned>>) {
    let Some(learned) = learned else { return };
    let mut before = String::new();
    for line in lines {
        if !line.agent() {
            before.clone_from(&line.text);
            continue;
        }
        let acts = learned.acts(&line.text, &before);
        settle(&mut line.asks, &acts);
        line.acts = Some(acts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::facts::questions::About;
    use crate::domain::transcript::Channel;

    fn witnessed(text: &str, words: Option<&str>) -> Line {
        let mut lines = [Line::new(Channel::Agent, text, 0.0, 1.0, 0)];
        mark_witnessed(&mut lines, words.map(|w| Arc::new(Learned::parse(w).unwrap())).as_ref());
        let [line] = lines;
        line
    }

    #[test]
    fn a_rule_stands_alone_without_learned_words_and_falls_where_they_doubt_it() {
        let tea = "您喝的什么茶呀";
        assert!(!witnessed(tea, None).doubted(Act::Strayed), "no witness");
        assert!(witnessed(tea, None).does(Act::Strayed, || true));
        let line = witnessed(tea, Some("d\t茶\tstrayed\t900\nd\t喝\targued\t-900"));
        assert!(line.does(Act::Strayed, || false) && !line.doubted(Act::Strayed));
        assert!(line.doubted(Act::Argued) && !line.does(Act::Argued, || true));
        assert!(line.does(Act::Closing, || true) && !line.does(Act::Closing, || false), "they do not know");
    }

    #[test]
    fn d_what_is_asked_for_is_settled_by_rules_and_learned_words() {
        let words = Some("d\t\thours\t-300\nd\t表上\thours\t900\nd\t几点到\tarrival\t-900");
        assert_eq!(witnessed("表上走了好些了吧您说", words).asks, [About::Hours]);
        assert!(witnessed("师傅几点到的", None).asks.contains(&About::Arrival));
        assert!(!witnessed("师傅几点到的", words).asks.contains(&About::Arrival));
    }
}
