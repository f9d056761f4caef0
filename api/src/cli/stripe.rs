//! `clearlead stripe`

use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use clap::Subcommand;
use domain::time::{Timestamp, Window, plus_secs};

use super::{CommandError, open, print, start};
use crate::app::payments::payments_open;
use crate::app::payments::reconcile::stripe_reconcile;
use crate::config::Config;
use crate::ports::{SystemClock, SystemEntropy};

/// How far back is looked when nothing is said, in seconds.
const LOOK_BACK_SECS: i64 = 35 * 86_400;

#[derive(Debug, Subcommand)]
pub(super) enum StripeCommand {
    /// Compares the exchange's books with Stripe's, both ways, and names each difference. Fails when there is one.
    Reconcile {
        /// From when on: a day (`2026-11-01`) or an instant (`2026-11-01T12:00:00Z`); 35 days ago when not said.
        #[arg(long, value_parser = instant)]
        from: Option<Timestamp>,
        /// Until when, itself not included; now when not said.
        #[arg(long, value_parser = instant)]
        to: Option<Timestamp>,
    },
    /// Serves a double of Stripe's API for trying things out. It is not Stripe, and moves no money.
    Double {
        /// Where to listen.
        #[arg(long, default_value = "127.0.0.1:12111", value_name = "ADDRESS")]
        bind: std::net::SocketAddr,
        /// Where the exchange takes webhook calls.
        #[arg(long, default_value = "http://127.0.0.1:8080/v1/stripe/webhook", value_name = "URL")]
        webhook: String,
        /// What they are signed with.
        #[arg(long, default_value = "whsec_double", value_name = "SECRET")]
        secret: String,
    },
}

fn instant(text: &str) -> Result<Timestamp, String> {
    let day = text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0)).map(|day| day.and_utc());
    let instant = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    day.or_else(instant).ok_or_else(|| "neither a day nor an instant".to_owned())
}

pub(super) async fn stripe(
    load: impl FnOnce() -> Result<Config, crate::config::ConfigError>,
    command: StripeCommand,
) -> Result<(), CommandError> {
    match command {
        StripeCommand::Reconcile { from, to } => reconcile(load()?, from, to).await,
        StripeCommand::Double { bind, webhook, secret } => double(bind, webhook, secret).await,
    }
}

async fn reconcile(config: Config, from: Option<Timestamp>, to: Option<Timestamp>) -> Result<(), CommandError> {
    start::start_log(&config.log)?;
    let app = open(config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await?;
    if !app.store.is_migrated().await? {
        return Err(CommandError::new("the database is not up to date: run `clearlead migrate` first"));
    }
    payments_open(&app).await?;
    let until = to.unwrap_or_else(|| app.now());
    let window = Window { from: from.unwrap_or_else(|| plus_secs(until, -LOOK_BACK_SECS)), until };
    let found = stripe_reconcile(&app, &window).await?;
    for (noun, count) in &found.compared {
        print(&format!("compared       {count} of the provider's, each a {noun}\n"))?;
    }
    for difference in &found.differences {
        print(&format!("{difference}\n"))?;
    }
    app.store.close().await?;
    match found.differences.len() {
        0 => print("the books agree\n"),
        1 => Err(CommandError::new("the books differ in one place")),
        many => Err(CommandError::new(format!("the books differ in {many} places"))),
    }
}

async fn double(bind: std::net::SocketAddr, webhook: String, secret: String) -> Result<(), CommandError> {
    let double =
        stripe_double::StripeDouble::start_with(stripe_double::Options { bind, ..stripe_double::Options::default() }).await?;
    let endpoint = stripe_double::WebhookEndpoint { url: webhook.clone(), secret: secret.clone(), enabled_events: Vec::new() };
    double.set_webhook_endpoints(vec![endpoint]);
    print(&format!(
        "This is not Stripe: a double of its API that moves no money.\n\n  [stripe]\n  secret_key = \"{}\"\n  webhook_secrets = \
         [\"{secret}\"]\n  api_url = \"{}\"\n\nIt tells of payments at {webhook}. Stop it with Ctrl-C.\n",
        double.secret_key, double.url
    ))?;
    Ok(tokio::signal::ctrl_c().await?)
}
