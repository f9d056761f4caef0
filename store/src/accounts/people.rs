//! People, their passwords, and the exchange's staff.

use std::collections::BTreeMap;
use std::fmt;

use domain::access::StaffRole;
use domain::account::{Email, Person};
use domain::id::UserId;
use domain::refusal::{Code, Refusal};
use domain::time::Timestamp;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::LockType;
use sea_orm::{ExprTrait, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::stored;
use crate::db::Store;
use crate::entity::{account_user, staff};
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

const ACTIVE: &str = "ACTIVE";
const DISABLED: &str = "DISABLED";

/// A person with what a log-in is checked against. Debug shows the id only.
#[derive(Clone)]
pub struct Credentials {
    /// The person.
    pub person: Person,
    /// The PHC string.
    pub password_hash: String,
    /// Whether the person may log in.
    pub active: bool,
}

/// Somebody's place in the exchange's staff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// Who.
    pub person: Person,
    /// As what.
    pub role: StaffRole,
    /// Since when.
    pub since: Timestamp,
    /// Whether the person may log in.
    pub active: bool,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("person", &self.person).finish_non_exhaustive()
    }
}

impl From<account_user::Model> for Credentials {
    fn from(row: account_user::Model) -> Self {
        let active = row.status == ACTIVE;
        let password_hash = row.password_hash;
        let person = Person { id: UserId(row.id), email: Email::stored(row.email), name: row.name, locale: row.locale };
        Self { person, password_hash, active }
    }
}

impl Store {
    /// Who logs in with `email`.
    pub async fn credentials_of(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        by_email(self.read(), email).await
    }

    /// The person `id`, with the password's hash.
    pub async fn credentials(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        Ok(account_user::Entity::find_by_id(id.0).one(self.read()).await?.map(Credentials::from))
    }

    /// The person `id`.
    pub async fn person(&self, id: UserId) -> Result<Option<Person>, StoreError> {
        Ok(self.credentials(id).await?.map(|credentials| credentials.person))
    }

    /// What `user` is in the exchange's staff.
    pub async fn staff_roles(&self, user: UserId) -> Result<Vec<StaffRole>, StoreError> {
        let rows = staff::Entity::find().filter(staff::Column::UserId.eq(user.0)).all(self.read()).await?;
        let mut roles: Vec<StaffRole> = rows.iter().map(|row| stored(&row.role, "staff.role")).collect::<Result<_, _>>()?;
        roles.sort_unstable();
        Ok(roles)
    }

    /// The exchange's staff, longest serving first.
    pub async fn staff(&self) -> Result<Vec<StaffMember>, StoreError> {
        let find = staff::Entity::find().order_by_asc(staff::Column::CreatedAt).order_by_asc(staff::Column::UserId);
        let rows = find.order_by_asc(staff::Column::Role).all(self.read()).await?;
        let wanted = account_user::Column::Id.is_in(rows.iter().map(|row| row.user_id));
        let people = account_user::Entity::find().filter(wanted).all(self.read()).await?;
        let people: BTreeMap<Uuid, Credentials> = people.into_iter().map(|row| (row.id, row.into())).collect();
        let member = |row: staff::Model| {
            let known = people.get(&row.user_id).cloned().ok_or_else(|| StoreError::corrupt("staff.user_id"))?;
            let role = stored(&row.role, "staff.role")?;
            Ok(StaffMember { person: known.person, role, since: row.created_at, active: known.active })
        };
        rows.into_iter().map(member).collect()
    }
}

impl Tx {
    /// Who logs in with `email`.
    pub async fn credentials_of(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        by_email(self.db(), email).await
    }

    /// Adds a person. An address that is taken is refused at `email`.
    pub async fn person_insert(&self, person: &Person, password_hash: &str) -> Result<(), WriteError> {
        let row = account_user::ActiveModel {
            id: Set(person.id.0),
            email: Set(person.email.as_str().to_owned()),
            name: Set(person.name.clone()),
            locale: Set(person.locale.clone()),
            password_hash: Set(password_hash.to_owned()),
            status: Set(ACTIVE.to_owned()),
            created_at: Set(self.now().await?),
            email_verified_at: Set(None),
            version: Set(0),
        };
        let taken = || Refusal::new(Code::Taken, "somebody logs in with this address already").at("email");
        let done = account_user::Entity::insert(row).exec_without_returning(self.db()).await;
        done.map(|_| ()).map_err(|error| WriteError::from(error).unique_as(taken()))
    }

    /// Sets the password of `user`, if its hash is still `from` (`None`: whatever it is); answers whether it was.
    pub async fn password_set(&self, user: UserId, from: Option<&str>, to: &str) -> Result<bool, WriteError> {
        let mut update = account_user::Entity::update_many()
            .col_expr(account_user::Column::PasswordHash, Expr::value(to))
            .col_expr(account_user::Column::Version, Expr::col(account_user::Column::Version).add(1))
            .filter(account_user::Column::Id.eq(user.0));
        if let Some(from) = from {
            update = update.filter(account_user::Column::PasswordHash.eq(from));
        }
        Ok(update.exec(self.db()).await?.rows_affected == 1)
    }

    /// The person `id`, locked: whoever changes whether it may log in waits.
    pub async fn person_lock(&self, id: UserId) -> Result<Option<Credentials>, StoreError> {
        let find = account_user::Entity::find_by_id(id.0).lock(LockType::NoKeyUpdate);
        Ok(find.one(self.db()).await?.map(Credentials::from))
    }

    /// Lets `user` log in, or not.
    pub async fn person_active_set(&self, user: UserId, active: bool) -> Result<(), WriteError> {
        account_user::Entity::update_many()
            .col_expr(account_user::Column::Status, Expr::value(if active { ACTIVE } else { DISABLED }))
            .col_expr(account_user::Column::Version, Expr::col(account_user::Column::Version).add(1))
            .filter(account_user::Column::Id.eq(user.0))
            .exec(self.db())
            .await?;
        Ok(())
    }

    /// Whether `user` is a member of staff.
    pub async fn is_staff(&self, user: UserId) -> Result<bool, StoreError> {
        let roles = staff::Entity::find().filter(staff::Column::UserId.eq(user.0));
        Ok(roles.count(self.db()).await? > 0)
    }

    /// Makes `user` a member of staff. Refused when it is one.
    pub async fn staff_insert(&self, user: UserId, role: StaffRole) -> Result<(), WriteError> {
        let row =
            staff::ActiveModel { user_id: Set(user.0), role: Set(role.as_str().to_owned()), created_at: Set(self.now().await?) };
        let taken = || Refusal::new(Code::Taken, "this person holds this role already").at("role");
        let done = staff::Entity::insert(row).exec_without_returning(self.db()).await;
        done.map(|_| ()).map_err(|error| WriteError::from(error).unique_as(taken()))
    }

    /// Takes the role `role` (`None`: every role) in the staff from `user`; answers how many it held of these.
    pub async fn staff_delete(&self, user: UserId, role: Option<StaffRole>) -> Result<u64, WriteError> {
        let mut delete = staff::Entity::delete_many().filter(staff::Column::UserId.eq(user.0));
        if let Some(role) = role {
            delete = delete.filter(staff::Column::Role.eq(role.as_str()));
        }
        Ok(delete.exec(self.db()).await?.rows_affected)
    }
}

async fn by_email<C: ConnectionTrait>(db: &C, email: &Email) -> Result<Option<Credentials>, StoreError> {
    let row = account_user::Entity::find().filter(account_user::Column::Email.eq(email.as_str())).one(db).await?;
    Ok(row.map(Credentials::from))
}
