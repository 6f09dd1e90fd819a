//! 评分规则: the keyword tables of a site, and which of them scores the calls of which programme.
//!
//! Contract: a [`Rubrics`] that loads holds a table for every programme, each file read once; the one that travels with the program
//! stands in for its own file only. What is wrong is one line with file and line: of the programme that names a table that is not there,
//! or of the table that cannot be used. A call of a programme that is gone is scored like those of the site's own.

use super::{SiteError, read, wrong_key};
use crate::config::Data;
use crate::domain::programme::{Programme, Programmes};
use crate::domain::score::Rubric;
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Rubrics {
    /// Of the programme `site.programme`.
    own: Arc<Rubric>,
    by_name: BTreeMap<String, Arc<Rubric>>,
}

impl Rubrics {
    /// `own` is one of the programmes.
    pub(super) fn load(data: &Data, programmes: &Programmes, own: &Programme) -> Result<Self, SiteError> {
        let first = table(data, own)?;
        let mut by_name = BTreeMap::from([(own.rubric.clone(), first.clone())]);
        for programme in programmes.iter() {
            if !by_name.contains_key(&programme.rubric) {
                by_name.insert(programme.rubric.clone(), table(data, programme)?);
            }
        }
        Ok(Self { own: first, by_name })
    }

    /// The table for the calls of a programme.
    pub fn of(&self, programme: Option<&Programme>) -> &Arc<Rubric> {
        programme.and_then(|programme| self.by_name.get(&programme.rubric)).unwrap_or(&self.own)
    }

    /// `None`: no programme names it.
    pub fn named(&self, name: &str) -> Option<&Arc<Rubric>> {
        self.by_name.get(name)
    }

    /// `name@version` of every table, by name.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.by_name.values().map(|rubric| rubric.id())
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().map(String::as_str)
    }
}

/// The table that `programme` names.
fn table(data: &Data, programme: &Programme) -> Result<Arc<Rubric>, SiteError> {
    let name = &programme.rubric;
    let file = data.rubrics.join(format!("{name}.toml"));
    if !file.exists() {
        let shipped = Rubric::builtin();
        if shipped.name() == name {
            return Ok(shipped.clone());
        }
        let problem = format!("there is no {}", file.display());
        return Err(wrong_key(&data.programmes, &programme.name, "rubric", problem));
    }
    let rubric = Rubric::parse(&read(&file)?).map_err(|problem| SiteError::Rubric { file: file.clone(), problem })?;
    if rubric.name() != name {
        return Err(SiteError::RubricName { file, name: rubric.name().into() });
    }
    Ok(Arc::new(rubric))
}
