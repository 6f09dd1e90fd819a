//! The programmes of a site.

use super::{Programme, ProgrammeError};
use crate::domain::calendar::Calendar;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// All programmes of a site, by name.
#[derive(Clone, Debug, Default)]
pub struct Programmes(BTreeMap<String, Programme>);

impl Programmes {
    /// Checks each against the calendars of the site and its branches: where calling hours never meet working hours nobody could be called.
    pub fn new(list: Vec<Programme>, calendar: &Calendar) -> Result<Self, ProgrammeError> {
        let mut all = BTreeMap::new();
        for programme in list {
            let error = |key: &str, problem: String| ProgrammeError {
                file: format!("{}.toml", programme.name),
                line: 1,
                key: key.into(),
                problem,
            };
            let never =
                |calendar: &Calendar| programme.next_callable(calendar, Timestamp::UNIX_EPOCH, false) == Timestamp::MAX;
            if calendar.and_branches().any(never) {
                return Err(error("calling.hours", "they never meet the site's working hours (A13)".into()));
            }
            if all.contains_key(&programme.name) {
                return Err(error("name", format!("{:?} is there twice", programme.name)));
            }
            all.insert(programme.name.clone(), programme);
        }
        Ok(Self(all))
    }

    pub fn get(&self, name: &str) -> Option<&Programme> {
        self.0.get(name)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Programme> {
        self.0.values()
    }
}
