//! Any sequence of steps over a few seats with real instants: what the small model proves, with leases, limits and skills of all lengths.

use super::*;
use crate::domain::order::ServiceType;
use proptest::prelude::*;

const SEATS: usize = 5;

#[derive(Clone, Debug)]
enum Act {
    Wait(i64),
    SignIn(usize, i64),
    SignOut(usize),
    Break(usize),
    Back(usize),
    Renew(usize, i64),
    Reserve { preview: bool, declined: usize },
    Dialled(usize),
    Answered(usize),
    Released(usize),
    CallOver(usize, u64),
    WrappedUp(usize),
    Force(usize),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let seat = 0..SEATS;
    let act = prop_oneof![
        2 => (0i64..20).prop_map(Act::Wait),
        4 => (seat.clone(), 1i64..40).prop_map(|(i, s)| Act::SignIn(i, s)),
        1 => seat.clone().prop_map(Act::SignOut),
        1 => seat.clone().prop_map(Act::Break),
        1 => seat.clone().prop_map(Act::Back),
        3 => (seat.clone(), 1i64..40).prop_map(|(i, s)| Act::Renew(i, s)),
        6 => (any::<bool>(), seat.clone()).prop_map(|(preview, declined)| Act::Reserve { preview, declined }),
        2 => seat.clone().prop_map(Act::Dialled),
        3 => seat.clone().prop_map(Act::Answered),
        2 => seat.clone().prop_map(Act::Released),
        3 => (seat.clone(), 0u64..30).prop_map(|(i, s)| Act::CallOver(i, s)),
        2 => seat.clone().prop_map(Act::WrappedUp),
        1 => seat.prop_map(Act::Force),
    ];
    proptest::collection::vec(act, 1..80)
}

struct World {
    now: Timestamp,
    seats: Vec<Seat>,
    reserve: u32,
    made: u32,
    /// Reservations that are held, by visit: each ends once.
    held: Vec<VisitId>,
}

impl World {
    fn new(reserve: u32) -> Self {
        let seat = |i: usize| Seat::new(SeatId::new(format!("s{i}")), SeatPhone::Browser, Skills::default(), at(0));
        Self { now: at(0), seats: (0..SEATS).map(seat).collect(), reserve, made: 0, held: vec![] }
    }

    fn idle(&self) -> usize {
        self.seats.iter().filter(|seat| seat.is_idle(self.now)).count()
    }

    /// Done or refused; what the seat held before and holds no more has been given back.
    fn put(&mut self, i: usize, next: Result<Seat, Refused>) {
        let Ok(next) = next else { return };
        if let (Some(before), None) = (self.seats[i].state.visit(), next.state.visit()) {
            let place = self.held.iter().position(|held| held == before).expect("given back twice");
            self.held.remove(place);
        }
        self.seats[i] = next;
    }

    fn act(&mut self, act: &Act) {
        let (now, seat) = (self.now, |i: &usize| self.seats[*i].clone());
        let later = |s: i64| now + SignedDuration::from_secs(s);
        let own = |seat: &Seat| {
            (seat.state.visit().cloned().unwrap_or(visit("none")), seat.state.call().cloned().unwrap_or(call("none")))
        };
        let (i, next) = match act {
            Act::Wait(s) => return self.pass(*s),
            Act::Reserve { preview, declined } => return self.reserve(*preview, *declined),
            Act::SignIn(i, s) => (*i, sign_in(now, &seat(i), later(*s))),
            Act::SignOut(i) => (*i, sign_out(now, &seat(i))),
            Act::Break(i) => (*i, take_break(now, &seat(i), "b")),
            Act::Back(i) => (*i, back(now, &seat(i))),
            Act::Renew(i, s) => (*i, Ok(renew(&seat(i), later(*s)))),
            Act::Dialled(i) => (*i, dialled(now, &seat(i), &own(&seat(i)).0, call("c"))),
            Act::Answered(i) => (*i, answered(now, &seat(i), &own(&seat(i)).1)),
            Act::Released(i) => (*i, released(now, &seat(i), &own(&seat(i)).0)),
            Act::CallOver(i, s) => (*i, call_over(now, &seat(i), &own(&seat(i)).1, Duration::from_secs(*s))),
            Act::WrappedUp(i) => (*i, wrapped_up(now, &seat(i), &own(&seat(i)).1)),
            Act::Force(i) => (*i, force_release(now, &seat(i)).map(|(seat, _)| seat)),
        };
        self.put(i, next);
    }

    fn reserve(&mut self, preview: bool, declined: usize) {
        let declined = vec![SeatId::new(format!("s{declined}"))];
        let wanted =
            Wanted { service: ServiceType::Delivery, language: None, dealer: None, declined: declined.clone() };
        let idle = self.idle();
        let Ok(chosen) = choose(self.now, &self.seats, &wanted, self.reserve).cloned() else { return };
        assert!(idle > self.reserve as usize, "B01");
        assert!(!declined.contains(&chosen.id), "it was declined there");
        self.made += 1;
        let (id, call) = (visit(&format!("v{}", self.made)), (!preview).then(|| call("c")));
        let until = preview.then(|| self.now + SignedDuration::from_secs(10));
        let i = self.seats.iter().position(|seat| seat.id == chosen.id).unwrap();
        self.held.push(id.clone());
        self.put(i, reserve(self.now, &chosen, id, call, preview, until));
        assert!(self.idle() >= self.reserve as usize, "B01");
    }

    /// Time passes from one limit to the next, each looked at when it is over.
    fn pass(&mut self, seconds: i64) {
        let end = self.now + SignedDuration::from_secs(seconds);
        loop {
            let next = self.seats.iter().filter_map(Seat::lapses_at).min().filter(|next| *next <= end);
            self.now = next.unwrap_or(end).max(self.now);
            for i in 0..SEATS {
                let (seat, _) = lapse(self.now, &self.seats[i]);
                self.put(i, Ok(seat));
            }
            if next.is_none() {
                return;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn keep_the_floor_give_each_visit_back_once_and_leave_no_seat_stuck(acts in acts(), reserve in 0u32..3) {
        let mut world = World::new(reserve);
        for act in &acts {
            world.act(act);
            let holding = world.seats.iter().filter(|seat| seat.state.visit().is_some()).count();
            prop_assert_eq!(holding, world.held.len());
        }
        world.pass(60);
        prop_assert!(world.held.is_empty());
        for seat in &world.seats {
            prop_assert_eq!((&seat.state, seat.lease_until), (&SeatState::SignedOut, None));
        }
    }
}
