//! The servers, each a child of this process.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;

use super::control;
use crate::process::cpu_of;
use crate::stage::{self, Stage};
use crate::{Failure, say};

/// Who serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Side {
    /// The exchange, as `clearlead serve` does without its workers.
    Clearlead,
    /// The plain resolver.
    Control,
}

/// What the child is told.
#[derive(Debug, Clone, Args)]
pub(crate) struct ServeRead {
    side: Side,
    /// The database that the parent filled.
    url: String,
    /// Where the parent's exchange keeps its keys.
    data_dir: PathBuf,
}

/// A server that ends with this value.
pub(super) struct Child {
    pub(super) address: SocketAddr,
    process: tokio::process::Child,
}

impl Child {
    /// Starts a server on the stage's database.
    pub(super) async fn start(side: Side, stage: &Stage) -> Result<Self, Failure> {
        let side = side.to_possible_value().ok_or("a side without a name")?;
        let mut process = Command::new(std::env::current_exe()?)
            .args(["serve-read", side.get_name(), &stage.url])
            .arg(stage.folder())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let mut line = String::new();
        let said = process.stdout.take().ok_or("a child without its output")?;
        tokio::time::timeout(Duration::from_secs(60), BufReader::new(said).read_line(&mut line)).await??;
        Ok(Self { address: line.trim().parse()?, process })
    }

    /// Processor time of the server since its start.
    pub(super) fn cpu(&self) -> Result<Duration, Failure> {
        cpu_of(self.process.id().ok_or("the server has ended")?)
    }
}

/// Serves until the parent is gone; says where on standard output.
pub(crate) async fn serve(told: ServeRead) -> Result<(), Failure> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    say(listener.local_addr()?);
    let gone = async {
        tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap_or_default();
    };
    match told.side {
        Side::Clearlead => {
            let app = stage::open(&told.url, &told.data_dir, "").await?;
            Ok(api::http::exchange_serve(Arc::clone(&app), Vec::new(), listener, gone).await?)
        }
        Side::Control => {
            let router = control::router(&told.url).await?;
            Ok(axum::serve(listener, router).with_graceful_shutdown(gone).await?)
        }
    }
}
