//! Pages of a list, by the place of their neighbours rather than by number: what is inserted or removed between two
//! requests neither repeats nor hides anything.

use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Order, SelectStatement, Value};

/// A place in a list that is ordered by a text and then by the id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The text by which the list is ordered: a name, a title.
    pub text: String,
    /// The id that orders those of the same text.
    pub id: String,
}

/// Which end of what lies between the two places is wanted.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum PageEnd {
    /// The first ones.
    First,
    /// The last ones, still in ascending order.
    Last,
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
    pub(super) fn narrow<C: IntoColumnRef + Copy>(&self, select: &mut SelectStatement, text: C, id: C) {
        let place = || Expr::tuple([Expr::col(text), Expr::col(id)]);
        let value = |place: &Place| {
            Expr::tuple([Value::from(place.text.as_str()).into(), Value::from(place.id.as_str()).into()])
        };
        if let Some(after) = &self.after {
            select.and_where(place().gt(value(after)));
        }
        if let Some(before) = &self.before {
            select.and_where(place().lt(value(before)));
        }
        let order = match self.end {
            PageEnd::First => Order::Asc,
            PageEnd::Last => Order::Desc,
        };
        select.order_by(text, order.clone()).order_by(id, order).limit(u64::from(self.size) + 1);
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

/// A part of a list, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Whether something comes after it.
    pub has_next: bool,
    /// Whether something comes before it.
    pub has_previous: bool,
}
