//! Measurements that the documents quote: `cargo run --release -p bench -- import`, `-- intake`, `-- clearing`,
//! `-- ping`.
//!
//! Machines are noisy: read ratios within one run, not single figures across machines.

#![recursion_limit = "256"]

mod clearing;
mod figures;
mod import;
mod intake;
mod memory;
mod ping;
mod stage;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What went wrong, for the person at the terminal.
pub(crate) type Failure = Box<dyn std::error::Error>;

/// Measures the exchange.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    /// A Postgres database that is empty or was made by this program; SQLite in a temporary folder without it.
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<String>,
    /// Prints one JSON object instead of a table.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum Command {
    /// Imports a made-up file: rows a second and the peak of memory, tenth by tenth, then the same file again.
    Import {
        /// Rows of the file.
        #[arg(long, default_value_t = 1_000_000)]
        rows: u32,
    },
    /// Leads submitted one by one through the graph, by one client and by several at once.
    Intake {
        /// Leads of each round.
        #[arg(long, default_value_t = 2_000)]
        leads: u32,
        /// Clients at once.
        #[arg(long, default_value_t = 8)]
        clients: u32,
    },
    /// Auctions that close on an idle exchange: how late each is cleared.
    Clearing {
        /// How many.
        #[arg(long, default_value_t = 40)]
        auctions: u32,
    },
    /// The whole ping over HTTP at growing rates: on SQLite, and on the Postgres of `--database-url` too.
    Ping(ping::Ping),
}

fn main() -> ExitCode {
    let Arguments { database_url, json, command } = Arguments::parse();
    let done = tokio::runtime::Runtime::new().map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            let url = database_url.as_deref();
            let stage = || Box::pin(stage::Stage::set(url));
            match command {
                Command::Import { rows } => import::measure(&stage().await?, rows).await,
                Command::Intake { leads, clients } => intake::measure(&stage().await?, leads, clients).await,
                Command::Clearing { auctions } => clearing::measure(&stage().await?, auctions, json).await,
                Command::Ping(told) => ping::measure(url, told, json).await,
            }
        })
    });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "bench: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

/// Prints one line of the result.
pub(crate) fn say(line: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{line}").unwrap_or_default();
}
