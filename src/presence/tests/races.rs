use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;

const CAPACITY: u32 = 3;
const ROUNDS: u64 = 3_000;

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    fn quanta(&mut self) -> (i64, i64) {
        let mut roll = |sides| i64::try_from(self.roll(sides)).expect("small");
        (roll(8), 1 + roll(4))
    }
}

/// No quantum is held beyond what there is.
fn assert_within_capacity(world: &World, resource: &str, capacity: u32) {
    let (_, holds) = world.presence.holds(&id(resource), day());
    for quantum in span(0, 16).start.0..span(0, 16).end.0 {
        let quantum = QuantumSpan::new(Quantum(quantum), Quantum(quantum + 1));
        let mut most: HashMap<&Holder, u32> = HashMap::new();
        for hold in holds.iter().filter(|hold| hold.occupied.overlaps(quantum)) {
            let units = most.entry(&hold.holder).or_default();
            *units = hold.quantity.max(*units);
        }
        assert!(most.values().sum::<u32>() <= capacity, "too much of {resource} is held: {holds:?}");
    }
}

fn act(world: &World, session: &str, dice: &mut Dice) {
    let (start, quanta) = dice.quanta();
    let units = u32::try_from(1 + dice.roll(2)).expect("small");
    let studio = Heartbeat::of("studio", [(start, quanta)]);
    let lamps = Heartbeat::of("lamps", [(start, quanta)]).units(units, CAPACITY);
    match dice.roll(8) {
        0 | 1 => drop(world.heartbeat(session, &studio)),
        2 => drop(world.heartbeat(session, &lamps)),
        3 => drop(world.heartbeat(session, &studio.with_add_on(pool("lamps", units, CAPACITY)))),
        4 => drop(world.place(session, &studio)),
        5 => drop(world.leave(session, "studio")),
        6 => drop(world.leave(session, "lamps")),
        _ => {
            if let Ok(claim) = world.claim(Some(session), &exclusive("studio"), span(start, quanta)) {
                let (_, holds) = world.presence.holds(&id("studio"), span(start, quanta));
                let own = world.holder(session, "studio");
                assert!(holds.iter().all(|hold| hold.holder.as_str() == own), "held over a claim: {holds:?}");
                if dice.roll(2) == 0 {
                    claim.booked(|_, _| 1);
                }
            }
        }
    }
}

#[test]
fn nothing_is_ever_held_twice_or_over_a_claim() {
    let world = World::with(HoldSettings { address_budget: u32::MAX, ..HoldSettings::default() });
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let checker = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                assert_within_capacity(&world, "studio", 1);
                assert_within_capacity(&world, "lamps", CAPACITY);
            }
        });
        let actors: Vec<_> = (1..=6)
            .map(|number| {
                let world = &world;
                scope.spawn(move || {
                    let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ number);
                    for round in 0..ROUNDS {
                        act(world, &format!("session {number}"), &mut dice);
                        if round % 100 == 0 {
                            world.clock.advance(Duration::from_millis(700));
                        }
                    }
                })
            })
            .collect();
        for actor in actors {
            actor.join().expect("no assertion fails");
        }
        done.store(true, Ordering::Relaxed);
        checker.join().expect("no assertion fails");
    });
    world.advance(3600);
    world.presence.sweep();
    assert!(world.presence.boards.is_empty());
    assert!(world.presence.weights.is_empty());
    assert_eq!(world.presence.holds.load(Ordering::Relaxed), 0);
}

/// Holds of sessions against bookings of the same pool, which a lock decides between as a database would.
#[test]
fn holds_and_bookings_of_a_pool_never_take_more_than_it_has() {
    let world = World::with(HoldSettings { address_budget: u32::MAX, ..HoldSettings::default() });
    let booked = std::sync::Mutex::new(0u32);
    let lamps = |units| Heartbeat::of("lamps", [(0, 4)]).units(units, CAPACITY);
    let read = || *booked.lock().expect("not poisoned");
    let hold = |number: u64| {
        let session = format!("session {number}");
        let mut dice = Dice(number + 77);
        for _ in 0..ROUNDS {
            let Ok(placement) = world.place(&session, &lamps(u32::try_from(1 + dice.roll(2)).expect("small"))) else {
                continue;
            };
            let occupied = read();
            if placement.publish(|_, _| occupied).is_ok() {
                let claim = world.claim(Some(&session), &pool("lamps", 1, CAPACITY), span(0, 4)).expect("its own");
                let mut row = booked.lock().expect("not poisoned");
                let free = *row < CAPACITY;
                assert!(free, "what is granted can be booked");
                claim.check(|_, _| *row).expect("what is granted can be booked");
                // It books and cancels at once, so that there is always something to fight for.
                *row += 1;
                drop(row);
                claim.booked(|_, _| 1);
                *booked.lock().expect("not poisoned") -= 1;
            }
        }
    };
    let book = || {
        for _ in 0..ROUNDS {
            let Ok(claim) = world.claim(None, &pool("lamps", 1, CAPACITY), span(0, 4)) else { continue };
            let mut row = booked.lock().expect("not poisoned");
            if *row < CAPACITY && claim.check(|_, _| *row).is_ok() {
                *row += 1;
                let occupied = *row;
                drop(row);
                claim.booked(|_, _| occupied);
                *booked.lock().expect("not poisoned") -= 1;
            }
        }
    };
    thread::scope(|scope| {
        let holders: Vec<_> = (0..3).map(|number| scope.spawn(move || hold(number))).collect();
        let bookers: Vec<_> = (0..3).map(|_| scope.spawn(book)).collect();
        for actor in holders.into_iter().chain(bookers) {
            actor.join().expect("no assertion fails");
        }
    });
    assert!(world.held("lamps").is_empty());
}
