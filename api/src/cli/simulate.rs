//! `clearlead simulate`

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use tokio_util::sync::CancellationToken;

use super::{CommandError, print, start};
use crate::config::{Log, LogFormat};
use crate::simulate::{Progress, Simulation, Table};

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// Agencies that sell.
    #[arg(long, default_value_t = 50, value_name = "N")]
    sellers: u32,
    /// Advertisers that buy.
    #[arg(long, default_value_t = 2_000, value_name = "N")]
    buyers: u32,
    /// Campaigns that they have at the start.
    #[arg(long, default_value_t = 20_000, value_name = "N")]
    campaigns: u32,
    /// Leads that come in each second.
    #[arg(long, default_value_t = 20, value_name = "N")]
    leads_per_second: u32,
    /// How long the market is open, by the real clock; parts of a minute are fine.
    #[arg(long, default_value_t = 10.0, value_name = "M")]
    minutes: f64,
    /// How long an offer to a ping stands, in seconds.
    #[arg(long, default_value_t = 60, value_name = "SECONDS")]
    offer_secs: i64,
    /// What decides every chance. The clock is real, so that two runs still differ.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Where the simulation makes its folder.
    #[arg(long, default_value = "data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Another database than a file in that folder. It must be empty, or that of a simulation or a demo, which is made anew.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Prints the report as one JSON object, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Shows no progress bar.
    #[arg(long)]
    no_progress: bool,
}

pub(super) async fn simulate(arguments: SimulateArguments) -> Result<(), CommandError> {
    start::start_log(&Log { filter: "error".to_owned(), format: LogFormat::Text })?;
    let length = Duration::try_from_secs_f64(arguments.minutes * 60.0);
    let simulation = Simulation {
        sellers: arguments.sellers,
        buyers: arguments.buyers,
        campaigns: arguments.campaigns,
        leads_per_second: arguments.leads_per_second,
        length: length.map_err(|_| CommandError::new(format!("--minutes {}: not a length of time", arguments.minutes)))?,
        offer_secs: arguments.offer_secs,
        seed: arguments.seed,
        data_dir: arguments.data_dir,
        database_url: arguments.database_url.map(SecretString::from),
    };
    let stop = CancellationToken::new();
    let told = stop.clone();
    // Ctrl-C closes the market early: what is under way ends, and the report is printed. A second one ends the process.
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            told.cancel();
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(130);
        }
    });
    let report = Box::pin(simulation.run(&Progress::new(!arguments.no_progress), &stop)).await?;
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        print(&Table(&report).to_string())?;
    }
    if report.is_sound() { Ok(()) } else { Err(CommandError::new("something is broken, unexplained or growing: see the report")) }
}
