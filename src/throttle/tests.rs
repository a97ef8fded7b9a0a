use std::net::Ipv4Addr;

use super::*;
use crate::clock::TestClock;

const HOME: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const AWAY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

fn throttle(rates: RateLimits) -> (Arc<Throttle>, Arc<TestClock>) {
    let clock = Arc::new(TestClock::new("2026-12-01T06:00:00Z".parse().unwrap()));
    (Throttle::new(rates, ConnectionLimits::default(), clock.clone()), clock)
}

/// 60 a minute, 5 at once, of everything.
fn strict() -> RateLimits {
    let rate = Rate::new(60, 5);
    RateLimits {
        queries: rate,
        heartbeats: rate,
        session_heartbeats: rate,
        changes: rate,
        failed_sign_ins: rate,
        guest_mails_per_recipient: rate,
        guest_mails_per_address: rate,
    }
}

fn heartbeat(secret: &str) -> Demand {
    Demand { heartbeats: vec![Some(secret.into())], ..Demand::default() }
}

fn changes(changes: u32) -> Demand {
    Demand { changes, ..Demand::default() }
}

/// How often `demand` is met in a row.
fn times(throttle: &Throttle, address: IpAddr, demand: &Demand) -> usize {
    (0..10_000).take_while(|_| throttle.admit(address, demand).is_ok()).count()
}

#[test]
fn a_budget_holds_a_burst_and_fills_up_at_its_pace() {
    let (throttle, clock) = throttle(strict());
    assert_eq!(times(&throttle, HOME, &Demand::QUERY), 5);
    assert_eq!(throttle.admit(HOME, &Demand::QUERY).unwrap_err().seconds(), 1);
    clock.advance(Duration::from_millis(999));
    assert!(throttle.admit(HOME, &Demand::QUERY).is_err());
    clock.advance(Duration::from_millis(1));
    assert_eq!(times(&throttle, HOME, &Demand::QUERY), 1);
    clock.advance(Duration::from_secs(3));
    assert_eq!(times(&throttle, HOME, &Demand::QUERY), 3);
    clock.advance(Duration::from_hours(1));
    assert_eq!(times(&throttle, HOME, &Demand::QUERY), 5);
}

#[test]
fn whoever_waits_as_long_as_told_gets_what_they_asked_for() {
    let (throttle, clock) = throttle(RateLimits { changes: Rate::new(7, 20), ..RateLimits::OFF });
    for wanted in [20, 3, 11, 20, 1] {
        if let Err(wait) = throttle.admit(HOME, &changes(wanted)) {
            clock.advance(Duration::from_secs(wait.seconds() - 1));
            assert!(throttle.admit(HOME, &changes(wanted)).is_err(), "{wanted} came early");
            clock.advance(Duration::from_secs(1));
            assert_eq!(throttle.admit(HOME, &changes(wanted)), Ok(()), "{wanted}");
        }
    }
}

#[test]
fn budgets_are_one_s_own_and_apart_from_each_other() {
    let (throttle, _) = throttle(strict());
    assert_eq!(times(&throttle, HOME, &Demand::QUERY), 5);
    assert_eq!(times(&throttle, AWAY, &Demand::QUERY), 5);
    assert_eq!(times(&throttle, HOME, &changes(1)), 5);
    assert_eq!(times(&throttle, HOME, &heartbeat("a")), 5);
    let network: IpAddr = "2001:db8::1".parse().unwrap();
    let neighbour: IpAddr = "2001:db8::2".parse().unwrap();
    assert_eq!(times(&throttle, network, &Demand::QUERY), 5);
    assert_eq!(times(&throttle, neighbour, &Demand::QUERY), 0);
}

#[test]
fn a_session_is_stopped_wherever_it_comes_from_and_does_not_use_up_its_address() {
    let (throttle, _) = throttle(RateLimits { heartbeats: Rate::new(60, 8), ..strict() });
    assert_eq!(times(&throttle, HOME, &heartbeat("wild")), 5);
    assert_eq!(times(&throttle, AWAY, &heartbeat("wild")), 0);
    assert_eq!(times(&throttle, HOME, &heartbeat("calm")), 3);
}

#[test]
fn what_is_larger_than_a_budget_takes_all_of_it() {
    let (throttle, clock) = throttle(strict());
    assert_eq!(throttle.admit(HOME, &changes(60)), Ok(()));
    assert_eq!(throttle.admit(HOME, &changes(1)).unwrap_err().seconds(), 1);
    assert_eq!(throttle.admit(HOME, &changes(60)).unwrap_err().seconds(), 5);
    clock.advance(Duration::from_secs(5));
    assert_eq!(throttle.admit(HOME, &changes(60)), Ok(()));
}

#[test]
fn only_failed_sign_ins_count() {
    let (throttle, clock) = throttle(strict());
    for _ in 0..100 {
        assert_eq!(throttle.may_sign_in(HOME), Ok(()));
    }
    for _ in 0..7 {
        throttle.sign_in_failed(HOME);
    }
    assert_eq!(throttle.may_sign_in(HOME).unwrap_err().seconds(), 1);
    assert_eq!(throttle.may_sign_in(AWAY), Ok(()));
    clock.advance(Duration::from_secs(1));
    assert_eq!(throttle.may_sign_in(HOME), Ok(()));
}

#[test]
fn without_rates_nothing_is_counted() {
    let (throttle, _) = throttle(RateLimits::OFF);
    assert_eq!(times(&throttle, HOME, &Demand { changes: 9, ..heartbeat("a") }), 10_000);
    throttle.sign_in_failed(HOME);
    assert_eq!(throttle.may_sign_in(HOME), Ok(()));
    assert_eq!(throttle.queries.clients(), 0);
}

#[test]
fn an_office_is_never_limited_and_a_flood_is() {
    let (throttle, clock) = throttle(RateLimits::default());
    let people: Vec<String> = (0..100).map(|person| format!("the secret of {person}")).collect();
    // For ten minutes, everybody holds three slots and looks at something else every five seconds.
    for _ in 0..120 {
        for person in &people {
            for _ in 0..3 {
                assert_eq!(throttle.admit(HOME, &heartbeat(person)), Ok(()));
            }
            assert_eq!(throttle.admit(HOME, &Demand::QUERY), Ok(()));
        }
        clock.advance(Duration::from_secs(5));
    }
    assert!(times(&throttle, AWAY, &Demand::QUERY) <= 1_000);
    assert!(times(&throttle, AWAY, &changes(1)) <= 200);
    assert!(times(&throttle, AWAY, &heartbeat("flood")) <= 120);
}

#[test]
fn a_flood_from_a_hundred_thousand_addresses_leaves_the_memory_flat() {
    let (throttle, clock) = throttle(strict());
    for number in 0..100_000_u32 {
        let address = IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
        // Those for whom there is no cell share one: most are refused, and none is remembered.
        let _met = throttle.admit(address, &Demand::QUERY);
        throttle.sign_in_failed(address);
        let _met = throttle.admit(address, &heartbeat(&format!("session {number}")));
    }
    assert_eq!(throttle.queries.clients(), cells::MOST);
    assert_eq!(throttle.failed_sign_ins.clients(), cells::MOST);
    assert!(throttle.session_heartbeats.clients() <= cells::MOST);
    let newcomer: IpAddr = "198.51.100.1".parse().unwrap();
    assert!(throttle.admit(newcomer, &Demand::QUERY).is_err());

    // Those that are known keep what they have, and when they have rested, all is as before.
    assert_eq!(times(&throttle, "10.0.0.1".parse().unwrap(), &Demand::QUERY), 4);
    clock.advance(Duration::from_mins(1));
    throttle.forget_the_rested();
    assert_eq!(throttle.queries.clients(), 0);
    assert_eq!(throttle.session_heartbeats.clients(), 0);
    assert_eq!(times(&throttle, newcomer, &Demand::QUERY), 5);
}

#[tokio::test]
async fn housekeeping_forgets_by_itself() {
    let (throttle, clock) = throttle(strict());
    assert_eq!(throttle.admit(HOME, &Demand::QUERY), Ok(()));
    let shutdown = CancellationToken::new();
    let keeping = tokio::spawn(Arc::clone(&throttle).keep_house(shutdown.clone()));
    // Once it sleeps, a minute passes.
    tokio::task::yield_now().await;
    clock.advance(HOUSEKEEPING);
    while throttle.queries.clients() > 0 {
        tokio::task::yield_now().await;
    }
    shutdown.cancel();
    keeping.await.unwrap();
}

#[test]
fn places_are_given_back_however_they_are_left() {
    let places = Places::new(2);
    let client = AddressGroup::of(HOME);
    let first = places.take(client).unwrap();
    let second = places.take(client).unwrap();
    assert_eq!(places.take(client).unwrap_err(), Full { most: 2 });
    let elsewhere = places.take(AddressGroup::of(AWAY)).unwrap();
    drop(first);
    let third = places.take(client).unwrap();
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _place = third;
        panic!("on purpose");
    }));
    assert!(panicked.is_err());
    drop((second, elsewhere));
    assert_eq!(places.clients(), 0);
}

#[test]
fn sessions_that_one_address_makes_up_are_in_nobody_elses_way() {
    let (throttle, clock) = throttle(RateLimits::default());
    let mut granted = 0;
    for number in 0..100_000 {
        let made_up = heartbeat(&format!("a secret that was made up, number {number}"));
        granted += usize::from(throttle.admit(HOME, &made_up).is_ok());
    }
    assert_eq!(granted, 2_000);
    assert_eq!(throttle.session_heartbeats.clients(), granted);
    assert_eq!(times(&throttle, AWAY, &heartbeat("a session of somebody else")), 120);

    // Not even if so many addresses do it that there is no room for any session more.
    let flood = (0..60_u32).map(|number| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number)));
    for (address, number) in flood.flat_map(|address| (0..2_000).map(move |number| (address, number))) {
        throttle.admit(address, &heartbeat(&format!("{address}, {number}, and so on"))).unwrap();
    }
    assert!(throttle.session_heartbeats.clients() <= cells::MOST);
    let newcomer = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 3));
    assert_eq!(throttle.admit(newcomer, &heartbeat("a session that comes last")), Ok(()));

    // And there is room again as soon as theirs are rested.
    clock.advance(Duration::from_secs(2));
    throttle.admit(newcomer, &heartbeat("a session that comes last")).unwrap();
    assert!(throttle.session_heartbeats.clients() < 10);
}
