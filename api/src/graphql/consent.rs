//! A person takes consent back.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use domain::lead::LeadState;
use domain::refusal::Refusal;
use secrecy::SecretString;

use super::error::{UserError, settle};
use super::id::{parse_id, to_id};
use super::word::Word;
use super::{app, caller};
use crate::app::consent::{self, Person};
use crate::mutation_errors;

mutation_errors!(ConsentWithdraw: [Invalid, Required, TooLarge, NotFound, WrongState, Conflict, IdempotencyMismatch]);

/// Mutations of a person's consent.
#[derive(Debug, Default)]
pub struct ConsentMutation;

/// Whose consent is withdrawn: exactly one is named.
#[derive(InputObject)]
pub struct ConsentWithdrawInput {
    /// The token of the link that was sent to the person. Needs no log-in: whoever holds it is the person.
    pub token: Option<String>,
    /// The lead whose person told its seller, or the exchange. Needs `leads:write` of its seller, or an operator.
    pub lead_id: Option<ID>,
    /// Makes a repeated call answer like the first; at most 128 characters.
    pub idempotency_key: String,
}

/// The answer of `consentWithdraw`.
#[derive(Debug, SimpleObject)]
pub struct ConsentWithdrawPayload {
    /// The lead.
    pub lead_id: Option<ID>,
    /// What became of the lead.
    pub lead_state: Option<Word<LeadState>>,
    /// Trades that were refunded, since the lead had not been delivered.
    pub refunded_trades: Option<i32>,
    /// What was wrong.
    pub user_errors: Vec<UserError<ConsentWithdraw>>,
}

impl ConsentWithdrawInput {
    fn parse(self) -> Result<(Person, String), Refusal> {
        let person = match (self.token, self.lead_id) {
            (Some(token), None) => Ok(Person::Link(SecretString::from(token))),
            (None, Some(id)) => Ok(Person::Lead(parse_id(&id, "leadId")?)),
            (None, None) => Err(Refusal::required("token")),
            (Some(_), Some(_)) => Err(Refusal::invalid("leadId", "name the link's token or the lead, not both")),
        };
        Ok((person?, self.idempotency_key))
    }
}

#[Object]
impl ConsentMutation {
    /// Withdraws a person's consent: undelivered trades are refunded, an open listing ends, the contact data is destroyed with
    /// what buyers wrote down about the person, and the person goes on the do-not-contact list. Keyed hashes stay, for disputes
    /// and so that the person is known again.
    async fn consent_withdraw(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: ConsentWithdrawInput,
    ) -> async_graphql::Result<ConsentWithdrawPayload> {
        let result = match input.parse() {
            Ok((person, key)) => consent::consent_withdraw(app(ctx), caller(ctx), &key, person).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (done, user_errors) = settle(ctx, result)?;
        Ok(ConsentWithdrawPayload {
            lead_id: done.as_ref().map(|done| to_id(done.lead)),
            lead_state: done.as_ref().map(|done| Word(done.state)),
            refunded_trades: done.map(|done| i32::try_from(done.refunded).unwrap_or(i32::MAX)),
            user_errors,
        })
    }
}
