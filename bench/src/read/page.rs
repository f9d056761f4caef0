//! The page that is asked for: twenty rows of the market with what a buyer looks at, filtered, those that close next first.

use bytes::Bytes;
use serde_json::{Value, json};

use super::client::Client;
use super::market::VERTICALS;
use super::server::Child;
use crate::Failure;

const QUERY: &str = "query Market($filter: ListingFilterInput, $sort: ListingSort, $first: Int, $after: String) {
  listings(filter: $filter, sort: $sort, first: $first, after: $after) {
    edges {
      cursor
      node {
        id format state maxSales soldCount
        sharedPrice { amount currencyCode } exclusivePrice { amount currencyCode }
        opensAt closesAt vertical audience contactKind interest offering sourceKind country region city
        attributes { key value } level score temperature checks { kind outcome } capturedAt synthetic
        sellerReputation { trades badTradesBp badTradesLowBp badTradesHighBp }
      }
    }
    pageInfo { hasNextPage endCursor }
  }
}";

/// A request for a page, ready to be sent.
#[derive(Clone)]
pub(super) struct Page {
    pub(super) body: Bytes,
    pub(super) authorization: String,
}

impl Page {
    /// Twenty rows.
    pub(super) fn full(token: &str) -> Result<Self, Failure> {
        Self::of(token, 30)
    }

    /// The same request, whose filter finds nothing: what everything but rows costs.
    pub(super) fn empty(token: &str) -> Result<Self, Failure> {
        Self::of(token, 101)
    }

    fn of(token: &str, min_score: i64) -> Result<Self, Failure> {
        let [vertical, ..] = VERTICALS;
        let filter = json!({ "vertical": vertical, "countries": ["PT", "ES"], "minScore": min_score });
        let variables = json!({ "filter": filter, "sort": "CLOSING_SOON", "first": 20 });
        let body = json!({ "query": QUERY, "operationName": "Market", "variables": variables });
        Ok(Self { body: serde_json::to_vec(&body)?.into(), authorization: format!("Bearer {token}") })
    }
}

/// Refuses to measure sides that do not answer the same rows. Cursors are each side's own.
pub(super) async fn compare(sides: &[Child; 2], token: &str) -> Result<(), Failure> {
    let mut answers = Vec::new();
    for side in sides {
        let body = Client::connect(side.address).await?.ask(&Page::full(token)?).await?;
        let answer: Value = serde_json::from_slice(&body)?;
        let edges = answer.pointer("/data/listings/edges").and_then(Value::as_array).cloned().unwrap_or_default();
        let nodes: Vec<Value> = edges.iter().filter_map(|edge| edge.get("node").cloned()).collect();
        if nodes.len() != 20 {
            return Err(format!("a page of {} rows: {answer}", nodes.len()).into());
        }
        answers.push(nodes);
    }
    match answers.first().zip(answers.last()) {
        Some((ours, theirs)) if ours == theirs => Ok(()),
        Some((ours, theirs)) => Err(format!("the sides differ: {ours:?}\n{theirs:?}").into()),
        None => Err("no side answered".into()),
    }
}
