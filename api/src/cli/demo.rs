//! `clearlead demo`

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::{CommandError, print, serve, start};
use crate::demo::{Demo, Done, Login, PASSWORD, Progress, Table};
use crate::http::DemoLogin;
use crate::ports::{Clock, SystemClock};

/// Rows of the whole input.
const ALL_ROWS: usize = 45_211;

#[derive(Debug, Args)]
pub(super) struct DemoArguments {
    /// How many rows of the input to take, spread evenly over it.
    #[arg(long, default_value_t = ALL_ROWS, value_name = "N")]
    rows: usize,
    /// What decides every chance: the same seed gives the same table.
    #[arg(long, default_value_t = 1, value_name = "N")]
    seed: u64,
    /// Prints the figures as one JSON object, and nothing else on standard output.
    #[arg(long)]
    json: bool,
    /// Ends after the figures instead of serving the API.
    #[arg(long)]
    no_serve: bool,
    /// Where the demo makes its folder.
    #[arg(long, default_value = "data", value_name = "FOLDER")]
    data_dir: PathBuf,
    /// Another database than a file in that folder. It must be empty, or a demo's.
    #[arg(long, value_name = "URL")]
    database_url: Option<String>,
    /// Where to serve the API.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    bind: String,
    /// Leaves the double of Stripe out: every deposit comes over the bank.
    #[arg(long)]
    no_stripe: bool,
    /// Tells on standard error how long each phase took.
    #[arg(long)]
    timings: bool,
}

pub(super) async fn demo(arguments: DemoArguments) -> Result<(), CommandError> {
    let demo = Demo {
        rows: arguments.rows,
        seed: arguments.seed,
        data_dir: arguments.data_dir,
        database_url: arguments.database_url.map(SecretString::from),
        bind: arguments.bind,
        stripe: !arguments.no_stripe,
    };
    let done = Box::pin(demo.run(&Progress::new(!arguments.json))).await?;
    if arguments.timings {
        super::tell(&done.timings.to_string());
    }
    if arguments.json {
        print(&format!("{}\n", serde_json::to_string(&done.report)?))?;
    } else {
        print(&Table(&done.report).to_string())?;
    }
    if done.report.stripe.as_ref().is_some_and(|stripe| !stripe.double_holds || stripe.differences > 0) {
        return Err(CommandError::new("the books differ from those of Stripe's double"));
    }
    if !done.report.ledger.balanced {
        return Err(CommandError::new("the ledger does not balance"));
    }
    if arguments.no_serve { Ok(()) } else { serve_after(done, arguments.json).await }
}

async fn serve_after(done: Done, quiet: bool) -> Result<(), CommandError> {
    start::start_log(&done.config.log)?;
    // Held until the exchange has stopped: the double ends with it.
    let till = done.till;
    if let Some(till) = &till {
        till.serve(&done.config.server.bind.to_string(), SystemClock.now());
    }
    if !quiet {
        let mut text = format!("\nServing this market at http://{}/graphql\n", done.config.server.bind);
        for login in &done.logins {
            text.push_str(&format!("  {:<36}{:<40}{PASSWORD}\n", login.role, login.email));
        }
        if let Some(till) = &till {
            text.push_str(&format!("  Stripe's double, which is not Stripe, at {}/\n", till.url()));
        }
        print(&text)?;
    }
    let login = |login: Login| DemoLogin { title: login.role, email: login.email, password: PASSWORD.to_owned() };
    let logins = done.logins.into_iter().map(login).collect();
    let served = Box::pin(serve::serve_with(done.config, logins)).await;
    drop(till);
    served
}
