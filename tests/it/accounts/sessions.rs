//! Registering, logging in and out, refreshing.

use api::app::forgetting::forget_old;
use api::app::session::{SessionCreate, session_create};
use api::app::{AppError, Caller};
use domain::access::{Principal, Role};
use domain::refusal::Code;
use serde_json::json;

use super::{PASSWORD, REGISTER, Tokens, as_bearer, bearer, caller_at, log_in, only_error, refresh, register, registration};
use crate::harness::{Exchange, on_each_backend};

async fn attempt(x: &Exchange, caller: &Caller, email: &str, password: &str) -> Code {
    let input = SessionCreate { email: email.into(), password: password.into(), organization: None, staff_role: None };
    match session_create(&x.app, caller, input).await.unwrap_err() {
        AppError::Refused(refusals) => refusals[0].code,
        error => panic!("{error}"),
    }
}

on_each_backend! {
    async fn a_registered_owner_is_logged_in_and_can_log_in_again(x: Exchange) {
        let tokens = register(&x, "Ada@Example.com").await;
        let viewer = as_bearer(&x, &tokens.access, "{ viewer { user { email name } role permissions organization { name country timeZone status } memberships { role } } }", json!({})).await;
        assert_eq!(viewer["data"]["viewer"]["user"], json!({ "email": "ada@example.com", "name": "Ada" }));
        assert_eq!(viewer["data"]["viewer"]["organization"], json!({ "name": "Nordic Leads", "country": "NO", "timeZone": "Europe/Oslo", "status": "ACTIVE" }));
        assert_eq!(viewer["data"]["viewer"]["permissions"].as_array().unwrap().len(), 15);
        assert_eq!(viewer["data"]["viewer"]["memberships"], json!([{ "role": "OWNER" }]));
        let again = log_in(&x, " ADA@example.com", PASSWORD).await;
        assert_eq!(again["session"]["viewer"], json!({ "role": "OWNER", "staffRole": null, "organization": { "name": "Nordic Leads" } }));
        assert!(matches!(bearer(&x.app, &Tokens::of(&again["session"]).access).await, Ok(Principal::Member { role: Role::Owner, .. })));
    }

    async fn a_bad_registration_names_every_field_and_changes_nothing(x: Exchange) {
        register(&x, "ada@example.com").await;
        let before = x.row_counts().await;
        let bad = json!({ "name": " ", "country": "no", "timeZone": "Mars", "locale": "x", "ownerName": "a\u{0}b", "email": "ada", "password": "short" });
        let answer = x.anonymous(REGISTER, json!({ "input": bad })).await;
        assert_eq!(answer["data"]["organizationRegister"], json!({ "organization": null, "session": null, "userErrors": [
            { "code": "REQUIRED", "path": ["name"] }, { "code": "INVALID", "path": ["country"] }, { "code": "INVALID", "path": ["timeZone"] },
            { "code": "INVALID", "path": ["locale"] }, { "code": "INVALID", "path": ["ownerName"] }, { "code": "INVALID", "path": ["email"] },
            { "code": "INVALID", "path": ["password"] },
        ] }));
        let taken = x.anonymous(REGISTER, json!({ "input": registration("ADA@example.com") })).await;
        assert_eq!(only_error(&taken["data"]["organizationRegister"]), ("TAKEN".into(), json!(["email"])));
        let mut stranger = registration("bob@example.com");
        stranger["referrerId"] = json!("org_00000000000000000000000007");
        let unknown = x.anonymous(REGISTER, json!({ "input": stranger })).await;
        assert_eq!(only_error(&unknown["data"]["organizationRegister"]), ("NOT_FOUND".into(), json!(["referrerId"])));
        assert_eq!(x.row_counts().await, before);
    }

    async fn nobody_learns_who_has_an_account(x: Exchange) {
        register(&x, "ada@example.com").await;
        let wrong = log_in(&x, "ada@example.com", "not the password").await;
        let unknown = log_in(&x, "eve@example.com", "not the password").await;
        assert_eq!(wrong, unknown);
        assert_eq!(only_error(&wrong), ("INVALID_CREDENTIALS".into(), json!([])));
        assert_eq!(x.count("session").await, 1);
    }

    async fn a_refresh_token_works_once_and_its_reuse_ends_the_session(x: Exchange) {
        let first = register(&x, "ada@example.com").await;
        let second = Tokens::of(&refresh(&x, &first.refresh).await["session"]);
        let third = Tokens::of(&refresh(&x, &second.refresh).await["session"]);
        assert!(bearer(&x.app, &third.access).await.is_ok());
        // A thief, or the owner after a thief: nobody can tell, so the family ends.
        assert_eq!(only_error(&refresh(&x, &first.refresh).await), ("INVALID_TOKEN".into(), json!(["refreshToken"])));
        assert_eq!(only_error(&refresh(&x, &third.refresh).await), ("INVALID_TOKEN".into(), json!(["refreshToken"])));
        for tokens in [&first, &second, &third] {
            assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Unauthenticated));
        }
        let other = log_in(&x, "ada@example.com", PASSWORD).await;
        assert!(bearer(&x.app, &Tokens::of(&other["session"]).access).await.is_ok());
    }

    async fn two_refreshes_at_once_give_one_session_at_most(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        let (one, two) = tokio::join!(refresh(&x, &tokens.refresh), refresh(&x, &tokens.refresh));
        let good: Vec<_> = [&one, &two].into_iter().filter(|payload| !payload["session"].is_null()).collect();
        assert_eq!(good.len(), 1, "{one} {two}");
        assert_eq!(bearer(&x.app, &Tokens::of(&good[0]["session"]).access).await, Err(Code::Unauthenticated));
    }

    async fn tokens_end_by_the_clock(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        x.clock.advance_secs(899);
        assert!(bearer(&x.app, &tokens.access).await.is_ok());
        x.clock.advance_secs(1);
        assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Unauthenticated));
        x.clock.advance_secs(30 * 86_400 - 901);
        let last = Tokens::of(&refresh(&x, &tokens.refresh).await["session"]);
        assert!(bearer(&x.app, &last.access).await.is_ok());
        x.clock.advance_secs(30 * 86_400);
        assert_eq!(only_error(&refresh(&x, &last.refresh).await).0, "INVALID_TOKEN");
    }

    async fn a_session_ends_for_its_access_token_too(x: Exchange) {
        let one = register(&x, "ada@example.com").await;
        let two = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        let end = "mutation($input: SessionEndInput!) { sessionEnd(input: $input) { ended userErrors { code } } }";
        let ended = x.anonymous(end, json!({ "input": { "refreshToken": one.refresh } })).await;
        assert_eq!(ended["data"]["sessionEnd"], json!({ "ended": true, "userErrors": [] }));
        let again = x.anonymous(end, json!({ "input": { "refreshToken": one.refresh } })).await;
        assert_eq!(again["data"]["sessionEnd"]["ended"], json!(false));
        assert_eq!(bearer(&x.app, &one.access).await, Err(Code::Unauthenticated));
        assert_eq!(only_error(&refresh(&x, &one.refresh).await).0, "INVALID_TOKEN");
        let all = as_bearer(&x, &two.access, "mutation { sessionsEndAll { ended } }", json!({})).await;
        assert_eq!(all["data"]["sessionsEndAll"]["ended"], json!(1));
        assert_eq!(bearer(&x.app, &two.access).await, Err(Code::Unauthenticated));
    }

    async fn too_many_failures_lock_an_account_whether_it_exists_or_not(x: Exchange) {
        register(&x, "ada@example.com").await;
        for email in ["ada@example.com", "nobody@example.com"] {
            for _ in 0..10 {
                assert_eq!(only_error(&log_in(&x, email, "not the password").await).0, "INVALID_CREDENTIALS");
            }
            let locked = log_in(&x, email, PASSWORD).await;
            assert_eq!(only_error(&locked).0, "RATE_LIMITED");
            assert_eq!(locked["userErrors"][0]["message"], "too many attempts; try again after 2026-03-02T09:15:00Z");
        }
        x.clock.advance_secs(899);
        assert_eq!(only_error(&log_in(&x, "ada@example.com", PASSWORD).await).0, "RATE_LIMITED");
        x.clock.advance_secs(1);
        assert!(!log_in(&x, "ada@example.com", PASSWORD).await["session"].is_null());
        // The right password wiped the slate: ten more failures are allowed.
        for _ in 0..10 {
            assert_eq!(only_error(&log_in(&x, "ada@example.com", "not the password").await).0, "INVALID_CREDENTIALS");
        }
    }

    async fn parallel_guesses_are_all_counted(x: Exchange) {
        register(&x, "ada@example.com").await;
        let guesses = (0..24).map(|_| log_in(&x, "ada@example.com", "not the password"));
        let answers = futures::future::join_all(guesses).await;
        let wrong = answers.iter().filter(|answer| only_error(answer).0 == "INVALID_CREDENTIALS").count();
        assert_eq!(wrong, 10);
    }

    async fn an_address_is_locked_across_accounts_and_v6_neighbours(x: Exchange) {
        let (home, neighbour, other) = (caller_at("2001:db8::1"), caller_at("2001:db8::2:3"), caller_at("2001:db8:0:1::1"));
        for n in 0..100 {
            assert_eq!(attempt(&x, &home, &format!("user{n}@example.com"), "not the password").await, Code::InvalidCredentials);
        }
        assert_eq!(attempt(&x, &neighbour, "fresh@example.com", "not the password").await, Code::RateLimited);
        assert_eq!(attempt(&x, &other, "fresh@example.com", "not the password").await, Code::InvalidCredentials);
    }

    async fn a_spent_address_locks_nobody_elses_account(x: Exchange) {
        register(&x, "ada@example.com").await;
        let thief = caller_at("203.0.113.7");
        for n in 0..100 {
            assert_eq!(attempt(&x, &thief, &format!("user{n}@example.com"), "not the password").await, Code::InvalidCredentials);
        }
        for _ in 0..11 {
            assert_eq!(attempt(&x, &thief, "ada@example.com", "not the password").await, Code::RateLimited);
        }
        assert!(!log_in(&x, "ada@example.com", PASSWORD).await["session"].is_null());
    }

    async fn one_logs_in_only_where_one_belongs(x: Exchange) {
        register(&x, "ada@example.com").await;
        let elsewhere = x.organization("Elsewhere").await.org();
        let log_in = "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { session { id } userErrors { code path } } }";
        let mut input = json!({ "email": "ada@example.com", "password": PASSWORD, "organizationId": elsewhere.to_string() });
        let answer = x.anonymous(log_in, json!({ "input": input })).await;
        assert_eq!(only_error(&answer["data"]["sessionCreate"]), ("NOT_FOUND".into(), json!(["organizationId"])));
        input["organizationId"] = json!("lead_00000000000000000000000007");
        let answer = x.anonymous(log_in, json!({ "input": input })).await;
        assert_eq!(only_error(&answer["data"]["sessionCreate"]), ("INVALID".into(), json!(["organizationId"])));
        let as_staff = json!({ "email": "ada@example.com", "password": PASSWORD, "staffRole": "OPERATOR" });
        let answer = x.anonymous(log_in, json!({ "input": as_staff })).await;
        assert_eq!(only_error(&answer["data"]["sessionCreate"]), ("NOT_FOUND".into(), json!(["staffRole"])));
    }

    async fn what_is_over_is_forgotten_and_what_runs_is_not(x: Exchange) {
        let old = register(&x, "ada@example.com").await;
        x.clock.advance_secs(59 * 86_400);
        let running = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        log_in(&x, "ada@example.com", "not the password").await;
        assert_eq!(forget_old(&x.app).await.unwrap(), 0);
        x.clock.advance_secs(86_400 + 1);
        assert_eq!(forget_old(&x.app).await.unwrap(), 2);
        assert_eq!((x.count("session").await, x.count("refresh_token").await, x.count("throttle").await), (1, 1, 1));
        assert_eq!(only_error(&refresh(&x, &old.refresh).await).0, "INVALID_TOKEN");
        assert!(!refresh(&x, &running.refresh).await["session"].is_null());
    }
}
