//! A local day: when it begins, also where clocks change at midnight.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The first instant of a day; the end of time where the calendar has no such day.
pub fn midnight(day: Date, zone: &TimeZone) -> Timestamp {
    day.to_zoned(zone.clone()).map_or(Timestamp::MAX, |at| at.timestamp())
}

/// The local day of `now`: its first instant, and that of the next.
pub fn day_of(now: Timestamp, zone: &TimeZone) -> (Timestamp, Timestamp) {
    let today = now.to_zoned(zone.clone()).date();
    let next = today.tomorrow().map_or(Timestamp::MAX, |next| midnight(next, zone));
    (midnight(today, zone), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_at_local_midnight_also_where_clocks_change() {
        let check = |zone: &str, now: &str, from: &str, until: &str| {
            let at = |text: &str| text.parse::<Timestamp>().unwrap();
            assert_eq!(day_of(at(now), &TimeZone::get(zone).unwrap()), (at(from), at(until)), "{now} in {zone}");
        };
        check("Asia/Shanghai", "2026-11-22T15:59:59Z", "2026-11-21T16:00:00Z", "2026-11-22T16:00:00Z");
        check("Asia/Shanghai", "2026-11-22T16:00:00Z", "2026-11-22T16:00:00Z", "2026-11-23T16:00:00Z");
        check("Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z");
        assert_eq!(day_of(Timestamp::MAX, &TimeZone::UTC).1, Timestamp::MAX);
    }
}
