//! Card payments that their payer's bank questions.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::card_dispute::CardDisputeState;
use domain::id::CardDisputeId;
use store::payments::card_disputes::CardDispute;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::scalar::MoneyObject;
use super::wallet::owner;
use super::word::Word;
use super::{app, caller};
use crate::app::App;
use crate::app::payments::card_disputes;
use crate::mutation_errors;

/// Queries about disputed card payments.
#[derive(Debug, Default)]
pub struct CardDisputeQuery;

/// Mutations of disputed card payments.
#[derive(Debug, Default)]
pub struct CardDisputeMutation;

mutation_errors!(ChargebackEvidenceSubmit: [Invalid, NotFound, WrongState, PaymentsNotConfigured, PaymentsUnavailable]);

/// A card payment that its payer's bank questions.
#[derive(Debug, SimpleObject)]
#[graphql(name = "CardDispute")]
pub struct CardDisputeObject {
    /// The id.
    pub id: ID,
    /// Whose payment.
    pub organization_id: ID,
    /// The payment.
    pub top_up_id: ID,
    /// How much is questioned.
    pub amount: MoneyObject,
    /// Why, in the payment provider's word: `fraudulent`.
    pub reason: String,
    /// Where it stands.
    pub state: Word<CardDisputeState>,
    /// Until when the bank takes evidence.
    pub due_at: Option<DateTime<Utc>>,
    /// Since when evidence is with the bank.
    pub submitted_at: Option<DateTime<Utc>>,
    /// What was booked of it, once the bank took the money.
    pub chargeback_id: Option<ID>,
    /// The evidence as a file, for operators: what the payment bought, when that was delivered, and that each person had asked.
    pub evidence_url: String,
    /// When it came.
    pub opened_at: DateTime<Utc>,
    /// When the bank decided.
    pub ended_at: Option<DateTime<Utc>>,
}

impl CardDisputeObject {
    fn new(app: &App, dispute: CardDispute) -> Self {
        Self {
            evidence_url: format!("{}/card-disputes/{}/evidence.txt", app.config.server.public_url, dispute.id),
            id: to_id(dispute.id),
            organization_id: to_id(dispute.seen.organization),
            top_up_id: to_id(dispute.seen.top_up),
            amount: dispute.seen.amount.into(),
            reason: dispute.seen.reason,
            state: dispute.seen.state.into(),
            due_at: dispute.seen.due_at,
            submitted_at: dispute.submitted_at,
            chargeback_id: dispute.chargeback.map(to_id),
            opened_at: dispute.created_at,
            ended_at: dispute.ended_at,
        }
    }
}

/// Evidence to send to the bank.
#[derive(Debug, InputObject)]
pub struct ChargebackEvidenceSubmitInput {
    /// Of which disputed payment.
    pub card_dispute_id: ID,
}

/// The answer of `chargebackEvidenceSubmit`.
#[derive(Debug, SimpleObject)]
pub struct ChargebackEvidenceSubmitPayload {
    /// The disputed payment.
    pub card_dispute: Option<CardDisputeObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ChargebackEvidenceSubmit>>,
}

#[Object]
impl CardDisputeQuery {
    /// The disputed card payments of the caller's organization, newest first; an operator sees those of one organization or of all.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn card_disputes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose, for operators.")] organization_id: Option<ID>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<CardDisputeObject>> {
        let page = page::<CardDisputeId>("cardDisputes:newest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, card_disputes::card_disputes(app(ctx), caller(ctx), owner(organization_id)?, &page).await)?;
        let shown = |dispute| CardDisputeObject::new(app(ctx), dispute);
        Ok(connection("cardDisputes:newest", slice, page.after.is_some(), |row| row.id, shown))
    }

    /// The evidence of a disputed payment as a text, as its file has it: what the payment bought, when that was delivered, and that
    /// each person had asked. It names no person. For operators.
    async fn chargeback_evidence(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Of which disputed payment.")] card_dispute_id: ID,
    ) -> async_graphql::Result<String> {
        let id = parse_id(&card_dispute_id, "cardDisputeId").map_err(top_level)?;
        Ok(answer(ctx, card_disputes::chargeback_evidence(app(ctx), caller(ctx), id).await)?.text())
    }
}

#[Object]
impl CardDisputeMutation {
    /// Sends the evidence to the bank, which takes it once. For operators.
    async fn chargeback_evidence_submit(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ChargebackEvidenceSubmitInput,
    ) -> async_graphql::Result<ChargebackEvidenceSubmitPayload> {
        let result = match parse_id(&input.card_dispute_id, "cardDisputeId") {
            Ok(id) => card_disputes::chargeback_evidence_submit(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (dispute, user_errors) = settle(ctx, result)?;
        let card_dispute = dispute.map(|dispute| CardDisputeObject::new(app(ctx), dispute));
        Ok(ChargebackEvidenceSubmitPayload { card_dispute, user_errors })
    }
}
