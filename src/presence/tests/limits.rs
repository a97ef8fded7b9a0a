use super::*;

fn keep(world: &World, session: &str, heartbeat: &Heartbeat, seconds: u64) -> Result<Granted, HoldRefusal> {
    for _ in 0..seconds / 5 {
        world.advance(5);
        world.heartbeat(session, heartbeat)?;
    }
    world.heartbeat(session, heartbeat)
}

fn reached(result: &Result<Granted, HoldRefusal>) {
    assert_eq!(*result, Err(HoldRefusal::LimitReached(id("studio"))));
}

fn exceeded<T>(result: Result<T, HoldRefusal>, limit: HoldLimit) {
    assert_eq!(result.err().expect("too much"), HoldRefusal::LimitExceeded(limit));
}

#[test]
fn a_session_holds_for_fifteen_minutes_in_all() {
    let world = World::new();
    let first = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &first).expect("free");
    keep(&world, "a", &first, 600).expect("ten minutes");
    let second = Heartbeat::of("studio", [(70, 4)]);
    let granted = world.heartbeat("a", &second).expect("another slot, the same allowance");
    assert_eq!(granted.renewable_until, at(8, 15));
    let granted = keep(&world, "a", &second, 295).expect("five minutes less five seconds");
    assert_eq!(granted.expires_at, at(8, 15));
    world.advance(5);
    assert!(world.held("studio").is_empty());
    reached(&world.heartbeat("a", &second));
    world.heartbeat("a", &Heartbeat::of("other", [(70, 4)])).expect("another resource");
    world.heartbeat("b", &second).expect("another session");
}

#[test]
fn only_time_actually_holding_counts_and_rest_restores() {
    let world = World::new();
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &heartbeat).expect("free");
    keep(&world, "a", &heartbeat, 300).expect("five minutes");
    world.leave("a", "studio");
    world.advance(600);
    let granted = world.heartbeat("a", &heartbeat).expect("ten minutes are left");
    assert_eq!(granted.renewable_until, at(8, 25));
    keep(&world, "a", &heartbeat, 595).expect("nearly ten minutes");
    world.advance(5);
    reached(&world.heartbeat("a", &heartbeat));
    world.advance(15 * 60 - 1);
    reached(&world.heartbeat("a", &heartbeat));
    world.advance(1);
    let granted = world.heartbeat("a", &heartbeat).expect("rested");
    assert_eq!(granted.renewable_until, at(8, 40) + minutes(15));
}

#[test]
fn a_hold_that_runs_out_counts_until_it_does() {
    let world = World::new();
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &heartbeat).expect("free");
    world.advance(60);
    let granted = world.heartbeat("a", &heartbeat).expect("ten seconds were used");
    assert_eq!(granted.renewable_until, at(8, 16) - TimeDelta::seconds(10));
}

#[test]
fn a_bundle_lasts_as_long_as_the_shortest_of_its_allowances() {
    let world = World::new();
    let lamp = Heartbeat::of("lamp", [(10, 4)]);
    world.heartbeat("a", &lamp).expect("free");
    keep(&world, "a", &lamp, 300).expect("five minutes");
    let granted =
        world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)]).with_add_on(exclusive("lamp"))).expect("free");
    assert_eq!(granted.renewable_until, at(8, 15));
}

#[test]
fn a_call_names_a_hundred_slots() {
    let world = World::with(HoldSettings { address_budget: 1_000_000, ..HoldSettings::default() });
    world.heartbeat("a", &Heartbeat::of("studio", (0..100).map(|start| (start, 1)))).expect("100 slots");
    exceeded(world.heartbeat("b", &Heartbeat::of("other", (0..101).map(|start| (start, 1)))), HoldLimit::Slots);
}

#[test]
fn a_session_holds_400_quanta_times_units() {
    let world = World::with(HoldSettings { address_budget: 1_000_000, ..HoldSettings::default() });
    exceeded(world.heartbeat("a", &Heartbeat::of("lamps", [(0, 101)]).units(4, 9)), HoldLimit::Session);
    world.heartbeat("a", &Heartbeat::of("lamps", [(0, 75)]).units(4, 9)).expect("300");
    exceeded(world.heartbeat("a", &Heartbeat::of("studio", [(0, 101)])), HoldLimit::Session);
    assert!(world.held("studio").is_empty());
    world.heartbeat("a", &Heartbeat::of("lamps", [(0, 100)]).units(4, 9)).expect("it replaces the 300");
    exceeded(world.heartbeat("a", &Heartbeat::of("studio", [(0, 1)])), HoldLimit::Session);
    world.heartbeat("b", &Heartbeat::of("studio", [(0, 1)])).expect("another session");
    world.advance(10);
    world.heartbeat("a", &Heartbeat::of("studio", [(0, 101)])).expect("the others have run out, unnoticed by anybody");
}

#[test]
fn an_address_has_a_budget_for_each_resource() {
    let world = World::with(HoldSettings { address_budget: 120, ..HoldSettings::default() });
    let slot = |start: i64| Heartbeat::of("studio", [(start, 4)]);
    world.heartbeat("a", &slot(0)).expect("60 quantum-minutes");
    world.heartbeat("b", &slot(10)).expect("60 more");
    exceeded(world.heartbeat("c", &slot(20)), HoldLimit::Address);
    world.heartbeat("c", &Heartbeat::of("other", [(20, 4)])).expect("another resource");
    world.heartbeat("c", &slot(20).at_address("192.0.2.1")).expect("another address");
    world.heartbeat("a", &slot(0).saying(1.into())).expect("what it replaces comes back");
    world.leave("a", "studio");
    world.heartbeat("d", &slot(30)).expect("what was not used comes back");
    exceeded(world.heartbeat("e", &slot(40)), HoldLimit::Address);
}

#[test]
fn what_was_used_of_a_budget_drains() {
    let world = World::with(HoldSettings { address_budget: 60, ..HoldSettings::default() });
    let heartbeat = Heartbeat::of("studio", [(0, 4)]);
    world.heartbeat("a", &heartbeat).expect("the whole budget");
    keep(&world, "a", &heartbeat, 450).expect("half of it is used");
    world.leave("a", "studio");
    exceeded(world.heartbeat("b", &heartbeat), HoldLimit::Address);
    world.heartbeat("b", &Heartbeat::of("studio", [(0, 2)])).expect("half of it is left");
    world.leave("b", "studio");
    world.clock.advance(Duration::from_millis(449_999));
    exceeded(world.heartbeat("c", &heartbeat), HoldLimit::Address);
    world.clock.advance(Duration::from_millis(1));
    world.heartbeat("c", &heartbeat).expect("drained");
}

#[test]
fn an_ipv6_client_is_its_network() {
    let world = World::with(HoldSettings { address_budget: 60, ..HoldSettings::default() });
    let slot = |start: i64, address: &str| Heartbeat::of("studio", [(start, 4)]).at_address(address);
    world.heartbeat("a", &slot(0, "2001:db8:0:1::1")).expect("the whole budget");
    exceeded(world.heartbeat("b", &slot(10, "2001:db8:0:1:ffff::2")), HoldLimit::Address);
    world.heartbeat("b", &slot(10, "2001:db8:0:2::1")).expect("another network");
    world.heartbeat("c", &slot(20, "::ffff:192.0.2.1")).expect("an IPv4 address in disguise");
    exceeded(world.heartbeat("d", &slot(30, "192.0.2.1")), HoldLimit::Address);
}

#[test]
fn the_server_keeps_so_many_holds() {
    let world = World::with(HoldSettings { max_holds: 2, ..HoldSettings::default() });
    world.heartbeat("a", &Heartbeat::of("studio", [(0, 1), (2, 1)])).expect("two");
    exceeded(world.heartbeat("b", &Heartbeat::of("other", [(0, 1)])), HoldLimit::Server);
    world.heartbeat("a", &Heartbeat::of("studio", [(0, 1), (2, 1)])).expect("a renewal takes nothing");
    world.advance(10);
    world.heartbeat("b", &Heartbeat::of("other", [(0, 1)])).expect("they have run out");
}

#[test]
fn idle_sessions_are_forgotten_before_others_are_refused() {
    let world = World::with(HoldSettings { max_remembered: 4, ..HoldSettings::default() });
    for session in ["a", "b", "c"] {
        world.heartbeat(session, &Heartbeat::of("studio", [(0, 1)])).expect("free");
        world.advance(1);
        world.leave(session, "studio");
        world.advance(1);
    }
    world.heartbeat("d", &Heartbeat::of("studio", [(0, 1)])).expect("the idle ones make room");
    world.heartbeat("e", &Heartbeat::of("studio", [(2, 1)])).expect("room");
    world.heartbeat("f", &Heartbeat::of("studio", [(4, 1)])).expect("room");
    exceeded(world.heartbeat("g", &Heartbeat::of("studio", [(6, 1)])), HoldLimit::Server);
}
