//! Pages of bookings.

use crate::graphql::types::booking::Booking;
use crate::graphql::types::page::connection;

connection!(Booking, BookingConnection, BookingEdge, "bookings");
