//! Writes each mail when its turn has come, and sends it.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};

use super::compose::{Letterhead, compose};
use super::facts;
use super::job::{MailJob, MailKind};
use super::links::BookingPage;
use super::transport::{MailAddress, NotSent, Transport};
use crate::clock::SharedClock;
use crate::domain::booking::BookingStatus;
use crate::domain::delivery::LeasedDelivery;
use crate::notify::Carried;
use crate::server_key::ServerKey;
use crate::store::{Store, StoreError};

/// How mails are written, and where they go.
#[derive(Clone, Debug)]
pub struct MailerSettings {
    /// Where they go.
    pub address: MailAddress,
    /// Who writes them, and how.
    pub letterhead: Letterhead,
    /// Below which links to bookings lie; `None`: mails have none.
    pub booking_page: Option<BookingPage>,
}

/// Writes mails and sends them.
pub struct Mailer {
    transport: Transport,
    letterhead: Letterhead,
    booking_page: Option<BookingPage>,
    store: Store,
    key: ServerKey,
    clock: SharedClock,
    /// Whether the last mail could not be sent for a reason that concerns all: told once, not with every mail.
    is_down: AtomicBool,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailer").finish_non_exhaustive()
    }
}

/// What a job has come to before there is a mail.
enum Unsent {
    /// What it announces no longer happens.
    Pointless,
    /// It will never be a mail.
    Unwritable(String),
    /// What it says cannot be read just now.
    Unread(StoreError),
}

impl From<StoreError> for Unsent {
    fn from(fault: StoreError) -> Self {
        Self::Unread(fault)
    }
}

impl Mailer {
    /// A mailer that has sent nothing yet.
    ///
    /// # Errors
    /// Why mails can never be sent this way.
    pub fn new(settings: MailerSettings, store: Store, key: ServerKey, clock: SharedClock) -> Result<Self, String> {
        let MailerSettings { address, letterhead, booking_page } = settings;
        let transport = Transport::new(&address, &clock)?;
        Ok(Self { transport, letterhead, booking_page, store, key, clock, is_down: AtomicBool::new(false) })
    }

    /// Whether there is an operator who wants to know what waits to be confirmed.
    #[must_use]
    pub fn tells_operator(&self) -> bool {
        self.letterhead.operator.is_some()
    }

    /// Writes the mail that `delivery` is about, as things are now, and sends it. Takes half a minute at the longest,
    /// the database aside.
    pub async fn deliver(&self, delivery: &LeasedDelivery) -> Carried {
        let mail = match self.write(&delivery.payload).await {
            Ok(mail) => mail,
            Err(Unsent::Pointless) => return Carried::Dropped,
            Err(Unsent::Unwritable(why)) => return failed(NotSent::for_good(why)),
            Err(Unsent::Unread(fault)) => {
                tracing::warn!(delivery = %delivery.id, error = fault.describe(), "what a mail says cannot be read");
                return failed(NotSent::for_now("what it says cannot be read"));
            }
        };
        match self.transport.send(&mail).await {
            Ok(()) => {
                if self.is_down.swap(false, Ordering::Relaxed) {
                    tracing::info!("mails can be sent again");
                }
                Carried::Arrived { status_code: None }
            }
            Err(not_sent) => {
                if !not_sent.is_final && not_sent.status_code.is_none() && !self.is_down.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        error = not_sent.error,
                        "a mail could not be sent; it is tried again, as are others"
                    );
                }
                failed(not_sent)
            }
        }
    }

    async fn write(&self, payload: &str) -> Result<lettre::Message, Unsent> {
        let mut job: MailJob = serde_json::from_str(payload)
            .map_err(|_| Unsent::Unwritable("what is to be told cannot be read".into()))?;
        let now = self.clock.now();
        let reader = self.store.reader();
        if job.kind == MailKind::Reminder {
            self.bring_up_to_date(&mut job, now).await?;
        }
        let facts = facts::read(&reader, &job, self.booking_page.as_ref(), &self.key).await?;
        compose(&job, &facts, &self.letterhead, now).map_err(|error| Unsent::Unwritable(error.to_string()))
    }

    /// A reminder says what the booking is when it is sent. Of what was called off, moved or has begun nobody is
    /// reminded.
    async fn bring_up_to_date(&self, job: &mut MailJob, now: DateTime<Utc>) -> Result<(), Unsent> {
        for told in &mut job.about {
            let found = self.store.reader().booking(&told.booking.id).await?;
            let same = found.filter(|found| {
                found.status == BookingStatus::Confirmed
                    && found.start == told.booking.start
                    && found.start > now
                    && found.booker.email.is_some()
            });
            told.booking = same.ok_or(Unsent::Pointless)?;
        }
        Ok(())
    }
}

fn failed(NotSent { status_code, error, is_final }: NotSent) -> Carried {
    Carried::Failed { status_code, error, is_final }
}
