//! Integration tests of the whole exchange.
