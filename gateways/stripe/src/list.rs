//! Stripe's lists, page by page, the newest first.

use gateways::payments::{GatewayError, Page, Window};
use stripe_types::{AsCursorOpt, List, Object, RangeBoundsTs, RangeQueryTs};

/// Asks for a page. The builders of Stripe's lists have the same methods, but no trait for them.
macro_rules! paged {
    ($request:expr, $page:expr) => {{
        let request = $request.limit(i64::from($page.limit()));
        match $page.cursor() {
            Some(cursor) => request.starting_after(cursor),
            None => request,
        }
    }};
}
pub(crate) use paged;

/// A window as Stripe's lists take it.
pub(crate) fn created(window: &Window) -> RangeQueryTs {
    RangeQueryTs::Bounds(RangeBoundsTs {
        gte: Some(window.from.timestamp()),
        lt: Some(window.until.timestamp()),
        ..RangeBoundsTs::default()
    })
}

/// The page that a list is, without the items that `read` leaves out.
pub(crate) fn page<S: Object, T>(
    list: List<S>,
    mut read: impl FnMut(S) -> Result<Option<T>, GatewayError>,
) -> Result<Page<T>, GatewayError> {
    let last = list.data.last().and_then(|last| last.id().as_cursor_opt()).map(str::to_owned);
    let mut items = Vec::with_capacity(list.data.len());
    for item in list.data {
        items.extend(read(item)?);
    }
    Ok(Page { items, next: last.filter(|_| list.has_more) })
}
