//! An exchange to measure, with real clocks and durable writes, on a database of its own.

use std::sync::Arc;

use api::app::organization::{OrganizationRegister, organization_register};
use api::app::verticals::verticals_seed;
use api::app::{App, Caller, StoreSource};
use api::config::Config;
use api::graphql::Schema;
use api::ports::{SystemClock, SystemEntropy};
use domain::access::{Principal, Role};
use domain::id::OrganizationId;
use serde_json::Value;
use store::demo::Holding;
use store::{Options, Store};
use tempfile::TempDir;

use crate::Failure;

/// Files of a million rows are larger than the default allows.
const SETTINGS: &str = "[imports]\nfile_max_bytes = 1000000000\nrows_max = 10000000\n\
    [exchange]\nauction_min_secs = 1\n[log]\nfilter = \"error\"\n[dns]\nenabled = false\n";

/// A running exchange.
pub(crate) struct Stage {
    pub(crate) app: Arc<App>,
    pub(crate) schema: Schema,
    /// The database.
    pub(crate) url: String,
    folder: TempDir,
}

/// A company and who acts for it.
#[derive(Clone)]
pub(crate) struct Company {
    pub(crate) organization: OrganizationId,
    pub(crate) caller: Caller,
}

impl Stage {
    /// Migrates an empty database; refuses one that holds anything but an earlier measurement.
    pub(crate) async fn set(database_url: Option<&str>) -> Result<Self, Failure> {
        let folder = tempfile::tempdir()?;
        let file = format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display());
        let url = database_url.unwrap_or(&file);
        if database_url.is_some() {
            let source = Arc::new(StoreSource::new(Arc::new(SystemClock), Arc::new(SystemEntropy)));
            let store = Store::open(Options::new(url), source).await?;
            match store.holding().await? {
                Holding::Nothing => {}
                Holding::Demo => store.demo_wipe().await?,
                Holding::Other => return Err("this database holds something: name an empty one".into()),
            }
            store.close().await?;
        }
        let app = open(&folder, url, "").await?;
        app.store.migrate().await?;
        app.store.demo_mark().await?;
        verticals_seed(&app).await?;
        Ok(Self { schema: api::graphql::schema(Arc::clone(&app)), app, url: url.to_owned(), folder })
    }

    /// Another exchange on the same database, with settings of its own.
    pub(crate) async fn process(&self, settings: &str) -> Result<Arc<App>, Failure> {
        open(&self.folder, &self.url, settings).await
    }

    /// Registers a company.
    pub(crate) async fn company(&self, name: &str) -> Result<Company, Failure> {
        let input = OrganizationRegister {
            name: name.to_owned(),
            country: "PT".to_owned(),
            time_zone: "Europe/Lisbon".to_owned(),
            locale: "en".to_owned(),
            owner_name: format!("Owner of {name}"),
            email: format!("owner@{}.example", name.to_lowercase()),
            password: "correct horse battery".into(),
            referrer: None,
        };
        let (organization, tokens) = organization_register(&self.app, &caller(Principal::Anonymous), input).await?;
        let user = tokens.principal.user().ok_or("a registration without its owner")?;
        let principal = Principal::Member { user, organization: organization.id, role: Role::Owner };
        Ok(Company { organization: organization.id, caller: caller(principal) })
    }

    /// Runs an operation as `who`; answers the root field, which must have no error.
    pub(crate) async fn run(&self, who: &Caller, field: &str, query: &str, variables: Value) -> Result<Value, Failure> {
        let variables = async_graphql::Variables::from_json(variables);
        let request = async_graphql::Request::new(query).variables(variables);
        let request = api::graphql::equip(request, Arc::clone(&self.app), who.clone());
        let answer = serde_json::to_value(self.schema.execute(request).await)?;
        let value = answer.pointer(&format!("/data/{field}")).cloned().unwrap_or_default();
        let refused = value.get("userErrors").and_then(Value::as_array).is_some_and(|errors| !errors.is_empty());
        if answer.get("errors").is_some() || refused || value.is_null() {
            return Err(format!("{field} answered {answer}").into());
        }
        Ok(value)
    }
}

async fn open(folder: &TempDir, url: &str, settings: &str) -> Result<Arc<App>, Failure> {
    let quoted = |text: &str| Value::String(text.to_owned()).to_string();
    let data_dir = quoted(&folder.path().display().to_string());
    let settings = format!("[server]\ndata_dir = {data_dir}\n[database]\nurl = {}\n{SETTINGS}{settings}", quoted(url));
    let opened = api::cli::open(Config::from_toml(&settings)?, Arc::new(SystemClock), Arc::new(SystemEntropy)).await;
    opened.map_err(|error| format!("{error:?}").into())
}

pub(crate) fn caller(principal: Principal) -> Caller {
    Caller { principal, request_id: Arc::from("bench"), address: None }
}
