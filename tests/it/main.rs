//! Integration tests of the whole exchange: through its public API, on SQLite and on Postgres, with a fake clock and
//! seeded randomness, each with a fresh database.

#![recursion_limit = "256"]

mod accounts;
mod authorization;
mod campaigns;
mod delivery;
mod demo;
mod disputes;
mod feed;
mod forms;
mod foundation;
mod graph;
mod harness;
mod imports;
mod leads;
mod ledger;
mod live;
mod market;
mod migrations;
mod offers;
mod payments;
mod processes;
mod protocol;
mod schema;
mod settlement;
mod simulate;
mod stream;
mod tour;
mod wallet;
mod webhooks;
mod zz_backends;
