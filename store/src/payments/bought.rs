//! What a payment bought: the purchases of its organization that its money paid, with what shows that they were rightly sold.

use domain::id::{LeadId, OrganizationId, TopUpId, TradeId, TypedId};
use domain::money::Money;
use domain::time::Timestamp;
use sea_orm::entity::prelude::*;
use sea_orm::{FromQueryResult, QueryOrder, QuerySelect, Statement};

use crate::db::Store;
use crate::entity::{contact_reveal, lead, outcome, trade, vertical};
use crate::error::StoreError;

/// The most purchases that are looked through for one payment.
const PURCHASES_MAX: u64 = 5_000;

/// A purchase, without any contact detail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bought {
    /// The trade.
    pub trade: TradeId,
    /// The lead.
    pub lead: LeadId,
    /// The vertical's path.
    pub vertical: String,
    /// What it cost.
    pub price: Money,
    /// What went back to the buyer, in minor units.
    pub refunded_minor: i64,
    /// The trade's state.
    pub state: String,
    /// When it was sold.
    pub sold_at: Timestamp,
    /// When the contact details were first delivered or revealed.
    pub delivered_at: Option<Timestamp>,
    /// When the buyer looked at the contact details.
    pub looked_at: Vec<Timestamp>,
    /// What the buyer reported of it: the outcomes' names.
    pub outcomes: Vec<String>,
    /// When the person agreed.
    pub agreed_at: Option<Timestamp>,
    /// The seller's version of the words that the person agreed to.
    pub text_version: Option<String>,
    /// The page on which the person agreed.
    pub page_url: Option<String>,
}

#[derive(FromQueryResult)]
struct Before {
    balance_minor: i64,
    created_at: Timestamp,
}

impl Store {
    /// The purchases that a paid top-up's money paid for up to `until`, oldest first: money is spent in the order in which it
    /// came, so that what was there before it was spent first.
    pub async fn bought_with(
        &self,
        organization: OrganizationId,
        top_up: TopUpId,
        paid: Money,
        until: Timestamp,
    ) -> Result<Vec<Bought>, StoreError> {
        let sql = "SELECT transfer.to_balance_minor - transfer.amount_minor AS balance_minor, transfer.created_at \
            FROM journal JOIN transfer ON transfer.journal_id = journal.id JOIN account ON account.id = transfer.to_account_id \
            WHERE journal.subject_id = $1 AND journal.kind = 'DEPOSIT' AND account.kind = 'AVAILABLE'";
        let statement = Statement::from_sql_and_values(self.read().get_database_backend(), sql, [top_up.uuid().into()]);
        let Some(before) = Before::find_by_statement(statement).one(self.read()).await? else { return Ok(Vec::new()) };
        let trades = trade::Entity::find()
            .filter(trade::Column::BuyerId.eq(organization.0))
            .filter(trade::Column::Currency.eq(paid.currency.code()))
            .filter(trade::Column::SoldAt.gte(before.created_at))
            .filter(trade::Column::SoldAt.lte(until))
            .order_by_asc(trade::Column::Id)
            .limit(PURCHASES_MAX)
            .all(self.read())
            .await?;
        let (mut spent, from, to) = (0_i64, before.balance_minor, before.balance_minor.saturating_add(paid.minor));
        let mut bought = Vec::new();
        for row in trades {
            let start = spent;
            spent = spent.saturating_add(row.price_minor);
            if spent > from && start < to {
                bought.push(self.bought(row, paid.currency).await?);
            }
        }
        Ok(bought)
    }

    async fn bought(&self, row: trade::Model, currency: domain::money::Currency) -> Result<Bought, StoreError> {
        let lead = lead::Entity::find_by_id(row.lead_id).one(self.read()).await?;
        let lead = lead.ok_or_else(|| StoreError::corrupt("a trade without its lead"))?;
        let vertical = vertical::Entity::find_by_id(lead.vertical_id).one(self.read()).await?;
        let looks = contact_reveal::Entity::find()
            .filter(contact_reveal::Column::TradeId.eq(row.id))
            .filter(contact_reveal::Column::OrganizationId.eq(row.buyer_id))
            .order_by_asc(contact_reveal::Column::RevealedAt)
            .limit(20)
            .all(self.read())
            .await?;
        let outcomes = outcome::Entity::find()
            .filter(outcome::Column::TradeId.eq(row.id))
            .order_by_asc(outcome::Column::Id)
            .limit(20)
            .all(self.read())
            .await?;
        let text = |name: &str| lead.consent.get(name).and_then(serde_json::Value::as_str).map(str::to_owned);
        Ok(Bought {
            trade: row.id.into(),
            lead: lead.id.into(),
            vertical: vertical.map_or_else(String::new, |vertical| vertical.path),
            price: Money::new(row.price_minor, currency),
            refunded_minor: row.refunded_minor,
            state: row.state,
            sold_at: row.sold_at,
            delivered_at: row.delivered_at,
            looked_at: looks.into_iter().map(|look| look.revealed_at).collect(),
            outcomes: outcomes.into_iter().map(|outcome| outcome.kind).collect(),
            agreed_at: text("captured_at").and_then(|at| at.parse().ok()),
            text_version: text("text_version"),
            page_url: text("page_url"),
        })
    }
}
