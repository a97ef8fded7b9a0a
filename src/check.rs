//! `slotwise check`: whether what is stored agrees with itself, and mending what can be mended.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::app::{StartError, open};
use crate::clock::SharedClock;
use crate::config::CheckSettings;
use crate::domain::quantum::{DayMap, QUANTUM_MINUTES, QuantumSpan, UtcDay};
use crate::domain::units::DayUnits;
use crate::process;
use crate::store::{BookingDifference, BookingFault, OccupancyDifference, Reader, Store, StoreError};

/// Differences of which more is kept than their number: what bounds the memory that a check needs.
const MAX_KEPT: usize = 10_000;

/// Compares what is occupied with what bookings and blocks say, and where bookings stand with their histories; prints
/// what differs, and mends it if that is wanted. Exit code 1 when differences remain.
///
/// # Errors
/// The database cannot be opened, is of another version, or fails.
pub async fn run(settings: &CheckSettings, clock: &SharedClock) -> Result<ExitCode, StartError> {
    process::start_log(&settings.log);
    let store = open(&settings.database, None).await?;
    if !store.is_migrated().await? {
        return Err(StartError::new("The database is not of this version. Run `slotwise migrate` first."));
    }
    let mut out = io::stdout();
    let mut mended = 0;
    let mut found = Found::by_looking(&store, clock.now()).await?;
    if settings.repair {
        // There may be more than were kept.
        while let of_round @ 1.. = mend(&store, &found, &mut out).await? {
            mended += of_round;
            found = Found::by_looking(&store, clock.now()).await?;
        }
    }
    store.close().await?;
    for difference in &found.kept {
        writeln!(out, "{difference}")?;
    }
    let remain = found.count;
    if remain > found.kept.len() {
        writeln!(out, "… and {} more.", remain - found.kept.len())?;
    }
    match (settings.repair, found.kept.iter().any(Difference::can_be_mended)) {
        (true, _) => writeln!(out, "{mended} differences were mended, {remain} remain.")?,
        (false, true) => writeln!(out, "{remain} differences. `slotwise check --repair` mends what is occupied.")?,
        (false, false) => writeln!(out, "{remain} differences.")?,
    }
    Ok(if remain == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Mends what can be mended, and tells of each. How many were mended: what somebody else has made right since is not.
async fn mend(store: &Store, found: &Found, out: &mut impl Write) -> Result<usize, StartError> {
    let mut mended = 0;
    for difference in found.kept.iter().filter(|difference| difference.can_be_mended()) {
        let is_mended = store
            .write(|tx| async move {
                match difference {
                    Difference::Occupancy(day) => tx.mend_occupancy(&day.resource_id, day.day).await,
                    Difference::Booking(booking) => tx.mend_lapse(&booking.booking_id).await,
                }
            })
            .await
            .map_err(|fault: StoreError| fault)?;
        if is_mended {
            mended += 1;
            writeln!(out, "{difference} Mended.")?;
        }
    }
    Ok(mended)
}

/// What a look at everything has found.
#[derive(Default)]
struct Found {
    kept: Vec<Difference>,
    count: usize,
}

impl Found {
    async fn by_looking(store: &Store, now: DateTime<Utc>) -> Result<Self, StoreError> {
        let look = |reader: Arc<Reader>| async move {
            let mut found = Self::default();
            reader.check_occupancy(now, |day| found.add(Difference::Occupancy(Box::new(day)))).await?;
            reader.check_bookings(|booking| found.add(Difference::Booking(booking))).await?;
            Ok(found)
        };
        store.snapshot(look).await
    }

    fn add(&mut self, difference: Difference) {
        self.count += 1;
        if self.kept.len() < MAX_KEPT {
            self.kept.push(difference);
        }
    }
}

/// Something that does not agree. Shown as a sentence.
enum Difference {
    Occupancy(Box<OccupancyDifference>),
    Booking(BookingDifference),
}

impl Difference {
    fn can_be_mended(&self) -> bool {
        match self {
            Self::Occupancy(day) => day.is_stored_wrong(),
            Self::Booking(booking) => matches!(booking.fault, BookingFault::Lapse { .. }),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Occupancy(difference) => occupancy(difference, f),
            Self::Booking(difference) => booking(difference, f),
        }
    }
}

fn occupancy(difference: &OccupancyDifference, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let OccupancyDifference { resource_id, day, stored, computed, stored_units, computed_units, overbooked, takers } =
        difference;
    write!(f, "{resource_id} on {} (UTC):", day.first_quantum().start().date_naive())?;
    if difference.is_stored_wrong() {
        let stored = Taken { day: *day, full: *stored, units: stored_units.as_ref() };
        let computed = Taken { day: *day, full: *computed, units: computed_units.as_ref() };
        write!(f, " stored is {stored}; it should be {computed}.")?;
    }
    if !overbooked.is_empty() {
        let (spans, takers) = (Spans(*day, *overbooked), takers.join(", "));
        write!(f, " More is taken than there is: {spans}, by {takers}. Cancel or move some of them.")?;
    }
    Ok(())
}

fn booking(difference: &BookingDifference, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let id = &difference.booking_id;
    let instant = |at: Option<DateTime<Utc>>| at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339());
    match difference.fault {
        BookingFault::Status { stored, told } => {
            write!(f, "{id}: it is {}, and its history says {}.", stored.name(), told.name())
        }
        BookingFault::Revision { stored, told: Some(told) } => {
            write!(f, "{id}: its revision is {stored}, and its history ends with {told}.")
        }
        BookingFault::Revision { stored, told: None } => {
            write!(f, "{id}: its revision is {stored}, and it has no history.")
        }
        BookingFault::Lapse { stored, computed } => {
            write!(f, "{id}: stored to lapse is {}; it should be {}.", instant(stored), instant(computed))
        }
    }
}

/// What is taken on a day, as text: the units in each span and where none is left, or for what counts no units only
/// that.
struct Taken<'a> {
    day: UtcDay,
    full: DayMap,
    units: Option<&'a DayUnits>,
}

impl fmt::Display for Taken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let full = Spans(self.day, self.full);
        let Some(units) = self.units else { return write!(f, "{full}, without units") };
        let taken: Vec<(u32, u16)> = (0..).zip(units.taken().iter().copied()).filter(|(_, taken)| *taken > 0).collect();
        for run in taken.chunk_by(|a, b| a.0 + 1 == b.0 && a.1 == b.1) {
            let map = run.iter().fold(DayMap::EMPTY, |map, (number, _)| map.with(*number));
            write!(f, "{} × {}, ", Spans(self.day, map), run[0].1)?;
        }
        write!(f, "full {full}")
    }
}

/// Spans of a day, as text.
struct Spans(UtcDay, DayMap);

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(day, map) = self;
        if map.is_empty() {
            return f.write_str("never");
        }
        let time = |quanta: i64| format!("{:02}:{:02}", quanta * QUANTUM_MINUTES / 60, quanta * QUANTUM_MINUTES % 60);
        let first = day.first_quantum().0;
        let span = |span: QuantumSpan| format!("{}-{}", time(span.start.0 - first), time(span.end.0 - first));
        f.write_str(&map.spans(*day).into_iter().map(span).collect::<Vec<_>>().join(" and "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(stored_units: Option<DayUnits>, computed_units: Option<DayUnits>) -> OccupancyDifference {
        OccupancyDifference {
            resource_id: "res_a".into(),
            day: UtcDay(20_000),
            stored: DayMap::range(36, 40),
            computed: DayMap::range(36, 44) | DayMap::range(92, 96),
            stored_units,
            computed_units,
            overbooked: DayMap::EMPTY,
            takers: Vec::new(),
        }
    }

    fn shown(difference: OccupancyDifference) -> String {
        Difference::Occupancy(Box::new(difference)).to_string()
    }

    #[test]
    fn a_day_is_told_by_its_spans() {
        assert_eq!(
            shown(day(None, None)),
            "res_a on 2024-10-04 (UTC): stored is 09:00-10:00, without units; it should be 09:00-11:00 and \
             23:00-24:00, without units."
        );
    }

    #[test]
    fn units_are_told_where_they_are_counted() {
        let units = DayUnits::default().add(DayMap::range(0, 8), 1, 9).unwrap();
        let more = units.add(DayMap::range(4, 12), 2, 9).unwrap();
        assert_eq!(
            shown(OccupancyDifference { stored: DayMap::EMPTY, ..day(Some(DayUnits::default()), Some(more)) }),
            "res_a on 2024-10-04 (UTC): stored is full never; it should be 00:00-01:00 × 1, 01:00-02:00 × 3, \
             02:00-03:00 × 2, full 09:00-11:00 and 23:00-24:00."
        );
    }

    #[test]
    fn what_is_merely_overbooked_cannot_be_mended() {
        let right = day(None, None);
        let overbooked = OccupancyDifference {
            computed: right.stored,
            overbooked: DayMap::range(36, 37),
            takers: vec!["bkg_1".to_owned(), "blk_2".to_owned()],
            ..right
        };
        assert!(!Difference::Occupancy(Box::new(overbooked.clone())).can_be_mended());
        assert_eq!(
            shown(overbooked),
            "res_a on 2024-10-04 (UTC): More is taken than there is: 09:00-09:15, by bkg_1, blk_2. Cancel or move \
             some of them."
        );
    }
}
