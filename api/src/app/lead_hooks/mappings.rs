//! The mappings of hooks, read once and not for each message.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use domain::id::LeadHookId;
use domain::lead_hook::{LeadHook, mapping_of};
use domain::mapping::Mapping;
use domain::refusal::Refusal;
use lru::LruCache;

/// Mappings that are remembered.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(1_024).unwrap();

/// A mapping as it was written, and as it was read.
type Known = (String, Arc<Mapping>);

/// The mappings of the hooks that were used last.
pub struct HookMappings(Mutex<LruCache<LeadHookId, Known>>);

impl Default for HookMappings {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(REMEMBERED)))
    }
}

impl HookMappings {
    /// The hook's mapping. What is remembered counts only while it is written as it was: to compare texts costs nothing beside reading them.
    pub fn of(&self, hook: &LeadHook) -> Result<Arc<Mapping>, Refusal> {
        if let Some((text, mapping)) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&hook.id)
            && *text == hook.mapping
        {
            return Ok(Arc::clone(mapping));
        }
        let mapping = Arc::new(mapping_of(&hook.mapping)?);
        let known = (hook.mapping.clone(), Arc::clone(&mapping));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).put(hook.id, known);
        Ok(mapping)
    }
}
