//! What a site is made of, read once at start: calendar, programmes, scripts, prompts, SMS templates, rubrics, announcements.
//!
//! Contract: a [`Site`] that loads is complete: every programme has its scripts and its rubric, every prompt of a script is a file, and
//! what the machine is to say it can say. Everything wrong is one line that names the file and the key.

mod rubrics;

pub use rubrics::Rubrics;

use super::handle::CommandError;
use super::intake::IntakeRules;
use crate::config::Config;
use crate::domain::announcement::{AnnouncementError, Announcements};
use crate::domain::calendar::{Calendar, CalendarError};
use crate::domain::complaint::{Policy, PolicyError};
use crate::domain::order::{Order, ServiceType};
use crate::domain::programme::assign::{AssignError, Assignment};
use crate::domain::programme::{DialMode, Programme, ProgrammeError, Programmes};
use crate::domain::review::form::{Form, FormError};
use crate::domain::score::{Rubric, RubricError};
use crate::domain::script::{PromptManifest, Script, ScriptError};
use crate::domain::sms::{SmsTemplates, TemplateError};
use crate::domain::tariff::{Tariff, TariffError};
use crate::domain::visit::task::Visit;
use crate::media::prompts::{PromptError, Prompts};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Site {
    /// Programmes, calendar and SMS templates.
    pub rules: Arc<IntakeRules>,
    pub mode: DialMode,
    /// 评分规则, each programme's own.
    pub rubrics: Rubrics,
    pub announcements: Arc<Announcements>,
    /// 质检表.
    pub form: Arc<Form>,
    /// 收费标准.
    pub tariff: Arc<Tariff>,
    pub manifest: Arc<PromptManifest>,
    pub prompts: Arc<Prompts>,
    /// By script set and service type; `None` serves every type that has none of its own.
    scripts: Scripts,
}

type Scripts = BTreeMap<(String, Option<ServiceType>), Arc<Script>>;

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
    #[error("{file}: {problem}")]
    Rubric { file: PathBuf, problem: RubricError },
    #[error("{file}: name = {name:?} is not the name of the file")]
    RubricName { file: PathBuf, name: String },
    #[error(transparent)]
    Announcement(#[from] AnnouncementError),
    #[error(transparent)]
    Complaints(#[from] PolicyError),
    #[error(transparent)]
    Form(#[from] FormError),
    #[error(transparent)]
    Tariff(#[from] TariffError),
    #[error(transparent)]
    Prompt(#[from] PromptError),
    #[error("site.branches: {branch:?}: {source}")]
    Branch { branch: String, source: CalendarError },
    #[error("site.programme = {0:?}: there is no programmes/{0}.toml")]
    NoProgramme(String),
    #[error("intake.rules: {0}")]
    Assign(#[from] AssignError),
    #[error("programme {programme}: no script for {service_type} in {folder}")]
    NoScript { programme: String, service_type: &'static str, folder: PathBuf },
}

impl Site {
    pub fn load(config: &Config) -> Result<Site, SiteError> {
        let calendar = load_calendar(config)?;
        let programmes = load_programmes(&config.data.programmes, &calendar)?;
        let Some(own) = programmes.get(&config.site.programme) else {
            return Err(SiteError::NoProgramme(config.site.programme.clone()));
        };
        let manifest = Arc::new(PromptManifest::parse(&read(&config.data.prompts.join("manifest.tsv"))?)?);
        let rubrics = Rubrics::load(&config.data, &programmes, own)?;
        let table = |name: &str| config.data.rubrics.join(name);
        let assignment = Assignment { own: config.site.programme.clone(), rules: config.intake.rules.clone() };
        assignment.check(&programmes)?;
        let site = Site {
            scripts: load_scripts(&config.data.programmes.join("scripts"), &programmes, &manifest)?,
            prompts: Arc::new(Prompts::load(&config.data.prompts)?),
            rules: Arc::new(IntakeRules {
                templates: Arc::new(load_templates(config)?),
                complaints: own_or(&table("complaints.toml"), Policy::parse, || Ok(Policy::builtin().clone()))?,
                assignment,
                terms: config.promises.terms(),
                programmes,
                calendar,
            }),
            rubrics,
            announcements: Arc::new(own_or(
                &table("announcements-zh.toml"),
                Announcements::parse,
                Announcements::builtin,
            )?),
            form: Arc::new(own_or(&table("qa-form.toml"), Form::parse, Form::builtin)?),
            tariff: Arc::new(own_or(&table("tariff.toml"), Tariff::parse, Tariff::builtin)?),
            mode: if config.dialer.mode == "agent" { DialMode::Agent } else { DialMode::Voice },
            manifest,
        };
        site.check_scripts(&config.data.programmes)?;
        Ok(site)
    }

    pub(super) fn programme_of(&self, visit: &Visit) -> Result<&Programme, CommandError> {
        self.rules.programmes.get(&visit.programme).ok_or_else(|| {
            CommandError::Conflict(format!("找不到回访方案 {}，请检查 programmes 目录", visit.programme))
        })
    }

    /// The keyword table of this name, which a caller asks for.
    pub(super) fn rubric_named(&self, name: &str) -> Result<&Arc<Rubric>, CommandError> {
        self.rubrics.named(name).ok_or_else(|| {
            let names: Vec<&str> = self.rubrics.names().collect();
            let detail = format!("no programme names {name:?}: want {}", names.join(", "));
            CommandError::Invalid { field: "rubric", detail }
        })
    }

    /// The script of one order, as long as the programme lets it be (B08, C11, C12).
    pub fn script(&self, programme: &Programme, order: &Order) -> Option<Arc<Script>> {
        let items = programme.satisfaction_items(order.claims.customer_class.as_deref());
        let script = self.whole_script(programme, order.service_type)?;
        Some(Arc::new(script.limited(items, programme.call_max)))
    }

    fn whole_script(&self, programme: &Programme, service_type: ServiceType) -> Option<&Arc<Script>> {
        let of = |service_type| self.scripts.get(&(programme.script_set.clone(), service_type));
        of(Some(service_type)).or_else(|| of(None))
    }

    fn check_scripts(&self, programmes: &Path) -> Result<(), SiteError> {
        for programme in self.rules.programmes.iter() {
            let mode = programme.mode.unwrap_or(self.mode);
            for service_type in ServiceType::ALL {
                let Some(script) = self.whole_script(programme, service_type) else {
                    return Err(SiteError::NoScript {
                        programme: programme.name.clone(),
                        service_type: service_type.name(),
                        folder: programmes.join("scripts"),
                    });
                };
                if mode == DialMode::Voice && !script.is_spoken() {
                    let problem = format!(
                        "the script for {} in scripts/{} has steps without prompts, so only people can say it: want \"agent\"",
                        service_type.name(),
                        programme.script_set
                    );
                    return Err(wrong_key(programmes, &programme.name, "mode", problem));
                }
            }
        }
        Ok(())
    }
}

fn read(path: &Path) -> Result<String, SiteError> {
    std::fs::read_to_string(path).map_err(|source| SiteError::Read { path: path.to_owned(), source })
}

/// What is wrong with a key of a programme, with file and line.
fn wrong_key(programmes: &Path, name: &str, key: &str, problem: String) -> SiteError {
    let file = format!("{name}.toml");
    // It was read a moment ago; without it the first line has to do.
    let text = read(&programmes.join(&file)).unwrap_or_default();
    ProgrammeError { file, line: 1, key: key.into(), problem }.placed(&text).into()
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
    let files = toml_files(folder)?;
    let mut list = vec![];
    for (stem, text) in &files {
        let programme = Programme::parse(&format!("{stem}.toml"), text)?;
        if programme.name != *stem {
            let problem = format!("{:?} is not the name of the file", programme.name);
            return Err(wrong_key(folder, stem, "name", problem));
        }
        list.push(programme);
    }
    Programmes::new(list, calendar).map_err(|error| {
        let text = files.iter().find(|(stem, _)| error.file == format!("{stem}.toml")).map_or("", |(_, text)| text);
        error.placed(text).into()
    })
}

fn load_calendar(config: &Config) -> Result<Calendar, SiteError> {
    let mut calendar = Calendar::new(&config.site.hours())?;
    for branch in &config.site.branches {
        let failed = |source| SiteError::Branch { branch: branch.name.clone(), source };
        calendar = calendar.with_branch(&branch.name, &branch.hours(&config.site)).map_err(failed)?;
    }
    Ok(calendar)
}

/// The site's own table, or the one that travels with the program: a folder of before there was such a table has none.
fn own_or<T, E>(
    path: &Path,
    parse: fn(&str) -> Result<T, E>,
    builtin: impl FnOnce() -> Result<T, E>,
) -> Result<T, SiteError>
where
    SiteError: From<E>,
{
    Ok(if path.exists() { parse(&read(path)?)? } else { builtin()? })
}

/// The script sets that programmes name: one folder each, one file a service type.
fn load_scripts(folder: &Path, programmes: &Programmes, manifest: &PromptManifest) -> Result<Scripts, SiteError> {
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
