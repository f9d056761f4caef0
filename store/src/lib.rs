//! The only crate that talks to a database: entities, finders scoped to the viewer, guarded writes, the outbox.
//!
//! There is one way to write, [`Store::write`]: a named transaction that is retried when the database asks for it.
//! Everything that must happen after a commit leaves through the same transaction, as an event ([`outbox`]) or a job ([`job`]).

mod db;
#[expect(missing_docs, reason = "the migrations say what each table and column means")]
pub mod entity;
pub mod error;
pub mod idempotency;
pub mod job;
pub mod outbox;
pub mod page;
mod write;

pub use db::{Backend, Options, Source, Store};
pub use error::{StoreError, WriteError};
pub use sea_orm;
pub use write::Tx;
