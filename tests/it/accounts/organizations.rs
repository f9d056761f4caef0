//! Organizations: what their own people see and change, and an operator's stop.

use api::http::exchange::ExchangeHost;
use api::http::host::{Credentials, Host};
use api::http::problem::ProblemCode;
use domain::refusal::Code;
use serde_json::json;

use super::{PASSWORD, Tokens, as_bearer, bearer, log_in, mailed_token, only_error, refresh, register};
use crate::harness::on_each_backend;

const KEY: &str = "mutation { apiKeyCreate(input: { name: \"CRM\", scopes: [BUY] }) { secret } }";

on_each_backend! {
    async fn members_change_their_organization_and_see_no_other(x: Exchange) {
        let (owner, other) = (x.organization("Owner").await, x.organization("Other").await);
        let update = "mutation($input: OrganizationUpdateInput!) { organizationUpdate(input: $input) { organization { name country timeZone locale } userErrors { code path } } }";
        let done = owner.run(&x, update, json!({ "input": { "name": "Renamed", "locale": "pt-BR" } })).await;
        assert_eq!(done["organizationUpdate"]["organization"], json!({ "name": "Renamed", "country": "PT", "timeZone": "Europe/Lisbon", "locale": "pt-BR" }));
        let bad = owner.run(&x, update, json!({ "input": { "name": "", "country": "XX" } })).await;
        assert_eq!(bad["organizationUpdate"]["userErrors"], json!([{ "code": "REQUIRED", "path": ["name"] }, { "code": "INVALID", "path": ["country"] }]));
        let see = "query($id: ID) { organization(id: $id) { name } }";
        assert_eq!(owner.run(&x, see, json!({ "id": other.org().to_string() })).await["organization"], json!(null));
        assert_eq!(owner.run(&x, see, json!({})).await["organization"]["name"], "Renamed");
        assert_eq!(x.operator().await.run(&x, see, json!({ "id": other.org().to_string() })).await["organization"]["name"], "Other");
        let viewer = x.anonymous("{ viewer { permissions } organization { id } }", json!({})).await;
        assert_eq!(viewer["data"], json!({ "viewer": null, "organization": null }));
        assert!(as_bearer(&x, &register(&x, "eve@example.com").await.access, see, json!({ "id": "org_x" })).await["errors"][0]["extensions"]["code"] == "INVALID");
    }

    async fn a_suspended_organization_has_no_access(x: Exchange) {
        let tokens = register(&x, "ada@example.com").await;
        let viewer = as_bearer(&x, &tokens.access, "{ organization { id } }", json!({})).await;
        let id = viewer["data"]["organization"]["id"].clone();
        let key = as_bearer(&x, &tokens.access, KEY, json!({})).await;
        let secret = key["data"]["apiKeyCreate"]["secret"].as_str().unwrap().to_owned();
        let operator = x.operator().await;
        let suspend = "mutation($input: OrganizationSuspendInput!) { organizationSuspend(input: $input) { organization { status } userErrors { code path } } }";
        let input = json!({ "input": { "organizationId": id } });
        let done = operator.run(&x, suspend, input.clone()).await;
        assert_eq!(done["organizationSuspend"]["organization"]["status"], "SUSPENDED");
        let twice = operator.run(&x, suspend, input.clone()).await;
        assert_eq!(only_error(&twice["organizationSuspend"]).0, "WRONG_STATE");
        assert_eq!(bearer(&x.app, &tokens.access).await, Err(Code::Suspended));
        assert_eq!(bearer(&x.app, &secret).await, Err(Code::Suspended));
        let credentials = Credentials { bearer: Some(tokens.access.clone().into()), address: None, request_id: uuid::Uuid::nil() };
        let problem = ExchangeHost::new(x.app.clone()).admit(credentials).await.unwrap_err();
        assert_eq!((problem.code, problem.code.status().0.as_u16()), (ProblemCode::Suspended, 403));
        assert_eq!(only_error(&log_in(&x, "ada@example.com", PASSWORD).await).0, "SUSPENDED");
        assert_eq!(only_error(&refresh(&x, &tokens.refresh).await).0, "SUSPENDED");
        let reinstate = "mutation($input: OrganizationReinstateInput!) { organizationReinstate(input: $input) { organization { status } userErrors { code } } }";
        operator.run(&x, reinstate, input).await;
        assert!(bearer(&x.app, &tokens.access).await.is_ok() && bearer(&x.app, &secret).await.is_ok());
        // The refusal did not use the token up.
        assert!(!refresh(&x, &tokens.refresh).await["session"].is_null());
    }

    async fn one_suspended_organization_locks_nobody_out_of_the_others(x: Exchange) {
        let (first, second) = (register(&x, "ada@example.com").await, register(&x, "bob@example.com").await);
        let organization = |tokens: &Tokens| {
            let (x, access) = (&x, tokens.access.clone());
            async move { as_bearer(x, &access, "{ organization { id name } }", json!({})).await["data"]["organization"].clone() }
        };
        let suspended = organization(&first).await["id"].clone();
        let invite = "mutation { invitationCreate(input: { email: \"ada@example.com\", role: AGENT }) { userErrors { code } } }";
        as_bearer(&x, &second.access, invite, json!({})).await;
        let token = mailed_token(&x, "ada@example.com").await;
        let accept = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) { userErrors { code } } }";
        x.anonymous(accept, json!({ "input": { "token": token, "password": PASSWORD } })).await;
        assert_eq!(log_in(&x, "ada@example.com", PASSWORD).await["session"]["viewer"]["role"], "OWNER");
        let suspend = "mutation($input: OrganizationSuspendInput!) { organizationSuspend(input: $input) { userErrors { code } } }";
        x.operator().await.run(&x, suspend, json!({ "input": { "organizationId": suspended } })).await;
        assert_eq!(log_in(&x, "ada@example.com", PASSWORD).await["session"]["viewer"]["role"], "AGENT");
        let there = json!({ "email": "ada@example.com", "password": PASSWORD, "organizationId": suspended });
        let log_in = "mutation($input: SessionCreateInput!) { sessionCreate(input: $input) { userErrors { code path } } }";
        let refused = x.anonymous(log_in, json!({ "input": there })).await;
        assert_eq!(only_error(&refused["data"]["sessionCreate"]).0, "SUSPENDED");
    }
}
