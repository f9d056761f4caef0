//! Following a wallet.

use std::sync::Arc;

use async_graphql::{Context, SimpleObject, Subscription};
use domain::access::Permission;
use futures::{Stream, StreamExt};

use super::states;
use crate::app::{App, Caller};
use crate::graphql::caller;
use crate::graphql::error::top_level;
use crate::graphql::wallet::Wallet;

/// Subscriptions about money.
#[derive(Debug, Default)]
pub struct WalletSubscription;

/// A wallet as it stands.
#[derive(Debug, SimpleObject)]
pub struct WalletUpdate {
    /// Where this state stands in the order of all changes: a text that grows.
    pub sequence: String,
    /// The wallet.
    pub wallet: Wallet,
}

#[Subscription]
impl WalletSubscription {
    /// The wallet of the caller's organization: as it is now, and after each change.
    async fn wallet_changed(
        &self,
        ctx: &Context<'_>,
    ) -> async_graphql::Result<impl Stream<Item = async_graphql::Result<WalletUpdate>>> {
        let organization = caller(ctx).principal.require(Permission::WalletRead).map_err(top_level)?;
        let wanted =
            move |event: &store::outbox::FeedEvent| event.topic == "wallet.changed" && event.subject_id == organization.0;
        let load = move |app: Arc<App>, caller: Caller| async move {
            crate::app::wallet::wallet(&app, &caller, Some(organization)).await
        };
        let updates = states(ctx, wanted, load, |_| false);
        Ok(updates.await?.map(|update| {
            let (sequence, (owner, wallet)) = update?;
            Ok(WalletUpdate { sequence, wallet: Wallet::of(owner, wallet) })
        }))
    }
}
