//! What people may think of doing next.

use super::naive::{Booking, DAY, Naive, QUARTER};
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

/// Something that somebody does. Instants are minutes after the midnight before the sequence began; bookings, blocks
/// and series go by their places in the lists of all that ever were.
#[derive(Clone, Debug)]
pub enum Step {
    Book { wish: Wish, provisional: Option<i64> },
    Repeat { wish: Wish, series: Series },
    Change { by: Who, which: usize, change: Change },
    Move { by: Who, which: usize, to: Move },
    CancelSeries { by: Who, which: usize, from: Option<i64> },
    Block { resource: usize, units: Option<u32>, start: i64, end: i64 },
    Unblock { which: usize },
    Resize { resource: usize, units: u32 },
    Wait { minutes: i64 },
}

/// What somebody wants to book.
#[derive(Clone, Debug)]
pub struct Wish {
    pub by: Who,
    pub event_type: usize,
    pub items: Items,
    pub start: i64,
    pub minutes: i64,
    pub ignoring: bool,
}

/// How often it is wanted.
#[derive(Clone, Debug)]
pub struct Series {
    /// Days from one occurrence to the next.
    pub every: i64,
    pub count: i64,
    /// What cannot be had is left out.
    pub skipping: bool,
    /// Only to see what would come of it.
    pub dry: bool,
}

/// What becomes of a booking that stays where it is.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Confirm,
    Decline,
    Cancel,
    Complete,
    MarkNoShow,
}

/// Where to move a booking.
#[derive(Clone, Debug)]
pub struct Move {
    pub start: i64,
    pub minutes: Option<i64>,
    pub resource: Option<usize>,
    pub ignoring: bool,
}

/// A question for slots.
#[derive(Debug)]
pub struct Question {
    pub event_type: usize,
    pub items: Items,
    pub minutes: i64,
    /// Which day, counted from the one before the sequence began.
    pub day: i64,
    /// Who asks, to move which booking.
    pub moving: Option<(Who, usize)>,
}

impl Step {
    /// What it is called where it has to have been done.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Book { provisional: None, .. } => "book",
            Self::Book { .. } => "book provisionally",
            Self::Repeat { series: Series { dry: true, .. }, .. } => "see what a series would come to",
            Self::Repeat { series: Series { skipping: true, .. }, .. } => "repeat what can be had",
            Self::Repeat { .. } => "repeat all",
            Self::Change { change, .. } => match change {
                Change::Confirm => "confirm",
                Change::Decline => "decline",
                Change::Cancel => "cancel",
                Change::Complete => "complete",
                Change::MarkNoShow => "mark as no-show",
            },
            Self::Move { to: Move { ignoring: true, .. }, .. } => "move, ignoring the schedule",
            Self::Move { to: Move { resource: Some(_), .. }, .. } => "move to another resource",
            Self::Move { .. } => "move",
            Self::CancelSeries { .. } => "cancel a series",
            Self::Block { .. } => "block",
            Self::Unblock { .. } => "unblock",
            Self::Resize { .. } => "resize",
            Self::Wait { .. } => "wait",
        }
    }
}

/// The next step.
pub fn next(choices: &mut Choices, model: &Naive) -> Step {
    let are_booked = !model.bookings.is_empty();
    loop {
        return match choices.below(40) {
            0..=10 => book(choices, model),
            11..=13 => Step::Repeat { wish: wish(choices, model), series: series(choices) },
            14..=22 if are_booked => change(choices, model),
            23..=28 if are_booked => {
                let (by, which) = somebody_and_booking(choices, model);
                Step::Move { by, which, to: to(choices, model, by, &model.bookings[which]) }
            }
            29 if !model.series.is_empty() => {
                let which = choices.below(model.series.len());
                let by = if choices.below(2) == 0 { model.series[which].0 } else { who(choices) };
                let from = (choices.below(2) == 0).then(|| around(choices, model) + number(choices, 3) * DAY);
                Step::CancelSeries { by, which, from }
            }
            30 | 31 => block(choices, model),
            32 | 33 if !model.blocks.is_empty() => Step::Unblock { which: choices.below(model.blocks.len()) },
            34 => Step::Resize { resource: 1 + choices.below(2), units: units(choices) },
            35..=37 => Step::Wait { minutes: number(choices, 180) },
            38 | 39 => Step::Wait { minutes: number(choices, 20) },
            _ => continue,
        };
    }
}

/// What is worth asking after `step`.
pub fn question(choices: &mut Choices, step: &Step, model: &Naive) -> Question {
    let (event_type, minutes) = offered(choices);
    let (mut items, mut moving) = (items(choices), None);
    let mut day = model.now / DAY + number(choices, 2);
    // Preferably about what was just done, or about some booking.
    if let Step::Block { resource, .. } | Step::Resize { resource, .. } = step {
        items = vec![(*resource, 1)];
    } else if !model.bookings.is_empty() && choices.below(2) == 0 {
        let (by, which) = somebody_and_booking(choices, model);
        moving = Some((by, which));
        let booking = &model.bookings[which];
        day = booking.start.div_euclid(DAY);
        if choices.below(2) == 0 {
            items.clone_from(&booking.items);
        }
    }
    Question { event_type, items, minutes, day, moving }
}

fn book(choices: &mut Choices, model: &Naive) -> Step {
    let wish = wish(choices, model);
    let provisional = (choices.below(3) == 0).then(|| 1 + number(choices, 60));
    // Whoever has something provisional wants more of it, where there is room, until it is too much.
    match model.bookings.iter().rfind(|booking| booking.status == "PROVISIONAL") {
        Some(kept) if choices.below(2) == 0 => {
            let start = wish.start + number(choices, 3) * DAY;
            Step::Book { wish: Wish { by: kept.by, ignoring: false, start, ..wish }, provisional: Some(60) }
        }
        _ => Step::Book { wish, provisional },
    }
}

fn wish(choices: &mut Choices, model: &Naive) -> Wish {
    let by = who(choices);
    let (event_type, minutes) = offered(choices);
    let start = around(choices, model);
    let ignoring = by == Who::Staff && choices.below(2) == 0;
    Wish { by, event_type, items: items(choices), start, minutes, ignoring }
}

fn series(choices: &mut Choices) -> Series {
    Series {
        every: [1, 1, 2, 7][choices.below(4)],
        count: 1 + number(choices, 4),
        skipping: choices.below(2) == 0,
        dry: choices.below(4) == 0,
    }
}

fn change(choices: &mut Choices, model: &Naive) -> Step {
    let (mut by, mut which) = somebody_and_booking(choices, model);
    let change =
        [Change::Confirm, Change::Decline, Change::Cancel, Change::Cancel, Change::Complete, Change::MarkNoShow]
            [choices.below(6)];
    // Preferably what has begun is said to have taken place.
    let has_begun =
        |booking: &Booking| booking.start <= model.now && ["CONFIRMED", "NO_SHOW"].contains(&booking.status);
    if let (Change::Complete, Some(begun)) = (change, model.bookings.iter().rposition(has_begun)) {
        which = begun;
    }
    // What staff alone may is seldom tried by others.
    if change != Change::Cancel && choices.below(8) != 0 {
        by = Who::Staff;
    }
    Step::Change { by, which, change }
}

/// A booking, and who wants something of it: mostly whoever made it.
fn somebody_and_booking(choices: &mut Choices, model: &Naive) -> (Who, usize) {
    // Now and then what has lapsed, mostly what something can become of.
    let wanted: &[&str] = match choices.below(8) {
        0 => &["EXPIRED"],
        1..=3 => &["PROVISIONAL", "PENDING"],
        4 | 5 => &["CONFIRMED", "COMPLETED", "NO_SHOW"],
        _ => &[],
    };
    let is_wanted = |(_, booking): &(usize, &Booking)| wanted.contains(&booking.status);
    let found: Vec<usize> = model.bookings.iter().enumerate().filter(is_wanted).map(|(which, _)| which).collect();
    let which = match found.len() {
        0 => choices.below(model.bookings.len()),
        count => found[choices.below(count)],
    };
    (if choices.below(2) == 0 { model.bookings[which].by } else { who(choices) }, which)
}

fn to(choices: &mut Choices, model: &Naive, by: Who, booking: &Booking) -> Move {
    let start = match choices.below(4) {
        0 => booking.start,
        1 | 2 => booking.start + (number(choices, 9) - 4) * QUARTER,
        _ => around(choices, model),
    };
    let durations = EVENT_TYPES[booking.event_type].durations;
    Move {
        start,
        minutes: (choices.below(3) == 0).then(|| i64::from(durations[choices.below(durations.len())])),
        resource: (choices.below(3) == 0).then(|| choices.below(3)),
        ignoring: by == Who::Staff && choices.below(2) == 0,
    }
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
