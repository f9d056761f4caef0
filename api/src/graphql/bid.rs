//! Sealed bids: only one's own.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::bid::BidState;
use domain::clearing::LossReason;
use domain::id::ListingId;
use domain::money::Money;
use domain::refusal::Refusal;
use store::page::Slice;
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::word::{Word, values};
use super::written::written;
use super::{app, caller, permitted};
use crate::app::AppError;
use crate::app::bids::{self, BidPlace, BidWithdraw, OwnBid};

const SORT: &str = "bid.newest";

mod codes {
    use crate::mutation_errors;

    mutation_errors!(BidPlace: [
        Invalid, Required, TooLarge, NotFound, NotVerified, OwnLead, DuplicateForBuyer, SoldOut, WrongState, OutsideWindow,
        InsufficientFunds, WalletFrozen, CurrencyMismatch, Conflict, IdempotencyMismatch, RetryLater
    ]);
    mutation_errors!(BidWithdraw: [Invalid, Required, TooLarge, NotFound, SoldOut, WrongState, OutsideWindow, Conflict, IdempotencyMismatch]);
}

/// A bid of the viewer's organization. Nobody else sees it before its listing is cleared, and nobody sees whose it is after.
#[derive(Debug, Clone, SimpleObject)]
pub struct Bid {
    /// The bid's id.
    pub id: ID,
    /// The listing that it is for.
    pub listing_id: ID,
    /// Where it stands.
    pub state: Word<BidState>,
    /// The amount for a shared copy.
    pub shared: Option<MoneyObject>,
    /// The amount for the exclusive sale.
    pub exclusive: Option<MoneyObject>,
    /// What it reserved in the wallet when it was placed: the larger amount.
    pub reserved: MoneyObject,
    /// Why it lost.
    pub loss_reason: Option<Word<LossReason>>,
    /// When it was placed.
    pub placed_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
}

written!(Bid: id, listing_id, state, shared, exclusive, reserved, loss_reason, placed_at, ended_at);

impl From<OwnBid> for Bid {
    fn from(OwnBid { bid, currency }: OwnBid) -> Self {
        let money = |minor: i64| MoneyObject::from(Money::new(minor, currency));
        Self {
            id: to_id(bid.id),
            listing_id: to_id(bid.listing),
            state: bid.state.into(),
            shared: bid.placement.shared_minor.map(money),
            exclusive: bid.placement.exclusive_minor.map(money),
            reserved: money(bid.placement.reserved_minor),
            loss_reason: bid.loss_reason.map(Word::from),
            placed_at: bid.placed_at,
            ended_at: bid.ended_at,
        }
    }
}

/// A sealed price: for a shared copy, for the exclusive sale, or for either.
#[derive(Debug, Clone, InputObject)]
pub struct BidPlaceInput {
    /// An open auction.
    pub listing_id: ID,
    /// The amount for a shared copy.
    pub shared: Option<MoneyInput>,
    /// The amount for the exclusive sale.
    pub exclusive: Option<MoneyInput>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// A bid to be taken back.
#[derive(Debug, Clone, InputObject)]
pub struct BidWithdrawInput {
    /// An open bid of the caller's organization.
    pub bid_id: ID,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `bidPlace`.
#[derive(Debug, SimpleObject)]
pub struct BidPlacePayload {
    /// The bid.
    pub bid: Option<Bid>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::BidPlace>>,
}

/// The answer of `bidWithdraw`.
#[derive(Debug, SimpleObject)]
pub struct BidWithdrawPayload {
    /// The bid, withdrawn.
    pub bid: Option<Bid>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::BidWithdraw>>,
}

/// Queries of bids.
#[derive(Debug, Default)]
pub struct BidQuery;

/// Mutations of bids.
#[derive(Debug, Default)]
pub struct BidMutation;

#[Object]
impl BidQuery {
    /// The caller's own bids, the youngest first. Needs `market:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn bids(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those for this listing.")] listing_id: Option<ID>,
        #[graphql(desc = "Only those in one of these states.")] states: Option<Vec<Word<BidState>>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<Bid>> {
        let states = values(states.unwrap_or_default());
        let slice = answer(ctx, own(ctx, listing_id, &states, first, after.as_deref()).await)?;
        Ok(connection(SORT, slice, after.is_some(), |own| own.bid.id.0, Bid::from))
    }
}

#[Object]
impl BidMutation {
    /// Places a sealed bid on an open auction, in place of the caller's open bid there. The larger amount is reserved in the
    /// wallet until the auction is cleared. Needs `market:buy`.
    async fn bid_place(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: BidPlaceInput,
    ) -> async_graphql::Result<BidPlacePayload> {
        let result = match permitted(ctx, Permission::Buy, input.parse()) {
            Ok(input) => bids::bid_place(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (bid, user_errors) = settle(ctx, result)?;
        Ok(BidPlacePayload { bid: bid.map(Bid::from), user_errors })
    }

    /// Takes an open bid back; what it reserved returns. Needs `market:buy`.
    async fn bid_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: BidWithdrawInput,
    ) -> async_graphql::Result<BidWithdrawPayload> {
        let result = match permitted(ctx, Permission::Buy, input.parse()) {
            Ok(input) => bids::bid_withdraw(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (bid, user_errors) = settle(ctx, result)?;
        Ok(BidWithdrawPayload { bid: bid.map(Bid::from), user_errors })
    }
}

impl BidPlaceInput {
    fn parse(self) -> Result<BidPlace, Refusal> {
        let amount = |money: Option<MoneyInput>, field| money.map(|money| money.positive(field)).transpose();
        Ok(BidPlace {
            listing: parse_id(&self.listing_id, "listingId")?,
            shared: amount(self.shared, "shared")?,
            exclusive: amount(self.exclusive, "exclusive")?,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl BidWithdrawInput {
    fn parse(self) -> Result<BidWithdraw, Refusal> {
        Ok(BidWithdraw { bid: parse_id(&self.bid_id, "bidId")?, idempotency_key: self.idempotency_key })
    }
}

async fn own(
    ctx: &Context<'_>,
    listing_id: Option<ID>,
    states: &[BidState],
    first: Option<i32>,
    after: Option<&str>,
) -> Result<Slice<OwnBid>, AppError> {
    caller(ctx).principal.require(Permission::MarketRead)?;
    let listing: Option<ListingId> = listing_id.map(|id| parse_id(&id, "listingId")).transpose()?;
    let page = page::<Uuid>(SORT, first, after)?;
    bids::bids(app(ctx), caller(ctx), listing, states, &page).await
}
