//! Where the demo, or the simulation, keeps its exchange: a folder and a database of its own, made anew each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use store::demo::Holding;
use store::{Backend, Options, Store};

use super::DemoError;
use crate::app::{App, StoreSource};
use crate::config::Config;
use crate::crypto::KeyRing;
use crate::ports::{Clock, Entropy};

const DATABASE: &str = "demo.db";

/// Above this price two arbiters decide: far less than by default, so that a demo of cheap leads shows it.
const DEAR_MINOR: i64 = 3_000;

/// The folder and the database.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    folder: PathBuf,
    url: SecretString,
}

impl Place {
    /// In the folder `demo` of `data_dir`, on the database at `url` or on a file there.
    pub(crate) fn new(data_dir: &Path, url: Option<SecretString>) -> Self {
        Self::in_folder(data_dir.join("demo"), DATABASE, url)
    }

    /// In `folder`, on the database at `url` or on the file called `database` there.
    pub(crate) fn in_folder(folder: PathBuf, database: &str, url: Option<SecretString>) -> Self {
        let file = || SecretString::from(format!("sqlite:{}", folder.join(database).display()));
        Self { url: url.unwrap_or_else(file), folder }
    }

    /// The folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The settings of the demo's exchange, listening on `bind`, with `more` sections.
    pub(crate) fn config(&self, bind: &str, more: &str) -> Result<Config, DemoError> {
        self.settings(bind, &format!("[exchange]\nsecond_arbiter_above_minor = {{ EUR = {DEAR_MINOR} }}\n{more}"))
    }

    /// The settings of an exchange here, listening on `bind`, with `more` sections.
    pub(crate) fn settings(&self, bind: &str, more: &str) -> Result<Config, DemoError> {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let toml = format!(
            "[server]\nbind = {}\npublic_url = {}\ndata_dir = {}\n[database]\nurl = {}\n[log]\nfilter = \"warn\"\n\
             [dns]\nenabled = false\n[crypto]\nkeys = []\n{more}",
            quoted(bind),
            quoted(&format!("http://{bind}")),
            quoted(&self.folder.display().to_string()),
            quoted(self.url.expose_secret()),
        );
        Config::from_toml(&toml).map_err(|error| DemoError::Place(error.to_string()))
    }

    /// Clears away the demo before; refuses to touch a database that is not a demo's.
    pub(crate) async fn clear(&self, source: Arc<StoreSource>) -> Result<(), DemoError> {
        std::fs::create_dir_all(&self.folder)?;
        let url = self.url.expose_secret();
        let file = sqlite_file(url);
        if file.as_ref().is_none_or(|file| file.exists()) {
            let store = Store::open(Options { max_connections: 2, ..Options::new(url) }, source).await?;
            let holding = store.holding().await;
            if matches!(holding, Ok(Holding::Demo)) && store.backend() == Backend::Postgres {
                store.demo_wipe().await?;
            }
            store.close().await?;
            if holding? == Holding::Other {
                let what = file.as_ref().map_or_else(|| "this database".to_owned(), |file| file.display().to_string());
                return Err(DemoError::Place(format!("{what} holds something that is not a demo: name another one")));
            }
        }
        let ring = self.folder.join("keyring.toml");
        let database = file.into_iter().flat_map(|file| ["", "-wal", "-shm"].map(|end| appended(&file, end)));
        for old in database.chain([ring]) {
            match std::fs::remove_file(&old) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Opens the demo's exchange here. What it writes need not survive a power cut.
    pub(crate) async fn open(&self, config: Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<App, DemoError> {
        let options = Options { max_connections: 4, durable: false, ..Options::new(self.url.expose_secret()) };
        Self::open_with(options, config, clock, entropy).await
    }

    /// Opens an exchange here as one that serves opens its own: durable, and deadlines by the database's clock.
    pub(crate) async fn open_in_earnest(
        &self,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<App, DemoError> {
        let database = &config.database;
        let options = Options {
            max_connections: database.max_connections,
            acquire_timeout: Duration::from_secs(database.acquire_timeout_secs),
            busy_timeout: Duration::from_millis(database.busy_timeout_millis),
            write_attempts: database.write_attempts_max,
            database_clock: true,
            ..Options::new(self.url.expose_secret())
        };
        Self::open_with(options, config, clock, entropy).await
    }

    async fn open_with(
        options: Options,
        config: Config,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<App, DemoError> {
        // The first TLS connection of the process would otherwise have to guess the provider. A second call changes nothing.
        rustls::crypto::aws_lc_rs::default_provider().install_default().unwrap_or_default();
        let keys = KeyRing::load(&config.crypto, &config.server, entropy.as_ref())
            .map_err(|error| DemoError::Place(error.to_string()))?;
        let source = StoreSource::new(Arc::clone(&clock), Arc::clone(&entropy));
        let store = Store::open(options, Arc::new(source)).await?;
        App::new(store, clock, entropy, Arc::new(config), Arc::new(keys)).map_err(|error| DemoError::Place(error.to_string()))
    }
}

/// The file of an SQLite URL.
fn sqlite_file(url: &str) -> Option<PathBuf> {
    let rest = url.strip_prefix("sqlite:")?;
    let path = rest.strip_prefix("//").unwrap_or(rest);
    Some(PathBuf::from(path.split('?').next().unwrap_or(path)))
}

fn appended(file: &Path, end: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_database_lies_in_the_demos_own_folder() {
        let place = Place::new(Path::new("data"), None);
        assert_eq!(place.url.expose_secret(), "sqlite:data/demo/demo.db");
        assert_eq!(sqlite_file("sqlite://a/b.db?mode=rwc"), Some(PathBuf::from("a/b.db")));
        assert_eq!(sqlite_file("postgres://h/d"), None);
        let config = place.config("127.0.0.1:8080", "").unwrap();
        assert!(!config.dns.enabled);
    }
}
