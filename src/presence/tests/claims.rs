use super::*;

#[test]
fn a_claim_meets_holds_from_both_sides() {
    let world = World::new();
    let studio = exclusive("studio");
    let placement = world.place("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    let conflicts = world.claim(Some("b"), &studio, span(50, 4)).err().expect("unseen, but there");
    assert_eq!((conflicts[0].start, conflicts[0].end), (at(13, 0), at(13, 30)));
    drop(placement);

    let claim = world.claim(Some("b"), &studio, span(50, 4)).expect("free");
    let also = world.claim(None, &studio, span(50, 4)).expect("claims do not refuse each other");
    let conflicts = held(world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect_err("claimed"));
    assert!(conflicts.iter().all(|conflict| conflict.holder.is_none()));
    drop((claim, also));
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("the claims are gone");
}

#[test]
fn a_booking_takes_over_its_sessions_hold() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    assert!(world.claim(None, &exclusive("studio"), span(52, 4)).is_err());
    world.claim(Some("a"), &exclusive("studio"), span(52, 4)).expect("its own").booked(|_, _| 1);
    assert!(world.held("studio").is_empty());
    assert!(world.presence.boards.get(&id("studio")).is_none_or(|board| board.claims.is_empty()));
}

#[test]
fn a_claim_that_is_not_booked_ends_nothing() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    drop(world.claim(Some("a"), &exclusive("studio"), span(52, 4)).expect("its own"));
    drop(world.claim_over_holds(&exclusive("studio"), span(52, 4)));
    assert_eq!(world.held("studio").len(), 1);
}

#[test]
fn staff_go_over_holds_and_over_what_is_about_to_be_one() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    let placement = world.place("b", &Heartbeat::of("studio", [(60, 4)])).expect("free");
    world.claim_over_holds(&exclusive("studio"), span(50, 20)).booked(|_, _| 1);
    assert!(world.held("studio").is_empty());
    held(placement.publish(|_, _| 0).expect_err("what it has read may be older than the booking"));
    assert!(world.held("studio").is_empty());
}

#[test]
fn a_booking_of_a_pool_leaves_room_for_what_others_hold() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("lamps", [(10, 4)]).units(1, 3)).expect("free");
    let claim = world.claim(Some("b"), &pool("lamps", 1, 3), span(10, 4)).expect("room");
    claim.check(|_, _| 1).expect("one is left");
    let conflicts = held(claim.check(|_, _| 2).expect_err("the last one is held"));
    assert_eq!(conflicts[0].holder.as_deref(), Some(world.holder("a", "lamps").as_str()));
}

#[test]
fn a_pool_booking_ends_its_own_holds_and_those_that_have_no_room() {
    let world = World::new();
    let take = |session: &str, units| world.heartbeat(session, &Heartbeat::of("lamps", [(10, 4)]).units(units, 4));
    take("first", 1).expect("free");
    world.advance(1);
    take("second", 1).expect("free");
    world.advance(1);
    take("third", 1).expect("free");
    world.claim(Some("second"), &pool("lamps", 1, 4), span(8, 4)).expect("room").booked(|_, _| 1);
    let holders = |world: &World| world.held("lamps").into_iter().map(|(.., holder)| holder).collect::<Vec<_>>();
    let mut both = vec![world.holder("first", "lamps"), world.holder("third", "lamps")];
    both.sort();
    assert_eq!(holders(&world), both);
    world.claim_over_holds(&pool("lamps", 2, 4), span(8, 4)).booked(|_, _| 3);
    assert_eq!(holders(&world), [world.holder("first", "lamps")]);
}

#[test]
fn a_hold_of_a_pool_counts_the_booking_that_it_could_not_read() {
    let world = World::new();
    let placement = world.place("a", &Heartbeat::of("lamps", [(10, 4)]).units(2, 3)).expect("free");
    let claim = world.claim(None, &pool("lamps", 1, 3), span(10, 4)).expect("room");
    claim.check(|_, _| 1).expect("the placement is not settled: it will look at the claim");
    claim.booked(|_, _| 2);
    held(placement.publish(|_, _| 1).expect_err("two are booked by now"));
}

#[test]
fn of_fewer_units_a_hold_that_is_booked_by_now_counts_once() {
    let world = World::new();
    for session in ["first", "second"] {
        world.heartbeat(session, &Heartbeat::of("lamps", [(10, 4)]).units(1, 2)).expect("room");
        world.advance(1);
    }
    let (lamps, item) = (id("lamps"), pool("lamps", 1, 2));
    let holders = || world.held("lamps").into_iter().map(|(_, _, holder)| holder).collect::<Vec<_>>();
    let held = world.presence.held_span(&lamps).expect("something is held");
    let claim = world.claim(Some("first"), &item, span(10, 4)).expect("its own");
    claim.check(|_, _| 0).expect("its own");
    // It has committed, and not said so yet.
    world.presence.fit(&lamps, 2, held, |_, _| 1);
    claim.booked(|_, _| 1);
    assert_eq!(holders(), [world.holder("second", "lamps")]);

    // What another session books is no reason to pass a hold over, nor is a booking that has yet to look at holds.
    let bystander = world.claim(None, &item, span(10, 4)).expect("room");
    bystander.check(|_, _| 0).expect("room");
    let under_way = world.claim(Some("second"), &item, span(10, 4)).expect("its own");
    world.presence.fit(&lamps, 1, held, |_, _| 1);
    assert!(holders().is_empty());
    drop((bystander, under_way));
}

#[test]
fn nobody_holds_what_is_gone_whoever_is_booking_it() {
    let world = World::new();
    for session in ["a", "b"] {
        world.heartbeat(session, &Heartbeat::of("lamps", [(10, 4)]).units(1, 2)).expect("room");
    }
    let claim = world.claim(Some("a"), &pool("lamps", 1, 2), span(10, 4)).expect("its own");
    claim.check(|_, _| 0).expect("its own");
    world.presence.end_all(&id("lamps"));
    assert_eq!(world.held("lamps"), []);
}

#[test]
fn of_fewer_units_who_came_first_keeps_theirs() {
    let world = World::new();
    for (session, units, from) in [("a", 1, 10), ("b", 2, 12), ("c", 1, 10), ("d", 1, 40)] {
        world.heartbeat(session, &Heartbeat::of("lamps", [(from, 4)]).units(units, 5)).expect("room");
        world.advance(1);
    }
    let lamps = id("lamps");
    assert_eq!(world.presence.active_sessions(&lamps), 4);
    let held = world.presence.held_span(&lamps).expect("something is held");
    assert_eq!(held, span(10, 34));
    world.presence.fit(&lamps, 5, held, |_, _| 1);
    assert_eq!(world.presence.active_sessions(&lamps), 4);
    // Of three units one is occupied: one is the first's, and the second wants two; that leaves one for the third.
    world.presence.fit(&lamps, 3, held, |_, quantum| u32::from(quantum < span(40, 1).start));
    let left: Vec<String> = world.held("lamps").into_iter().map(|(_, _, holder)| holder).collect();
    assert_eq!(left.len(), 3);
    assert!(!left.contains(&world.holder("b", "lamps")));
    world.presence.fit(&lamps, 1, held, |_, _| 1);
    assert_eq!((world.presence.active_sessions(&lamps), world.presence.held_span(&lamps)), (0, None));
}
