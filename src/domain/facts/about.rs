//! What a question may be after, by the rules and by the learned words.

use crate::domain::score::{Act, Likely};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum About {
    Hours,
    Requested,
    FaultTime,
    Checks,
    Arrival,
    Finish,
    Location,
    Parts,
    /// 怎么给您处理的.
    Repair,
    Fee,
    Running,
    Leftover,
    Appearance,
    Tools,
    Performance,
    Training,
    /// The result of a complaint is told.
    Result,
    /// When the customer can be called.
    Callback,
}

/// The acts of the learned words that ask for a fact.
const ACTS: [(Act, About); 17] = [
    (Act::Hours, About::Hours),
    (Act::Checks, About::Checks),
    (Act::Parts, About::Parts),
    (Act::ContactTime, About::Requested),
    (Act::Arrival, About::Arrival),
    (Act::Finish, About::Finish),
    (Act::Location, About::Location),
    (Act::FaultFix, About::Repair),
    (Act::FaultTime, About::FaultTime),
    (Act::Running, About::Running),
    (Act::Leftover, About::Leftover),
    (Act::Fee, About::Fee),
    (Act::Appearance, About::Appearance),
    (Act::Tools, About::Tools),
    (Act::Performance, About::Performance),
    (Act::Training, About::Training),
    (Act::TellResult, About::Result),
];

/// What the rules see asked for, settled with the learned words: what they hold for next to impossible falls, what no rule sees and they hold
/// for likely is added.
pub(in crate::domain) fn settle(asked: &mut Vec<About>, acts: &Likely) {
    for (act, about) in ACTS {
        let ruled = asked.contains(&about);
        match acts.agree(act, || ruled) {
            true if !ruled => asked.push(about),
            false => asked.retain(|a| *a != about),
            true => {}
        }
    }
}
