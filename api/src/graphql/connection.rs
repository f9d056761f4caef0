//! Connections: forward pages over a keyset, with opaque cursors bound to their sort, and their cost.

use std::borrow::Cow;

use async_graphql::connection::PageInfo;
use async_graphql::{OutputType, SimpleObject, TypeName};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::refusal::{Code, Refusal};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::page::{Page, Slice};

use super::written::{Selection, Writer, Written, field, object};

/// Rows on a page when the client does not say.
pub const DEFAULT_PAGE: i32 = 20;
/// Rows on a page at most.
pub const MAX_PAGE: i32 = 100;

/// A page of a list: the rows after a cursor, in the order that was asked for.
#[derive(SimpleObject)]
#[graphql(name_type)]
pub struct NodeConnection<N: OutputType> {
    /// Whether there is more, and where.
    pub page_info: PageInfo,
    /// The rows.
    pub edges: Vec<NodeEdge<N>>,
}

/// A row of a page.
#[derive(Debug, SimpleObject)]
#[graphql(name_type)]
pub struct NodeEdge<N: OutputType> {
    /// The row itself.
    pub node: N,
    /// Where the row stands: the `after` of a page that begins behind it.
    pub cursor: String,
}

impl<N: OutputType> TypeName for NodeConnection<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Connection", N::type_name()).into()
    }
}

impl<N: OutputType> TypeName for NodeEdge<N> {
    fn type_name() -> Cow<'static, str> {
        format!("{}Edge", N::type_name()).into()
    }
}

impl<N: OutputType + Written + 'static> Written for NodeConnection<N> {
    fn writer(selection: &Selection<'_>) -> Writer<Self> {
        object(selection, |name, below| match name {
            "pageInfo" => Some(field(|page: &Self| &page.page_info, below)),
            "edges" => Some(field(|page: &Self| &page.edges, below)),
            _ => None,
        })
    }
}

impl<N: OutputType + Written + 'static> Written for NodeEdge<N> {
    fn writer(selection: &Selection<'_>) -> Writer<Self> {
        object(selection, |name, below| match name {
            "node" => Some(field(|edge: &Self| &edge.node, below)),
            "cursor" => Some(field(|edge: &Self| &edge.cursor, below)),
            _ => None,
        })
    }
}

/// The cost of a list field: its children, as often as the page has rows. For `#[graphql(complexity = ..)]`.
#[must_use]
pub fn page_cost(first: Option<i32>, child: usize) -> usize {
    let rows = first.unwrap_or(DEFAULT_PAGE).clamp(1, MAX_PAGE);
    usize::try_from(rows).unwrap_or(1).saturating_mul(child).saturating_add(1)
}

/// The cost of a list without pages: its children, as often as it usually has rows.
#[must_use]
pub const fn list_cost(rows: usize, child: usize) -> usize {
    rows.saturating_mul(child).saturating_add(1)
}

/// The page that `first` and `after` ask for. `sort` names the order: a cursor of another order is refused.
pub fn page<K: DeserializeOwned>(sort: &str, first: Option<i32>, after: Option<&str>) -> Result<Page<K>, Refusal> {
    let rows = first.unwrap_or(DEFAULT_PAGE);
    if !(1..=MAX_PAGE).contains(&rows) {
        let code = if rows > MAX_PAGE { Code::TooLarge } else { Code::Invalid };
        return Err(Refusal::new(code, format!("`first` must be within 1 and {MAX_PAGE}")).at("first"));
    }
    let after = after.map(|cursor| decode(sort, cursor)).transpose()?;
    Ok(Page { first: u64::try_from(rows).unwrap_or(1), after })
}

/// The connection of a slice. `key` is where a row stands in the order `sort`.
pub fn connection<T, N, K>(
    sort: &str,
    slice: Slice<T>,
    has_previous: bool,
    key: impl Fn(&T) -> K,
    node: impl Fn(T) -> N,
) -> NodeConnection<N>
where
    N: OutputType,
    K: Serialize,
{
    let has_next_page = slice.has_next;
    let edges: Vec<_> = slice
        .rows
        .into_iter()
        .map(|row| {
            let cursor = encode(sort, &key(&row));
            NodeEdge { cursor, node: node(row) }
        })
        .collect();
    let cursor = |edge: Option<&NodeEdge<N>>| edge.map(|edge| edge.cursor.clone());
    let page_info = PageInfo {
        has_previous_page: has_previous,
        has_next_page,
        start_cursor: cursor(edges.first()),
        end_cursor: cursor(edges.last()),
    };
    NodeConnection { page_info, edges }
}

fn encode<K: Serialize>(sort: &str, key: &K) -> String {
    // A key is made of ids, numbers and texts, which always serialise.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&(sort, key)).unwrap_or_default())
}

fn decode<K: DeserializeOwned>(sort: &str, cursor: &str) -> Result<K, Refusal> {
    let refused = || Refusal::invalid("after", "not a cursor of this connection in this order");
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| refused())?;
    let (of, key): (String, K) = serde_json::from_slice(&bytes).map_err(|_| refused())?;
    if of == sort { Ok(key) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_bound_to_its_sort() {
        let cursor = encode("price", &(5_i64, "a"));
        assert_eq!(page::<(i64, String)>("price", None, Some(&cursor)).unwrap().after, Some((5, "a".into())));
        assert_eq!(page::<(i64, String)>("age", None, Some(&cursor)).unwrap_err().path, ["after"]);
        assert!(page::<(i64, String)>("price", None, Some("!")).is_err());
    }

    #[test]
    fn pages_are_bounded() {
        assert_eq!(page::<i64>("s", None, None).unwrap().first, 20);
        assert_eq!(page::<i64>("s", Some(100), None).unwrap().first, 100);
        assert_eq!(page::<i64>("s", Some(101), None).unwrap_err().code, Code::TooLarge);
        assert_eq!(page::<i64>("s", Some(0), None).unwrap_err().code, Code::Invalid);
    }

    #[test]
    fn a_negative_page_does_not_cancel_its_cost() {
        assert_eq!(page_cost(Some(-5), 10), 11);
        assert_eq!(page_cost(Some(i32::MAX), usize::MAX), usize::MAX);
        assert_eq!(page_cost(None, 10), 201);
    }
}
