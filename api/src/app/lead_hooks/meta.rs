//! Lead ads of Meta: a notice names a lead, and a job behind it asks for the lead and hands it in. A lead is handed in once, however
//! often it is named; what keeps it from being read stands at the hook, and its owners are told when they can mend it.

use domain::id::LeadHookId;
use domain::lead_hook::{LeadHook, LeadHookFault, LeadHookKind, LeadHookTrouble, MetaNotice, fetch_again_secs, meta_lead};
use domain::refusal::{Code, Refusal};
use domain::time::{Timestamp, plus_secs, secs_until};
use gateways::meta::Fault;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::Tx;
use store::job::Lane;

use super::hook_take;
use super::secrets::{HookSecrets, hook_secrets};
use crate::app::message::{MESSAGE_SEND, owners_mails};
use crate::app::{App, AppError};
use crate::crypto::{signature, tokens_match};

/// The kind of the jobs that ask for leads.
pub const META_LEAD: &str = "meta_lead";

/// A lead to ask for: the payload of a job. It holds ids only.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Wanted {
    hook: LeadHookId,
    notice: MetaNotice,
    since: Timestamp,
    tries: u32,
}

/// Whether `token` is the one that the hook expects of Meta.
pub async fn meta_handshake(app: &App, hook: &LeadHook, token: &str) -> Result<(), AppError> {
    let secrets = hook_secrets(app, hook.id).await?;
    let known = secrets.verify.as_ref().is_some_and(|expected| tokens_match(expected.as_bytes(), token.as_bytes()));
    if known { Ok(()) } else { Err(Refusal::new(Code::Unauthenticated, "this is not the token of this address").into()) }
}

/// Sees to it that the leads of `notices` are asked for, unless they are already; answers how many are new.
pub async fn meta_notices_take(app: &App, hook: &LeadHook, notices: Vec<MetaNotice>) -> Result<u64, AppError> {
    let (hook, notices) = (hook.id, &notices);
    app.store
        .write("meta_notices_take", |tx| async move {
            let now = tx.now().await?;
            let mut new = 0_u64;
            for notice in notices {
                if tx.lead_hook_message_expect(hook, &notice.leadgen_id).await? {
                    let wanted = Wanted { hook, notice: notice.clone(), since: now, tries: 0 };
                    tx.enqueue_in(Lane::Retrievals, META_LEAD, json!(wanted), now).await?;
                    new = new.saturating_add(1);
                }
            }
            Ok::<_, AppError>(new)
        })
        .await
}

/// Asks for the lead of a job's payload and hands it in. What may come right is enqueued again, for later.
pub async fn meta_lead_fetch(app: &App, payload: &Value) -> Result<(), AppError> {
    let wanted: Wanted =
        serde_json::from_value(payload.clone()).map_err(|_| AppError::internal("not the payload of a lead to ask for"))?;
    let Some(live) = app.store.lead_hook_live(wanted.hook).await? else { return Ok(()) };
    let hook = &live.hook;
    if hook.kind != LeadHookKind::Meta || app.store.lead_hook_message(hook.id, &wanted.notice.leadgen_id).await?.is_some() {
        return Ok(());
    }
    if live.suspended {
        return put_off(app, &wanted).await;
    }
    match handed_in(app, hook, &wanted.notice).await? {
        Ok(()) if hook.trouble.is_none() => Ok(()),
        Ok(()) => trouble_end(app, hook).await,
        Err(fault) => trouble_note(app, hook, &wanted, fault).await,
    }
}

/// Reads a lead and hands it in; the fault that kept it from that is an answer, too.
async fn handed_in(app: &App, hook: &LeadHook, notice: &MetaNotice) -> Result<Result<(), LeadHookFault>, AppError> {
    let secrets = hook_secrets(app, hook.id).await?;
    let answer = match asked(app, &secrets, &notice.leadgen_id).await {
        Ok(answer) => answer,
        Err(fault) => return Ok(Err(fault)),
    };
    let sent = match meta_lead(notice, &answer) {
        Ok(sent) => sent,
        Err(refusal) => return Ok(Err(refused(&[refusal]))),
    };
    match hook_take(app, hook, &sent).await {
        Ok(_) => Ok(Ok(())),
        // What Meta's testing tool makes up is seldom a lead: to have read it is what was tried.
        Err(AppError::Refused(_)) if sent.test => Ok(Ok(())),
        // The job as such is tried again: nothing is wrong with the lead.
        Err(AppError::Refused(found)) if !found.iter().any(|refusal| refusal.code == Code::RetryLater) => {
            // Its content was brought before, by another way: there is nothing left to do.
            let before = found.iter().all(|refusal| refusal.code == Code::Taken);
            Ok(if before { Ok(()) } else { Err(refused(&found)) })
        }
        Err(error) => Err(error),
    }
}

async fn asked(app: &App, secrets: &HookSecrets, id: &str) -> Result<Value, LeadHookFault> {
    let (Some(app_secret), Some(token)) = (secrets.signing(), secrets.page.as_deref()) else {
        return Err(LeadHookFault::TokenExpired);
    };
    let proof = signature(app_secret, &[token.as_bytes()]).map(hex::encode).unwrap_or_default();
    app.meta.lead(id, &SecretString::from(token), &proof).await.map_err(|fault| match fault {
        Fault::TokenExpired => LeadHookFault::TokenExpired,
        Fault::NotAllowed => LeadHookFault::NotAllowed,
        Fault::RateLimited => LeadHookFault::RateLimited,
        Fault::Gone => LeadHookFault::Gone,
        Fault::Unavailable => LeadHookFault::Unreachable,
    })
}

/// Names of columns and codes only: the log holds no answers.
fn refused(found: &[Refusal]) -> LeadHookFault {
    let codes: Vec<String> =
        found.iter().map(|refusal| format!("{} {}", refusal.code.as_str(), refusal.path.join("."))).collect();
    tracing::warn!(refusals = codes.join(", "), "a lead of Meta does not fit its hook");
    LeadHookFault::Refused
}

async fn trouble_end(app: &App, hook: &LeadHook) -> Result<(), AppError> {
    let (organization, id) = (hook.organization, hook.id);
    app.store
        .write("lead_hook_trouble_end", move |tx| async move {
            tx.lead_hook_trouble_set(organization, id, None).await?;
            Ok::<_, AppError>(())
        })
        .await
}

/// Notes the fault at the hook, asks again later or gives up, and tells the owners of what they can mend, once.
async fn trouble_note(app: &App, hook: &LeadHook, wanted: &Wanted, fault: LeadHookFault) -> Result<(), AppError> {
    let theirs = matches!(fault, LeadHookFault::TokenExpired | LeadHookFault::NotAllowed);
    let mails = if theirs && hook.trouble.is_none_or(|trouble| trouble.fault != fault) {
        mails(app, hook, fault).await?
    } else {
        Vec::new()
    };
    let (mails, organization, id) = (&mails, hook.organization, hook.id);
    app.store
        .write("lead_hook_trouble_note", |tx| async move {
            let now = tx.now().await?;
            let before = tx.lead_hook_trouble_set(organization, id, Some(LeadHookTrouble { fault, at: now })).await?;
            if before.is_none_or(|trouble| trouble.fault != fault) {
                for mail in mails {
                    tx.enqueue(MESSAGE_SEND, mail.clone(), now).await?;
                }
            }
            ask_again(&tx, wanted, fault, now).await?;
            Ok::<_, AppError>(())
        })
        .await
}

/// Asks for a lead of a hook whose organization is stopped when it may trade again.
async fn put_off(app: &App, wanted: &Wanted) -> Result<(), AppError> {
    app.store
        .write("meta_lead_put_off", |tx| async move {
            let now = tx.now().await?;
            ask_again(&tx, wanted, LeadHookFault::NotAllowed, now).await
        })
        .await
}

/// Enqueues the same for later, or gives it up.
async fn ask_again(tx: &Tx, wanted: &Wanted, fault: LeadHookFault, now: Timestamp) -> Result<(), AppError> {
    match fetch_again_secs(fault, wanted.tries, secs_until(wanted.since, now)) {
        Some(pause) => {
            let again = Wanted { tries: wanted.tries.saturating_add(1), ..wanted.clone() };
            tx.enqueue_in(Lane::Retrievals, META_LEAD, json!(again), plus_secs(now, pause)).await?;
        }
        None => tx.lead_hook_message_forget(wanted.hook, &wanted.notice.leadgen_id).await?,
    }
    Ok(())
}

async fn mails(app: &App, hook: &LeadHook, fault: LeadHookFault) -> Result<Vec<Value>, AppError> {
    let trouble = match fault {
        LeadHookFault::TokenExpired => "Meta no longer accepts the token of its page",
        _ => "Meta does not let its token read the page's leads",
    };
    let text = format!(
        "The hook \"{}\" ({}) cannot read leads: {trouble}.\n\nGive it a new token with `leadHookUpdate`. Leads that came meanwhile are \
         asked for every quarter of an hour, and Meta keeps each for 90 days.\n",
        hook.name, hook.id
    );
    owners_mails(app, hook.organization, "A hook for leads needs a new token", &text).await
}
