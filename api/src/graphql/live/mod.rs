//! Subscriptions: the current state first, then the state after each change, read again as the subscriber, so that what it may
//! see is decided anew each time.

pub mod dispute;
pub mod import;
pub mod listing;
pub mod trade;
pub mod wallet;

use std::sync::Arc;

use async_graphql::{Context, ErrorExtensions, MergedSubscription};
use futures::StreamExt;
use futures::stream::BoxStream;
use store::outbox::{FeedEvent, Position};

use super::error::{answer, masked, top_level};
use super::{app, caller};
use crate::app::{App, AppError, Caller};
use crate::feed::{Feed, Lagged, Subscribed};
use crate::http::problem::ProblemCode;

/// What can be followed.
#[derive(Debug, Default, MergedSubscription)]
pub struct Subscription(
    dispute::DisputeSubscription,
    import::ImportSubscription,
    listing::ListingSubscription,
    trade::TradeSubscription,
    wallet::WalletSubscription,
);

/// Where a state stands in the order of all changes: a text that grows, on every process of the exchange.
#[must_use]
pub fn sequence(position: Position) -> String {
    format!("{:016x}-{:016x}", position.transaction_id, position.seq)
}

/// A state and its [`sequence`].
pub type Update<T> = (String, T);

/// The state that `load` finds now, and again after each of the `wanted` events. Several events that wait together make one state.
/// The stream ends when there is nothing more to see; when there is nothing at the start, that is an error like any other.
pub async fn states<T, L, F>(
    ctx: &Context<'_>,
    wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static,
    load: L,
) -> async_graphql::Result<BoxStream<'static, async_graphql::Result<Update<T>>>>
where
    T: Send + 'static,
    L: Fn(Arc<App>, Caller) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let (exchange, who) = (Arc::clone(app(ctx)), caller(ctx).clone());
    let subscribed = subscribe(ctx, wanted).await?;
    let first = answer(ctx, load(Arc::clone(&exchange), who.clone()).await)?;
    let first = (sequence(subscribed.since), first);
    let follower = Follower { exchange, who, subscribed, load, first: Some(first), over: false };
    Ok(futures::stream::unfold(follower, |mut follower| async move {
        let update = follower.next().await?;
        Some((update, follower))
    })
    .boxed())
}

/// What `load` makes of each of the `wanted` events; `None` for those that do not concern the subscriber.
pub async fn events<T, L, F>(
    ctx: &Context<'_>,
    wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static,
    load: L,
) -> async_graphql::Result<BoxStream<'static, async_graphql::Result<Update<T>>>>
where
    T: Send + 'static,
    L: Fn(Arc<App>, Caller, Arc<FeedEvent>) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Option<T>, AppError>> + Send + 'static,
{
    let (exchange, who) = (Arc::clone(app(ctx)), caller(ctx).clone());
    let subscribed = subscribe(ctx, wanted).await?;
    Ok(futures::stream::unfold(Some((exchange, who, subscribed, load)), |state| async move {
        let (exchange, who, mut subscribed, load) = state?;
        loop {
            match subscribed.next().await? {
                Err(Lagged) => return Some((Err(lagged()), None)),
                Ok(event) => {
                    let position = event.position;
                    match load(Arc::clone(&exchange), who.clone(), event).await {
                        Ok(None) | Err(AppError::Refused(_)) => {}
                        Ok(Some(value)) => {
                            return Some((Ok((sequence(position), value)), Some((exchange, who, subscribed, load))));
                        }
                        Err(error) => return Some((Err(failed(&who, &error)), None)),
                    }
                }
            }
        }
    })
    .boxed())
}

struct Follower<T, L> {
    exchange: Arc<App>,
    who: Caller,
    subscribed: Subscribed,
    load: L,
    first: Option<Update<T>>,
    over: bool,
}

impl<T, L, F> Follower<T, L>
where
    L: Fn(Arc<App>, Caller) -> F,
    F: Future<Output = Result<T, AppError>>,
{
    async fn next(&mut self) -> Option<async_graphql::Result<Update<T>>> {
        if self.over {
            return None;
        }
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        let event = match self.subscribed.next().await? {
            Ok(event) => self.subscribed.newest_waiting().unwrap_or(event),
            Err(Lagged) => {
                self.over = true;
                return Some(Err(lagged()));
            }
        };
        match (self.load)(Arc::clone(&self.exchange), self.who.clone()).await {
            Ok(state) => Some(Ok((sequence(event.position), state))),
            Err(AppError::Refused(refusals)) => {
                self.over = true;
                refusals.into_iter().next().map(|refusal| Err(top_level(refusal)))
            }
            Err(error) => {
                self.over = true;
                Some(Err(failed(&self.who, &error)))
            }
        }
    }
}

async fn subscribe(
    ctx: &Context<'_>,
    wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static,
) -> async_graphql::Result<Subscribed> {
    let feed = ctx.data_unchecked::<Feed>();
    feed.subscribe(wanted).await.map_err(|error| masked(ctx, &error.into()))
}

fn lagged() -> async_graphql::Error {
    let message = "events came faster than they were read: subscribe again, and begin with the state that comes first";
    async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", ProblemCode::SubscriberLagged.as_str()))
}

/// Without a code: the HTTP layer masks it and logs it with the request's id.
fn failed(who: &Caller, error: &AppError) -> async_graphql::Error {
    tracing::error!(request_id = %who.request_id, %error, "a subscription failed");
    async_graphql::Error::new("something failed on our side").extend_with(|_, extensions| {
        extensions.set("code", ProblemCode::Internal.as_str());
        extensions.set("requestId", who.request_id.to_string());
    })
}
