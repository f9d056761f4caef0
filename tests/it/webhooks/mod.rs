//! Webhooks out, and the consumers of the feed behind them.

mod consumers;
