//! The gateway over HTTP against the double of Stripe's API.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test's helpers fail the test, as the test itself does"
)]

mod buyers;
mod disputes;
mod faults;
mod harness;
mod lists;
mod sellers;
mod smoke;
mod tls;
mod webhooks;
