//! A promise from the words of a call to the call that keeps it, and a wish that comes while an agent looks at the order.

use super::calls::connected;
use super::{desk, page::Page};
use crate::call::{NUMBER, ends, has_rung, phone};
use crate::support::api::{answer, text};
use crate::support::{Station, data, until};
use huifang::demo::phone::{LineState, Phone};
use huifang::domain::id::CallId;
use huifang::domain::transcript::{Channel, Segment, Transcript};
use huifang::engine::events::EngineEvent;
use huifang::engine::review::judge_call;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

async fn station(customer: &Phone) -> Station {
    Station::start_with(customer.addr(), |config| {
        config.dialer.mode = "agent".into();
        config.dialer.reserve_idle_seats = 0;
        config.seats.wrap_up_s = 60;
        data::add_programme(&config.data.programmes, "promise");
    })
    .await
}

/// The customer and the agent talk; the customer hangs up, the agent writes it down.
async fn talk(page: &mut Page, agent: &mut Phone, customer: &mut Phone, written: Value) {
    let (desk, far) = connected(agent, customer).await;
    page.call_is("answered").await;
    far.hang_up().await;
    ends(&desk, LineState::CallerHungUp).await;
    page.call_is("ended").await;
    page.does(written).await;
    page.seat_is("available").await;
}

/// What the recogniser would have written of the call; then it is judged, as the job does.
async fn heard(station: &Station, call: &CallId, words: &str) {
    let said = |channel, start: f64, text: &str| Segment {
        channel,
        start,
        end: start + 3.0,
        text: text.into(),
        confidence: 0.9,
        also_heard: vec![],
    };
    let segments = vec![
        said(Channel::Agent, 1.0, "您好，请问配件的事情解决了吗？"),
        said(Channel::Customer, 5.0, "没有，你们什么时候给我回电话？"),
        said(Channel::Agent, 9.5, words),
    ];
    let transcript = Transcript { segments, engine: "scripted".into(), model: "none".into() };
    station.app().store.save_transcript(call, &transcript).await.unwrap();
    judge_call(&station.app().engine, call).await.unwrap();
}

async fn promises(station: &Station, query: &str) -> Vec<Value> {
    station.api.get(&format!("promises?{query}")).await["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a19_a20_what_an_agent_promised_in_a_call_becomes_a_visit_that_is_made_and_closes_when_he_says_what_was_told() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let done = json!({ "type": "wrapped_up", "end": { "kind": "completed" } });
    talk(&mut page, &mut agent, &mut customer, done).await;
    let row = station.api.ended_call(&visit).await;
    let call = CallId::new(text(&row["id"]));

    heard(&station, &call, "好的，我帮您问一下，尽快给您回电话。").await;
    let query = format!("call_id={call}");
    let [promise] = &promises(&station, &query).await[..] else { panic!("one promise") };
    assert_eq!((&promise["source"], text(&promise["promised_by"])), (&json!("heard"), "anna".into()));
    let words = &promise["evidence"];
    assert_eq!((text(&words["quote"]), &words["from_s"]), ("好的，我帮您问一下，尽快给您回电话".into(), &json!(9.5)));
    // Judged again, with a sentence more: the same promise, the same visit.
    heard(&station, &call, "好的，我帮您问一下，尽快给您回电话。明天给您答复。").await;
    assert_eq!(promises(&station, &query).await.len(), 1);
    let own = text(&promise["visit_id"]);
    let planned = station.api.visit(&own).await;
    assert_eq!((&planned["programme"], &planned["due_at"]), (&json!("promise"), &promise["due_at"]));

    // Its programme lets the agent look first.
    let shown = page.call_is("preview").await;
    assert_eq!(text(&shown["visit"]), own);
    page.does(json!({ "type": "start" })).await;
    let told = json!({ "type": "wrapped_up", "end": { "kind": "completed" }, "form": { "told": "配件明天上午到" } });
    talk(&mut page, &mut agent, &mut customer, told).await;
    let kept = until("the promise is kept", async || {
        let promise = station.api.get(&format!("promises/{}", text(&promise["id"]))).await;
        (promise["state"]["name"] == "kept").then_some(promise)
    })
    .await;
    assert_eq!((text(&kept["state"]["told"]), text(&kept["state"]["by"])), ("配件明天上午到".into(), "anna".into()));
    assert_eq!(station.api.visit(&own).await["state"]["name"], "completed");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn a20_a_visit_that_is_completed_without_a_word_of_what_was_told_leaves_its_promise_open() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    // The agent writes it down himself; what is heard afterwards only adds its words.
    let form = json!({ "promise": "查到货时间后回电", "promise_by": "尽快" });
    let written = json!({ "type": "wrapped_up", "end": { "kind": "completed" }, "form": form });
    talk(&mut page, &mut agent, &mut customer, written).await;
    let call = CallId::new(text(&station.api.ended_call(&visit).await["id"]));
    let query = format!("call_id={call}");
    let [promise] = &promises(&station, &query).await[..] else { panic!("one promise") };
    assert_eq!((&promise["source"], &promise["evidence"]), (&json!("agent"), &Value::Null));
    heard(&station, &call, "我查一下，一会儿给您回电话。").await;
    let [promise] = &promises(&station, &query).await[..] else { panic!("still one") };
    assert_eq!(
        (text(&promise["what"]), text(&promise["evidence"]["quote"])),
        ("查到货时间后回电".into(), "我查一下，一会儿给您回电话".into())
    );

    page.call_is("preview").await;
    page.does(json!({ "type": "start" })).await;
    let silent = json!({ "type": "wrapped_up", "end": { "kind": "completed" } });
    talk(&mut page, &mut agent, &mut customer, silent).await;
    assert_eq!(station.api.visit(&text(&promise["visit_id"])).await["state"]["name"], "completed");
    let after = station.api.get(&format!("promises/{}", text(&promise["id"]))).await;
    assert_eq!(after["state"]["name"], "open", "a conversation is not yet a result told");
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn c09_a_wish_that_comes_between_the_plan_and_the_dialling_stops_the_invite_and_why_names_it() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer).await;
    let mut page = desk(&station, "anna", &agent).await;
    page.does(json!({ "type": "sign_in" })).await;
    station.api.report("FL-1", NUMBER).await;
    let written = json!({ "type": "wrapped_up", "end": { "kind": "completed" } , "form": { "promise": "尽快回电" } });
    talk(&mut page, &mut agent, &mut customer, written).await;
    // The visit is planned and in the agent's hands; the customer writes that he wants no call.
    let visit = text(&page.call_is("preview").await["visit"]);
    let wish = json!({ "scope": "never", "phone": NUMBER, "why": "客户微信留言" });
    answer(station.api.post("opt-outs", &wish).await, StatusCode::CREATED).await;
    page.is_refused(json!({ "type": "start" })).await;
    page.does(json!({ "type": "decline", "reason": "客户不愿接电话" })).await;
    page.seat_is("available").await;
    assert!(!has_rung(&mut customer) && !has_rung(&mut agent), "no INVITE left");
    let shown = station.api.visit(&visit).await;
    assert_eq!((&shown["state"]["cause"], &shown["attempts"]), (&json!("opted_out"), &json!(0)), "{shown}");
    assert!(text(&station.api.why(&visit).await["text"]).contains("客户微信留言"));
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn c09_the_outcome_key_of_an_agent_is_a_wish_for_the_number_and_ends_the_other_visits() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer).await;
    let mut page = desk(&station, "anna", &agent).await;
    let visit = station.api.report("FL-1", NUMBER).await;
    let other = station.api.report("FL-2", NUMBER).await;
    let mut news = station.app().engine.events().subscribe();
    page.does(json!({ "type": "sign_in" })).await;
    let refused = json!({ "type": "wrapped_up", "end": { "kind": "refused", "opt_out": true }, "note": "以后别打了" });
    talk(&mut page, &mut agent, &mut customer, refused).await;
    // Both are told of as closed: whoever follows the feed need not ask.
    let mut closed = std::collections::BTreeSet::new();
    until("both are told of", async || {
        while let Ok(stamped) = news.try_recv() {
            if let EngineEvent::VisitChanged { visit, state, .. } = &stamped.event
                && state.as_str() == "closed"
            {
                closed.insert(visit.to_string());
            }
        }
        (closed.len() == 2).then_some(())
    })
    .await;
    assert!(closed.contains(&visit) && closed.contains(&other), "{closed:?}");
    let (first, second) = (station.api.visit(&visit).await, station.api.visit(&other).await);
    let mut causes = [text(&first["state"]["cause"]), text(&second["state"]["cause"])];
    causes.sort();
    assert_eq!(causes, ["opted_out", "refused"], "one was called, the other is called off");
    let wishes = station.api.get("opt-outs").await["items"].clone();
    assert_eq!(
        (&wishes[0]["scope"], &wishes[0]["source"]["kind"], &wishes[0]["why"]),
        (&json!("never"), &json!("key"), &json!("以后别打了"))
    );
    assert_eq!(wishes.as_array().unwrap().len(), 1);
    page.close().await;
    station.finish().await;
}

#[tokio::test]
async fn a08_a_number_that_is_not_the_customers_waits_in_his_other_visits_until_it_is_changed_or_a_person_says_so() {
    let (mut agent, mut customer) = (phone().await, phone().await);
    let station = station(&customer).await;
    let api = &station.api;
    let mut page = desk(&station, "anna", &agent).await;
    let first = api.report("FL-1", NUMBER).await;
    page.does(json!({ "type": "sign_in" })).await;
    talk(&mut page, &mut agent, &mut customer, json!({ "type": "wrapped_up", "end": { "kind": "wrong_number" } }))
        .await;
    assert_eq!(api.visit(&first).await["state"]["cause"], "wrong_number");
    let later = [api.report("FL-2", NUMBER).await, api.report("FL-3", NUMBER).await];
    for visit in &later {
        let why = api.why(visit).await;
        let said = text(&why["text"]);
        assert_eq!(why["code"], "for_person", "{why}");
        assert!(said.starts_with("订单 FL-1 在") && said.contains("查明这个号码不是该客户的（规则 A08）"), "{why}");
    }

    let order = json!({ "service_type": "技术咨询", "customer": { "name": "张建国", "phone": "13800001112" } });
    answer(api.request(Method::PUT, "orders/FL-2").json(&order).send().await.unwrap(), StatusCode::OK).await;
    answer(api.post(&format!("visits/{}/dial", later[1]), &json!({})).await, StatusCode::ACCEPTED).await;
    for (visit, freed_by) in later.iter().zip(["another number", "a person has said so"]) {
        until(freed_by, async || (api.why(visit).await["code"] != "for_person").then_some(())).await;
    }
    page.close().await;
    station.finish().await;
}
