//! Listings: a verified lead for sale, with what may be known of it before the sale.

pub mod input;
pub mod mutation;
mod query;

use async_graphql::{ID, SimpleObject};
use chrono::{DateTime, Utc};
use domain::clearing::{Pricing, SaleKind};
use domain::id::OrganizationId;
use domain::lead::{Audience, ContactKind, Interest, Offering, SourceKind, Temperature};
use domain::listing::{ListingState, SaleFormat, Terms};
use domain::money::Money;
use domain::reputation::SellerBand;
use domain::time::{Timestamp, hour_of};
use domain::verification::{CalledBy, CheckKind, Level, Outcome};
use store::listings::ListingView;

pub use mutation::ListingMutation;
pub use query::ListingQuery;

use super::bid::Bid;
use super::connection::list_cost;
use super::id::to_id;
use super::scalar::MoneyObject;
use super::word::Word;
use super::written::written;
use crate::app::bids::{OwnBid, bids_of_listings};
use crate::app::{App, AppError, Caller};

/// A verified lead offered for sale: what it is like, and never who it is.
#[derive(Debug, Clone, SimpleObject)]
pub struct Listing {
    /// The listing's id.
    pub id: ID,
    /// How it is sold.
    pub format: Word<SaleFormat>,
    /// Where it stands.
    pub state: Word<ListingState>,
    /// The most copies to sell; 1 is the exclusive sale.
    pub max_sales: i32,
    /// Copies sold so far.
    pub sold_count: i32,
    /// Whether a shared copy can still be sold.
    pub offers_shared: bool,
    /// Whether the exclusive sale is still possible: a shared copy sold rules it out.
    pub offers_exclusive: bool,
    /// What a shared copy costs at once, at this moment; absent when it cannot be bought at once.
    pub shared_price: Option<MoneyObject>,
    /// What the exclusive sale costs at once, at this moment: the fixed price, the buy-now price of an auction, or the present
    /// price of a Dutch one; absent when it cannot be bought at once.
    pub exclusive_price: Option<MoneyObject>,
    /// What a winner pays, of an auction.
    pub pricing: Option<Word<Pricing>>,
    /// The least amount for a shared copy, of an auction that sells any.
    pub shared_reserve: Option<MoneyObject>,
    /// The least amount for the exclusive sale, of an auction that offers it.
    pub exclusive_reserve: Option<MoneyObject>,
    /// How the price falls, of a Dutch listing.
    pub dutch: Option<DutchTerms>,
    /// The first instant at which it is open.
    pub opens_at: DateTime<Utc>,
    /// The first instant at which it is no longer open.
    pub closes_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Why an operator took it off the market; null when none did.
    pub taken_down_for: Option<String>,
    /// The path of the lead's vertical.
    pub vertical: String,
    /// For whom the lead stands.
    pub audience: Word<Audience>,
    /// How much contact data there is, and how it came.
    pub contact_kind: Word<ContactKind>,
    /// What the person asked for.
    pub interest: Word<Interest>,
    /// Who may buy it.
    pub offering: Word<Offering>,
    /// Where the lead came from.
    pub source_kind: Word<SourceKind>,
    /// The ISO 3166 code of the country.
    pub country: String,
    /// The region.
    pub region: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// The public attributes: those of the vertical, and demographics or firmographics in bands.
    #[graphql(complexity = "list_cost(5, child_complexity)")]
    pub attributes: Vec<ListingAttribute>,
    /// How far the lead is verified.
    pub level: Word<Level>,
    /// Points, 0 to 100.
    pub score: i32,
    /// How near the person is to buying.
    pub temperature: Word<Temperature>,
    /// The latest outcome of each check.
    #[graphql(complexity = "list_cost(4, child_complexity)")]
    pub checks: Vec<ListingCheck>,
    /// Whether the contact details are made up, for a demonstration.
    pub synthetic: bool,
    /// The hour in which the person left the details; when the lead was brought where `dated` is false.
    pub captured_at: DateTime<Utc>,
    /// Whether the seller says when the person left the details.
    pub dated: bool,
    /// What disputes say of the seller.
    pub seller_reputation: SellerReputation,
    /// Whether the viewer's organization is the seller.
    pub mine: bool,
    /// The lead; only the seller sees it.
    pub lead_id: Option<ID>,
    /// The listing of the same lead that this one follows; only the seller sees it.
    pub relisted_from_id: Option<ID>,
    /// The latest bid of the viewer's organization; bids of others are sealed.
    pub own_bid: Option<Bid>,
}

/// How a Dutch price falls.
#[derive(Debug, Clone, SimpleObject)]
pub struct DutchTerms {
    /// The price at the opening.
    pub start: MoneyObject,
    /// The price below which it does not fall.
    pub floor: MoneyObject,
    /// By how much it falls.
    pub step: MoneyObject,
    /// How often it falls, in seconds.
    pub interval_secs: i32,
}

/// A public attribute of the lead.
#[derive(Debug, Clone, SimpleObject)]
pub struct ListingAttribute {
    /// The attribute's key in the vertical's schema.
    pub key: String,
    /// Its value as a text: digits of a number, `true` or `false`, an ISO 8601 day, or the text itself.
    pub value: String,
}

/// The latest outcome of one check.
#[derive(Debug, Clone, SimpleObject)]
pub struct ListingCheck {
    /// What was checked.
    pub kind: Word<CheckKind>,
    /// What was found.
    pub outcome: Word<Outcome>,
    /// Of a call with the person, who held it: the seller, who kept a recording if the check passed, or the exchange.
    pub called_by: Option<Word<CalledBy>>,
}

/// What disputes say of a seller: how likely a trade is to turn out bad, from what was decided, never from raw counts. In
/// bands, since a listing does not say who sells.
#[derive(Debug, Clone, SimpleObject)]
pub struct SellerReputation {
    /// At least so many trades ended: 0, 1, 5, 20, 50, 100, 200, 500, 1000, 5000 or 10000.
    pub trades: i32,
    /// The expected share of bad trades, in basis points, rounded up to a whole percent.
    pub bad_trades_bp: i32,
    /// The lower end of the 90% interval of that share, rounded likewise.
    pub bad_trades_low_bp: i32,
    /// The upper end of the 90% interval of that share, rounded likewise.
    pub bad_trades_high_bp: i32,
}

written!(
    Listing: id, format, state, max_sales, sold_count, offers_shared, offers_exclusive, shared_price, exclusive_price, pricing,
    shared_reserve, exclusive_reserve, dutch, opens_at, closes_at, ended_at, taken_down_for, vertical, audience, contact_kind,
    interest, offering, source_kind, country, region, city, attributes, level, score, temperature, checks, synthetic,
    captured_at, dated, seller_reputation, mine, lead_id, relisted_from_id, own_bid
);
written!(DutchTerms: start, floor, step, interval_secs);
written!(ListingAttribute: key, value);
written!(ListingCheck: kind, outcome, called_by);
written!(SellerReputation: trades, bad_trades_bp, bad_trades_low_bp, bad_trades_high_bp);

impl Listing {
    /// Listings as the caller sees them, with its own latest bids, in one look-up.
    pub async fn load(app: &App, caller: &Caller, views: Vec<ListingView>) -> Result<Vec<Self>, AppError> {
        let listings = views.iter().map(|view| (view.stored.id, view.stored.currency)).collect();
        let bids = bids_of_listings(app, caller, listings).await?;
        Ok(Self::of(app, caller, views, bids))
    }

    /// Listings as the caller sees them, with those of its latest bids that were looked up.
    pub(super) fn of(app: &App, caller: &Caller, views: Vec<ListingView>, mut bids: Vec<OwnBid>) -> Vec<Self> {
        let (viewer, now) = (caller.principal.organization(), app.now());
        let listing = |view: ListingView| {
            let own = bids.iter().position(|own| own.bid.listing == view.stored.id).map(|index| bids.swap_remove(index));
            let band = app.seller_bands.of(view.seller);
            Self::seen(view, viewer, band, own.map(Bid::from), now)
        };
        views.into_iter().map(listing).collect()
    }

    /// One listing as the caller sees it.
    pub async fn load_one(app: &App, caller: &Caller, view: ListingView) -> Result<Self, AppError> {
        let one = Self::load(app, caller, vec![view]).await?.into_iter().next();
        one.ok_or_else(|| AppError::internal("one listing made none"))
    }

    fn seen(view: ListingView, viewer: Option<OrganizationId>, band: SellerBand, own_bid: Option<Bid>, now: Timestamp) -> Self {
        let (stored, listing) = (&view.stored, &view.stored.listing);
        let money = |minor: i64| MoneyObject::from(Money::new(minor, stored.currency));
        let price = |kind| listing.price_at(kind, now).filter(|_| listing.is_open_at(now)).map(money);
        let mine = viewer == Some(stored.seller);
        let auction = listing.terms.auction(listing.max_sales);
        let attribute = |(key, value): (String, serde_json::Value)| ListingAttribute { key, value: text(value) };
        Self {
            id: to_id(stored.id),
            format: listing.terms.format().into(),
            state: listing.state.into(),
            max_sales: listing.max_sales.into(),
            sold_count: listing.sold_count.into(),
            offers_shared: listing.is_open_at(now) && listing.offers(SaleKind::Shared),
            offers_exclusive: listing.is_open_at(now) && listing.offers(SaleKind::Exclusive),
            shared_price: price(SaleKind::Shared),
            exclusive_price: price(SaleKind::Exclusive),
            pricing: auction.as_ref().map(|auction| auction.pricing.into()),
            shared_reserve: auction.as_ref().and_then(|auction| auction.shared_reserve_minor).map(money),
            exclusive_reserve: auction.as_ref().and_then(|auction| auction.exclusive_reserve_minor).map(money),
            dutch: DutchTerms::of(&listing.terms, money),
            opens_at: listing.opens_at,
            closes_at: listing.closes_at,
            ended_at: stored.ended_at,
            taken_down_for: stored.taken_down_for.clone(),
            lead_id: mine.then(|| to_id(stored.lead)),
            relisted_from_id: stored.relisted_from.filter(|_| mine).map(to_id),
            mine,
            vertical: view.vertical_path,
            audience: view.audience.into(),
            contact_kind: view.contact_kind.into(),
            interest: view.interest.into(),
            offering: view.offering.into(),
            source_kind: view.source_kind.into(),
            country: view.country,
            region: view.region,
            city: view.city,
            attributes: view.attributes.into_iter().map(attribute).collect(),
            level: view.level.into(),
            score: int(view.score),
            temperature: view.temperature.into(),
            checks: view
                .checks
                .iter()
                .map(|check| ListingCheck {
                    kind: check.kind.into(),
                    outcome: check.outcome.into(),
                    called_by: check.called_by.map(Word),
                })
                .collect(),
            synthetic: view.synthetic,
            captured_at: hour_of(view.captured_at),
            dated: view.dated,
            seller_reputation: band.into(),
            own_bid,
        }
    }
}

impl DutchTerms {
    fn of(terms: &Terms, money: impl Fn(i64) -> MoneyObject) -> Option<Self> {
        match *terms {
            Terms::Dutch { start_minor, floor_minor, step_minor, interval_secs, .. } => Some(Self {
                start: money(start_minor),
                floor: money(floor_minor),
                step: money(step_minor),
                interval_secs: int(interval_secs),
            }),
            Terms::Fixed { .. } | Terms::Auction { .. } => None,
        }
    }
}

impl From<SellerBand> for SellerReputation {
    fn from(band: SellerBand) -> Self {
        Self {
            trades: int(band.trades),
            bad_trades_bp: int(band.bad_bp),
            bad_trades_low_bp: int(band.low_bp),
            bad_trades_high_bp: int(band.high_bp),
        }
    }
}

fn int(value: impl TryInto<i32>) -> i32 {
    value.try_into().unwrap_or(i32::MAX)
}

fn text(value: serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}
