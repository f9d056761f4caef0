//! What the checks of a lead found, and when: what a buyer was shown, and what came later.

use domain::time::Timestamp;
use domain::verification::{Check, CheckKind};
use sea_orm::QueryOrder;
use sea_orm::entity::prelude::*;

use crate::entity::{lead, lead_check};
use crate::error::StoreError;
use crate::leads::check_of;
use crate::write::Tx;

/// Every outcome of every check of a lead, the oldest first.
pub(super) struct Checks(Vec<Check>);

impl Checks {
    /// The outcomes that were kept when others replaced them, and those that stand.
    pub(super) async fn of(tx: &Tx, row: &lead::Model) -> Result<Self, StoreError> {
        let kept = lead_check::Entity::find()
            .filter(lead_check::Column::LeadId.eq(row.id))
            .order_by_asc(lead_check::Column::RecordedAt)
            .order_by_asc(lead_check::Column::Id)
            .all(tx.db())
            .await?;
        let mut checks: Vec<Check> = kept.iter().map(check_of).collect::<Result<_, _>>()?;
        let standing: Vec<Check> = serde_json::from_value(row.checks.clone()).map_err(StoreError::corrupt)?;
        checks.extend(standing);
        checks.sort_by_key(|check| check.at);
        Ok(Self(checks))
    }

    /// The outcome that stands.
    pub(super) fn last(&self, kind: CheckKind) -> Option<&Check> {
        self.0.iter().rev().find(|check| check.kind == kind)
    }

    /// The outcome that stood at `until`.
    pub(super) fn until(&self, kind: CheckKind, until: Timestamp) -> Option<&Check> {
        self.0.iter().rev().find(|check| check.kind == kind && check.at <= until)
    }

    /// The last call that the exchange and not the seller held.
    pub(super) fn last_call_of_exchange(&self) -> Option<&Check> {
        let by_exchange = |check: &&Check| check.evidence.get("calledBy").is_some_and(|desk| desk == "EXCHANGE");
        self.0.iter().rev().filter(|check| check.kind == CheckKind::Spoken).find(by_exchange)
    }
}
