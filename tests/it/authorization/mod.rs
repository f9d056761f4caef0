//! The authorisation matrix: every root field of the schema, asked by everybody. A field without a case fails the test.

mod cases;
mod deliveries;
mod form_cases;
mod operation;
mod payments;
mod webhooks;

use std::collections::BTreeSet;
use std::time::Duration;

use domain::access::{Permission, Principal, Role, StaffRole};
use domain::id::ApiKeyId;
use serde_json::Value;
use uuid::Uuid;

use crate::harness::{Exchange, on_each_backend};
use cases::{Access, FIELDS, ROOTS};
use operation::Types;

impl Access {
    fn allows(self, principal: &Principal) -> bool {
        match self {
            Self::Everybody => true,
            Self::Person => principal.user().is_some(),
            Self::Organization => principal.organization().is_some(),
            Self::Needs(permission) => principal.may(permission),
            Self::NeedsBoth(one, other) => principal.may(one) && principal.may(other),
            Self::Sells => principal.seller().is_ok(),
            Self::NeedsOrOperator(permission) => principal.may(permission) || self::is(principal, StaffRole::Operator),
            Self::NeedsOrStaff(permission) => principal.may(permission) || matches!(principal, Principal::Staff { .. }),
            Self::Operator => is(principal, StaffRole::Operator),
            Self::Arbiter => is(principal, StaffRole::Arbiter),
        }
    }
}

fn is(principal: &Principal, wanted: StaffRole) -> bool {
    matches!(principal, Principal::Staff { role, .. } if *role == wanted)
}

on_each_backend! {
    async fn everybody_asks_for_everything(x: Exchange) {
        let types = Types::of(&x).await;
        let everybody = everybody(&x).await;
        let before = x.row_counts().await;
        let mut wrong = Vec::new();
        for root in ["Query", "Mutation"] {
            for field in types.root_fields(root) {
                let Some(access) = access(root, &field) else {
                    wrong.push(format!("{root}.{field} has no case"));
                    continue;
                };
                let operation = types.operation(root, &field);
                for (who, principal) in everybody.iter().filter(|(_, p)| root == "Query" || !access.allows(p)) {
                    let answer = x.execute(principal.clone(), &operation, Value::Null).await;
                    if denied(&answer) == access.allows(principal) {
                        wrong.push(format!("{who} asked `{operation}` and got {answer}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
        assert_eq!(x.row_counts().await, before, "a denied mutation wrote something");
    }

    async fn everybody_follows_everything(x: Exchange) {
        let types = Types::of(&x).await;
        let everybody = everybody(&x).await;
        let mut wrong = Vec::new();
        for field in types.root_fields("Subscription") {
            let Some(access) = access("Subscription", &field) else {
                wrong.push(format!("Subscription.{field} has no case"));
                continue;
            };
            let operation = types.operation("Subscription", &field);
            for (who, principal) in &everybody {
                // One that is let in and has nothing to say yet is silent.
                let answer = x.first_word(principal.clone(), &operation, Duration::from_millis(50)).await;
                if answer.as_ref().is_some_and(denied) == access.allows(principal) {
                    wrong.push(format!("{who} asked `{operation}` and got {answer:?}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }

    async fn those_who_may_are_let_in(x: Exchange) {
        let types = Types::of(&x).await;
        let mut wrong = Vec::new();
        for field in types.root_fields("Mutation") {
            let Some(access) = access("Mutation", &field) else { continue };
            let operation = types.operation("Mutation", &field);
            for (who, principal) in everybody(&x).await.iter().filter(|(_, p)| access.allows(p)) {
                let answer = x.execute(principal.clone(), &operation, Value::Null).await;
                if denied(&answer) {
                    wrong.push(format!("{who} asked `{operation}` and got {answer}"));
                }
                if answer["errors"][0]["extensions"]["code"] == "INTERNAL" {
                    wrong.push(format!("{who} asked `{operation}` and broke it: {answer}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    }
}

#[tokio::test]
async fn every_field_of_every_type_was_looked_at() {
    let x = Exchange::start(crate::harness::Database::Sqlite).await;
    let in_schema: BTreeSet<String> = Types::of(&x).await.fields().into_iter().collect();
    let in_list: BTreeSet<String> = FIELDS.lines().filter(|l| !l.is_empty() && !l.starts_with('#')).map(field_name).collect();
    let missing: Vec<_> = in_schema.difference(&in_list).collect();
    let gone: Vec<_> = in_list.difference(&in_schema).collect();
    assert!(missing.is_empty() && gone.is_empty(), "authorization/fields.txt lacks {missing:#?} and names {gone:#?}");
}

#[tokio::test]
async fn every_case_is_of_a_field_that_there_is() {
    let x = Exchange::start(crate::harness::Database::Sqlite).await;
    let types = Types::of(&x).await;
    let gone: Vec<_> = roots().filter(|(root, field, _)| !types.root_fields(root).iter().any(|f| f == field)).collect();
    assert!(gone.is_empty(), "authorization/cases.rs names {gone:?}");
}

/// Every root field with who may ask for it.
fn roots() -> impl Iterator<Item = &'static (&'static str, &'static str, Access)> {
    ROOTS.iter().chain(deliveries::ROOTS).chain(form_cases::ROOTS).chain(payments::ROOTS).chain(webhooks::ROOTS)
}

fn field_name(line: &str) -> String {
    line.split_whitespace().next().unwrap_or_default().to_owned()
}

fn access(root: &str, field: &str) -> Option<Access> {
    roots().find(|(r, f, _)| *r == root && *f == field).map(|(_, _, access)| *access)
}

/// Whether the answer is that the caller may not ask this at all.
fn denied(answer: &Value) -> bool {
    matches!(answer["errors"][0]["extensions"]["code"].as_str(), Some("UNAUTHENTICATED" | "FORBIDDEN"))
}

/// One of each: nobody, each role, keys with no scope, with each alone and with all, staff.
async fn everybody(x: &Exchange) -> Vec<(String, Principal)> {
    let owner = x.organization("Everybody").await;
    let organization = owner.org();
    let mut all = vec![("nobody".to_owned(), Principal::Anonymous)];
    for role in Role::ALL {
        all.push((role.as_str().to_owned(), x.member(organization, *role).await.principal));
    }
    let key = |n: u128, scopes: BTreeSet<Permission>| Principal::Key { key: ApiKeyId(Uuid::from_u128(n)), organization, scopes };
    all.push(("a key without scopes".to_owned(), key(1, BTreeSet::new())));
    let grantable: BTreeSet<Permission> = Permission::ALL.iter().copied().filter(|p| p.grantable_to_key()).collect();
    for (n, scope) in (10..).zip(&grantable) {
        all.push((format!("a key with {scope:?} alone"), key(n, BTreeSet::from([*scope]))));
    }
    all.push(("a key with every scope".to_owned(), key(2, grantable.clone())));
    let test = Principal::TestKey { key: ApiKeyId(Uuid::from_u128(3)), organization, scopes: grantable };
    all.push(("a test key with every scope".to_owned(), test));
    all.push(("an operator".to_owned(), x.operator().await.principal));
    all.push(("an arbiter".to_owned(), x.arbiter().await.principal));
    all
}
