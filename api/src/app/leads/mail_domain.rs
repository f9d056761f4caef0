//! Whether the mail domains of leads take mail: looked up behind the commit of their intake.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use domain::id::{LeadId, VerticalId};
use domain::lead::Sealed;
use domain::time::plus_secs;
use domain::verification::{MailDomain, look_up_pause_secs, mail_domain};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use store::Tx;
use store::job::Lane;
use store::leads::{Finder, Judged, LeadScope, StoredLead};
use store::verticals::StoredVertical;

use super::record::judged;
use super::verify::leads_of;
use super::{Recorded, findings_record, schema_of, unseal};
use crate::app::{App, AppError};

/// The kind of the jobs that look up mail domains.
pub const MAIL_DOMAIN_CHECK: &str = "mail_domain_check";
const LOOK_UPS_AT_ONCE: usize = 32;

/// A lead with a mail domain to look up.
struct Subject {
    lead: LeadId,
    sealed: Sealed,
    domain: String,
    schema: Arc<StoredVertical>,
}

/// Looks up the mail domains of the leads of a job's payload and records what was found, all in one transaction. A domain
/// that does not answer is INCONCLUSIVE, and looked up again later.
pub async fn mail_domain_check(app: &App, payload: &Value) -> Result<(), AppError> {
    let tries = payload.get("tries").and_then(Value::as_u64).and_then(|tries| u32::try_from(tries).ok()).unwrap_or(0);
    let subjects = &subjects_of(app, &leads_of(payload)?).await?;
    let domains: BTreeSet<String> = subjects.iter().map(|subject| subject.domain.clone()).collect();
    // One after another, domains that do not answer would hold up every other look-up.
    let found: &HashMap<String, MailDomain> = &stream::iter(domains)
        .map(|domain| async move {
            let found = app.mail_domains.look_up(&domain).await;
            (domain, found)
        })
        .buffer_unordered(LOOK_UPS_AT_ONCE)
        .collect()
        .await;
    let resurrected: Vec<LeadId> = app
        .store
        .write("mail_domain_check", |tx| async move {
            let resurrected = record(app, &tx, subjects, found).await?;
            let silent = |subject: &&Subject| found.get(subject.domain.as_str()) == Some(&MailDomain::NoAnswer);
            let silent: Vec<LeadId> = subjects.iter().filter(silent).map(|subject| subject.lead).collect();
            if let (false, true, Some(pause)) = (silent.is_empty(), app.config.dns.enabled, look_up_pause_secs(tries)) {
                let payload = json!({ "leads": silent, "tries": tries.saturating_add(1) });
                let run_at = plus_secs(tx.now().await?, pause);
                tx.enqueue_in(Lane::LookUps, MAIL_DOMAIN_CHECK, payload, run_at).await?;
            }
            Ok::<_, AppError>(resurrected)
        })
        .await?;
    for subject in subjects.iter().filter(|subject| resurrected.contains(&subject.lead)) {
        resurrect(app, subject, found).await?;
    }
    Ok(())
}

/// Records what was found on the leads that are still open. Answers those that were rejected and would now come to life:
/// whether their persons are still to be had needs a look at others, so each goes alone.
async fn record(app: &App, tx: &Tx, subjects: &[Subject], found: &HashMap<String, MailDomain>) -> Result<Vec<LeadId>, AppError> {
    let ids: Vec<LeadId> = subjects.iter().map(|subject| subject.lead).collect();
    let mut locked: HashMap<LeadId, StoredLead> = tx.leads_locked(&ids).await?.into_iter().map(|lead| (lead.id, lead)).collect();
    let now = tx.now().await?;
    let (mut changed, mut resurrected): (Vec<(StoredLead, Judged)>, _) = (Vec::new(), Vec::new());
    for subject in subjects {
        let Some(before) = locked.remove(&subject.lead).filter(|lead| lead.state.is_open()) else { continue };
        let lead = before.with(&subject.schema.path, subject.sealed.clone());
        let check = mail_domain(answer(found, subject)).at(now);
        let judged = judged(app, &before, &lead, &subject.schema, vec![check], now)?;
        if judged.state.is_live() && !before.state.is_live() {
            resurrected.push(subject.lead);
        } else if !judged.news.is_empty() {
            changed.push((before, judged));
        }
    }
    tx.leads_judge(&changed).await?;
    Ok(resurrected)
}

async fn resurrect(app: &App, subject: &Subject, found: &HashMap<String, MailDomain>) -> Result<(), AppError> {
    let recorded = &[Recorded::Found(mail_domain(answer(found, subject)))];
    let done: Result<StoredLead, AppError> = app
        .store
        .write("mail_domain_check", |tx| async move {
            let finder = Finder::default();
            findings_record(app, &tx, LeadScope::Exchange, subject.lead, &subject.schema, recorded, finder).await
        })
        .await;
    match done {
        // A lead that was closed meanwhile needs no checks.
        Ok(_) | Err(AppError::Refused(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

fn answer(found: &HashMap<String, MailDomain>, subject: &Subject) -> MailDomain {
    found.get(subject.domain.as_str()).copied().unwrap_or(MailDomain::NoAnswer)
}

/// The open leads among `ids` with the domain of their preferred well-formed address.
async fn subjects_of(app: &App, ids: &[LeadId]) -> Result<Vec<Subject>, AppError> {
    let mut schemas: HashMap<(VerticalId, i64), Arc<StoredVertical>> = HashMap::new();
    let mut subjects = Vec::new();
    for (lead, envelope) in app.store.leads_sealed(ids).await? {
        if !lead.state.is_open() {
            continue;
        }
        let sealed = unseal(app, lead.id, envelope)?;
        let usable = sealed.contact.emails.iter().find(|email| email.valid);
        let Some(domain) = usable.map(|email| email.domain().to_owned()) else { continue };
        let key = (lead.vertical, lead.vertical_version);
        let schema = match schemas.get(&key) {
            Some(schema) => Arc::clone(schema),
            None => Arc::clone(schemas.entry(key).or_insert(Arc::new(schema_of(app, &lead).await?))),
        };
        subjects.push(Subject { lead: lead.id, sealed, domain, schema });
    }
    Ok(subjects)
}
