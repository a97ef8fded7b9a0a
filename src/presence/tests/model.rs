//! The registry against a model that is too simple to be wrong: a list of holds, and counting.

use proptest::prelude::*;

use super::*;

const RESOURCES: [(&str, u32); 2] = [("studio", 1), ("lamps", 3)];
const SESSIONS: [&str; 3] = ["a", "b", "c"];
const QUANTA: i64 = 12;

#[derive(Clone, Debug)]
enum Step {
    Heartbeat { session: usize, resource: usize, slots: Vec<(i64, i64)>, units: u32, bundle: bool },
    Leave { session: usize, resource: usize, start: Option<i64> },
    Book { session: Option<usize>, resource: usize, span: (i64, i64), units: u32, over_holds: bool },
    Advance(u64),
    Sweep,
}

fn step() -> impl Strategy<Value = Step> {
    let slot = || (0..QUANTA, 1..5i64);
    prop_oneof![
        6 => (0..3usize, 0..2usize, prop::collection::vec(slot(), 1..3), 1..4u32, any::<bool>()).prop_map(
            |(session, resource, slots, units, bundle)| Step::Heartbeat { session, resource, slots, units, bundle }
        ),
        1 => (0..3usize, 0..2usize, prop::option::of(0..QUANTA))
            .prop_map(|(session, resource, start)| Step::Leave { session, resource, start }),
        2 => (prop::option::of(0..3usize), 0..2usize, slot(), 1..3u32, any::<bool>()).prop_map(
            |(session, resource, span, units, over_holds)| Step::Book { session, resource, span, units, over_holds }
        ),
        2 => (0..8u64).prop_map(Step::Advance),
        1 => Just(Step::Sweep),
    ]
}

#[derive(Clone, Debug)]
struct ModelHold {
    session: usize,
    resource: usize,
    start: i64,
    quanta: i64,
    units: u32,
    taken_with: Option<usize>,
    add_on: Option<usize>,
    taken: u64,
    order: usize,
    expiry: u64,
}

#[derive(Default)]
struct Model {
    now: u64,
    order: usize,
    holds: Vec<ModelHold>,
    occupied: HashMap<(usize, i64), u32>,
}

impl Model {
    fn expire(&mut self) {
        let now = self.now;
        self.holds.retain(|hold| now < hold.expiry);
    }

    fn occupied(&self, resource: usize, quantum: i64) -> u32 {
        self.occupied.get(&(resource, quantum)).copied().unwrap_or(0)
    }

    /// The units of a quantum that sessions other than `me` hold.
    fn held_by_others(&self, resource: usize, quantum: i64, me: Option<usize>) -> u32 {
        let held = |session: usize| {
            let covers = |hold: &&ModelHold| {
                (hold.session, hold.resource) == (session, resource)
                    && (hold.start..hold.start + hold.quanta).contains(&quantum)
            };
            self.holds.iter().filter(covers).map(|hold| hold.units).max().unwrap_or(0)
        };
        (0..SESSIONS.len()).filter(|session| Some(*session) != me).map(held).sum()
    }

    fn fits(&self, resource: usize, (start, quanta): (i64, i64), units: u32, me: Option<usize>) -> bool {
        (start..start + quanta).all(|quantum| {
            let others = self.held_by_others(resource, quantum, me);
            others + self.occupied(resource, quantum) + units <= RESOURCES[resource].1
        })
    }

    fn heartbeat(&mut self, session: usize, items: &[(usize, u32)], slots: &[(i64, i64)]) -> bool {
        let expiry = self.now + 10;
        let primary = items[0].0;
        let taken_with = |resource: usize| (resource != primary).then_some(primary);
        // What was held with add-ons and is asked for without them is another hold, which keeps nothing together.
        let add_on = |resource: usize| items.get(1).map(|item| item.0).filter(|_| resource == primary);
        let mut named = Vec::new();
        for (resource, units) in items {
            for (start, quanta) in slots {
                let same = |hold: &ModelHold| {
                    (hold.session, hold.resource, hold.start) == (session, *resource, *start)
                        && (hold.quanta, hold.units) == (*quanta, *units)
                        && (hold.taken_with, hold.add_on) == (taken_with(*resource), add_on(*resource))
                };
                named.push(self.holds.iter().position(same));
            }
        }
        if let Some(named) = named.into_iter().collect::<Option<Vec<_>>>() {
            for index in named {
                self.holds[index].expiry = expiry;
            }
            return true;
        }
        if !items
            .iter()
            .all(|(resource, units)| slots.iter().all(|slot| self.fits(*resource, *slot, *units, Some(session))))
        {
            return false;
        }
        for (resource, units) in items.iter().copied() {
            for (start, quanta) in slots.iter().copied() {
                let same = |hold: &ModelHold| (hold.session, hold.resource, hold.start) == (session, resource, start);
                self.holds.retain(|hold| !same(hold));
                self.order += 1;
                self.holds.push(ModelHold {
                    session,
                    resource,
                    start,
                    quanta,
                    units,
                    taken_with: taken_with(resource),
                    add_on: add_on(resource),
                    taken: self.now,
                    order: self.order,
                    expiry,
                });
            }
        }
        true
    }

    fn leave(&mut self, session: usize, resource: usize, start: Option<i64>) -> usize {
        let leaves = |hold: &ModelHold| {
            (hold.session, hold.resource) == (session, resource) && start.is_none_or(|start| hold.start == start)
        };
        let (left, kept): (Vec<_>, Vec<_>) = self.holds.drain(..).partition(leaves);
        self.holds = kept;
        for ended in &left {
            self.holds.retain(|hold| {
                (hold.session, Some(hold.resource), hold.start) != (session, ended.add_on, ended.start)
                    || hold.taken_with != Some(resource)
            });
        }
        left.len()
    }

    fn book(
        &mut self,
        session: Option<usize>,
        resource: usize,
        span: (i64, i64),
        units: u32,
        over_holds: bool,
    ) -> bool {
        let (start, quanta) = span;
        let capacity = RESOURCES[resource].1;
        let booked: Vec<i64> = (start..start + quanta).collect();
        if booked.iter().any(|quantum| self.occupied(resource, *quantum) + units > capacity) {
            return false;
        }
        let is_free_of_holds = |quantum: &i64| {
            let held = self.held_by_others(resource, *quantum, session);
            held == 0 || held + self.occupied(resource, *quantum) + units <= capacity
        };
        if !over_holds && !booked.iter().all(is_free_of_holds) {
            return false;
        }
        for quantum in &booked {
            *self.occupied.entry((resource, *quantum)).or_default() += units;
        }
        let overlaps = |hold: &ModelHold| {
            hold.resource == resource && hold.start < start + quanta && start < hold.start + hold.quanta
        };
        let (mut others, kept): (Vec<_>, Vec<_>) = self.holds.drain(..).partition(overlaps);
        self.holds = kept;
        others.retain(|hold| capacity > 1 && Some(hold.session) != session);
        others.sort_by_key(|hold| (hold.taken, hold.start, hold.order));
        for hold in others {
            self.holds.push(hold);
            let exceeds = |quantum: &i64| {
                let held = self.held_by_others(resource, *quantum, None);
                held > 0 && held + self.occupied(resource, *quantum) > capacity
            };
            if over_holds && booked.iter().any(exceeds) {
                self.holds.pop();
            }
        }
        true
    }

    fn list(&self, world: &World, resource: usize) -> Vec<(i64, i64, String, u32)> {
        let mut listed: Vec<_> = self
            .holds
            .iter()
            .filter(|hold| hold.resource == resource)
            .map(|hold| {
                let holder = world.holder(SESSIONS[hold.session], RESOURCES[resource].0);
                (hold.start, hold.quanta, holder, hold.units)
            })
            .collect();
        listed.sort();
        listed
    }
}

fn listed(world: &World, resource: usize) -> Vec<(i64, i64, String, u32)> {
    let (_, holds) = world.presence.holds(&id(RESOURCES[resource].0), day());
    let place = |hold: &Hold| hold.occupied.start.0 - day().start.0;
    holds.iter().map(|hold| (place(hold), hold.occupied.len(), hold.holder.to_string(), hold.quantity)).collect()
}

fn run(world: &World, model: &mut Model, step: Step) {
    model.expire();
    match step {
        Step::Heartbeat { session, resource, slots, units, bundle } => {
            let slots: Vec<(i64, i64)> =
                slots.into_iter().collect::<std::collections::BTreeMap<_, _>>().into_iter().collect();
            let (name, capacity) = RESOURCES[resource];
            let units = units.min(capacity);
            let mut heartbeat = Heartbeat::of(name, slots.iter().copied()).units(units, capacity);
            let mut items = vec![(resource, units)];
            if bundle {
                let (name, capacity) = RESOURCES[1 - resource];
                heartbeat = heartbeat.with_add_on(pool(name, 1, capacity));
                items.push((1 - resource, 1));
            }
            let occupied = |resource: &ResourceId, quantum: Quantum| {
                let index = usize::from(*resource != id(RESOURCES[0].0));
                model.occupied(index, quantum.0 - day().start.0)
            };
            let granted = world.heartbeat_beside(SESSIONS[session], &heartbeat, occupied);
            assert_eq!(granted.is_ok(), model.heartbeat(session, &items, &slots), "{granted:?}");
        }
        Step::Leave { session, resource, start } => {
            let starts: Option<Vec<_>> = start.map(|start| vec![span(start, 1).start_at()]);
            let released =
                world.presence.leave(&id(RESOURCES[resource].0), starts.as_deref(), &secret(SESSIONS[session]));
            assert_eq!(released, model.leave(session, resource, start));
        }
        Step::Book { session, resource, span: (start, quanta), units, over_holds } => {
            let (name, capacity) = RESOURCES[resource];
            let units = units.min(capacity);
            let secret = session.map(|session| secret(SESSIONS[session]));
            let claim = world.presence.claim(ClaimRequest {
                items: &[pool(name, units, capacity)],
                span: span(start, quanta),
                session: secret.as_ref(),
                over_holds,
            });
            let before = model.occupied.clone();
            let units_at = |occupied: &HashMap<(usize, i64), u32>, quantum: Quantum| {
                occupied.get(&(resource, quantum.0 - day().start.0)).copied().unwrap_or(0)
            };
            let booked = model.book(session, resource, (start, quanta), units, over_holds);
            let claim = claim.ok().filter(|claim| claim.check(|_, quantum| units_at(&before, quantum)).is_ok());
            assert!(claim.is_some() || !booked, "the registry refuses what can be booked");
            if let (Some(claim), true) = (claim, booked) {
                claim.booked(|_, quantum| units_at(&model.occupied, quantum));
            }
        }
        Step::Advance(seconds) => {
            world.advance(seconds);
            model.now += seconds;
        }
        Step::Sweep => world.presence.sweep(),
    }
    model.expire();
    for resource in 0..RESOURCES.len() {
        assert_eq!(listed(world, resource), model.list(world, resource));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(256) })]

    #[test]
    fn the_registry_does_as_the_model(steps in prop::collection::vec(step(), 1..60)) {
        // Longer than any run of steps lasts, so that the limits stay out of it.
        let long = Duration::from_hours(24);
        let world = World::with(HoldSettings { renewable: long, address_budget: u32::MAX, ..HoldSettings::default() });
        let mut model = Model::default();
        for step in steps {
            run(&world, &mut model, step);
        }
    }
}
