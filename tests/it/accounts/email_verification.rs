//! Proving an address before trading.

use std::sync::Arc;

use api::app::App;
use api::config::{Config, EmailVerification};
use serde_json::{Value, json};

use super::passwords::{forgot, reset};
use super::{PASSWORD, Tokens, as_bearer, log_in, mailed_token, only_error, refresh, register, work};
use crate::harness::{Exchange, on_each_backend};

const VERIFY: &str = "mutation($input: EmailVerifyInput!) { emailVerify(input: $input) { verified userErrors { code path } } }";
const SEND: &str = "mutation { emailVerificationSend { sent userErrors { code path } } }";
const VIEWER: &str = "{ viewer { emailVerified } }";
const KEY: &str = "mutation { apiKeyCreate(input: { name: \"CRM\", scopes: [BUY] }) { secret userErrors { code } } }";
const INVITE: &str =
    "mutation { invitationCreate(input: { email: \"grace@example.com\", role: OWNER }) { userErrors { code } } }";
const LISTING: &str = "lst_00000000000000000000000009";

/// The same exchange with mail that is delivered.
fn strict(mut x: Exchange) -> Exchange {
    let mut config = Config::clone(&x.app.config);
    config.auth.email_verification = EmailVerification::Required;
    let app = Arc::new(App { config: Arc::new(config), ..App::clone(&x.app) });
    x.schema = api::graphql::schema(app.clone());
    x.app = app;
    x
}

/// What an organization does to trade.
fn trading() -> Vec<String> {
    let amount = "{ amount: \"1.00\", currencyCode: \"EUR\" }";
    vec![
        KEY.to_owned(),
        INVITE.to_owned(),
        format!(
            "mutation {{ listingCreate(input: {{ leadId: \"lead_00000000000000000000000009\", terms: {{ fixed: {{ sharedPrice: {amount} }} }} }}) {{ userErrors {{ code }} }} }}"
        ),
        format!(
            "mutation {{ listingBuy(input: {{ listingId: \"{LISTING}\", kind: SHARED, idempotencyKey: \"k\" }}) {{ userErrors {{ code }} }} }}"
        ),
        format!(
            "mutation {{ bidPlace(input: {{ listingId: \"{LISTING}\", idempotencyKey: \"k\", shared: {amount} }}) {{ userErrors {{ code }} }} }}"
        ),
        format!(
            "mutation {{ withdrawalRequest(input: {{ amount: {amount}, idempotencyKey: \"k\" }}) {{ userErrors {{ code }} }} }}"
        ),
    ]
}

async fn verify(x: &Exchange, token: &str) -> Value {
    x.anonymous(VERIFY, json!({ "input": { "token": token } })).await["data"]["emailVerify"].clone()
}

on_each_backend! {
    async fn who_has_not_proved_the_address_trades_nothing(x: Exchange) {
        let x = strict(x);
        let owner = register(&x, "ada@example.com").await;
        let token = mailed_token(&x, "ada@example.com").await;
        assert!(!x.dump(&["job", "email_verification"]).await.contains(&token));
        assert_eq!(as_bearer(&x, &owner.access, VIEWER, json!({})).await["data"]["viewer"]["emailVerified"], false);
        let before = x.row_counts().await;
        for operation in trading() {
            let answer = as_bearer(&x, &owner.access, &operation, json!({})).await;
            assert_eq!(answer["errors"][0]["extensions"]["code"], "EMAIL_UNVERIFIED", "{operation}: {answer}");
        }
        assert_eq!(x.row_counts().await, before);
        assert_eq!(verify(&x, &token).await, json!({ "verified": true, "userErrors": [] }));
        assert_eq!(as_bearer(&x, &owner.access, VIEWER, json!({})).await["data"]["viewer"]["emailVerified"], true);
        for operation in trading() {
            let answer = as_bearer(&x, &owner.access, &operation, json!({})).await;
            assert_ne!(answer["errors"][0]["extensions"]["code"], "EMAIL_UNVERIFIED", "{operation}: {answer}");
        }
        work(&x).await;
    }

    async fn a_proof_is_good_once_and_for_its_time(x: Exchange) {
        let x = strict(x);
        let owner = register(&x, "ada@example.com").await;
        let first = mailed_token(&x, "ada@example.com").await;
        x.clock.advance_secs(259_200);
        assert_eq!(only_error(&verify(&x, &first).await), ("INVALID_TOKEN".into(), json!(["token"])));
        assert_eq!(only_error(&verify(&x, "cle_0").await), ("INVALID_TOKEN".into(), json!(["token"])));
        let owner = Tokens::of(&refresh(&x, &owner.refresh).await["session"]);
        let mut tokens = Vec::new();
        for _ in 0..5 {
            let sent = as_bearer(&x, &owner.access, SEND, json!({})).await;
            assert_eq!(sent["data"]["emailVerificationSend"]["sent"], true, "{sent}");
            tokens.push(mailed_token(&x, "ada@example.com").await);
        }
        let sent = as_bearer(&x, &owner.access, SEND, json!({})).await;
        assert_eq!(only_error(&sent["data"]["emailVerificationSend"]).0, "RATE_LIMITED");
        assert_eq!(verify(&x, &tokens[1]).await["verified"], true);
        for token in &tokens {
            assert_eq!(only_error(&verify(&x, token).await).0, "INVALID_TOKEN", "one proof uses up every token");
        }
        let again = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        x.clock.advance_secs(3_600);
        let owner = Tokens::of(&refresh(&x, &again.refresh).await["session"]);
        let sent = as_bearer(&x, &owner.access, SEND, json!({})).await;
        assert_eq!(only_error(&sent["data"]["emailVerificationSend"]).0, "WRONG_STATE");
        work(&x).await;
    }

    async fn a_mailed_invitation_and_a_reset_prove_the_address_too(x: Exchange) {
        let x = strict(x);
        let ada = register(&x, "ada@example.com").await;
        verify(&x, &mailed_token(&x, "ada@example.com").await).await;
        as_bearer(&x, &ada.access, INVITE, json!({})).await;
        let token = mailed_token(&x, "grace@example.com").await;
        let accept = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { session { viewer { emailVerified } } } }";
        let input = json!({ "token": token, "name": "Grace", "password": PASSWORD });
        let accepted = x.anonymous(accept, json!({ "input": input })).await;
        assert_eq!(accepted["data"]["invitationAccept"]["session"]["viewer"]["emailVerified"], true);

        register(&x, "bob@example.com").await;
        mailed_token(&x, "bob@example.com").await;
        forgot(&x, "bob@example.com").await;
        reset(&x, &mailed_token(&x, "bob@example.com").await, "an entirely new phrase").await;
        let bob = log_in(&x, "bob@example.com", "an entirely new phrase").await["session"].clone();
        let viewer = as_bearer(&x, &Tokens::of(&bob).access, VIEWER, json!({})).await;
        assert_eq!(viewer["data"]["viewer"]["emailVerified"], true);
    }

    async fn where_no_mail_is_delivered_nobody_is_asked(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        assert_eq!(x.count("job").await, 0);
        let made = as_bearer(&x, &owner.access, KEY, json!({})).await;
        assert_eq!(made["data"]["apiKeyCreate"]["userErrors"], json!([]));
        assert!(Config::from_toml("[mail]\nurl = \"smtp://localhost:25\"").unwrap().requires_verified_email());
        assert!(!Config::from_toml("[mail]\nurl = \"smtp://localhost:25\"\n[auth]\nemail_verification = \"off\"").unwrap().requires_verified_email());
        assert!(Config::from_toml("[auth]\nemail_verification = \"required\"").unwrap_err().to_string().contains("auth.email_verification"));
    }
}
