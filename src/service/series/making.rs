//! Making a series: all of its bookings in one transaction, decided one by one from rows that are locked together.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};

use super::super::claiming::held;
use super::super::expiry::Looks;
use super::super::facts::{self, Facts};
use super::super::input::Problems;
use super::super::making::{Abort, Making};
use super::super::{MAX_ATTEMPTS, Services};
use super::deciding::{Plan, Planned};
use super::{CreateSeries, SeriesOutcome, below_booking};
use crate::domain::access::Caller;
use crate::domain::availability::{Occupancy, Terms};
use crate::domain::booking::{Booking, BookingEvent};
use crate::domain::id::SeriesId;
use crate::domain::recurrence::{Recurrence, RecurrenceError};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::series::{BookingSeries, ConflictPolicy};
use crate::error::{Error, Internal};
use crate::presence::Claim;
use crate::store::{IdempotencyRecord, ItemNeed, Reader, StoreError, Stretch, Taking, Tx};

/// How many rows of occupancy a series may change.
const MAX_ROWS: usize = 4_000;

impl Services {
    /// Books a resource, and its add-ons, again and again. Runs to its end once it has begun, whoever stops waiting.
    ///
    /// # Errors
    /// As [`Services::create_booking`]; what the rules refuse is in the outcome.
    pub async fn create_booking_series(
        &self,
        caller: &Caller,
        request: CreateSeries,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<SeriesOutcome, Error> {
        if caller.viewer().is_none() && !self.settings().guest_bookings {
            return Err(Error::sign_in());
        }
        let making = match SeriesMaking::new(self.clone(), caller.clone(), request, address, now) {
            Ok(making) => making,
            Err(problems) => return Ok(SeriesOutcome::refused(problems)),
        };
        self.to_its_end(async move { making.run().await }).await
    }
}

/// A series that is being made.
pub(super) struct SeriesMaking {
    /// What each of its bookings is like.
    pub(super) one: Making,
    rule: Recurrence,
    policy: ConflictPolicy,
    pub(super) dry_run: bool,
}

/// What an attempt is decided by.
pub(super) struct Ground {
    facts: Facts,
    /// When it recurs, or why that cannot be said; `None` where there is no such resource.
    starts: Option<Result<Vec<DateTime<Utc>>, RecurrenceError>>,
    pub(super) known: Option<IdempotencyRecord>,
}

/// Why an attempt came to nothing.
enum Stop {
    /// For a reason that concerns the whole.
    Whole(Abort),
    /// Because of what is known against single occurrences.
    Occurrences(Plan, UserError),
}

impl From<Abort> for Stop {
    fn from(reason: Abort) -> Self {
        Self::Whole(reason)
    }
}

impl From<StoreError> for Stop {
    fn from(fault: StoreError) -> Self {
        Self::Whole(fault.into())
    }
}

impl From<UserError> for Stop {
    fn from(refused: UserError) -> Self {
        Self::Whole(refused.into())
    }
}

/// What was written.
struct Written {
    series: BookingSeries,
    events: Vec<BookingEvent>,
    plan: Plan,
    occupancy: Occupancy,
}

impl SeriesMaking {
    /// Checks the form of the input, completely.
    fn new(
        services: Services,
        caller: Caller,
        request: CreateSeries,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<UserError>> {
        let CreateSeries { booking, rrule, on_conflict, dry_run } = request;
        let mut problems = Problems::default();
        if booking.provisional_minutes.is_some() {
            problems.note(
                &["booking", "provisionalMinutes"],
                "A series is never provisional. Leave `provisionalMinutes` out.",
            );
        }
        let rule = rrule.parse::<Recurrence>().map_err(|error| problems.refuse(unusable(&error))).ok();
        let one = Making::new(services, caller, booking, address, now);
        let one = one.map_err(|found| found.into_iter().for_each(|problem| problems.refuse(below_booking(problem))));
        let (mut one, rule) = problems.finish(one.ok().zip(rule))?;
        // What only looks keeps no key.
        let key = one.key.take().filter(|_| !dry_run);
        one.key = key.map(|key| key.for_series(&one.services, rule.text(), on_conflict));
        Ok(Self { one, rule, policy: on_conflict, dry_run })
    }

    async fn run(&self) -> Result<SeriesOutcome, Error> {
        let mut looks = Looks::default();
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt().await {
                Ok(outcome) => return Ok(outcome),
                Err(Stop::Whole(Abort::Overtaken | Abort::Unknown)) => {}
                Err(Stop::Whole(Abort::Known(record))) => return self.repeat(&record).await,
                Err(Stop::Whole(Abort::Refused(refused))) => {
                    return self.refuse(SeriesOutcome::refused(vec![refused])).await;
                }
                Err(Stop::Whole(Abort::Failed(fault))) => return Err(fault),
                Err(Stop::Occurrences(plan, refused)) => {
                    let services = &self.one.services;
                    if !self.dry_run && services.is_worth_another_look(&taken(&plan), &mut looks).await? {
                        continue;
                    }
                    let occurrences = plan.occurrences();
                    return self.refuse(SeriesOutcome { made: None, occurrences, refused: vec![refused] }).await;
                }
            }
        }
        Err(Internal::new("what is booked changes faster than a series can be decided").into())
    }

    /// One attempt, decided anew from what it reads.
    async fn attempt(&self) -> Result<SeriesOutcome, Stop> {
        let store = &self.one.services.parts().store;
        let Ground { facts, starts, known } = store.snapshot(|reader| async move { self.read(&reader).await }).await?;
        if let Some(record) = known {
            return Err(Abort::Known(Box::new(record)).into());
        }
        let terms = self.one.terms(&facts).map_err(|refused| match refused {
            Abort::Refused(refused) => Abort::Refused(below_booking(refused)),
            other => other,
        })?;
        let starts = starts.unwrap_or_else(|| Ok(vec![self.one.request.start])).map_err(|error| unusable(&error))?;
        let mut plan = Plan::new(&terms, &starts);
        require_few_rows(&terms, &plan)?;

        // A hopeless attempt is refused before it keeps anybody out, and never waits for the writer.
        self.look(&terms, &mut plan).await?;
        if self.dry_run {
            plan.goes_ahead(self.policy).map_err(|refused| Stop::Occurrences(plan.clone(), refused))?;
            return Ok(SeriesOutcome { occurrences: plan.occurrences(), ..SeriesOutcome::default() });
        }
        if self.one.services.expire_in_the_way(&taken(&plan)).await.map_err(Abort::Failed)? {
            return Err(Abort::Overtaken.into());
        }
        let claims = self.claim(&terms, &mut plan);
        plan.goes_ahead(self.policy).map_err(|refused| Stop::Occurrences(plan.clone(), refused))?;

        if let Some(planned) = plan.0.iter().find(|planned| planned.refused.is_none()) {
            // All of it is told in one mail.
            self.one.count_mail(&self.one.booking(&terms, planned.span))?;
        }
        let id = SeriesId::generate(self.one.services.parts().clock.unique());
        let (new_id, planned, in_force, offered, decided_by) = (&id, &plan, &claims, &terms, (&facts, &starts));
        let written = store
            .write(|tx| async move { self.write(&tx, new_id, planned, in_force, offered, decided_by).await })
            .await;
        let Written { series, events, plan, occupancy } = match written {
            Err(Stop::Whole(Abort::Unknown)) => self.settle(&id, &terms, &plan).await?,
            written => written?,
        };
        for event in &events {
            self.one.services.announce_occupancy(event.booking.resources(), event.booking.occupied);
        }
        for (claim, planned) in claims.into_iter().zip(&plan.0) {
            if let Some(claim) = claim.filter(|_| planned.refused.is_none()) {
                claim.booked(|resource, quantum| occupancy.units_taken(resource, quantum));
            }
        }
        let bookings = events.iter().map(|event| event.booking.clone()).collect();
        for event in events {
            self.one.services.announce(event);
        }
        Ok(self.made(series, bookings, plan.occurrences()))
    }

    /// What the catalogue says, when it recurs, and what an earlier call with the same key came to.
    pub(super) async fn read(&self, reader: &Reader) -> Result<Ground, StoreError> {
        let request = &self.one.request;
        let resource = reader.resource(&request.resource_id).await?;
        let starts = resource.map(|resource| self.rule.expand(request.start, resource.time_zone));
        let found = starts.as_ref().and_then(|starts| starts.as_deref().ok());
        let dates = self.dates(found.unwrap_or(&[request.start]));
        let facts = self.one.asked().facts(reader, &dates).await?;
        let known = self.one.known(reader, &facts).await?;
        Ok(Ground { facts, starts, known })
    }

    /// The dates whose overrides decide about `starts`.
    fn dates(&self, starts: &[DateTime<Utc>]) -> RangeInclusive<NaiveDate> {
        let start = self.one.request.start;
        facts::dates_around(*starts.first().unwrap_or(&start), *starts.last().unwrap_or(&start))
    }

    /// The transaction: key, resources, occupancy, bookings, in the order in which everything locks.
    async fn write(
        &self,
        tx: &Tx,
        id: &SeriesId,
        plan: &Plan,
        claims: &[Option<Claim>],
        terms: &Terms,
        (decided_by, starts): (&Facts, &Vec<DateTime<Utc>>),
    ) -> Result<Written, Stop> {
        let organization = &terms.primary.organization_id;
        self.one.take_key(tx, organization, id.as_str()).await?;
        let first = self.occurrence(id, terms, &plan.0[0]);
        let needs = tx.lock_capacity(&first.items).await?;
        if !self.one.asked().still_so(decided_by, organization, tx, &self.dates(starts)).await? {
            return Err(Abort::Overtaken.into());
        }
        let rows = tx.lock_occupancy(&needs, &facts::days_of(plan.spans())).await?;
        let (mut occupancy, _) = facts::occupancy(rows);
        let mut plan = plan.clone();
        plan.decide(terms, &mut occupancy, (self.one.now, self.one.policy()), |number, _, occupancy| {
            let Some(Some(claim)) = claims.get(number) else { return Ok(()) };
            claim.check(|resource, quantum| occupancy.units_taken(resource, quantum)).map_err(held)
        });
        plan.goes_ahead(self.policy).map_err(|refused| Stop::Occurrences(plan.clone(), refused))?;

        let take: Vec<Stretch> =
            plan.spans().flat_map(|span| needs.iter().map(move |need: &ItemNeed| need.over(span))).collect();
        if let Taking::Refused(conflicts) = tx.change_occupancy(&[], &take).await? {
            let message = format!("{id} was refused {} spans that were locked and free", conflicts.len());
            return Err(Abort::Failed(Internal::new(message).into()).into());
        }
        let series = BookingSeries {
            id: id.clone(),
            organization_id: organization.clone(),
            rrule: self.rule.text().to_owned(),
            booker_user_id: first.booker.user_id.clone(),
            skipped: plan.skipped(),
            created_at: self.one.now,
        };
        tx.insert_series(&series).await?;
        let mut events = Vec::new();
        for (_, planned) in plan.open() {
            let event = self.event(self.occurrence(id, terms, planned));
            tx.insert_booking(&event.booking, &event.transition).await?;
            events.push(event);
        }
        Ok(Written { series, events, plan, occupancy })
    }

    fn occurrence(&self, id: &SeriesId, terms: &Terms, planned: &Planned) -> Booking {
        Booking {
            start: planned.start,
            end: planned.end,
            series_id: Some(id.clone()),
            ..self.one.booking(terms, planned.span)
        }
    }

    fn event(&self, booking: Booking) -> BookingEvent {
        let made = self.one.transition(&booking);
        BookingEvent::new(booking, made)
    }

    /// Finds out what became of a commit of which nobody heard, while the claims still keep others away.
    async fn settle(&self, id: &SeriesId, terms: &Terms, plan: &Plan) -> Result<Written, Stop> {
        let look = || async { self.find(id, plan).await.ok().flatten() };
        if let Some(written) = self.one.services.find_out(look).await {
            return Ok(written);
        }
        // Watchers look for themselves, whatever it came to.
        for span in plan.spans() {
            self.one.services.announce_occupancy(terms.items().map(|(resource, _)| &resource.id), span);
        }
        Err(Abort::Failed(Internal::new(format!("nobody knows what became of {id}")).into()).into())
    }

    /// What was written of a series, if it is there.
    async fn find(&self, id: &SeriesId, plan: &Plan) -> Result<Option<Written>, StoreError> {
        let reader = self.one.services.parts().store.reader();
        let Some(series) = reader.series(id).await? else { return Ok(None) };
        let bookings = reader.bookings_of_series(std::slice::from_ref(id)).await?;
        let days: BTreeSet<_> = facts::days_of(bookings.iter().map(|booking| booking.occupied));
        let (occupancy, _) = facts::occupancy(reader.occupancy_on(&self.one.asked().resources(), &days).await?);
        let mut plan = plan.clone();
        for planned in &mut plan.0 {
            let skipped = series.skipped.iter().find(|skipped| skipped.start == planned.start);
            planned.refused = skipped.map(|skipped| planned.refused.take().unwrap_or_else(|| skipped.reason()));
        }
        let events = bookings.into_iter().map(|booking| self.event(booking)).collect();
        Ok(Some(Written { series, events, plan, occupancy }))
    }
}

/// Refuses what would change more rows than one transaction should.
fn require_few_rows(terms: &Terms, plan: &Plan) -> Result<(), UserError> {
    let rows = facts::days_of(plan.spans()).len() * terms.items().count();
    if rows <= MAX_ROWS {
        return Ok(());
    }
    let message = format!(
        "This series would occupy {rows} days of resources, and one may occupy {MAX_ROWS}. Ask for fewer occurrences, \
         for shorter ones, or for fewer add-ons."
    );
    Err(UserError::new(Refusal::LimitExceeded, message).at(["input", "rrule"]))
}

/// All that is in the way of any occurrence, as one refusal.
fn taken(plan: &Plan) -> UserError {
    UserError::taken(plan.conflicts())
}

/// Why the rule cannot be used.
fn unusable(error: &RecurrenceError) -> UserError {
    let refusal = match error {
        RecurrenceError::TooMany => Refusal::LimitExceeded,
        _ => Refusal::Invalid,
    };
    let field = match error {
        RecurrenceError::StartsElsewhere(_) => vec!["input", "booking", "start"],
        _ => vec!["input", "rrule"],
    };
    UserError::new(refusal, error.to_string()).at(field)
}
