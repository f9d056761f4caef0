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
use crate::app::present::Present;
use crate::app::{App, AppError, Caller};
use crate::feed::{Feed, Lagged, Subscribed, Watched};
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
/// The stream ends behind a state that is the `last` one; when there is nothing to see at the start, that is an error like any
/// other.
pub async fn states<T, L, F>(
    ctx: &Context<'_>,
    wanted: impl Fn(&FeedEvent) -> bool + Send + Sync + 'static,
    load: L,
    last: fn(&T) -> bool,
) -> async_graphql::Result<BoxStream<'static, async_graphql::Result<Update<T>>>>
where
    T: Send + 'static,
    L: Fn(Arc<App>, Caller) -> F + Send + Sync + 'static,
    F: Future<Output = Result<T, AppError>> + Send + 'static,
{
    let (exchange, feed) = (Arc::clone(app(ctx)), ctx.data_unchecked::<Feed>());
    let internal = |error: store::StoreError| masked(ctx, &error.into());
    let watched = feed.watch(wanted).await.map_err(internal)?;
    let position = feed.end().await.map_err(internal)?.max(watched.since);
    let first = answer(ctx, load(Arc::clone(&exchange), caller(ctx).clone()).await)?;
    let who = Present::new(&exchange, caller(ctx).clone());
    let over = last(&first);
    let first = Some((sequence(position), first));
    let follower = Follower { exchange, who, watched, load, last, first, position, over };
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
    let exchange = Arc::clone(app(ctx));
    let who = Present::new(&exchange, caller(ctx).clone());
    let subscribed = ctx.data_unchecked::<Feed>().subscribe(wanted).await.map_err(|error| masked(ctx, &error.into()))?;
    let listener = Listener { exchange, who, subscribed, load };
    Ok(futures::stream::unfold(Some(listener), |listener| async move {
        let mut listener = listener?;
        match listener.next().await? {
            Ok(update) => Some((Ok(update), Some(listener))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed())
}

/// Follows one thing from state to state.
struct Follower<T, L> {
    exchange: Arc<App>,
    who: Present,
    watched: Watched,
    load: L,
    last: fn(&T) -> bool,
    first: Option<Update<T>>,
    position: Position,
    over: bool,
}

impl<T, L, F> Follower<T, L>
where
    L: Fn(Arc<App>, Caller) -> F,
    F: Future<Output = Result<T, AppError>>,
{
    async fn next(&mut self) -> Option<async_graphql::Result<Update<T>>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        if self.over {
            return None;
        }
        // An event at or before the present position is part of a state that was told.
        let event = loop {
            let event = self.watched.next().await?;
            if event.position > self.position {
                break event;
            }
        };
        self.position = event.position;
        match self.state().await {
            Ok(state) => {
                self.over = (self.last)(&state);
                Some(Ok((sequence(event.position), state)))
            }
            Err(error) => {
                self.over = true;
                Some(Err(ended(&self.who, error)))
            }
        }
    }

    async fn state(&mut self) -> Result<T, AppError> {
        let caller = self.who.caller(&self.exchange).await?.clone();
        (self.load)(Arc::clone(&self.exchange), caller).await
    }
}

/// Hears of many things, each after its change.
struct Listener<L> {
    exchange: Arc<App>,
    who: Present,
    subscribed: Subscribed,
    load: L,
}

impl<L> Listener<L> {
    async fn next<T, F>(&mut self) -> Option<async_graphql::Result<Update<T>>>
    where
        L: Fn(Arc<App>, Caller, Arc<FeedEvent>) -> F,
        F: Future<Output = Result<Option<T>, AppError>>,
    {
        loop {
            let event = match self.subscribed.next().await? {
                Ok(event) => event,
                Err(Lagged) => return Some(Err(lagged())),
            };
            let position = event.position;
            let caller = match self.who.caller(&self.exchange).await {
                Ok(caller) => caller.clone(),
                Err(error) => return Some(Err(ended(&self.who, error))),
            };
            match (self.load)(Arc::clone(&self.exchange), caller, event).await {
                Ok(None) => {}
                Ok(Some(value)) => return Some(Ok((sequence(position), value))),
                Err(error) => return Some(Err(ended(&self.who, error))),
            }
        }
    }
}

/// The last word of a subscription that cannot go on: what it asks for is no longer for its subscriber, or we failed.
fn ended(who: &Present, error: AppError) -> async_graphql::Error {
    let (refused, error) = match error {
        AppError::Refused(refusals) => (refusals.into_iter().next(), AppError::internal("a refusal without a reason")),
        error => (None, error),
    };
    refused.map_or_else(|| failed(who, &error), top_level)
}

fn lagged() -> async_graphql::Error {
    let message = "events came faster than they were read: subscribe again, and begin with the state that comes first";
    async_graphql::Error::new(message).extend_with(|_, extensions| extensions.set("code", ProblemCode::SubscriberLagged.as_str()))
}

/// Without a code: the HTTP layer masks it and logs it with the request's id.
fn failed(who: &Present, error: &AppError) -> async_graphql::Error {
    let request_id = who.request_id();
    tracing::error!(%request_id, %error, "a subscription failed");
    async_graphql::Error::new("something failed on our side").extend_with(|_, extensions| {
        extensions.set("code", ProblemCode::Internal.as_str());
        extensions.set("requestId", request_id.to_string());
    })
}
