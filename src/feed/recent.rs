//! What has changed lately, so that whoever has read something can find out whether it was true when they began to watch.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::id::{OrganizationId, ResourceId};
use crate::domain::quantum::QuantumSpan;

/// Changes that are remembered. Reading takes milliseconds; whoever takes longer than so many changes reads again.
const REMEMBERED: usize = 1024;

/// A moment between two changes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark(u64);

#[derive(Debug)]
enum Change {
    Occupancy(ResourceId, QuantumSpan),
    Catalogue(OrganizationId),
}

/// The last changes, by number.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    /// How many there have been.
    count: u64,
    last: VecDeque<Change>,
}

impl Recent {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn mark(&self) -> Mark {
        Mark(self.log().count)
    }

    pub(super) fn occupancy(&self, resource: &ResourceId, span: QuantumSpan) {
        self.log().add(Change::Occupancy(resource.clone(), span));
    }

    pub(super) fn catalogue(&self, organization: &OrganizationId) {
        self.log().add(Change::Catalogue(organization.clone()));
    }

    /// Whether the catalogue of `organization` and what is occupied in `spans` are as they were at `mark`. Where nobody
    /// remembers, they are not.
    pub(super) fn is_unchanged(
        &self,
        Mark(mark): Mark,
        organization: &OrganizationId,
        spans: &[(ResourceId, QuantumSpan)],
    ) -> bool {
        let log = self.log();
        let since = usize::try_from(log.count - mark).unwrap_or(usize::MAX);
        since <= log.last.len()
            && log.last.iter().rev().take(since).all(|change| match change {
                Change::Catalogue(changed) => changed != organization,
                Change::Occupancy(changed, span) => {
                    !spans.iter().any(|(resource, read)| resource == changed && read.overlaps(*span))
                }
            })
    }
}

impl Log {
    fn add(&mut self, change: Change) {
        self.count += 1;
        if self.last.len() == REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::quantum::UtcDay;

    fn day(number: i32) -> QuantumSpan {
        UtcDay(number).span()
    }

    #[test]
    fn what_has_changed_since_a_mark_is_known_and_nothing_else() {
        let recent = Recent::default();
        let (studio, ours) = (ResourceId::from("studio"), OrganizationId::from("ours"));
        recent.occupancy(&studio, day(1));
        recent.catalogue(&ours);
        let mark = recent.mark();
        let is_unchanged = || recent.is_unchanged(mark, &ours, &[(studio.clone(), day(1))]);
        assert!(is_unchanged());
        recent.occupancy(&studio, day(2));
        recent.occupancy(&"yard".into(), day(1));
        recent.catalogue(&"theirs".into());
        assert!(is_unchanged());
        recent.occupancy(&studio, day(1));
        assert!(!is_unchanged());
        let mark = recent.mark();
        recent.catalogue(&ours);
        assert!(!recent.is_unchanged(mark, &ours, &[]));
    }

    #[test]
    fn of_what_is_forgotten_nobody_says_that_it_has_not_changed() {
        let recent = Recent::default();
        let ours = OrganizationId::from("ours");
        let mark = recent.mark();
        for _ in 0..REMEMBERED {
            recent.catalogue(&"theirs".into());
        }
        assert!(recent.is_unchanged(mark, &ours, &[]));
        recent.catalogue(&"theirs".into());
        assert!(!recent.is_unchanged(mark, &ours, &[]));
        assert!(recent.is_unchanged(recent.mark(), &ours, &[]));
    }
}
