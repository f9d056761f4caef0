//! Invitations: a token mailed to a person, who joins with it.

use std::fmt;

use domain::access::{Permission, Principal, Role};
use domain::account::{Email, Invitation, Person, name_of, role_grant_check};
use domain::id::{InvitationId, MembershipId, UserId};
use domain::refusal::{Code, Refusal};
use domain::time::plus_secs;
use secrecy::{ExposeSecret, SecretString};
use store::Tx;
use store::page::{Page, Slice};
use uuid::Uuid;

use super::email_verification::require_verified_email;
use super::member::require_member;
use super::message::{MESSAGE_SEND, Message, message_seal};
use super::session::{Opening, SessionTokens, password_hash, password_verify};
use super::{App, AppError, Caller};
use crate::auth::password_check;
use crate::crypto::{Token, token_hash};
use crate::ports::Mail;

const PREFIX: &str = "clv";

/// An invitation being accepted.
#[derive(Clone)]
pub struct InvitationAccept {
    /// The mailed token.
    pub token: SecretString,
    /// The name; for a person who is new here.
    pub name: Option<String>,
    /// A new password for a person who is new here, else the one that the person has.
    pub password: SecretString,
}

impl fmt::Debug for InvitationAccept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationAccept(..)")
    }
}

/// Who joins: somebody new with a password's hash, or somebody known.
#[derive(Clone)]
enum Joining {
    New(Person, String),
    Known(UserId),
}

/// The open invitations of the caller's organization, oldest first.
pub async fn invitations(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<Invitation>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.invitations(organization, page).await?)
}

/// Those of `ids` that are open invitations of the caller's organization, in no order.
pub async fn invitations_many(app: &App, caller: &Caller, ids: &[InvitationId]) -> Result<Vec<Invitation>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.invitations_many(organization, ids).await?)
}

/// Invites `email` to be a `role`, by mail.
pub async fn invitation_create(app: &App, caller: &Caller, email: &str, role: Role) -> Result<Invitation, AppError> {
    let (inviter, organization, actor) = require_member(caller, Permission::MembersWrite)?;
    require_verified_email(app, caller).await?;
    let email: Email = email.parse().map_err(|refusal: Refusal| refusal.at("email"))?;
    role_grant_check(actor, role)?;
    app.throttle(app.invitation_limits(organization, &email)).await?;
    let (now, auth) = (app.now(), &app.config.auth);
    let (members_max, invitations_max) = (auth.members_max, auth.invitations_max);
    let expires_at = plus_secs(now, auth.invitation_secs);
    let new = Invitation { id: app.store.id(), organization, email, role, created_at: now, expires_at };
    let token = Token::generate(app.entropy.as_ref(), PREFIX);
    let gone = || AppError::internal("the caller's organization is gone");
    let name = app.store.organization(organization).await?.ok_or_else(gone)?.name;
    let mail = message_seal(app, &Message::Mail(mail_of(&new, &name, &token)))?;
    app.store
        .write("invitation_create", move |tx| {
            let (new, mail, token_hash) = (new.clone(), mail.clone(), token.hash);
            async move {
                tx.organization_lock(organization).await?;
                refuse_if_member(&tx, &new).await?;
                let (open, same) = tx.invitations_count(organization, &new.email).await?;
                if same {
                    return Err(AppError::from(Refusal::new(Code::Taken, "an invitation to this address is open").at("email")));
                }
                limit_check(open, invitations_max, "open invitations")?;
                limit_check(tx.members_count(organization).await?.0, members_max, "members")?;
                tx.invitation_insert(&new, inviter, &token_hash).await?;
                tx.enqueue(MESSAGE_SEND, mail, new.created_at).await?;
                Ok(new)
            }
        })
        .await
}

/// Takes an open invitation back.
pub async fn invitation_revoke(app: &App, caller: &Caller, id: InvitationId) -> Result<Invitation, AppError> {
    let (_, organization, _) = require_member(caller, Permission::MembersWrite)?;
    app.store
        .write("invitation_revoke", move |tx| async move {
            let revoked = tx.invitation_revoke(organization, id).await?;
            Ok(revoked.ok_or_else(|| Refusal::not_found("invitationId", "open invitation"))?)
        })
        .await
}

/// Joins the organization of an invitation and logs in there. The token proves the address; somebody who is known here
/// proves itself by the password besides.
pub async fn invitation_accept(app: &App, caller: &Caller, input: InvitationAccept) -> Result<SessionTokens, AppError> {
    let hash = token_hash(input.token.expose_secret());
    let peeked =
        app.store.write("invitation_peek", move |tx| async move { Ok::<_, AppError>(tx.invitation_of_token(&hash).await?) });
    let invitation = peeked.await?.ok_or_else(unknown)?;
    let joining = joining_of(app, caller, &invitation, input).await?;
    let user = match &joining {
        Joining::New(person, _) => person.id,
        Joining::Known(user) => *user,
    };
    let opening = Opening::new(app, user, Some(invitation.organization), None);
    let (member, members_max): (MembershipId, _) = (app.store.id(), app.config.auth.members_max);
    let (start, refresh_hash) = (opening.start.clone(), opening.refresh.hash);
    app.store
        .write("invitation_accept", move |tx| {
            let (joining, start) = (joining.clone(), start.clone());
            async move {
                let organization = tx.organization_lock(invitation.organization).await?;
                let open = tx.invitation_of_token(&hash).await?.ok_or_else(unknown)?;
                if organization.is_none_or(|it| it.status != domain::account::OrganizationStatus::Active) {
                    return Err(AppError::from(Refusal::new(Code::Suspended, "an operator has suspended this organization")));
                }
                limit_check(tx.members_count(open.organization).await?.0, members_max, "members")?;
                if let Joining::New(person, password) = &joining {
                    tx.person_insert(person, password).await?;
                }
                tx.email_verified_set(user).await?;
                tx.member_insert(member, open.organization, user, open.role).await?;
                tx.invitation_accepted(open.id).await?;
                tx.session_insert(&start, &refresh_hash).await?;
                Ok::<_, AppError>(())
            }
        })
        .await?;
    let principal = Principal::Member { user, organization: invitation.organization, role: invitation.role };
    opening.tokens(app, principal).await
}

async fn joining_of(app: &App, caller: &Caller, invitation: &Invitation, input: InvitationAccept) -> Result<Joining, AppError> {
    if app.store.credentials_of(&invitation.email).await?.is_some() {
        return Ok(Joining::Known(password_verify(app, caller, &invitation.email, input.password).await?.person.id));
    }
    let name = input.name.ok_or_else(|| Refusal::required("name"))?;
    let name = name_of(&name).map_err(|refusal| refusal.at("name"))?;
    password_check(input.password.expose_secret(), invitation.email.as_str()).map_err(|refusal| refusal.at("password"))?;
    let person = Person { id: app.store.id(), email: invitation.email.clone(), name, locale: "en".to_owned() };
    let hash = password_hash(app, input.password).await?;
    Ok(Joining::New(person, hash))
}

async fn refuse_if_member(tx: &Tx, new: &Invitation) -> Result<(), AppError> {
    let Some(known) = tx.credentials_of(&new.email).await? else { return Ok(()) };
    match tx.role_of(new.organization, known.person.id).await? {
        Some(_) => Err(Refusal::new(Code::Taken, "this person is a member already").at("email").into()),
        None => Ok(()),
    }
}

pub(super) fn limit_check(count: u64, max: u64, what: &str) -> Result<(), Refusal> {
    if count < max { Ok(()) } else { Err(Refusal::new(Code::LimitReached, format!("an organization has at most {max} {what}"))) }
}

fn unknown() -> Refusal {
    Refusal::new(Code::InvalidToken, "the invitation is unknown, used, revoked or expired").at("token")
}

fn mail_of(invitation: &Invitation, organization: &str, token: &Token) -> Mail {
    let until = invitation.expires_at.format("%Y-%m-%d %H:%M UTC");
    let text = format!(
        "{organization} invites you to join it on Clearlead as {}.\n\nYour invitation, good until {until}:\n\n    {}\n\n\
         Give it to `invitationAccept` or to the application that you use. If you expected nothing of the kind, ignore this mail.\n",
        invitation.role.as_str(),
        token.expose()
    );
    Mail { to: invitation.email.as_str().to_owned(), subject: "Your invitation to Clearlead".to_owned(), text }
}

#[cfg(test)]
mod tests {
    use domain::id::OrganizationId;

    use super::*;

    #[test]
    fn a_limit_is_the_last_number_that_passes() {
        assert_eq!(
            (limit_check(4, 5, "members"), limit_check(5, 5, "members").map_err(|r| r.code)),
            (Ok(()), Err(Code::LimitReached))
        );
        let invitation = Invitation {
            id: InvitationId(Uuid::from_u128(1)),
            organization: OrganizationId(Uuid::from_u128(2)),
            email: "ada@example.com".parse().unwrap(),
            role: Role::Agent,
            created_at: domain::time::Timestamp::UNIX_EPOCH,
            expires_at: domain::time::Timestamp::UNIX_EPOCH,
        };
        let token = Token::generate(&crate::ports::SeededEntropy::new(1), PREFIX);
        let mail = mail_of(&invitation, "Öresund Leads", &token);
        assert!(mail.text.contains(token.expose()) && mail.text.contains("Öresund Leads") && mail.to == "ada@example.com");
    }
}
