//! Bought leads on their way to where their buyers work: against local servers that check what the real systems check.

mod account;
mod destinations;
mod fairness;
mod faults;
mod files;
mod limits;
mod links;
mod oauth;
mod secrecy;
mod stand;
mod systems;
mod vendor;
