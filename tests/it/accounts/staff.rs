//! Staff, made from the command line.

use api::app::AppError;
use api::app::staff::staff_add;
use domain::access::{Principal, StaffRole};
use domain::refusal::Code;
use serde_json::json;

use super::{PASSWORD, Tokens, bearer, log_in, register};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn staff_logs_in_as_what_it_is(x: Exchange) {
        let (user, is_new) = staff_add(&x.app, "op@example.com", "Op", StaffRole::Operator, PASSWORD.into()).await.unwrap();
        assert!(is_new);
        let session = log_in(&x, "op@example.com", PASSWORD).await["session"].clone();
        assert_eq!(session["viewer"]["staffRole"], "OPERATOR");
        let principal = bearer(&x.app, &Tokens::of(&session).access).await.unwrap();
        assert_eq!(principal, Principal::Staff { user, role: StaffRole::Operator });
        let again = staff_add(&x.app, "op@example.com", "Op", StaffRole::Operator, PASSWORD.into()).await.unwrap_err();
        assert!(matches!(again, AppError::Refused(refusals) if refusals[0].code == Code::Taken));
    }

    async fn a_member_who_is_staff_chooses(x: Exchange) {
        register(&x, "ada@example.com").await;
        let (_, is_new) = staff_add(&x.app, "ada@example.com", "Ada", StaffRole::Arbiter, "another long phrase".into()).await.unwrap();
        assert!(!is_new, "the password of somebody known stays");
        assert_eq!(log_in(&x, "ada@example.com", PASSWORD).await["session"]["viewer"]["role"], "OWNER");
        let input = json!({ "email": "ada@example.com", "password": PASSWORD, "staffRole": "ARBITER" });
        let answer = x.anonymous("mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { session { accessToken refreshToken } } }", json!({ "input": input })).await;
        let tokens = Tokens::of(&answer["data"]["sessionCreate"]["session"]);
        assert!(matches!(bearer(&x.app, &tokens.access).await, Ok(Principal::Staff { role: StaffRole::Arbiter, .. })));
        x.tamper("DELETE FROM staff").await.unwrap();
        x.clock.advance_secs(2);
        assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Unauthenticated));
    }
}
