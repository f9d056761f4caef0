//! Trades, and the contact details under them.

use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::{Permission, Principal};
use domain::id::{LeadId, OrganizationId, TradeId};
use domain::lead::MessengerKind;
use domain::money::share_bp;
use domain::refusal::Refusal;
use domain::trade::{Clock, Hold, TradeState};
use store::trades::{Trade, TradeSide};

use super::connection::{NodeConnection, connection, list_cost, page, page_cost};
use super::delivery::DeliveryObject;
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::loader::{DeliveriesOf, load};
use super::scalar::MoneyObject;
use super::word::Word;
use super::{app, caller};
use crate::app::contact::{self, ContactRevealed};
use crate::app::trade;
use crate::mutation_errors;

const NEWEST: &str = "trades:newest";

/// Queries about trades.
#[derive(Debug, Default)]
pub struct TradeQuery;

/// Mutations of trades.
#[derive(Debug, Default)]
pub struct TradeMutation;

mutation_errors!(ContactReveal: [Invalid, Required, NotFound, WrongState]);

/// On which side of its trades an organization looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[graphql(name = "TradeSide")]
pub enum Side {
    /// What it sold.
    Seller,
    /// What it bought.
    Buyer,
}

/// One lead sold to one buyer, and the hold on its price.
#[derive(Debug, SimpleObject)]
#[graphql(complex, name = "Trade")]
pub struct TradeObject {
    /// The id.
    pub id: ID,
    /// The listing that sold it.
    pub listing_id: ID,
    /// The lead.
    pub lead_id: ID,
    /// Who sold it.
    pub seller_id: ID,
    /// Who bought it.
    pub buyer_id: ID,
    /// Whether the buyer has the lead alone.
    pub exclusive: bool,
    /// Where the money is.
    pub state: Word<TradeState>,
    /// The price, held from the sale on.
    pub price: MoneyObject,
    /// The exchange's commission: what it took, or will take if the hold ends without a refund. Only for the seller, who pays it,
    /// and for operators.
    pub commission: Option<MoneyObject>,
    /// What went back to the buyer.
    pub refunded: MoneyObject,
    /// When it was sold.
    pub sold_at: DateTime<Utc>,
    /// When the contact details were first revealed or delivered, which starts the hold's clock.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When the hold ends if nothing happens before; null while a dispute stops the clock, and after the end.
    pub hold_ends_at: Option<DateTime<Utc>>,
    /// When the hold ended.
    pub ended_at: Option<DateTime<Utc>>,
    #[graphql(skip)]
    clock_waits: bool,
    #[graphql(skip)]
    trade: TradeId,
    #[graphql(skip)]
    buyer: OrganizationId,
}

#[ComplexObject]
impl TradeObject {
    /// Whether the hold's clock has yet to start: it starts at the first reveal or delivery, at the latest a day after the sale.
    async fn hold_waits_for_delivery(&self) -> bool {
        self.clock_waits
    }

    /// Where the lead is brought, one for each destination. Empty for all but its buyer.
    #[graphql(complexity = "list_cost(2, child_complexity)")]
    async fn deliveries(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<DeliveryObject>> {
        if caller(ctx).principal.organization() != Some(self.buyer) {
            return Ok(Vec::new());
        }
        let found = answer(ctx, load(ctx, DeliveriesOf(self.trade)).await)?.unwrap_or_default();
        Ok(found.into_iter().map(|delivery| DeliveryObject::new(app(ctx), delivery)).collect())
    }
}

impl TradeObject {
    /// The trade as `viewer`, one of its parties or an operator, sees it.
    pub fn seen(trade: Trade, viewer: &Principal) -> Self {
        let charged = viewer.organization().is_none_or(|organization| organization == trade.seller);
        let money = |minor| MoneyObject::from(domain::money::Money::new(minor, trade.price.currency));
        let commission_minor = match trade.hold {
            Hold::Held(_) | Hold::Disputed { .. } => share_bp(trade.price.minor, trade.commission_bp),
            _ => trade.commission_minor,
        };
        let hold_ends_at = match trade.hold {
            Hold::Held(clock) => Some(clock.ends_at()),
            _ => None,
        };
        Self {
            id: to_id(trade.id),
            listing_id: to_id(trade.listing),
            lead_id: to_id(trade.lead),
            seller_id: to_id(trade.seller),
            buyer_id: to_id(trade.buyer),
            exclusive: trade.exclusive,
            state: trade.hold.state().into(),
            price: trade.price.into(),
            commission: charged.then(|| money(commission_minor)),
            refunded: money(trade.refunded_minor),
            sold_at: trade.sold_at,
            delivered_at: trade.delivered_at,
            hold_ends_at,
            ended_at: trade.ended_at,
            trade: trade.id,
            buyer: trade.buyer,
            clock_waits: matches!(trade.hold, Hold::Held(Clock::Waiting { .. })),
        }
    }
}

/// A messenger account.
#[derive(Debug, SimpleObject)]
pub struct LeadMessenger {
    /// The service.
    pub kind: Word<MessengerKind>,
    /// The account there.
    pub account: String,
}

/// The person's answer to a question of the vertical that tells who they are.
#[derive(Debug, SimpleObject)]
pub struct IdentifyingAnswer {
    /// The attribute's key.
    pub key: String,
    /// The value.
    pub value: String,
}

/// Who the person behind a lead is.
#[derive(SimpleObject)]
pub struct LeadContact {
    /// The lead.
    pub lead_id: ID,
    /// The person's name.
    pub name: String,
    /// Phone numbers in E.164, the preferred one first.
    pub phones: Vec<String>,
    /// E-mail addresses, the preferred one first.
    pub emails: Vec<String>,
    /// A messenger account.
    pub messenger: Option<LeadMessenger>,
    /// The company's name.
    pub company: Option<String>,
    /// The decision maker's title there.
    pub position: Option<String>,
    /// Age in whole years.
    pub age: Option<i32>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// Answers that tell who the person is.
    pub answers: Vec<IdentifyingAnswer>,
    /// The person's comments.
    pub comments: Option<String>,
    /// When the person asked to be called.
    pub call_me_at: Option<DateTime<Utc>>,
}

impl From<&ContactRevealed> for LeadContact {
    fn from(revealed: &ContactRevealed) -> Self {
        let person = revealed.person.clone();
        let messenger = person.contact.messenger.map(|m| LeadMessenger { kind: m.kind.into(), account: m.account });
        let answer =
            |(key, value): (String, domain::vertical::AttributeValue)| IdentifyingAnswer { key, value: value.to_string() };
        Self {
            lead_id: to_id(revealed.lead),
            name: person.contact.name,
            phones: person.contact.phones.into_iter().map(|phone| phone.e164).collect(),
            emails: person.contact.emails.into_iter().map(|email| email.address).collect(),
            messenger,
            company: person.contact.company,
            position: person.contact.position,
            age: person.age.map(i32::from),
            postal_code: person.postal_code,
            answers: person.identifying.into_iter().map(answer).collect(),
            comments: person.comments,
            call_me_at: person.call_me_at,
        }
    }
}

/// Whose contact details to show: of a trade or of a lead, exactly one.
#[derive(Debug, InputObject)]
pub struct ContactRevealInput {
    /// The trade under which the lead was bought.
    pub trade_id: Option<ID>,
    /// The lead: one's own, or one that was bought.
    pub lead_id: Option<ID>,
}

impl ContactRevealInput {
    fn parse(&self) -> Result<(Option<TradeId>, Option<LeadId>), Refusal> {
        let trade = self.trade_id.as_ref().map(|id| parse_id(id, "tradeId")).transpose()?;
        let lead = self.lead_id.as_ref().map(|id| parse_id(id, "leadId")).transpose()?;
        Ok((trade, lead))
    }
}

/// The answer of `contactReveal`.
#[derive(SimpleObject)]
pub struct ContactRevealPayload {
    /// Who the person is.
    pub contact: Option<LeadContact>,
    /// The trade under which the buyer looked; null when the seller did, and for a key without `trades:read`.
    pub trade: Option<TradeObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ContactReveal>>,
}

#[Object]
impl TradeQuery {
    /// A trade of the caller's organization; any trade, for an operator.
    async fn trade(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> async_graphql::Result<Option<TradeObject>> {
        let id: TradeId = parse_id(&id, "id").map_err(top_level)?;
        let found = answer(ctx, trade::trade(app(ctx), caller(ctx), id).await)?;
        Ok(found.map(|trade| TradeObject::seen(trade, &caller(ctx).principal)))
    }

    /// The trades of the caller's organization, newest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn trades(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Only what it sold, or only what it bought.")] side: Option<Side>,
        #[graphql(desc = "Only trades in this state.")] state: Option<Word<TradeState>>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<TradeObject>> {
        let side = match side {
            Some(Side::Seller) => TradeSide::Seller,
            Some(Side::Buyer) => TradeSide::Buyer,
            None => TradeSide::Either,
        };
        let page = page::<TradeId>(NEWEST, first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, trade::trades(app(ctx), caller(ctx), side, state.map(|word| word.0), &page).await)?;
        let viewer = &caller(ctx).principal;
        Ok(connection(NEWEST, slice, page.after.is_some(), |trade| trade.id, |trade| TradeObject::seen(trade, viewer)))
    }
}

#[Object]
impl TradeMutation {
    /// Shows who the person behind a lead is, to its seller and to buyers with a live trade. Each look is recorded; a buyer's
    /// first one starts the hold of the trade.
    async fn contact_reveal(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ContactRevealInput,
    ) -> async_graphql::Result<ContactRevealPayload> {
        let result = match input.parse() {
            Ok((trade, lead)) => contact::contact_reveal(app(ctx), caller(ctx), trade, lead).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (revealed, user_errors) = settle(ctx, result)?;
        let contact = revealed.as_ref().map(LeadContact::from);
        let viewer = &caller(ctx).principal;
        let trade = revealed.and_then(|revealed| revealed.trade).filter(|_| viewer.may(Permission::TradesRead));
        Ok(ContactRevealPayload { contact, trade: trade.map(|trade| TradeObject::seen(trade, viewer)), user_errors })
    }
}
