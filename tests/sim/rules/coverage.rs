//! RULES B: who is visited, and by how many.

use super::{Office, at, completed, order, shipped};
use huifang::domain::order::{Claims, Order};
use huifang::domain::programme::Trigger;
use huifang::domain::programme::selection::{Choice, CustomerClass, Tally};
use huifang::domain::script::{PromptManifest, Script, StepKind};
use huifang::domain::visit::task::{VisitState, WaitReason};
use std::path::Path;

/// Offers `n` orders of one month and dealer one after the other: which are visited.
fn offer(programme: &str, n: usize, class: impl Fn(usize) -> &'static str) -> Vec<Choice> {
    let programme = shipped(programme);
    let mut tally = Tally::default();
    let mut choices = vec![];
    for i in 0..n {
        let choice = programme.selection.choose(&order(&format!("SO-{i}"), class(i)), "2026-11", tally);
        if choice.is_drawn() {
            tally.candidates += 1;
            tally.selected += u32::from(choice.is_visited());
        }
        choices.push(choice);
    }
    choices
}

fn script(set: &str) -> Script {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let manifest = PromptManifest::parse(&read("prompts/manifest.tsv")).unwrap();
    Script::parse(set, &read(&format!("programmes/scripts/{set}/any.toml")), &manifest).unwrap()
}

#[test]
fn b01_dialling_leaves_one_seat_idle() {
    let mut office = Office::new("2026-11-23T09:00");
    for _ in 0..5 {
        office.report("dealer", Trigger::OrderClosed);
    }
    assert_eq!((office.seats.len(), office.plan().dial.len()), (3, 2));
}

#[test]
fn b02_a_dealer_visits_every_customer() {
    assert!(offer("dealer", 300, |i| ["A", "B", "C", "D", ""][i % 5]).iter().all(|choice| choice.is_visited()));
}

#[test]
fn b03_after_a_complaint_everybody_is_visited_whatever_the_share() {
    let programme = shipped("service-tracking");
    let stages: Vec<_> = programme.stages_by(Trigger::ComplaintHandled).collect();
    assert!(programme.selection.share_percent < 100);
    assert!(stages.len() == 1 && stages[0].everybody);
}

#[test]
fn b04_target_users_are_all_visited() {
    let class = |i: usize| ["VIP", "政府车队", "警务车", "大修车", "投诉"][i % 5];
    let choices = offer("service-tracking", 100, class);
    let want = CustomerClass::ALL.map(Choice::Class);
    assert!(choices.iter().enumerate().all(|(i, choice)| *choice == want[i % 5]), "{choices:?}");
}

#[test]
fn b05_of_ordinary_users_three_in_ten_at_least_at_any_time_of_the_month() {
    // Target users in between do not count for the others.
    let choices = offer("service-tracking", 1_000, |i| if i % 4 == 0 { "VIP" } else { "私家车" });
    let drawn: Vec<bool> = choices.iter().filter(|c| c.is_drawn()).map(|c| c.is_visited()).collect();
    assert_eq!(drawn.len(), 750);
    for n in 1..=drawn.len() {
        let visited = drawn[..n].iter().filter(|visited| **visited).count();
        assert!(visited * 10 >= n * 3 && visited * 10 <= n * 3 + 20, "{visited} of {n}");
    }
}

#[test]
fn b07_key_customers_are_all_visited() {
    for programme in ["service-tracking", "customer-care"] {
        assert!(offer(programme, 50, |_| "重点客户").iter().all(|choice| choice.is_visited()), "{programme}");
    }
}

#[test]
fn b08_class_a_is_asked_five_items_and_the_others_three() {
    let (programme, script) = (shipped("dealer"), script("dealer"));
    for (class, want) in [(Some("A"), 5), (Some("B"), 3), (Some("VIP、A"), 5), (Some("D"), 3), (None, 3)] {
        let limited = script.limited(programme.satisfaction_items(class), programme.call_max);
        let asked = limited.steps.iter().filter(|step| step.kind == StepKind::Rating).count();
        assert_eq!(asked, want, "{class:?}");
        assert_eq!(limited.steps.len() + 5 - want, script.steps.len(), "nothing else is left out");
    }
}

#[test]
fn b09_a_contract_of_three_million_is_visited_on_site_and_never_called() {
    let of =
        |yuan: f64| Order { claims: Claims { contract_yuan: Some(yuan), ..Claims::default() }, ..order("SO-1", "") };
    let mut office = Office::new("2026-03-10T10:00");
    let on_site = office.report_of("power-equipment", Trigger::OrderClosed, &of(3_000_000.0))[0];
    let called = office.report_of("power-equipment", Trigger::OrderClosed, &of(2_999_999.0))[0];
    office.run("2026-04-10T10:00", |_| completed());
    assert_eq!((office.called(on_site).len(), office.called(called).len()), (0, 1));
    let VisitState::Waiting { reason: WaitReason::ForPerson { problem }, .. } = &office.visits[on_site].state else {
        panic!("not for a person")
    };
    assert!(problem.contains("B09"), "{problem}");
    assert_eq!(office.visits[on_site].due_at, at("2026-03-13T10:00"), "it has its time like any other");
}

#[test]
fn b10_spot_checks_are_drawn_and_ask_for_the_rates() {
    let visited = offer("ev-spot-check", 1_000, |_| "").iter().filter(|choice| choice.is_visited()).count();
    assert!((100..=101).contains(&visited), "{visited}");
    let script = script("ev-spot-check");
    for id in ["ask_free_maintenance", "ask_visit_calls", "ask_free_repair", "ask_quick_service"] {
        assert!(script.steps.iter().any(|step| step.id == id), "{id} is not asked");
    }
}

#[test]
fn b11_spot_checks_ask_whether_somebody_came_within_twenty_four_hours() {
    let script = script("ev-spot-check");
    let asked = script.steps.iter().find(|step| step.id == "ask_within_24h").and_then(|step| step.agent.as_deref());
    assert!(asked.is_some_and(|text| text.contains("二十四小时")), "{asked:?}");
}
