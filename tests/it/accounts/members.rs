//! Invitations, roles, removal.

use domain::access::{Principal, Role};
use domain::refusal::Code;
use serde_json::{Value, json};

use super::{PASSWORD, Tokens, as_bearer, bearer, log_in, mailed_token, only_error, refresh, register, work};
use crate::harness::{Exchange, on_each_backend};

const INVITE: &str = "mutation($input: InvitationCreateInput!) { invitationCreate(input: $input) { invitation { id email role } userErrors { code path } } }";
const ACCEPT: &str = "mutation($input: InvitationAcceptInput!) { invitationAccept(input: $input) {
    session { accessToken refreshToken viewer { role organization { name } } } userErrors { code path } } }";
const REVOKE: &str =
    "mutation($input: InvitationRevokeInput!) { invitationRevoke(input: $input) { invitation { id } userErrors { code path } } }";
const ROLE: &str =
    "mutation($input: MemberRoleChangeInput!) { memberRoleChange(input: $input) { member { role } userErrors { code path } } }";
const REMOVE: &str =
    "mutation($input: MemberRemoveInput!) { memberRemove(input: $input) { member { user { email } } userErrors { code path } } }";
const MEMBERS: &str = "query($first: Int, $after: String) { members(first: $first, after: $after) {
    edges { cursor node { id role user { email } } } pageInfo { hasNextPage endCursor } } }";

async fn invite(x: &Exchange, token: &str, email: &str, role: &str) -> Value {
    as_bearer(x, token, INVITE, json!({ "input": { "email": email, "role": role } })).await
}

async fn accept(x: &Exchange, token: &str, name: Option<&str>, password: &str) -> Value {
    let input = json!({ "token": token, "name": name, "password": password });
    x.anonymous(ACCEPT, json!({ "input": input })).await["data"]["invitationAccept"].clone()
}

/// Invites somebody new, who accepts.
async fn join(x: &Exchange, owner: &Tokens, email: &str, role: &str) -> Tokens {
    invite(x, &owner.access, email, role).await;
    let token = mailed_token(x, email).await;
    Tokens::of(&accept(x, &token, Some("Grace"), PASSWORD).await["session"])
}

async fn member_id(x: &Exchange, owner: &Tokens, email: &str) -> String {
    let answer = as_bearer(x, &owner.access, MEMBERS, json!({})).await;
    let edges = answer["data"]["members"]["edges"].as_array().unwrap();
    let edge = edges.iter().find(|edge| edge["node"]["user"]["email"] == email).unwrap();
    edge["node"]["id"].as_str().unwrap().to_owned()
}

on_each_backend! {
    async fn an_invited_person_joins_once(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let invited = invite(&x, &owner.access, "Grace@Example.com", "AGENT").await;
        assert_eq!(invited["data"]["invitationCreate"]["invitation"]["email"], "grace@example.com");
        assert!(!x.dump(&["job", "invitation"]).await.contains("clv_"), "the token lies in the database");
        let token = mailed_token(&x, "grace@example.com").await;
        assert_eq!(only_error(&accept(&x, &token, None, PASSWORD).await), ("REQUIRED".into(), json!(["name"])));
        assert_eq!(only_error(&accept(&x, &token, Some("Grace"), "short").await), ("INVALID".into(), json!(["password"])));
        let accepted = accept(&x, &token, Some("Grace"), PASSWORD).await;
        assert_eq!(accepted["session"]["viewer"], json!({ "role": "AGENT", "organization": { "name": "Nordic Leads" } }));
        assert!(matches!(bearer(&x.app, &Tokens::of(&accepted["session"]).access).await, Ok(Principal::Member { role: Role::Agent, .. })));
        assert_eq!(only_error(&accept(&x, &token, Some("Eve"), PASSWORD).await), ("INVALID_TOKEN".into(), json!(["token"])));
        assert_eq!(x.count("membership").await, 2);
        let again = invite(&x, &owner.access, "grace@example.com", "AGENT").await;
        assert_eq!(only_error(&again["data"]["invitationCreate"]), ("TAKEN".into(), json!(["email"])));
    }

    async fn misused_invitations_are_refused_and_change_nothing(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let created = invite(&x, &owner.access, "grace@example.com", "VIEWER").await;
        let revoked_token = mailed_token(&x, "grace@example.com").await;
        let twice = invite(&x, &owner.access, "grace@example.com", "VIEWER").await;
        assert_eq!(only_error(&twice["data"]["invitationCreate"]), ("TAKEN".into(), json!(["email"])));
        let id = created["data"]["invitationCreate"]["invitation"]["id"].clone();
        let stranger = register(&x, "eve@example.com").await;
        let foreign = as_bearer(&x, &stranger.access, REVOKE, json!({ "input": { "invitationId": id } })).await;
        assert_eq!(only_error(&foreign["data"]["invitationRevoke"]), ("NOT_FOUND".into(), json!(["invitationId"])));
        let revoked = as_bearer(&x, &owner.access, REVOKE, json!({ "input": { "invitationId": id } })).await;
        assert_eq!(revoked["data"]["invitationRevoke"]["userErrors"], json!([]));
        invite(&x, &owner.access, "late@example.com", "VIEWER").await;
        let late_token = mailed_token(&x, "late@example.com").await;
        let before = x.row_counts().await;
        assert_eq!(only_error(&accept(&x, &revoked_token, Some("Grace"), PASSWORD).await).0, "INVALID_TOKEN");
        assert_eq!(only_error(&accept(&x, "clv_0", Some("Grace"), PASSWORD).await).0, "INVALID_TOKEN");
        x.clock.advance_secs(7 * 86_400);
        assert_eq!(only_error(&accept(&x, &late_token, Some("Late"), PASSWORD).await).0, "INVALID_TOKEN");
        assert_eq!(x.row_counts().await, before);
    }

    async fn who_is_known_joins_with_the_password_of_now(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        register(&x, "bob@example.com").await;
        x.clock.advance_secs(1);
        invite(&x, &owner.access, "bob@example.com", "FINANCE").await;
        let token = mailed_token(&x, "bob@example.com").await;
        assert_eq!(only_error(&accept(&x, &token, Some("Bob"), "a password of a thief").await).0, "INVALID_CREDENTIALS");
        let accepted = accept(&x, &token, None, PASSWORD).await;
        assert_eq!(accepted["session"]["viewer"]["role"], "FINANCE");
        let viewer = as_bearer(&x, &Tokens::of(&accepted["session"]).access, "{ viewer { memberships { role } } }", json!({})).await;
        assert_eq!(viewer["data"]["viewer"]["memberships"], json!([{ "role": "OWNER" }, { "role": "FINANCE" }]));
    }

    async fn managers_do_not_make_or_touch_owners(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let manager = join(&x, &owner, "grace@example.com", "MANAGER").await;
        let ada = member_id(&x, &owner, "ada@example.com").await;
        let forbidden = |answer: Value| assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
        forbidden(invite(&x, &manager.access, "eve@example.com", "OWNER").await);
        forbidden(as_bearer(&x, &manager.access, ROLE, json!({ "input": { "memberId": ada, "role": "VIEWER" } })).await);
        forbidden(as_bearer(&x, &manager.access, REMOVE, json!({ "input": { "memberId": ada } })).await);
        let invited = invite(&x, &manager.access, "eve@example.com", "AGENT").await;
        assert_eq!(invited["data"]["invitationCreate"]["userErrors"], json!([]));
        work(&x).await;
    }

    async fn a_manager_gets_no_hand_on_the_wallet(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let manager = join(&x, &owner, "grace@example.com", "MANAGER").await;
        join(&x, &owner, "finn@example.com", "FINANCE").await;
        let (grace, finn) = (member_id(&x, &owner, "grace@example.com").await, member_id(&x, &owner, "finn@example.com").await);
        let before = x.row_counts().await;
        let forbidden = |answer: Value| assert_eq!(answer["errors"][0]["extensions"]["code"], "FORBIDDEN", "{answer}");
        forbidden(as_bearer(&x, &manager.access, ROLE, json!({ "input": { "memberId": grace, "role": "FINANCE" } })).await);
        forbidden(invite(&x, &manager.access, "grace.too@example.com", "FINANCE").await);
        forbidden(as_bearer(&x, &manager.access, ROLE, json!({ "input": { "memberId": finn, "role": "AGENT" } })).await);
        forbidden(as_bearer(&x, &manager.access, REMOVE, json!({ "input": { "memberId": finn } })).await);
        assert_eq!(x.row_counts().await, before);
        let step_down = as_bearer(&x, &manager.access, ROLE, json!({ "input": { "memberId": grace, "role": "AGENT" } })).await;
        assert_eq!(step_down["data"]["memberRoleChange"]["member"]["role"], "AGENT");
    }

    async fn what_a_member_gave_out_ends_with_its_right_to_give_it(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let second = join(&x, &owner, "grace@example.com", "OWNER").await;
        let grace = member_id(&x, &owner, "grace@example.com").await;
        let make_key = "mutation { apiKeyCreate(input: { name: \"CRM\", scopes: [LEADS_READ, BUY] }) { secret } }";
        let mut keys = Vec::new();
        for tokens in [&owner, &second] {
            let made = as_bearer(&x, &tokens.access, make_key, json!({})).await;
            keys.push(made["data"]["apiKeyCreate"]["secret"].as_str().unwrap().to_owned());
        }
        let mut tokens = Vec::new();
        for (inviter, email, role) in [(&owner, "one@example.com", "FINANCE"), (&second, "two@example.com", "FINANCE"), (&second, "three@example.com", "AGENT")] {
            invite(&x, &inviter.access, email, role).await;
            tokens.push(mailed_token(&x, email).await);
        }
        let open = |x: Exchange, owner: Tokens| async move {
            let answer = as_bearer(&x, &owner.access, "{ invitations { edges { node { email } } } }", json!({})).await;
            let edges = answer["data"]["invitations"]["edges"].as_array().unwrap().clone();
            (x, edges.iter().map(|edge| edge["node"]["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>())
        };
        let change = |role: &str| json!({ "input": { "memberId": grace, "role": role } });

        as_bearer(&x, &owner.access, ROLE, change("MANAGER")).await;
        let (x, left) = open(x, owner.clone()).await;
        assert_eq!(left, ["one@example.com", "three@example.com"], "a manager invites nobody to FINANCE");
        assert!(bearer(&x.app, &keys[1]).await.is_ok(), "a manager may make this key");
        assert_eq!(only_error(&accept(&x, &tokens[1], Some("Two"), PASSWORD).await).0, "INVALID_TOKEN");

        as_bearer(&x, &owner.access, ROLE, change("VIEWER")).await;
        let (x, left) = open(x, owner.clone()).await;
        assert_eq!(left, ["one@example.com"]);
        assert_eq!(bearer(&x.app, &keys[1]).await, Err(Code::Unauthenticated));

        as_bearer(&x, &owner.access, ROLE, change("MANAGER")).await;
        let made = as_bearer(&x, &second.access, make_key, json!({})).await;
        let last = made["data"]["apiKeyCreate"]["secret"].as_str().unwrap().to_owned();
        invite(&x, &second.access, "four@example.com", "AGENT").await;
        let fourth = mailed_token(&x, "four@example.com").await;
        as_bearer(&x, &owner.access, REMOVE, json!({ "input": { "memberId": grace } })).await;
        assert_eq!(bearer(&x.app, &last).await, Err(Code::Unauthenticated));
        assert_eq!(only_error(&accept(&x, &fourth, Some("Four"), PASSWORD).await).0, "INVALID_TOKEN");
        assert!(bearer(&x.app, &keys[0]).await.is_ok(), "the key of another maker");
        assert!(!accept(&x, &tokens[0], Some("One"), PASSWORD).await["session"].is_null());
    }

    async fn invitations_are_so_many_an_hour(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let withdraw = |id: Value| json!({ "input": { "invitationId": id } });
        for n in 0..6 {
            let sent = invite(&x, &owner.access, "victim@example.com", "AGENT").await["data"]["invitationCreate"].clone();
            if n == 5 {
                assert_eq!(only_error(&sent).0, "RATE_LIMITED", "one address got six mails");
            } else {
                as_bearer(&x, &owner.access, REVOKE, withdraw(sent["invitation"]["id"].clone())).await;
            }
        }
        let other = register(&x, "eve@example.com").await;
        let elsewhere = invite(&x, &other.access, "victim@example.com", "AGENT").await;
        assert_eq!(only_error(&elsewhere["data"]["invitationCreate"]).0, "RATE_LIMITED", "the address is counted across organizations");
        // The refused one counted for the organization: 24 are left of its 30.
        for n in 0..24 {
            let sent = invite(&x, &owner.access, &format!("user{n}@example.com"), "AGENT").await;
            assert_eq!(sent["data"]["invitationCreate"]["userErrors"], json!([]));
        }
        let jobs = x.count("job").await;
        let over = invite(&x, &owner.access, "user25@example.com", "AGENT").await;
        assert_eq!((only_error(&over["data"]["invitationCreate"]).0.as_str(), x.count("job").await), ("RATE_LIMITED", jobs));
        x.clock.advance_secs(3_600);
        let owner = Tokens::of(&refresh(&x, &owner.refresh).await["session"]);
        let later = invite(&x, &owner.access, "victim@example.com", "AGENT").await;
        assert_eq!(later["data"]["invitationCreate"]["userErrors"], json!([]));
        work(&x).await;
    }

    async fn the_last_owner_stays(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let ada = member_id(&x, &owner, "ada@example.com").await;
        let demote = as_bearer(&x, &owner.access, ROLE, json!({ "input": { "memberId": ada, "role": "MANAGER" } })).await;
        assert_eq!(only_error(&demote["data"]["memberRoleChange"]), ("LAST_OWNER".into(), json!([])));
        let leave = as_bearer(&x, &owner.access, REMOVE, json!({ "input": { "memberId": ada } })).await;
        assert_eq!(only_error(&leave["data"]["memberRemove"]), ("LAST_OWNER".into(), json!([])));
        let second = join(&x, &owner, "grace@example.com", "OWNER").await;
        let grace = member_id(&x, &owner, "grace@example.com").await;
        let (one, two) = tokio::join!(
            as_bearer(&x, &owner.access, REMOVE, json!({ "input": { "memberId": ada } })),
            as_bearer(&x, &second.access, REMOVE, json!({ "input": { "memberId": grace } })),
        );
        let left = [one, two].iter().filter(|answer| answer["data"]["memberRemove"]["userErrors"] == json!([])).count();
        assert_eq!((left, x.count("membership").await), (1, 1), "two owners left at once");
    }

    async fn who_is_removed_loses_access_at_the_next_request(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        let agent = join(&x, &owner, "grace@example.com", "AGENT").await;
        let other = x.second_process().await;
        assert!(bearer(&x.app, &agent.access).await.is_ok() && bearer(&other, &agent.access).await.is_ok());
        let grace = member_id(&x, &owner, "grace@example.com").await;
        let change = as_bearer(&x, &owner.access, ROLE, json!({ "input": { "memberId": grace, "role": "VIEWER" } })).await;
        assert_eq!(change["data"]["memberRoleChange"]["member"]["role"], "VIEWER");
        assert!(matches!(bearer(&x.app, &agent.access).await, Ok(Principal::Member { role: Role::Viewer, .. })));
        let removed = as_bearer(&x, &owner.access, REMOVE, json!({ "input": { "memberId": grace } })).await;
        assert_eq!(removed["data"]["memberRemove"]["member"]["user"]["email"], "grace@example.com");
        assert_eq!(bearer(&x.app, &agent.access).await, Err(Code::Unauthenticated));
        assert_eq!(only_error(&refresh(&x, &agent.refresh).await).0, "INVALID_TOKEN");
        // Another process believes what it looked up for two seconds.
        x.clock.advance_secs(2);
        assert_eq!(bearer(&other, &agent.access).await, Err(Code::Unauthenticated));
        assert_eq!(only_error(&log_in(&x, "grace@example.com", PASSWORD).await).0, "NOT_FOUND");
    }

    async fn members_come_in_pages_and_only_ones_own(x: Exchange) {
        let owner = register(&x, "ada@example.com").await;
        register(&x, "eve@example.com").await;
        for n in 0..3 {
            x.clock.advance_secs(1);
            join(&x, &owner, &format!("agent{n}@example.com"), "AGENT").await;
        }
        let emails = |answer: &Value| {
            let edges = answer["data"]["members"]["edges"].as_array().unwrap();
            edges.iter().map(|edge| edge["node"]["user"]["email"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let page = as_bearer(&x, &owner.access, MEMBERS, json!({ "first": 3 })).await;
        assert_eq!(emails(&page), ["ada@example.com", "agent0@example.com", "agent1@example.com"]);
        assert_eq!(page["data"]["members"]["pageInfo"]["hasNextPage"], true);
        let after = page["data"]["members"]["pageInfo"]["endCursor"].clone();
        let rest = as_bearer(&x, &owner.access, MEMBERS, json!({ "first": 3, "after": after })).await;
        assert_eq!((emails(&rest), rest["data"]["members"]["pageInfo"]["hasNextPage"].clone()), (vec!["agent2@example.com".to_owned()], json!(false)));
        let beyond = as_bearer(&x, &owner.access, MEMBERS, json!({ "first": 101 })).await;
        assert_eq!(beyond["errors"][0]["extensions"]["code"], "TOO_LARGE");
    }
}
