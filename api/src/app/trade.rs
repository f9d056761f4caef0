//! Trades as their parties see them, and the holds that run out.

use domain::access::{Permission, StaffRole};
use domain::id::TradeId;
use domain::trade::TradeState;
use store::page::{Page, Slice};
use store::trades::{Trade, TradeSide};

use super::{App, AppError, Caller};

/// The trade, for its parties and for operators; `None` for everybody else.
pub async fn trade(app: &App, caller: &Caller, id: TradeId) -> Result<Option<Trade>, AppError> {
    if caller.principal.require_staff(StaffRole::Operator).is_ok() {
        return Ok(app.store.trade_any(id).await?);
    }
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.trade_of(id, organization).await?)
}

/// Those of `ids` that the caller may see, in no order.
pub async fn trades_many(app: &App, caller: &Caller, ids: &[TradeId]) -> Result<Vec<Trade>, AppError> {
    let organization = match caller.principal.require_staff(StaffRole::Operator) {
        Ok(_) => None,
        Err(_) => Some(caller.principal.require(Permission::TradesRead)?),
    };
    Ok(app.store.trades_many(organization, ids).await?)
}

/// A page of the organization's trades, newest first.
pub async fn trades(
    app: &App,
    caller: &Caller,
    side: TradeSide,
    state: Option<TradeState>,
    page: &Page<TradeId>,
) -> Result<Slice<Trade>, AppError> {
    let organization = caller.principal.require(Permission::TradesRead)?;
    Ok(app.store.trades_of(organization, side, state, page).await?)
}

/// Starts the clocks and releases the money that are due now; answers how many trades it touched. Run by
/// the worker; while money is stopped it waits.
pub async fn trades_advance(app: &App) -> Result<u64, AppError> {
    if app.store.money_stop().await?.is_some() {
        return Ok(0);
    }
    let mut total: u64 = 0;
    loop {
        let done = app.store.trades_advance(app.config.workers.batch).await?;
        total = total.saturating_add(done);
        if done < app.config.workers.batch {
            return Ok(total);
        }
    }
}
