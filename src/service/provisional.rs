//! Bookings that keep their time for some minutes without being confirmed: for how long, and how many at once.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use chrono::{DateTime, TimeDelta, Utc};

use super::Services;
use super::input::Problems;
use crate::address::AddressGroup;
use crate::domain::access::Caller;
use crate::domain::booking::Booking;
use crate::domain::id::OrganizationId;
use crate::domain::refusal::{Refusal, UserError};
use crate::store::{ProvisionalPlace, Reader, StoreError, Tx};

/// For how many minutes a booking can be provisional.
const MINUTES: RangeInclusive<u32> = 1..=60;
/// Provisional bookings that one caller has at once.
const AT_ONCE: i16 = 3;

/// A booking that is to be provisional.
pub(super) struct Provisional {
    minutes: u32,
    caller: Caller,
    address: IpAddr,
}

impl Provisional {
    /// What is asked for with `provisionalMinutes`, if it is; notes what is wrong with it.
    pub(super) fn asked(
        problems: &mut Problems,
        minutes: Option<u32>,
        caller: &Caller,
        address: IpAddr,
    ) -> Option<Self> {
        let minutes = minutes?;
        if !MINUTES.contains(&minutes) {
            let (least, most) = MINUTES.into_inner();
            let message = format!("`provisionalMinutes` must be from {least} to {most}. Leave it out to book at once.");
            problems.note(&["provisionalMinutes"], message);
        }
        Some(Self { minutes, caller: caller.clone(), address })
    }

    /// When a booking of `now` ends unless it is confirmed.
    pub(super) fn expires_at(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        now + TimeDelta::minutes(self.minutes.into())
    }

    /// `checked`, unless the first reason against it is that it would lapse at once: what has begun cannot wait to be
    /// confirmed.
    ///
    /// # Errors
    /// What `checked` says, or `InThePast`.
    pub(super) fn require_future(
        start: DateTime<Utc>,
        now: DateTime<Utc>,
        checked: Result<(), UserError>,
    ) -> Result<(), UserError> {
        match checked {
            Err(earlier) if earlier.refusal <= Refusal::InThePast => Err(earlier),
            _ if start <= now => {
                let message = "A provisional booking must start in the future. Choose a later start, or leave \
                               `provisionalMinutes` out.";
                Err(UserError::new(Refusal::InThePast, message).at(["start"]))
            }
            checked => checked,
        }
    }

    /// Whether the caller has a place left in `organization`, by what can be read without a lock.
    pub(super) async fn look(
        &self,
        services: &Services,
        reader: &Reader,
        organization: &OrganizationId,
    ) -> Result<Result<(), UserError>, StoreError> {
        let taken = reader.provisional_slots_taken(&self.owner(services, organization), services.now()).await?;
        Ok(if taken < AT_ONCE.unsigned_abs().into() { Ok(()) } else { Err(too_many()) })
    }

    /// Takes one of the caller's places for `booking`: the last thing in its transaction.
    pub(super) async fn take_place(
        &self,
        services: &Services,
        tx: &Tx,
        booking: &Booking,
    ) -> Result<Result<(), UserError>, StoreError> {
        let place = ProvisionalPlace {
            caller: self.owner(services, &booking.organization_id),
            booking_id: booking.id.clone(),
            until: booking.lapses_at().unwrap_or(booking.start),
        };
        let taken = tx.take_provisional_slot(&place, AT_ONCE, services.now()).await?;
        Ok(if taken { Ok(()) } else { Err(too_many()) })
    }

    /// Whose places they are: a user's, or those of a guest's address, in the organization where the booking is made.
    fn owner(&self, services: &Services, organization: &OrganizationId) -> String {
        let key = &services.parts().key;
        let organization = organization.as_str().as_bytes();
        match self.caller.viewer() {
            Some(viewer) => key.caller(&[b"user", organization, viewer.id.as_str().as_bytes()]),
            None => key.caller(&[b"address", organization, &AddressGroup::of(self.address).octets()]),
        }
    }
}

fn too_many() -> UserError {
    let message = format!(
        "You have {AT_ONCE} provisional bookings, which is as many as one may have. Have one of them confirmed, cancel \
         one, or wait until one expires; then try again."
    );
    UserError::new(Refusal::LimitExceeded, message).at(["input", "provisionalMinutes"])
}
