//! A08: a number that a call for another visit found wrong.

use super::*;
use crate::domain::visit::customer::NumberDoubt;

#[test]
fn a08_a_number_that_was_found_wrong_is_dialled_only_when_a_person_says_so_and_the_late_cause_says_why() {
    let by_hand = |v: &Visit| dial_now(at("23T10:05"), v, "王主管", &excavator(), &CALENDAR).unwrap();
    let asked = tried(&fresh("v1", "23T09:00"), "23T09:20", Outcome::Answered, {
        Some(ConversationEnd::Callback { said: Some("十点".into()), at: None })
    });
    let vacant =
        "订单 FL-9 在09:30查明这个号码是空号（规则 A08），请核实后拨打或改正订单上的号码，等待人工改约、拨打或关闭";
    let another = "订单 FL-9 在09:30查明这个号码不是该客户的（规则 A08），请核实后拨打或改正订单上的号码，等待人工改约、拨打或关闭";
    for (visit, is_vacant, held) in [
        (fresh("v1", "23T09:30"), true, Some(vacant)),
        (fresh("v1", "23T09:30"), false, Some(another)),
        (asked, false, Some(another)),
        (by_hand(&fresh("v1", "23T09:30")), false, None),
    ] {
        let visits = [visit, fresh("other", "23T09:50")];
        let mut same = SameCustomer::default();
        let (order_no, found_at) = (OrderNo::new("FL-9"), at("23T09:30"));
        same.doubt(VisitId::new("v1"), NumberDoubt { order_no, found_at, vacant: is_vacant });
        let s = Situation { same: &same, ..situation(&visits) };
        let planned = plan(at("23T10:05"), &s);
        assert_eq!(ids(&planned.dial).contains(&"v1"), held.is_none());
        let why = why(at("23T10:05"), &visits[0], &s);
        assert_eq!(why.code == WhyCode::ForPerson, held.is_some(), "{why:?}");
        assert!(held.is_none_or(|text| why.text_zh == text), "{why:?}");
        let late = planned.late.iter().find(|(id, _)| id.as_str() == "v1").map(|(_, cause)| cause.as_str());
        assert!(held.is_none_or(|text| late.is_some_and(|cause| cause.ends_with(text))), "{late:?}");
    }
}
