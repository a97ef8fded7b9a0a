//! What clients need to know of the server's configuration.

use async_graphql::SimpleObject;

/// What a client needs to know of the server's configuration.
#[derive(SimpleObject, Clone, Debug)]
pub struct Settings {
    /// Whether `createBooking` works without signing in.
    pub guest_bookings: bool,
    /// How often to send `heartbeat` while somebody looks at what they hold.
    pub heartbeat_seconds: u32,
    /// How long a hold lives without a heartbeat.
    pub hold_seconds: u32,
    /// How long a session can hold the same resource in all.
    pub hold_limit_minutes: u32,
    /// The grain of time: holds start on multiples of it, and everything that occupies time occupies whole ones.
    pub quantum_minutes: u32,
}
