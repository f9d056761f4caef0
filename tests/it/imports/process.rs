//! The command line, in processes of its own, on an SQLite database.

use std::process::{Command, ExitCode, Output, Stdio};
use std::time::Duration;

use super::{MAPPING, people, seller};
use crate::harness::{Database, Exchange};

const ARGUMENTS: &str = "CLEARLEAD_TEST_ARGUMENTS";

/// Does nothing as a test. A process that is this test alone, with [`ARGUMENTS`], is the command line.
#[test]
fn the_command_line() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else { return };
    let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
    let code = api::cli::run_with(std::iter::once("clearlead".to_owned()).chain(arguments));
    std::process::exit(if code == ExitCode::SUCCESS { 0 } else { 1 });
}

pub(crate) fn command(x: &Exchange, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "imports::process::the_command_line", "--nocapture"])
        .env(ARGUMENTS, serde_json::to_string(arguments).unwrap())
        .env("CLEARLEAD_SERVER__DATA_DIR", x.folder().join("cli"))
        .env("RUST_MIN_STACK", "16777216")
        .current_dir(x.folder())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

async fn run(x: &Exchange, arguments: &[&str]) -> (bool, String, String) {
    let mut command = command(x, arguments);
    let Output { status, stdout, stderr } = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (status.success(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

fn write(x: &Exchange, name: &str, text: &str) -> String {
    let path = x.folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leads_are_imported_and_mapped() {
    let x = Exchange::start(Database::Sqlite).await;
    let seller = seller(&x).await.org().to_string();
    let mapping = write(&x, "map.toml", MAPPING);
    let file = write(&x, "leads.csv", &(people(40) + "x,Eva Dias,912000000,eva@example.com,ninety,1\n"));
    let refused = x.folder().join("refused.csv").display().to_string();
    let with = ["--mapping", &mapping, "--seller", &seller, "--database-url", &x.url, "--refusals", &refused];
    let arguments = [&["leads", "import", file.as_str()][..], &with[..]].concat();

    let (done, told, error) = run(&x, &arguments).await;
    assert!(done, "{told}{error}");
    assert!(told.contains("leads.csv (DONE): 41 rows read"), "{told}");
    assert!(told.contains("        40 accepted\n         1 refused\n         0 duplicate\n"), "{told}");
    assert!(told.contains("         1 x Age: `age` is not a number"), "{told}");
    let table = std::fs::read_to_string(&refused).unwrap();
    assert_eq!(table, "line,column,code,reason\n42,Age,INVALID,`age` is not a number\n");
    assert_eq!(x.count("lead").await, 40);

    let (done, told, _) = run(&x, &arguments).await;
    assert!(done && told.contains("         0 accepted\n         1 refused\n        40 duplicate\n"), "{told}");
    assert_eq!(x.count("lead").await, 40);

    let (done, told, error) = run(&x, &["leads", "map", &file, "--database-url", &x.url, "--vertical", "finance/deposit"]).await;
    assert!(done && told.contains("vertical = \"finance/deposit\""), "{told}{error}");
    let (done, _, error) = run(&x, &["leads", "map", &file, "--vertical", "finance/moon"]).await;
    assert!(!done && error.contains("no such vertical; there are "), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_imported_is_told_and_fails() {
    let x = Exchange::start(Database::Sqlite).await;
    let seller = seller(&x).await.org().to_string();
    let file = write(&x, "leads.csv", &people(2));
    let mapping = write(&x, "map.toml", MAPPING);
    let broken = write(&x, "broken.toml", &MAPPING.replace("\"Phone\"", "\"Telephone\""));
    let nobody = "org_00000000000000000000000009";
    let cases = [
        (mapping.as_str(), nobody, "there is no organization org_00000000000000000000000009"),
        ("nowhere.toml", seller.as_str(), "nowhere.toml: "),
        (broken.as_str(), seller.as_str(), "the file has no column `Telephone`"),
    ];
    for (mapping, seller, expected) in cases {
        let arguments = ["leads", "import", &file, "--mapping", mapping, "--seller", seller, "--database-url", &x.url];
        let (done, _, error) = run(&x, &arguments).await;
        assert!(!done && error.contains(expected), "{expected}: {error}");
    }
    assert_eq!(x.count("lead").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_import_loses_nothing_and_doubles_nothing() {
    const ROWS: i64 = 4_000;
    let x = Exchange::start(Database::Sqlite).await;
    let seller = seller(&x).await.org().to_string();
    let file = write(&x, "leads.csv", &people(usize::try_from(ROWS).unwrap()));
    let mapping = write(&x, "map.toml", MAPPING);
    let arguments = ["leads", "import", &file, "--mapping", &mapping, "--seller", &seller, "--database-url", &x.url];
    let mut child = command(&x, &arguments).spawn().unwrap();
    while x.count("lead").await == 0 && child.try_wait().unwrap().is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let before = x.count("lead").await;
    assert!(before > 0 && before % 500 == 0, "whole batches: {before}");
    let (done, told, error) = run(&x, &arguments).await;
    assert!(done, "{told}{error}");
    assert_eq!(x.count("lead").await, ROWS);
    let lines = format!("{:>10} accepted\n{:>10} refused\n{:>10} duplicate\n", ROWS - before, 0, before);
    assert!(told.contains(&lines), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_do_not_contact_list_is_imported() {
    let x = Exchange::start(Database::Sqlite).await;
    let file = write(&x, "list.csv", "phone\n+4791200001\nnonsense\n912 00 002\n");
    let arguments = ["suppressions", "import", &file, "--reason", "asked us", "--source", "national list"];
    let arguments = [&arguments[..], &["--country", "NO", "--database-url", &x.url]].concat();
    let (done, told, error) = run(&x, &arguments).await;
    assert!(done && told.contains("list.csv (DONE): 3 rows read\n         2 accepted\n         1 refused\n"), "{told}{error}");
    assert_eq!(x.count("suppression").await, 2);
}
