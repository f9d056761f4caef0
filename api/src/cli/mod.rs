//! The command line: one module per noun.

mod demo;
mod imports;
mod keys;
mod leads;
mod ledger;
mod migrate;
mod schema;
mod serve;
mod simulate;
mod staff;
mod start;
mod stripe;
mod suppressions;

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{Config, ConfigError};

pub use start::open;

/// An open lead exchange.
#[derive(Debug, Parser)]
#[command(name = "clearlead", version)]
struct Arguments {
    /// The settings file; without it `clearlead.toml`, if there is one. The environment has the last word: `CLEARLEAD_SERVER__BIND`.
    #[arg(long, global = true, env = "CLEARLEAD_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs a market on real input, prints its figures, and serves the API with it.
    Demo(demo::DemoArguments),
    /// Runs a market of campaigns and real-time leads by the clock, and reports whether everything held.
    Simulate(simulate::SimulateArguments),
    /// Serves the API until told to stop; brings the database up to date first.
    Serve,
    /// Files of leads.
    #[command(subcommand)]
    Leads(leads::LeadsCommand),
    /// The do-not-contact list.
    #[command(subcommand)]
    Suppressions(suppressions::SuppressionsCommand),
    /// The ledger as a whole.
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    /// The keys that sign access tokens.
    #[command(subcommand)]
    Keys(keys::KeysCommand),
    /// Brings the database up to date.
    Migrate,
    /// The exchange's own staff.
    #[command(subcommand)]
    Staff(staff::StaffCommand),
    /// The payment provider.
    #[command(subcommand)]
    Stripe(stripe::StripeCommand),
    /// Prints the schema in the definition language, or compares it with a file.
    Schema(schema::SchemaArguments),
}

/// Why a command did not do what it was asked: for people, on standard error.
#[derive(Debug)]
pub struct CommandError(String);

impl CommandError {
    /// With this message.
    pub fn new(message: impl fmt::Display) -> Self {
        Self(message.to_string())
    }
}

impl<E: std::error::Error> From<E> for CommandError {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self(message)
    }
}

/// Runs the command that the process's arguments name.
pub fn run() -> ExitCode {
    run_with(std::env::args_os())
}

/// The stack of a thread that answers requests: an operation of the graph is futures within futures.
const STACK_BYTES: usize = 8 << 20;

/// Runs the command that `arguments` name, of which the first is the program.
pub fn run_with<I, T>(arguments: I) -> ExitCode
where
    I: IntoIterator<Item = T>,
    T: Into<OsString> + Clone,
{
    let Arguments { config, command } = Arguments::parse_from(arguments);
    let runtime = match tokio::runtime::Builder::new_multi_thread().thread_stack_size(STACK_BYTES).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let load = || -> Result<Config, ConfigError> { Config::load(config.as_deref()) };
    let done = runtime.block_on(Box::pin(async {
        match command {
            Command::Demo(arguments) => demo::demo(arguments).await,
            Command::Simulate(arguments) => Box::pin(simulate::simulate(arguments)).await,
            Command::Serve => Box::pin(serve::serve(load()?)).await,
            Command::Leads(command) => Box::pin(leads::leads(load()?, command)).await,
            Command::Suppressions(command) => Box::pin(suppressions::suppressions(load()?, command)).await,
            Command::Ledger(command) => Box::pin(ledger::ledger(load()?, command)).await,
            Command::Keys(command) => Box::pin(keys::keys(load()?, command)).await,
            Command::Staff(command) => Box::pin(staff::staff(load()?, command)).await,
            Command::Migrate => migrate::migrate(load()?).await,
            Command::Stripe(command) => Box::pin(stripe::stripe(load, command)).await,
            Command::Schema(arguments) => schema::schema(&arguments),
        }
    }));
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

/// Writes to standard output. A reader that has gone, as of `clearlead schema | head`, is no failure.
pub fn print(text: &str) -> Result<(), CommandError> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}

/// Writes to standard error, which is the last place to report to.
fn tell(text: &str) {
    writeln!(std::io::stderr(), "{text}").unwrap_or_default();
}

fn failed(error: &CommandError) -> ExitCode {
    tell(&format!("clearlead: {}", error.0));
    ExitCode::FAILURE
}
