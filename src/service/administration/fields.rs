//! What the fields of the catalogue's inputs may hold, and what is refused of them for what is there already.

use std::ops::RangeInclusive;

use chrono::{DateTime, Utc};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use super::{Administration, Change, NotMade, unknown};
use crate::domain::id::ScheduleId;
use crate::domain::refusal::{Refusal, UserError};
use crate::service::input::{Given, Problems};
use crate::store::StoreError;

/// Characters of a slug.
const MAX_SLUG: usize = 60;
/// Characters of a name or title.
pub(super) const MAX_NAME: usize = 120;
/// Characters of a description.
const MAX_DESCRIPTION: usize = 4_000;

/// The fields of inputs, by the names that the API gives them.
impl Problems {
    /// What an update says of a field that always has a value.
    pub(super) fn never_null<T>(&mut self, name: &str, change: Change<Option<T>>) -> Change<T> {
        match change {
            Change::Keep => Change::Keep,
            Change::To(Some(value)) => Change::To(value),
            Change::To(None) => {
                self.note(&[name], format!("`{name}` cannot be null. Leave it out to keep what it is."));
                Change::Keep
            }
        }
    }

    /// A field that may have been malformed.
    pub(super) fn well_formed<T>(&mut self, name: &str, change: Change<Given<T>>) -> Change<T> {
        match change {
            Change::Keep => Change::Keep,
            Change::To(Ok(value)) => Change::To(value),
            Change::To(Err(message)) => {
                self.note(&[name], message);
                Change::Keep
            }
        }
    }

    /// When the caller believes that something has changed last.
    pub(super) fn expected_updated_at(&mut self, given: Option<Given<DateTime<Utc>>>) -> Option<DateTime<Utc>> {
        let expected = given.map_or(Change::Keep, Change::To);
        self.well_formed("expectedUpdatedAt", expected).given().copied()
    }

    /// All of it, with one more, that leaves nothing to look at.
    pub(super) fn and(mut self, refused: UserError) -> NotMade {
        self.refuse(refused);
        self.into_result().err().unwrap_or_default().into()
    }

    /// A whole number in `range`, of which `unit` says what it counts.
    pub(super) fn number(&mut self, path: &[&str], given: i32, range: &RangeInclusive<u32>, unit: &str) -> Option<u32> {
        let number = u32::try_from(given).ok().filter(|number| range.contains(number));
        if number.is_none() {
            let name = path[0];
            self.note(path, format!("`{name}` must be from {} to {} {unit}.", range.start(), range.end()));
        }
        number
    }

    /// A field that is a whole number in `range`.
    pub(super) fn number_field(
        &mut self,
        name: &str,
        change: Change<i32>,
        range: &RangeInclusive<u32>,
        unit: &str,
    ) -> Change<u32> {
        match change {
            Change::Keep => Change::Keep,
            Change::To(given) => self.number(&[name], given, range, unit).map_or(Change::Keep, Change::To),
        }
    }

    /// A field that is a whole number in `range`, or none.
    pub(super) fn optional_number_field(
        &mut self,
        name: &str,
        change: Change<Option<i32>>,
        range: &RangeInclusive<u32>,
        unit: &str,
    ) -> Change<Option<u32>> {
        match change {
            Change::To(None) => Change::To(None),
            Change::Keep => Change::Keep,
            Change::To(Some(given)) => self.number_field(name, Change::To(given), range, unit).map(Some),
        }
    }

    /// A readable name for addresses.
    pub(super) fn slug(&mut self, slug: &Change<String>) {
        let Some(slug) = slug.given() else { return };
        let in_parts = slug.split('-').all(|part| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        });
        if !in_parts || slug.len() > MAX_SLUG {
            let message = format!(
                "`slug` must be 1 to {MAX_SLUG} lower-case letters and digits, with single hyphens in between, like \
                 `studio-a`."
            );
            self.note(&["slug"], message);
        }
    }

    /// A name for people, on one line.
    pub(super) fn name(&mut self, field: &str, name: &Change<String>) {
        self.line(&[field], name.given().map(String::as_str), MAX_NAME);
    }

    /// A text on one line that says something.
    pub(super) fn line(&mut self, path: &[&str], text: Option<&str>, most: usize) {
        if text.is_some_and(|text| text.chars().all(is_invisible)) {
            self.note(path, format!("`{}` must not be blank.", path[0]));
        } else {
            self.text(path, text, most, false);
        }
    }

    /// What people should know about something.
    pub(super) fn description(&mut self, description: &Change<Option<String>>) {
        self.text(&["description"], description.given().and_then(Option::as_deref), MAX_DESCRIPTION, true);
    }
}

impl Administration {
    /// Notes it when there is no such schedule.
    pub(super) async fn check_schedule(
        &self,
        schedule: &Change<Option<ScheduleId>>,
        problems: &mut Problems,
    ) -> Result<(), StoreError> {
        let Some(Some(id)) = schedule.given() else { return Ok(()) };
        if !self.tx.owns_schedule(self.organization(), id).await? {
            problems.refuse(unknown("schedule", id.as_str(), &["scheduleId"]));
        }
        Ok(())
    }
}

/// Whether nobody would see it: white space, or what only says how other characters are to be shown.
fn is_invisible(c: char) -> bool {
    c.is_whitespace() || c.general_category() == GeneralCategory::Format
}

/// The refusal of a slug that something else of its kind has.
pub(super) fn slug_exists() -> UserError {
    let message = "Another one in your organization has this slug. Choose one that is free.";
    UserError::new(Refusal::AlreadyExists, message).at(["input", "slug"])
}

/// What a failed write comes to: the index on slugs has the last word.
pub(super) fn slug_taken(fault: StoreError) -> NotMade {
    if fault.is_duplicate() { slug_exists().into() } else { fault.into() }
}

/// The refusal to remove what bookings name.
pub(super) fn in_use() -> UserError {
    let message = "Bookings refer to it, perhaps past or cancelled ones. Switch it off instead, with `active: false`: \
                   that is always possible.";
    UserError::new(Refusal::InUse, message).at(["input", "id"])
}
