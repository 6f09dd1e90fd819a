//! 话路: who spoke when. Share of talk, interruptions, talk-over and silence, measured on stretches of speech (C10, C15, C19, C20).
//!
//! Contract: pure. The stretches come from the two channels of the recording where there is one, else from the times of the turns; text
//! plays no part. It measures; what is too much is decided by the rules, by [`Limits`].

use super::speech::Line;
use crate::domain::transcript::Channel;

/// Seconds on the recording's axis.
pub type Stretch = (f64, f64);

/// What both sides' voices did, sorted, not overlapping within one side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Activity {
    pub agent: Vec<Stretch>,
    pub customer: Vec<Stretch>,
}

/// What is kept of both sides' voices when a call is judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Talk {
    /// Seconds in which each spoke.
    pub agent_s: f64,
    pub customer_s: f64,
    /// C20: how often the agent cut in.
    pub cut_ins: u32,
    /// Seconds in which both spoke.
    pub talk_over_s: f64,
}

impl Talk {
    /// C10: the agent's share of all speech; `None` when nobody spoke.
    pub fn agent_share(&self) -> Option<f64> {
        let both = self.agent_s + self.customer_s;
        (both > 0.0).then(|| self.agent_s / both)
    }
}

/// What is too much or too little (the numbers that the source texts leave open: "cfg" in the rule table).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// C10: the agent's share of all speech.
    pub talk_share: f64,
    /// C10: nobody speaks, seconds.
    pub silence_s: f64,
    /// C15: characters per second.
    pub speed: (f64, f64),
    /// C20: so long both speak before it is an interruption, seconds.
    pub cut_in_s: f64,
    /// C20: this many are a breach, fewer a remark.
    pub cut_ins: usize,
    /// C19: an agent who waits this long after 但是 has let the customer finish, seconds.
    pub lets_finish_s: f64,
    /// C14: share of the agent's characters.
    pub offtopic_share: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            talk_share: 0.8,
            silence_s: 10.0,
            speed: (2.0, 6.5),
            cut_in_s: 0.3,
            cut_ins: 2,
            lets_finish_s: 1.0,
            offtopic_share: 0.1,
        }
    }
}

/// A word of the customer so short (嗯, 对) is not cut off, and one of the agent so short does not cut in, seconds.
const BACKCHANNEL_S: f64 = 0.4;
/// Less speech of the agent than this has no speed, seconds.
const SPEED_NEEDS_S: f64 = 5.0;
/// Pauses inside a side's words shorter than this join its stretches, seconds.
const JOIN_S: f64 = 0.3;

impl Activity {
    /// By the times of the turns, where there is no audio.
    pub(super) fn of_lines(lines: &[Line]) -> Self {
        let side = |who: Channel| joined(lines.iter().filter(|l| l.who == who).map(|l| (l.from_s, l.to_s)));
        Self { agent: side(Channel::Agent), customer: side(Channel::Customer) }
    }

    /// From detected speech; stretches that a breath parts become one.
    pub fn new(agent: Vec<Stretch>, customer: Vec<Stretch>) -> Self {
        Self { agent: joined(agent.into_iter()), customer: joined(customer.into_iter()) }
    }

    /// C10: the agent's share of all speech; `None` when nobody spoke.
    pub fn agent_share(&self) -> Option<f64> {
        Talk { agent_s: total(&self.agent), customer_s: total(&self.customer), ..Talk::default() }.agent_share()
    }

    /// What is kept of it.
    pub fn measured(&self, limits: &Limits) -> Talk {
        Talk {
            agent_s: total(&self.agent),
            customer_s: total(&self.customer),
            cut_ins: u32::try_from(self.cut_ins(limits.cut_in_s).len()).unwrap_or(u32::MAX),
            talk_over_s: self.talk_over_s(),
        }
    }

    /// C20: where the agent began while the customer was speaking, and both went on.
    pub fn cut_ins(&self, longer_than_s: f64) -> Vec<Stretch> {
        let mut found = Vec::new();
        let mut from = 0;
        for agent in &self.agent {
            // Both lists are sorted: customers' stretches that ended before this one began are done with.
            while self.customer.get(from).is_some_and(|c| c.1 <= agent.0) {
                from += 1;
            }
            let Some(customer) = self.customer.get(from) else { break };
            let both = (agent.0, agent.1.min(customer.1));
            let begun = agent.0 - customer.0 >= BACKCHANNEL_S;
            if begun && length(both) >= longer_than_s && length(*agent) > BACKCHANNEL_S {
                found.push(both);
            }
        }
        found
    }

    /// Seconds in which both spoke.
    pub fn talk_over_s(&self) -> f64 {
        let (mut a, mut c, mut both) = (0, 0, 0.0);
        while let (Some(agent), Some(customer)) = (self.agent.get(a), self.customer.get(c)) {
            both += (agent.1.min(customer.1) - agent.0.max(customer.0)).max(0.0);
            if agent.1 <= customer.1 { a += 1 } else { c += 1 }
        }
        both
    }

    /// The longest time between the first and the last word in which nobody spoke.
    pub fn longest_silence(&self) -> Option<Stretch> {
        let all = joined(self.agent.iter().chain(&self.customer).copied());
        let gaps = all.windows(2).map(|w| (w[0].1, w[1].0));
        gaps.max_by(|a, b| length(*a).total_cmp(&length(*b)))
    }

    /// C15: characters of the agent's words by the seconds of his voice.
    pub(super) fn agent_speed(&self, lines: &[Line]) -> Option<f64> {
        let seconds = total(&self.agent);
        let characters = lines.iter().filter(|l| l.agent()).map(Line::characters).sum::<usize>();
        (seconds >= SPEED_NEEDS_S && characters > 0).then(|| characters as f64 / seconds)
    }
}

fn length(s: Stretch) -> f64 {
    s.1 - s.0
}

fn total(side: &[Stretch]) -> f64 {
    side.iter().map(|s| length(*s)).sum()
}

/// Sorted and joined where they touch or a breath parts them; what has no length is dropped.
fn joined(stretches: impl Iterator<Item = Stretch>) -> Vec<Stretch> {
    let mut sorted: Vec<Stretch> = stretches.filter(|s| s.1 > s.0).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut out: Vec<Stretch> = Vec::with_capacity(sorted.len());
    for s in sorted {
        match out.last_mut() {
            Some(last) if s.0 - last.1 < JOIN_S => last.1 = last.1.max(s.1),
            _ => out.push(s),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity(agent: &[Stretch], customer: &[Stretch]) -> Activity {
        Activity::new(agent.to_vec(), customer.to_vec())
    }

    #[test]
    fn c10_the_share_of_talk_is_by_seconds_of_voice() {
        assert_eq!(activity(&[(0.0, 6.0)], &[(7.0, 9.0)]).agent_share(), Some(0.75));
        assert_eq!(activity(&[], &[]).agent_share(), None);
    }

    #[test]
    fn c20_cutting_in_needs_a_customer_in_mid_speech_and_more_than_a_hum() {
        let check = |agent: Stretch, want: usize| {
            assert_eq!(activity(&[agent], &[(10.0, 15.0)]).cut_ins(0.3).len(), want, "{agent:?}");
        };
        check((13.0, 16.0), 1);
        check((14.9, 18.0), 0);
        check((13.0, 13.3), 0);
        check((15.0, 18.0), 0);
        check((10.1, 12.0), 0);
        check((9.0, 12.0), 0);
    }

    #[test]
    fn talk_over_and_silence_are_measured_over_both_sides() {
        let a = activity(&[(0.0, 2.0), (5.0, 8.0)], &[(1.0, 3.0), (7.0, 9.0), (21.0, 22.0)]);
        assert_eq!(a.talk_over_s(), 2.0);
        assert_eq!(a.longest_silence(), Some((9.0, 21.0)));
        assert_eq!(activity(&[(0.0, 1.0)], &[]).longest_silence(), None);
    }

    #[test]
    fn stretches_that_a_breath_parts_are_one() {
        assert_eq!(activity(&[(0.0, 1.0), (1.2, 2.0), (2.0, 2.0)], &[]).agent, [(0.0, 2.0)]);
    }
}
