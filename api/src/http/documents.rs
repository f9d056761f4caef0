//! Documents that were read and kept the limits: clients send the same few again and again.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use async_graphql::parser::types::ExecutableDocument;
use lru::LruCache;

use super::limits;
use super::problem::Problem;
use crate::config::Graphql;

/// Documents that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(512).unwrap();
/// The longest that is remembered, in bytes: what is made of a text is many times as large, and strangers send texts.
const REMEMBERED_BYTES: usize = 4_096;

/// The documents read last, by their texts.
pub(super) struct Documents(Mutex<LruCache<Arc<str>, Arc<ExecutableDocument>>>);

impl Default for Documents {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl Documents {
    /// The document of `text`, as [`limits::parse`] gives it. `limits` are the same at every call.
    pub(super) fn read(&self, text: &Arc<str>, limits: &Graphql) -> Result<ExecutableDocument, Problem> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(text).map(Arc::clone);
        if let Some(document) = known {
            return Ok(ExecutableDocument::clone(&document));
        }
        let document = limits::parse(text, limits)?;
        if text.len() <= REMEMBERED_BYTES {
            let remembered = Arc::new(document.clone());
            self.0.lock().unwrap_or_else(PoisonError::into_inner).put(Arc::clone(text), remembered);
        }
        Ok(document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn remembered(documents: &Documents) -> usize {
        documents.0.lock().unwrap().len()
    }

    #[test]
    fn a_document_is_read_once_and_a_refused_or_long_one_is_not_kept() {
        let (documents, limits) = (Documents::default(), Config::from_toml("").unwrap().graphql);
        let text: Arc<str> = "query A { a(b: 1) { c } }".into();
        let first = documents.read(&text, &limits).unwrap();
        assert_eq!(format!("{first:?}"), format!("{:?}", documents.read(&text, &limits).unwrap()));
        assert_eq!(remembered(&documents), 1);
        assert!(documents.read(&"{ a(".into(), &limits).is_err());
        let long = |bytes: usize| format!("{{ a }}{}", " ".repeat(bytes - 5)).into();
        documents.read(&long(REMEMBERED_BYTES + 1), &limits).unwrap();
        assert_eq!(remembered(&documents), 1);
        documents.read(&long(REMEMBERED_BYTES), &limits).unwrap();
        assert_eq!(remembered(&documents), 2);
    }
}
