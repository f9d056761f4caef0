//! Destinations: what is refused and where, what a preview shows, and that a secret is never shown again.

use std::sync::Arc;

use api::app::App;
use api::app::envelopes::envelopes_rewrap;
use api::ports::SeededEntropy;
use domain::access::Role;
use serde_json::{Value, json};

use super::stand::{Scene, hook};
use super::vendor::{Vendor, reply};
use crate::harness::on_each_backend;

const PREVIEW: &str = "query($input: DestinationInput!) { destinationPreview(input: $input) {
    steps { method target headers { name value } body } problems { message path } } }";
const TEST: &str = "mutation($id: ID!) { deliveryTest(input: { destinationId: $id }) { result {
    steps { request { method target headers { name value } body } status answer } outcome reason externalId } userErrors { code path } } }";

fn errors(payload: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let path = |error: &Value| error["path"].as_array().unwrap().iter().map(text).collect::<Vec<_>>().join(".");
    payload["userErrors"].as_array().unwrap().iter().map(|error| (text(&error["code"]), path(error))).collect()
}

fn at(code: &str, path: &str) -> (String, String) {
    (code.to_owned(), path.to_owned())
}

on_each_backend! {
    async fn what_is_wrong_with_a_destination_is_told_with_its_place(x: Exchange) {
        let scene = Scene::open(x).await;
        let before = scene.x.row_counts().await;
        let field = |name: &str| json!({ "field": name, "source": { "lead": "EMAIL" } });
        let secret = |name: &str, value: &str| json!({ "name": name, "value": value });
        let many: Vec<Value> = (0..101).map(|n| field(&format!("f{n}"))).collect();
        let cases = [
            (json!({ "name": "", "destination": { "settings": { "hubspotForm": { "portalId": "a b", "formGuid": "g" } } } }),
                vec![at("INVALID", "destination.settings.hubspotForm.portalId"), at("REQUIRED", "name")]),
            (json!({ "name": "n", "destination": { "settings": { "hubspotContact": {} } } }), vec![at("REQUIRED", "secrets.access_token")]),
            (json!({ "name": "n", "destination": { "settings": { "bitrix24": { "portalUrl": "https://evil.example", "userId": 1 } } },
                "secrets": [secret("webhook_code", "a/b")] }),
                vec![at("INVALID", "destination.settings.bitrix24.portalUrl"), at("INVALID", "secrets.webhook_code")]),
            (json!({ "name": "n", "destination": { "settings": { "bitrix24": { "portalUrl": "https://a.bitrix24.com", "userId": -1 } } } }),
                vec![at("INVALID", "destination.settings.bitrix24.userId")]),
            (json!({ "name": "n", "destination": { "settings": { "pipedrive": { "domain": "acme" } }, "mapping": [field("person.shoe"), field("person.shoe")] },
                "secrets": [secret("api_token", "t")] }),
                vec![at("INVALID", "destination.mapping.1.field"), at("INVALID", "destination.mapping.0.field"), at("INVALID", "destination.mapping.1.field"),
                    at("REQUIRED", "destination.mapping"), at("REQUIRED", "destination.mapping")]),
            (json!({ "name": "n", "destination": { "settings": { "hook": {} }, "mapping": many }, "secrets": [secret("url", "https://hooks.example/1")] }),
                vec![at("INVALID", "destination.mapping")]),
            (json!({ "name": "n", "destination": { "settings": { "http": { "url": "https://a.example", "body": { "json": "{{ nobody }" } } } } }),
                vec![at("INVALID", "destination.settings.http.body.template")]),
            (json!({ "name": "n", "destination": { "settings": { "email": { "to": ["nobody"] } } } }), vec![at("INVALID", "destination.settings.email.to.0")]),
            (json!({ "name": "n", "destination": { "settings": { "csv": { "hours": [] } } } }), vec![at("REQUIRED", "destination.settings.csv.hours")]),
            (json!({ "name": "n", "destination": { "settings": { "csv": { "hours": [6], "delimiter": "ab" } } } }), vec![at("INVALID", "destination.settings.csv.delimiter")]),
            (json!({ "name": "n", "destination": { "settings": { "csv": { "hours": [6], "notify": ["a@b.example", "b"] } } } }),
                vec![at("INVALID", "destination.settings.csv.notify.1")]),
            (json!({ "name": "n", "destination": { "settings": { "csv": { "hours": [6] } } },
                "secrets": (0..21).map(|n| secret(&format!("s{n}"), "v")).collect::<Vec<_>>() }), vec![at("TOO_LARGE", "secrets")]),
            (json!({ "name": "n", "destination": { "settings": { "csv": { "hours": [6] } } }, "secrets": [secret("s", &"v".repeat(4097))] }),
                vec![at("TOO_LARGE", "secrets.s")]),
        ];
        for (input, expected) in cases {
            let payload = scene.destination(input.clone()).await;
            assert_eq!(errors(&payload), expected, "{input:#}");
        }
        assert_eq!(scene.x.row_counts().await, before, "a refusal wrote something");
    }

    async fn a_preview_shows_what_a_lead_would_become(x: Exchange) {
        let scene = Scene::open(x).await;
        let preview = async |input: Value| scene.buyer.run(&scene.x, PREVIEW, json!({ "input": input })).await["destinationPreview"].clone();
        let pipedrive = preview(json!({ "settings": { "pipedrive": { "domain": "acme" } } })).await;
        assert_eq!((pipedrive["problems"].clone(), pipedrive["steps"].as_array().unwrap().len()), (json!([]), 2));
        assert_eq!(pipedrive["steps"][0]["target"], "https://acme.pipedrive.com/api/v2/persons");
        assert!(pipedrive["steps"][0]["headers"].as_array().unwrap().contains(&json!({ "name": "x-api-token", "value": "***" })));
        let body: Value = serde_json::from_str(pipedrive["steps"][1]["body"].as_str().unwrap()).unwrap();
        assert_eq!(body["title"], "[TEST] auto/used: Erika Mustermann");
        let mapping = json!([{ "field": "who", "source": { "template": "{{ first_name }} of {{ city }}" } }, { "field": "", "source": { "constant": "" } }]);
        let wrong = preview(json!({ "settings": { "http": { "url": "ftp://a" } }, "mapping": mapping })).await;
        let places: Vec<Value> = wrong["problems"].as_array().unwrap().iter().map(|problem| problem["path"].clone()).collect();
        assert_eq!(places, [json!(["settings", "http", "url"]), json!(["mapping", "1", "field"]), json!(["mapping", "1", "source"])]);
        assert_eq!(scene.x.count("destination").await, 0);
    }

    async fn a_secret_is_sealed_and_never_shown(x: Exchange) {
        let mut scene = Scene::open(x).await;
        let vendor = Vendor::start(|seen, _| reply(200, json!({ "id": "1", "echo": seen.header("x-hush"), "test": seen.json()["test"] }))).await;
        let destination = json!({ "settings": { "hook": { "header": "X-Hush" } } });
        let input = json!({ "name": "Hook", "destination": destination, "secrets": [
            { "name": "url", "value": format!("{}/very-secret", vendor.url) }, { "name": "header_value", "value": "hush-hush" },
        ] });
        let made = scene.destination(input).await["destination"].clone();
        assert_eq!((&made["kind"], &made["secretNames"], &made["isDefault"]), (&json!("HOOK"), &json!(["header_value", "url"]), &json!(false)));
        let rows = scene.x.dump(&["destination"]).await;
        assert!(rows.contains("X-Hush") && !rows.contains("very-secret") && !rows.contains("hush-hush"), "{rows}");
        let tested = scene.buyer.run(&scene.x, TEST, json!({ "id": made["id"] })).await["deliveryTest"].clone();
        let result = &tested["result"];
        assert_eq!((&result["outcome"], &result["externalId"], &result["steps"][0]["status"]), (&json!("ACCEPTED"), &json!("1"), &json!(200)));
        let request = &result["steps"][0]["request"];
        assert_eq!(request["target"], "***");
        assert!(request["headers"].as_array().unwrap().contains(&json!({ "name": "x-hush", "value": "***" })));
        assert!(result["steps"][0]["answer"].as_str().unwrap().contains("***") && !tested.to_string().contains("hush-hush"), "{tested}");
        assert_eq!(vendor.seen()[0].json()["test"], true, "it is marked");
        assert_eq!(scene.x.count("delivery_attempt").await, 0, "nothing is kept");
        // What is absent stays, and one secret can be replaced without the others.
        let update = json!({ "destinationId": made["id"], "name": "Other", "secrets": [{ "name": "header_value", "value": "new-secret" }] });
        let updated = scene.turn("destinationUpdate", update).await;
        assert_eq!((&updated["destination"]["name"], &updated["userErrors"]), (&json!("Other"), &json!([])));
        scene.buyer.run(&scene.x, TEST, json!({ "id": made["id"] })).await;
        let last = vendor.seen().pop().unwrap();
        assert_eq!((last.path.as_str(), last.header("x-hush")), ("/very-secret", "new-secret"));
        let other = json!({ "destinationId": made["id"], "destination": { "settings": { "hubspotContact": {} } } });
        assert_eq!(errors(&scene.turn("destinationUpdate", other).await), [at("INVALID", "destination.settings")]);
        // The secrets move to the active key of the ring and open as before.
        let rotated = scene.x.app.keys.rotated(&SeededEntropy::new(9), "next").unwrap();
        scene.x.app = Arc::new(App { keys: Arc::new(rotated), ..(*scene.x.app).clone() });
        scene.x.schema = api::graphql::schema(scene.x.app.clone());
        assert_eq!(envelopes_rewrap(&scene.x.app).await.unwrap(), 1);
        assert!(scene.x.dump(&["destination"]).await.contains("next"));
        scene.buyer.run(&scene.x, TEST, json!({ "id": made["id"] })).await;
        assert_eq!((vendor.count(), vendor.seen()[2].header("x-hush")), (3, "new-secret"));
    }

    async fn destinations_are_their_organizations_own(x: Exchange) {
        let scene = Scene::with(x, "destinations_max = 3\ntests_per_hour_max = 1\n").await;
        let vendor = Vendor::start(|_, _| reply(200, json!({}))).await;
        let id = scene.default_to(hook(), &[("url", &vendor.url)]).await;
        for mutation in ["destinationDisable", "destinationEnable", "deliveryTest"] {
            let query = format!("mutation($id: ID!) {{ {mutation}(input: {{ destinationId: $id }}) {{ userErrors {{ code path }} }} }}");
            let payload = scene.seller.run(&scene.x, &query, json!({ "id": id })).await[mutation].clone();
            assert_eq!(errors(&payload), [at("NOT_FOUND", "destinationId")], "{mutation}");
        }
        let campaign = json!({ "campaign": {
            "name": "c", "vertical": "travel", "currencyCode": "EUR", "price": { "exclusive": { "amount": "1", "currencyCode": "EUR" } },
            "destinationIds": [id],
        }, "idempotencyKey": "k" });
        let create = "mutation($input: CampaignCreateInput!) { campaignCreate(input: $input) { campaign { destinationIds } userErrors { code path } } }";
        let payload = scene.seller.run(&scene.x, create, json!({ "input": campaign })).await["campaignCreate"].clone();
        assert_eq!(errors(&payload), [at("NOT_FOUND", "campaign.destinationIds")]);
        let mut many = campaign.clone();
        many["campaign"]["destinationIds"] = json!((0..6).map(|n| format!("dst_0000000000000000000000000{n}")).collect::<Vec<_>>());
        let payload = scene.buyer.run(&scene.x, create, json!({ "input": many })).await["campaignCreate"].clone();
        assert_eq!(errors(&payload), [at("TOO_LARGE", "campaign.destinationIds")]);
        let payload = scene.buyer.run(&scene.x, create, json!({ "input": campaign })).await["campaignCreate"].clone();
        assert_eq!(payload["campaign"]["destinationIds"], json!([id]));
        // Another default takes the place of the first, and there are only so many.
        let second = scene.default_to(hook(), &[("url", &vendor.url)]).await;
        scene.default_to(hook(), &[("url", &vendor.url)]).await;
        let full = json!({ "name": "n", "destination": hook(), "secrets": [{ "name": "url", "value": vendor.url }] });
        assert_eq!(errors(&scene.destination(full.clone()).await), [at("LIMIT_REACHED", "")]);
        scene.turn("destinationDisable", json!({ "destinationId": second })).await;
        assert_eq!(errors(&scene.destination(full).await), []);
        assert_eq!(errors(&scene.turn("destinationEnable", json!({ "destinationId": second })).await), [at("LIMIT_REACHED", "")]);
        let list = "{ destinations { edges { node { isDefault disabledReason } } } }";
        let listed = scene.buyer.run(&scene.x, list, json!({})).await["destinations"]["edges"].clone();
        let shown: Vec<(bool, bool)> = listed.as_array().unwrap().iter()
            .map(|edge| (edge["node"]["isDefault"] == true, edge["node"]["disabledReason"].is_string())).collect();
        assert_eq!(shown, [(false, false), (false, true), (true, false), (false, false)]);
        assert_eq!(scene.seller.run(&scene.x, list, json!({})).await["destinations"]["edges"], json!([]));
        let finance = scene.x.member(scene.buyer.org(), Role::Finance).await;
        assert_eq!(finance.run(&scene.x, list, json!({})).await["destinations"]["edges"].as_array().unwrap().len(), 4);
        // Tests are counted.
        scene.buyer.run(&scene.x, TEST, json!({ "id": id })).await;
        let spent = scene.buyer.run(&scene.x, TEST, json!({ "id": id })).await["deliveryTest"].clone();
        assert_eq!(errors(&spent), [at("RATE_LIMITED", "")]);
        let node = scene.buyer.run(&scene.x, "query($id: ID!) { node(id: $id) { __typename id } }", json!({ "id": id })).await;
        assert_eq!(node["node"], json!({ "__typename": "Destination", "id": id }));
    }
}
