//! `[site]`: where and when the site works, and its branches.

use crate::domain::calendar::SiteHours;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Site {
    /// IANA zone.
    pub timezone: String,
    /// Shifts of a working day, `HH:MM-HH:MM`.
    pub work_hours: Vec<String>,
    /// `cn` = Chinese public holidays and 调休; `none` = Monday to Friday only; `every_day` = no day off.
    pub holidays: String,
    /// Used for a completion SMS that no rule of `intake.rules` fits.
    pub programme: String,
    /// Places with a zone or hours of their own, by the name that orders give.
    pub branches: Vec<Branch>,
}
impl Default for Site {
    fn default() -> Self {
        Self {
            timezone: "Asia/Shanghai".into(),
            work_hours: vec!["08:00-12:00".into(), "13:00-18:00".into()],
            holidays: "cn".into(),
            programme: "excavator".into(),
            branches: vec![],
        }
    }
}

/// A branch of the site; what it does not say is as at the site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// As in `claims.branch` of its orders.
    pub name: String,
    #[serde(default)]
    pub timezone: Option<String>,
    #[serde(default)]
    pub work_hours: Option<Vec<String>>,
    #[serde(default)]
    pub holidays: Option<String>,
}

impl Branch {
    pub fn hours(&self, site: &Site) -> SiteHours {
        SiteHours {
            timezone: self.timezone.as_ref().unwrap_or(&site.timezone).clone(),
            work_hours: self.work_hours.as_ref().unwrap_or(&site.work_hours).clone(),
            holidays: self.holidays.as_ref().unwrap_or(&site.holidays).clone(),
        }
    }
}

impl Site {
    /// What the calendar is made of.
    pub fn hours(&self) -> SiteHours {
        SiteHours {
            timezone: self.timezone.clone(),
            work_hours: self.work_hours.clone(),
            holidays: self.holidays.clone(),
        }
    }
}
