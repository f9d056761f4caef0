//! What signs a hook's messages and asks its network for leads, and how that went.

use domain::id::{LeadHookId, OrganizationId};
use domain::lead_hook::LeadHookTrouble;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;

use crate::db::Store;
use crate::entity::{lead_hook, lead_hook_secret};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// A hook's secrets, sealed under its id.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedHookSecret {
    /// The hook.
    pub hook: LeadHookId,
    /// The ring's key that wraps the data key.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
    /// The secrets, sealed.
    pub ciphertext: Vec<u8>,
}

impl std::fmt::Debug for SealedHookSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedHookSecret({})", self.hook)
    }
}

impl Store {
    /// The secrets of a hook, if it has any.
    pub async fn lead_hook_secret(&self, hook: LeadHookId) -> Result<Option<SealedHookSecret>, StoreError> {
        Ok(lead_hook_secret::Entity::find_by_id(hook.0).one(self.read()).await?.map(of_row))
    }
}

impl Tx {
    /// The secrets of a hook, if it has any, as this transaction sees them.
    pub async fn lead_hook_secret(&self, hook: LeadHookId) -> Result<Option<SealedHookSecret>, StoreError> {
        Ok(lead_hook_secret::Entity::find_by_id(hook.0).one(self.db()).await?.map(of_row))
    }

    /// Gives a hook, whose row is locked, these secrets in place of those it has.
    pub async fn lead_hook_secret_set(&self, sealed: &SealedHookSecret) -> Result<(), WriteError> {
        let row = lead_hook_secret::ActiveModel {
            hook_id: Set(sealed.hook.0),
            key_id: Set(sealed.key_id.clone()),
            wrapped_key: Set(sealed.wrapped_key.clone()),
            ciphertext: Set(sealed.ciphertext.clone()),
        };
        let columns =
            [lead_hook_secret::Column::KeyId, lead_hook_secret::Column::WrappedKey, lead_hook_secret::Column::Ciphertext];
        let replace = OnConflict::column(lead_hook_secret::Column::HookId).update_columns(columns).to_owned();
        lead_hook_secret::Entity::insert(row).on_conflict(replace).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// Notes what keeps a hook of `organization` from handing in, or that nothing does; answers what did before. A hook that is
    /// gone has no trouble.
    pub async fn lead_hook_trouble_set(
        &self,
        organization: OrganizationId,
        id: LeadHookId,
        trouble: Option<LeadHookTrouble>,
    ) -> Result<Option<LeadHookTrouble>, WriteError> {
        let Some(before) = self.lead_hook_lock(organization, id).await? else { return Ok(trouble) };
        lead_hook::Entity::update_many()
            .col_expr(lead_hook::Column::Fault, Expr::value(trouble.map(|trouble| trouble.fault.as_str().to_owned())))
            .col_expr(lead_hook::Column::FaultAt, Expr::value(trouble.map(|trouble| trouble.at)))
            .filter(lead_hook::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(before.trouble)
    }
}

fn of_row(row: lead_hook_secret::Model) -> SealedHookSecret {
    SealedHookSecret { hook: row.hook_id.into(), key_id: row.key_id, wrapped_key: row.wrapped_key, ciphertext: row.ciphertext }
}
