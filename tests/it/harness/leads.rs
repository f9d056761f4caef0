//! Leads for tests.

use serde_json::{Value, json};

use super::{Actor, Exchange};

pub const SUBMIT: &str = "mutation($input: LeadSubmitInput!) { leadSubmit(input: $input) {
    lead { id state level score temperature verticalPath country attributes { key value } channels
        checks { kind outcome evidence { fact value } } }
    userErrors { code message path } } }";

impl Exchange {
    /// Creates the starter set of verticals.
    pub async fn verticals(&self) {
        api::app::verticals::verticals_seed(&self.app).await.unwrap();
    }

    /// The input of a lead that passes every check and becomes VERIFIED; each `n` is another person.
    pub fn lead_input(&self, n: u32) -> Value {
        let now = self.app.now().to_rfc3339();
        json!({
            "vertical": "travel/tour",
            "contactKind": "INTERESTED",
            "interest": "CALLBACK",
            "contact": {
                "name": "Kari Nordmann",
                "phones": [format!("+47912{n:05}")],
                "emails": [format!("kari.{n}@fjelltur.no")],
            },
            "demographics": { "age": 41, "gender": "FEMALE", "language": "no" },
            "attributes": [
                { "key": "destination_country", "value": "Greece" },
                { "key": "nights", "value": "7" },
                { "key": "adults", "value": "2" },
            ],
            "geography": { "country": "NO", "city": "Bergen" },
            "source": { "kind": "SEARCH_AD", "campaign": "summer", "spend": { "amount": "3.50", "currencyCode": "EUR" } },
            "consent": {
                "text": "Yes, call me about tours that fit my answers.",
                "capturedAt": now,
                "pageUrl": "https://tours.example/form",
            },
            "session": { "timeOnPageSecs": 60, "typedFields": 6, "honeypotFilled": false },
        })
    }

    /// Submits a lead; answers the payload.
    pub async fn lead_submit(&self, seller: &Actor, input: Value) -> Value {
        seller.run(self, SUBMIT, json!({ "input": input })).await["leadSubmit"].clone()
    }

    /// A new VERIFIED lead of `seller`; answers its id.
    pub async fn verified_lead(&self, seller: &Actor, n: u32) -> String {
        let payload = self.lead_submit(seller, self.lead_input(n)).await;
        assert_eq!(payload["lead"]["state"], "VERIFIED", "{payload:#}");
        payload["lead"]["id"].as_str().unwrap().to_owned()
    }
}
