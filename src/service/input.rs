//! What people get wrong in inputs: lengths, counts and forms, all of it found before anything is read or changed.

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::domain::availability::{DURATION_MINUTES, MAX_QUANTITY, MAX_RESOURCES};
use crate::domain::booking::BookingItem;
use crate::domain::id::ResourceId;
use crate::domain::local_time::instant_in_range;
use crate::domain::person::{MAX_EMAIL, is_email};
use crate::domain::quantum::Quantum;
use crate::domain::refusal::{Refusal, UserError};

/// What the caller gave, or what is wrong with it: a sentence that names the field.
pub type Given<T> = Result<T, String>;

/// How many problems of one input are told: enough to mend it by, and no answer is much larger than its question.
const MAX_PROBLEMS: usize = 100;
/// How deep JSON may be nested. What is stored with it is read again from JSON, which has an end at 128.
const MAX_JSON_DEPTH: usize = 32;

/// Collects what is wrong with an input, so that all of it is reported together: the first `MAX_PROBLEMS`, and that
/// there are more.
#[derive(Clone, Debug, Default)]
pub struct Problems {
    found: Vec<UserError>,
    /// Whether there were more than are kept.
    more: bool,
}

impl Problems {
    /// Notes that the field at `path` below `input` is not as it should be.
    pub fn note(&mut self, path: &[&str], message: impl Into<String>) {
        let path = std::iter::once("input").chain(path.iter().copied());
        self.refuse(UserError::new(Refusal::Invalid, message).at(path));
    }

    /// What was given as the field at `path` below `input`, or `None` and one problem more.
    pub fn take<T>(&mut self, path: &[&str], given: Given<T>) -> Option<T> {
        given.map_err(|message| self.note(path, message)).ok()
    }

    /// Adds what the rules refuse for another reason than its form.
    pub fn refuse(&mut self, refused: UserError) {
        if self.found.len() < MAX_PROBLEMS {
            self.found.push(refused);
        } else {
            self.more = true;
        }
    }

    /// Ok when nothing was noted.
    ///
    /// # Errors
    /// Everything that was.
    pub fn into_result(self) -> Result<(), Vec<UserError>> {
        self.finish(Some(()))
    }

    /// `value`, when nothing was noted. It is there unless something was.
    ///
    /// # Errors
    /// Everything that was.
    pub fn finish<T>(self, value: Option<T>) -> Result<T, Vec<UserError>> {
        match value {
            Some(value) if self.found.is_empty() => Ok(value),
            _ => Err(self.told()),
        }
    }

    /// What is kept, with a last one that tells of the rest.
    fn told(self) -> Vec<UserError> {
        let Self { mut found, more } = self;
        if more {
            let message =
                format!("There are more problems than these {MAX_PROBLEMS}. Mend these first, and try again.");
            found.push(UserError::new(Refusal::Invalid, message).at(["input"]));
        }
        found
    }

    /// A text of at most `most` characters, on one line unless `multiline`, without control characters.
    pub fn text(&mut self, path: &[&str], text: Option<&str>, most: usize, multiline: bool) {
        let Some(text) = text else { return };
        let name = path.last().copied().unwrap_or("input");
        if text.chars().count() > most {
            self.note(path, format!("`{name}` must have at most {most} characters."));
        } else if text.chars().any(|c| c.is_control() && !(multiline && matches!(c, '\n' | '\r' | '\t'))) {
            self.note(path, format!("`{name}` must not contain control characters or line breaks."));
        }
    }

    /// JSON of at most `most` bytes, nested at most 32 deep.
    pub fn json(&mut self, path: &[&str], value: Option<&Value>, most: usize) {
        let Some(value) = value else { return };
        let name = path.last().copied().unwrap_or("input");
        if !is_nested_within(value, MAX_JSON_DEPTH) {
            self.note(path, format!("`{name}` must not be nested more than {MAX_JSON_DEPTH} deep."));
        } else if serde_json::to_vec(value).map_or(usize::MAX, |text| text.len()) > most {
            self.note(path, format!("`{name}` must be at most {most} bytes of JSON."));
        }
    }

    /// The resources and units of a booking or hold.
    pub fn items(&mut self, primary: &ResourceId, quantity: u32, add_ons: &[BookingItem]) {
        if add_ons.len() >= MAX_RESOURCES {
            self.note(&["addOns"], format!("At most {} add-ons go with a resource.", MAX_RESOURCES - 1));
            return;
        }
        if !(1..=MAX_QUANTITY).contains(&quantity) {
            self.note(&["quantity"], format!("`quantity` must be from 1 to {MAX_QUANTITY}."));
        }
        for (index, add_on) in add_ons.iter().enumerate() {
            let position = index.to_string();
            if !(1..=MAX_QUANTITY).contains(&add_on.quantity) {
                self.note(&["addOns", &position, "quantity"], format!("`quantity` must be from 1 to {MAX_QUANTITY}."));
            }
            let earlier = add_ons[..index].iter().map(|other| &other.resource_id);
            if std::iter::once(primary).chain(earlier).any(|other| *other == add_on.resource_id) {
                self.note(&["addOns", &position, "resourceId"], "Name each resource once; ask for more units instead.");
            }
        }
    }

    /// The duration of an event.
    pub fn duration(&mut self, path: &[&str], minutes: u32) {
        if !DURATION_MINUTES.contains(&minutes) {
            let (least, most) = DURATION_MINUTES.into_inner();
            self.note(path, format!("`durationMinutes` must be from {least} to {most} (31 days)."));
        }
    }

    /// The start of an event or hold.
    pub fn start(&mut self, path: &[&str], start: DateTime<Utc>) {
        if !instant_in_range(start) {
            self.note(path, "`start` must lie in the years 2000 to 2099.");
        } else if Quantum::starting_at(start).is_none() {
            self.note(path, "`start` must be on the quarter hour: at 0, 15, 30 or 45 minutes sharp.");
        }
    }

    /// A key or secret of the client's own making.
    pub fn secret(&mut self, path: &[&str], text: &str) {
        let name = path.last().copied().unwrap_or("input");
        if !(16..=128).contains(&text.chars().count()) {
            self.note(path, format!("`{name}` must have 16 to 128 characters, such as a UUID."));
        }
    }

    /// A mail address.
    pub fn email(&mut self, path: &[&str], email: Option<&str>) {
        if email.is_some_and(|email| !is_email(email)) {
            self.note(
                path,
                format!("`email` must be an address like `ada@example.org`, of at most {MAX_EMAIL} characters."),
            );
        }
    }
}

fn is_nested_within(value: &Value, depth: usize) -> bool {
    let within = |value: &Value| depth > 0 && is_nested_within(value, depth - 1);
    match value {
        Value::Array(values) => values.iter().all(within) && depth > 0,
        Value::Object(values) => values.values().all(within) && depth > 0,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(count: usize) -> Vec<UserError> {
        let mut problems = Problems::default();
        for place in 0..count {
            problems.note(&["dates", &place.to_string()], "Write it as a date.");
        }
        problems.into_result().err().unwrap_or_default()
    }

    #[test]
    fn all_problems_are_told_up_to_a_hundred_and_then_that_there_are_more() {
        for (count, told) in [(0, 0), (1, 1), (MAX_PROBLEMS, MAX_PROBLEMS)] {
            assert_eq!(problems(count).len(), told);
        }
        for count in [MAX_PROBLEMS + 1, 50_000] {
            let told = problems(count);
            let (last, first) = told.split_last().unwrap();
            assert_eq!(first, problems(MAX_PROBLEMS));
            assert_eq!((last.refusal, &last.field), (Refusal::Invalid, &vec!["input".to_owned()]));
            assert!(last.message.starts_with("There are more problems"), "{last:?}");
        }
    }
}
