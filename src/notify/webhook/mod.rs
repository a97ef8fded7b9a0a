//! Webhooks: other systems are told what happens, each by a request of its own, as
//! [Standard Webhooks](https://www.standardwebhooks.com) has it.
//!
//! [`payload`] is what they are told, [`signature`] how they know that it is from here, `target` where requests may go,
//! and [`sender`] sends them.

mod failure;
pub mod payload;
pub mod sender;
pub mod signature;
mod target;

pub use sender::WebhookSender;
