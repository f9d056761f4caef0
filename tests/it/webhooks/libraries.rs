//! Libraries that others wrote verify what we sign: the npm package `standardwebhooks` and the PyPI package of the same name.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use api::ports::{Clock, SystemClock};
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::{LOCAL, act, deliver, endpoint};
use crate::harness::{Database, Exchange};

const NODE: &str = r#"
const { Webhook } = require("standardwebhooks");
const { messages } = JSON.parse(require("fs").readFileSync(0, "utf8"));
for (const { secret, headers, body, good } of messages) {
  let verified = true;
  try { new Webhook(secret).verify(body, headers); } catch { verified = false; }
  if (verified !== good) { console.log(`expected ${good}: ${body}`); process.exit(1); }
}
console.log(messages.length);
"#;

const PYTHON: &str = r#"
import json, sys
from standardwebhooks import Webhook, WebhookVerificationError
messages = json.load(sys.stdin)["messages"]
for message in messages:
    verified = True
    try:
        Webhook(message["secret"]).verify(message["body"], message["headers"])
    except WebhookVerificationError:
        verified = False
    if verified != message["good"]:
        sys.exit(f"expected {message['good']}: {message['body']}")
print(len(messages))
"#;

fn run(program: &Path, arguments: &[&str], folder: &Path, input: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() {
        eprintln!("{}: {said} {}", program.display(), String::from_utf8_lossy(&output.stderr));
    }
    output.status.success().then_some(said)
}

/// A package that cannot be installed is a failure where `CI` is set, and said elsewhere.
fn there(installed: Option<String>, what: &str) -> bool {
    assert!(installed.is_some() || std::env::var_os("CI").is_none(), "CI is set, and {what} cannot be installed");
    if installed.is_none() {
        eprintln!("SKIPPED: {what} cannot be installed here");
    }
    installed.is_some()
}

/// A Python in `folder` that has a package of PyPI; none where it cannot be installed.
pub fn python_with(package: &str, folder: &Path) -> Option<PathBuf> {
    let made = run(Path::new("python3"), &["-m", "venv", "venv"], folder, "");
    let python = folder.join("venv/bin/python");
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
    let installed = made.and_then(|_| run(&python, &install, folder, ""));
    there(installed, &format!("the PyPI package {package}")).then_some(python)
}

/// Messages signed by one secret and by two, those of a wrong secret, and one that was changed on its way.
async fn messages() -> Value {
    let x = Exchange::start(Database::Sqlite).await.with(LOCAL).await;
    // The libraries refuse what was signed at another time than now.
    x.clock.set(domain::time::truncated(SystemClock.now()));
    let (owner, at) = (x.organization("Buyer").await, Receiver::start().await);
    let made = endpoint(&x, &owner, &at, "/", &["*"]).await;
    act(&x, &owner, "Test", &made.id, "").await;
    deliver(&x).await;
    let second = act(&x, &owner, "RotateSecret", &made.id, "secret").await["secret"].as_str().unwrap().to_owned();
    act(&x, &owner, "Test", &made.id, "").await;
    deliver(&x).await;
    let got = at.taken();
    let message = |n: usize, secret: &str, body: Option<&str>, good: bool| {
        let header = |name: &str| got[n].header(name).to_owned();
        let headers = json!({
            "webhook-id": header("webhook-id"), "webhook-timestamp": header("webhook-timestamp"),
            "webhook-signature": header("webhook-signature"),
        });
        json!({ "secret": secret, "headers": headers, "body": body.unwrap_or(&got[n].text), "good": good })
    };
    let changed = got[0].text.replace("webhook.test", "webhook.best");
    json!({ "messages": [
        message(0, &made.secret, None, true), message(0, &second, None, false), message(0, &made.secret, Some(&changed), false),
        message(1, &made.secret, None, true), message(1, &second, None, true),
    ] })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_npm_package_verifies_our_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let install = ["install", "--no-audit", "--no-fund", "--silent", "standardwebhooks@1.0.0"];
    if there(run(Path::new("npm"), &install, folder.path(), ""), "the npm package standardwebhooks") {
        let input = messages().await.to_string();
        assert_eq!(run(Path::new("node"), &["-e", NODE], folder.path(), &input).as_deref(), Some("5"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pypi_package_verifies_our_signatures() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(python) = python_with("standardwebhooks", folder.path()) {
        let input = messages().await.to_string();
        assert_eq!(run(&python, &["-c", PYTHON], folder.path(), &input).as_deref(), Some("5"));
    }
}
