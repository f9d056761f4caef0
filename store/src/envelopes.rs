//! Data keys wrapped by a key of the ring that is active no more.

use sea_orm::{ConnectionTrait, FromQueryResult, Statement};
use uuid::Uuid;

use crate::data_keys::KeyPurpose;
use crate::db::Store;
use crate::error::{StoreError, WriteError};

/// A table whose rows hold data keys that can be wrapped anew. What is append-only lies under a key in one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Envelopes {
    /// Contact details of leads.
    LeadContact,
    /// The data keys of objects about which many rows are sealed.
    DataKey(KeyPurpose),
    /// Bank accounts that withdrawals go to.
    PayoutAccount,
    /// Secrets that sign messages to endpoints.
    WebhookSecret,
    /// Secrets of destinations.
    Destination,
    /// Access tokens of destinations.
    DestinationToken,
    /// What signs the messages of hooks.
    LeadHookSecret,
    /// What the payment provider sent.
    StripeEvent,
}

/// A wrapped data key.
#[derive(Clone, PartialEq, Eq, FromQueryResult)]
pub struct WrappedKey {
    /// The row that it opens.
    pub object: Uuid,
    /// The ring's key that wraps it.
    pub key_id: String,
    /// The data key, wrapped.
    pub wrapped_key: Vec<u8>,
}

impl std::fmt::Debug for WrappedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "WrappedKey({})", self.key_id)
    }
}

impl Envelopes {
    /// Every table.
    pub const ALL: &[Self] = &[
        Self::LeadContact,
        Self::DataKey(KeyPurpose::Work),
        Self::DataKey(KeyPurpose::File),
        Self::DataKey(KeyPurpose::DisputeText),
        Self::PayoutAccount,
        Self::WebhookSecret,
        Self::Destination,
        Self::DestinationToken,
        Self::LeadHookSecret,
        Self::StripeEvent,
    ];

    const fn table_and_id(self) -> (&'static str, &'static str) {
        match self {
            Self::LeadContact => ("lead_contact", "lead_id"),
            Self::DataKey(_) => ("data_key", "object_id"),
            Self::PayoutAccount => ("payout_account", "id"),
            Self::WebhookSecret => ("webhook_secret", "id"),
            Self::Destination => ("destination", "id"),
            Self::DestinationToken => ("destination_token", "destination_id"),
            Self::LeadHookSecret => ("lead_hook_secret", "hook_id"),
            Self::StripeEvent => ("stripe_event", "object_uuid"),
        }
    }

    /// Which of the table's rows.
    fn condition(self) -> String {
        match self {
            Self::LeadContact
            | Self::PayoutAccount
            | Self::WebhookSecret
            | Self::Destination
            | Self::DestinationToken
            | Self::LeadHookSecret
            | Self::StripeEvent => "TRUE".to_owned(),
            Self::DataKey(purpose) => format!("destroyed_at IS NULL AND purpose = '{}'", purpose.as_str()),
        }
    }
}

impl Store {
    /// Up to `limit` data keys that another key than `active` wraps, behind the row `after`.
    pub async fn wrapped_keys(
        &self,
        of: Envelopes,
        active: &str,
        after: Uuid,
        limit: u64,
    ) -> Result<Vec<WrappedKey>, StoreError> {
        let (table, id) = of.table_and_id();
        let sql = format!(
            "SELECT {id} AS object, key_id, wrapped_key FROM {table} \
             WHERE key_id <> $1 AND {id} > $2 AND {} ORDER BY {id} LIMIT $3",
            of.condition()
        );
        let values: [sea_orm::Value; 3] = [active.into(), after.into(), limit.into()];
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, values);
        Ok(WrappedKey::find_by_statement(statement).all(self.read()).await?)
    }

    /// Puts each second data key in the place of the first, where that is still there; answers how many were.
    pub async fn wrapped_keys_replace(&self, of: Envelopes, pairs: Vec<(WrappedKey, WrappedKey)>) -> Result<u64, WriteError> {
        let (table, id) = of.table_and_id();
        let sql = format!("UPDATE {table} SET key_id = $1, wrapped_key = $2 WHERE {id} = $3 AND wrapped_key = $4");
        self.write("wrapped_keys_replace", move |tx| {
            let (sql, pairs) = (sql.clone(), pairs.clone());
            async move {
                let mut replaced = 0_u64;
                for (old, new) in pairs {
                    let values: [sea_orm::Value; 4] =
                        [new.key_id.into(), new.wrapped_key.into(), old.object.into(), old.wrapped_key.into()];
                    let statement = Statement::from_sql_and_values(tx.db().get_database_backend(), &sql, values);
                    replaced = replaced.saturating_add(tx.db().execute_raw(statement).await?.rows_affected());
                }
                Ok(replaced)
            }
        })
        .await
    }
}
