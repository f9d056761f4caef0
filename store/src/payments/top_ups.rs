//! Top-ups: written before the provider is asked, credited once when it says that they are paid.

use domain::id::{OrganizationId, TopUpId, TypedId};
use domain::ledger::{Account, AccountKind, card};
use domain::money::Money;
use domain::time::{Timestamp, plus_secs};
use domain::top_up::{TopUp, TopUpState};
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};

use super::{changed, locks};
use crate::db::Store;
use crate::entity::top_up;
use crate::error::{StoreError, WriteError};
use crate::ledger::{Ledger, Note};
use crate::outbox::Event;
use crate::page::{Page, Slice};
use crate::write::Tx;

/// A top-up to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopUp {
    /// Whose wallet.
    pub organization: OrganizationId,
    /// How much.
    pub amount: Money,
    /// The saved card to charge; a page of the provider otherwise.
    pub saved_card: Option<String>,
    /// Whether a card that pays at a page is kept.
    pub save_card: bool,
    /// Whether the wallet fills itself.
    pub automatic: bool,
    /// Who asked.
    pub requested_by: Option<Uuid>,
    /// When a worker looks at it unless it is done by then, in seconds from now.
    pub check_secs: i64,
}

/// A top-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTopUp {
    /// Its id.
    pub id: TopUpId,
    /// Whose wallet.
    pub organization: OrganizationId,
    /// How much was asked for.
    pub amount: Money,
    /// The saved card that is charged, if one is.
    pub saved_card: Option<String>,
    /// Whether a card that pays at a page is kept: a call that is repeated must say the same.
    pub save_card: bool,
    /// Whether the wallet fills itself.
    pub automatic: bool,
    /// Where it stands.
    pub standing: TopUp,
    /// The provider's page, once there was one.
    pub session: Option<String>,
    /// The provider's payment, once there was one.
    pub payment: Option<String>,
    /// Who asked.
    pub requested_by: Option<Uuid>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was paid or given up.
    pub ended_at: Option<Timestamp>,
}

impl StoredTopUp {
    /// What was paid, once it was.
    #[must_use]
    pub const fn paid(&self) -> Option<Money> {
        match self.standing {
            TopUp::Paid { paid, .. } => Some(paid),
            _ => None,
        }
    }
}

impl TryFrom<top_up::Model> for StoredTopUp {
    type Error = StoreError;

    fn try_from(row: top_up::Model) -> Result<Self, StoreError> {
        let standing = standing(&row)?;
        Ok(Self {
            id: row.id.into(),
            organization: row.organization_id.into(),
            amount: Money::new(row.amount_minor, row.currency.parse().map_err(StoreError::corrupt)?),
            saved_card: row.saved_card,
            save_card: row.save_card,
            automatic: row.automatic,
            standing,
            session: row.session_id,
            payment: row.payment_intent,
            requested_by: row.requested_by,
            created_at: row.created_at,
            ended_at: row.ended_at,
        })
    }
}

fn standing(row: &top_up::Model) -> Result<TopUp, StoreError> {
    let payment = || row.payment_intent.clone().ok_or_else(|| StoreError::corrupt("a top-up without its payment"));
    Ok(match row.state.parse().map_err(StoreError::corrupt)? {
        TopUpState::Created => TopUp::Created,
        TopUpState::Open => TopUp::Open {
            session: row.session_id.clone().ok_or_else(|| StoreError::corrupt("a top-up without its page"))?,
            url: row.url.clone().unwrap_or_default(),
        },
        TopUpState::AuthenticationRequired => TopUp::AuthenticationRequired { payment: payment()?, url: row.url.clone() },
        TopUpState::Processing => TopUp::Processing { payment: payment()? },
        TopUpState::Paid => {
            let (Some(minor), Some(currency)) = (row.paid_minor, &row.paid_currency) else {
                return Err(StoreError::corrupt("a paid top-up without an amount"));
            };
            let paid = Money::new(minor, currency.parse().map_err(StoreError::corrupt)?);
            TopUp::Paid { payment: payment()?, paid, receipt_url: row.stripe_receipt_url.clone() }
        }
        TopUpState::Failed => {
            TopUp::Failed { payment: row.payment_intent.clone(), reason: row.reason.clone().unwrap_or_default() }
        }
        TopUpState::Expired => TopUp::Expired,
    })
}

/// Writes a top-up that the provider has not been asked for yet.
pub async fn top_up_insert(tx: &Tx, new: NewTopUp) -> Result<StoredTopUp, WriteError> {
    let created_at = tx.now().await?;
    let row = top_up::Model {
        id: tx.id::<TopUpId>().uuid(),
        organization_id: new.organization.0,
        amount_minor: new.amount.minor,
        currency: new.amount.currency.code().to_owned(),
        saved_card: new.saved_card,
        save_card: new.save_card,
        automatic: new.automatic,
        state: TopUpState::Created.as_str().to_owned(),
        session_id: None,
        payment_intent: None,
        url: None,
        reason: None,
        paid_minor: None,
        paid_currency: None,
        stripe_receipt_url: None,
        requested_by: new.requested_by,
        created_at,
        check_at: Some(plus_secs(created_at, new.check_secs)),
        ended_at: None,
        version: 0,
    };
    top_up::Entity::insert(top_up::ActiveModel::from(row.clone())).exec_without_returning(tx.db()).await?;
    Ok(StoredTopUp::try_from(row)?)
}

/// The top-up, locked until the transaction ends.
pub(crate) async fn top_up_lock(tx: &Tx, id: TopUpId) -> Result<Option<top_up::Model>, StoreError> {
    let mut row = top_up::Entity::find_by_id(id.0);
    if locks(tx) {
        row = row.lock(LockType::NoKeyUpdate);
    }
    Ok(row.one(tx.db()).await?)
}

/// Takes what the provider says of a top-up, and credits the wallet when it turns out to be paid, once. Answers the top-up and
/// whether anything changed; `None` when there is no such top-up. `check_secs`: when a worker looks again while it is open.
pub async fn top_up_apply(tx: &Tx, id: TopUpId, seen: TopUp, check_secs: i64) -> Result<Option<(StoredTopUp, bool)>, WriteError> {
    let Some(row) = top_up_lock(tx, id).await? else { return Ok(None) };
    let Some(next) = standing(&row)?.after(seen) else { return Ok(Some((row.try_into()?, false))) };
    let now = tx.now().await?;
    if let TopUp::Paid { paid, .. } = &next {
        credit(tx, id, row.organization_id.into(), *paid).await?;
    }
    let is_open = next.state().is_open();
    let mut row = told(row, &next);
    row.check_at = is_open.then(|| plus_secs(now, check_secs));
    row.ended_at = if is_open { None } else { Some(now) };
    let version = row.version;
    row.version = version.saturating_add(1);
    let done = top_up::Entity::update_many()
        .set(top_up::ActiveModel::from(row.clone()).reset_all())
        .filter(top_up::Column::Id.eq(id.0))
        .filter(top_up::Column::Version.eq(version))
        .exec(tx.db())
        .await?;
    changed(done.rows_affected)?;
    let stored = StoredTopUp::try_from(row)?;
    tx.emit(news(&stored)).await?;
    Ok(Some((stored, true)))
}

/// The row with what is known at its next state.
fn told(mut row: top_up::Model, next: &TopUp) -> top_up::Model {
    row.state = next.state().as_str().to_owned();
    row.url = None;
    match next.clone() {
        TopUp::Created | TopUp::Expired => {}
        TopUp::Open { session, url } => (row.session_id, row.url) = (Some(session), Some(url)),
        TopUp::AuthenticationRequired { payment, url } => (row.payment_intent, row.url) = (Some(payment), url),
        TopUp::Processing { payment } => row.payment_intent = Some(payment),
        TopUp::Paid { payment, paid, receipt_url } => {
            row.payment_intent = Some(payment);
            (row.paid_minor, row.paid_currency) = (Some(paid.minor), Some(paid.currency.code().to_owned()));
            row.stripe_receipt_url = receipt_url;
            row.reason = None;
        }
        TopUp::Failed { payment, reason } => {
            row.payment_intent = payment.or(row.payment_intent);
            row.reason = Some(reason);
        }
    }
    row
}

async fn credit(tx: &Tx, id: TopUpId, organization: OrganizationId, paid: Money) -> Result<(), WriteError> {
    let account = |kind| Account::of(organization, kind, paid.currency);
    let outside = Account::exchange(AccountKind::ExternalStripe, paid.currency);
    let mut ledger = Ledger::lock(tx, [account(AccountKind::Available), account(AccountKind::Receivable), outside]).await?;
    let owed = ledger.owed_minor(organization, paid.currency);
    let journal = card::top_up(id, organization, paid, owed).map_err(StoreError::corrupt)?;
    ledger.record(&journal, Note::default())?;
    ledger.flush().await
}

fn news(top_up: &StoredTopUp) -> Event {
    let money = top_up.paid().unwrap_or(top_up.amount);
    let payload = serde_json::json!({
        "state": top_up.standing.state().as_str(), "amountMinor": money.minor, "currency": money.currency.code(),
        "automatic": top_up.automatic,
    });
    Event { topic: "top_up.updated", subject_id: top_up.id.uuid(), audience: vec![top_up.organization], payload }
}

impl Store {
    /// A top-up, whoever asks.
    pub async fn top_up(&self, id: TopUpId) -> Result<Option<StoredTopUp>, StoreError> {
        top_up::Entity::find_by_id(id.0).one(self.read()).await?.map(StoredTopUp::try_from).transpose()
    }

    /// The top-up that a payment of the provider belongs to.
    pub async fn top_up_of_payment(&self, payment: &str) -> Result<Option<StoredTopUp>, StoreError> {
        let row = top_up::Entity::find().filter(top_up::Column::PaymentIntent.eq(payment)).one(self.read()).await?;
        row.map(StoredTopUp::try_from).transpose()
    }

    /// A page of top-ups, newest first: of one organization, or of all for an operator.
    pub async fn top_ups(
        &self,
        organization: Option<OrganizationId>,
        page: &Page<TopUpId>,
    ) -> Result<Slice<StoredTopUp>, StoreError> {
        let mut rows = top_up::Entity::find();
        if let Some(organization) = organization {
            rows = rows.filter(top_up::Column::OrganizationId.eq(organization.0));
        }
        if let Some(after) = page.after {
            rows = rows.filter(top_up::Column::Id.lt(after.0));
        }
        let rows = rows.order_by_desc(top_up::Column::Id).limit(page.limit()).all(self.read()).await?;
        Slice::cut(rows, page).try_map(StoredTopUp::try_from)
    }
}
