//! Receipts of clearings.

use std::collections::BTreeMap;

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::clearing::{LossReason, Pricing, SaleKind};
use domain::id::{BidId, ListingId};
use domain::money::Money;

use super::connection::list_cost;
use super::error::answer;
use super::id::to_id;
use super::scalar::MoneyObject;
use super::word::Word;
use super::{app, caller};
use crate::app::AppError;
use crate::app::receipts::{self, CheckedReceipt};

/// The record of one clearing: what the rule saw and decided, without identities, so that anyone who took part can run the
/// rule again.
#[derive(Debug, SimpleObject)]
pub struct ClearingReceipt {
    /// The receipt's id.
    pub id: ID,
    /// The listing that was cleared.
    pub listing_id: ID,
    /// The version of the rule.
    pub rule: i32,
    /// When the auction was cleared.
    pub cleared_at: DateTime<Utc>,
    /// What a winner pays.
    pub pricing: Word<Pricing>,
    /// The most shared copies that could be sold.
    pub max_sales: i32,
    /// The least amount for a shared copy, if any was offered.
    pub shared_reserve: Option<MoneyObject>,
    /// The least amount for the exclusive sale, if it was offered.
    pub exclusive_reserve: Option<MoneyObject>,
    /// The bids in the order of their placing.
    #[graphql(complexity = "list_cost(20, child_complexity)")]
    pub bids: Vec<ReceiptBid>,
    /// Whether running the rule again on this receipt gives the same result; absent when this server lacks that version of the
    /// rule.
    pub replays: Option<bool>,
    /// The receipt as JSON text, the input of a replay. Bids bear numbers of this receipt instead of their ids.
    pub json: String,
}

/// One bid of a cleared auction. The bidder's number tells bidders of this auction apart, and means nothing elsewhere.
#[derive(Debug, SimpleObject)]
pub struct ReceiptBid {
    /// The bidder's number.
    pub bidder: i32,
    /// Whether the bid is of the viewer's organization.
    pub mine: bool,
    /// The bid; only the bidder sees its id here.
    pub bid_id: Option<ID>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// The amount for a shared copy.
    pub shared: Option<MoneyObject>,
    /// The amount for the exclusive sale.
    pub exclusive: Option<MoneyObject>,
    /// The weight of the bidder, in basis points and steps of 500: amounts rank by amount times weight.
    pub weight_bp: i32,
    /// What it won.
    pub won: Option<Word<SaleKind>>,
    /// What the winner pays.
    pub price: Option<MoneyObject>,
    /// Why it lost; BARRED for what only the bidder is told.
    pub loss_reason: Option<Word<LossReason>>,
}

/// Queries of receipts.
#[derive(Debug, Default)]
pub struct ReceiptQuery;

#[Object]
impl ReceiptQuery {
    /// The receipt of an auction's clearing, for its seller and those whose bids it decided. Needs `market:read`.
    async fn clearing_receipt(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The listing that was cleared.")] listing_id: ID,
    ) -> async_graphql::Result<Option<ClearingReceipt>> {
        let found = answer(ctx, of_listing(ctx, &listing_id).await)?;
        Ok(found.map(ClearingReceipt::from))
    }
}

async fn of_listing(ctx: &Context<'_>, id: &ID) -> Result<Option<CheckedReceipt>, AppError> {
    caller(ctx).principal.require(Permission::MarketRead)?;
    match id.parse::<ListingId>() {
        Ok(id) => receipts::clearing_receipt(app(ctx), caller(ctx), id).await,
        Err(_) => Ok(None),
    }
}

impl From<CheckedReceipt> for ClearingReceipt {
    fn from(CheckedReceipt { stored, own_bids, replays }: CheckedReceipt) -> Self {
        let receipt = &stored.receipt;
        let money = |minor: i64| MoneyObject::from(Money::new(minor, receipt.listing.currency));
        let sales: BTreeMap<BidId, _> = receipt.result.sales.iter().map(|sale| (sale.bid, sale)).collect();
        let losses: BTreeMap<BidId, LossReason> = receipt.result.losses.iter().map(|loss| (loss.bid, loss.reason)).collect();
        let bid = |sealed: &domain::clearing::SealedBid| {
            let own = own_bids.get(&sealed.bid);
            let sale = sales.get(&sealed.bid);
            ReceiptBid {
                bidder: i32::try_from(sealed.bidder).unwrap_or(i32::MAX),
                mine: own.is_some(),
                bid_id: own.map(|bid| to_id(*bid)),
                placed_at: sealed.placed_at,
                shared: sealed.shared_minor.map(money),
                exclusive: sealed.exclusive_minor.map(money),
                weight_bp: i32::try_from(sealed.weight_bp).unwrap_or(i32::MAX),
                won: sale.map(|sale| sale.kind.into()),
                price: sale.map(|sale| money(sale.price_minor)),
                loss_reason: losses.get(&sealed.bid).map(|reason| Word(*reason)),
            }
        };
        Self {
            id: to_id(stored.id),
            listing_id: to_id(receipt.listing.listing),
            rule: i32::try_from(receipt.rule).unwrap_or(i32::MAX),
            cleared_at: stored.created_at,
            pricing: receipt.auction.pricing.into(),
            max_sales: receipt.auction.max_sales.into(),
            shared_reserve: receipt.auction.shared_reserve_minor.map(money),
            exclusive_reserve: receipt.auction.exclusive_reserve_minor.map(money),
            bids: receipt.bids.iter().map(bid).collect(),
            replays,
            json: serde_json::to_string(receipt).unwrap_or_default(),
        }
    }
}
