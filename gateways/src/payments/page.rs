//! Lists, page by page.

use chrono::{DateTime, Utc};

/// The largest page.
const MAX_LIMIT: u8 = 100;

/// A window of creation times, in whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// The first moment within.
    pub from: DateTime<Utc>,
    /// The first moment after.
    pub until: DateTime<Utc>,
}

/// Which page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    after: Option<String>,
    limit: u8,
}

impl PageRequest {
    /// The first page, of 1 to 100 items; a limit outside becomes the nearest within.
    #[must_use]
    pub fn first(limit: u8) -> Self {
        Self { after: None, limit: limit.clamp(1, MAX_LIMIT) }
    }

    /// The page after a cursor that [`Page::next`] gave.
    #[must_use]
    pub fn after(self, cursor: impl Into<String>) -> Self {
        Self { after: Some(cursor.into()), ..self }
    }

    /// The cursor.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.after.as_deref()
    }

    /// At most this many items.
    #[must_use]
    pub const fn limit(&self) -> u8 {
        self.limit
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The cursor of the page that follows, none at the end.
    pub next: Option<String>,
}
