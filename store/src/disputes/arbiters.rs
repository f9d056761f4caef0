//! Drawing arbiters: those of the staff who are active, with what ties them to organizations.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Role, StaffRole};
use domain::dispute::arbiter::{Candidate, TieKind, draw};
use domain::id::{DisputeEntryId, OrganizationId, TypedId, UserId};
use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::entity::{account_user, membership, organization, staff};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// An arbiter drawn at random among those with no tie to `parties` and who have not `served`; `None` when there is none.
pub async fn arbiter_draw(tx: &Tx, parties: &[OrganizationId], served: &[UserId]) -> Result<Option<UserId>, WriteError> {
    let candidates = candidates(tx, parties).await?;
    // The low 62 bits of a UUIDv7 are random.
    let (_, low) = tx.id::<DisputeEntryId>().uuid().as_u64_pair();
    Ok(draw(&candidates, parties, served, low << 2))
}

async fn candidates(tx: &Tx, parties: &[OrganizationId]) -> Result<Vec<Candidate>, StoreError> {
    let arbiters = staff::Entity::find().filter(staff::Column::Role.eq(StaffRole::Arbiter.as_str())).all(tx.db()).await?;
    let users: Vec<Uuid> = arbiters.iter().map(|row| row.user_id).collect();
    let active = account_user::Entity::find()
        .filter(account_user::Column::Id.is_in(users.iter().copied()))
        .filter(account_user::Column::Status.eq("ACTIVE"))
        .all(tx.db())
        .await?;
    let memberships = membership::Entity::find().filter(membership::Column::UserId.is_in(users)).all(tx.db()).await?;
    let known: BTreeSet<Uuid> = parties.iter().map(|id| id.0).chain(memberships.iter().map(|row| row.organization_id)).collect();
    let rows =
        organization::Entity::find().filter(Condition::any().add(organization::Column::Id.is_in(known))).all(tx.db()).await?;
    let organizations: BTreeMap<Uuid, organization::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let ties_of = |user: Uuid| {
        let own = memberships.iter().filter(move |row| row.user_id == user);
        own.flat_map(|row| ties(row, parties, &organizations)).collect()
    };
    Ok(active.iter().map(|user| Candidate { user: UserId(user.id), ties: ties_of(user.id) }).collect())
}

/// What a membership ties its user to: the organization itself, and those of `parties` that are close to it.
fn ties(
    row: &membership::Model,
    parties: &[OrganizationId],
    organizations: &BTreeMap<Uuid, organization::Model>,
) -> Vec<(OrganizationId, TieKind)> {
    let kind = if row.role == Role::Owner.as_str() { TieKind::Owner } else { TieKind::Member };
    let mut ties = vec![(OrganizationId(row.organization_id), kind)];
    let Some(own) = organizations.get(&row.organization_id) else { return ties };
    for party in parties.iter().filter_map(|party| organizations.get(&party.0)) {
        if party.referrer_id == Some(own.id) || own.referrer_id == Some(party.id) {
            ties.push((OrganizationId(party.id), TieKind::Referrer));
        }
        if party.bank_hash.is_some() && party.bank_hash == own.bank_hash {
            ties.push((OrganizationId(party.id), TieKind::SameBank));
        }
    }
    ties
}
