//! Automatic persisted queries: a client sends a document once and its hash from then on.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use sha2::{Digest, Sha256};

use super::problem::{Problem, ProblemCode};

/// Documents by their hash; the least recently used go first when there are too many. Each process has its own: a client whose
/// hash is unknown here sends the document again.
pub(super) struct PersistedQueries(Option<Mutex<LruCache<String, Arc<str>>>>);

impl PersistedQueries {
    /// Remembers at most `capacity` documents.
    #[must_use]
    pub(super) fn new(capacity: usize) -> Self {
        Self(NonZeroUsize::new(capacity).map(|capacity| Mutex::new(LruCache::new(capacity))))
    }

    /// The document of a request that came with `hash`, and with the document itself if the client thinks it unknown.
    pub(super) fn resolve(&self, hash: &str, query: Option<String>) -> Result<Arc<str>, Problem> {
        match query {
            None => self.get(hash).ok_or_else(|| {
                Problem::new(ProblemCode::PersistedQueryNotFound, "PersistedQueryNotFound: send the document once with its hash")
            }),
            Some(query) if hex::encode(Sha256::digest(query.as_bytes())) == hash => Ok(query.into()),
            Some(_) => Err(Problem::new(ProblemCode::PersistedQueryMismatch, "the document does not have this hash")),
        }
    }

    /// Remembers a document that parsed and kept the limits.
    pub(super) fn put(&self, hash: &str, query: &Arc<str>) {
        if let Some(kept) = &self.0 {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get_or_insert_ref(hash, || Arc::clone(query));
        }
    }

    fn get(&self, hash: &str) -> Option<Arc<str>> {
        let mut kept = self.0.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(hash).map(Arc::clone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(query: &str) -> String {
        hex::encode(Sha256::digest(query.as_bytes()))
    }

    fn remember(queries: &PersistedQueries, query: &str) {
        let resolved = queries.resolve(&hash(query), Some(query.to_owned())).unwrap();
        queries.put(&hash(query), &resolved);
    }

    #[test]
    fn the_least_recently_used_document_goes_first() {
        let queries = PersistedQueries::new(2);
        remember(&queries, "{a}");
        remember(&queries, "{b}");
        assert_eq!(&*queries.resolve(&hash("{a}"), None).unwrap(), "{a}");
        remember(&queries, "{c}");
        assert_eq!(queries.resolve(&hash("{b}"), None).unwrap_err().code, ProblemCode::PersistedQueryNotFound);
        assert_eq!(&*queries.resolve(&hash("{a}"), None).unwrap(), "{a}");
        assert_eq!(&*queries.resolve(&hash("{c}"), None).unwrap(), "{c}");
    }

    #[test]
    fn a_document_under_another_documents_hash_is_refused() {
        let queries = PersistedQueries::new(2);
        assert_eq!(queries.resolve(&hash("{a}"), Some("{b}".into())).unwrap_err().code, ProblemCode::PersistedQueryMismatch);
        assert_eq!(queries.resolve(&hash("{a}"), None).unwrap_err().code, ProblemCode::PersistedQueryNotFound);
    }
}
