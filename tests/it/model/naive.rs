//! The model: everything that was ever booked and blocked in two lists, and the rules as one would tell them.

use super::steps::{Change, Items, Move, Question, Series, Step, Who, Wish};
use super::world::EVENT_TYPES;

/// Minutes of a quarter hour and of a day.
pub const QUARTER: i64 = 15;
pub const DAY: i64 = 24 * 60;
/// How many provisional bookings one may have.
const PROVISIONAL_AT_ONCE: usize = 3;

/// What the model knows.
pub struct Naive {
    /// Minutes after the midnight before it began.
    pub now: i64,
    capacities: [u32; 3],
    pub bookings: Vec<Booking>,
    pub blocks: Vec<Block>,
    /// Who made each series, and its id.
    pub series: Vec<(Who, String)>,
}

#[derive(Clone)]
pub struct Booking {
    /// As the server calls it; empty until that is known.
    pub id: String,
    pub by: Who,
    pub event_type: usize,
    pub items: Items,
    pub start: i64,
    pub minutes: i64,
    pub status: &'static str,
    /// Until when it is kept if it is provisional.
    kept_until: i64,
    series: Option<usize>,
}

pub struct Block {
    pub id: String,
    pub stands: bool,
    items: Items,
    occupied: (i64, i64),
}

/// What is answered: the code of the refusal, and what else is told. That is the status after a change; for a series
/// what became of each occurrence; for what was cancelled together the ids.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Told {
    pub refusal: Option<String>,
    pub details: Vec<String>,
}

impl Told {
    pub fn refused(code: &str) -> Self {
        Self { refusal: Some(code.to_owned()), details: Vec::new() }
    }

    pub fn done(detail: &str) -> Self {
        Self { refusal: None, details: vec![detail.to_owned()] }
    }
}

impl From<Result<&str, &str>> for Told {
    fn from(outcome: Result<&str, &str>) -> Self {
        outcome.map_or_else(Self::refused, Self::done)
    }
}

impl Naive {
    pub fn new(now: i64, capacities: [u32; 3]) -> Self {
        Self { now, capacities, bookings: Vec::new(), blocks: Vec::new(), series: Vec::new() }
    }

    /// Does `step`: what should be told of it. What it makes gets its ids from [`Naive::name`].
    pub fn play(&mut self, step: &Step) -> Told {
        match step {
            Step::Book { wish, provisional } => self.book(wish, *provisional).into(),
            Step::Repeat { wish, series } => self.repeat(wish, series),
            Step::Change { by, which, change } => self.change(*by, *which, *change).into(),
            Step::Move { by, which, to } => self.reschedule(*by, *which, to).into(),
            Step::CancelSeries { by, which, from } => self.cancel_series(*by, *which, *from),
            Step::Block { resource, units, start, end } => {
                let items = vec![(*resource, units.unwrap_or(self.capacities[*resource]))];
                let occupied = quarters(*start, end - start, (0, 0));
                let room = self.room(&items, occupied, None);
                if room.is_ok() {
                    self.blocks.push(Block { id: String::new(), stands: true, items, occupied });
                }
                room.map(|()| "").into()
            }
            Step::Unblock { which } => {
                let stood = std::mem::replace(&mut self.blocks[*which].stands, false);
                if stood { Told::done("") } else { Told::refused("NOT_FOUND") }
            }
            Step::Resize { resource, units } => self.resize(*resource, *units).into(),
            Step::Wait { minutes } => {
                self.now += minutes;
                self.lapse();
                Told::default()
            }
        }
    }

    /// Takes in how the server calls what was made last.
    pub fn name(&mut self, ids: Vec<String>) {
        let bookings = self.bookings.iter_mut().map(|booking| &mut booking.id);
        let blocks = self.blocks.iter_mut().map(|block| &mut block.id);
        let series = self.series.iter_mut().map(|(_, id)| id);
        let mut unnamed: Vec<_> = series.chain(bookings).chain(blocks).filter(|id| id.is_empty()).collect();
        assert_eq!(unnamed.len(), ids.len(), "the server made {ids:?}");
        unnamed.iter_mut().zip(ids).for_each(|(unnamed, id)| **unnamed = id);
    }

    /// What is told of each start of a day: how many units of the primary resource are left there, and why it cannot
    /// be had.
    pub fn slots(&self, question: &Question) -> Vec<(i64, u32, Option<String>)> {
        let (buffers, minutes) = (EVENT_TYPES[question.event_type].buffers, question.minutes);
        let own = question.moving.filter(|(by, which)| self.may_see(*by, *which) && self.is_movable(*by, *which));
        let own = own.map(|(_, which)| which);
        let starts = (0..DAY / QUARTER).map(|quarter| question.day * DAY + quarter * QUARTER);
        let slot = |start| {
            let span = quarters(start, minutes, buffers);
            let refused = if start < self.now { Err("IN_THE_PAST") } else { self.room(&question.items, span, own) };
            (start, self.left(question.items[0].0, span, own), refused.err().map(str::to_owned))
        };
        starts.map(slot).collect()
    }

    fn book(&mut self, wish: &Wish, provisional: Option<i64>) -> Result<&'static str, &'static str> {
        if (wish.start < self.now && !wish.ignoring) || (provisional.is_some() && wish.start <= self.now) {
            return Err("IN_THE_PAST");
        }
        let booking = self.wished(wish, wish.start, provisional);
        self.room(&booking.items, booking.occupied(), None)?;
        let kept = self.bookings.iter().filter(|other| other.by == wish.by && other.status == "PROVISIONAL");
        if provisional.is_some() && kept.count() >= PROVISIONAL_AT_ONCE {
            return Err("LIMIT_EXCEEDED");
        }
        self.bookings.push(booking);
        self.lapse();
        Ok(self.bookings.last().unwrap().status)
    }

    /// Every occurrence beside what those before it take: all are tried, and given back where nothing is to be made.
    fn repeat(&mut self, wish: &Wish, series: &Series) -> Told {
        let (before, number) = (self.bookings.len(), self.series.len());
        let mut details: Vec<Result<&str, &str>> = Vec::new();
        for occurrence in 0..series.count {
            let made = self.book(&Wish { start: wish.start + occurrence * series.every * DAY, ..wish.clone() }, None);
            if made.is_ok() {
                self.bookings.last_mut().unwrap().series = Some(number);
            }
            details.push(made);
        }
        let first_refused = details.iter().find_map(|detail| detail.err());
        let none = details.iter().all(Result::is_err);
        let refusal = first_refused.filter(|_| none || !series.skipping);
        if refusal.is_some() || series.dry {
            self.bookings.truncate(before);
            details.iter_mut().flatten().for_each(|status| *status = "");
        } else {
            self.series.push((wish.by, String::new()));
        }
        let detail = |detail: &Result<&str, &str>| detail.unwrap_or_else(|code| code).to_owned();
        Told { refusal: refusal.map(str::to_owned), details: details.iter().map(detail).collect() }
    }

    fn wished(&self, wish: &Wish, start: i64, provisional: Option<i64>) -> Booking {
        let waits = EVENT_TYPES[wish.event_type].requires_confirmation && wish.by != Who::Staff;
        let status = match provisional {
            Some(_) => "PROVISIONAL",
            None if waits => "PENDING",
            None => "CONFIRMED",
        };
        Booking {
            id: String::new(),
            by: wish.by,
            event_type: wish.event_type,
            items: wish.items.clone(),
            start,
            minutes: wish.minutes,
            status,
            kept_until: self.now + provisional.unwrap_or(0),
            series: None,
        }
    }

    /// The status after a change that does not move it.
    fn change(&mut self, by: Who, which: usize, change: Change) -> Result<&'static str, &'static str> {
        let (status, start) = (self.bookings[which].status, self.bookings[which].start);
        if change != Change::Cancel && by != Who::Staff {
            return Err("FORBIDDEN");
        }
        if !self.may_see(by, which) {
            return Err("NOT_FOUND");
        }
        let after = match change {
            Change::Confirm => "CONFIRMED",
            Change::Decline => "DECLINED",
            Change::Cancel => "CANCELLED",
            Change::Complete => "COMPLETED",
            Change::MarkNoShow => "NO_SHOW",
        };
        let has_started = start <= self.now;
        match (status, change) {
            _ if status == after => {}
            ("PROVISIONAL" | "PENDING" | "CONFIRMED", Change::Cancel) if by != Who::Staff && has_started => {
                return Err("TOO_LATE_TO_CANCEL");
            }
            ("PROVISIONAL" | "PENDING", Change::Confirm | Change::Cancel)
            | ("PENDING", Change::Decline)
            | ("CONFIRMED", Change::Cancel)
            | ("COMPLETED", Change::MarkNoShow)
            | ("NO_SHOW", Change::Complete) => {}
            ("CONFIRMED", Change::Complete | Change::MarkNoShow) if has_started => {}
            _ => return Err("ILLEGAL_TRANSITION"),
        }
        self.bookings[which].status = after;
        Ok(after)
    }

    fn reschedule(&mut self, by: Who, which: usize, to: &Move) -> Result<&'static str, &'static str> {
        if !self.may_see(by, which) {
            return Err("NOT_FOUND");
        }
        if !self.is_movable(by, which) {
            return Err("ILLEGAL_TRANSITION");
        }
        let before = &self.bookings[which];
        let mut after = Booking { start: to.start, minutes: to.minutes.unwrap_or(before.minutes), ..before.clone() };
        after.items[0].0 = to.resource.unwrap_or(before.items[0].0);
        if (after.start, after.minutes, after.items[0]) == (before.start, before.minutes, before.items[0]) {
            return Ok(before.status);
        }
        if after.items[1..].iter().any(|(add_on, _)| *add_on == after.items[0].0) {
            return Err("INVALID");
        }
        if EVENT_TYPES[after.event_type].requires_confirmation && by != Who::Staff {
            after.status = "PENDING";
        }
        if (after.start < self.now && !to.ignoring) || (after.start <= self.now && after.status == "PENDING") {
            return Err("IN_THE_PAST");
        }
        self.room(&after.items, after.occupied(), Some(which))?;
        self.bookings[which] = after;
        Ok(self.bookings[which].status)
    }

    fn cancel_series(&mut self, by: Who, which: usize, from: Option<i64>) -> Told {
        if by != Who::Staff && by != self.series[which].0 {
            return Told::refused("NOT_FOUND");
        }
        let now = self.now;
        let wanted = |booking: &&mut Booking| {
            let is_wanted = from.map_or(now < booking.start, |from| from <= booking.start);
            let may = by == Who::Staff || now < booking.start;
            booking.series == Some(which) && is_wanted && may && ["PENDING", "CONFIRMED"].contains(&booking.status)
        };
        let mut cancelled: Vec<_> = self.bookings.iter_mut().filter(wanted).collect();
        for booking in &mut cancelled {
            booking.status = "CANCELLED";
        }
        cancelled.sort_by(|a, b| (a.start, &a.id).cmp(&(b.start, &b.id)));
        Told { refusal: None, details: cancelled.iter().map(|booking| booking.id.clone()).collect() }
    }

    fn resize(&mut self, resource: usize, units: u32) -> Result<&'static str, &'static str> {
        // Whatever is taken from the present quarter hour on has to fit.
        let last = self.taken(None).map(|(_, (_, end))| end).max().unwrap_or(0);
        let mut from_now_on = self.now.div_euclid(QUARTER)..last;
        if units < self.capacities[resource] && from_now_on.any(|quarter| self.units(resource, quarter, None) > units) {
            return Err("NOT_ENOUGH_UNITS");
        }
        self.capacities[resource] = units;
        Ok("")
    }

    fn may_see(&self, by: Who, which: usize) -> bool {
        by == Who::Staff || by == self.bookings[which].by
    }

    fn is_movable(&self, by: Who, which: usize) -> bool {
        let booking = &self.bookings[which];
        ["PENDING", "CONFIRMED"].contains(&booking.status) && (by == Who::Staff || self.now < booking.start)
    }

    /// What waits to be confirmed lapses at its start, what is provisional when its minutes are up as well.
    fn lapse(&mut self) {
        for booking in &mut self.bookings {
            let lapses = match booking.status {
                "PROVISIONAL" => booking.start.min(booking.kept_until) <= self.now,
                "PENDING" => booking.start <= self.now,
                _ => false,
            };
            if lapses {
                booking.status = "EXPIRED";
            }
        }
    }

    /// Whether all of `items` can be had for a span, where the time of one booking may count as free.
    fn room(&self, items: &[(usize, u32)], span: (i64, i64), without: Option<usize>) -> Result<(), &'static str> {
        if items.iter().any(|(resource, units)| *units > self.capacities[*resource]) {
            return Err("NOT_ENOUGH_UNITS");
        }
        let has_room = items.iter().all(|(resource, units)| self.left(*resource, span, without) >= *units);
        if has_room { Ok(()) } else { Err("SLOT_TAKEN") }
    }

    /// How many units of a resource are left throughout a span.
    fn left(&self, resource: usize, (from, to): (i64, i64), without: Option<usize>) -> u32 {
        let capacity = self.capacities[resource];
        (from..to).map(|quarter| capacity.saturating_sub(self.units(resource, quarter, without))).min().unwrap()
    }

    /// How many units of a resource are taken in a quarter hour.
    fn units(&self, resource: usize, quarter: i64, without: Option<usize>) -> u32 {
        let there = self.taken(without).filter(|(_, (from, to))| *from <= quarter && quarter < *to);
        there.flat_map(|(items, _)| items).filter(|(of, _)| *of == resource).map(|(_, units)| units).sum()
    }

    /// All that takes time, but for one booking.
    fn taken(&self, without: Option<usize>) -> impl Iterator<Item = (&Items, (i64, i64))> {
        let others = self.bookings.iter().enumerate().filter(move |(which, _)| Some(*which) != without);
        let bookings = others.map(|(_, booking)| booking).filter(|booking| booking.holds_time());
        let blocks = self.blocks.iter().filter(|block| block.stands).map(|block| (&block.items, block.occupied));
        bookings.map(|booking| (&booking.items, booking.occupied())).chain(blocks)
    }
}

impl Booking {
    fn holds_time(&self) -> bool {
        ["PROVISIONAL", "PENDING", "CONFIRMED", "COMPLETED", "NO_SHOW"].contains(&self.status)
    }

    fn occupied(&self) -> (i64, i64) {
        quarters(self.start, self.minutes, EVENT_TYPES[self.event_type].buffers)
    }
}

/// The quarter hours of an event with its buffers, widened outward: the first, and the first that it does not occupy.
fn quarters(start: i64, minutes: i64, (before, after): (u32, u32)) -> (i64, i64) {
    let (from, to) = (start - i64::from(before), start + minutes + i64::from(after));
    (from.div_euclid(QUARTER), (to + QUARTER - 1).div_euclid(QUARTER))
}
