//! What bookings and blocks take of a resource: where what is occupied comes from.

use std::collections::BTreeMap;

use entity::{block, booking, booking_item};
use sea_orm::sea_query::{Expr, ExprTrait, IntoColumnRef, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, Iterable, Order, QueryFilter, QuerySelect, QueryTrait};

use super::AT_A_TIME;
use crate::domain::id::ResourceId;
use crate::domain::quantum::{Quantum, QuantumSpan, UtcDay};
use crate::domain::units::DayUnits;
use crate::store::booking::status;
use crate::store::{Reader, StoreError, convert};

/// More units than any resource has, to count what is taken even where that is too much.
const NO_LIMIT: u32 = u16::MAX as u32;
/// Bookings and blocks that a report names.
const MAX_TAKERS: usize = 20;

/// What takes time.
#[derive(Copy, Clone)]
enum Kind {
    Booking,
    Block,
}

/// A span that something takes of a resource.
#[derive(FromQueryResult)]
struct TakenTime {
    id: String,
    occupied_from: i64,
    occupied_to: i64,
    quantity: i32,
}

impl TakenTime {
    fn span(&self) -> QuantumSpan {
        QuantumSpan::new(Quantum(self.occupied_from), Quantum(self.occupied_to))
    }
}

impl Reader {
    /// How many units of `resource` the bookings that hold time and the blocks take: on each day of which they take
    /// any, or on the one that is asked for.
    pub(super) async fn taken_units(
        &self,
        resource: &ResourceId,
        only: Option<UtcDay>,
    ) -> Result<BTreeMap<UtcDay, DayUnits>, StoreError> {
        let mut days: BTreeMap<UtcDay, DayUnits> = BTreeMap::new();
        self.each_taken(resource, only.map(UtcDay::span), |taken| {
            let quantity = convert::number(taken.quantity)?;
            for (day, map) in taken.span().days().filter(|(day, _)| only.is_none_or(|only| only == *day)) {
                let units = days.entry(day).or_default();
                *units = units
                    .add(map, quantity, NO_LIMIT)
                    .map_err(|_| StoreError::corrupt(format!("{} takes too many units", taken.id)))?;
            }
            Ok(())
        })
        .await?;
        Ok(days)
    }

    /// The ids of bookings and blocks that take something of `resource` in any of `spans`.
    pub(super) async fn takers(&self, resource: &ResourceId, spans: &[QuantumSpan]) -> Result<Vec<String>, StoreError> {
        let mut takers = Vec::new();
        let Some(hull) = spans.iter().copied().reduce(QuantumSpan::hull) else { return Ok(takers) };
        self.each_taken(resource, Some(hull), |taken| {
            if takers.len() < MAX_TAKERS && spans.iter().any(|span| span.overlaps(taken.span())) {
                takers.push(taken.id);
            }
            Ok(())
        })
        .await?;
        Ok(takers)
    }

    /// Hands `visit` all that is taken of `resource`, or that of it which overlaps a span.
    async fn each_taken(
        &self,
        resource: &ResourceId,
        within: Option<QuantumSpan>,
        mut visit: impl FnMut(TakenTime) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        for kind in [Kind::Booking, Kind::Block] {
            let mut after = (i64::MIN, String::new());
            loop {
                let select = kind.next(resource, within, &after);
                let taken: Vec<TakenTime> = self.models(&select).await?;
                let Some(last) = taken.last() else { break };
                after = (last.occupied_from, last.id.clone());
                taken.into_iter().try_for_each(&mut visit)?;
            }
        }
        Ok(())
    }
}

impl Kind {
    /// The next of the spans that are taken of `resource`, by their start and the id of what takes them.
    fn next(self, resource: &ResourceId, within: Option<QuantumSpan>, after: &(i64, String)) -> SelectStatement {
        match self {
            Self::Booking => {
                use booking::{Column, Entity};
                let mut select = of_bookings(resource);
                narrow(
                    &mut select,
                    [(Entity, Column::OccupiedFrom), (Entity, Column::OccupiedTo), (Entity, Column::Id)],
                    within,
                    after,
                );
                select
            }
            Self::Block => {
                use block::{Column, Entity};
                let mut select = of_blocks(resource);
                narrow(
                    &mut select,
                    [(Entity, Column::OccupiedFrom), (Entity, Column::OccupiedTo), (Entity, Column::Id)],
                    within,
                    after,
                );
                select
            }
        }
    }
}

fn of_bookings(resource: &ResourceId) -> SelectStatement {
    use booking::Column;
    let holding = entity::status::BookingStatus::iter().filter(|stored| status(*stored).holds_time());
    let mut select = booking::Entity::find()
        .select_only()
        .columns([Column::Id, Column::OccupiedFrom, Column::OccupiedTo])
        .filter(Column::Status.is_in(holding))
        .into_query();
    select
        .column((booking_item::Entity, booking_item::Column::Quantity))
        .inner_join(
            booking_item::Entity,
            Expr::col((booking_item::Entity, booking_item::Column::BookingId)).equals((booking::Entity, Column::Id)),
        )
        .and_where(booking_item::Column::ResourceId.eq(resource.as_str()));
    select
}

fn of_blocks(resource: &ResourceId) -> SelectStatement {
    use block::Column;
    block::Entity::find()
        .select_only()
        .columns([Column::Id, Column::OccupiedFrom, Column::OccupiedTo, Column::Quantity])
        .filter(Column::ResourceId.eq(resource.as_str()))
        .into_query()
}

/// What of `select` overlaps `within`, as many as are read at a time, after a place in the order of `from` and `id`.
fn narrow<C: IntoColumnRef + Copy>(
    select: &mut SelectStatement,
    [from, to, id]: [C; 3],
    within: Option<QuantumSpan>,
    after: &(i64, String),
) {
    if let Some(span) = within {
        select.and_where(Expr::col(from).lt(span.end.0)).and_where(Expr::col(to).gt(span.start.0));
    }
    select
        .and_where(
            Expr::tuple([Expr::col(from), Expr::col(id)]).gt(Expr::tuple([after.0.into(), after.1.as_str().into()])),
        )
        .order_by(from, Order::Asc)
        .order_by(id, Order::Asc)
        .limit(AT_A_TIME);
}
