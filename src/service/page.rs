//! Pages of lists: what is asked for, what comes back, and the cursors in between.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::error::Error;
use crate::store::{self, PageEnd, Place, PlaceBy};

/// Entries of a page when the caller does not say.
pub const DEFAULT_SIZE: u32 = 50;
/// Entries of a page at the most.
pub const MAX_SIZE: u32 = 200;

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many entries at the most, 1 to [`MAX_SIZE`].
    pub size: u32,
    /// From the end instead of from the start.
    pub backward: bool,
    /// Only what comes after this cursor.
    pub after: Option<String>,
    /// Only what comes before this cursor.
    pub before: Option<String>,
    /// Whether to count the whole list as well.
    pub wants_total: bool,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// In the order of the list, whichever direction was paged.
    pub entries: Vec<Entry<T>>,
    /// Whether there is more after the last entry.
    pub has_next: bool,
    /// Whether there is more before the first entry.
    pub has_previous: bool,
    /// How many entries the whole list has, where that was asked for.
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// The same page with what `read` makes of each entry.
    pub fn map<U>(self, read: impl Fn(T) -> U) -> Page<U> {
        let Self { entries, has_next, has_previous, total } = self;
        let entry = |Entry { cursor, node }| Entry { cursor, node: read(node) };
        Page { entries: entries.into_iter().map(entry).collect(), has_next, has_previous, total }
    }
}

/// An entry and where it stands.
#[derive(Clone, Debug)]
pub struct Entry<T> {
    /// Where it stands.
    pub cursor: String,
    /// What it is.
    pub node: T,
}

/// Turns places of one list into cursors and back.
#[derive(Clone, Debug)]
pub struct Cursors {
    list: String,
    /// Whether the list is ordered by an instant, and not by a text.
    by_instant: bool,
}

impl Cursors {
    /// For the list that `list` describes, its filter included: cursors of another are refused.
    #[must_use]
    pub fn of(list: String) -> Self {
        Self { list, by_instant: false }
    }

    /// The same, for a list that is ordered by an instant.
    #[must_use]
    pub fn by_instant(list: String) -> Self {
        Self { list, by_instant: true }
    }

    /// The part of the list that is asked for, as the store understands it.
    ///
    /// # Errors
    /// `BadInput` for what is no cursor of this list.
    pub fn part(&self, page: &PageRequest) -> Result<store::PageRequest, Error> {
        Ok(store::PageRequest {
            size: page.size,
            end: if page.backward { PageEnd::Last } else { PageEnd::First },
            after: self.read("after", page.after.as_deref())?,
            before: self.read("before", page.before.as_deref())?,
        })
    }

    /// The part of the list that is asked for, out of all of it: for lists that are made here and not by the store.
    ///
    /// # Errors
    /// `BadInput` for what is no cursor of this list.
    pub fn part_of<T>(
        &self,
        page: &PageRequest,
        mut all: Vec<T>,
        place: impl Fn(&T) -> Place,
    ) -> Result<Page<Arc<T>>, Error> {
        let store::PageRequest { size, end, after, before } = self.part(page)?;
        all.sort_by_cached_key(&place);
        let total = page.wants_total.then_some(all.len() as u64);
        let position = |bound: &Place| all.partition_point(|entry| place(entry) < *bound);
        let passed = |bound: &Place| all.partition_point(|entry| place(entry) <= *bound);
        let from = after.as_ref().map_or(0, passed);
        let to = before.as_ref().map_or(all.len(), position).max(from);
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        let (from, to) = match end {
            PageEnd::First => (from, to.min(from.saturating_add(size))),
            PageEnd::Last => (from.max(to.saturating_sub(size)), to),
        };
        let (has_previous, has_next) = (from > 0, to < all.len());
        let items = all.drain(from..to).collect();
        Ok(self.page(store::Page { items, has_next, has_previous }, total, place))
    }

    /// A part that was found, with a cursor for each entry.
    pub fn page<T>(&self, found: store::Page<T>, total: Option<u64>, place: impl Fn(&T) -> Place) -> Page<Arc<T>> {
        let entry = |node: T| Entry { cursor: self.write(&place(&node)), node: Arc::new(node) };
        Page {
            entries: found.items.into_iter().map(entry).collect(),
            has_next: found.has_next,
            has_previous: found.has_previous,
            total,
        }
    }

    fn write(&self, place: &Place) -> String {
        // Texts and numbers always serialize.
        let content = match &place.by {
            PlaceBy::Text(text) => serde_json::to_vec(&(&self.list, text, &place.id)),
            PlaceBy::Number(number) => serde_json::to_vec(&(&self.list, number, &place.id)),
        };
        let content = content.unwrap_or_default();
        URL_SAFE_NO_PAD.encode(content)
    }

    fn read(&self, name: &str, cursor: Option<&str>) -> Result<Option<Place>, Error> {
        let Some(cursor) = cursor else { return Ok(None) };
        let read = |text: &str| -> Option<Place> {
            let content = URL_SAFE_NO_PAD.decode(text).ok()?;
            let (list, by, id) = if self.by_instant {
                let (list, number, id): (String, i64, String) = serde_json::from_slice(&content).ok()?;
                (list, PlaceBy::Number(number), id)
            } else {
                let (list, text, id): (String, String, String) = serde_json::from_slice(&content).ok()?;
                // No database keeps a NUL in a text, and PostgreSQL does not even look for one.
                (list, PlaceBy::Text(Some(text).filter(|text| !text.contains('\0'))?), id)
            };
            (list == self.list && !id.contains('\0')).then_some(Place { by, id })
        };
        let place = read(cursor).ok_or_else(|| {
            Error::BadInput(format!(
                "`{name}` is no cursor of this list. Take one from a page with the same arguments."
            ))
        })?;
        Ok(Some(place))
    }
}
