//! Staff, made and unmade from the command line.

use api::app::AppError;
use api::app::staff::{StaffAdd, staff_add, staff_list, staff_remove};
use domain::access::{Principal, StaffRole};
use domain::refusal::Code;
use serde_json::json;

use super::passwords::{forgot, reset};
use super::{PASSWORD, Tokens, as_bearer, bearer, log_in, mailed_token, only_error, register};
use crate::harness::on_each_backend;

const NEW: &str = "another long phrase";
const STAFF_LOG_IN: &str =
    "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { session { accessToken refreshToken } } }";
const KEY: &str = "mutation { apiKeyCreate(input: { name: \"CRM\", scopes: [BUY] }) { secret } }";

fn adding(email: &str, role: StaffRole, password: &str, existing: bool) -> StaffAdd {
    StaffAdd { email: email.into(), name: "Op".into(), role, password: password.into(), existing }
}

fn code<T: std::fmt::Debug>(result: Result<T, AppError>) -> Code {
    match result.unwrap_err() {
        AppError::Refused(refusals) => refusals[0].code,
        error => panic!("{error}"),
    }
}

on_each_backend! {
    async fn staff_logs_in_as_what_it_is(x: Exchange) {
        let (user, is_new) = staff_add(&x.app, adding("op@example.com", StaffRole::Operator, PASSWORD, false)).await.unwrap();
        assert!(is_new);
        let session = log_in(&x, "op@example.com", PASSWORD).await["session"].clone();
        assert_eq!(session["viewer"]["staffRole"], "OPERATOR");
        let principal = bearer(&x.app, &Tokens::of(&session).access).await.unwrap();
        assert_eq!(principal, Principal::Staff { user, role: StaffRole::Operator });
        let before = x.row_counts().await;
        assert_eq!(code(staff_add(&x.app, adding("op@example.com", StaffRole::Operator, PASSWORD, true)).await), Code::Taken);
        assert_eq!(x.row_counts().await, before);
        assert!(bearer(&x.app, &Tokens::of(&session).access).await.is_ok(), "a refusal ended the session");
    }

    async fn who_registered_the_address_first_does_not_become_staff(x: Exchange) {
        let squatter = register(&x, "op@example.com").await;
        let key = as_bearer(&x, &squatter.access, KEY, json!({})).await["data"]["apiKeyCreate"]["secret"].clone();
        forgot(&x, "op@example.com").await;
        let reset_token = mailed_token(&x, "op@example.com").await;
        let before = x.row_counts().await;
        assert_eq!(code(staff_add(&x.app, adding("op@example.com", StaffRole::Operator, NEW, false)).await), Code::Taken);
        assert_eq!(x.row_counts().await, before);
        assert!(bearer(&x.app, &squatter.access).await.is_ok());

        let (_, is_new) = staff_add(&x.app, adding("op@example.com", StaffRole::Operator, NEW, true)).await.unwrap();
        assert!(!is_new);
        assert_eq!(only_error(&log_in(&x, "op@example.com", PASSWORD).await).0, "INVALID_CREDENTIALS");
        for token in [squatter.access.as_str(), key.as_str().unwrap()] {
            assert_eq!(bearer(&x.app, token).await, Err(Code::Unauthenticated));
        }
        assert_eq!(only_error(&reset(&x, &reset_token, "a phrase of the squatter").await).0, "INVALID_TOKEN");
        let input = json!({ "email": "op@example.com", "password": NEW, "staffRole": "OPERATOR" });
        let answer = x.anonymous(STAFF_LOG_IN, json!({ "input": input })).await;
        let tokens = Tokens::of(&answer["data"]["sessionCreate"]["session"]);
        assert!(matches!(bearer(&x.app, &tokens.access).await, Ok(Principal::Staff { role: StaffRole::Operator, .. })));
    }

    async fn a_role_that_is_taken_away_is_gone_at_the_next_request(x: Exchange) {
        for role in [StaffRole::Arbiter, StaffRole::Operator] {
            staff_add(&x.app, adding("ada@example.com", role, PASSWORD, role == StaffRole::Operator)).await.unwrap();
        }
        let tokens = Tokens::of(&log_in(&x, "ada@example.com", PASSWORD).await["session"]);
        assert!(matches!(bearer(&x.app, &tokens.access).await, Ok(Principal::Staff { role: StaffRole::Operator, .. })));
        // As the command line does it: in another process.
        let shell = x.second_process().await;
        let held: Vec<_> = staff_list(&shell).await.unwrap().into_iter().map(|member| (member.person.email, member.role)).collect();
        let ada = || "ada@example.com".parse().unwrap();
        assert_eq!(held, [(ada(), StaffRole::Arbiter), (ada(), StaffRole::Operator)]);
        assert_eq!(code(staff_remove(&shell, "eve@example.com", None).await), Code::NotFound);
        staff_remove(&shell, "Ada@example.com", Some(StaffRole::Operator)).await.unwrap();
        assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Unauthenticated));
        assert_eq!(staff_list(&shell).await.unwrap().len(), 1);
        assert_eq!(code(staff_remove(&shell, "ada@example.com", Some(StaffRole::Operator)).await), Code::NotFound);
        let input = json!({ "email": "ada@example.com", "password": PASSWORD, "staffRole": "ARBITER" });
        let answer = x.anonymous(STAFF_LOG_IN, json!({ "input": input })).await;
        let arbiter = Tokens::of(&answer["data"]["sessionCreate"]["session"]);
        assert!(bearer(&x.app, &arbiter.access).await.is_ok());
        x.tamper("DELETE FROM staff").await.unwrap();
        assert_eq!(bearer(&x.app, &arbiter.access).await, Err(Code::Unauthenticated), "a role was believed from memory");
    }
}
