//! Forgetting what is over, so that tables that every request writes to do not grow for ever.

use domain::time::plus_secs;

use super::{App, AppError, webhooks};

/// How long a session that is over is kept, to explain what happened.
const SESSIONS_KEPT_SECS: i64 = 30 * 86_400;
/// How long counted attempts are kept; longer than the longest window.
const THROTTLES_KEPT_SECS: i64 = 31 * 86_400;
/// How long the feed's events are kept for readers that were away.
const EVENTS_KEPT_SECS: i64 = 30 * 86_400;
/// How long those are kept that a consumer of the feed has not read yet: one that is never started again must not keep all.
const EVENTS_KEPT_AT_MOST_SECS: i64 = 90 * 86_400;
/// How long what test keys were offered is kept: a post that is repeated is answered the same.
const TEST_OFFERS_KEPT_SECS: i64 = 86_400;
/// How long a hook knows its messages: longer than anybody sends them again.
const HOOK_MESSAGES_KEPT_SECS: i64 = 120 * 86_400;

/// Forgets sessions, attempts, events, messages, test offers and proofs of work that are over; answers how many rows.
pub async fn forget_old(app: &App) -> Result<u64, AppError> {
    let before = |kept_secs: i64| plus_secs(app.now(), kept_secs.saturating_neg());
    let sessions = app.store.sessions_prune(before(SESSIONS_KEPT_SECS)).await?;
    let throttles = app.store.throttles_prune(before(THROTTLES_KEPT_SECS)).await?;
    let events = app.store.events_prune(before(EVENTS_KEPT_SECS), before(EVENTS_KEPT_AT_MOST_SECS)).await?;
    let offers = app.store.test_offers_prune(before(TEST_OFFERS_KEPT_SECS)).await?;
    let webhooks = webhooks::deliveries_forget(app).await?;
    let messages = app.store.lead_hook_messages_prune(before(HOOK_MESSAGES_KEPT_SECS)).await?;
    let told = app.store.stripe_events_prune(before(app.config.stripe.events_keep_secs)).await?;
    let challenges = app.store.form_challenges_prune(before(THROTTLES_KEPT_SECS)).await?;
    Ok([sessions, throttles, events, offers, webhooks, messages, told, challenges].into_iter().fold(0, u64::saturating_add))
}
