//! A stateful double of the part of Stripe's HTTP API that the exchange uses, for tests and for the demo. **It is not Stripe**, and every
//! answer says so in the header `Stripe-Double`.
//!
//! [`StripeDouble::start`] serves it on a free port of 127.0.0.1; its methods are the control plane, which `POST /_control/…` offers over
//! HTTP too ([`Command`] lists what it does). The money of every balance is kept in a double-entry book that sums to zero, which
//! [`StripeDouble::check`] verifies; [`StripeDouble::journal`] has everything that happened, to reconcile against.
//!
//! # What is served under `/v1`
//! | resource | endpoints |
//! |---|---|
//! | customers | create, retrieve, update, payment methods (list, retrieve) |
//! | payment methods | create (by test token), retrieve, attach, detach |
//! | checkout sessions | create (mode `payment`), retrieve, list, line items, expire |
//! | payment intents | create, retrieve, list, confirm, cancel |
//! | charges | retrieve, list |
//! | refunds | create, retrieve, update, list |
//! | disputes | retrieve, list, update, close |
//! | accounts | create (Express), retrieve, update |
//! | account links | create |
//! | transfers | create, retrieve, update, list; reversals: create, retrieve, list |
//! | payouts | create, retrieve, list, cancel |
//! | balance, balance transactions | retrieve; retrieve, list |
//! | events | retrieve, list |
//!
//! # What differs from Stripe
//! Funds are available at once and nothing costs a fee, unless the [`Options`] say otherwise; payouts of connected accounts happen on
//! request only; cards are captured at once; there is one platform in test mode with one key; events of connected accounts go to the same
//! webhook endpoints as the platform's own, with `account` set; accounts have balances, payouts and events of their own, but no charges beyond those that
//! transfers make; an amount has no minimum beyond 1; balances in different currencies are
//! never converted; requests are not limited in rate unless a fault is scripted. Parameters that Stripe knows and the double has no use
//! for are accepted and ignored; others are refused.

// `json!` recurses once per token of the largest object.
#![recursion_limit = "512"]

mod control;
mod delivery;
mod double;
mod error;
mod event;
mod expand;
mod fault;
mod form;
mod gate;
mod idempotency;
mod journal;
mod ledger;
mod options;
mod page;
mod resource;
mod route;
mod server;
mod shared;
mod state;
mod table;
mod webhook;

pub use control::{Command, ControlError};
pub use double::StripeDouble;
pub use fault::{Fault, FaultAction, Phase};
pub use journal::{DeliveryRecord, Happening, JournalEntry, RequestRecord};
pub use ledger::{Entry, Funds, PLATFORM, Posting};
pub use options::{API_VERSION, Clock, DEFAULT_SECRET_KEY, Fee, Options};
pub use resource::payment_method::PaymentBehavior;
pub use webhook::{WebhookBehavior, WebhookEndpoint, signature_header};
