//! Transitions of bookings: each locks the booking first, decides from what it reads then, and lets time go as the
//! table in the domain says.

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};

use super::booking::{Outcome, SeenBooking};
use super::facts::{self, Asked};
use super::input::Problems;
use super::{MAX_ATTEMPTS, Services};
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::{Actor, Booking, BookingEvent, BookingStatus, BookingTransition};
use crate::domain::id::BookingId;
use crate::domain::refusal::{Refusal, UserError};
use crate::domain::transition::{Action, Decision, Doer, Rule, Time};
use crate::error::{Error, Internal};
use crate::store::{StoreError, Tx};

/// Characters of a reason.
pub(super) const MAX_REASON: usize = 500;
/// Changes of a booking, of whatever kind, after which booker and token neither move it nor change what is said about
/// it: its history is kept, and shown, as a whole.
const MOST_CHANGES: u32 = 1_000;

/// A transition that somebody wants.
#[derive(Clone, Debug)]
pub struct ChangeBooking {
    /// The booking.
    pub id: BookingId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// Why.
    pub reason: Option<String>,
}

/// Why a booking was not changed.
pub(super) enum NotChanged {
    /// The rules refuse it.
    Refused(UserError),
    /// It books other resources than those that were locked: begin again.
    Overtaken,
    /// The store failed.
    Failed(StoreError),
}

impl From<UserError> for NotChanged {
    fn from(refused: UserError) -> Self {
        Self::Refused(refused)
    }
}

impl From<StoreError> for NotChanged {
    fn from(fault: StoreError) -> Self {
        Self::Failed(fault)
    }
}

impl Services {
    /// Does `action` to a booking. Whoever is not staff may only cancel; the caller of what is staff's has shown that
    /// they are.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`: `NotFound` also for a booking of somebody else's.
    pub async fn change_booking(
        &self,
        caller: &Caller,
        action: Action,
        request: ChangeBooking,
    ) -> Result<Outcome<SeenBooking>, Error> {
        let mut problems = Problems::default();
        problems.text(&["reason"], request.reason.as_deref(), MAX_REASON, true);
        if let Err(problems) = problems.into_result() {
            return Ok(Err(problems));
        }
        let changing = Changing { services: self.clone(), by: By::Caller(caller.clone()), action, request };
        let changed = self.to_its_end(async move { changing.run().await }).await?;
        Ok(changed.map_err(|refused| vec![refused]))
    }

    /// Expires a booking that has lapsed, unless something else has become of it.
    ///
    /// # Errors
    /// Faults of the store.
    pub(super) async fn expire_booking(&self, id: BookingId) -> Result<(), Error> {
        let request = ChangeBooking { id, management_token: None, reason: None };
        let changing = Changing { services: self.clone(), by: By::System, action: Action::Expire, request };
        // Refused means that it was confirmed, moved or cancelled in time.
        self.to_its_end(async move { changing.run().await }).await.map(drop)
    }
}

/// Who wants it.
enum By {
    Caller(Caller),
    System,
}

/// A transition that is being made.
struct Changing {
    services: Services,
    by: By,
    action: Action,
    request: ChangeBooking,
}

/// What a locked booking has become, if anything.
struct Changed {
    seen: SeenBooking,
    /// What happened, by which rule.
    event: Option<(BookingEvent, Rule)>,
}

impl Changing {
    async fn run(&self) -> Result<Result<SeenBooking, UserError>, Error> {
        let store = &self.services.parts().store;
        for _ in 0..MAX_ATTEMPTS {
            // A hopeless attempt, and one that has nothing to do, never waits for the writer.
            let found = store.reader().booking(&self.request.id).await?;
            let now = self.services.now();
            let (known, standing) = match self.decide(found, now) {
                Err(refused) => return Ok(Err(refused)),
                Ok((booking, standing, Decision::AlreadySo)) => {
                    return Ok(Ok(SeenBooking::new(booking, standing, now)));
                }
                Ok((booking, standing, Decision::Happens(_))) => (booking, standing),
            };
            let before = &known;
            let changed = store.write(|tx| async move { self.write(&tx, before).await }).await;
            match changed {
                Ok(Changed { seen, event }) => {
                    self.tell(event);
                    return Ok(Ok(seen));
                }
                Err(NotChanged::Overtaken) => {}
                Err(NotChanged::Refused(refused)) => return Ok(Err(refused)),
                Err(NotChanged::Failed(fault)) => {
                    // It may have been committed all the same: nobody who watches may miss what is free now.
                    self.services.announce_occupancy(known.resources(), known.occupied);
                    let StoreError::CommitUnknown(_) = fault else { return Err(fault.into()) };
                    let doer = self.actor(standing);
                    let found = self.services.find_change(&known, self.action.event(), &doer).await;
                    let Some(event) = found else { return Err(fault.into()) };
                    let seen = SeenBooking::new(event.booking.clone(), standing, self.services.now());
                    self.services.announce(event);
                    return Ok(Ok(seen));
                }
            }
        }
        Err(Internal::new("a booking is moved faster than it can be changed").into())
    }

    fn tell(&self, event: Option<(BookingEvent, Rule)>) {
        let Some((event, rule)) = event else { return };
        if rule.time == Time::LetGo {
            self.services.announce_occupancy(event.booking.resources(), event.booking.occupied);
        }
        self.services.announce(event);
    }

    /// What the action comes to for `booking` at `now`; one that does not exist for the caller is not told from one that
    /// does not.
    fn decide(&self, booking: Option<Booking>, now: DateTime<Utc>) -> Result<(Booking, Standing, Decision), UserError> {
        let token = self.request.management_token.as_ref().map(ExposeSecret::expose_secret);
        let seen = booking.and_then(|booking| match &self.by {
            By::System => Some((booking, Standing::Staff, Doer::System)),
            By::Caller(caller) => {
                let standing = self.services.standing(caller, &booking, token)?;
                Some((booking, standing, Doer::Person(standing)))
            }
        });
        let (booking, standing, doer) = seen.ok_or_else(|| unknown_booking(&self.request.id))?;
        match booking.decide(self.action, doer, now) {
            Ok(decision) => Ok((booking, standing, decision)),
            Err(refusal) => Err(refused_transition(refusal, self.action, &booking, now)),
        }
    }

    /// The transition, decided from what the locked row says.
    async fn write(&self, tx: &Tx, known: &Booking) -> Result<Changed, NotChanged> {
        let needs = tx.lock_capacity(&known.items).await?;
        let locked = tx.lock_booking(&self.request.id).await?;
        // The clock is read once nobody else can decide any more: of confirming and expiring one wins.
        let now = self.services.now();
        let (booking, standing, decision) = self.decide(locked, now)?;
        if booking.items != known.items {
            return Err(NotChanged::Overtaken);
        }
        let rule = match decision {
            Decision::AlreadySo => {
                return Ok(Changed { seen: SeenBooking::new(booking, standing, now), event: None });
            }
            Decision::Happens(rule) => *rule,
        };
        if self.action == Action::Confirm {
            require_still_offered(tx, &booking).await?;
        }
        let transition = BookingTransition {
            event: self.action.event(),
            from: Some(booking.status),
            to: rule.to,
            at: now,
            by: self.actor(standing),
            reason: self.request.reason.clone(),
            previous: None,
        };
        let after = Booking {
            status: rule.to,
            expires_at: None,
            cancellation_reason: match self.action {
                Action::Cancel => self.request.reason.clone(),
                _ => booking.cancellation_reason.clone(),
            },
            updated_at: now,
            ..booking.clone()
        };
        let event = tx.save_transition(&booking, after, transition).await?;
        if rule.time == Time::LetGo {
            tx.release(&needs, booking.occupied).await?;
        }
        if booking.status == BookingStatus::Provisional {
            tx.free_provisional_slot(&booking.id).await?;
        }
        let seen = SeenBooking::new(event.booking.clone(), standing, now);
        Ok(Changed { seen, event: Some((event, rule)) })
    }

    fn actor(&self, standing: Standing) -> Actor {
        match &self.by {
            By::System => Actor::System,
            By::Caller(caller) => actor(caller, standing),
        }
    }
}

/// Refuses what is no longer on offer: what is agreed to now has to be.
async fn require_still_offered(tx: &Tx, booking: &Booking) -> Result<(), NotChanged> {
    let Some((primary, add_ons)) = booking.items.split_first() else {
        return Err(unknown_booking(&booking.id).into());
    };
    let asked = Asked {
        resource_id: &primary.resource_id,
        event_type_id: Some(&booking.event_type_id),
        duration_minutes: None,
        interval_minutes: None,
        quantity: primary.quantity,
        add_ons,
    };
    let facts = asked.facts(tx, &facts::dates_around(booking.start, booking.start)).await?;
    Ok(facts.still_offered(&asked).map_err(|refused| refused.at(["input", "id"]))?)
}

/// Refuses to let booker or token change a booking for ever. They can still cancel it.
pub(super) fn require_few_changes(booking: &Booking) -> Result<(), UserError> {
    if booking.revision < MOST_CHANGES {
        return Ok(());
    }
    let message = format!("The booking has been changed {MOST_CHANGES} times. Ask staff to change it.");
    Err(UserError::new(Refusal::LimitExceeded, message).at(["input", "id"]))
}

/// The answer for a booking that does not exist for the caller.
pub(super) fn unknown_booking(id: &BookingId) -> UserError {
    UserError::new(Refusal::NotFound, Error::not_found_message("booking", id.as_str())).at(["input", "id"])
}

/// Who acts, for the history.
pub(super) fn actor(caller: &Caller, standing: Standing) -> Actor {
    match (standing, caller.viewer()) {
        (Standing::Staff | Standing::Booker, Some(viewer)) => Actor::User(viewer.id.clone()),
        _ => Actor::TokenBearer,
    }
}

/// The refusal of a transition, with what there is to do about it.
pub(super) fn refused_transition(refusal: Refusal, action: Action, booking: &Booking, now: DateTime<Utc>) -> UserError {
    let status = booking.status_at(now);
    let message = match (action, status) {
        _ if refusal == Refusal::TooLateToCancel => "The booking has started. Ask staff to cancel it.".to_owned(),
        (Action::Complete | Action::MarkNoShow, BookingStatus::Confirmed) => {
            "The booking has not started yet. Try again after its start.".to_owned()
        }
        (Action::Reschedule, BookingStatus::Confirmed) => "The booking has started. Ask staff to move it.".to_owned(),
        (Action::Reschedule, BookingStatus::Provisional) => {
            "A provisional booking cannot be moved. Have it confirmed first, or cancel it and book anew.".to_owned()
        }
        (Action::Decline, BookingStatus::Provisional | BookingStatus::Confirmed) => {
            format!("The booking is {}, and only what is PENDING can be declined. Cancel it instead.", status.name())
        }
        _ => format!("The booking is {} and cannot be changed like this. Read it again.", status.name()),
    };
    UserError::new(refusal, message).at(["input", "id"])
}
