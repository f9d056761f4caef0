//! Wallets that fill themselves.

use domain::auto_top_up::{AutoTopUpState, Level, month_of};
use domain::id::{OrganizationId, UserId};
use domain::ledger::AccountKind;
use domain::money::{Currency, Money};
use domain::time::Timestamp;
use domain::top_up::TopUpState;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{LockType, OnConflict};
use sea_orm::{ConnectionTrait, ExprTrait, FromQueryResult, QueryOrder, QuerySelect, Statement};

use super::locks;
use super::top_ups::{NewTopUp, StoredTopUp, top_up_insert};
use crate::db::Store;
use crate::entity::{account, auto_top_up, organization, top_up};
use crate::error::{StoreError, WriteError};
use crate::words::is;
use crate::write::Tx;

/// How a wallet fills itself in one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutoTopUp {
    /// Whose wallet.
    pub organization: OrganizationId,
    /// In which currency.
    pub currency: Currency,
    /// Below this it fills itself, in minor units.
    pub threshold_minor: i64,
    /// By this much, in minor units.
    pub amount_minor: i64,
    /// The most in a calendar month, in minor units.
    pub monthly_max_minor: i64,
    /// From this card.
    pub saved_card: String,
    /// Whether it does.
    pub state: AutoTopUpState,
    /// Why it is paused.
    pub reason: Option<String>,
    /// Who set it, and is told when the bank asks.
    pub set_by: UserId,
    /// Since when it is so.
    pub updated_at: Timestamp,
}

impl TryFrom<auto_top_up::Model> for AutoTopUp {
    type Error = StoreError;

    fn try_from(row: auto_top_up::Model) -> Result<Self, StoreError> {
        Ok(Self {
            organization: row.organization_id.into(),
            currency: row.currency.parse().map_err(StoreError::corrupt)?,
            threshold_minor: row.threshold_minor,
            amount_minor: row.amount_minor,
            monthly_max_minor: row.monthly_max_minor,
            saved_card: row.saved_card,
            state: row.state.parse().map_err(StoreError::corrupt)?,
            reason: row.reason,
            set_by: row.set_by.into(),
            updated_at: row.updated_at,
        })
    }
}

/// Sets how a wallet fills itself.
pub async fn auto_top_up_set(tx: &Tx, set: AutoTopUp) -> Result<AutoTopUp, WriteError> {
    let updated_at = tx.now().await?;
    let row = auto_top_up::ActiveModel {
        organization_id: Set(set.organization.0),
        currency: Set(set.currency.code().to_owned()),
        threshold_minor: Set(set.threshold_minor),
        amount_minor: Set(set.amount_minor),
        monthly_max_minor: Set(set.monthly_max_minor),
        saved_card: Set(set.saved_card.clone()),
        state: Set(set.state.as_str().to_owned()),
        reason: Set(set.reason.clone()),
        set_by: Set(set.set_by.0),
        updated_at: Set(updated_at),
        version: Set(0),
    };
    use auto_top_up::Column as C;
    let columns =
        [C::ThresholdMinor, C::AmountMinor, C::MonthlyMaxMinor, C::SavedCard, C::State, C::Reason, C::SetBy, C::UpdatedAt];
    let replaced = OnConflict::columns([C::OrganizationId, C::Currency]).update_columns(columns).to_owned();
    auto_top_up::Entity::insert(row).on_conflict(replaced).exec_without_returning(tx.db()).await?;
    Ok(AutoTopUp { updated_at, ..set })
}

/// Pauses the filling of a wallet, with the reason.
pub async fn auto_top_up_pause(
    tx: &Tx,
    organization: OrganizationId,
    currency: Currency,
    reason: &str,
) -> Result<(), WriteError> {
    auto_top_up::Entity::update_many()
        .col_expr(auto_top_up::Column::State, Expr::value(AutoTopUpState::Paused.as_str()))
        .col_expr(auto_top_up::Column::Reason, Expr::value(reason))
        .col_expr(auto_top_up::Column::UpdatedAt, Expr::value(tx.now().await?))
        .col_expr(auto_top_up::Column::Version, Expr::col(auto_top_up::Column::Version).add(1))
        .filter(auto_top_up::Column::OrganizationId.eq(organization.0))
        .filter(auto_top_up::Column::Currency.eq(currency.code()))
        .filter(is(auto_top_up::Column::State, AutoTopUpState::Active.as_str()))
        .exec(tx.db())
        .await?;
    Ok(())
}

/// Begins the top-up of a wallet that is low; `None` when it is not, is filled already, or the month leaves no room.
pub async fn auto_top_up_begin(
    tx: &Tx,
    organization: OrganizationId,
    currency: Currency,
    check_secs: i64,
) -> Result<Option<StoredTopUp>, WriteError> {
    let mut row = auto_top_up::Entity::find_by_id((organization.0, currency.code().to_owned()));
    if locks(tx) {
        row = row.lock(LockType::NoKeyUpdate);
    }
    let Some(row) = row.one(tx.db()).await? else { return Ok(None) };
    let set = AutoTopUp::try_from(row)?;
    let now = tx.now().await?;
    if set.state != AutoTopUpState::Active || !may_spend(tx, organization).await? {
        return Ok(None);
    }
    let mine = top_up::Entity::find()
        .filter(top_up::Column::OrganizationId.eq(organization.0))
        .filter(top_up::Column::Currency.eq(currency.code()))
        .filter(top_up::Column::Automatic.eq(true))
        .filter(top_up::Column::CreatedAt.gte(month_of(now).from))
        .filter(top_up::Column::State.is_not_in([TopUpState::Failed.as_str(), TopUpState::Expired.as_str()]))
        .all(tx.db())
        .await?;
    let is_open = |row: &top_up::Model| row.state != TopUpState::Paid.as_str();
    if mine.iter().any(is_open) || open_before(tx, organization, currency, month_of(now).from).await? {
        return Ok(None);
    }
    let level = Level {
        available_minor: available(tx.db(), organization, currency).await?,
        threshold_minor: set.threshold_minor,
        amount_minor: set.amount_minor,
        month_minor: mine.iter().fold(0, |sum: i64, row| sum.saturating_add(row.paid_minor.unwrap_or(row.amount_minor))),
        monthly_max_minor: set.monthly_max_minor,
    };
    if !level.is_due() {
        return Ok(None);
    }
    let new = NewTopUp {
        organization,
        amount: Money::new(set.amount_minor, currency),
        saved_card: Some(set.saved_card),
        save_card: false,
        automatic: true,
        requested_by: Some(set.set_by.0),
        check_secs,
    };
    top_up_insert(tx, new).await.map(Some)
}

/// One from an earlier month that still waits counts as under way too.
async fn open_before(tx: &Tx, organization: OrganizationId, currency: Currency, before: Timestamp) -> Result<bool, StoreError> {
    let open = TopUpState::ALL.iter().filter(|state| state.is_open()).map(|state| state.as_str());
    let rows = top_up::Entity::find()
        .filter(top_up::Column::OrganizationId.eq(organization.0))
        .filter(top_up::Column::Currency.eq(currency.code()))
        .filter(top_up::Column::Automatic.eq(true))
        .filter(top_up::Column::CreatedAt.lt(before))
        .filter(top_up::Column::State.is_in(open));
    Ok(rows.count(tx.db()).await? > 0)
}

async fn may_spend(tx: &Tx, organization: OrganizationId) -> Result<bool, StoreError> {
    let row = organization::Entity::find_by_id(organization.0).one(tx.db()).await?;
    Ok(row.is_some_and(|row| row.status == "ACTIVE" && row.wallet_frozen_at.is_none()))
}

async fn available(db: &impl ConnectionTrait, organization: OrganizationId, currency: Currency) -> Result<i64, StoreError> {
    let row = account::Entity::find()
        .filter(account::Column::OrganizationId.eq(organization.0))
        .filter(account::Column::Kind.eq(AccountKind::Available.as_str()))
        .filter(account::Column::Currency.eq(currency.code()))
        .one(db)
        .await?;
    Ok(row.map_or(0, |row| row.balance_minor))
}

#[derive(FromQueryResult)]
struct LowRow {
    organization_id: Uuid,
    currency: String,
}

impl Store {
    /// How the organization's wallets fill themselves, by currency.
    pub async fn auto_top_ups(&self, organization: OrganizationId) -> Result<Vec<AutoTopUp>, StoreError> {
        let rows = auto_top_up::Entity::find()
            .filter(auto_top_up::Column::OrganizationId.eq(organization.0))
            .order_by_asc(auto_top_up::Column::Currency)
            .all(self.read())
            .await?;
        rows.into_iter().map(AutoTopUp::try_from).collect()
    }

    /// Up to `limit` wallets that may have to fill themselves: active, low, with room in the month and nothing under way, the longest
    /// unchanged first.
    pub async fn auto_top_ups_low(&self, limit: u64) -> Result<Vec<(OrganizationId, Currency)>, StoreError> {
        let sql = "SELECT auto_top_up.organization_id, auto_top_up.currency FROM auto_top_up \
            JOIN organization ON organization.id = auto_top_up.organization_id \
              AND organization.status = 'ACTIVE' AND organization.wallet_frozen_at IS NULL \
            LEFT JOIN account ON account.organization_id = auto_top_up.organization_id AND account.kind = 'AVAILABLE' \
              AND account.currency = auto_top_up.currency \
            WHERE auto_top_up.state = 'ACTIVE' AND COALESCE(account.balance_minor, 0) < auto_top_up.threshold_minor \
              AND NOT EXISTS (SELECT 1 FROM top_up WHERE top_up.organization_id = auto_top_up.organization_id \
                AND top_up.currency = auto_top_up.currency AND top_up.automatic \
                AND top_up.state IN ('CREATED', 'OPEN', 'AUTHENTICATION_REQUIRED', 'PROCESSING')) \
              AND auto_top_up.amount_minor + COALESCE((SELECT SUM(COALESCE(top_up.paid_minor, top_up.amount_minor)) FROM top_up \
                WHERE top_up.organization_id = auto_top_up.organization_id AND top_up.currency = auto_top_up.currency \
                AND top_up.automatic AND top_up.created_at >= $1 AND top_up.state = 'PAID'), 0) <= auto_top_up.monthly_max_minor \
            ORDER BY auto_top_up.updated_at LIMIT $2";
        let values: [sea_orm::Value; 2] = [month_of(self.now()).from.into(), limit.into()];
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        let rows = LowRow::find_by_statement(statement).all(self.read()).await?;
        rows.into_iter().map(|row| Ok((row.organization_id.into(), row.currency.parse().map_err(StoreError::corrupt)?))).collect()
    }
}
