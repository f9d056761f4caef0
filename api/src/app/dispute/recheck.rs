//! Checks that run again when a lead is disputed.

use domain::contact::Contact;
use domain::id::LeadId;
use domain::proof::recheck::{Rechecked, read_again, recheck};
use domain::verification::MailDomain;
use store::leads::LeadScope;

use super::super::leads::person_of;
use super::super::{App, AppError};

/// Runs the checks of the contact behind `lead` again; they cannot tell once it is erased.
pub(super) async fn rechecked(app: &App, lead: LeadId) -> Result<Rechecked, AppError> {
    let stored = app.store.lead(LeadScope::Exchange, lead).await?;
    let stored = stored.ok_or_else(|| AppError::internal("a trade without its lead"))?;
    let Some(person) = person_of(app, lead).await? else { return Ok(Rechecked::NOTHING) };
    let contact = read_again(&person.contact);
    // Made-up addresses have made-up domains.
    let domains = if stored.synthetic { Vec::new() } else { looked_up(app, &contact).await };
    Ok(recheck(&contact, stored.audience, &domains))
}

/// What a look-up finds of the domain of each valid address; there are few of them.
async fn looked_up(app: &App, contact: &Contact) -> Vec<MailDomain> {
    let mut found = Vec::new();
    for email in contact.emails.iter().filter(|email| email.valid) {
        found.push(app.mail_domains.look_up(email.domain()).await);
    }
    found
}
