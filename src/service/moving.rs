//! Moving a booking: look, claim, write, publish, as `making` does, with the booking's own time counted as free.
//!
//! Everything is looked at in one snapshot. What is written is decided anew from the locked booking: if anything has
//! happened to it since, all is looked at again. What it occupies is let go and taken in one visit to each row.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::booking::{Outcome, SeenBooking};
use super::claiming;
use super::facts::{self, Asked, Facts};
use super::guest_mails::{self, GuestMail};
use super::input::Problems;
use super::own_time::free_up;
use super::transition::{MAX_REASON, actor, refused_transition, require_few_changes, unknown_booking};
use super::{MAX_ATTEMPTS, Services};
use crate::domain::access::{Caller, Role, Standing};
use crate::domain::availability::{Occupancy, Policy, Terms};
use crate::domain::booking::{Booking, BookingEvent, BookingItem, BookingStatus, BookingTransition};
use crate::domain::id::{BookingId, ResourceId};
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::transition::{Action, Decision, Doer};
use crate::error::{Error, Internal};
use crate::presence::{Claim, SessionSecret};
use crate::store::{ItemNeed, Reader, StoreError, Stretch, Taking, Tx};

/// Where to move a booking, as it was asked for.
#[derive(Clone, Debug)]
pub struct RescheduleBooking {
    /// The booking.
    pub id: BookingId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// The new first instant.
    pub start: DateTime<Utc>,
    /// How long; `None` means as long as it is.
    pub duration_minutes: Option<u32>,
    /// The new primary resource; `None` means the present one.
    pub resource_id: Option<ResourceId>,
    /// The session whose holds it takes over.
    pub session_secret: Option<SecretString>,
    /// For staff: outside the schedule, over holds.
    pub ignore_schedule: bool,
    /// Why.
    pub reason: Option<String>,
}

impl Services {
    /// Moves a booking, in place: to another start, another duration, another primary resource. A booking that cannot
    /// be moved stays what it is, and where it is.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// `Forbidden` for `ignore_schedule` by others than staff, and faults of the store. What the rules refuse is the
    /// inner `Err`: `NotFound` also for a booking of somebody else's.
    pub async fn reschedule_booking(
        &self,
        caller: &Caller,
        request: RescheduleBooking,
        address: IpAddr,
    ) -> Result<Outcome<SeenBooking>, Error> {
        let mut problems = Problems::default();
        problems.start(&["start"], request.start);
        if let Some(minutes) = request.duration_minutes {
            problems.duration(&["durationMinutes"], minutes);
        }
        problems.text(&["reason"], request.reason.as_deref(), MAX_REASON, true);
        let secret = request.session_secret.as_ref().map(ExposeSecret::expose_secret);
        if let Some(secret) = secret {
            problems.secret(&["sessionSecret"], secret);
        }
        if let Err(problems) = problems.into_result() {
            return Ok(Err(problems));
        }
        if request.ignore_schedule && caller.viewer().is_none_or(|viewer| viewer.role < Role::Staff) {
            return Err(staff_only());
        }
        let session = secret.and_then(SessionSecret::new);
        let guest_mail = GuestMail::from(address);
        let moving = Moving { services: self.clone(), caller: caller.clone(), request, session, guest_mail };
        self.to_its_end(async move { moving.run().await }).await
    }
}

fn staff_only() -> Error {
    Error::Forbidden("Only staff can move a booking with `ignoreSchedule`. Leave it out.".to_owned())
}

/// A booking that is being moved.
struct Moving {
    services: Services,
    caller: Caller,
    request: RescheduleBooking,
    session: Option<SessionSecret>,
    /// The mail that it causes, where it is by a management token.
    guest_mail: GuestMail,
}

/// What came of looking.
enum Look {
    /// It is where it is to be.
    Nothing(SeenBooking),
    /// It can be moved, as far as can be told without a lock.
    Move(Box<Plan>),
}

/// A move that was decided.
struct Plan {
    before: Booking,
    standing: Standing,
    facts: Facts,
    terms: Terms,
    /// What is told when it has happened, with the booking as it is then.
    event: BookingEvent,
}

/// Why an attempt came to nothing.
enum NotMoved {
    Refused(UserError),
    /// These stand in the way, and perhaps others; they have lapsed: expire them, and try again.
    Lapsed(UserError, Vec<BookingId>),
    /// What it was decided by changed meanwhile: decide anew.
    Overtaken,
    /// The connection was lost while committing: it is moved, or stayed where it was.
    Unknown,
    Failed(Error),
}

impl From<StoreError> for NotMoved {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::CommitUnknown(_) => Self::Unknown,
            // Where it was to be moved has just been deleted.
            fault if fault.breaks_reference() => Self::Overtaken,
            fault => Self::Failed(fault.into()),
        }
    }
}

impl From<UserError> for NotMoved {
    fn from(refused: UserError) -> Self {
        Self::Refused(refused)
    }
}

impl Moving {
    async fn run(&self) -> Result<Outcome<SeenBooking>, Error> {
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt().await {
                Ok(moved) => return Ok(Ok(moved)),
                Err(NotMoved::Overtaken | NotMoved::Unknown) => {}
                Err(NotMoved::Lapsed(refused, lapsed)) => {
                    if !self.services.expire_all(lapsed).await {
                        return Ok(Err(vec![refused]));
                    }
                }
                Err(NotMoved::Refused(refused)) => {
                    if !self.services.expire_in_the_way(&refused).await? {
                        return Ok(Err(vec![refused]));
                    }
                }
                Err(NotMoved::Failed(fault)) => return Err(fault),
            }
        }
        Err(Internal::new("a booking changes faster than it can be moved").into())
    }

    /// One attempt, decided anew from what it reads.
    async fn attempt(&self) -> Result<SeenBooking, NotMoved> {
        let store = &self.services.parts().store;
        let plan = match store.snapshot(|reader| async move { self.look(&reader).await }).await? {
            Look::Nothing(booking) => return Ok(booking),
            Look::Move(plan) => plan,
        };
        let after = &plan.event.booking;
        let over_holds = self.request.ignore_schedule;
        let claim = self.services.claim(&plan.terms, after.occupied, self.session.as_ref(), over_holds)?;
        if guest_mails::are_counted(plan.standing) {
            let counted = self.guest_mail.count(&self.services, after.booker.email.as_deref());
            counted.map_err(NotMoved::Failed)?;
        }
        let (decided, claim_in_force) = (&*plan, &claim);
        let written = store.write(|tx| async move { self.write(&tx, decided, claim_in_force).await }).await;
        let occupancy = match written {
            Err(NotMoved::Unknown) => self.settle(&plan).await?,
            written => written?,
        };
        self.announce_occupancy(&plan);
        claim.booked(|resource, quantum| occupancy.units_taken(resource, quantum));
        let seen = SeenBooking::new(after.clone(), plan.standing, self.services.now());
        self.services.announce(plan.event);
        Ok(seen)
    }

    fn announce_occupancy(&self, plan: &Plan) {
        for booking in [&plan.before, &plan.event.booking] {
            self.services.announce_occupancy(booking.resources(), booking.occupied);
        }
    }

    /// Whether it can be had, by what can be read without a lock: a hopeless attempt keeps nobody out, and never waits
    /// for the writer.
    async fn look(&self, reader: &Reader) -> Result<Look, NotMoved> {
        let now = self.services.now();
        let (booking, standing) = self.movable(reader.booking(&self.request.id).await?, now)?;
        if self.is_there(&booking) {
            return Ok(Look::Nothing(SeenBooking::new(booking, standing, now)));
        }
        if standing != Standing::Staff {
            require_few_changes(&booking)?;
        }
        let asked = self.asked(&booking)?;
        let facts = asked.facts(reader, &self.dates()).await?;
        if facts.organization().is_some_and(|organization| *organization != booking.organization_id) {
            let message = Error::not_found_message("resource", asked.resource_id.as_str());
            return Err(UserError::new(Refusal::NotFound, message).at(["input", "resourceId"]).into());
        }
        let terms = facts.offered(&asked).map_err(about_what_is_given)?;
        let after = self.moved(&booking, standing, &terms, now);
        let (mut occupancy, _) = facts::read_occupancy(reader, &asked.resources(), [after.occupied]).await?;
        free_up(&mut occupancy, terms.items(), &booking);
        if let Err(refused) = self.check(&terms, &occupancy, &after, now) {
            let lapsed = self.services.lapsed_in_the_way(reader, &refused).await?;
            return Err(if lapsed.is_empty() { refused.into() } else { NotMoved::Lapsed(refused, lapsed) });
        }
        let transition = self.transition(&booking, standing, &terms, now);
        let event = BookingEvent::of_change(&booking, after, transition);
        Ok(Look::Move(Box::new(Plan { before: booking, standing, facts, terms, event })))
    }

    /// The booking, if the caller may move it. One that does not exist for them is not told from one that does not.
    fn movable(&self, found: Option<Booking>, now: DateTime<Utc>) -> Result<(Booking, Standing), NotMoved> {
        let token = self.request.management_token.as_ref().map(ExposeSecret::expose_secret);
        let seen = found.and_then(|booking| {
            let standing = self.services.standing(&self.caller, &booking, token)?;
            Some((booking, standing))
        });
        let (booking, standing) = seen.ok_or_else(|| unknown_booking(&self.request.id))?;
        if self.request.ignore_schedule && standing != Standing::Staff {
            return Err(NotMoved::Failed(staff_only()));
        }
        match booking.decide(Action::Reschedule, Doer::Person(standing), now) {
            Ok(Decision::Happens(_) | Decision::AlreadySo) => Ok((booking, standing)),
            Err(refusal) => Err(refused_transition(refusal, Action::Reschedule, &booking, now).into()),
        }
    }

    fn is_there(&self, booking: &Booking) -> bool {
        let wanted = self.request.resource_id.as_ref();
        self.request.start == booking.start
            && self.request.duration_minutes.is_none_or(|minutes| minutes == booking.duration_minutes())
            && wanted.is_none_or(|wanted| Some(wanted) == booking.resources().next())
    }

    /// What is to be had instead.
    fn asked<'a>(&'a self, booking: &'a Booking) -> Result<Asked<'a>, NotMoved> {
        let Some((primary, add_ons)) = booking.items.split_first() else {
            return Err(Internal::new(format!("{} books nothing", booking.id)).into());
        };
        let resource_id = self.request.resource_id.as_ref().unwrap_or(&primary.resource_id);
        if add_ons.iter().any(|add_on| add_on.resource_id == *resource_id) {
            let message = format!(
                "`{resource_id}` is an add-on of this booking, so it cannot take the place of `{}` as well. Choose \
                 another `resourceId`.",
                primary.resource_id
            );
            return Err(UserError::new(Refusal::Invalid, message).at(["input", "resourceId"]).into());
        }
        Ok(Asked {
            resource_id,
            event_type_id: Some(&booking.event_type_id),
            duration_minutes: Some(self.request.duration_minutes.unwrap_or_else(|| booking.duration_minutes())),
            interval_minutes: None,
            quantity: primary.quantity,
            add_ons,
        })
    }

    /// The dates whose overrides decide about it.
    fn dates(&self) -> RangeInclusive<NaiveDate> {
        facts::dates_around(self.request.start, self.request.start)
    }

    /// The booking as it is to be.
    fn moved(&self, booking: &Booking, standing: Standing, terms: &Terms, now: DateTime<Utc>) -> Booking {
        let (start, end) = terms.event_span(self.request.start);
        let items =
            terms.items().map(|(resource, quantity)| BookingItem { resource_id: resource.id.clone(), quantity });
        Booking {
            status: status_after(booking, standing, terms),
            start,
            end,
            occupied: terms.occupied_from(start),
            items: items.collect(),
            revision: booking.revision + 1,
            updated_at: now,
            ..booking.clone()
        }
    }

    /// Whether `terms` can be had where `after` is to be, holds aside.
    fn check(
        &self,
        terms: &Terms,
        occupancy: &Occupancy,
        after: &Booking,
        now: DateTime<Utc>,
    ) -> Result<(), UserError> {
        let policy = if self.request.ignore_schedule { Policy::Staff } else { Policy::Public };
        let checked = terms.check(after.start, occupancy, now, policy);
        let checked = checked.map_err(|refused| about_what_is_given(facts::below_input(refused)));
        let reason = checked.as_ref().err().map(|refused| refused.refusal);
        if after.has_lapsed(now) && reason.is_none_or(|reason| reason > Refusal::InThePast) {
            let message = "A booking that waits to be confirmed expires at its start. Choose a later one.";
            return Err(UserError::new(Refusal::InThePast, message).at(["input", "start"]));
        }
        checked
    }

    /// The line of the history that says so.
    fn transition(&self, booking: &Booking, standing: Standing, terms: &Terms, at: DateTime<Utc>) -> BookingTransition {
        BookingTransition {
            event: Action::Reschedule.event(),
            from: Some(booking.status),
            to: status_after(booking, standing, terms),
            at,
            by: actor(&self.caller, standing),
            reason: self.request.reason.clone(),
            previous: Some((booking.start, booking.end)),
        }
    }

    /// The transaction: resources, booking, occupancy, in the order in which everything locks. What is occupied then.
    async fn write(&self, tx: &Tx, plan: &Plan, claim: &Claim) -> Result<Occupancy, NotMoved> {
        let (before, after) = (&plan.before, &plan.event.booking);
        let items: Vec<BookingItem> = before.items.iter().chain(&after.items).cloned().collect();
        let mut needs = tx.lock_capacity(&items).await?;
        if needs.len() != items.len() {
            return Err(NotMoved::Overtaken);
        }
        let take = needs.split_off(before.items.len());
        let (locked, _) = self.movable(tx.lock_booking(&before.id).await?, self.services.now())?;
        if locked.revision != before.revision {
            return Err(NotMoved::Overtaken);
        }
        if !self.asked(before)?.still_so(&plan.facts, &before.organization_id, tx, &self.dates()).await? {
            return Err(NotMoved::Overtaken);
        }
        let over = |needs: &[ItemNeed], span| -> Vec<Stretch> { needs.iter().map(|need| need.over(span)).collect() };
        let changed = tx.change_occupancy(&over(&needs, before.occupied), &over(&take, after.occupied)).await?;
        if let Taking::Refused(conflicts) = changed {
            return Err(UserError::taken(conflicts).at(["input", "start"]).into());
        }
        let occupancy = claiming::leave_room_for_holds::<NotMoved>(tx, claim, &take, after.occupied).await?;
        tx.save_transition(before, after.clone(), plan.event.transition.clone()).await?;
        Ok(occupancy)
    }

    /// Finds out what became of a commit of which nobody heard, while the claim still keeps others away: what is
    /// occupied, if the booking was moved.
    async fn settle(&self, plan: &Plan) -> Result<Occupancy, NotMoved> {
        let reader = &self.services.parts().store.reader();
        let (id, after) = (&plan.before.id, &plan.event.booking);
        // Its history has a line for each of its revisions.
        let line = usize::try_from(plan.before.revision).unwrap_or(usize::MAX);
        let look = || async {
            let histories = reader.histories(std::slice::from_ref(id)).await.ok()?;
            histories.get(id)?.get(line).cloned()
        };
        match self.services.find_out(look).await {
            Some(line) if line == plan.event.transition => {
                let resources: Vec<ResourceId> = after.resources().cloned().collect();
                Ok(facts::read_occupancy(reader, &resources, [after.occupied]).await?.0)
            }
            // Something else happened to it instead.
            Some(_) => Err(NotMoved::Overtaken),
            None => {
                // Watchers look for themselves, whatever it came to.
                self.announce_occupancy(plan);
                Err(Internal::new(format!("nobody knows whether {id} was moved")).into())
            }
        }
    }
}

impl From<Internal> for NotMoved {
    fn from(fault: Internal) -> Self {
        Self::Failed(fault.into())
    }
}

/// What whoever is not staff moves has to be confirmed again, where it has to be confirmed at all.
fn status_after(booking: &Booking, standing: Standing, terms: &Terms) -> BookingStatus {
    let waits = terms.event_type.as_ref().is_some_and(|event_type| event_type.requires_confirmation);
    if waits && standing != Standing::Staff { BookingStatus::Pending } else { booking.status }
}

/// The same refusal, about the booking where it is about what nobody gives here: its units, its add-ons.
fn about_what_is_given(refused: UserError) -> UserError {
    let member = refused.field.iter().find(|name| *name != "input");
    match member.map(String::as_str) {
        None | Some("start" | "durationMinutes" | "resourceId") => refused,
        Some(_) => refused.at(["input", "id"]),
    }
}
