//! Fair and safe dialling over the whole path: limits of a day, numbers that are not dialled, one customer with several visits.

use super::{NUMBER, has_rung, phone, rings};
use crate::support::api::{answer, text};
use crate::support::{Station, until};
use reqwest::{Method, StatusCode};
use serde_json::json;

/// Another customer is dialled first: the planner has looked at everybody and left the one before alone.
const OTHER: &str = "13900001111";

#[tokio::test]
async fn a_trunk_that_has_made_its_calls_of_the_day_rests_until_tomorrow_a_restart_forgets_nothing_and_why_says_so() {
    let mut phone = phone().await;
    let mut station = Station::start_with(phone.addr(), |config| config.trunks[0].max_calls_per_day = 2).await;
    for (order, number) in [("FL-1", NUMBER), ("FL-2", OTHER)] {
        let visit = station.api.report(order, number).await;
        rings(&mut phone).await.reject(486, "Busy Here").await;
        station.api.ended_call(&visit).await;
    }
    let third = station.api.report("FL-3", "13800001111").await;
    for restarted in [false, true] {
        if restarted {
            station.restart().await;
        }
        let why = until("the trunk has counted", async || {
            let why = station.api.why(&third).await;
            (why["code"] == "trunk_down").then_some(why)
        })
        .await;
        assert!(text(&why["text"]).contains("线路不可用：line：今天的呼叫已达上限 2 次，明天再拨"), "{why}");
        let trunk = station.api.get("trunks").await["items"][0].clone();
        assert_eq!((&trunk["usable"], &trunk["health"]), (&json!(false), &json!("down")), "{trunk}");
    }
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn a_site_that_has_made_its_calls_of_the_day_dials_nobody_until_tomorrow_not_by_hand_either_and_why_says_so() {
    let mut phone = phone().await;
    let mut station = Station::start_with(phone.addr(), |config| config.dialer.daily_calls = 2).await;
    for (order, number) in [("FL-1", NUMBER), ("FL-2", OTHER)] {
        let visit = station.api.report(order, number).await;
        rings(&mut phone).await.reject(486, "Busy Here").await;
        station.api.ended_call(&visit).await;
    }
    let third = station.api.report("FL-3", "13800001111").await;
    station.restart().await;
    answer(station.api.post(&format!("visits/{third}/dial"), &json!({})).await, StatusCode::ACCEPTED).await;
    let why = until("the day is spent", async || {
        let why = station.api.why(&third).await;
        (why["code"] == "day_is_spent").then_some(why)
    })
    .await;
    assert!(text(&why["text"]).contains("今天的外呼次数已用完（dialer.daily_calls = 2）"), "{why}");
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn only_mainland_numbers_are_dialled_by_default_and_others_wait_for_a_person_with_the_reason() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    for (n, (number, kind)) in
        [("+852 2345 6789", "境外号码"), ("95588", "短号码"), ("12345", "短号码")].into_iter().enumerate()
    {
        let order = format!("FL-{n}");
        station.api.report(&order, &format!("1380000111{n}")).await;
        rings(&mut phone).await.reject(404, "Not Found").await;
        // No template reads such a number: it comes by the dispatcher's correction.
        let visit = station.api.get(&format!("visits?order_no={order}")).await["items"][0]["id"].clone();
        station.api.ended_call(&text(&visit)).await;
        let body = json!({ "service_type": "技术咨询", "customer": { "name": "张建国", "phone": number } });
        let put = station.api.request(Method::PUT, &format!("orders/{order}")).json(&body).send().await.unwrap();
        assert!(put.status().is_success(), "{number}: {}", put.status());
        let why = until("the number was looked at", async || {
            let why = station.api.why(&text(&visit)).await;
            (why["code"] == "for_person").then_some(why)
        })
        .await;
        let expected = format!("客户的号码是{kind}：线路 line：不允许拨打该号码段");
        assert!(text(&why["text"]).starts_with(&expected), "{why}");
    }
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn a_number_is_kept_in_e164_and_shown_in_its_national_form_too() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| config.dialer.enabled = false).await;
    for (given, e164, national) in [
        ("138 1234 5678", "+8613812345678", "13812345678"),
        ("0086-10-62345678", "+861062345678", "01062345678"),
        ("（0536）7606988", "+865367606988", "05367606988"),
        ("400-658-9888", "+864006589888", "4006589888"),
    ] {
        let body = json!({ "service_type": "保养", "customer": { "phone": given } });
        station.api.request(Method::PUT, "orders/FL-1").json(&body).send().await.unwrap();
        let order = station.api.get("orders/FL-1").await;
        let shown = (text(&order["customer"]["phone"]), text(&order["customer"]["phone_national"]));
        assert_eq!(shown, (e164.into(), national.into()), "{order}");
        // What is read may be sent back.
        let again = station.api.request(Method::PUT, "orders/FL-1").json(&order).send().await.unwrap();
        answer(again, StatusCode::OK).await;
    }
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn a_customer_with_three_open_visits_is_called_once_and_the_others_say_when() {
    let mut phone = phone().await;
    let station = Station::start_with(phone.addr(), |config| {
        config.dialer.customer_rest_min = 30;
        config.trunks[0].ring_timeout_s = 45;
    })
    .await;
    let first = station.api.report("FL-1", NUMBER).await;
    let call = rings(&mut phone).await;
    call.ring().await;
    let others = [station.api.report("FL-2", NUMBER).await, station.api.report("FL-3", NUMBER).await];
    for other in &others {
        assert_eq!(station.api.why(other).await["code"], "same_customer");
    }
    call.reject(603, "Decline").await;
    station.api.ended_call(&first).await;
    // Who is called next is somebody else.
    station.api.report("FL-4", OTHER).await;
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), OTHER);
    call.reject(404, "Not Found").await;
    for other in &others {
        let why = station.api.why(other).await;
        assert_eq!(why["code"], "same_customer", "{why}");
        assert!(text(&why["text"]).starts_with("刚为另一个回访给该客户打过电话，同一客户不连续打扰，最早"), "{why}");
        assert!(station.api.calls(other).await.is_empty());
    }
    assert!(!has_rung(&mut phone));
    station.finish().await;
}

#[tokio::test]
async fn a08_a_number_that_a_call_found_wrong_waits_in_later_orders_until_a_person_says_so_or_gives_another() {
    let mut phone = phone().await;
    let station = Station::start(phone.addr()).await;
    let api = &station.api;
    let first = api.report("FL-1", NUMBER).await;
    rings(&mut phone).await.reject(404, "Not Found").await;
    api.ended_call(&first).await;
    let later = [api.report("FL-2", NUMBER).await, api.report("FL-3", NUMBER).await];
    // Who is called next is somebody else.
    api.report("FL-4", OTHER).await;
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), OTHER);
    call.reject(486, "Busy Here").await;
    for visit in &later {
        let why = api.why(visit).await;
        let said = text(&why["text"]);
        assert_eq!(why["code"], "for_person", "{why}");
        assert!(said.starts_with("订单 FL-1 在") && said.contains("查明这个号码是空号（规则 A08）"), "{why}");
    }

    let order = json!({ "service_type": "技术咨询", "customer": { "name": "张建国", "phone": "13800001112" } });
    let put = api.request(Method::PUT, "orders/FL-2").json(&order).send().await.unwrap();
    assert!(put.status().is_success());
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), "13800001112", "another number is dialled");
    call.reject(486, "Busy Here").await;

    answer(api.post(&format!("visits/{}/dial", later[1]), &json!({})).await, StatusCode::ACCEPTED).await;
    let call = rings(&mut phone).await;
    assert_eq!(call.dialled(), NUMBER, "a person has said so");
    call.reject(486, "Busy Here").await;
    api.ended_call(&later[1]).await;
    assert_eq!(api.why(&later[1]).await["code"], "retry_spacing", "and it goes on by its programme");
    assert!(!has_rung(&mut phone));
    station.finish().await;
}
