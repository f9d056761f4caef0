//! API keys.

use domain::access::{Permission, Principal, Role};
use domain::refusal::Code;
use serde_json::{Value, json};

use super::{as_bearer, bearer, only_error};
use crate::harness::{Actor, Exchange, on_each_backend};

const CREATE: &str = "mutation($input: ApiKeyCreateInput!) { apiKeyCreate(input: $input) {
    apiKey { id name prefix scopes expiresAt revokedAt } secret userErrors { code path } } }";
const REVOKE: &str =
    "mutation($input: ApiKeyRevokeInput!) { apiKeyRevoke(input: $input) { apiKey { revokedAt } userErrors { code path } } }";
const LIST: &str = "{ apiKeys { edges { node { id name lastUsedAt revokedAt } } } }";

async fn create(x: &Exchange, actor: &Actor, scopes: Value, expires_at: Value) -> Value {
    let input = json!({ "name": "CRM", "scopes": scopes, "expiresAt": expires_at });
    actor.run(x, CREATE, json!({ "input": input })).await["apiKeyCreate"].clone()
}

on_each_backend! {
    async fn a_key_acts_within_its_scopes_until_it_is_revoked(x: Exchange) {
        let owner = x.organization("Owner").await;
        let created = create(&x, &owner, json!(["LEADS_READ", "MEMBERS_READ"]), Value::Null).await;
        let secret = created["secret"].as_str().unwrap().to_owned();
        assert_eq!(created["apiKey"]["prefix"], secret[..12]);
        assert!(!x.dump(&["api_key"]).await.contains(&secret));
        let principal = bearer(&x.app, &secret).await.unwrap();
        let Principal::Key { organization, scopes, .. } = &principal else { panic!("{principal:?}") };
        assert_eq!((*organization, scopes.iter().copied().collect::<Vec<_>>()), (owner.org(), vec![Permission::LeadsRead, Permission::MembersRead]));
        let viewer = as_bearer(&x, &secret, "{ viewer { user { id } apiKeyId permissions memberships { role } } }", json!({})).await;
        assert_eq!(viewer["data"]["viewer"], json!({ "user": null, "apiKeyId": created["apiKey"]["id"], "permissions": ["LEADS_READ", "MEMBERS_READ"], "memberships": [] }));
        let members = as_bearer(&x, &secret, "{ members { edges { node { role } } } }", json!({})).await;
        assert_eq!(members["data"]["members"]["edges"].as_array().unwrap().len(), 1);
        let more = as_bearer(&x, &secret, CREATE, json!({ "input": { "name": "more", "scopes": ["LEADS_READ"] } })).await;
        assert_eq!(more["errors"][0]["extensions"]["code"], "FORBIDDEN");
        let list = owner.run(&x, LIST, json!({})).await;
        assert_eq!(list["apiKeys"]["edges"][0]["node"]["lastUsedAt"], "2026-03-02T09:00:00+00:00");
        let revoke = json!({ "input": { "apiKeyId": created["apiKey"]["id"] } });
        let revoked = owner.run(&x, REVOKE, revoke.clone()).await;
        assert_eq!(revoked["apiKeyRevoke"]["apiKey"]["revokedAt"], "2026-03-02T09:00:00+00:00");
        assert_eq!(bearer(&x.app, &secret).await, Err(Code::Unauthenticated));
        x.clock.advance_secs(60);
        let again = owner.run(&x, REVOKE, revoke).await;
        assert_eq!(again["apiKeyRevoke"], revoked["apiKeyRevoke"]);
    }

    async fn a_key_ends_by_the_clock_even_when_it_is_remembered(x: Exchange) {
        let owner = x.organization("Owner").await;
        let created = create(&x, &owner, json!(["BUY"]), json!("2026-03-02T09:00:01Z")).await;
        let secret = created["secret"].as_str().unwrap();
        assert!(bearer(&x.app, secret).await.is_ok());
        x.clock.advance_secs(1);
        assert_eq!(bearer(&x.app, secret).await, Err(Code::Unauthenticated));
        let past = create(&x, &owner, json!(["BUY"]), json!("2026-03-02T09:00:01Z")).await;
        assert_eq!(only_error(&past), ("INVALID".into(), json!(["expiresAt"])));
    }

    async fn keys_get_no_rights_of_people_and_none_that_the_maker_lacks(x: Exchange) {
        let owner = x.organization("Owner").await;
        let before = x.row_counts().await;
        assert_eq!(only_error(&create(&x, &owner, json!([]), Value::Null).await), ("REQUIRED".into(), json!(["scopes"])));
        let refused = create(&x, &owner, json!(["BUY", "MEMBERS_WRITE", "WALLET_WRITE"]), Value::Null).await;
        assert_eq!(refused["userErrors"], json!([{ "code": "INVALID", "path": ["scopes", "1"] }, { "code": "INVALID", "path": ["scopes", "2"] }]));
        let unnamed = owner.run(&x, CREATE, json!({ "input": { "name": " ", "scopes": ["BUY"] } })).await;
        assert_eq!(only_error(&unnamed["apiKeyCreate"]), ("REQUIRED".into(), json!(["name"])));
        assert_eq!(x.row_counts().await, before);
        let agent = x.member(owner.org(), Role::Agent).await;
        let denied = agent.execute(&x, CREATE, json!({ "input": { "name": "mine", "scopes": ["MARKET_READ"] } })).await;
        assert_eq!(denied["errors"][0]["extensions"]["code"], "FORBIDDEN");
    }

    async fn keys_of_others_do_not_exist_and_there_is_a_limit(x: Exchange) {
        let (owner, stranger) = (x.organization("Owner").await, x.organization("Stranger").await);
        let created = create(&x, &owner, json!(["BUY"]), Value::Null).await;
        let foreign = stranger.run(&x, REVOKE, json!({ "input": { "apiKeyId": created["apiKey"]["id"] } })).await;
        assert_eq!(only_error(&foreign["apiKeyRevoke"]), ("NOT_FOUND".into(), json!(["apiKeyId"])));
        assert_eq!(stranger.run(&x, LIST, json!({})).await["apiKeys"]["edges"], json!([]));
        for _ in 1..50 {
            assert_eq!(create(&x, &owner, json!(["BUY"]), Value::Null).await["userErrors"], json!([]));
        }
        assert_eq!(only_error(&create(&x, &owner, json!(["BUY"]), Value::Null).await).0, "LIMIT_REACHED");
        owner.run(&x, REVOKE, json!({ "input": { "apiKeyId": created["apiKey"]["id"] } })).await;
        assert_eq!(create(&x, &owner, json!(["BUY"]), Value::Null).await["userErrors"], json!([]));
    }
}
