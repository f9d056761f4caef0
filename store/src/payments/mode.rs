//! Whether this database holds real money or play money, remembered for good; and who an organization is at the provider.

use domain::id::OrganizationId;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::OnConflict;
use serde_json::json;

use crate::db::Store;
use crate::entity::{payment_customer, setting};
use crate::error::{StoreError, WriteError};

const NAME: &str = "payments_mode";

impl Store {
    /// Remembers `mode` if none is remembered yet; answers the one that is.
    pub async fn payments_mode(&self, mode: &'static str) -> Result<String, WriteError> {
        self.write("payments_mode", move |tx| async move {
            let row =
                setting::ActiveModel { name: Set(NAME.to_owned()), value: Set(json!(mode)), updated_at: Set(tx.now().await?) };
            let keep = OnConflict::column(setting::Column::Name).do_nothing().to_owned();
            setting::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.db()).await?;
            let row = setting::Entity::find_by_id(NAME).one(tx.db()).await?;
            let known = row.and_then(|row| row.value.as_str().map(str::to_owned));
            known.ok_or_else(|| StoreError::corrupt("the mode of payments").into())
        })
        .await
    }

    /// Who the organization is at the provider, once it has paid or wanted to.
    pub async fn payment_customer(&self, organization: OrganizationId) -> Result<Option<String>, StoreError> {
        let row = payment_customer::Entity::find_by_id(organization.0).one(self.read()).await?;
        Ok(row.map(|row| row.customer_id))
    }

    /// Remembers who the organization is at the provider, unless somebody was faster; answers who it is.
    pub async fn payment_customer_set(&self, organization: OrganizationId, customer: String) -> Result<String, WriteError> {
        self.write("payment_customer_set", move |tx| {
            let customer = customer.clone();
            async move {
                let row = payment_customer::ActiveModel {
                    organization_id: Set(organization.0),
                    customer_id: Set(customer),
                    created_at: Set(tx.now().await?),
                };
                let keep = OnConflict::column(payment_customer::Column::OrganizationId).do_nothing().to_owned();
                payment_customer::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.db()).await?;
                let row = payment_customer::Entity::find_by_id(organization.0).one(tx.db()).await?;
                row.map(|row| row.customer_id).ok_or_else(|| StoreError::Misuse("a customer that was not kept").into())
            }
        })
        .await
    }
}
