//! Who belongs to which organization.

use std::collections::BTreeMap;

use domain::access::Role;
use domain::account::{Member, OrganizationStatus, Person};
use domain::id::{MembershipId, OrganizationId, UserId};
use domain::refusal::{Code, Refusal};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{Credentials, stored};
use crate::db::Store;
use crate::entity::{account_user, membership, organization};
use crate::error::{StoreError, WriteError};
use crate::page::{Page, Slice};
use crate::write::Tx;

impl Store {
    /// The members of `organization`, oldest first.
    pub async fn members(&self, organization: OrganizationId, page: &Page<Uuid>) -> Result<Slice<Member>, StoreError> {
        let mut find = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization.0))
            .order_by_asc(membership::Column::Id)
            .limit(page.limit());
        if let Some(after) = page.after {
            find = find.filter(membership::Column::Id.gt(after));
        }
        let rows = find.all(self.read()).await?;
        let people = people_of(self.read(), &rows).await?;
        Slice::cut(rows, page).try_map(|row| of_row(row, &people))
    }

    /// Those of `ids` that are members of the organization, in no order.
    pub async fn members_many(&self, organization: OrganizationId, ids: &[MembershipId]) -> Result<Vec<Member>, StoreError> {
        let wanted = membership::Column::Id.is_in(ids.iter().map(|id| id.0));
        let mine = membership::Column::OrganizationId.eq(organization.0);
        let rows = membership::Entity::find().filter(wanted).filter(mine).all(self.read()).await?;
        let people = people_of(self.read(), &rows).await?;
        rows.into_iter().map(|row| of_row(row, &people)).collect()
    }

    /// The owners of the organization, oldest first.
    pub async fn owners(&self, organization: OrganizationId) -> Result<Vec<Member>, StoreError> {
        let rows = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization.0))
            .filter(membership::Column::Role.eq(Role::Owner.as_str()))
            .order_by_asc(membership::Column::Id)
            .all(self.read())
            .await?;
        let people = people_of(self.read(), &rows).await?;
        rows.into_iter().map(|row| of_row(row, &people)).collect()
    }

    /// The roles of `user`, by organization, oldest membership first.
    pub async fn memberships_of(&self, user: UserId) -> Result<Vec<(OrganizationId, Role)>, StoreError> {
        let rows = membership::Entity::find()
            .filter(membership::Column::UserId.eq(user.0))
            .order_by_asc(membership::Column::Id)
            .all(self.read())
            .await?;
        rows.iter().map(|row| Ok((OrganizationId(row.organization_id), stored(&row.role, "membership.role")?))).collect()
    }

    /// Where `user` is when it names no organization: the one joined first among those that are not stopped, else the one
    /// joined first.
    pub async fn home_of(&self, user: UserId) -> Result<Option<OrganizationId>, StoreError> {
        let joined: Vec<Uuid> = self.memberships_of(user).await?.into_iter().map(|(organization, _)| organization.0).collect();
        let active = organization::Entity::find()
            .filter(organization::Column::Id.is_in(joined.iter().copied()))
            .filter(organization::Column::Status.eq(OrganizationStatus::Active.as_str()));
        let active: Vec<Uuid> = active.all(self.read()).await?.into_iter().map(|row| row.id).collect();
        let home = joined.iter().find(|id| active.contains(id)).or_else(|| joined.first());
        Ok(home.copied().map(OrganizationId))
    }
}

impl Tx {
    /// Adds a member. Refused when the person is one.
    pub async fn member_insert(
        &self,
        id: MembershipId,
        organization: OrganizationId,
        user: UserId,
        role: Role,
    ) -> Result<(), WriteError> {
        let row = membership::ActiveModel {
            id: Set(id.0),
            organization_id: Set(organization.0),
            user_id: Set(user.0),
            role: Set(role.as_str().to_owned()),
            created_at: Set(self.now().await?),
            version: Set(0),
        };
        let taken = || Refusal::new(Code::Taken, "this person is a member already");
        let done = membership::Entity::insert(row).exec_without_returning(self.db()).await;
        done.map(|_| ()).map_err(|error| WriteError::from(error).unique_as(taken()))
    }

    /// The member `id` of `organization`, which this transaction has locked.
    pub async fn member(&self, organization: OrganizationId, id: MembershipId) -> Result<Option<Member>, StoreError> {
        let mine = membership::Column::OrganizationId.eq(organization.0);
        let Some(row) = membership::Entity::find_by_id(id.0).filter(mine).one(self.db()).await? else { return Ok(None) };
        let people = people_of(self.db(), std::slice::from_ref(&row)).await?;
        of_row(row, &people).map(Some)
    }

    /// The role of `user` in `organization`.
    pub async fn role_of(&self, organization: OrganizationId, user: UserId) -> Result<Option<Role>, StoreError> {
        let row = membership::Entity::find()
            .filter(membership::Column::OrganizationId.eq(organization.0))
            .filter(membership::Column::UserId.eq(user.0))
            .one(self.db())
            .await?;
        row.map(|row| stored(&row.role, "membership.role")).transpose()
    }

    /// How many members `organization` has, and how many of them are owners.
    pub async fn members_count(&self, organization: OrganizationId) -> Result<(u64, u64), StoreError> {
        let all = membership::Entity::find().filter(membership::Column::OrganizationId.eq(organization.0));
        let owners = all.clone().filter(membership::Column::Role.eq(Role::Owner.as_str()));
        Ok((all.count(self.db()).await?, owners.count(self.db()).await?))
    }

    /// Gives a member of a locked organization another role.
    pub async fn member_role_set(&self, id: MembershipId, role: Role) -> Result<(), WriteError> {
        membership::Entity::update_many()
            .col_expr(membership::Column::Role, Expr::value(role.as_str()))
            .col_expr(membership::Column::Version, Expr::col(membership::Column::Version).add(1))
            .filter(membership::Column::Id.eq(id.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Removes a member of a locked organization.
    pub async fn member_delete(&self, id: MembershipId) -> Result<(), WriteError> {
        membership::Entity::delete_by_id(id.0).exec(self.db()).await?;
        Ok(())
    }
}

async fn people_of<C: ConnectionTrait>(db: &C, rows: &[membership::Model]) -> Result<BTreeMap<Uuid, Person>, StoreError> {
    let wanted = account_user::Column::Id.is_in(rows.iter().map(|row| row.user_id));
    let people = account_user::Entity::find().filter(wanted).all(db).await?;
    Ok(people.into_iter().map(|row| (row.id, Credentials::from(row).person)).collect())
}

fn of_row(row: membership::Model, people: &BTreeMap<Uuid, Person>) -> Result<Member, StoreError> {
    let person = people.get(&row.user_id).cloned().ok_or_else(|| StoreError::corrupt("membership.user_id"))?;
    Ok(Member {
        id: MembershipId(row.id),
        organization: OrganizationId(row.organization_id),
        person,
        role: stored(&row.role, "membership.role")?,
        created_at: row.created_at,
    })
}
