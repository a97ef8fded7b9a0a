//! What happens to bookings, told to whoever may know: every event, once. Each is told after its commit, by whatever
//! wrote it; so of two that follow each other closely the second may come first, and `revision` puts them in order.
//!
//! Nothing is sent at first: what there is already is read by lists. Each event is told to those only who may know it at
//! that moment, so whoever watches by their account is looked up before each. That is one read for each watcher and event.

use std::sync::Arc;

use futures_util::stream;
use secrecy::{ExposeSecret, SecretString};

use super::Services;
use super::credentials::Credentials;
use super::live::{AFTER_FAULT, States, wait_for};
use crate::domain::access::{Caller, Staff, Standing};
use crate::domain::booking::BookingEvent;
use crate::domain::id::{BookingId, ResourceId};
use crate::error::Error;
use crate::feed::{BookingWatch, FellBehind};

/// An event in the eyes of somebody who may know of it.
#[derive(Clone, Debug)]
pub struct SeenEvent {
    /// What happened, and the booking as it was right after.
    pub event: Arc<BookingEvent>,
    /// In which capacity they are told.
    pub standing: Standing,
}

impl Services {
    /// What happens to the bookings of the staff's organization from now on, or to those that concern `resource`.
    ///
    /// Ends with `Unauthenticated` when the credentials do, with `Forbidden` when their bearer is no longer staff, and
    /// with `FellBehind` when events were missed.
    ///
    /// # Errors
    /// `NotFound` for a resource that is not the organization's.
    pub async fn watch_bookings(
        &self,
        staff: &Staff,
        credentials: Credentials,
        resource: Option<ResourceId>,
    ) -> Result<States<SeenEvent>, Error> {
        let organization = staff.organization();
        // Before anything is read: what happens meanwhile is told.
        let watch = self.parts().feed.watch_bookings(organization.clone());
        let subject = match resource {
            None => Subject::Every,
            Some(id) => {
                let known = std::slice::from_ref(&id);
                if self.parts().store.reader().owned_resources(organization, known).await?.is_empty() {
                    return Err(Error::not_found("resource", id.as_str()));
                }
                Subject::Resource(id)
            }
        };
        let right = Right::Account(Standing::Staff, credentials);
        Ok(self.tell_events(EventWatcher { services: self.clone(), watch, subject, right }))
    }

    /// What happens to one booking from now on, for whoever may read it.
    ///
    /// By the management token that goes on for as long as they like; by an account it ends as
    /// [`Services::watch_bookings`].
    ///
    /// # Errors
    /// `NotFound` for a booking that the caller may not read, just as if there were none.
    pub async fn watch_booking(
        &self,
        caller: &Caller,
        credentials: Credentials,
        id: BookingId,
        management_token: Option<SecretString>,
    ) -> Result<States<SeenEvent>, Error> {
        let unknown = || Error::not_found("booking", id.as_str());
        let booking = self.parts().store.reader().booking(&id).await?.ok_or_else(unknown)?;
        let token = management_token.as_ref().map(ExposeSecret::expose_secret);
        // What decides, whose it is and who booked, never changes: nothing is missed by reading it first.
        let right = match self.standing(caller, &booking, token).ok_or_else(unknown)? {
            standing @ (Standing::TokenBearer | Standing::SeriesTokenBearer) => Right::Token(standing),
            standing @ (Standing::Staff | Standing::Booker) => Right::Account(standing, credentials),
        };
        let watch = self.parts().feed.watch_bookings(booking.organization_id);
        Ok(self.tell_events(EventWatcher { services: self.clone(), watch, subject: Subject::Booking(id), right }))
    }

    fn tell_events(&self, watcher: EventWatcher) -> States<SeenEvent> {
        let events = stream::unfold(Some(watcher), |watcher| async {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(event) => Some((Ok(event), Some(watcher))),
                // Whoever watches is told why, and the stream ends.
                Err(error) => Some((Err(error), None)),
            }
        });
        self.until_shutdown(events)
    }
}

/// What is watched.
enum Subject {
    /// All bookings of the organization.
    Every,
    /// Those that book it, or did before they were moved.
    Resource(ResourceId),
    /// This one.
    Booking(BookingId),
}

impl Subject {
    fn is_of(&self, event: &BookingEvent) -> bool {
        match self {
            Self::Every => true,
            Self::Resource(id) => event.concerns(id),
            Self::Booking(id) => event.booking.id == *id,
        }
    }
}

/// By what somebody may watch.
enum Right {
    /// By who they are, in this capacity, for as long as that is so.
    Account(Standing, Credentials),
    /// By a management token, of the booking or of its series, which does not end.
    Token(Standing),
}

impl Right {
    fn standing(&self) -> Standing {
        match self {
            Self::Account(standing, _) | Self::Token(standing) => *standing,
        }
    }
}

/// Tells one watcher of events.
struct EventWatcher {
    services: Services,
    watch: BookingWatch,
    subject: Subject,
    right: Right,
}

impl EventWatcher {
    /// The next event.
    async fn next(&mut self) -> Result<SeenEvent, Error> {
        let clock = self.services.clock();
        let ends_at = match &self.right {
            Right::Account(_, credentials) => credentials.expires_at(),
            Right::Token(_) => None,
        };
        loop {
            let event = tokio::select! {
                biased;
                () = wait_for(&clock, ends_at) => return Err(no_longer_valid()),
                event = self.watch.next() => event.map_err(|FellBehind| fell_behind())?,
            };
            if self.subject.is_of(&event) {
                self.require_right(&event).await?;
                return Ok(SeenEvent { event, standing: self.right.standing() });
            }
        }
    }

    /// Refuses whoever may not know of `event` any more.
    async fn require_right(&self, event: &BookingEvent) -> Result<(), Error> {
        let Right::Account(standing, credentials) = &self.right else { return Ok(()) };
        let caller = loop {
            match credentials.caller().await {
                Ok(caller) => break caller.ok_or_else(no_longer_valid)?,
                // No event is passed over, and none is told unlooked: those that follow wait, too.
                Err(fault) => {
                    tracing::warn!(?fault, "it could not be found out who watches bookings; trying again");
                    let clock = self.services.clock();
                    clock.sleep_until(clock.monotonic().plus(AFTER_FAULT)).await;
                }
            }
        };
        if caller.standing(&event.booking, false) == Some(*standing) {
            return Ok(());
        }
        Err(Error::Forbidden("You may not watch this any more: your role has changed. Subscribe again.".to_owned()))
    }
}

fn no_longer_valid() -> Error {
    Error::Unauthenticated("The access token is not valid any more. Connect again with a fresh one.".to_owned())
}

fn fell_behind() -> Error {
    Error::FellBehind(
        "Events were missed: they came faster than they were read. Subscribe again, and read what has changed by \
         `bookings(filter: {updatedSince: …}, orderBy: UPDATED_ASC)`."
            .to_owned(),
    )
}
