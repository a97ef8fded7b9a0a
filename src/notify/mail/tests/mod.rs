//! The mails as they are read: by people, by mail programs, by calendars.

mod invitations;
mod properties;
mod reading;
mod repeating;
mod samples;
mod snapshots;
mod times;
