//! The command line of the exchange.
fn main() {}
