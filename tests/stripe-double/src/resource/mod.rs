//! The objects of the API, one file each: what they hold, how they look, and what their endpoints do.

pub(crate) mod account;
pub(crate) mod account_link;
pub(crate) mod balance;
pub(crate) mod charge;
pub(crate) mod checkout_session;
pub(crate) mod customer;
pub(crate) mod dispute;
pub(crate) mod payment_attempt;
pub(crate) mod payment_intent;
pub(crate) mod payment_method;
pub(crate) mod payout;
pub(crate) mod refund;
pub(crate) mod transfer;
pub(crate) mod transfer_reversal;
