//! How domain values are shown to one reader: times with the site's offset, telephone numbers plain or masked.
//!
//! Every DTO that shows an instant or a number is made through a [`View`], so that no resource can forget the mask.

use super::auth::Caller;
use super::problem::Problem;
use crate::domain::phone::{self, Phone};
use crate::telemetry;
use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// One reader's view of the site.
pub struct View<'a> {
    zone: &'a TimeZone,
    plain_phones: bool,
}

impl<'a> View<'a> {
    pub fn new(zone: &'a TimeZone, caller: &Caller) -> Self {
        Self { zone, plain_phones: caller.sees_phones() }
    }

    /// That of a reader who sees no numbers, whoever he is.
    pub fn masked(zone: &'a TimeZone) -> Self {
        Self { zone, plain_phones: false }
    }

    /// RFC 3339 with the site's offset: `2026-11-21T20:28:58+08:00`.
    pub fn at(&self, instant: Timestamp) -> String {
        show_instant(instant, self.zone)
    }

    pub fn at_opt(&self, instant: Option<Timestamp>) -> Option<String> {
        instant.map(|instant| self.at(instant))
    }

    /// E.164 for those who may see it, `138****5678` for the rest.
    pub fn phone(&self, phone: &Phone) -> String {
        if self.plain_phones { phone.e164().to_owned() } else { phone.masked() }
    }

    /// The same as it is dialled inside the mainland: `01062345678`.
    pub fn national(&self, phone: &Phone) -> String {
        if self.plain_phones { phone.as_dialled() } else { phone.masked() }
    }

    /// A sender or receiver as a gateway wrote it, which need not be a number.
    pub fn address(&self, text: &str) -> String {
        if self.plain_phones { text.to_owned() } else { phone::mask(text) }
    }

    /// A free text that may hold numbers.
    pub fn text(&self, text: &str) -> String {
        if self.plain_phones { text.to_owned() } else { telemetry::mask_phones(text).into_owned() }
    }
}

/// See [`View::at`].
pub fn show_instant(instant: Timestamp, zone: &TimeZone) -> String {
    instant.to_zoned(zone.clone()).strftime("%Y-%m-%dT%H:%M:%S%.f%:z").to_string()
}

/// Reads a field that is an instant.
pub fn read_instant(field: &str, text: &str, zone: &TimeZone) -> Result<Timestamp, Problem> {
    parse_instant(text, zone).ok_or_else(|| Problem::invalid(field, format!("{text:?} is no instant")))
}

/// Reads a field that is an instant or is left out.
pub fn maybe_instant(field: &str, text: Option<&str>, zone: &TimeZone) -> Result<Option<Timestamp>, Problem> {
    text.map(|text| read_instant(field, text, zone)).transpose()
}

/// Reads an instant of a request: RFC 3339 with offset, or a date and time or a date in the site's zone.
fn parse_instant(text: &str, zone: &TimeZone) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant);
    }
    let local = text.parse::<DateTime>().ok().or_else(|| text.parse::<Date>().ok().map(|day| day.at(0, 0, 0, 0)))?;
    zone.to_timestamp(local).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    #[test]
    fn instants_are_shown_with_the_offset_of_the_site() {
        let (zone, caller) = (shanghai(), Caller::nobody_asked());
        let view = View::new(&zone, &caller);
        for (given, shown) in [
            ("2026-11-21T12:28:58Z", "2026-11-21T20:28:58+08:00"),
            ("2026-11-21T12:28:58.120Z", "2026-11-21T20:28:58.12+08:00"),
            ("2026-12-31T16:00:00Z", "2027-01-01T00:00:00+08:00"),
        ] {
            assert_eq!(view.at(given.parse().unwrap()), shown);
        }
    }

    #[test]
    fn an_instant_without_an_offset_is_meant_at_the_site() {
        for (text, expected) in [
            ("2026-11-21T20:28:58+08:00", Some("2026-11-21T12:28:58Z")),
            ("2026-11-21T12:28:58Z", Some("2026-11-21T12:28:58Z")),
            (" 2026-11-21 20:28:58 ", Some("2026-11-21T12:28:58Z")),
            ("2026-11-21", Some("2026-11-20T16:00:00Z")),
            ("21.11.2026", None),
            ("2026-02-30", None),
            ("", None),
        ] {
            assert_eq!(parse_instant(text, &shanghai()), expected.map(|e| e.parse().unwrap()), "{text:?}");
        }
    }
}
