//! Selections: what a webhook wants to be told of an event, in the language that callers ask in.
//!
//! The language is not known here; whatever serves it is handed in.

use futures_util::future::BoxFuture;

use super::Services;
use crate::domain::booking::BookingEvent;
pub use crate::notify::SelectionFault;

/// Reads selections on `BookingEvent`, and renders events by them.
pub trait Selections: Send + Sync {
    /// Checks a selection: its form, that all it names exists, and that it does not ask for too much.
    ///
    /// The inner `Err` is a sentence that says what is wrong with it, and where.
    fn check<'a>(&'a self, selection: &'a str) -> BoxFuture<'a, Result<(), String>>;

    /// What a selection makes of an event, as JSON in the order of the selection: of the booking as it was right after
    /// the event, and of what belongs to it as it is now, all with the rights of staff of its organization.
    fn render<'a>(
        &'a self,
        services: &'a Services,
        selection: &'a str,
        event: BookingEvent,
    ) -> BoxFuture<'a, Result<String, SelectionFault>>;
}

impl Services {
    /// What `selection` makes of `event`: see [`Selections::render`].
    ///
    /// # Errors
    /// The selection is of no use, or the store failed.
    pub async fn render_selection(&self, selection: &str, event: BookingEvent) -> Result<String, SelectionFault> {
        self.parts().selections.render(self, selection, event).await
    }
}
