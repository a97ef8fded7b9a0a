//! The mutation root, one file per noun.

pub mod booking;
pub mod presence;
pub mod schedule;
pub mod user;

use async_graphql::MergedObject;

use crate::domain::refusal::{Refusal, UserError};

/// Changing. Every mutation takes one `input` and gives a payload of its own. What the rules refuse comes back in
/// `userErrors`, with nothing changed; top-level errors are left for callers who may not, and for faults.
#[derive(MergedObject, Default)]
pub struct Mutation(
    presence::PresenceMutation,
    booking::BookingMutation,
    schedule::ScheduleMutation,
    user::UserMutation,
);

/// Collects what is malformed in an input, so that all of it is reported together.
#[derive(Default)]
struct Problems(Vec<UserError>);

impl Problems {
    /// The value, or `None` and one problem more, about the field at `path` below `input`.
    fn take<T>(&mut self, path: &[&str], read: Result<T, String>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(message) => {
                let path = std::iter::once("input").chain(path.iter().copied());
                self.0.push(UserError::new(Refusal::Invalid, message).at(path));
                None
            }
        }
    }
}
