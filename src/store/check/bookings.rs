//! Whether where bookings stand agrees with what happened to them.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use entity::status::BookingStatus as StoredStatus;
use entity::{booking, booking_transition};
use sea_orm::sea_query::{Alias, Expr, ExprTrait, Query};
use sea_orm::{ColumnTrait, EntityTrait, FromQueryResult, Order, QueryFilter, QueryOrder, QuerySelect, QueryTrait};

use super::AT_A_TIME;
use crate::domain::booking::BookingStatus;
use crate::domain::id::BookingId;
use crate::store::booking::status;
use crate::store::{Reader, StoreError, convert};

/// A booking that contradicts itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookingDifference {
    /// Which.
    pub booking_id: BookingId,
    /// How.
    pub fault: BookingFault,
}

/// How a booking contradicts itself.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum BookingFault {
    /// It does not stand where the last line of its history says.
    Status {
        /// Where it stands.
        stored: BookingStatus,
        /// Where its history says it stands.
        told: BookingStatus,
    },
    /// Its revision is not that of the last line of its history.
    Revision {
        /// Its revision.
        stored: i32,
        /// The last line's; `None` where it has no history at all.
        told: Option<i32>,
    },
    /// It is kept to lapse at another time than it does.
    Lapse {
        /// When it is kept to lapse.
        stored: Option<DateTime<Utc>>,
        /// When it does.
        computed: Option<DateTime<Utc>>,
    },
}

#[derive(FromQueryResult)]
pub(super) struct Standing {
    id: String,
    status: StoredStatus,
    start_at: i64,
    expires_at: Option<i64>,
    lapses_at: Option<i64>,
    revision: i32,
}

#[derive(FromQueryResult)]
struct LastLine {
    booking_id: String,
    sequence: i32,
    to_status: StoredStatus,
}

impl Reader {
    /// Compares all bookings with the last lines of their histories, and hands `report` what contradicts itself. In a
    /// snapshot, some at a time.
    ///
    /// # Errors
    /// Faults of the database.
    pub async fn check_bookings(&self, mut report: impl FnMut(BookingDifference) + Send) -> Result<(), StoreError> {
        let mut after = String::new();
        loop {
            let select = standings()
                .filter(booking::Column::Id.gt(after.as_str()))
                .order_by(booking::Column::Id, Order::Asc)
                .limit(AT_A_TIME)
                .into_query();
            let standings: Vec<Standing> = self.models(&select).await?;
            let Some(last) = standings.last() else { return Ok(()) };
            let last_lines = self.last_lines(&after, &last.id).await?;
            after.clone_from(&last.id);
            for standing in standings {
                for fault in standing.faults(last_lines.get(&standing.id))? {
                    report(BookingDifference { booking_id: standing.id.as_str().into(), fault });
                }
            }
        }
    }

    /// The last line of the history of each booking whose id comes after `after` and not after `last`.
    async fn last_lines(&self, after: &str, last: &str) -> Result<HashMap<String, LastLine>, StoreError> {
        use booking_transition::{Column, Entity};
        let later = Alias::new("later");
        let later_line = Query::select()
            .expr(Expr::val(1))
            .from_as(Entity, later.clone())
            .and_where(Expr::col((later.clone(), Column::BookingId)).equals((Entity, Column::BookingId)))
            .and_where(Expr::col((later, Column::Sequence)).gt(Expr::col((Entity, Column::Sequence))))
            .to_owned();
        let select = Entity::find()
            .select_only()
            .columns([Column::BookingId, Column::Sequence, Column::ToStatus])
            .filter(Column::BookingId.gt(after))
            .filter(Column::BookingId.lte(last))
            .filter(Expr::exists(later_line).not())
            .into_query();
        let lines: Vec<LastLine> = self.models(&select).await?;
        Ok(lines.into_iter().map(|line| (line.booking_id.clone(), line)).collect())
    }
}

/// What is read of bookings to check them.
pub(super) fn standings() -> sea_orm::Select<booking::Entity> {
    use booking::Column;
    booking::Entity::find().select_only().columns([
        Column::Id,
        Column::Status,
        Column::StartAt,
        Column::ExpiresAt,
        Column::LapsesAt,
        Column::Revision,
    ])
}

impl Standing {
    fn faults(&self, last: Option<&LastLine>) -> Result<Vec<BookingFault>, StoreError> {
        let mut faults = Vec::new();
        let told = last.map(|line| line.sequence);
        if told != Some(self.revision) {
            faults.push(BookingFault::Revision { stored: self.revision, told });
        }
        if let Some(line) = last.filter(|line| line.to_status != self.status) {
            faults.push(BookingFault::Status { stored: status(self.status), told: status(line.to_status) });
        }
        faults.extend(self.lapse_fault()?);
        Ok(faults)
    }

    /// What is wrong with when it lapses, if anything is.
    pub(super) fn lapse_fault(&self) -> Result<Option<BookingFault>, StoreError> {
        let expires_at = self.expires_at.map(convert::instant).transpose()?;
        let computed = status(self.status).lapses_at(convert::instant(self.start_at)?, expires_at);
        let stored = self.lapses_at.map(convert::instant).transpose()?;
        Ok((stored != computed).then_some(BookingFault::Lapse { stored, computed }))
    }
}
