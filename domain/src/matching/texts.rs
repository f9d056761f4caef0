//! The texts that campaigns name, each kept once and known by a number, so that a lead's texts are looked up once.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;

/// The number of no text.
pub(super) const UNKNOWN: u32 = u32::MAX;

#[derive(Debug, Default)]
pub(super) struct Texts {
    numbers: HashMap<Arc<str>, u32, RandomState>,
    kept: Vec<Kept>,
    free: Vec<u32>,
}

#[derive(Debug)]
struct Kept {
    text: Arc<str>,
    uses: u32,
}

impl Texts {
    /// The number of `text`, which is in use once more.
    pub(super) fn take(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            if let Some(kept) = self.kept_mut(number) {
                kept.uses = kept.uses.saturating_add(1);
            }
            return number;
        }
        let kept = Kept { text: text.into(), uses: 1 };
        let key = Arc::clone(&kept.text);
        let number = match self.free.pop() {
            Some(number) => {
                if let Some(place) = self.kept_mut(number) {
                    *place = kept;
                }
                number
            }
            None => {
                self.kept.push(kept);
                u32::try_from(self.kept.len().saturating_sub(1)).unwrap_or(UNKNOWN)
            }
        };
        self.numbers.insert(key, number);
        number
    }

    /// One use less; a text that nobody uses is forgotten.
    pub(super) fn give_back(&mut self, number: u32) {
        let Some(kept) = self.kept_mut(number) else { return };
        kept.uses = kept.uses.saturating_sub(1);
        if kept.uses == 0 {
            let text = std::mem::replace(&mut kept.text, "".into());
            self.numbers.remove(&text);
            self.free.push(number);
        }
    }

    /// The number of a text in use, else [`UNKNOWN`].
    pub(super) fn number(&self, text: &str) -> u32 {
        self.numbers.get(text).copied().unwrap_or(UNKNOWN)
    }

    /// The text of a number in use.
    pub(super) fn text(&self, number: u32) -> Option<&str> {
        self.kept.get(usize::try_from(number).ok()?).map(|kept| &*kept.text)
    }

    /// Bytes on the heap, about: each text once, with two counts beside it.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = self.kept.iter().map(|kept| kept.text.len().saturating_add(size_of::<[usize; 2]>()));
        let places = self.kept.capacity().saturating_mul(size_of::<Kept>());
        let keys = self.numbers.capacity().saturating_mul(size_of::<(Arc<str>, u32)>());
        texts.chain([places, keys]).fold(0, usize::saturating_add)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    fn kept_mut(&mut self, number: u32) -> Option<&mut Kept> {
        self.kept.get_mut(usize::try_from(number).ok()?)
    }
}
