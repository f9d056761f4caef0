//! The ledger cannot be rewritten, and what somebody rewrote by force is found and named.

use domain::refusal::Code;
use store::trades::trade_release;

use super::market::{DAY, assert_clean, bid, fund, on_trade, refusal, sell, stall};
use crate::harness::{Database, Exchange, on_each_backend};

async fn one_trade(x: &Exchange) -> store::trades::Trade {
    let (seller, buyer) = (x.organization("S").await.org(), x.organization("B").await.org());
    fund(&x.app, buyer, 5_000).await;
    let place = stall(x, seller, 2).await;
    bid(x, place, buyer, 700).await.unwrap();
    sell(&x.app, place, buyer, 1_000).await.unwrap()
}

async fn broken(x: &Exchange) -> (String, String) {
    let report = x.app.store.ledger_verify().await.unwrap();
    let (invariant, row) = report.first_broken().expect("a broken row");
    (invariant.to_owned(), row.to_owned())
}

/// An id that nothing has, in the database's words.
fn forged(x: &Exchange) -> &'static str {
    match x.database {
        Database::Sqlite => "randomblob(16)",
        Database::Postgres => "gen_random_uuid()",
    }
}

on_each_backend! {
    async fn transfers_and_journals_only_grow(x: Exchange) {
        one_trade(&x).await;
        let before = x.row_counts().await;
        let mut attempts = vec![
            "UPDATE transfer SET amount_minor = 1",
            "DELETE FROM transfer",
            "UPDATE journal SET kind = 'RELEASE'",
            "DELETE FROM journal",
        ];
        match x.database {
            Database::Sqlite => attempts.extend([
                "REPLACE INTO transfer SELECT * FROM transfer",
                "INSERT OR REPLACE INTO transfer SELECT randomblob(16), journal_id, position, from_account_id, to_account_id, 1, from_balance_minor, from_version, to_balance_minor, to_version, created_at FROM transfer",
                "INSERT OR REPLACE INTO transfer SELECT randomblob(16), journal_id, position + 9, from_account_id, to_account_id, 1, from_balance_minor, from_version, to_balance_minor, to_version, created_at FROM transfer",
                "INSERT OR REPLACE INTO journal SELECT randomblob(16), kind, effect, subject_kind, subject_id, currency, memo, recorded_by, created_at FROM journal",
            ]),
            Database::Postgres => attempts.extend(["TRUNCATE transfer CASCADE", "TRUNCATE journal CASCADE"]),
        }
        for attempt in attempts {
            assert!(x.tamper(attempt).await.is_err(), "{attempt}");
        }
        assert_eq!(x.row_counts().await, before);
        assert_clean(&x).await;
    }

    async fn a_changed_balance_is_found(x: Exchange) {
        one_trade(&x).await;
        assert_clean(&x).await;
        assert!(x.tamper("UPDATE account SET balance_minor = -1 WHERE kind = 'AVAILABLE'").await.is_err(), "the CHECK holds");
        x.tamper("UPDATE account SET balance_minor = balance_minor + 1 WHERE kind = 'ESCROW'").await.unwrap();
        assert_eq!(broken(&x).await, ("every currency sums to zero".into(), "EUR sums to 1".into()));
        x.tamper("UPDATE account SET balance_minor = balance_minor - 1 WHERE kind = 'EXTERNAL_BANK'").await.unwrap();
        let (invariant, row) = broken(&x).await;
        assert_eq!(invariant, "each balance is the sum of its transfers");
        assert!(row.starts_with("account "), "{row}");
    }

    async fn a_forged_transfer_is_found_and_named(x: Exchange) {
        one_trade(&x).await;
        let forged = forged(&x);
        x.tamper(&format!(
            "INSERT INTO transfer SELECT {forged}, journal_id, position + 7, from_account_id, to_account_id, 5, \
             from_balance_minor, from_version + 100, to_balance_minor, to_version + 100, created_at FROM transfer WHERE position = 0 \
             AND journal_id IN (SELECT id FROM journal WHERE kind = 'TRADE')"
        ))
        .await
        .unwrap();
        let (invariant, row) = broken(&x).await;
        assert_eq!(invariant, "each transfer carries the running balance, and versions have no gaps");
        assert!(row.starts_with("transfer ") && row.contains("version 10"), "{row}");
    }

    async fn open_business_and_accounts_must_agree(x: Exchange) {
        let trade = one_trade(&x).await;
        x.tamper("UPDATE trade SET price_minor = 999").await.unwrap();
        assert_eq!(broken(&x).await.0, "escrow equals the open trades");
        x.tamper("UPDATE trade SET price_minor = 1000").await.unwrap();
        x.tamper("UPDATE bid SET state = 'LOST'").await.unwrap();
        assert_eq!(broken(&x).await.0, "reserved equals the open bids and offers");
        x.tamper("UPDATE bid SET state = 'OPEN'").await.unwrap();
        x.clock.advance_secs(8 * DAY);
        on_trade!(x.app, trade_release, trade.id).unwrap();
        assert_clean(&x).await;
        x.tamper("UPDATE trade SET state = 'HELD'").await.unwrap();
        assert_eq!(broken(&x).await.0, "escrow equals the open trades");
    }

    async fn what_was_sold_and_what_came_in_must_agree_with_their_records(x: Exchange) {
        let trade = one_trade(&x).await;
        assert_clean(&x).await;
        x.tamper("UPDATE listing SET sold_count = 2").await.unwrap();
        assert_eq!(broken(&x).await.0, "a listing has sold as many copies as it has trades");
        x.tamper("UPDATE listing SET sold_count = 1").await.unwrap();
        let forged = forged(&x);
        let bytes = match x.database {
            Database::Sqlite => "x'00'",
            Database::Postgres => "'x'::bytea",
        };
        x.tamper(&format!(
            "INSERT INTO payout_account SELECT {forged}, organization_id, 'k', {bytes}, {bytes}, '0154', NULL, created_at FROM account WHERE kind = 'ESCROW'"
        ))
        .await
        .unwrap();
        let columns = "id, organization_id, method, payout_account_id, payout_last_four, amount_minor, currency, state, created_at, version";
        let owner = format!(
            "({columns}) SELECT {forged}, organization_id, 'BANK', (SELECT id FROM payout_account), '0154', 5, 'USD', 'REQUESTED', created_at, 0 FROM account"
        );
        x.tamper(&format!("INSERT INTO withdrawal {owner} WHERE kind = 'ESCROW'")).await.unwrap();
        let (invariant, row) = broken(&x).await;
        assert_eq!(invariant, "payout equals the withdrawals on their way", "no account is there to compare with");
        assert!(row.contains(&trade.seller.0.to_string()), "{row}");
        x.tamper("DELETE FROM withdrawal").await.unwrap();
        x.tamper(&format!(
            "INSERT INTO chargeback (id, organization_id, reference, amount_minor, taken_minor, owed_minor, currency, recorded_by, created_at) SELECT {forged}, organization_id, 'R', 5, 3, 2, 'EUR', id, created_at FROM account WHERE kind = 'ESCROW'"
        ))
        .await
        .unwrap();
        assert_eq!(broken(&x).await.0, "each chargeback took and is owed what its journal moved");
        x.tamper(&format!("INSERT INTO deposit SELECT {forged}, organization_id, 5, 'EUR', 'R', id, created_at FROM account WHERE kind = 'ESCROW'"))
            .await
            .unwrap();
        assert_eq!(broken(&x).await.0, "each deposit is what its journal moved");
    }

    async fn a_trade_is_of_the_lead_and_the_seller_of_its_listing(x: Exchange) {
        let (seller, other, buyer) = (x.organization("S").await.org(), x.organization("O").await.org(), x.organization("B").await.org());
        fund(&x.app, buyer, 1_000).await;
        sell(&x.app, stall(&x, seller, 1).await, buyer, 1_000).await.unwrap();
        stall(&x, other, 1).await;
        let others = [
            "seller_id = (SELECT id FROM organization WHERE name = 'O')",
            "lead_id = (SELECT lead_id FROM listing WHERE sold_count = 0)",
        ];
        for change in others {
            let changed = x.tamper(&format!("UPDATE trade SET {change}")).await;
            // SQLite would have to copy the table for a key of three columns.
            assert_eq!(changed.is_err(), x.database == Database::Postgres, "{changed:?}");
        }
    }

    async fn what_money_refers_to_is_there_and_stays(x: Exchange) {
        one_trade(&x).await;
        let before = x.row_counts().await;
        let forged = forged(&x);
        let transfer = |journal: &str, from: &str, to: &str| {
            format!(
                "INSERT INTO transfer SELECT {forged}, {journal}, position + 9, {from}, {to}, 1, from_balance_minor, from_version + 9, \
                 to_balance_minor, to_version + 9, created_at FROM transfer WHERE position = 0"
            )
        };
        let mut attempts = vec![
            transfer(forged, "from_account_id", "to_account_id"),
            transfer("journal_id", forged, "to_account_id"),
            transfer("journal_id", "from_account_id", forged),
            format!("UPDATE trade SET buyer_id = {forged}"),
            format!("UPDATE trade SET listing_id = {forged}"),
            format!("UPDATE account SET id = {forged}"),
            format!("UPDATE listing SET id = {forged}"),
            format!("UPDATE organization SET id = {forged} WHERE name = 'B'"),
        ];
        let tables = ["account", "listing", "organization"];
        attempts.extend(tables.map(|table| format!("DELETE FROM {table}")));
        if x.database == Database::Postgres {
            attempts.extend(tables.map(|table| format!("TRUNCATE {table} CASCADE")));
        }
        for attempt in attempts {
            let refused = x.tamper(&attempt).await.expect_err(&attempt).to_string().to_lowercase();
            let says = ["foreign key", "refer", "append-only"];
            assert!(says.iter().any(|word| refused.contains(word)), "{attempt}: {refused}");
        }
        assert_eq!(x.row_counts().await, before);
        assert_clean(&x).await;
    }

    async fn no_relisting_sells_what_one_buyer_has_alone(x: Exchange) {
        let (seller, buyers) = (x.organization("S").await.org(), [x.organization("A").await.org(), x.organization("B").await.org()]);
        let place = stall(&x, seller, 2).await;
        for buyer in buyers {
            fund(&x.app, buyer, 1_000).await;
            sell(&x.app, place, buyer, 1_000).await.unwrap();
        }
        let forged = forged(&x);
        let rest = "lead_id, seller_id, vertical_id, format, terms, currency, price_minor, max_sales, state, opens_at, closes_at, ended_at, created_at";
        x.tamper(&format!("INSERT INTO listing (id, {rest}) SELECT {forged}, {rest} FROM listing WHERE sold_count = 2")).await.unwrap();
        x.tamper("UPDATE trade SET listing_id = (SELECT id FROM listing WHERE sold_count = 0) WHERE id = (SELECT id FROM trade ORDER BY id LIMIT 1)")
            .await
            .unwrap();
        x.tamper("UPDATE listing SET sold_count = 1").await.unwrap();
        assert_clean(&x).await;
        x.tamper("UPDATE trade SET exclusive = TRUE WHERE id = (SELECT id FROM trade ORDER BY id LIMIT 1)").await.unwrap();
        let (invariant, row) = broken(&x).await;
        assert_eq!(invariant, "a lead is held by one exclusive buyer or by at most five");
        assert!(row.ends_with("has 2 trades, 1 exclusive"), "{row}");
    }

    async fn a_stop_refuses_what_moves_money_and_nothing_else(x: Exchange) {
        let trade = one_trade(&x).await;
        x.app.store.money_stop_set("a test".into()).await.unwrap();
        x.app.store.money_stop_set("another".into()).await.unwrap();
        assert_eq!(x.app.store.money_stop().await.unwrap().unwrap().reason, "a test");
        x.clock.advance_secs(8 * DAY);
        let before = x.row_counts().await;
        assert_eq!(refusal(on_trade!(x.app, trade_release, trade.id)), Code::MoneyStopped);
        assert_eq!(refusal(x.app.store.trades_advance(10).await), Code::MoneyStopped);
        assert_eq!(x.row_counts().await, before);
        assert_eq!(x.app.store.trade_of(trade.id, trade.buyer).await.unwrap().unwrap().version, 0);
        assert!(x.app.store.money_stop_lift().await.unwrap());
        on_trade!(x.app, trade_release, trade.id).unwrap();
        assert_clean(&x).await;
    }
}
