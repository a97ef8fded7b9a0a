//! Telling others what happened: bookers by mail, partners' systems by webhook.
//!
//! What happened is in the outbox, put there by the transaction that made it happen. `planner` shares it out into
//! deliveries, and `worker` has each lane of them tried, in order, until they arrive or are given up. Nobody who books
//! ever waits for any of it: the worker is woken after a commit, and rests in proportion to what it has done, so that
//! a burst of bookings is served first and told of a little later.

mod holds;
mod lane;
pub mod mail;
mod planner;
mod planning;
pub mod reminders;
pub mod webhook;
mod worker;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use crate::clock::SharedClock;
use crate::domain::booking::BookingEvent;
use crate::domain::delivery::LeasedDelivery;
use crate::error::Error;
use crate::store::Store;
use webhook::WebhookSender;

/// What an attempt to deliver something came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// It has arrived.
    Arrived {
        /// What the receiver answered, where that is a number.
        status_code: Option<u16>,
    },
    /// It has not.
    Failed {
        /// What the receiver answered, if it did, and where that is a number.
        status_code: Option<u16>,
        /// Why, in words of ours: what the receiver said is shown to nobody.
        error: String,
        /// Whether it is of no use to try again.
        is_final: bool,
    },
    /// There is nothing to deliver any more: what it announces no longer happens.
    Dropped,
}

/// What wakes the worker. Whoever commits something for it says so.
#[derive(Debug, Default)]
pub struct Wakes {
    /// Something is in the outbox.
    pub outbox: Notify,
    /// Deliveries are due that did not come from the outbox just now.
    pub deliveries: Notify,
}

/// Takes a mail to the mail server.
pub type CarryMail = Arc<dyn Fn(LeasedDelivery) -> BoxFuture<'static, Carried> + Send + Sync>;
/// Makes a webhook's selection of an event.
pub type Select = Arc<dyn Fn(String, BookingEvent) -> BoxFuture<'static, Result<String, SelectionFault>> + Send + Sync>;

/// Why a selection gave nothing.
#[derive(Debug)]
pub enum SelectionFault {
    /// It is of no use: what it names has changed since it was saved. A sentence that says what.
    Unusable(String),
    /// It may work later.
    Failed(Error),
}

/// What the worker is made of.
pub struct NotifierParts {
    /// Where the outbox and the deliveries are.
    pub store: Store,
    /// What time it is.
    pub clock: SharedClock,
    /// What wakes it.
    pub wakes: Arc<Wakes>,
    /// Takes mails where they go; `None`: there are none.
    pub mail: Option<CarryMail>,
    /// Whether the operator is told of what waits for staff.
    pub tells_operator: bool,
    /// Takes events where they go.
    pub webhooks: WebhookSender,
    /// Makes selections.
    pub select: Select,
}

/// Tells others what happened. Cheap to clone.
#[derive(Clone)]
pub struct Notifier(Arc<NotifierParts>);

impl Notifier {
    /// A worker made of `parts`; see [`Notifier::run`].
    #[must_use]
    pub fn new(parts: NotifierParts) -> Self {
        Self(Arc::new(parts))
    }

    fn parts(&self) -> &NotifierParts {
        &self.0
    }

    fn store(&self) -> &Store {
        &self.0.store
    }
}
