//! What happens to the money of a trade, and what can no longer happen.

use domain::ledger::{Account, AccountKind, event};
use domain::refusal::Code;
use domain::trade::{Hold, RefundPart, TradeState};
use store::trades::{Commission, trade_deliver, trade_freeze, trade_refund, trade_release, trade_resume, trade_split};

use super::market::{DAY, EUR, accounts, assert_clean, balance, eur, fund, on_trade, refusal, sell, stall};
use crate::harness::on_each_backend;

on_each_backend! {
    async fn one_posting_bears_more_journals_than_a_statement(x: Exchange) {
        let who = x.organization("B").await.org();
        let done: Result<(), store::WriteError> = x.app.store.write("many", move |tx| async move {
            let accounts = [Account::of(who, AccountKind::Available, EUR), Account::exchange(AccountKind::ExternalBank, EUR)];
            let mut ledger = store::ledger::Ledger::lock(&tx, accounts).await?;
            for _ in 0..3_001 {
                let journal = event::deposit(tx.id(), who, AccountKind::ExternalBank, eur(1), 0).unwrap();
                ledger.record(&journal, store::ledger::Note::default())?;
            }
            ledger.flush().await
        }).await;
        done.unwrap();
        assert_eq!((balance(&x, who, AccountKind::Available).await, x.count("transfer").await), (3_001, 3_001));
        assert_clean(&x).await;
    }

    async fn a_hold_is_released_once_less_commission(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 5_000).await;
        let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 999).await.unwrap();
        assert_eq!(balance(&x, buyer, AccountKind::Available).await, 4_001);
        assert_eq!(balance(&x, seller, AccountKind::Escrow).await, 999);
        assert_eq!(refusal(on_trade!(x.app, trade_release, trade.id)), Code::OutsideWindow);
        on_trade!(x.app, trade_deliver, trade.id).unwrap();
        x.clock.advance_secs(7 * DAY);
        let released = on_trade!(x.app, trade_release, trade.id).unwrap();
        assert_eq!(released.hold, Hold::Released { commission_minor: 99 });
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 900);
        let before = x.row_counts().await;
        assert_eq!(refusal(on_trade!(x.app, trade_release, trade.id)), Code::WrongState);
        assert_eq!(refusal(on_trade!(x.app, trade_freeze, trade.id)), Code::WrongState);
        assert_eq!(x.row_counts().await, before);
        assert_clean(&x).await;
    }

    async fn a_refund_happens_once(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 1_000).await;
        let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
        let (first, second) = tokio::join!(
            async { on_trade!(x.app, trade_refund, trade.id) },
            async { on_trade!(x.app, trade_refund, trade.id) }
        );
        let codes: Vec<_> = [first, second].into_iter().filter(Result::is_err).map(refusal).collect();
        assert_eq!(codes, [Code::WrongState]);
        assert_eq!(balance(&x, buyer, AccountKind::Available).await, 1_000);
        assert_eq!(balance(&x, seller, AccountKind::Escrow).await, 0);
        assert_eq!(refusal(on_trade!(x.app, trade_deliver, trade.id)), Code::WrongState);
        assert_clean(&x).await;
    }

    async fn at_the_instant_of_the_end_a_dispute_is_late_and_the_release_is_due(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 9_000).await;
        for _ in 0..4 {
            let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
            on_trade!(x.app, trade_deliver, trade.id).unwrap();
            x.clock.advance_secs(7 * DAY);
            let (frozen, released) = tokio::join!(
                async { on_trade!(x.app, trade_freeze, trade.id) },
                async { on_trade!(x.app, trade_release, trade.id) }
            );
            assert_eq!(released.unwrap().hold.state(), TradeState::Released);
            assert!(matches!(refusal(frozen), Code::OutsideWindow | Code::WrongState));
        }
        let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
        on_trade!(x.app, trade_deliver, trade.id).unwrap();
        x.clock.advance_secs(7 * DAY - 1);
        on_trade!(x.app, trade_freeze, trade.id).unwrap();
        x.clock.advance_secs(30 * DAY);
        assert_eq!(refusal(on_trade!(x.app, trade_release, trade.id)), Code::WrongState);
        assert_eq!(x.app.store.trades_advance(100).await.unwrap(), 0);
        on_trade!(x.app, trade_resume, trade.id, Commission::Waived).unwrap();
        assert_eq!(x.app.store.trades_advance(100).await.unwrap(), 0);
        x.clock.advance_secs(1);
        assert_eq!(x.app.store.trades_advance(100).await.unwrap(), 1);
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 4 * 900 + 1_000);
        assert_clean(&x).await;
    }

    async fn a_split_adds_up_and_a_later_refund_takes_back_the_rest(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 1_000).await;
        let trade = sell(&x.app, stall(&x, seller, 1).await, buyer, 999).await.unwrap();
        on_trade!(x.app, trade_freeze, trade.id).unwrap();
        let split = on_trade!(x.app, trade_split, trade.id, RefundPart::new(3_333).unwrap(), Commission::Taken).unwrap();
        assert_eq!((split.refunded_minor, split.commission_minor), (332, 66));
        assert_eq!(balance(&x, buyer, AccountKind::Available).await, 1 + 332);
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 601);
        on_trade!(x.app, trade_refund, trade.id).unwrap();
        assert_eq!(balance(&x, buyer, AccountKind::Available).await, 1_000);
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 0);
        assert!(accounts(&x).await.iter().filter(|(a, _)| a.kind == AccountKind::Fees).all(|(_, (minor, _))| *minor == 0));
        assert_clean(&x).await;
    }

    async fn the_worker_starts_clocks_and_releases_on_time_in_two_processes_at_once(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 50_000).await;
        for _ in 0..12 {
            sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
        }
        let other = x.second_process().await;
        let both = async |expected: u64| {
            let (one, two) = tokio::join!(x.app.store.trades_advance(100), other.store.trades_advance(100));
            let rest = x.app.store.trades_advance(100).await.unwrap();
            assert_eq!(one.unwrap() + two.unwrap() + rest, expected);
        };
        x.clock.advance_secs(DAY - 1);
        both(0).await;
        x.clock.advance_secs(1);
        both(12).await;
        x.clock.advance_secs(7 * DAY - 1);
        both(0).await;
        x.clock.advance_secs(1);
        both(12).await;
        assert_eq!(balance(&x, seller, AccountKind::Available).await, 12 * 900);
        assert_clean(&x).await;
    }

    async fn concurrent_buyers_cannot_overspend(x: Exchange) {
        let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 5_500).await;
        let mut stalls = Vec::new();
        for _ in 0..16 {
            stalls.push(stall(&x, seller, 1).await);
        }
        let sales = stalls.into_iter().map(|stall| {
            let app = x.app.clone();
            tokio::spawn(async move { sell(&app, stall, buyer, 1_000).await })
        });
        let mut sold = 0;
        for sale in sales.collect::<Vec<_>>() {
            match sale.await.unwrap() {
                Ok(_) => sold += 1,
                refused => assert_eq!(refusal(refused), Code::InsufficientFunds),
            }
        }
        assert_eq!(sold, 5);
        assert_eq!(balance(&x, buyer, AccountKind::Available).await, 500);
        assert_clean(&x).await;
    }
}
