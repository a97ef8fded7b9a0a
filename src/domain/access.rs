//! Who is asking, and what they may do: every "may" question is answered here.

use super::booking::Booking;
use super::id::{OrganizationId, UserId};
use super::series::BookingSeries;

/// What somebody may do in their organization. Each role may do what those before it may.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Books for themself, sees and changes their own bookings.
    Customer,
    /// Sees and changes all bookings of the organization.
    Staff,
    /// Runs the catalogue.
    Admin,
}

/// Whom a valid token vouches for, before it is known what they may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The token's subject.
    pub id: UserId,
    /// The organization that the token names.
    pub organization_id: OrganizationId,
    /// The role that the token names, where the server relies on it.
    pub role: Option<Role>,
    /// Their email address, where the token names it.
    pub email: Option<String>,
    /// Their name, where the token names it.
    pub name: Option<String>,
}

/// A signed-in caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Viewer {
    /// The token's subject.
    pub id: UserId,
    /// The organization that the token names.
    pub organization_id: OrganizationId,
    /// What they may do there.
    pub role: Role,
    /// Their email address, as far as it is known.
    pub email: Option<String>,
    /// Their name, as far as it is known.
    pub name: Option<String>,
}

impl Viewer {
    /// Whether they are staff (or more) of `organization`.
    #[must_use]
    pub fn is_staff_of(&self, organization: &OrganizationId) -> bool {
        self.role >= Role::Staff && self.organization_id == *organization
    }
}

/// Proof that somebody is staff of their organization: what only staff may do asks for one.
#[derive(Clone, Debug)]
pub struct Staff(Viewer);

impl Staff {
    /// The proof, for whoever is at least staff.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        caller.viewer().filter(|viewer| viewer.role >= Role::Staff).cloned().map(Self)
    }

    /// Who they are.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.0.id
    }

    /// Whose staff they are: what they may see and change.
    #[must_use]
    pub fn organization(&self) -> &OrganizationId {
        &self.0.organization_id
    }
}

/// Proof that somebody is an admin of their organization: what only admins may do asks for one.
#[derive(Clone, Debug)]
pub struct Admin(Viewer);

impl Admin {
    /// The proof, for whoever is an admin.
    #[must_use]
    pub fn of(caller: &Caller) -> Option<Self> {
        caller.viewer().filter(|viewer| viewer.role >= Role::Admin).cloned().map(Self)
    }

    /// Who they are.
    #[must_use]
    pub fn id(&self) -> &UserId {
        &self.0.id
    }

    /// Whose admin they are: what they may change.
    #[must_use]
    pub fn organization(&self) -> &OrganizationId {
        &self.0.organization_id
    }
}

/// Whoever makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Nobody in particular.
    Anonymous,
    /// Somebody with a valid token.
    User(Viewer),
}

impl Caller {
    /// The viewer, when signed in.
    #[must_use]
    pub fn viewer(&self) -> Option<&Viewer> {
        match self {
            Self::Anonymous => None,
            Self::User(viewer) => Some(viewer),
        }
    }

    /// The organization whose public lists they mean when they name none.
    #[must_use]
    pub fn home_organization(&self) -> OrganizationId {
        self.viewer().map_or_else(OrganizationId::fallback, |viewer| viewer.organization_id.clone())
    }

    /// Whether they may see what is inactive in `organization`.
    #[must_use]
    pub fn may_see_inactive(&self, organization: &OrganizationId) -> bool {
        self.viewer().is_some_and(|viewer| viewer.is_staff_of(organization))
    }

    /// In which capacity they may read and change `booking`; `None` means that it does not exist for them.
    ///
    /// `token_is_valid` says whether they showed the booking's management token.
    #[must_use]
    pub fn standing(&self, booking: &Booking, token_is_valid: bool) -> Option<Standing> {
        match self.viewer() {
            Some(viewer) if viewer.is_staff_of(&booking.organization_id) => Some(Standing::Staff),
            Some(viewer)
                if viewer.organization_id == booking.organization_id
                    && booking.booker.user_id.as_ref() == Some(&viewer.id) =>
            {
                Some(Standing::Booker)
            }
            _ => token_is_valid.then_some(Standing::TokenBearer),
        }
    }

    /// In which capacity they may read and change `series`; `None` means that it does not exist for them.
    ///
    /// `token_is_valid` says whether they showed the series' management token.
    #[must_use]
    pub fn series_standing(&self, series: &BookingSeries, token_is_valid: bool) -> Option<Standing> {
        match self.viewer() {
            Some(viewer) if viewer.is_staff_of(&series.organization_id) => Some(Standing::Staff),
            Some(viewer)
                if viewer.organization_id == series.organization_id
                    && series.booker_user_id.as_ref() == Some(&viewer.id) =>
            {
                Some(Standing::Booker)
            }
            _ => token_is_valid.then_some(Standing::SeriesTokenBearer),
        }
    }
}

/// The capacity in which somebody deals with a booking, or with a series.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Staff of the booking's organization.
    Staff,
    /// The one who booked.
    Booker,
    /// Whoever has the booking's management token.
    TokenBearer,
    /// Whoever has the management token of the series that the booking is part of.
    SeriesTokenBearer,
}
