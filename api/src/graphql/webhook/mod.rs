//! Webhooks out: endpoints, what was sent to them, and what came of it.

pub mod delivery;
pub mod endpoint;
pub mod input;
pub mod mutation;
pub mod query;

pub use delivery::WebhookDeliveryObject;
pub use endpoint::WebhookEndpointObject;
pub use mutation::WebhookMutation;
pub use query::WebhookQuery;
