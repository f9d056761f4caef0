//! Members of the caller's organization.

use domain::access::{Permission, Principal, Role};
use domain::account::{Member, invitation_stands, key_stands, member_change_check};
use domain::id::{MembershipId, OrganizationId, UserId};
use domain::refusal::{Code, Refusal};
use store::Tx;
use store::page::{Page, Slice};
use uuid::Uuid;

use super::{App, AppError, Caller};

/// The members of the caller's organization, oldest first.
pub async fn members(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Member>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.members(organization, page).await?)
}

/// Those of `ids` that are members of the caller's organization, in no order.
pub async fn members_many(app: &App, caller: &Caller, ids: &[MembershipId]) -> Result<Vec<Member>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.members_many(organization, ids).await?)
}

/// Gives a member another role. Who loses rights has less at the next request, and so has what it gave out by them.
pub async fn member_role_change(app: &App, caller: &Caller, id: MembershipId, role: Role) -> Result<Member, AppError> {
    let (_, organization, actor) = require_member(caller, Permission::MembersWrite)?;
    let changed = app
        .store
        .write("member_role_change", move |tx| async move {
            tx.organization_lock(organization).await?;
            let member = tx.member(organization, id).await?.ok_or_else(|| Refusal::not_found("memberId", "member"))?;
            let (_, owners) = tx.members_count(organization).await?;
            member_change_check(actor, member.role, Some(role), owners)?;
            tx.member_role_set(id, role).await?;
            given_out_revoke(&tx, member.person.id, Some(organization), Some(role)).await?;
            Ok::<_, AppError>(Member { role, ..member })
        })
        .await?;
    app.identity.forget();
    Ok(changed)
}

/// Removes a member, whose sessions for the organization end, as do the keys and invitations that it made. Everybody may remove itself, but for the last owner.
pub async fn member_remove(app: &App, caller: &Caller, id: MembershipId) -> Result<Member, AppError> {
    let (user, organization, actor) = member_of(caller)?;
    let may = caller.principal.may(Permission::MembersWrite);
    let removed = app
        .store
        .write("member_remove", move |tx| async move {
            tx.organization_lock(organization).await?;
            let found = tx.member(organization, id).await?;
            let myself = found.as_ref().is_some_and(|member| member.person.id == user);
            if !may && !myself {
                return Err(AppError::from(missing(Permission::MembersWrite)));
            }
            let member = found.ok_or_else(|| Refusal::not_found("memberId", "member"))?;
            let (_, owners) = tx.members_count(organization).await?;
            let actor = if myself { member.role } else { actor };
            member_change_check(actor, member.role, None, owners)?;
            tx.member_delete(id).await?;
            tx.sessions_revoke_of_member(member.person.id, organization, "MEMBER_REMOVED").await?;
            given_out_revoke(&tx, member.person.id, Some(organization), None).await?;
            Ok(member)
        })
        .await?;
    app.identity.forget();
    Ok(removed)
}

/// Revokes the keys and open invitations that `user` made (for `organization` or, without one, anywhere) and could not make
/// as the holder of `now`: whoever loses a right must not keep it by a token of its own making.
pub(super) async fn given_out_revoke(
    tx: &Tx,
    user: UserId,
    organization: Option<OrganizationId>,
    now: Option<Role>,
) -> Result<(), AppError> {
    for key in tx.api_keys_of(user, organization).await? {
        if !key_stands(now, &key.scopes) {
            tx.api_key_revoke(key.organization, key.id).await?;
        }
    }
    for invitation in tx.invitations_of(user, organization).await? {
        if !invitation_stands(now, invitation.role) {
            tx.invitation_revoke(invitation.organization, invitation.id).await?;
        }
    }
    Ok(())
}

/// The person, the organization and the role behind the request, if the role permits `permission`.
pub(super) fn require_member(caller: &Caller, permission: Permission) -> Result<(UserId, OrganizationId, Role), Refusal> {
    caller.principal.require(permission)?;
    member_of(caller)
}

fn member_of(caller: &Caller) -> Result<(UserId, OrganizationId, Role), Refusal> {
    match caller.principal {
        Principal::Member { user, organization, role } => Ok((user, organization, role)),
        Principal::Anonymous => Err(Refusal::new(Code::Unauthenticated, "log in first")),
        Principal::Key { .. } | Principal::TestKey { .. } | Principal::Staff { .. } => {
            Err(Refusal::new(Code::Forbidden, "this is for members of an organization"))
        }
    }
}

fn missing(permission: Permission) -> Refusal {
    Refusal::new(Code::Forbidden, format!("this needs the permission `{}`", permission.as_str()))
}
