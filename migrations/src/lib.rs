//! The database schema, for SQLite and Postgres.
