//! The command line of the exchange.

#![recursion_limit = "256"]

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Much is allocated by one thread and freed by another, which takes the system's allocator as long as all other work.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    api::cli::run()
}
