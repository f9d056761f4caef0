//! The double over HTTP: each endpoint, each refusal, each thing that the control plane does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail the test, as the test itself does"
)]

mod binary;
mod checkout;
mod connect;
mod control;
mod customers;
mod disputes;
mod faults;
mod harness;
mod idempotency;
mod invariants;
mod lists;
mod payment_intents;
mod payouts;
mod refunds;
mod requests;
mod webhooks;
