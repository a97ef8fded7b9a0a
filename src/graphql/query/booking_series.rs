//! Series.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Caller;
use crate::domain::id::SeriesId;
use crate::graphql::error::{Nullable, from_context};
use crate::graphql::request::refuse_secrets_in_addresses;
use crate::graphql::types::booking_series::BookingSeries;
use crate::service::Services;

/// Queries about series.
#[derive(Default)]
pub struct BookingSeriesQuery;

#[Object]
impl BookingSeriesQuery {
    /// One series: for its booker, for whoever has its management token, and for staff of its organization. Null for
    /// everyone else, just as if there were none. The token of a single booking does not open it.
    async fn booking_series(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "Its management token.", secret)] management_token: Option<String>,
    ) -> Nullable<BookingSeries> {
        let resolve = async {
            if management_token.is_some() {
                refuse_secrets_in_addresses(ctx)?;
            }
            let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
            let id = SeriesId::from(id.0);
            Ok(services.booking_series(caller, &id, management_token.as_deref()).await?.map(BookingSeries))
        };
        resolve.await.transpose()
    }
}
