//! Typed identifiers: opaque text with a prefix that tells what it names, e.g. `res_018f…`.
//!
//! An id that arrives from outside is taken as it is: one that does not exist is simply not found.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// The longest text that is looked up as an id; anything longer cannot exist.
pub const MAX_ID_LENGTH: usize = 64;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(Self::from)
            }
        }

        impl $name {
            /// What every generated id of this kind starts with.
            pub const PREFIX: &str = $prefix;

            /// A new id made of `unique`.
            #[must_use]
            pub fn generate(unique: Uuid) -> Self {
                Self(format!("{}_{}", Self::PREFIX, unique.simple()).into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// An organization: the owner of a catalogue and its bookings.
    OrganizationId,
    "org"
);
id!(
    /// Something that can be booked.
    ResourceId,
    "res"
);
id!(
    /// What is offered on a resource: durations, buffers, notice.
    EventTypeId,
    "evt"
);
id!(
    /// When something is open.
    ScheduleId,
    "sch"
);
id!(
    /// The agreement that a resource is somebody's for a time.
    BookingId,
    "bkg"
);
id!(
    /// The same booking again and again.
    SeriesId,
    "ser"
);
id!(
    /// A span in which something is out of service.
    BlockId,
    "blk"
);
id!(
    /// One change of something that admins run.
    AuditEntryId,
    "aud"
);
id!(
    /// An address of somebody else's system that is told what happens.
    WebhookId,
    "whk"
);
id!(
    /// Something that is on its way to a webhook or a mailbox.
    DeliveryId,
    "dlv"
);
id!(
    /// An address from which a calendar program reads.
    CalendarFeedId,
    "cal"
);
id!(
    /// A person as the identity provider names them: the token's subject.
    UserId,
    "usr"
);

impl OrganizationId {
    /// The organization of tokens that name none, and of lists that are asked for without one.
    #[must_use]
    pub fn fallback() -> Self {
        Self::from("default")
    }
}
