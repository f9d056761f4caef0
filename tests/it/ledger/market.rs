//! The smallest market that money can move in: organizations, leads, listings, sales.

use std::sync::Arc;

use api::app::App;
use domain::id::{BidId, DepositId, LeadId, ListingId, OrganizationId, TradeId, VerticalId};
use domain::ledger::{Account, AccountKind, event};
use domain::money::{Currency, Money};
use domain::trade::HoldTerms;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter};
use serde_json::json;
use store::WriteError;
use store::entity::{bid, lead, listing, vertical, vertical_version};
use store::ledger::{self, Note};
use store::trades::{PaidFrom, Sale, Trade, trade_open};

use crate::harness::Exchange;

pub const EUR: Currency = Currency::EUR;
pub const DAY: i64 = 86_400;

pub fn eur(minor: i64) -> Money {
    Money::new(minor, EUR)
}

/// A lead and a listing of it.
#[derive(Debug, Clone, Copy)]
pub struct Stall {
    pub lead: LeadId,
    pub listing: ListingId,
    pub seller: OrganizationId,
}

/// Puts money into a wallet.
pub async fn fund(app: &Arc<App>, organization: OrganizationId, minor: i64) {
    let id: DepositId = app.store.id();
    let journal = event::deposit(id, organization, AccountKind::ExternalBank, eur(minor), 0).unwrap();
    let done: Result<_, WriteError> = app
        .store
        .write("fund", move |tx| {
            let journal = journal.clone();
            async move { ledger::post(&tx, &journal, Note::default()).await }
        })
        .await;
    done.unwrap();
}

/// A listed lead.
pub async fn stall(x: &Exchange, seller: OrganizationId, max_sales: i64) -> Stall {
    let stall = Stall { lead: x.app.store.id(), listing: x.app.store.id(), seller };
    let vertical: VerticalId = x.app.store.id();
    let now = x.app.store.now();
    let done: Result<(), WriteError> = x
        .app
        .store
        .write("stall", move |tx| async move {
            let row = vertical::ActiveModel {
                id: Set(vertical.0),
                path: Set(format!("test/{vertical}")),
                parent_id: Set(None),
                current_version: Set(1),
                created_at: Set(now),
            };
            vertical::Entity::insert(row).exec_without_returning(tx.db()).await?;
            let row = vertical_version::ActiveModel {
                vertical_id: Set(vertical.0),
                version: Set(1),
                definition: Set(json!({})),
                created_by: Set(None),
                created_at: Set(now),
            };
            vertical_version::Entity::insert(row).exec_without_returning(tx.db()).await?;
            lead::Entity::insert(lead_row(stall, vertical, now)).exec_without_returning(tx.db()).await?;
            listing::Entity::insert(listing_row(stall, vertical, max_sales, now)).exec_without_returning(tx.db()).await?;
            Ok(())
        })
        .await;
    done.unwrap();
    stall
}

fn lead_row(stall: Stall, vertical: VerticalId, now: domain::time::Timestamp) -> lead::ActiveModel {
    lead::ActiveModel {
        id: Set(stall.lead.0),
        seller_id: Set(stall.seller.0),
        vertical_id: Set(vertical.0),
        vertical_version: Set(1),
        audience: Set("CONSUMER".into()),
        contact_kind: Set("QUICK".into()),
        interest: Set("CALLBACK".into()),
        offering: Set("CONSUMER_DEMOGRAPHIC".into()),
        source_kind: Set("DIRECT".into()),
        source: Set(json!({})),
        country: Set("PT".into()),
        attributes: Set(json!({})),
        channels: Set(json!([])),
        consent: Set(json!({})),
        session: Set(json!({})),
        fingerprint: Set(stall.lead.0.as_bytes().to_vec()),
        synthetic: Set(true),
        state: Set("VERIFIED".into()),
        level: Set("FORMAT".into()),
        score: Set(50),
        temperature: Set("WARM".into()),
        score_reasons: Set(json!([])),
        checks: Set(json!([])),
        captured_at: Set(now),
        created_at: Set(now),
        updated_at: Set(now),
        version: Set(0),
        ..Default::default()
    }
}

fn listing_row(stall: Stall, vertical: VerticalId, max_sales: i64, now: domain::time::Timestamp) -> listing::ActiveModel {
    listing::ActiveModel {
        id: Set(stall.listing.0),
        lead_id: Set(stall.lead.0),
        seller_id: Set(stall.seller.0),
        vertical_id: Set(vertical.0),
        format: Set("FIXED".into()),
        terms: Set(json!({})),
        currency: Set("EUR".into()),
        price_minor: Set(1000),
        max_sales: Set(max_sales),
        sold_count: Set(0),
        sold_exclusive: Set(false),
        state: Set("SOLD".into()),
        opens_at: Set(now),
        closes_at: Set(now),
        created_at: Set(now),
        version: Set(0),
        ..Default::default()
    }
}

/// An open bid on the stall, with its money reserved.
pub async fn bid(x: &Exchange, stall: Stall, buyer: OrganizationId, minor: i64) -> Result<BidId, WriteError> {
    let id: BidId = x.app.store.id();
    let now = x.app.store.now();
    let journal = event::bid_reserve(id, buyer, eur(minor)).unwrap();
    let row = bid::ActiveModel {
        id: Set(id.0),
        listing_id: Set(stall.listing.0),
        buyer_id: Set(buyer.0),
        shared_minor: Set(Some(minor)),
        reserved_minor: Set(minor),
        state: Set("OPEN".into()),
        placed_at: Set(now),
        version: Set(0),
        ..Default::default()
    };
    x.app
        .store
        .write("bid", move |tx| {
            let (row, journal) = (row.clone(), journal.clone());
            async move {
                bid::Entity::insert(row).exec_without_returning(tx.db()).await?;
                ledger::post(&tx, &journal, Note::default()).await?;
                Ok(id)
            }
        })
        .await
}

/// Sells the stall's lead.
pub async fn sell(app: &Arc<App>, stall: Stall, buyer: OrganizationId, minor: i64) -> Result<Trade, WriteError> {
    let sale = sale(app.store.id(), stall, buyer, minor);
    app.store
        .write("sell", move |tx| {
            let sale = sale.clone();
            async move {
                let trade = trade_open(&tx, &sale, &HoldTerms::default()).await?;
                let sold = listing::Entity::update_many()
                    .col_expr(listing::Column::SoldCount, Expr::col(listing::Column::SoldCount).add(1))
                    .filter(listing::Column::Id.eq(stall.listing.0));
                sold.exec(tx.db()).await?;
                Ok(trade)
            }
        })
        .await
}

pub fn sale(trade: TradeId, stall: Stall, buyer: OrganizationId, minor: i64) -> Sale {
    Sale {
        trade,
        listing: stall.listing,
        lead: stall.lead,
        seller: stall.seller,
        buyer,
        exclusive: false,
        price: eur(minor),
        commission_bp: 1000,
        hold_secs: 7 * DAY,
        paid_from: PaidFrom::Available,
    }
}

/// Runs one of the holds' functions in a transaction of its own.
macro_rules! on_trade {
    ($app:expr, $function:path, $id:expr $(, $argument:expr)*) => {{
        let id = $id;
        let done: Result<store::trades::Trade, store::WriteError> =
            $app.store.write("on_trade", move |tx| async move { $function(&tx, id $(, $argument)*).await }).await;
        done
    }};
}
pub(crate) use on_trade;

/// The balance of an organization's account.
pub async fn balance(x: &Exchange, organization: OrganizationId, kind: AccountKind) -> i64 {
    let wallet = x.app.store.wallet(organization).await.unwrap();
    let balances = wallet.balances.get(&EUR).copied().unwrap_or_default();
    match kind {
        AccountKind::Available => balances.available_minor,
        AccountKind::Reserved => balances.reserved_minor,
        AccountKind::Escrow => balances.escrow_minor,
        AccountKind::Payout => balances.payout_minor,
        _ => -balances.owed_minor,
    }
}

/// The balances and versions of every account.
pub async fn accounts(x: &Exchange) -> std::collections::BTreeMap<Account, (i64, i64)> {
    let rows = store::entity::account::Entity::find().all(x.app.store.read()).await.unwrap();
    rows.into_iter()
        .map(|row| {
            let account = Account {
                kind: row.kind.parse().unwrap(),
                organization: row.organization_id.map(OrganizationId::from),
                currency: row.currency.parse().unwrap(),
                stripe: row.stripe_no.try_into().unwrap(),
            };
            (account, (row.balance_minor, row.version))
        })
        .collect()
}

/// Asserts that every invariant holds.
pub async fn assert_clean(x: &Exchange) {
    let report = x.app.store.ledger_verify().await.unwrap();
    assert_eq!(report.first_broken(), None);
}

/// The code of a refusal.
pub fn refusal<T: std::fmt::Debug>(result: Result<T, WriteError>) -> domain::refusal::Code {
    match result.unwrap_err() {
        WriteError::Refused(refusals) => refusals[0].code,
        WriteError::Store(error) => panic!("{error}"),
    }
}
