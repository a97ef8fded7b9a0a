use futures_util::FutureExt as _;
use serde_json::json;

use super::*;
use crate::feed::Watch;

/// Whether something has changed since the last time.
fn is_told(watch: &mut Watch) -> bool {
    watch.changed().now_or_never().is_some()
}

#[test]
fn only_those_are_told_whose_days_and_resource_it_concerns() {
    let world = World::new();
    let watch = |resource: &str, span| world.feed.watch(Topic::Holds, [(id(resource), span)]);
    let mut today = watch("studio", day());
    let mut tomorrow = watch("studio", span(96, 96));
    let mut elsewhere = watch("other", day());
    let mut occupancy = world.feed.watch(Topic::Occupancy, [(id("studio"), day())]);
    let mut told = || [is_told(&mut today), is_told(&mut tomorrow), is_told(&mut elsewhere), is_told(&mut occupancy)];

    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    assert_eq!(told(), [true, false, false, false]);
    world.heartbeat("a", &Heartbeat::of("studio", [(94, 4)])).expect("free");
    assert_eq!(told(), [true, true, false, false]);
    world.heartbeat("a", &Heartbeat::of("studio", [(94, 2)])).expect("shorter");
    assert_eq!(told(), [true, true, false, false]);
    world.heartbeat("a", &Heartbeat::of("studio", [(94, 2)]).with_add_on(exclusive("other"))).expect("free");
    assert_eq!(told(), [false, false, true, false]);
}

#[test]
fn every_change_is_told_and_nothing_else() {
    let world = World::new();
    let mut watch = world.feed.watch(Topic::Holds, [(id("studio"), day())]);
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &heartbeat).expect("free");
    assert!(is_told(&mut watch), "taken");
    assert!(!is_told(&mut watch), "only once");
    world.advance(5);
    world.heartbeat("a", &heartbeat).expect("own");
    assert!(!is_told(&mut watch), "renewed");
    held(world.heartbeat("b", &heartbeat).expect_err("held"));
    drop(world.place("a", &Heartbeat::of("studio", [(60, 4)])));
    drop(world.claim(None, &exclusive("studio"), span(70, 4)));
    assert!(!is_told(&mut watch), "refused, undone, claimed");
    world.heartbeat("a", &heartbeat.clone().saying(json!(1))).expect("own");
    assert!(is_told(&mut watch), "other data");
    world.leave("a", "studio");
    assert!(is_told(&mut watch), "left");
    world.leave("a", "studio");
    assert!(!is_told(&mut watch), "there was nothing to leave");
    world.heartbeat("a", &heartbeat).expect("free");
    assert!(is_told(&mut watch), "taken again");
    world.claim(Some("a"), &exclusive("studio"), span(52, 4)).expect("own").booked(|_, _| 1);
    assert!(is_told(&mut watch), "booked");
    world.heartbeat("a", &heartbeat).expect("nothing is occupied here");
    assert!(is_told(&mut watch));
    world.advance(10);
    world.presence.sweep();
    assert!(is_told(&mut watch), "run out");
}

#[test]
fn what_a_heartbeat_adds_is_told_and_what_it_renews_is_not() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    let mut renewed = world.feed.watch(Topic::Holds, [(id("studio"), span(52, 4))]);
    let mut added = world.feed.watch(Topic::Holds, [(id("studio"), span(60, 4))]);
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4), (60, 4)])).expect("free");
    assert!(!is_told(&mut renewed));
    assert!(is_told(&mut added));
}

#[test]
fn whoever_is_told_reads_what_has_changed() {
    let world = World::new();
    let mut watch = world.feed.watch(Topic::Holds, [(id("studio"), day()), (id("lamp"), day())]);
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)]).with_add_on(exclusive("lamp"))).expect("free");
    assert!(is_told(&mut watch));
    assert!(!is_told(&mut watch), "both changes were there to be read");
}
