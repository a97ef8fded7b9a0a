//! Lists of bookings, and what they come to.

use async_graphql::{Context, ID, Object};

use crate::domain::access::{Caller, Role, Staff};
use crate::error::Error;
use crate::graphql::arguments::instant;
use crate::graphql::error::{ApiError, Nullable, from_context};
use crate::graphql::guard::{AtLeast, for_staff, guarded};
use crate::graphql::page::{PageArguments, wants_total};
use crate::graphql::request::now;
use crate::graphql::scalar::DateTime;
use crate::graphql::types::booking::BookingStatus;
use crate::graphql::types::booking_page::{BookingConnection, BookingFilter, BookingOrder};
use crate::graphql::types::booking_stats::BookingStats;
use crate::service::Services;
use crate::service::booking_lists::BookingList;
use crate::service::booking_stats::StatsQuestion;

/// Queries about many bookings.
#[derive(Default)]
pub struct BookingListQuery;

#[Object]
impl BookingListQuery {
    /// The caller's own bookings in their organization: those that overlap the span. For whoever has signed in.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn my_bookings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those that end after this instant.")] from: Option<DateTime>,
        #[graphql(desc = "Only those that start before this instant.")] to: Option<DateTime>,
        #[graphql(desc = "Only those in one of these states, as they are now; none of them matches nothing.")]
        status: Option<Vec<BookingStatus>>,
        #[graphql(
            desc = "In which order; those of the same instant by their ids.",
            default_with = "BookingOrder::StartAsc"
        )]
        order_by: BookingOrder,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<BookingConnection> {
        guarded(ctx, AtLeast(Role::Customer), async {
            let viewer = from_context::<Caller>(ctx)?.viewer().ok_or_else(|| ApiError::from(Error::sign_in()))?;
            let list = BookingList {
                selection: BookingFilter { status, from, to, ..BookingFilter::default() }.read()?,
                order: order_by.into(),
                page: PageArguments { first, after, last, before }.resolve(wants_total(ctx))?,
            };
            Ok(Some(from_context::<Services>(ctx)?.my_bookings(viewer, list, now(ctx)?).await?.into()))
        })
        .await
    }

    /// The bookings of the organization. For staff.
    #[expect(clippy::too_many_arguments, reason = "the arguments of the field")]
    async fn bookings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; without it all.")] filter: Option<BookingFilter>,
        #[graphql(
            desc = "In which order; those of the same instant by their ids.",
            default_with = "BookingOrder::StartAsc"
        )]
        order_by: BookingOrder,
        #[graphql(desc = "How many at the most, from the start; 50 by default, 200 at most.")] first: Option<i32>,
        #[graphql(desc = "Continue after this cursor.")] after: Option<String>,
        #[graphql(desc = "How many at the most, from the end.")] last: Option<i32>,
        #[graphql(desc = "Continue before this cursor.")] before: Option<String>,
    ) -> Nullable<BookingConnection> {
        for_staff(ctx, |staff: Staff| async move {
            let list = BookingList {
                selection: filter.unwrap_or_default().read()?,
                order: order_by.into(),
                page: PageArguments { first, after, last, before }.resolve(wants_total(ctx))?,
            };
            Ok(Some(from_context::<Services>(ctx)?.bookings(&staff, list, now(ctx)?).await?.into()))
        })
        .await
    }

    /// How many bookings overlap the span, by status, and how much of each resource's open time in it they occupy. 366
    /// days at most. For staff.
    async fn booking_stats(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The first instant of the span.")] from: DateTime,
        #[graphql(desc = "The first instant after the span.")] to: DateTime,
        #[graphql(desc = "This resource only, and the bookings that book it.")] resource_id: Option<ID>,
    ) -> Nullable<BookingStats> {
        for_staff(ctx, |staff: Staff| async move {
            let question = StatsQuestion {
                from: instant("from", &from).map_err(ApiError::bad_input)?,
                to: instant("to", &to).map_err(ApiError::bad_input)?,
                resource_id: resource_id.map(|id| id.0.into()),
            };
            Ok(Some(from_context::<Services>(ctx)?.booking_stats(&staff, question, now(ctx)?).await?.into()))
        })
        .await
    }
}
