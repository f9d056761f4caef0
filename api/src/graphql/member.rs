//! Members of an organization and invitations to become one.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::access::Role;
use domain::account::{Invitation, Member};
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::session::{Session, User};
use super::word::Word;
use super::{app, caller};
use crate::app::invitation::{self, InvitationAccept as Acceptance};
use crate::app::member;
use crate::mutation_errors;

/// Queries about members.
#[derive(Debug, Default)]
pub struct MemberQuery;

/// Mutations of members and invitations.
#[derive(Debug, Default)]
pub struct MemberMutation;

mutation_errors!(InvitationCreate: [Invalid, Taken, LimitReached, RateLimited]);
mutation_errors!(InvitationAccept: [Invalid, Required, TooLarge, InvalidToken, InvalidCredentials, Taken, LimitReached, RateLimited, Suspended]);
mutation_errors!(InvitationRevoke: [Invalid, NotFound]);
mutation_errors!(MemberRoleChange: [Invalid, NotFound, LastOwner]);
mutation_errors!(MemberRemove: [Invalid, NotFound, LastOwner]);

/// A person's place in an organization.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Member")]
pub struct MemberObject {
    /// The id of the place.
    pub id: ID,
    /// The person.
    pub user: User,
    /// The role.
    pub role: Word<Role>,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// An open invitation.
#[derive(SimpleObject)]
#[graphql(name = "Invitation")]
pub struct InvitationObject {
    /// The id.
    pub id: ID,
    /// Who is invited.
    pub email: String,
    /// As what.
    pub role: Word<Role>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

impl From<Member> for MemberObject {
    fn from(member: Member) -> Self {
        let Member { id, person, role, created_at, .. } = member;
        Self { id: to_id(id), user: person.into(), role: role.into(), created_at }
    }
}

impl From<Invitation> for InvitationObject {
    fn from(invitation: Invitation) -> Self {
        let Invitation { id, email, role, created_at, expires_at, .. } = invitation;
        Self { id: to_id(id), email: email.as_str().to_owned(), role: role.into(), created_at, expires_at }
    }
}

/// Somebody to invite.
#[derive(InputObject)]
pub struct InvitationCreateInput {
    /// The address that gets the mail.
    pub email: String,
    /// As what; a role that permits no more than the caller's own.
    pub role: Word<Role>,
}

/// An invitation to accept.
#[derive(InputObject)]
pub struct InvitationAcceptInput {
    /// The token of the mail, good once.
    pub token: String,
    /// The name, at most 120 characters; needed by who is new here.
    pub name: Option<String>,
    /// A new password for who is new here, the password of now for who is known.
    pub password: String,
}

/// An invitation to take back.
#[derive(Debug, InputObject)]
pub struct InvitationRevokeInput {
    /// Which.
    pub invitation_id: ID,
}

/// Another role for a member.
#[derive(Debug, InputObject)]
pub struct MemberRoleChangeInput {
    /// The member.
    pub member_id: ID,
    /// The role; neither it nor the one before may permit more than the caller's own.
    pub role: Word<Role>,
}

/// A member to remove.
#[derive(Debug, InputObject)]
pub struct MemberRemoveInput {
    /// The member; everybody may remove itself.
    pub member_id: ID,
}

/// The answer of `invitationCreate`.
#[derive(SimpleObject)]
pub struct InvitationCreatePayload {
    /// The invitation.
    pub invitation: Option<InvitationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<InvitationCreate>>,
}

/// The answer of `invitationAccept`.
#[derive(Debug, SimpleObject)]
pub struct InvitationAcceptPayload {
    /// A session for the organization that was joined.
    pub session: Option<Session>,
    /// What was wrong.
    pub user_errors: Vec<UserError<InvitationAccept>>,
}

/// The answer of `invitationRevoke`.
#[derive(SimpleObject)]
pub struct InvitationRevokePayload {
    /// The invitation that is no more.
    pub invitation: Option<InvitationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<InvitationRevoke>>,
}

/// The answer of `memberRoleChange`.
#[derive(Debug, SimpleObject)]
pub struct MemberRoleChangePayload {
    /// The member as it is now.
    pub member: Option<MemberObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<MemberRoleChange>>,
}

/// The answer of `memberRemove`.
#[derive(Debug, SimpleObject)]
pub struct MemberRemovePayload {
    /// The member that is no more.
    pub member: Option<MemberObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<MemberRemove>>,
}

#[Object]
impl MemberQuery {
    /// The members of the caller's organization, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<MemberObject>> {
        let page = page::<Uuid>("members:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, member::members(app(ctx), caller(ctx), &page).await)?;
        Ok(connection("members:oldest", slice, page.after.is_some(), |row| row.id.0, MemberObject::from))
    }

    /// The open invitations of the caller's organization, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn invitations(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<InvitationObject>> {
        let page = page::<Uuid>("invitations:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, invitation::invitations(app(ctx), caller(ctx), &page).await)?;
        Ok(connection("invitations:oldest", slice, page.after.is_some(), |row| row.id.0, InvitationObject::from))
    }
}

#[Object]
impl MemberMutation {
    /// Invites somebody into the caller's organization, by mail.
    async fn invitation_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvitationCreateInput,
    ) -> async_graphql::Result<InvitationCreatePayload> {
        let created = invitation::invitation_create(app(ctx), caller(ctx), &input.email, input.role.0).await;
        let (invitation, user_errors) = settle(ctx, created)?;
        Ok(InvitationCreatePayload { invitation: invitation.map(InvitationObject::from), user_errors })
    }

    /// Joins the organization that sent an invitation, and logs in there. Needs no log-in.
    async fn invitation_accept(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvitationAcceptInput,
    ) -> async_graphql::Result<InvitationAcceptPayload> {
        let acceptance = Acceptance { token: input.token.into(), name: input.name, password: input.password.into() };
        let accepted = invitation::invitation_accept(app(ctx), caller(ctx), acceptance).await;
        let (session, user_errors) = settle(ctx, accepted)?;
        Ok(InvitationAcceptPayload { session: session.map(Session::from), user_errors })
    }

    /// Takes an open invitation back.
    async fn invitation_revoke(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: InvitationRevokeInput,
    ) -> async_graphql::Result<InvitationRevokePayload> {
        let result = match parse_id(&input.invitation_id, "invitationId") {
            Ok(id) => invitation::invitation_revoke(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (invitation, user_errors) = settle(ctx, result)?;
        Ok(InvitationRevokePayload { invitation: invitation.map(InvitationObject::from), user_errors })
    }

    /// Gives a member of the caller's organization another role. An owner stays.
    async fn member_role_change(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: MemberRoleChangeInput,
    ) -> async_graphql::Result<MemberRoleChangePayload> {
        let result = match parse_id(&input.member_id, "memberId") {
            Ok(id) => member::member_role_change(app(ctx), caller(ctx), id, input.role.0).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (member, user_errors) = settle(ctx, result)?;
        Ok(MemberRoleChangePayload { member: member.map(MemberObject::from), user_errors })
    }

    /// Removes a member of the caller's organization, whose sessions there end. An owner stays.
    async fn member_remove(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: MemberRemoveInput,
    ) -> async_graphql::Result<MemberRemovePayload> {
        let result = match parse_id(&input.member_id, "memberId") {
            Ok(id) => member::member_remove(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (member, user_errors) = settle(ctx, result)?;
        Ok(MemberRemovePayload { member: member.map(MemberObject::from), user_errors })
    }
}
