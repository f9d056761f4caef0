//! The only crate that talks to a database: entities, finders scoped to the viewer, guarded writes, the outbox.
//!
//! There is one way to write, [`Store::write`]: a named transaction that is retried when the database asks for it.
//! Everything that must happen after a commit leaves through the same transaction, as an event ([`outbox`]) or a job ([`job`]).

pub mod accounts;
pub mod bids;
pub mod calls;
pub mod campaigns;
pub mod certificates;
pub mod chargebacks;
pub mod clients;
pub mod confirmations;
pub mod consents;
pub mod contacts;
pub mod corrections;
pub mod data_keys;
mod db;
pub mod demo;
pub mod deposits;
pub mod disputes;
#[expect(missing_docs, reason = "the migrations say what each table and column means")]
pub mod entity;
pub mod envelopes;
pub mod error;
pub mod forms;
pub mod idempotency;
pub mod imports;
pub mod job;
pub mod lead_hooks;
pub mod leads;
pub mod ledger;
pub mod listings;
mod nagle;
pub mod offers;
pub mod outbox;
pub mod outcomes;
pub mod page;
pub mod payouts;
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
pub mod withdrawals;
mod write;

pub use db::{Backend, Options, Source, Store};
pub use error::{StoreError, WriteError};
pub use sea_orm;
pub use write::{TransientError, Tx};

/// Every table.
pub const TABLES: &[&str] = &[
    "account",
    "account_user",
    "api_key",
    "bid",
    "call_attempt",
    "campaign",
    "campaign_purchase",
    "campaign_revision",
    "certificate_key",
    "chargeback",
    "client",
    "client_entry",
    "consent_certificate",
    "contact_reveal",
    "data_key",
    "deposit",
    "dispute",
    "dispute_entry",
    "email_verification",
    "event",
    "evidence",
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
    "payout_account",
    "payout_reveal",
    "receipt",
    "refresh_token",
    "reputation",
    "session",
    "setting",
    "signing_key",
    "staff",
    "suppression",
    "test_offer",
    "throttle",
    "trade",
    "transfer",
    "upload",
    "vertical",
    "vertical_version",
    "withdrawal",
];
