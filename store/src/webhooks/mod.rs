//! Messages to the addresses that organizations name: who is told, what waits, what is under way, and what came of it.

mod deliveries;
mod endpoints;
mod fan_out;
mod lease;
mod outcome;

pub use deliveries::{Attempt, Delivery, DeliveryFilter, ReplayOf};
pub use endpoints::{SealedSecret, Target};
pub use fan_out::{NewDelivery, Thread};
pub use lease::{EndpointRoom, Lease, Leased};
pub use outcome::{Attempted, Told};
