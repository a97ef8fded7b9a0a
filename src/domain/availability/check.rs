//! Whether one start can be had, and what to do about it when it cannot.

use chrono::{DateTime, TimeDelta, Utc};

use crate::domain::quantum::{QUANTUM_MINUTES, Quantum, QuantumSpan};
use crate::domain::refusal::{Conflict, Refusal, UserError};
use crate::domain::schedule::OpenHours;

use super::occupancy::Occupancy;
use super::rules::ClockRules;
use super::terms::Terms;

/// How far back staff may book and block.
pub const STAFF_REACH_BACK: TimeDelta = TimeDelta::days(31);

/// By which rules a start is checked.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// All of them: what [`Terms::day`] offers passes, and nothing else.
    Public,
    /// All but the grid: the start may be any instant from which it is open throughout.
    AnyStart,
    /// What staff may do who ignore the schedule: no schedule, grid, notice or horizon, and up to 31 days back.
    /// Never over what is occupied.
    Staff,
}

impl Terms {
    /// Whether a booking can start at `start`. `occupancy` has to hold [`Terms::occupied_from`].
    ///
    /// # Errors
    /// The first of: `Invalid` (staff's start off the quarter hour), `OutsideSchedule`, `InThePast`, `TooSoon`,
    /// `TooFarAhead`, `NotEnoughUnits`, `SlotTaken`; the last two with what stands in the way.
    pub fn check(
        &self,
        start: DateTime<Utc>,
        occupancy: &Occupancy,
        now: DateTime<Utc>,
        policy: Policy,
    ) -> Result<(), UserError> {
        self.check_open(start, policy)?;
        let by_clock = match policy {
            Policy::Public | Policy::AnyStart => ClockRules::new(self, now).refusal(start),
            Policy::Staff => (start < now - STAFF_REACH_BACK).then_some(Refusal::InThePast),
        };
        if let Some(refusal) = by_clock {
            return Err(UserError::new(refusal, self.advice(refusal, policy)).at(["start"]));
        }
        self.check_room(start, occupancy)
    }

    /// Whether there is room for a booking at `start`, whatever schedule and clock say. `occupancy` has to hold
    /// [`Terms::occupied_from`].
    ///
    /// # Errors
    /// `NotEnoughUnits` or `SlotTaken`, with what stands in the way.
    pub fn check_room(&self, start: DateTime<Utc>, occupancy: &Occupancy) -> Result<(), UserError> {
        self.check_units(start)?;
        self.check_free(start, occupancy)
    }

    fn check_open(&self, start: DateTime<Utc>, policy: Policy) -> Result<(), UserError> {
        let quantum = Quantum::starting_at(start);
        let refusal = match (policy, quantum) {
            (Policy::Public, Some(quantum)) if self.grid(only(quantum)).has(quantum) => return Ok(()),
            (Policy::AnyStart, _) if self.is_open_throughout(start) => return Ok(()),
            (Policy::Staff, Some(_)) => return Ok(()),
            (Policy::Staff, None) => Refusal::Invalid,
            (Policy::Public | Policy::AnyStart, _) => Refusal::OutsideSchedule,
        };
        Err(UserError::new(refusal, self.advice(refusal, policy)).at(["start"]))
    }

    fn is_open_throughout(&self, start: DateTime<Utc>) -> bool {
        let (start, end) = self.event_span(start);
        let event = QuantumSpan::covering(start, end);
        let is_open =
            |open: &OpenHours| open.runs(only(event.start), event.len()).iter().any(|run| run.contains(event));
        is_open(&self.open) && self.add_ons.iter().all(|add_on| is_open(&add_on.open))
    }

    fn check_units(&self, start: DateTime<Utc>) -> Result<(), UserError> {
        let Some((place, resource)) = self.exceeded() else { return Ok(()) };
        let message = format!("`{}` has {} in all. Ask for fewer with `quantity`.", resource.name, resource.quantity);
        let error = UserError::new(Refusal::NotEnoughUnits, message);
        let error = match place.checked_sub(1) {
            None => error.at(["quantity"]),
            Some(add_on) => error.at(["addOns", &add_on.to_string(), "quantity"]),
        };
        Err(error.because_of(vec![Conflict::occupied(&resource.id, self.occupied_from(start))]))
    }

    fn check_free(&self, start: DateTime<Utc>, occupancy: &Occupancy) -> Result<(), UserError> {
        let occupied = self.occupied_from(start);
        let mut conflicts = Vec::new();
        for (resource, quantity) in self.items() {
            let taken = occupancy.taken(resource, quantity, occupied);
            conflicts.extend(taken.into_iter().map(|taken| Conflict::occupied(&resource.id, taken)));
        }
        if conflicts.is_empty() {
            return Ok(());
        }
        Err(UserError::taken(conflicts).at(["start"]))
    }

    /// A sentence that tells what to do about `refusal`.
    fn advice(&self, refusal: Refusal, policy: Policy) -> String {
        match (refusal, policy) {
            (Refusal::Invalid, _) => {
                format!("`start` must be on the quarter hour: a multiple of {QUANTUM_MINUTES} minutes.")
            }
            (Refusal::InThePast, Policy::Staff) => {
                format!("`start` may be at most {} days ago. Choose a later one.", STAFF_REACH_BACK.num_days())
            }
            (Refusal::InThePast, _) => "This start has passed. Choose a later one.".to_owned(),
            (Refusal::TooSoon, _) => {
                let minutes = self.notice().num_minutes();
                format!("This must be booked at least {minutes} minutes ahead. Choose a later start.")
            }
            (Refusal::TooFarAhead, _) => {
                let days = self.max_days_ahead().unwrap_or_default();
                format!("This can be booked at most {days} days ahead. Choose an earlier start.")
            }
            (_, Policy::AnyStart) => {
                let minutes = self.duration_minutes;
                format!("It is not open for {minutes} minutes from this start. Choose another time.")
            }
            _ => "This is closed, too short a time before it closes, or no start of the grid. \
                  Choose a start from `daySlots`."
                .to_owned(),
        }
    }
}

fn only(quantum: Quantum) -> QuantumSpan {
    QuantumSpan::new(quantum, quantum.plus(1))
}
