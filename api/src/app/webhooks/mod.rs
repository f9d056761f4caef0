//! Messages to the addresses that organizations name: endpoints, what is sent to them, and what came of it.

mod alerts;
mod attempt;
mod contact;
mod deliveries;
mod desk;
mod endpoints;
mod fan_out;
mod looking;
mod notice;
mod sender;
mod sign;

pub use alerts::{wallet_alert_remove, wallet_alert_set, wallet_alerts};
pub use deliveries::{
    Replay, ReplayRange, deliveries_forget, webhook_attempts, webhook_deliveries, webhook_deliveries_many, webhook_replay,
};
pub use desk::Desks;
pub use endpoints::{
    EndpointCreate, EndpointUpdate, webhook_endpoint_create, webhook_endpoint_disable, webhook_endpoint_enable,
    webhook_endpoint_rotate, webhook_endpoint_test, webhook_endpoint_update, webhook_endpoints, webhook_endpoints_many,
};
pub use fan_out::{CONSUMER, webhooks_begin, webhooks_fan_out, webhooks_follow};
pub use notice::{WEBHOOK_NOTICE, webhook_notice_send};
pub use sender::Sender;
pub use sign::secret_binding;
