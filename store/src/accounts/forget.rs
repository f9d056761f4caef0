//! What is over and helps nobody any more.

use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::Query;

use crate::db::Store;
use crate::entity::{email_verification, password_reset, refresh_token, session};
use crate::error::WriteError;

impl Store {
    /// Forgets refresh tokens, sessions, password resets and verifications of addresses that expired before `before`; answers how many rows.
    pub async fn sessions_prune(&self, before: Timestamp) -> Result<u64, WriteError> {
        self.write("sessions_prune", move |tx| async move {
            let tokens = refresh_token::Entity::delete_many().filter(refresh_token::Column::ExpiresAt.lt(before));
            let tokens = tokens.exec(tx.db()).await?.rows_affected;
            let used = Query::select().column(refresh_token::Column::SessionId).from(refresh_token::Entity).to_owned();
            let sessions = session::Entity::delete_many()
                .filter(session::Column::ExpiresAt.lt(before))
                .filter(session::Column::Id.not_in_subquery(used));
            let sessions = sessions.exec(tx.db()).await?.rows_affected;
            let resets = password_reset::Entity::delete_many().filter(password_reset::Column::ExpiresAt.lt(before));
            let resets = resets.exec(tx.db()).await?.rows_affected;
            let proofs = email_verification::Entity::delete_many().filter(email_verification::Column::ExpiresAt.lt(before));
            let proofs = proofs.exec(tx.db()).await?.rows_affected;
            Ok([sessions, resets, proofs].into_iter().fold(tokens, u64::saturating_add))
        })
        .await
    }
}
