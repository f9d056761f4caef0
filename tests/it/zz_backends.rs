//! Says which databases the tests ran on.

use std::io::Write;

use crate::harness::Database;

#[tokio::test]
async fn which_ran() {
    let postgres = if Database::Postgres.is_there().await {
        "Postgres: ran"
    } else {
        "Postgres: NOT run (no server at TEST_DATABASE_URL or 127.0.0.1:5432)"
    };
    // Past the capture of the test runner, so that everybody reads it.
    writeln!(std::io::stdout(), "\nintegration tests: SQLite: ran; {postgres}").unwrap();
}
