//! Addresses at which forms and advertising networks hand leads in.

use async_graphql::{Context, ID, InputObject, Object, SimpleObject};
use chrono::{DateTime, Utc};
use domain::lead_hook::{LeadHook, LeadHookFault, LeadHookKind};
use secrecy::SecretString;
use uuid::Uuid;

use super::connection::{NodeConnection, connection, page, page_cost};
use super::error::{UserError, answer, settle, top_level};
use super::id::{parse_id, to_id};
use super::word::Word;
use super::{app, caller};
use crate::app::App;
use crate::app::lead_hooks::{self, LeadHookCreate as NewHook, LeadHookSecrets, LeadHookUpdate as ChangedHook, MetaSecrets};
use crate::crypto::Token;
use crate::mutation_errors;

/// Queries about hooks.
#[derive(Debug, Default)]
pub struct LeadHookQuery;

/// Mutations of hooks.
#[derive(Debug, Default)]
pub struct LeadHookMutation;

mutation_errors!(LeadHookCreate: [Invalid, Required, TooLarge, LimitReached, NotFound]);
mutation_errors!(LeadHookUpdate: [Invalid, Required, TooLarge, NotFound, WrongState]);
mutation_errors!(LeadHookRotateSecret: [Invalid, NotFound, WrongState]);
mutation_errors!(LeadHookDisable: [Invalid, NotFound]);

/// An address at which a form or an advertising network hands leads in, without its key.
#[derive(Debug, SimpleObject)]
#[graphql(name = "LeadHook")]
pub struct LeadHookObject {
    /// The id.
    pub id: ID,
    /// What it is for.
    pub name: String,
    /// Who sends.
    pub kind: Word<LeadHookKind>,
    /// From what is sent to leads: a mapping as for imports, in TOML or JSON.
    pub mapping: String,
    /// Where messages are posted. Unless they are signed, or the kind is GOOGLE_ADS, which sends the key itself, `?key=` and the key
    /// stand behind it.
    pub address: String,
    /// The first characters of the key.
    pub prefix: String,
    /// Whether messages must be signed with the secret that the hook was given; the key is then of no use.
    pub signed: bool,
    /// What keeps it from handing in leads of which it was told: of the kind META only.
    pub last_error: Option<Word<LeadHookFault>>,
    /// When that was met last.
    pub last_error_at: Option<DateTime<Utc>>,
    /// Since when.
    pub created_at: DateTime<Utc>,
    /// The last change.
    pub updated_at: DateTime<Utc>,
    /// Since when nothing is taken there any more.
    pub disabled_at: Option<DateTime<Utc>>,
}

impl LeadHookObject {
    /// As the exchange shows it under its own address.
    pub(super) fn new(app: &App, hook: LeadHook) -> Self {
        let base = &app.config.server.public_url;
        Self {
            address: format!("{base}/v1/hooks/{}", hook.id),
            id: to_id(hook.id),
            name: hook.name,
            kind: hook.kind.into(),
            mapping: hook.mapping,
            prefix: hook.prefix,
            signed: hook.signed,
            last_error: hook.trouble.map(|trouble| trouble.fault.into()),
            last_error_at: hook.trouble.map(|trouble| trouble.at),
            created_at: hook.created_at,
            updated_at: hook.updated_at,
            disabled_at: hook.disabled_at,
        }
    }
}

/// A hook to make.
#[derive(InputObject)]
pub struct LeadHookCreateInput {
    /// What it is for, at most 120 characters.
    pub name: String,
    /// Who sends.
    pub kind: Word<LeadHookKind>,
    /// From what is sent to leads: a mapping as for imports, in TOML or JSON, whose columns are what `kind` calls its values.
    pub mapping: String,
    /// For TYPEFORM, TALLY, TIKTOK and FORM: messages must be signed with this secret, and need no key.
    pub signing_secret: Option<String>,
    /// For META, which needs all of it.
    pub meta: Option<LeadHookMetaInput>,
}

/// What a hook of Meta needs; in a change, what is absent stays. None of it is ever shown again.
#[derive(InputObject)]
pub struct LeadHookMetaInput {
    /// The secret of the app, which signs messages.
    pub app_secret: Option<String>,
    /// A text of your own that Meta sends when it tries the address.
    pub verify_token: Option<String>,
    /// A long-lived token of the page with `leads_retrieval`.
    pub page_token: Option<String>,
}

impl From<LeadHookMetaInput> for MetaSecrets {
    fn from(input: LeadHookMetaInput) -> Self {
        Self {
            app_secret: input.app_secret.map(SecretString::from),
            verify_token: input.verify_token.map(SecretString::from),
            page_token: input.page_token.map(SecretString::from),
        }
    }
}

/// A hook to change; what is absent stays.
#[derive(InputObject)]
pub struct LeadHookUpdateInput {
    /// Which.
    pub lead_hook_id: ID,
    /// What it is for.
    pub name: Option<String>,
    /// From what is sent to leads.
    pub mapping: Option<String>,
    /// Another secret that signs messages; an empty one lets them come with the key again.
    pub signing_secret: Option<String>,
    /// What else a hook of Meta is given.
    pub meta: Option<LeadHookMetaInput>,
}

/// A hook to give another key.
#[derive(Debug, InputObject)]
pub struct LeadHookRotateSecretInput {
    /// Which.
    pub lead_hook_id: ID,
}

/// A hook to disable.
#[derive(Debug, InputObject)]
pub struct LeadHookDisableInput {
    /// Which.
    pub lead_hook_id: ID,
}

/// The answer of `leadHookCreate`.
#[derive(SimpleObject)]
pub struct LeadHookCreatePayload {
    /// The hook.
    pub lead_hook: Option<LeadHookObject>,
    /// The key. It is shown this once; a hook of META has none.
    pub secret: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<LeadHookCreate>>,
}

/// The answer of `leadHookUpdate`.
#[derive(Debug, SimpleObject)]
pub struct LeadHookUpdatePayload {
    /// The hook as it is now.
    pub lead_hook: Option<LeadHookObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<LeadHookUpdate>>,
}

/// The answer of `leadHookRotateSecret`.
#[derive(SimpleObject)]
pub struct LeadHookRotateSecretPayload {
    /// The hook as it is now.
    pub lead_hook: Option<LeadHookObject>,
    /// The new key. It is shown this once.
    pub secret: Option<String>,
    /// What was wrong.
    pub user_errors: Vec<UserError<LeadHookRotateSecret>>,
}

/// The answer of `leadHookDisable`.
#[derive(Debug, SimpleObject)]
pub struct LeadHookDisablePayload {
    /// The hook as it is now.
    pub lead_hook: Option<LeadHookObject>,
    /// What was wrong.
    pub user_errors: Vec<UserError<LeadHookDisable>>,
}

#[Object]
impl LeadHookQuery {
    /// The hooks of the caller's organization, disabled ones too, oldest first.
    #[graphql(complexity = "page_cost(first, child_complexity)")]
    async fn lead_hooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, at most 100.")] first: Option<i32>,
        #[graphql(desc = "Behind this cursor.")] after: Option<String>,
    ) -> async_graphql::Result<NodeConnection<LeadHookObject>> {
        let page = page::<Uuid>("leadHooks:oldest", first, after.as_deref()).map_err(top_level)?;
        let slice = answer(ctx, lead_hooks::lead_hooks(app(ctx), caller(ctx), &page).await)?;
        let shown = |hook| LeadHookObject::new(app(ctx), hook);
        Ok(connection("leadHooks:oldest", slice, page.after.is_some(), |row| row.id.0, shown))
    }
}

#[Object]
impl LeadHookMutation {
    /// Makes an address at which a form or an advertising network hands leads in. Its key is shown in this answer and never
    /// again.
    async fn lead_hook_create(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadHookCreateInput,
    ) -> async_graphql::Result<LeadHookCreatePayload> {
        let secrets = secrets(input.signing_secret, input.meta);
        let new = NewHook { name: input.name, kind: input.kind.0, mapping: input.mapping, secrets };
        let (created, user_errors) = settle(ctx, lead_hooks::lead_hook_create(app(ctx), caller(ctx), new).await)?;
        let (lead_hook, token) = created.unzip();
        let lead_hook = lead_hook.map(|hook| LeadHookObject::new(app(ctx), hook));
        let secret = token.flatten().map(|token| token.expose().to_owned());
        Ok(LeadHookCreatePayload { lead_hook, secret, user_errors })
    }

    /// Gives a hook another name, mapping or secrets.
    async fn lead_hook_update(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadHookUpdateInput,
    ) -> async_graphql::Result<LeadHookUpdatePayload> {
        let result = match parse_id(&input.lead_hook_id, "leadHookId") {
            Ok(hook) => {
                let secrets = secrets(input.signing_secret, input.meta);
                let change = ChangedHook { hook, name: input.name, mapping: input.mapping, secrets };
                lead_hooks::lead_hook_update(app(ctx), caller(ctx), change).await
            }
            Err(refusal) => Err(refusal.into()),
        };
        let (hook, user_errors) = settle(ctx, result)?;
        Ok(LeadHookUpdatePayload { lead_hook: hook.map(|hook| LeadHookObject::new(app(ctx), hook)), user_errors })
    }

    /// Gives a hook another key; the old one is void at once.
    async fn lead_hook_rotate_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadHookRotateSecretInput,
    ) -> async_graphql::Result<LeadHookRotateSecretPayload> {
        let result = match parse_id(&input.lead_hook_id, "leadHookId") {
            Ok(id) => lead_hooks::lead_hook_rotate(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (rotated, user_errors) = settle(ctx, result)?;
        let (lead_hook, secret) = shown(app(ctx), rotated);
        Ok(LeadHookRotateSecretPayload { lead_hook, secret, user_errors })
    }

    /// Lets a hook take nothing more, for good.
    async fn lead_hook_disable(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is asked for.")] input: LeadHookDisableInput,
    ) -> async_graphql::Result<LeadHookDisablePayload> {
        let result = match parse_id(&input.lead_hook_id, "leadHookId") {
            Ok(id) => lead_hooks::lead_hook_disable(app(ctx), caller(ctx), id).await,
            Err(refusal) => Err(refusal.into()),
        };
        let (hook, user_errors) = settle(ctx, result)?;
        Ok(LeadHookDisablePayload { lead_hook: hook.map(|hook| LeadHookObject::new(app(ctx), hook)), user_errors })
    }
}

fn secrets(signing_secret: Option<String>, meta: Option<LeadHookMetaInput>) -> LeadHookSecrets {
    LeadHookSecrets { signing_secret: signing_secret.map(SecretString::from), meta: meta.map(MetaSecrets::from) }
}

/// A hook and the key that was made for it.
fn shown(app: &App, made: Option<(LeadHook, Token)>) -> (Option<LeadHookObject>, Option<String>) {
    made.map(|(hook, token)| (LeadHookObject::new(app, hook), token.expose().to_owned())).unzip()
}
