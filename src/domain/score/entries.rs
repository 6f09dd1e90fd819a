//! The words of the table with their roles: tens of thousands, once every slot is spelled out, in a few megabytes.
//!
//! Contract: an entry keeps its number. The words stand one behind another in one text, and equal roles are kept once.

use super::lexicon::Role;
use std::collections::HashMap;

#[derive(Debug, Default)]
pub(super) struct Entries {
    text: String,
    /// Where each word ends in the text.
    ends: Vec<u32>,
    role_of: Vec<u32>,
    roles: Vec<Role>,
    /// Number of each role.
    known: HashMap<Role, u32>,
}

impl Entries {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn push(&mut self, word: &str, role: &Role) {
        self.text.push_str(word);
        self.ends.push(number(self.text.len()));
        let role = self.number_of(role);
        self.role_of.push(role);
    }

    pub fn word(&self, entry: usize) -> &str {
        let start = entry.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        &self.text[start..self.ends[entry] as usize]
    }

    pub fn role(&self, entry: usize) -> &Role {
        &self.roles[self.role_of[entry] as usize]
    }

    pub fn set_role(&mut self, entry: usize, role: &Role) {
        self.role_of[entry] = self.number_of(role);
    }

    pub fn words(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|entry| self.word(entry))
    }

    fn number_of(&mut self, role: &Role) -> u32 {
        if let Some(known) = self.known.get(role) {
            return *known;
        }
        let new = number(self.roles.len());
        self.roles.push(role.clone());
        self.known.insert(role.clone(), new);
        new
    }
}

/// Tables are read from files of less than a megabyte; spelled out they stay far below four gigabytes.
fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
