//! The mappings of hooks, read once for each version of a hook: each message would pay for it otherwise.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::LeadHookId;
use domain::lead_hook::{LeadHook, mapping_of};
use domain::mapping::Mapping;
use domain::refusal::Refusal;
use domain::time::Timestamp;
use lru::LruCache;

/// Mappings that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// The mappings of the hooks that were used last.
pub struct HookMappings(Mutex<LruCache<(LeadHookId, Timestamp), Arc<Mapping>>>);

impl Default for HookMappings {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl HookMappings {
    /// The mapping of this version of the hook.
    pub fn of(&self, hook: &LeadHook) -> Result<Arc<Mapping>, Refusal> {
        let version = (hook.id, hook.updated_at);
        if let Some(mapping) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(Arc::clone(mapping));
        }
        let mapping = Arc::new(mapping_of(&hook.mapping)?);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(version, Arc::clone(&mapping));
        Ok(mapping)
    }
}
