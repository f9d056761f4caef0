//! Moving personal data to the active key of the ring.

use store::envelopes::{Envelopes, WrappedKey};
use uuid::Uuid;

use super::contact::contact_binding;
use super::data_keys::key_binding;
use super::{App, AppError, destinations, lead_hooks, payments, payouts, webhooks};
use crate::crypto::WrappedDataKey;

const BATCH: u64 = 200;

/// Wraps every data key in the database that an old key of the ring wraps with the active one; answers how many. The content itself is not touched.
pub async fn envelopes_rewrap(app: &App) -> Result<u64, AppError> {
    let mut rewrapped = 0_u64;
    for table in Envelopes::ALL {
        let mut after = Uuid::nil();
        loop {
            let old = app.store.wrapped_keys(*table, app.keys.active_id(), after, BATCH).await?;
            let Some(last) = old.last() else { break };
            after = last.object;
            let pairs = old.into_iter().map(|old| pair_of(app, *table, old)).collect::<Result<Vec<_>, _>>()?;
            rewrapped = rewrapped.saturating_add(app.store.wrapped_keys_replace(*table, pairs).await?);
        }
    }
    Ok(rewrapped)
}

fn pair_of(app: &App, table: Envelopes, old: WrappedKey) -> Result<(WrappedKey, WrappedKey), AppError> {
    let binding = match table {
        Envelopes::LeadContact => contact_binding(old.object.into()),
        Envelopes::DataKey(purpose) => key_binding(purpose, old.object),
        Envelopes::PayoutAccount => payouts::binding(old.object),
        Envelopes::WebhookSecret => webhooks::secret_binding(old.object),
        Envelopes::Destination => destinations::secrets_binding(old.object),
        Envelopes::DestinationToken => destinations::tokens::binding(old.object),
        Envelopes::LeadHookSecret => lead_hooks::binding(old.object),
        Envelopes::StripeEvent => payments::events::binding(old.object),
    };
    let wrapped = WrappedDataKey { key_id: old.key_id.clone(), wrapped_key: old.wrapped_key.clone() };
    let moved = app.keys.rewrap(app.entropy.as_ref(), binding, &wrapped).map_err(AppError::internal)?.unwrap_or(wrapped);
    let new = WrappedKey { object: old.object, key_id: moved.key_id, wrapped_key: moved.wrapped_key };
    Ok((old, new))
}
