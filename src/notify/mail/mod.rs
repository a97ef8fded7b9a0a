//! Mails to bookers, and to the operator about what waits to be confirmed.
//!
//! `job` says which mails follow from what happened, `compose` writes one: `letter` is what it holds, in the words of
//! `wording`, with times by `when`, and of what people typed what `repeating` allows. How it looks is in `templates/mail`.
//!
//! `mailer` has each mail written when its turn has come, with `facts` and `links` as they are then, and sends it by a
//! `transport`: to a mail server (`smtp`) or into a `folder`.

pub mod compose;
mod facts;
mod folder;
pub mod job;
mod letter;
pub mod links;
pub mod mailer;
pub mod repeating;
pub mod smtp;
pub mod transport;
pub mod when;
pub mod wording;

#[cfg(test)]
mod tests;
