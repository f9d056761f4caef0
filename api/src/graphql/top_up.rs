//! Money in by card: top-ups, saved cards, wallets that fill themselves.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::auto_top_up::AutoTopUpState;
use domain::id::TopUpId;
use domain::money::Money;
use domain::refusal::Refusal;
use domain::top_up::{TopUp, TopUpState};
use gateways::payments::Card;
use store::payments::auto_top_ups::AutoTopUp;
use store::payments::top_ups::StoredTopUp;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::wallet::owner;
use super::word::Word;
use super::{app, caller};
use crate::app::App;
use crate::app::payments::receipts::top_up_receipt_url;
use crate::app::payments::{auto_top_ups, cards, top_ups};
use crate::mutation_errors;

/// Queries about money in by card.
#[derive(Debug, Default)]
pub struct TopUpQuery;

/// Mutations of money in by card.
#[derive(Debug, Default)]
pub struct TopUpMutation;

mutation_errors!(WalletTopUp: [
    Invalid, Required, TooLarge, NotFound, WrongState, PaymentsNotConfigured, PaymentsUnavailable, IdempotencyMismatch
]);
mutation_errors!(SavedCardRemove: [Invalid, NotFound, WrongState, PaymentsNotConfigured, PaymentsUnavailable]);
mutation_errors!(AutoTopUpSet: [
    Invalid, TooLarge, NotFound, CurrencyMismatch, WrongState, PaymentsNotConfigured, PaymentsUnavailable
]);

/// Money that is paid in by card.
#[derive(Debug, SimpleObject)]
#[graphql(name = "TopUp")]
pub struct TopUpObject {
    /// The id.
    pub id: ID,
    /// Whose wallet.
    pub organization_id: ID,
    /// How much was asked for.
    pub amount: MoneyObject,
    /// How much was paid, and is in the wallet, once it is.
    pub paid: Option<MoneyObject>,
    /// Where it stands.
    pub state: Word<TopUpState>,
    /// Where a person goes on: to pay, or to satisfy the card's bank.
    pub url: Option<String>,
    /// Why it failed, in the payment provider's words.
    pub reason: Option<String>,
    /// Whether the wallet fills itself.
    pub automatic: bool,
    /// The exchange's receipt, once it is paid; it needs the same authorization as this.
    pub receipt_url: Option<String>,
    /// The payment provider's receipt, once it is paid.
    pub stripe_receipt_url: Option<String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When it was paid or given up.
    pub ended_at: Option<DateTime<Utc>>,
}

impl TopUpObject {
    fn new(app: &App, top_up: StoredTopUp) -> Self {
        let receipt_url = top_up_receipt_url(app, &top_up);
        let paid = top_up.paid().map(MoneyObject::from);
        let state = top_up.standing.state().into();
        let (url, reason, stripe_receipt_url) = match top_up.standing {
            TopUp::Open { url, .. } => (Some(url), None, None),
            TopUp::AuthenticationRequired { url, .. } => (url, None, None),
            TopUp::Failed { reason, .. } => (None, Some(reason), None),
            TopUp::Paid { receipt_url, .. } => (None, None, receipt_url),
            TopUp::Created | TopUp::Processing { .. } | TopUp::Expired => (None, None, None),
        };
        Self {
            id: to_id(top_up.id),
            organization_id: to_id(top_up.organization),
            amount: top_up.amount.into(),
            paid,
            state,
            url,
            reason,
            automatic: top_up.automatic,
            receipt_url,
            stripe_receipt_url,
            requested_at: top_up.created_at,
            ended_at: top_up.ended_at,
        }
    }
}

/// A card that was saved at the payment provider; the exchange has nothing else of it.
#[derive(Debug, SimpleObject)]
pub struct SavedCard {
    /// The payment provider's id.
    pub id: ID,
    /// Its brand: `visa`.
    pub brand: String,
    /// The last four digits.
    pub last_four: String,
    /// The month of expiry, from 1.
    pub expiry_month: i32,
    /// The year of expiry.
    pub expiry_year: i32,
    /// When it was saved.
    pub saved_at: DateTime<Utc>,
}

impl From<Card> for SavedCard {
    fn from(card: Card) -> Self {
        Self {
            id: ID(card.id),
            brand: card.brand,
            last_four: card.last_four,
            expiry_month: card.expiry_month.into(),
            expiry_year: card.expiry_year.into(),
            saved_at: card.created,
        }
    }
}

/// How a wallet fills itself in one currency.
#[derive(Debug, SimpleObject)]
#[graphql(name = "AutoTopUp")]
pub struct AutoTopUpObject {
    /// Below this it fills itself.
    pub threshold: MoneyObject,
    /// By this much.
    pub amount: MoneyObject,
    /// The most in a calendar month, in UTC.
    pub monthly_max: MoneyObject,
    /// The saved card.
    pub card_id: ID,
    /// Whether it does.
    pub state: Word<AutoTopUpState>,
    /// Why it is paused, in the payment provider's words.
    pub reason: Option<String>,
    /// Since when it is so.
    pub updated_at: DateTime<Utc>,
}

impl From<AutoTopUp> for AutoTopUpObject {
    fn from(set: AutoTopUp) -> Self {
        let money = |minor| MoneyObject::from(Money::new(minor, set.currency));
        Self {
            threshold: money(set.threshold_minor),
            amount: money(set.amount_minor),
            monthly_max: money(set.monthly_max_minor),
            card_id: ID(set.saved_card),
            state: set.state.into(),
            reason: set.reason,
            updated_at: set.updated_at,
        }
    }
}

/// Money to pay in by card.
#[derive(Debug, InputObject)]
pub struct WalletTopUpInput {
    /// How much.
    pub amount: MoneyInput,
    /// A saved card to charge at once. Without it the answer has the address of a page to pay at.
    pub card_id: Option<ID>,
    /// Whether the card that pays at that page is saved, for later top-ups and for wallets that fill themselves.
    #[graphql(default = false)]
    pub save_card: bool,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// A saved card to forget.
#[derive(Debug, InputObject)]
pub struct SavedCardRemoveInput {
    /// Which.
    pub card_id: ID,
}

/// How a wallet is to fill itself in the currency of these amounts.
#[derive(Debug, InputObject)]
pub struct AutoTopUpSetInput {
    /// Below this it fills itself.
    pub threshold: MoneyInput,
    /// By this much.
    pub amount: MoneyInput,
    /// The most in a calendar month, in UTC.
    pub monthly_max: MoneyInput,
    /// The saved card.
    pub card_id: ID,
    /// Whether it does; `false` turns it off.
    #[graphql(default = true)]
    pub active: bool,
}

/// The answer of `walletTopUp`.
#[derive(Debug, SimpleObject)]
pub struct WalletTopUpPayload {
    /// The top-up.
    pub top_up: Option<TopUpObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletTopUp>>,
}

/// The answer of `savedCardRemove`.
#[derive(Debug, SimpleObject)]
pub struct SavedCardRemovePayload {
    /// The card that was forgotten.
    pub card: Option<SavedCard>,
    /// What was wrong.
    pub user_errors: Vec<UserError<SavedCardRemove>>,
}

/// The answer of `autoTopUpSet`.
#[derive(Debug, SimpleObject)]
pub struct AutoTopUpSetPayload {
    /// How the wallet fills itself now.
    pub auto_top_up: Option<AutoTopUpObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<AutoTopUpSet>>,
}

#[Object]
impl TopUpQuery {
    /// What the caller's organization paid in by card, newest first; an operator sees that of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn top_ups(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<TopUpObject>> {
        let page = page::<TopUpId>("topUps:newest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, top_ups::top_ups(app(ctx), caller(ctx), owner(organization_id)?, &page).await)?;
        let shown = |top_up| TopUpObject::new(app(ctx), top_up);
        Ok(connection("topUps:newest", slice, page.after.is_some(), |row| row.id, shown))
    }

    /// One top-up; null when there is none with this id that the caller may see.
    async fn top_up(&self, ctx: &Context<'_>, #[graphql(desc = "The id.")] id: ID) -> async_graphql::Result<Option<TopUpObject>> {
        let id = parse_id(&id, "id").map_err(top_level)?;
        let found = answer(ctx, top_ups::top_up(app(ctx), caller(ctx), id).await)?;
        Ok(found.map(|top_up| TopUpObject::new(app(ctx), top_up)))
    }

    /// The saved cards of the caller's organization, newest first, at most 100.
    #[graphql(complexity = "page_cost(None, child_complexity)")]
    async fn saved_cards(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<SavedCard>> {
        let found = answer(ctx, cards::saved_cards(app(ctx), caller(ctx)).await)?;
        Ok(found.into_iter().map(SavedCard::from).collect())
    }

    /// How the wallet of the caller's organization fills itself, by currency.
    #[graphql(complexity = "page_cost(None, child_complexity)")]
    async fn auto_top_ups(&self, ctx: &Context<'_>) -> async_graphql::Result<Vec<AutoTopUpObject>> {
        let found = answer(ctx, auto_top_ups::auto_top_ups(app(ctx), caller(ctx)).await)?;
        Ok(found.into_iter().map(AutoTopUpObject::from).collect())
    }
}

#[Object]
impl TopUpMutation {
    /// Pays money in by card. The wallet is credited when the payment provider says that it was paid, with what was paid. Where no
    /// provider is set up this says so, and an operator records deposits instead.
    async fn wallet_top_up(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletTopUpInput,
    ) -> async_graphql::Result<WalletTopUpPayload> {
        let result = match input.amount.positive("amount") {
            Ok(amount) => {
                let asked = top_ups::TopUpRequest { amount, card: input.card_id.map(|id| id.0), save_card: input.save_card };
                top_ups::wallet_top_up(app(ctx), caller(ctx), &input.idempotency_key, asked).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (top_up, user_errors) = settle(ctx, result)?;
        Ok(WalletTopUpPayload { top_up: top_up.map(|top_up| TopUpObject::new(app(ctx), top_up)), user_errors })
    }

    /// Forgets a saved card, for good. A wallet that fills itself from it stops doing so.
    async fn saved_card_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: SavedCardRemoveInput,
    ) -> async_graphql::Result<SavedCardRemovePayload> {
        let result = cards::saved_card_remove(app(ctx), caller(ctx), &input.card_id).await;
        let (card, user_errors) = settle(ctx, result)?;
        Ok(SavedCardRemovePayload { card: card.map(SavedCard::from), user_errors })
    }

    /// Sets how the wallet fills itself in one currency, from a saved card and while nobody is there. A pause after a decline ends.
    async fn auto_top_up_set(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: AutoTopUpSetInput,
    ) -> async_graphql::Result<AutoTopUpSetPayload> {
        let result = match parse(input) {
            Ok(set) => auto_top_ups::auto_top_up_set(app(ctx), caller(ctx), set).await,
            Err(refusals) => Err(refusals.into()),
        };
        let (set, user_errors) = settle(ctx, result)?;
        Ok(AutoTopUpSetPayload { auto_top_up: set.map(AutoTopUpObject::from), user_errors })
    }
}

fn parse(input: AutoTopUpSetInput) -> Result<auto_top_ups::AutoTopUpSet, Vec<Refusal>> {
    let threshold = input.threshold.positive("threshold");
    let amount = input.amount.positive("amount");
    match (threshold, amount, input.monthly_max.positive("monthlyMax")) {
        (Ok(threshold), Ok(amount), Ok(monthly_max)) => {
            Ok(auto_top_ups::AutoTopUpSet { threshold, amount, monthly_max, card: input.card_id.0, active: input.active })
        }
        (threshold, amount, monthly_max) => {
            Err([threshold.err(), amount.err(), monthly_max.err()].into_iter().flatten().collect())
        }
    }
}
