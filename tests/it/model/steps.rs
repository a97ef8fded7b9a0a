//! What people may think of doing next.

use super::naive::{DAY, Naive, QUARTER, Taken};
use super::world::EVENT_TYPES;
use crate::support::Choices;

/// Somebody. Whoever is no staff has only what they booked themself.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Who {
    Ada,
    Bob,
    Staff,
}

/// Units of resources, the primary first. Resources go by their places in the model.
pub type Items = Vec<(usize, u32)>;

/// Something that somebody does. Instants are minutes after the midnight before the sequence began.
#[derive(Clone, Debug)]
pub enum Step {
    Book {
        by: Who,
        event_type: usize,
        items: Items,
        start: i64,
        minutes: i64,
        ignoring: bool,
    },
    /// The booking at a place in the list of all that was ever booked.
    Cancel {
        by: Who,
        which: usize,
    },
    Block {
        resource: usize,
        units: Option<u32>,
        start: i64,
        end: i64,
    },
    /// The block at a place in the list of all that was ever blocked.
    Unblock {
        which: usize,
    },
    Resize {
        resource: usize,
        units: u32,
    },
    Wait {
        minutes: i64,
    },
}

/// A question for slots.
#[derive(Debug)]
pub struct Question {
    pub event_type: usize,
    pub items: Items,
    pub minutes: i64,
    /// Which day, counted from the one before the sequence began.
    pub day: i64,
}

/// The next step.
pub fn next(choices: &mut Choices, model: &Naive) -> Step {
    loop {
        return match choices.below(20) {
            0..=7 => book(choices, model),
            8..=11 if model.bookings().count() > 0 => cancel(choices, model),
            12 | 13 => block(choices, model),
            14 | 15 if model.blocks().count() > 0 => Step::Unblock { which: choices.below(model.blocks().count()) },
            16 => Step::Resize { resource: 1 + choices.below(2), units: units(choices) },
            17..=19 => Step::Wait { minutes: number(choices, 180) },
            _ => continue,
        };
    }
}

/// What is worth asking after `step`.
pub fn question(choices: &mut Choices, step: &Step, model: &Naive) -> Question {
    let (event_type, minutes) = offered(choices);
    let mut items = items(choices);
    // Preferably about what was just done.
    if let Step::Block { resource, .. } | Step::Resize { resource, .. } = step {
        items = vec![(*resource, 1)];
    }
    Question { event_type, items, minutes, day: model.now / DAY + number(choices, 2) }
}

fn book(choices: &mut Choices, model: &Naive) -> Step {
    let by = who(choices);
    let (event_type, minutes) = offered(choices);
    let start = around(choices, model);
    let ignoring = by == Who::Staff && choices.below(2) == 0;
    Step::Book { by, event_type, items: items(choices), start, minutes, ignoring }
}

fn cancel(choices: &mut Choices, model: &Naive) -> Step {
    // Now and then what has lapsed: nobody can do that any more.
    let lapsed = model.bookings().position(Taken::has_lapsed).filter(|_| choices.below(4) == 0);
    let which = lapsed.unwrap_or_else(|| choices.below(model.bookings().count()));
    let by = if choices.below(2) == 0 { model.booker(which) } else { who(choices) };
    Step::Cancel { by, which }
}

fn block(choices: &mut Choices, model: &Naive) -> Step {
    // Not on the quarter hour, mostly.
    let start = around(choices, model) + number(choices, 15);
    let end = start + 1 + number(choices, 3 * 60);
    let units = (choices.below(2) == 0).then(|| units(choices));
    Step::Block { resource: choices.below(3), units, start, end }
}

/// A quarter hour not long ago or soon, so that people get into each other's way.
fn around(choices: &mut Choices, model: &Naive) -> i64 {
    (model.now / QUARTER - 4 + number(choices, 40)) * QUARTER
}

fn who(choices: &mut Choices) -> Who {
    [Who::Ada, Who::Bob, Who::Staff][choices.below(3)]
}

fn offered(choices: &mut Choices) -> (usize, i64) {
    let event_type = choices.below(EVENT_TYPES.len());
    let durations = EVENT_TYPES[event_type].durations;
    (event_type, i64::from(durations[choices.below(durations.len())]))
}

fn items(choices: &mut Choices) -> Items {
    let primary = choices.below(3);
    let mut items = vec![(primary, asked_units(choices, primary))];
    for add_on in (0..3).filter(|resource| *resource != primary) {
        if choices.below(4) == 0 {
            items.push((add_on, asked_units(choices, add_on)));
        }
    }
    items
}

/// How many units somebody asks for; of what is exclusive mostly one.
fn asked_units(choices: &mut Choices, resource: usize) -> u32 {
    if resource == 2 || choices.below(8) == 0 { units(choices) } else { 1 }
}

fn units(choices: &mut Choices) -> u32 {
    1 + u32::try_from(choices.below(4)).unwrap()
}

fn number(choices: &mut Choices, below: usize) -> i64 {
    i64::try_from(choices.below(below)).unwrap()
}
