//! Offering, taking back, offering again, buying.

use async_graphql::{Context, ID, Object, SimpleObject};
use domain::access::Permission;
use store::listings::ListingView;

use super::Listing;
use super::input::{ListingBuyInput, ListingCreateInput, ListingRelistInput, ListingTakeDownInput, ListingWithdrawInput};
use crate::app::AppError;
use crate::app::listings::{self, ListingBought};
use crate::graphql::error::{MutationErrors, UserError, answer, masked, settle};
use crate::graphql::id::to_id;
use crate::graphql::trade::TradeObject;
use crate::graphql::{app, caller, permitted};

mod codes {
    use crate::mutation_errors;

    mutation_errors!(ListingCreate: [Invalid, Required, TooLarge, NotFound, NotVerified, Taken, SoldOut, CurrencyMismatch]);
    mutation_errors!(ListingRelist: [Invalid, Required, TooLarge, NotFound, NotVerified, Taken, SoldOut, WrongState, CurrencyMismatch]);
    mutation_errors!(ListingTakeDown: [Invalid, Required, TooLarge, NotFound, SoldOut, WrongState, OutsideWindow, Conflict, IdempotencyMismatch]);
    mutation_errors!(ListingWithdraw: [Invalid, Required, TooLarge, NotFound, SoldOut, WrongState, OutsideWindow, Conflict, IdempotencyMismatch]);
    mutation_errors!(ListingBuy: [
        Invalid, Required, TooLarge, NotFound, NotVerified, OwnLead, DuplicateForBuyer, SoldOut, PriceMoved, WrongState, OutsideWindow,
        InsufficientFunds, WalletFrozen, CurrencyMismatch, Taken, Conflict, IdempotencyMismatch, RetryLater
    ]);
}

/// Mutations of listings.
#[derive(Debug, Default)]
pub struct ListingMutation;

/// The answer of `listingCreate`.
#[derive(Debug, SimpleObject)]
pub struct ListingCreatePayload {
    /// The listing.
    pub listing: Option<Listing>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::ListingCreate>>,
}

/// The answer of `listingRelist`.
#[derive(Debug, SimpleObject)]
pub struct ListingRelistPayload {
    /// The new listing.
    pub listing: Option<Listing>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::ListingRelist>>,
}

/// The answer of `listingWithdraw`.
#[derive(Debug, SimpleObject)]
pub struct ListingWithdrawPayload {
    /// The listing, withdrawn.
    pub listing: Option<Listing>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::ListingWithdraw>>,
}

/// The answer of `listingBuy`.
#[derive(Debug, SimpleObject)]
pub struct ListingBuyPayload {
    /// The trade: its price is in escrow.
    pub trade: Option<TradeObject>,
    /// The listing after the purchase.
    pub listing: Option<Listing>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::ListingBuy>>,
}

/// The answer of `listingTakeDown`.
#[derive(Debug, SimpleObject)]
pub struct ListingTakeDownPayload {
    /// The listing that ended.
    pub listing_id: Option<ID>,
    /// What was wrong.
    pub user_errors: Vec<UserError<codes::ListingTakeDown>>,
}

#[Object]
impl ListingMutation {
    /// Offers a verified lead for sale. Needs `listings:write`.
    async fn listing_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ListingCreateInput,
    ) -> async_graphql::Result<ListingCreatePayload> {
        let result = match permitted(ctx, Permission::ListingsWrite, input.parse()) {
            Ok(input) => listings::listing_create(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (listing, user_errors) = shown(ctx, result).await?;
        Ok(ListingCreatePayload { listing, user_errors })
    }

    /// Offers the lead of an ended listing again; copies sold before count. Needs `listings:write`.
    async fn listing_relist(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ListingRelistInput,
    ) -> async_graphql::Result<ListingRelistPayload> {
        let result = match permitted(ctx, Permission::ListingsWrite, input.parse()) {
            Ok(input) => listings::listing_relist(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (listing, user_errors) = shown(ctx, result).await?;
        Ok(ListingRelistPayload { listing, user_errors })
    }

    /// Takes an open listing back; open bids return what they reserved, sales already made stand. Needs `listings:write`.
    async fn listing_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ListingWithdrawInput,
    ) -> async_graphql::Result<ListingWithdrawPayload> {
        let result = match permitted(ctx, Permission::ListingsWrite, input.parse()) {
            Ok(input) => listings::listing_withdraw(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (listing, user_errors) = shown(ctx, result).await?;
        Ok(ListingWithdrawPayload { listing, user_errors })
    }

    /// Takes anybody's open listing off the market; open bids return what they reserved, sales already made stand. For operators.
    async fn listing_take_down(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ListingTakeDownInput,
    ) -> async_graphql::Result<ListingTakeDownPayload> {
        let result = match input.parse() {
            Ok(input) => listings::listing_take_down(app(ctx), caller(ctx), input).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (listing, user_errors) = settle(ctx, result)?;
        Ok(ListingTakeDownPayload { listing_id: listing.map(to_id), user_errors })
    }

    /// Buys one copy at the present price: the fixed price, the buy-now price of an auction, or where a Dutch price stands.
    /// The price moves to escrow at once. Needs `market:buy`.
    async fn listing_buy(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ListingBuyInput,
    ) -> async_graphql::Result<ListingBuyPayload> {
        let result = match permitted(ctx, Permission::Buy, input.parse()) {
            Ok(input) => listings::listing_buy(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (bought, user_errors) = settle(ctx, result)?;
        let Some(bought) = bought else { return Ok(ListingBuyPayload { trade: None, listing: None, user_errors }) };
        let (trade, listing) = answer(ctx, sold(ctx, bought).await)?;
        Ok(ListingBuyPayload { trade, listing, user_errors })
    }
}

async fn sold(ctx: &Context<'_>, bought: ListingBought) -> Result<(Option<TradeObject>, Option<Listing>), AppError> {
    let Some(buyer) = caller(ctx).principal.organization() else { return Ok((None, None)) };
    let trade = app(ctx).store.trade_of(bought.trade, buyer).await?;
    let trade = trade.map(|trade| TradeObject::seen(trade, &caller(ctx).principal));
    let listing = match app(ctx).store.listing_visible(buyer, bought.listing).await? {
        Some(view) => Some(Listing::load_one(app(ctx), caller(ctx), view).await?),
        None => None,
    };
    Ok((trade, listing))
}

async fn shown<M: MutationErrors>(
    ctx: &Context<'_>,
    result: Result<ListingView, AppError>,
) -> async_graphql::Result<(Option<Listing>, Vec<UserError<M>>)> {
    let (view, user_errors) = settle(ctx, result)?;
    let listing = match view {
        Some(view) => Some(Listing::load_one(app(ctx), caller(ctx), view).await.map_err(|error| masked(ctx, &error))?),
        None => None,
    };
    Ok((listing, user_errors))
}
