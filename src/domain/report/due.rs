//! 按时上报: which monthly reports are due when, and whether they were handed in (G06–G10).
//!
//! Contract: a report is in time until the end of its due day at the site. The first submission of a month decides; whoever hands it in
//! again changes nothing of that.

use super::{Month, Name};
use crate::domain::calendar::midnight;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

/// So many months are looked back.
const MONTHS_BACK: i32 = 11;

/// Somebody handed in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submission {
    pub report: Name,
    pub month: Month,
    pub at: Timestamp,
    pub by: String,
    pub note: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DueState {
    /// Not handed in yet, and still in time.
    Open,
    /// In time.
    Submitted,
    /// After its day (G07).
    SubmittedLate,
    /// Not handed in, and its day is over (G07).
    Overdue,
}

impl DueState {
    pub const ALL: [DueState; 4] = [Self::Open, Self::Submitted, Self::SubmittedLate, Self::Overdue];
}

/// One report of one month that somebody has to hand in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueReport {
    pub report: Name,
    pub month: Month,
    /// The last day on which it is in time.
    pub due_on: Date,
    pub state: DueState,
    /// Days after `due_on`: until it was handed in, or until now.
    pub days_late: u32,
    /// The first one.
    pub submission: Option<Submission>,
}

impl Name {
    /// Every month by then; `None` when nobody has to hand it in.
    pub fn due_on(self, month: Month) -> Option<Date> {
        match self {
            // 月初3日前: of the month after.
            Self::Visits | Self::Complaints => Some(month.plus(1).day(3)),
            // 每月25日: of the month itself.
            Self::Satisfaction => Some(month.day(25)),
            Self::Ledger | Self::Coverage | Self::SpotCheck | Self::Engineers | Self::Dealers | Self::Agents => None,
        }
    }
}

/// What is, or was, to be handed in for the months from `first` to the present one, at most twelve, the newest first.
pub fn due_list(now: Timestamp, zone: &TimeZone, first: Month, submissions: &[Submission]) -> Vec<DueReport> {
    let last = Month::at(now, zone);
    let first = first.max(last.plus(-MONTHS_BACK));
    let months = std::iter::successors(Some(last), |month| Some(month.plus(-1))).take_while(|month| *month >= first);
    let all = months.flat_map(|month| Name::ALL.into_iter().map(move |name| (month, name)));
    all.filter_map(|(month, report)| {
        let due_on = report.due_on(month)?;
        let of_it = submissions.iter().filter(|s| s.report == report && s.month == month);
        let submission = of_it.min_by_key(|s| s.at).cloned();
        let settled_at = submission.as_ref().map_or(now, |s| s.at);
        let late = settled_at >= midnight(due_on.tomorrow().unwrap_or(due_on), zone);
        let state = match (&submission, late) {
            (None, false) => DueState::Open,
            (None, true) => DueState::Overdue,
            (Some(_), false) => DueState::Submitted,
            (Some(_), true) => DueState::SubmittedLate,
        };
        let day = settled_at.to_zoned(zone.clone()).date();
        let days_late = due_on.until(day).map_or(0, |apart| u32::try_from(apart.get_days()).unwrap_or(0));
        Some(DueReport { report, month, due_on, state, days_late, submission })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shanghai() -> TimeZone {
        TimeZone::get("Asia/Shanghai").unwrap()
    }

    fn month(text: &str) -> Month {
        Month::parse(text).unwrap()
    }

    fn at(local: &str) -> Timestamp {
        format!("{local}+08:00").parse().unwrap()
    }

    fn submitted(report: Name, of: &str, when: &str) -> Submission {
        Submission { report, month: month(of), at: at(when), by: "李回访".into(), note: None }
    }

    #[track_caller]
    fn check(now: &str, handed_in: &[&str], want: DueState, days_late: u32) {
        let all: Vec<Submission> = handed_in.iter().map(|at| submitted(Name::Visits, "2026-10", at)).collect();
        let list = due_list(at(now), &shanghai(), month("2026-10"), &all);
        let due = list.iter().find(|due| due.report == Name::Visits && due.month == month("2026-10")).unwrap();
        assert_eq!((due.state, due.days_late), (want, days_late), "{now} {handed_in:?}");
        assert_eq!(due.due_on.to_string(), "2026-11-03");
    }

    #[test]
    fn g06_g07_the_visit_report_is_in_time_until_the_end_of_the_third() {
        check("2026-10-31T12:00", &[], DueState::Open, 0);
        check("2026-11-03T23:59:59.999", &[], DueState::Open, 0);
        check("2026-11-04T00:00", &[], DueState::Overdue, 1);
        check("2026-12-01T00:00", &[], DueState::Overdue, 28);
        check("2026-12-01T00:00", &["2026-11-03T23:59"], DueState::Submitted, 0);
        check("2026-12-01T00:00", &["2026-11-05T09:00"], DueState::SubmittedLate, 2);
    }

    #[test]
    fn the_first_submission_of_a_month_decides() {
        check("2026-12-01T00:00", &["2026-11-09T09:00", "2026-11-02T09:00"], DueState::Submitted, 0);
        check("2026-12-01T00:00", &["2026-11-09T09:00", "2026-11-06T09:00"], DueState::SubmittedLate, 3);
    }

    #[test]
    fn g09_satisfaction_is_due_on_the_twenty_fifth_of_its_own_month() {
        let list = |now: &str| due_list(at(now), &shanghai(), month("2026-11"), &[]);
        let state = |now: &str| list(now).iter().find(|due| due.report == Name::Satisfaction).unwrap().state;
        assert_eq!(state("2026-11-25T23:59"), DueState::Open);
        assert_eq!(state("2026-11-26T00:00"), DueState::Overdue);
    }

    #[test]
    fn nothing_is_due_of_months_before_the_first_visit_and_at_most_a_year_is_shown() {
        let months = |first: &str| {
            let list = due_list(at("2026-11-22T12:00"), &shanghai(), month(first), &[]);
            list.into_iter()
                .filter(|due| due.report == Name::Visits)
                .map(|due| due.month.to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(months("2026-10"), ["2026-11", "2026-10"]);
        assert_eq!(months("2027-01"), Vec::<String>::new(), "the future");
        let year = months("2020-01");
        assert_eq!((year.len(), year.last().unwrap().as_str()), (12, "2025-12"));
    }

    #[test]
    fn what_is_handed_in_for_another_month_or_report_is_not_this_one() {
        let others = [
            submitted(Name::Visits, "2026-09", "2026-10-01T09:00"),
            submitted(Name::Satisfaction, "2026-10", "2026-10-20T09:00"),
        ];
        let list = due_list(at("2026-11-22T12:00"), &shanghai(), month("2026-10"), &others);
        let states: Vec<_> = list.iter().filter(|d| d.month == month("2026-10")).map(|d| (d.report, d.state)).collect();
        assert_eq!(
            states,
            [
                (Name::Visits, DueState::Overdue),
                (Name::Complaints, DueState::Overdue),
                (Name::Satisfaction, DueState::Submitted)
            ]
        );
    }
}
