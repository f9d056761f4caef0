//! The gateway over HTTP against the double of Stripe's API.

mod buyers;
mod disputes;
mod faults;
mod harness;
mod lists;
mod sellers;
mod smoke;
mod tls;
mod webhooks;
