//! Those who act in a test.

use domain::access::{Principal, Role, StaffRole};
use domain::id::{MembershipId, OrganizationId, UserId};
use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde_json::Value;
use store::WriteError;
use store::entity::{account_user, membership, organization, staff};

use super::Exchange;

/// Somebody with an identity.
#[derive(Debug, Clone)]
pub struct Actor {
    pub principal: Principal,
    pub user: UserId,
    pub organization: Option<OrganizationId>,
}

impl Actor {
    /// Runs an operation; answers the whole response.
    pub async fn execute(&self, x: &Exchange, query: &str, variables: Value) -> Value {
        x.execute(self.principal.clone(), query, variables).await
    }

    /// Runs an operation that must succeed without any error; answers its data.
    pub async fn run(&self, x: &Exchange, query: &str, variables: Value) -> Value {
        let response = self.execute(x, query, variables).await;
        assert!(response.get("errors").is_none(), "{response:#}");
        response["data"].clone()
    }

    /// The organization, of one who has one.
    pub fn org(&self) -> OrganizationId {
        self.organization.expect("an actor with an organization")
    }
}

impl Exchange {
    /// The owner of a new organization.
    pub async fn organization(&self, name: &str) -> Actor {
        let organization: OrganizationId = self.app.store.id();
        let (row_name, created_at) = (name.to_owned(), self.app.store.now());
        let done: Result<(), WriteError> = self
            .app
            .store
            .write("fixture", move |tx| {
                let row = organization::ActiveModel {
                    id: Set(organization.0),
                    name: Set(row_name.clone()),
                    country: Set("PT".into()),
                    time_zone: Set("Europe/Lisbon".into()),
                    locale: Set("en".into()),
                    status: Set("ACTIVE".into()),
                    created_at: Set(created_at),
                    version: Set(0),
                    ..Default::default()
                };
                async move {
                    organization::Entity::insert(row).exec_without_returning(tx.db()).await?;
                    Ok(())
                }
            })
            .await;
        done.unwrap();
        self.member(organization, Role::Owner).await
    }

    /// A new member of `organization`.
    pub async fn member(&self, organization: OrganizationId, role: Role) -> Actor {
        let user = self.user().await;
        let (id, created_at): (MembershipId, _) = (self.app.store.id(), self.app.store.now());
        let done: Result<(), WriteError> = self
            .app
            .store
            .write("fixture", move |tx| async move {
                let row = membership::ActiveModel {
                    id: Set(id.0),
                    organization_id: Set(organization.0),
                    user_id: Set(user.0),
                    role: Set(role.as_str().into()),
                    created_at: Set(created_at),
                    version: Set(0),
                };
                membership::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            })
            .await;
        done.unwrap();
        Actor { principal: Principal::Member { user, organization, role }, user, organization: Some(organization) }
    }

    /// A new member of staff.
    pub async fn staff(&self, role: StaffRole) -> Actor {
        let user = self.user().await;
        let created_at = self.app.store.now();
        let done: Result<(), WriteError> = self
            .app
            .store
            .write("fixture", move |tx| async move {
                let row =
                    staff::ActiveModel { user_id: Set(user.0), role: Set(role.as_str().into()), created_at: Set(created_at) };
                staff::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            })
            .await;
        done.unwrap();
        Actor { principal: Principal::Staff { user, role }, user, organization: None }
    }

    /// A new operator.
    pub async fn operator(&self) -> Actor {
        self.staff(StaffRole::Operator).await
    }

    /// A new arbiter.
    pub async fn arbiter(&self) -> Actor {
        self.staff(StaffRole::Arbiter).await
    }

    async fn user(&self) -> UserId {
        let user: UserId = self.app.store.id();
        let created_at = self.app.store.now();
        let done: Result<(), WriteError> = self
            .app
            .store
            .write("fixture", move |tx| async move {
                let row = account_user::ActiveModel {
                    id: Set(user.0),
                    email: Set(format!("{user}@example.com")),
                    name: Set("Test User".into()),
                    locale: Set("en".into()),
                    password_hash: Set("!".into()),
                    status: Set("ACTIVE".into()),
                    created_at: Set(created_at),
                    email_verified_at: Set(None),
                    version: Set(0),
                };
                account_user::Entity::insert(row).exec_without_returning(tx.db()).await?;
                Ok(())
            })
            .await;
        done.unwrap();
        user
    }
}
