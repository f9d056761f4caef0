//! Filters, orders, pages, and what a listing does not tell.

use serde_json::{Value, json};

use super::stand::{LeadSpec, lead, listed, money, seen, vertical};
use crate::harness::{Actor, Exchange, on_each_backend};

const PAGE: &str = "query($filter: ListingFilterInput, $sort: ListingSort, $first: Int, $after: String) { \
    listings(filter: $filter, sort: $sort, first: $first, after: $after) { edges { cursor node { id score } } \
    pageInfo { hasNextPage endCursor } } }";

/// Four leads in two verticals; answers their listings.
async fn market(x: &Exchange, seller: &Actor) -> Vec<String> {
    let (auto, travel) = (vertical(x, "insurance/auto").await, vertical(x, "travel").await);
    let leads = [
        (
            auto,
            json!({ "car": "VAN", "horsepower": 90, "renewal": "2026-05-01", "garage": true, "age_band": "FROM_35" }),
            80,
            "Lisboa",
        ),
        (auto, json!({ "car": "SEDAN", "horsepower": 200, "renewal": "2026-09-30" }), 40, "Porto"),
        (auto, json!({ "horsepower": 1000, "garage": false, "age_band": "FROM_25" }), 60, "Lisboa"),
        (travel, json!({ "age_band": "FROM_35" }), 60, "Braga"),
    ];
    let terms = [
        json!({ "fixed": { "exclusivePrice": money("30") } }),
        json!({ "auction": { "exclusiveReserve": money("10") } }),
        json!({ "dutch": { "start": money("50"), "floor": money("5"), "step": money("15"), "intervalSecs": 60 } }),
        json!({ "fixed": { "exclusivePrice": money("20") } }),
    ];
    let mut ids = Vec::new();
    for (n, ((vertical, attributes, score, region), terms)) in leads.into_iter().zip(terms).enumerate() {
        x.clock.advance_secs(1);
        let id = lead(x, seller.org(), LeadSpec { attributes, score, region, ..LeadSpec::of(vertical) }).await;
        ids.push(listed(x, seller, id, 1, Some(7_200 - 600 * i64::try_from(n).unwrap()), terms).await);
    }
    ids
}

async fn page(x: &Exchange, viewer: &Actor, variables: Value) -> Value {
    viewer.run(x, PAGE, variables).await["listings"].clone()
}

fn found(page: &Value, ids: &[String]) -> Vec<usize> {
    let id = |edge: &Value| ids.iter().position(|id| edge["node"]["id"] == json!(id)).unwrap();
    page["edges"].as_array().unwrap().iter().map(id).collect()
}

on_each_backend! {
    async fn a_falling_price_keeps_its_place_between_two_pages(x: Exchange) {
        let (seller, buyer, v) = (x.organization("S").await, x.organization("B").await, vertical(&x, "auto").await);
        let mut ids = Vec::new();
        for (start, step) in [("100", "20"), ("95", "1")] {
            let dutch = json!({ "start": money(start), "floor": money("5"), "step": money(step), "intervalSecs": 60 });
            let of_seller = lead(&x, seller.org(), LeadSpec::of(v)).await;
            ids.push(listed(&x, &seller, of_seller, 1, Some(7_200), json!({ "dutch": dutch })).await);
        }
        let first = page(&x, &buyer, json!({ "sort": "PRICE_UP", "first": 1 })).await;
        assert_eq!(found(&first, &ids), [1]);
        x.clock.advance_secs(60);
        let after = &first["pageInfo"]["endCursor"];
        assert_eq!(found(&page(&x, &buyer, json!({ "sort": "PRICE_UP", "after": after })).await, &ids), [0]);
        assert_eq!(found(&page(&x, &buyer, json!({ "sort": "PRICE_UP" })).await, &ids), [0, 1], "a new list has the present order");
    }

    async fn each_filter_finds_what_it_says(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let ids = market(&x, &seller).await;
        let attribute = |condition: Value| json!({ "vertical": "insurance", "attributes": [condition] });
        let cases: Vec<(Value, &[usize])> = vec![
            (json!({}), &[3, 2, 1, 0]),
            (json!({ "vertical": "insurance" }), &[2, 1, 0]),
            (json!({ "vertical": "insurance/auto" }), &[2, 1, 0]),
            (json!({ "vertical": "ins" }), &[]),
            (attribute(json!({ "key": "car", "equals": "VAN" })), &[0]),
            (attribute(json!({ "key": "car", "in": ["VAN", "SEDAN"] })), &[1, 0]),
            (attribute(json!({ "key": "car", "missing": true })), &[2]),
            (attribute(json!({ "key": "car", "missing": false })), &[1, 0]),
            (attribute(json!({ "key": "horsepower", "min": "91" })), &[2, 1]),
            (attribute(json!({ "key": "horsepower", "min": "90", "max": "200" })), &[1, 0]),
            (attribute(json!({ "key": "horsepower", "equals": "200" })), &[1]),
            (attribute(json!({ "key": "renewal", "max": "2026-05-01" })), &[0]),
            (attribute(json!({ "key": "garage", "equals": "false" })), &[2]),
            (attribute(json!({ "key": "garage", "equals": "true" })), &[0]),
            (json!({ "attributes": [{ "key": "age_band", "equals": "FROM_35" }] }), &[3, 0]),
            (json!({ "regions": ["Lisboa"], "countries": ["PT"] }), &[2, 0]),
            (json!({ "countries": ["DE"] }), &[]),
            (json!({ "cities": ["Lisboa"] }), &[]),
            (json!({ "minScore": 60, "maxScore": 79 }), &[3, 2]),
            (json!({ "formats": ["AUCTION", "DUTCH"] }), &[2, 1]),
            (json!({ "price": { "max": money("20") } }), &[3, 1]),
            (json!({ "price": { "min": money("20.01"), "max": money("50") } }), &[2, 0]),
            (json!({ "price": { "max": { "amount": "99", "currencyCode": "USD" } } }), &[]),
            (json!({ "levels": ["FORMAT"], "temperatures": ["WARM"], "contactKinds": ["QUICK"], "interests": ["CALLBACK"] }), &[3, 2, 1, 0]),
            (json!({ "sources": ["SEARCH_AD"] }), &[]),
            (json!({ "audiences": ["BUSINESS"] }), &[]),
            (json!({ "maxSellerBadTradesBp": 500 }), &[3, 2, 1, 0]),
            (json!({ "maxSellerBadTradesBp": 499 }), &[]),
            (json!({ "scope": "SELLING" }), &[]),
            (json!({ "states": ["SOLD"] }), &[]),
        ];
        for (filter, expected) in cases {
            let page = page(&x, &buyer, json!({ "filter": filter })).await;
            assert_eq!(found(&page, &ids), expected, "{filter}");
        }
        // A minute and a half later the Dutch price is 35.
        x.clock.advance_secs(90);
        let cheap = page(&x, &buyer, json!({ "filter": { "price": { "min": money("35"), "max": money("35") } } })).await;
        assert_eq!(found(&cheap, &ids), [2]);
    }

    async fn each_order_pages_through_everything_once(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let ids = market(&x, &seller).await;
        for (sort, expected) in [
            ("NEWEST", [3, 2, 1, 0]),
            ("CLOSING_SOON", [3, 2, 1, 0]),
            ("PRICE_UP", [1, 3, 0, 2]),
            ("PRICE_DOWN", [2, 0, 3, 1]),
            ("SCORE_DOWN", [0, 3, 2, 1]),
        ] {
            let mut seen = Vec::new();
            let mut after = Value::Null;
            loop {
                let part = page(&x, &buyer, json!({ "sort": sort, "first": 1, "after": after })).await;
                seen.extend(found(&part, &ids));
                after = part["pageInfo"]["endCursor"].clone();
                if part["pageInfo"]["hasNextPage"] == false {
                    break;
                }
            }
            assert_eq!(seen, expected, "{sort}");
        }
        let by_price = page(&x, &buyer, json!({ "sort": "PRICE_UP", "first": 1 })).await["pageInfo"]["endCursor"].clone();
        let mixed = buyer.execute(&x, PAGE, json!({ "sort": "NEWEST", "after": by_price })).await;
        assert_eq!(mixed["errors"][0]["extensions"]["code"], "INVALID");
    }

    async fn a_filter_that_makes_no_sense_is_refused_with_its_place(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        market(&x, &seller).await;
        let attribute = |condition: Value| json!({ "vertical": "insurance", "attributes": [condition] });
        for (filter, place) in [
            (attribute(json!({ "key": "note", "equals": "x" })), "filter.attributes.0.key"),
            (attribute(json!({ "key": "$.x\") OR 1=1 --", "equals": "x" })), "filter.attributes.0.key"),
            (attribute(json!({ "key": "car", "equals": "BOAT" })), "filter.attributes.0.equals"),
            (attribute(json!({ "key": "car", "min": "VAN" })), "filter.attributes.0.key"),
            (attribute(json!({ "key": "horsepower", "min": "many" })), "filter.attributes.0.min"),
            (attribute(json!({ "key": "car", "equals": "VAN", "missing": true })), "filter.attributes.0.key"),
            (attribute(json!({ "key": "car" })), "filter.attributes.0.key"),
            (json!({ "vertical": "no such%" }), "filter.vertical"),
            (json!({ "price": {} }), "filter.price"),
            (json!({ "price": { "min": { "amount": "1e3", "currencyCode": "EUR" } } }), "filter.price.min.amount"),
        ] {
            let answer = buyer.execute(&x, PAGE, json!({ "filter": filter })).await;
            assert_eq!(answer["errors"][0]["extensions"]["argument"], place, "{filter} {answer}");
        }
        for (first, code) in [(0, "INVALID"), (101, "TOO_LARGE")] {
            let answer = buyer.execute(&x, PAGE, json!({ "first": first })).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], code);
        }
    }

    async fn a_listing_tells_neither_the_person_nor_the_seller(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await, x.organization("B").await);
        let id = market(&x, &seller).await.remove(0);
        let all = "query($id: ID!) { listing(id: $id) { id vertical country region attributes { key value } level score temperature \
            checks { kind outcome } sellerReputation { trades badTradesBp } mine leadId relistedFromId synthetic } }";
        let shown = buyer.run(&x, all, json!({ "id": id })).await["listing"].clone();
        assert_eq!(shown["checks"], json!([{ "kind": "PHONE", "outcome": "PASS" }]));
        assert_eq!(shown["attributes"][1], json!({ "key": "car", "value": "VAN" }));
        assert_eq!(shown["sellerReputation"], json!({ "trades": 0, "badTradesBp": 500 }));
        assert_eq!((&shown["mine"], &shown["leadId"]), (&json!(false), &json!(null)));
        assert!(!shown.to_string().contains("private-") && !shown.to_string().contains(&seller.org().to_string()));
        let own = seen(&x, &seller, &id).await;
        assert_eq!(own["mine"], true);
        assert!(own["leadId"].is_string());
        assert_eq!(buyer.run(&x, all, json!({ "id": "lst_nothing" })).await["listing"], json!(null));
    }
}
