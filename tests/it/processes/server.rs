//! `clearlead serve` in a process of its own.

use std::fs::File;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use reqwest::Client;

use super::{PATIENCE, until};
use crate::harness::Exchange;
use crate::imports::process::command;
use crate::stream::nats::{Scratch, nats_url};

/// Messages to endpoints that one process has under way at a time.
pub const IN_FLIGHT: usize = 10;

/// `clearlead serve` in a process of its own, which ends with the test.
pub struct Server {
    child: Child,
    pub url: String,
    mails: PathBuf,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    pub fn start(x: &Exchange, n: usize, scratch: Option<&Scratch>) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mails = x.folder().join(format!("mails-{n}"));
        let log = File::create(x.folder().join(format!("process-{n}.log"))).unwrap();
        let mut command = command(x, &["serve"]);
        command
            .env("CLEARLEAD_DATABASE__URL", &x.url)
            .env("CLEARLEAD_DATABASE__MAX_CONNECTIONS", "8")
            .env("CLEARLEAD_SERVER__BIND", free.to_string())
            .env("CLEARLEAD_SERVER__DATA_DIR", x.folder().join("shared"))
            .env("CLEARLEAD_AUTH__EMAIL_VERIFICATION", "off")
            .env("CLEARLEAD_DNS__ENABLED", "false")
            .env("CLEARLEAD_MAIL__URL", format!("file:{}", mails.display()))
            .env("CLEARLEAD_WORKERS__POLL_MILLIS", "50")
            .env("CLEARLEAD_WORKERS__BATCH", "5")
            .env("CLEARLEAD_WEBHOOKS__INSECURE", "true")
            .env("CLEARLEAD_WEBHOOKS__IN_FLIGHT_MAX", IN_FLIGHT.to_string())
            .env("CLEARLEAD_WEBHOOKS__IN_FLIGHT_PER_ENDPOINT", IN_FLIGHT.to_string())
            .env("CLEARLEAD_LOG__FILTER", "info,sqlx=warn,sea_orm=warn")
            .stdout(Stdio::null())
            .stderr(log);
        if let Some(scratch) = scratch {
            command
                .env("NATS_URL", nats_url())
                .env("CLEARLEAD_NATS__STREAM", &scratch.name)
                .env("CLEARLEAD_NATS__SUBJECT_PREFIX", &scratch.prefix)
                .env("CLEARLEAD_NATS__BATCH", "50")
                .env("CLEARLEAD_NATS__TIMEOUT_SECS", "3");
        }
        Self { child: command.spawn().unwrap(), url: format!("http://{free}"), mails }
    }

    pub async fn ready(&self) {
        let address = format!("{}/health/ready", self.url);
        until(PATIENCE, "a process is ready", async || {
            Client::new().get(&address).send().await.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// To whom mails went.
    pub fn told(&self) -> Vec<String> {
        let Ok(files) = std::fs::read_dir(&self.mails) else { return Vec::new() };
        let texts = files.filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok());
        texts.filter_map(|text| text.lines().find(|line| line.starts_with("To:")).map(str::to_owned)).collect()
    }
}
