//! Prefixes of texts that have a class of their own.

/// The class of each prefix, sorted by the prefix.
#[derive(Debug, Default)]
pub(super) struct Prefixes {
    all: Vec<Named>,
    /// Bytes of the longest of them.
    longest: usize,
}

#[derive(Debug)]
struct Named {
    /// The first bytes, by which most are compared.
    head: u64,
    text: Box<str>,
    class: u8,
}

impl Prefixes {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    /// The class of a prefix.
    pub(super) fn class(&self, prefix: &str) -> Option<u8> {
        self.place(prefix).ok().and_then(|at| self.all.get(at)).map(|named| named.class)
    }

    /// The class of the longest prefix that `text` starts with.
    pub(super) fn longest(&self, text: &str) -> Option<u8> {
        let longest = self.longest.min(text.len());
        (0..=longest).rev().find_map(|length| self.class(text.get(..length)?))
    }

    /// Whether `prefix` is one of them, and the classes of those that start with it.
    pub(super) fn from(&self, prefix: &str) -> (bool, impl Iterator<Item = u8>) {
        let place = self.place(prefix);
        let (Ok(first) | Err(first)) = place;
        let from = self.all.get(first..).unwrap_or_default().iter();
        (place.is_ok(), from.take_while(move |named| named.text.starts_with(prefix)).map(|named| named.class))
    }

    pub(super) fn insert(&mut self, prefix: &str, class: u8) {
        let (Ok(at) | Err(at)) = self.place(prefix);
        self.longest = self.longest.max(prefix.len());
        self.all.insert(at, Named { head: head(prefix), text: prefix.into(), class });
    }

    /// Bytes on the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        let texts = self.all.iter().map(|named| named.text.len()).fold(0, usize::saturating_add);
        texts.saturating_add(self.all.capacity().saturating_mul(size_of::<Named>()))
    }

    /// Where a prefix stands, or should.
    fn place(&self, prefix: &str) -> Result<usize, usize> {
        let head = head(prefix);
        self.all.binary_search_by(|named| named.head.cmp(&head).then_with(|| (*named.text).cmp(prefix)))
    }
}

/// The first bytes of a text as a number: two texts are in the order of these, unless they are equal.
fn head(text: &str) -> u64 {
    text.bytes().chain(std::iter::repeat(0)).take(8).fold(0, |head, byte| head.wrapping_shl(8) | u64::from(byte))
}
