//! The only crate that talks to a database.
