//! The worker's side of money: what was due while nobody ran is done at the start, and a broken ledger is noticed there.

use std::time::Duration;

use domain::ledger::AccountKind;
use domain::trade::TradeState;
use tokio_util::sync::CancellationToken;

use super::market::{DAY, assert_clean, balance, fund, sell, stall};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn what_was_due_while_nobody_ran_is_released_at_the_start(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 5_000).await;
        let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
        x.clock.advance_secs(30 * DAY);
        let restarted = x.second_process().await;
        let stop = CancellationToken::new();
        let mut workers = api::workers::start(&restarted, &stop).await.unwrap();
        let released = async {
            while x.app.store.trade_any(trade.id).await.unwrap().unwrap().hold.state() != TradeState::Released {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), released).await.unwrap();
        stop.cancel();
        while workers.join_next().await.is_some() {}
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 900);
        assert_clean(&x).await;
    }

    async fn a_broken_ledger_is_noticed_at_the_start(x: Exchange) {
        fund(&x.app, x.organization("B").await.org(), 5_000).await;
        x.tamper("UPDATE account SET balance_minor = 4999 WHERE kind = 'AVAILABLE'").await.unwrap();
        let stop = CancellationToken::new();
        let mut workers = api::workers::start(&x.app, &stop).await.unwrap();
        let reason = x.app.store.money_stop().await.unwrap().unwrap().reason;
        assert_eq!(reason, "every currency sums to zero: EUR sums to -1");
        stop.cancel();
        while workers.join_next().await.is_some() {}
    }
}
