//! The rules of the exchange.
//!
//! Everything here is a pure function of its arguments: no async, no I/O, no SQL, no clock and no randomness of its own.
//! `store` remembers what these rules decide, `api` speaks about it.

#![deny(clippy::arithmetic_side_effects, clippy::as_conversions)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "a test may overflow: it fails then"))]

pub mod access;
pub mod account;
pub mod auto_top_up;
pub mod bid;
pub mod campaign;
pub mod card_dispute;
pub mod card_refund;
pub mod certificate;
pub mod clearing;
pub mod client;
pub mod cloud_event;
pub mod contact;
pub mod delivery;
pub mod dispute;
pub mod evidence;
pub mod form;
pub mod iban;
pub mod id;
pub mod import;
pub mod lead;
pub mod lead_hook;
pub mod ledger;
pub mod listing;
pub mod mapping;
pub mod matching;
pub mod money;
pub mod oauth;
pub mod offer;
pub mod outcome;
pub mod posting;
pub mod proof;
pub mod receipt;
pub mod refusal;
pub mod reputation;
pub mod ring;
pub mod scoring;
pub mod test_mode;
pub mod text;
pub mod time;
pub mod top_up;
pub mod trade;
pub mod upload;
pub mod verification;
pub mod vertical;
pub mod webhook;
pub mod withdrawal;
