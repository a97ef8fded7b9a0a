//! Which occurrences of a series can be booked: decided in order, each beside what those before it take.

use chrono::{DateTime, Utc};

use super::super::facts::below_input;
use super::{Occurrence, below_booking};
use crate::domain::availability::{Occupancy, Policy, Terms};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::{Conflict, UserError};
use crate::domain::series::{ConflictPolicy, Skipped};

/// An occurrence, and why it cannot be booked, if that is known.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub(super) start: DateTime<Utc>,
    pub(super) end: DateTime<Utc>,
    /// What it would occupy.
    pub(super) span: QuantumSpan,
    pub(super) refused: Option<UserError>,
}

/// All occurrences of a series, in order.
#[derive(Clone, Debug)]
pub(super) struct Plan(pub(super) Vec<Planned>);

impl Plan {
    /// One for each of `starts`.
    pub(super) fn new(terms: &Terms, starts: &[DateTime<Utc>]) -> Self {
        let planned = |start: &DateTime<Utc>| {
            let (start, end) = terms.event_span(*start);
            Planned { start, end, span: terms.occupied_from(start), refused: None }
        };
        Self(starts.iter().map(planned).collect())
    }

    /// Those that nothing is known against, each with its number.
    pub(super) fn open(&self) -> impl Iterator<Item = (usize, &Planned)> {
        self.0.iter().enumerate().filter(|(_, planned)| planned.refused.is_none())
    }

    /// What the open ones would occupy.
    pub(super) fn spans(&self) -> impl Iterator<Item = QuantumSpan> {
        self.open().map(|(_, planned)| planned.span)
    }

    /// Decides each that is still open, by what is occupied and by what those before it take; `holds` says what of
    /// others' holds stands in the way of one beside what is occupied then. `occupancy` gets what is taken.
    pub(super) fn decide(
        &mut self,
        terms: &Terms,
        occupancy: &mut Occupancy,
        (now, policy): (DateTime<Utc>, Policy),
        holds: impl Fn(usize, &Planned, &Occupancy) -> Result<(), UserError>,
    ) {
        for (number, planned) in self.0.iter_mut().enumerate() {
            if planned.refused.is_some() {
                continue;
            }
            let free = terms.check(planned.start, occupancy, now, policy).map_err(below_input);
            match free.and_then(|()| holds(number, planned, occupancy)) {
                Ok(()) => terms.items().for_each(|(resource, units)| occupancy.take(resource, units, planned.span)),
                Err(refused) => planned.refused = Some(below_booking(refused)),
            }
        }
    }

    /// Whether anything is to be booked.
    ///
    /// # Errors
    /// Why nothing is.
    pub(super) fn goes_ahead(&self, policy: ConflictPolicy) -> Result<(), UserError> {
        let Some(first) = self.0.iter().find_map(|planned| planned.refused.as_ref()) else { return Ok(()) };
        let (all, open) = (self.0.len(), self.open().count());
        let message = match policy {
            ConflictPolicy::Skip if open > 0 => return Ok(()),
            _ if open == 0 => format!(
                "None of the {all} occurrences can be booked. `occurrences` tells why; choose another start or rule."
            ),
            _ => format!(
                "{} of the {all} occurrences cannot be booked, so none was. `occurrences` tells which; choose another \
                 start or rule, or leave these out with `SKIP_CONFLICTS`.",
                all - open
            ),
        };
        Err(UserError::new(first.refusal, message).at(["input", "rrule"]))
    }

    /// Everything that stands in the way of any of them.
    pub(super) fn conflicts(&self) -> Vec<Conflict> {
        let refused = self.0.iter().filter_map(|planned| planned.refused.as_ref());
        refused.flat_map(|refused| refused.conflicts.iter().cloned()).collect()
    }

    /// Those that are left out, as they are kept.
    pub(super) fn skipped(&self) -> Vec<Skipped> {
        let skipped = |planned: &Planned| {
            let refused = planned.refused.as_ref()?;
            Some(Skipped {
                start: planned.start,
                end: planned.end,
                code: refused.refusal,
                message: refused.message.clone(),
            })
        };
        self.0.iter().filter_map(skipped).collect()
    }

    /// The occurrences, none of them booked.
    pub(super) fn occurrences(&self) -> Vec<Occurrence> {
        let occurrence = |Planned { start, end, refused, .. }: &Planned| Occurrence {
            start: *start,
            end: *end,
            booking: None,
            refused: refused.clone(),
        };
        self.0.iter().map(occurrence).collect()
    }
}
