//! The model: everything that was booked and blocked in one list, and the rules as one would tell them.

use super::steps::{Question, Step, Who};
use super::world::EVENT_TYPES;

/// Minutes of a quarter hour and of a day.
pub const QUARTER: i64 = 15;
pub const DAY: i64 = 24 * 60;

/// What the model knows.
pub struct Naive {
    /// Minutes after the midnight before it began.
    pub now: i64,
    capacities: [u32; 3],
    taken: Vec<Taken>,
}

/// Something that takes time, or has taken it.
pub struct Taken {
    pub id: String,
    pub what: What,
    items: Vec<(usize, u32)>,
    start: i64,
    /// The quarter hours that it occupies: the first, and the first that it does not.
    occupied: (i64, i64),
}

pub enum What {
    Booking { by: Who, status: &'static str },
    Block { stands: bool },
}

impl Naive {
    pub fn new(now: i64, capacities: [u32; 3]) -> Self {
        Self { now, capacities, taken: Vec::new() }
    }

    pub fn bookings(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(|taken| matches!(taken.what, What::Booking { .. }))
    }

    pub fn blocks(&self) -> impl Iterator<Item = &Taken> {
        self.taken.iter().filter(|taken| matches!(taken.what, What::Block { .. }))
    }

    /// Who made the booking at a place in the list.
    pub fn booker(&self, which: usize) -> Who {
        match self.bookings().nth(which).unwrap().what {
            What::Booking { by, .. } => by,
            What::Block { .. } => panic!("no booking"),
        }
    }

    /// What should come of `step`: nothing to say, or the code of the refusal.
    pub fn expect(&self, step: &Step) -> Result<(), &'static str> {
        match step {
            Step::Book { items, start, ignoring, .. } => {
                if *start < self.now && !ignoring {
                    return Err("IN_THE_PAST");
                }
                self.room(items, occupied(step))
            }
            Step::Cancel { by, which } => self.cancel(*by, self.bookings().nth(*which).unwrap()),
            Step::Block { resource, units, .. } => {
                let units = units.unwrap_or(self.capacities[*resource]);
                self.room(&[(*resource, units)], occupied(step))
            }
            Step::Unblock { which } => match self.blocks().nth(*which).unwrap().what {
                What::Block { stands: true } => Ok(()),
                _ => Err("NOT_FOUND"),
            },
            Step::Resize { resource, units } => {
                // Whatever is taken from the present quarter hour on has to fit.
                let last = self.taken.iter().map(|taken| taken.occupied.1).max().unwrap_or(0);
                let fits = (self.now.div_euclid(QUARTER)..last).all(|quarter| self.units(*resource, quarter) <= *units);
                if *units >= self.capacities[*resource] || fits { Ok(()) } else { Err("NOT_ENOUGH_UNITS") }
            }
            Step::Wait { .. } => Ok(()),
        }
    }

    /// Takes in what came of `step`, which made something with `id` if it made anything.
    pub fn apply(&mut self, step: &Step, id: String) {
        match step {
            Step::Book { by, event_type, items, start, .. } => {
                let waits = EVENT_TYPES[*event_type].requires_confirmation && *by != Who::Staff;
                let status = if waits { "PENDING" } else { "CONFIRMED" };
                let what = What::Booking { by: *by, status };
                self.taken.push(Taken { id, what, items: items.clone(), start: *start, occupied: occupied(step) });
            }
            Step::Cancel { which, .. } => {
                let which = self.bookings().nth(*which).unwrap().id.clone();
                self.becomes(&which, "CANCELLED");
            }
            Step::Block { resource, units, start, .. } => {
                let items = vec![(*resource, units.unwrap_or(self.capacities[*resource]))];
                let what = What::Block { stands: true };
                self.taken.push(Taken { id, what, items, start: *start, occupied: occupied(step) });
            }
            Step::Unblock { which } => {
                let which = self.blocks().nth(*which).unwrap().id.clone();
                let block = self.taken.iter_mut().find(|taken| taken.id == which).unwrap();
                block.what = What::Block { stands: false };
            }
            Step::Resize { resource, units } => self.capacities[*resource] = *units,
            Step::Wait { minutes } => self.now += minutes,
        }
        // What waits to be confirmed lapses at its start.
        for taken in &mut self.taken {
            if let What::Booking { status, .. } = &mut taken.what
                && *status == "PENDING"
                && taken.start <= self.now
            {
                *status = "EXPIRED";
            }
        }
    }

    /// What is offered: each start, and how many units of the primary resource are left there.
    pub fn slots(&self, question: &Question) -> Vec<(i64, u32)> {
        let (buffers, minutes) = (EVENT_TYPES[question.event_type].buffers, question.minutes);
        let starts = (0..DAY / QUARTER).map(|quarter| question.day * DAY + quarter * QUARTER);
        starts
            .filter(|start| *start >= self.now)
            .map(|start| (start, quarters(start, minutes, buffers)))
            .filter(|(_, span)| self.room(&question.items, *span).is_ok())
            .map(|(start, span)| (start, self.left(question.items[0].0, span)))
            .collect()
    }

    fn cancel(&self, by: Who, booking: &Taken) -> Result<(), &'static str> {
        let What::Booking { by: booker, status } = booking.what else { panic!("no booking") };
        match status {
            _ if by != Who::Staff && by != booker => Err("NOT_FOUND"),
            "CANCELLED" => Ok(()),
            "PENDING" | "CONFIRMED" if by == Who::Staff || self.now < booking.start => Ok(()),
            "PENDING" | "CONFIRMED" => Err("TOO_LATE_TO_CANCEL"),
            _ => Err("ILLEGAL_TRANSITION"),
        }
    }

    fn becomes(&mut self, id: &str, after: &'static str) {
        let booking = self.taken.iter_mut().find(|taken| taken.id == id).unwrap();
        if let What::Booking { status, .. } = &mut booking.what {
            *status = after;
        }
    }

    /// Whether all of `items` can be had for a span.
    fn room(&self, items: &[(usize, u32)], span: (i64, i64)) -> Result<(), &'static str> {
        if items.iter().any(|(resource, units)| *units > self.capacities[*resource]) {
            return Err("NOT_ENOUGH_UNITS");
        }
        let has_room = items.iter().all(|(resource, units)| self.left(*resource, span) >= *units);
        if has_room { Ok(()) } else { Err("SLOT_TAKEN") }
    }

    /// How many units of a resource are left throughout a span.
    fn left(&self, resource: usize, (from, to): (i64, i64)) -> u32 {
        let capacity = self.capacities[resource];
        (from..to).map(|quarter| capacity.saturating_sub(self.units(resource, quarter))).min().unwrap()
    }

    /// How many units of a resource are taken in a quarter hour.
    fn units(&self, resource: usize, quarter: i64) -> u32 {
        let there = self
            .taken
            .iter()
            .filter(|taken| taken.holds_time() && taken.occupied.0 <= quarter && quarter < taken.occupied.1);
        there.flat_map(|taken| &taken.items).filter(|(of, _)| *of == resource).map(|(_, units)| units).sum()
    }
}

impl Taken {
    pub fn has_lapsed(&self) -> bool {
        matches!(self.what, What::Booking { status: "EXPIRED", .. })
    }

    fn holds_time(&self) -> bool {
        match self.what {
            What::Booking { status, .. } => {
                ["PROVISIONAL", "PENDING", "CONFIRMED", "COMPLETED", "NO_SHOW"].contains(&status)
            }
            What::Block { stands } => stands,
        }
    }
}

/// What a step that takes time would occupy.
fn occupied(step: &Step) -> (i64, i64) {
    match step {
        Step::Book { event_type, start, minutes, .. } => quarters(*start, *minutes, EVENT_TYPES[*event_type].buffers),
        Step::Block { start, end, .. } => quarters(*start, end - start, (0, 0)),
        _ => panic!("{step:?} takes no time"),
    }
}

/// The quarter hours of an event with its buffers, widened outward.
fn quarters(start: i64, minutes: i64, (before, after): (u32, u32)) -> (i64, i64) {
    let (from, to) = (start - i64::from(before), start + minutes + i64::from(after));
    (from.div_euclid(QUARTER), (to + QUARTER - 1).div_euclid(QUARTER))
}
