//! The evidence of a disputed payment: what it bought, when that was delivered, and that each person had asked. It names no person.

use std::fmt::Write;

use domain::money::Money;
use domain::time::Timestamp;
use gateways::payments::Evidence;
use store::payments::bought::Bought;
use store::payments::card_disputes::CardDispute;
use store::payments::top_ups::StoredTopUp;

use crate::app::{App, AppError};

/// The longest text that is given to the bank in one field; the provider takes 150,000 characters in all.
const FIELD_MAX: usize = 45_000;

/// Everything that shows that a payment was rightly taken.
#[derive(Debug, Clone)]
pub struct Package {
    dispute: CardDispute,
    top_up: StoredTopUp,
    organization: String,
    terms_url: String,
    bought: Vec<Bought>,
}

pub(super) async fn package_of(app: &App, dispute: &CardDispute) -> Result<Package, AppError> {
    let gone = || AppError::internal("a dispute of nothing");
    let top_up = app.store.top_up(dispute.seen.top_up).await?.ok_or_else(gone)?;
    let paid = top_up.paid().ok_or_else(gone)?;
    let organization = app.store.organization(top_up.organization).await?.ok_or_else(gone)?;
    let bought = app.store.bought_with(top_up.organization, top_up.id, paid, app.now()).await?;
    Ok(Package {
        dispute: dispute.clone(),
        top_up,
        organization: organization.name,
        terms_url: app.config.server.public_url.clone(),
        bought,
    })
}

impl Package {
    /// The name of its file.
    #[must_use]
    pub fn file_name(&self) -> String {
        format!("evidence-{}.txt", self.dispute.id)
    }

    /// The whole package for people.
    #[must_use]
    pub fn text(&self) -> String {
        [self.description(), self.payment(), self.refunds(), self.activity()].join("\n")
    }

    /// What is given to the bank.
    pub(super) fn evidence(&self) -> Evidence {
        let field = |text: String| Some(text.chars().take(FIELD_MAX).collect::<String>());
        let delivered = self.bought.iter().filter_map(|bought| bought.delivered_at).min();
        Evidence {
            customer_name: Some(self.organization.clone()),
            product_description: field(self.description()),
            access_activity_log: field(self.activity()),
            refund_refusal_explanation: field(self.refunds()),
            service_date: delivered.map(day),
            uncategorized: field(self.payment()),
            ..Evidence::default()
        }
    }

    fn description(&self) -> String {
        format!(
            "Prepaid balance on the lead exchange at {}, spent on enquiries of persons who asked to be contacted. Each was delivered to \
             the customer through the exchange, with proof of the person's consent.\n",
            self.terms_url
        )
    }

    fn payment(&self) -> String {
        let StoredTopUp { id, payment, created_at, ended_at, automatic, .. } = &self.top_up;
        let how =
            if *automatic { "charged by the customer's own standing order" } else { "asked for by a member of the customer" };
        format!(
            "Payment {} of {}, {how} as {id}: asked for {}, in the wallet since {}. Disputed as `{}` on {}.\n",
            payment.as_deref().unwrap_or_default(),
            self.top_up.paid().unwrap_or(self.top_up.amount),
            instant(*created_at),
            ended_at.map(instant).unwrap_or_default(),
            self.dispute.seen.reason,
            instant(self.dispute.created_at),
        )
    }

    fn refunds(&self) -> String {
        let back = self.bought.iter().fold(0, |sum: i64, bought| sum.saturating_add(bought.refunded_minor));
        let spent = self.bought.iter().fold(0, |sum: i64, bought| sum.saturating_add(bought.price.minor));
        let money = |minor| Money::new(minor, self.top_up.amount.currency);
        format!(
            "{} purchases of {} in all were paid with this payment. An enquiry that breaks its description is refunded through the \
             exchange's disputes, within a deadline: {} went back to the customer's balance that way.\n",
            self.bought.len(),
            money(spent),
            money(back)
        )
    }

    fn activity(&self) -> String {
        let mut text = String::from("Purchases, oldest first:\n");
        for bought in &self.bought {
            let looks: Vec<String> = bought.looked_at.iter().copied().map(instant).collect();
            // Writing to a text does not fail.
            writeln!(
                text,
                "- {} ({}, {}): {} on {}; delivered {}; details opened by the customer {}; reported outcomes {}; the person agreed {} to \
                 version {} at {}",
                bought.trade,
                bought.vertical,
                bought.state,
                bought.price,
                instant(bought.sold_at),
                bought.delivered_at.map_or_else(|| "not yet".to_owned(), instant),
                if looks.is_empty() { "never".to_owned() } else { looks.join(", ") },
                if bought.outcomes.is_empty() { "none".to_owned() } else { bought.outcomes.join(", ") },
                bought.agreed_at.map_or_else(|| "offline".to_owned(), instant),
                bought.text_version.as_deref().unwrap_or("unnamed"),
                bought.page_url.as_deref().map_or("no page", without_query),
            )
            .unwrap_or_default();
        }
        text
    }
}

/// An address without what may name a person.
fn without_query(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

fn instant(at: Timestamp) -> String {
    at.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn day(at: Timestamp) -> String {
    at.format("%Y-%m-%d").to_string()
}
