//! The texts that campaigns name, each kept once and known by a number, so that a lead's texts are looked up once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;

/// The number of no text.
pub(super) const UNKNOWN: u32 = u32::MAX;

/// What judging filters needs of texts.
pub(super) trait TakeText {
    /// The number of `text`, which is in use once more.
    fn take(&mut self, text: &str) -> u32;

    /// The number of a text in use, else [`UNKNOWN`].
    fn number(&self, text: &str) -> u32;

    /// The text of a number in use.
    fn text(&self, number: u32) -> Option<&str>;
}

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

/// The texts as one of several knows them who take texts at the same time.
pub(super) struct Share<'a> {
    /// What was known before.
    old: &'a Texts,
    new: &'a New,
    /// Those of the new ones that were met here.
    met: HashMap<Arc<str>, u32, RandomState>,
    texts: HashMap<u32, Arc<str>, RandomState>,
    /// How often each number was taken here.
    taken: HashMap<u32, u32, RandomState>,
}

/// The texts that are new to all of them, whose numbers follow those that were known.
#[derive(Default)]
pub(super) struct New(Mutex<HashMap<Arc<str>, u32, RandomState>>);

/// What was taken by one of them.
pub(super) struct Taken(HashMap<u32, u32, RandomState>);

impl TakeText for Texts {
    fn take(&mut self, text: &str) -> u32 {
        let number = match self.number(text) {
            UNKNOWN => self.add(text.into()),
            number => number,
        };
        self.use_more(number, 1);
        number
    }

    fn number(&self, text: &str) -> u32 {
        self.numbers.get(text).copied().unwrap_or(UNKNOWN)
    }

    fn text(&self, number: u32) -> Option<&str> {
        self.kept.get(usize::try_from(number).ok()?).map(|kept| &*kept.text)
    }
}

impl TakeText for Share<'_> {
    fn take(&mut self, text: &str) -> u32 {
        let number = match self.number(text) {
            UNKNOWN => self.meet(text),
            number => number,
        };
        let taken = self.taken.entry(number).or_default();
        *taken = taken.saturating_add(1);
        number
    }

    fn number(&self, text: &str) -> u32 {
        match self.old.number(text) {
            UNKNOWN => self.met.get(text).copied().unwrap_or(UNKNOWN),
            number => number,
        }
    }

    fn text(&self, number: u32) -> Option<&str> {
        self.texts.get(&number).map(|text| &**text).or_else(|| self.old.text(number))
    }
}

impl<'a> Share<'a> {
    pub(super) fn new(old: &'a Texts, new: &'a New) -> Self {
        Self { old, new, met: HashMap::default(), texts: HashMap::default(), taken: HashMap::default() }
    }

    pub(super) fn end(self) -> Taken {
        Taken(self.taken)
    }

    /// The number of a text that was not met here.
    fn meet(&mut self, text: &str) -> u32 {
        let mut new = self.new.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = new.get_key_value(text).map(|(text, number)| (Arc::clone(text), *number));
        let (text, number) = known.unwrap_or_else(|| {
            let text: Arc<str> = text.into();
            let number = u32::try_from(self.old.kept.len().saturating_add(new.len())).unwrap_or(UNKNOWN);
            new.insert(Arc::clone(&text), number);
            (text, number)
        });
        self.met.insert(Arc::clone(&text), number);
        self.texts.insert(number, text);
        number
    }
}

impl Texts {
    /// Knows what several have taken at the same time.
    pub(super) fn learn(&mut self, new: New, taken: impl IntoIterator<Item = Taken>) {
        let mut new: Vec<_> = new.0.into_inner().unwrap_or_else(PoisonError::into_inner).into_iter().collect();
        new.sort_unstable_by_key(|(_, number)| *number);
        for (text, number) in new {
            self.kept.push(Kept { text: Arc::clone(&text), uses: 0 });
            self.numbers.insert(text, number);
        }
        for (number, uses) in taken.into_iter().flat_map(|taken| taken.0) {
            self.use_more(number, uses);
        }
    }

    fn use_more(&mut self, number: u32, uses: u32) {
        if let Some(kept) = self.kept_mut(number) {
            kept.uses = kept.uses.saturating_add(uses);
        }
    }

    fn add(&mut self, text: Arc<str>) -> u32 {
        let kept = Kept { text, uses: 0 };
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
