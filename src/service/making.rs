//! Making a booking: claim, look, write, publish.
//!
//! What is about to be taken is claimed in the registry of holds first, which refuses it over somebody else's hold and
//! keeps new holds away until the transaction has ended. Between bookings the database decides, by one conditional
//! write for each resource and day.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use chrono::{DateTime, NaiveDate, Utc};
use secrecy::ExposeSecret;

use super::booker;
use super::booking::{CreateBooking, CreatedBooking, Outcome, SeenBooking};
use super::claiming;
use super::expiry::Looks;
use super::facts::{self, Asked, Facts};
use super::guest_mails::GuestMail;
use super::idempotency::{KEY_LIFE, RequestKey};
use super::input::Problems;
use super::provisional::Provisional;
use super::{MAX_ATTEMPTS, Services};
use crate::domain::access::{Caller, Role, Standing};
use crate::domain::availability::{Occupancy, Policy, Terms};
use crate::domain::booking::{
    Actor, Booking, BookingEvent, BookingEventType, BookingItem, BookingStatus, BookingTransition,
};
use crate::domain::id::{BookingId, OrganizationId};
use crate::domain::quantum::QuantumSpan;
use crate::domain::refusal::{Refusal, UserError};
use crate::error::{Error, Internal};
use crate::presence::{Claim, SessionSecret};
use crate::store::{IdempotencyRecord, KeyTaking, Reader, StoreError, Taking, Tx};

/// What a caller may attach, in bytes of JSON.
pub(super) const MAX_METADATA_BYTES: usize = 8 * 1024;
/// Characters of a location.
pub(super) const MAX_LOCATION: usize = 500;
/// Characters of a reference.
pub(super) const MAX_REFERENCE: usize = 120;

impl Services {
    /// Books a resource, and its add-ons, for one of the starts that are offered.
    ///
    /// Runs to its end once it has begun, whoever stops waiting for it.
    ///
    /// # Errors
    /// `Unauthenticated` for guests where they may not book, `Forbidden` for `ignore_schedule` by others than staff, and
    /// faults of the store. What the rules refuse is the inner `Err`.
    pub async fn create_booking(
        &self,
        caller: &Caller,
        request: CreateBooking,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Outcome<CreatedBooking>, Error> {
        if caller.viewer().is_none() && !self.settings().guest_bookings {
            return Err(Error::sign_in());
        }
        let making = match Making::new(self.clone(), caller.clone(), request, address, now) {
            Ok(making) => making,
            Err(problems) => return Ok(Err(problems)),
        };
        self.to_its_end(async move { making.run().await }).await
    }
}

/// A booking that is being made.
pub(super) struct Making {
    pub(super) services: Services,
    pub(super) caller: Caller,
    pub(super) request: CreateBooking,
    pub(super) session: Option<SessionSecret>,
    pub(super) key: Option<RequestKey>,
    /// Where it is not to be booked at once.
    pub(super) provisional: Option<Provisional>,
    /// The mail that a guest causes by it.
    guest_mail: Option<GuestMail>,
    pub(super) now: DateTime<Utc>,
}

/// Why an attempt came to nothing.
pub(super) enum Abort {
    Refused(UserError),
    /// What it was decided by changed meanwhile: decide anew.
    Overtaken,
    /// The connection was lost while committing: it is there as a whole, or not at all.
    Unknown,
    /// An earlier call used the key.
    Known(Box<IdempotencyRecord>),
    Failed(Error),
}

impl From<StoreError> for Abort {
    fn from(fault: StoreError) -> Self {
        match fault {
            StoreError::CommitUnknown(_) => Self::Unknown,
            // What it was to be booked under has just been deleted.
            fault if fault.breaks_reference() => Self::Overtaken,
            fault => Self::Failed(fault.into()),
        }
    }
}

impl From<UserError> for Abort {
    fn from(refused: UserError) -> Self {
        Self::Refused(refused)
    }
}

impl Making {
    /// Checks the form of the input, completely.
    pub(super) fn new(
        services: Services,
        caller: Caller,
        request: CreateBooking,
        address: IpAddr,
        now: DateTime<Utc>,
    ) -> Result<Self, Vec<UserError>> {
        let mut problems = Problems::default();
        problems.start(&["start"], request.start);
        if let Some(minutes) = request.duration_minutes {
            problems.duration(&["durationMinutes"], minutes);
        }
        problems.items(&request.resource_id, request.quantity, &request.add_ons);
        problems.text(&["location"], request.location.as_deref(), MAX_LOCATION, false);
        problems.text(&["reference"], request.reference.as_deref(), MAX_REFERENCE, false);
        problems.json(&["metadata"], request.metadata.as_ref(), MAX_METADATA_BYTES);
        booker::check(&mut problems, &caller, request.booker.as_ref());
        let is_guest = caller.viewer().is_none();
        let guest_mail = is_guest.then(|| GuestMail::from(address));
        let provisional = Provisional::asked(&mut problems, request.provisional_minutes, &caller, address);
        let secret = request.session_secret.as_ref().map(ExposeSecret::expose_secret);
        if let Some(secret) = secret {
            problems.secret(&["sessionSecret"], secret);
        }
        if let Some(key) = &request.idempotency_key {
            problems.secret(&["idempotencyKey"], key);
            if is_guest && secret.is_none() {
                problems.note(&["sessionSecret"], "A guest's `idempotencyKey` needs a `sessionSecret`.");
            }
        }
        problems.into_result()?;
        let key = RequestKey::of(&services, &caller, &request);
        let session = secret.and_then(SessionSecret::new);
        Ok(Self { services, caller, request, session, key, provisional, guest_mail, now })
    }

    async fn run(&self) -> Result<Outcome<CreatedBooking>, Error> {
        let mut looks = Looks::default();
        for _ in 0..MAX_ATTEMPTS {
            match self.attempt().await {
                Ok(booking) => return Ok(Ok(self.created(booking))),
                Err(Abort::Overtaken | Abort::Unknown) => {}
                Err(Abort::Known(record)) => return self.repeat(&record).await,
                Err(Abort::Refused(refused)) => {
                    if !self.services.is_worth_another_look(&refused, &mut looks).await? {
                        return self.refuse(refused).await;
                    }
                }
                Err(Abort::Failed(fault)) => return Err(fault),
            }
        }
        Err(Internal::new("what is booked changes faster than a booking can be decided").into())
    }
}

impl Making {
    /// One attempt, decided anew from what it reads.
    async fn attempt(&self) -> Result<Booking, Abort> {
        let store = &self.services.parts().store;
        let (facts, known) = store.snapshot(|reader| async move { self.read(&reader).await }).await?;
        if let Some(record) = known {
            return Err(Abort::Known(Box::new(record)));
        }
        let terms = self.terms(&facts)?;
        let span = terms.occupied_from(self.request.start);
        // A hopeless attempt is refused before it keeps anybody out, and never waits for the writer.
        self.look(&terms, span).await?;
        let claim = self.services.claim(&terms, span, self.session.as_ref(), self.request.ignore_schedule)?;
        let booking = self.booking(&terms, span);
        self.count_mail(&booking)?;
        let made = BookingEvent::new(booking.clone(), self.transition(&booking));
        let (event, claim_in_force, decided_by) = (&made, &claim, &facts);
        let written = store.write(|tx| async move { self.write(&tx, event, claim_in_force, decided_by).await }).await;
        let occupancy = match written {
            Err(Abort::Unknown) => self.settle(&booking).await?,
            written => written?,
        };
        self.services.announce_occupancy(booking.resources(), span);
        claim.booked(|resource, quantum| occupancy.units_taken(resource, quantum));
        self.services.announce(made);
        Ok(booking)
    }

    /// Counts the mail that follows from `booking`, if a guest makes it. Of what is only provisional nobody is told.
    pub(super) fn count_mail(&self, booking: &Booking) -> Result<(), Abort> {
        match &self.guest_mail {
            Some(mail) if booking.status != BookingStatus::Provisional => {
                mail.count(&self.services, booking.booker.email.as_deref()).map_err(Abort::Failed)
            }
            _ => Ok(()),
        }
    }

    pub(super) fn asked(&self) -> Asked<'_> {
        Asked {
            resource_id: &self.request.resource_id,
            event_type_id: Some(&self.request.event_type_id),
            duration_minutes: self.request.duration_minutes,
            interval_minutes: None,
            quantity: self.request.quantity,
            add_ons: &self.request.add_ons,
        }
    }

    /// What the catalogue says.
    async fn facts(&self, reader: &Reader) -> Result<Facts, StoreError> {
        self.asked().facts(reader, &self.dates()).await
    }

    /// The dates whose overrides decide about it.
    fn dates(&self) -> RangeInclusive<NaiveDate> {
        facts::dates_around(self.request.start, self.request.start)
    }

    /// What the catalogue says, and what an earlier call with the same key came to.
    async fn read(&self, reader: &Reader) -> Result<(Facts, Option<IdempotencyRecord>), StoreError> {
        let facts = self.facts(reader).await?;
        let known = self.known(reader, &facts).await?;
        Ok((facts, known))
    }

    /// What an earlier call with the same key came to.
    pub(super) async fn known(&self, reader: &Reader, facts: &Facts) -> Result<Option<IdempotencyRecord>, StoreError> {
        match (&self.key, self.organization(facts)) {
            (Some(key), Some(organization)) => {
                let not_before = self.now - KEY_LIFE;
                reader.idempotency_record(&organization, &key.owner, &key.key, not_before).await
            }
            _ => Ok(None),
        }
    }

    /// Where the booking is made: in a user's own organization, or for guests in the resource's.
    pub(super) fn organization(&self, facts: &Facts) -> Option<OrganizationId> {
        match self.caller.viewer() {
            Some(viewer) => Some(viewer.organization_id.clone()),
            None => facts.organization().cloned(),
        }
    }

    /// What is booked, if it is on offer to this caller.
    pub(super) fn terms(&self, facts: &Facts) -> Result<Terms, Abort> {
        if let (Some(viewer), Some(organization)) = (self.caller.viewer(), facts.organization())
            && viewer.organization_id != *organization
        {
            let message = Error::not_found_message("resource", self.request.resource_id.as_str());
            return Err(UserError::new(Refusal::NotFound, message).at(["input", "resourceId"]).into());
        }
        if self.request.ignore_schedule && !self.is_staff() {
            let message = "Only staff can book with `ignoreSchedule`. Leave it out.".to_owned();
            return Err(Abort::Failed(Error::Forbidden(message)));
        }
        Ok(facts.offered(&self.asked())?)
    }

    fn is_staff(&self) -> bool {
        self.caller.viewer().is_some_and(|viewer| viewer.role >= Role::Staff)
    }

    /// Whether it can be had, by what can be read without a lock.
    async fn look(&self, terms: &Terms, span: QuantumSpan) -> Result<(), Abort> {
        let reader = self.services.parts().store.reader();
        let (occupancy, _) = facts::read_occupancy(&reader, &self.asked().resources(), [span]).await?;
        let checked = terms.check(self.request.start, &occupancy, self.now, self.policy());
        let Some(provisional) = &self.provisional else {
            return checked.map_err(|refused| facts::below_input(refused).into());
        };
        Provisional::require_future(self.request.start, self.now, checked).map_err(facts::below_input)?;
        Ok(provisional.look(&self.services, &reader, &terms.primary.organization_id).await??)
    }

    /// By which rules a start is checked.
    pub(super) fn policy(&self) -> Policy {
        if self.request.ignore_schedule { Policy::Staff } else { Policy::Public }
    }

    pub(super) fn booking(&self, terms: &Terms, span: QuantumSpan) -> Booking {
        let request = &self.request;
        let now = self.now;
        let (start, end) = terms.event_span(request.start);
        let event_type = terms.event_type.as_deref();
        let waits = event_type.is_some_and(|event_type| event_type.requires_confirmation) && !self.is_staff();
        let status = match (&self.provisional, waits) {
            (Some(_), _) => BookingStatus::Provisional,
            (None, true) => BookingStatus::Pending,
            (None, false) => BookingStatus::Confirmed,
        };
        Booking {
            id: BookingId::generate(self.services.parts().clock.unique()),
            organization_id: terms.primary.organization_id.clone(),
            status,
            start,
            end,
            occupied: span,
            time_zone: request.time_zone.unwrap_or(terms.primary.time_zone),
            title: event_type.map_or_else(|| terms.primary.name.clone(), |event_type| event_type.title.clone()),
            location: request.location.clone(),
            event_type_id: request.event_type_id.clone(),
            items: terms
                .items()
                .map(|(resource, quantity)| BookingItem { resource_id: resource.id.clone(), quantity })
                .collect(),
            booker: booker::resolve(&self.caller, request.booker.as_ref()),
            reference: request.reference.clone(),
            metadata: request.metadata.clone(),
            revision: 1,
            cancellation_reason: None,
            expires_at: self.provisional.as_ref().map(|provisional| provisional.expires_at(now)),
            series_id: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// The first line of the booking's history.
    pub(super) fn transition(&self, booking: &Booking) -> BookingTransition {
        BookingTransition {
            event: BookingEventType::Created,
            from: None,
            to: booking.status,
            at: booking.created_at,
            by: self.caller.viewer().map_or(Actor::Guest, |viewer| Actor::User(viewer.id.clone())),
            reason: None,
            previous: None,
        }
    }

    /// The transaction: key, resources, occupancy, booking, place, in the order in which everything locks. What is
    /// occupied then.
    async fn write(
        &self,
        tx: &Tx,
        BookingEvent { booking, transition, .. }: &BookingEvent,
        claim: &Claim,
        decided_by: &Facts,
    ) -> Result<Occupancy, Abort> {
        self.take_key(tx, &booking.organization_id, booking.id.as_str()).await?;
        let needs = tx.lock_capacity(&booking.items).await?;
        // What changes after this look changes while the booking is being written.
        if !self.asked().still_so(decided_by, &booking.organization_id, tx, &self.dates()).await? {
            return Err(Abort::Overtaken);
        }
        if let Taking::Refused(conflicts) = tx.occupy(&needs, booking.occupied).await? {
            return Err(UserError::taken(conflicts).at(["input", "start"]).into());
        }
        let occupancy = claiming::leave_room_for_holds::<Abort>(tx, claim, &needs, booking.occupied).await?;
        tx.insert_booking(booking, transition).await?;
        if let Some(provisional) = &self.provisional {
            provisional.take_place(&self.services, tx, booking).await??;
        }
        Ok(occupancy)
    }

    /// Takes the key, where there is one, for what is `made`.
    pub(super) async fn take_key(&self, tx: &Tx, organization: &OrganizationId, made: &str) -> Result<(), Abort> {
        let Some(key) = &self.key else { return Ok(()) };
        let record = IdempotencyRecord {
            organization_id: organization.clone(),
            owner: key.owner.clone(),
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            made: made.to_owned(),
            created_at: self.now,
        };
        match tx.take_idempotency_key(&record, self.now - KEY_LIFE).await? {
            KeyTaking::Taken => Ok(()),
            KeyTaking::Exists(record) => Err(Abort::Known(Box::new(record))),
        }
    }

    /// Finds out what became of a commit of which nobody heard, while the claim still keeps others away: what is
    /// occupied, if the booking is there.
    async fn settle(&self, booking: &Booking) -> Result<Occupancy, Abort> {
        let reader = &self.services.parts().store.reader();
        let look = || async { reader.booking(&booking.id).await.ok().flatten() };
        if self.services.find_out(look).await.is_some() {
            let resources = self.asked().resources();
            return Ok(facts::read_occupancy(reader, &resources, [booking.occupied]).await?.0);
        }
        // Watchers look for themselves, whatever it came to.
        self.services.announce_occupancy(booking.resources(), booking.occupied);
        Err(Abort::Failed(Internal::new(format!("nobody knows what became of {}", booking.id)).into()))
    }

    /// The refusal, unless a twin has made the booking since the key was looked up: then it is the twin's booking that
    /// stands in the way, and the answer.
    async fn refuse(&self, refused: UserError) -> Result<Outcome<CreatedBooking>, Error> {
        if self.key.is_some() {
            let store = &self.services.parts().store;
            let (_, known) = store.snapshot(|reader| async move { self.read(&reader).await }).await?;
            if let Some(record) = known {
                return self.repeat(&record).await;
            }
        }
        Ok(Err(vec![refused]))
    }

    /// The answer to a call whose key is known: the booking as it is now, if the input is the same.
    async fn repeat(&self, record: &IdempotencyRecord) -> Result<Outcome<CreatedBooking>, Error> {
        if let Err(refused) = self.require_same_input(record) {
            return Ok(Err(vec![refused]));
        }
        let found = self.services.parts().store.reader().booking(&record.made.as_str().into()).await?;
        let booking = found.ok_or_else(|| Internal::new(format!("{} has a key and is missing", record.made)))?;
        Ok(Ok(self.created(booking)))
    }

    /// Refuses a key that was used with other input.
    pub(super) fn require_same_input(&self, record: &IdempotencyRecord) -> Result<(), UserError> {
        if self.key.as_ref().is_some_and(|key| key.fingerprint == record.fingerprint) {
            return Ok(());
        }
        let message = "This `idempotencyKey` was used with other input. Use a new key for a new booking.";
        Err(UserError::new(Refusal::IdempotencyMismatch, message).at(["input", "idempotencyKey"]))
    }

    fn created(&self, booking: Booking) -> CreatedBooking {
        // Whoever makes a booking gets its token, and so has at least the standing that it gives.
        let standing = self.caller.standing(&booking, true).unwrap_or(Standing::TokenBearer);
        CreatedBooking {
            management_token: self.services.parts().key.management_token(&booking.id),
            booking: SeenBooking::new(booking, standing, self.now),
        }
    }
}
