//! Where something can start, and which of these starts are to be had.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

use crate::domain::local_time::{days_after, days_before, first_instant, local_date};
use crate::domain::quantum::{QUANTUM_MINUTES, Quantum, QuantumSpan};
use crate::domain::refusal::Refusal;
use crate::domain::schedule::OpenHours;

use super::bitmap::Bitmap;
use super::occupancy::Occupancy;
use super::rules::{ClockRules, Load};
use super::terms::Terms;
use super::width;

/// Which starts an answer lists.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Those that can be had.
    Offered,
    /// Every start of the grid that fits, with the reason where it cannot be had.
    All,
}

/// A start, and whether it can be had.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct OfferedSlot {
    /// First instant of the event.
    pub start: DateTime<Utc>,
    /// First instant after it.
    pub end: DateTime<Utc>,
    /// Units of the primary resource that are free throughout, buffers included.
    pub remaining: u32,
    /// Why it cannot be had; `None` when it can.
    pub unavailable: Option<Refusal>,
}

/// The starts of a day (or any other span), and how long this stays so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayOffer {
    /// In chronological order.
    pub slots: Vec<OfferedSlot>,
    /// The first instant at which the clock alone changes `slots`; `None` when it never will.
    pub valid_until: Option<DateTime<Utc>>,
}

/// The starts within a span at which the schedules leave room for what is asked for.
#[derive(Clone, Debug)]
pub struct DayGrid<'a> {
    terms: &'a Terms,
    starts: QuantumSpan,
    /// A bit for each quantum of `starts`.
    fitting: Bitmap,
}

impl Terms {
    /// Lays out the starts in `starts` that are of the grid, and from which it fits into what is open.
    #[must_use]
    pub fn grid(&self, starts: QuantumSpan) -> DayGrid<'_> {
        let mut fitting =
            grid_starts(&self.open, starts, self.quanta_of_event(), i64::from(self.interval_minutes) / QUANTUM_MINUTES);
        for add_on in &self.add_ons {
            fitting.retain(&open_starts(&add_on.open, starts, self.quanta_of_event()));
        }
        DayGrid { terms: self, starts, fitting }
    }

    /// What can be had of the starts in `starts` at `now`. `occupancy` has to hold [`Terms::occupancy_needed`].
    #[must_use]
    pub fn day(&self, starts: QuantumSpan, occupancy: &Occupancy, now: DateTime<Utc>, listing: Listing) -> DayOffer {
        self.grid(starts).offer(occupancy, now, listing)
    }

    /// How many of the starts in `starts` can be had at `now`, and until when that stays so: what
    /// [`Terms::day`] says, without making the list.
    #[must_use]
    pub fn day_count(
        &self,
        starts: QuantumSpan,
        occupancy: &Occupancy,
        now: DateTime<Utc>,
    ) -> (u32, Option<DateTime<Utc>>) {
        self.grid(starts).count(occupancy, now)
    }
}

impl DayGrid<'_> {
    /// Whether the start `quantum` is one of them.
    pub(super) fn has(&self, quantum: Quantum) -> bool {
        quantum >= self.starts.start && self.fitting.is_set(self.bit(quantum))
    }

    /// What can be had of them at `now`. `occupancy` has to hold [`Terms::occupancy_needed`] of the grid's span.
    #[must_use]
    pub fn offer(&self, occupancy: &Occupancy, now: DateTime<Utc>, listing: Listing) -> DayOffer {
        let clock = ClockRules::new(self.terms, now);
        let load = Load::read(self.terms, self.starts, occupancy);
        let (watched, listed) = match listing {
            Listing::All => (self.fitting.clone(), self.fitting.clone()),
            Listing::Offered => {
                let free = self.free(&load);
                let admitted = self.admitted(&free, &clock);
                (free, admitted)
            }
        };
        let exceeded = self.terms.exceeded().is_some();
        let mut slots = Vec::with_capacity(listed.count() as usize);
        slots.extend(listed.ones().map(|bit| {
            let (start, end) = self.terms.event_span(self.quantum(bit).start());
            let taken = || load.taken.is_set(bit).then_some(Refusal::SlotTaken);
            let unavailable = match listing {
                Listing::Offered => None,
                Listing::All if exceeded => clock.refusal(start).or(Some(Refusal::NotEnoughUnits)),
                Listing::All => clock.refusal(start).or_else(taken),
            };
            OfferedSlot { start, end, remaining: load.remaining(bit), unavailable }
        }));
        DayOffer { slots, valid_until: self.valid_until(&watched, &clock, listing) }
    }

    /// How many of them can be had at `now`, and until when that stays so.
    #[must_use]
    pub fn count(&self, occupancy: &Occupancy, now: DateTime<Utc>) -> (u32, Option<DateTime<Utc>>) {
        let clock = ClockRules::new(self.terms, now);
        let free = self.free(&Load::read(self.terms, self.starts, occupancy));
        (self.admitted(&free, &clock).count(), self.valid_until(&free, &clock, Listing::Offered))
    }

    /// Those of them that nothing but the clock can refuse.
    fn free(&self, load: &Load) -> Bitmap {
        if self.terms.exceeded().is_some() {
            return Bitmap::new(self.fitting.len());
        }
        let mut free = self.fitting.clone();
        free.remove(&load.taken);
        free
    }

    /// Those of `starts` that the clock refuses neither.
    fn admitted(&self, starts: &Bitmap, clock: &ClockRules) -> Bitmap {
        let mut admitted = Bitmap::new(starts.len());
        let end = clock.far_from.map_or(starts.len(), |far| self.bit(Quantum::at_or_after(far)));
        admitted.set_range(self.bit(Quantum::at_or_after(clock.soon_before)), end);
        admitted.retain(starts);
        admitted
    }

    /// The first instant after `now` at which the clock changes what is said of `watched`: of all starts that are
    /// listed, or of those that could be offered.
    fn valid_until(&self, watched: &Bitmap, clock: &ClockRules, listing: Listing) -> Option<DateTime<Utc>> {
        // A start is there at its very limit, and gone with the next millisecond.
        let tick = TimeDelta::milliseconds(1);
        let first_from = |limit: DateTime<Utc>| {
            watched.first_from(self.bit(Quantum::at_or_after(limit))).map(|bit| self.quantum(bit).start())
        };
        let too_soon = first_from(clock.soon_before)
            .filter(|start| listing == Listing::All || clock.far_from.is_none_or(|far| *start < far))
            .map(|start| start - self.terms.notice() + tick);
        let past = (listing == Listing::All).then(|| first_from(clock.now)).flatten().map(|start| start + tick);
        let near = self.next_admission(watched, clock);
        [too_soon, past, near].into_iter().flatten().min()
    }

    /// The first instant after `now` at which the horizon reaches one of `watched` that can still be had by then.
    fn next_admission(&self, watched: &Bitmap, clock: &ClockRules) -> Option<DateTime<Utc>> {
        let zone = self.terms.primary.time_zone;
        let days_ahead = self.terms.max_days_ahead()?;
        let mut next = watched.first_from(self.bit(Quantum::at_or_after(clock.far_from?)));
        while let Some(bit) = next {
            let date = local_date(zone, self.quantum(bit).start());
            let reached_at = first_instant(zone, days_before(date, days_ahead));
            let next_day = self.bit(Quantum::at_or_after(first_instant(zone, days_after(date, 1))));
            let in_time = bit.max(self.bit(Quantum::at_or_after(reached_at + self.terms.notice())));
            if watched.first_from(in_time).is_some_and(|bit| bit < next_day) {
                return Some(reached_at);
            }
            next = watched.first_from(next_day);
        }
        None
    }

    /// The bit of a quantum; of one before the span, the first.
    fn bit(&self, quantum: Quantum) -> usize {
        width(quantum.0 - self.starts.start.0)
    }

    fn quantum(&self, bit: usize) -> Quantum {
        // A bit counts quanta of a span, and their number is an i64.
        self.starts.start.plus(i64::try_from(bit).unwrap_or(i64::MAX))
    }
}

/// The local days of `zone` that have a quantum in `span`, each with the quanta that start in it.
fn local_days(zone: Tz, span: QuantumSpan) -> Vec<QuantumSpan> {
    let mut date = local_date(zone, span.start_at());
    let mut start = Quantum::at_or_after(first_instant(zone, date));
    let mut days = Vec::new();
    while start < span.end {
        date = days_after(date, 1);
        let end = Quantum::at_or_after(first_instant(zone, date));
        days.push(QuantumSpan::new(start, end));
        start = end;
    }
    days
}

/// The starts of `open`'s grid from which `fit` quanta stay within one run. The grid begins at a run's first instant
/// in each local day and goes on every `interval` quanta.
fn grid_starts(open: &OpenHours, starts: QuantumSpan, fit: i64, interval: i64) -> Bitmap {
    let interval = width(interval);
    let mut fitting = Bitmap::new(width(starts.len()));
    let runs = open.runs(starts, fit);
    if runs.is_empty() {
        return fitting;
    }
    for day in local_days(open.zone(), starts) {
        for run in &runs {
            let origin = run.start.max(day.start);
            let end = day.end.min(run.end.plus(1 - fit));
            let behind = width(starts.start.0 - origin.0);
            let first = width(origin.0 - starts.start.0) + behind.next_multiple_of(interval) - behind;
            fitting.set_every(first, width(end.0 - starts.start.0), interval);
        }
    }
    fitting
}

/// The starts from which `fit` quanta stay within one of `open`'s runs.
fn open_starts(open: &OpenHours, starts: QuantumSpan, fit: i64) -> Bitmap {
    let mut fitting = Bitmap::new(width(starts.len()));
    for run in open.runs(starts, fit) {
        let (first, end) = (run.start.0 - starts.start.0, run.end.0 + 1 - fit - starts.start.0);
        fitting.set_range(width(first), width(end));
    }
    fitting
}
