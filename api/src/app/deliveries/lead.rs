//! The lead as other systems are told it: unsealed when it leaves, and kept nowhere.

use domain::lead::Sealed;
use domain::vertical::Definition;
use gateways::crm::{Attribute, Lead, Price};
use store::entity::lead_contact;
use store::leads::StoredLead;
use store::trades::Trade;

use crate::app::contact::contact_open;
use crate::app::leads::schema_of;
use crate::app::{App, AppError};

/// The lead of a trade, as `locale` names its answers.
pub(super) async fn lead_of(
    app: &App,
    locale: &str,
    (trade, stored, sealed): &(Trade, StoredLead, lead_contact::Model),
) -> Result<Lead, AppError> {
    let schema = schema_of(app, stored).await?;
    let person = contact_open(&app.keys, sealed)?;
    let attributes = attributes(stored, &person, &schema.definition, locale);
    let (first_name, last_name) = names(&person.contact.name);
    let text = |key: &str| stored.attributes.get(key).map(ToString::to_string);
    let Sealed { contact, postal_code, .. } = person;
    Ok(Lead {
        id: stored.id.to_string(),
        trade_id: trade.id.to_string(),
        first_name,
        last_name,
        phones: contact.phones.into_iter().map(|phone| phone.e164).collect(),
        emails: contact.emails.into_iter().map(|email| email.address).collect(),
        country: Some(stored.country.clone()),
        region: stored.region.clone(),
        city: stored.city.clone(),
        postal_code,
        vertical: schema.path.to_string(),
        price: Some(Price { amount: trade.price.decimal(), currency: trade.price.currency.code().to_owned() }),
        attributes,
        submitted_at: stored.captured_at,
        bought_at: trade.sold_at,
        language: text("language").unwrap_or_default(),
        link: Some(format!("{}/trades/{}", app.config.server.public_url, trade.id)),
        test: false,
    })
}

/// The answers in the order of the schema, those that tell the person among them, and what else the person said.
fn attributes(stored: &StoredLead, person: &Sealed, definition: &Definition, locale: &str) -> Vec<Attribute> {
    let language = locale.split('-').next().unwrap_or_default();
    let mut found: Vec<Attribute> = Vec::new();
    for attribute in &definition.attributes {
        let value = stored.attributes.get(&attribute.key).or_else(|| person.identifying.get(&attribute.key));
        let label = attribute.labels.get(language).or_else(|| attribute.labels.get("en")).unwrap_or(&attribute.key);
        found.extend(value.map(|value| Attribute { key: attribute.key.clone(), label: label.clone(), value: value.to_string() }));
    }
    let messenger = person.contact.messenger.as_ref().map(|it| format!("{}: {}", it.kind.as_str(), it.account));
    let more = [
        ("company", "Company", person.contact.company.clone()),
        ("position", "Position", person.contact.position.clone()),
        ("messenger", "Messenger", messenger),
        ("age", "Age", person.age.map(|age| age.to_string())),
        ("call_me_at", "Call at", person.call_me_at.map(|at| at.to_rfc3339())),
        ("comments", "Comments", person.comments.clone()),
    ];
    for (key, label, value) in more {
        let taken = found.iter().any(|attribute| attribute.key == key);
        found.extend(value.filter(|_| !taken).map(|value| Attribute { key: key.into(), label: label.into(), value }));
    }
    found
}

/// The last word is the family name, what stands before it the given ones.
fn names(name: &str) -> (Option<String>, Option<String>) {
    match name.trim().rsplit_once(' ') {
        Some((first, last)) => (Some(first.trim().to_owned()), Some(last.to_owned())),
        None => (Some(name.trim().to_owned()).filter(|name| !name.is_empty()), None),
    }
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_name_has_a_given_and_a_family_part() {
        let parts = |name: &str| names(name);
        assert_eq!(parts("Kari Anne Nordmann"), (Some("Kari Anne".to_owned()), Some("Nordmann".to_owned())));
        assert_eq!((parts("Pelé"), parts("")), ((Some("Pelé".to_owned()), None), (None, None)));
    }
}
