//! Forms as their sellers design them.

use serde_json::{Value, json};

use super::{configured, content, created, mutate, published};
use crate::harness::{Actor, Exchange, on_each_backend};

async fn errors(x: &Exchange, seller: &Actor, change: impl FnOnce(&mut Value)) -> Value {
    let mut content = content();
    change(&mut content);
    created(x, seller, content).await["userErrors"].clone()
}

on_each_backend! {
    async fn a_form_is_made_changed_published_and_disabled(x: Exchange) {
        x.verticals().await;
        let (seller, other) = (x.organization("Agency").await, x.organization("Other").await);
        let made = created(&x, &seller, content()).await;
        let id = made["form"]["id"].as_str().unwrap();
        assert_eq!((&made["userErrors"], &made["form"]["publishedVersion"]), (&json!([]), &json!(null)));
        assert_eq!(made["form"]["address"], format!("http://127.0.0.1:8080/f/{id}"));
        assert_eq!(made["form"]["embedAddress"], format!("http://127.0.0.1:8080/f/{id}/embed.js"));
        assert_eq!(mutate(&x, &seller, "Publish", json!({ "formId": id })).await["form"]["publishedVersion"], 1);
        assert_eq!(mutate(&x, &seller, "Update", json!({ "formId": id, "name": "Summer" })).await["form"]["name"], "Summer");
        assert_eq!(mutate(&x, &seller, "Publish", json!({ "formId": id })).await["form"]["publishedVersion"], 2);
        assert_eq!((x.count("form_version").await, x.count("form_text").await), (2, 6));
        for name in ["Update", "Publish", "Disable"] {
            let refused = mutate(&x, &other, name, json!({ "formId": id })).await;
            assert_eq!(refused["userErrors"], json!([{ "code": "NOT_FOUND", "path": ["formId"] }]), "{name}");
        }
        let node = "query ($id: ID!) { node(id: $id) { __typename id } forms { edges { node { id draft { steps { fields { key } } } } } } }";
        let shown = seller.run(&x, node, json!({ "id": id })).await;
        assert_eq!(shown["node"], json!({ "__typename": "Form", "id": id }));
        assert_eq!(shown["forms"]["edges"][0]["node"]["draft"]["steps"][0]["fields"][1]["key"], "nights");
        let hidden = other.run(&x, node, json!({ "id": id })).await;
        assert_eq!((&hidden["node"], &hidden["forms"]["edges"]), (&json!(null), &json!([])));
        assert!(mutate(&x, &seller, "Disable", json!({ "formId": id })).await["form"]["disabledAt"].is_string());
        for name in ["Update", "Publish"] {
            let refused = mutate(&x, &seller, name, json!({ "formId": id })).await;
            assert_eq!(refused["userErrors"], json!([{ "code": "WRONG_STATE", "path": ["formId"] }]), "{name}");
        }
        // What is published nobody changes.
        for sql in ["UPDATE form_version SET published_by = published_by", "DELETE FROM form_text", "UPDATE form_text SET text = 'x'"] {
            assert!(x.tamper(sql).await.unwrap_err().contains("append-only"), "{sql}");
        }
    }

    async fn what_is_wrong_with_a_form_is_told_at_its_place(x: Exchange) {
        let mut x = x;
        x.verticals().await;
        let seller = x.organization("Agency").await;
        let at = |code: &str, path: Value| json!([{ "code": code, "path": path }]);
        let wrong = errors(&x, &seller, |content| content["steps"][0]["fields"][1]["key"] = json!("knights")).await;
        assert_eq!(wrong[0], json!({ "code": "INVALID", "path": ["content", "steps", "0", "fields", "1", "key"] }));
        assert_eq!(wrong[1], json!({ "code": "REQUIRED", "path": ["content", "steps"] }), "the vertical needs the nights");
        let wrong = errors(&x, &seller, |content| content["origins"][0] = json!("https://tours.example; script-src *")).await;
        assert_eq!(wrong, at("INVALID", json!(["content", "origins", "0"])));
        let wrong = errors(&x, &seller, |content| content["texts"][2]["consent"] = json!("")).await;
        assert_eq!(wrong, at("REQUIRED", json!(["content", "texts", "2", "consent"])));
        let steps = |content: &mut Value| {
            let step = content["steps"][0].clone();
            content["steps"] = json!(vec![step; 11]);
        };
        assert_eq!(errors(&x, &seller, steps).await[0], json!({ "code": "TOO_LARGE", "path": ["content", "steps"] }));
        let many = |content: &mut Value| {
            let texts = content["texts"][0].clone();
            content["texts"] = json!(vec![texts; 21]);
        };
        assert_eq!(errors(&x, &seller, many).await[0], json!({ "code": "TOO_LARGE", "path": ["content", "texts"] }));
        assert_eq!(x.count("form").await, 0);
        configured(&mut x, |config| config.forms.per_organization_max = 1);
        x.schema = api::graphql::schema(x.app.clone());
        published(&x, &seller, content()).await;
        let refused = created(&x, &seller, content()).await;
        assert_eq!(refused["userErrors"][0]["code"], "LIMIT_REACHED");
        assert_eq!(x.count("form").await, 1);
    }
}
