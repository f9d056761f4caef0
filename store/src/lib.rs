//! The only crate that talks to a database: entities, finders scoped to the viewer, guarded writes, the outbox.
//!
//! There is one way to write, [`Store::write`]: a named transaction that is retried when the database asks for it.
//! Everything that must happen after a commit leaves through the same transaction, as an event ([`outbox`]) or a job ([`job`]).

pub mod accounts;
pub mod bids;
pub mod calls;
pub mod campaigns;
mod cells;
pub mod certificates;
mod changes;
pub mod chargebacks;
pub mod clients;
pub mod confirmations;
pub mod consents;
pub mod consumers;
pub mod contacts;
pub mod corrections;
pub mod data_keys;
mod db;
pub mod deliveries;
pub mod demo;
pub mod deposits;
pub mod destination_tokens;
pub mod destinations;
pub mod disputes;
#[expect(missing_docs, reason = "the migrations say what each table and column means")]
pub mod entity;
pub mod envelopes;
pub mod error;
pub mod forms;
pub mod held;
pub mod idempotency;
pub mod imports;
pub mod job;
pub mod lead_hooks;
pub mod leads;
pub mod leased;
pub mod ledger;
pub mod listings;
mod nagle;
pub mod offers;
pub mod outbox;
pub mod outcomes;
pub mod page;
pub mod payments;
pub mod payouts;
mod reader;
pub mod receipts;
pub mod reputation;
mod rows;
pub mod settlement;
pub mod suppressions;
pub mod test_offers;
pub mod trades;
pub mod uploads;
pub mod verticals;
mod wake;
pub mod wallet_alerts;
pub mod webhooks;
pub mod withdrawals;
mod words;
mod write;

pub use db::{Backend, Options, Source, Store};
pub use error::{StoreError, WriteError};
pub use reader::Reader;
pub use sea_orm;
pub use write::{TransientError, Tx};

/// Every table.
pub const TABLES: &[&str] = &[
    "account",
    "account_user",
    "api_key",
    "auto_top_up",
    "bid",
    "call_attempt",
    "campaign",
    "campaign_destination",
    "campaign_purchase",
    "campaign_revision",
    "card_dispute",
    "card_refund",
    "certificate_key",
    "chargeback",
    "chargeback_write_off",
    "client",
    "client_entry",
    "connected_account",
    "consent_certificate",
    "contact_reveal",
    "data_key",
    "delivery",
    "delivery_attempt",
    "delivery_file",
    "deposit",
    "destination",
    "destination_token",
    "dispute",
    "dispute_entry",
    "email_verification",
    "event",
    "evidence",
    "feed_consumer",
    "form",
    "form_challenge",
    "form_text",
    "form_version",
    "idempotency",
    "invitation",
    "job",
    "journal",
    "lead",
    "lead_check",
    "lead_confirmation",
    "lead_contact",
    "lead_hook",
    "lead_hook_message",
    "lead_hook_secret",
    "lead_import",
    "lead_import_refusal",
    "lead_key",
    "listing",
    "membership",
    "next_step",
    "offer",
    "offer_bid",
    "organization",
    "outcome",
    "password_reset",
    "payment_customer",
    "payout_account",
    "payout_failure",
    "payout_reveal",
    "receipt",
    "refresh_token",
    "reputation",
    "session",
    "setting",
    "signing_key",
    "staff",
    "stripe_event",
    "suppression",
    "test_offer",
    "throttle",
    "top_up",
    "trade",
    "transfer",
    "upload",
    "vertical",
    "vertical_version",
    "wallet_alert",
    "webhook_attempt",
    "webhook_delivery",
    "webhook_endpoint",
    "webhook_secret",
    "withdrawal",
    "withdrawal_return",
];
