//! Unspent money back to the card that paid it.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::card_refund::CardRefundState;
use domain::id::CardRefundId;
use store::payments::card_refunds::CardRefund;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::{MoneyInput, MoneyObject};
use super::wallet::owner;
use super::word::Word;
use super::{app, caller};
use crate::app::payments::card_refunds::{self, RefundRequest};
use crate::mutation_errors;

/// Queries about refunds to cards.
#[derive(Debug, Default)]
pub struct CardRefundQuery;

/// Mutations of refunds to cards.
#[derive(Debug, Default)]
pub struct CardRefundMutation;

mutation_errors!(WalletRefund: [
    Invalid, Required, TooLarge, NotFound, WrongState, InsufficientFunds, WalletFrozen, CurrencyMismatch, PaymentsNotConfigured,
    PaymentsUnavailable, IdempotencyMismatch
]);

/// Money that goes back to the card that paid it.
#[derive(Debug, SimpleObject)]
#[graphql(name = "CardRefund")]
pub struct CardRefundObject {
    /// The id.
    pub id: ID,
    /// Whose money.
    pub organization_id: ID,
    /// The payment that it is of.
    pub top_up_id: ID,
    /// How much.
    pub amount: MoneyObject,
    /// Where it stands.
    pub state: Word<CardRefundState>,
    /// Why the card's bank did not take it, in the payment provider's words.
    pub failure: Option<String>,
    /// When it was asked for.
    pub requested_at: DateTime<Utc>,
    /// When the card's bank had it, or it was back in the wallet.
    pub ended_at: Option<DateTime<Utc>>,
}

impl From<CardRefund> for CardRefundObject {
    fn from(refund: CardRefund) -> Self {
        Self {
            id: to_id(refund.id),
            organization_id: to_id(refund.organization),
            top_up_id: to_id(refund.top_up),
            amount: refund.amount.into(),
            state: refund.state.into(),
            failure: refund.failure,
            requested_at: refund.created_at,
            ended_at: refund.ended_at,
        }
    }
}

/// Money to give back to the card.
#[derive(Debug, InputObject)]
pub struct WalletRefundInput {
    /// Of which payment.
    pub top_up_id: ID,
    /// How much of it: at most what the wallet has unspent, and what of the payment was neither refunded nor charged back.
    pub amount: MoneyInput,
    /// The same key with the same input answers the same; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `walletRefund`.
#[derive(Debug, SimpleObject)]
pub struct WalletRefundPayload {
    /// The refund.
    pub card_refund: Option<CardRefundObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<WalletRefund>>,
}

#[Object]
impl CardRefundQuery {
    /// The refunds to cards of the caller's organization, newest first; an operator sees those of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn card_refunds(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<CardRefundObject>> {
        let page = page::<CardRefundId>("cardRefunds:newest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, card_refunds::card_refunds(app(ctx), caller(ctx), owner(organization_id)?, &page).await)?;
        Ok(connection("cardRefunds:newest", slice, page.after.is_some(), |row| row.id, CardRefundObject::from))
    }
}

#[Object]
impl CardRefundMutation {
    /// Gives unspent money back to the card that paid it. It leaves the wallet at once, and returns if the card's bank does not take
    /// it.
    async fn wallet_refund(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: WalletRefundInput,
    ) -> async_graphql::Result<WalletRefundPayload> {
        let result = match (parse_id(&input.top_up_id, "topUpId"), input.amount.positive("amount")) {
            (Ok(top_up), Ok(amount)) => {
                let asked = RefundRequest { top_up, amount };
                card_refunds::wallet_refund(app(ctx), caller(ctx), &input.idempotency_key, asked).await
            }
            (top_up, amount) => Err([top_up.err(), amount.err()].into_iter().flatten().collect::<Vec<_>>().into()),
        };
        let (refund, user_errors) = settle(ctx, result)?;
        Ok(WalletRefundPayload { card_refund: refund.map(CardRefundObject::from), user_errors })
    }
}
