//! What a turn does: asks for a fact of the form, asks leave, presses, promises; by learned words.
//!
//! Contract: for every act a probability of its own, since one turn may do several things or none. Pure and deterministic; the weights are
//! data of the same table as the other readers' (`learned_zh.tsv`, reader `d`). Of an agent's acts they are heard beside a rule
//! ([`Likely::agree`]); of a customer's, what the rules see is one of the things that they weigh (`facts/seen`).

use super::learned::{Group, conduct_groups_in, place_of};
use foldhash::fast::FixedState;
use std::collections::HashMap;

macro_rules! acts {
    ($($(#[$doc:meta])* $act:ident = $name:literal),+ $(,)?) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Act {
            $($(#[$doc])* $act),+
        }

        impl Act {
            pub const ALL: [Act; [$($name),+].len()] = [$(Act::$act),+];

            /// As the table and the marks of labelled calls have it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Act::$act => $name),+
                }
            }
        }
    };
}

/// Less likely than this is not so, whatever the rules see, of an agent's acts.
const DOUBTED: f32 = 0.03;
/// A duty is done where it is likelier than not.
const LIKELY: f32 = 0.5;
/// To accuse a person takes more.
const SURE: f32 = 0.7;
/// What a customer seldom says and nobody may miss: he asks of the technician where that is not unlikely, and what the rules see as still
/// wrong is so.
const UNLIKELY: f32 = 0.1;
/// What they do not see as still wrong is so from here.
const LEFT: f32 = 0.4;

impl Act {
    /// An accusation, what a customer says, or a question left open: it hangs on what was said before it.
    pub fn is_grave(self) -> bool {
        self >= Act::Argued
    }

    /// A question of the form: hours, parts, place, time ….
    pub fn asks_for_fact(self) -> bool {
        self <= Act::TellResult
    }

    /// Said by the customer.
    pub fn is_of_customer(self) -> bool {
        matches!(self, Act::Technical | Act::Unfinished)
    }

    fn believed_from(self) -> f32 {
        match self {
            Act::Technical => UNLIKELY,
            Act::Unfinished => LEFT,
            _ if self.is_grave() => SURE,
            _ => LIKELY,
        }
    }

    fn doubted_below(self) -> f32 {
        if self == Act::Unfinished { UNLIKELY } else { DOUBTED }
    }
}

acts! {
    Hours = "hours",
    Checks = "checks",
    Parts = "parts",
    ContactTime = "contact_time",
    Arrival = "arrival",
    Finish = "finish",
    Location = "location",
    FaultFix = "fault_fix",
    FaultTime = "fault_time",
    Running = "running",
    Leftover = "leftover",
    Fee = "fee",
    Appearance = "appearance",
    Tools = "tools_docs",
    Performance = "performance",
    Training = "training",
    TellResult = "tell_result",
    /// Asks who is on the line.
    Identity = "identity",
    /// Asks leave for the call.
    Consent = "consent",
    /// Says who calls.
    Opening = "opening",
    Closing = "closing",
    /// Asks what was wrong.
    Probed = "probed",
    /// Says that somebody will call him back.
    CallsBack = "calls_back",
    Argued = "argued",
    Led = "led",
    Pressed = "pressed",
    Strayed = "strayed",
    Promised = "promised",
    /// A customer asks how the machine works or should be kept.
    Technical = "tech",
    /// A customer says what is still wrong.
    Unfinished = "unfinished",
    /// Leaves the question before it open, or puts it again without naming it: 那您自己呢, 嗯您接着说.
    Again = "again",
}

/// Probabilities of the acts of one turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Likely([f32; Act::ALL.len()]);

impl Likely {
    pub fn of(&self, act: Act) -> f32 {
        self.0[act as usize]
    }

    /// Is it done, which the rules see or do not see? What they see stands unless it is next to impossible; what they do not see is so where
    /// it is likely, and an accusation where it is sure. The rules are asked only where they decide.
    pub fn agree(&self, act: Act, by_rule: impl FnOnce() -> bool) -> bool {
        self.sure(act) || !self.doubt(act) && by_rule()
    }

    pub fn sure(&self, act: Act) -> bool {
        self.of(act) > act.believed_from()
    }

    pub fn doubt(&self, act: Act) -> bool {
        self.of(act) < act.doubted_below()
    }
}

/// Every act's weights, group by group.
#[derive(Debug, Default)]
pub(super) struct Acts {
    base: [f32; Act::ALL.len()],
    /// Where the weights of a group begin, and how many there are.
    places: HashMap<Group, (u32, u8), FixedState>,
    weights: Vec<(Act, f32)>,
}

impl Acts {
    /// A line of the table behind its group: an act and its weight in hundredths, again and again.
    pub fn add(&mut self, group: &str, given: &str) -> Result<(), &'static str> {
        let from = self.weights.len();
        let mut fields = given.split('\t');
        while let Some(name) = fields.next() {
            let act = Act::ALL.into_iter().find(|act| act.name() == name).ok_or("no such act")?;
            let hundredths: i16 = fields.next().and_then(|n| n.parse().ok()).ok_or("an act without a weight")?;
            self.weights.push((act, f32::from(hundredths) / 100.0));
        }
        if group.is_empty() {
            self.weights.drain(from..).for_each(|(act, weight)| self.base[act as usize] = weight);
            return Ok(());
        }
        let length = u8::try_from(self.weights.len() - from).map_err(|_| "an act twice")?;
        self.places.insert(place_of(group), (u32::try_from(from).map_err(|_| "too many weights")?, length));
        Ok(())
    }

    /// What a turn does, after the other one's turn before it.
    pub fn likely(&self, said: &str, before: &str, seen: &[char]) -> Likely {
        let mut groups: Vec<Group> = Vec::new();
        conduct_groups_in(said, before, seen, &mut groups);
        let mut there: Vec<(u32, u8)> = groups.iter().filter_map(|group| self.places.get(group)).copied().collect();
        there.sort_unstable();
        there.dedup();
        let mut sums = self.base;
        for (from, length) in there {
            for (act, weight) in &self.weights[from as usize..][..usize::from(length)] {
                sums[*act as usize] += weight;
            }
        }
        Likely(sums.map(|sum| 1.0 / (1.0 + (-sum).exp())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_may_do_several_things_and_a_group_counts_once() {
        let mut acts = Acts::default();
        acts.add("", "hours\t-300\tparts\t-300\tled\t-300").unwrap();
        acts.add("几个小时", "hours\t600").unwrap();
        acts.add("换了啥", "parts\t600\thours\t-10").unwrap();
        acts.add("-|差", "led\t900").unwrap();
        let both = acts.likely("几个小时了 换了啥 换了啥", "", &[]);
        assert!(both.of(Act::Hours) > 0.9 && both.of(Act::Parts) > 0.9 && both.of(Act::Led) < 0.1, "{both:?}");
        assert_eq!(both, acts.likely("换了啥 几个小时了", "", &[]));
        assert!(acts.likely("您好", "", &[]).of(Act::Hours) < 0.1);
    }

    #[test]
    fn a_line_that_names_no_act_or_no_weight_is_refused() {
        for given in ["nothing\t3", "hours", "hours\tmany"] {
            assert!(Acts::default().add("好", given).is_err(), "{given}");
        }
    }
}
