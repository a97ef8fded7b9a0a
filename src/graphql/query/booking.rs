//! Bookings.

use async_graphql::{Context, ID, Object};

use crate::domain::access::Caller;
use crate::domain::id::BookingId;
use crate::graphql::error::{Nullable, from_context};
use crate::graphql::request::{now, refuse_secrets_in_addresses};
use crate::graphql::types::booking::Booking;
use crate::service::Services;

/// Queries about bookings.
#[derive(Default)]
pub struct BookingQuery;

#[Object]
impl BookingQuery {
    /// One booking: for its booker, for whoever has its management token, and for staff of its organization. Null for
    /// everyone else, just as if there were none.
    async fn booking(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its id.")] id: ID,
        #[graphql(desc = "Its management token.", secret)] management_token: Option<String>,
    ) -> Nullable<Booking> {
        let resolve = async {
            if management_token.is_some() {
                refuse_secrets_in_addresses(ctx)?;
            }
            let (services, caller) = (from_context::<Services>(ctx)?, from_context::<Caller>(ctx)?);
            let id = BookingId::from(id.0);
            Ok(services.booking(caller, &id, management_token.as_deref(), now(ctx)?).await?.map(Booking))
        };
        resolve.await.transpose()
    }
}
