//! Which seat is chosen, and what is said when none is.

use super::*;

fn skilled(id: &str, since: i64, services: &[ServiceType], languages: &[&str], dealers: &[&str]) -> Seat {
    let text = |list: &[&str]| list.iter().map(|t| t.to_string()).collect();
    let skills = Skills { services: services.to_vec(), languages: text(languages), dealers: text(dealers) };
    Seat { skills, idle_since: at(since), ..idle(id) }
}

fn wanted(language: Option<&str>, dealer: Option<&str>, declined: &[&str]) -> Wanted {
    Wanted {
        service: ServiceType::Maintenance,
        language: language.map(Into::into),
        dealer: dealer.map(Into::into),
        declined: declined.iter().map(|id| SeatId::new(*id)).collect(),
    }
}

#[track_caller]
fn check(seats: &[Seat], wanted: &Wanted, reserve: u32, want: Result<&str, &str>) {
    let got = choose(at(5), seats, wanted, reserve);
    let got = got.map(|seat| seat.id.as_str().to_owned()).map_err(|none| none.to_string());
    assert_eq!(got, want.map(Into::into).map_err(Into::into));
}

#[test]
fn the_longest_idle_of_those_who_can_serve_it_is_chosen_and_ties_go_by_name() {
    use ServiceType::{Maintenance, PaidRepair};
    let any = wanted(None, None, &[]);
    check(&[skilled("b", 2, &[], &[], &[]), skilled("a", 3, &[], &[], &[])], &any, 1, Ok("b"));
    check(&[skilled("b", 2, &[], &[], &[]), skilled("a", 2, &[], &[], &[])], &any, 1, Ok("a"));
    let team = [
        skilled("repair", 1, &[PaidRepair], &[], &[]),
        skilled("canton", 2, &[Maintenance], &["粤语", "普通话"], &[]),
        skilled("north", 3, &[], &["普通话"], &["潍坊店"]),
        skilled("all", 4, &[], &[], &[]),
    ];
    check(&team, &any, 1, Ok("canton"));
    check(&team, &wanted(Some("粤语"), None, &[]), 1, Ok("canton"));
    check(&team, &wanted(Some(" 粤语"), None, &["canton"]), 1, Ok("all"));
    check(&team, &wanted(Some("普通话"), Some("潍坊店"), &["canton"]), 1, Ok("north"));
    check(&team, &wanted(Some("普通话"), Some("长沙店"), &[]), 1, Ok("canton"));
    check(&team, &wanted(Some("客家话"), Some("长沙店"), &[]), 1, Ok("all"));
}

#[test]
fn b01_the_last_idle_seats_are_never_taken_whatever_they_can_serve() {
    let any = wanted(None, None, &[]);
    let team = [idle("a"), idle("b"), dialling("c"), on_break("d"), out("e")];
    check(&team, &any, 0, Ok("a"));
    check(&team, &any, 1, Ok("a"));
    check(&team, &any, 2, Err("空闲坐席2个，按规则 B01 要保留2个，等待坐席空出"));
    check(&team, &any, u32::MAX, Err("空闲坐席2个，按规则 B01 要保留4294967295个，等待坐席空出"));
    // The floor counts seats that could not serve this very visit, and not those that are gone.
    let other = skilled("other", 0, &[ServiceType::Delivery], &[], &[]);
    check(&[other.clone(), idle("a")], &any, 1, Ok("a"));
    let gone = Seat { lease_until: Some(at(5)), ..idle("gone") };
    check(&[gone, idle("a")], &any, 1, Err("空闲坐席1个，按规则 B01 要保留1个，等待坐席空出"));
}

#[test]
fn the_reason_why_no_seat_is_chosen_names_what_is_missing() {
    let any = wanted(None, None, &[]);
    check(&[], &any, 0, Err("没有坐席签入，等待坐席签入"));
    check(&[out("a")], &any, 0, Err("没有坐席签入，等待坐席签入"));
    check(&[Seat { lease_until: Some(at(4)), ..idle("a") }], &any, 0, Err("没有坐席签入，等待坐席签入"));
    check(&[talking("a"), on_break("b")], &any, 1, Err("坐席全部忙碌或小休，等待坐席空出"));
    let mandarin = skilled("a", 1, &[ServiceType::Delivery], &["普通话"], &[]);
    let team = [mandarin, skilled("b", 1, &[], &["普通话"], &["潍坊店"])];
    check(&team, &wanted(Some("粤语"), None, &[]), 0, Err("空闲坐席中没有人能服务粤语"));
    check(&team, &wanted(Some("粤语"), Some("长沙店"), &[]), 0, Err("空闲坐席中没有人能服务粤语"));
    check(&team, &wanted(None, Some("长沙店"), &[]), 0, Err("空闲坐席中没有人能同时服务保养、长沙店"));
    check(&team[..1], &wanted(Some("粤语"), None, &[]), 0, Err("空闲坐席中没有人能服务保养、粤语"));
    check(&team, &wanted(None, None, &["b"]), 0, Err("空闲坐席中能服务的都已退回过该回访"));
}
