//! Buyers with full wallets, sellers, and as many listings as are bought, written in bulk before the clock starts.

use std::sync::Arc;

use api::app::App;
use domain::access::{Principal, Role};
use domain::clearing::SaleKind;
use domain::id::{LeadId, ListingId, OrganizationId, UserId, VerticalId};
use domain::ledger::{AccountKind, event};
use domain::listing::Terms;
use domain::money::{Currency, Money};
use domain::time::{Timestamp, plus_secs};
use store::WriteError;
use store::entity::{lead, lead_key, listing, organization};
use store::ledger::{Ledger, Note};
use store::sea_orm::ActiveValue::Set;
use store::sea_orm::{ConnectionTrait, EntityTrait};

use super::Sellers;
use crate::Failure;
use crate::stage::{Company, caller};

/// Rows in one statement: a lead has 40 columns, and a statement at most 32,766 values.
const CHUNK: usize = 500;

/// What every purchase costs, in cents.
pub(super) const PRICE_MINOR: i64 = 100;

/// What each wallet begins with, in cents.
const WALLET_MINOR: i64 = 1_000_000_000;

/// Sellers among whom the listings are spread.
const SELLERS: usize = 256;

/// Those who trade.
pub(super) struct Market {
    buyers: Vec<Company>,
    sellers: Vec<OrganizationId>,
    vertical: VerticalId,
}

impl Market {
    /// Makes the organizations and fills the wallets.
    pub(super) async fn open(app: &Arc<App>, buyers: usize) -> Result<Self, Failure> {
        let ids: Vec<OrganizationId> = (0..buyers.saturating_add(SELLERS)).map(|_| app.store.id()).collect();
        let now = app.store.now();
        let opened: Result<(), WriteError> = app
            .store
            .write("bench_market", |tx| {
                let ids = ids.clone();
                async move {
                    for ids in ids.chunks(CHUNK) {
                        let rows = ids.iter().map(|id| company(*id, now));
                        organization::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
                    }
                    let funds = Money::new(WALLET_MINOR, Currency::EUR);
                    let fill = |id: &OrganizationId| event::deposit(tx.id(), *id, AccountKind::ExternalBank, funds, 0);
                    let journals = ids.iter().take(buyers).map(fill).collect::<Result<Vec<_>, _>>();
                    let journals = journals.map_err(store::StoreError::corrupt)?;
                    let mut ledger = Ledger::lock(&tx, journals.iter().flat_map(|journal| journal.accounts())).await?;
                    for journal in &journals {
                        ledger.record(journal, Note::default())?;
                    }
                    ledger.flush().await
                }
            })
            .await;
        opened?;
        let vertical = app.store.vertical_at(&"travel/tour".parse()?).await?.ok_or("the starter set lacks travel/tour")?.id;
        let sellers = ids.get(buyers..).unwrap_or_default().to_vec();
        let member = |organization: &OrganizationId| {
            let principal = Principal::Member { user: UserId(organization.0), organization: *organization, role: Role::Owner };
            Company { organization: *organization, caller: caller(principal) }
        };
        Ok(Self { buyers: ids.iter().take(buyers).map(member).collect(), sellers, vertical })
    }

    /// The first `count` buyers.
    pub(super) fn buyers(&self, count: usize) -> &[Company] {
        self.buyers.get(..count).unwrap_or_default()
    }

    /// New listings of verified leads, each of another person with a phone and a mail address.
    pub(super) async fn list(&self, app: &Arc<App>, count: usize, sellers: Sellers) -> Result<Vec<ListingId>, Failure> {
        let now = app.store.now();
        let spread = match sellers {
            Sellers::Many => self.sellers.len(),
            Sellers::One => 1,
        };
        let turns = self.sellers.iter().take(spread).cycle().take(count);
        let stall = |seller: &OrganizationId| {
            let (lead, listing) = (app.store.id(), app.store.id());
            Stall { lead, listing, seller: *seller, vertical: self.vertical, now }
        };
        let stalls: Vec<Stall> = turns.map(stall).collect();
        for stalls in stalls.chunks(CHUNK) {
            let listed: Result<(), WriteError> = app
                .store
                .write("bench_list", |tx| async move {
                    lead::Entity::insert_many(stalls.iter().map(Stall::lead)).exec_without_returning(tx.db()).await?;
                    lead_key::Entity::insert_many(stalls.iter().flat_map(Stall::keys)).exec_without_returning(tx.db()).await?;
                    let rows = stalls.iter().map(Stall::listing).collect::<Result<Vec<_>, _>>();
                    let rows = rows.map_err(store::StoreError::corrupt)?;
                    listing::Entity::insert_many(rows).exec_without_returning(tx.db()).await?;
                    Ok(())
                })
                .await;
            listed?;
        }
        let known: Result<(), WriteError> = app
            .store
            .write("bench_analyze", |tx| async move {
                tx.db().execute_unprepared("ANALYZE").await?;
                Ok(())
            })
            .await;
        known?;
        Ok(stalls.iter().map(|stall| stall.listing).collect())
    }
}

/// A lead and its listing.
struct Stall {
    lead: LeadId,
    listing: ListingId,
    seller: OrganizationId,
    vertical: VerticalId,
    now: Timestamp,
}

impl Stall {
    fn lead(&self) -> lead::ActiveModel {
        let empty = || Set(serde_json::json!({}));
        lead::ActiveModel {
            id: Set(self.lead.0),
            seller_id: Set(self.seller.0),
            vertical_id: Set(self.vertical.0),
            vertical_version: Set(1),
            audience: Set("CONSUMER".into()),
            contact_kind: Set("QUICK".into()),
            interest: Set("CALLBACK".into()),
            offering: Set("CONSUMER_DEMOGRAPHIC".into()),
            source_kind: Set("DIRECT".into()),
            source: empty(),
            country: Set("PT".into()),
            attributes: empty(),
            channels: Set(serde_json::json!([])),
            consent: empty(),
            session: empty(),
            fingerprint: Set(self.lead.0.as_bytes().to_vec()),
            synthetic: Set(true),
            state: Set("VERIFIED".into()),
            level: Set("FORMAT".into()),
            score: Set(50),
            temperature: Set("WARM".into()),
            score_reasons: Set(serde_json::json!([])),
            checks: Set(serde_json::json!([])),
            captured_at: Set(self.now),
            created_at: Set(self.now),
            updated_at: Set(self.now),
            version: Set(0),
            ..Default::default()
        }
    }

    fn keys(&self) -> [lead_key::ActiveModel; 2] {
        [("PHONE", self.lead.0), ("EMAIL", self.listing.0)].map(|(kind, hash)| lead_key::ActiveModel {
            lead_id: Set(self.lead.0),
            kind: Set(kind.into()),
            hash: Set(hash.as_bytes().to_vec()),
            seller_id: Set(self.seller.0),
            created_at: Set(self.now),
        })
    }

    fn listing(&self) -> Result<listing::ActiveModel, serde_json::Error> {
        let terms = Terms::Fixed { shared_minor: None, exclusive_minor: Some(PRICE_MINOR) };
        Ok(listing::ActiveModel {
            id: Set(self.listing.0),
            lead_id: Set(self.lead.0),
            seller_id: Set(self.seller.0),
            vertical_id: Set(self.vertical.0),
            format: Set(terms.format().as_str().into()),
            terms: Set(serde_json::to_value(&terms)?),
            currency: Set(Currency::EUR.code().into()),
            price_minor: Set(terms.price_at(SaleKind::Exclusive, self.now, self.now).unwrap_or(PRICE_MINOR)),
            max_sales: Set(1),
            sold_count: Set(0),
            sold_exclusive: Set(false),
            state: Set("OPEN".into()),
            opens_at: Set(self.now),
            closes_at: Set(plus_secs(self.now, 86_400)),
            created_at: Set(self.now),
            version: Set(0),
            ..Default::default()
        })
    }
}

fn company(id: OrganizationId, now: Timestamp) -> organization::ActiveModel {
    organization::ActiveModel {
        id: Set(id.0),
        name: Set(format!("Company {id}")),
        country: Set("PT".into()),
        time_zone: Set("Europe/Lisbon".into()),
        locale: Set("en".into()),
        status: Set("ACTIVE".into()),
        created_at: Set(now),
        version: Set(0),
        ..Default::default()
    }
}
