//! Whether the mail domains of leads take mail: looked up behind the commit of their intake.

use std::collections::{BTreeSet, HashMap};

use domain::id::LeadId;
use domain::verification::{MailDomain, mail_domain};
use futures::{StreamExt, stream};
use serde_json::Value;
use store::leads::{LeadScope, StoredLead};

use super::verify::leads_of;
use super::{Recorded, findings_record, person_of, schema_of};
use crate::app::{App, AppError};

/// The kind of the jobs that look up mail domains.
pub const MAIL_DOMAIN_CHECK: &str = "mail_domain_check";
const LOOK_UPS_AT_ONCE: usize = 16;

/// Looks up the mail domains of the leads of a job's payload and records what was found. A domain that does not answer is
/// INCONCLUSIVE; the check can be run again with `leadVerify`.
pub async fn mail_domain_check(app: &App, payload: &Value) -> Result<(), AppError> {
    let mut domains: Vec<(StoredLead, String)> = Vec::new();
    for id in leads_of(payload)? {
        let Some(lead) = app.store.lead(LeadScope::Exchange, id).await?.filter(|lead| lead.state.is_open()) else { continue };
        if let Some(domain) = domain_of(app, id).await? {
            domains.push((lead, domain));
        }
    }
    let distinct: BTreeSet<String> = domains.iter().map(|(_, domain)| domain.clone()).collect();
    // One after another, domains that do not answer would hold up every other job of this worker.
    let found: HashMap<String, MailDomain> = stream::iter(distinct)
        .map(|domain| async move {
            let found = app.mail_domains.look_up(&domain).await;
            (domain, found)
        })
        .buffer_unordered(LOOK_UPS_AT_ONCE)
        .collect()
        .await;
    for (lead, domain) in &domains {
        let found = found.get(domain.as_str()).copied().unwrap_or(MailDomain::NoAnswer);
        let schema = &schema_of(app, lead).await?;
        let recorded = &[Recorded::Found(mail_domain(found))];
        let done: Result<StoredLead, AppError> = app
            .store
            .write("mail_domain_check", |tx| async move {
                findings_record(app, &tx, LeadScope::Exchange, lead.id, schema, recorded, None).await
            })
            .await;
        // A lead that was closed meanwhile needs no checks.
        if let Err(error @ (AppError::Store(_) | AppError::Internal(_))) = done {
            return Err(error);
        }
    }
    Ok(())
}

/// The domain of the preferred well-formed address.
async fn domain_of(app: &App, id: LeadId) -> Result<Option<String>, AppError> {
    let sealed = person_of(app, id).await?;
    Ok(sealed.and_then(|sealed| {
        let usable = sealed.contact.emails.iter().find(|email| email.valid);
        usable.map(|email| email.domain().to_owned())
    }))
}
