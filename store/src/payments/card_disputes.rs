//! Card payments that their payer's bank questions: what it takes is booked as a chargeback, what it gives back likewise.

use domain::card_dispute::{Booking, CardDisputeState, booking};
use domain::id::{CardDisputeId, ChargebackId, OrganizationId, TopUpId, TypedId};
use domain::ledger::{Account, AccountKind, card};
use domain::money::Money;
use domain::refusal::Refusal;
use domain::time::{Timestamp, plus_secs};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect, Statement};

use super::{changed, locks};
use crate::chargebacks::{ChargebackDraft, chargeback_book, chargeback_known, unfreeze};
use crate::db::Store;
use crate::entity::{card_dispute, chargeback, chargeback_write_off};
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// What the provider says of a dispute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenDispute {
    /// The provider's id.
    pub stripe_id: String,
    /// Whose payment.
    pub organization: OrganizationId,
    /// The payment.
    pub top_up: TopUpId,
    /// How much is questioned.
    pub amount: Money,
    /// Why, in the provider's word.
    pub reason: String,
    /// Where it stands.
    pub state: CardDisputeState,
    /// Until when evidence is taken.
    pub due_at: Option<Timestamp>,
    /// Whether evidence was sent to the bank.
    pub submitted: bool,
}

/// A disputed card payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardDispute {
    /// Its id.
    pub id: CardDisputeId,
    /// The provider's words of it.
    pub seen: SeenDispute,
    /// Since when evidence is with the bank.
    pub submitted_at: Option<Timestamp>,
    /// What was booked of it.
    pub chargeback: Option<ChargebackId>,
    /// When it came.
    pub created_at: Timestamp,
    /// When the bank decided.
    pub ended_at: Option<Timestamp>,
}

impl TryFrom<card_dispute::Model> for CardDispute {
    type Error = StoreError;

    fn try_from(row: card_dispute::Model) -> Result<Self, StoreError> {
        let seen = SeenDispute {
            stripe_id: row.stripe_id,
            organization: row.organization_id.into(),
            top_up: row.top_up_id.into(),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            reason: row.reason,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            due_at: row.due_at,
            submitted: row.submitted_at.is_some(),
        };
        Ok(Self {
            id: row.id.into(),
            seen,
            submitted_at: row.submitted_at,
            chargeback: row.chargeback_id.map(ChargebackId::from),
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

/// Takes what the provider says of a dispute, late or twice. Money that the bank took is taken from the wallet, which is frozen;
/// money that it gave back returns, and the wallet is open again unless another payment is questioned.
pub async fn card_dispute_apply(tx: &Tx, seen: SeenDispute, check_secs: i64) -> Result<CardDispute, WriteError> {
    let (mut row, is_new) = row_of(tx, &seen).await?;
    let was = CardDispute::try_from(row.clone())?;
    if was.seen.state.is_final() && !seen.state.is_final() {
        return Ok(was);
    }
    let now = tx.now().await?;
    let given_back = was.seen.state == CardDisputeState::Won && was.ended_at.is_some();
    match (booking(seen.state, was.chargeback.is_some(), given_back), was.chargeback) {
        (Booking::Take, _) => row.chargeback_id = Some(taken(tx, &seen).await?.uuid()),
        (Booking::GiveBack, Some(chargeback)) => give_back(tx, &seen, chargeback).await?,
        _ => {}
    }
    let version = row.version;
    row.state = seen.state.as_str().to_owned();
    row.due_at = seen.due_at;
    row.submitted_at = row.submitted_at.or(seen.submitted.then_some(now));
    row.check_at = (!seen.state.is_final()).then(|| plus_secs(now, check_secs));
    row.ended_at = row.ended_at.or(seen.state.is_final().then_some(now));
    row.version = version.saturating_add(1);
    let model = card_dispute::ActiveModel::from(row.clone()).reset_all();
    if is_new {
        card_dispute::Entity::insert(model).exec_without_returning(tx.db()).await?;
    } else {
        let done = card_dispute::Entity::update_many()
            .set(model)
            .filter(card_dispute::Column::Id.eq(row.id))
            .filter(card_dispute::Column::Version.eq(version))
            .exec(tx.db())
            .await?;
        changed(done.rows_affected)?;
    }
    let dispute = CardDispute::try_from(row)?;
    if dispute.seen.state == CardDisputeState::Won && !given_back {
        unfreeze_unless_disputed(tx, &dispute).await?;
    }
    if is_new || dispute.seen.state != was.seen.state {
        tx.emit(news(&dispute)).await?;
    }
    Ok(dispute)
}

/// The dispute's row, locked, or as it would be made.
async fn row_of(tx: &Tx, seen: &SeenDispute) -> Result<(card_dispute::Model, bool), WriteError> {
    let mut row = card_dispute::Entity::find().filter(card_dispute::Column::StripeId.eq(&seen.stripe_id));
    if locks(tx) {
        row = row.lock(LockType::NoKeyUpdate);
    }
    if let Some(row) = row.one(tx.db()).await? {
        return Ok((row, false));
    }
    let row = card_dispute::Model {
        id: tx.id::<CardDisputeId>().uuid(),
        stripe_id: seen.stripe_id.clone(),
        organization_id: seen.organization.0,
        top_up_id: seen.top_up.uuid(),
        amount_minor: seen.amount.minor,
        currency: seen.amount.currency.code().to_owned(),
        reason: seen.reason.clone(),
        state: CardDisputeState::Inquiry.as_str().to_owned(),
        due_at: seen.due_at,
        submitted_at: None,
        chargeback_id: None,
        created_at: tx.now().await?,
        check_at: None,
        ended_at: None,
        version: 0,
    };
    Ok((row, true))
}

/// The chargeback of a dispute: booked now, or by an operator before.
async fn taken(tx: &Tx, seen: &SeenDispute) -> Result<ChargebackId, WriteError> {
    if let Some(known) = chargeback_known(tx, &seen.stripe_id, seen.top_up).await? {
        return Ok(known);
    }
    let draft = ChargebackDraft {
        organization: seen.organization,
        deposit: None,
        top_up: Some(seen.top_up),
        amount: seen.amount,
        reference: seen.stripe_id.clone(),
    };
    Ok(chargeback_book(tx, draft, None).await?.id)
}

async fn give_back(tx: &Tx, seen: &SeenDispute, id: ChargebackId) -> Result<(), WriteError> {
    tx.organization_lock(seen.organization).await?;
    let row = chargeback::Entity::find_by_id(id.uuid()).one(tx.db()).await?;
    let row = row.ok_or_else(|| StoreError::corrupt("a dispute without its chargeback"))?;
    let source = if row.top_up_id.is_some() { AccountKind::ExternalStripe } else { AccountKind::ExternalBank };
    let amount = Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?);
    let account = |kind| Account::of(seen.organization, kind, amount.currency);
    let exchange = |kind| Account::exchange(kind, amount.currency);
    let accounts =
        [account(AccountKind::Available), account(AccountKind::Receivable), exchange(AccountKind::Losses), exchange(source)];
    let mut ledger = Ledger::lock(tx, accounts).await?;
    let written_off = chargeback_write_off::Entity::find_by_id(id.uuid()).one(tx.db()).await?;
    let written_off = written_off.map_or(0, |row| row.amount_minor);
    let owed = ledger.owed_minor(seen.organization, amount.currency);
    let journal = card::chargeback_won(id, seen.organization, source, amount, written_off, owed).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    ledger.flush().await
}

async fn unfreeze_unless_disputed(tx: &Tx, dispute: &CardDispute) -> Result<(), WriteError> {
    let decided = [CardDisputeState::Won.as_str(), CardDisputeState::Closed.as_str()];
    let others = card_dispute::Entity::find()
        .filter(card_dispute::Column::OrganizationId.eq(dispute.seen.organization.0))
        .filter(card_dispute::Column::Id.ne(dispute.id.uuid()))
        .filter(card_dispute::Column::ChargebackId.is_not_null())
        .filter(card_dispute::Column::State.is_not_in(decided))
        .count(tx.db())
        .await?;
    // An operator's own chargeback keeps the wallet frozen until the operator has looked.
    let by_operators = chargeback::Entity::find()
        .filter(chargeback::Column::OrganizationId.eq(dispute.seen.organization.0))
        .filter(chargeback::Column::RecordedBy.is_not_null())
        .count(tx.db())
        .await?;
    if others == 0 && by_operators == 0 { unfreeze(tx, dispute.seen.organization).await.map(drop) } else { Ok(()) }
}

fn news(dispute: &CardDispute) -> Event {
    let payload = serde_json::json!({
        "state": dispute.seen.state.as_str(), "amountMinor": dispute.seen.amount.minor,
        "currency": dispute.seen.amount.currency.code(),
    });
    Event { topic: "card_dispute.updated", subject_id: dispute.id.uuid(), audience: vec![dispute.seen.organization], payload }
}

/// Books as the exchange's loss what an organization still owes for a chargeback, and answers how much that is; `None` when it
/// was looked at before.
pub async fn chargeback_write_off(tx: &Tx, id: ChargebackId) -> Result<Option<(OrganizationId, Money)>, WriteError> {
    let row = chargeback::Entity::find_by_id(id.uuid()).one(tx.db()).await?;
    let row = row.ok_or_else(|| Refusal::not_found("chargebackId", "chargeback"))?;
    let organization = OrganizationId(row.organization_id);
    tx.organization_lock(organization).await?;
    if chargeback_write_off::Entity::find_by_id(id.uuid()).one(tx.db()).await?.is_some() {
        return Ok(None);
    }
    let currency = row.currency.parse().map_err(StoreError::corrupt)?;
    let accounts =
        [Account::of(organization, AccountKind::Receivable, currency), Account::exchange(AccountKind::Losses, currency)];
    let mut ledger = Ledger::lock(tx, accounts).await?;
    let younger = chargeback::Entity::find()
        .filter(chargeback::Column::OrganizationId.eq(organization.0))
        .filter(chargeback::Column::Currency.eq(&row.currency))
        .filter(chargeback::Column::Id.gt(id.uuid()))
        .all(tx.db())
        .await?;
    let younger = younger.iter().fold(0, |sum: i64, row| sum.saturating_add(row.owed_minor));
    let unpaid = card::unpaid_of(row.owed_minor, ledger.owed_minor(organization, currency), younger);
    let written = chargeback_write_off::ActiveModel {
        chargeback_id: Set(id.uuid()),
        amount_minor: Set(unpaid),
        created_at: Set(ledger.now()),
    };
    chargeback_write_off::Entity::insert(written).exec_without_returning(tx.db()).await?;
    let amount = Money::new(unpaid, currency);
    if unpaid > 0 {
        ledger.record(&card::write_off(id, organization, amount).map_err(StoreError::corrupt)?, Note::default())?;
        ledger.flush().await?;
    }
    Ok(Some((organization, amount)))
}

#[derive(FromQueryResult)]
struct Overdue {
    id: Uuid,
}

impl Store {
    /// Up to `limit` chargebacks from before `before` that left a debt and were neither won nor written off, the oldest first.
    pub async fn chargebacks_overdue(&self, before: Timestamp, limit: u64) -> Result<Vec<ChargebackId>, StoreError> {
        let sql = "SELECT chargeback.id FROM chargeback WHERE owed_minor > 0 AND created_at <= $1 \
            AND NOT EXISTS (SELECT 1 FROM chargeback_write_off WHERE chargeback_id = chargeback.id) \
            AND NOT EXISTS (SELECT 1 FROM card_dispute WHERE card_dispute.chargeback_id = chargeback.id \
              AND card_dispute.state = 'WON') ORDER BY chargeback.id LIMIT $2";
        let values: [sea_orm::Value; 2] = [before.into(), limit.into()];
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        let rows = Overdue::find_by_statement(statement).all(self.read()).await?;
        Ok(rows.into_iter().map(|row| row.id.into()).collect())
    }

    /// A disputed payment, whoever asks.
    pub async fn card_dispute(&self, id: CardDisputeId) -> Result<Option<CardDispute>, StoreError> {
        card_dispute::Entity::find_by_id(id.uuid()).one(self.read()).await?.map(CardDispute::try_from).transpose()
    }

    /// A page of disputed payments, newest first: of one organization, or of all for an operator.
    pub async fn card_disputes(
        &self,
        organization: Option<OrganizationId>,
        page: &Page<CardDisputeId>,
    ) -> Result<Slice<CardDispute>, StoreError> {
        let mut rows = card_dispute::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(card_dispute::Column::OrganizationId.eq(organization.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(card_dispute::Column::Id.lt(after.uuid()));
        }
        let rows = rows.order_by_desc(card_dispute::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(CardDispute::try_from)
    }
}
