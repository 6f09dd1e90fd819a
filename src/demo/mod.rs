//! The main job shown on one machine: a simulated customer with a telephone of his own, and the report.
//!
//! Apart from the engine on purpose: he shares the telephone line with it and nothing else.

pub mod customer;
pub mod ear;
pub mod phone;
pub mod report;
pub mod talk;
#[cfg(test)]
mod walk;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The demo works at any hour without bending a rule: its site lies where it is mid-morning now, inside the calling hours (A13).
pub fn mid_morning_zone(now: Timestamp) -> String {
    let hour = i64::from(now.to_zoned(TimeZone::UTC).hour());
    let ahead = (10 - hour + 24).rem_euclid(24);
    let offset = if ahead > 12 { ahead - 24 } else { ahead };
    // The sign of these zones is turned round: Etc/GMT-8 is eight hours ahead.
    if offset == 0 { "Etc/GMT".into() } else { format!("Etc/GMT{:+}", -offset) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_every_hour_there_is_a_zone_where_it_is_mid_morning() {
        for hour in 0..24 {
            let now: Timestamp = format!("2026-11-21T{hour:02}:30:00Z").parse().unwrap();
            let zone = mid_morning_zone(now);
            let local = now.to_zoned(TimeZone::get(&zone).unwrap_or_else(|e| panic!("{zone}: {e}")));
            assert_eq!(local.hour(), 10, "{zone}");
        }
    }
}
