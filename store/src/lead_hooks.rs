//! Addresses at which leads are handed in; their keys are kept as hashes, what signs their messages sealed.

mod messages;
mod secrets;

use domain::id::{LeadHookId, OrganizationId, UserId};
use domain::lead_hook::{LeadHook, LeadHookFault, LeadHookTrouble};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{QueryOrder, QuerySelect};
use uuid::Uuid;

use crate::accounts::organization_is_stopped;
use crate::db::Store;
use crate::entity::lead_hook;
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::write::Tx;

pub use secrets::SealedHookSecret;

/// A hook that takes leads, with what its key is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveHook {
    /// The hook.
    pub hook: LeadHook,
    /// The hash of its key.
    pub secret_hash: Vec<u8>,
    /// Whether its organization is stopped.
    pub suspended: bool,
}

impl Store {
    /// The hooks of `organization`, disabled ones too, oldest first.
    pub async fn lead_hooks(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<LeadHook>, StoreError> {
        let mut find = lead_hook::Entity::find()
            .filter(lead_hook::Column::OrganizationId.eq(organization.0))
            .order_by_asc(lead_hook::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(lead_hook::Column::Id.gt(after));
        }
        Slice::cut(find.all(self.read()).await?, page).try_map(of_row)
    }

    /// Those of `ids` that are the organization's, in no order.
    pub async fn lead_hooks_many(&self, organization: OrganizationId, ids: &[LeadHookId]) -> Result<Vec<LeadHook>, StoreError> {
        let wanted = lead_hook::Column::Id.is_in(ids.iter().map(|id| id.0));
        let rows = lead_hook::Entity::find().filter(wanted).filter(lead_hook::Column::OrganizationId.eq(organization.0));
        rows.all(self.read()).await?.into_iter().map(of_row).collect()
    }

    /// The hook, unless there is none or it is disabled.
    pub async fn lead_hook_live(&self, id: LeadHookId) -> Result<Option<LiveHook>, StoreError> {
        let row = lead_hook::Entity::find_by_id(id.0).filter(lead_hook::Column::DisabledAt.is_null()).one(self.read()).await?;
        let Some(row) = row else { return Ok(None) };
        let suspended = organization_is_stopped(self.read(), row.organization_id.into()).await?;
        let secret_hash = row.secret_hash.clone();
        Ok(Some(LiveHook { hook: of_row(row)?, secret_hash, suspended }))
    }
}

impl Tx {
    /// How many hooks of `organization` take leads.
    pub async fn lead_hooks_count(&self, organization: OrganizationId) -> Result<u64, StoreError> {
        let live = lead_hook::Entity::find()
            .filter(lead_hook::Column::OrganizationId.eq(organization.0))
            .filter(lead_hook::Column::DisabledAt.is_null());
        Ok(live.count(self.db()).await?)
    }

    /// Adds a hook made by `maker`.
    pub async fn lead_hook_insert(&self, new: &LeadHook, maker: UserId, secret_hash: &[u8]) -> Result<(), WriteError> {
        let row = lead_hook::ActiveModel {
            id: Set(new.id.0),
            organization_id: Set(new.organization.0),
            name: Set(new.name.clone()),
            kind: Set(new.kind.as_str().to_owned()),
            mapping: Set(new.mapping.clone()),
            prefix: Set(new.prefix.clone()),
            secret_hash: Set(secret_hash.to_vec()),
            signed: Set(new.signed),
            fault: Set(None),
            fault_at: Set(None),
            created_by: Set(maker.0),
            created_at: Set(new.created_at),
            updated_at: Set(new.updated_at),
            disabled_at: Set(new.disabled_at),
        };
        lead_hook::Entity::insert(row).exec_without_returning(self.db()).await?;
        Ok(())
    }

    /// The hook `id` of `organization`, locked.
    pub async fn lead_hook_lock(&self, organization: OrganizationId, id: LeadHookId) -> Result<Option<LeadHook>, StoreError> {
        let mine = lead_hook::Column::OrganizationId.eq(organization.0);
        let find = lead_hook::Entity::find_by_id(id.0).filter(mine).lock(LockType::NoKeyUpdate);
        find.one(self.db()).await?.map(of_row).transpose()
    }

    /// Writes what may change of a hook, and its key when that is a new one.
    pub async fn lead_hook_save(&self, hook: &LeadHook, secret_hash: Option<&[u8]>) -> Result<(), WriteError> {
        let mut update = lead_hook::Entity::update_many()
            .col_expr(lead_hook::Column::Name, Expr::value(hook.name.clone()))
            .col_expr(lead_hook::Column::Mapping, Expr::value(hook.mapping.clone()))
            .col_expr(lead_hook::Column::Prefix, Expr::value(hook.prefix.clone()))
            .col_expr(lead_hook::Column::Signed, Expr::value(hook.signed))
            .col_expr(lead_hook::Column::Fault, Expr::value(hook.trouble.map(|trouble| trouble.fault.as_str().to_owned())))
            .col_expr(lead_hook::Column::FaultAt, Expr::value(hook.trouble.map(|trouble| trouble.at)))
            .col_expr(lead_hook::Column::UpdatedAt, Expr::value(hook.updated_at))
            .col_expr(lead_hook::Column::DisabledAt, Expr::value(hook.disabled_at));
        if let Some(hash) = secret_hash {
            update = update.col_expr(lead_hook::Column::SecretHash, Expr::value(hash.to_vec()));
        }
        update.filter(lead_hook::Column::Id.eq(hook.id.0)).exec(self.db()).await?;
        Ok(())
    }
}

fn of_row(row: lead_hook::Model) -> Result<LeadHook, StoreError> {
    let fault: Option<LeadHookFault> = row.fault.map(|fault| fault.parse().map_err(StoreError::corrupt)).transpose()?;
    Ok(LeadHook {
        id: LeadHookId(row.id),
        organization: OrganizationId(row.organization_id),
        name: row.name,
        kind: row.kind.parse().map_err(StoreError::corrupt)?,
        mapping: row.mapping,
        prefix: row.prefix,
        signed: row.signed,
        trouble: fault.zip(row.fault_at).map(|(fault, at)| LeadHookTrouble { fault, at }),
        created_at: row.created_at,
        updated_at: row.updated_at,
        disabled_at: row.disabled_at,
    })
}
