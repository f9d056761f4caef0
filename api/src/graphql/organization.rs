//! Organizations.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::account::{Organization, OrganizationStatus};

use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::session::Session;
use super::word::Word;
use super::{app, caller};
use crate::app::organization::{self, OrganizationRegister as Registration, OrganizationUpdate as Change};
use crate::mutation_errors;

/// Queries about organizations.
#[derive(Debug, Default)]
pub struct OrganizationQuery;

/// Mutations of organizations.
#[derive(Debug, Default)]
pub struct OrganizationMutation;

mutation_errors!(OrganizationRegister: [Invalid, Required, TooLarge, NotFound, Taken, RateLimited]);
mutation_errors!(OrganizationUpdate: [Invalid, Required, TooLarge]);
mutation_errors!(OrganizationSuspend: [Invalid, NotFound, WrongState]);
mutation_errors!(OrganizationReinstate: [Invalid, NotFound, WrongState]);

/// A company on the exchange.
#[derive(Debug, SimpleObject)]
#[graphql(name = "Organization")]
pub struct OrganizationObject {
    /// The id.
    pub id: ID,
    /// The name.
    pub name: String,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    /// The IANA name of its time zone.
    pub time_zone: String,
    /// The language of its mails.
    pub locale: String,
    /// Whether it may act.
    pub status: Word<OrganizationStatus>,
    /// When it registered.
    pub created_at: DateTime<Utc>,
}

impl From<Organization> for OrganizationObject {
    fn from(organization: Organization) -> Self {
        Self {
            id: to_id(organization.id),
            name: organization.name,
            country: organization.country,
            time_zone: organization.time_zone,
            locale: organization.locale,
            status: organization.status.into(),
            created_at: organization.created_at,
        }
    }
}

/// A new organization with its owner.
#[derive(InputObject)]
pub struct OrganizationRegisterInput {
    /// Its name, at most 120 characters.
    pub name: String,
    /// Where it is at home: ISO 3166-1 alpha-2.
    pub country: String,
    /// The IANA name of its time zone.
    #[graphql(default = "UTC")]
    pub time_zone: String,
    /// The language of its mails, such as `en` or `pt-BR`.
    #[graphql(default = "en")]
    pub locale: String,
    /// The owner's name, at most 120 characters.
    pub owner_name: String,
    /// The owner's address, to log in with.
    pub email: String,
    /// The owner's password: 10 to 128 characters, not the address, not among the commonest.
    pub password: String,
    /// The organization that brought it.
    pub referrer_id: Option<ID>,
}

/// What is to change of the caller's organization; what is left out stays.
#[derive(Debug, InputObject)]
pub struct OrganizationUpdateInput {
    /// Another name.
    pub name: Option<String>,
    /// Another country.
    pub country: Option<String>,
    /// Another time zone.
    pub time_zone: Option<String>,
    /// Another language.
    pub locale: Option<String>,
}

/// An organization to stop.
#[derive(Debug, InputObject)]
pub struct OrganizationSuspendInput {
    /// Which.
    pub organization_id: ID,
}

/// An organization to let act again.
#[derive(Debug, InputObject)]
pub struct OrganizationReinstateInput {
    /// Which.
    pub organization_id: ID,
}

/// The answer of `organizationRegister`.
#[derive(Debug, SimpleObject)]
pub struct OrganizationRegisterPayload {
    /// The organization.
    pub organization: Option<OrganizationObject>,
    /// The owner's session.
    pub session: Option<Session>,
    /// What was wrong.
    pub user_errors: Vec<UserError<OrganizationRegister>>,
}

/// The answer of `organizationUpdate`.
#[derive(Debug, SimpleObject)]
pub struct OrganizationUpdatePayload {
    /// The organization as it is now.
    pub organization: Option<OrganizationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<OrganizationUpdate>>,
}

/// The answer of `organizationSuspend`.
#[derive(Debug, SimpleObject)]
pub struct OrganizationSuspendPayload {
    /// The organization as it is now.
    pub organization: Option<OrganizationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<OrganizationSuspend>>,
}

/// The answer of `organizationReinstate`.
#[derive(Debug, SimpleObject)]
pub struct OrganizationReinstatePayload {
    /// The organization as it is now.
    pub organization: Option<OrganizationObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<OrganizationReinstate>>,
}

#[Object]
impl OrganizationQuery {
    /// An organization: the caller's own (also when no id is given), or any for staff. Null when there is none to see.
    async fn organization(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Which; the caller's when not said.")] id: Option<ID>,
    ) -> async_graphql::Result<Option<OrganizationObject>> {
        let id = match id {
            Some(id) => parse_id(&id, "id").map_err(top_level)?,
            None => match caller(ctx).principal.organization() {
                Some(id) => id,
                None => return Ok(None),
            },
        };
        let found = answer(ctx, organization::organization(app(ctx), caller(ctx), id).await)?;
        Ok(found.map(OrganizationObject::from))
    }
}

#[Object]
impl OrganizationMutation {
    /// Registers an organization with its first owner, who is logged in at once. Needs no log-in.
    async fn organization_register(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: OrganizationRegisterInput,
    ) -> async_graphql::Result<OrganizationRegisterPayload> {
        let referrer = input.referrer_id.as_ref().map(|id| parse_id(id, "referrerId")).transpose();
        let result = match referrer {
            Ok(referrer) => organization::organization_register(app(ctx), caller(ctx), registration(input, referrer)).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (registered, user_errors) = settle(ctx, result)?;
        let (organization, session) = registered.map(|(new, tokens)| (new.into(), Session::from(tokens))).unzip();
        Ok(OrganizationRegisterPayload { organization, session, user_errors })
    }

    /// Changes the caller's organization.
    async fn organization_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: OrganizationUpdateInput,
    ) -> async_graphql::Result<OrganizationUpdatePayload> {
        let OrganizationUpdateInput { name, country, time_zone, locale } = input;
        let change = Change { name, country, time_zone, locale };
        let (changed, user_errors) = settle(ctx, organization::organization_update(app(ctx), caller(ctx), change).await)?;
        Ok(OrganizationUpdatePayload { organization: changed.map(OrganizationObject::from), user_errors })
    }

    /// Stops an organization: its people and keys lose access, its open listings and bids end. Trades already made run on. For
    /// operators.
    async fn organization_suspend(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: OrganizationSuspendInput,
    ) -> async_graphql::Result<OrganizationSuspendPayload> {
        let result = match parse_id(&input.organization_id, "organizationId") {
            Ok(id) => organization::organization_suspend(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (changed, user_errors) = settle(ctx, result)?;
        Ok(OrganizationSuspendPayload { organization: changed.map(OrganizationObject::from), user_errors })
    }

    /// Lets a stopped organization act again. For operators.
    async fn organization_reinstate(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: OrganizationReinstateInput,
    ) -> async_graphql::Result<OrganizationReinstatePayload> {
        let result = match parse_id(&input.organization_id, "organizationId") {
            Ok(id) => organization::organization_reinstate(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (changed, user_errors) = settle(ctx, result)?;
        Ok(OrganizationReinstatePayload { organization: changed.map(OrganizationObject::from), user_errors })
    }
}

fn registration(input: OrganizationRegisterInput, referrer: Option<domain::id::OrganizationId>) -> Registration {
    Registration {
        name: input.name,
        country: input.country,
        time_zone: input.time_zone,
        locale: input.locale,
        owner_name: input.owner_name,
        email: input.email,
        password: input.password.into(),
        referrer,
    }
}
