//! The command line of the exchange.

use std::process::ExitCode;

fn main() -> ExitCode {
    api::cli::run()
}
