//! The command line of the exchange.

#![recursion_limit = "256"]

use std::process::ExitCode;

fn main() -> ExitCode {
    api::cli::run()
}
