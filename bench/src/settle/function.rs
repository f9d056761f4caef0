//! The control in the server: the statements of one purchase as one function, called by `pgbench`.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use domain::id::ListingId;
use store::WriteError;
use store::sea_orm::ConnectionTrait;

use super::market::Market;
use crate::Failure;
use crate::stage::Stage;

/// What is fastest here: more clients than cores, so that one commits while another works.
pub(super) const CLIENTS: usize = 16;

const SCRIPT: &str = "SELECT bench_purchase(:client_id);\n";

/// Everything that a purchase reads, locks and writes, with the rules of one that succeeds: fixed price, exclusive, paid from
/// the wallet. Nothing is notified.
const FUNCTION: &str = include_str!("function.sql");

/// The function, made in the database, and `pgbench`.
pub(super) struct Function {
    pgbench: PathBuf,
    script: tempfile::NamedTempFile,
}

impl Function {
    /// Makes the function; `None` where there is no `pgbench`.
    pub(super) async fn create(stage: &Stage) -> Result<Option<Self>, Failure> {
        let Some(pgbench) = pgbench() else { return Ok(None) };
        execute(stage, FUNCTION.to_owned()).await?;
        let script = tempfile::NamedTempFile::new()?;
        std::fs::write(script.path(), SCRIPT)?;
        Ok(Some(Self { pgbench, script }))
    }

    /// Buys every listing once; answers purchases a second.
    pub(super) async fn run(&self, stage: &Stage, market: &Market, listings: &[ListingId]) -> Result<f64, Failure> {
        let buyers = market.buyers(CLIENTS).iter().enumerate().map(|(n, buyer)| format!("({n}, '{}')", buyer.organization.0));
        let lots = listings.iter().enumerate().map(|(n, listing)| format!("({}, '{}')", n.saturating_add(1), listing.0));
        let (buyers, lots) = (buyers.collect::<Vec<_>>().join(", "), lots.collect::<Vec<_>>().join(", "));
        let fill = format!(
            "TRUNCATE bench_buyer, bench_lot; INSERT INTO bench_buyer VALUES {buyers}; INSERT INTO bench_lot VALUES {lots}; \
             ALTER SEQUENCE bench_next RESTART"
        );
        execute(stage, fill).await?;
        let each = listings.len() / CLIENTS;
        let output = Command::new(&self.pgbench)
            .args(["-n", "-M", "prepared", "-j", "2", "-c", &CLIENTS.to_string(), "-t", &each.to_string(), "-f"])
            .arg(self.script.path())
            .arg(&stage.url)
            // As the exchange itself speaks to a server on its own machine; an `sslmode` in the URL goes before this.
            .env("PGSSLMODE", "disable")
            .stdin(Stdio::null())
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        match rate {
            Some(rate) if output.status.success() => Ok(rate),
            _ => Err(format!("pgbench failed: {text}{}", String::from_utf8_lossy(&output.stderr)).into()),
        }
    }
}

/// The one on the path, or the newest of a Postgres installation.
fn pgbench() -> Option<PathBuf> {
    let on_path =
        std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("pgbench")).find(|file| file.is_file());
    let installed = || {
        let folders = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        folders.filter_map(|folder| Some(folder.ok()?.path().join("bin/pgbench"))).filter(|file| file.is_file()).max()
    };
    on_path.or_else(installed)
}

async fn execute(stage: &Stage, sql: String) -> Result<(), Failure> {
    let done: Result<(), WriteError> = stage
        .app
        .store
        .write("bench_function", |tx| {
            let sql = sql.clone();
            async move {
                tx.db().execute_unprepared(&sql).await?;
                Ok(())
            }
        })
        .await;
    Ok(done?)
}
