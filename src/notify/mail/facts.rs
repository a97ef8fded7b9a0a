//! What a mail says beyond its job: names that may have changed, and links.

use std::collections::BTreeSet;

use super::compose::MailFacts;
use super::job::MailJob;
use super::links::BookingPage;
use crate::domain::id::ResourceId;
use crate::server_key::ServerKey;
use crate::store::{Reader, StoreError};

/// Reads what `job` needs. Links lead below `page`, if there is one: the booker's with the booking's own token, the
/// operator's without.
pub(super) async fn read(
    reader: &Reader,
    job: &MailJob,
    page: Option<&BookingPage>,
    key: &ServerKey,
) -> Result<MailFacts, StoreError> {
    let resources: BTreeSet<&ResourceId> =
        job.about.iter().flat_map(|told| told.booking.resources().chain(&told.previous_resource)).collect();
    let resources: Vec<ResourceId> = resources.into_iter().cloned().collect();
    let found = reader.resources_by_ids(&resources).await?;
    let bookings = job.about.iter().map(|told| &told.booking.id);
    let link = |page: &BookingPage, id| {
        if job.kind.is_for_the_operator() { page.of(id) } else { page.with_token(id, key) }
    };
    Ok(MailFacts {
        resources: found.into_iter().map(|resource| (resource.id, resource.name)).collect(),
        organization: None,
        links: page.map(|page| bookings.map(|id| (id.clone(), link(page, id))).collect()).unwrap_or_default(),
    })
}
