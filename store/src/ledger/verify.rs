//! Checking the ledger: every invariant is one statement, so that each sees one state of the database, and answers the
//! first row that breaks it.

use std::str::FromStr;

use domain::ledger::{Account, AccountKind, JournalKind};
use sea_orm::entity::prelude::*;
use sea_orm::{ConnectionTrait, QueryResult, Statement};

use crate::db::Store;
use crate::error::StoreError;

/// One invariant and the first row that breaks it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What must hold.
    pub invariant: &'static str,
    /// The first row that breaks it, in words.
    pub broken: Option<String>,
}

/// The answers of all checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// In the order in which they ran.
    pub checks: Vec<Check>,
}

impl Report {
    /// The first check that found a broken row.
    #[must_use]
    pub fn first_broken(&self) -> Option<(&'static str, &str)> {
        self.checks.iter().find_map(|check| check.broken.as_deref().map(|row| (check.invariant, row)))
    }
}

/// Every movement from the side of each account.
const ENTRY: &str = "entry AS ( \
    SELECT id, journal_id, from_account_id AS account_id, -amount_minor AS delta, from_balance_minor AS balance, \
      from_version AS version FROM transfer \
    UNION ALL SELECT id, journal_id, to_account_id, amount_minor, to_balance_minor, to_version FROM transfer)";

/// The invariants that SQL can decide alone: a name, and a query of the first broken row as words and up to two ids.
const CHECKS: &[(&str, &str)] = &[
    (
        "every currency sums to zero",
        "SELECT currency || ' sums to ' || CAST(SUM(balance_minor) AS TEXT) AS words, NULL AS a, NULL AS b \
         FROM account GROUP BY currency HAVING SUM(balance_minor) <> 0 ORDER BY currency LIMIT 1",
    ),
    (
        "no balance is below its floor or above its ceiling",
        "SELECT 'account {a} (' || kind || ') holds ' || CAST(balance_minor AS TEXT) AS words, id AS a, NULL AS b \
         FROM account WHERE (balance_minor < 0 AND kind NOT IN ('RECEIVABLE', 'LOSSES', 'EXTERNAL_STRIPE', 'EXTERNAL_BANK')) \
           OR (balance_minor > 0 AND kind = 'RECEIVABLE') ORDER BY id LIMIT 1",
    ),
    (
        "each transfer carries the running balance, and versions have no gaps",
        "WITH {entry}, running AS (SELECT id, account_id, version, balance, \
           SUM(delta) OVER (PARTITION BY account_id ORDER BY version, id) AS expected, \
           ROW_NUMBER() OVER (PARTITION BY account_id ORDER BY version, id) AS place FROM entry) \
         SELECT 'transfer {a}, account {b}: version ' || CAST(version AS TEXT) || ' in place ' || CAST(place AS TEXT) || \
           ', balance ' || CAST(balance AS TEXT) || ' where the sum is ' || CAST(expected AS TEXT) AS words, \
           id AS a, account_id AS b FROM running WHERE expected <> balance OR place <> version \
         ORDER BY account_id, version LIMIT 1",
    ),
    (
        "each balance is the sum of its transfers",
        "WITH {entry}, total AS (SELECT account_id, SUM(delta) AS sum, COUNT(*) AS count FROM entry GROUP BY account_id) \
         SELECT 'account {a} (' || kind || ') holds ' || CAST(balance_minor AS TEXT) || ' at version ' || \
           CAST(account.version AS TEXT) || ', its ' || CAST(COALESCE(total.count, 0) AS TEXT) || ' transfers sum to ' || \
           CAST(COALESCE(total.sum, 0) AS TEXT) AS words, account.id AS a, NULL AS b \
         FROM account LEFT JOIN total ON total.account_id = account.id \
         WHERE balance_minor <> COALESCE(total.sum, 0) OR account.version <> COALESCE(total.count, 0) \
         ORDER BY account.id LIMIT 1",
    ),
    (
        "each journal moves money in its own currency",
        "SELECT 'journal {a} (' || journal.kind || ')' AS words, journal.id AS a, NULL AS b FROM journal \
         LEFT JOIN transfer ON transfer.journal_id = journal.id \
         LEFT JOIN account ON account.id IN (transfer.from_account_id, transfer.to_account_id) \
         WHERE transfer.id IS NULL OR account.currency <> journal.currency ORDER BY journal.id LIMIT 1",
    ),
    (
        "nothing happens twice to one subject",
        "SELECT 'subject {a} had ' || effect || ' ' || CAST(COUNT(*) AS TEXT) || ' times' AS words, subject_id AS a, NULL AS b \
         FROM journal GROUP BY subject_id, effect HAVING COUNT(*) > 1 ORDER BY subject_id LIMIT 1",
    ),
    (
        "escrow equals the open trades",
        "WITH open AS (SELECT seller_id, currency, SUM(price_minor) AS sum FROM trade \
           WHERE state IN ('HELD', 'DISPUTED') GROUP BY seller_id, currency), \
         escrow AS (SELECT organization_id, currency, balance_minor FROM account WHERE kind = 'ESCROW'), \
         owner AS (SELECT seller_id AS id, currency FROM open UNION SELECT organization_id, currency FROM escrow) \
         SELECT 'organization {a}: escrow holds ' || CAST(COALESCE(balance_minor, 0) AS TEXT) || ' ' || owner.currency || \
           ', its open trades ' || CAST(COALESCE(open.sum, 0) AS TEXT) AS words, owner.id AS a, NULL AS b FROM owner \
         LEFT JOIN open ON open.seller_id = owner.id AND open.currency = owner.currency \
         LEFT JOIN escrow ON escrow.organization_id = owner.id AND escrow.currency = owner.currency \
         WHERE COALESCE(balance_minor, 0) <> COALESCE(open.sum, 0) ORDER BY owner.id LIMIT 1",
    ),
    (
        "reserved equals the open bids and offers",
        "WITH held AS (SELECT bid.buyer_id, listing.currency, bid.reserved_minor AS minor FROM bid \
           JOIN listing ON listing.id = bid.listing_id WHERE bid.state = 'OPEN' UNION ALL \
           SELECT offer_bid.buyer_id, offer.currency, offer_bid.price_minor FROM offer_bid \
           JOIN offer ON offer.id = offer_bid.offer_id WHERE offer_bid.state = 'HELD'), \
         open AS (SELECT buyer_id, currency, SUM(minor) AS sum FROM held GROUP BY buyer_id, currency), \
         reserved AS (SELECT organization_id, currency, balance_minor FROM account WHERE kind = 'RESERVED'), \
         owner AS (SELECT buyer_id AS id, currency FROM open UNION SELECT organization_id, currency FROM reserved) \
         SELECT 'organization {a}: ' || CAST(COALESCE(balance_minor, 0) AS TEXT) || ' ' || owner.currency || \
           ' is reserved, its open bids and offers lock ' || CAST(COALESCE(open.sum, 0) AS TEXT) AS words, owner.id AS a, NULL AS b \
         FROM owner LEFT JOIN open ON open.buyer_id = owner.id AND open.currency = owner.currency \
         LEFT JOIN reserved ON reserved.organization_id = owner.id AND reserved.currency = owner.currency \
         WHERE COALESCE(balance_minor, 0) <> COALESCE(open.sum, 0) ORDER BY owner.id LIMIT 1",
    ),
    (
        "payout equals the withdrawals on their way",
        "WITH open AS (SELECT organization_id AS id, currency, SUM(amount_minor) AS sum FROM withdrawal \
           WHERE state = 'REQUESTED' GROUP BY organization_id, currency), \
         payout AS (SELECT organization_id, currency, balance_minor FROM account WHERE kind = 'PAYOUT'), \
         owner AS (SELECT id, currency FROM open UNION SELECT organization_id, currency FROM payout) \
         SELECT 'organization {a}: payout holds ' || CAST(COALESCE(balance_minor, 0) AS TEXT) || ' ' || owner.currency || \
           ', its withdrawals ' || CAST(COALESCE(open.sum, 0) AS TEXT) AS words, owner.id AS a, NULL AS b FROM owner \
         LEFT JOIN open ON open.id = owner.id AND open.currency = owner.currency \
         LEFT JOIN payout ON payout.organization_id = owner.id AND payout.currency = owner.currency \
         WHERE COALESCE(balance_minor, 0) <> COALESCE(open.sum, 0) ORDER BY owner.id LIMIT 1",
    ),
    (
        "each deposit is what its journal moved",
        "SELECT 'deposit {a} is ' || CAST(deposit.amount_minor AS TEXT) || ' ' || deposit.currency || ', its journal moved ' || \
           CAST(COALESCE(SUM(CASE WHEN target.id IS NOT NULL THEN transfer.amount_minor END), 0) AS TEXT) AS words, \
           deposit.id AS a, NULL AS b FROM deposit \
         LEFT JOIN journal ON journal.subject_id = deposit.id AND journal.kind = 'DEPOSIT' \
         LEFT JOIN transfer ON transfer.journal_id = journal.id \
         LEFT JOIN account AS target ON target.id = transfer.to_account_id \
           AND target.organization_id = deposit.organization_id AND target.currency = deposit.currency \
         GROUP BY deposit.id, deposit.amount_minor, deposit.currency \
         HAVING COALESCE(SUM(CASE WHEN target.id IS NOT NULL THEN transfer.amount_minor END), 0) <> deposit.amount_minor \
         ORDER BY deposit.id LIMIT 1",
    ),
    (
        "each chargeback took and is owed what its journal moved",
        "SELECT 'chargeback {a} took ' || CAST(chargeback.taken_minor AS TEXT) || ' and is owed ' || \
           CAST(chargeback.owed_minor AS TEXT) || ' ' || chargeback.currency || ', as its journal does not say' AS words, \
           chargeback.id AS a, NULL AS b FROM chargeback \
         LEFT JOIN journal ON journal.subject_id = chargeback.id AND journal.kind = 'CHARGEBACK' \
         LEFT JOIN transfer ON transfer.journal_id = journal.id \
         LEFT JOIN account AS source ON source.id = transfer.from_account_id \
           AND source.organization_id = chargeback.organization_id AND source.currency = chargeback.currency \
         GROUP BY chargeback.id, chargeback.taken_minor, chargeback.owed_minor, chargeback.currency \
         HAVING COALESCE(SUM(CASE WHEN source.kind = 'AVAILABLE' THEN transfer.amount_minor END), 0) <> chargeback.taken_minor \
           OR COALESCE(SUM(CASE WHEN source.kind = 'RECEIVABLE' THEN transfer.amount_minor END), 0) <> chargeback.owed_minor \
         ORDER BY chargeback.id LIMIT 1",
    ),
    (
        "each top-up is what was paid of it",
        "SELECT 'top-up {a} was paid ' || CAST(COALESCE(top_up.paid_minor, 0) AS TEXT) || ', its journal moved ' || \
           CAST(COALESCE(SUM(CASE WHEN target.id IS NOT NULL THEN transfer.amount_minor END), 0) AS TEXT) AS words, \
           top_up.id AS a, NULL AS b FROM top_up \
         LEFT JOIN journal ON journal.subject_id = top_up.id AND journal.kind = 'DEPOSIT' \
         LEFT JOIN transfer ON transfer.journal_id = journal.id \
         LEFT JOIN account AS target ON target.id = transfer.to_account_id \
           AND target.organization_id = top_up.organization_id AND target.currency = top_up.paid_currency \
         GROUP BY top_up.id, top_up.paid_minor HAVING COALESCE(top_up.paid_minor, 0) <> \
           COALESCE(SUM(CASE WHEN target.id IS NOT NULL THEN transfer.amount_minor END), 0) \
         ORDER BY top_up.id LIMIT 1",
    ),
    (
        "each refund to a card left the wallet once, and came back when it failed",
        "WITH moved AS (SELECT journal.subject_id AS id, \
           SUM(CASE WHEN journal.kind = 'CARD_REFUND' THEN transfer.amount_minor ELSE 0 END) AS out_minor, \
           SUM(CASE WHEN journal.kind = 'CARD_REFUND_FAILED' THEN transfer.amount_minor ELSE 0 END) AS back_minor \
           FROM journal JOIN transfer ON transfer.journal_id = journal.id WHERE journal.subject_kind = 'CARD_REFUND' \
           GROUP BY journal.subject_id) \
         SELECT 'refund {a} of ' || CAST(card_refund.amount_minor AS TEXT) || ' is ' || card_refund.state || \
           ', as its journals do not say' AS words, card_refund.id AS a, NULL AS b \
         FROM card_refund LEFT JOIN moved ON moved.id = card_refund.id \
         WHERE COALESCE(moved.out_minor, 0) <> card_refund.amount_minor OR COALESCE(moved.back_minor, 0) <> \
           (CASE WHEN card_refund.state = 'FAILED' THEN card_refund.amount_minor ELSE 0 END) ORDER BY card_refund.id LIMIT 1",
    ),
    (
        "what came back of each withdrawal is what its journals moved",
        "WITH back AS (SELECT withdrawal_return.withdrawal_id AS id, SUM(transfer.amount_minor) AS minor \
           FROM withdrawal_return LEFT JOIN journal ON journal.subject_id = withdrawal_return.id \
           LEFT JOIN transfer ON transfer.journal_id = journal.id GROUP BY withdrawal_return.withdrawal_id) \
         SELECT 'withdrawal {a}: ' || CAST(withdrawal.returned_minor AS TEXT) || ' came back, its journals moved ' || \
           CAST(COALESCE(back.minor, 0) AS TEXT) AS words, withdrawal.id AS a, NULL AS b \
         FROM withdrawal LEFT JOIN back ON back.id = withdrawal.id WHERE withdrawal.returned_minor <> COALESCE(back.minor, 0) \
         ORDER BY withdrawal.id LIMIT 1",
    ),
    (
        "each write-off is what its journal moved",
        "SELECT 'chargeback {a} was written off by ' || CAST(chargeback_write_off.amount_minor AS TEXT) || \
           ', its journal moved ' || CAST(COALESCE(SUM(transfer.amount_minor), 0) AS TEXT) AS words, \
           chargeback_write_off.chargeback_id AS a, NULL AS b FROM chargeback_write_off \
         LEFT JOIN journal ON journal.subject_id = chargeback_write_off.chargeback_id AND journal.kind = 'WRITE_OFF' \
         LEFT JOIN transfer ON transfer.journal_id = journal.id \
         GROUP BY chargeback_write_off.chargeback_id, chargeback_write_off.amount_minor \
         HAVING COALESCE(SUM(transfer.amount_minor), 0) <> chargeback_write_off.amount_minor \
         ORDER BY chargeback_write_off.chargeback_id LIMIT 1",
    ),
    (
        "each hold begins once, and ends exactly once when its trade has ended",
        "SELECT 'trade {a} is ' || trade.state || ', its hold began ' || \
           CAST(COUNT(CASE WHEN journal.effect = 'HOLD' THEN 1 END) AS TEXT) || ' and ended ' || \
           CAST(COUNT(CASE WHEN journal.effect = 'HOLD_END' THEN 1 END) AS TEXT) || ' times' AS words, trade.id AS a, NULL AS b \
         FROM trade LEFT JOIN journal ON journal.subject_id = trade.id GROUP BY trade.id, trade.state \
         HAVING COUNT(CASE WHEN journal.effect = 'HOLD' THEN 1 END) <> 1 \
           OR COUNT(CASE WHEN journal.effect = 'HOLD_END' THEN 1 END) <> \
             (CASE WHEN trade.state IN ('HELD', 'DISPUTED') THEN 0 ELSE 1 END) \
         ORDER BY trade.id LIMIT 1",
    ),
    (
        "each hold ends with what it began with",
        "SELECT 'trade {a}: ' || CAST(MAX(trade.price_minor) AS TEXT) || ' was agreed, ' || \
           CAST(SUM(CASE WHEN source.kind = 'ESCROW' THEN transfer.amount_minor ELSE 0 END) AS TEXT) || ' left escrow' AS words, \
           trade.id AS a, NULL AS b FROM trade JOIN journal ON journal.subject_id = trade.id AND journal.effect = 'HOLD_END' \
         JOIN transfer ON transfer.journal_id = journal.id JOIN account AS source ON source.id = transfer.from_account_id \
         GROUP BY trade.id HAVING MAX(trade.price_minor) <> \
           SUM(CASE WHEN source.kind = 'ESCROW' THEN transfer.amount_minor ELSE 0 END) ORDER BY trade.id LIMIT 1",
    ),
    (
        "a listing has no more trades than its maxSales",
        "SELECT 'listing {a} has ' || CAST(COUNT(*) AS TEXT) || ' trades, at most ' || CAST(MAX(listing.max_sales) AS TEXT) AS words, \
           listing.id AS a, NULL AS b FROM listing JOIN trade ON trade.listing_id = listing.id GROUP BY listing.id \
         HAVING COUNT(*) > MAX(listing.max_sales) OR (COUNT(*) > 1 AND COUNT(CASE WHEN trade.exclusive THEN 1 END) > 0) \
         ORDER BY listing.id LIMIT 1",
    ),
    (
        "a listing has sold as many copies as it has trades",
        "SELECT 'listing {a} has sold ' || CAST(listing.sold_count AS TEXT) || ', its trades are ' || \
           CAST(COUNT(trade.id) AS TEXT) AS words, listing.id AS a, NULL AS b \
         FROM listing LEFT JOIN trade ON trade.listing_id = listing.id GROUP BY listing.id, listing.sold_count \
         HAVING COUNT(trade.id) <> listing.sold_count ORDER BY listing.id LIMIT 1",
    ),
    (
        // Over all listings of the lead; no setting allows more than five copies.
        "a lead is held by one exclusive buyer or by at most five",
        "SELECT 'lead {a} has ' || CAST(COUNT(*) AS TEXT) || ' trades, ' || \
           CAST(COUNT(CASE WHEN exclusive THEN 1 END) AS TEXT) || ' exclusive' AS words, lead_id AS a, NULL AS b \
         FROM trade WHERE state <> 'REFUNDED' GROUP BY lead_id \
         HAVING COUNT(*) > 5 OR (COUNT(*) > 1 AND COUNT(CASE WHEN exclusive THEN 1 END) > 0) ORDER BY lead_id LIMIT 1",
    ),
];

impl Store {
    /// Checks every invariant of the ledger. A read: it holds no lock and stops nobody.
    pub async fn ledger_verify(&self) -> Result<Report, StoreError> {
        let mut checks = Vec::with_capacity(CHECKS.len().saturating_add(2));
        checks.push(Check { invariant: "each kind moves money only where it may", broken: self.wrong_pair().await? });
        checks.push(Check { invariant: "each journal has the effect of its kind", broken: self.wrong_effect().await? });
        for (invariant, sql) in CHECKS {
            let sql = sql.replace("{entry}", ENTRY);
            let row = self.read().query_one_raw(self.statement_of(sql)).await?;
            let broken = row.map(|row| words(&row)).transpose()?;
            checks.push(Check { invariant, broken });
        }
        Ok(Report { checks })
    }

    async fn wrong_pair(&self) -> Result<Option<String>, StoreError> {
        let combinations = self.statement_of(
            "SELECT DISTINCT journal.kind AS journal, source.kind AS source, target.kind AS target, \
               source.organization_id IS NOT NULL AS source_owned, target.organization_id IS NOT NULL AS target_owned, \
               COALESCE(source.organization_id = target.organization_id, FALSE) AS same FROM transfer \
             JOIN journal ON journal.id = transfer.journal_id JOIN account AS source ON source.id = transfer.from_account_id \
             JOIN account AS target ON target.id = transfer.to_account_id"
                .to_owned(),
        );
        for row in self.read().query_all_raw(combinations).await? {
            let (journal, source, target): (String, String, String) =
                (row.try_get("", "journal")?, row.try_get("", "source")?, row.try_get("", "target")?);
            let owned: (bool, bool) = (row.try_get("", "source_owned")?, row.try_get("", "target_owned")?);
            if !permitted(&journal, (&source, owned.0), (&target, owned.1), row.try_get("", "same")?) {
                return self.first_of_pair(&journal, &source, &target).await.map(Some);
            }
        }
        Ok(None)
    }

    async fn first_of_pair(&self, journal: &str, source: &str, target: &str) -> Result<String, StoreError> {
        let statement = Statement::from_sql_and_values(
            self.read().get_database_backend(),
            "SELECT 'transfer {a} of journal {b}' AS words, transfer.id AS a, journal.id AS b FROM transfer \
             JOIN journal ON journal.id = transfer.journal_id JOIN account AS source ON source.id = transfer.from_account_id \
             JOIN account AS target ON target.id = transfer.to_account_id \
             WHERE journal.kind = $1 AND source.kind = $2 AND target.kind = $3 ORDER BY transfer.id LIMIT 1",
            [journal.into(), source.into(), target.into()],
        );
        let row = self.read().query_one_raw(statement).await?;
        let row = row.map(|row| words(&row)).transpose()?.unwrap_or_default();
        Ok(format!("{row}: a {journal} moved money from {source} to {target}"))
    }

    async fn wrong_effect(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT DISTINCT kind, effect FROM journal ORDER BY kind, effect".to_owned();
        for row in self.read().query_all_raw(self.statement_of(sql)).await? {
            let (kind, effect): (String, String) = (row.try_get("", "kind")?, row.try_get("", "effect")?);
            if JournalKind::from_str(&kind).ok().map(JournalKind::effect) != Some(effect.as_str()) {
                return Ok(Some(format!("a journal of kind {kind} has the effect {effect}")));
            }
        }
        Ok(None)
    }

    fn statement_of(&self, sql: String) -> Statement {
        Statement::from_string(self.read().get_database_backend(), sql)
    }
}

/// Whether a kind permits a pair, of which only kinds and sameness of owners are known.
fn permitted(journal: &str, source: (&str, bool), target: (&str, bool), same: bool) -> bool {
    let (Ok(journal), Ok(from), Ok(to)) =
        (JournalKind::from_str(journal), AccountKind::from_str(source.0), AccountKind::from_str(target.0))
    else {
        return false;
    };
    let owner = |owned: bool, n: u128| owned.then(|| Uuid::from_u128(n).into());
    let account = |kind, organization| Account { kind, organization, currency: domain::money::Currency::EUR, stripe: 0 };
    let (from, to) = (account(from, owner(source.1, 1)), account(to, owner(target.1, if same { 1 } else { 2 })));
    from.is_well_formed() && to.is_well_formed() && journal.permits(&from, &to)
}

/// The words of a broken row, with the ids in their places.
fn words(row: &QueryResult) -> Result<String, StoreError> {
    let mut text: String = row.try_get("", "words")?;
    for (column, place) in [("a", "{a}"), ("b", "{b}")] {
        if text.contains(place) {
            let id: Option<Uuid> = row.try_get("", column)?;
            text = text.replace(place, &id.map(|id| id.to_string()).unwrap_or_default());
        }
    }
    Ok(text)
}
