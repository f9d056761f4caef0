//! Filters: every form reads as it was written, and what is wrong is named down to the leaf.

use serde_json::{Value, json};

use super::stand::{create, created, draft, money};
use crate::harness::on_each_backend;
use crate::market::stand::{errors, one, vertical};

const LEAF: &str = "attribute { key equals in min max missing } audience contactKind interest source consent country region city
    postalPrefix temperature score { min max } minLevel seller maxSellerBadTradesBp ageSecs { min max }
    localTime { day from until } missing";

/// Every condition that a filter can hold.
fn leaves(seller: &str) -> Vec<Value> {
    vec![
        json!({ "attribute": { "key": "car", "equals": "VAN" } }),
        json!({ "attribute": { "key": "car", "in": ["VAN", "SEDAN"] } }),
        json!({ "attribute": { "key": "horsepower", "min": "80", "max": "300" } }),
        json!({ "attribute": { "key": "renewal", "max": "2026-12-31" } }),
        json!({ "attribute": { "key": "garage", "missing": false } }),
        json!({ "attribute": { "key": "gender", "equals": "FEMALE" } }),
        json!({ "audience": ["CONSUMER"] }),
        json!({ "contactKind": ["INTERESTED", "QUICK"] }),
        json!({ "interest": ["CALLBACK"] }),
        json!({ "source": ["DIRECT"] }),
        json!({ "consent": ["CERTIFICATE", "TEXT"] }),
        json!({ "country": ["NO", "PT"] }),
        json!({ "region": ["Lisboa"] }),
        json!({ "city": ["  Porto "] }),
        json!({ "postalPrefix": ["1250-"] }),
        json!({ "temperature": ["HOT", "WARM"] }),
        json!({ "score": { "min": 40 } }),
        json!({ "minLevel": "CONFIRMED" }),
        json!({ "seller": [seller] }),
        json!({ "maxSellerBadTradesBp": 500 }),
        json!({ "ageSecs": { "max": 3600 } }),
        json!({ "localTime": [{ "days": ["MONDAY"], "from": "09:00", "until": "24:00" }] }),
        json!({ "missing": "REGION" }),
        json!({ "missing": "CITY" }),
        json!({ "missing": "POSTAL_CODE" }),
        json!({ "missing": "LOCAL_TIME" }),
        json!({ "missing": "AGE" }),
        json!({ "missing": "SCORE" }),
    ]
}

/// What is set in an answer.
fn set(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let some = fields.iter().filter(|(_, value)| !value.is_null());
            Value::Object(some.map(|(key, value)| (key.clone(), set(value))).collect())
        }
        Value::Array(values) => values.iter().map(set).collect(),
        other => other.clone(),
    }
}

on_each_backend! {
    async fn every_form_of_a_filter_reads_as_it_was_written(x: Exchange) {
        vertical(&x, "auto").await;
        let (buyer, seller) = (x.organization("Buyer").await, x.organization("Seller").await);
        let mut asked = leaves(&seller.org().to_string());
        asked.push(json!({ "not": { "any": [{ "all": [{ "country": ["SE"] }] }] } }));
        let id = created(&x, &buyer, draft(json!({ "filter": { "any": asked } }))).await;
        let query = format!("query($id: ID!) {{ campaign(id: $id) {{ filter {{ any {{ {LEAF} not {{ any {{ all {{ country }} }} }} }} }} }} }}");
        let answer = buyer.run(&x, &query, json!({ "id": id })).await;
        // A span of the week is shown day by day.
        let weekly = asked.iter_mut().find(|leaf| leaf.get("localTime").is_some()).unwrap();
        *weekly = json!({ "localTime": [{ "day": "MONDAY", "from": "09:00", "until": "24:00" }] });
        assert_eq!(set(&answer["campaign"]["filter"]["any"]), json!(asked));
    }

    async fn what_is_wrong_in_a_filter_is_named(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let before = x.row_counts().await;
        let refused = async |filter: Value| {
            let payload = create(&x, &buyer, "k", draft(json!({ "filter": filter }))).await;
            assert_eq!(payload["campaign"], Value::Null, "{payload:#}");
            errors(&payload)
        };
        let attribute = |ask: Value| json!({ "all": [{ "attribute": ask }, { "country": ["PT"] }] });
        assert_eq!(refused(attribute(json!({ "key": "shoe", "equals": "1" }))).await, one("INVALID", "campaign.filter.all.0.attribute.key"));
        assert_eq!(refused(attribute(json!({ "key": "car", "equals": "BOAT" }))).await, one("INVALID", "campaign.filter.all.0.attribute.equals"));
        assert_eq!(refused(attribute(json!({ "key": "car", "min": "1" }))).await, one("INVALID", "campaign.filter.all.0.attribute.key"));
        assert_eq!(refused(attribute(json!({ "key": "note", "equals": "x" }))).await, one("INVALID", "campaign.filter.all.0.attribute.key"));
        assert_eq!(refused(attribute(json!({ "key": "renewal", "min": "soon" }))).await, one("INVALID", "campaign.filter.all.0.attribute.min"));
        assert_eq!(refused(json!({ "not": { "country": ["Portugal"] } })).await, one("INVALID", "campaign.filter.not.country"));
        assert_eq!(refused(json!({ "any": [{ "seller": ["me"] }] })).await, one("INVALID", "campaign.filter.any.0.seller"));
        assert_eq!(refused(json!({ "localTime": [{ "from": "9", "until": "10:00" }] })).await, one("INVALID", "campaign.filter.localTime.0.from"));
        let two = refused(json!({ "all": [{ "score": { "min": 2, "max": 1 } }, { "score": {} }] })).await;
        assert_eq!(two, [one("INVALID", "campaign.filter.all.0.score.max"), one("REQUIRED", "campaign.filter.all.1.score")].concat());
        let rule = json!({ "priceRules": [{ "when": { "city": [] }, "price": { "shared": money("0") } }], "timeZone": "Mars" });
        let payload = create(&x, &buyer, "k", draft(rule)).await;
        assert_eq!(errors(&payload)[0], ("INVALID".to_owned(), "campaign.priceRules.0.price.shared.amount".to_owned()), "{payload:#}");
        assert_eq!(x.row_counts().await, before);
    }

    async fn a_filter_is_so_deep_and_so_wide_at_most(x: Exchange) {
        vertical(&x, "auto").await;
        let buyer = x.organization("Buyer").await;
        let leaf = || json!({ "country": ["PT"] });
        let nested = |depth: usize| (1..depth).fold(leaf(), |inner, _| json!({ "not": inner }));
        let wide = |leaves: usize| json!({ "any": (0..leaves).map(|_| leaf()).collect::<Vec<_>>() });
        let refused = async |key: &str, filter: Value| errors(&create(&x, &buyer, key, draft(json!({ "filter": filter }))).await);
        assert_eq!(refused("deep", nested(8)).await, []);
        assert_eq!(refused("deeper", nested(9)).await, one("TOO_LARGE", "campaign.filter"));
        assert_eq!(refused("wide", wide(64)).await, []);
        assert_eq!(refused("wider", wide(65)).await, one("TOO_LARGE", "campaign.filter"));
        let rules = |count: usize| {
            let rule = json!({ "when": leaf(), "price": { "shared": money("1.00") } });
            draft(json!({ "priceRules": vec![rule; count] }))
        };
        assert_eq!(errors(&create(&x, &buyer, "rules", rules(32)).await), []);
        assert_eq!(errors(&create(&x, &buyer, "more", rules(33)).await), one("TOO_LARGE", "campaign.priceRules"));
        let named = |length: usize| draft(json!({ "name": "ä".repeat(length) }));
        assert_eq!(errors(&create(&x, &buyer, "name", named(120)).await), []);
        assert_eq!(errors(&create(&x, &buyer, "long", named(121)).await), one("INVALID", "campaign.name"));
    }
}
