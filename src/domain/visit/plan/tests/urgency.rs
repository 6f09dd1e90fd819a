//! F20: no visit overtakes a more urgent one that could be dialled, in any situation.

use super::*;
use proptest::prelude::*;

/// Three programmes of different priority and one for agents.
static URGENCIES: LazyLock<Programmes> = LazyLock::new(|| {
    let of = |name: &str, more: &str| {
        let text = EXCAVATOR.replace("name = \"excavator\"", &format!("name = \"{name}\"\n{more}"));
        Programme::parse("p", &text).unwrap()
    };
    let list = vec![
        of("excavator", "priority = 5"),
        of("urgent", "priority = 1"),
        of("patient", "priority = 9"),
        of("agents", "priority = 4\nmode = \"agent\""),
    ];
    Programmes::new(list, &CALENDAR).unwrap()
});
const NAMES: [(&str, u8); 4] = [("excavator", 5), ("urgent", 1), ("patient", 9), ("agents", 4)];

/// A visit: its programme, the minute of its SMS before ten, whether it was tried in vain, and its customer.
type Drawn = (usize, i64, bool, u8);

fn visit(n: usize, (programme, minutes, was_tried, _): Drawn) -> Visit {
    let now = at("23T10:00");
    let received = now.checked_sub(SignedDuration::from_mins(minutes)).unwrap();
    let id = VisitId::new(format!("v{n:02}"));
    let fresh = accept(received, received, OrderNo::new(format!("o{n}")), &excavator(), &CALENDAR, id);
    let fresh = of(NAMES[programme].0, fresh);
    if !was_tried {
        return fresh;
    }
    let call = CallId::new("c");
    let held = claim(received, &fresh, call.clone()).unwrap();
    let result = CallResult { call, outcome: Outcome::Busy, conversation: None, next_trunk: None };
    after_call(received, &held, &result, &excavator(), &CALENDAR)
}

/// The rule in words of its own: the programme's priority, then the promise that ends next, then the age.
fn urgency(n: usize, drawn: &Drawn, visit: &Visit) -> (u8, Timestamp, usize) {
    let first = !drawn.2 && at("23T10:00") <= visit.due_at;
    (NAMES[drawn.0].1, if first { visit.due_at } else { visit.deadline_at }, n)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn f20_no_visit_overtakes_a_more_urgent_one_that_could_be_dialled_and_none_that_could_be_is_left(
        drawn in prop::collection::vec((0_usize..4, 0_i64..200, any::<bool>(), 0_u8..8), 0..16),
        lines in 0_u32..9, voice in 0_u32..7, seats in 0_usize..5, reserve in 0_u32..3
    ) {
        let visits: Vec<Visit> = drawn.iter().enumerate().map(|(n, drawn)| visit(n, *drawn)).collect();
        let mut same = SameCustomer::default();
        for (visit, (.., customer)) in visits.iter().zip(&drawn) {
            same.add(visit.id.clone(), VisitId::new(format!("customer {customer}")), false);
        }
        let team: Vec<Seat> = (0..seats).map(|n| seated(&format!("s{n}"))).collect();
        let mut s = Situation { same: &same, programmes: &URGENCIES, seats: &team, ..situation(&visits) };
        s.capacity = Capacity { voice_free: voice, reserve_idle_seats: reserve };
        s.gate.trunk = TrunkState::Ready { free_lines: lines };
        let now = at("23T10:00");
        let dialled = plan(now, &s).dial;

        let is_dialled = |n: usize| dialled.contains(&visits[n].id);
        let may_be = |n: &usize| matches!(visits[*n].state, VisitState::Waiting { not_before, .. } if not_before <= now);
        let urgency = |n: usize| urgency(n, &drawn[n], &visits[n]);
        let by_agent = |n: usize| drawn[n].0 == 3;
        let places: Vec<_> = dialled.iter().map(|id| visits.iter().position(|v| v.id == *id).unwrap()).collect();
        prop_assert!(places.iter().map(|n| urgency(*n)).is_sorted(), "the most urgent goes first");
        prop_assert!(places.iter().all(may_be));
        for n in (0..visits.len()).filter(may_be).filter(|n| !is_dialled(*n)) {
            // Only who is more urgent may have taken what this one needs.
            let before: Vec<usize> = places.iter().copied().filter(|other| urgency(*other) < urgency(n)).collect();
            let agents = before.iter().filter(|other| by_agent(**other)).count();
            let room = if by_agent(n) {
                (agents as u32) < (seats as u32).saturating_sub(reserve)
            } else {
                ((before.len() - agents) as u32) < voice
            };
            let customer_is_called = before.iter().any(|other| drawn[*other].3 == drawn[n].3);
            prop_assert!(
                !room || before.len() as u32 >= lines || customer_is_called,
                "{} could be dialled and is not: {dialled:?}", visits[n].id
            );
        }
        let mut customers: Vec<u8> = places.iter().map(|n| drawn[*n].3).collect();
        customers.sort_unstable();
        prop_assert!(customers.windows(2).all(|pair| pair[0] != pair[1]), "one customer, one call");
    }
}
