//! How many mails guests may cause.
//!
//! Whoever is not signed in can name anybody's address as the booker's. So what they do that sends a mail is counted, by
//! whom the mail is to and by where they are, and beyond a limit it is refused: a booking of which its booker would not
//! hear is none. Cancelling is never refused: a booking can be cancelled once, and making it was counted.

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Services;
use crate::domain::access::Standing;
use crate::error::Error;

/// A mail that somebody is about to cause who is not signed in, or who acts by a management token.
#[derive(Debug)]
pub(super) struct GuestMail {
    address: IpAddr,
    is_counted: AtomicBool,
}

impl GuestMail {
    /// One of whoever is at `address`.
    pub(super) fn from(address: IpAddr) -> Self {
        Self { address, is_counted: AtomicBool::new(false) }
    }

    /// Counts it, once, however often what causes it is tried. Call it as late as can be: what is refused for another
    /// reason is to use up nobody's mails.
    ///
    /// # Errors
    /// `TooOften`; nothing is counted then.
    pub(super) fn count(&self, services: &Services, recipient: Option<&str>) -> Result<(), Error> {
        let (Some(throttle), Some(recipient)) = (&services.parts().guest_mails, recipient) else { return Ok(()) };
        if self.is_counted.load(Ordering::Relaxed) {
            return Ok(());
        }
        throttle.guest_mail(self.address, recipient).map_err(|wait| {
            let seconds = wait.seconds();
            let message = format!(
                "Too many mails would be sent because of guests. Wait {seconds} s, then try again, or sign in first."
            );
            Error::TooOften { message, retry_after: seconds }
        })?;
        self.is_counted.store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Whether mails are counted that somebody of this standing causes.
pub(super) fn are_counted(standing: Standing) -> bool {
    matches!(standing, Standing::TokenBearer | Standing::SeriesTokenBearer)
}
