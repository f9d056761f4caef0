//! Refunds to the card: the money leaves the wallet when the row is written, and returns if the card's bank does not take it.

use domain::card_refund::{CardRefundState, refundable_minor};
use domain::id::{CardRefundId, OrganizationId, TopUpId, TypedId};
use domain::ledger::{Account, AccountKind, card};
use domain::money::Money;
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};
use serde::{Deserialize, Serialize};

use super::top_ups::{StoredTopUp, top_up_lock};
use super::{changed, locks};
use crate::chargebacks::{charged_back_minor, wallet_require_open};
use crate::db::Store;
use crate::entity::card_refund;
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// A refund to a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CardRefund {
    /// Its id.
    pub id: CardRefundId,
    /// Whose money.
    pub organization: OrganizationId,
    /// The payment that it is of.
    pub top_up: TopUpId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: CardRefundState,
    /// The provider's id, once it has one.
    pub refund: Option<String>,
    /// Why the bank did not take it.
    pub failure: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it reached the bank or came back.
    pub ended_at: Option<Timestamp>,
}

impl TryFrom<card_refund::Model> for CardRefund {
    type Error = StoreError;

    fn try_from(row: card_refund::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            top_up: row.top_up_id.into(),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            state: row.state.parse().map_err(StoreError::corrupt)?,
            refund: row.refund_id,
            failure: row.failure,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

/// Takes `amount` of an organization's top-up out of its wallet, towards the card: at most what of the payment was neither
/// refunded nor charged back, and at most what the wallet has.
pub async fn card_refund_request(
    tx: &Tx,
    organization: OrganizationId,
    of: TopUpId,
    amount: Money,
    requested_by: Option<Uuid>,
    check_secs: i64,
) -> Result<CardRefund, WriteError> {
    let row = top_up_lock(tx, of).await?.filter(|row| row.organization_id == organization.0);
    let top_up = StoredTopUp::try_from(row.ok_or_else(|| Refusal::not_found("topUpId", "top-up"))?)?;
    let paid = top_up.paid().ok_or_else(|| Refusal::wrong_state("the top-up is not paid").at("topUpId"))?;
    if paid.currency != amount.currency {
        return Err(Refusal::new(Code::CurrencyMismatch, format!("it was paid in {}", paid.currency)).at("amount").into());
    }
    wallet_require_open(tx, organization).await?;
    let available = Account::of(organization, AccountKind::Available, amount.currency);
    let outside = Account::exchange(AccountKind::ExternalStripe, amount.currency);
    let mut ledger = Ledger::lock(tx, [available, outside]).await?;
    let refunded = refunded_minor(tx, of).await?;
    let left = refundable_minor(paid.minor, refunded, charged_back_minor(tx, of).await?, i64::MAX);
    if amount.minor > left {
        let message = format!("{} of this payment can still be refunded", Money::new(left, amount.currency));
        return Err(Refusal::new(Code::TooLarge, message).at("amount").into());
    }
    let created_at = ledger.now();
    let row = card_refund::Model {
        id: tx.id::<CardRefundId>().uuid(),
        organization_id: organization.0,
        top_up_id: of.uuid(),
        amount_minor: amount.minor,
        currency: amount.currency.code().to_owned(),
        state: CardRefundState::Requested.as_str().to_owned(),
        refund_id: None,
        failure: None,
        attempt: 0,
        requested_by,
        created_at,
        check_at: Some(plus_secs(created_at, check_secs)),
        ended_at: None,
        version: 0,
    };
    card_refund::Entity::insert(card_refund::ActiveModel::from(row.clone())).exec_without_returning(tx.db()).await?;
    let refund = CardRefund::try_from(row)?;
    let journal = card::card_refund(refund.id, organization, amount).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note { memo: None, recorded_by: requested_by })?;
    ledger.flush().await?;
    tx.emit(news(&refund)).await?;
    Ok(refund)
}

/// Takes what the provider says of a refund; one that failed returns to the wallet, once. What failed stays failed. Answers the
/// refund and whether anything changed.
pub async fn card_refund_apply(
    tx: &Tx,
    id: CardRefundId,
    state: CardRefundState,
    refund: Option<String>,
    failure: Option<String>,
    check_secs: i64,
) -> Result<(CardRefund, bool), WriteError> {
    let mut row = card_refund::Entity::find_by_id(id.0);
    if locks(tx) {
        row = row.lock(LockType::NoKeyUpdate);
    }
    let mut row = row.one(tx.db()).await?.ok_or_else(|| Refusal::not_found("cardRefundId", "refund"))?;
    let was = CardRefund::try_from(row.clone())?;
    let is_news = was.state != state || (refund.is_some() && was.refund != refund);
    let goes_back =
        state == CardRefundState::Requested || (was.state == CardRefundState::Succeeded && state == CardRefundState::Pending);
    if !is_news || was.state == CardRefundState::Failed || goes_back {
        return Ok((was, false));
    }
    let now = tx.now().await?;
    if state == CardRefundState::Failed {
        let (organization, amount) = (was.organization, was.amount);
        let account = |kind| Account::of(organization, kind, amount.currency);
        let outside = Account::exchange(AccountKind::ExternalStripe, amount.currency);
        let mut ledger = Ledger::lock(tx, [account(AccountKind::Available), account(AccountKind::Receivable), outside]).await?;
        let owed = ledger.owed_minor(organization, amount.currency);
        let journal = card::card_refund_failed(id, organization, amount, owed).map_err(StoreError::corrupt)?;
        ledger.record(&journal, Note::default())?;
        ledger.flush().await?;
    }
    let is_open = state == CardRefundState::Pending;
    let version = row.version;
    row.state = state.as_str().to_owned();
    row.refund_id = refund.or(row.refund_id);
    row.failure = failure;
    row.check_at = is_open.then(|| plus_secs(now, check_secs));
    row.ended_at = if is_open { None } else { Some(now) };
    row.version = version.saturating_add(1);
    let done = card_refund::Entity::update_many()
        .set(card_refund::ActiveModel::from(row.clone()).reset_all())
        .filter(card_refund::Column::Id.eq(id.0))
        .filter(card_refund::Column::Version.eq(version))
        .exec(tx.db())
        .await?;
    changed(done.rows_affected)?;
    let refund = CardRefund::try_from(row)?;
    tx.emit(news(&refund)).await?;
    Ok((refund, true))
}

/// What of a payment went back to the card or is on its way there, in minor units.
async fn refunded_minor(tx: &Tx, of: TopUpId) -> Result<i64, StoreError> {
    let rows = card_refund::Entity::find()
        .filter(card_refund::Column::TopUpId.eq(of.uuid()))
        .filter(card_refund::Column::State.ne(CardRefundState::Failed.as_str()))
        .all(tx.db())
        .await?;
    Ok(rows.iter().fold(0, |sum: i64, row| sum.saturating_add(row.amount_minor)))
}

fn news(refund: &CardRefund) -> Event {
    let payload = serde_json::json!({
        "state": refund.state.as_str(), "amountMinor": refund.amount.minor, "currency": refund.amount.currency.code(),
    });
    Event { topic: "card_refund.updated", subject_id: refund.id.uuid(), audience: vec![refund.organization], payload }
}

impl Store {
    /// A refund, whoever asks.
    pub async fn card_refund(&self, id: CardRefundId) -> Result<Option<CardRefund>, StoreError> {
        card_refund::Entity::find_by_id(id.0).one(self.read()).await?.map(CardRefund::try_from).transpose()
    }

    /// A page of refunds, newest first: of one organization, or of all for an operator.
    pub async fn card_refunds(
        &self,
        organization: Option<OrganizationId>,
        page: &Page<CardRefundId>,
    ) -> Result<Slice<CardRefund>, StoreError> {
        let mut rows = card_refund::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(card_refund::Column::OrganizationId.eq(organization.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(card_refund::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(card_refund::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(CardRefund::try_from)
    }
}
