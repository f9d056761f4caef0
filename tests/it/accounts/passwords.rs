//! Changing a password, and setting a forgotten one.

use api::app::password::password_reset_request;
use domain::refusal::Code;
use serde_json::{Value, json};

use super::{PASSWORD, Tokens, as_bearer, bearer, caller_at, log_in, mailed_token, only_error, refresh, register, work};
use crate::harness::{Exchange, on_each_backend};

const NEW: &str = "an entirely new phrase";
const CHANGE: &str = "mutation($input: PasswordChangeInput!) { passwordChange(input: $input) { session { accessToken refreshToken } userErrors { code path } } }";
const FORGOT: &str =
    "mutation($input: PasswordResetRequestInput!) { passwordResetRequest(input: $input) { requested userErrors { code } } }";
const RESET: &str = "mutation($input: PasswordResetCompleteInput!) { passwordResetComplete(input: $input) { completed userErrors { code path } } }";

pub async fn forgot(x: &Exchange, email: &str) -> Value {
    x.anonymous(FORGOT, json!({ "input": { "email": email } })).await["data"]["passwordResetRequest"].clone()
}

pub async fn reset(x: &Exchange, token: &str, password: &str) -> Value {
    let input = json!({ "token": token, "newPassword": password });
    x.anonymous(RESET, json!({ "input": input })).await["data"]["passwordResetComplete"].clone()
}

on_each_backend! {
    async fn a_change_needs_the_password_of_now_and_ends_every_other_session(x: Exchange) {
        let one = register(&x, "ada@example.com").await;
        let two = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        let change = |current: &str, new: &str| json!({ "input": { "currentPassword": current, "newPassword": new } });
        let wrong = as_bearer(&x, &one.access, CHANGE, change("not the password", NEW)).await;
        assert_eq!(only_error(&wrong["data"]["passwordChange"]), ("INVALID_CREDENTIALS".into(), json!(["currentPassword"])));
        let weak = as_bearer(&x, &one.access, CHANGE, change(PASSWORD, "Ada@example.com")).await;
        assert_eq!(only_error(&weak["data"]["passwordChange"]), ("INVALID".into(), json!(["newPassword"])));
        assert!(bearer(&x.app, &two.access).await.is_ok());
        let changed = as_bearer(&x, &one.access, CHANGE, change(PASSWORD, NEW)).await;
        let next = Tokens::of(&changed["data"]["passwordChange"]["session"]);
        assert!(bearer(&x.app, &next.access).await.is_ok());
        for old in [&one, &two] {
            assert_eq!(bearer(&x.app, &old.access).await, Err(Code::Unauthenticated));
            assert_eq!(only_error(&refresh(&x, &old.refresh).await).0, "INVALID_TOKEN");
        }
        assert_eq!(only_error(&log_in(&x, "ada@example.com", PASSWORD).await).0, "INVALID_CREDENTIALS");
        assert!(!log_in(&x, "ada@example.com", NEW).await["session"].is_null());
    }

    async fn a_reset_works_once_and_ends_lock_out_and_sessions(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        for _ in 0..11 {
            log_in(&x, "ada@example.com", "not the password").await;
        }
        assert_eq!(forgot(&x, "Ada@example.com").await, json!({ "requested": true, "userErrors": [] }));
        let job = x.dump(&["job"]).await;
        assert!(!job.contains("ada@example.com") && job.contains("password_reset"));
        let token = mailed_token(&x, "ada@example.com").await;
        assert_eq!(only_error(&reset(&x, &token, "short").await), ("INVALID".into(), json!(["newPassword"])));
        assert_eq!(reset(&x, &token, NEW).await, json!({ "completed": true, "userErrors": [] }));
        assert_eq!(only_error(&reset(&x, &token, "yet another phrase").await), ("INVALID_TOKEN".into(), json!(["token"])));
        assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Unauthenticated));
        assert!(!log_in(&x, "ada@example.com", NEW).await["session"].is_null());
    }

    async fn two_resets_at_once_set_one_password(x: Exchange) {
        register(&x, "ada@example.com").await;
        forgot(&x, "ada@example.com").await;
        let token = mailed_token(&x, "ada@example.com").await;
        let (one, two) = tokio::join!(reset(&x, &token, NEW), reset(&x, &token, "yet another phrase"));
        let done = [&one, &two].into_iter().filter(|payload| payload["completed"] == true).count();
        assert_eq!(done, 1, "{one} {two}");
    }

    async fn a_reset_is_over_by_the_clock_and_the_older_one_with_the_newer(x: Exchange) {
        register(&x, "ada@example.com").await;
        forgot(&x, "ada@example.com").await;
        let first = mailed_token(&x, "ada@example.com").await;
        forgot(&x, "ada@example.com").await;
        let second = mailed_token(&x, "ada@example.com").await;
        x.clock.advance_secs(3_599);
        assert_eq!(reset(&x, &first, NEW).await["completed"], true);
        assert_eq!(only_error(&reset(&x, &second, NEW).await).0, "INVALID_TOKEN");
        forgot(&x, "ada@example.com").await;
        let third = mailed_token(&x, "ada@example.com").await;
        x.clock.advance_secs(3_600);
        assert_eq!(only_error(&reset(&x, &third, NEW).await).0, "INVALID_TOKEN");
    }

    async fn a_spent_address_does_not_spend_an_account(x: Exchange) {
        register(&x, "ada@example.com").await;
        let thief = caller_at("203.0.113.7");
        for n in 0..5 {
            password_reset_request(&x.app, &thief, &format!("user{n}@example.com")).await.unwrap();
        }
        for _ in 0..10 {
            password_reset_request(&x.app, &thief, "ada@example.com").await.unwrap_err();
        }
        assert_eq!(forgot(&x, "ada@example.com").await["requested"], true);
        work(&x).await;
    }

    async fn nobody_learns_by_a_reset_who_has_an_account(x: Exchange) {
        register(&x, "ada@example.com").await;
        assert_eq!(forgot(&x, "ada@example.com").await, forgot(&x, "eve@example.com").await);
        assert_eq!(x.count("job").await, 2);
        work(&x).await;
        assert_eq!(x.outbox.mail.take().len(), 1);
        for email in ["ada@example.com", "eve@example.com"] {
            for _ in 0..4 {
                assert_eq!(forgot(&x, email).await["requested"], true);
            }
            assert_eq!(forgot(&x, email).await["userErrors"][0]["code"], "RATE_LIMITED");
        }
        work(&x).await;
    }
}
