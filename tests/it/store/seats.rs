//! B01 in the database: the floor holds in every committed state, a visit is held by one seat, and what an agent says is kept.

use super::{Site, at, full_call, next_call, order};
use huifang::domain::call::Call;
use huifang::domain::call::outcome::{ConversationEnd, Outcome};
use huifang::domain::id::{SeatId, VisitId};
use huifang::domain::order::ServiceType;
use huifang::domain::seat::{self, AfterCall, NoSeat, Seat, SeatPhone, SeatState, Skills, Wanted};
use huifang::domain::visit::task::{Visit, VisitState, WaitReason, declined};
use huifang::store::{Store, StoreError};
use sqlx::Executor as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const RESERVE: u32 = 1;

fn id(name: &str) -> SeatId {
    SeatId::new(name)
}

fn anything() -> Wanted {
    Wanted { service: ServiceType::Maintenance, language: None, dealer: None, declined: vec![] }
}

/// A seat that is signed in until second 10 000.
async fn idle(store: &Store, name: &str) -> Seat {
    let seat = store.seat_settings(&id(name), &SeatPhone::Browser, &Skills::default()).await.unwrap();
    store.save_seat(&seat::sign_in(at(0), &seat, at(10_000)).unwrap()).await.unwrap()
}

/// What became of the wish to call for an agent.
#[derive(Debug, PartialEq)]
enum Claim {
    Held(Box<(Visit, Seat)>),
    NoSeat(NoSeat),
    /// The visit, or the seat that was reserved for it, went another way meanwhile.
    Moved,
}

/// Whichever seat is next is reserved, and the visit claimed for it.
async fn claim(store: &Store, visit: &Visit, call: &Call) -> Claim {
    let seat = match store.reserve_seat(at(100), visit, &anything(), RESERVE, false, None).await {
        Ok(Ok(seat)) => seat,
        Ok(Err(none)) => return Claim::NoSeat(none),
        Err(StoreError::Stale { .. }) => return Claim::Moved,
        Err(error) => panic!("{error}"),
    };
    match store.claim_visit_for(at(100), visit, call, &seat.id, None).await {
        Ok(Some(held)) => Claim::Held(Box::new(held)),
        Ok(None) | Err(StoreError::Stale { .. }) => Claim::Moved,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn every_state_of_a_seat_is_read_as_it_was_saved() {
    let site = Site::new().await;
    let (visit, call) = site.calling(1).await;
    let (visit, call) = (visit.id, call.id);
    idle(&site.store, "李梅").await;
    for state in [
        SeatState::Available,
        SeatState::Reserved { visit: visit.clone(), call: None, preview: true, until: Some(at(60)) },
        SeatState::Reserved { visit: visit.clone(), call: None, preview: false, until: None },
        SeatState::Reserved { visit: visit.clone(), call: Some(call.clone()), preview: true, until: None },
        SeatState::InCall { visit: visit.clone(), call: call.clone() },
        SeatState::WrapUp { visit, call, until: at(300) },
        SeatState::Break { reason: "吃饭".into() },
        SeatState::SignedOut,
    ] {
        let seat = Seat {
            state,
            next: AfterCall::Break { reason: "喝水".into() },
            since: at(7),
            idle_since: at(8),
            lease_until: Some(at(9)),
            ..site.store.seat(&id("李梅")).await.unwrap()
        };
        let saved = site.store.save_seat(&seat).await.unwrap();
        assert_eq!(saved, Seat { version: seat.version + 1, ..seat.clone() });
        assert_eq!(site.store.seat(&seat.id).await.unwrap(), saved);
        assert!(matches!(site.store.save_seat(&seat).await, Err(StoreError::Stale { table: "seats", .. })));
    }
    assert!(matches!(site.store.seat(&id("nobody")).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn new_settings_of_a_seat_leave_alone_what_it_is_doing() {
    let site = Site::new().await;
    let before = idle(&site.store, "a").await;
    let phone = SeatPhone::Uri { uri: "sip:8001@10.0.0.7".into() };
    let skills = Skills {
        services: vec![ServiceType::Delivery],
        languages: vec!["粤语".into()],
        dealers: vec!["潍坊店".into()],
    };
    let after = site.store.seat_settings(&before.id, &phone, &skills).await.unwrap();
    assert_eq!(after, Seat { phone, skills, version: before.version + 1, ..before });
    assert_eq!(site.store.seats().await.unwrap(), [after]);
}

#[tokio::test]
async fn b01_a_seat_is_reserved_above_the_floor_and_the_visit_is_claimed_for_it_or_nothing_happens() {
    let site = Site::new().await;
    let (one, two) = (site.visit(1).await, site.visit(2).await);
    let (call, second) = (next_call(&one, "call-1", at(100)), next_call(&two, "call-2", at(100)));
    assert_eq!(claim(&site.store, &one, &call).await, Claim::NoSeat(NoSeat::Nobody));
    for name in ["b", "a"] {
        idle(&site.store, name).await;
    }
    let claimed = claim(&site.store, &one, &call).await;
    let Claim::Held(held) = claimed else { panic!("{claimed:?}") };
    let (visit, seat) = *held;
    assert_eq!(site.store.visit(&one.id).await.unwrap(), visit);
    assert_eq!(site.store.seat(&id("a")).await.unwrap(), seat);
    assert_eq!(site.store.call(&call.id).await.unwrap(), Call { seat: Some(id("a")), ..call.clone() });
    let (held, of_call) = (Some(&one.id), Some(&call.id));
    assert_eq!((visit.attempts, seat.state.visit(), seat.state.call()), (1, held, of_call));

    let floor = NoSeat::Floor { idle: 1, reserve: RESERVE };
    assert_eq!(claim(&site.store, &two, &second).await, Claim::NoSeat(floor));
    idle(&site.store, "c").await;
    assert_eq!(claim(&site.store, &one, &call).await, Claim::Moved, "as it was read before");
    let wrong = Call { attempt: 7, ..second.clone() };
    let seat = site.store.reserve_seat(at(100), &two, &anything(), RESERVE, false, None).await.unwrap().unwrap();
    let refused = site.store.claim_visit_for(at(100), &two, &wrong, &seat.id, None).await;
    assert!(matches!(refused, Err(StoreError::Invalid { .. })), "{refused:?}");
    assert_eq!(site.store.visit(&two.id).await.unwrap(), two);
    assert!(matches!(site.store.call(&second.id).await, Err(StoreError::NotFound { .. })));
}

#[tokio::test]
async fn a_visit_that_an_agent_looks_at_is_nobody_elses_until_he_starts_or_gives_it_back() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    for name in ["a", "b", "c"] {
        idle(&site.store, name).await;
    }
    let look = async |visit: &Visit, declined: &[&str]| {
        let wanted = Wanted { declined: declined.iter().map(|name| id(name)).collect(), ..anything() };
        site.store.reserve_seat(at(100), visit, &wanted, RESERVE, true, Some(at(160))).await
    };
    let first = look(&visit, &[]).await.unwrap().unwrap();
    assert_eq!(first.id, id("a"));
    assert!(matches!(look(&visit, &[]).await, Err(StoreError::Stale { table: "visits", .. })));
    let call = next_call(&visit, "call-1", at(130));
    assert_eq!(claim(&site.store, &visit, &call).await, Claim::Moved);

    // He gives it back, the next one starts it.
    site.store.save_seat(&seat::released(at(110), &first, &visit.id).unwrap()).await.unwrap();
    let visit = site.store.save_visit(&declined(at(110), &visit, &first.id, "方言").unwrap()).await.unwrap();
    assert_eq!(site.store.visit(&visit.id).await.unwrap().declined, visit.declined);
    assert_eq!(site.store.wants().await.unwrap()[&visit.id].declined, [id("a")]);
    let second = look(&visit, &["a"]).await.unwrap().unwrap();
    assert_eq!(second.id, id("b"));
    let stale = Visit { version: visit.version - 1, ..visit.clone() };
    assert_eq!(site.store.claim_visit_for(at(130), &stale, &call, &second.id, None).await.unwrap(), None);
    let not_his = site.store.claim_visit_for(at(130), &visit, &call, &id("c"), None).await;
    assert!(matches!(not_his, Err(StoreError::Stale { table: "seats", .. })), "{not_his:?}");
    // His page renews his lease meanwhile: that is in nobody's way.
    site.store.save_seat(&Seat { lease_until: Some(at(20_000)), ..second.clone() }).await.unwrap();
    let (held, started) = site.store.claim_visit_for(at(130), &visit, &call, &second.id, None).await.unwrap().unwrap();
    assert_eq!((site.store.visit(&visit.id).await.unwrap(), site.store.seat(&id("b")).await.unwrap()), (held, started));
    assert_eq!(site.store.call(&call.id).await.unwrap().seat, Some(id("b")));
    let events = site.store.events_of_visit(&visit.id).await.unwrap();
    let claimed = &events.iter().find(|event| event.kind == "call.claimed").unwrap().detail;
    let programme = format!("{}@{}", visit.programme, visit.origin.version);
    assert_eq!((&claimed["seat"], &claimed["programme"]), (&"b".into(), &programme.into()), "{claimed}");
    let again = site.store.claim_visit_for(at(131), &visit, &call, &second.id, None).await;
    assert!(matches!(again, Ok(None)), "{again:?}");
}

#[tokio::test]
async fn what_visits_ask_of_a_seat_is_read_with_their_orders() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    site.calling(2).await;
    let mut order = order(visit.order_no.as_str());
    (order.claims.language, order.claims.dealer) = (Some("粤语".into()), Some("潍坊店".into()));
    site.store.put_order(&order).await.unwrap();
    let wants = site.store.wants().await.unwrap();
    assert_eq!(wants, HashMap::from([(visit.id.clone(), Wanted::of(&order, &visit))]));
    assert_eq!(wants[&visit.id].language.as_deref(), Some("粤语"));
}

#[tokio::test]
async fn a_note_is_kept_verbatim_and_the_end_of_the_call_does_not_touch_it() {
    let site = Site::new().await;
    let (claimed, call) = site.calling(1).await;
    let form: BTreeMap<String, String> =
        [("what", "换机油"), ("demand", "尽快")].map(|(key, text)| (key.into(), text.into())).into();
    site.store.save_note(&call.id, Some("客户说：“不错”\n  第二行"), &form).await.unwrap();
    let ended = Call { conversation: None, ..full_call(call.clone()) };
    let reason = WaitReason::WrapUp { call: call.id.clone(), seat: id("a"), until: at(300) };
    let waits = Visit { state: VisitState::Waiting { not_before: at(180), reason }, ..claimed };
    let waits = site.store.finish_call(&ended, &waits, &[]).await.unwrap();
    let site = site.reopened().await;
    let noted = Call { note: Some("客户说：“不错”\n  第二行".into()), form, ..ended };
    assert_eq!(site.store.call(&call.id).await.unwrap(), noted);
    assert_eq!(site.store.visit(&waits.id).await.unwrap(), waits);

    let done = Visit { state: VisitState::Completed { call: call.id.clone(), at: at(200) }, ..waits.clone() };
    let saved = site.store.save_result(&call.id, Some(&ConversationEnd::Completed), &done).await.unwrap();
    assert_eq!(site.store.visit(&waits.id).await.unwrap(), saved);
    // He left when all had been said: that was no hang-up.
    let (outcome, conversation) = (Some(Outcome::Answered), Some(ConversationEnd::Completed));
    let resolved = Call { outcome, conversation, ..noted };
    assert_eq!(site.store.call(&call.id).await.unwrap(), resolved);
    // From an old reading: nothing of it is kept.
    let late = site.store.save_result(&call.id, Some(&ConversationEnd::WrongNumber), &done).await;
    assert!(matches!(late, Err(StoreError::Stale { table: "visits", .. })), "{late:?}");
    assert_eq!(site.store.call(&call.id).await.unwrap(), resolved);
    let nobody = site.store.save_note(&huifang::domain::id::CallId::new("none"), None, &BTreeMap::new()).await;
    assert!(matches!(nobody, Err(StoreError::NotFound { .. })), "{nobody:?}");
}

#[tokio::test]
async fn a_start_signs_everybody_out_and_tells_what_they_held() {
    let site = Site::new().await;
    let visit = site.visit(1).await;
    for name in ["a", "b", "c"] {
        idle(&site.store, name).await;
    }
    site.store.seat_settings(&id("d"), &SeatPhone::Registered, &Skills::default()).await.unwrap();
    claim(&site.store, &visit, &next_call(&visit, "call-1", at(100))).await;
    let site = site.reopened().await;
    let were = site.store.seats().await.unwrap();
    assert_eq!(site.store.sign_out_all(at(200)).await.unwrap(), were[..3]);
    for seat in site.store.seats().await.unwrap() {
        assert_eq!((seat.state, seat.lease_until), (SeatState::SignedOut, None), "{}", seat.id);
    }
    assert!(site.store.sign_out_all(at(201)).await.unwrap().is_empty());
}

#[tokio::test]
async fn the_schema_itself_refuses_a_seat_that_makes_no_sense() {
    let site = Site::new().await;
    let (one, call) = site.calling(1).await;
    site.visit(2).await;
    for name in ["a", "b"] {
        idle(&site.store, name).await;
    }
    let hold = |name: &str| {
        let state = SeatState::InCall { visit: one.id.clone(), call: call.id.clone() };
        let store = site.store.clone();
        let name = id(name);
        async move {
            let seat = store.seat(&name).await.unwrap();
            store.save_seat(&Seat { state, ..seat }).await
        }
    };
    hold("a").await.unwrap();
    assert!(matches!(hold("b").await, Err(StoreError::Constraint { .. })), "a visit is held by one seat");

    let behind = site.behind().await;
    behind.execute("PRAGMA foreign_keys = ON").await.unwrap();
    for (why, change) in [
        ("a known state", "state = 'lost'"),
        ("who is signed in has a lease", "lease_until = NULL"),
        ("reserved has its visit", "state = 'reserved', preview = 0"),
        ("in a call has its call", "state = 'in_call', visit_id = 'visit-00002'"),
        ("the call is of the visit", "state = 'in_call', visit_id = 'visit-00002', call_id = 'call-00001'"),
        ("a known visit", "state = 'reserved', preview = 0, visit_id = 'visit-none'"),
        ("a wrap-up ends", "state = 'wrap_up', visit_id = 'visit-00001', call_id = 'call-00001'"),
        ("a break has its reason", "state = 'break'"),
        ("who is idle holds nothing", "visit_id = 'visit-00002'"),
        ("a look is a look or not", "state = 'reserved', visit_id = 'visit-00002', preview = 2"),
    ] {
        let sql = format!("UPDATE seats SET {change} WHERE id = 'b'");
        assert!(sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&behind).await.is_err(), "{why}");
    }
}

/// An independent witness: after every single reservation, inside its own transaction, the database itself counts who is left idle.
const WITNESS: &str =
    "CREATE TRIGGER floor AFTER UPDATE ON seats WHEN OLD.state = 'available' AND NEW.state = 'reserved'
    AND (SELECT COUNT(*) FROM seats WHERE state = 'available' AND lease_until > 100000) < 1
    BEGIN SELECT RAISE(ABORT, 'B01: the last idle seat was taken'); END";

/// One agent at work: signs in, takes what he is given to its end, goes on break, leaves; a save that came too late is made again.
async fn work(store: Store, name: SeatId, stop: CancellationToken) {
    for round in 0.. {
        if stop.is_cancelled() {
            return;
        }
        let now = at(100);
        let seat = store.seat(&name).await.unwrap();
        let next = match &seat.state {
            SeatState::SignedOut => seat::sign_in(now, &seat, at(10_000)),
            SeatState::Available if round % 7 == 3 => seat::sign_out(now, &seat),
            SeatState::Available if round % 5 == 2 => seat::take_break(now, &seat, "喝水"),
            SeatState::Available => Ok(seat::renew(&seat, at(10_000 + round))),
            SeatState::Reserved { call: Some(call), .. } => seat::answered(now, &seat, call),
            SeatState::Reserved { visit, call: None, .. } => seat::released(now, &seat, visit),
            SeatState::InCall { call, .. } => seat::call_over(now, &seat, call, Duration::from_secs(60)),
            SeatState::WrapUp { call, .. } => seat::wrapped_up(now, &seat, call),
            SeatState::Break { .. } => seat::back(now, &seat),
        };
        match store.save_seat(&next.unwrap()).await {
            Ok(_) | Err(StoreError::Stale { .. }) => tokio::task::yield_now().await,
            Err(error) => panic!("{name}: {error}"),
        }
    }
}

/// Claims the visit for whoever is next, again and again until it is held.
async fn dial(store: Store, visit: Visit) -> SeatId {
    let call = next_call(&visit, &format!("call-of-{}", visit.id), at(100));
    loop {
        match claim(&store, &visit, &call).await {
            Claim::Held(held) => return held.1.id,
            Claim::NoSeat(_) | Claim::Moved => tokio::task::yield_now().await,
        }
    }
}

/// What a reader finds at any moment is whole; returns how often he looked.
async fn watch(store: Store, stop: CancellationToken) -> usize {
    let mut looks = 0;
    while !stop.is_cancelled() {
        let seats = store.seats().await.unwrap();
        let held: Vec<&VisitId> = seats.iter().filter_map(|seat| seat.state.visit()).collect();
        assert_eq!(held.iter().collect::<HashSet<_>>().len(), held.len(), "a visit is held twice");
        looks += 1;
        tokio::task::yield_now().await;
    }
    looks
}

#[tokio::test]
async fn the_witness_of_the_floor_sees_the_last_idle_seat_taken() {
    let site = Site::new().await;
    site.behind().await.execute(WITNESS).await.unwrap();
    let visit = site.visit(1).await;
    idle(&site.store, "a").await;
    let taken = site.store.reserve_seat(at(100), &visit, &anything(), 0, false, None).await;
    assert!(taken.is_err_and(|error| error.to_string().contains("B01")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn b01_fifty_seats_come_and_go_while_fifty_visits_are_claimed_at_once() {
    let site = Site::new().await;
    site.behind().await.execute(WITNESS).await.unwrap();
    let stop = CancellationToken::new();
    let mut agents = tokio::task::JoinSet::new();
    let mut visits = vec![];
    for n in 0..50 {
        visits.push(site.visit(n).await);
        let name = id(&format!("s{n:02}"));
        site.store.seat_settings(&name, &SeatPhone::Browser, &Skills::default()).await.unwrap();
        agents.spawn(work(site.store.clone(), name, stop.clone()));
    }
    let watching = tokio::spawn(watch(site.store.clone(), stop.clone()));
    let mut dialling = tokio::task::JoinSet::new();
    for visit in &visits {
        dialling.spawn(dial(site.store.clone(), visit.clone()));
    }
    let limit = Duration::from_secs(120);
    let used = tokio::time::timeout(limit, dialling.join_all()).await.expect("every visit gets its seat");
    stop.cancel();
    agents.join_all().await;
    assert!(watching.await.unwrap() > 10, "nobody watched");
    assert!(used.iter().collect::<HashSet<_>>().len() > 5, "many seats work: {used:?}");
    for visit in &visits {
        let held = site.store.visit(&visit.id).await.unwrap();
        assert!(matches!(held.state, VisitState::Calling { .. }) && held.attempts == 1, "{held:?}");
    }
    assert_eq!(site.store.unfinished_calls().await.unwrap().len(), 50);
}
