//! The payment gateway through Stripe. Every call of Stripe's crates is here; outside, `gateways::payments` is all that is known of it.
//!
//! [`StripeGateway`] repeats a call whose outcome is not known, or that Stripe is too busy for, under the caller's own idempotency key.
//! [`StripeWebhooks`] tells Stripe's webhook calls from others'. The process must use one TLS provider; `main` installs it.

mod account;
mod balance;
mod call;
mod checkout;
mod currency;
mod customer;
mod dispute;
mod event;
mod failure;
mod gateway;
mod list;
mod payment;
mod payout;
mod refund;
mod settings;
mod transfer;
mod value;
mod webhook;

pub use gateway::StripeGateway;
pub use settings::{Settings, SettingsError};
pub use webhook::StripeWebhooks;
