//! Pages of a list, by the place of their neighbours rather than by number: what is inserted or removed between two
//! requests neither repeats nor hides anything.

use chrono::{DateTime, Utc};
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Order, SelectStatement, Value};

/// A place in a list that is ordered by a text or a number and then by the id, or by the id alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// By what the list is ordered first.
    pub by: PlaceBy,
    /// The id that orders those of which that is the same.
    pub id: String,
}

/// By what a list is ordered before it is ordered by the id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PlaceBy {
    /// A text: a name, a title. Empty where the list is ordered by the id alone.
    Text(String),
    /// A number: an instant in milliseconds.
    Number(i64),
}

impl Place {
    /// A place in a list that is ordered by the id alone.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        Self::by_text("", id)
    }

    /// A place in a list that is ordered by a text and then by the id.
    #[must_use]
    pub fn by_text(text: &str, id: &str) -> Self {
        Self { by: PlaceBy::Text(text.to_owned()), id: id.to_owned() }
    }

    /// A place in a list that is ordered by an instant and then by the id.
    #[must_use]
    pub fn by_instant(instant: DateTime<Utc>, id: &str) -> Self {
        Self { by: PlaceBy::Number(instant.timestamp_millis()), id: id.to_owned() }
    }

    fn values(&self) -> [Value; 2] {
        let by = match &self.by {
            PlaceBy::Text(text) => text.as_str().into(),
            PlaceBy::Number(number) => (*number).into(),
        };
        [by, self.id.as_str().into()]
    }
}

/// Which end of what lies between the two places is wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PageEnd {
    /// The first ones.
    First,
    /// The last ones, still in the order of the list.
    Last,
}

/// Which way a list goes.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
enum Direction {
    Ascending,
    Descending,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// How many at the most.
    pub size: u32,
    /// From which end.
    pub end: PageEnd,
    /// Only what comes after this place.
    pub after: Option<Place>,
    /// Only what comes before this place.
    pub before: Option<Place>,
}

impl PageRequest {
    /// The first `size` of the whole list.
    #[must_use]
    pub fn first(size: u32) -> Self {
        Self { size, end: PageEnd::First, after: None, before: None }
    }

    /// Narrows `select` down to the page and one more, by which [`PageRequest::page`] knows whether the list goes on.
    /// The list is in the order of the text or number in `by`, and then of the id.
    pub(super) fn narrow<C: IntoColumnRef + Copy>(&self, select: &mut SelectStatement, by: C, id: C) {
        self.narrow_by(select, [by, id], Place::values, Direction::Ascending);
    }

    /// The same for a list of what grows only at one end, the newest first: ids grow with time.
    pub(super) fn narrow_newest_first<C: IntoColumnRef + Copy>(&self, select: &mut SelectStatement, id: C) {
        self.narrow_by(select, [id], |place| [place.id.as_str().into()], Direction::Descending);
    }

    fn narrow_by<C: IntoColumnRef + Copy, const N: usize>(
        &self,
        select: &mut SelectStatement,
        columns: [C; N],
        values: impl Fn(&Place) -> [Value; N],
        direction: Direction,
    ) {
        let place = || Expr::tuple(columns.map(Expr::col));
        let value = |place: &Place| Expr::tuple(values(place).map(Into::into));
        let ascending = direction == Direction::Ascending;
        if let Some(after) = &self.after {
            select.and_where(if ascending { place().gt(value(after)) } else { place().lt(value(after)) });
        }
        if let Some(before) = &self.before {
            select.and_where(if ascending { place().lt(value(before)) } else { place().gt(value(before)) });
        }
        let read = match (self.end, ascending) {
            (PageEnd::First, true) | (PageEnd::Last, false) => Order::Asc,
            (PageEnd::First, false) | (PageEnd::Last, true) => Order::Desc,
        };
        for column in columns {
            select.order_by(column, read.clone());
        }
        select.limit(u64::from(self.size) + 1);
    }

    /// The page, from what the narrowed query found.
    pub(super) fn page<T>(&self, mut found: Vec<T>) -> Page<T> {
        let size = usize::try_from(self.size).unwrap_or(usize::MAX);
        let goes_on = found.len() > size;
        found.truncate(size);
        match self.end {
            // Whatever a place was taken from lies beyond it.
            PageEnd::First => {
                Page { items: found, has_next: goes_on || self.before.is_some(), has_previous: self.after.is_some() }
            }
            PageEnd::Last => {
                found.reverse();
                Page { items: found, has_next: self.before.is_some(), has_previous: goes_on || self.after.is_some() }
            }
        }
    }
}

/// A part of a list, in the order of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Whether something comes after it.
    pub has_next: bool,
    /// Whether something comes before it.
    pub has_previous: bool,
}
