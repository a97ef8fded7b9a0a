//! Where mails go.

use std::path::PathBuf;

use lettre::Message;

use super::folder::Folder;
use super::smtp::{Smtp, SmtpServer};
use crate::clock::SharedClock;

/// Where mails go, as it is configured.
#[derive(Clone, Debug)]
pub enum MailAddress {
    /// To a mail server.
    Smtp(SmtpServer),
    /// Into files of a folder: for development.
    Folder(PathBuf),
}

/// Takes mails to where they go.
pub(super) enum Transport {
    Smtp(Smtp),
    Folder(Folder),
}

/// Why a mail has not gone out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct NotSent {
    /// What the mail server answered, where it has something against this mail: that says nothing about others.
    pub status_code: Option<u16>,
    /// Why, in words of ours: neither what the server said nor anybody's address.
    pub error: String,
    /// Whether it is of no use to try again.
    pub is_final: bool,
}

impl NotSent {
    /// Something that may be better next time.
    pub fn for_now(error: impl Into<String>) -> Self {
        Self { status_code: None, error: error.into(), is_final: false }
    }

    /// Something that will be no better next time.
    pub fn for_good(error: impl Into<String>) -> Self {
        Self { is_final: true, ..Self::for_now(error) }
    }
}

impl Transport {
    /// The way to `address`.
    ///
    /// # Errors
    /// Why there can be none.
    pub fn new(address: &MailAddress, clock: &SharedClock) -> Result<Self, String> {
        Ok(match address {
            MailAddress::Smtp(server) => Self::Smtp(Smtp::new(server.clone(), clock)?),
            MailAddress::Folder(path) => Self::Folder(Folder::new(path.clone())?),
        })
    }

    /// Sends `mail`.
    pub async fn send(&self, mail: &Message) -> Result<(), NotSent> {
        match self {
            Self::Smtp(smtp) => smtp.send(mail).await,
            Self::Folder(folder) => folder.put(mail).await,
        }
    }
}
