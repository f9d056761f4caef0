//! Kinds of demand and their versions.

use serde_json::{Value, json};

use super::errors;
use crate::harness::{Actor, Exchange, on_each_backend};

const CREATE: &str = "mutation($input: VerticalCreateInput!) { verticalCreate(input: $input) {
    vertical { id path version parentPath requiredLevel attributes { key kind required } } userErrors { code path } } }";
const ADD: &str = "mutation($input: VerticalVersionAddInput!) { verticalVersionAdd(input: $input) {
    vertical { version currentVersion attributes { key } } userErrors { code path } } }";

fn definition() -> Value {
    json!({
        "labels": [{ "language": "en", "text": "Pet insurance" }],
        "requiredLevel": "CONFIRMED",
        "attributes": [
            { "key": "animal", "kind": "ENUM", "labels": [{ "language": "en", "text": "Animal" }], "required": true, "filterable": true,
              "values": [{ "value": "DOG" }, { "value": "CAT" }] },
            { "key": "chip_number", "kind": "TEXT", "labels": [{ "language": "en", "text": "Chip" }], "identifying": true },
        ],
    })
}

async fn create(x: &Exchange, operator: &Actor, path: &str, definition: Value) -> Value {
    let input = json!({ "path": path, "definition": definition });
    operator.run(x, CREATE, json!({ "input": input })).await["verticalCreate"].clone()
}

on_each_backend! {
    async fn the_starter_set_is_there_once(x: Exchange) {
        x.verticals().await;
        assert_eq!(api::app::verticals::verticals_seed(&x.app).await.unwrap(), 0);
        let all = x.anonymous("{ verticals { path group } }", json!({})).await["data"]["verticals"].clone();
        let open = all.as_array().unwrap().iter().filter(|vertical| vertical["group"] == false).count();
        assert_eq!((all.as_array().unwrap().len(), open), (40, 29));
        let auto = x.anonymous("{ verticals(within: \"insurance/auto\") { path } }", json!({})).await["data"]["verticals"].clone();
        assert_eq!(auto, json!([
            { "path": "insurance/auto" }, { "path": "insurance/auto/comprehensive" }, { "path": "insurance/auto/third-party" },
        ]));
        let loan = "{ vertical(path: \"finance/loan\") { requiredLevel minimumAge attributes { key kind required min } } }";
        let loan = x.anonymous(loan, json!({})).await["data"]["vertical"].clone();
        assert_eq!(loan["attributes"][0], json!({ "key": "amount", "kind": "INT", "required": true, "min": "100" }));
        assert_eq!((&loan["requiredLevel"], &loan["minimumAge"]), (&json!("REACHABLE"), &json!(18)));
    }

    async fn operators_add_kinds_and_versions(x: Exchange) {
        x.verticals().await;
        let (operator, seller) = (x.operator().await, x.organization("Seller").await);
        let made = create(&x, &operator, "insurance/pets", definition()).await;
        assert_eq!(errors(&made), []);
        assert_eq!((&made["vertical"]["version"], &made["vertical"]["parentPath"]), (&json!(1), &json!("insurance")));
        let mut second = definition();
        second["attributes"][0]["values"].as_array_mut().unwrap().push(json!({ "value": "HORSE" }));
        let id = made["vertical"]["id"].clone();
        let add = |expected: i32, definition: Value| json!({ "input": { "verticalId": id, "expectedVersion": expected, "definition": definition } });
        let added = operator.run(&x, ADD, add(1, second.clone())).await["verticalVersionAdd"].clone();
        assert_eq!((errors(&added), &added["vertical"]["version"]), (vec![], &json!(2)));
        let stale = operator.run(&x, ADD, add(1, second.clone())).await["verticalVersionAdd"].clone();
        assert_eq!(errors(&stale), [("CONFLICT".to_owned(), "expectedVersion".to_owned())]);
        second["attributes"][1]["identifying"] = json!(false);
        let told = operator.run(&x, ADD, add(2, second)).await["verticalVersionAdd"].clone();
        assert_eq!(errors(&told), [("CONFLICT".to_owned(), "definition.attributes.1.identifying".to_owned())]);
        let first = "{ vertical(path: \"insurance/pets\", version: 1) { version currentVersion attributes { values { value } } } }";
        let first = x.anonymous(first, json!({})).await["data"]["vertical"].clone();
        assert_eq!((&first["version"], &first["currentVersion"]), (&json!(1), &json!(2)));
        assert_eq!(first["attributes"][0]["values"], json!([{ "value": "DOG" }, { "value": "CAT" }]));
        let forbidden = seller.execute(&x, CREATE, json!({ "input": { "path": "pets", "definition": definition() } })).await;
        assert_eq!(forbidden["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn a_kind_that_makes_no_sense_is_refused(x: Exchange) {
        x.verticals().await;
        let operator = x.operator().await;
        let before = x.row_counts().await;
        let refused = |code: &str, path: &str| vec![(code.to_owned(), path.to_owned())];
        assert_eq!(errors(&create(&x, &operator, "travel", definition()).await), refused("TAKEN", "path"));
        assert_eq!(errors(&create(&x, &operator, "pets/dogs", definition()).await), refused("NOT_FOUND", "path"));
        assert_eq!(errors(&create(&x, &operator, "a/b/c/d", definition()).await), refused("INVALID", "path"));
        let mut filtered = definition();
        filtered["attributes"][1]["filterable"] = json!(true);
        assert_eq!(errors(&create(&x, &operator, "pets", filtered).await), refused("INVALID", "definition.attributes.1.filterable"));
        let mut core = definition();
        core["attributes"][0]["key"] = json!("age");
        assert_eq!(errors(&create(&x, &operator, "pets", core).await), refused("TAKEN", "definition.attributes.0.key"));
        assert_eq!(x.row_counts().await, before);
    }
}
