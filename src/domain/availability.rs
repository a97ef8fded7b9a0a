//! What is offered: open time less occupied time. The one evaluator.
//!
//! [`Terms`] say what is asked for, checked against the catalogue. [`Terms::grid`] lays out where the schedules let it
//! start; [`DayGrid`] takes from that what is occupied, past, too soon or too far ahead, in arithmetic on bitmaps.
//! A list of slots, the days of a month and the check of one start are all answered by these two, so that they cannot
//! disagree.

mod bitmap;
mod check;
mod grid;
mod occupancy;
mod rules;
mod terms;

#[cfg(test)]
mod tests;

pub use check::{Policy, STAFF_REACH_BACK};
pub use grid::{DayGrid, DayOffer, Listing, OfferedSlot};
pub use occupancy::Occupancy;
pub use terms::{
    AddOn, AddOnRequest, DURATION_MINUTES, MAX_INTERVAL_MINUTES, MAX_QUANTITY, MAX_RESOURCES, Request, Terms,
    TermsError,
};

/// A number of quanta as a length; one below zero is none.
fn width(quanta: i64) -> usize {
    usize::try_from(quanta).unwrap_or(0)
}
