//! `[promises]`: how long there is to keep one when nobody named a time.

use crate::domain::promise::Terms;
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Promises {
    /// A19: a call back, where no programme begins by a promise. Working time.
    pub call_back_min: u64,
    /// A18: an engineer's confirmation of a consultation. Working time.
    pub confirmation_min: u64,
}
impl Default for Promises {
    fn default() -> Self {
        Self { call_back_min: 60, confirmation_min: 540 }
    }
}

impl Promises {
    pub fn terms(&self) -> Terms {
        let minutes = |minutes: u64| Duration::from_secs(minutes.saturating_mul(60));
        Terms { call_back: minutes(self.call_back_min), confirmation: minutes(self.confirmation_min) }
    }
}
