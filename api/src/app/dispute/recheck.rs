//! Checks that run again when a lead is disputed.

use domain::id::LeadId;
use domain::lead::{Audience, Sealed};
use domain::proof::{Facts, Recheck};
use domain::verification::{Finding, Outcome, disposable_domain, email_syntax, mail_domain, phone};
use store::leads::LeadScope;

use super::super::leads::person_of;
use super::super::{App, AppError};

/// What the checks of the contact find now.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rechecked {
    phone: Recheck,
    email: Recheck,
}

impl Rechecked {
    /// The facts with these findings in them.
    pub(super) fn into_facts(self, facts: Facts) -> Facts {
        Facts { phone: self.phone, email: self.email, ..facts }
    }
}

/// Runs the checks of the contact behind `lead` again; they cannot tell once it is erased.
pub(super) async fn recheck(app: &App, lead: LeadId) -> Result<Rechecked, AppError> {
    let stored =
        app.store.lead(LeadScope::Exchange, lead).await?.ok_or_else(|| AppError::internal("a trade without its lead"))?;
    let Some(person) = person_of(app, lead).await? else {
        return Ok(Rechecked { phone: Recheck::Inconclusive, email: Recheck::Inconclusive });
    };
    let again = rechecked(&person, stored.audience);
    // Made-up addresses have made-up domains.
    if stored.synthetic || again.email == Recheck::Impossible {
        return Ok(again);
    }
    Ok(Rechecked { email: domain_rechecked(app, &person, again.email).await, ..again })
}

/// What is known of the addresses once their first domain was looked up again.
async fn domain_rechecked(app: &App, person: &Sealed, email: Recheck) -> Recheck {
    let Some(usable) = person.contact.emails.iter().find(|email| email.valid) else { return email };
    match mail_domain(app.mail_domains.look_up(usable.domain()).await).outcome {
        Outcome::Fail => Recheck::Impossible,
        Outcome::Pass | Outcome::Inconclusive => email,
    }
}

fn rechecked(person: &Sealed, audience: Audience) -> Rechecked {
    let syntax = found(email_syntax(&person.contact, audience), Recheck::Impossible);
    let disposable = found(disposable_domain(&person.contact), Recheck::Doubtful);
    let email = if disposable == Recheck::Doubtful && syntax == Recheck::Pass { disposable } else { syntax };
    Rechecked { phone: found(phone(&person.contact), Recheck::Impossible), email }
}

fn found(finding: Option<Finding>, failed: Recheck) -> Recheck {
    match finding.map(|finding| finding.outcome) {
        Some(Outcome::Pass) => Recheck::Pass,
        Some(Outcome::Fail) => failed,
        Some(Outcome::Inconclusive) | None => Recheck::Inconclusive,
    }
}
