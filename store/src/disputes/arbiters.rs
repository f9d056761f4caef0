//! Drawing arbiters: those of the staff who are active, with what ties them to organizations.

use std::collections::{BTreeMap, BTreeSet};

use domain::access::{Role, StaffRole};
use domain::dispute::arbiter::{Candidate, TieKind, draw};
use domain::id::{LeadId, OrganizationId, UserId};
use sea_orm::Condition;
use sea_orm::entity::prelude::*;

use crate::entity::{account_user, membership, organization, session, staff, trade};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

/// An arbiter drawn at random among those with no tie to the seller or to any buyer of the lead, and who have not `served`;
/// `None` when there is none. Every buyer counts: what is ruled of a lead sold to several concerns them all.
pub async fn arbiter_draw(tx: &Tx, lead: LeadId, served: &[UserId]) -> Result<Option<UserId>, WriteError> {
    let arbiters = staff::Entity::find().filter(staff::Column::Role.eq(StaffRole::Arbiter.as_str())).all(tx.db()).await?;
    let parties = parties(tx, lead).await?;
    let candidates = candidates(tx, &parties, arbiters.iter().map(|row| row.user_id).collect()).await?;
    Ok(draw(&candidates, &parties, served, tx.random()))
}

/// Whether anything ties the arbiter to the seller or to a buyer of the lead by now.
pub async fn arbiter_tied(tx: &Tx, lead: LeadId, arbiter: UserId) -> Result<bool, WriteError> {
    let parties = parties(tx, lead).await?;
    let candidates = candidates(tx, &parties, vec![arbiter.0]).await?;
    Ok(candidates.iter().any(|candidate| candidate.is_tied_to(&parties)))
}

async fn parties(tx: &Tx, lead: LeadId) -> Result<Vec<OrganizationId>, StoreError> {
    let trades = trade::Entity::find().filter(trade::Column::LeadId.eq(lead.0)).all(tx.db()).await?;
    let all: BTreeSet<OrganizationId> = trades.iter().flat_map(|row| [row.seller_id.into(), row.buyer_id.into()]).collect();
    Ok(all.into_iter().collect())
}

async fn candidates(tx: &Tx, parties: &[OrganizationId], users: Vec<Uuid>) -> Result<Vec<Candidate>, StoreError> {
    let active = account_user::Entity::find()
        .filter(account_user::Column::Id.is_in(users.iter().copied()))
        .filter(account_user::Column::Status.eq("ACTIVE"))
        .all(tx.db())
        .await?;
    // A membership that was taken away leaves the sessions in which the person acted for the organization.
    let acted = session::Entity::find()
        .filter(session::Column::UserId.is_in(users.iter().copied()))
        .filter(session::Column::OrganizationId.is_in(parties.iter().map(|id| id.0)))
        .all(tx.db())
        .await?;
    let memberships = membership::Entity::find().filter(membership::Column::UserId.is_in(users)).all(tx.db()).await?;
    let known: BTreeSet<Uuid> = parties.iter().map(|id| id.0).chain(memberships.iter().map(|row| row.organization_id)).collect();
    let rows =
        organization::Entity::find().filter(Condition::any().add(organization::Column::Id.is_in(known))).all(tx.db()).await?;
    let organizations: BTreeMap<Uuid, organization::Model> = rows.into_iter().map(|row| (row.id, row)).collect();
    let ties_of = |user: Uuid| {
        let own = memberships.iter().filter(move |row| row.user_id == user);
        let now = own.flat_map(|row| ties(row, parties, &organizations));
        let before = acted.iter().filter(|row| row.user_id == user).filter_map(|row| row.organization_id);
        now.chain(before.map(|id| (OrganizationId(id), TieKind::Member))).collect()
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
