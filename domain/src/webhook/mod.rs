//! Telling integrators what happened: which events of the feed are told, to whom, in what words, and how often it is tried.

pub mod breaker;
pub mod endpoint;
pub mod event_type;
pub mod message;
pub mod retry;

pub use breaker::{Breaker, Pause};
pub use endpoint::{DisabledFor, Subscription, WebhookEndpoint};
pub use event_type::EventType;
pub use message::{Happened, Message, messages};
pub use retry::{WebhookAttemptOutcome, WebhookDeliveryState, retry_millis};
