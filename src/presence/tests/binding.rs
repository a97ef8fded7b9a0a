use serde_json::json;

use super::*;

#[test]
fn the_first_session_has_it() {
    let world = World::new();
    let granted = world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    assert_eq!(granted.holder.as_str(), world.holder("a", "studio"));

    let conflicts = held(world.heartbeat("b", &Heartbeat::of("studio", [(48, 8)])).expect_err("held"));
    let expected = Conflict {
        resource_id: id("studio"),
        start: at(13, 0),
        end: at(14, 0),
        holder: Some(world.holder("a", "studio")),
    };
    assert_eq!(conflicts, [expected]);
    assert_eq!(world.held("studio"), [(13.0, 14.0, world.holder("a", "studio"))]);
}

#[test]
fn neighbours_and_other_resources_do_not_clash() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    world.heartbeat("b", &Heartbeat::of("studio", [(48, 4), (56, 4)])).expect("they only touch");
    world.heartbeat("b", &Heartbeat::of("other", [(52, 4)])).expect("another resource");
}

#[test]
fn buffers_keep_others_out_too() {
    let world = World::new();
    let mut heartbeat = Heartbeat::of("studio", [(52, 4)]);
    heartbeat.slots[0].occupied = span(51, 6);
    world.heartbeat("a", &heartbeat).expect("free");
    let conflicts = held(world.heartbeat("b", &Heartbeat::of("studio", [(50, 2)])).expect_err("the buffer is held"));
    assert_eq!((conflicts[0].start, conflicts[0].end), (at(12, 45), at(13, 0)));
}

#[test]
fn all_slots_and_add_ons_or_none() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("lamp", [(52, 4)])).expect("free");
    let bundle = Heartbeat::of("studio", [(40, 4), (52, 4)]).with_add_on(exclusive("lamp"));
    let conflicts = held(world.heartbeat("b", &bundle).expect_err("the lamp is held"));
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].resource_id, id("lamp"));
    assert!(world.held("studio").is_empty());
    assert_eq!(world.held("lamp").len(), 1);
    world.heartbeat("c", &Heartbeat::of("studio", [(40, 4), (52, 4)])).expect("nothing is left behind");
}

#[test]
fn an_unseen_hold_keeps_others_out_and_is_undone_when_dropped() {
    let world = World::new();
    let placement = world.place("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    assert!(world.held("studio").is_empty());
    held(world.heartbeat("b", &Heartbeat::of("studio", [(52, 4)])).expect_err("unseen, but there"));
    drop(placement);
    world.heartbeat("b", &Heartbeat::of("studio", [(52, 4)])).expect("undone");
}

#[test]
fn what_is_occupied_cannot_be_held() {
    let world = World::new();
    let booked = span(54, 1);
    let occupied = |_: &ResourceId, quantum| u32::from(booked.start == quantum);
    let refusal = world.heartbeat_beside("a", &Heartbeat::of("studio", [(52, 4)]), occupied).expect_err("occupied");
    let expected = Conflict { resource_id: id("studio"), start: at(13, 30), end: at(13, 45), holder: None };
    assert_eq!(refusal, HoldRefusal::Taken(vec![expected]));
    assert!(world.held("studio").is_empty());
}

#[test]
fn another_length_for_the_same_start_replaces_the_hold_or_leaves_it() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    world.heartbeat("b", &Heartbeat::of("studio", [(60, 4)])).expect("free");
    world.advance(5);
    held(world.heartbeat("a", &Heartbeat::of("studio", [(52, 12)])).expect_err("b holds part of it"));
    assert_eq!(world.held("studio")[0], (13.0, 14.0, world.holder("a", "studio")));
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 8)])).expect("free");
    assert_eq!(world.held("studio")[0], (13.0, 15.0, world.holder("a", "studio")));
    assert_eq!(world.held("studio").len(), 2);
}

#[test]
fn since_tells_from_when_on_all_of_it_was_held() {
    let world = World::new();
    let since = |world: &World| world.presence.holds(&id("studio"), day()).1[0].since;
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 8)])).expect("free");
    world.advance(3);
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("shorter");
    assert_eq!(since(&world), at(8, 0));
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 5)])).expect("longer");
    assert_eq!(since(&world), at(8, 0) + TimeDelta::seconds(3));
}

#[test]
fn data_is_kept_once_for_a_session_and_resource() {
    let world = World::new();
    let said = |world: &World| -> Vec<_> {
        world.presence.holds(&id("studio"), day()).1.into_iter().map(|hold| hold.data.as_deref().cloned()).collect()
    };
    world.heartbeat("a", &Heartbeat::of("studio", [(40, 4), (52, 4)]).saying(json!("first"))).expect("free");
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)]).saying(json!("second"))).expect("own");
    assert_eq!(said(&world), [Some(json!("second")), Some(json!("second"))]);
    world.heartbeat("b", &Heartbeat::of("studio", [(60, 4)]).saying(json!("b"))).expect("free");
    held(world.heartbeat("b", &Heartbeat::of("studio", [(52, 4)]).saying(json!("c"))).expect_err("held"));
    assert_eq!(said(&world)[2], Some(json!("b")));
}

#[test]
fn a_day_carries_64_kib_of_data() {
    let world = World::new();
    let text = "x".repeat(1022);
    for number in 0..70 {
        let heartbeat = Heartbeat::of("studio", [(number, 1)]).saying(json!(text));
        world.heartbeat(&format!("session {number}"), &heartbeat).expect("free");
    }
    let (_, holds) = world.presence.holds(&id("studio"), day());
    let carried: Vec<bool> = holds.iter().map(|hold| hold.data.is_some()).collect();
    assert_eq!(carried, [vec![true; 64], vec![false; 6]].concat());
}

#[test]
fn a_pool_is_shared_up_to_its_capacity() {
    let world = World::new();
    let take = |session: &str, slots: &[(i64, i64)], units| {
        world.heartbeat(session, &Heartbeat::of("lamps", slots.iter().copied()).units(units, 3))
    };
    take("a", &[(10, 4), (12, 4)], 2).expect("a overlaps itself: the most counts, not the sum");
    take("b", &[(10, 8)], 1).expect("one is left");
    let conflicts = held(take("c", &[(15, 4)], 2).expect_err("only one is left until 16:00"));
    assert_eq!(conflicts.len(), 2);
    take("c", &[(15, 4)], 1).expect_err("none is left of 12 to 16");
    take("c", &[(18, 4)], 3).expect("all are left from 18 on");
}

#[test]
fn of_two_placements_for_the_last_unit_the_first_to_publish_has_it() {
    let world = World::new();
    let heartbeat = Heartbeat::of("lamps", [(10, 4)]).units(1, 2);
    let a = world.place("a", &heartbeat).expect("two units");
    let b = world.place("b", &heartbeat).expect("two units");
    b.publish(|_, _| 1).expect("one unit is left");
    held(a.publish(|_, _| 1).expect_err("none is left"));
    assert_eq!(world.held("lamps").len(), 1);
}

#[test]
fn leaving_takes_along_the_add_ons_of_the_holds_that_end() {
    let world = World::new();
    let bundle = Heartbeat::of("studio", [(40, 4), (52, 4)]).with_add_on(exclusive("lamp"));
    world.heartbeat("a", &bundle).expect("free");
    world.heartbeat("a", &Heartbeat::of("lamp", [(70, 4)])).expect("for itself");
    let released = world.presence.leave(&id("studio"), Some(&[at(13, 0), at(20, 0)]), &secret("a"));
    assert_eq!(released, 1);
    let starts = |resource| world.held(resource).into_iter().map(|(start, ..)| start).collect::<Vec<_>>();
    assert_eq!(starts("studio"), [10.0]);
    assert_eq!(starts("lamp"), [10.0, 17.5]);
    assert_eq!(world.leave("b", "studio"), 0);
    assert_eq!(world.leave("a", "studio"), 1);
    assert_eq!(starts("lamp"), [17.5]);
}

#[test]
fn a_renewal_names_just_what_is_held() {
    let world = World::new();
    let plain = Heartbeat::of("studio", [(52, 4)]);
    let bundle = plain.clone().with_add_on(exclusive("lamp"));
    world.heartbeat("a", &bundle).expect("free");
    assert!(world.renew("a", &bundle).is_some());
    assert!(world.renew("b", &bundle).is_none());
    assert!(world.renew("a", &Heartbeat::of("studio", [(52, 5)]).with_add_on(exclusive("lamp"))).is_none());
    assert!(world.renew("a", &Heartbeat::of("studio", [(52, 4), (60, 4)]).with_add_on(exclusive("lamp"))).is_none());
    assert!(world.renew("a", &bundle.clone().saying(json!(1))).is_none());
    assert!(world.renew("a", &bundle.clone().with_add_on(exclusive("drum"))).is_none());
    assert!(world.renew("a", &Heartbeat { event_type_id: Some("evt".into()), ..bundle }).is_none());
    assert!(world.renew("a", &Heartbeat::of("lamp", [(52, 4)])).is_none());
}
