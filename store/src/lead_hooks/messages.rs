//! Which messages have become leads, and which are still asked for.

use domain::id::{LeadHookId, LeadId};
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, Statement};

use crate::db::Store;
use crate::entity::lead_hook_message;
use crate::error::{StoreError, WriteError};
use crate::write::Tx;

impl Store {
    /// The lead that a message has become, if it has.
    pub async fn lead_hook_message(&self, hook: LeadHookId, message: &str) -> Result<Option<LeadId>, StoreError> {
        let row = lead_hook_message::Entity::find_by_id((hook.0, message.to_owned())).one(self.read()).await?;
        Ok(row.and_then(|row| row.lead_id).map(LeadId))
    }

    /// Forgets messages that came before `before`; answers how many.
    pub async fn lead_hook_messages_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("lead_hook_messages_prune", move |tx| async move {
            let old = lead_hook_message::Column::CreatedAt.lt(before);
            Ok(lead_hook_message::Entity::delete_many().filter(old).exec(tx.db()).await?.rows_affected)
        })
        .await
    }
}

impl Tx {
    /// Notes that a message is to be asked for; answers whether it was unknown so far.
    pub async fn lead_hook_message_expect(&self, hook: LeadHookId, message: &str) -> Result<bool, StoreError> {
        let sql = "INSERT INTO lead_hook_message (hook_id, message_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.changed(sql, vec![hook.0.into(), message.into(), self.now().await?.into()]).await
    }

    /// Notes that a message becomes `lead` in this transaction; answers the lead that it has become already, if it has. Another
    /// transaction that does the same waits for this one to end.
    pub async fn lead_hook_message_take(
        &self,
        hook: LeadHookId,
        message: &str,
        lead: LeadId,
    ) -> Result<Option<LeadId>, StoreError> {
        let sql = "INSERT INTO lead_hook_message (hook_id, message_id, lead_id, created_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (hook_id, message_id) DO UPDATE SET lead_id = EXCLUDED.lead_id \
                   WHERE lead_hook_message.lead_id IS NULL";
        if self.changed(sql, vec![hook.0.into(), message.into(), lead.0.into(), self.now().await?.into()]).await? {
            return Ok(None);
        }
        let before = lead_hook_message::Entity::find_by_id((hook.0, message.to_owned())).one(self.db()).await?;
        Ok(before.and_then(|row| row.lead_id).map(LeadId))
    }

    /// Asks for a message no longer, unless it has become a lead: when it comes again, it is asked for anew.
    pub async fn lead_hook_message_forget(&self, hook: LeadHookId, message: &str) -> Result<(), StoreError> {
        let sql = "DELETE FROM lead_hook_message WHERE hook_id = $1 AND message_id = $2 AND lead_id IS NULL";
        self.changed(sql, vec![hook.0.into(), message.into()]).await.map(drop)
    }

    async fn changed(&self, sql: &str, values: Vec<sea_orm::Value>) -> Result<bool, StoreError> {
        let statement = Statement::from_sql_and_values(self.db().get_database_backend(), sql, values);
        Ok(self.db().execute_raw(statement).await?.rows_affected() > 0)
    }
}
