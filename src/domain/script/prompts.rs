//! Prompts: the clips a script may play, as listed in `prompts/manifest.tsv` (id, seconds, text).
//!
//! The domain knows what a clip says and how long it lasts; it never opens the file.

use super::ScriptError;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Path of a clip below the prompts folder, without `.wav`: `ask_hours`, `identity_full/wang_mr`, `num/d4`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PromptId(String);

impl PromptId {
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
impl From<&str> for PromptId {
    fn from(id: &str) -> Self {
        Self::new(id)
    }
}
impl fmt::Display for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
impl fmt::Debug for PromptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PromptId({})", self.0)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct Clip {
    pub seconds: f64,
    pub text: String,
}

/// Every clip that exists; scripts are checked against it when they are read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PromptManifest(BTreeMap<PromptId, Clip>);

impl PromptManifest {
    /// Reads `id<TAB>seconds<TAB>text` with one header line.
    ///
    /// # Errors
    /// The first line that does not have this shape, by number.
    pub fn parse(text: &str) -> Result<Self, ScriptError> {
        let mut clips = BTreeMap::new();
        for (index, line) in text.lines().enumerate().skip(1).filter(|(_, l)| !l.trim().is_empty()) {
            let bad = |detail: &str| ScriptError::Manifest { line: index + 1, detail: detail.to_string() };
            let mut columns = line.split('\t');
            let (Some(id), Some(seconds), Some(says)) = (columns.next(), columns.next(), columns.next()) else {
                return Err(bad("want id, seconds, text separated by tabs"));
            };
            let seconds: f64 = seconds.trim().parse().map_err(|_| bad("seconds is not a number"))?;
            if !(seconds > 0.0 && seconds < 120.0) {
                return Err(bad("seconds must be above 0 and below 120"));
            }
            let clip = Clip { seconds, text: says.trim().to_string() };
            if clips.insert(PromptId::new(id.trim()), clip).is_some() {
                return Err(bad("id appears twice"));
            }
        }
        Ok(Self(clips))
    }

    pub fn get(&self, id: &PromptId) -> Option<&Clip> {
        self.0.get(id)
    }
    pub fn contains(&self, id: &PromptId) -> bool {
        self.0.contains_key(id)
    }
    pub fn ids(&self) -> impl Iterator<Item = &PromptId> {
        self.0.keys()
    }

    /// Milliseconds a sequence lasts; unknown clips count nothing.
    pub fn duration_ms(&self, ids: &[PromptId]) -> u64 {
        ids.iter().filter_map(|id| self.get(id)).map(|c| (c.seconds * 1000.0).round() as u64).sum()
    }

    /// What a sequence says.
    pub fn text(&self, ids: &[PromptId]) -> String {
        ids.iter().filter_map(|id| self.get(id)).map(|c| c.text.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_line_that_cannot_be_read_is_named_by_number() {
        let check = |body: &str, want: &str| {
            let err = PromptManifest::parse(&format!("id\tseconds\ttext\n{body}")).expect_err(body).to_string();
            assert!(err.contains(want), "{body:?}: {err}");
        };
        check("a\t1.0", "line 2");
        check("a\t1.0\t好\nb\tx\t好", "line 3: seconds is not a number");
        check("a\t0\t好", "above 0");
        check("a\t1\t好\na\t1\t好", "twice");
    }

    #[test]
    fn a_sequence_lasts_and_says_the_sum_of_its_clips() {
        let m = PromptManifest::parse("id\tseconds\ttext\nx/a\t0.71\t您好！\nb\t1.64\t再见！\n").expect("reads");
        let ids = ["x/a".into(), "b".into()];
        assert_eq!((m.duration_ms(&ids), m.text(&ids).as_str()), (2350, "您好！再见！"));
    }
}
