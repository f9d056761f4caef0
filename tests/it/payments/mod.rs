//! Money at Stripe through the public API: the real client over HTTP against the double, with each fault, on both databases. At the
//! end both books agree.

mod books;
mod disputes;
mod filling;
mod refunds;
mod till;
mod top_ups;
mod webhooks;
mod withdrawals;
