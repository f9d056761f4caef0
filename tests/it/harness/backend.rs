//! A fresh database for each test: a copy of one that was migrated once.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use api::app::StoreSource;
use api::ports::{SeededEntropy, SystemClock};
use sea_orm::{ConnectionTrait, Database as Connect, DatabaseConnection};
use store::{Options, Store};
use tokio::sync::OnceCell;

const LOCAL_POSTGRES: &str = "postgres://postgres@127.0.0.1:5432/postgres";
const PREFIX: &str = "clearlead_test_";

static SQLITE_TEMPLATE: OnceCell<(tempfile::TempDir, PathBuf)> = OnceCell::const_new();
static POSTGRES_TEMPLATE: OnceCell<Option<String>> = OnceCell::const_new();
static NEXT: AtomicU64 = AtomicU64::new(0);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    /// Whether tests can run on it. With `CI` set a missing Postgres is a failure.
    pub async fn is_there(self) -> bool {
        match self {
            Self::Sqlite => true,
            Self::Postgres => {
                let there = postgres_template().await.is_some();
                assert!(there || std::env::var_os("CI").is_none(), "CI is set, and there is no Postgres to test on");
                there
            }
        }
    }

    /// The URL of a new, migrated database.
    pub async fn fresh(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => {
                let (_, template) = SQLITE_TEMPLATE.get_or_init(sqlite_template).await;
                let file = folder.join("exchange.db");
                std::fs::copy(template, &file).unwrap();
                format!("sqlite://{}?mode=rwc", file.display())
            }
            Self::Postgres => {
                let template = postgres_template().await.clone().expect("asked before");
                let name = format!("{PREFIX}{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                let admin = admin().await.unwrap();
                admin.execute_unprepared(&format!("CREATE DATABASE {name} TEMPLATE {template}")).await.unwrap();
                admin.close().await.unwrap();
                sibling(&name)
            }
        }
    }
}

impl Database {
    /// The URL of a database without any table.
    pub async fn empty(self, folder: &Path) -> String {
        match self {
            Self::Sqlite => format!("sqlite://{}?mode=rwc", folder.join("empty.db").display()),
            Self::Postgres => {
                let name = format!("{PREFIX}{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
                let admin = admin().await.unwrap();
                admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
                admin.close().await.unwrap();
                sibling(&name)
            }
        }
    }
}

async fn sqlite_template() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("template.db");
    migrate(&format!("sqlite://{}?mode=rwc", file.display())).await;
    (folder, file)
}

async fn postgres_template() -> &'static Option<String> {
    POSTGRES_TEMPLATE
        .get_or_init(|| async {
            let admin = admin().await?;
            sweep(&admin).await;
            let name = format!("{PREFIX}{}_template", std::process::id());
            admin.execute_unprepared(&format!("CREATE DATABASE {name}")).await.unwrap();
            admin.close().await.unwrap();
            migrate(&sibling(&name)).await;
            Some(name)
        })
        .await
}

async fn migrate(url: &str) {
    let source = StoreSource::new(Arc::new(SystemClock), Arc::new(SeededEntropy::new(1)));
    let options = Options { max_connections: 1, ..Options::new(url) };
    let store = Store::open(options, Arc::new(source)).await.unwrap();
    store.migrate().await.unwrap();
    store.close().await.unwrap();
}

/// Drops the databases of test processes that are no more.
async fn sweep(admin: &DatabaseConnection) {
    use sea_orm::Statement;
    let all = format!("SELECT datname::text FROM pg_database WHERE datname LIKE '{PREFIX}%'");
    let rows = admin.query_all_raw(Statement::from_string(admin.get_database_backend(), all)).await.unwrap();
    for row in rows {
        let name: String = row.try_get_by_index(0).unwrap();
        let pid = name.trim_start_matches(PREFIX).split('_').next().unwrap_or_default();
        if !Path::new("/proc").join(pid).exists() {
            // Another process may sweep at the same time.
            let _ = admin.execute_unprepared(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await;
        }
    }
}

pub fn postgres_url() -> String {
    std::env::var("TEST_DATABASE_URL").unwrap_or_else(|_| LOCAL_POSTGRES.to_owned())
}

async fn admin() -> Option<DatabaseConnection> {
    let mut options = sea_orm::ConnectOptions::new(postgres_url());
    options.max_connections(1).sqlx_logging(false).acquire_timeout(std::time::Duration::from_secs(30));
    Connect::connect(options).await.ok()
}

fn sibling(database: &str) -> String {
    let url = postgres_url();
    let (server, _) = url.rsplit_once('/').expect("TEST_DATABASE_URL names a database");
    format!("{server}/{database}")
}
