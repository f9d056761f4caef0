//! Addresses at which forms and advertising networks hand leads in.

mod mappings;
mod meta;
mod secrets;

use domain::access::{Mode, Permission};
use domain::account::name_of;
use domain::id::LeadHookId;
use domain::lead_hook::{LeadHook, LeadHookKind, Sent, draft, mapping_of};
use domain::mapping::Limits;
use domain::refusal::{Code, Refusal};
use domain::verification::CheckKind;
use store::lead_hooks::LiveHook;
use store::page::{Page, Slice};
use uuid::Uuid;

use super::email_verification::require_verified_email;
use super::invitation::limit_check;
use super::leads::{HookMessage, LeadBrought, lead_bring_for};
use super::member::require_member;
use super::posting::named;
use super::verticals::vertical_at;
use super::{App, AppError, Caller};
use crate::crypto::{Token, token_hash, tokens_match};

pub use mappings::HookMappings;
pub use meta::{META_LEAD, meta_handshake, meta_lead_fetch, meta_notices_take};
pub(super) use secrets::binding;
pub use secrets::{HookSecrets, LeadHookSecrets, MetaSecrets, hook_secrets};

/// What the key of a hook begins with.
const HOOK_PREFIX: &str = "clh";
/// Hooks of one organization that take leads.
const HOOKS_MAX: u64 = 50;

/// A hook being made.
#[derive(Debug, Clone)]
pub struct LeadHookCreate {
    /// What it is for.
    pub name: String,
    /// Who sends.
    pub kind: LeadHookKind,
    /// From what is sent to leads.
    pub mapping: String,
    /// What signs its messages.
    pub secrets: LeadHookSecrets,
}

/// A hook being changed; what is absent stays.
#[derive(Debug, Clone)]
pub struct LeadHookUpdate {
    /// Which.
    pub hook: LeadHookId,
    /// What it is for.
    pub name: Option<String>,
    /// From what is sent to leads.
    pub mapping: Option<String>,
    /// What signs its messages.
    pub secrets: LeadHookSecrets,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HookTaken {
    /// A lead, with the check that rejected it, if one did.
    Lead(LeadBrought, Option<CheckKind>),
    /// The mapping leaves it out.
    LeftOut,
}

/// The hooks of the caller's organization, disabled ones too, oldest first.
pub async fn lead_hooks(app: &App, caller: &Caller, page: &Page<Uuid>) -> Result<Slice<LeadHook>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.lead_hooks(organization, page).await?)
}

/// Those of `ids` that are hooks of the caller's organization, in no order.
pub async fn lead_hooks_many(app: &App, caller: &Caller, ids: &[LeadHookId]) -> Result<Vec<LeadHook>, AppError> {
    let organization = caller.principal.require(Permission::MembersRead)?;
    Ok(app.store.lead_hooks_many(organization, ids).await?)
}

/// Makes a hook for the caller's organization. The key is in this answer and nowhere else; one of Meta has none, since the app's
/// secret signs everything.
pub async fn lead_hook_create(app: &App, caller: &Caller, input: LeadHookCreate) -> Result<(LeadHook, Option<Token>), AppError> {
    let (maker, organization, _) = require_member(caller, Permission::KeysWrite)?;
    require_verified_email(app, caller).await?;
    let (name, mapping) = checked(app, Some(&input.name), Some(&input.mapping)).await?;
    let secrets = HookSecrets::default().with(input.kind, &input.secrets)?;
    let secret = Token::generate(app.entropy.as_ref(), HOOK_PREFIX);
    let now = app.now();
    let hook = LeadHook {
        id: app.store.id(),
        organization,
        name: name.unwrap_or_default(),
        kind: input.kind,
        mapping: mapping.unwrap_or_default(),
        prefix: secret.shown.clone(),
        signed: secrets.signing().is_some(),
        trouble: None,
        created_at: now,
        updated_at: now,
        disabled_at: None,
    };
    let (new, hash) = (hook.clone(), secret.hash);
    let sealed = if new.signed { Some(secrets.seal(app, new.id)?) } else { None };
    app.store
        .write("lead_hook_create", move |tx| {
            let (new, sealed) = (new.clone(), sealed.clone());
            async move {
                tx.organization_lock(organization).await?;
                limit_check(tx.lead_hooks_count(organization).await?, HOOKS_MAX, "hooks")?;
                tx.lead_hook_insert(&new, maker, &hash).await?;
                if let Some(sealed) = &sealed {
                    tx.lead_hook_secret_set(sealed).await?;
                }
                Ok::<_, AppError>(())
            }
        })
        .await?;
    let shown = (hook.kind != LeadHookKind::Meta).then_some(secret);
    Ok((hook, shown))
}

/// Gives a hook another name, mapping or secrets.
pub async fn lead_hook_update(app: &App, caller: &Caller, input: LeadHookUpdate) -> Result<LeadHook, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    let (name, mapping) = checked(app, input.name.as_deref(), input.mapping.as_deref()).await?;
    let (id, name, mapping, given) = (input.hook, &name, &mapping, &input.secrets);
    let secrets_given = given.signing_secret.is_some() || given.meta.is_some();
    app.store
        .write("lead_hook_update", |tx| async move {
            let mut hook = tx.lead_hook_lock(organization, id).await?.ok_or_else(unknown)?;
            require_live(&hook)?;
            if secrets_given {
                let before = HookSecrets::open(app, tx.lead_hook_secret(id).await?)?;
                let secrets = before.with(hook.kind, given)?;
                tx.lead_hook_secret_set(&secrets.seal(app, id)?).await?;
                hook.signed = secrets.signing().is_some();
                hook.trouble = None;
            }
            hook.name = name.clone().unwrap_or(hook.name);
            hook.mapping = mapping.clone().unwrap_or(hook.mapping);
            hook.updated_at = tx.now().await?;
            tx.lead_hook_save(&hook, None).await?;
            Ok::<_, AppError>(hook)
        })
        .await
}

/// Gives a hook another key; the old one is void at once.
pub async fn lead_hook_rotate(app: &App, caller: &Caller, id: LeadHookId) -> Result<(LeadHook, Token), AppError> {
    let secret = Token::generate(app.entropy.as_ref(), HOOK_PREFIX);
    let prefix = secret.shown.clone();
    let change = |hook: LeadHook| {
        require_live(&hook)?;
        if hook.kind == LeadHookKind::Meta {
            return Err(Refusal::wrong_state("a hook of Meta has no key: the app's secret signs").at("leadHookId"));
        }
        Ok(LeadHook { prefix: prefix.clone(), ..hook })
    };
    let hook = changed(app, caller, "lead_hook_rotate", id, Some(secret.hash), &change).await?;
    Ok((hook, secret))
}

/// Lets a hook take nothing more, for good. Disabling it again changes nothing.
pub async fn lead_hook_disable(app: &App, caller: &Caller, id: LeadHookId) -> Result<LeadHook, AppError> {
    let now = app.now();
    let change = |hook: LeadHook| Ok(LeadHook { disabled_at: hook.disabled_at.or(Some(now)), ..hook });
    changed(app, caller, "lead_hook_disable", id, None, &change).await
}

/// The hook that takes messages at an address. Its key may stand in the message, so it is looked at with [`hook_open`].
pub async fn hook_at(app: &App, id: &str) -> Result<LiveHook, AppError> {
    let unknown = || Refusal::not_found("id", "hook");
    let live = app.store.lead_hook_live(id.parse().map_err(|_| unknown())?).await?.ok_or_else(unknown)?;
    if live.suspended { Err(Refusal::new(Code::Suspended, "the organization is suspended").into()) } else { Ok(live) }
}

/// Refuses whoever does not have the key.
pub fn hook_open(live: &LiveHook, key: Option<&str>) -> Result<(), Refusal> {
    let known = key.is_some_and(|key| tokens_match(&token_hash(key), &live.secret_hash));
    if known { Ok(()) } else { Err(Refusal::new(Code::Unauthenticated, "this is not the key of this address")) }
}

/// Makes a lead of a message, in the stock of the hook's seller.
pub async fn hook_take(app: &App, hook: &LeadHook, sent: &Sent) -> Result<HookTaken, AppError> {
    let mapping = app.hook_mappings.of(hook)?;
    let vertical = vertical_at(app, &mapping.vertical).await??;
    let Some(draft) = draft(&mapping, &vertical.definition, &sent.columns, app.now())? else { return Ok(HookTaken::LeftOut) };
    let mode = if sent.test { Mode::Test } else { Mode::Live };
    let message = sent.id.as_deref().map(|id| HookMessage { hook: hook.id, id });
    let brought = lead_bring_for(app, hook.organization, mode, draft, message).await.map_err(named)?;
    let rejected_by = brought.rejected_by(&vertical.definition);
    Ok(HookTaken::Lead(brought, rejected_by))
}

async fn changed(
    app: &App,
    caller: &Caller,
    name: &'static str,
    id: LeadHookId,
    secret_hash: Option<[u8; 32]>,
    change: &(impl Fn(LeadHook) -> Result<LeadHook, Refusal> + Sync),
) -> Result<LeadHook, AppError> {
    let (_, organization, _) = require_member(caller, Permission::KeysWrite)?;
    app.store
        .write(name, |tx| async move {
            let hook = tx.lead_hook_lock(organization, id).await?.ok_or_else(unknown)?;
            let hook = LeadHook { updated_at: tx.now().await?, ..change(hook)? };
            tx.lead_hook_save(&hook, secret_hash.as_ref().map(<[u8; 32]>::as_slice)).await?;
            Ok::<_, AppError>(hook)
        })
        .await
}

fn unknown() -> Refusal {
    Refusal::not_found("leadHookId", "hook")
}

fn require_live(hook: &LeadHook) -> Result<(), Refusal> {
    match hook.disabled_at {
        Some(_) => Err(Refusal::new(Code::WrongState, "the hook is disabled").at("leadHookId")),
        None => Ok(()),
    }
}

/// A name and a mapping that can be kept, or everything that is wrong with them.
async fn checked(app: &App, name: Option<&str>, mapping: Option<&str>) -> Result<(Option<String>, Option<String>), AppError> {
    let mut refused = Vec::new();
    let name = name.and_then(|name| name_of(name).map_err(|refusal| refused.push(refusal.at("name"))).ok());
    if let Some(text) = mapping {
        match mapping_of(text) {
            Err(refusal) => refused.push(refusal.at("mapping")),
            Ok(mapping) => match vertical_at(app, &mapping.vertical).await? {
                Ok(vertical) => {
                    let columns: Vec<String> = mapping.columns().into_iter().collect();
                    let bound = mapping.bind(&columns, &vertical.definition, Limits::default());
                    refused.extend(bound.err().into_iter().flatten().map(|refusal| refusal.at("mapping")));
                }
                Err(refusal) => refused.push(refusal.at("mapping")),
            },
        }
    }
    if refused.is_empty() { Ok((name, mapping.map(str::to_owned))) } else { Err(refused.into()) }
}
