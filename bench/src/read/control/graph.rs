//! The page's objects and its query.

use async_graphql::connection::{Connection, CursorType, Edge, query};
use async_graphql::dataloader::DataLoader;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::id::ListingId;
use domain::listing::Terms;
use domain::money::{Currency, Money};
use domain::time::hour_of;
use uuid::Uuid;

use super::rows::{Pool, Records, Row};

pub(super) struct Query;

#[derive(Clone, Copy, PartialEq, Eq, Enum)]
pub(super) enum ListingSort {
    ClosingSoon,
    Newest,
}

#[derive(InputObject)]
pub(super) struct ListingFilterInput {
    pub(super) vertical: String,
    pub(super) countries: Vec<String>,
    pub(super) min_score: i64,
}

#[derive(SimpleObject)]
#[graphql(complex)]
pub(super) struct Listing {
    id: ID,
    format: String,
    state: String,
    max_sales: i64,
    sold_count: i64,
    shared_price: Option<Price>,
    exclusive_price: Option<Price>,
    opens_at: DateTime<Utc>,
    closes_at: DateTime<Utc>,
    vertical: String,
    audience: String,
    contact_kind: String,
    interest: String,
    offering: String,
    source_kind: String,
    country: String,
    region: Option<String>,
    city: Option<String>,
    attributes: Vec<Attribute>,
    level: String,
    score: i64,
    temperature: String,
    checks: Vec<Check>,
    captured_at: DateTime<Utc>,
    synthetic: bool,
    #[graphql(skip)]
    seller: Uuid,
}

#[derive(SimpleObject)]
struct Price {
    amount: String,
    currency_code: String,
}

#[derive(SimpleObject)]
struct Attribute {
    key: String,
    value: String,
}

#[derive(SimpleObject)]
struct Check {
    kind: String,
    outcome: String,
}

#[derive(Clone, SimpleObject)]
pub(super) struct SellerReputation {
    pub(super) trades: u64,
    pub(super) bad_trades_bp: u32,
    pub(super) bad_trades_low_bp: u32,
    pub(super) bad_trades_high_bp: u32,
}

/// Where a row stands: its closing time in microseconds, and its id.
pub(super) struct Cursor(pub(super) i64, pub(super) Uuid);

impl CursorType for Cursor {
    type Error = &'static str;

    fn decode_cursor(text: &str) -> Result<Self, Self::Error> {
        let (micros, id) = text.split_once('_').ok_or("not a cursor")?;
        Ok(Self(micros.parse().map_err(|_| "not a cursor")?, id.parse().map_err(|_| "not a cursor")?))
    }

    fn encode_cursor(&self) -> String {
        format!("{}_{}", self.0, self.1)
    }
}

#[Object]
impl Query {
    async fn listings(
        &self,
        ctx: &Context<'_>,
        filter: ListingFilterInput,
        sort: ListingSort,
        first: Option<i32>,
        after: Option<String>,
    ) -> async_graphql::Result<Connection<Cursor, Listing>> {
        let pool = ctx.data_unchecked::<Pool>();
        query(after, None, first, None, |after, _, first, _| async move {
            let first = first.unwrap_or(20).min(100);
            let mut rows = pool.page(&filter, sort, after, first.saturating_add(1)).await?;
            let has_next = rows.len() > first;
            rows.truncate(first);
            let mut connection = Connection::new(false, has_next);
            for row in rows {
                let cursor = Cursor(row.closes_at.timestamp_micros(), row.id);
                connection.edges.push(Edge::new(cursor, Listing::try_from(row)?));
            }
            Ok::<_, async_graphql::Error>(connection)
        })
        .await
    }
}

#[ComplexObject]
impl Listing {
    async fn seller_reputation(&self, ctx: &Context<'_>) -> async_graphql::Result<SellerReputation> {
        let records = ctx.data_unchecked::<DataLoader<Records>>();
        Ok(records.load_one(self.seller).await?.ok_or("a seller without a record")?)
    }
}

impl TryFrom<Row> for Listing {
    type Error = async_graphql::Error;

    fn try_from(row: Row) -> Result<Self, Self::Error> {
        let currency: Currency = row.currency.parse()?;
        let price = |minor: i64| Price { amount: Money::new(minor, currency).decimal(), currency_code: row.currency.clone() };
        let Terms::Fixed { shared_minor, exclusive_minor } = row.terms.0 else { return Err("only fixed prices".into()) };
        let text = |value: serde_json::Value| match value {
            serde_json::Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Self {
            id: ID(ListingId(row.id).to_string()),
            format: row.format,
            state: row.state,
            max_sales: row.max_sales,
            sold_count: row.sold_count,
            shared_price: shared_minor.map(price),
            exclusive_price: exclusive_minor.map(price),
            opens_at: row.opens_at,
            closes_at: row.closes_at,
            vertical: row.vertical,
            audience: row.audience,
            contact_kind: row.contact_kind,
            interest: row.interest,
            offering: row.offering,
            source_kind: row.source_kind,
            country: row.country,
            region: row.region,
            city: row.city,
            attributes: row.attributes.0.into_iter().map(|(key, value)| Attribute { key, value: text(value) }).collect(),
            level: row.level,
            score: row.score,
            temperature: row.temperature,
            checks: row.checks.0.into_iter().map(|check| Check { kind: check.kind, outcome: check.outcome }).collect(),
            captured_at: hour_of(row.captured_at),
            synthetic: row.synthetic,
            seller: row.seller_id,
        })
    }
}
