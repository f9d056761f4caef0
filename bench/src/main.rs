//! Measurements that the documents quote: `cargo run --release -p bench -- import`, `-- intake`, `-- clearing`,
//! `-- match`, `-- settle`, `-- read`, `-- ping`, `-- deliver`.
//!
//! Machines are noisy: read ratios within one run, not single figures across machines.

#![recursion_limit = "256"]

mod clearing;
mod deliver;
mod figures;
mod import;
mod intake;
mod memory;
mod ping;
mod process;
mod read;
mod settle;
mod stage;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;

/// The one of the exchange's own program.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

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

#[derive(Debug, Clone, Subcommand)]
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
    /// The matching index beside `a-tree`, roaring bitmaps, a packed scan and the plain evaluation.
    Match {
        /// Campaigns of each market that is measured.
        #[arg(long, value_delimiter = ',', default_values_t = bench_matching::SIZES)]
        campaigns: Vec<usize>,
    },
    /// Purchases a second and how long each takes, with many buyers at once, beside one transaction per purchase and beside
    /// a function in the database that `pgbench` calls.
    Settle {
        /// Purchases of each measurement; a tenth where one buyer waits.
        #[arg(long, default_value_t = 3_000)]
        purchases: usize,
        /// Batches that are settled at the same time, in place of what the configuration says by itself.
        #[arg(long)]
        lanes: Option<usize>,
        /// How many buyers wait at the same time.
        #[arg(long, value_delimiter = ',', default_values_t = settle::BUYERS)]
        waiting: Vec<usize>,
        /// Without what it is compared with: to look at what it does.
        #[arg(long)]
        alone: bool,
    },
    /// Webhooks to many endpoints, from events in the outbox to answered requests, and again while some of them never answer.
    Deliver {
        /// Endpoints that answer, each of another organization.
        #[arg(long, default_value_t = 1_000)]
        endpoints: usize,
        /// Endpoints that never answer, in the place of as many others.
        #[arg(long, default_value_t = 100)]
        hanging: usize,
        /// Deliveries of each round.
        #[arg(long, default_value_t = 50_000)]
        deliveries: usize,
    },
    /// The listing page over HTTP, beside a plain resolver of the same page: on SQLite, and on the Postgres of
    /// `--database-url` too.
    Read(read::Read),
    /// A server of `read`, which starts it itself.
    #[command(hide = true)]
    ServeRead(read::ServeRead),
    /// The whole ping over HTTP at growing rates: on SQLite, and on the Postgres of `--database-url` too.
    Ping(ping::Ping),
    /// The last result of a command as a table for the documents.
    Table {
        /// Which: `match`, `settle`, `read`, `ping`, ...
        of: String,
    },
}

fn main() -> ExitCode {
    let Arguments { database_url, json, command } = Arguments::parse();
    let done = tokio::runtime::Runtime::new()
        .map_err(Failure::from)
        .and_then(|runtime| runtime.block_on(Box::pin(run(command, database_url.as_deref(), json))));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            writeln!(std::io::stderr(), "bench: {error}").unwrap_or_default();
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command, database_url: Option<&str>, json: bool) -> Result<(), Failure> {
    let stage = || Box::pin(stage::Stage::set(database_url));
    match command {
        Command::Import { rows } => import::measure(&stage().await?, rows, json).await,
        Command::Intake { leads, clients } => intake::measure(&stage().await?, leads, clients, json).await,
        Command::Clearing { auctions } => clearing::measure(&stage().await?, auctions, json).await,
        Command::Deliver { endpoints, hanging, deliveries } => {
            deliver::measure(&stage().await?, endpoints, hanging, deliveries, json).await
        }
        Command::Match { campaigns } => matching(&campaigns, json),
        Command::Ping(told) => ping::measure(database_url, told, json).await,
        Command::Settle { purchases, lanes, waiting, alone } => {
            settle::measure(stage().await?, settle::Asked { purchases, lanes, waiting, alone }, json).await
        }
        Command::Table { of } => {
            figures::Report::last(&of)?.markdown();
            Ok(())
        }
        Command::Read(told) => read::measure(database_url, told, json).await,
        Command::ServeRead(told) => read::serve(told).await,
    }
}

fn matching(campaigns: &[usize], json: bool) -> Result<(), Failure> {
    let tell = &mut |line: &str| writeln!(std::io::stderr(), "{line}").unwrap_or_default();
    let mut report = figures::Report::new("match", vec!["a-tree 0.6, roaring 0.12".to_owned()]);
    for measured in bench_matching::measure(campaigns, bench_matching::Peers::All, figures::ROUNDS, tell)? {
        match measured.control {
            Some((control, ratio)) => report.against(measured.name, measured.value, measured.unit, &control, ratio),
            None => report.figure(measured.name, measured.value, measured.unit),
        }
    }
    report.finish(json)
}

/// Prints one line of the result.
pub(crate) fn say(line: impl std::fmt::Display) {
    writeln!(std::io::stdout(), "{line}").unwrap_or_default();
}
