//! Serves the double until interrupted. It is not Stripe.

use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::net::SocketAddr;

use clap::Parser;
use stripe_double::{DEFAULT_SECRET_KEY, Options, StripeDouble, WebhookEndpoint};

/// A stateful double of the part of Stripe's HTTP API that Clearlead uses. It is not Stripe.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address and port to listen on.
    #[arg(long, default_value = "127.0.0.1:12111")]
    bind: SocketAddr,
    /// Where events are delivered; may be given more than once.
    #[arg(long, requires = "secret")]
    webhook: Vec<String>,
    /// What deliveries are signed with, such as whsec_double.
    #[arg(long)]
    secret: Option<String>,
    /// The secret key that requests must carry.
    #[arg(long, default_value = DEFAULT_SECRET_KEY)]
    key: String,
    /// Part of every id, so that two doubles never give the same one; random unless given.
    #[arg(long)]
    seed: Option<u32>,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let seed = arguments.seed.unwrap_or_else(random_seed);
    let options = Options { bind: arguments.bind, secret_key: arguments.key, seed, ..Options::default() };
    let double = StripeDouble::start_with(options).await?;
    let secret = arguments.secret.unwrap_or_default();
    let endpoint = |url| WebhookEndpoint { url, secret: secret.clone(), enabled_events: Vec::new() };
    double.set_webhook_endpoints(arguments.webhook.into_iter().map(endpoint).collect());
    writeln!(std::io::stdout(), "A double of Stripe's API, which is not Stripe, listens on {}", double.url)?;
    tokio::signal::ctrl_c().await
}

/// The standard library seeds its hash maps at random, and no more randomness than that is needed.
fn random_seed() -> u32 {
    let random = RandomState::new().hash_one(());
    u32::try_from(random >> 32).unwrap_or_default()
}
