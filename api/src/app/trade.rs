//! Trades as their parties see them, and the holds that run out.

use domain::access::{Permission, StaffRole};
use domain::id::TradeId;
use domain::refusal::Code;
use domain::trade::TradeState;
use futures::future::join_all;
use store::WriteError;
use store::page::{Page, Slice};
use store::settlement::{Batch, Needs};
use store::trades::{Trade, TradeSide};

use super::settlement::Command;
use super::{App, AppError, Caller};
use crate::config::Exchange;

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

/// Starts the clocks and releases the money that are due now; answers how many trades it touched. Run by the worker; while
/// money is stopped it waits. A trade that fails is logged and left for the next pass, and does not stop the others; a full
/// queue ends the pass.
pub async fn trades_advance(app: &App) -> Result<u64, AppError> {
    let limit = app.config.workers.batch;
    let (mut total, mut after): (u64, _) = (0, None);
    loop {
        if app.store.money_stop().await?.is_some() {
            return Ok(total);
        }
        let due = app.store.trades_due(app.now(), after, limit).await?;
        let advances = due.iter().map(|(_, trade)| app.settlement.run(Advancing { trade: *trade }));
        let mut is_busy = false;
        for ((_, trade), advanced) in due.iter().zip(join_all(advances).await) {
            match advanced {
                Ok(done) => total = total.saturating_add(u64::from(done)),
                Err(error) if error.refused_with(Code::RetryLater) || error.refused_with(Code::MoneyStopped) => is_busy = true,
                Err(error) => tracing::error!(%trade, %error, "a hold could not be moved on"),
            }
        }
        after = due.last().copied();
        if is_busy || u64::try_from(due.len()).is_ok_and(|count| count < limit) {
            return Ok(total);
        }
    }
}

/// A trade on its way through the queue, whose clock starts or whose money is released.
#[derive(Debug)]
struct Advancing {
    trade: TradeId,
}

impl Command for Advancing {
    const NAME: &'static str = "trades_advance";
    type Outcome = bool;

    fn needs(&self, needs: &mut Needs) {
        needs.trade(self.trade);
    }

    fn decide(&self, batch: &mut Batch, _: &Exchange) -> Result<bool, WriteError> {
        batch.trade_advance(self.trade)
    }
}
