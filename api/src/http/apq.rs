//! Automatic persisted queries: a client sends a document once and its hash from then on.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use super::problem::{Problem, ProblemCode};

/// Documents by their hash; the least recently used go first when there are too many. Each process has its own: a client whose
/// hash is unknown here sends the document again.
#[derive(Debug)]
pub(super) struct PersistedQueries {
    capacity: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    turn: u64,
    by_hash: HashMap<String, (Arc<str>, u64)>,
    by_turn: BTreeMap<u64, String>,
}

impl PersistedQueries {
    /// Remembers at most `capacity` documents.
    #[must_use]
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, kept: Mutex::default() }
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
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.by_hash.contains_key(hash) || self.capacity == 0 {
            return;
        }
        while kept.by_hash.len() >= self.capacity {
            let Some((_, oldest)) = kept.by_turn.pop_first() else { break };
            kept.by_hash.remove(&oldest);
        }
        kept.turn += 1;
        let turn = kept.turn;
        kept.by_turn.insert(turn, hash.to_owned());
        kept.by_hash.insert(hash.to_owned(), (Arc::clone(query), turn));
    }

    fn get(&self, hash: &str) -> Option<Arc<str>> {
        let mut guard = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *guard;
        let (query, turn) = kept.by_hash.get_mut(hash)?;
        kept.turn += 1;
        kept.by_turn.remove(turn);
        kept.by_turn.insert(kept.turn, hash.to_owned());
        *turn = kept.turn;
        Some(Arc::clone(query))
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
