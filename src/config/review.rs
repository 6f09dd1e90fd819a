//! `[review]`: how many calls a person listens to besides those with an alarm.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Review {
    /// Of the calls without an alarm, in percent.
    pub share_percent: u32,
    /// Of each agent in a month, alarms counted.
    pub agent_minimum: u32,
}
impl Default for Review {
    fn default() -> Self {
        Self { share_percent: 5, agent_minimum: 4 }
    }
}
