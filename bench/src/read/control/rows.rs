//! The control's statements. They find what the exchange's find: what of the market this viewer may see.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use async_graphql::dataloader::Loader;
use chrono::{DateTime, Utc};
use domain::listing::Terms;
use domain::reputation::Tally;
use serde::Deserialize;
use sqlx::postgres::{PgPool, PgPoolOptions};
use sqlx::sqlite::{SqlitePool, SqlitePoolOptions};
use sqlx::types::Json;
use sqlx::{Postgres, QueryBuilder, Sqlite};
use uuid::Uuid;

use super::graph::{Cursor, ListingFilterInput, ListingSort, SellerReputation};
use crate::Failure;

/// As many as the exchange has.
const CONNECTIONS: u32 = 16;

const PAGE: &str = "SELECT listing.id, listing.seller_id, listing.format, listing.terms, listing.currency, listing.max_sales, \
    listing.sold_count, listing.state, listing.opens_at, listing.closes_at, vertical.path AS vertical, lead.audience, \
    lead.contact_kind, lead.interest, lead.offering, lead.source_kind, lead.country, lead.region, lead.city, lead.attributes, \
    lead.level, lead.score, lead.temperature, lead.checks, lead.captured_at, lead.synthetic \
    FROM listing JOIN lead ON lead.id = listing.lead_id JOIN vertical ON vertical.id = listing.vertical_id \
    WHERE listing.state = 'OPEN' AND lead.state = 'VERIFIED' AND lead.offering <> 'TARGETED' \
    AND listing.seller_id NOT IN (SELECT id FROM organization WHERE status = 'SUSPENDED') AND listing.closes_at > ";

/// What each seller's record looks like, by what was counted: the rule behind it takes longer than the rest of the page, and
/// the control is not to be measured by it.
static BANDS: Mutex<BTreeMap<(i64, i64), SellerReputation>> = Mutex::new(BTreeMap::new());

#[derive(Clone)]
pub(super) enum Pool {
    Postgres(PgPool),
    Sqlite(SqlitePool),
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) seller_id: Uuid,
    pub(super) format: String,
    pub(super) terms: Json<Terms>,
    pub(super) currency: String,
    pub(super) max_sales: i64,
    pub(super) sold_count: i64,
    pub(super) state: String,
    pub(super) opens_at: DateTime<Utc>,
    pub(super) closes_at: DateTime<Utc>,
    pub(super) vertical: String,
    pub(super) audience: String,
    pub(super) contact_kind: String,
    pub(super) interest: String,
    pub(super) offering: String,
    pub(super) source_kind: String,
    pub(super) country: String,
    pub(super) region: Option<String>,
    pub(super) city: Option<String>,
    pub(super) attributes: Json<BTreeMap<String, serde_json::Value>>,
    pub(super) level: String,
    pub(super) score: i64,
    pub(super) temperature: String,
    pub(super) checks: Json<Vec<CheckRow>>,
    pub(super) captured_at: DateTime<Utc>,
    pub(super) synthetic: bool,
}

#[derive(Deserialize)]
pub(super) struct CheckRow {
    pub(super) kind: String,
    pub(super) outcome: String,
}

/// The sellers' records.
pub(super) struct Records {
    pub(super) pool: Pool,
}

/// The page's query, for one of the databases.
macro_rules! page {
    ($database:ty, $pool:expr, $filter:expr, $sort:expr, $after:expr, $limit:expr) => {{
        let mut query = QueryBuilder::<$database>::new(PAGE);
        query.push_bind(now()).push(" AND (vertical.path = ").push_bind(&$filter.vertical);
        query.push(" OR vertical.path LIKE ").push_bind(format!("{}/%", $filter.vertical)).push(")");
        query.push(" AND lead.score >= ").push_bind($filter.min_score).push(" AND lead.country IN (");
        let mut countries = query.separated(", ");
        for country in &$filter.countries {
            countries.push_bind(country);
        }
        query.push(")");
        match ($sort, $after) {
            (ListingSort::ClosingSoon, Some(Cursor(micros, id))) => {
                let closes_at = DateTime::<Utc>::from_timestamp_micros(micros).unwrap_or_default();
                query.push(" AND (listing.closes_at, listing.id) > (").push_bind(closes_at).push(", ").push_bind(id).push(")");
            }
            (ListingSort::Newest, Some(Cursor(_, id))) => {
                query.push(" AND listing.id < ").push_bind(id);
            }
            (_, None) => {}
        }
        query.push(match $sort {
            ListingSort::ClosingSoon => " ORDER BY listing.closes_at, listing.id LIMIT ",
            ListingSort::Newest => " ORDER BY listing.id DESC LIMIT ",
        });
        query.push_bind($limit);
        query.build_query_as::<Row>().fetch_all($pool).await
    }};
}

/// The records' query, for one of the databases.
macro_rules! records {
    ($database:ty, $pool:expr, $sellers:expr) => {{
        let start = "SELECT organization_id, trades, upheld FROM reputation WHERE side = 'SELLER' AND organization_id IN (";
        let mut query = QueryBuilder::<$database>::new(start);
        let mut sellers = query.separated(", ");
        for seller in $sellers {
            sellers.push_bind(*seller);
        }
        query.push(")");
        query.build_query_as::<(Uuid, i64, i64)>().fetch_all($pool).await
    }};
}

impl Pool {
    pub(super) async fn open(url: &str) -> Result<Self, Failure> {
        if url.starts_with("sqlite:") {
            return Ok(Self::Sqlite(SqlitePoolOptions::new().max_connections(CONNECTIONS).connect(url).await?));
        }
        Ok(Self::Postgres(PgPoolOptions::new().max_connections(CONNECTIONS).connect(url).await?))
    }

    pub(super) async fn page(
        &self,
        filter: &ListingFilterInput,
        sort: ListingSort,
        after: Option<Cursor>,
        limit: usize,
    ) -> async_graphql::Result<Vec<Row>> {
        let limit = i64::try_from(limit)?;
        Ok(match self {
            Self::Postgres(pool) => page!(Postgres, pool, filter, sort, after, limit)?,
            Self::Sqlite(pool) => page!(Sqlite, pool, filter, sort, after, limit)?,
        })
    }
}

#[async_graphql::async_trait::async_trait]
impl Loader<Uuid> for Records {
    type Value = SellerReputation;
    type Error = std::sync::Arc<sqlx::Error>;

    async fn load(&self, sellers: &[Uuid]) -> Result<HashMap<Uuid, SellerReputation>, Self::Error> {
        let rows = match &self.pool {
            Pool::Postgres(pool) => records!(Postgres, pool, sellers)?,
            Pool::Sqlite(pool) => records!(Sqlite, pool, sellers)?,
        };
        Ok(rows.into_iter().map(|(seller, trades, upheld)| (seller, seen(trades, upheld))).collect())
    }
}

fn seen(trades: i64, upheld: i64) -> SellerReputation {
    let mut bands = BANDS.lock().unwrap_or_else(PoisonError::into_inner);
    let band = || {
        let count = |value: i64| u64::try_from(value).unwrap_or_default();
        let band = Tally { trades: count(trades), upheld: count(upheld), rejected: 0 }.seller_band();
        SellerReputation {
            trades: band.trades,
            bad_trades_bp: band.bad_bp,
            bad_trades_low_bp: band.low_bp,
            bad_trades_high_bp: band.high_bp,
        }
    };
    bands.entry((trades, upheld)).or_insert_with(band).clone()
}

#[expect(clippy::disallowed_methods, reason = "the control has no clock but the machine's")]
fn now() -> DateTime<Utc> {
    Utc::now()
}
