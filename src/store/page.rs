//! Pages of a list, by the place of their neighbours rather than by number: what is inserted or removed between two
//! requests neither repeats nor hides anything.

use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, Order, SelectStatement, Value};

/// A place in a list that is ordered by a text or a number and then by the id, or by the id alone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<V = String> {
    /// By what the list is ordered: a name, a title, an instant in milliseconds. Empty where it is ordered by the id
    /// alone.
    pub value: V,
    /// The id that orders those of the same value.
    pub id: String,
}

impl Place {
    /// A place in a list that is ordered by the id alone.
    #[must_use]
    pub fn of_id(id: &str) -> Self {
        Self { value: String::new(), id: id.to_owned() }
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
pub(super) enum Direction {
    Ascending,
    Descending,
}

/// Which part of a list is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest<V = String> {
    /// How many at the most.
    pub size: u32,
    /// From which end.
    pub end: PageEnd,
    /// Only what comes after this place.
    pub after: Option<Place<V>>,
    /// Only what comes before this place.
    pub before: Option<Place<V>>,
}

impl<V> PageRequest<V> {
    /// The first `size` of the whole list.
    #[must_use]
    pub fn first(size: u32) -> Self {
        Self { size, end: PageEnd::First, after: None, before: None }
    }
}

impl PageRequest {
    /// Narrows `select` down to the page and one more, by which [`PageRequest::page`] knows whether the list goes on.
    /// The list is of what grows only at one end, the newest first: ids grow with time.
    pub(super) fn narrow_newest_first<C: IntoColumnRef + Copy>(&self, select: &mut SelectStatement, id: C) {
        self.narrow_by(select, [Expr::col(id)], |place| [place.id.as_str().into()], Direction::Descending);
    }
}

impl<V: Clone + Into<Value>> PageRequest<V> {
    /// The same for a list in the order of `value`, and then of the id.
    pub(super) fn narrow<C: IntoColumnRef + Copy>(&self, select: &mut SelectStatement, value: C, id: C) {
        self.narrow_towards(Direction::Ascending, select, Expr::col(value), Expr::col(id));
    }

    /// The same for a list that goes either way.
    pub(super) fn narrow_towards(&self, direction: Direction, select: &mut SelectStatement, value: Expr, id: Expr) {
        self.narrow_by(select, [value, id], |place| [place.value.clone().into(), place.id.as_str().into()], direction);
    }

    fn narrow_by<const N: usize>(
        &self,
        select: &mut SelectStatement,
        columns: [Expr; N],
        values: impl Fn(&Place<V>) -> [Value; N],
        direction: Direction,
    ) {
        let place = || Expr::tuple(columns.clone());
        let value = |place: &Place<V>| Expr::tuple(values(place).map(Into::into));
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
            select.order_by_expr(column, read.clone());
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
