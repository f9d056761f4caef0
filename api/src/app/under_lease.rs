//! Work under a lease that is renewed while the work lasts. So a lease can be short, however long the work takes, and what a killed
//! process had begun is soon taken up by another.

use std::convert::Infallible;
use std::time::Duration;

use futures::future::BoxFuture;

use super::AppError;

/// How often a lease is renewed within its length: two renewals may fail before it ends.
const RENEWALS: u64 = 3;

/// Does `work` under a lease of `lease_secs` that was taken just now. `renew` answers whether the lease is still the caller's: once it
/// is not, what the work writes is refused by its own guards.
pub(super) async fn under_lease<T, R>(lease_secs: i64, renew: impl Fn() -> R, work: BoxFuture<'_, T>) -> T
where
    R: Future<Output = Result<bool, AppError>>,
{
    tokio::select! {
        done = work => done,
        never = renewing(lease_secs, renew) => match never {},
    }
}

async fn renewing<R>(lease_secs: i64, renew: impl Fn() -> R) -> Infallible
where
    R: Future<Output = Result<bool, AppError>>,
{
    let millis = u64::try_from(lease_secs).unwrap_or(1).saturating_mul(1_000);
    let pause = Duration::from_millis(millis.checked_div(RENEWALS).unwrap_or(1_000));
    loop {
        tokio::time::sleep(pause).await;
        match renew().await {
            Ok(true) => {}
            Ok(false) => std::future::pending().await,
            Err(error) => tracing::warn!(%error, "a lease could not be renewed"),
        }
    }
}
