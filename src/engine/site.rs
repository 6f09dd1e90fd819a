//! What a site is made of, read once at start: calendar, programmes, scripts, prompts, SMS templates, rubric.
//!
//! Contract: a [`Site`] that loads is complete: every programme has its scripts and its rubric, every prompt of a script is a file.
//! Everything wrong is one line that names the file and the key.

use super::intake::IntakeRules;
use crate::config::Config;
use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::order::ServiceType;
use crate::domain::programme::{DialMode, Programme, ProgrammeError, Programmes};
use crate::domain::score::{Rubric, RubricError};
use crate::domain::script::{PromptManifest, Script, ScriptError};
use crate::domain::sms::{SmsTemplates, TemplateError};
use crate::media::prompts::{PromptError, Prompts};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Site {
    /// Programmes, calendar and SMS templates.
    pub rules: Arc<IntakeRules>,
    pub mode: DialMode,
    pub rubric: Arc<Rubric>,
    pub manifest: Arc<PromptManifest>,
    pub prompts: Arc<Prompts>,
    /// By script set and service type.
    scripts: BTreeMap<(String, ServiceType), Arc<Script>>,
}

#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error("{path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("site.{0}")]
    Calendar(#[from] CalendarError),
    #[error(transparent)]
    Programme(#[from] ProgrammeError),
    #[error(transparent)]
    Script(#[from] ScriptError),
    #[error("intake.sms.templates: {0}")]
    Template(#[from] TemplateError),
    #[error(transparent)]
    Rubric(#[from] RubricError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("site.programme = {0:?}: there is no programmes/{0}.toml")]
    NoProgramme(String),
    #[error("programme {programme}: no script for {service_type} in {folder}")]
    NoScript { programme: String, service_type: &'static str, folder: PathBuf },
    #[error("programmes want different rubrics ({0}); one per site for now")]
    ManyRubrics(String),
}

impl Site {
    pub fn load(config: &Config) -> Result<Site, SiteError> {
        let calendar = Calendar::new(&config.site.hours())?;
        let programmes = load_programmes(&config.data.programmes, &calendar)?;
        if programmes.get(&config.site.programme).is_none() {
            return Err(SiteError::NoProgramme(config.site.programme.clone()));
        }
        let manifest = Arc::new(PromptManifest::parse(&read(&config.data.prompts.join("manifest.tsv"))?)?);
        let rubric = load_rubric(&config.data.rubrics, &programmes)?;
        let site = Site {
            scripts: load_scripts(&config.data.programmes.join("scripts"), &programmes, &manifest)?,
            prompts: Arc::new(Prompts::load(&config.data.prompts)?),
            rules: Arc::new(IntakeRules {
                templates: Arc::new(load_templates(config)?),
                programme: config.site.programme.clone(),
                programmes,
                calendar,
            }),
            rubric: Arc::new(rubric),
            mode: if config.dialer.mode == "agent" { DialMode::Agent } else { DialMode::Voice },
            manifest,
        };
        site.check_scripts(&config.data.programmes.join("scripts"))?;
        Ok(site)
    }

    pub fn script(&self, programme: &Programme, service_type: ServiceType) -> Option<Arc<Script>> {
        self.scripts.get(&(programme.script_set.clone(), service_type)).cloned()
    }

    fn check_scripts(&self, folder: &Path) -> Result<(), SiteError> {
        for programme in self.rules.programmes.iter() {
            if let Some(missing) = ServiceType::ALL.into_iter().find(|t| self.script(programme, *t).is_none()) {
                return Err(SiteError::NoScript {
                    programme: programme.name.clone(),
                    service_type: missing.name(),
                    folder: folder.to_owned(),
                });
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, SiteError> {
    std::fs::read_to_string(path).map_err(|source| SiteError::Read { path: path.to_owned(), source })
}

/// The `.toml` files of a folder as (stem, text), sorted by name.
fn toml_files(folder: &Path) -> Result<Vec<(String, String)>, SiteError> {
    let failed = |source| SiteError::Read { path: folder.to_owned(), source };
    let mut found = vec![];
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            found.push((stem, read(&path)?));
        }
    }
    found.sort();
    Ok(found)
}

fn load_programmes(folder: &Path, calendar: &Calendar) -> Result<Programmes, SiteError> {
    let list =
        toml_files(folder)?.iter().map(|(stem, text)| Programme::parse(stem, text)).collect::<Result<Vec<_>, _>>()?;
    Ok(Programmes::new(list, calendar)?)
}

fn load_rubric(folder: &Path, programmes: &Programmes) -> Result<Rubric, SiteError> {
    let mut wanted: Vec<&str> = programmes.iter().map(|p| p.rubric.as_str()).collect();
    wanted.dedup();
    let [name] = wanted.as_slice() else {
        return Err(SiteError::ManyRubrics(wanted.join(", ")));
    };
    Ok(Rubric::parse(&read(&folder.join(format!("{name}.toml")))?)?)
}

/// The script sets that programmes name: one folder each, one file a service type.
fn load_scripts(
    folder: &Path,
    programmes: &Programmes,
    manifest: &PromptManifest,
) -> Result<BTreeMap<(String, ServiceType), Arc<Script>>, SiteError> {
    let mut scripts = BTreeMap::new();
    for programme in programmes.iter() {
        for (stem, text) in toml_files(&folder.join(&programme.script_set))? {
            let script = Script::parse(&stem, &text, manifest)?;
            scripts.insert((programme.script_set.clone(), script.service_type), Arc::new(script));
        }
    }
    Ok(scripts)
}

fn load_templates(config: &Config) -> Result<SmsTemplates, SiteError> {
    let own: Vec<(&str, &str)> =
        config.intake.sms.templates.iter().map(|t| (t.name.as_str(), t.pattern.as_str())).collect();
    if own.is_empty() { Ok(SmsTemplates::builtin()?) } else { Ok(SmsTemplates::compile(&own)?) }
}
