//! An operator locks a person out, and lets it in again.

use domain::refusal::Code;
use serde_json::{Value, json};

use super::{PASSWORD, Tokens, as_bearer, bearer, log_in, mailed_token, only_error, refresh, register, work};
use crate::harness::{Actor, Exchange, on_each_backend};

const DISABLE: &str =
    "mutation($input: UserDisableInput!) { userDisable(input: $input) { user { email } userErrors { code path } } }";
const ENABLE: &str =
    "mutation($input: UserEnableInput!) { userEnable(input: $input) { user { email } userErrors { code path } } }";
const KEY: &str = "mutation { apiKeyCreate(input: { name: \"CRM\", scopes: [BUY] }) { secret } }";
const INVITE: &str =
    "mutation { invitationCreate(input: { email: \"grace@example.com\", role: AGENT }) { userErrors { code } } }";
const ACCEPT: &str = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { userErrors { code path } } }";

async fn disable(x: &Exchange, operator: &Actor, user: Value) -> Value {
    operator.run(x, DISABLE, json!({ "input": { "user": user } })).await["userDisable"].clone()
}

on_each_backend! {
    async fn who_is_disabled_is_locked_out_everywhere(x: Exchange) {
        let (operator, ada) = (x.operator().await, register(&x, "ada@example.com").await);
        let key = as_bearer(&x, &ada.access, KEY, json!({})).await["data"]["apiKeyCreate"]["secret"].clone();
        as_bearer(&x, &ada.access, INVITE, json!({})).await;
        let invitation = mailed_token(&x, "grace@example.com").await;
        let done = disable(&x, &operator, json!({ "email": "Ada@example.com" })).await;
        assert_eq!(done["user"]["email"], "ada@example.com");
        for token in [ada.access.as_str(), key.as_str().unwrap()] {
            assert_eq!(bearer(&x.app, token).await, Err(Code::Unauthenticated));
        }
        assert_eq!(only_error(&refresh(&x, &ada.refresh).await).0, "INVALID_TOKEN");
        assert_eq!(only_error(&log_in(&x, "ada@example.com", PASSWORD).await).0, "INVALID_CREDENTIALS");
        let input = json!({ "token": invitation, "name": "Grace", "password": PASSWORD });
        let accepted = x.anonymous(ACCEPT, json!({ "input": input })).await;
        assert_eq!(only_error(&accepted["data"]["invitationAccept"]).0, "INVALID_TOKEN");
        assert_eq!(only_error(&disable(&x, &operator, json!({ "email": "ada@example.com" })).await), ("WRONG_STATE".into(), json!(["user"])));

        let enabled = operator.run(&x, ENABLE, json!({ "input": { "user": { "email": "ada@example.com" } } })).await;
        assert_eq!(enabled["userEnable"]["userErrors"], json!([]));
        let again = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        assert!(bearer(&x.app, &again.access).await.is_ok());
        assert_eq!(bearer(&x.app, key.as_str().unwrap()).await, Err(Code::Unauthenticated), "what ended stays ended");
        let twice = operator.run(&x, ENABLE, json!({ "input": { "user": { "email": "ada@example.com" } } })).await;
        assert_eq!(only_error(&twice["userEnable"]), ("WRONG_STATE".into(), json!(["user"])));
        work(&x).await;
    }

    async fn staff_and_strangers_are_not_disabled(x: Exchange) {
        let (operator, arbiter) = (x.operator().await, x.arbiter().await);
        let before = x.row_counts().await;
        let staff = disable(&x, &operator, json!({ "userId": arbiter.user.to_string() })).await;
        assert_eq!(only_error(&staff), ("WRONG_STATE".into(), json!(["user"])));
        let nobody = disable(&x, &operator, json!({ "email": "eve@example.com" })).await;
        assert_eq!(only_error(&nobody), ("NOT_FOUND".into(), json!(["user"])));
        let nonsense = disable(&x, &operator, json!({ "userId": "org_00000000000000000000000007" })).await;
        assert_eq!(only_error(&nonsense), ("INVALID".into(), json!(["user", "userId"])));
        assert_eq!(x.row_counts().await, before);
    }
}
