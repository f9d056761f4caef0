//! A database that has been in use survives the migrations that rebuild its tables: SQLite changes no constraint in place.

use migrations::Migrator;
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, Statement};
use sea_orm_migration::MigratorTrait;

use crate::harness::Database as Backend;

/// The migrations that came before the first that rebuilds a table.
const BEFORE: u32 = 9;

const USED: &[&str] = &[
    "INSERT INTO organization (id, name, country, time_zone, locale, status, created_at)
     VALUES (x'0a', 'Agency', 'PT', 'Europe/Lisbon', 'pt', 'ACTIVE', '2026-03-02T09:00:00+00:00')",
    "INSERT INTO payout_account (id, organization_id, key_id, wrapped_key, ciphertext, last_four, created_at)
     VALUES (x'0b', x'0a', 'k', x'00', x'00', '3000', '2026-03-02T09:00:00+00:00')",
    "INSERT INTO withdrawal (id, organization_id, payout_account_id, payout_last_four, amount_minor, currency, state, created_at, version)
     VALUES (x'01', x'0a', x'0b', '3000', 1350, 'EUR', 'REQUESTED', '2026-03-02T09:00:00+00:00', 3)",
    "INSERT INTO payout_reveal (id, withdrawal_id, user_id, revealed_at) VALUES (x'02', x'01', x'0c', '2026-03-02T09:00:00+00:00')",
    "INSERT INTO chargeback (id, organization_id, reference, amount_minor, taken_minor, owed_minor, currency, recorded_by, created_at)
     VALUES (x'03', x'0a', 'R1', 500, 200, 300, 'EUR', x'0c', '2026-03-02T09:00:00+00:00')",
    "INSERT INTO lead_hook (id, organization_id, name, kind, mapping, prefix, secret_hash, created_by, created_at, updated_at)
     VALUES (x'04', x'0a', 'Form', 'TYPEFORM', '', 'clh', x'00', x'0c', '2026-03-02T09:00:00+00:00', '2026-03-02T09:00:00+00:00')",
];

async fn text(db: &DatabaseConnection, sql: &str) -> String {
    let row = db.query_one_raw(Statement::from_string(db.get_database_backend(), sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn what_stands_in_rebuilt_tables_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rwc", folder.path().join("used.db").display()));
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    Migrator::up(&db, Some(BEFORE)).await.unwrap();
    for statement in USED {
        db.execute_unprepared(statement).await.unwrap();
    }
    Migrator::up(&db, None).await.unwrap();
    let withdrawal = "SELECT hex(id) || payout_last_four || amount_minor || state || method || version FROM withdrawal";
    assert_eq!(text(&db, withdrawal).await, "0130001350REQUESTEDBANK3");
    assert_eq!(text(&db, "SELECT hex(id) || hex(withdrawal_id) || hex(user_id) FROM payout_reveal").await, "02010C");
    assert_eq!(
        text(&db, "SELECT hex(id) || reference || amount_minor || taken_minor || owed_minor FROM chargeback").await,
        "03R1500200300"
    );
    assert_eq!(text(&db, "SELECT hex(id) || name || kind FROM lead_hook").await, "04FormTYPEFORM");
    let guarded = db.execute_unprepared("UPDATE chargeback SET reference = 'R2'").await.unwrap_err();
    assert!(guarded.to_string().contains("append-only"), "{guarded}");
    let kept = db.execute_unprepared("DELETE FROM withdrawal").await.unwrap_err();
    assert!(kept.to_string().contains("FOREIGN KEY"), "{kept}");
}

/// The migrations that came before the one that gave what is owed back a state.
const BEFORE_RETURNS: u32 = 16;

/// An organization, and withdrawals through its connected account: paid, owed back in part, and back.
const OWED: &[&str] = &[
    "INSERT INTO organization (id, name, country, time_zone, locale, status, created_at)
     VALUES ({a}, 'Agency', 'PT', 'Europe/Lisbon', 'pt', 'ACTIVE', '2026-03-02T09:00:00+00:00')",
    "INSERT INTO withdrawal (id, organization_id, method, connected_account, transfer_id, amount_minor, return_asked_minor,
        returned_minor, currency, state, failure, created_at, ended_at, version)
     VALUES ({1}, {a}, 'STRIPE', 'acct_1', 'tr_1', 500, 0, 0, 'EUR', 'PAID', NULL, '2026-03-02T09:00:00+00:00', '2026-03-04T09:00:00+00:00', 2),
            ({2}, {a}, 'STRIPE', 'acct_1', 'tr_2', 500, 300, 100, 'EUR', 'PAID', 'closed', '2026-03-02T09:00:00+00:00', '2026-03-04T09:00:00+00:00', 3),
            ({3}, {a}, 'STRIPE', 'acct_1', 'tr_3', 500, 500, 500, 'EUR', 'FAILED', 'closed', '2026-03-02T09:00:00+00:00', '2026-03-04T09:00:00+00:00', 4)",
    "INSERT INTO withdrawal_return (id, withdrawal_id, organization_id, amount_minor, currency, total_minor, created_at)
     VALUES ({4}, {2}, {a}, 100, 'EUR', 100, '2026-03-02T09:00:00+00:00')",
];

async fn owed_back_is_returning(database: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ConnectOptions::new(database.empty(folder.path()).await);
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    Migrator::up(&db, Some(BEFORE_RETURNS)).await.unwrap();
    let id = |text: &str| match database {
        Backend::Sqlite => format!("x'{text:0>32}'"),
        Backend::Postgres => format!("'00000000-0000-0000-0000-{text:0>12}'"),
    };
    for statement in OWED {
        let statement =
            ["a", "1", "2", "3", "4"].iter().fold((*statement).to_owned(), |s, n| s.replace(&format!("{{{n}}}"), &id(n)));
        db.execute_unprepared(&statement).await.unwrap();
    }
    Migrator::up(&db, None).await.unwrap();
    let states = "SELECT STRING_AGG(words, ' ') FROM (SELECT transfer_id || state || returned_minor || return_attempt || version || \
        CASE WHEN check_at IS NULL THEN '' ELSE '!' END AS words FROM withdrawal ORDER BY transfer_id) AS all_of_them";
    assert_eq!(text(&db, states).await, "tr_1PAID002 tr_2RETURNING10003! tr_3FAILED50004");
    let guarded = db.execute_unprepared("UPDATE withdrawal_return SET amount_minor = 1").await.unwrap_err();
    assert!(guarded.to_string().contains("append-only"), "{guarded}");
    let kept = db.execute_unprepared("DELETE FROM withdrawal WHERE transfer_id = 'tr_2'").await.unwrap_err();
    assert!(kept.to_string().to_lowercase().contains("foreign key"), "{kept}");
    for broken in ["SET state = 'PAID' WHERE transfer_id = 'tr_2'", "SET check_at = NULL WHERE transfer_id = 'tr_2'"] {
        let checked = db.execute_unprepared(&format!("UPDATE withdrawal {broken}")).await.unwrap_err();
        assert!(checked.to_string().to_lowercase().contains("check"), "{checked}");
    }
    db.close().await.unwrap();
}

#[tokio::test]
async fn what_was_owed_back_is_returning_on_sqlite() {
    owed_back_is_returning(Backend::Sqlite).await;
}

#[tokio::test]
async fn what_was_owed_back_is_returning_on_postgres() {
    if Backend::Postgres.is_there().await {
        owed_back_is_returning(Backend::Postgres).await;
    }
}

/// The migrations that came before the one that took the number of the event from messages to endpoints.
const BEFORE_TOLD_ONCE: u32 = 19;

async fn messages_stay(database: Backend) {
    let folder = tempfile::tempdir().unwrap();
    let mut options = ConnectOptions::new(database.empty(folder.path()).await);
    options.max_connections(1);
    let db = Database::connect(options).await.unwrap();
    Migrator::up(&db, Some(BEFORE_TOLD_ONCE)).await.unwrap();
    let id = match database {
        Backend::Sqlite => format!("x'{:0>32}'", "1"),
        Backend::Postgres => format!("'00000000-0000-0000-0000-{:0>12}'", "1"),
    };
    let waiting = format!(
        "INSERT INTO webhook_delivery (id, endpoint_id, organization_id, event_seq, event_type, object, sequence, data, occurred_at,
            state, attempts, tries, due_at, leased_until, created_at, pending_since, ended_at)
         VALUES ({id}, {id}, {id}, 7, 'trade.released', 'trd', 7, '{{}}', '2026-03-02T09:00:00+00:00', 'PENDING', 3, 2,
            '2026-03-02T10:00:00+00:00', NULL, '2026-03-02T09:00:00+00:00', '2026-03-02T09:00:00+00:00', NULL)"
    );
    db.execute_unprepared(&waiting).await.unwrap();
    Migrator::up(&db, None).await.unwrap();
    let kept = "SELECT event_type || object || sequence || state || attempts || tries FROM webhook_delivery";
    assert_eq!(text(&db, kept).await, "trade.releasedtrd7PENDING32");
    let checked = db.execute_unprepared("UPDATE webhook_delivery SET state = 'DEAD'").await.unwrap_err();
    assert!(checked.to_string().to_lowercase().contains("check"), "{checked}");
    db.close().await.unwrap();
}

#[tokio::test]
async fn messages_to_endpoints_stay_on_sqlite() {
    messages_stay(Backend::Sqlite).await;
}

#[tokio::test]
async fn messages_to_endpoints_stay_on_postgres() {
    if Backend::Postgres.is_there().await {
        messages_stay(Backend::Postgres).await;
    }
}
