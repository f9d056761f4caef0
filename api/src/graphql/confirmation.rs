//! Codes and links by which persons confirm that they asked.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::lead::Channel;
use domain::refusal::Refusal;
use secrecy::SecretString;
use store::confirmations::StoredConfirmation;

use super::error::{UserError, settle};
use super::id::{parse_id, to_id};
use super::word::Word;
use super::{app, caller};
use crate::app::confirmations::{self, Answer};
use crate::mutation_errors;

/// Mutations of confirmations.
#[derive(Debug, Default)]
pub struct ConfirmationMutation;

mutation_errors!(ConfirmationSend: [Invalid, NotFound, WrongState, RateLimited]);
mutation_errors!(ConfirmationAnswer: [Invalid, Required, TooLarge, NotFound, OutsideWindow, RateLimited, WrongState]);

/// A code and a link, sent to the person behind a lead.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Confirmation")]
pub struct ConfirmationObject {
    /// The id; whoever answers with a code names it.
    pub id: ID,
    /// The lead.
    pub lead_id: ID,
    /// Where it was sent.
    pub channel: Word<Channel>,
    /// When.
    pub sent_at: DateTime<Utc>,
    /// From when on code and link no longer work.
    pub expires_at: DateTime<Utc>,
}

/// Whom to send a code and a link, and how.
#[derive(Debug, InputObject)]
pub struct ConfirmationSendInput {
    /// The lead.
    pub lead_id: ID,
    /// PHONE or EMAIL.
    pub channel: Word<Channel>,
}

/// A person's answer: the code with the confirmation's id, or the token of the link.
#[derive(InputObject)]
pub struct ConfirmationAnswerInput {
    /// The confirmation, with a code.
    pub confirmation_id: Option<ID>,
    /// The code.
    #[graphql(secret)]
    pub code: Option<String>,
    /// The token of the link.
    #[graphql(secret)]
    pub token: Option<String>,
}

/// The answer of `confirmationSend`.
#[derive(Debug, SimpleObject)]
pub struct ConfirmationSendPayload {
    /// What was sent.
    pub confirmation: Option<ConfirmationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ConfirmationSend>>,
}

/// The answer of `confirmationAnswer`.
#[derive(Debug, SimpleObject)]
pub struct ConfirmationAnswerPayload {
    /// Whether the person is confirmed, now or by an earlier answer.
    pub confirmed: Option<bool>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ConfirmationAnswer>>,
}

#[Object]
impl ConfirmationMutation {
    /// Sends the person behind a lead a code and a link, at most three a day and person, whoever brought them. Nothing is sent
    /// to a person who must not be contacted, or for a lead that a check rules out.
    async fn confirmation_send(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ConfirmationSendInput,
    ) -> async_graphql::Result<ConfirmationSendPayload> {
        let result = match parse_id(&input.lead_id, "leadId") {
            Ok(lead) => confirmations::confirmation_send(app(ctx), caller(ctx), lead, input.channel.0).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (sent, user_errors) = settle(ctx, result)?;
        Ok(ConfirmationSendPayload { confirmation: sent.map(ConfirmationObject::from), user_errors })
    }

    /// Takes a person's answer. Needs no log-in: the code or the token is the proof. A wrong code is counted; after five the
    /// confirmation is spent.
    async fn confirmation_answer(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ConfirmationAnswerInput,
    ) -> async_graphql::Result<ConfirmationAnswerPayload> {
        let result = match input.parse() {
            Ok(given) => confirmations::confirmation_take(app(ctx), given).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (taken, user_errors) = settle(ctx, result)?;
        Ok(ConfirmationAnswerPayload { confirmed: taken.map(|_| true), user_errors })
    }
}

impl ConfirmationAnswerInput {
    fn parse(self) -> Result<Answer, Refusal> {
        match (self.confirmation_id, self.code, self.token) {
            (None, None, Some(token)) => Ok(Answer::Token(SecretString::from(token))),
            (Some(id), Some(code), None) => Ok(Answer::Code(parse_id(&id, "confirmationId")?, code)),
            (Some(_), None, None) => Err(Refusal::required("code")),
            (None, Some(_), None) => Err(Refusal::required("confirmationId")),
            (None, None, None) => Err(Refusal::required("token")),
            _ => Err(Refusal::invalid("token", "either the token, or the confirmation with its code")),
        }
    }
}

impl From<StoredConfirmation> for ConfirmationObject {
    fn from(sent: StoredConfirmation) -> Self {
        Self {
            id: to_id(sent.id),
            lead_id: to_id(sent.lead),
            channel: sent.channel.into(),
            sent_at: sent.created_at,
            expires_at: sent.confirmation.expires_at,
        }
    }
}
