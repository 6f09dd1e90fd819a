//! Programmes, scripts, prompts and rubrics are read again while the engine runs.
//!
//! Contract: all or nothing. A set that cannot be read, or that lacks the programme of an open visit, changes nothing and the answer says
//! why. A call in progress ends by the set it began with; the next decision on any visit is made by the new one. What stands in the
//! configuration file (hours, branches, rules) is read at start only.

use super::Engine;
use super::handle::{CommandError, LoadedProgramme};
use super::site::Site;
use crate::store::event::NewEvent;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Engine {
    /// What is in force, by name.
    pub fn programmes(&self) -> Vec<LoadedProgramme> {
        let site = self.site();
        let loaded = |programme| LoadedProgramme::of(programme, site.rubrics.of(Some(programme)).id());
        site.rules.programmes.iter().map(loaded).collect()
    }

    pub async fn reload(&self, by: &str) -> Result<Vec<LoadedProgramme>, CommandError> {
        let config = self.config.clone();
        let read = tokio::task::spawn_blocking(move || Site::load(&config)).await;
        let site = read.map_err(|error| CommandError::Internal(Box::new(error)))?;
        let site = site.map_err(|error| {
            tracing::error!(%error, by, "the programmes on disk are not usable; those in force stay");
            CommandError::Invalid { field: "programmes", detail: error.to_string() }
        })?;
        self.no_visit_loses_its_programme(&site).await?;
        let versions: Vec<String> = site.rules.programmes.iter().map(|programme| programme.named_version()).collect();
        let detail = serde_json::json!({ "programmes": versions, "rubrics": site.rubrics.ids().collect::<Vec<_>>() });
        self.store.append_event(&NewEvent::by(by, "programmes.reloaded").detail(detail)).await?;
        tracing::info!(by, programmes = versions.join(" "), "programmes were read again");
        self.set_site(Arc::new(site));
        self.kick();
        Ok(self.programmes())
    }

    async fn no_visit_loses_its_programme(&self, site: &Site) -> Result<(), CommandError> {
        let visits = self.store.open_visits().await?;
        let missing: BTreeSet<&str> = visits
            .iter()
            .map(|visit| visit.programme.as_str())
            .filter(|name| site.rules.programmes.get(name).is_none())
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let names = missing.into_iter().collect::<Vec<_>>().join("、");
        tracing::error!(names, "programmes of open visits are missing on disk; those in force stay");
        Err(CommandError::Conflict(format!("还有未完成的回访使用方案 {names}，不能去掉；现行方案保持不变")))
    }
}
