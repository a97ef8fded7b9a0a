//! Changing what is said about a booking: who it is for, where it takes place, what it is called. Its time and where it
//! stands are changed in `transition`.

use std::net::IpAddr;

use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;

use super::administration::Change;
use super::booker;
use super::booking::{Outcome, SeenBooking};
use super::guest_mails::{self, GuestMail};
use super::input::Problems;
use super::making::{MAX_LOCATION, MAX_METADATA_BYTES, MAX_REFERENCE};
use super::transition::{actor, require_few_changes, unknown_booking};
use super::{MAX_ATTEMPTS, Services};
use crate::domain::access::{Caller, Standing};
use crate::domain::booking::{Booking, BookingEvent, BookingEventType, BookingStatus, BookingTransition};
use crate::domain::id::BookingId;
use crate::domain::refusal::{Refusal, UserError};
use crate::error::{Error, Internal};
use crate::store::{StoreError, Tx};

pub use super::booker::BookerChanges;

/// What is to change of a booking; `Change::To(None)` stands for null.
#[derive(Clone, Debug)]
pub struct UpdateBooking {
    /// The booking.
    pub id: BookingId,
    /// Its management token.
    pub management_token: Option<SecretString>,
    /// Who it is for.
    pub booker: BookerChanges,
    /// Where it takes place.
    pub location: Change<Option<String>>,
    /// The caller's own name for it.
    pub reference: Change<Option<String>>,
    /// Whatever the caller attaches.
    pub metadata: Change<Option<Value>>,
}

impl Services {
    /// Changes some of what is said about a booking, and leaves the rest as it is, whoever changes that meanwhile.
    /// Booker and token can until it is over; staff can at any time.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// Faults of the store. What the rules refuse is the inner `Err`: `NotFound` also for a booking of somebody else's.
    pub async fn update_booking(
        &self,
        caller: &Caller,
        request: UpdateBooking,
        address: IpAddr,
    ) -> Result<Outcome<SeenBooking>, Error> {
        let mut problems = Problems::default();
        problems.text(&["location"], text(&request.location), MAX_LOCATION, false);
        problems.text(&["reference"], text(&request.reference), MAX_REFERENCE, false);
        let metadata = request.metadata.given().and_then(Option::as_ref);
        problems.json(&["metadata"], metadata, MAX_METADATA_BYTES);
        booker::check_form(&mut problems, &request.booker.given());
        if let Err(problems) = problems.into_result() {
            return Ok(Err(problems));
        }
        let guest_mail = GuestMail::from(address);
        let updating = Updating { services: self.clone(), caller: caller.clone(), request, guest_mail };
        self.to_its_end(async move { updating.run().await }).await
    }
}

fn text(change: &Change<Option<String>>) -> Option<&str> {
    change.given().and_then(Option::as_deref)
}

/// An update that is being made.
struct Updating {
    services: Services,
    caller: Caller,
    request: UpdateBooking,
    /// The mails that go to another address from now on, where a management token says so.
    guest_mail: GuestMail,
}

/// Why a booking was not updated.
enum NotUpdated {
    Refused(Vec<UserError>),
    /// It has lapsed, and that is to be written down first: its history says what happened in order.
    Lapsed,
    Failed(Error),
}

impl From<StoreError> for NotUpdated {
    fn from(fault: StoreError) -> Self {
        Self::Failed(fault.into())
    }
}

/// What a booking is to become.
struct Decided {
    standing: Standing,
    before: Booking,
    after: Booking,
}

impl Decided {
    fn changes_nothing(&self) -> bool {
        self.after == self.before
    }
}

impl Updating {
    async fn run(&self) -> Result<Outcome<SeenBooking>, Error> {
        let store = &self.services.parts().store;
        for _ in 0..MAX_ATTEMPTS {
            let written = match self.look().await {
                Ok(Some(unchanged)) => return Ok(Ok(unchanged)),
                Ok(None) => store.write(|tx| async move { self.write(&tx).await }).await,
                Err(refused) => Err(refused),
            };
            match written {
                Ok((seen, event)) => {
                    if let Some(event) = event {
                        self.services.announce(event);
                    }
                    return Ok(Ok(seen));
                }
                Err(NotUpdated::Lapsed) => self.services.expire_booking(self.request.id.clone()).await?,
                Err(NotUpdated::Refused(refused)) => return Ok(Err(refused)),
                Err(NotUpdated::Failed(fault)) => return Err(fault),
            }
        }
        Err(Internal::new("a booking has lapsed and does not expire").into())
    }

    /// What can be read without a lock: a hopeless attempt, and one that has nothing to do, never waits for the writer.
    async fn look(&self) -> Result<Option<SeenBooking>, NotUpdated> {
        let found = self.services.parts().store.reader().booking(&self.request.id).await?;
        let now = self.services.now();
        let decided = self.decide(found, now)?;
        if decided.changes_nothing() {
            return Ok(Some(SeenBooking::new(decided.before, decided.standing, now)));
        }
        let email = decided.after.booker.email.as_deref();
        if guest_mails::are_counted(decided.standing) && email != decided.before.booker.email.as_deref() {
            self.guest_mail.count(&self.services, email).map_err(NotUpdated::Failed)?;
        }
        Ok(None)
    }

    /// The update, decided from what the locked row says.
    async fn write(&self, tx: &Tx) -> Result<(SeenBooking, Option<BookingEvent>), NotUpdated> {
        let locked = tx.lock_booking(&self.request.id).await?;
        let now = self.services.now();
        let decided = self.decide(locked, now)?;
        if decided.changes_nothing() {
            return Ok((SeenBooking::new(decided.before, decided.standing, now), None));
        }
        let Decided { standing, before, after } = decided;
        let transition = BookingTransition {
            event: BookingEventType::Updated,
            from: Some(after.status),
            to: after.status,
            at: now,
            by: actor(&self.caller, standing),
            reason: None,
            previous: None,
        };
        let event = tx.save_transition(&before, Booking { updated_at: now, ..after }, transition).await?;
        Ok((SeenBooking::new(event.booking.clone(), standing, now), Some(event)))
    }

    /// What the update makes of `booking` at `now`.
    fn decide(&self, booking: Option<Booking>, now: DateTime<Utc>) -> Result<Decided, NotUpdated> {
        let token = self.request.management_token.as_ref().map(ExposeSecret::expose_secret);
        let seen = booking.and_then(|booking| {
            let standing = self.services.standing(&self.caller, &booking, token)?;
            Some((booking, standing))
        });
        let refused = |refused: UserError| NotUpdated::Refused(vec![refused]);
        let (before, standing) = seen.ok_or_else(|| refused(unknown_booking(&self.request.id)))?;
        if standing != Standing::Staff {
            require_open(&before, now).map_err(refused)?;
        }
        if before.has_lapsed(now) {
            return Err(NotUpdated::Lapsed);
        }
        let UpdateBooking { id: _, management_token: _, booker, location, reference, metadata } = &self.request;
        let booker = booker::changed(&self.caller, standing, &before.booker, booker).map_err(NotUpdated::Refused)?;
        let after = Booking {
            booker,
            location: location.clone().applied_to(before.location.clone()),
            reference: reference.clone().applied_to(before.reference.clone()),
            metadata: metadata.clone().applied_to(before.metadata.clone()),
            ..before.clone()
        };
        Ok(Decided { standing, before, after })
    }
}

/// Refuses what booker and token may not do: change a booking that is over, or change it for ever.
fn require_open(booking: &Booking, now: DateTime<Utc>) -> Result<(), UserError> {
    let status = booking.status_at(now);
    if !matches!(status, BookingStatus::Provisional | BookingStatus::Pending | BookingStatus::Confirmed) {
        let message = format!("The booking is {}. Ask staff to change it.", status.name());
        return Err(UserError::new(Refusal::IllegalTransition, message).at(["input", "id"]));
    }
    require_few_changes(booking)
}
