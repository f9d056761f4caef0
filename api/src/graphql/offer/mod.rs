//! Selling in real time: pings, their offers, and posts.

pub mod input;

use async_graphql::{Context, ID, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Permission;
use domain::clearing::{LossReason, SaleKind};
use domain::id::OfferId;
use domain::lead::LeadState;
use domain::money::Money;
use domain::offer::{OfferState, net_minor};
use domain::refusal::Refusal;
use store::offers::StoredOffer;

use input::{LeadDirectPostInput, LeadPingInput, LeadPostInput};

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle};
use super::id::{parse_id, to_id};
use super::scalar::MoneyObject;
use super::word::{Word, values};
use super::{app, caller};
use crate::app::offers::{self, Posted};

const NEWEST: &str = "offer.newest";

mod codes {
    use crate::mutation_errors;

    mutation_errors!(LeadPing: [
        Invalid, Required, TooLarge, NotFound, NotALead, CurrencyMismatch, SoldOut, NotVerified, RetryLater
    ]);
    mutation_errors!(LeadPost: [
        Invalid, Required, TooLarge, NotFound, NotALead, Taken, Conflict, OutsideWindow, SoldOut, WrongState, InsufficientFunds,
        IdempotencyMismatch, RetryLater
    ]);
    mutation_errors!(LeadDirectPost: [
        Invalid, Required, TooLarge, NotFound, NotALead, Taken, CurrencyMismatch, OutsideWindow, SoldOut, NotVerified, WrongState,
        InsufficientFunds, IdempotencyMismatch, RetryLater
    ]);
}

/// What the market offers for a pinged lead. Only the seller to whom it was made sees it.
#[derive(Debug, Clone, SimpleObject)]
#[graphql(name = "Offer")]
pub struct OfferObject {
    /// The offer's id: what the post names.
    pub id: ID,
    /// Where it stands.
    pub state: Word<OfferState>,
    /// Whether one buyer would have the lead alone.
    pub kind: Word<SaleKind>,
    /// How many copies would be sold.
    pub copies: i32,
    /// What you would get for all copies together, less the commission; it waits in escrow like the price of any sale.
    pub net: MoneyObject,
    /// What the buyers would pay for all copies together.
    pub gross: MoneyObject,
    /// The path of the vertical that was pinged.
    pub vertical: String,
    /// The lead that was posted.
    pub lead_id: Option<ID>,
    /// The listing under which it was sold; the clearing's receipt stands there.
    pub listing_id: Option<ID>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// The first instant at which it cannot be taken any more.
    pub expires_at: DateTime<Utc>,
    /// When it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// Whether it was made to a test key: nobody stands behind it, and it is found by nobody else.
    pub test: bool,
}

/// A sale under an offer.
#[derive(Debug, Clone, SimpleObject)]
pub struct OfferSale {
    /// The trade.
    pub trade_id: ID,
    /// What was sold.
    pub kind: Word<SaleKind>,
    /// What the buyer pays.
    pub price: MoneyObject,
    /// What you get of it after the hold, less the commission.
    pub net: MoneyObject,
    /// Why the bidder that was offered first did not buy, where the next one did.
    pub instead_of: Option<Word<LossReason>>,
}

/// The answer of `leadPing`.
#[derive(Debug, SimpleObject)]
pub struct LeadPingPayload {
    /// The offer; null without a user error when nobody offers anything for this lead.
    pub offer: Option<OfferObject>,
    /// What is wrong with the input.
    pub user_errors: Vec<UserError<codes::LeadPing>>,
}

macro_rules! post_payload {
    ($(#[doc = $doc:literal])* $name:ident, $codes:ident) => {
        $(#[doc = $doc])*
        #[derive(Debug, SimpleObject)]
        pub struct $name {
            /// The lead, in your stock whatever became of the offer.
            pub lead_id: Option<ID>,
            /// Where the lead stands: only a VERIFIED one is sold.
            pub lead_state: Option<Word<LeadState>>,
            /// The offer as it is now; null when nobody offered anything.
            pub offer: Option<OfferObject>,
            /// The sales; none when nobody could buy.
            pub sales: Vec<OfferSale>,
            /// Why those who had been offered the lead did not buy it.
            pub fallen: Vec<Word<LossReason>>,
            /// What is wrong with the input.
            pub user_errors: Vec<UserError<codes::$codes>>,
        }

        impl $name {
            fn new(posted: Option<Posted>, user_errors: Vec<UserError<codes::$codes>>, commission_bp: i64) -> Self {
                let Some(posted) = posted else {
                    let (sales, fallen) = (Vec::new(), Vec::new());
                    return Self { lead_id: None, lead_state: None, offer: None, sales, fallen, user_errors };
                };
                Self {
                    lead_id: Some(to_id(posted.lead)),
                    lead_state: Some(posted.state.into()),
                    sales: sales(&posted, commission_bp),
                    fallen: posted.concluded.fallen.iter().copied().map(Word).collect(),
                    offer: posted.offer.map(|offer| OfferObject::new(offer, commission_bp)),
                    user_errors,
                }
            }
        }
    };
}

post_payload!(
    /// The answer of `leadPost`.
    LeadPostPayload, LeadPost
);
post_payload!(
    /// The answer of `leadDirectPost`.
    LeadDirectPostPayload, LeadDirectPost
);

/// Queries of offers.
#[derive(Debug, Default)]
pub struct OfferQuery;

/// Mutations of offers.
#[derive(Debug, Default)]
pub struct OfferMutation;

#[Object]
impl OfferQuery {
    /// An offer that the caller was made; null when there is none with this id. Needs `market:read`.
    async fn offer(&self, ctx: &Context<'_>, #[graphql(desc = "Its id.")] id: ID) -> async_graphql::Result<Option<OfferObject>> {
        let found = async {
            caller(ctx).principal.require(Permission::MarketRead)?;
            let id: OfferId = parse_id(&id, "id")?;
            offers::offer(app(ctx), caller(ctx), id).await
        };
        Ok(answer(ctx, found.await)?.map(|offer| OfferObject::new(offer, commission_bp(ctx))))
    }

    /// The offers that the caller was made, the youngest first. Needs `market:read`.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn offers(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only those in one of these states.")] states: Option<Vec<Word<OfferState>>>,
        #[graphql(desc = "Rows at most: 1 to 100, 20 when absent.")] first: Option<i32>,
        #[graphql(desc = "The cursor of the row before the first one.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<OfferObject>> {
        let states = values(states.unwrap_or_default());
        let found = async {
            caller(ctx).principal.require(Permission::MarketRead)?;
            let page = page::<OfferId>(NEWEST, first, after.as_deref())?;
            offers::offers(app(ctx), caller(ctx), &states, &page).await
        };
        let slice = answer(ctx, found.await)?;
        let commission_bp = commission_bp(ctx);
        let shown = |offer| OfferObject::new(offer, commission_bp);
        Ok(connection(NEWEST, slice, after.is_some(), |offer: &StoredOffer| offer.id, shown))
    }
}

#[Object]
impl OfferMutation {
    /// Shows a lead to the campaigns without its person, and gets the best offer: funds are reserved until it expires. The same
    /// ping again gets the same offer while it is open. Needs `listings:write` and `leads:write`.
    async fn lead_ping(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadPingInput,
    ) -> async_graphql::Result<LeadPingPayload> {
        let result = match selling(ctx, input.parse()) {
            Ok(input) => offers::lead_ping(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (offer, user_errors) = settle(ctx, result)?;
        Ok(LeadPingPayload { offer: offer.flatten().map(|offer| OfferObject::new(offer, commission_bp(ctx))), user_errors })
    }

    /// Tells who the pinged lead is and concludes its offer: the lead is checked, and sold to those who won, or, where one of
    /// them cannot buy it, to the next. Needs `listings:write` and `leads:write`.
    async fn lead_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadPostInput,
    ) -> async_graphql::Result<LeadPostPayload> {
        let result = match selling(ctx, input.parse()) {
            Ok(input) => offers::lead_post(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (posted, user_errors) = settle(ctx, result)?;
        Ok(LeadPostPayload::new(posted, user_errors, commission_bp(ctx)))
    }

    /// Sells a lead at once to the campaigns that offer most, at least the reserve. Without an offer the lead stays in your
    /// stock. Needs `listings:write` and `leads:write`.
    async fn lead_direct_post(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadDirectPostInput,
    ) -> async_graphql::Result<LeadDirectPostPayload> {
        let result = match selling(ctx, input.parse()) {
            Ok(input) => offers::lead_direct_post(app(ctx), caller(ctx), input).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (posted, user_errors) = settle(ctx, result)?;
        Ok(LeadDirectPostPayload::new(posted, user_errors, commission_bp(ctx)))
    }
}

impl OfferObject {
    /// The offer as its seller sees it, under the commission of now.
    #[must_use]
    pub fn new(offer: StoredOffer, commission_bp: i64) -> Self {
        let money = |minor: i64| MoneyObject::from(Money::new(minor, offer.currency));
        let sales = &offer.receipt.result.sales;
        let net = sales.iter().fold(0_i64, |sum, sale| sum.saturating_add(net_minor(sale.price_minor, commission_bp)));
        Self {
            id: to_id(offer.id),
            state: offer.state.into(),
            kind: offer.kind().unwrap_or(SaleKind::Exclusive).into(),
            copies: i32::try_from(sales.len()).unwrap_or(i32::MAX),
            net: money(net),
            gross: money(offer.gross_minor()),
            vertical: offer.ping.ping.vertical.to_string(),
            lead_id: offer.lead.map(to_id),
            listing_id: offer.listing.map(to_id),
            created_at: offer.created_at,
            expires_at: offer.expires_at,
            ended_at: offer.ended_at,
            test: offer.test,
        }
    }
}

/// The input, if the caller may both bring leads and offer them.
fn selling<T>(ctx: &Context<'_>, input: Result<T, Vec<Refusal>>) -> Result<T, Vec<Refusal>> {
    caller(ctx).principal.seller()?;
    input
}

/// The exchange's share of a release.
pub(super) fn commission_bp(ctx: &Context<'_>) -> i64 {
    app(ctx).config.exchange.commission_bp
}

fn sales(posted: &Posted, commission_bp: i64) -> Vec<OfferSale> {
    let Some(offer) = &posted.offer else { return Vec::new() };
    let money = |minor: i64| MoneyObject::from(Money::new(minor, offer.currency));
    let sale = |sale: &offers::PostedTrade| OfferSale {
        trade_id: to_id(sale.trade),
        kind: sale.kind.into(),
        price: money(sale.price_minor),
        net: money(net_minor(sale.price_minor, commission_bp)),
        instead_of: sale.instead_of.map(Word),
    };
    posted.concluded.sales.iter().map(sale).collect()
}
