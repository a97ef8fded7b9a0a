use tokio_util::sync::CancellationToken;

use super::*;

#[test]
fn a_hold_lives_ten_seconds_from_its_last_heartbeat() {
    let world = World::new();
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    let granted = world.heartbeat("a", &heartbeat).expect("free");
    assert_eq!(granted.expires_at, at(8, 0) + TimeDelta::seconds(10));
    assert_eq!(granted.renewable_until, at(8, 15));
    world.clock.advance(Duration::from_millis(9_999));
    assert_eq!(world.held("studio").len(), 1);
    let granted = world.heartbeat("a", &heartbeat).expect("its own");
    assert_eq!(granted.expires_at, at(8, 0) + TimeDelta::milliseconds(19_999));
    assert_eq!(granted.renewable_until, at(8, 15));
    assert_eq!(world.presence.holds(&id("studio"), day()).1[0].updated_at, at(8, 0) + TimeDelta::milliseconds(9_999));
    world.advance(10);
    assert!(world.held("studio").is_empty());
}

#[test]
fn what_has_run_out_binds_nobody_although_nothing_has_swept() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4), (60, 4)])).expect("free");
    world.advance(10);
    world.heartbeat("b", &Heartbeat::of("studio", [(52, 4)])).expect("run out");
    world.claim(None, &exclusive("studio"), span(60, 4)).map(drop).expect("run out");
    assert!(world.renew("a", &Heartbeat::of("studio", [(60, 4)])).is_none());
    assert_eq!(world.leave("a", "studio"), 0);
}

#[test]
fn only_what_a_heartbeat_names_is_renewed() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(40, 4), (52, 4)])).expect("free");
    world.advance(6);
    world.heartbeat("a", &Heartbeat::of("studio", [(52, 4)])).expect("its own");
    world.advance(6);
    assert_eq!(world.held("studio"), [(13.0, 14.0, world.holder("a", "studio"))]);
}

#[test]
fn a_refused_heartbeat_leaves_what_is_held_to_run_out_as_it_would_have() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(40, 4)])).expect("free");
    world.heartbeat("b", &Heartbeat::of("studio", [(52, 4)])).expect("free");
    world.advance(6);
    held(world.heartbeat("a", &Heartbeat::of("studio", [(40, 4), (52, 4)])).expect_err("held"));
    assert_eq!(world.held("studio").len(), 2);
    world.advance(4);
    assert!(world.held("studio").is_empty());
}

#[test]
fn holds_are_listed_in_order_and_only_where_they_overlap() {
    let world = World::new();
    world.heartbeat("a", &Heartbeat::of("studio", [(94, 4), (52, 4), (60, 8)])).expect("free");
    let starts =
        |span| -> Vec<_> { world.presence.holds(&id("studio"), span).1.into_iter().map(|hold| hold.start).collect() };
    assert_eq!(starts(day()), [at(13, 0), at(15, 0), at(23, 30)]);
    assert_eq!(starts(span(96, 96)), [at(23, 30)]);
    assert!(starts(span(56, 4)).is_empty());
    assert!(starts(span(53, 0)).is_empty());
    let covers = |instant| world.presence.holds_at(&id("studio"), instant).len();
    assert_eq!((covers(at(12, 59)), covers(at(13, 0)), covers(at(13, 59)), covers(at(14, 0))), (0, 1, 1, 0));
}

#[test]
fn revisions_grow_with_every_change_and_never_go_back() {
    let world = World::new();
    let revision = || world.presence.holds(&id("studio"), day()).0;
    let mut last = revision();
    let mut grows = |what: &str| {
        let now = revision();
        assert!(now > last, "{what}: {now} after {last}");
        last = now;
    };
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &heartbeat).expect("free");
    grows("taken");
    world.advance(10);
    grows("run out, and nobody has swept");
    world.heartbeat("a", &heartbeat).expect("free");
    grows("taken again");
    world.leave("a", "studio");
    grows("left");
    world.advance(3600);
    world.presence.sweep();
    assert!(world.presence.boards.is_empty());
    assert_eq!(revision(), last);
    world.heartbeat("a", &heartbeat).expect("free");
    assert!(revision() > last);
    let renewed = revision();
    world.heartbeat("a", &heartbeat).expect("its own");
    assert_eq!(revision(), renewed);
}

#[test]
fn nothing_is_left_behind() {
    let world = World::new();
    for round in 0..50 {
        let name = format!("session {round}");
        let bundle = Heartbeat::of("studio", [(round, 1)]).with_add_on(pool("lamps", 2, 1000));
        world.heartbeat(&name, &bundle).expect("free");
        world.claim(None, &exclusive("other"), span(round, 1)).map(drop).expect("free");
        world.advance(1);
        if round % 3 == 0 {
            world.leave(&name, "studio");
        }
    }
    world.advance(3600);
    world.presence.sweep();
    assert!(world.presence.boards.is_empty());
    assert!(world.presence.weights.is_empty());
    assert_eq!(world.presence.holds.load(Ordering::Relaxed), 0);
    assert_eq!(world.presence.remembered.load(Ordering::Relaxed), 0);
}

#[test]
fn nothing_is_left_behind_by_what_was_refused_or_undone() {
    let world = World::new();
    drop(world.place("a", &Heartbeat::of("studio", [(52, 4)])));
    world.heartbeat_beside("a", &Heartbeat::of("studio", [(52, 4)]), |_, _| 1).expect_err("occupied");
    drop(world.claim(Some("a"), &exclusive("studio"), span(52, 4)));
    assert!(world.presence.boards.is_empty());
    assert!(world.presence.weights.is_empty());
}

#[tokio::test]
async fn the_sweep_tells_watchers_at_the_instant() {
    let world = World::new();
    let shutdown = CancellationToken::new();
    let sweep = tokio::spawn(world.presence.clone().run(shutdown.clone()));
    let heartbeat = Heartbeat::of("studio", [(52, 4)]);
    world.heartbeat("a", &heartbeat).expect("free");
    world.advance(6);
    world.heartbeat("a", &heartbeat).expect("its own");
    let mut watch = world.feed.watch(Topic::Holds, [(id("studio"), day())]);
    world.advance(6);
    assert_eq!(world.held("studio").len(), 1);
    world.advance(4);
    watch.changed().await;
    assert!(world.held("studio").is_empty());
    shutdown.cancel();
    sweep.await.expect("it ends");
}
