//! The objects of one kind, and lists of them as Stripe pages them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::error::ApiError;
use crate::form::Params;

/// Objects on a page when the request does not say.
const DEFAULT_LIMIT: i64 = 10;
/// Objects on a page at most.
const MAX_LIMIT: i64 = 100;

/// An object of the API.
pub(crate) trait Object {
    /// What Stripe calls it in errors and in `object`.
    const NAME: &'static str;
    /// Its id.
    fn id(&self) -> &str;
    /// Seconds since the Unix epoch.
    fn created(&self) -> i64;
    /// The object as the API gives it, without anything expanded.
    fn render(&self) -> Value;
}

/// The objects of one kind. Ids of one kind sort in order of creation.
#[derive(Debug)]
pub(crate) struct Table<T>(BTreeMap<String, T>);

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<T: Object> Table<T> {
    pub(crate) fn insert(&mut self, object: T) {
        self.0.insert(object.id().to_owned(), object);
    }

    pub(crate) fn find(&self, id: &str) -> Option<&T> {
        self.0.get(id)
    }

    /// The object of that id, or the error that names the parameter which asked for it.
    pub(crate) fn get(&self, id: &str, param: &str) -> Result<&T, ApiError> {
        self.0.get(id).ok_or_else(|| ApiError::missing(T::NAME, id, param))
    }

    pub(crate) fn get_mut(&mut self, id: &str, param: &str) -> Result<&mut T, ApiError> {
        self.0.get_mut(id).ok_or_else(|| ApiError::missing(T::NAME, id, param))
    }

    /// All objects, the oldest first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.0.values()
    }

    /// One page of the objects that pass the filter, the newest first.
    pub(crate) fn page(&self, url: &str, params: &Params, keep: impl Fn(&T) -> bool) -> Result<Value, ApiError> {
        let limit = params.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(ApiError::validation("parameter_invalid_integer", "Limit must be between 1 and 100.", "limit"));
        }
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let (after, before) = (params.text("starting_after"), params.text("ending_before"));
        if after.is_some() && before.is_some() {
            return Err(ApiError::invalid(
                "You may only specify one of these parameters: ending_before, starting_after.",
                "ending_before",
            ));
        }
        for (cursor, name) in [(&after, "starting_after"), (&before, "ending_before")] {
            if let Some(cursor) = cursor {
                self.get(cursor, name)?;
            }
        }
        let range = CreatedRange::read(params)?;
        let kept = self.0.values().filter(|object| range.contains(object.created()) && keep(object));
        let (objects, has_more) = match before {
            Some(before) => {
                let newer: Vec<_> = kept.filter(|object| object.id() > before.as_str()).collect();
                let has_more = newer.len() > limit;
                (newer.into_iter().take(limit).rev().collect::<Vec<_>>(), has_more)
            }
            None => {
                let older: Vec<_> =
                    kept.rev().filter(|object| after.as_ref().is_none_or(|after| object.id() < after.as_str())).collect();
                let has_more = older.len() > limit;
                (older.into_iter().take(limit).collect(), has_more)
            }
        };
        Ok(list(url, objects.into_iter().map(Object::render).collect(), has_more))
    }
}

/// A list object.
pub(crate) fn list(url: &str, data: Vec<Value>, has_more: bool) -> Value {
    json!({ "object": "list", "url": url, "has_more": has_more, "data": data })
}

/// The filter `created`, either a moment or `created[gt]`, `[gte]`, `[lt]`, `[lte]`.
struct CreatedRange {
    from: i64,
    to: i64,
}

impl CreatedRange {
    fn read(params: &Params) -> Result<Self, ApiError> {
        if params.text("created").is_some() {
            let moment = params.integer("created")?.unwrap_or_default();
            return Ok(Self { from: moment, to: moment });
        }
        let created = params.object("created");
        let gt = created.integer("gt")?.map(|moment| moment.saturating_add(1));
        let lt = created.integer("lt")?.map(|moment| moment.saturating_sub(1));
        Ok(Self {
            from: created.integer("gte")?.max(gt).unwrap_or(i64::MIN),
            to: match (created.integer("lte")?, lt) {
                (Some(lte), Some(lt)) => lte.min(lt),
                (lte, lt) => lte.or(lt).unwrap_or(i64::MAX),
            },
        })
    }

    fn contains(&self, moment: i64) -> bool {
        (self.from..=self.to).contains(&moment)
    }
}
