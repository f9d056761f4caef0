//! Loaders: what the fields of one request ask for one by one is read together, a statement or two for each kind of thing. They
//! live as long as the request and hold its caller, so that nothing that one caller may see reaches another.

mod nodes;
mod rows;

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use async_graphql::Context;
use async_graphql::dataloader::{DataLoader, Loader};
use futures::future::BoxFuture;

use crate::app::{App, AppError, Caller};
use crate::http::log::{meter, metered};

pub use rows::{AttemptsOf, CertificateOf, ChecksOf, DeliveriesOf, EntriesOf, FilesOf, HistoryOf, RefusalsOf, TokenOf};

/// The loaders of one request.
pub type Loaders = DataLoader<Reader>;

/// Reads as one caller.
pub struct Reader {
    app: Arc<App>,
    caller: Caller,
}

/// Why a batch could not be read, told to everyone who waits for a part of it.
#[derive(Debug, Clone, thiserror::Error)]
#[error(transparent)]
pub struct LoadError(Arc<AppError>);

type Loaded<K, V> = Result<HashMap<K, V>, LoadError>;

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reader")
    }
}

impl From<LoadError> for AppError {
    fn from(LoadError(error): LoadError) -> Self {
        match error.as_ref() {
            Self::Refused(refusals) => Self::Refused(refusals.clone()),
            failed => Self::internal(failed),
        }
    }
}

/// Fresh loaders for one request of `caller`.
#[must_use]
pub fn loaders(app: Arc<App>, caller: Caller) -> Loaders {
    DataLoader::new(Reader { app, caller }, |batch: BoxFuture<'static, ()>| {
        // A batch runs on a task of its own; its statements count for the request that waits for it.
        match meter() {
            Some(meter) => tokio::spawn(metered(meter, batch)),
            None => tokio::spawn(batch),
        }
    })
}

/// What the request's loader finds under `key`, together with what else is asked for in the same breath.
pub async fn load<K>(ctx: &Context<'_>, key: K) -> Result<Option<<Reader as Loader<K>>::Value>, AppError>
where
    K: Send + Sync + Hash + Eq + Clone + 'static,
    Reader: Loader<K, Error = LoadError>,
{
    Ok(ctx.data_unchecked::<Loaders>().load_one(key).await?)
}

/// What was found, by its key. What the caller may not look for at all looks like what does not exist.
fn keyed<K: Hash + Eq, T, V>(found: Result<Vec<T>, AppError>, key: impl Fn(&T) -> K, value: impl Fn(T) -> V) -> Loaded<K, V> {
    match found {
        Ok(rows) => Ok(rows.into_iter().map(|row| (key(&row), value(row))).collect()),
        Err(AppError::Refused(_)) => Ok(HashMap::new()),
        Err(error) => Err(LoadError(Arc::new(error))),
    }
}
