//! What a mail may repeat of what people typed.

use super::job::Told;
use crate::domain::booking::Actor;

/// What a mail may repeat of what people typed.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Repeats {
    /// The booker's name.
    Name,
    /// The name, notes, location, reason and reference.
    All,
}

impl Repeats {
    /// What a mail may repeat that tells of `about`.
    ///
    /// Where nobody has an account, anybody could have a mail of their own wording sent to strangers. So what a guest
    /// causes, or somebody who has no more than a link, repeats nothing but the name; and so does what the server sends
    /// by itself of a booking that belongs to no account. What somebody signed in causes, staff for instance, repeats
    /// everything.
    #[must_use]
    pub fn of(about: &[Told]) -> Self {
        if about.iter().all(vouched_for) { Self::All } else { Self::Name }
    }

    /// `typed`, where it may be repeated.
    #[must_use]
    pub fn typed(self, typed: Option<&str>) -> Option<&str> {
        typed.filter(|_| self == Self::All)
    }
}

/// Whether somebody who can be named stands for what `told` causes to be sent.
fn vouched_for(told: &Told) -> bool {
    match told.transition.as_ref().map(|transition| &transition.by) {
        Some(Actor::User(_)) => true,
        Some(Actor::Guest | Actor::TokenBearer) => false,
        Some(Actor::System) | None => told.booking.booker.user_id.is_some(),
    }
}
